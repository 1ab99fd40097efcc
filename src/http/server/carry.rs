//! What a session sends, put onto the streams that carry it: which frame goes to which stream, when a
//! response becomes JSON or events, and when it ends.

use alloc::vec::Vec;
use core::time::Duration;

use bytes::Bytes;
use smallvec::SmallVec;

use crate::frame::SseEvent;
use crate::revision::{Era, Revision};
use crate::rpc::Kind;
use crate::session::{Closed, ExchangeId, Route, ServesClient, Transmit};

use super::super::answer::status_of;
use super::super::headers::name;
use super::super::{Reply, ResponseHead};
use super::event_id::EventId;
use super::log::Kept;
use super::options::SessionKind;
use super::outgoing::Mode;
use super::session::{HttpSession, STANDALONE};

/// How long it takes at least until a stream says again that it lives, whatever its options say: time
/// has to get on between one deadline and the next.
const SHORTEST: Duration = Duration::from_millis(10);

impl<S: ServesClient> HttpSession<S> {
    /// Puts what the session has to send onto its streams, and ends what has nothing to wait for.
    pub(super) fn carry_output(&mut self) {
        let mut buffer = Vec::new();
        while let Some(transmit) = self.session.poll_transmit(&mut buffer) {
            let frame = Bytes::from(core::mem::take(&mut buffer));
            self.route(&transmit, frame);
        }
        let is_closed = self.session.is_closed();
        // Answers of the old pair come by its one stream.
        let is_pair = matches!(self.kind, SessionKind::Pair { .. });
        let is_drained =
            self.is_draining && !(is_pair && self.session.as_ref().open_requests() > 0);
        let open = self.exchanges.iter();
        let open = open.filter(|(_, outgoing)| outgoing.mode != Mode::Ended);
        let open: SmallVec<[u64; 4]> = open.map(|(number, _)| number).collect();
        for number in open {
            let Some(outgoing) = self.exchanges.get_mut(number) else {
                continue;
            };
            let stream = outgoing.stream;
            let route = Route::Exchange(ExchangeId::new(stream));
            let is_standalone = stream == STANDALONE;
            let is_done = stream != STANDALONE && self.session.as_ref().open_on(route) == 0;
            if is_closed {
                outgoing.finish(Reply::empty(match self.kind {
                    SessionKind::Modern | SessionKind::Stateless => 503,
                    _ => 404,
                }));
            } else if is_done {
                // `httpL.202` `httpM.notif.202`
                outgoing.finish(Reply::empty(202));
            } else if outgoing.unsent > self.options.unsent_most || is_drained && is_standalone {
                outgoing.end();
            } else {
                continue;
            }
            self.touch(number);
            self.end_stream(number, stream, is_done || is_closed);
        }
        // Each stream has an exchange, an open request or an event that is kept.
        let most = self.exchanges.len() + self.session.as_ref().open_requests() + self.log.len();
        if self.streams.len() > most + 1 {
            self.end_forgotten();
        }
    }

    /// Ends the streams that nobody reads of requests that were cancelled, to which no answer comes
    /// that would end them.
    fn end_forgotten(&mut self) {
        let session = self.session.as_ref();
        for (number, stream) in self.streams.iter_mut() {
            let route = Route::Exchange(ExchangeId::new(number));
            let is_unread = number != STANDALONE && stream.exchange.is_none();
            stream.is_over |= is_unread && session.open_on(route) == 0;
        }
        self.trim();
    }

    /// Takes the exchange off its stream, which may be over.
    fn end_stream(&mut self, number: u64, stream: u64, is_over: bool) {
        if let Some(stream) = self.streams.get_mut(stream) {
            stream.is_over |= is_over;
        }
        self.detach(number, stream);
    }

