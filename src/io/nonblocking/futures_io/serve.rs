//! Serves one client over the streams of the `futures` family.

use core::time::Duration;
use std::io;

use ::futures_io::{AsyncRead, AsyncWrite};

use super::super::serve::AsyncServeOptions;
use super::Connection;
use crate::server::{Async, Server};

/// Serves one client of `server` over two streams until it leaves; `sleep` is the runtime's.
///
/// Nothing is spawned: handlers run within this future, and dropping it drops them and the
/// connection. Returns an error if a stream fails, or if [`check`](Server::check) does.
// Not `async`, since such a function keeps its arguments twice for as long as it runs.
pub fn serve<R, W, T, F>(
    server: impl Into<Server<Async>>,
    reader: R,
    writer: W,
    sleep: T,
    options: AsyncServeOptions,
) -> impl Future<Output = io::Result<()>>
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
    T: Fn(Duration) -> F,
    F: Future<Output = ()>,
{
    let connection = Connection::new(server.into().service(), reader, writer, sleep);
    super::super::serve::serve(connection, options)
}
