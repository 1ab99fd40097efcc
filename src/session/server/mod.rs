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

mod change;
mod check;
mod event;
mod input;
mod legacy;
mod modern;
mod receive;
mod reply;
mod save;
mod saved_call;
mod subscriptions;
mod tasks;

use alloc::sync::Arc;
use alloc::vec::Vec;

use bytes::Bytes;

use crate::frame::FrameError;
use crate::limits::Limits;
use crate::model::capability::ClientCapabilities;
use crate::model::initialize::Implementation;
use crate::model::logging::LoggingLevel;
use crate::revision::{Era, Revision};
use crate::rpc::{Repeated, RequestId, RpcError, ScannedFrame};
use crate::saved::saved;
use crate::time::Instant;

use super::capability_set::CapabilitySet;
use super::config::ServerConfig;
use super::error::CloseReason;
use super::event::Ignored;
use super::events::Events;
use super::id::IncomingId;
use super::machine::{Session, Transmit};
use super::own_meta::OwnMeta;
use super::rare::Rare;
use super::rebase::Rebase;
use super::requests_in::{RequestIn, RequestsIn};
use super::requests_out::RequestsOut;
use super::rounds::are_all_asked;
use super::route::{Closed, Route};
use super::side;
use super::table::total;
use super::timer::{self, WakeReason};
use super::token_bucket::TokenBucket;
use super::writer::MessageWriter;

use self::event::Incoming;
pub use self::event::{InputError, Request, ServerEvent};
use self::input::PendingInput;
pub(crate) use self::input::{lower_input, needed_for};
pub use self::save::SavedServer;
pub(crate) use self::saved_call::SavedCall;
use self::subscriptions::Subscriptions;

/// A server may have a million idle sessions, none of which keeps a larger buffer for its output.
const KEEP: usize = 256;

/// The server's end of one connection.
///
/// It is open from the start: drive it through [`Session`] and answer each
/// [`ServerEvent::Request`].
#[derive(Clone, Debug)]
pub struct ServerSession {
    pub(super) fixed: Arc<Fixed>,
    /// The `_meta` that the client repeats in every modern request.
    repeated: Repeated,
    pub(super) state: State,
}

/// What never changes, and is the same for every session of one server.
#[derive(Debug)]
pub(super) struct Fixed {
    pub(super) config: ServerConfig,
    /// The members of `_meta` that every modern result has, encoded once.
    own_meta: OwnMeta,
    declared: CapabilitySet,
}

/// All that changes while a session runs, and all that is saved of it.
#[derive(Clone, Debug)]
pub(super) struct State {
    pub(super) writer: MessageWriter,
    legacy: Legacy,
    requests_in: RequestsIn<Incoming>,
    /// What legacy clients are being asked for, by the number of the request to them.
    requests_out: Rare<RequestsOut<PendingInput, 0>>,
    subscriptions: Rare<Subscriptions>,
    events: Events<ServerEvent>,
    cancels: Rare<TokenBucket>,
    closed: bool,
}

saved! {
    struct State {
        writer, legacy, requests_in, requests_out, subscriptions, events, cancels, closed
    }
}

/// The part of the connection that an `initialize` has opened.
#[derive(Clone, Debug)]
pub(super) struct Legacy {
    stage: Stage,
    /// The stream for messages to the client that belong to no request.
    route: Route,
    /// What the client said of itself, as JSON.
    info: Option<Arc<str>>,
    capabilities: Option<Arc<str>>,
    log_level: Option<LoggingLevel>,
}

saved! { struct Legacy { stage, route, info, capabilities, log_level } }

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    None,
    /// `initialize` is answered, `initialized` hasn't come yet: nothing may be asked of the client.
    Greeted(Revision),
    Open(Revision),
}

saved! {
    enum Stage {
        0 => None,
        1 => Greeted(value),
        2 => Open(value),
    }
}

impl Default for Legacy {
    fn default() -> Self {
        Self {
            stage: Stage::None,
            route: Route::Pipe,
            info: None,
            capabilities: None,
            log_level: None,
        }
    }
}

