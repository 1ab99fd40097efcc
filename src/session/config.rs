//! How each side is configured before it opens: who it is, what it can do, how long it waits.
//! Everything has a default but the name.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::time::Duration;

use crate::limits::Limits;
use crate::model::capability::{ClientCapabilities, ServerCapabilities};
use crate::model::initialize::Implementation;
use crate::model::logging::LoggingLevel;
use crate::model::meta::Meta;
use crate::model::subscription::SubscriptionFilter;
use crate::model::task::TaskMetadata;
use crate::revision::{Era, Revision};
use crate::rpc::Text;

/// How a client finds out which era its server belongs to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum EraPolicy {
    /// Ask with `server/discover`, for a bounded time, and fall back to `initialize` unless the
    /// answer is a modern one.
    ///
    /// A server that ends at the question can't be told from one that fails anyway, so the
    /// clients of this crate's `io` start it once more, with `initialize` alone, and the error says so if that
    /// fails too. Where a second start does harm, say [`Legacy`](Self::Legacy) or
    /// [`Modern`](Self::Modern).
    // `era.stdio.probe`, `era.stdio.fallback`
    #[default]
    Auto,
    /// `initialize` and nothing else; also what a host remembers of a legacy server.
    Legacy,
    /// `server/discover`, and an error if the server is not a modern one.
    Modern,
    /// Modern without a question first: the session is open at once.
    // `discover.optional`
    AssumeModern,
}

/// By which [`Route`](super::Route) a client's requests leave.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Routing {
    /// All messages share one stream, [`Route::Pipe`](super::Route::Pipe).
    #[default]
    Pipe,
    /// Each request is an exchange of its own, [`Route::Exchange`](super::Route::Exchange), whose
    /// number is the request's id; so is the notification that cancels it. Losing that route loses
    /// that request and nothing else. Other notifications and answers leave by
    /// [`Route::Pipe`](super::Route::Pipe) or by the route of what they answer, and losing
    /// [`Route::Pipe`](super::Route::Pipe) ends the session.
    PerRequest,
}

/// The timeouts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Timeouts {
    /// The whole opening, for a server that doesn't answer. 60 s: one that is started by `npx` or
    /// `uvx` is often fetched first. [`Duration::MAX`] waits forever.
    pub opening: Duration,
    /// What is left of the opening once the server has answered the probe. 10 s.
    pub handshake: Duration,
    /// The probe for the peer's era, as part of the opening, before the handshake of the legacy era
    /// is tried beside it. 2 s; an answer that comes later still counts until the handshake's does.
    pub probe: Duration,
    /// A call without progress. 60 s; `None` waits forever.
    pub idle: Option<Duration>,
    /// A call altogether. 10 min; `None` waits forever.
    pub total: Option<Duration>,
    /// A server's request for input, in the legacy era. 10 min, as people are asked.
    pub input: Option<Duration>,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            opening: Duration::from_secs(60),
            handshake: Duration::from_secs(10),
            probe: Duration::from_secs(2),
            idle: Some(Duration::from_secs(60)),
            total: Some(Duration::from_secs(600)),
            input: Some(Duration::from_secs(600)),
        }
    }
}

