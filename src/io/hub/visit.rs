//! Those who use a client's connection: how long they are there, and the operations they wait for.

use core::mem;
use std::sync::Arc;

use super::{Handle, Hub, Slot};
use crate::client::{Client, ClientError, OperationId, Output, Request};

/// A user of the connection. Dropping it leaves.
pub(in crate::io) struct Visit {
    pub(super) hub: Arc<Hub>,
    pub(super) handle: Option<Handle<Client>>,
    /// Whether it stays when it is dropped.
    pub(super) stays: bool,
}

impl Visit {
    /// Stays until somebody calls [`Hub::release`].
    pub(in crate::io) fn stay(mut self) {
        self.stays = true;
        self.hub.lock().openings += 1;
    }

    /// Has an operation done; one that is dropped is cancelled. `None` when the connection has just
    /// ended, so that nothing was begun.
    pub(in crate::io) async fn run(&self, request: Request) -> Option<Result<Output, ClientError>> {
        let handle = self.handle.as_ref()?;
        let slot = Slot::new();
        let started = handle.with(|client, now| {
            if !client.is_open() {
                return None;
            }
            let operation = client.start(now, request);
            // Before its end can have been taken from the client, which is locked.
            self.hub
                .lock()
                .operations
                .insert(operation, Arc::clone(&slot));
            Some(operation)
        });
        let Some(operation) = started else {
            self.hub.lock().lose(handle);
            return None;
        };
        let running = Running {
            visit: self,
            handle,
            operation,
        };
        let outcome = slot.wait().await;
        mem::forget(running);
        Some(outcome)
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        if !self.stays {
            self.hub.leave();
        }
    }
}

/// An operation that somebody waits for. Dropping it cancels.
struct Running<'a> {
    visit: &'a Visit,
    handle: &'a Handle<Client>,
    operation: OperationId,
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.visit.hub.lock().operations.remove(&self.operation);
        self.handle
            .with(|client, now| client.cancel(now, self.operation));
    }
}
