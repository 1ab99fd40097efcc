//! How a client is configured. Everything has a default.

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

use crate::limits::Limits;
use crate::model::capability::{ClientCapabilities, TASKS_EXTENSION};
use crate::model::elicitation::{ElicitParams, ElicitResult};
use crate::model::initialize::Implementation;
use crate::model::logging::{LoggingLevel, LoggingMessageParams};
use crate::model::method::{CreateMessage, Elicit};
use crate::model::object::Object;
use crate::model::root::Root;
use crate::model::sampling::{CreateMessageParams, CreateMessageResult};
use crate::model::subscription::SubscriptionFilter;
use crate::model::validation::Validator;
use crate::revision::Revision;
use crate::rpc::RpcError;
use crate::session::{ClientConfig, ClientEvent, EraPolicy, Routing, Timeouts};

use super::error::ClientError;
#[cfg(feature = "std")]
use super::handlers::Tap;
use super::handlers::{Answer, ClientAccess, Direction, Handlers, Run};
use super::operation::{Operation, ToolCall};
#[cfg(feature = "std")]
use super::outputs::Outputs;
use super::prefix::Prefix;
use super::result::ToolOutput;
use super::sampling::{Conversation, ResponsePart, answer};

/// Code that runs before and after each call of a tool.
///
/// It may change the call's arguments, add to its `_meta`, replace it, or change the outcome of
/// it. The tool's name is the server's own, without the prefix.
pub trait ToolHook: Send + Sync {
    /// Gets a call before it is made; what it returns replaces the call.
    fn before(&self, call: &mut ToolCall) -> Option<Result<ToolOutput, ClientError>> {
        let _ = call;
        None
    }

    /// Gets the result of a call and returns what its caller gets.
    fn after(
        &self,
        call: &ToolCall,
        outcome: Result<ToolOutput, ClientError>,
    ) -> Result<ToolOutput, ClientError> {
        let _ = call;
        outcome
    }
}

/// What a client does when its connection is lost while it is open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reconnect {
    /// Its operations return an error until it is closed and opened again.
    #[default]
    Never,
    /// The next operation reconnects. One that was lost before anything of it was sent is tried
    /// again, up to this often, after the times of [`ClientOptions::backoff`]; one that the server
    /// may have seen never is. An operation makes at most one connection more than this, and one
    /// more if the server turns out to exit on the probe for its era.
    OnDemand {
        /// How often.
        retries: u32,
    },
}

/// How long a client waits before it tries an operation again that was lost unsent: `first` after
/// the first time, twice as long after each further one, never longer than `most`.
///
/// The times are not random: the same losses give the same times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Backoff {
    /// The first wait. 100 ms.
    pub first: Duration,
    /// The longest wait. 10 s.
    pub most: Duration,
}

impl Backoff {
    /// Waits that begin with `first` and grow to `most`.
    pub const fn new(first: Duration, most: Duration) -> Self {
        Self { first, most }
    }

    /// Returns how long to wait before try number `retry`, the first retry being 0.
    pub fn delay(&self, retry: u32) -> Duration {
        let factor = 2_u32.saturating_pow(retry);
        self.first.saturating_mul(factor).min(self.most)
    }
}

impl Default for Backoff {
    fn default() -> Self {
        Self::new(Duration::from_millis(100), Duration::from_secs(10))
    }
}

