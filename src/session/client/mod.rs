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
mod call_task;
mod check;
mod elicitations;
mod event;
mod input;
mod inputs;
mod open;
mod opening;
mod peer;
mod receive;
mod round;
mod save;
mod subscribe;
mod subscriptions;
mod task;

use alloc::boxed::Box;
use alloc::vec::Vec;

use bytes::Bytes;

use crate::frame::FrameError;
use crate::limits::Limits;
use crate::model::capability::{ClientCapabilities, ServerCapabilities};
use crate::model::encode::SessionMembers;
use crate::model::initialize::Implementation;
use crate::model::logging::LoggingLevel;
use crate::model::members::MemberSpans;
use crate::model::method::{ClientCapability, Notification, Ping, ServerCapability, SetLevel};
use crate::model::{logging, method};
use crate::revision::{Era, Revision};
use crate::rpc::{Landmarks, Repeated, Text};
use crate::saved::saved;
use crate::time::{Instant, earlier};

use super::config::{CallOptions, ClientConfig};
use super::error::{CallError, CloseReason};
use super::event::{Answer, Body, Completed};
use super::events::Events;
use super::id::CallId;
use super::machine::{Session, Transmit};
use super::misuse::Misuse;
use super::name::MethodName;
use super::own_meta::OwnMeta;
use super::rebase::Rebase;
use super::requests_out::RequestsOut;
use super::rounds::are_all_asked;
use super::route::{Closed, Route};
use super::side;
use super::table::total;
use super::timer::{self, WakeReason};
use super::writer::MessageWriter;

use self::call::Call;
use self::call_task::Pauses;
use self::elicitations::Elicitations;
pub use self::event::{ClientEvent, InputRequested};
use self::inputs::Inputs;
use self::opening::Opening;
pub use self::save::SavedClient;
use self::subscriptions::Subscriptions;

/// A buffer for output that is larger than this isn't kept while nothing waits.
const KEEP: usize = 64 * 1024;

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
    pub(super) state: State,
}

/// All that changes while a session runs, and all that is saved of it.
#[derive(Clone, Debug)]
pub(super) struct State {
    pub(super) writer: MessageWriter,
    opening: Opening,
    /// Since when the clocks stand still.
    suspended: Option<Instant>,
    requests_out: RequestsOut<Call>,
    inputs: Inputs,
    subscriptions: Subscriptions,
    events: Events<ClientEvent>,
    log_level: Option<LoggingLevel>,
    ignored_responses: u64,
    elicitations: Elicitations,
    /// When to ask after tasks, found again from their calls when a session is restored.
    pauses: Option<Box<Pauses>>,
}

saved! {
    struct State {
        writer, opening, suspended, requests_out, inputs, subscriptions, events, log_level, ignored_responses, elicitations; pauses
    }
}

impl State {
    /// The same state in another epoch, with the limits of its new session.
    pub(super) fn restored(mut self, limits: &Limits, rebase: Rebase) -> Self {
        // Clocks that stood still when the session was saved go on standing still.
        let rebase = self
            .suspended
            .map_or(rebase, |at| Rebase::new(at, rebase.now()));
        self.suspended = self.suspended.map(|_| rebase.now());
        self.opening.restore(rebase);
        self.requests_out.rebase(rebase);
        self.note_pauses();
        self.move_pauses(|due| rebase.instant(due));
        self.writer = self.writer.restored(limits, rebase);
        self
    }

    /// Lets the time pass, unless the clocks stand still: what begins meanwhile begins when they
    /// stopped, and so has its whole time left when they run on.
    #[inline]
    fn advance(&mut self, now: Instant) {
        if self.suspended.is_none() {
            self.writer.advance(now);
        }
    }

    /// When the session has to be woken, and for what.
    fn next_wake(&self) -> Option<(Instant, WakeReason)> {
        if self.suspended.is_some() {
            return None;
        }
        let (probe, opening) = self.opening.deadlines();
        timer::next([
            (WakeReason::Opening, opening),
            (WakeReason::Probe, probe),
            (WakeReason::Call, self.requests_out.next_deadline()),
            (
                WakeReason::Task,
                self.pauses.as_ref().and_then(|pauses| pauses.first()),
            ),
        ])
    }

