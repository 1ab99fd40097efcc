//! Who has how much open at an endpoint, and who has dropped too much of it lately.
//!
//! Rules of this file: what is admitted is counted until its ticket comes back; one caller never has
//! more than its share; what frees something, and what a request that is open waits for, is always
//! admitted; a caller is remembered while it has something open or its allowance isn't whole.

use alloc::collections::BTreeMap;
use alloc::sync::Arc;

use crate::rpc::{Kind, code};
use crate::session::TokenBucket;
use crate::time::Instant;

use super::super::Reply;
use super::super::classify::{Class, Input, refusal};
use super::super::headers::name;
use super::limits::EndpointLimits;
use super::lists::Lists;

/// Who sends a request, as far as the transport knows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Caller<'a> {
    /// Whom it has authenticated, by a name that stays the same. A session belongs to the principal
    /// that has opened it.
    Principal(&'a str),
    /// Where the request comes from, such as the address of the connection. It is no proof of who
    /// somebody is, but tells callers apart where their shares are counted. Behind a proxy it is
    /// what the proxy says, or all of them are one.
    Peer(&'a str),
    /// Nothing is known: all of these share everything, and no bound for each caller applies.
    #[default]
    Anyone,
}

impl Caller<'_> {
    /// Returns whom the transport has authenticated; `None` when nobody.
    pub const fn principal(&self) -> Option<&str> {
        match self {
            Self::Principal(name) => Some(name),
            _ => None,
        }
    }
}

/// A caller, as it is remembered.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Who {
    Principal(Arc<str>),
    Peer(Arc<str>),
    Anyone,
}

impl Who {
    pub(super) fn principal(&self) -> Option<&str> {
        match self {
            Self::Principal(name) => Some(name),
            _ => None,
        }
    }
}

impl From<Caller<'_>> for Who {
    fn from(caller: Caller<'_>) -> Self {
        match caller {
            Caller::Principal(name) => Self::Principal(name.into()),
            Caller::Peer(name) => Self::Peer(name.into()),
            Caller::Anyone => Self::Anyone,
        }
    }
}

/// An exchange that an endpoint has admitted. Give it back once with
/// [`Endpoint::ended`](super::Endpoint::ended): what is never given back counts for ever.
#[derive(Debug)]
#[must_use = "what isn't given back counts for ever"]
pub struct Ticket {
    who: Who,
    takes: Takes,
}

impl Ticket {
    /// Whether what is asked for is counted, and may be refused for what else is open.
    pub(super) fn counts(class: &Class) -> bool {
        Takes::of(class) != Takes::Nothing
    }
}

/// How an exchange that was admitted has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Ended {
    /// The response is whole, or its server has ended it.
    Answered,
    /// The client has gone, or the connection broke, while the response wasn't whole.
    Gone,
}

/// What an exchange counts as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Takes {
    /// A request that awaits its answer.
    Request,
    /// A stream that belongs to no request, and may stay for days.
    Stream,
    /// What is answered at once, and must never be refused for what else is open.
    Nothing,
}

impl Takes {
    fn of(class: &Class) -> Self {
        match class {
            Class::Modern { listens: true, .. } => Self::Stream,
            Class::Modern { .. } => Self::Request,
            Class::Legacy { input, .. } => match input {
                Input::Post {
                    kind: None | Some(Kind::Request),
                    ..
                } => Self::Request,
                Input::Get { .. } => Self::Stream,
                Input::Post { .. } | Input::Delete => Self::Nothing,
            },
        }
    }
}

/// What one caller has open.
#[derive(Debug, Default)]
struct Account {
    requests: usize,
    streams: usize,
    sessions: usize,
    /// The sessions that wait.
    waiting: Lists,
    /// What is left of the allowance for dropped requests, and the place in the queue of those that
    /// recover; `None` when it is whole.
    allowance: Option<(TokenBucket, (Instant, u64))>,
}

/// The accounts of an endpoint's callers.
#[derive(Debug, Default)]
pub(super) struct Callers {
    accounts: BTreeMap<Who, Account>,
    /// Whose allowance is whole again at which time.
    recovering: BTreeMap<(Instant, u64), Who>,
    requests: usize,
    streams: usize,
    next: u64,
}

impl Callers {
    /// Admits an exchange, or returns the answer to give instead: 503 when the endpoint has too much
    /// open, 429 when the caller has, or drops too much.
    pub(super) fn admit(
        &mut self,
        now: Instant,
        class: &Class,
        caller: Caller<'_>,
        limits: &EndpointLimits,
    ) -> Result<Ticket, Reply> {
        let (who, takes) = (Who::from(caller), Takes::of(class));
        self.recover(now);
        if takes == Takes::Nothing {
            return Ok(Ticket { who, takes });
        }
        if self.has_dropped_too_much(now, &who, limits) {
            return Err(later(429, "too many requests were dropped", "1"));
        }
        let account = self.accounts.get(&who);
        let (open, most, own, share) = match takes {
            Takes::Request => (
                self.requests,
                limits.requests,
                account.map_or(0, |account| account.requests),
                limits.requests_each,
            ),
            _ => (
                self.streams,
                limits.streams,
                account.map_or(0, |account| account.streams),
                limits.streams_each,
            ),
        };
        if open >= most {
            return Err(later(503, "too many exchanges are open", "1"));
        }
        if who != Who::Anyone && own >= share {
            return Err(later(429, "too many of your exchanges are open", "1"));
        }
        self.count(&who, takes, |count| count + 1);
        Ok(Ticket { who, takes })
    }