/// The options of a client.
///
/// ```
/// use mcp_proto::client::ClientOptions;
/// use mcp_proto::model::logging::LoggingLevel;
///
/// let options = ClientOptions::new("my-client", "1.0")
///     .tool_prefix("weather")
///     .log_level(LoggingLevel::Warning)
///     .on_log(|message| eprintln!("{}", message.data));
/// ```
#[derive(Clone)]
#[non_exhaustive]
pub struct ClientOptions {
    /// Who the client is. `mcp` 0.1.0 by default.
    pub client_info: Implementation<'static>,
    /// What the host calls this client; its prefix by default.
    pub id: Option<String>,
    /// The prefix of the names of the server's tools. None by default.
    pub tool_prefix: Prefix,
    /// The least level of log messages to ask for. Setting it is part of the opening, which fails
    /// when the server can't. `None` asks for none.
    ///
    /// Deprecated since 2026-07-28: log to stderr, or use OpenTelemetry. See
    /// [`logging`](crate::model::logging#deprecated).
    pub log_level: Option<LoggingLevel>,
    /// How long the opening may take altogether, the log level included. 60 s: a server that is
    /// started by `npx` or `uvx` is often fetched first and doesn't answer meanwhile.
    pub timeout: Duration,
    /// How long what is left of the opening may take once the server has answered. 5 s.
    pub handshake_timeout: Duration,
    /// How long a request may go without any message from the server. 300 s.
    pub read_timeout: Duration,
    /// How long an operation may take altogether, with all the requests it is made of and the time
    /// it waits for its turn; `None` for no limit. 600 s. A tool call whose own
    /// [`read_timeout`](super::ToolCall::read_timeout) is longer may take as long as that. When it
    /// ends while the links of a tool's result are being read, the result is given with the rest
    /// of them unread.
    pub total_timeout: Option<Duration>,
    /// Whether a list with an item, or a tool's result with a block, that doesn't fit its type is
    /// an error as a whole. By default it isn't: what can be read is used, and the rest is beside
    /// it, in [`Listed::skipped`](super::Listed::skipped) and
    /// [`OutputPart::Malformed`](super::OutputPart::Malformed).
    pub strict: bool,
    /// Whether the server may run calls of tools as tasks by itself, which since 2026-07-28 it has to
    /// be told; calls wait for their tasks as for anything else. By default it may not.
    pub tasks: bool,
    /// How often a model may try a failed tool again, for the program that runs the model. 1.
    pub max_retries: u32,
    /// Whether the list of tools is kept. It is.
    pub cache_tools: bool,
    /// Whether the list of resources is kept. It is.
    pub cache_resources: bool,
    /// Whether the list of prompts is kept. It is.
    pub cache_prompts: bool,
    /// What the client does when its connection is lost.
    pub reconnect: Reconnect,
    /// How long it waits before it tries an operation again.
    pub backoff: Backoff,
    /// How long making a connection may take, before the opening begins. 30 s.
    pub connect_timeout: Duration,
    /// How the era of the server is found out.
    pub era: EraPolicy,
    /// By which route requests leave: one of their own each, for connections over HTTP. The clients
    /// that are made for a URL set it.
    pub routing: Routing,
    /// The revisions the client speaks. All by default.
    pub revisions: Vec<Revision>,
    /// The bounds to keep.
    pub limits: Limits,
    /// What to subscribe to at each opening.
    pub subscriptions: Vec<SubscriptionFilter<'static>>,
    pub(super) handlers: Handlers,
    pub(super) hook: Option<Arc<dyn ToolHook>>,
    validator: Option<Arc<dyn Validator>>,
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

impl ClientOptions {
    /// Creates a client of this name and version, with defaults for everything else.
    pub fn new(name: impl Into<String>, version: impl Into<String>) -> Self {
        Self {
            client_info: Implementation::new(name.into(), version.into()),
            id: None,
            tool_prefix: Prefix::default(),
            log_level: None,
            timeout: Timeouts::default().opening,
            handshake_timeout: Duration::from_secs(5),
            read_timeout: Duration::from_secs(300),
            total_timeout: Timeouts::default().total,
            strict: false,
            tasks: false,
            max_retries: 1,
            cache_tools: true,
            cache_resources: true,
            cache_prompts: true,
            reconnect: Reconnect::default(),
            backoff: Backoff::default(),
            connect_timeout: Duration::from_secs(30),
            era: EraPolicy::default(),
            routing: Routing::default(),
            revisions: Revision::ALL.to_vec(),
            limits: Limits::default(),
            subscriptions: Vec::new(),
            handlers: Handlers::default(),
            hook: None,
            validator: None,
        }
    }

