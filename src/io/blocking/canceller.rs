//! Gives up operations that a thread waits for, from another thread.

use alloc::collections::BTreeMap;
use core::fmt;
use core::future::poll_fn;
use core::pin::pin;
use core::task::{Poll, Waker};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::client::ClientError;

/// Cancels the operations of a [`BlockingClient`](super::BlockingClient) from any thread. Cheap to
/// clone; all clones are one.
///
/// ```no_run
/// # fn run(client: mcp_proto::io::blocking::BlockingClient) {
/// use mcp_proto::io::blocking::Canceller;
///
/// let canceller = Canceller::new();
/// let cancellable = client.with_canceller(&canceller);
/// let call = std::thread::spawn(move || cancellable.call_tool("slow", &serde_json::json!({})));
/// canceller.cancel();
/// # }
/// ```
#[derive(Clone, Default)]
pub struct Canceller(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    is_cancelled: bool,
    next: u64,
    waiting: BTreeMap<u64, Waker>,
}

impl Canceller {
    /// Creates a canceller that hasn't been used.
    pub fn new() -> Self {
        Self::default()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Cancels what is under way and whatever is begun later: it ends with
    /// [`ClientError::Cancelled`], and the server is notified if it knows of the operation.
    pub fn cancel(&self) {
        let mut state = self.lock();
        state.is_cancelled = true;
        let waiting = core::mem::take(&mut state.waiting);
        drop(state);
        for (_, waker) in waiting {
            waker.wake();
        }
    }

    /// Returns whether [`cancel`](Self::cancel) was called.
    pub fn is_cancelled(&self) -> bool {
        self.lock().is_cancelled
    }

    fn place(&self) -> Place<'_> {
        let mut state = self.lock();
        state.next += 1;
        Place(self, state.next)
    }

    /// Waits for `operation`, which is dropped when this is cancelled.
    pub(super) async fn or_cancelled<T>(
        &self,
        operation: impl Future<Output = Result<T, ClientError>>,
    ) -> Result<T, ClientError> {
        let mut operation = pin!(operation);
        let place = self.place();
        poll_fn(|cx| {
            let mut state = self.lock();
            if state.is_cancelled {
                return Poll::Ready(Err(ClientError::Cancelled));
            }
            state.waiting.insert(place.1, cx.waker().clone());
            drop(state);
            operation.as_mut().poll(cx)
        })
        .await
    }
}

/// The place of one operation among those that wait.
struct Place<'a>(&'a Canceller, u64);

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let waker = self.0.lock().waiting.remove(&self.1);
        drop(waker);
    }
}

impl fmt::Debug for Canceller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Canceller")
            .field("is_cancelled", &self.is_cancelled())
            .finish_non_exhaustive()
    }
}
