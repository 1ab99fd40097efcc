//! The events of a legacy session that a client may ask for once more, because the connection that
//! carried them broke.
//!
//! Rules of this file: what is kept is bounded in events and bytes; what has been sent goes before
//! what hasn't, and first of all what belongs to streams that are over; an answer that wasn't sent
//! is dropped only where so much waits that nobody can mean to read it.

use alloc::collections::VecDeque;

use bytes::Bytes;

/// How many events may wait that nobody has read, answers among them.
const MOST_UNREAD: usize = 4096;

/// An event that is kept.
#[derive(Clone, Debug)]
pub(super) struct Kept {
    pub(super) stream: u64,
    pub(super) event: u64,
    pub(super) frame: Bytes,
    /// Whether a connection has taken it.
    pub(super) is_sent: bool,
    /// Whether it ends its stream.
    pub(super) is_last: bool,
    /// Whether it may be dropped unsent.
    pub(super) is_notification: bool,
}

/// The events that are kept, in the order in which they were written.
#[derive(Clone, Debug)]
pub(super) struct Log {
    kept: VecDeque<Kept>,
    bytes: usize,
    most_events: usize,
    most_bytes: usize,
    most_unread: usize,
}

impl Log {
    pub(super) fn new(most_events: usize, most_bytes: usize, most_unread: usize) -> Self {
        Self {
            kept: VecDeque::new(),
            bytes: 0,
            most_events,
            most_bytes,
            most_unread,
        }
    }

    pub(super) fn push(&mut self, event: Kept) {
        self.bytes += event.frame.len();
        self.kept.push_back(event);
    }

    /// Drops what there is no room for. `is_over` says which streams have ended.
    pub(super) fn trim(&mut self, is_over: impl Fn(u64) -> bool) {
        while self.kept.len() > self.most_events || self.bytes > self.most_bytes {
            let of_ended = |kept: &Kept| kept.is_sent && is_over(kept.stream);
            let kept = &self.kept;
            let oldest = kept
                .iter()
                .position(of_ended)
                .or_else(|| kept.iter().position(|kept| kept.is_sent))
                .or_else(|| kept.iter().position(|kept| kept.is_notification));
            let is_too_much = kept.len() > MOST_UNREAD || self.bytes > self.most_unread;
            let oldest = oldest.or_else(|| is_too_much.then_some(0));
            let Some(dropped) = oldest.and_then(|oldest| self.kept.remove(oldest)) else {
                return;
            };
            self.bytes -= dropped.frame.len();
        }
    }

    /// All that is kept, in its order.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Kept> {
        self.kept.iter()
    }

    /// Whether anything of a stream is kept.
    pub(super) fn has(&self, stream: u64) -> bool {
        self.kept.iter().any(|kept| kept.stream == stream)
    }

    /// The events of a stream after this one, or those that nobody has read.
    pub(super) fn after(
        &mut self,
        stream: u64,
        event: Option<u64>,
    ) -> impl Iterator<Item = &mut Kept> {
        let is_wanted = move |kept: &&mut Kept| match event {
            Some(event) => kept.stream == stream && kept.event > event,
            None => kept.stream == stream && !kept.is_sent,
        };
        self.kept.iter_mut().filter(is_wanted)
    }

    /// The first event of a stream that nobody has read; `None` when all have been.
    pub(super) fn first_unsent(&self, stream: u64) -> Option<u64> {
        let unsent = |kept: &&Kept| kept.stream == stream && !kept.is_sent;
        self.kept.iter().find(unsent).map(|kept| kept.event)
    }

    /// Whether the events of a stream right after this one are there, or there are none: a gap would
    /// be lost without a word.
    pub(super) fn is_whole_after(&self, stream: u64, event: u64, next: u64) -> bool {
        let first = self
            .kept
            .iter()
            .find(|kept| kept.stream == stream && kept.event > event);
        match first {
            Some(first) => first.event == event + 1,
            None => event + 1 >= next,
        }
    }

    /// How many events it holds.
    pub(super) fn len(&self) -> usize {
        self.kept.len()
    }

    /// How many bytes it holds.
    pub(super) fn held(&self) -> usize {
        self.bytes + self.kept.len() * size_of::<Kept>()
    }
}
