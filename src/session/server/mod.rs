//! The server's side of a connection: serves both eras on it, request by request, answers what the
//! protocol itself asks, and hands the rest to its user.
//!
//! ```text
//!  a request with modern _meta ──checked──▶ Request event ──reply / need_input──▶ answered
//!  initialize ──▶ legacy part: Greeted ──initialized──▶ Open
//!  any other request ──legacy part there?──▶ Request event ──reply──▶ answered
//!                       │ no                      └─need_input─▶ asks the client ─▶ Request event
//!                       └▶ refused, except ping
//! ```

mod arrival;
mod change;
mod check;
mod event;
mod input;
mod legacy;
mod modern;
mod receive;
mod reply;

use alloc::boxed::Box;
use alloc::vec::Vec;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::frame::FrameError;
use crate::model::capability::ClientCapabilities;
use crate::model::initialize::Implementation;
use crate::model::logging::LoggingLevel;
use crate::revision::Revision;
use crate::rpc::{Repeated, RequestId};
use crate::time::Instant;

use super::capability_set::CapabilitySet;
use super::config::ServerConfig;
use super::error::CloseReason;
use super::event::Ignored;
use super::id::IncomingId;
use super::own_meta::OwnMeta;
use super::queue::Queue;
use super::rebase::Rebase;
use super::table::Table;
use super::token_bucket::TokenBucket;
use super::writer::MessageWriter;
use super::{Closed, Route, Session, Transmit};

pub(super) use self::change::Listen;
pub(super) use self::event::Incoming;
pub use self::event::{InputError, Request, ServerEvent};
pub(super) use self::input::PendingInput;
#[cfg(feature = "std")]
pub(crate) use self::input::needed_for;

/// The server's end of one connection.
///
/// It is open from the start: drive it through [`Session`] and answer each
/// [`ServerEvent::Request`].
#[derive(Clone, Debug)]
pub struct ServerSession {
    pub(super) config: ServerConfig,
    /// The members of `_meta` that every modern result has, encoded once.
    own_meta: OwnMeta,
    /// The `_meta` that the client repeats in every modern request.
    repeated: Repeated,
    declared: CapabilitySet,
    pub(super) writer: MessageWriter,
    pub(super) legacy: Legacy,
    pub(super) incoming: Table<Incoming>,
    /// What legacy clients are being asked for, by the number of the request to them.
    pub(super) asked: Table<PendingInput>,
    pub(super) listens: Table<Listen>,
    pub(super) events: Queue<ServerEvent>,
    pub(super) cancels: TokenBucket,
    pub(super) closed: bool,
}

/// The part of the connection that an `initialize` has opened.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Legacy {
    stage: Stage,
    /// The stream for messages to the client that belong to no request.
    route: Route,
    /// What the client said of itself, as JSON.
    info: Option<Box<str>>,
    capabilities: Option<Box<str>>,
    log_level: Option<LoggingLevel>,
    subscribed: Vec<Box<str>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Stage {
    None,
    /// `initialize` is answered, `initialized` hasn't come yet: nothing may be asked of the client.
    Greeted(Revision),
    Open(Revision),
}

impl Default for Legacy {
    fn default() -> Self {
        Self {
            stage: Stage::None,
            route: Route::Pipe,
            info: None,
            capabilities: None,
            log_level: None,
            subscribed: Vec::new(),
        }
    }
}

impl Legacy {
    fn revision(&self) -> Option<Revision> {
        match self.stage {
            Stage::None => None,
            Stage::Greeted(revision) | Stage::Open(revision) => Some(revision),
        }
    }
}

impl ServerSession {
    /// A session that waits for its client.
    pub fn new(config: ServerConfig) -> Self {
        Self {
            own_meta: OwnMeta::of_server(&config),
            repeated: Repeated::default(),
            declared: CapabilitySet::new(&config.capabilities),
            writer: MessageWriter::new(config.limits.clone()),
            legacy: Legacy::default(),
            incoming: Table::default(),
            asked: Table::default(),
            listens: Table::default(),
            events: Queue::default(),
            cancels: TokenBucket::new(config.limits.cancel_burst),
            closed: false,
            config,
        }
    }

