//! A handler to run, and its outcome.
//!
//! Rules of this file: a job is self-contained, it runs anywhere and needs no session; all code of
//! the user runs inside it (handlers, seals, validators, the texts of errors); what comes out is
//! plain data; a failure inside a tool is a result that says so, everything else an error with its
//! code.

use alloc::boxed::Box;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::future::poll_fn;
use core::pin::Pin;
use core::task::{Poll, ready};

use super::HandlerError;
#[cfg(feature = "std")]
use super::Registry;
use super::ask::{BadArguments, HandlerErrorKind, RoundState, Run, bad_arguments};
use super::context::Context;
use super::definition::{ToolDefinition, check_output};
use super::effect::{Effect, EffectSink, JobId};
use super::handler::{Handler, Output, Reply};
use super::hook::{End as HookEnd, Hooked, Started, finish};
use super::registry::Entry;
use super::state::{SealError, binding};
use super::tasks::{StoreWork, TaskEnd, TaskStep, poll_through};
use crate::lock::Pending;
use crate::model::input::InputRequests;
use crate::model::method::SpecMethod;
use crate::model::tool::CallToolResult;
use crate::revision::Era;
use crate::rpc::{RpcError, Text};
use crate::session::Request;
use crate::trace::Scope;

/// A handler to run, with all that it needs. The adapter that drives the service decides where it
/// runs.
///
/// [`run`](Self::run) it or [`start`](Self::start) it, and give its outcome to
/// [`Service::handle_outcome`](super::Service::handle_outcome): until then its request stays open.
pub struct Job {
    pub(super) context: Context,
    pub(super) state: Option<KeptState>,
    pub(super) found: Found,
    pub(super) scope: Scope,
}

/// The state of a request, as the service could find it.
pub(super) enum KeptState {
    /// As it was packed.
    Plain(String),
    /// As it came from the client; the server's seal opens it.
    Sealed(String),
}

/// Who answers a request, and what it and its answer are checked against.
pub(super) enum Found {
    Tool(Arc<Entry<ToolDefinition>>),
    Other(Hooked),
    /// No handler, but the store of tasks.
    Tasks(Box<dyn StoreWork>),
}

impl Found {
    fn handler(&self) -> Option<&Hooked> {
        match self {
            Self::Tool(entry) => Some(&entry.handler),
            Self::Other(handler) => Some(handler),
            Self::Tasks(_) => None,
        }
    }

    fn definition(&self) -> Option<&ToolDefinition> {
        match self {
            Self::Tool(entry) => Some(&entry.definition),
            Self::Other(_) | Self::Tasks(_) => None,
        }
    }
}

impl From<Hooked> for Found {
    fn from(handler: Hooked) -> Self {
        Self::Other(handler)
    }
}

/// How a job has ended.
pub struct Outcome {
    pub(super) job: JobId,
    /// What was not given to a sink.
    pub(super) effects: Vec<Effect>,
    pub(super) end: End,
    /// What is to be done for a task next.
    pub(super) step: Option<Box<TaskStep>>,
}

pub(super) enum End {
    Reply(Reply),
    Error(RpcError),
    Ask {
        questions: InputRequests<'static>,
        state: Option<StateToCarry>,
    },
    /// The handler goes on as a task, with what this carries.
    BeginTask(Context),
    /// What the store of tasks has to say; behind a pointer, since it is larger than all others.
    Tasks(Box<TaskEnd>),
    /// Nobody wanted it any more before it began.
    Cancelled,
}

/// The outcome of a request whose client has to come back with more.
pub(super) const INPUT_REQUIRED: &str = "input_required";

impl End {
    /// What a span says of it, and the code if it is an error.
    pub(super) fn name(&self) -> (&'static str, Option<i64>) {
        match self {
            Self::Reply(Reply::Tool(result)) if result.is_error == Some(true) => {
                ("tool_error", None)
            }
            Self::Reply(_) => ("result", None),
            Self::Error(error) => ("error", Some(error.code)),
            Self::Ask { .. } => (INPUT_REQUIRED, None),
            Self::BeginTask(_) => ("task", None),
            Self::Tasks(end) => match **end {
                TaskEnd::Ask(_) => (INPUT_REQUIRED, None),
                TaskEnd::Created(_) => ("task", None),
                _ => ("result", None),
            },
            Self::Cancelled => ("cancelled", None),
        }
    }
}

