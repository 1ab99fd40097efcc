//! Serves one client over the streams of tokio.

use std::io;

use ::tokio::io::{AsyncRead, AsyncWrite, stdin, stdout};

use super::super::serve::AsyncServeOptions;
use super::Connection;
use crate::server::{Async, Server};

/// Serves one client of `server` over two streams until it leaves.
///
/// No task is spawned: handlers that are futures run within this one, blocking handlers on threads
/// beside it. Returns an error with what a stream failed with, and if [`check`](Server::check)
/// does.
// Not `async`, since such a function keeps its arguments twice for as long as it runs.
pub fn serve<R, W>(
    server: impl Into<Server<Async>>,
    reader: R,
    writer: W,
    options: AsyncServeOptions,
) -> impl Future<Output = io::Result<()>>
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    let connection = Connection::new(server.into().service(), reader, writer);
    super::super::serve::serve(connection, options)
}

impl Server<Async> {
    /// Serves one client on the standard streams of this process until it leaves. See [`serve`].
    ///
    /// Nothing else may write to standard output meanwhile.
    // `stdio.stdout.pure`
    pub async fn serve_stdio(self) -> io::Result<()> {
        let options = AsyncServeOptions::default();
        serve(self, stdin(), stdout(), options).await
    }
}
