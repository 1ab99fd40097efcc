//! Everything that waits without blocking: the high-level client for tasks, and connections and
//! servers over the streams of tokio and of every other runtime.

#[cfg(feature = "client")]
pub(super) mod client;
#[cfg(any(feature = "tokio", feature = "futures-io"))]
mod connection;
#[cfg(any(feature = "tokio", feature = "futures-io"))]
pub(super) mod drive;
#[cfg(any(feature = "client", feature = "tokio", feature = "futures-io"))]
pub(super) mod driven;
#[cfg(feature = "futures-io")]
pub mod futures_io;
#[cfg(any(feature = "tokio", feature = "futures-io"))]
mod knock;
#[cfg(all(feature = "server", any(feature = "tokio", feature = "futures-io")))]
pub(super) mod serve;
#[cfg(all(feature = "client", feature = "skills"))]
mod skills;
#[cfg(any(feature = "futures-io", feature = "http-client"))]
pub(super) mod sleep_timer;
#[cfg(feature = "client")]
pub(super) mod task;
#[cfg(feature = "client")]
pub(super) mod threaded;
#[cfg(any(feature = "tokio", feature = "futures-io", feature = "http-client"))]
pub(super) mod timer;
#[cfg(feature = "tokio")]
pub mod tokio;

#[cfg(feature = "client")]
pub use client::{AsyncClient, AsyncDriver};
#[cfg(any(feature = "tokio", feature = "futures-io"))]
pub use connection::Connection;
#[cfg(any(feature = "client", feature = "tokio", feature = "futures-io"))]
pub use driven::Drive;
#[cfg(all(feature = "server", any(feature = "tokio", feature = "futures-io")))]
pub use serve::AsyncServeOptions;
#[cfg(feature = "client")]
pub use task::{AsyncTask, Started};
#[cfg(feature = "client")]
pub use threaded::Threaded;
