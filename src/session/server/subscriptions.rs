//! What a server's clients want to know of: the URIs that a legacy client subscribed to, and the
//! modern listen streams.
//!
//! Rules of this file: a URI is watched from its first subscriber to its last; streams and URIs are
//! counted together; every look-up by URI or number takes logarithmic time.

use alloc::boxed::Box;
use alloc::vec::Vec;

use smallvec::SmallVec;

use crate::model::meta;
use crate::model::subscription::SubscriptionFilter;
use crate::revision::Revision;
use crate::rpc::{RequestId, write_string};
use crate::saved::saved;

use super::super::arrival::Arrival;
use super::super::arrival::ReplyTo;
use super::super::event::Change;
use super::super::interest::{Interest, Watched};
use super::super::rare::Idle;
use super::super::table::{Table, Weigh, total};

/// A live `subscriptions/listen`.
#[derive(Clone, Debug)]
pub(super) struct Listen {
    pub(super) request: RequestId,
    pub(super) target: ReplyTo,
    pub(super) revision: Revision,
    interest: Interest,
    /// How long the frame is that its user was given, who keeps it to look for tasks.
    handed_out: usize,
}

saved! { struct Listen { request, target, revision, interest, handed_out } }

impl Listen {
    /// The stream of a request, as far as its filter is honoured.
    pub(super) fn new(arrival: &Arrival<'_>, honoured: &SubscriptionFilter<'_>) -> Self {
        Self {
            request: arrival.id.clone(),
            target: arrival.target,
            revision: arrival.revision,
            interest: Interest::new(honoured),
            handed_out: match honoured.task_ids {
                Some(_) => arrival.body.frame.len(),
                None => 0,
            },
        }
    }

    /// Whether it is to hear of this task.
    pub(super) fn wants_task(&self, id: &str) -> bool {
        self.interest.wants_task(id)
    }

    /// The members of `_meta` that tag a message of this stream.
    pub(super) fn tag(&self) -> Vec<u8> {
        // Enough for a number and for most texts: every change is told with it.
        let mut out = Vec::with_capacity(meta::SUBSCRIPTION_ID.len().saturating_add(32));
        write_string(&mut out, meta::SUBSCRIPTION_ID);
        out.push(b':');
        self.request.write(&mut out);
        out
    }
}

impl Weigh for Listen {
    fn weight(&self) -> usize {
        let texts = self.interest.uris().iter().map(|uri| uri_weight(uri));
        let tasks = self.interest.tasks().iter();
        let tasks = tasks.map(|id| id.len().saturating_add(size_of::<Box<str>>()));
        total([
            size_of::<Self>(),
            self.request.weight(),
            texts.sum(),
            tasks.fold(0, usize::saturating_add),
            self.handed_out,
        ])
    }
}

/// The number of the legacy client among those who watch; no stream has it.
const LEGACY: u64 = 0;

/// Who wants to know of what.
#[derive(Clone, Debug, Default)]
pub(super) struct Subscriptions {
    listens: Table<Listen, 0>,
    /// Every URI that somebody watches: the legacy client, who is [`LEGACY`], and the streams.
    watched: Watched,
    /// How many URIs the legacy client subscribed to.
    legacy: usize,
    /// How many URIs and tasks the streams have together.
    listened: usize,
    /// How many bytes the legacy client's URIs hold.
    legacy_held: usize,
}

saved! { struct Subscriptions { listens, watched, legacy, listened, legacy_held } }

impl Idle for Subscriptions {
    const IDLE: &'static Self = &Self {
        listens: Table::EMPTY,
        watched: Watched::NOTHING,
        legacy: 0,
        listened: 0,
        legacy_held: 0,
    };
}

impl Subscriptions {
    /// How many streams and URIs there are.
    pub(super) fn count(&self) -> usize {
        total([self.legacy, self.listens.len(), self.listened])
    }

    /// How many bytes they hold.
    pub(super) fn held(&self) -> usize {
        total([self.legacy_held, self.listens.held()])
    }

