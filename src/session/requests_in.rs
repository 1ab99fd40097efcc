//! The peer's requests that this side has to answer: what each is called, where its answer goes and
//! what was reported on it. Each role keeps a part of its own with them.
//!
//! Rules of this file: an id is in use from its request's arrival to its end (`base.id.dup.recv`);
//! a request ends once, by its answer or without one; what is sent of its progress increases and
//! goes out only where it was asked for (`progress.onlyactive`, `progress.increase`); however many
//! are open, a frame that names one is not compared with all.

use alloc::boxed::Box;
use alloc::collections::BTreeSet;
use core::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use smallvec::SmallVec;

use crate::limits::Limits;
use crate::model::encode::{EncodeError, SessionMembers};
use crate::model::members::{MetaMember, Param};
use crate::revision::{Era, Revision};
use crate::rpc::{RequestId, RpcError, raw_at};
use crate::saved::saved;

use super::arrival::{Arrival, ReplyTo};
use super::event::Body;
use super::ids::Ids;
use super::misuse::Misuse;
use super::name::MethodName;
use super::progress::{Report, Reported};
use super::route::Route;
use super::table::{Table, Weigh, total};
use super::writer::MessageWriter;

/// From so many on, requests are found by an index of their ids.
const MANY: usize = 16;

/// A request from its arrival to its end.
#[derive(Clone)]
pub(super) struct RequestIn<T> {
    id: RequestId,
    target: ReplyTo,
    revision: Revision,
    /// `None` for one that neither wants to hear of its progress nor was reported on.
    progress: Option<Box<Progress>>,
    /// What the role keeps of it.
    pub(super) part: T,
}

saved! { struct RequestIn<T> { id, target, revision, progress, part } }

/// How far a request has come, and the token by which its sender wants to know.
#[derive(Clone, Default)]
struct Progress {
    token: Option<RequestId>,
    reported: Reported,
}

saved! { struct Progress { token, reported } }

impl<T> RequestIn<T> {
    /// The request of an arrival, which has been checked; `part` makes the role's part of its method
    /// and its params.
    #[inline]
    pub(super) fn new(arrival: Arrival<'_>, part: impl FnOnce(MethodName, Body) -> T) -> Self {
        Self {
            progress: progress_token(&arrival).flatten().map(Progress::of),
            id: arrival.id,
            target: arrival.target,
            revision: arrival.revision,
            part: part(arrival.method, arrival.body),
        }
    }

    pub(super) fn id(&self) -> &RequestId {
        &self.id
    }

    pub(super) fn revision(&self) -> Revision {
        self.revision
    }

    /// The stream it came by.
    pub(super) fn route(&self) -> Route {
        self.target.route
    }

    pub(super) fn wants_progress(&self) -> bool {
        self.progress_token().is_some()
    }

    fn progress_token(&self) -> Option<&RequestId> {
        self.progress.as_ref()?.token.as_ref()
    }
}

impl Progress {
    /// None so far, of which this token wants to hear.
    fn of(token: RequestId) -> Box<Self> {
        Box::new(Self {
            token: Some(token),
            reported: Reported::default(),
        })
    }
}

/// Whether there is a progress token instead of the token, which may be secret.
impl<T: fmt::Debug> fmt::Debug for RequestIn<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestIn")
            .field("id", &self.id)
            .field("target", &self.target)
            .field("revision", &self.revision)
            .field("wants_progress", &self.wants_progress())
            .field("part", &self.part)
            .finish_non_exhaustive()
    }
}

impl<T: Weigh> Weigh for RequestIn<T> {
    #[inline]
    fn weight(&self) -> usize {
        // The id stands in the index as well.
        let (own, id) = (
            const { size_of::<Self>() - size_of::<T>() },
            self.id.weight(),
        );
        let token = self.progress_token().map(Weigh::weight);
        let progress = self.progress.as_ref().map(|_| size_of::<Progress>());
        let (progress, token) = (progress.unwrap_or(0), token.unwrap_or(0));
        total([own, id, id, progress, token, self.part.weight()])
    }
}

/// The token by which a request wants to hear of its progress; `Some(None)` when it has none, `None`
/// when it has one that isn't a token.
fn progress_token(arrival: &Arrival<'_>) -> Option<Option<RequestId>> {
    let span = arrival.scan.param_meta(MetaMember::ProgressToken);
    match raw_at(&arrival.body.frame, span) {
        None => Some(None),
        Some(token) => RequestId::from_json(token.as_str()).map(Some),
    }
}