/// Declares chained setters of the fields they are named after.
macro_rules! setters {
    ($($(#[$about:meta])* $name:ident: $type:ty,)*) => { $(
        $(#[$about])*
        #[must_use]
        pub fn $name(mut self, $name: $type) -> Self {
            self.$name = $name;
            self
        }
    )* };
}

impl Timeouts {
    setters! {
        /// Sets how long the whole opening may take.
        opening: Duration,
        /// Sets how long the rest of the opening may take once the probe was answered.
        handshake: Duration,
        /// Sets how long the probe for the peer's era may take.
        probe: Duration,
        /// Sets how long a call may go without progress.
        idle: Option<Duration>,
        /// Sets how long a call may take altogether.
        total: Option<Duration>,
        /// Sets how long a server waits for input.
        input: Option<Duration>,
    }
}

/// The configuration of a client session.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ClientConfig {
    /// Who the client is.
    pub info: Implementation<'static>,
    /// What the client can do for the server. Nothing by default.
    pub capabilities: ClientCapabilities<'static>,
    /// How the client finds out the era of its server.
    pub era: EraPolicy,
    /// The revisions the client speaks. All by default.
    pub revisions: Vec<Revision>,
    /// The timeouts.
    pub timeouts: Timeouts,
    /// The bounds to keep.
    pub limits: Limits,
    /// Whether modern requests say who the client is. They do by default.
    // `meta.req.info`
    pub send_info: bool,
    /// The least level of log messages that modern requests ask for. `None` asks for none.
    ///
    /// Deprecated since 2026-07-28: log to stderr, or use OpenTelemetry. See
    /// [`logging`](crate::model::logging#deprecated).
    pub log_level: Option<LoggingLevel>,
    /// What to subscribe to as soon as the session is open, such as the subscriptions of a session
    /// that was lost.
    // `sub.resend`
    pub subscriptions: Vec<SubscriptionFilter<'static>>,
    /// By which route requests leave. All by one unless the transport is HTTP.
    pub routing: Routing,
}

impl ClientConfig {
    /// Creates a client of this name and version, with defaults for everything else.
    pub fn new(name: impl Into<Text<'static>>, version: impl Into<Text<'static>>) -> Self {
        Self {
            info: Implementation::new(name, version),
            capabilities: ClientCapabilities::default(),
            era: EraPolicy::default(),
            revisions: Revision::ALL.to_vec(),
            timeouts: Timeouts::default(),
            limits: Limits::default(),
            send_info: true,
            log_level: None,
            subscriptions: Vec::new(),
            routing: Routing::default(),
        }
    }

    setters! {
        /// Sets who the client is, with a title, icons and the rest.
        info: Implementation<'static>,
        /// Sets what the client can do for the server.
        capabilities: ClientCapabilities<'static>,
        /// Sets how the client finds out the era of its server.
        era: EraPolicy,
        /// Sets the revisions the client speaks.
        revisions: Vec<Revision>,
        /// Sets the timeouts.
        timeouts: Timeouts,
        /// Sets the bounds to keep.
        limits: Limits,
        /// Sets whether modern requests say who the client is.
        send_info: bool,
        /// Sets the least level of log messages that modern requests ask for.
        log_level: Option<LoggingLevel>,
        /// Sets what to subscribe to as soon as the session is open.
        subscriptions: Vec<SubscriptionFilter<'static>>,
        /// Sets by which route requests leave.
        routing: Routing,
    }

    /// The client's newest revision of an era; `None` when it speaks none.
    pub(crate) fn newest(&self, era: Era) -> Option<Revision> {
        newest(&self.revisions, era)
    }

    /// Whether its session may become a legacy one.
    pub(super) fn speaks_legacy(&self) -> bool {
        let may = matches!(self.era, EraPolicy::Auto | EraPolicy::Legacy);
        may && self.newest(Era::Legacy).is_some()
    }
}

/// The configuration of a server session.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ServerConfig {
    /// Who the server is.
    pub info: Implementation<'static>,
    /// What the server offers. Methods of what it doesn't offer are refused. Nothing by default.
    pub capabilities: ServerCapabilities<'static>,
    /// What a model should know of the server.
    pub instructions: Option<Text<'static>>,
    /// The revisions the server speaks. All by default.
    pub revisions: Vec<Revision>,
    /// The timeouts.
    pub timeouts: Timeouts,
    /// The bounds to keep.
    pub limits: Limits,
    /// Whether modern results say who the server is. They do by default.
    // `meta.res.serverinfo`
    pub send_info: bool,
    /// The least level of log messages that a legacy client gets before it has set one. Info.
    ///
    /// Deprecated since 2026-07-28: log to stderr, or use OpenTelemetry. See
    /// [`logging`](crate::model::logging#deprecated).
    pub log_level: LoggingLevel,
    /// How long a modern client may keep a list, a resource or a discovery, in milliseconds, where
    /// the result doesn't say. 0.
    pub ttl_ms: u64,
    /// Whether such results may be shared between users, where the result doesn't say. They may
    /// not.
    pub is_public: bool,
    /// Whether `structuredContent` and `outputSchema` are sent to clients of 2024-11-05 and
    /// 2025-03-26 as well, although those revisions don't know them. They are by default, since the
    /// official SDKs do so and clients that open with an old revision rely on it; without it those
    /// clients get the text alone.
    pub keeps_structured: bool,
    /// Names of methods that an extension adds; others are refused.
    pub extension_methods: Vec<Box<str>>,
}

impl ServerConfig {
    /// Creates a server of this name and version, with defaults for everything else.
    pub fn new(name: impl Into<Text<'static>>, version: impl Into<Text<'static>>) -> Self {
        Self {
            info: Implementation::new(name, version),
            capabilities: ServerCapabilities::default(),
            instructions: None,
            revisions: Revision::ALL.to_vec(),
            timeouts: Timeouts::default(),
            limits: Limits::default(),
            send_info: true,
            log_level: LoggingLevel::Info,
            ttl_ms: 0,
            is_public: false,
            keeps_structured: true,
            extension_methods: Vec::new(),
        }
    }

