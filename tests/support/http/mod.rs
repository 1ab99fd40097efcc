//! Servers behind HTTP stacks: a server that does what a test tells it to, and a client without a
//! socket.

#![allow(
    clippy::disallowed_methods,
    reason = "these servers are about threads and clocks"
)]

pub mod client;
#[cfg(feature = "hyper")]
pub mod loopback;
pub mod machines;
pub mod server;