    setters! {
        /// Sets who the client is, with a title, a website and the rest.
        client_info: Implementation<'static>,
        /// Sets how long the opening may take altogether.
        timeout: Duration,
        /// Sets how long what is left of the opening may take once the server has answered.
        handshake_timeout: Duration,
        /// Sets how long a request may go without any message from the server.
        read_timeout: Duration,
        /// Sets how long an operation may take altogether.
        total_timeout: Option<Duration>,
        /// Sets whether what can't be read wholly is an error.
        strict: bool,
        /// Sets whether the server may run calls of tools as tasks by itself.
        tasks: bool,
        /// Sets how often a model may try a failed tool again.
        max_retries: u32,
        /// Sets whether the list of tools is kept.
        cache_tools: bool,
        /// Sets whether the list of resources is kept.
        cache_resources: bool,
        /// Sets whether the list of prompts is kept.
        cache_prompts: bool,
        /// Sets what the client does when its connection is lost.
        reconnect: Reconnect,
        /// Sets how long it waits before it tries an operation again.
        backoff: Backoff,
        /// Sets how long making a connection may take.
        connect_timeout: Duration,
        /// Sets how the era of the server is found out.
        era: EraPolicy,
        /// Sets by which route requests leave.
        routing: Routing,
        /// Sets the revisions the client speaks.
        revisions: Vec<Revision>,
        /// Sets the bounds to keep.
        limits: Limits,
        /// Sets what to subscribe to at each opening.
        subscriptions: Vec<SubscriptionFilter<'static>>,
    }

    /// Holds the structured results of tools to their output schemas, by a validator such as
    /// `model::json_schema::JsonSchema` (feature `jsonschema`): one that breaks its tool's promise is
    /// [`ClientError::OutputSchema`]. The tools are listed for it before the first call, and once more
    /// before a result is refused. `call_tool`, `call_tool_as` and `call` of the handles do it;
    /// `direct_call_tool` gives results as they come.
    #[must_use]
    pub fn validator(mut self, validator: impl Validator + 'static) -> Self {
        self.validator = Some(Arc::new(validator));
        self
    }

    /// Sets what the host calls this client.
    #[must_use]
    pub fn id(mut self, id: impl Into<String>) -> Self {
        self.id = Some(id.into());
        self
    }

    /// Sets the prefix of the names of the server's tools: with `foo`, `bar` is `foo_bar`.
    #[must_use]
    pub fn tool_prefix(mut self, prefix: impl Into<String>) -> Self {
        self.tool_prefix = Prefix::new(prefix);
        self
    }

    /// Sets the least level of log messages to ask for.
    ///
    /// Deprecated since 2026-07-28: log to stderr, or use OpenTelemetry. See
    /// [`logging`](crate::model::logging#deprecated).
    #[must_use]
    pub fn log_level(mut self, level: LoggingLevel) -> Self {
        self.log_level = Some(level);
        self
    }

