//! Waiting for many futures at once.

use alloc::vec::Vec;
use core::future::poll_fn;
use core::task::Poll;

/// Waits until all of them are ready. What they give is dropped.
pub(super) async fn all<F: Future + Unpin>(mut futures: Vec<F>) {
    poll_fn(|cx| {
        futures.retain_mut(|future| core::pin::Pin::new(future).poll(cx).is_pending());
        match futures.is_empty() {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    })
    .await;
}
