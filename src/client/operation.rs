//! What a client can be asked to do, the outcomes, and the progress of each operation. Plain
//! state: an operation is one call, or several of which the last one is open.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

use serde::Serialize;

use crate::model::completion::{CompleteParams, CompleteResult};
use crate::model::list::Unreadable;
use crate::model::logging::LoggingLevel;
use crate::model::meta::Meta;
use crate::model::method::SpecMethod;
use crate::model::page::PageGuard;
use crate::model::progress::ProgressParams;
use crate::model::prompt::{GetPromptParams, GetPromptResult, Prompt};
use crate::model::resource::{Resource, ResourceTemplate};
use crate::model::subscription::SubscriptionFilter;
use crate::model::task::Task;
use crate::model::tool::{CallToolParams, CallToolResult, TaskSupport, Tool};
#[cfg(feature = "skills")]
use crate::model::{
    method::Method,
    skill::{
        GetSkill, ListSkills, ReadResourceDirectory, ReadResourceDirectoryParams,
        ReadResourceDirectoryResult, Skill,
    },
};
use crate::rpc::{Raw, Text};
use crate::session::{CallId, SubscriptionId, Weigh};
use crate::time::Instant;
use crate::trace::Subject;

use super::error::ClientError;
use super::links::Links;
use super::listed::Listed;
use super::result::{ResourceOutput, ToolOutput};

/// An operation of one client, for one connection; never used twice, and unknown to every other
/// client of the process.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OperationId {
    client: u32,
    number: u64,
}

impl OperationId {
    pub(super) const fn new(client: u32, number: u64) -> Self {
        Self { client, number }
    }

    /// The number by which its own client knows it.
    pub(crate) const fn number(self) -> u64 {
        self.number
    }

    /// The number by which the client `tag` knows it; `None` when it is another client's.
    pub(super) fn number_in(self, tag: u32) -> Option<u64> {
        (self.client == tag).then_some(self.number)
    }
}

// Which client it is differs from run to run.
impl fmt::Debug for OperationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("OperationId").field(&self.number).finish()
    }
}

impl fmt::Display for OperationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "operation {}", self.number)
    }
}

/// What takes the progress of a call.
pub type ProgressHandler = Arc<dyn Fn(ProgressParams<'static>) + Send + Sync>;

/// A call of a tool. `Debug` shows its name, neither the arguments nor the `_meta`.
#[derive(Clone)]
#[non_exhaustive]
pub struct ToolCall {
    /// The tool's name; the client's prefix is taken off it if it is there.
    pub name: String,
    /// The arguments, an object. They are not checked against the tool's schema.
    pub arguments: Raw<'static>,
    /// The request's `_meta`, verbatim; an empty one isn't sent.
    pub meta: Option<Meta<'static>>,
    /// How long the call may go without any message from the server; `None` for the client's
    /// default.
    pub read_timeout: Option<Duration>,
    pub(super) progress: Option<ProgressHandler>,
    /// Whether the name is the server's own, the prefix having been taken off.
    pub(super) is_resolved: bool,
}

impl ToolCall {
    /// Creates a call without arguments.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            arguments: Raw::EMPTY_OBJECT,
            meta: None,
            read_timeout: None,
            progress: None,
            is_resolved: false,
        }
    }

    /// Sets the arguments to what `arguments` is as JSON.
    ///
    /// Returns an error if it is no object.
    pub fn arguments(mut self, arguments: impl Serialize) -> Result<Self, ClientError> {
        let raw = Raw::encode(&arguments);
        let raw = raw.map_err(|error| ClientError::Arguments(alloc::format!("{error}").into()))?;
        if !raw.is_object() {
            return Err(ClientError::Arguments("they are no object".into()));
        }
        self.arguments = raw;
        Ok(self)
    }

    /// Sets the request's `_meta`.
    #[must_use]
    pub fn meta(mut self, meta: Meta<'static>) -> Self {
        self.meta = Some(meta);
        self
    }

    /// Sets how long the call may go without any message from the server.
    #[must_use]
    pub fn read_timeout(mut self, read_timeout: Duration) -> Self {
        self.read_timeout = Some(read_timeout);
        self
    }

    /// Asks for progress and gives it to `progress`, in order and before the result. It runs on the
    /// task or thread that waits for the call, and may use the client; what comes faster than it
    /// takes it replaces older reports.
    #[must_use]
    pub fn on_progress(
        mut self,
        progress: impl Fn(ProgressParams<'static>) + Send + Sync + 'static,
    ) -> Self {
        self.progress = Some(Arc::new(progress));
        self
    }

    /// The params of the call under the server's own name for the tool.
    pub(super) fn params<'s>(&'s self, name: &'s str) -> CallToolParams<'s> {
        CallToolParams::new(name).arguments(self.arguments.reborrow())
    }
}

