//! Parking a legacy session with its streams in any store, and going on elsewhere: a client that
//! comes back there with the id of an event misses nothing.
//!
//! Rules of this file: connections stay where they are, so each stream goes on as one whose
//! connection broke; numbers go on where they were, so that no id is given out twice; what was saved
//! in another format, or changed since, is refused and never guessed at.

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;

use bytes::Bytes;

use crate::saved::saved;
use crate::session::{RestoreError, SavedServer, ServesClient, is_frame};
use crate::time::Instant;

use super::super::headers::is_session_id;
use super::callers::later;
use super::log::Kept;
use super::options::{SessionKind, StreamOptions};
use super::outgoing::Mode;
use super::session::{HttpSession, STANDALONE};
use super::stream::Stream;

/// The version of the format that this version of the crate writes and reads.
const FORMAT: u32 = 2;

/// How many numbers of exchanges are left out after a loss, and how many of events: more than are
/// given out between two times a session is saved.
const LOST: (u64, u64) = (1 << 32, 1 << 15);

/// How many bits of an event's number count the events at one position of a shared log.
const POSITION: u32 = 16;

/// Beyond this no number of an exchange or an event comes in any life.
const LAST: u64 = u64::MAX / 2;

/// A saved legacy session and its streams. Store it through serde; [`HttpSession::restore`] brings it
/// back. It is as secret as the session: it has its id, and what its client hasn't read.
#[derive(Clone)]
pub struct SavedHttp {
    format: u32,
    session: SavedServer,
    id: Arc<str>,
    tag: u32,
    next: u64,
    left_out: u64,
    streams: Vec<SavedStream>,
    events: Vec<SavedEvent>,
}

saved! { struct SavedHttp { format, session, id, tag, next, left_out, streams, events } }

#[derive(Clone)]
struct SavedStream {
    number: u64,
    events: u64,
    is_over: bool,
    is_lost: bool,
}

saved! { struct SavedStream { number, events, is_over, is_lost } }

#[derive(Clone)]
struct SavedEvent {
    stream: u64,
    event: u64,
    /// The frame, which is UTF-8.
    frame: Box<str>,
    is_sent: bool,
    is_last: bool,
    is_notification: bool,
}

saved! { struct SavedEvent { stream, event, frame, is_sent, is_last, is_notification } }

impl core::fmt::Debug for SavedHttp {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("SavedHttp")
            .field("streams", &self.streams.len())
            .field("events", &self.events.len())
            .finish_non_exhaustive()
    }
}

impl SavedHttp {
    /// Returns the session's id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Leaves out the events that its client may come back for, where there is no room for them.
    pub fn forget_events(&mut self) {
        self.events.clear();
    }

    /// Whether a session can have such streams.
    fn is_sound(&self) -> bool {
        let streams = self.streams.iter();
        let are_streams_sound = self.next >= 1
            && self.next <= LAST
            && is_session_id(&self.id)
            && self.streams.is_sorted_by(|a, b| a.number < b.number)
            && streams
                .clone()
                .all(|s| s.number < self.next && s.events <= LAST);
        let of = |number| self.streams.binary_search_by_key(&number, |s| s.number);
        let is_event_sound = |event: &SavedEvent| {
            let stream = of(event.stream).ok().and_then(|at| self.streams.get(at));
            let is_of_stream = |stream: &SavedStream| (1..=stream.events).contains(&event.event);
            stream.is_some_and(is_of_stream) && is_frame(event.frame.as_bytes())
        };
        // The events of each stream are in their order.
        let mut last = alloc::collections::BTreeMap::new();
        let mut is_in_order = |event: &SavedEvent| {
            let before = last.insert(event.stream, event.event);
            before.is_none_or(|before| before < event.event)
        };
        are_streams_sound
            && self
                .events
                .iter()
                .all(|e| is_event_sound(e) && is_in_order(e))
    }
}

impl<S: ServesClient> HttpSession<S> {
    /// Returns what is needed to go on with this session elsewhere, at the time `now`; `None` unless
    /// it is a legacy session with an id: others end with their connection. What an exchange still
    /// has to give stays with it, as its connection does.
    pub fn save(&self, now: Instant) -> Option<SavedHttp> {
        let SessionKind::Legacy { id, tag } = &self.kind else {
            return None;
        };
        let streams = self.streams.iter().map(|(number, stream)| SavedStream {
            number,
            events: stream.events,
            is_over: stream.is_over,
            is_lost: stream.is_lost || self.is_lost_with_its_exchange(number, stream),
        });
        let events = self.log.iter().map(|kept| SavedEvent {
            stream: kept.stream,
            event: kept.event,
            frame: alloc::string::String::from_utf8_lossy(&kept.frame).into(),
            is_sent: kept.is_sent,
            is_last: kept.is_last,
            is_notification: kept.is_notification,
        });
        Some(SavedHttp {
            format: FORMAT,
            session: self.session.as_ref().save(now.max(self.now)),
            id: id.clone(),
            tag: *tag,
            next: self.next,
            left_out: self.left_out,
            streams: streams.collect(),
            events: events.collect(),
        })
    }

