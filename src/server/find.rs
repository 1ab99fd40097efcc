//! From a request to the handler that answers it.

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::Shared;
use super::handler::{Handler, Reply};
use super::hook::Hooked;
use super::job::Found;
use super::registry::completion_key;
use crate::model::completion::{CompleteResult, Reference};
use crate::model::method::{Complete, GetPrompt, SpecMethod};
use crate::rpc::{RpcError, Text};
use crate::session::Request;

/// Returns who answers a request; `None` if no handler does, as for lists; an error if it is to be
/// refused.
pub(super) fn find(server: &Shared, request: &Request) -> Result<Option<Found>, RpcError> {
    match request.known() {
        Some(SpecMethod::CallTool) => find_tool(server, request),
        Some(SpecMethod::ReadResource) => find_resource(server, request).map(Found::from),
        Some(SpecMethod::GetPrompt) => find_prompt(server, request).map(Found::from),
        Some(SpecMethod::Complete) => find_completion(server, request).map(Found::from),
        _ => return Ok(None),
    }
    .map(Some)
}

fn find_tool(server: &Shared, request: &Request) -> Result<Found, RpcError> {
    let name = request.target().unwrap_or(Text::borrowed(""));
    let offered = server.registry.read();
    let found = offered.tools.get(&name);
    let entry = found.ok_or_else(|| unknown("tool", &name))?;
    Ok(Found::Tool(Arc::clone(entry)))
}

fn find_resource(server: &Shared, request: &Request) -> Result<Hooked, RpcError> {
    let uri = request.target().unwrap_or(Text::borrowed(""));
    let offered = server.registry.read();
    if let Some(entry) = offered.resources.get(&uri) {
        return Ok(entry.handler.clone());
    }
    let found = offered
        .templates
        .find(|definition| definition.pattern.matches(&uri));
    found
        .map(|(_, handler)| handler)
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
                || offered
                    .templates
                    .find(|known| known.pattern.matches(uri))
                    .is_some();
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

fn unknown(what: &str, name: &str) -> RpcError {
    let shown: String = name.chars().take(128).collect();
    RpcError::invalid_params(alloc::format!("Unknown {what}: {shown}"))
}
