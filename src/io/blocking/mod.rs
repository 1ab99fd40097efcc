//! Everything that blocks: a connection over any `Read` and `Write`, the high-level client for
//! threads, and a server whose handlers run on a bounded pool.

mod canceller;
pub(super) mod client;
pub(super) mod connection;
mod drivers;
pub mod pool;
mod requests;
pub(super) mod serve;
#[cfg(feature = "skills")]
mod skills;
mod socket;
mod task;
pub(super) mod threads;

pub use super::nonblocking::Started;
pub use canceller::Canceller;
pub use client::BlockingClient;
pub use connection::{Connection, Drive};
pub use requests::{RequestContext, serve};
pub use serve::{ServeOptions, serve_connection, serve_stdio};
pub use task::BlockingTask;