    /// Ends every exchange, so that its client comes back for what it misses, and returns the session
    /// to be restored elsewhere; `None` as [`save`](Self::save) does, and then nothing ends. An
    /// exchange that nobody can come back for is answered with 503. This session is to be dropped
    /// once its exchanges have been [taken](Self::poll_part).
    pub fn release(&mut self, now: Instant) -> Option<SavedHttp> {
        let SessionKind::Legacy { .. } = self.kind else {
            return None;
        };
        self.now = self.now.max(now);
        let open = self.exchanges.iter();
        let open = open.filter(|(_, outgoing)| outgoing.mode != Mode::Ended);
        let open: Vec<u64> = open.map(|(number, _)| number).collect();
        for number in open {
            if self.can_come_back(number) {
                self.begin_events(number);
            }
            let Some(outgoing) = self.exchanges.get_mut(number) else {
                continue;
            };
            let carried = outgoing.stream;
            let is_lost = !outgoing.is_resumable && carried != STANDALONE;
            outgoing.finish(later(503, "the session is moving", "1"));
            self.touch(number);
            if let Some(stream) = self.streams.get_mut(carried) {
                stream.is_lost |= is_lost;
            }
            self.detach(number, carried);
        }
        self.save(now)
    }

    /// Whether the client of an exchange that begins its events gets an id to come back with.
    fn can_come_back(&self, number: u64) -> bool {
        self.exchanges
            .get(number)
            .is_some_and(|outgoing| outgoing.stream == STANDALONE)
            || self.first_event(number).is_some()
    }

    /// Makes sure that no number is given out twice where what was saved is older than the session's
    /// last life, as after a crash.
    pub fn recover(&mut self) {
        self.next = self.next.saturating_add(LOST.0);
        let standing = self.streams.or_default(STANDALONE);
        // Not beyond the position, or the next one's events would get other numbers than elsewhere.
        let last = standing.events | ((1 << POSITION) - 1);
        standing.events = last.min(standing.events.saturating_add(LOST.1));
    }

    /// Says how far the session has read a log that several instances share: what it says from now on
    /// on the stream of no request gets numbers that go with this position. An instance that reads
    /// the same part of the log again, after a crash, gives the same events the same numbers, so a
    /// client that comes back there misses none and gets none twice.
    ///
    /// A position that is lower than one before changes nothing. Positions are below 2^47.
    pub fn advance_to(&mut self, position: u64) {
        let standing = self.streams.or_default(STANDALONE);
        let first = position.min(LAST >> POSITION) << POSITION;
        standing.events = standing.events.max(first);
    }

    /// Whether a stream can't be asked for once the connection is gone that carries it.
    fn is_lost_with_its_exchange(&self, number: u64, stream: &Stream) -> bool {
        let carried = stream
            .exchange
            .and_then(|number| self.exchanges.get(number));
        number != STANDALONE && carried.is_some_and(|outgoing| !outgoing.is_resumable)
    }

    /// Restores a saved session, in whose new epoch it is `now`. `session` makes the session of what
    /// was saved of it, as [`ServerSession::restore`](crate::session::ServerSession::restore) does.
    ///
    /// Returns an error if it was saved in a format that this version doesn't read, or was changed
    /// since.
    pub fn restore(
        saved: SavedHttp,
        options: impl Into<Arc<StreamOptions>>,
        now: Instant,
        session: impl FnOnce(SavedServer) -> Result<S, RestoreError>,
    ) -> Result<Self, RestoreError> {
        if saved.format != FORMAT {
            return Err(RestoreError::Format {
                found: saved.format,
                expected: FORMAT,
            });
        }
        if !saved.is_sound() {
            return Err(RestoreError::Damaged);
        }
        let SavedHttp { id, tag, .. } = saved;
        let session = session(saved.session)?;
        let mut http = Self::new(session, SessionKind::Legacy { id, tag }, options);
        (http.now, http.next, http.left_out) = (now, saved.next, saved.left_out);
        for stream in saved.streams {
            let kept = Stream {
                exchange: None,
                events: stream.events,
                kept: 0,
                is_over: stream.is_over && stream.number != STANDALONE,
                is_lost: stream.is_lost && stream.number != STANDALONE,
            };
            http.streams.insert(stream.number, kept);
        }
        for event in saved.events {
            let kept = Kept {
                stream: event.stream,
                event: event.event,
                frame: Bytes::from(alloc::string::String::from(event.frame)),
                is_sent: event.is_sent,
                is_last: event.is_last,
                is_notification: event.is_notification,
            };
            http.log.push(http.streams.or_default(kept.stream), kept);
        }
        http.trim();
        Ok(http)
    }
}