/// The state that the next round needs.
pub(super) enum StateToCarry {
    /// As it may leave the process, if it does.
    Ready(String),
    /// To be kept by the connection, for this request.
    Keep { binding: Vec<u8>, state: String },
}

/// What is needed to answer for a job that panicked.
#[derive(Clone, Debug)]
pub struct JobTicket(Context);

impl JobTicket {
    /// Returns the outcome of a job that panicked, or that was dropped before it ended: its request
    /// is answered with an internal error that names the tool, resource or prompt.
    pub fn panicked(self) -> Outcome {
        ended(&self.0, End::Error(self.0.request().panicked()))
    }
}

impl Outcome {
    /// Returns which job it is of.
    pub const fn job(&self) -> JobId {
        self.job
    }
}

impl Job {
    /// Returns which job it is.
    pub fn id(&self) -> JobId {
        self.context.job()
    }

    /// Returns the request that it answers.
    pub fn request(&self) -> &Request {
        self.context.request()
    }

    /// Returns whether its handler is a future, which only [`start`](Self::start) can run.
    pub fn is_async(&self) -> bool {
        let handler = self.found.handler().map(|found| &found.handler);
        matches!(handler, Some(Handler::Async(_)))
    }

    /// Returns whether it waits for the store of tasks, so that [`start`](Self::start) is to be awaited
    /// on a thread that may block. [`run`](Self::run) polls the store until it is ready.
    pub fn awaits_store(&self) -> bool {
        matches!(self.found, Found::Tasks(_))
    }

    /// Returns whether its request was cancelled, so that its outcome counts for nothing.
    pub fn is_cancelled(&self) -> bool {
        self.context.is_cancelled()
    }

    /// Returns what is needed to answer for it in case that it panics. Keep it while the job runs.
    pub fn ticket(&self) -> JobTicket {
        JobTicket(self.context.clone())
    }

    /// Gives progress, log messages and changes to `sink` while the handler runs, to be handed
    /// to [`Service::handle_effect`](super::Service::handle_effect) in their order. Without a sink
    /// they come with the outcome.
    #[must_use]
    pub fn with_effects(self, sink: EffectSink) -> Self {
        self.context.set_sink(sink);
        self
    }

    /// What the server offers, and who listens to it.
    #[cfg(feature = "std")]
    pub(crate) fn registry(&self) -> &Arc<Registry> {
        &self.context.server().registry
    }

    /// Runs the handler here and now, and returns its outcome. A handler that is a future
    /// is not run: its request is answered with an error.
    pub fn run(self) -> Outcome {
        let scope = self.scope.clone();
        scope.enter(|| self.run_in_scope())
    }

    fn run_in_scope(self) -> Outcome {
        if let Some(end) = self.open() {
            return ended(&self.context, end);
        }
        let Self { context, found, .. } = self;
        let found = match found {
            Found::Tasks(job) => return poll_through(in_store(context, job)),
            found => found,
        };
        let output = match (check_arguments(&context, &found), found.handler()) {
            (Ok(()), Some(handler)) => handler.run(&context),
            (Ok(()), None) => Err(HandlerError::from("there is no handler")),
            (Err(error), _) => Err(error),
        };
        close(&context, &found, output)
    }

    /// Runs the handler as a future; a blocking one runs at the first poll. Dropping the future
    /// leaves the request open, as does dropping the job.
    pub async fn start(self) -> Outcome {
        let mut begun = self.begin();
        poll_fn(|cx| begun.poll(cx)).await
    }

    /// Begins with the handler; a blocking one has ended when this returns.
    pub(crate) fn begin(self) -> Begun {
        let scope = self.scope.clone();
        let stage = scope.enter(|| self.begin_in_scope());
        Begun {
            scope,
            stage: Some(stage),
        }
    }

    fn begin_in_scope(self) -> Running {
        if let Some(end) = self.open() {
            return Running::Ended(Box::new(ended(&self.context, end)));
        }
        let Self { context, found, .. } = self;
        let found = match found {
            Found::Tasks(job) => return Running::InStore(Box::pin(in_store(context, job))),
            found => found,
        };
        let started = match (check_arguments(&context, &found), found.handler()) {
            (Ok(()), Some(handler)) => handler.start(&context),
            (Ok(()), None) => Started::Ended(Err(HandlerError::from("there is no handler"))),
            (Err(error), _) => Started::Ended(Err(error)),
        };
        match started {
            Started::Ended(output) => Running::Ended(Box::new(close(&context, &found, output))),
            Started::Waits { ends, future } => Running::Waits {
                context,
                found,
                ends,
                future,
            },
        }
    }

