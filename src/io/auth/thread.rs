//! What may block, on a thread of its own.

use alloc::string::{String, ToString};
use core::fmt::Display;
use std::io;

use super::super::thread;

/// Does what the host does on a thread of its own; the future gives what came of it, or in words what
/// went wrong.
pub(super) fn on_thread<T: Send + 'static, E: Display>(
    act: impl FnOnce() -> Result<T, E> + Send + 'static,
) -> impl Future<Output = Result<T, String>> + Send {
    let done = thread::on_thread("mcp authorization", || {
        act().map_err(|error| io::Error::other(error.to_string()))
    });
    async { done.await.map_err(|error| error.to_string()) }
}