/// The requests that are open.
#[derive(Clone, Debug)]
pub(super) struct RequestsIn<T, const INLINE: usize = 1> {
    open: Table<RequestIn<T>, INLINE>,
    /// Their numbers by their ids, while there are many; `None` while there are few.
    index: Option<Box<Ids>>,
}

impl<T: Serialize, const INLINE: usize> Serialize for RequestsIn<T, INLINE> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.open.serialize(serializer)
    }
}

impl<'de, T: Weigh + Deserialize<'de>, const INLINE: usize> Deserialize<'de>
    for RequestsIn<T, INLINE>
{
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let open = Table::<_, INLINE>::deserialize(deserializer)?;
        let index = (open.len() >= MANY).then(|| Box::new(index_of(&open)));
        Ok(Self { open, index })
    }
}

impl<T, const INLINE: usize> Default for RequestsIn<T, INLINE> {
    fn default() -> Self {
        Self {
            open: Table::default(),
            index: None,
        }
    }
}

impl<T: Weigh, const INLINE: usize> RequestsIn<T, INLINE> {
    /// Whether a request may come in at all: its id is free, and what the session reads by has one
    /// meaning.
    #[inline]
    pub(super) fn check(&self, arrival: &Arrival<'_>, limits: &Limits) -> Result<(), RpcError> {
        if self.find(&arrival.id).is_some() {
            return Err(in_use());
        }
        if arrival.scan.params.has_duplicate {
            return Err(RpcError::invalid_params(
                "Invalid params: a member stands twice",
            ));
        }
        let frame = &arrival.body.frame;
        let meta = arrival.scan.param(Param::Meta);
        if meta.is_some() && !meta.of(frame).starts_with(b"{") {
            return Err(RpcError::invalid_params(
                "Invalid params: _meta must be an object",
            ));
        }
        let token = arrival.scan.param_meta(MetaMember::ProgressToken);
        let is_too_long = token.range().len() > limits.id.saturating_add(2);
        if is_too_long || progress_token(arrival).is_none() {
            return Err(RpcError::invalid_params(
                "Invalid params: the progress token must be a string or an integer, and not too long",
            ));
        }
        Ok(())
    }

    /// The open request of this id.
    #[inline]
    pub(super) fn find(&self, id: &RequestId) -> Option<u64> {
        match &self.index {
            None => self.open.find(|open| open.id == *id),
            Some(index) => index.get(id),
        }
    }

    /// Enters a request under a number that no other has had.
    #[inline]
    pub(super) fn insert(&mut self, number: u64, request: RequestIn<T>) {
        if let Some(index) = &mut self.index {
            index.insert(&request.id, number);
        }
        self.open.insert(number, request);
        if self.index.is_none() && self.open.len() >= MANY {
            self.index = Some(Box::new(index_of(&self.open)));
        }
    }

    /// Takes a request out, of which `last` says what is left.
    #[inline]
    fn end<R>(&mut self, number: u64, last: impl FnOnce(&mut RequestIn<T>) -> R) -> Option<R> {
        let Self { open, index } = self;
        open.discard(number, |ended| {
            if let Some(of_ids) = index {
                of_ids.remove(&ended.id);
                if of_ids.len() < MANY / 2 {
                    *index = None;
                }
            }
            last(ended)
        })
    }

    #[inline]
    pub(super) fn get(&self, number: u64) -> Option<&RequestIn<T>> {
        self.open.get(number)
    }

    /// Changes the role's part of a request; `None` when it isn't open.
    pub(super) fn change<R>(&mut self, number: u64, change: impl FnOnce(&mut T) -> R) -> Option<R> {
        self.open.change(number, |open| change(&mut open.part))
    }

    /// Lets a request that is handed out once more be reported on from the start.
    pub(super) fn restart_progress(&mut self, number: u64) {
        let open = self.open.get_mut(number);
        if let Some(progress) = open.and_then(|open| open.progress.as_mut()) {
            progress.reported.restart();
        }
    }