    /// Makes ready what the handler sees; how the job has ended if it has already.
    fn open(&self) -> Option<End> {
        if self.is_cancelled() {
            return Some(End::Cancelled);
        }
        match self.carried() {
            Ok(None) => None,
            Ok(Some(carried)) => {
                self.context.carry(carried);
                None
            }
            Err(error) => Some(End::Error(error)),
        }
    }

    /// What earlier rounds of this request have brought.
    fn carried(&self) -> Result<Option<RoundState>, RpcError> {
        let opened;
        let text = match &self.state {
            None => return Ok(None),
            Some(KeptState::Plain(text)) => text,
            Some(KeptState::Sealed(sealed)) => {
                let (request, server) = (self.context.request(), self.context.server());
                // Whoever has made it, it wasn't a server without a seal.
                let seal = server.seal.as_ref().ok_or(SealError::Foreign)?;
                let binding = binding(request, self.context.principal());
                let bytes = seal.open(sealed, &binding)?;
                opened = String::from_utf8(bytes).map_err(|_| SealError::Foreign)?;
                &opened
            }
        };
        let carried = RoundState::unpack(text).map_err(|_| SealError::Foreign)?;
        Ok(Some(carried))
    }
}

/// A sink of which `own` gets the effects that concern one request; of those that concern every
/// client all hear who listen to `registry`.
#[cfg(feature = "std")]
pub(crate) fn sink_of(
    registry: &Arc<Registry>,
    own: impl Fn(JobId, Effect) + Send + Sync + 'static,
) -> EffectSink {
    let registry = Arc::clone(registry);
    Arc::new(move |job, effect| match effect.told_to_all() {
        Some((change, uri)) => registry.announce(change, uri),
        None => own(job, effect),
    })
}

/// A handler that has begun. Dropping it drops the handler and leaves its request open.
pub(crate) struct Begun {
    scope: Scope,
    stage: Option<Running>,
}

