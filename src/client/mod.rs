//! The high-level client of one server: lists that are whole and kept, results that mean something,
//! functions that answer what the server asks. No I/O, like the session below it.
//!
//! A [`Client`] is a [`Session`]: every adapter drives it. It is asked for things with
//! [`start`](Client::start), and reports the outcome of each with [`Event::Finished`], exactly
//! once. Most users want the handles of the adapters instead, which wait for that.

mod catalog;
pub mod config;
mod deadlines;
mod drive;
pub mod driver;
mod error;
mod handlers;
mod links;
mod listed;
mod listing;
mod opening;
mod operation;
mod options;
#[cfg(feature = "std")]
mod outputs;
mod pause;
mod prefix;
mod result;
pub mod sampling;
#[cfg(feature = "skills")]
mod skills;
mod tasks;

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::vec::Vec;
use core::sync::atomic::{AtomicU32, Ordering};
use core::time::Duration;

use bytes::Bytes;

use crate::frame::FrameError;
use crate::model::method::Method;
use crate::model::progress::ProgressParams;
use crate::rpc::RpcError;
use crate::session::{
    CallId, ClientEvent, ClientSession, Closed, InputId, Misuse, Route, Session, SubscriptionId,
    Table, Transmit,
};
use crate::time::{Instant, earlier};
use crate::trace::{self, Role, Spans};

pub use error::{ClientError, ToolFailure};
pub use handlers::{Answer, Direction};
pub use listed::Listed;
pub use operation::{Operation, OperationId, Output, ProgressHandler, ToolCall};
pub use options::{Backoff, ClientOptions, Reconnect, ToolHook};
#[cfg(feature = "std")]
pub(crate) use outputs::Outputs;
pub use prefix::{NameConflict, Prefix, PrefixedTool, ToolSet};
pub use result::{Binary, OutputPart, ResourceOutput, ToolOutput};

// What a client's options and operations take and return, beside them.
#[doc(no_inline)]
pub use crate::model::{
    completion::{CompleteParams, PromptReference},
    elicitation::ElicitResult,
    form::FormContent,
    prompt::GetPromptParams,
};
#[doc(no_inline)]
pub use crate::session::EraPolicy;

use catalog::Catalog;
use deadlines::Deadlines;
use operation::Running;

/// Tells the operations of one client from those of another.
static TAGS: AtomicU32 = AtomicU32::new(0);

/// The high-level client of one server, for one connection.
#[derive(Debug)]
pub struct Client {
    session: ClientSession,
    options: ClientOptions,
    stage: Stage,
    catalog: Catalog,
    /// The operations that have not ended, by their number.
    operations: Table<Running>,
    /// When each operation has to have ended.
    deadlines: Deadlines,
    /// Since when the clocks stand still.
    suspended: Option<Instant>,
    /// The operation that each open call belongs to, by the call's number.
    calls: Table<OperationId>,
    /// The operations that wait for a subscription to be confirmed.
    subscribing: BTreeMap<SubscriptionId, OperationId>,
    /// Operations that wait until the session takes another call, in the order of their starts.
    waiting: BTreeSet<OperationId>,
    /// The latest time that was passed to the client.
    now: Instant,
    /// Which client of this process it is, and its next operation.
    tag: u32,
    next: u64,
    /// What has happened, each with how many bytes it holds; those together; and what the event of
    /// the session that is being taken holds.
    events: VecDeque<(usize, Event)>,
    held: usize,
    weight: usize,
    spans: Spans<OperationId>,
}

/// How far the opening has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Idle,
    /// The session opens, since then.
    Opening(Instant),
    /// The session is open and the log level is being set; how long the opening may take with that.
    SettingLevel(CallId, Duration),
    Open,
    Over,
}