    /// Gives log messages to `run`, in order, on a thread on which nothing else waits. It may use
    /// the client. What came before a result is reported before it, unless the function takes
    /// longer than a second. When it falls behind by more than [`Limits::memory`] bytes, what comes
    /// meanwhile is left out.
    ///
    /// Deprecated since 2026-07-28: log to stderr, or use OpenTelemetry. See
    /// [`logging`](crate::model::logging#deprecated).
    #[must_use]
    pub fn on_log(
        mut self,
        run: impl Fn(LoggingMessageParams<'static>) + Send + Sync + 'static,
    ) -> Self {
        self.handlers.log(run);
        self
    }

    /// Shows everything else that happens to `run`, in order: changes, subscriptions, what was
    /// ignored, the end. It runs where the function of [`on_log`](Self::on_log) does.
    #[must_use]
    pub fn on_event(mut self, run: impl Fn(&ClientEvent) + Send + Sync + 'static) -> Self {
        self.handlers.event(run);
        self
    }

    /// Shows every frame to `run` as it is sent or received, for a log of the wire: bytes of one
    /// JSON message without the end of the line. It runs where the function of
    /// [`on_log`](Self::on_log) does; a [`Client`](super::Client) that is driven by hand shows
    /// frames as it takes or gives them.
    #[must_use]
    pub fn on_frame(mut self, run: impl Fn(Direction, &[u8]) + Send + Sync + 'static) -> Self {
        self.handlers.frame(run);
        self
    }

    /// Lets the server ask for messages of a model, which `run` gives when it returns.
    ///
    /// Deprecated since 2026-07-28: use the API of a model provider directly. See
    /// [`sampling`](crate::model::sampling#deprecated).
    #[must_use]
    pub fn sampling(
        mut self,
        run: impl Fn(CreateMessageParams<'static>) -> Result<CreateMessageResult<'static>, RpcError>
        + Send
        + Sync
        + 'static,
    ) -> Self {
        self.handlers.sampling(run);
        self
    }

    /// Lets the server ask for messages of a model, which `run` may give later. It runs on a thread
    /// of the client's, outside of any runtime: to start a task, capture the runtime's handle.
    ///
    /// Deprecated since 2026-07-28: use the API of a model provider directly. See
    /// [`sampling`](crate::model::sampling#deprecated).
    #[must_use]
    pub fn on_sampling(
        mut self,
        run: impl Fn(CreateMessageParams<'static>, Answer<CreateMessage>) + Send + Sync + 'static,
    ) -> Self {
        self.handlers.on_sampling(run);
        self
    }

    /// Lets the server ask for messages of the model of that name, which continues a conversation.
    ///
    /// Deprecated since 2026-07-28: use the API of a model provider directly. See
    /// [`sampling`](crate::model::sampling#deprecated).
    #[must_use]
    pub fn sampling_model(
        self,
        name: impl Into<String>,
        run: impl Fn(Conversation) -> Result<Vec<ResponsePart>, RpcError> + Send + Sync + 'static,
    ) -> Self {
        let name = name.into();
        self.sampling(move |params| {
            let said = run(Conversation::new(&params)?)?;
            Ok(answer(&name, &said)?)
        })
    }

    /// Lets the server ask the user, whose answer `run` gives when it returns. Content that doesn't fit
    /// the form isn't sent: the server gets an error instead, which says what doesn't fit.
    // `elicit.validate`
    #[must_use]
    pub fn elicitation(
        mut self,
        run: impl Fn(ElicitParams<'static>) -> Result<ElicitResult<'static>, RpcError>
        + Send
        + Sync
        + 'static,
    ) -> Self {
        self.handlers.elicitation(run);
        self
    }

    /// Lets the server ask the user, whose answer `run` may give later. It runs where the function
    /// of [`on_sampling`](Self::on_sampling) does. Whether an answer fits its form,
    /// [`ElicitRequestFormParams::validate`](crate::model::elicitation::ElicitRequestFormParams::validate)
    /// says.
    #[must_use]
    pub fn on_elicitation(
        mut self,
        run: impl Fn(ElicitParams<'static>, Answer<Elicit>) + Send + Sync + 'static,
    ) -> Self {
        self.handlers.on_elicitation(run);
        self
    }

    /// Lets the server ask for the roots, which `run` gives.
    ///
    /// Deprecated since 2026-07-28: take directories and files as arguments of tools, resource URIs
    /// or configuration. See [`root`](crate::model::root#deprecated).
    #[must_use]
    pub fn roots(mut self, run: impl Fn() -> Vec<Root<'static>> + Send + Sync + 'static) -> Self {
        self.handlers.roots(run);
        self
    }

    /// Runs `hook` before and after each call of a tool.
    #[must_use]
    pub fn tool_hook(mut self, hook: impl ToolHook + 'static) -> Self {
        self.hook = Some(Arc::new(hook));
        self
    }

    /// Returns what to call this client: its id, else its prefix; `None` when it has neither.
    pub fn name(&self) -> Option<&str> {
        let prefix = Some(self.tool_prefix.as_str()).filter(|prefix| !prefix.is_empty());
        self.id.as_deref().or(prefix)
    }

    /// Returns what the client declares: what it was given functions for, and tasks if it
    /// [may](Self::tasks) be given any.
    pub fn capabilities(&self) -> ClientCapabilities<'static> {
        let capabilities = self.handlers.capabilities();
        match self.tasks {
            true => capabilities.extension(TASKS_EXTENSION, &Object::new()),
            false => capabilities,
        }
    }

    /// Puts `wrap` around what watches the frames, if anything does.
    #[cfg(feature = "std")]
    pub(crate) fn wrap_frame_tap(&mut self, wrap: impl FnOnce(Tap) -> Tap) {
        self.handlers.wrap_frame_tap(wrap);
    }

    /// Whether something is to hear of calls before and after them.
    #[cfg(feature = "std")]
    pub(crate) fn has_hook(&self) -> bool {
        self.hook.is_some()
    }

    /// What holds results to schemas, for one client; `None` when nothing does.
    #[cfg(feature = "std")]
    pub(crate) fn outputs(&self) -> Option<Outputs> {
        self.validator.clone().map(Outputs::new)
    }

    /// How long an operation may take altogether that may go without a word for a time of its own:
    /// as long as that at least.
    pub(super) fn total(&self, own_read_timeout: Option<Duration>) -> Option<Duration> {
        self.total_timeout
            .map(|total| total.max(own_read_timeout.unwrap_or_default()))
    }

    /// How long an operation may take altogether.
    pub(super) fn total_of(&self, request: &Operation) -> Option<Duration> {
        let own = match request {
            Operation::CallTool(call)
            | Operation::DirectCallTool(call)
            | Operation::StartTool(call) => call.read_timeout,
            _ => None,
        };
        self.total(own)
    }

    /// Makes a call's name the server's own. Done once: a name may begin with the prefix itself.
    pub(super) fn resolve(&self, call: &mut ToolCall) {
        let name = self.own_name(call);
        if name.len() != call.name.len() {
            call.name = name.into();
        }
        call.is_resolved = true;
    }

    /// The server's own name for the tool of a call.
    pub(super) fn own_name<'c>(&self, call: &'c ToolCall) -> &'c str {
        match call.is_resolved {
            true => &call.name,
            false => self.tool_prefix.remove(&call.name),
        }
    }

    pub(super) fn config(&self) -> ClientConfig {
        let timeouts = Timeouts::default()
            .opening(self.timeout)
            .handshake(self.handshake_timeout)
            .idle(Some(self.read_timeout))
            .total(self.total_timeout);
        let mut config = ClientConfig::new("", "")
            .info(self.client_info.clone())
            .capabilities(self.capabilities())
            .era(self.era)
            .routing(self.routing)
            .revisions(self.revisions.clone())
            .timeouts(timeouts)
            .limits(self.limits.clone())
            .subscriptions(self.subscriptions.clone());
        config.log_level = self.log_level;
        config
    }
}

/// Returns what is to be done about an event of a client that was made with `options`; `None` if
/// nobody cares.
pub fn react(options: &ClientOptions, event: ClientEvent, access: &ClientAccess) -> Option<Run> {
    options.handlers.react(event, access)
}

/// Makes a call's name the server's own and lets the hook see it before it is made. What this
/// returns replaces the call.
pub fn before(
    options: &ClientOptions,
    call: &mut ToolCall,
) -> Option<Result<ToolOutput, ClientError>> {
    options.resolve(call);
    options.hook.as_ref()?.before(call)
}

/// Lets the hook see what has come of a call; returns what its caller gets.
pub fn after(
    options: &ClientOptions,
    call: &ToolCall,
    outcome: Result<ToolOutput, ClientError>,
) -> Result<ToolOutput, ClientError> {
    match &options.hook {
        Some(hook) => hook.after(call, outcome),
        None => outcome,
    }
}

impl Default for ClientOptions {
    fn default() -> Self {
        Self::new("mcp", "0.1.0")
    }
}

impl fmt::Debug for ClientOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientOptions")
            .field("client_info", &self.client_info)
            .field("id", &self.id)
            .field("tool_prefix", &self.tool_prefix)
            .field("log_level", &self.log_level)
            .field("timeout", &self.timeout)
            .field("handshake_timeout", &self.handshake_timeout)
            .field("read_timeout", &self.read_timeout)
            .field("reconnect", &self.reconnect)
            .finish_non_exhaustive()
    }
}
