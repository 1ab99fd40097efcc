//! The Model Context Protocol as a sans-IO state machine.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(feature = "std")]
extern crate std;

pub mod frame;
#[cfg(feature = "std")]
pub mod io;
pub mod limits;
pub mod model;
pub mod revision;
pub mod rpc;
pub mod session;
pub mod time;

pub use limits::Limits;
pub use revision::{Era, Revision};
pub use time::Instant;