impl fmt::Debug for ToolCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ToolCall")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// What a client is asked to do. `Debug` shows names, not what is sent along.
#[derive(Clone)]
#[non_exhaustive]
pub enum Operation {
    /// List the tools.
    ListTools,
    /// List the resources.
    ListResources,
    /// List the resource templates.
    ListResourceTemplates,
    /// List the prompts.
    ListPrompts,
    /// Call a tool, read what it links to, and say what it means.
    CallTool(ToolCall),
    /// Call a tool by its server's name for it and give the result as it comes.
    DirectCallTool(ToolCall),
    /// Call a tool so that its task is handed out as soon as there is one: the output is the task, or
    /// that of [`CallTool`](Self::CallTool) if the tool has answered at once.
    StartTool(ToolCall),
    /// Wait for the task of this id, as the call that became it would have; the task is not cancelled
    /// when this is.
    AwaitTask(String),
    /// Ask how far the task of this id is.
    GetTask(String),
    /// Cancel the task of this id.
    CancelTask(String),
    /// Read the resource at this URI.
    ReadResource(String),
    /// Get a prompt.
    GetPrompt(GetPromptParams<'static>),
    /// Complete an argument.
    Complete(CompleteParams<'static>),
    /// See whether the server answers.
    Ping,
    /// Set the least level of log messages.
    ///
    /// Deprecated since 2026-07-28: log to stderr, or use OpenTelemetry. See
    /// [`logging`](crate::model::logging#deprecated).
    SetLogLevel(LoggingLevel),
    /// Subscribe to changes.
    Subscribe(SubscriptionFilter<'static>),
    /// List the skills; none of their files is read.
    #[cfg(feature = "skills")]
    ListSkills,
    /// Ask what is said of the skill whose SKILL.md is at this URI.
    #[cfg(feature = "skills")]
    GetSkill(String),
    /// Read a page of a directory.
    #[cfg(feature = "skills")]
    ReadDirectory(ReadResourceDirectoryParams<'static>),
}

impl Operation {
    /// What a span says of it: its first call's method, and what it is for.
    pub(super) fn subject(&self, id: OperationId) -> Subject {
        let (method, target) = match self {
            Self::ListTools => (SpecMethod::ListTools, None),
            Self::ListResources => (SpecMethod::ListResources, None),
            Self::ListResourceTemplates => (SpecMethod::ListResourceTemplates, None),
            Self::ListPrompts => (SpecMethod::ListPrompts, None),
            Self::CallTool(call) | Self::DirectCallTool(call) | Self::StartTool(call) => {
                (SpecMethod::CallTool, Some(call.name.as_str()))
            }
            Self::AwaitTask(id) | Self::GetTask(id) => (SpecMethod::GetTask, Some(id.as_str())),
            Self::CancelTask(id) => (SpecMethod::CancelTask, Some(id.as_str())),
            Self::ReadResource(uri) => (SpecMethod::ReadResource, Some(uri.as_str())),
            Self::GetPrompt(params) => (SpecMethod::GetPrompt, Some(params.name.as_str())),
            Self::Complete(_) => (SpecMethod::Complete, None),
            Self::Ping => (SpecMethod::Ping, None),
            Self::SetLogLevel(_) => (SpecMethod::SetLevel, None),
            Self::Subscribe(_) => (SpecMethod::SubscriptionsListen, None),
            #[cfg(feature = "skills")]
            Self::ListSkills => return subject_of::<ListSkills>(None, id),
            #[cfg(feature = "skills")]
            Self::GetSkill(uri) => return subject_of::<GetSkill>(Some(uri), id),
            #[cfg(feature = "skills")]
            Self::ReadDirectory(params) => {
                return subject_of::<ReadResourceDirectory>(Some(&params.uri), id);
            }
        };
        Subject {
            method: method.as_str().into(),
            target: target.map(String::from),
            id: Some(alloc::format!("{}", id.number)),
        }
    }

    /// What takes the progress of a call.
    pub(crate) const fn progress(&self) -> Option<&ProgressHandler> {
        match self {
            Self::CallTool(call) | Self::DirectCallTool(call) | Self::StartTool(call) => {
                call.progress.as_ref()
            }
            _ => None,
        }
    }
}

impl fmt::Debug for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            #[cfg(feature = "skills")]
            Self::ListSkills => f.write_str("ListSkills"),
            #[cfg(feature = "skills")]
            Self::GetSkill(_) => f.write_str("GetSkill"),
            #[cfg(feature = "skills")]
            Self::ReadDirectory(_) => f.write_str("ReadDirectory"),
            Self::ListTools => f.write_str("ListTools"),
            Self::ListResources => f.write_str("ListResources"),
            Self::ListResourceTemplates => f.write_str("ListResourceTemplates"),
            Self::ListPrompts => f.write_str("ListPrompts"),
            Self::CallTool(call) => f.debug_tuple("CallTool").field(call).finish(),
            Self::DirectCallTool(call) => f.debug_tuple("DirectCallTool").field(call).finish(),
            Self::StartTool(call) => f.debug_tuple("StartTool").field(call).finish(),
            Self::AwaitTask(_) => f.write_str("AwaitTask"),
            Self::GetTask(_) => f.write_str("GetTask"),
            Self::CancelTask(_) => f.write_str("CancelTask"),
            Self::ReadResource(_) => f.write_str("ReadResource"),
            Self::GetPrompt(params) => f.debug_tuple("GetPrompt").field(&params.name).finish(),
            Self::Complete(_) => f.write_str("Complete"),
            Self::Ping => f.write_str("Ping"),
            Self::SetLogLevel(level) => f.debug_tuple("SetLogLevel").field(level).finish(),
            Self::Subscribe(_) => f.write_str("Subscribe"),
        }
    }
}

/// The result of an operation, by its kind.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Output {
    /// All tools.
    Tools(Listed<Tool<'static>>),
    /// All resources.
    Resources(Listed<Resource<'static>>),
    /// All resource templates.
    ResourceTemplates(Listed<ResourceTemplate<'static>>),
    /// All prompts.
    Prompts(Listed<Prompt<'static>>),
    /// What a tool said.
    Tool(ToolOutput),
    /// What a tool said, as it came.
    RawTool(CallToolResult<'static>),
    /// A task of the server's.
    Task(Box<Task<'static>>),
    /// What a resource contains.
    Resource(ResourceOutput),
    /// A prompt.
    Prompt(GetPromptResult<'static>),
    /// What an argument may become.
    Completion(CompleteResult<'static>),
    /// It is done.
    Done,
    /// The subscription is there.
    Subscribed {
        /// By this name.
        subscription: SubscriptionId,
        /// What the server honours of it.
        honoured: SubscriptionFilter<'static>,
    },
    /// All skills that are listed.
    #[cfg(feature = "skills")]
    Skills(Listed<Skill<'static>>),
    /// A skill.
    #[cfg(feature = "skills")]
    Skill(Box<Skill<'static>>),
    /// A page of a directory.
    #[cfg(feature = "skills")]
    Directory(ReadResourceDirectoryResult<'static>),
}

#[cfg(feature = "skills")]
fn subject_of<M: Method>(target: Option<&str>, id: OperationId) -> Subject {
    Subject {
        method: M::NAME.into(),
        target: target.map(String::from),
        id: Some(alloc::format!("{}", id.number)),
    }
}

/// How an operation has ended.
pub(super) type Outcome = Box<Result<Output, ClientError>>;

/// An operation that has not ended: what it does, what it waits for, and until when.
pub(super) struct Running {
    pub(super) operation: Work,
    pub(super) waits: WaitsFor,
    /// How long it may take altogether.
    pub(super) total: Option<Duration>,
}

impl Running {
    pub(super) const fn new(operation: Work, total: Option<Duration>) -> Self {
        Self {
            operation,
            waits: WaitsFor::Turn,
            total,
        }
    }
}

impl Weigh for Running {
    fn weight(&self) -> usize {
        0
    }
}

/// What an operation waits for.
#[derive(Clone, Copy, Debug)]
pub(super) enum WaitsFor {
    /// Until the session takes its next call.
    Turn,
    Call(CallId),
    Subscription(SubscriptionId),
}

/// How far an operation has come. Of what is sent it keeps nothing once it was sent.
pub(super) enum Work {
    /// It waits for its first call; and who takes the progress of that.
    Waits(Box<Operation>, Option<ProgressHandler>),
    Tools(Box<Listing<Tool<'static>>>),
    Resources(Box<Listing<Resource<'static>>>),
    ResourceTemplates(Box<Listing<ResourceTemplate<'static>>>),
    Prompts(Box<Listing<Prompt<'static>>>),
    Tool(Option<ProgressHandler>),
    /// The tool has answered; its links are being read.
    Links(Box<Links>),
    RawTool(Option<ProgressHandler>),
    /// A tool is looked for, to be called as a task.
    Searches(Box<Search>),
    /// A tool was called that may become a task.
    Starts(Option<ProgressHandler>),
    /// A task is asked how far it is.
    Task,
    Resource,
    Prompt,
    Completion,
    #[cfg(feature = "skills")]
    Skills(Box<Listing<Skill<'static>>>),
    /// The skill that was asked for.
    #[cfg(feature = "skills")]
    Skill(String),
    #[cfg(feature = "skills")]
    Directory,
    /// Something that has no result beside that it is done.
    Other,
}

/// What an operation waits for next.
pub(super) enum Step {
    Call(CallId),
    Subscription(SubscriptionId),
    /// Nothing: it is done.
    Done(Box<Output>),
}

/// What follows the end of a call.
pub(super) enum Next {
    Done(Outcome),
    Again(Work),
}

pub(super) fn done(output: Output) -> Step {
    Step::Done(Box::new(output))
}

/// A call whose tool is being looked for, to learn whether it runs as a task.
pub(super) struct Search {
    pub(super) call: ToolCall,
    pub(super) progress: Option<ProgressHandler>,
    pub(super) listing: Option<Box<Listing<Tool<'static>>>>,
    /// What the tool says, once it is found.
    pub(super) support: Option<TaskSupport<'static>>,
}

/// How far a listing of `T` has come.
pub(super) struct Listing<T> {
    pub(super) items: Vec<T>,
    pub(super) raw: Vec<Raw<'static>>,
    pub(super) skipped: Vec<Unreadable<'static>>,
    /// How many bytes the items hold, roughly.
    pub(super) held: usize,
    pub(super) cursor: Option<Text<'static>>,
    pub(super) guard: PageGuard,
    /// Which state of the list was asked for.
    pub(super) generation: u64,
    /// When the first of its pages becomes stale.
    pub(super) stale: Option<Instant>,
    pub(super) restarted: bool,
}

impl<T> Listing<T> {
    pub(super) fn new(pages: usize, generation: u64) -> Self {
        Self {
            items: Vec::new(),
            raw: Vec::new(),
            skipped: Vec::new(),
            held: 0,
            cursor: None,
            guard: PageGuard::new(u32::try_from(pages).unwrap_or(u32::MAX)),
            generation,
            stale: None,
            restarted: false,
        }
    }
}

impl fmt::Debug for Running {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Running")
            .field("waits", &self.waits)
            .field("total", &self.total)
            .finish_non_exhaustive()
    }
}
