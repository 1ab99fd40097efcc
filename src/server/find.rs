//! From a request to the handler that answers it.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::Shared;
use super::definition::{Support, ToolDefinition};
use super::handler::{Handler, Reply};
use super::hook::Hooked;
use super::job::Found;
use super::registry::{completion_key, unknown};
use super::tasks::{Engine, TaskJob, TaskWork, Watched};
use crate::model::capability::ClientCapabilities;
use crate::model::completion::{CompleteResult, Reference};
use crate::model::method::{Complete, GetPrompt, SpecMethod};
use crate::model::object::Object;
use crate::model::task::TASKS_EXTENSION;
use crate::revision::Era;
use crate::rpc::{RpcError, Text, code};
use crate::session::Request;

/// Returns who answers a request; `None` if no handler does, as for lists; an error if it is to be
/// refused.
pub(super) fn find(server: &Shared, request: &Request) -> Result<Option<Found>, RpcError> {
    match request.known() {
        Some(SpecMethod::CallTool) => find_tool(server, request),
        Some(
            known @ (SpecMethod::GetTask
            | SpecMethod::GetTaskPayload
            | SpecMethod::UpdateTask
            | SpecMethod::CancelTask
            | SpecMethod::ListTasks),
        ) => find_task(server, request, known),
        Some(SpecMethod::ReadResource) => find_resource(server, request).map(Found::from),
        Some(SpecMethod::GetPrompt) => find_prompt(server, request).map(Found::from),
        Some(SpecMethod::Complete) => find_completion(server, request).map(Found::from),
        _ => return Ok(None),
    }
    .map(Some)
}

fn find_tool(server: &Shared, request: &Request) -> Result<Found, RpcError> {
    let entry = server.registry.tool(request)?;
    let Some(engine) = &server.tasks else {
        return Ok(Found::Tool(entry));
    };
    match becomes_task(engine, request, &entry.definition)? {
        true => Ok(in_store(engine, TaskWork::Create)),
        false => Ok(Found::Tool(entry)),
    }
}

/// Whether a call becomes a task at once; the error is for one that can't be served as it is.
fn becomes_task(
    engine: &Engine,
    request: &Request,
    definition: &ToolDefinition,
) -> Result<bool, RpcError> {
    let support = definition.task_support();
    let is_modern = request.revision.era() == Era::Modern;
    let can = match is_modern {
        true => has_tasks_extension(request),
        false => request.asks_for_task(),
    };
    match (support, can) {
        // `task25.tool.forbidden`, `task26.server.decides`
        (Support::Never, true) if !is_modern => Err(not_as_asked(definition, "can't")),
        (Support::Never, _) | (Support::May, false) => Ok(false),
        // `task26.required`
        (Support::Must, false) if is_modern => {
            let needed = ClientCapabilities::new().extension(TASKS_EXTENSION, &Object::new());
            Err(RpcError::missing_client_capability(&needed))
        }
        // `task25.tool.required`
        (Support::Must, false) => Err(not_as_asked(definition, "has to")),
        (_, true) => Ok(!is_modern || !engine.is_begun_by_handler(definition.tool.name.as_str())),
    }
}

/// Whether the handler of a call may have it become a task.
pub(super) fn may_begin_task(server: &Shared, request: &Request, found: &Found) -> bool {
    let (Some(engine), Found::Tool(entry)) = (&server.tasks, found) else {
        return false;
    };
    let definition = &entry.definition;
    definition.task_support() != Support::Never
        && request.revision.era() == Era::Modern
        && engine.is_begun_by_handler(definition.tool.name.as_str())
        && has_tasks_extension(request)
}

fn has_tasks_extension(request: &Request) -> bool {
    let client = request.client_capabilities();
    client.is_some_and(|client| client.extension_settings(TASKS_EXTENSION).is_some())
}

fn not_as_asked(definition: &ToolDefinition, how: &str) -> RpcError {
    let name = definition.tool.name.as_str();
    let text = alloc::format!("The tool {name} {how} run as a task");
    RpcError::new(code::METHOD_NOT_FOUND, text)
}

/// What a request about tasks does.
fn find_task(server: &Shared, request: &Request, known: SpecMethod) -> Result<Found, RpcError> {
    let Some(engine) = &server.tasks else {
        return Err(RpcError::method_not_found(request.method()));
    };
    let work = match known {
        SpecMethod::GetTask => TaskWork::Get,
        SpecMethod::GetTaskPayload => TaskWork::Payload,
        SpecMethod::UpdateTask => TaskWork::Update,
        SpecMethod::CancelTask => TaskWork::Cancel,
        _ => TaskWork::List,
    };
    Ok(in_store(engine, work))
}

fn in_store(engine: &Arc<Engine>, work: TaskWork) -> Found {
    let engine = Arc::clone(engine);
    Found::Tasks(Box::new(TaskJob { engine, work }))
}

/// What makes a task of a call whose handler wants that.
pub(super) fn create_task(server: &Shared) -> Option<Found> {
    let engine = server.tasks.as_ref()?;
    Some(in_store(engine, TaskWork::Create))
}

/// What looks at the tasks that a stream watches.
pub(super) fn watch_tasks(server: &Shared, watched: Vec<Watched>) -> Option<Found> {
    let engine = server.tasks.as_ref()?;
    Some(in_store(engine, TaskWork::Watch(watched)))
}

fn find_resource(server: &Shared, request: &Request) -> Result<Hooked, RpcError> {
    let uri = request.target().unwrap_or(Text::borrowed(""));
    let offered = server.registry.read();
    if let Some(entry) = offered.resources.get(&uri) {
        return Ok(entry.handler.clone());
    }
    #[cfg(feature = "skills")]
    if let Some(handler) = offered.skills.handler(&uri) {
        return Ok(handler);
    }
    let found = offered.template_of(&uri);
    found
        .map(|(_, handler)| handler.clone())
        .ok_or_else(|| RpcError::resource_not_found(&uri))
}

fn find_prompt(server: &Shared, request: &Request) -> Result<Hooked, RpcError> {
    let params = request.params::<GetPrompt>()?;
    let offered = server.registry.read();
    let found = offered.prompts.get(&params.name);
    let entry = found.ok_or_else(|| unknown("prompt", &params.name))?;
    let missing = entry.definition.missing_argument(params.arguments.as_ref());
    match missing {
        None => Ok(entry.handler.clone()),
        Some(missing) => Err(RpcError::invalid_params(alloc::format!(
            "Invalid params: the prompt needs the argument {missing}"
        ))),
    }
}

fn find_completion(server: &Shared, request: &Request) -> Result<Hooked, RpcError> {
    let params = request.params::<Complete>()?;
    let offered = server.registry.read();
    let key = completion_key(&params.reference, &params.argument.name);
    if let Some(entry) = offered.completions.get(&key) {
        return Ok(entry.handler.clone());
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
                || offered.template_of(uri).is_some();
            (is_there, "resource", uri)
        }
    };
    match is_there {
        true => Ok(Hooked::from(Handler::Blocking(Arc::new(|_| {
            Ok(Reply::Completion(CompleteResult::new(Vec::<String>::new())))
        })))),
        false => Err(unknown(what, name)),
    }
}
