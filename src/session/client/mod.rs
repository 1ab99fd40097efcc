//! The client's side of a connection: opens it in whichever era the server speaks, makes calls,
//! answers what the server asks for, and follows subscriptions.
//!
//! ```text
//!  new ──open──▶ Probing ──DiscoverResult──────────────────────────▶ Open (modern)
//!        │          │ └─any other error, or no answer in time─┐
//!        │          └─a modern error, once more───▶ Probing   ▼
//!        └─legacy policy─────────────────────────▶ Initializing ──▶ Open (legacy)
//!  any of them ──connection lost, close, refusal, opening too long──▶ Closed
//! ```

mod call;
mod event;
mod opening;
mod receive;
mod round;
mod subscribe;

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::vec::Vec;

use bytes::Bytes;
use serde::Serialize;

use crate::frame::FrameError;
use crate::limits::Limits;
use crate::model::capability::{ClientCapabilities, ServerCapabilities};
use crate::model::encode::SessionMembers;
use crate::model::initialize::Implementation;
use crate::model::logging::LoggingLevel;
use crate::model::members::MemberSpans;
use crate::model::method::{ClientCapability, Notification, Ping, SetLevel};
use crate::model::{logging, method};
use crate::revision::{Era, Revision};
use crate::rpc::{Repeated, Text};
use crate::time::Instant;

use self::event::RequestKey;
use super::capability_set::{self, CapabilitySet};
use super::config::{CallOptions, ClientConfig};
use super::error::{CallError, CloseReason, Misuse};
use super::event::{Answer, Body, Completed};
use super::id::CallId;
use super::name::MethodName;
use super::own_meta::OwnMeta;
use super::queue::Queue;
use super::rebase::Rebase;
use super::table::Table;
use super::writer::MessageWriter;
use super::{Closed, Route, Session, Transmit};

pub(super) use self::call::Call;
pub(super) use self::event::Input;
pub use self::event::{ClientEvent, InputRequested};
pub(super) use self::opening::Opening;
pub(super) use self::subscribe::{Subscription, covers};

/// The client's end of one connection.
///
/// Create it, [`open`](Self::open) it, drive it through [`Session`], and make calls once
/// [`ClientEvent::Opened`] has come. Each call ends in exactly one [`ClientEvent::Completed`].
#[derive(Clone, Debug)]
pub struct ClientSession {
    pub(super) config: ClientConfig,
    /// The members of `_meta` that every modern request has, encoded once.
    own_meta: OwnMeta,
    /// A buffer of params that were kept for another round, to be used again.
    spare: Vec<u8>,
    /// The `_meta` that the server repeats in every modern result.
    repeated: Repeated,
    pub(super) writer: MessageWriter,
    pub(super) opening: Opening,
    pub(super) revision: Option<Revision>,
    pub(super) peer: Peer,
    pub(super) declared: CapabilitySet,
    pub(super) calls: Table<Call>,
    pub(super) inputs: Table<Input>,
    pub(super) subscriptions: Table<Subscription>,
    pub(super) events: Queue<ClientEvent>,
    pub(super) log_level: Option<LoggingLevel>,
    /// No call's deadline lies before this; it may be early.
    next_deadline: Option<Instant>,
    pub(super) ignored_responses: u64,
    /// The requests of the listen streams that ended last: a server says it in two ways, of which
    /// the second one has nothing left to end (`sub.end.server.cancelled`).
    pub(super) ended_listens: VecDeque<u64>,
    /// The ids of elicitations that the user was sent to a URL for (2025-11-25).
    pub(super) elicitations: VecDeque<Box<str>>,
}

/// What the server said of itself, as JSON, copied out exactly.
#[derive(Clone, Debug, Default, Serialize, serde::Deserialize)]
pub(super) struct Peer {
    info: Option<Box<str>>,
    capabilities: Option<Box<str>>,
    instructions: Option<Box<str>>,
}

impl ClientSession {
    /// A session that waits to be opened.
    pub fn new(config: ClientConfig) -> Self {
        Self {
            own_meta: OwnMeta::of_client(&config),
            spare: Vec::new(),
            repeated: Repeated::default(),
            writer: MessageWriter::new(config.limits.clone()),
            opening: Opening::Idle,
            revision: None,
            peer: Peer::default(),
            declared: CapabilitySet::UNKNOWN,
            calls: Table::default(),
            inputs: Table::default(),
            subscriptions: Table::default(),
            events: Queue::default(),
            log_level: config.log_level,
            next_deadline: None,
            ignored_responses: 0,
            ended_listens: VecDeque::new(),
            elicitations: VecDeque::new(),
            config,
        }
    }

    /// The revision both sides speak; `None` before the session is open. For logs: user code
    /// needs no branch on it.
    pub fn revision(&self) -> Option<Revision> {
        self.revision.filter(|_| self.was_opened())
    }

