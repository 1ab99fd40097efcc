//! A place for one thing that somebody waits for: a task, or a thread that polls like one.

use core::future::poll_fn;
use core::task::{Context, Poll, Waker};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A place for one thing, which one waits for.
pub(super) struct Slot<T>(Mutex<State<T>>);

enum State<T> {
    Empty(Option<Waker>),
    Full(T),
    Taken,
}

impl<T> Slot<T> {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self(Mutex::new(State::Empty(None))))
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts it in and wakes who waits. Only the first one counts.
    pub(super) fn put(&self, thing: T) {
        let mut state = self.lock();
        let State::Empty(waker) = &mut *state else {
            return;
        };
        let waker = waker.take();
        *state = State::Full(thing);
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Never ready again once it was.
    pub(super) fn poll(&self, cx: &Context<'_>) -> Poll<T> {
        let mut state = self.lock();
        if let State::Empty(waker) = &mut *state {
            if !waker
                .as_ref()
                .is_some_and(|known| known.will_wake(cx.waker()))
            {
                *waker = Some(cx.waker().clone());
            }
            return Poll::Pending;
        }
        match core::mem::replace(&mut *state, State::Taken) {
            State::Full(thing) => Poll::Ready(thing),
            _ => Poll::Pending,
        }
    }

    /// Waits for it, once.
    pub(super) async fn wait(&self) -> T {
        poll_fn(|cx| self.poll(cx)).await
    }
}
