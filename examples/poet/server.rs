//! The server. Its tool has no model of its own: it asks the client's for the rhyme.

use std::error::Error;

use mcp_proto::io::blocking::Connection;
use mcp_proto::io::serve::{Context, ServeOptions, serve};
use mcp_proto::model::capability::ServerCapabilities;
use mcp_proto::model::input::InputRequests;
use mcp_proto::model::method::{CallTool, CreateMessage, Known, ListTools};
use mcp_proto::model::sampling::{CreateMessageParams, SamplingMessage};
use mcp_proto::model::tool::{CallToolResult, ListToolsResult, Tool};
use mcp_proto::rpc::{Raw, RpcError};
use mcp_proto::session::{Misuse, Request, ServerConfig, ServerSession};
use serde::Deserialize;

use crate::arguments::Arguments;

const SCHEMA: &str =
    r#"{"type":"object","properties":{"theme":{"type":"string"}},"required":["theme"]}"#;

#[derive(Deserialize)]
struct Poet {
    theme: String,
}

/// Serves the client on the standard streams until it leaves.
pub fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let config = ServerConfig::new("poet", "1.0")
        .revisions(arguments.revisions())
        .capabilities(ServerCapabilities::new().tools(false));
    let connection = Connection::stdio(ServerSession::new(config))?;
    serve(connection, ServeOptions::default(), |request, context| {
        let answered = match request.known() {
            Some(Known::ListTools) => list(&request, context),
            _ => poet(&request, context),
        };
        if let Err(misuse) = answered {
            eprintln!("poet: {misuse}");
        }
    })?;
    Ok(())
}

fn list(request: &Request, context: &Context) -> Result<(), Misuse> {
    let schema = Raw::new(SCHEMA).unwrap_or(Raw::EMPTY_OBJECT);
    let tool = Tool::new("poet", schema).description("Writes a poem");
    let tools = ListToolsResult::new(vec![tool]);
    context.with(|session, now| session.reply::<ListTools>(now, request.id, &tools))
}

/// Runs twice: without the rhyme it asks for one, with it it answers.
fn poet(request: &Request, context: &Context) -> Result<(), Misuse> {
    let rhyme = match request.input::<CreateMessage>("rhyme") {
        None => return ask(request, context),
        Some(Ok(rhyme)) => rhyme,
        Some(Err(error)) => {
            return context.with(|session, now| session.reply_error(now, request.id, error.into()));
        }
    };
    let poem = rhyme.content.as_text().unwrap_or_default();
    let result = CallToolResult::text(poem);
    context.with(|session, now| session.reply::<CallTool>(now, request.id, &result))
}

/// Asks the client's model for a rhyme. In the modern era this is the answer to the request, in the
/// legacy one a request of the server's own; the session knows.
fn ask(request: &Request, context: &Context) -> Result<(), Misuse> {
    let Ok(Poet { theme }) = request.arguments().decode() else {
        let error = RpcError::invalid_params("`theme` has to be a string");
        return context.with(|session, now| session.reply_error(now, request.id, error));
    };
    let prompt = SamplingMessage::user(format!("write a poem about {theme}"));
    let params = CreateMessageParams::new(vec![prompt], 200).system_prompt("always reply in rhyme");
    let wanted = InputRequests::new().sample("rhyme", &params);
    context.with(|session, now| session.need_input(now, request.id, &wanted, None))
}
