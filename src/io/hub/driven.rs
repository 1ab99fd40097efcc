//! The driver's side of a client's connection: making it when somebody wants it, what its events
//! lead to, and who is told what when it ends.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::ToString;
use alloc::vec::Vec;
use core::future::poll_fn;
use core::mem;
use core::task::{Context, Poll};
use std::io;
use std::sync::Arc;

use super::{About, Handle, Hub, Phase, Slot, State};
use crate::client::{Client, ClientError, Event, OperationId, Output, Reach, Reaction};
use crate::model::owned::IntoOwned;
use crate::session::{ClientEvent, CloseReason, Delivery, EraPolicy};
use crate::time::Instant;

impl Hub {
    /// Waits until a connection is wanted; gives the client for it. `None` when all handles are
    /// gone.
    pub(in crate::io) async fn wanted(&self) -> Option<Client> {
        poll_fn(|cx| self.poll_wanted(cx)).await
    }

    fn poll_wanted(&self, cx: &Context<'_>) -> Poll<Option<Client>> {
        let mut state = self.lock();
        if state.handles == 0 {
            return Poll::Ready(None);
        }
        if let Some(client) = self.begin(&mut state) {
            return Poll::Ready(Some(client));
        }
        state.driver = Some(cx.waker().clone());
        Poll::Pending
    }

    /// The client for a connection, if one is wanted.
    pub(in crate::io) fn next_client(&self) -> Option<Client> {
        self.begin(&mut self.lock())
    }

    fn begin(&self, state: &mut State) -> Option<Client> {
        if !matches!(state.phase, Phase::Wanted) {
            return None;
        }
        state.phase = Phase::Opening(None);
        state.is_driven = true;
        let mut options = self.options.clone();
        if let (EraPolicy::Auto, Some(era)) = (options.era, state.era) {
            options.era = era;
        }
        Some(Client::new(options))
    }

    /// The connection has been made: opens the session, unless nobody wants it any more.
    pub(in crate::io) fn connected(&self, handle: &Handle<Client>) {
        let mut state = self.lock();
        let is_wanted = matches!(state.phase, Phase::Opening(_));
        if is_wanted {
            state.phase = Phase::Opening(Some(handle.clone()));
        }
        drop(state);
        handle.with(|client, now| match is_wanted {
            // A configuration that can't be opened is told of when the session ends.
            true => {
                if let Err(misuse) = client.open(now) {
                    self.lock().failure = Some(misuse.into());
                    client.close(now);
                }
            }
            false => client.close(now),
        });
    }

    /// Takes an event; what is returned is to be done about it.
    pub(in crate::io) fn take(&self, handle: &Handle<Client>, event: Event) -> Option<Reaction> {
        match event {
            Event::Opened => self.opened(handle),
            Event::OpeningFailed(error) => self.opening_failed(error),
            Event::Finished { operation, outcome } => {
                let slot = self.lock().operations.remove(&operation);
                if let Some(slot) = slot {
                    slot.put(*outcome);
                }
            }
            Event::Progress {
                progress, handler, ..
            } => return Some(Reaction::Now(Box::new(move || handler(progress)))),
            Event::Session(event) => {
                if let ClientEvent::Closed(reason) = &event {
                    self.closed(reason);
                }
                let reach: Arc<dyn Reach> = Arc::new(Reached(handle.clone()));
                return self.options.react(event, &reach);
            }
        }
        None
    }

    fn opened(&self, handle: &Handle<Client>) {
        let (about, era) = handle.with(|client, _| {
            let session = client.session();
            let about = About {
                info: session.server_info().map(IntoOwned::into_owned),
                capabilities: session.server_capabilities().map(IntoOwned::into_owned),
                instructions: session.instructions().map(|text| text.as_str().to_string()),
                revision: session.revision(),
            };
            (Arc::new(about), session.remembered_era())
        });
        let mut state = self.lock();
        state.about = Some(about);
        state.era = era;
        if !matches!(state.phase, Phase::Opening(_)) {
            return;
        }
        state.phase = Phase::Open(handle.clone());
        let entering = mem::take(&mut state.entering);
        drop(state);
        for slot in entering {
            slot.put(Ok(handle.clone()));
        }
    }

