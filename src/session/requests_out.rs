//! The requests of this side that the peer has to answer: what each is called, the stream it left
//! by, how long it may take and by which token progress is reported on it. Each role keeps a part
//! of its own with them.
//!
//! Rules of this file: a request ends once; its answer counts only while one is to come; progress
//! resets the idle clock only; whoever gives up on a request that is under way tells the peer, by
//! the route that the request went out by.

use alloc::vec::Vec;
use core::{fmt, mem};

use smallvec::SmallVec;

use crate::revision::Revision;
use crate::rpc::RequestId;
use crate::saved::saved;
use crate::time::Instant;

use super::error::{CallError, Delivery};
use super::name::MethodName;
use super::rebase::Rebase;
use super::route::Route;
use super::table::{Table, Weigh, total};
use super::timer::{Clocks, Earliest};
use super::writer::MessageWriter;

/// How many requests are remembered whose answer was not awaited any more.
const REMEMBERED: usize = 16;

/// A request from the decision to send it to its end.
#[derive(Clone)]
pub(super) struct RequestOut<T> {
    method: MethodName,
    route: Route,
    /// Which frame of the outbox carries it, while its answer is to come.
    frame: Option<u64>,
    clocks: Clocks,
    progress_token: Option<RequestId>,
    /// What the role keeps of it.
    pub(super) part: T,
}

saved! { struct RequestOut<T> { method, route, frame, clocks, progress_token, part } }

impl<T> RequestOut<T> {
    /// A request that is not sent yet.
    #[inline]
    pub(super) fn new(
        method: MethodName,
        clocks: Clocks,
        progress_token: Option<RequestId>,
        part: T,
    ) -> Self {
        Self {
            method,
            route: Route::Pipe,
            frame: None,
            clocks,
            progress_token,
            part,
        }
    }

    /// Notes that it was sent by `route` with the frame that was written last.
    #[inline]
    pub(super) fn mark_sent(&mut self, route: Route, writer: &MessageWriter) {
        self.route = route;
        self.frame = Some(writer.outbox.written());
    }

    pub(super) fn method(&self) -> &MethodName {
        &self.method
    }

    /// The stream by which its answer was to come.
    pub(super) fn route(&self) -> Route {
        self.route
    }

    /// Whether its answer is to come.
    pub(super) fn is_awaited(&self) -> bool {
        self.frame.is_some()
    }

    /// Gives it another name, under which its end is told.
    pub(super) fn rename(&mut self, method: MethodName) {
        self.method = method;
    }

    /// Gives it other clocks.
    pub(super) fn restart(&mut self, clocks: Clocks) {
        self.clocks = clocks;
    }

    /// Takes the idle clock off.
    pub(super) fn remove_idle(&mut self) {
        self.clocks.remove_idle();
    }

    /// How far it had come when its answer could not come any more.
    pub(super) fn delivery(&self, writer: &MessageWriter) -> Delivery {
        let is_sent = self.frame.is_none_or(|frame| writer.outbox.is_sent(frame));
        match is_sent {
            true => Delivery::Unknown,
            false => Delivery::NotSent,
        }
    }

    /// Tells the peer that nobody waits for the answer any more, unless it isn't to come anyway.
    pub(super) fn cancel(
        &self,
        number: u64,
        writer: &mut MessageWriter,
        revision: Option<Revision>,
        reason: Option<&str>,
    ) {
        if let (Some(revision), Some(_)) = (revision, self.frame) {
            writer.cancelled(self.route, revision, number, reason);
        }
    }
}

impl<T: Weigh> Weigh for RequestOut<T> {
    #[inline]
    fn weight(&self) -> usize {
        let token = self.progress_token.as_ref();
        let own = const { size_of::<Self>() - size_of::<T>() };
        let token = token.map_or(0, Weigh::weight);
        total([own, token, self.part.weight()])
    }
}

/// Without the progress token, which may be secret.
impl<T: fmt::Debug> fmt::Debug for RequestOut<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestOut")
            .field("method", &self.method)
            .field("route", &self.route)
            .field("frame", &self.frame)
            .field("deadline", &self.clocks.deadline())
            .field("part", &self.part)
            .finish_non_exhaustive()
    }
}