    /// Whether all have numbers that were given out, nothing else is watched, and what is counted is
    /// what is there, as is the case unless a saved session was changed.
    pub(super) fn is_sound(&self, next_number: u64) -> bool {
        let mut rebuilt = Self::default();
        for uri in self.watched.uris().filter(|uri| self.is_legacy(uri)) {
            rebuilt.subscribe(uri);
        }
        for (number, listen) in self.listens.iter() {
            for uri in listen.interest.uris() {
                rebuilt.watched.watch(uri, number);
            }
            rebuilt.listened = total([rebuilt.listened, listen.interest.count()]);
        }
        let counts = |it: &Self| (it.legacy, it.legacy_held, it.listened);
        counts(&rebuilt) == counts(self)
            && rebuilt.watched == self.watched
            && self
                .listens
                .iter()
                .all(|(number, _)| (1..next_number).contains(&number))
    }

    /// The URIs that somebody watches, each once.
    pub(super) fn watched(&self) -> impl Iterator<Item = &str> {
        self.watched.uris()
    }

    /// Adds what a legacy client subscribes to; whether nobody watched it before.
    pub(super) fn subscribe(&mut self, uri: &str) -> bool {
        if self.is_legacy(uri) {
            return false;
        }
        self.legacy = self.legacy.saturating_add(1);
        self.legacy_held = total([self.legacy_held, uri_weight(uri)]);
        self.watched.watch(uri, LEGACY)
    }

    /// Takes back what a legacy client subscribed to; whether nobody watches it any more.
    pub(super) fn unsubscribe(&mut self, uri: &str) -> bool {
        if !self.is_legacy(uri) {
            return false;
        }
        self.legacy = self.legacy.saturating_sub(1);
        self.legacy_held = self.legacy_held.saturating_sub(uri_weight(uri));
        self.watched.unwatch(uri, LEGACY)
    }

    fn is_legacy(&self, uri: &str) -> bool {
        self.watched.of(uri).first() == Some(&LEGACY)
    }

    /// Who asked for a change, of the resource `uri` if it is one of those: whether the legacy client
    /// did, which hears of every list, and the numbers of the streams that did.
    pub(super) fn concerned(&self, change: Change, uri: &str) -> (bool, SmallVec<[u64; 2]>) {
        if change != Change::Resource {
            let listens = self.listens.iter();
            let wanting = listens.filter(|(_, listen)| listen.interest.wants_list(change));
            return (true, wanting.map(|(number, _)| number).collect());
        }
        let mut concerned = self.watched.concerned(uri);
        let is_legacy = concerned.first() == Some(&LEGACY);
        if is_legacy {
            concerned.remove(0);
        }
        (is_legacy, concerned)
    }

    /// Adds a stream. Returns the URIs that nobody watched before.
    pub(super) fn begin(&mut self, number: u64, listen: Listen) -> Vec<Box<str>> {
        let mut fresh = listen.interest.uris().to_vec();
        self.listened = total([self.listened, listen.interest.count()]);
        fresh.retain(|uri| self.watched.watch(uri, number));
        self.listens.insert(number, listen);
        fresh
    }

    /// Ends a stream. Returns it, and the URIs that nobody watches any more.
    pub(super) fn end(&mut self, number: u64) -> Option<(Listen, Vec<Box<str>>)> {
        let mut listen = self.listens.remove(number)?;
        let interest = core::mem::take(&mut listen.interest);
        self.listened = self.listened.saturating_sub(interest.count());
        let mut gone = interest.into_uris();
        gone.retain(|uri| self.watched.unwatch(uri, number));
        Some((listen, gone))
    }

    /// The stream of a request.
    #[inline]
    pub(super) fn find(&self, request: &RequestId) -> Option<u64> {
        self.listens.find(|listen| listen.request == *request)
    }

    /// The streams, by number.
    pub(super) fn listens(&self) -> &Table<Listen, 0> {
        &self.listens
    }
}

/// What a watched URI holds: its text stands in two places, each in a node of a tree or a list.
fn uri_weight(uri: &str) -> usize {
    total([uri.len(), 64]).saturating_mul(2)
}