/// Something that has happened in a client, in the order of the wire.
#[derive(Clone)]
#[non_exhaustive]
pub enum Event {
    /// The client is open.
    Opened,
    /// The client could not be opened; its session ends.
    OpeningFailed(ClientError),
    /// An operation has ended.
    Finished {
        /// Which one.
        operation: OperationId,
        /// Its outcome.
        outcome: Box<Result<Output, ClientError>>,
    },
    /// A call reports progress to who asked for it.
    Progress {
        /// The operation.
        operation: OperationId,
        /// What it reports.
        progress: Box<ProgressParams<'static>>,
        /// Who asked.
        handler: ProgressHandler,
    },
    /// Something else; [`driver::react`] says what to do about it.
    Session(Box<ClientEvent>),
}

impl core::fmt::Debug for Event {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Opened => f.write_str("Opened"),
            Self::OpeningFailed(error) => f.debug_tuple("OpeningFailed").field(error).finish(),
            Self::Finished { operation, outcome } => {
                let mut shown = f.debug_struct("Finished");
                let shown = shown.field("operation", operation);
                shown.field("outcome", outcome).finish()
            }
            Self::Progress { operation, .. } => f.debug_tuple("Progress").field(operation).finish(),
            Self::Session(event) => f.debug_tuple("Session").field(event).finish(),
        }
    }
}

impl Client {
    /// Creates a client that waits to be opened.
    pub fn new(options: ClientOptions) -> Self {
        Self {
            session: ClientSession::new(options.config()),
            stage: Stage::Idle,
            catalog: Catalog::new(
                options.cache_tools,
                options.cache_resources,
                options.cache_prompts,
            ),
            operations: Table::default(),
            deadlines: Deadlines::default(),
            suspended: None,
            calls: Table::default(),
            subscribing: BTreeMap::new(),
            waiting: BTreeSet::new(),
            now: Instant::ZERO,
            tag: TAGS.fetch_add(1, Ordering::Relaxed),
            next: 0,
            events: VecDeque::new(),
            held: 0,
            weight: 0,
            spans: Spans::new(),
            options,
        }
    }

    /// Returns the session below, which knows the server's name, capabilities and instructions.
    pub fn session(&self) -> &ClientSession {
        &self.session
    }

    /// Returns the options of this client.
    pub fn options(&self) -> &ClientOptions {
        &self.options
    }

    /// Returns whether operations can be started.
    pub fn is_open(&self) -> bool {
        self.stage == Stage::Open && self.session.is_open()
    }

    /// Returns how many operations have not ended yet.
    pub fn open_operations(&self) -> usize {
        self.operations.len()
    }

    /// Opens the client. [`Event::Opened`] follows, or [`Event::OpeningFailed`].
    ///
    /// Returns an error where [`ClientSession::open`] does.
    pub fn open(&mut self, now: Instant) -> Result<(), Misuse> {
        self.session.open(now)?;
        self.stage = Stage::Opening(now);
        self.pump(now);
        Ok(())
    }

    /// Starts an operation. [`Event::Finished`] follows, whatever happens.
    pub fn start(&mut self, now: Instant, request: Operation) -> OperationId {
        let number = self.next;
        let progress = request.progress().cloned();
        self.start_as(now, number, &request, progress)
    }

    /// Starts an operation under a number that is above all before it, and has `progress` take its
    /// progress.
    pub(crate) fn start_as(
        &mut self,
        now: Instant,
        number: u64,
        request: &Operation,
        progress: Option<ProgressHandler>,
    ) -> OperationId {
        let id = OperationId::new(self.tag, number);
        self.next = number + 1;
        self.now = self.now.max(now);
        let role = Role::Client;
        self.spans.begin(role, now, id, || request.subject(id));
        if self.is_open() {
            let total = self.options.total_of(request);
            if let Some(total) = total {
                self.deadlines.add(now + total, id);
            }
            self.begin(now, id, request, progress, total);
            self.pump(now);
        } else {
            let refused = match self.session.is_closed() {
                true => Misuse::Closed,
                false => Misuse::NotOpen,
            };
            self.finish(id, Box::new(Err(refused.into())));
        }
        id
    }

