//! Adapters between sessions and HTTP stacks. The codec itself, which does no I/O, is
//! [`http`](crate::http).

#[cfg(feature = "http-client")]
mod client;
#[cfg(feature = "http")]
mod server;

#[cfg(feature = "http-client")]
pub use client::*;
#[cfg(feature = "http")]
pub use server::*;