    /// Takes an exchange that has ended off its stream. What that means for what the stream carries
    /// is the era's to say.
    pub(super) fn detach(&mut self, number: u64, stream: u64) {
        let Some(entry) = self.streams.get_mut(stream) else {
            return;
        };
        if entry.exchange != Some(number) {
            return;
        }
        entry.exchange = None;
        let is_over = entry.is_over;
        let lost = match self.kind {
            _ if is_over => None,
            SessionKind::Modern => Some(Route::Exchange(ExchangeId::new(stream))),
            SessionKind::Stateless => Some(Route::Pipe),
            // `sse24.close`
            SessionKind::Pair { .. } => Some(Route::Pipe),
            SessionKind::Legacy { .. } => None,
        };
        if let Some(route) = lost {
            self.session
                .handle_closed(self.now, route, Closed::EndOfInput);
        }
        if is_over && entry.kept == 0 {
            self.streams.remove(stream);
        }
    }

    /// Puts a frame onto the stream that it belongs to.
    fn route(&mut self, transmit: &Transmit, frame: Bytes) {
        let is_legacy = matches!(self.kind, SessionKind::Legacy { .. });
        let stream = match transmit.route {
            Route::Exchange(exchange) => exchange.number(),
            _ => STANDALONE,
        };
        let is_aside = self.options.json_only && stream != STANDALONE && !transmit.last && {
            !self.session.as_ref().is_listening_on(transmit.route)
        };
        match self.kind {
            SessionKind::Modern | SessionKind::Stateless if is_aside || stream == STANDALONE => {}
            _ if is_aside => self.deliver(STANDALONE, frame, transmit),
            _ if is_legacy || self.streams.contains(stream) => {
                self.deliver(stream, frame, transmit);
            }
            _ => {}
        }
    }

    fn deliver(&mut self, number: u64, frame: Bytes, transmit: &Transmit) {
        let is_last = transmit.last && number != STANDALONE;
        let stream = self.streams.or_default(number);
        if stream.is_lost {
            if is_last {
                self.streams.remove(number);
            }
            return;
        }
        let exchange = stream.exchange;
        if let Some(outgoing) = exchange.and_then(|exchange| self.exchanges.get_mut(exchange)) {
            let is_lone = is_last && matches!(outgoing.mode, Mode::Undecided(_));
            if is_lone {
                stream.is_over = true;
                return self.answer(number, frame, transmit.kind);
            }
            // `Limits`: a slow reader costs itself what can be done without, and nobody else.
            if outgoing.unsent > self.options.unsent && transmit.kind == Kind::Notification {
                self.left_out += 1;
                return;
            }
        }
        if let Some(exchange) = exchange {
            self.begin_events(exchange);
        }
        let stream = self.streams.or_default(number);
        stream.events += 1;
        let event = stream.events;
        let mut message = SseEvent::message(frame);
        if let Some(exchange) = exchange {
            if let SessionKind::Legacy { tag, .. } = self.kind
                && self.options.replay_events > 0
            {
                message.id = Some(
                    EventId {
                        stream: number,
                        event,
                    }
                    .to_text(tag),
                );
            }
            if let Some(outgoing) = self.exchanges.get_mut(exchange) {
                outgoing.event(&message);
            }
            self.touch(exchange);
        }
        if let SessionKind::Legacy { .. } = self.kind {
            let kept = Kept {
                stream: number,
                event,
                frame: message.data,
                is_sent: exchange.is_some(),
                is_last,
                is_notification: transmit.kind == Kind::Notification,
            };
            self.log.push(self.streams.or_default(number), kept);
        }
        if is_last {
            if let Some(stream) = self.streams.get_mut(number) {
                stream.is_over = true;
            }
            if let Some(exchange) = exchange {
                if let Some(outgoing) = self.exchanges.get_mut(exchange) {
                    outgoing.end();
                }
                self.detach(exchange, number);
            }
        }
        self.trim();
    }

    /// Answers an exchange about which nothing has been said, with JSON.
    fn answer(&mut self, stream: u64, frame: Bytes, kind: Kind) {
        let era = match self.kind {
            SessionKind::Modern => Era::Modern,
            _ => Era::Legacy,
        };
        let status = match kind {
            Kind::Error => status_of(&frame, era),
            _ => 200,
        };
        let mut reply = Reply::json(status, frame);
        self.name_session(&mut reply.head);
        let Some(number) = self.streams.get(stream).and_then(|stream| stream.exchange) else {
            return;
        };
        if let Some(outgoing) = self.exchanges.get_mut(number) {
            outgoing.finish(reply);
        }
        self.touch(number);
        self.detach(number, stream);
    }

