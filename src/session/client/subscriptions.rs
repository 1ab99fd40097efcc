//! A client's subscriptions: what each is for, by which requests the server was asked, and whether
//! it has agreed.
//!
//! Rules of this file: a subscription is confirmed once and ends once; subscriptions and their URIs
//! are counted together; a legacy server is asked for a URI once, however many subscriptions hold
//! it, and told when the last of them is gone; nothing is handed to one that isn't confirmed.

use alloc::boxed::Box;
use alloc::vec::Vec;

use smallvec::SmallVec;

use crate::model::owned::IntoOwned;
use crate::model::subscription::SubscriptionFilter;
use crate::saved::saved;

use super::super::event::Change;
use super::super::interest::{Interest, Watched};
use super::super::misuse::{Limited, Misuse};
use super::super::table::{Table, Weigh, total};

/// One subscription, from its command to its end.
#[derive(Clone, Debug)]
pub(super) struct Subscription {
    /// What it is for, as JSON: it is given back as it came.
    filter: Box<str>,
    interest: Interest,
    /// The number of the listen request; `None` in the legacy era.
    listen: Option<u64>,
    /// What a legacy server has still to confirm: the request that asked for it, and the URI.
    waits: Vec<(u64, Box<str>)>,
    is_confirmed: bool,
}

saved! { struct Subscription { filter, interest, listen, waits, is_confirmed } }

impl Subscription {
    pub(super) fn new(filter: &SubscriptionFilter<'_>) -> Self {
        Self {
            filter: serde_json::to_string(filter).unwrap_or_default().into(),
            interest: Interest::new(filter),
            listen: None,
            waits: Vec::new(),
            is_confirmed: false,
        }
    }

    /// Notes the request of its listen stream.
    pub(super) fn listens_by(mut self, request: u64) -> Self {
        self.listen = Some(request);
        self
    }

    /// Notes a request of which it awaits the answer for a URI.
    pub(super) fn waits_for(&mut self, request: u64, uri: Box<str>) {
        self.waits.push((request, uri));
    }

    pub(super) fn filter(&self) -> SubscriptionFilter<'static> {
        serde_json::from_str::<SubscriptionFilter<'_>>(&self.filter)
            .map(IntoOwned::into_owned)
            .unwrap_or_default()
    }

    pub(super) fn uris(&self) -> &[Box<str>] {
        self.interest.uris()
    }

    /// The number of its listen request.
    pub(super) fn listen(&self) -> Option<u64> {
        self.listen
    }

    fn waits_for_answer_to(&self, request: u64) -> bool {
        self.waits.iter().any(|(asked, _)| *asked == request)
    }
}

impl Weigh for Subscription {
    fn weight(&self) -> usize {
        // Each stands in the tree of those that are watched as well.
        let uris = self
            .uris()
            .iter()
            .map(|uri| total([uri.len(), 64]).saturating_mul(2));
        let waits = self.waits.iter().map(|(_, uri)| total([24, uri.len()]));
        total([
            size_of::<Self>(),
            self.filter.len(),
            uris.sum(),
            waits.sum(),
        ])
    }
}

/// What has to be done for a legacy server to tell of a resource.
pub(super) enum Need {
    /// Nothing: it does so already.
    None,
    /// Waiting for the answer to this request.
    Answer(u64),
    /// Asking it.
    Request,
}

/// The subscriptions that are open.
#[derive(Clone, Debug, Default)]
pub(super) struct Subscriptions {
    open: Table<Subscription, 0>,
    /// Which of them is for which URI.
    watched: Watched,
}

saved! { struct Subscriptions { open, watched } }

impl Subscriptions {
    /// Whether one more may be opened beside the others.
    pub(super) fn check(&self, more: &Subscription, limit: usize) -> Result<(), Misuse> {
        let count = |subscription: &Subscription| subscription.uris().len().saturating_add(1);
        let held: usize = self.open.iter().map(|(_, held)| count(held)).sum();
        if held.saturating_add(count(more)) > limit {
            let what = Limited::Subscriptions;
            return Err(Misuse::LimitReached { what, limit });
        }
        Ok(())
    }

    /// What it takes that a legacy server tells of this URI.
    pub(super) fn need(&self, uri: &str) -> Need {
        let watchers = self.watched.of(uri).iter();
        let watchers = watchers.filter_map(|number| self.open.get(*number));
        let mut waits = watchers.flat_map(|open| &open.waits);
        match waits.find(|(_, waited)| **waited == *uri) {
            Some((request, _)) => Need::Answer(*request),
            None if self.is_held(uri) => Need::None,
            None => Need::Request,
        }
    }

