//! A timer of a function, for connections without a runtime of their own.

use alloc::boxed::Box;
use core::fmt;
use core::pin::Pin;
use core::task::{Context, Poll};
use core::time::Duration;

use super::timer::Timer;

/// A timer of a function that makes a future which is ready after the given time.
pub struct SleepTimer<T, F> {
    sleep: T,
    future: Option<Pin<Box<F>>>,
}

impl<T, F> SleepTimer<T, F> {
    pub(in crate::io) fn new(sleep: T) -> Self {
        Self {
            sleep,
            future: None,
        }
    }
}

impl<T: Fn(Duration) -> F, F: Future<Output = ()>> Timer for SleepTimer<T, F> {
    fn arm(&mut self, wait: Duration) {
        self.future = Some(Box::pin((self.sleep)(wait)));
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(future) = &mut self.future else {
            return Poll::Pending;
        };
        let rang = future.as_mut().poll(cx);
        if rang.is_ready() {
            // A future that has ended must not be polled again.
            self.future = None;
        }
        rang
    }
}

impl<T, F> fmt::Debug for SleepTimer<T, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SleepTimer").finish_non_exhaustive()
    }
}
