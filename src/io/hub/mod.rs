//! What the handles of one client and its driver share: who wants it open, how far the connection
//! has come, and who waits for what. Handles come and go here, the driver's side is in `driven`.
//!
//! Rules of this file: whoever holds the lock here takes no session's lock, but who holds a
//! session's may take this one; everybody who waits is answered when the connection ends; the
//! connection lives from the first user to the last.

mod driven;
mod visit;

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;
use core::mem;
use core::task::Waker;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::Handle;
use super::slot::Slot;
use crate::client::{Client, ClientError, ClientOptions, OperationId, Output, Reconnect};
use crate::model::capability::ServerCapabilities;
use crate::model::initialize::Implementation;
use crate::revision::Revision;
use crate::session::{Delivery, EraPolicy};

pub(super) use visit::Visit;

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
