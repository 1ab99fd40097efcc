//! A step of a task as whoever drives a service sees it: something to run that outlives it.

use crate::lock::{Pending, Portable};
use alloc::boxed::Box;
use core::fmt;
use core::pin::pin;
use core::task::{Context, Poll, Waker};

use super::engine::TaskKeeper;

/// A step of a task, for whoever drives the service that it came from. It outlives its request, its
/// connection and its service: run it wherever there is time for it, and then the step that it returns.
///
/// Dropping it leaves the task as it is; it goes on when its client asks for it.
pub struct TaskStep(Box<dyn Step>);

/// What makes the step that fails a task.
#[cfg(feature = "std")]
pub(super) type Failing = Box<dyn FnOnce() -> Option<TaskStep> + Send>;
#[cfg(not(feature = "std"))]
pub(super) type Failing = Box<dyn FnOnce() -> Option<TaskStep>>;

/// What a step does.
pub(super) trait Step: Portable {
    fn is_async(&self) -> bool;

    /// What makes the step that fails the task, for when this one panics.
    fn failing(&self) -> Failing;

    fn keeper(&self) -> TaskKeeper;

    /// The step that ends the task as one that nobody asks for.
    fn abandoned(self: Box<Self>) -> TaskStep;

    fn start(self: Box<Self>) -> Pending<'static, Option<TaskStep>>;
}

/// What is needed to fail a task whose handler has panicked.
pub struct TaskTicket(Failing);

impl TaskTicket {
    /// Returns the step that fails a task whose handler has panicked; `None` if the task goes on
    /// elsewhere. Drop the step that has panicked before.
    pub fn panicked(self) -> Option<TaskStep> {
        (self.0)()
    }
}

impl TaskStep {
    pub(super) fn new(step: impl Step + 'static) -> Self {
        Self(Box::new(step))
    }

    pub(super) fn of(step: Box<dyn Step>) -> Self {
        Self(step)
    }

    /// Returns whether this step is a handler that is a future, to be awaited on the server's runtime.
    /// All others may block.
    pub fn is_async(&self) -> bool {
        self.0.is_async()
    }

    /// Returns what is needed in case that the step panics. Keep it while the step runs.
    pub fn ticket(&self) -> TaskTicket {
        TaskTicket(self.0.failing())
    }

    /// Returns what gives signs of life while the step runs.
    pub fn keeper(&self) -> TaskKeeper {
        self.0.keeper()
    }

    /// The step that ends a task that nobody will ask for.
    pub(in crate::server) fn abandoned(self) -> Self {
        self.0.abandoned()
    }

    /// Takes the step, and returns the one that follows; `None` if the task has ended, waits for input,
    /// or goes on elsewhere. A blocking handler runs at the first poll.
    pub async fn start(self) -> Option<Self> {
        self.0.start().await
    }

    /// Takes this step and all that follow, here and now: for servers whose handlers are blocking, and
    /// stores that don't keep anybody waiting. Handlers and stores that do are polled again and again.
    pub fn run(self) {
        let mut step = Some(self);
        while let Some(next) = step {
            step = poll_through(next.start());
        }
    }
}

/// Polls a future until it is ready, for callers without anything that could wake them.
pub(in crate::server) fn poll_through<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    let mut cx = Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut cx) {
            return output;
        }
        core::hint::spin_loop();
    }
}

impl fmt::Debug for TaskStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskStep")
            .field("is_async", &self.is_async())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for TaskTicket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskTicket").finish_non_exhaustive()
    }
}
