//! Those who use a client's connection: how long they are there, and the operations they wait for.
//!
//! Rules of this file: neither the hub's lock nor the session's is held while the other is taken, nor
//! while a function of the user's runs; progress goes to its function on the task or thread that waits
//! for the call, in order and before the result.

use alloc::collections::VecDeque;
use core::future::poll_fn;
use core::mem;
use core::task::Waker;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Handle, Hub, Slot};
use crate::client::{Client, ClientError, Operation, OperationId, Output};
use crate::model::progress::ProgressParams;

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

    /// Has an operation done; one that is dropped is cancelled. `None` if the connection has just
    /// ended, so that nothing was begun.
    pub(in crate::io) async fn run(
        &self,
        mut request: Operation,
    ) -> Option<Result<Output, ClientError>> {
        let handle = self.handle.as_ref()?;
        let reports = Arc::new(Reports::default());
        // The client gets a function of ours, so that none of the user's runs, or is dropped, in it.
        let told = Arc::clone(&reports);
        let handler = request.replace_progress(move |report| told.push(report));
        let slot = Slot::new();
        let operation = handle.with(|client, _| client.next_operation());
        self.hub.expect(operation, &slot);
        let running = Running {
            lease: self,
            handle,
            operation,
        };
        let has_begun = handle.with(|client, now| {
            let is_open = client.is_open();
            if is_open {
                client.start_as(now, operation, request);
            }
            is_open
        });
        if !has_begun {
            self.hub.lose(handle);
            return None;
        }
        let outcome = poll_fn(|cx| {
            let outcome = slot.poll(cx);
            while let Some(report) = reports.next(cx.waker()) {
                if let Some(handler) = &handler {
                    handler(report);
                }
                // There may be no end of reports: between two of them the call can be given up.
                if outcome.is_pending() {
                    cx.waker().wake_by_ref();
                    break;
                }
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

impl Hub {
    /// Has the outcome of an operation put into `slot`.
    fn expect(&self, operation: OperationId, slot: &Arc<Slot<Output>>) {
        let mut state = self.lock();
        state.operations.insert(operation, Arc::clone(slot));
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
    operation: OperationId,
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        let mut state = self.lease.hub.lock();
        let slot = state.operations.remove(&self.operation);
        drop(state);
        drop(slot);
        self.handle
            .with(|client, now| client.cancel(now, self.operation));
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
