//! The adapters with real pipes, threads, processes and runtimes, around a session that knows only
//! frames.

#![allow(
    clippy::disallowed_methods,
    reason = "these tests are about threads and clocks"
)]

mod blocking;
mod callbacks;
#[cfg(all(feature = "child", unix))]
mod child;
#[cfg(all(feature = "child", unix))]
mod child_client;
mod contract;
#[cfg(feature = "tokio")]
mod dropped;
#[cfg(feature = "futures-io")]
mod futures_io;
mod handlers;
mod hostile_servers;
#[cfg(feature = "http")]
mod http;
#[cfg(all(feature = "child", unix))]
mod openings;
#[cfg(all(feature = "poet", unix))]
mod poet;
mod pool;
#[cfg(all(feature = "child", unix))]
mod program;
mod serve;
#[cfg(unix)]
mod served;
#[cfg(target_os = "linux")]
mod sockets;
mod testing;
#[cfg(feature = "tokio")]
mod tokio;
mod toy;
