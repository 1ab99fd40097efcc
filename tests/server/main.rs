//! The high-level server, driven in memory: handlers on every revision, with time as a value.

#[cfg(feature = "tokio")]
mod asynchronous;
mod handlers;
#[cfg(feature = "seal")]
mod sealed;
mod support;
#[allow(dead_code, reason = "other test binaries look deeper into it")]
#[path = "../wire/mod.rs"]
mod wire;
