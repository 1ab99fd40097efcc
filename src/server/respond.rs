//! From a request to its answer: who handles it, with which arguments, and what the client hears
//! of how the handler ended.
//!
//! Rules of this file: every request is answered; a failure inside a tool is a result that says so,
//! everything else an error with its code; arguments that don't fit are told in the way the
//! request's revision asks for (`tools.call.badargs`).

use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;

use serde::de::DeserializeOwned;

use crate::model::completion::{CompleteParams, Reference};
use crate::model::method::{
    CallTool, Complete, GetPrompt, ListPrompts, ListResourceTemplates, ListResources, ListTools,
    Method, ReadResource, SpecMethod,
};
use crate::model::owned::IntoOwned;
use crate::model::page::PaginatedRequestParams;
use crate::model::prompt::{Arguments, GetPromptParams, ListPromptsResult};
use crate::model::resource::{ListResourceTemplatesResult, ListResourcesResult};
use crate::model::tool::{CallToolResult, ListToolsResult};
use crate::model::validation::CompiledSchema;
use crate::revision::{Era, Revision};
use crate::rpc::{RpcError, Text};
use crate::session::{Misuse, Request};

use super::ask::{HandlerErrorKind, RoundState, Run};
use super::context::reach;
use super::definition::check_output;
use super::registry::{Handler, Output, Reply, completion_key};
use super::state::{SealError, binding};
use super::{Async, Blocking, Context, HandlerError, Reach, Server};

/// Arguments that don't fit the handler's type.
#[derive(Debug, thiserror::Error)]
#[error("Invalid arguments: {0}")]
struct BadArguments(String);

/// The arguments of a tool call, as the handler's type.
pub(super) fn arguments<A: DeserializeOwned>(context: &Context) -> Result<A, HandlerError> {
    let request = context.request();
    let malformed = match request.arguments_as::<A>() {
        Ok(arguments) => return Ok(arguments),
        Err(malformed) => malformed,
    };
    // A type without content, such as `()`, may read from nothing but `null`.
    if size_of::<A>() == 0
        && let Ok(arguments) = serde_json::from_str("null")
    {
        return Ok(arguments);
    }
    Err(bad_arguments(request.revision, &malformed))
}

/// How a client of this revision hears of arguments that don't fit.
fn bad_arguments(revision: Revision, told: &impl ToString) -> HandlerError {
    if revision >= Revision::V2025_11_25 {
        return HandlerError::from(BadArguments(told.to_string()));
    }
    let told = told.to_string();
    HandlerError::rpc(RpcError::invalid_params(alloc::format!(
        "Invalid params: {told}"
    )))
}

/// The arguments of a prompt, the required ones among them.
pub(super) fn prompt_arguments(context: &Context) -> Result<Arguments<'static>, HandlerError> {
    let params: GetPromptParams<'_> = context
        .request()
        .params::<GetPrompt>()
        .map_err(|bad| HandlerError::rpc(bad.into()))?;
    Ok(params.arguments.unwrap_or_default().into_owned())
}

/// What has been typed of the argument that is to be completed.
pub(super) fn typed_value(context: &Context) -> Result<String, HandlerError> {
    let params: CompleteParams<'_> = context
        .request()
        .params::<Complete>()
        .map_err(|bad| HandlerError::rpc(bad.into()))?;
    Ok(params.argument.value.into_string())
}

/// Who answers a request, and what the answer is held to.
struct Found {
    handler: Handler,
    output: Option<Arc<dyn CompiledSchema>>,
}

impl From<Handler> for Found {
    fn from(handler: Handler) -> Self {
        Self {
            handler,
            output: None,
        }
    }
}

impl Found {
    /// Errs when the answer isn't what was promised.
    fn check(&self, reply: &Reply) -> Result<(), RpcError> {
        match (&self.output, reply) {
            (Some(schema), Reply::Tool(result)) => check_output(&**schema, result),
            _ => Ok(()),
        }
    }
}

impl Server<Blocking> {
    /// Answers one request, running its handler here and now.
    pub fn respond(&self, request: Request, session: Arc<dyn Reach>) {
        if let Some((context, found)) = self.find(request, session) {
            let output = match &found.handler {
                Handler::Sync(run) => run(&context),
                // One that was put into the registry behind this server's back.
                Handler::Async(_) => Err(HandlerError::from(
                    "this server can't run asynchronous handlers",
                )),
            };
            self.finish(&context, &found, output);
        }
    }
}

