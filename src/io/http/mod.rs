//! Adapters between sessions and HTTP stacks. The codec itself, which does no I/O, is
//! [`http`](crate::http).

mod server;

pub use server::*;
