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
use core::sync::atomic::{AtomicBool, Ordering};

use super::ask::{BadArguments, HandlerErrorKind, RoundState, Run, bad_arguments};
use super::context::{Context, Given};
use super::definition::check_output;
use super::effect::{Effect, EffectSink, JobId};
use super::handler::{Handler, Output, Reply};
use super::hook::Hooked;
use super::state::{SealError, binding};
use super::{HandlerError, Shared};
use crate::model::input::InputRequests;
use crate::model::method::SpecMethod;
use crate::model::tool::CallToolResult;
use crate::model::validation::CompiledSchema;
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
    pub(super) id: JobId,
    pub(super) request: Request,
    pub(super) server: Arc<Shared>,
    pub(super) given: Given,
    pub(super) cancelled: Arc<AtomicBool>,
    pub(super) state: Option<KeptState>,
    pub(super) found: Found,
    pub(super) sink: Option<EffectSink>,
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
pub(super) struct Found {
    pub(super) handler: Hooked,
    pub(super) input: Option<Arc<dyn CompiledSchema>>,
    pub(super) output: Option<Arc<dyn CompiledSchema>>,
}

impl From<Hooked> for Found {
    fn from(handler: Hooked) -> Self {
        Self {
            handler,
            input: None,
            output: None,
        }
    }
}

/// How a job has ended.
pub struct Outcome {
    pub(super) job: JobId,
    /// What was not given to a sink.
    pub(super) effects: Vec<Effect>,
    pub(super) end: End,
}

pub(super) enum End {
    Reply(Reply),
    Error(RpcError),
    Ask {
        questions: InputRequests<'static>,
        state: Option<StateToCarry>,
    },
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
pub struct JobTicket {
    job: JobId,
    request: Request,
}

impl JobTicket {
    /// Returns the outcome of a job that panicked, or that was dropped before it ended: its request
    /// is answered with an internal error that names the tool, resource or prompt.
    pub fn panicked(self) -> Outcome {
        Outcome {
            job: self.job,
            effects: Vec::new(),
            end: End::Error(self.request.panicked()),
        }
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
    pub const fn id(&self) -> JobId {
        self.id
    }

    /// Returns the request that it answers.
    pub const fn request(&self) -> &Request {
        &self.request
    }

    /// Returns whether its handler is a future, which only [`start`](Self::start) can run.
    pub const fn is_async(&self) -> bool {
        matches!(self.found.handler.handler, Handler::Async(_))
    }

    /// Returns whether its request was cancelled, so that its outcome counts for nothing.
    pub fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Acquire)
    }

    /// Returns what is needed to answer for it in case that it panics. Keep it while the job runs.
    pub fn ticket(&self) -> JobTicket {
        JobTicket {
            job: self.id,
            request: self.request.clone(),
        }
    }

    /// Gives progress, log messages and changes to `sink` while the handler runs, to be handed
    /// to [`Service::handle_effect`](super::Service::handle_effect) in their order. Without a sink
    /// they come with the outcome.
    #[must_use]
    pub fn with_effects(mut self, sink: EffectSink) -> Self {
        self.sink = Some(sink);
        self
    }

    /// The same for adapters: what concerns one request goes to `own`, and what concerns all clients
    /// to all who listen.
    #[cfg(feature = "std")]
    pub(crate) fn with_own_effects(
        self,
        own: impl Fn(JobId, Effect) + Send + Sync + 'static,
    ) -> Self {
        let server = Arc::clone(&self.server);
        self.with_effects(Arc::new(move |job, effect| match effect.told_to_all() {
            Some((change, uri)) => server.registry.announce(change, uri),
            None => own(job, effect),
        }))
    }

    /// Runs the handler here and now, and returns its outcome. A handler that is a future
    /// is not run: its request is answered with an error.
    pub fn run(self) -> Outcome {
        let scope = self.scope.clone();
        scope.enter(|| self.run_in_scope())
    }

    fn run_in_scope(self) -> Outcome {
        let (context, found) = match self.open() {
            Ok(opened) => opened,
            Err(outcome) => return *outcome,
        };
        let output = found.handler.run(&context);
        close(&context, &found, output)
    }

    /// Runs the handler as a future; a blocking one runs at the first poll. Dropping the future
    /// leaves the request open, as does dropping the job.
    pub async fn start(self) -> Outcome {
        let scope = self.scope.clone();
        scope.around(self.start_in_scope()).await
    }

    async fn start_in_scope(self) -> Outcome {
        let (context, found) = match self.open() {
            Ok(opened) => opened,
            Err(outcome) => return *outcome,
        };
        let output = found.handler.start(&context).await;
        close(&context, &found, output)
    }

    /// Makes ready what the handler sees; an error is the outcome already.
    fn open(self) -> Result<(Context, Found), Box<Outcome>> {
        let job = self.id;
        let ended = |end| {
            Box::new(Outcome {
                job,
                effects: Vec::new(),
                end,
            })
        };
        if self.is_cancelled() {
            return Err(ended(End::Cancelled));
        }
        let carried = self.carried().map_err(|error| ended(End::Error(error)))?;
        let run = Run {
            carried,
            ..Run::default()
        };
        let checked = match &self.found.input {
            Some(schema) => schema.check_arguments(&self.request.arguments()),
            None => Ok(()),
        };
        let Self {
            id,
            request,
            server,
            given,
            cancelled,
            found,
            sink,
            ..
        } = self;
        let revision = request.revision;
        let context = Context::new(id, request, server, given, cancelled, run, sink);
        match checked {
            Ok(()) => Ok((context, found)),
            Err(violation) => {
                let output = Err(bad_arguments(revision, &violation));
                Err(Box::new(close(&context, &found, output)))
            }
        }
    }

    /// What earlier rounds of this request have brought.
    fn carried(&self) -> Result<RoundState, RpcError> {
        let opened;
        let text = match &self.state {
            None => return Ok(RoundState::default()),
            Some(KeptState::Plain(text)) => text,
            Some(KeptState::Sealed(sealed)) => {
                // Whoever has made it, it wasn't a server without a seal.
                let seal = self.server.seal.as_ref().ok_or(SealError::Foreign)?;
                let binding = binding(&self.request, self.given.principal.as_deref());
                let bytes = seal.open(sealed, &binding)?;
                opened = String::from_utf8(bytes).map_err(|_| SealError::Foreign)?;
                &opened
            }
        };
        Ok(RoundState::unpack(text).map_err(|_| SealError::Foreign)?)
    }
}

/// Turns the result of a handler into plain data.
fn close(context: &Context, found: &Found, output: Output) -> Outcome {
    let mut run = context.take_run();
    let effects = core::mem::take(&mut run.effects);
    let end = match output {
        Ok(reply) => match check(found, &reply) {
            Ok(()) => End::Reply(reply),
            Err(error) => End::Error(error),
        },
        Err(_) if !run.asked.is_empty() => ask(context, run),
        Err(error) => stopped(context, &run, error),
    };
    Outcome {
        job: context.job(),
        effects,
        end,
    }
}

/// Returns an error if the answer isn't what was promised.
fn check(found: &Found, reply: &Reply) -> Result<(), RpcError> {
    match (&found.output, reply) {
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
    let state = packed.map(|state| carry(context, state)).transpose();
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
            .field("id", &self.id)
            .field("method", &self.request.method())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let end = match &self.end {
            End::Reply(_) => "a result",
            End::Error(_) => "an error",
            End::Ask { .. } => "input needed",
            End::Cancelled => "cancelled",
        };
        f.debug_struct("Outcome")
            .field("job", &self.job)
            .field("end", &end)
            .finish_non_exhaustive()
    }
}