    /// Takes a ticket back. A request that was dropped before its answer costs its caller.
    pub(super) fn ended(
        &mut self,
        now: Instant,
        ticket: Ticket,
        ended: Ended,
        limits: &EndpointLimits,
    ) {
        let Ticket { who, takes } = ticket;
        self.recover(now);
        self.count(&who, takes, |count| count.saturating_sub(1));
        if takes == Takes::Request && ended == Ended::Gone {
            self.charge(now, &who, limits);
        }
        self.forget_if_idle(&who);
    }

    pub(super) fn len(&self) -> usize {
        self.accounts.len()
    }

    pub(super) fn sessions_of(&self, who: &Who) -> usize {
        self.accounts.get(who).map_or(0, |account| account.sessions)
    }

    /// Counts one more session, and returns the lists for it to stand in.
    pub(super) fn session_opened(&mut self, who: &Who) -> &mut Lists {
        let account = self.accounts.entry(who.clone()).or_default();
        account.sessions += 1;
        &mut account.waiting
    }

    /// The sessions of a caller that wait.
    pub(super) fn waiting(&mut self, who: &Who) -> Option<&mut Lists> {
        self.accounts
            .get_mut(who)
            .map(|account| &mut account.waiting)
    }

    pub(super) fn waiting_of(&self, who: &Who) -> Option<&Lists> {
        self.accounts.get(who).map(|account| &account.waiting)
    }

    pub(super) fn session_ended(&mut self, who: &Who) {
        if let Some(account) = self.accounts.get_mut(who) {
            account.sessions = account.sessions.saturating_sub(1);
        }
        self.forget_if_idle(who);
    }

    pub(super) const fn open_requests(&self) -> usize {
        self.requests
    }

    pub(super) const fn open_streams(&self) -> usize {
        self.streams
    }

    fn count(&mut self, who: &Who, takes: Takes, change: impl Fn(usize) -> usize) {
        let account = match takes {
            Takes::Nothing => return,
            _ => self.accounts.entry(who.clone()).or_default(),
        };
        let (own, all) = match takes {
            Takes::Request => (&mut account.requests, &mut self.requests),
            _ => (&mut account.streams, &mut self.streams),
        };
        (*own, *all) = (change(*own), change(*all));
    }

    fn has_dropped_too_much(&self, now: Instant, who: &Who, limits: &EndpointLimits) -> bool {
        let account = self.accounts.get(who);
        let allowance = account.and_then(|account| account.allowance.as_ref());
        allowance
            .is_some_and(|(bucket, _)| !bucket.has(now, limits.cancel_burst, limits.cancel_rate))
    }

    /// Takes one off a caller's allowance. How many callers are remembered for it alone is bounded:
    /// who recovers first is forgotten first.
    fn charge(&mut self, now: Instant, who: &Who, limits: &EndpointLimits) {
        let (burst, rate) = (limits.cancel_burst, limits.cancel_rate);
        let place = (now + limits.recovery(), self.next);
        self.next += 1;
        let account = self.accounts.entry(who.clone()).or_default();
        let mut bucket = match account.allowance.take() {
            Some((bucket, old)) => {
                self.recovering.remove(&old);
                bucket
            }
            None => TokenBucket::default(),
        };
        bucket.take(now, burst, rate);
        account.allowance = Some((bucket, place));
        self.recovering.insert(place, who.clone());
        if self.recovering.len() > limits.sessions.max(1)
            && let Some((_, first)) = self.recovering.pop_first()
        {
            self.pardon(&first);
        }
    }

    /// Forgets the allowances that are whole again.
    fn recover(&mut self, now: Instant) {
        while let Some(first) = self.recovering.first_entry()
            && first.key().0 <= now
        {
            let who = first.remove();
            self.pardon(&who);
        }
    }

    fn pardon(&mut self, who: &Who) {
        if let Some(account) = self.accounts.get_mut(who) {
            account.allowance = None;
        }
        self.forget_if_idle(who);
    }

    fn forget_if_idle(&mut self, who: &Who) {
        let is_idle = self.accounts.get(who).is_some_and(|account| {
            let open = account.requests + account.streams + account.sessions;
            open == 0 && account.allowance.is_none()
        });
        if is_idle {
            self.accounts.remove(who);
        }
    }
}

/// A refusal that says when to come again, in seconds.
pub(crate) fn later(status: u16, why: &str, seconds: &str) -> Reply {
    let mut reply = refusal(status, code::INVALID_REQUEST, why);
    reply.head.headers.push(name::RETRY_AFTER, seconds);
    reply
}
