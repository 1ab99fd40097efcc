//! A handler that is a future.
//!
//! Rules of this file: one that panics, even while it is dropped, costs its own result.

use core::task::{Context, Poll};

use super::panics::catch_panic;
use crate::server::{Begun, Job, JobId, JobTicket, Outcome};

/// A handler that runs as a future. Dropping it drops the handler and leaves its request open.
pub(super) struct Task {
    job: JobId,
    ticket: JobTicket,
    stage: Stage,
}

enum Stage {
    Waits(Job),
    Runs(Begun),
    Over,
}

impl Task {
    /// A handler that begins at the first poll. Its effects go where the job has them go.
    pub(super) fn new(job: Job) -> Self {
        Self {
            job: job.id(),
            ticket: job.ticket(),
            stage: Stage::Waits(job),
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
        // An outcome is large: it is put where it stays.
        let mut polled = Poll::Pending;
        let has_run = catch_panic(|| {
            if let Stage::Waits(_) = self.stage
                && let Stage::Waits(job) = core::mem::replace(&mut self.stage, Stage::Over)
            {
                self.stage = Stage::Runs(job.begin());
            }
            match &mut self.stage {
                Stage::Runs(begun) => {
                    polled = begun.poll(cx);
                    true
                }
                _ => false,
            }
        });
        if has_run != Some(true) {
            polled = Poll::Ready(self.abandoned());
        }
        polled
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        catch_panic(|| self.stage = Stage::Over);
    }
}
