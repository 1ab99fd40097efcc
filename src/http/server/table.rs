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
//! table that is full forgets half-open sessions, those of the same principal first, and never an
//! open one; whoever opens requests and drops them runs out of an allowance of their own.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::time::Duration;

use crate::rpc::code;
use crate::session::TokenBucket;
use crate::time::Instant;

use super::super::Reply;
use super::super::classify::{Class, Input, refusal};
use super::super::headers::name;

/// How many sessions and requests an endpoint takes, and how long it keeps them.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct EndpointLimits {
    /// Sessions at once. 10,000.
    pub sessions: usize,
    /// How many of them may be half open: greeted, and not yet ready. 1,000.
    pub half_open: usize,
    /// How long a session may be half open. 30 s.
    pub greeting: Duration,
    /// How long a session may be idle. 30 min.
    pub idle: Duration,
    /// Requests that one principal may drop in one burst before further ones are refused. 100.
    pub cancel_burst: u32,
    /// How fast the allowance for dropped requests grows back, each second. 20.
    pub cancel_rate: u32,
}

impl Default for EndpointLimits {
    fn default() -> Self {
        Self {
            sessions: 10_000,
            half_open: 1_000,
            greeting: Duration::from_secs(30),
            idle: Duration::from_secs(30 * 60),
            cancel_burst: 100,
            cancel_rate: 20,
        }
    }
}

/// How far a session has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SessionStatus {
    /// Its client has been greeted and hasn't said that it is ready.
    HalfOpen,
    /// An exchange or a request is open.
    Busy,
    /// It is open and nothing is under way.
    Idle,
    /// It is over, or has never begun.
    Closed,
}

/// Where a request belongs.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Place<H> {
    /// In a session of its own that nobody else will ask for: a modern or a stateless one.
    Alone,
    /// In a session that is to be created and, once it has answered, inserted under its id.
    New,
    /// In this session.
    Session(H),
}

struct Entry<H> {
    handle: H,
    principal: Option<Box<str>>,
    status: SessionStatus,
    since: Instant,
}

/// The table of an endpoint's sessions. `H` is how the caller reaches a session, such as an
/// `Arc<Mutex<..>>`.
///
/// It holds no session, draws no id and reads no clock.
pub struct Endpoint<H> {
    limits: EndpointLimits,
    sessions: BTreeMap<Box<str>, Entry<H>>,
    dropped: BTreeMap<Option<Box<str>>, TokenBucket>,
}

impl<H> core::fmt::Debug for Endpoint<H> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Endpoint")
            .field("sessions", &self.sessions.len())
            .finish_non_exhaustive()
    }
}

impl<H: Clone> Endpoint<H> {
    /// Creates an endpoint without sessions.
    pub fn new(limits: EndpointLimits) -> Self {
        Self {
            limits,
            sessions: BTreeMap::new(),
            dropped: BTreeMap::new(),
        }
    }

    /// Returns where a request belongs that `principal` has sent, as the transport has authenticated
    /// them; `None` stands for everybody who hasn't been.
    ///
    /// The error is the whole answer: 404 for a session that there is not, or that is somebody
    /// else's, and 429 for a principal that keeps dropping what it asks for.
    // `httpL.session.404` `httpL.session.notauth`
    pub fn place(
        &mut self,
        now: Instant,
        class: &Class,
        principal: Option<&str>,
    ) -> Result<Place<H>, Reply> {
        self.check_allowance(now, principal)?;
        let (session, input) = match class {
            Class::Modern { .. } => return Ok(Place::Alone),
            Class::Legacy { session, input, .. } => (session, input),
        };
        let Some(id) = session else {
            return Ok(match input {
                Input::Post { opens: true, .. } => Place::New,
                _ => Place::Alone,
            });
        };
        match self.sessions.get(id) {
            Some(entry) if entry.principal.as_deref() == principal => {
                Ok(Place::Session(entry.handle.clone()))
            }
            _ => Err(refusal(404, code::INVALID_REQUEST, "no such session")),
        }
    }

    /// Enters a session whose client has been greeted. Returns the sessions that had to be
    /// forgotten for it, which are to be closed.
    ///
    /// Returns the answer to give instead, 503, if every other session is open.
    pub fn insert(
        &mut self,
        now: Instant,
        id: &str,
        principal: Option<&str>,
        handle: H,
    ) -> Result<Vec<H>, Reply> {
        let mut forgotten = Vec::new();
        let half_open = self.half_open().count();
        if self.sessions.len() >= self.limits.sessions || half_open >= self.limits.half_open {
            let of_same = self.oldest_half_open(|entry| entry.principal.as_deref() == principal);
            let Some(oldest) = of_same.or_else(|| self.oldest_half_open(|_| true)) else {
                let mut reply = refusal(503, code::INVALID_REQUEST, "too many sessions");
                reply.head.headers.push(name::RETRY_AFTER, "60");
                return Err(reply);
            };
            forgotten.extend(self.remove(&oldest));
        }
        let entry = Entry {
            handle,
            principal: principal.map(Box::from),
            status: SessionStatus::HalfOpen,
            since: now,
        };
        let replaced = self.sessions.insert(id.into(), entry);
        forgotten.extend(replaced.map(|entry| entry.handle));
        Ok(forgotten)
    }

