//! A server with one of everything, for the official conformance suite and for other people's clients.
//! It speaks every revision over standard input and output.

mod asking;
mod call;
mod content;
mod prompts;
mod resources;
mod seal;
mod tools;

use std::io;

use mcp_proto::Revision;
use mcp_proto::io::blocking::Connection;
use mcp_proto::io::blocking::{ServeOptions, serve};
use mcp_proto::model::capability::ServerCapabilities;
use mcp_proto::model::method::{
    CallTool, Complete, GetPrompt, ListPrompts, ListResourceTemplates, ListResources, ListTools,
    Method, ReadResource, SpecMethod,
};
use mcp_proto::model::page::PaginatedRequestParams;
use mcp_proto::model::tool::CallToolResult;
use mcp_proto::rpc::RpcError;
use mcp_proto::session::{ServerConfig, ServerSession};

use crate::call::{Call, Stop};
use crate::seal::Seal;

/// Handlers that sleep cost a thread each, so there are more than usual.
const THREADS: usize = 64;

fn main() -> io::Result<()> {
    let connection = Connection::stdio(ServerSession::new(config()))?;
    let options = ServeOptions::default().threads(THREADS);
    let seal = Seal::new()?;
    serve(connection, options, move |request, context| {
        let call = Call {
            request: &request,
            context,
            seal: &seal,
        };
        answer(&call);
    })
}

fn config() -> ServerConfig {
    let capabilities = ServerCapabilities::new()
        .tools(true)
        .prompts(true)
        .resources(true)
        .resources_subscribe()
        .completions()
        .logging();
    ServerConfig::new("mcp-proto conformance server", env!("CARGO_PKG_VERSION"))
        .capabilities(capabilities)
        .instructions(Some("One of everything, to try clients on.".into()))
}

/// Answers a request, whatever it asks for.
fn answer(call: &Call<'_>) {
    match call.request.known() {
        Some(SpecMethod::ListTools) => reply::<ListTools>(call, page(call).map(|()| tools::list())),
        Some(SpecMethod::CallTool) => reply::<CallTool>(call, call_tool(call)),
        Some(SpecMethod::ListPrompts) => {
            reply::<ListPrompts>(call, page(call).map(|()| prompts::list()));
        }
        Some(SpecMethod::GetPrompt) => reply::<GetPrompt>(call, prompts::get(call)),
        Some(SpecMethod::Complete) => reply::<Complete>(call, prompts::complete(call)),
        Some(SpecMethod::ListResources) => {
            reply::<ListResources>(call, page(call).map(|()| resources::list()));
        }
        Some(SpecMethod::ListResourceTemplates) => {
            reply::<ListResourceTemplates>(call, page(call).map(|()| resources::templates()));
        }
        Some(SpecMethod::ReadResource) => reply::<ReadResource>(call, resources::read(call)),
        _ => refuse(call, RpcError::method_not_found(call.request.method())),
    }
}

/// Every list has a single page, so no cursor was ever given out.
fn page(call: &Call<'_>) -> Result<(), Stop> {
    let params = call.request.raw_params();
    match params.decode::<PaginatedRequestParams<'_>>() {
        Ok(params) if params.cursor.is_none() => Ok(()),
        _ => Err(RpcError::invalid_params("Invalid params: unknown cursor").into()),
    }
}

/// Arguments that don't fit are for the model to mend, since 2025-11-25 (`tools.call.badargs`).
fn call_tool(call: &Call<'_>) -> Result<CallToolResult<'static>, Stop> {
    match tools::call(call) {
        Err(Stop::BadArguments(text)) if call.request.revision >= Revision::V2025_11_25 => {
            Ok(CallToolResult::error(text))
        }
        outcome => outcome,
    }
}

/// Answers with the outcome of a handler, or asks the client for what the handler needs.
fn reply<M: Method>(call: &Call<'_>, outcome: Result<M::Result<'_>, Stop>) {
    let Call {
        request, context, ..
    } = call;
    let done = outcome.and_then(|result| Ok(context.reply::<M>(&result)?));
    let done = match done {
        Err(Stop::Ask(requests, state)) => context
            .with(|session, now| session.need_input(now, request.id, &requests, state.as_deref()))
            .map_err(Stop::from),
        done => done,
    };
    match done {
        Err(Stop::Error(error)) => refuse(call, error),
        Err(Stop::BadArguments(text)) => refuse(call, RpcError::invalid_params(text)),
        Ok(()) | Err(Stop::Cancelled | Stop::Ask(..)) => {}
    }
}

fn refuse(call: &Call<'_>, error: RpcError) {
    let id = call.request.id;
    let refused = call
        .context
        .with(|session, now| session.reply_error(now, id, error));
    if let Err(misuse) = refused {
        // Most likely the client has just cancelled the request.
        eprintln!("{} was not answered: {misuse}", call.request.method());
    }
}