impl Server<Async> {
    /// Answers one request. Dropping the future leaves the request to whoever dropped it.
    pub async fn respond(&self, request: Request, session: Arc<dyn Reach>) {
        if let Some((context, found)) = self.find(request, session) {
            let output = match &found.handler {
                Handler::Sync(run) => run(&context),
                Handler::Async(run) => run(context.clone()).await,
            };
            self.finish(&context, &found, output);
        }
    }
}

impl<Mode> Server<Mode> {
    /// The handler of a request and what it sees; `None` when the request is answered already.
    fn find(&self, request: Request, session: Arc<dyn Reach>) -> Option<(Context, Found)> {
        let found = match request.known() {
            Some(SpecMethod::CallTool) => self.find_tool(&request),
            Some(SpecMethod::ReadResource) => self.find_resource(&request).map(Found::from),
            Some(SpecMethod::GetPrompt) => self.find_prompt(&request).map(Found::from),
            Some(SpecMethod::Complete) => self.find_completion(&request).map(Found::from),
            _ => {
                self.list(&request, &*session);
                return None;
            }
        };
        let found =
            found.and_then(|handler| Ok((handler, self.ledger(&request, session.principal())?)));
        match found {
            Ok((handler, ledger)) => {
                let registry = Arc::clone(&self.shared.registry);
                Some((Context::new(request, session, registry, ledger), handler))
            }
            Err(error) => {
                let id = request.id;
                let _ = reach(&*session, |session, now| {
                    session.reply_error(now, id, error)
                });
                None
            }
        }
    }

    fn find_tool(&self, request: &Request) -> Result<Found, RpcError> {
        let name = request.target().unwrap_or(Text::borrowed(""));
        let found = self.shared.registry.read().tools.get(&name);
        let (definition, handler) = found.ok_or_else(|| unknown("tool", &name))?;
        let checked = match &definition.input {
            Some(schema) => schema.check_arguments(&request.arguments()),
            None => Ok(()),
        };
        let handler = match checked {
            Ok(()) => handler,
            Err(violation) => {
                let revision = request.revision;
                Handler::Sync(Arc::new(move |_| Err(bad_arguments(revision, &violation))))
            }
        };
        Ok(Found {
            handler,
            output: definition.output,
        })
    }

    fn find_resource(&self, request: &Request) -> Result<Handler, RpcError> {
        let uri = request.target().unwrap_or(Text::borrowed(""));
        let offered = self.shared.registry.read();
        if let Some((_, handler)) = offered.resources.get(&uri) {
            return Ok(handler);
        }
        let found = offered
            .templates
            .find(|definition| definition.pattern.matches(&uri));
        found
            .map(|(_, handler)| handler)
            .ok_or_else(|| RpcError::resource_not_found(&uri))
    }

    fn find_prompt(&self, request: &Request) -> Result<Handler, RpcError> {
        let params = request.params::<GetPrompt>()?;
        let found = self.shared.registry.read().prompts.get(&params.name);
        let (prompt, handler) = found.ok_or_else(|| unknown("prompt", &params.name))?;
        match prompt.missing_argument(params.arguments.as_ref()) {
            None => Ok(handler),
            Some(missing) => Err(RpcError::invalid_params(alloc::format!(
                "Invalid params: the prompt needs the argument {missing}"
            ))),
        }
    }

    fn find_completion(&self, request: &Request) -> Result<Handler, RpcError> {
        let params = request.params::<Complete>()?;
        let offered = self.shared.registry.read();
        let key = completion_key(&params.reference, &params.argument.name);
        if let Some((_, handler)) = offered.completions.get(&key) {
            return Ok(handler);
        }
        // What can't be completed has no completions, which is no error; what isn't there has none
        // to be asked for (`complete.err`).
        let (is_there, what, name) = match &params.reference {
            Reference::Prompt(prompt) => {
                let is_there = offered.prompts.get(&prompt.name).is_some();
                (is_there, "prompt", &prompt.name)
            }
            Reference::Resource(resource) => {
                let uri = &resource.uri;
                let is_there = offered.templates.get(uri).is_some()
                    || offered.resources.get(uri).is_some()
                    || offered
                        .templates
                        .find(|known| known.pattern.matches(uri))
                        .is_some();
                (is_there, "resource", uri)
            }
        };
        match is_there {
            true => Ok(super::completer(|_, _| Ok(Vec::new()))),
            false => Err(unknown(what, name)),
        }
    }

