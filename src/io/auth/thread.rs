//! What may block, on a thread of its own.

use alloc::string::{String, ToString};
use alloc::sync::Arc;

use super::super::blocking::threads::spawn;
use super::super::slot::Slot;

/// Runs `act` on a thread of its own. Returns an error if there is none, or `act` has panicked.
pub(super) fn on_thread<T: Send + 'static>(
    act: impl FnOnce() -> T + Send + 'static,
) -> impl Future<Output = Result<T, String>> + Send {
    /// Whoever waits is told, even if the thread ends early.
    struct Promise<T>(Arc<Slot<Option<T>>>);
    impl<T> Drop for Promise<T> {
        fn drop(&mut self) {
            self.0.put(None);
        }
    }
    let slot = Slot::new();
    let promise = Promise(Arc::clone(&slot));
    let spawned = spawn("mcp authorization", move || promise.0.put(Some(act())));
    async move {
        spawned.map_err(|error| error.to_string())?;
        let done = slot.wait().await;
        done.ok_or_else(|| "it has panicked".into())
    }
}
