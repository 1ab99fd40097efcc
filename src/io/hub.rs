//! What the handles of one client and its driver share: who wants it open, how far the connection
//! has come, and who waits for what.
//!
//! Rules of this file: whoever holds the lock here takes no session's lock, but who holds a
//! session's may take this one; everybody who waits is answered when the connection ends; the
//! connection lives from the first user to the last.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::future::poll_fn;
use core::mem;
use core::task::{Context, Poll, Waker};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::Handle;
use super::slot::Slot;
use crate::client::{
    Client, ClientError, ClientOptions, Event, OperationId, Output, Reach, Reaction, Reconnect,
    Request,
};
use crate::model::capability::ServerCapabilities;
use crate::model::initialize::Implementation;
use crate::model::owned::IntoOwned;
use crate::revision::Revision;
use crate::session::{ClientEvent, CloseReason, Delivery, EraPolicy};
use crate::time::Instant;

/// Starts a driver on a thread of its own.
pub(super) type Launch = Box<dyn Fn(&Arc<Hub>) + Send + Sync>;

/// What the handles of one client and its driver share.
pub(super) struct Hub {
    pub(super) options: ClientOptions,
    state: Mutex<State>,
    /// How a driver is started when one is needed; `None` when there is one that waits.
    launch: Option<Launch>,
}

struct State {
    phase: Phase,
    /// Openings that were not closed, and operations under way.
    users: usize,
    /// Openings that were not closed.
    openings: usize,
    handles: usize,
    entering: Vec<Arc<Slot<Handle<Client>>>>,
    leaving: Vec<Arc<Slot<()>>>,
    operations: BTreeMap<OperationId, Arc<Slot<Output>>>,
    /// The driver, while it waits for somebody to want a connection.
    driver: Option<Waker>,
    has_driver: bool,
    /// Whether a connection is being made, or has not quite ended.
    is_driven: bool,
    /// Why the opening has failed, to be told with what the adapter knows of it.
    failure: Option<ClientError>,
    about: Option<Arc<About>>,
    /// What was found out about the server's era.
    era: Option<EraPolicy>,
}

/// What a server said of itself at the last opening.
#[derive(Debug)]
pub(super) struct About {
    pub(super) info: Option<Implementation<'static>>,
    pub(super) capabilities: Option<ServerCapabilities<'static>>,
    pub(super) instructions: Option<String>,
    pub(super) revision: Option<Revision>,
}

/// How far the connection has come.
enum Phase {
    Idle,
    /// Somebody wants one.
    Wanted,
    /// It is being made, or its session opens.
    Opening(Option<Handle<Client>>),
    Open(Handle<Client>),
    Closing,
    /// It was lost, and there are users left.
    Lost(ClientError),
}

