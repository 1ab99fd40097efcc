//! Behaviour of the two sessions, driven in memory with time as a value: one binary, a file a topic.

mod batch;
mod calls;
mod config;
mod conformity;
mod elicitation;
mod envelope;
mod era;
mod examples;
mod filled;
mod frame;
mod handshake;
mod ids;
mod ignored;
mod input;
mod meta;
mod negotiate;
mod peek;
mod prompts;
mod resources;
mod roots;
mod sampling;
mod save;
mod support;
mod through;
mod tools;