    /// When [`next_wake`](Self::next_wake) is, which is asked for around each frame.
    #[inline]
    fn wakes_at(&self) -> Option<Instant> {
        if self.suspended.is_some() {
            return None;
        }
        let (probe, opening) = self.opening.deadlines();
        let task = self.pauses.as_ref().and_then(|pauses| pauses.first());
        let call = self.requests_out.next_deadline();
        let first = earlier(earlier(opening, probe), earlier(call, task));
        first.filter(|at| *at < Instant::MAX)
    }

    /// Whether a session could have this state, as it can unless a saved one was changed.
    pub(super) fn is_sound(&self) -> bool {
        let is_closed = self.opening.is_closed();
        let is_idle = || {
            let has_subscriptions = self.subscriptions.iter().next().is_some();
            self.requests_out.is_empty() && self.inputs.is_empty() && !has_subscriptions
        };
        let calls = self.requests_out.parts();
        let rounds = calls.map(|(number, call)| (number, &call.rounds));
        self.writer.is_sound(self.inputs.targets())
            && self.requests_out.is_sound(&self.writer, Call::is_sound)
            && self.inputs.is_sound(&self.writer)
            && are_all_asked(self.inputs.asked(), rounds)
            && self.subscriptions.is_sound(self.writer.next_number())
            && self.events.is_sound(is_closed, ClientEvent::is_sound)
            && (!is_closed || is_idle())
    }
}

impl ClientSession {
    /// Creates a session, which is not open yet.
    pub fn new(config: ClientConfig) -> Self {
        Self {
            own_meta: OwnMeta::of_client(&config),
            spare: Vec::new(),
            repeated: Repeated::default(),
            state: State {
                writer: MessageWriter::new(&config.limits),
                opening: Opening::default(),
                suspended: None,
                requests_out: RequestsOut::default(),
                inputs: Inputs::default(),
                subscriptions: Subscriptions::default(),
                events: Events::default(),
                log_level: config.log_level,
                ignored_responses: 0,
                elicitations: Elicitations::default(),
                pauses: None,
            },
            config,
        }
    }

    /// Returns the revision both sides speak; `None` before the session is open. For logs: user
    /// code needs no branch on it.
    pub fn revision(&self) -> Option<Revision> {
        self.state.opening.revision()
    }

    /// Returns whether the session is open for calls.
    pub fn is_open(&self) -> bool {
        self.state.opening.is_open()
    }