enum Running {
    Ended(Box<Outcome>),
    Waits {
        context: Context,
        found: Found,
        ends: Vec<HookEnd>,
        future: Pin<Box<dyn Future<Output = Output> + Send>>,
    },
    InStore(Pending<'static, Outcome>),
}

impl Begun {
    /// Moves the handler on. Not to be polled again once it is ready.
    pub(crate) fn poll(&mut self, cx: &mut core::task::Context<'_>) -> Poll<Outcome> {
        let Self { scope, stage } = self;
        scope.enter(|| {
            if let Some(Running::Waits { future, .. }) = stage {
                let output = ready!(future.as_mut().poll(cx));
                if let Some(Running::Waits {
                    context,
                    found,
                    ends,
                    ..
                }) = stage.take()
                {
                    let output = finish(&context, ends, output);
                    return Poll::Ready(close(&context, &found, output));
                }
            }
            if let Some(Running::InStore(future)) = stage {
                let outcome = ready!(future.as_mut().poll(cx));
                *stage = None;
                return Poll::Ready(outcome);
            }
            match stage.take() {
                Some(Running::Ended(outcome)) => Poll::Ready(*outcome),
                _ => Poll::Pending,
            }
        })
    }
}

impl Drop for Begun {
    fn drop(&mut self) {
        let stage = self.stage.take();
        self.scope.enter(|| drop(stage));
    }
}

/// The outcome of a job whose handler hasn't run.
fn ended(context: &Context, end: End) -> Outcome {
    Outcome {
        job: context.job(),
        effects: Vec::new(),
        end,
        step: None,
    }
}

/// What the store of tasks makes of a request.
async fn in_store(context: Context, job: Box<dyn StoreWork>) -> Outcome {
    let (end, step) = match job.run(&context).await {
        Ok((end, step)) => (End::Tasks(Box::new(end)), step),
        Err(error) => (End::Error(error), None),
    };
    Outcome {
        step,
        ..ended(&context, end)
    }
}

/// Returns an error if the arguments don't fit the schema that they are held to.
fn check_arguments(context: &Context, found: &Found) -> Result<(), HandlerError> {
    let definition = found.definition();
    let Some(schema) = definition.and_then(|definition| definition.input.as_ref()) else {
        return Ok(());
    };
    let request = context.request();
    let checked = schema.check_arguments(&request.arguments());
    checked.map_err(|violation| bad_arguments(request.revision, &violation))
}

/// Turns the result of a handler into plain data.
fn close(context: &Context, found: &Found, output: Output) -> Outcome {
    let (effects, end) = match output {
        Ok(reply) => {
            let effects = context.end_run();
            let end = match check(found, &reply) {
                Ok(()) => End::Reply(reply),
                Err(error) => End::Error(error),
            };
            (effects, end)
        }
        Err(error) => left(context, error),
    };
    Outcome {
        job: context.job(),
        effects,
        end,
        step: None,
    }
}

/// What a run that has no result has done, and what follows from it.
fn left(context: &Context, error: HandlerError) -> (Vec<Effect>, End) {
    let mut run = context.take_run();
    let effects = core::mem::take(&mut run.effects);
    let end = if !run.asked.is_empty() {
        ask(context, run)
    } else if run.begins_task {
        context.carry(run.to_carry());
        End::BeginTask(context.clone())
    } else {
        stopped(context, &run, error)
    };
    (effects, end)
}

/// Returns an error if the answer isn't what was promised.
fn check(found: &Found, reply: &Reply) -> Result<(), RpcError> {
    let schema = found.definition().and_then(|tool| tool.output.as_ref());
    match (schema, reply) {
        (Some(schema), Reply::Tool(result)) => check_output(&**schema, result),
        _ => Ok(()),
    }
}

fn stopped(context: &Context, run: &Run, error: HandlerError) -> End {
    let request = context.request();
    let is_modern = request.revision.era() == Era::Modern;
    let missing = run.missing.as_ref().filter(|_| is_modern);
    let bad_answer = run.bad_answer.as_ref().filter(|_| is_modern);
    let error = match (error.0, missing, bad_answer) {
        (HandlerErrorKind::Rpc(error), ..) => return End::Error(error),
        (_, Some(missing), _) => return End::Error(RpcError::missing_client_capability(missing)),
        (_, None, Some(told)) => {
            let told = alloc::format!("Invalid params: {told}");
            return End::Error(RpcError::invalid_params(told));
        }
        (HandlerErrorKind::Failed(error), None, None) => error,
    };
    if request.known() != Some(SpecMethod::CallTool) {
        return End::Error(RpcError::internal(super::ask::whole_text(&*error)));
    }
    let text = match error.downcast_ref::<BadArguments>() {
        Some(bad) => bad.to_string(),
        None => {
            let name = request.target().unwrap_or(Text::borrowed(""));
            let told = super::ask::whole_text(&*error);
            alloc::format!("Error executing tool {name}: {told}")
        }
    };
    End::Reply(Reply::Tool(CallToolResult::error(text)))
}

/// Asks the client for what a run has left open.
fn ask(context: &Context, run: Run) -> End {
    let packed = run.to_carry().pack();
    let carry = |state| match run.is_task {
        true => Ok(StateToCarry::Ready(state)),
        false => carry(context, state),
    };
    let state = packed.map(carry).transpose();
    match state {
        Ok(state) => End::Ask {
            questions: run.asked,
            state,
        },
        Err(error) => End::Error(error),
    }
}

/// The state of a request as it may leave this process, if it does.
fn carry(context: &Context, state: String) -> Result<StateToCarry, RpcError> {
    let (request, server) = (context.request(), context.server());
    if request.revision.era() == Era::Legacy {
        return Ok(StateToCarry::Ready(state));
    }
    let binding = || binding(request, context.principal());
    match &server.seal {
        Some(seal) => Ok(StateToCarry::Ready(
            seal.seal(state.as_bytes(), &binding())?,
        )),
        None if server.unsealed_state => Ok(StateToCarry::Ready(state)),
        None => Ok(StateToCarry::Keep {
            binding: binding(),
            state,
        }),
    }
}

impl fmt::Debug for Job {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Job")
            .field("id", &self.id())
            .field("method", &self.request().method())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let end = match &self.end {
            End::Reply(_) => "a result",
            End::Error(_) => "an error",
            End::Ask { .. } => "input needed",
            End::BeginTask(_) | End::Tasks(_) => "a task",
            End::Cancelled => "cancelled",
        };
        f.debug_struct("Outcome")
            .field("job", &self.job)
            .field("end", &end)
            .finish_non_exhaustive()
    }
}