impl Legacy {
    /// How many bytes the client's texts hold.
    fn held(&self) -> usize {
        let texts = [&self.info, &self.capabilities];
        texts.into_iter().flatten().map(|text| text.len()).sum()
    }

    fn revision(&self) -> Option<Revision> {
        match self.stage {
            Stage::None => None,
            Stage::Greeted(revision) | Stage::Open(revision) => Some(revision),
        }
    }
}

impl ServerSession {
    /// Creates a session that waits for its client.
    pub fn new(config: ServerConfig) -> Self {
        Self::of(Arc::new(Fixed {
            own_meta: OwnMeta::of_server(&config),
            declared: CapabilitySet::new(&config.capabilities),
            config,
        }))
    }

    /// Creates a session of the same configuration, which both share: it costs little, so a server
    /// may have one for each client or for each request.
    #[must_use]
    pub fn another(&self) -> Self {
        Self::of(Arc::clone(&self.fixed))
    }

    fn of(fixed: Arc<Fixed>) -> Self {
        let limits = &fixed.config.limits;
        Self {
            repeated: Repeated::default(),
            state: State {
                writer: MessageWriter::new(limits),
                legacy: Legacy::default(),
                requests_in: RequestsIn::default(),
                requests_out: Rare::default(),
                subscriptions: Rare::default(),
                events: Events::default(),
                cancels: Rare::default(),
                closed: false,
            },
            fixed,
        }
    }

    /// Returns the revision that was agreed with a legacy client; `None` when none has opened the
    /// session. Modern requests say theirs one by one.
    pub fn legacy_revision(&self) -> Option<Revision> {
        self.state.legacy.revision()
    }

