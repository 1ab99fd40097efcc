//! A handler that is a future and runs on a task of its own, since the session that it answers to
//! outlives connections.
//!
//! Rules of this file: it is dropped as soon as nobody wants its outcome any more; its request is
//! answered even if the task is dropped by its runtime.

use alloc::boxed::Box;
use alloc::sync::Arc;
use core::pin::Pin;
use core::task::{Context, Poll, Waker};
use std::sync::{Mutex, PoisonError};

use super::super::super::jobs::{ServiceAccess, with_effects};
use super::super::super::task::Task;
use crate::server::{Job, JobId, Outcome};

/// A handler as a task of whatever runtime there is.
pub type HandlerFuture = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Who has started a handler.
pub(super) trait Starter: ServiceAccess {
    /// A handler has ended, or is about to be dropped.
    fn ended(&self, job: JobId);
}

/// Ends a handler from outside.
#[derive(Default)]
pub(super) struct Abort(Mutex<(bool, Option<Waker>)>);

impl Abort {
    pub(super) fn abort(&self) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.0 = true;
        let waker = state.1.take();
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    fn poll(&self, cx: &Context<'_>) -> bool {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !state.0 {
            state.1 = Some(cx.waker().clone());
        }
        state.0
    }
}

pub(super) struct Detached<S: Starter> {
    task: Option<Task>,
    starter: S,
    abort: Arc<Abort>,
}

impl<S: Starter + Unpin> Detached<S> {
    /// Makes a task of a job.
    pub(super) fn start(starter: &S, job: Job, abort: Arc<Abort>) -> HandlerFuture {
        Box::pin(Self {
            task: Some(Task::new(with_effects(starter, job))),
            starter: starter.clone(),
            abort,
        })
    }
}

impl<S: Starter> Detached<S> {
    fn finish(&mut self, outcome: Option<Outcome>) {
        let Some(task) = self.task.take() else {
            return;
        };
        self.starter.ended(task.job());
        drop(task);
        if let Some(outcome) = outcome {
            self.starter.with_service(|service, now| {
                service.handle_outcome(now, outcome);
            });
        }
    }
}

impl<S: Starter + Unpin> Future for Detached<S> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        if this.abort.poll(cx) {
            this.finish(None);
            return Poll::Ready(());
        }
        let Some(task) = &mut this.task else {
            return Poll::Ready(());
        };
        task.poll(cx).map(|outcome| this.finish(Some(outcome)))
    }
}

impl<S: Starter> Drop for Detached<S> {
    fn drop(&mut self) {
        let abandoned = self.task.as_ref().map(Task::abandoned);
        self.finish(abandoned);
    }
}
