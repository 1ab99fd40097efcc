//! The high-level server, driven in memory: handlers on every revision, with time as a value.

#[cfg(feature = "tokio")]
mod asynchronous;
#[cfg(feature = "tracing")]
#[path = "../collector.rs"]
mod collector;
mod definitions;
mod handlers;
mod machine;
mod offered;
mod order;
mod rows;
#[cfg(feature = "jsonschema")]
mod schemas;
#[cfg(feature = "seal")]
mod sealed;
mod support;
#[cfg(feature = "tracing")]
mod traced;
#[cfg(feature = "schemars")]
mod typed;
#[allow(dead_code, reason = "other test binaries look deeper into it")]
#[path = "../wire/mod.rs"]
mod wire;