/// The requests that are open.
#[derive(Clone, Debug)]
pub(super) struct RequestsOut<T, const INLINE: usize = 1> {
    open: Table<RequestOut<T>, INLINE>,
    /// No deadline lies before this; it may be early.
    next_deadline: Earliest,
    /// The requests that ended last without their answer being awaited any more: one that comes all
    /// the same is neither news nor foreign (`sub.end.server.cancelled`).
    past: Vec<u64>,
}

saved! { struct RequestsOut<T: Weigh, const INLINE: usize> { open, next_deadline, past } }

impl<T, const INLINE: usize> Default for RequestsOut<T, INLINE> {
    fn default() -> Self {
        Self {
            open: Table::default(),
            next_deadline: Earliest::default(),
            past: Vec::new(),
        }
    }
}

impl<T> RequestsOut<T, 0> {
    /// No request is open.
    pub(super) const EMPTY: Self = Self {
        open: Table::EMPTY,
        next_deadline: Earliest::NEVER,
        past: Vec::new(),
    };
}

impl<T: Weigh, const INLINE: usize> RequestsOut<T, INLINE> {
    /// Enters a request under a number that no other has had.
    #[inline]
    pub(super) fn insert(&mut self, number: u64, request: RequestOut<T>) {
        self.next_deadline.note(request.clocks.deadline());
        self.open.insert(number, request);
    }

    /// Notes that a request which waited was sent, and starts its clocks.
    pub(super) fn sent(
        &mut self,
        number: u64,
        route: Route,
        writer: &MessageWriter,
        clocks: Clocks,
    ) {
        if let Some(open) = self.open.get_mut(number) {
            self.next_deadline.note(clocks.deadline());
            open.clocks = clocks;
            open.mark_sent(route, writer);
        }
    }

    /// Ends a request, for good or to enter it again under its next number.
    #[inline]
    pub(super) fn end(&mut self, number: u64) -> Option<RequestOut<T>> {
        self.open.remove(number)
    }

    /// Ends a request that was answered for good. Returns its method and the role's part.
    #[inline]
    pub(super) fn finish(&mut self, number: u64) -> Option<(MethodName, T)>
    where
        T: Default,
    {
        let parts = |open: &mut RequestOut<T>| (open.method.clone(), mem::take(&mut open.part));
        self.open.discard(number, parts)
    }

    /// Takes the answer to a request that doesn't end it; `None` when it isn't open.
    pub(super) fn answered(&mut self, number: u64) -> Option<&RequestOut<T>> {
        let open = self.open.get_mut(number)?;
        open.frame = None;
        Some(open)
    }

    #[inline]
    pub(super) fn get(&self, number: u64) -> Option<&RequestOut<T>> {
        self.open.get(number)
    }

    /// Changes the role's part of a request; `None` when it isn't open.
    pub(super) fn change<R>(&mut self, number: u64, change: impl FnOnce(&mut T) -> R) -> Option<R> {
        self.open.change(number, |open| change(&mut open.part))
    }

    /// The first request with such a part.
    #[inline]
    pub(super) fn find(&self, mut wanted: impl FnMut(&T) -> bool) -> Option<u64> {
        self.open.find(|open| wanted(&open.part))
    }

    /// The request that a response's id names, if its answer is to come. What wasn't sent yet stays
    /// to be sent, whoever guessed its number.
    #[inline]
    pub(super) fn awaited(&self, id: &RequestId) -> Option<u64> {
        let number = number_of(id)?;
        let open = self.open.get(number)?;
        open.frame.map(|_| number)
    }

    /// The request that progress is reported on under this token (`progress.onlyactive`).
    /// One of which no answer is to come has none, unless its part `lives` on.
    pub(super) fn of_token(&self, token: &RequestId, lives: impl Fn(&T) -> bool) -> Option<u64> {
        let wants = |open: &RequestOut<T>| {
            open.progress_token.as_ref() == Some(token)
                && (open.frame.is_some() || lives(&open.part))
        };
        // A client's token is the number of a request, most of the time of the current one.
        let number = number_of(token);
        let quick = number.filter(|number| self.open.get(*number).is_some_and(wants));
        quick.or_else(|| self.open.find(wants))
    }

