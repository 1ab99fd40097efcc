//! Servers behind HTTP stacks: a server that does what a test tells it to, and a client without a
//! socket.

pub mod client;
pub mod server;