impl Hub {
    pub(super) fn new(options: ClientOptions, launch: Option<Launch>) -> Arc<Self> {
        let state = State {
            phase: Phase::Idle,
            users: 0,
            openings: 0,
            handles: 1,
            entering: Vec::new(),
            leaving: Vec::new(),
            operations: BTreeMap::new(),
            driver: None,
            has_driver: true,
            is_driven: false,
            failure: None,
            about: None,
            era: None,
        };
        Arc::new(Self {
            options,
            state: Mutex::new(state),
            launch,
        })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn about(&self) -> Option<Arc<About>> {
        self.lock().about.clone()
    }

    pub(super) fn has_users(&self) -> bool {
        self.lock().users > 0
    }

    /// The open connection, if there is one.
    pub(super) fn connection(&self) -> Option<Handle<Client>> {
        match &self.lock().phase {
            Phase::Open(handle) => Some(handle.clone()),
            _ => None,
        }
    }

    pub(super) fn add_handle(&self) {
        self.lock().handles += 1;
    }

    /// A handle is gone; with the last one the connection ends.
    pub(super) fn drop_handle(&self) {
        let mut state = self.lock();
        state.handles = state.handles.saturating_sub(1);
        if state.handles > 0 {
            return;
        }
        let connection = state.shut();
        let driver = state.driver.take();
        drop(state);
        close(connection);
        if let Some(driver) = driver {
            driver.wake();
        }
    }

    /// Makes sure that there is a connection, for as long as the visit lasts.
    pub(super) async fn enter(self: &Arc<Self>) -> Result<Visit, ClientError> {
        let (mut visit, slot) = self.arrive();
        visit.handle = Some(slot.wait().await?);
        Ok(visit)
    }

    fn arrive(self: &Arc<Self>) -> (Visit, Arc<Slot<Handle<Client>>>) {
        let slot = Slot::new();
        let mut state = self.lock();
        state.users += 1;
        let visit = Visit {
            hub: Arc::clone(self),
            handle: None,
            stays: false,
        };
        match &state.phase {
            _ if !state.has_driver => slot.put(Err(ClientError::NoDriver)),
            Phase::Open(handle) => slot.put(Ok(handle.clone())),
            // What it was lost for is known when it has quite ended.
            _ if state.is_driven => state.entering.push(Arc::clone(&slot)),
            Phase::Lost(error) if self.is_lost_for_good() => slot.put(Err(error.clone())),
            Phase::Idle | Phase::Lost(_) => {
                state.entering.push(Arc::clone(&slot));
                self.want(state);
            }
            _ => state.entering.push(Arc::clone(&slot)),
        }
        (visit, slot)
    }

    fn is_lost_for_good(&self) -> bool {
        self.options.reconnect == Reconnect::Never
    }

    /// Has a connection made.
    fn want(self: &Arc<Self>, mut state: MutexGuard<'_, State>) {
        state.phase = Phase::Wanted;
        let driver = state.driver.take();
        drop(state);
        if let Some(driver) = driver {
            driver.wake();
        }
        if let Some(launch) = &self.launch {
            launch(self);
        }
    }

    /// A user is gone; with the last one the connection ends.
    fn leave(&self) {
        let mut state = self.lock();
        state.users = state.users.saturating_sub(1);
        let connection = match state.users {
            0 => state.shut(),
            _ => None,
        };
        drop(state);
        close(connection);
    }

    /// Takes an opening back. What is returned waits for the end of the connection.
    pub(super) fn release(&self) -> Result<Option<Arc<Slot<()>>>, ClientError> {
        let mut state = self.lock();
        if state.openings == 0 {
            return Err(ClientError::NotOpen);
        }
        state.openings -= 1;
        state.users = state.users.saturating_sub(1);
        let mut connection = None;
        let mut end = None;
        if state.users == 0 {
            connection = state.shut();
            if matches!(state.phase, Phase::Closing) {
                let slot = Slot::new();
                state.leaving.push(Arc::clone(&slot));
                end = Some(slot);
            }
        }
        drop(state);
        close(connection);
        Ok(end)
    }

    /// Waits until a connection is wanted; gives the client for it. `None` when all handles are
    /// gone.
    pub(super) async fn wanted(&self) -> Option<Client> {
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
    pub(super) fn next_client(&self) -> Option<Client> {
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
    pub(super) fn connected(&self, handle: &Handle<Client>) {
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
    pub(super) fn take(&self, handle: &Handle<Client>, event: Event) -> Option<Reaction> {
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
    pub(super) fn ended(self: &Arc<Self>, error: Option<io::Error>) {
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
    pub(super) fn abandoned(&self) {
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

impl State {
    /// The connection has ended, of which its driver hasn't heard yet.
    fn lose(&mut self, connection: &Handle<Client>) {
        if let Phase::Open(open) = &self.phase
            && Arc::ptr_eq(&open.shared, &connection.shared)
        {
            self.phase = Phase::Lost(ClientError::Lost(Delivery::NotSent));
        }
    }

    /// Nobody wants the connection any more; gives what is to be closed.
    fn shut(&mut self) -> Option<Handle<Client>> {
        let (phase, connection) = match mem::replace(&mut self.phase, Phase::Idle) {
            Phase::Open(handle) => (Phase::Closing, Some(handle)),
            Phase::Opening(handle) => (Phase::Closing, handle),
            Phase::Closing => (Phase::Closing, None),
            Phase::Idle | Phase::Wanted | Phase::Lost(_) => (Phase::Idle, None),
        };
        self.phase = phase;
        connection
    }
}

fn close(connection: Option<Handle<Client>>) {
    if let Some(connection) = connection {
        connection.with(Client::close);
    }
}

/// A user of the connection. Dropping it leaves.
pub(super) struct Visit {
    hub: Arc<Hub>,
    handle: Option<Handle<Client>>,
    /// Whether it stays when it is dropped.
    stays: bool,
}

impl Visit {
    /// Stays until somebody calls [`Hub::release`].
    pub(super) fn stay(mut self) {
        self.stays = true;
        self.hub.lock().openings += 1;
    }

    /// Has an operation done; one that is dropped is cancelled. `None` when the connection has just
    /// ended, so that nothing was begun.
    pub(super) async fn run(&self, request: Request) -> Option<Result<Output, ClientError>> {
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

/// How what answers the server reaches the client.
struct Reached(Handle<Client>);

impl Reach for Reached {
    fn with(&self, act: &mut dyn FnMut(&mut Client, Instant)) {
        self.0.with(act);
    }
}