    /// What earlier rounds of this request have brought.
    fn ledger(&self, request: &Request, principal: Option<&str>) -> Result<Run, RpcError> {
        let carried = match request.state() {
            None => RoundState::default(),
            Some(state) => {
                let state = self.opened(request, principal, state)?;
                RoundState::unpack(&state).map_err(|_| SealError::Foreign)?
            }
        };
        Ok(Run {
            carried,
            ..Run::default()
        })
    }

    /// The state of a request as it was before it left the process; a legacy one never does.
    fn opened<'a>(
        &self,
        request: &Request,
        principal: Option<&str>,
        state: Text<'a>,
    ) -> Result<Text<'a>, RpcError> {
        if request.revision.era() == Era::Legacy {
            return Ok(state);
        }
        match &self.shared.seal {
            Some(seal) => {
                let opened = seal.open(&state, &binding(request, principal)?)?;
                let text = String::from_utf8(opened).map_err(|_| SealError::Foreign)?;
                Ok(text.into())
            }
            None if self.shared.unsealed_state => Ok(state),
            // Whoever has made it, it wasn't this server.
            None => Err(SealError::Foreign.into()),
        }
    }

    /// The state of a request as it may leave the process, if it does.
    fn sealed(&self, context: &Context, state: String) -> Result<String, RpcError> {
        let request = context.request();
        if request.revision.era() == Era::Legacy {
            return Ok(state);
        }
        match &self.shared.seal {
            Some(seal) => {
                let binding = binding(request, context.principal())?;
                Ok(seal.seal(state.as_bytes(), &binding)?)
            }
            None if self.shared.unsealed_state => Ok(state),
            None => Err(RpcError::internal(
                "This server has no key to seal requestState with",
            )),
        }
    }

    /// Answers with what a run has come to.
    fn finish(&self, context: &Context, found: &Found, output: Output) {
        let answered = match output {
            Ok(reply) => match found.check(&reply) {
                Ok(()) => complete(context, &reply),
                Err(error) => fail(context, error),
            },
            Err(stop) => self.stopped(context, stop),
        };
        if let Err(misuse) = answered {
            let id = context.request().id;
            let error = RpcError::internal(alloc::format!("The result can't be sent: {misuse}"));
            // A request that is over needs no answer any more.
            let _ = context.with(|session, now| session.reply_error(now, id, error));
        }
    }

    fn stopped(&self, context: &Context, stop: HandlerError) -> Result<(), Misuse> {
        let ledger = core::mem::take(&mut *context.ledger());
        let request = context.request();
        if !ledger.asked.is_empty() {
            return self.ask(context, &ledger);
        }
        let is_modern = request.revision.era() == Era::Modern;
        let missing = ledger.missing.filter(|_| is_modern);
        let bad_answer = ledger.bad_answer.filter(|_| is_modern);
        let failed = match (stop.0, missing) {
            (HandlerErrorKind::Failed(_), None) if bad_answer.is_some() => {
                let told = bad_answer.unwrap_or_default();
                RpcError::invalid_params(alloc::format!("Invalid params: {told}"))
            }
            (HandlerErrorKind::Rpc(error), _) => error,
            (HandlerErrorKind::Failed(_), Some(missing)) => {
                RpcError::missing_client_capability(&missing)
            }
            (HandlerErrorKind::Failed(error), None)
                if request.known() == Some(SpecMethod::CallTool) =>
            {
                let name = request.target().unwrap_or(Text::borrowed(""));
                let text = match error.downcast_ref::<BadArguments>() {
                    Some(bad) => bad.to_string(),
                    None => alloc::format!("Error executing tool {name}: {error}"),
                };
                return complete(context, &Reply::Tool(CallToolResult::error(text)));
            }
            (HandlerErrorKind::Failed(error), None) => RpcError::internal(error.to_string()),
        };
        fail(context, failed)
    }

    /// Asks the client for what a run has left open.
    fn ask(&self, context: &Context, ledger: &Run) -> Result<(), Misuse> {
        let request = context.request();
        let state = ledger.to_carry().pack();
        let state = match state.map(|state| self.sealed(context, state)).transpose() {
            Ok(state) => state,
            Err(error) => return fail(context, error),
        };
        let asked = context.with(|session, now| {
            session.need_input(now, request.id, &ledger.asked, state.as_deref())
        });
        asked.unwrap_or(Err(Misuse::Closed))
    }

    /// Answers a request for a list; anything else is not of this server.
    fn list(&self, request: &Request, session: &dyn Reach) {
        let page = |length: usize| {
            let start = page_start(request, length)?;
            Ok((start, self.shared.page_size))
        };
        let offered = self.shared.registry.read();
        let answered = match request.known() {
            Some(SpecMethod::ListTools) => page(offered.tools.len()).map(|(start, size)| {
                let (definitions, more) = offered.tools.page(start, size);
                let tools = definitions.into_iter().map(|definition| definition.tool);
                let mut result = ListToolsResult::new(tools.collect());
                result.next_cursor = next_cursor(start, size, more);
                reply::<ListTools>(request, session, &result)
            }),
            Some(SpecMethod::ListPrompts) => page(offered.prompts.len()).map(|(start, size)| {
                let (prompts, more) = offered.prompts.page(start, size);
                let mut result = ListPromptsResult::new(prompts);
                result.next_cursor = next_cursor(start, size, more);
                reply::<ListPrompts>(request, session, &result)
            }),
            Some(SpecMethod::ListResources) => {
                page(offered.resources.len()).map(|(start, size)| {
                    let (resources, more) = offered.resources.page(start, size);
                    let mut result = ListResourcesResult::new(resources);
                    result.next_cursor = next_cursor(start, size, more);
                    reply::<ListResources>(request, session, &result)
                })
            }
            Some(SpecMethod::ListResourceTemplates) => {
                page(offered.templates.len()).map(|(start, size)| {
                    let (definitions, more) = offered.templates.page(start, size);
                    let templates = definitions
                        .into_iter()
                        .map(|definition| definition.template);
                    let mut result = ListResourceTemplatesResult::new(templates.collect());
                    result.next_cursor = next_cursor(start, size, more);
                    reply::<ListResourceTemplates>(request, session, &result)
                })
            }
            _ => Err(RpcError::method_not_found(request.method())),
        };
        if let Err(error) = answered {
            let id = request.id;
            let _ = reach(session, |session, now| session.reply_error(now, id, error));
        }
    }
}