    /// Returns who a legacy client is; `None` before it has said so. For display only.
    pub fn client_info(&self) -> Option<Implementation<'_>> {
        serde_json::from_str(self.state.legacy.info.as_deref()?).ok()
    }

    /// Returns what a legacy client can do; `None` before it has said so.
    pub fn client_capabilities(&self) -> Option<ClientCapabilities<'_>> {
        serde_json::from_str(self.state.legacy.capabilities.as_deref()?).ok()
    }

    /// The texts in which a legacy client has said who it is and what it can do, to be shared.
    pub(crate) fn client_texts(&self) -> [Option<Arc<str>>; 2] {
        let Legacy {
            info, capabilities, ..
        } = &self.state.legacy;
        [info.clone(), capabilities.clone()]
    }

    /// Returns how many requests wait for their answer.
    pub fn open_requests(&self) -> usize {
        self.state.requests_in.len()
    }

    /// Returns whether a legacy client has said that it is ready for what follows the handshake.
    pub fn is_initialized(&self) -> bool {
        matches!(self.state.legacy.stage, Stage::Open(_))
    }

    /// Returns the route by which a request came and its answer leaves; `None` when it isn't open
    /// (any more).
    pub fn route_of(&self, request: IncomingId) -> Option<Route> {
        let number = request.number_in(self.state.writer.tag)?;
        let incoming = self.state.requests_in.get(number);
        incoming.map(|incoming| incoming.route())
    }

    /// Returns how many requests that came by `route` wait for their answer, listen streams
    /// included.
    pub fn open_on(&self, route: Route) -> usize {
        let requests = self.state.requests_in.count_on(route);
        total([requests, self.listens_on(route).count()])
    }

    /// Returns whether a listen stream of the modern era is open on `route`.
    pub fn is_listening_on(&self, route: Route) -> bool {
        self.listens_on(route).next().is_some()
    }

    fn listens_on(&self, route: Route) -> impl Iterator<Item = u64> {
        let listens = self.state.subscriptions.listens().iter();
        listens.filter_map(move |(number, listen)| (listen.target.route == route).then_some(number))
    }

    /// Returns what [`poll_timeout`](Session::poll_timeout) is for; `None` when nothing waits. For
    /// logs.
    pub fn wake_reason(&self) -> Option<WakeReason> {
        self.state.next_wake().map(|(_, reason)| reason)
    }

    /// Returns how many bytes the session holds, which [`Limits::memory`](crate::Limits::memory)
    /// bounds.
    pub fn held_bytes(&self) -> usize {
        let state = &self.state;
        total([
            state.events.held(),
            state.requests_in.held(),
            state.requests_out.held(),
            state.subscriptions.held(),
            state.legacy.held(),
            state.writer.held(),
        ])
    }

    /// Whether output waits that fills a write of so many bytes, or its limit.
    #[cfg(any(feature = "tokio", feature = "futures-io"))]
    pub(crate) fn fills_write(&self, bytes: usize) -> bool {
        let writer = &self.state.writer;
        writer.has_pending(bytes) || writer.is_full()
    }

    /// Whether `more` bytes of a request may be held beside what is held already. A request alone
    /// always may: a frame is all that the account may be passed by.
    fn has_memory_for(&self, more: usize) -> bool {
        self.state.requests_in.is_empty() || self.has_room_for(more)
    }

    /// Whether `more` bytes may be held for as long as the session lasts.
    fn has_room_for(&self, more: usize) -> bool {
        self.held_bytes().saturating_add(more) <= self.fixed.config.limits.memory
    }

    /// Returns the least level of log messages that a legacy client gets.
    ///
    /// Deprecated since 2026-07-28: log to stderr, or use OpenTelemetry. See
    /// [`logging`](crate::model::logging#deprecated).
    pub fn log_level(&self) -> LoggingLevel {
        self.state
            .legacy
            .log_level
            .unwrap_or(self.fixed.config.log_level)
    }

    /// Returns the level that a legacy client has set; `None` when it has set none.
    ///
    /// Deprecated since 2026-07-28: log to stderr, or use OpenTelemetry. See
    /// [`logging`](crate::model::logging#deprecated).
    pub fn client_log_level(&self) -> Option<LoggingLevel> {
        self.state.legacy.log_level
    }

    /// Ends the session from this side: subscriptions end gracefully, requests in progress are
    /// cancelled without an answer, [`ServerEvent::Closed`] follows. Harmless when closed.
    pub fn close(&mut self, now: Instant) {
        self.state.writer.advance(now);
        if !self.state.closed {
            self.end_subscriptions(now);
            self.end(CloseReason::Local);
        }
    }

    fn ignore(&mut self, ignored: Ignored) {
        self.state.events.push(ServerEvent::Ignored(ignored));
    }

    /// Cancels everything that is open, then ends the session.
    fn end(&mut self, reason: CloseReason) {
        if self.state.closed {
            return;
        }
        for number in self.state.requests_in.drop_all(&mut self.state.writer) {
            let request = IncomingId::new(self.state.writer.tag, number);
            self.state.events.push(ServerEvent::Cancelled {
                request,
                reason: None,
            });
        }
        self.state.requests_out = Rare::default();
        self.state.subscriptions = Rare::default();
        // Nobody waits for the answers to what wasn't asked yet.
        self.state.writer.outbox.drop_requests();
        self.state.closed = true;
        self.state.events.push(ServerEvent::Closed(reason));
    }

    /// The id of a request on the wire, while it is open.
    pub(crate) fn wire_id(&self, request: IncomingId) -> Option<&RequestId> {
        let number = request.number_in(self.state.writer.tag)?;
        let found = self.state.requests_in.get(number)?;
        Some(found.id())
    }
}

/// A server session, or what contains one, as a transport of several connections sees it.
pub trait ServesClient: Session + AsRef<ServerSession> {
    /// Ends all modern listen streams gracefully. See [`ServerSession::end_subscriptions`].
    fn end_subscriptions(&mut self, now: Instant);

    /// Ends the session from this side. See [`ServerSession::close`].
    fn close(&mut self, now: Instant);

    /// Takes one frame, as [`handle_frame`](Session::handle_frame) does, which may have been scanned
    /// before.
    fn handle_scanned(&mut self, now: Instant, route: Route, frame: ScannedFrame);
}

/// So that what wants to look at a server session takes what contains one too.
impl AsRef<ServerSession> for ServerSession {
    fn as_ref(&self) -> &Self {
        self
    }
}

impl ServesClient for ServerSession {
    fn end_subscriptions(&mut self, now: Instant) {
        Self::end_subscriptions(self, now);
    }

    fn close(&mut self, now: Instant) {
        Self::close(self, now);
    }