    fn opening_failed(&self, error: ClientError) {
        let mut state = self.lock();
        if !matches!(state.phase, Phase::Opening(_)) {
            return;
        }
        state.phase = Phase::Closing;
        if state.failure.is_some() {
            return;
        }
        match error {
            // Some legacy servers exit on the probe: the next connection doesn't ask.
            ClientError::Opening(CloseReason::LostInProbe(_))
                if state.era != Some(EraPolicy::Legacy) =>
            {
                state.era = Some(EraPolicy::Legacy);
            }
            ClientError::Opening(CloseReason::Connection(_)) => state.failure = Some(error),
            error => {
                // What was found out before may not hold for the server that is there now.
                state.era = None;
                let entering = mem::take(&mut state.entering);
                drop(state);
                for slot in entering {
                    slot.put(Err(error.clone()));
                }
            }
        }
    }

    /// The session has ended.
    fn closed(&self, reason: &CloseReason) {
        let mut state = self.lock();
        if matches!(state.phase, Phase::Open(_) | Phase::Lost(_)) {
            state.phase = match state.users {
                0 => Phase::Closing,
                _ => Phase::Lost(ClientError::Closed(reason.clone())),
            };
        }
    }

    /// The connection has ended, or could not be made, and is gone.
    pub(in crate::io) fn ended(self: &Arc<Self>, error: Option<io::Error>) {
        let mut state = self.lock();
        state.is_driven = false;
        let mut cause = error.map(|error| error.to_string());
        let mut reason = state.failure.take();
        let mut failed = Vec::new();
        state.phase = match mem::replace(&mut state.phase, Phase::Idle) {
            Phase::Lost(error) => {
                let error = with_cause(error, cause.as_deref());
                if self.is_lost_for_good() {
                    failed = mem::take(&mut state.entering);
                    reason = Some(error.clone());
                    cause = None;
                }
                Phase::Lost(error)
            }
            phase => {
                if matches!(phase, Phase::Wanted | Phase::Opening(_)) || reason.is_some() {
                    failed = mem::take(&mut state.entering);
                }
                Phase::Idle
            }
        };
        let operations = mem::take(&mut state.operations);
        let leaving = mem::take(&mut state.leaving);
        // Who came while the last connection was ending gets one of their own.
        match state.entering.is_empty() {
            false => self.want(state),
            true => drop(state),
        }
        let reason = reason.unwrap_or(ClientError::Lost(Delivery::NotSent));
        let reason = with_cause(reason, cause.as_deref());
        for slot in failed {
            slot.put(Err(reason.clone()));
        }
        finish(operations, leaving);
    }

    /// The driver is gone and no other will come: nobody shall wait for it.
    pub(in crate::io) fn abandoned(&self) {
        let mut state = self.lock();
        state.has_driver = false;
        state.phase = Phase::Idle;
        let entering = mem::take(&mut state.entering);
        let operations = mem::take(&mut state.operations);
        let leaving = mem::take(&mut state.leaving);
        drop(state);
        for slot in entering {
            slot.put(Err(ClientError::NoDriver));
        }
        finish(operations, leaving);
    }
}

/// What an error says, and what the adapter knows of its cause.
fn with_cause(error: ClientError, cause: Option<&str>) -> ClientError {
    match (error, cause) {
        (error, None) => error,
        (ClientError::Lost(_), Some(cause)) => ClientError::Connection(cause.into()),
        (error, Some(cause)) => ClientError::Connection(format!("{error}: {cause}").into()),
    }
}

/// Answers everybody who still waits for a connection that is gone.
fn finish(operations: BTreeMap<OperationId, Arc<Slot<Output>>>, leaving: Vec<Arc<Slot<()>>>) {
    for (_, slot) in operations {
        slot.put(Err(ClientError::Lost(Delivery::Unknown)));
    }
    for slot in leaving {
        slot.put(Ok(()));
    }
}

/// How what answers the server reaches the client.
struct Reached(Handle<Client>);

impl Reach for Reached {
    fn with(&self, act: &mut dyn FnMut(&mut Client, Instant)) {
        self.0.with(act);
    }
}
