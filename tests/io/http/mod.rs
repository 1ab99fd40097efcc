//! A server behind HTTP stacks: the service by itself, without a socket, and on one.

mod bounds;
#[cfg(feature = "hyper")]
mod crowd;
mod dropped;
mod ending;
mod exchanges;
#[cfg(feature = "hyper")]
mod loopback;
mod machines;
mod odd;
mod outages;
mod protected;
mod sessions;