    /// Whether the session is open for calls.
    pub fn is_open(&self) -> bool {
        matches!(self.opening, Opening::Open)
    }

    /// The server's name and version; `None` before the opening and when it doesn't say. Kept
    /// after the end. For display only: nothing may depend on it (`meta.info.notrust`).
    pub fn server_info(&self) -> Option<Implementation<'_>> {
        serde_json::from_str(self.peer.info.as_deref()?).ok()
    }

    /// What the server can do; `None` before the opening, and while a modern server that was not
    /// asked hasn't said. Kept after the end.
    pub fn server_capabilities(&self) -> Option<ServerCapabilities<'_>> {
        serde_json::from_str(self.peer.capabilities.as_deref()?).ok()
    }

    /// What the server wants a model to know; `None` when it says nothing. Kept after the end.
    pub fn instructions(&self) -> Option<Text<'_>> {
        serde_json::from_str(self.peer.instructions.as_deref()?).ok()
    }

    /// What this client declared.
    pub fn capabilities(&self) -> &ClientCapabilities<'static> {
        &self.config.capabilities
    }

    /// The bounds that this session keeps.
    pub fn limits(&self) -> &Limits {
        &self.config.limits
    }

    /// How many responses came to no open request: late, foreign or repeated ones.
    pub fn ignored_responses(&self) -> u64 {
        self.ignored_responses
    }

    /// How many calls are open, the session's own included.
    pub fn open_calls(&self) -> usize {
        self.calls.len()
    }

    /// Asks the server for a sign of life. In the modern era, which has no ping, a discovery is
    /// the sign.
    ///
    /// Errs as [`call`](Self::call) does. [`ClientEvent::Completed`] follows.
    pub fn ping(&mut self, now: Instant, options: CallOptions<'_>) -> Result<CallId<Ping>, Misuse> {
        match self.era()? {
            Era::Legacy => self.call::<Ping>(now, &method::EmptyParams::new(), options),
            Era::Modern => {
                let params = crate::model::discover::DiscoverParams::new();
                let call = self.call::<method::Discover>(now, &params, options)?;
                Ok(CallId::new(call.0))
            }
        }
    }

    /// Sets the least level of log messages the server is to send.
    ///
    /// A legacy server is told at once; a modern one with each request from now on, and the call
    /// completes by itself. Errs as [`call`](Self::call) does. [`ClientEvent::Completed`] follows.
    pub fn set_log_level(
        &mut self,
        now: Instant,
        level: LoggingLevel,
        options: CallOptions<'_>,
    ) -> Result<CallId<SetLevel>, Misuse> {
        if self.era()? == Era::Legacy {
            return self.call::<SetLevel>(now, &logging::SetLevelParams::new(level), options);
        }
        self.writer.advance(now);
        self.log_level = Some(level);
        let call = CallId::new(self.writer.number());
        let answer = Answer {
            body: Body::new(
                Bytes::from_static(b"{}"),
                crate::rpc::Span { start: 0, end: 2 },
            ),
            spans: MemberSpans::default(),
        };
        self.complete(
            call,
            MethodName::Spec(method::SpecMethod::SetLevel),
            Ok(answer),
        );
        Ok(CallId::new(call.0))
    }

    /// Tells the server that the roots have changed. Modern servers ask for them when they need
    /// them, so there it does nothing.
    ///
    /// Errs when the session isn't open or `roots.listChanged` was not declared.
    pub fn roots_changed(&mut self, now: Instant) -> Result<(), Misuse> {
        let era = self.era()?;
        let capability = ClientCapability::RootsListChanged;
        if !capability.is_declared_by(&self.config.capabilities) {
            return Err(Misuse::NotDeclared(capability_set::client_name(capability)));
        }
        match era {
            Era::Legacy => {
                self.notify::<method::RootsListChanged>(now, &method::EmptyParams::new())
            }
            Era::Modern => Ok(()),
        }
    }

    /// Sends a notification, such as an extension's.
    ///
    /// Errs when the session isn't open, the revision doesn't have it from a client, what it needs
    /// was not declared, or the session sends it by itself.
    pub fn notify<N: Notification>(
        &mut self,
        now: Instant,
        params: &N::Params<'_>,
    ) -> Result<(), Misuse> {
        self.writer.advance(now);
        let revision = self.open_revision()?;
        if let Some(known) = method::SpecMethod::from_wire(N::NAME) {
            self.check_notification(known, revision)?;
        }
        let additions = SessionMembers::default();
        Ok(self
            .writer
            .notification(Route::Pipe, revision, N::NAME, params, &additions)?)
    }

    fn check_notification(
        &self,
        known: method::SpecMethod,
        revision: Revision,
    ) -> Result<(), Misuse> {
        let sender = known.sent_by(revision);
        if !matches!(sender, Some(method::Sender::Client | method::Sender::Both)) {
            return Err(Misuse::NotInRevision {
                what: known.as_str().into(),
                revision,
            });
        }
        match known {
            method::SpecMethod::Initialized => Err(Misuse::Invalid(
                "notifications/initialized is sent by the session",
            )),
            method::SpecMethod::Cancelled => Err(Misuse::Invalid(
                "notifications/cancelled is sent by cancel()",
            )),
            method::SpecMethod::Progress => Err(Misuse::Invalid(
                "notifications/progress is sent by progress()",
            )),
            _ => match known.client_capability() {
                Some(capability) if !capability.is_declared_by(&self.config.capabilities) => {
                    Err(Misuse::NotDeclared(capability_set::client_name(capability)))
                }
                _ => Ok(()),
            },
        }
    }

    /// Ends the session from this side. There is no message for it: the adapter closes the
    /// connection once the output is sent (`lifecycle.shutdown.msg`).
    ///
    /// Open calls are completed as lost; [`ClientEvent::Closed`] follows. Harmless when closed.
    pub fn close(&mut self, now: Instant) {
        self.writer.advance(now);
        self.end(CloseReason::Local);
    }

    fn era(&self) -> Result<Era, Misuse> {
        self.open_revision().map(Revision::era)
    }

    fn open_revision(&self) -> Result<Revision, Misuse> {
        match self.opening {
            Opening::Open => self.revision.ok_or(Misuse::NotOpen),
            Opening::Closed { .. } => Err(Misuse::Closed),
            _ => Err(Misuse::NotOpen),
        }
    }

    fn was_opened(&self) -> bool {
        matches!(
            self.opening,
            Opening::Open | Opening::Closed { opened: true }
        )
    }

    fn complete(&mut self, call: CallId, method: MethodName, outcome: Result<Answer, CallError>) {
        self.events.push_back(ClientEvent::Completed(Completed {
            call,
            method,
            outcome,
        }));
    }

    /// Carries all deadlines over to another epoch.
    pub(super) fn rebase(&mut self, rebase: Rebase) {
        self.opening.rebase(rebase);
        for (_, call) in self.calls.iter_mut() {
            call.rebase(rebase);
        }
        self.next_deadline = self
            .calls
            .iter()
            .filter_map(|(_, call)| call.deadline())
            .min();
    }

    /// Ends everything that is open, then the session.
    fn end(&mut self, reason: CloseReason) {
        if let Opening::Closed { .. } = self.opening {
            return;
        }
        for number in self.calls.numbers() {
            self.lose_call(number);
        }
        for number in self.inputs.numbers() {
            self.withdraw_input(number);
        }
        for number in self.subscriptions.numbers() {
            let lost = CallError::Lost(super::Delivery::Unknown);
            self.end_subscription(number, Err(lost));
        }
        self.opening = Opening::Closed {
            opened: self.was_opened(),
        };
        self.next_deadline = None;
        // What was reported as never sent is never sent.
        self.writer.outbox.drop_requests();
        self.events.push_back(ClientEvent::Closed(reason));
    }
}