    /// The requests whose answers were to come by this stream.
    pub(super) fn on_route(&self, route: Route) -> SmallVec<[u64; 8]> {
        let open = self.open.iter().filter(|(_, open)| open.route == route);
        open.map(|(number, _)| number).collect()
    }

    /// Starts the idle clock of a request afresh, or stops it.
    pub(super) fn restart_idle(&mut self, number: u64, now: Instant, runs: bool) {
        if let Some(open) = self.open.get_mut(number) {
            open.clocks.restart_idle(now, runs);
            self.next_deadline.note(open.clocks.deadline());
        }
    }

    /// Starts the idle clocks of all requests afresh, or stops them.
    pub(super) fn restart_all_idle(&mut self, now: Instant, runs: bool) {
        for (_, open) in self.open.iter_mut() {
            // What waits for something else than an answer has none to be impatient for.
            open.clocks.restart_idle(now, runs && open.frame.is_some());
            self.next_deadline.note(open.clocks.deadline());
        }
    }

    /// Takes all deadlines off a request that may now last for ever.
    pub(super) fn clear_deadlines(&mut self, number: u64) {
        if let Some(open) = self.open.get_mut(number) {
            open.clocks.remove();
        }
    }

    /// No deadline lies before this; it may be early. It costs nothing to ask.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.next_deadline.get().filter(|_| !self.open.is_empty())
    }

    /// The first deadline, exactly.
    pub(super) fn first_deadline(&self) -> Option<Instant> {
        let open = self.open.iter();
        open.filter_map(|(_, open)| open.clocks.deadline()).min()
    }

    /// The requests whose time is up, which the caller has to end; `None` once no deadline has come.
    /// What is entered meanwhile may be due at once.
    pub(super) fn due(&mut self, now: Instant) -> Option<Vec<(u64, CallError)>> {
        if !self.next_deadline.is_due(now) {
            return None;
        }
        let mut due = Vec::new();
        self.next_deadline = Earliest::default();
        for (number, open) in self.open.iter() {
            match open.clocks.expired(now) {
                Some(error) => due.push((number, error)),
                None => self.next_deadline.note(open.clocks.deadline()),
            }
        }
        Some(due)
    }

    /// Remembers a request that ended without its answer being awaited any more.
    pub(super) fn remember(&mut self, number: u64) {
        if self.past.len() >= REMEMBERED {
            self.past.remove(0);
        }
        self.past.push(number);
    }

    /// Whether this was such a request lately.
    pub(super) fn is_past(&self, id: &RequestId) -> bool {
        number_of(id).is_some_and(|number| self.past.contains(&number))
    }

    /// What the role keeps of each request, which is not to change its weight.
    pub(super) fn parts_mut(&mut self) -> impl Iterator<Item = (u64, &mut T)> {
        let open = self.open.iter_mut();
        open.map(|(number, open)| (number, &mut open.part))
    }

    /// What the role keeps of each request.
    pub(super) fn parts(&self) -> impl Iterator<Item = (u64, &T)> {
        let open = self.open.iter();
        open.map(|(number, open)| (number, &open.part))
    }

    /// All numbers, lowest first.
    pub(super) fn numbers(&self) -> SmallVec<[u64; 8]> {
        self.open.numbers()
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

    /// Whether all have numbers and frames that were given out, and a part that `is_sound`.
    pub(super) fn is_sound(
        &self,
        writer: &MessageWriter,
        is_sound: impl Fn(u64, &T) -> bool,
    ) -> bool {
        self.open.iter().all(|(number, open)| {
            let is_written = |frame: u64| (1..=writer.outbox.written()).contains(&frame);
            number < writer.next_number()
                && open.frame.is_none_or(is_written)
                && is_sound(number, &open.part)
        })
    }

    /// Carries the deadlines over to another epoch.
    pub(super) fn rebase(&mut self, rebase: Rebase) {
        for (_, open) in self.open.iter_mut() {
            open.clocks.rebase(rebase);
        }
        self.next_deadline.rebase(rebase);
        // It is never late, whatever was done to what was saved.
        self.next_deadline.note(self.first_deadline());
    }
}

/// The number of the request that an id names, if it is one of this side's.
pub(super) fn number_of(id: &RequestId) -> Option<u64> {
    id.as_integer().and_then(|id| u64::try_from(id).ok())
}