    fn handle_scanned(&mut self, now: Instant, route: Route, frame: ScannedFrame) {
        side::handle_scanned(self, now, route, frame);
    }
}

impl Session for ServerSession {
    type Event = ServerEvent;

    fn handle_frame(&mut self, now: Instant, route: Route, frame: Bytes) {
        side::handle_frame(self, now, route, frame);
    }

    fn handle_malformed(&mut self, now: Instant, route: Route, error: FrameError) {
        side::handle_malformed(self, now, route, error);
    }

    fn handle_closed(&mut self, now: Instant, route: Route, why: Closed) {
        self.state.writer.advance(now);
        if route != Route::Pipe {
            return self.lose_route(route);
        }
        self.end(CloseReason::Connection(why));
        if why == Closed::WriteFailed {
            self.state.writer.outbox.clear();
        }
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.state.writer.advance(now);
        self.input_timeouts();
    }

    fn poll_transmit(&mut self, buffer: &mut Vec<u8>) -> Option<Transmit> {
        let transmit = self.state.writer.outbox.poll(buffer, KEEP);
        transmit.map(Transmit::of_server)
    }

    #[inline]
    fn poll_event(&mut self) -> Option<ServerEvent> {
        self.state.events.poll()
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.state.next_wake().map(|(at, _)| at)
    }

    fn wants_frames(&self) -> bool {
        let limits = &self.fixed.config.limits;
        let has_room = limits.have_room(self.state.events.len(), || self.held_bytes());
        // One that awaits a response reads on, or it and a peer that does the same would wait for
        // each other for ever.
        let pushes_back = self.state.writer.is_full() && self.state.requests_out.is_empty();
        has_room && !pushes_back && !self.state.writer.is_reserve_spent()
    }

    fn is_closed(&self) -> bool {
        self.state.closed
    }

    fn frame_limit(&self) -> usize {
        self.fixed.config.limits.frame
    }
}

impl State {
    /// The same state in another epoch, with the limits of its new session.
    pub(super) fn restored(mut self, limits: &Limits, rebase: Rebase) -> Self {
        if let Some(requests_out) = self.requests_out.existing() {
            requests_out.rebase(rebase);
        }
        if let Some(cancels) = self.cancels.existing() {
            cancels.rebase(rebase);
        }
        self.writer = self.writer.restored(limits, rebase);
        self
    }

    /// Refuses the requests that this side is working on.
    pub(super) fn refuse_handed_out(&mut self, error: &RpcError) {
        for number in self.requests_in.numbers() {
            let incoming = self.requests_in.get(number);
            if incoming.is_some_and(|incoming| !incoming.part.rounds.is_open()) {
                self.requests_in.refuse(number, &mut self.writer, error);
            }
        }
    }

    /// When the session has to be woken, and for what.
    fn next_wake(&self) -> Option<(Instant, WakeReason)> {
        let input = self.requests_out.first_deadline();
        timer::next([(WakeReason::Input, input)])
    }

    /// Whether a session could have this state, as it can unless a saved one was changed.
    pub(super) fn is_sound(&self) -> bool {
        let is_idle = || {
            let has_listens = !self.subscriptions.listens().is_empty();
            self.requests_in.is_empty() && self.requests_out.is_empty() && !has_listens
        };
        let inputs = self.requests_out.parts();
        let asked = inputs.map(|(_, input)| (input.incoming, &*input.key));
        let requests = self.requests_in.parts();
        let rounds = requests.map(|(number, incoming)| (number, &incoming.rounds));
        let listens = self.subscriptions.listens().iter();
        let targets = listens.map(|(_, listen)| listen.target);
        let revision = self.legacy.revision();
        self.writer
            .is_sound(self.requests_in.targets().chain(targets))
            && revision.is_none_or(|revision| revision.era() == Era::Legacy)
            && self.requests_in.is_sound(&self.writer, Incoming::is_sound)
            && self
                .requests_out
                .is_sound(&self.writer, PendingInput::is_sound)
            && are_all_asked(asked, rounds)
            && self.subscriptions.is_sound(self.writer.next_number())
            && self.events.is_sound(self.closed, ServerEvent::is_sound)
            && (!self.closed || is_idle())
    }
}
