//! Challenges: a server wants to know first who asks, and a person may take minutes to say it.
//!
//! Rules of this file: what was answered with a challenge is parked and sent again once it is met;
//! one challenge is handed out at a time, and what is to be sent meanwhile waits; a request is parked
//! a bounded number of times, then it is refused.

use crate::revision::Era;
use crate::rpc::Kind;
use crate::session::{Closed, ExchangeId, Route};
use crate::time::Instant;

use super::super::ResponseHead;
use super::super::headers::name;
use super::codec::{Gate, HttpClient};
use super::exchange::{Challenged, Exchange, Parked, Posted, Purpose};
use super::request::Action;

impl HttpClient {
    /// Learns that the challenge is met, such as by a new token that the caller adds to each request
    /// from now on: what was refused is sent again, and what has waited follows. Let the session's
    /// clocks run on ([`ClientSession::resume`](crate::session::ClientSession::resume)). Does
    /// nothing if no challenge is open.
    // `era.http.auth`
    pub fn authorized(&mut self, now: Instant) {
        self.advance(now);
        let Some(challenged) = self.challenged.take() else {
            return;
        };
        for parked in challenged.parked {
            match parked {
                Parked::Post(posted) => self.post(posted),
                Parked::Get(purpose) => self.get(purpose),
            }
        }
        self.send_waiting();
    }

    /// Learns that the challenge can't be met: what was refused stays refused, and so is what has
    /// waited. A later request may be challenged anew. Does nothing if no challenge is open.
    pub fn unauthorized(&mut self, now: Instant) {
        self.advance(now);
        let Some(Challenged { status, parked }) = self.challenged.take() else {
            return;
        };
        let waiting = core::mem::take(&mut self.waiting);
        for parked in parked
            .into_iter()
            .chain(waiting.into_iter().map(Parked::Post))
        {
            if let Some(route) = parked.route() {
                self.actions
                    .push_back(Action::Closed(route, Closed::Refused { status }));
            }
        }
        // Nobody waits for `initialized` to be taken any more.
        self.gate = Gate::Open;
    }

    /// Parks an exchange that was answered with a challenge. Returns whether it was one that can be
    /// met.
    pub(super) fn park(&mut self, number: u64, head: &ResponseHead) -> bool {
        let is_challenge = match head.status {
            401 => true,
            403 => head.headers.has(name::WWW_AUTHENTICATE),
            _ => false,
        };
        let most = self.options.challenges;
        let may_park =
            |entry: &Exchange| is_challenge && challenges(entry).is_some_and(|n| n < most);
        if !self.exchanges.get(&number).is_some_and(may_park) {
            return false;
        }
        let Some(entry) = self.abort(number) else {
            return false;
        };
        let parked = match (entry.purpose, entry.posted) {
            (Purpose::Request(asked), _) if asked.resumed.last_event.is_none() => {
                Parked::Post(asked.posted)
            }
            (Purpose::Relist(relist), _) => Parked::Post(relist.call.posted),
            (Purpose::Notice | Purpose::Initialized, Some(posted)) => Parked::Post(posted),
            (purpose, _) => Parked::Get(purpose),
        };
        let parked = counted(parked);
        match &mut self.challenged {
            Some(challenged) => challenged.parked.push(parked),
            None => {
                self.challenged = Some(Challenged {
                    status: head.status,
                    parked: alloc::vec![parked],
                });
                self.actions.push_back(Action::Challenge {
                    exchange: ExchangeId::new(number),
                    status: head.status,
                    headers: head.headers.clone(),
                });
            }
        }
        true
    }

    /// Keeps a frame until nothing holds it back. One that cancels a request which waits too takes it
    /// away, as the server has never heard of it.
    pub(super) fn wait(&mut self, posted: Posted) {
        if posted.transmit.kind == Kind::Notification && self.withdraw(&posted) {
            return;
        }
        self.waiting.push_back(posted);
    }

    /// Takes away the request that a frame cancels, if it waits.
    // `httpM.cancel`
    fn withdraw(&mut self, cancel: &Posted) -> bool {
        let route = cancel.transmit.route;
        let is_cancel = super::sent::is_cancelled(&cancel.frame);
        if !is_cancel || !matches!(route, Route::Exchange(_)) {
            return false;
        }
        let revision = cancel.transmit.revision;
        if revision.is_some_and(|revision| revision.era() == Era::Modern) {
            // Nothing is sent for it, so that it need not wait either.
            self.cancel(route);
        }
        let is_it = |posted: &Posted| {
            posted.transmit.kind == Kind::Request && posted.transmit.route == route
        };
        let before = self.waiting.len();
        self.waiting.retain(|posted| !is_it(posted));
        let mut is_gone = self.waiting.len() < before;
        if let Some(challenged) = &mut self.challenged {
            let before = challenged.parked.len();
            // A stream that was parked belongs to a request that the server has.
            let is_parked =
                |parked: &Parked| matches!(parked, Parked::Post(posted) if is_it(posted));
            challenged.parked.retain(|parked| !is_parked(parked));
            is_gone |= challenged.parked.len() < before;
        }
        is_gone
    }
}

/// How often an exchange was challenged; `None` if it can't be sent again.
fn challenges(entry: &Exchange) -> Option<u32> {
    match (&entry.purpose, &entry.posted) {
        (Purpose::Request(asked) | Purpose::Pair(asked), _) => Some(asked.posted.challenges),
        (Purpose::Relist(relist), _) => Some(relist.call.posted.challenges),
        (Purpose::Notice | Purpose::Initialized, Some(posted)) => Some(posted.challenges),
        (Purpose::Standalone(standalone), _) => Some(standalone.challenges),
        _ => None,
    }
}

fn counted(mut parked: Parked) -> Parked {
    let challenges = match &mut parked {
        Parked::Post(posted) => &mut posted.challenges,
        Parked::Get(Purpose::Request(asked) | Purpose::Pair(asked)) => &mut asked.posted.challenges,
        Parked::Get(Purpose::Standalone(standalone)) => &mut standalone.challenges,
        Parked::Get(_) => return parked,
    };
    *challenges += 1;
    parked
}
