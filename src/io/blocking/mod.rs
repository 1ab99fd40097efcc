//! Everything that blocks: a connection over any `Read` and `Write`, the high-level client for
//! threads, and a server whose handlers run on a bounded pool.

#[cfg(feature = "client")]
mod canceller;
#[cfg(feature = "client")]
pub(super) mod client;
pub(super) mod connection;
#[cfg(feature = "client")]
mod drivers;
pub mod pool;
#[cfg(feature = "server")]
mod requests;
#[cfg(feature = "server")]
pub(super) mod serve;
#[cfg(all(feature = "client", feature = "skills"))]
mod skills;
mod socket;
#[cfg(feature = "client")]
mod task;
pub(super) mod threads;

#[cfg(feature = "client")]
pub use super::nonblocking::Started;
#[cfg(feature = "client")]
pub use canceller::Canceller;
#[cfg(feature = "client")]
pub use client::BlockingClient;
pub use connection::{Connection, Drive};
#[cfg(feature = "server")]
pub use requests::{RequestContext, serve};
#[cfg(feature = "server")]
pub use serve::{ServeOptions, serve_connection, serve_stdio};
#[cfg(feature = "client")]
pub use task::BlockingTask;