    /// Notes how far a session has come, after each input and each exchange that has ended. One that
    /// is closed is forgotten.
    pub fn note(&mut self, now: Instant, id: &str, status: SessionStatus) {
        if status == SessionStatus::Closed {
            self.sessions.remove(id);
        } else if let Some(entry) = self.sessions.get_mut(id) {
            // A client that stays half open gets no more time by talking.
            if status != SessionStatus::HalfOpen || entry.status != status {
                entry.since = now;
            }
            entry.status = status;
        }
    }

    /// Notes that a client has dropped an exchange whose request was still open.
    pub fn dropped(&mut self, now: Instant, principal: Option<&str>) {
        let (burst, rate) = (self.limits.cancel_burst, self.limits.cancel_rate);
        if self.dropped.len() >= self.limits.sessions {
            // Whoever has all of its allowance again need not be remembered.
            let is_low = |bucket: &mut TokenBucket| !bucket.is_full(now, burst, rate);
            self.dropped.retain(|_, bucket| is_low(bucket));
        }
        let key = principal.map(Box::from);
        let bucket = self
            .dropped
            .entry(key)
            .or_insert_with(|| TokenBucket::new(burst));
        bucket.take(now, burst, rate);
    }

    /// Forgets the sessions whose time is over and returns them, to be closed.
    pub fn handle_timeout(&mut self, now: Instant) -> Vec<H> {
        let is_over = |entry: &Entry<H>| self.limits.ends(entry).is_some_and(|at| at <= now);
        let over = self.sessions.iter().filter(|(_, entry)| is_over(entry));
        let over: Vec<Box<str>> = over.map(|(id, _)| id.clone()).collect();
        over.iter().filter_map(|id| self.remove(id)).collect()
    }

    /// Returns when [`handle_timeout`](Self::handle_timeout) has to be called; `None` when no session
    /// can run out of time. It takes as long as there are sessions.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let entries = self.sessions.values();
        entries.filter_map(|entry| self.limits.ends(entry)).min()
    }

    /// Takes a session out of the table; `None` when there is none of this id.
    pub fn remove(&mut self, id: &str) -> Option<H> {
        self.sessions.remove(id).map(|entry| entry.handle)
    }

    /// Returns all sessions, such as to tell them of a change.
    pub fn handles(&self) -> impl Iterator<Item = &H> {
        self.sessions.values().map(|entry| &entry.handle)
    }

    /// Returns how many sessions there are.
    pub fn len(&self) -> usize {
        self.sessions.len()
    }

    /// Returns whether there is no session.
    pub fn is_empty(&self) -> bool {
        self.sessions.is_empty()
    }

    fn check_allowance(&mut self, now: Instant, principal: Option<&str>) -> Result<(), Reply> {
        let (burst, rate) = (self.limits.cancel_burst, self.limits.cancel_rate);
        let Some(bucket) = self.dropped.get_mut(&principal.map(Box::from)) else {
            return Ok(());
        };
        if bucket.has(now, burst, rate) {
            return Ok(());
        }
        let mut reply = refusal(429, code::INVALID_REQUEST, "too many requests were dropped");
        reply.head.headers.push(name::RETRY_AFTER, "1");
        Err(reply)
    }

    fn half_open(&self) -> impl Iterator<Item = (&str, &Entry<H>)> {
        let sessions = self.sessions.iter().map(|(id, entry)| (&**id, entry));
        sessions.filter(|(_, entry)| entry.status == SessionStatus::HalfOpen)
    }

    fn oldest_half_open(&self, is_wanted: impl Fn(&Entry<H>) -> bool) -> Option<Box<str>> {
        let wanted = self.half_open().filter(|(_, entry)| is_wanted(entry));
        wanted
            .min_by_key(|(_, entry)| entry.since)
            .map(|(id, _)| id.into())
    }
}

impl EndpointLimits {
    /// When a session's time is over; `None` while it is busy.
    fn ends<H>(&self, entry: &Entry<H>) -> Option<Instant> {
        match entry.status {
            SessionStatus::HalfOpen => Some(entry.since + self.greeting),
            SessionStatus::Idle => Some(entry.since + self.idle),
            SessionStatus::Busy | SessionStatus::Closed => None,
        }
    }
}
