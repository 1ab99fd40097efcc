//! The lists of what a server offers, page by page. They need no handler, so the machine answers them
//! at once.

use super::Shared;
use crate::model::method::{
    ListPrompts, ListResourceTemplates, ListResources, ListTools, Method, SpecMethod,
};
use crate::model::page::PaginatedRequestParams;
use crate::model::prompt::ListPromptsResult;
use crate::model::resource::{ListResourceTemplatesResult, ListResourcesResult};
use crate::model::tool::ListToolsResult;
use crate::rpc::{RpcError, Text};
use crate::session::{Request, ServerSession};
use crate::time::Instant;

/// Answers a request for a list, or returns the error to answer with; anything else is not of this
/// server.
pub(super) fn answer(
    server: &Shared,
    request: &Request,
    session: &mut ServerSession,
    now: Instant,
) -> Result<(), RpcError> {
    let size = server.page_size;
    let offered = server.registry.read();
    match request.known() {
        Some(SpecMethod::ListTools) => {
            let start = page_start(request, offered.tools.len())?;
            let (definitions, more) = offered.tools.page(start, size);
            let tools = definitions.map(|definition| definition.tool.clone());
            let mut result = ListToolsResult::new(tools.collect());
            result.next_cursor = next_cursor(start, size, more);
            reply::<ListTools>(request, session, now, &result)
        }
        Some(SpecMethod::ListPrompts) => {
            let start = page_start(request, offered.prompts.len())?;
            let (prompts, more) = offered.prompts.page(start, size);
            let mut result = ListPromptsResult::new(prompts.cloned().collect());
            result.next_cursor = next_cursor(start, size, more);
            reply::<ListPrompts>(request, session, now, &result)
        }
        Some(SpecMethod::ListResources) => {
            let start = page_start(request, offered.resources.len())?;
            let (resources, more) = offered.resources.page(start, size);
            let mut result = ListResourcesResult::new(resources.cloned().collect());
            result.next_cursor = next_cursor(start, size, more);
            reply::<ListResources>(request, session, now, &result)
        }
        Some(SpecMethod::ListResourceTemplates) => {
            let start = page_start(request, offered.templates.len())?;
            let (definitions, more) = offered.templates.page(start, size);
            let templates = definitions.map(|definition| definition.template.clone());
            let mut result = ListResourceTemplatesResult::new(templates.collect());
            result.next_cursor = next_cursor(start, size, more);
            reply::<ListResourceTemplates>(request, session, now, &result)
        }
        _ => Err(RpcError::method_not_found(request.method())),
    }
}

pub(super) fn reply<M: Method>(
    request: &Request,
    session: &mut ServerSession,
    now: Instant,
    result: &M::Result<'_>,
) -> Result<(), RpcError> {
    let sent = session.reply::<M>(now, request.id, result);
    sent.map_err(|misuse| RpcError::internal(alloc::format!("The result can't be sent: {misuse}")))
}

/// Where the page begins that a list request asks for (`page.invalid`).
pub(super) fn page_start(request: &Request, length: usize) -> Result<usize, RpcError> {
    let params: PaginatedRequestParams<'_> = request.params::<ListTools>()?;
    start_at(params.cursor, length)
}

/// Where the page of this cursor begins in a list of this length.
pub(super) fn start_at(cursor: Option<Text<'_>>, length: usize) -> Result<usize, RpcError> {
    let Some(cursor) = cursor else {
        return Ok(0);
    };
    let start = cursor
        .strip_prefix('p')
        .and_then(|start| start.parse().ok());
    start
        .filter(|start| *start < length)
        .ok_or_else(|| RpcError::invalid_params("Invalid params: unknown cursor"))
}

pub(super) fn next_cursor(start: usize, size: usize, more: bool) -> Option<Text<'static>> {
    more.then(|| alloc::format!("p{}", start + size).into())
}
