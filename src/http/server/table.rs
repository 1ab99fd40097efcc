//! The sessions of an endpoint: who has which, how many there may be, and when one is forgotten.
//!
//! ```text
//!  initialize ──place──▶ New id ──insert──▶ HalfOpen ──initialized──▶ open: busy or idle
//!                                             │ too long                │ idle too long, DELETE
//!                                             ▼                         ▼
//!                                          forgotten ◀──────────────────┘
//! ```
//!
//! Rules of this file: a session belongs to who opened it, and to everybody else it doesn't exist; a
//! table that is full forgets half-open sessions, those of the same caller first, then idle ones of
//! the same caller, and never another's open one; nothing here takes longer than the logarithm of
//! how many sessions there are.

use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::rpc::code;
use crate::time::Instant;

use super::super::Reply;
use super::super::classify::{Class, Input, refusal};
use super::callers::{Caller, Callers, Ended, Ticket, Who, later};
use super::limits::EndpointLimits;
use super::lists::{Place as Slot, Waits};
use super::slots::{self, Slots};
use super::status::SessionStatus;

/// Where a request belongs.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Place<H> {
    /// In a session of its own that nobody else will ask for: a modern or a stateless one.
    Alone,
    /// In a session that is to be created and, once it has answered, inserted under its id: that of
    /// an `initialize`, or of the pair of 2024-11-05, which begins with a GET.
    New,
    /// In this session.
    Session(H),
}

/// A request that an endpoint has admitted.
#[derive(Debug)]
#[non_exhaustive]
pub struct Placed<H> {
    /// Where it belongs.
    pub place: Place<H>,
    /// To be given back with [`Endpoint::ended`] when its exchange is over.
    pub ticket: Ticket,
}

/// The table of an endpoint's sessions, and the account of what is open at it. `H` is how the caller
/// reaches a session, such as an `Arc<Mutex<..>>`.
///
/// It holds no session, draws no id and reads no clock.
pub struct Endpoint<H> {
    limits: EndpointLimits,
    sessions: BTreeMap<Arc<str>, Slot>,
    slots: Slots<H>,
    callers: Callers,
    is_draining: bool,
}

impl<H> core::fmt::Debug for Endpoint<H> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Endpoint")
            .field("sessions", &self.sessions.len())
            .field("requests", &self.callers.open_requests())
            .field("streams", &self.callers.open_streams())
            .finish_non_exhaustive()
    }
}

impl<H: Clone> Endpoint<H> {
    /// Creates an endpoint without sessions.
    pub fn new(limits: EndpointLimits) -> Self {
        Self {
            limits,
            sessions: BTreeMap::new(),
            slots: Slots::new(),
            callers: Callers::default(),
            is_draining: false,
        }
    }

    /// Admits a request that `caller` has sent and returns where it belongs.
    ///
    /// The error is the whole answer: 404 for a session that there is not, or that is somebody
    /// else's; 503 with Retry-After when too much is open at once, or no new work is taken any more;
    /// 429 with Retry-After for a caller that has more than its share open, or keeps dropping what it
    /// asks for. What ends a session, and what answers its server, is never refused for these.
    // `httpL.session.404` `httpL.session.notauth`
    pub fn place(
        &mut self,
        now: Instant,
        class: &Class,
        caller: Caller<'_>,
    ) -> Result<Placed<H>, Reply> {
        let place = match class {
            Class::Modern { .. } => Place::Alone,
            Class::Legacy {
                session: Some(id), ..
            } => match self.entry(id) {
                Some(entry) if entry.who.principal() == caller.principal() => {
                    Place::Session(entry.handle.clone())
                }
                _ => return Err(refusal(404, code::INVALID_REQUEST, "no such session")),
            },
            Class::Legacy { input, .. } => match input {
                Input::Post { opens: true, .. } | Input::Get { .. } => Place::New,
                _ => Place::Alone,
            },
        };
        if self.is_draining && is_new_work(class) {
            return Err(later(503, "the server is closing", "5"));
        }
        let ticket = self.callers.admit(now, class, caller, &self.limits)?;
        Ok(Placed { place, ticket })
    }

    /// Takes back the ticket of an exchange that is over. A request that its client has dropped
    /// before it was answered is taken off the client's allowance.
    pub fn ended(&mut self, now: Instant, ticket: Ticket, ended: Ended) {
        self.callers.ended(now, ticket, ended, &self.limits);
    }

    /// Enters a session whose client has been greeted. Returns the sessions that had to be
    /// forgotten for it, which are to be closed.
    ///
    /// Returns the answer to give instead, 503, if there is no room: other sessions are open, and
    /// none of them is an idle one of the same caller.
    pub fn insert(
        &mut self,
        now: Instant,
        id: impl Into<Arc<str>>,
        caller: Caller<'_>,
        handle: H,
    ) -> Result<Vec<H>, Reply> {
        let who = Who::from(caller);
        let id = id.into();
        let mut forgotten = Vec::new();
        forgotten.extend(self.remove(&id));
        if let Some(oldest) = self.to_forget(&who)? {
            forgotten.extend(self.remove(&oldest));
        }
        let own = self.callers.session_opened(&who);
        let place = self.slots.insert(now, handle, who.clone(), id.clone(), own);
        match place {
            Some(place) => {
                self.sessions.insert(id, place);
                Ok(forgotten)
            }
            None => {
                self.callers.session_ended(&who);
                Err(too_many())
            }
        }
    }