    /// Makes an exchange a stream of events, if nothing has been said on it.
    pub(super) fn begin_events(&mut self, number: u64) {
        let outgoing = self.exchanges.get(number);
        if !outgoing.is_some_and(|outgoing| matches!(outgoing.mode, Mode::Undecided(_))) {
            return;
        }
        let mut head = ResponseHead::of_events();
        self.name_session(&mut head);
        let first = self.first_event(number);
        let Some(outgoing) = self.exchanges.get_mut(number) else {
            return;
        };
        outgoing.begin_events(head);
        if let Some(first) = first {
            outgoing.event(&first);
        }
        self.touch(number);
    }

    /// What a stream of events begins with.
    pub(super) fn first_event(&self, number: u64) -> Option<SseEvent> {
        let outgoing = self.exchanges.get(number)?;
        let stream = outgoing.stream;
        let mut event = SseEvent::default();
        match &self.kind {
            // `httpL.sse.poll.prime`: before 2025-11-25 clients read the empty data as JSON.
            SessionKind::Legacy { tag, .. }
                if self.options.replay_events > 0 && !outgoing.is_resumable =>
            {
                let revision = self.session.as_ref().legacy_revision()?;
                if revision < Revision::V2025_11_25 {
                    return None;
                }
                let written = self.streams.get(stream).map_or(0, |stream| stream.events);
                // What nobody has read yet follows it.
                let unread = self.log.first_unsent(stream);
                let events = unread.map_or(written, |event| event - 1);
                event.id = Some(
                    EventId {
                        stream,
                        event: events,
                    }
                    .to_text(*tag),
                );
                event.retry = Some(self.options.retry);
            }
            // `sse24.endpoint.event`
            SessionKind::Pair { endpoint } => {
                event.event = Some("endpoint".into());
                event.data = Bytes::copy_from_slice(endpoint.as_bytes());
            }
            _ => return None,
        }
        Some(event)
    }

    /// Names the session in a response, once it has one.
    // `httpL.session.assign`
    fn name_session(&self, head: &mut ResponseHead) {
        if let SessionKind::Legacy { id, .. } = &self.kind
            && self.session.as_ref().legacy_revision().is_some()
        {
            head.headers.push(name::MCP_SESSION_ID, id.as_bytes());
        }
    }

    /// Something was said on an exchange.
    pub(super) fn touch(&mut self, number: u64) {
        let keep_alive = self.options.keep_alive;
        let keep_alive = keep_alive.map(|every| self.now + every.max(SHORTEST));
        if let Some(outgoing) = self.exchanges.get_mut(number) {
            debug_assert!(outgoing.has_parts(), "something was said");
            outgoing.keep_alive = keep_alive.filter(|_| outgoing.mode == Mode::Events);
            if !core::mem::replace(&mut outgoing.is_named, true) {
                self.name_ready(number);
            }
        }
    }

    /// Notes an exchange for [`poll_ready`](Self::poll_ready). Of those that have ended before they were
    /// asked for, no more stay than there may be of others.
    fn name_ready(&mut self, number: u64) {
        const FEW: usize = 16;
        if self.ready.len() > 2 * self.exchanges.len() + FEW {
            let exchanges = &self.exchanges;
            self.ready.retain(|number| exchanges.contains(*number));
            self.ready.shrink_to_fit();
        }
        self.ready.push(number);
    }

    /// Drops what the log has no room for, and streams of which nothing is left.
    pub(super) fn trim(&mut self) {
        self.log.trim(&self.options, &mut self.streams);
        self.streams
            .retain(|_, stream| !stream.is_over || stream.exchange.is_some() || stream.kept > 0);
    }
}
