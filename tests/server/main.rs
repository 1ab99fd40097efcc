//! The high-level server, driven in memory: handlers on every revision, with time as a value.

#[cfg(feature = "derive")]
mod arguments;
#[cfg(feature = "tokio")]
mod asynchronous;
mod definitions;
mod handlers;
mod hooks;
mod machine;
mod mounted;
mod offered;
mod order;
mod rows;
#[cfg(feature = "jsonschema")]
mod schemas;
#[cfg(feature = "seal")]
mod sealed;
#[cfg(feature = "schemars")]
mod short;
mod tasks;
#[cfg(feature = "tracing")]
mod traced;
#[cfg(feature = "schemars")]
mod typed;
