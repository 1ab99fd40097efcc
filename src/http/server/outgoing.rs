//! One HTTP exchange on its way out: undecided until its first frame, then JSON or a stream of
//! events, in parts that an adapter takes as fast as its client reads.
//!
//! Rules of this file: every exchange gives one head and one end; what a slow reader leaves is
//! counted; nothing follows the end.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use bytes::Bytes;

use crate::frame::{SseEvent, write_comment, write_event};
use crate::time::Instant;

use super::super::headers::name;
use super::super::{Part, Reply, ResponseHead};

/// What an exchange has become.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// Nothing has been said yet; at this time it becomes a stream of events.
    Undecided(Option<Instant>),
    /// A stream of events.
    Events,
    /// All has been said.
    Ended,
}

#[derive(Clone, Debug)]
pub(super) struct Outgoing {
    /// The stream that it carries.
    pub(super) stream: u64,
    pub(super) mode: Mode,
    /// What waits to be taken: the head, then the next piece of the body and those after it, of which
    /// most responses have none, then the end.
    head: Option<ResponseHead>,
    next: Option<Bytes>,
    rest: VecDeque<Bytes>,
    has_end: bool,
    /// How many bytes wait to be taken.
    pub(super) unsent: usize,
    /// When a sign of life is due.
    pub(super) keep_alive: Option<Instant>,
    /// Whether an event with an id has been sent, after which the stream can be resumed.
    pub(super) is_resumable: bool,
    /// Whether it stands among those that have had parts added.
    pub(super) is_named: bool,
}

impl Outgoing {
    pub(super) fn new(stream: u64, decide_at: Option<Instant>) -> Self {
        Self {
            stream,
            mode: Mode::Undecided(decide_at),
            head: None,
            next: None,
            rest: VecDeque::new(),
            has_end: false,
            unsent: 0,
            keep_alive: None,
            is_resumable: false,
            is_named: false,
        }
    }

    /// Ends the exchange with a whole response, if nothing has been said yet; else just ends it.
    pub(super) fn finish(&mut self, reply: Reply) {
        if let Mode::Undecided(_) = self.mode {
            let mut head = reply.head;
            let length = reply.body.len() as u64;
            head.headers.push_number(name::CONTENT_LENGTH, length);
            self.head = Some(head);
            if !reply.body.is_empty() {
                self.push(reply.body);
            }
        }
        self.end();
    }

    /// Makes it a stream of events.
    pub(super) fn begin_events(&mut self, head: ResponseHead) {
        if let Mode::Undecided(_) = self.mode {
            self.mode = Mode::Events;
            self.head = Some(head);
        }
    }

    /// Adds an event to the stream.
    pub(super) fn event(&mut self, event: &SseEvent) {
        // As much as an event of one line takes, so that nothing is moved or kept beside it.
        let id = event.id.as_ref().map_or(0, |id| "id: \n".len() + id.len());
        let mut bytes = Vec::with_capacity(id + "data: \n\n".len() + event.data.len());
        write_event(&mut bytes, event);
        self.is_resumable |= event.id.is_some();
        self.body(bytes.into());
    }

    /// Adds a comment, which says only that the stream lives.
    pub(super) fn comment(&mut self) {
        let mut bytes = Vec::new();
        write_comment(&mut bytes);
        self.body(bytes.into());
    }

    fn body(&mut self, bytes: Bytes) {
        if self.mode == Mode::Events {
            self.push(bytes);
        }
    }

    fn push(&mut self, bytes: Bytes) {
        self.unsent += bytes.len();
        match self.next {
            None => self.next = Some(bytes),
            Some(_) => self.rest.push_back(bytes),
        }
    }

    /// Ends the exchange.
    pub(super) fn end(&mut self) {
        if self.mode != Mode::Ended {
            self.mode = Mode::Ended;
            self.keep_alive = None;
            self.has_end = true;
        }
    }

    pub(super) fn poll(&mut self) -> Option<Part> {
        if let Some(head) = self.head.take() {
            return Some(Part::Head(head));
        }
        if let Some(bytes) = self.next.take() {
            self.next = self.rest.pop_front();
            self.unsent -= bytes.len();
            return Some(Part::Body(bytes));
        }
        core::mem::take(&mut self.has_end).then_some(Part::End)
    }

    pub(super) fn has_parts(&self) -> bool {
        self.head.is_some() || self.next.is_some() || self.has_end
    }

    /// When time alone changes something.
    pub(super) fn deadline(&self) -> Option<Instant> {
        match self.mode {
            Mode::Undecided(at) => at,
            Mode::Events => self.keep_alive,
            Mode::Ended => None,
        }
    }
}
