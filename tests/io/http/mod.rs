//! A server behind HTTP stacks: the service by itself, without a socket, and on one.

mod bounds;
mod dropped;
mod ending;
mod exchanges;
#[cfg(feature = "hyper")]
mod loopback;
mod machines;
mod sessions;
