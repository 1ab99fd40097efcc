//! Threads for what blocks. They are detached, and a panic ends the thread it is on and nothing else.

use alloc::boxed::Box;
use alloc::format;
use alloc::sync::Arc;
use std::{io, thread};

use super::panics::{catch_panic, try_run};
use super::slot::Slot;

/// Starts a detached thread. A panic ends that thread and nothing else.
pub(super) fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> io::Result<()> {
    spawn_boxed(name, Box::new(run))
}

// The standard library's part of it is long, and is compiled once so.
fn spawn_boxed(name: &str, run: Box<dyn FnOnce() + Send>) -> io::Result<()> {
    let run = move || {
        catch_panic(run);
    };
    let spawned = thread::Builder::new().name(name.into()).spawn(run);
    spawned
        .map(drop)
        .map_err(|error| io::Error::new(error.kind(), format!("no thread for the {name}: {error}")))
}

/// Runs what blocks on a thread of its own at once; the future waits for what it gives.
///
/// Gives an error if there is no thread, and one with the panic's message if `run` has panicked. Nobody
/// is left to take what comes when the future was dropped: it is dropped on the thread.
pub(super) fn on_thread<T: Send + 'static>(
    name: &str,
    run: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> impl Future<Output = io::Result<T>> + Send {
    let slot = Slot::new();
    let place = Arc::clone(&slot);
    let spawned = spawn(name, move || {
        let done = try_run(run);
        place.put(done.unwrap_or_else(|message| Err(io::Error::other(message))));
    });
    async move {
        spawned?;
        slot.wait().await
    }
}