    /// The revision that was agreed with a legacy client; `None` when none has opened the
    /// session. Modern requests say theirs one by one.
    pub fn legacy_revision(&self) -> Option<Revision> {
        self.legacy.revision()
    }

    /// Who a legacy client is; `None` before it has said so. For display only.
    pub fn client_info(&self) -> Option<Implementation<'_>> {
        serde_json::from_str(self.legacy.info.as_deref()?).ok()
    }

    /// What a legacy client can do; `None` before it has said so.
    pub fn client_capabilities(&self) -> Option<ClientCapabilities<'_>> {
        serde_json::from_str(self.legacy.capabilities.as_deref()?).ok()
    }

    /// How many requests wait for their answer.
    pub fn open_requests(&self) -> usize {
        self.incoming.len()
    }

    /// The least level of log messages that a legacy client gets.
    pub fn log_level(&self) -> LoggingLevel {
        self.legacy.log_level.unwrap_or(self.config.log_level)
    }

    /// The level that a legacy client has set; `None` when it has set none.
    pub fn client_log_level(&self) -> Option<LoggingLevel> {
        self.legacy.log_level
    }

    /// Ends the session from this side: subscriptions end in good order, requests in progress are
    /// cancelled without an answer, [`ServerEvent::Closed`] follows. Harmless when closed.
    pub fn close(&mut self, now: Instant) {
        self.writer.advance(now);
        if !self.closed {
            self.end_subscriptions(now);
            self.end(CloseReason::Local);
        }
    }

    fn ignore(&mut self, ignored: Ignored) {
        self.events.push_back(ServerEvent::Ignored(ignored));
    }

    /// Cancels everything that is open, then ends the session.
    fn end(&mut self, reason: CloseReason) {
        if self.closed {
            return;
        }
        for number in self.incoming.numbers() {
            self.incoming.remove(number);
            let request = IncomingId(number);
            self.events.push_back(ServerEvent::Cancelled {
                request,
                reason: None,
            });
        }
        self.asked = Table::default();
        self.listens = Table::default();
        // Nobody waits for the answers to what wasn't asked yet.
        self.writer.outbox.drop_requests();
        self.closed = true;
        self.events.push_back(ServerEvent::Closed(reason));
    }

    /// Carries all deadlines over to another epoch.
    pub(super) fn rebase(&mut self, rebase: Rebase) {
        for (_, asked) in self.asked.iter_mut() {
            rebase.optional(&mut asked.deadline);
        }
    }

    /// The request with this id that is still open, listen streams not counted.
    fn find_incoming(&self, id: &RequestId) -> Option<u64> {
        self.incoming.find(|incoming| incoming.request == *id)
    }
}

impl Session for ServerSession {
    type Event = ServerEvent;

    fn handle_frame(&mut self, now: Instant, route: Route, frame: Bytes) {
        self.writer.advance(now);
        if !self.closed {
            self.receive(route, frame);
        }
    }

    fn handle_malformed(&mut self, now: Instant, route: Route, error: FrameError) {
        self.writer.advance(now);
        if !self.closed {
            self.receive_malformed(route, error);
        }
    }

    fn handle_closed(&mut self, now: Instant, route: Route, why: Closed) {
        self.writer.advance(now);
        if route != Route::Pipe {
            return self.lose_route(route);
        }
        self.end(CloseReason::Connection(why));
        if why == Closed::WriteFailed {
            self.writer.outbox.clear();
        }
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.writer.advance(now);
        self.input_timeouts();
    }

    fn poll_transmit(&mut self, buffer: &mut Vec<u8>) -> Option<Transmit> {
        self.writer.outbox.poll(buffer)
    }

    fn poll_event(&mut self) -> Option<ServerEvent> {
        self.events.pop_front()
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.asked
            .iter()
            .filter_map(|(_, asked)| asked.deadline)
            .min()
    }

    fn wants_frames(&self) -> bool {
        self.events.len() < self.config.limits.events && !self.writer.is_congested()
    }

    fn is_closed(&self) -> bool {
        self.closed
    }

    fn frame_limit(&self) -> usize {
        self.config.limits.frame
    }
}
