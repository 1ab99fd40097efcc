//! Behaviour of the two sessions, driven in memory with time as a value: one binary, a file a topic.

mod conformity;
mod envelope;
mod handshake;
mod save;
mod support;