fn unknown(what: &str, name: &str) -> RpcError {
    let shown: String = name.chars().take(128).collect();
    RpcError::invalid_params(alloc::format!("Unknown {what}: {shown}"))
}

fn reply<M: Method>(request: &Request, session: &dyn Reach, result: &M::Result<'_>) {
    let id = request.id;
    // A request that is over needs no answer any more.
    let _ = reach(session, |session, now| session.reply::<M>(now, id, result));
}

/// Answers with an error.
fn fail(context: &Context, error: RpcError) -> Result<(), Misuse> {
    let id = context.request().id;
    let answered = context.with(|session, now| session.reply_error(now, id, error));
    answered.unwrap_or(Err(Misuse::Closed))
}

fn complete(context: &Context, reply: &Reply) -> Result<(), Misuse> {
    let id = context.request().id;
    let answered = context.with(|session, now| match reply {
        Reply::Tool(result) => session.reply::<CallTool>(now, id, result),
        Reply::Resource(result) => session.reply::<ReadResource>(now, id, result),
        Reply::Prompt(result) => session.reply::<GetPrompt>(now, id, result),
        Reply::Completion(result) => session.reply::<Complete>(now, id, result),
    });
    answered.unwrap_or(Err(Misuse::Closed))
}

/// Where the page begins that a list request asks for (`page.invalid`).
fn page_start(request: &Request, length: usize) -> Result<usize, RpcError> {
    let params: PaginatedRequestParams<'_> = request.params::<ListTools>()?;
    let Some(cursor) = params.cursor else {
        return Ok(0);
    };
    let start = cursor
        .strip_prefix('p')
        .and_then(|start| start.parse().ok());
    start
        .filter(|start| *start < length)
        .ok_or_else(|| RpcError::invalid_params("Invalid params: unknown cursor"))
}

fn next_cursor(start: usize, size: usize, more: bool) -> Option<Text<'static>> {
    more.then(|| alloc::format!("p{}", start + size).into())
}
