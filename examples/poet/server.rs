//! The server. Its tool has no model of its own: it asks the client's for the rhyme.

use std::error::Error;

use mcp_proto::model::tool::Tool;
use mcp_proto::rpc::Raw;
use mcp_proto::server::{Context, HandlerError, SamplingRequest, Server};
use serde_json::Value;

use crate::arguments::Arguments;

const SCHEMA: &str =
    r#"{"type":"object","properties":{"theme":{"type":"string"}},"required":["theme"]}"#;

/// The server, for whatever carries its sessions.
pub fn of(arguments: &Arguments) -> Result<Server, Box<dyn Error>> {
    let tool = Tool::new("poet", Raw::new(SCHEMA)?).description("Writes a poem");
    let server = Server::new("poet", "1.0").revisions(arguments.revisions());
    Ok(server.tool(tool, write))
}

/// Serves the client on the standard streams until it leaves.
pub fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    Ok(of(arguments)?.serve_stdio()?)
}

/// Runs twice: without the rhyme it asks for one, with it it answers. In the modern era the question
/// is the answer to the request, in the legacy one a request of the server's own; the session knows.
fn write(context: &Context, arguments: Value) -> Result<String, HandlerError> {
    let theme = arguments["theme"].as_str().ok_or("a poem has a theme")?;
    let conversation = SamplingRequest::new()
        .system("always reply in rhyme")
        .user(format!("write a poem about {theme}"))
        .max_tokens(200);
    Ok(conversation.reply(context, "rhyme")?.text)
}
