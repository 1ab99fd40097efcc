//! What the handles of one client and its driver share: who wants it open, how far the connection
//! has come, and who waits for what. Handles come and go here, the driver's side is in `driven`.
//!
//! Rules of this file: whoever holds the lock here takes no session's lock and drops no handle, and
//! who holds a session's doesn't take this one; everybody who waits is answered when the connection
//! ends; the connection lives from the first user to the last; what is said of a connection that is no
//! longer the present one counts for nothing.

mod driven;
mod lane;
mod lease;

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::future::poll_fn;
use core::mem;
use core::pin::Pin;
use core::task::{Poll, Waker};
use core::time::Duration;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::Handle;
use super::blocking::pool::{Pool, THREADS};
use super::slot::Slot;
use crate::client::{Client, ClientError, ClientOptions, Outputs, Reconnect};
use crate::model::capability::ServerCapabilities;
use crate::model::initialize::Implementation;
use crate::revision::Revision;
use crate::session::{Delivery, EraPolicy, Table};

use lane::Lane;
use lease::Waiter;

pub(super) use driven::{Connecting, End};
pub(super) use lease::{Lease, Outcome};

/// How long a result or a close waits for the functions that hear of what was before it.
const NEWS_TIMEOUT: Duration = Duration::from_secs(1);

