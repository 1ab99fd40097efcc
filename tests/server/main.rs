//! The high-level server, driven in memory: handlers on every revision, with time as a value.

#[cfg(feature = "tokio")]
mod asynchronous;
mod handlers;
mod support;