    /// Cancels an operation, which ends at once; the server is notified. Does nothing if it has
    /// ended.
    pub fn cancel(&mut self, now: Instant, id: OperationId) {
        self.now = self.now.max(now);
        self.end(now, id, Err(ClientError::Cancelled));
        self.pump(now);
    }

    /// Answers an input request. See [`ClientSession::answer`].
    pub fn answer<M: Method>(
        &mut self,
        now: Instant,
        input: InputId,
        result: &M::Result<'_>,
    ) -> Result<(), Misuse> {
        let answered = self.session.answer::<M>(now, input, result);
        self.pump(now);
        answered
    }

    /// Refuses an input request. See [`ClientSession::decline`].
    pub fn decline(&mut self, now: Instant, input: InputId, error: RpcError) -> Result<(), Misuse> {
        let declined = self.session.decline(now, input, error);
        self.pump(now);
        declined
    }

    /// Ends a subscription. See [`ClientSession::unsubscribe`].
    pub fn unsubscribe(&mut self, now: Instant, id: SubscriptionId) -> Result<(), Misuse> {
        let ended = self.session.unsubscribe(now, id);
        self.pump(now);
        ended
    }

    /// Tells the server that the roots have changed. See [`ClientSession::roots_changed`].
    ///
    /// Deprecated since 2026-07-28: take directories and files as arguments of tools, resource URIs
    /// or configuration. See [`root`](crate::model::root#deprecated).
    pub fn roots_changed(&mut self, now: Instant) -> Result<(), Misuse> {
        self.session.roots_changed(now)
    }

    /// Ends the client from this side. Open operations end as lost.
    pub fn close(&mut self, now: Instant) {
        self.session.close(now);
        self.pump(now);
    }
}

impl Session for Client {
    type Event = Event;

    fn handle_frame(&mut self, now: Instant, route: Route, frame: Bytes) {
        trace::received(Role::Client, &frame);
        self.options.handlers.show(Direction::Received, &frame);
        self.session.handle_frame(now, route, frame);
        self.pump(now);
    }

    fn handle_malformed(&mut self, now: Instant, route: Route, error: FrameError) {
        self.session.handle_malformed(now, route, error);
        self.pump(now);
    }

    fn handle_closed(&mut self, now: Instant, route: Route, why: Closed) {
        self.session.handle_closed(now, route, why);
        self.pump(now);
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.session.handle_timeout(now);
        self.pump(now);
        self.expire(now);
        self.pump(now);
    }

    fn poll_transmit(&mut self, buffer: &mut Vec<u8>) -> Option<Transmit> {
        let start = buffer.len();
        let transmit = self.session.poll_transmit(buffer)?;
        // A transmission may come without a frame, to end a route.
        if let Some(frame) = buffer.get(start..).filter(|frame| !frame.is_empty()) {
            trace::sent(Role::Client, frame);
            self.options.handlers.show(Direction::Sent, frame);
        }
        Some(transmit)
    }

    fn poll_event(&mut self) -> Option<Event> {
        let (weight, event) = self.events.pop_front()?;
        self.held -= weight;
        Some(event)
    }

    fn poll_timeout(&self) -> Option<Instant> {
        let deadline = self.first_deadline();
        // Sent output makes room without the time being told: whoever waits starts at once.
        let has_turn = !self.waiting.is_empty() && self.can_call();
        let turn = has_turn.then_some(self.now);
        earlier(self.session.poll_timeout(), earlier(deadline, turn))
    }

    fn wants_frames(&self) -> bool {
        let limits = self.session.limits();
        limits.have_room(self.events.len(), || self.held) && self.session.wants_frames()
    }

    fn suspend(&mut self, now: Instant) {
        self.suspend(now);
    }

    fn resume(&mut self, now: Instant) {
        self.resume(now);
    }

    fn is_closed(&self) -> bool {
        self.session.is_closed()
    }

    fn frame_limit(&self) -> usize {
        self.session.frame_limit()
    }
}
