//! A handler that is a future.
//!
//! Rules of this file: one that panics, even while it is dropped, costs its own result.

use alloc::boxed::Box;
use core::pin::Pin;
use core::task::{Context, Poll};

use super::jobs::{ServiceAccess, with_effects};
use super::panics::catch_panic;
use crate::server::{Job, JobId, JobTicket, Outcome};

/// A handler that runs as a future. Dropping it drops the handler and leaves its request open.
pub(super) struct Task {
    job: JobId,
    ticket: JobTicket,
    future: Option<Pin<Box<dyn Future<Output = Outcome> + Send>>>,
}

impl Task {
    pub(super) fn new(service: &impl ServiceAccess, job: Job) -> Self {
        Self {
            job: job.id(),
            ticket: job.ticket(),
            future: Some(Box::pin(with_effects(service, job).start())),
        }
    }

    pub(super) const fn job(&self) -> JobId {
        self.job
    }

    /// The outcome if it is dropped before it has ended.
    pub(super) fn abandoned(&self) -> Outcome {
        self.ticket.clone().panicked()
    }

    /// Moves the handler on. Not to be polled again once it is ready.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Outcome> {
        let Some(future) = &mut self.future else {
            return Poll::Ready(self.abandoned());
        };
        match catch_panic(|| future.as_mut().poll(cx)) {
            Some(poll) => poll,
            None => Poll::Ready(self.abandoned()),
        }
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        let future = self.future.take();
        catch_panic(|| drop(future));
    }
}
