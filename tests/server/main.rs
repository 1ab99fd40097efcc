//! The high-level server, driven in memory: handlers on every revision, with time as a value.

mod handlers;
mod support;
