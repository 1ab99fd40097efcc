//! Those who use a client's connection: how long they are there, and the operations they wait for.
//!
//! Rules of this file: neither the hub's lock nor the session's is held while the other is taken, nor
//! while a function of the user's runs; progress goes to its function on the task or thread that waits
//! for the call, in order and before the result.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::future::poll_fn;
use core::mem;
use core::task::{Context, Poll, Waker};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Acquired, Handle, Hub, Slot, State};
use crate::client::{Client, ClientError, Operation, OperationId, Output, ProgressHandler};
use crate::model::progress::ProgressParams;
use crate::session::Weigh;

/// How many reports of progress wait for a task that isn't polled; older ones are left out.
const REPORTS: usize = 256;

/// The use of a connection. Dropping it leaves.
pub(in crate::io) struct Lease {
    pub(super) hub: Arc<Hub>,
    pub(super) handle: Option<Handle<Client>>,
    /// Whether it is kept when it is dropped.
    pub(super) is_kept: bool,
}

impl Lease {
    /// Stays until somebody calls [`Hub::release`].
    pub(in crate::io) fn keep(mut self) {
        self.is_kept = true;
        self.hub.lock().openings += 1;
    }

    /// Waits for the connection that is made for it.
    pub(in crate::io) async fn wait(&mut self, made: &Slot<Acquired>) -> Result<(), ClientError> {
        self.handle = Some(made.wait().await?);
        Ok(())
    }

    /// Has an operation done; one that is dropped is cancelled. `None` if the connection has just
    /// ended, so that nothing was begun.
    pub(in crate::io) async fn run(&self, request: &Operation) -> Option<Outcome> {
        let handle = self.handle.as_ref()?;
        // The client gets a function of ours, so that none of the user's runs, or is dropped, in it.
        let progress = request.progress();
        let reports = progress.map(|_| Arc::new(Reports::default()));
        let told = reports
            .clone()
            .map(|reports| -> ProgressHandler { Arc::new(move |report| reports.push(report)) });
        let mut running = Running {
            lease: self,
            handle,
            number: poll_fn(|cx| Poll::Ready(self.hub.expect(cx))).await,
            operation: None,
        };
        let number = running.number;
        running.operation = handle.with(|client, now| {
            let is_open = client.is_open();
            is_open.then(|| client.start_as(now, number, request, told))
        });
        if running.operation.is_none() {
            drop(running);
            self.hub.lose(handle);
            return None;
        }
        let mut is_begun = false;
        let outcome = poll_fn(|cx| {
            // Whoever has the outcome by now wakes this task.
            let outcome = match mem::replace(&mut is_begun, true) {
                true => self.hub.poll_outcome(number, cx),
                false => Poll::Pending,
            };
            if let (Some(reports), Some(handler)) = (&reports, progress) {
                tell(reports, handler, &outcome, cx);
            }
            outcome
        })
        .await;
        mem::forget(running);
        // What came before the result is told before it.
        self.hub.news_told().await;
        Some(outcome)
    }
}

/// Tells the reports that have come; one at a time while there is no result, since there may be no
/// end of them: between two of them the call can be given up.
fn tell(reports: &Reports, handler: &ProgressHandler, outcome: &Poll<Outcome>, cx: &Context<'_>) {
    while let Some(report) = reports.next(cx.waker()) {
        handler(report);
        if outcome.is_pending() {
            cx.waker().wake_by_ref();
            break;
        }
    }
}

impl Hub {
    /// The number of an operation whose outcome is to be kept for the task that waits for it.
    fn expect(&self, cx: &Context<'_>) -> u64 {
        let mut state = self.lock();
        let number = state.next_operation;
        state.next_operation += 1;
        state
            .waiters
            .insert(number, Waiter::Waits(Some(cx.waker().clone())));
        number
    }

    fn poll_outcome(&self, number: u64, cx: &Context<'_>) -> Poll<Outcome> {
        let mut state = self.lock();
        match state.waiters.get_mut(number) {
            Some(Waiter::Waits(waker)) => {
                let known = waker.as_ref();
                if !known.is_some_and(|known| known.will_wake(cx.waker())) {
                    *waker = Some(cx.waker().clone());
                }
                return Poll::Pending;
            }
            Some(Waiter::Ended(_)) | None => {}
        }
        let ended = state.waiters.remove(number);
        drop(state);
        match ended {
            Some(Waiter::Ended(outcome)) => Poll::Ready(outcome),
            _ => Poll::Ready(Box::new(Err(ClientError::NoDriver))),
        }
    }
}

/// How an operation has ended, behind a pointer since it is large and goes from hand to hand.
pub(in crate::io) type Outcome = Box<Result<Output, ClientError>>;

/// Somebody who waits for the outcome of an operation.
pub(super) enum Waiter {
    Waits(Option<Waker>),
    Ended(Outcome),
}

impl Waiter {
    /// Keeps the outcome, of which the first counts; who is to be woken.
    pub(super) fn put(&mut self, outcome: Outcome) -> Option<Waker> {
        match self {
            Self::Waits(waker) => {
                let waker = waker.take();
                *self = Self::Ended(outcome);
                waker
            }
            Self::Ended(_) => None,
        }
    }
}

impl Weigh for Waiter {
    fn weight(&self) -> usize {
        0
    }
}

impl State {
    /// Ends all operations that somebody still waits for; who is to be woken.
    pub(super) fn end_waiters(&mut self, error: &ClientError) -> Vec<Waker> {
        let waiters = self.waiters.iter_mut();
        waiters
            .filter_map(|(_, waiter)| match waiter {
                Waiter::Waits(_) => waiter.put(Box::new(Err(error.clone()))),
                Waiter::Ended(_) => None,
            })
            .collect()
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if !self.is_kept {
            self.hub.leave();
        }
    }
}

/// An operation that somebody waits for. Dropping it cancels.
struct Running<'a> {
    lease: &'a Lease,
    handle: &'a Handle<Client>,
    number: u64,
    /// What the client calls it, once it has begun.
    operation: Option<OperationId>,
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        let mut state = self.lease.hub.lock();
        let waiter = state.waiters.remove(self.number);
        drop(state);
        drop(waiter);
        if let Some(operation) = self.operation {
            self.handle
                .with(|client, now| client.cancel(now, operation));
        }
    }
}

/// Progress on its way to who waits for the call.
#[derive(Default)]
struct Reports(Mutex<(VecDeque<ProgressParams<'static>>, Option<Waker>)>);

impl Reports {
    fn lock(&self) -> MutexGuard<'_, (VecDeque<ProgressParams<'static>>, Option<Waker>)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, report: ProgressParams<'static>) {
        let mut state = self.lock();
        if state.0.len() >= REPORTS {
            state.0.pop_front();
        }
        state.0.push_back(report);
        let waker = state.1.take();
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    fn next(&self, waker: &Waker) -> Option<ProgressParams<'static>> {
        let mut state = self.lock();
        let next = state.0.pop_front();
        if next.is_none() {
            state.1 = Some(waker.clone());
        }
        next
    }
}