    /// Returns the server's name and version; `None` before the opening and when it doesn't say.
    /// Kept after the end. For display only: nothing may depend on it.
    // `meta.info.notrust`
    pub fn server_info(&self) -> Option<Implementation<'_>> {
        self.state.opening.server().info()
    }

    /// Returns what the server can do; `None` before the opening, and while a modern server that
    /// was not asked hasn't said. Kept after the end.
    pub fn server_capabilities(&self) -> Option<ServerCapabilities<'_>> {
        self.state.opening.server().capabilities()
    }

    /// Returns whether the server has declared `capability`. A modern server that was not asked counts
    /// as having declared everything.
    pub fn offers(&self, capability: ServerCapability) -> bool {
        self.state.opening.declared().has(capability)
    }

    /// Returns the server's instructions for a model; `None` if it gives none. Kept after the end.
    pub fn instructions(&self) -> Option<Text<'_>> {
        self.state.opening.server().instructions()
    }

    /// Returns what this client declared.
    pub fn capabilities(&self) -> &ClientCapabilities<'static> {
        &self.config.capabilities
    }

    /// Returns the bounds that this session keeps.
    pub fn limits(&self) -> &Limits {
        &self.config.limits
    }

    /// Returns how many responses came to no open request: late, foreign or repeated ones.
    pub fn ignored_responses(&self) -> u64 {
        self.state.ignored_responses
    }

    /// Returns how many calls are open, the session's own included.
    pub fn open_calls(&self) -> usize {
        self.state.requests_out.len()
    }

    /// Returns what [`poll_timeout`](Session::poll_timeout) is for; `None` when nothing waits. For
    /// logs.
    pub fn wake_reason(&self) -> Option<WakeReason> {
        self.state.next_wake().map(|(_, reason)| reason)
    }

    /// Returns whether the limits on calls and output allow another call now. If not, this may
    /// change with any input, with every frame that is sent, and with every command that ends
    /// something.
    pub fn can_call(&self) -> bool {
        let has_slot = self.state.requests_out.len() < self.config.limits.calls();
        self.is_open() && has_slot && !self.state.writer.is_full()
    }

    /// Returns how many bytes the session holds, which [`Limits::memory`] bounds.
    pub fn held_bytes(&self) -> usize {
        let state = &self.state;
        total([
            state.events.held(),
            state.requests_out.held(),
            state.inputs.held(),
            state.subscriptions.held(),
            state.opening.server().held(),
            state.elicitations.held(),
            state.writer.held(),
        ])
    }

    /// Whether `more` bytes of the server's may be kept beside what is held already.
    fn has_memory_for(&self, more: usize) -> bool {
        self.held_bytes().saturating_add(more) <= self.config.limits.memory
    }

    /// Asks the server whether it is alive. In the modern era, which has no ping, a discovery is
    /// the sign.
    ///
    /// Returns an error as [`call`](Self::call) does. [`ClientEvent::Completed`] follows.
    pub fn ping(&mut self, now: Instant, options: CallOptions<'_>) -> Result<CallId<Ping>, Misuse> {
        match self.era()? {
            Era::Legacy => self.call::<Ping>(now, &method::EmptyParams::new(), options),
            Era::Modern => {
                let params = crate::model::discover::DiscoverParams::new();
                let call = self.call::<method::Discover>(now, &params, options)?;
                Ok(call.typed())
            }
        }
    }

    /// Sets the least level of log messages the server is to send.
    ///
    /// A legacy server gets it at once; a modern one with each request from now on, and the call
    /// completes by itself. Returns an error as [`call`](Self::call) does.
    /// [`ClientEvent::Completed`] follows.
    ///
    /// Deprecated since 2026-07-28: log to stderr, or use OpenTelemetry. See
    /// [`logging`](crate::model::logging#deprecated).
    pub fn set_log_level(
        &mut self,
        now: Instant,
        level: LoggingLevel,
        options: CallOptions<'_>,
    ) -> Result<CallId<SetLevel>, Misuse> {
        if self.era()? == Era::Legacy {
            return self.call::<SetLevel>(now, &logging::SetLevelParams::new(level), options);
        }
        self.state.advance(now);
        self.state.writer.check_room()?;
        self.state.log_level = Some(level);
        let number = self.state.writer.number();
        let call = self.call_id(number);
        let answer = Answer {
            body: Body::new(
                Bytes::from_static(b"{}"),
                crate::rpc::Span { start: 0, end: 2 },
            ),
            spans: MemberSpans::default(),
            landmarks: Landmarks::default(),
        };
        self.complete(
            call,
            MethodName::Spec(method::SpecMethod::SetLevel),
            Ok(answer),
        );
        Ok(call.typed())
    }

    /// Notifies the server that the roots have changed. Modern servers ask for them when they need
    /// them, so it does nothing there.
    ///
    /// Returns an error if the session isn't open or `roots.listChanged` was not declared.
    ///
    /// Deprecated since 2026-07-28: take directories and files as arguments of tools, resource URIs
    /// or configuration. See [`root`](crate::model::root#deprecated).
    pub fn roots_changed(&mut self, now: Instant) -> Result<(), Misuse> {
        let era = self.era()?;
        let capability = ClientCapability::RootsListChanged;
        if !capability.is_declared_by(&self.config.capabilities) {
            return Err(Misuse::NotDeclared(capability.into()));
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
    /// Returns an error if the session isn't open, the revision doesn't have it from a client, what
    /// it needs was not declared, or the session sends it by itself.
    pub fn notify<N: Notification>(
        &mut self,
        now: Instant,
        params: &N::Params<'_>,
    ) -> Result<(), Misuse> {
        self.state.advance(now);
        let revision = self.open_revision()?;
        if let Some(known) = method::SpecMethod::from_wire(N::NAME) {
            self.check_notification(known, revision)?;
        }
        self.state.writer.check_room()?;
        let additions = SessionMembers::default();
        Ok(self
            .state
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
                method: known,
                revision,
            });
        }
        match known {
            method::SpecMethod::Initialized
            | method::SpecMethod::Cancelled
            | method::SpecMethod::Progress => Err(Misuse::OwnCommand(known)),
            _ => match known.client_capability(revision) {
                Some(capability) if !capability.is_declared_by(&self.config.capabilities) => {
                    Err(Misuse::NotDeclared(capability.into()))
                }
                _ => Ok(()),
            },
        }
    }

    /// Stops all clocks of the session until [`resume`](Self::resume): no deadline passes and
    /// nothing times out, while a person signs in, say. Frames and commands have their effect
    /// meanwhile. Does nothing if the clocks stand still already.
    pub fn suspend(&mut self, now: Instant) {
        self.state.advance(now);
        let now = self.state.writer.now;
        self.state.suspended.get_or_insert(now);
    }

    /// Lets the clocks run on after [`suspend`](Self::suspend), each with the time that it had left.
    /// Does nothing if they run.
    pub fn resume(&mut self, now: Instant) {
        let suspended = self.state.suspended.take();
        self.state.advance(now);
        let Some(since) = suspended else { return };
        let now = self.state.writer.now;
        self.state.opening.resume(since, now);
        let rebase = Rebase::new(since, now);
        self.state.requests_out.rebase(rebase);
        self.state.move_pauses(|due| rebase.instant(due));
    }

    /// Ends the session from this side. There is no message for it: the adapter closes the
    /// connection once the output is sent.
    ///
    /// Open calls are completed as lost; [`ClientEvent::Closed`] follows. Does nothing if it is
    /// closed already.
    // `lifecycle.shutdown.msg`
    pub fn close(&mut self, now: Instant) {
        self.state.advance(now);
        self.end(CloseReason::Local);
    }

    /// The id by which the user knows a call of this session.
    fn call_id<M>(&self, number: u64) -> CallId<M> {
        CallId::new(self.state.writer.tag, number)
    }

    fn era(&self) -> Result<Era, Misuse> {
        self.open_revision().map(Revision::era)
    }

    fn open_revision(&self) -> Result<Revision, Misuse> {
        self.state.opening.open_revision()
    }

    #[inline]
    fn complete(&mut self, call: CallId, method: MethodName, outcome: Result<Answer, CallError>) {
        self.state.events.push(ClientEvent::Completed(Completed {
            call,
            method,
            outcome,
        }));
    }

    /// Drops what a restored session has no use for any more.
    pub(super) fn after_restore(&mut self) {
        if self.is_open() || self.is_closed() {
            // They were subscribed to when the session opened.
            self.config.subscriptions.clear();
        }
    }

    /// Ends everything that is open, then the session.
    fn end(&mut self, reason: CloseReason) {
        if self.is_closed() {
            return;
        }
        for number in self.state.requests_out.numbers() {
            self.lose_call(number, None);
        }
        for number in self.state.inputs.drop_requests(&mut self.state.writer) {
            self.input_withdrawn(number);
        }
        for number in self.state.subscriptions.numbers() {
            let lost = CallError::Lost(super::Delivery::Unknown);
            self.end_subscription(number, Err(lost));
        }
        self.state.opening.close();
        // What was reported as never sent is never sent.
        self.state.writer.outbox.drop_requests();
        self.state.events.push(ClientEvent::Closed(reason));
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
        side::handle_frame(self, now, route, frame);
    }

    fn handle_malformed(&mut self, now: Instant, route: Route, error: FrameError) {
        side::handle_malformed(self, now, route, error);
    }

    fn handle_closed(&mut self, now: Instant, route: Route, why: Closed) {
        self.state.advance(now);
        if route != Route::Pipe {
            return self.lose_route(route, why);
        }
        self.end(self.state.opening.connection_lost(&self.config, why));
        if why == Closed::WriteFailed {
            self.state.writer.outbox.clear();
        }
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.state.advance(now);
        if self.state.suspended.is_none() {
            let now = self.state.writer.now;
            let step = self.state.opening.timeout(now, &self.config);
            self.take_step(step);
            self.call_timeouts();
            self.ask_after_tasks();
        }
    }

    fn poll_transmit(&mut self, buffer: &mut Vec<u8>) -> Option<Transmit> {
        let transmit = self.state.writer.outbox.poll(buffer, KEEP);
        transmit.map(Transmit::of_client)
    }

    #[inline]
    fn poll_event(&mut self) -> Option<ClientEvent> {
        self.state.events.poll()
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.state.wakes_at()
    }

    fn wants_frames(&self) -> bool {
        // Output alone never stops a client from reading: what it awaits may stand behind what the
        // server sends, and a server that can't send it would not read either.
        let limits = &self.config.limits;
        let has_room = limits.have_room(self.state.events.len(), || self.held_bytes());
        has_room && !self.state.writer.is_reserve_spent()
    }

    fn suspend(&mut self, now: Instant) {
        self.suspend(now);
    }

    fn resume(&mut self, now: Instant) {
        self.resume(now);
    }

    fn is_closed(&self) -> bool {
        self.state.opening.is_closed()
    }

    fn frame_limit(&self) -> usize {
        self.config.limits.frame
    }
}