/// So that what wants a client session takes one inside a session of the caller's own too.
impl AsMut<ClientSession> for ClientSession {
    fn as_mut(&mut self) -> &mut Self {
        self
    }
}

impl Session for ClientSession {
    type Event = ClientEvent;

    fn handle_frame(&mut self, now: Instant, route: Route, frame: Bytes) {
        self.writer.advance(now);
        if !self.is_closed() {
            self.receive(route, frame);
        }
    }

    fn handle_malformed(&mut self, now: Instant, route: Route, error: FrameError) {
        self.writer.advance(now);
        if !self.is_closed() {
            self.receive_malformed(route, error);
        }
    }

    fn handle_closed(&mut self, now: Instant, route: Route, why: Closed) {
        self.writer.advance(now);
        if route != Route::Pipe {
            return self.lose_route(route);
        }
        self.end(match self.opening {
            Opening::Probing { .. } if self.speaks_legacy() => CloseReason::LostInProbe(why),
            _ => CloseReason::Connection(why),
        });
        if why == Closed::WriteFailed {
            self.writer.outbox.clear();
        }
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.writer.advance(now);
        self.opening_timeout();
        self.call_timeouts();
    }

    fn poll_transmit(&mut self, buffer: &mut Vec<u8>) -> Option<Transmit> {
        self.writer.outbox.poll(buffer)
    }

    fn poll_event(&mut self) -> Option<ClientEvent> {
        self.events.pop_front()
    }

    fn poll_timeout(&self) -> Option<Instant> {
        let opening = self.opening.deadline();
        let calls = self.next_deadline.filter(|_| !self.calls.is_empty());
        [opening, calls].into_iter().flatten().min()
    }

    fn wants_frames(&self) -> bool {
        self.events.len() < self.config.limits.events && !self.writer.is_congested()
    }

    fn is_closed(&self) -> bool {
        matches!(self.opening, Opening::Closed { .. })
    }

    fn frame_limit(&self) -> usize {
        self.config.limits.frame
    }
}
