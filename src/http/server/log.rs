//! The events of a legacy session that a client may ask for once more, because the connection that
//! carried them broke.
//!
//! Rules of this file: what is kept is bounded in events and bytes; what has been sent goes before
//! what hasn't, and first of all what belongs to streams that are over; an answer that wasn't sent
//! is dropped only where so much waits that nobody can mean to read it.

use alloc::collections::VecDeque;

use bytes::Bytes;

use super::numbered::Numbered;
use super::options::StreamOptions;
use super::stream::Stream;

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

/// What may be dropped, in the order in which it is.
#[derive(Clone, Copy)]
enum Droppable {
    /// What was sent of a stream that is over.
    SentOfEnded,
    Sent,
    Notification,
    /// Anything, where too much waits.
    Unread,
}

impl Droppable {
    const ALL: [Self; 4] = [
        Self::SentOfEnded,
        Self::Sent,
        Self::Notification,
        Self::Unread,
    ];
}

/// The events that are kept, in the order in which they were written.
#[derive(Clone, Debug, Default)]
pub(super) struct Log {
    kept: VecDeque<Kept>,
    bytes: usize,
}

impl Log {
    /// Keeps an event of this stream.
    pub(super) fn push(&mut self, stream: &mut Stream, event: Kept) {
        stream.kept += 1;
        self.bytes += event.frame.len();
        self.kept.push_back(event);
    }

    /// Drops what there is no room for. However much that is, each event is looked at four times at
    /// most.
    pub(super) fn trim(&mut self, most: &StreamOptions, streams: &mut Numbered<Stream, 1>) {
        for droppable in Droppable::ALL {
            let (mut events, mut bytes) = (self.kept.len(), self.bytes);
            if events <= most.replay_events && bytes <= most.replay_bytes {
                break;
            }
            self.kept.retain(|kept| {
                let stream = streams.get_mut(kept.stream);
                let is_full = events > most.replay_events || bytes > most.replay_bytes;
                let is_over = stream.as_ref().is_none_or(|stream| stream.is_over);
                let goes = is_full
                    && match droppable {
                        Droppable::SentOfEnded => kept.is_sent && is_over,
                        Droppable::Sent => kept.is_sent,
                        Droppable::Notification => kept.is_notification,
                        Droppable::Unread => events > MOST_UNREAD || bytes > most.unsent_most,
                    };
                if goes {
                    events -= 1;
                    bytes -= kept.frame.len();
                    if let Some(stream) = stream {
                        stream.kept -= 1;
                    }
                }
                !goes
            });
            self.bytes = bytes;
        }
    }

    /// All that is kept, in its order.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Kept> {
        self.kept.iter()
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
