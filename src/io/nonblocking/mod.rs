//! Everything that waits without blocking: the high-level client for tasks, and connections and
//! servers over the streams of tokio and of every other runtime.

pub(super) mod client;
#[cfg(any(feature = "tokio", feature = "futures-io"))]
mod connection;
#[cfg(any(feature = "tokio", feature = "futures-io"))]
pub(super) mod drive;
pub(super) mod driven;
#[cfg(feature = "futures-io")]
pub mod futures_io;
#[cfg(any(feature = "tokio", feature = "futures-io"))]
pub(super) mod serve;
#[cfg(feature = "skills")]
mod skills;
#[cfg(any(feature = "futures-io", feature = "http-client"))]
pub(super) mod sleep_timer;
pub(super) mod task;
pub(super) mod threaded;
#[cfg(any(feature = "tokio", feature = "futures-io", feature = "http-client"))]
pub(super) mod timer;
#[cfg(feature = "tokio")]
pub mod tokio;

pub use client::{AsyncClient, AsyncDriver};
#[cfg(any(feature = "tokio", feature = "futures-io"))]
pub use connection::Connection;
pub use driven::Drive;
#[cfg(any(feature = "tokio", feature = "futures-io"))]
pub use serve::AsyncServeOptions;
pub use task::{AsyncTask, Started};
pub use threaded::Threaded;