    /// Notes how far a session has come, after each input and each exchange that has ended. One that
    /// is closed is forgotten.
    pub fn note(&mut self, now: Instant, id: &str, status: SessionStatus) {
        if status == SessionStatus::Closed {
            self.remove(id);
        } else if let Some(place) = self.sessions.get(id)
            && let Some(entry) = self.slots.get(*place)
            && let Some(own) = self.callers.waiting(&entry.who)
        {
            self.slots.note(now, *place, status, own);
        }
    }

    /// Forgets the sessions whose time is over and returns them, to be closed.
    pub fn handle_timeout(&mut self, now: Instant) -> Vec<H> {
        let mut over = Vec::new();
        for waits in [Waits::HalfOpen, Waits::Idle] {
            while let Some(oldest) = self.slots.oldest(waits)
                && oldest.since + self.patience(waits) <= now
            {
                let id = oldest.id.clone();
                over.extend(self.remove(&id));
            }
        }
        over
    }

    /// Returns when [`handle_timeout`](Self::handle_timeout) has to be called; `None` when no session
    /// can run out of time.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let ends = |waits| {
            let oldest = self.slots.oldest(waits)?;
            Some(oldest.since + self.patience(waits))
        };
        let ends = [ends(Waits::HalfOpen), ends(Waits::Idle)];
        ends.into_iter().flatten().min()
    }

    /// Returns the session of this id, whoever it belongs to; `None` when there is none.
    pub fn get(&self, id: &str) -> Option<&H> {
        self.entry(id).map(|entry| &entry.handle)
    }

    /// Takes a session out of the table; `None` when there is none of this id.
    pub fn remove(&mut self, id: &str) -> Option<H> {
        let place = self.sessions.remove(id)?;
        let own = self.callers.waiting(&self.slots.get(place)?.who)?;
        let entry = self.slots.remove(place, own)?;
        self.callers.session_ended(&entry.who);
        Some(entry.handle)
    }

    /// Takes no new work from now on: requests and streams are answered with 503. What is open goes
    /// on, and its clients may still answer and cancel. For a graceful close drain every session of
    /// [`handles`](Self::handles) too, and wait until [`open_requests`](Self::open_requests) is 0.
    pub fn drain(&mut self) {
        self.is_draining = true;
    }

    /// Returns how many requests await their answers.
    pub fn open_requests(&self) -> usize {
        self.callers.open_requests()
    }

    /// Returns how many streams are open that belong to no request.
    pub fn open_streams(&self) -> usize {
        self.callers.open_streams()
    }

    /// Returns how many callers are remembered: those that have something open, or have dropped
    /// something lately.
    pub fn remembered(&self) -> usize {
        self.callers.len()
    }

    /// Returns all sessions, such as to tell them of a change.
    pub fn handles(&self) -> impl Iterator<Item = &H> {
        self.slots.iter().map(|entry| &entry.handle)
    }

    /// Returns how many sessions there are.
    pub fn len(&self) -> usize {
        self.sessions.len()
    }

    /// Returns whether there is no session.
    pub fn is_empty(&self) -> bool {
        self.sessions.is_empty()
    }

    fn entry(&self, id: &str) -> Option<&slots::Entry<H>> {
        self.slots.get(*self.sessions.get(id)?)
    }

    const fn patience(&self, waits: Waits) -> core::time::Duration {
        match waits {
            Waits::HalfOpen => self.limits.greeting,
            Waits::Idle => self.limits.idle,
        }
    }

    /// Which session makes room for one more of this caller; `None` when there is room.
    fn to_forget(&self, who: &Who) -> Result<Option<Arc<str>>, Reply> {
        let limits = &self.limits;
        let is_known = *who != Who::Anyone;
        let has_share = is_known && self.callers.sessions_of(who) >= limits.sessions_each;
        let is_full = self.sessions.len() >= limits.sessions;
        if !has_share && !is_full && self.slots.half_open() < limits.half_open {
            return Ok(None);
        }
        let own = |waits| {
            let oldest = self.callers.waiting_of(who)?.first(waits)?;
            self.slots.get(oldest)
        };
        let others = || self.slots.oldest(Waits::HalfOpen);
        let oldest = own(Waits::HalfOpen)
            .or_else(|| others().filter(|_| !has_share))
            .or_else(|| own(Waits::Idle).filter(|_| is_known));
        match oldest {
            Some(oldest) => Ok(Some(oldest.id.clone())),
            None => Err(too_many()),
        }
    }
}

fn too_many() -> Reply {
    later(503, "too many sessions", "60")
}

/// Whether a request asks for more than what is open already.
fn is_new_work(class: &Class) -> bool {
    let is_resumed = matches!(
        class,
        Class::Legacy {
            input: Input::Get {
                last_event: Some(_)
            },
            ..
        }
    );
    Ticket::counts(class) && !is_resumed
}