/// Waits on the runtime of whoever uses the client.
pub(super) type Sleep =
    Box<dyn Fn(Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync>;

/// Starts a driver on a thread of its own.
pub(super) type Launch = Box<dyn Fn(&Arc<Hub>) + Send + Sync>;

/// What the handles of one client and its driver share.
pub(super) struct Hub {
    pub(super) options: ClientOptions,
    /// What holds results to schemas, if the options say so.
    pub(super) outputs: Option<Outputs>,
    state: Mutex<State>,
    /// How a driver is started when one is needed; `None` when there is one that waits.
    launch: Option<Launch>,
    sleep: Sleep,
    /// Where functions run that hear of news, and where those that may take their time.
    lane: Arc<Lane>,
    pool: Pool,
}

/// A connection, or why there is none.
pub(super) type Acquired = Result<Handle<Client>, ClientError>;

struct State {
    phase: Phase,
    /// Which connection this is the state of.
    generation: u64,
    /// Openings that were not closed, and operations under way.
    users: usize,
    /// Openings that were not closed.
    openings: usize,
    handles: usize,
    acquiring: Vec<Arc<Slot<Acquired>>>,
    leaving: Vec<Arc<Slot<()>>>,
    /// The operations that somebody waits for, and the number of the next one.
    waiters: Table<Waiter>,
    next_operation: u64,
    /// The driver, while it waits for somebody to want a connection.
    driver: Option<Waker>,
    has_driver: bool,
    /// Whether a connection is being made, or has not fully ended.
    is_driven: bool,
    /// Why the opening has failed, to be told with what the adapter knows of it.
    failure: Option<ClientError>,
    about: Option<Arc<ServerIdentity>>,
    /// What was found out about the server's era.
    era: Option<EraPolicy>,
    /// Whether the connection before this one was lost in the probe for the era.
    was_probed: bool,
}

/// What a server said of itself at the last opening.
#[derive(Debug)]
pub(super) struct ServerIdentity {
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
    pub(super) fn new(options: ClientOptions, launch: Option<Launch>, sleep: Sleep) -> Arc<Self> {
        let state = State {
            phase: Phase::Idle,
            generation: 0,
            users: 0,
            openings: 0,
            handles: 1,
            acquiring: Vec::new(),
            leaving: Vec::new(),
            waiters: Table::default(),
            next_operation: 0,
            driver: None,
            has_driver: true,
            is_driven: false,
            failure: None,
            about: None,
            era: None,
            was_probed: false,
        };
        let limits = &options.limits;
        Arc::new(Self {
            lane: Lane::new(limits.memory),
            pool: Pool::new(THREADS),
            outputs: options.outputs(),
            options,
            state: Mutex::new(state),
            launch,
            sleep,
        })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn about(&self) -> Option<Arc<ServerIdentity>> {
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
        let shut = self.shut(&mut state);
        drop(state);
        shut.close();
    }

    /// Makes sure that there is a connection, for as long as the lease lasts.
    pub(super) async fn acquire(self: &Arc<Self>) -> Result<Lease, ClientError> {
        let (mut lease, slot) = self.arrive();
        if let Some(slot) = slot {
            lease.wait(&slot).await?;
        }
        Ok(lease)
    }

    /// A lease, and where to wait for its connection if it has none yet.
    pub(super) fn arrive(self: &Arc<Self>) -> (Lease, Option<Arc<Slot<Acquired>>>) {
        let mut state = self.lock();
        state.users += 1;
        let mut lease = Lease {
            hub: Arc::clone(self),
            handle: None,
            is_kept: false,
        };
        if let (Phase::Open(handle), true) = (&state.phase, state.has_driver) {
            lease.handle = Some(handle.clone());
            return (lease, None);
        }
        let slot = Slot::new();
        match &state.phase {
            _ if !state.has_driver => slot.put(Err(ClientError::NoDriver)),
            // What it was lost for is known when it has fully ended.
            _ if state.is_driven => state.acquiring.push(Arc::clone(&slot)),
            Phase::Lost(error) if self.is_lost_for_good() => slot.put(Err(error.clone())),
            Phase::Idle | Phase::Lost(_) => {
                state.acquiring.push(Arc::clone(&slot));
                self.want(state);
            }
            _ => state.acquiring.push(Arc::clone(&slot)),
        }
        (lease, Some(slot))
    }

    fn is_lost_for_good(&self) -> bool {
        self.options.reconnect == Reconnect::Never
    }

    /// Has a connection made.
    fn want(self: &Arc<Self>, mut state: MutexGuard<'_, State>) {
        // What was there before has no handle.
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
        let shut = match state.users {
            0 => self.shut(&mut state),
            _ => Shut::default(),
        };
        drop(state);
        shut.close();
    }

    /// Takes an opening back. What is returned waits for the end of the connection.
    pub(super) fn release(&self) -> Result<Option<Arc<Slot<()>>>, ClientError> {
        let mut state = self.lock();
        if state.openings == 0 {
            return Err(ClientError::NotOpen);
        }
        state.openings -= 1;
        state.users = state.users.saturating_sub(1);
        let mut shut = Shut::default();
        let mut end = None;
        if state.users == 0 {
            shut = self.shut(&mut state);
            if matches!(state.phase, Phase::Closing) {
                let slot = Slot::new();
                state.leaving.push(Arc::clone(&slot));
                end = Some(slot);
            }
        }
        drop(state);
        shut.close();
        Ok(end)
    }

    /// Waits for `time` to pass.
    pub(super) async fn sleep(&self, time: Duration) {
        (self.sleep)(time).await;
    }

    /// Waits until all news was told, but not for ever: a function may not return.
    pub(super) async fn news_told(&self) {
        let Some(told) = self.lane.mark() else {
            return;
        };
        let mut late = (self.sleep)(NEWS_TIMEOUT);
        poll_fn(|cx| match told.poll(cx) {
            Poll::Ready(_) => Poll::Ready(()),
            Poll::Pending => late.as_mut().poll(cx).map(|()| self.lane.give_up()),
        })
        .await;
    }

    /// The connection has ended, of which its driver hasn't heard yet.
    fn lose(&self, connection: &Handle<Client>) {
        let mut state = self.lock();
        let is_open = matches!(&state.phase, Phase::Open(open)
            if Arc::ptr_eq(&open.shared, &connection.shared));
        let mut past = Phase::Idle;
        if is_open {
            let lost = Phase::Lost(ClientError::Lost(Delivery::NotSent));
            past = mem::replace(&mut state.phase, lost);
        }
        drop(state);
        drop(past);
    }

    /// Nobody wants the connection any more.
    fn shut(&self, state: &mut State) -> Shut {
        let mut shut = Shut {
            driver: state.driver.take(),
            ..Shut::default()
        };
        state.phase = match mem::replace(&mut state.phase, Phase::Idle) {
            Phase::Open(handle) => {
                shut.connection = Some(handle);
                Phase::Closing
            }
            Phase::Opening(Some(handle)) => {
                shut.connection = Some(handle);
                Phase::Closing
            }
            // A thread can't be taken out of a call that connects: what comes of it is for nobody.
            Phase::Opening(None) if self.launch.is_some() => {
                state.renounce();
                Phase::Idle
            }
            Phase::Opening(None) | Phase::Closing => Phase::Closing,
            Phase::Idle | Phase::Wanted | Phase::Lost(_) => Phase::Idle,
        };
        shut
    }
}

impl State {
    /// Has nothing more to do with the connection that is being made.
    fn renounce(&mut self) {
        self.generation += 1;
        self.is_driven = false;
    }
}

/// What is to be done, without the lock, when nobody wants the connection any more.
#[derive(Default)]
struct Shut {
    connection: Option<Handle<Client>>,
    driver: Option<Waker>,
}

impl Shut {
    fn close(self) {
        if let Some(connection) = self.connection {
            connection.with(Client::close);
        }
        if let Some(driver) = self.driver {
            driver.wake();
        }
    }
}