    setters! {
        /// Sets who the server is, with a title, icons and the rest.
        info: Implementation<'static>,
        /// Sets what the server offers.
        capabilities: ServerCapabilities<'static>,
        /// Sets what a model should know of the server.
        instructions: Option<Text<'static>>,
        /// Sets the revisions the server speaks.
        revisions: Vec<Revision>,
        /// Sets the timeouts.
        timeouts: Timeouts,
        /// Sets the bounds to keep.
        limits: Limits,
        /// Sets whether modern results say who the server is.
        send_info: bool,
        /// Sets the least level of log messages before a legacy client has set one.
        log_level: LoggingLevel,
        /// Sets how long a modern client may keep a result that doesn't say, in milliseconds.
        ttl_ms: u64,
        /// Sets whether a result that doesn't say may be shared between users.
        is_public: bool,
        /// Sets whether clients of revisions before 2025-06-18 are sent structured content as well.
        keeps_structured: bool,
        /// Sets the names of methods that an extension adds.
        extension_methods: Vec<Box<str>>,
    }
}

impl ServerConfig {
    /// The server's newest revision of an era; `None` when it speaks none.
    pub(crate) fn newest(&self, era: Era) -> Option<Revision> {
        newest(&self.revisions, era)
    }
}

/// The newest of `revisions` that belongs to `era`.
pub(crate) fn newest(revisions: &[Revision], era: Era) -> Option<Revision> {
    revisions
        .iter()
        .copied()
        .filter(|revision| revision.era() == era)
        .max()
}

/// How long one clock of a call runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Timeout {
    /// The session's [`Timeouts`] apply.
    #[default]
    Inherit,
    /// After this time.
    After(Duration),
    /// No limit.
    Never,
}

impl Timeout {
    pub(crate) fn or(self, default: Option<Duration>) -> Option<Duration> {
        match self {
            Self::Inherit => default,
            Self::After(duration) => Some(duration),
            Self::Never => None,
        }
    }
}

/// Whether a call of a tool runs as a task of the server's, and what becomes of the call then.
///
/// In 2025-11-25 the client asks for a task, which the server has to offer for calls of tools, and the
/// tool as well (see [`Tool::execution`](field@crate::model::tool::Tool::execution)). Since 2026-07-28
/// the server decides by itself, provided that the client has declared the extension
/// [`TASKS_EXTENSION`](crate::model::task::TASKS_EXTENSION).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum TaskUse {
    /// No task is asked for; one that the server makes by itself is waited for, and the call ends
    /// with its result.
    #[default]
    Wait,
    /// A task is asked for where that is the client's to do, and waited for.
    Ask(TaskMetadata),
    /// The same, but the call ends with the new task: [`Completed::task`](super::Completed::task)
    /// has it, and [`await_task`](super::ClientSession::await_task) waits for it.
    HandOut(TaskMetadata),
}

/// The options of one call, besides its params.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct CallOptions<'a> {
    /// How long it may go without progress.
    pub idle: Timeout,
    /// How long it may take altogether.
    pub total: Timeout,
    /// Whether progress is wanted; then [`ClientEvent::Progress`](super::ClientEvent) may come.
    pub progress: bool,
    /// The least level of log messages wanted for this call, in place of the session's. Modern
    /// servers go by it; legacy ones know one level for the whole session.
    ///
    /// Deprecated since 2026-07-28: log to stderr, or use OpenTelemetry. See
    /// [`logging`](crate::model::logging#deprecated).
    pub log_level: Option<LoggingLevel>,
    /// Further entries for the request's `_meta`, none of which may be the protocol's own.
    pub meta: Option<Meta<'a>>,
    /// Whether it is to run as a task, and what becomes of it then; for `tools/call` alone.
    pub task: TaskUse,
}

impl<'a> CallOptions<'a> {
    /// Returns the defaults: the session's timeouts, no progress, the session's log level.
    pub fn new() -> Self {
        Self::default()
    }

    setters! {
        /// Sets how long the call may go without progress.
        idle: Timeout,
        /// Sets how long the call may take altogether.
        total: Timeout,
        /// Sets whether progress is wanted.
        progress: bool,
        /// Sets the least level of log messages wanted for this call.
        log_level: Option<LoggingLevel>,
        /// Sets further entries for the request's `_meta`.
        meta: Option<Meta<'a>>,
        /// Sets whether it is to run as a task, and what becomes of it then.
        task: TaskUse,
    }
}