    /// Whether some subscription is for this URI.
    pub(super) fn is_held(&self, uri: &str) -> bool {
        self.watched.contains(uri)
    }

    /// Enters a subscription under a number that no other has had. Returns whether it waits for
    /// nothing, as one for lists alone does with a legacy server.
    pub(super) fn begin(&mut self, number: u64, subscription: Subscription) -> bool {
        let is_settled = subscription.listen.is_none() && subscription.waits.is_empty();
        for uri in subscription.uris() {
            self.watched.watch(uri, number);
        }
        self.open.insert(number, subscription);
        is_settled
    }

    /// Notes that the server has agreed; `None` when it had before, or there is no such one.
    pub(super) fn confirm(&mut self, number: u64) -> Option<&Subscription> {
        let subscription = self.open.get_mut(number)?;
        if subscription.is_confirmed {
            return None;
        }
        subscription.is_confirmed = true;
        Some(subscription)
    }

    /// A legacy server has agreed to what a request asked for. Returns the subscriptions that wait
    /// for nothing more.
    pub(super) fn granted(&mut self, request: u64) -> Vec<u64> {
        let mut settled = Vec::new();
        for number in self.waiting_for(request) {
            let is_settled = self.open.change(number, |open| {
                open.waits.retain(|(asked, _)| *asked != request);
                open.waits.is_empty()
            });
            settled.extend(is_settled.filter(|is| *is).map(|_| number));
        }
        settled
    }

    /// A legacy server has refused what a request asked for. Returns the subscriptions that this
    /// ends, and the other URIs of theirs.
    pub(super) fn refused(&mut self, request: u64) -> (Vec<(u64, Subscription)>, Vec<Box<str>>) {
        let (mut ended, mut released) = (Vec::new(), Vec::new());
        for number in self.waiting_for(request) {
            let Some(subscription) = self.end(number) else {
                continue;
            };
            let refused = subscription.waits.iter().find(|wait| wait.0 == request);
            let others = subscription.uris().iter();
            released.extend(
                others
                    .filter(|uri| refused.is_none_or(|(_, refused)| refused != *uri))
                    .cloned(),
            );
            ended.push((number, subscription));
        }
        released.sort_unstable();
        released.dedup();
        (ended, released)
    }

    fn waiting_for(&self, request: u64) -> SmallVec<[u64; 8]> {
        let open = self.open.iter();
        let waiting = open.filter(|(_, open)| open.waits_for_answer_to(request));
        waiting.map(|(number, _)| number).collect()
    }

    /// Ends a subscription; `None` when it isn't open.
    pub(super) fn end(&mut self, number: u64) -> Option<Subscription> {
        let ended = self.open.remove(number)?;
        for uri in ended.uris() {
            self.watched.unwatch(uri, number);
        }
        Some(ended)
    }

    /// The subscription of a listen stream, by the number of its request.
    pub(super) fn of_listen(&self, listen: u64) -> Option<u64> {
        self.open.find(|open| open.listen == Some(listen))
    }

    /// The confirmed subscriptions that are about a change, of the resource `uri` if it is one of
    /// those.
    pub(super) fn concerned(&self, change: Change, uri: &str) -> SmallVec<[u64; 2]> {
        if change == Change::Resource {
            let mut concerned = self.watched.concerned(uri);
            concerned.retain(|number| self.open.get(*number).is_some_and(|open| open.is_confirmed));
            return concerned;
        }
        let open = self.open.iter();
        let concerned =
            open.filter(|(_, open)| open.is_confirmed && open.interest.wants_list(change));
        concerned.map(|(number, _)| number).collect()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (u64, &Subscription)> {
        self.open.iter()
    }

    /// All numbers, lowest first.
    pub(super) fn numbers(&self) -> SmallVec<[u64; 8]> {
        self.open.numbers()
    }

    /// Whether all have numbers that were given out and nothing else is watched, as is the case unless a
    /// saved session was changed.
    pub(super) fn is_sound(&self, next_number: u64) -> bool {
        let mut watched = Watched::default();
        for (number, subscription) in self.open.iter() {
            for uri in subscription.uris() {
                watched.watch(uri, number);
            }
        }
        self.last_number().is_none_or(|last| last < next_number) && watched == self.watched
    }

    /// How many bytes they hold.
    pub(super) fn held(&self) -> usize {
        self.open.held()
    }

    pub(super) fn last_number(&self) -> Option<u64> {
        self.open.last_number()
    }
}