    /// Reports progress, if the peer wants to know of it.
    pub(super) fn report(
        &mut self,
        number: u64,
        writer: &mut MessageWriter,
        report: &Report<'_>,
    ) -> Result<(), Misuse> {
        let reported = self.open.change(number, |open| {
            let known = open.progress.take();
            let is_known = known.is_some();
            let mut progress = known.unwrap_or_default();
            let token = progress.token.as_ref();
            let to = token.map(|token| (open.target.route, open.revision, token));
            let taken = progress.reported.report(writer, to, report);
            // A report that is refused leaves nothing behind.
            if is_known || taken.is_ok() {
                open.progress = Some(progress);
            }
            taken
        });
        reported.unwrap_or(Ok(()))
    }

    /// Ends a request with its result and what `additions` says that the session adds, or leaves it
    /// open if that can't be written.
    pub(super) fn answer<'m, R: serde::Serialize>(
        &mut self,
        number: u64,
        writer: &mut MessageWriter,
        result: &R,
        additions: impl FnOnce(&RequestIn<T>) -> SessionMembers<'m>,
    ) -> Result<(), EncodeError> {
        if let Some(open) = self.open.get(number) {
            let additions = additions(open);
            writer.result(open.target, &open.id, open.revision, result, &additions)?;
            self.end(number, |_| ());
        }
        Ok(())
    }

    /// Ends a request with an error.
    pub(super) fn refuse(&mut self, number: u64, writer: &mut MessageWriter, error: &RpcError) {
        self.end(number, |open| {
            writer.error(open.target, Some(&open.id), Some(open.revision), error);
        });
    }

    /// Ends a request without an answer, as one that its sender took back. Returns whether it was
    /// open.
    pub(super) fn drop(&mut self, number: u64, writer: &mut MessageWriter) -> bool {
        let ended = self.end(number, |open| writer.finish_element(open.target));
        ended.is_some()
    }

    /// Ends all of them without an answer; those that a batch has had leave without them. Returns their
    /// numbers.
    pub(super) fn drop_all(&mut self, writer: &mut MessageWriter) -> SmallVec<[u64; 8]> {
        let open = core::mem::take(self).open;
        for (_, request) in open.iter() {
            writer.finish_element(request.target);
        }
        open.numbers()
    }

    /// The requests of `era` that came by this stream.
    pub(super) fn on_route(&self, route: Route, era: Era) -> SmallVec<[u64; 8]> {
        let on_route =
            |open: &RequestIn<T>| open.target.route == route && open.revision.era() == era;
        let open = self.open.iter().filter(|(_, open)| on_route(open));
        open.map(|(number, _)| number).collect()
    }

    pub(super) fn numbers(&self) -> SmallVec<[u64; 8]> {
        self.open.numbers()
    }

    /// How many of them came by `route`.
    pub(super) fn count_on(&self, route: Route) -> usize {
        let on_route = |(_, request): &(u64, &RequestIn<T>)| request.route() == route;
        self.open.iter().filter(on_route).count()
    }

    pub(super) fn len(&self) -> usize {
        self.open.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    /// How many bytes they hold.
    pub(super) fn held(&self) -> usize {
        self.open.held()
    }

    /// What the role keeps of each request.
    pub(super) fn parts(&self) -> impl Iterator<Item = (u64, &T)> {
        let open = self.open.iter();
        open.map(|(number, open)| (number, &open.part))
    }

    /// Where the answers go.
    pub(super) fn targets(&self) -> impl Iterator<Item = ReplyTo> {
        self.open.iter().map(|(_, open)| open.target)
    }

    /// Whether all have numbers that were given out, ids of their own and a part that `is_sound`.
    pub(super) fn is_sound(&self, writer: &MessageWriter, is_sound: impl Fn(&T) -> bool) -> bool {
        let mut ids = BTreeSet::new();
        self.open.iter().all(|(number, open)| {
            number < writer.next_number() && ids.insert(&open.id) && is_sound(&open.part)
        })
    }
}

fn index_of<T, const INLINE: usize>(open: &Table<RequestIn<T>, INLINE>) -> Ids {
    let mut ids = Ids::default();
    for (number, open) in open.iter() {
        ids.insert(&open.id, number);
    }
    ids
}

/// What a request hears whose id another one has.
pub(super) fn in_use() -> RpcError {
    RpcError::invalid_request("Invalid request: the id is in use")
}
