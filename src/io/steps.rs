//! Tasks while they run: their steps go from thread to thread, or to the runtime if a handler is a
//! future, whatever becomes of the connection that they came from; and one thread gives signs of life
//! for all of them.
//!
//! Rules of this file: a step that panics, even while it is dropped, costs its own task; nothing here
//! keeps a server alive that is gone otherwise.

use alloc::boxed::Box;
use core::pin::Pin;
use core::task::{Context, Poll};
use std::thread;

use super::block_on::block_on;
use super::blocking::pool::Job;
use super::panics::catch_panic;
use super::thread::spawn;
use crate::server::{TaskKeeper, TaskStep, TaskTicket};

/// A handler that is a future, and runs as a task.
pub(super) type StepFuture = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Where the steps of tasks run. What is run there once that is gone is dropped.
pub(super) trait RunsTasks: Clone + Send + Sync + Unpin + 'static {
    /// Runs a job on a thread.
    fn run(&self, job: Job);

    /// Runs a future on the runtime.
    fn spawn(&self, future: StepFuture);
}

/// Runs a step, and those that follow it.
pub(super) fn run_task(on: &impl RunsTasks, step: TaskStep) {
    keep(&step.keeper());
    if step.is_async() {
        return on.spawn(Box::pin(Running {
            ticket: Some(step.ticket()),
            future: Some(Box::pin(step.start())),
            on: on.clone(),
        }));
    }
    let ticket = step.ticket();
    let (next, failed) = (on.clone(), on.clone());
    let run = move || follow(&next, block_on(step.start()));
    on.run(Job::new(run, move |_| follow(&failed, ticket.panicked())));
}

fn follow(on: &impl RunsTasks, next: Option<TaskStep>) {
    if let Some(next) = next {
        run_task(on, next);
    }
}

/// A handler on the runtime.
struct Running<R: RunsTasks> {
    ticket: Option<TaskTicket>,
    future: Option<Pin<Box<dyn Future<Output = Option<TaskStep>> + Send>>>,
    on: R,
}

impl<R: RunsTasks> Future for Running<R> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        let Some(future) = &mut this.future else {
            return Poll::Ready(());
        };
        match catch_panic(|| future.as_mut().poll(cx)) {
            Some(Poll::Pending) => return Poll::Pending,
            Some(Poll::Ready(next)) => {
                this.forget();
                follow(&this.on, next);
            }
            None => {
                this.forget();
                let failing = this.ticket.take().and_then(TaskTicket::panicked);
                follow(&this.on, failing);
            }
        }
        Poll::Ready(())
    }
}

impl<R: RunsTasks> Running<R> {
    fn forget(&mut self) {
        let future = self.future.take();
        catch_panic(|| drop(future));
    }
}

impl<R: RunsTasks> Drop for Running<R> {
    fn drop(&mut self) {
        self.forget();
    }
}

/// Gives signs of life for as long as tasks run here.
fn keep(keeper: &TaskKeeper) {
    if !keeper.begin() {
        return;
    }
    let keeper = keeper.clone();
    let ended = keeper.clone();
    let run = move || {
        while let Some(every) = keeper.every() {
            thread::sleep(every);
            if !block_on(keeper.keep()) {
                return;
            }
        }
    };
    // Without a thread the next step tries again.
    if spawn("mcp tasks", run).is_err() {
        ended.end();
    }
}
