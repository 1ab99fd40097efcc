//! A small server over standard input and output: a client starts this program and speaks to it.
//! Two tools, a resource and a prompt, for legacy and modern clients alike.

use std::io;
use std::time::Duration;

use mcp_proto::io::blocking::Connection;
use mcp_proto::io::blocking::{RequestContext, ServeOptions, serve};
use mcp_proto::model::capability::ServerCapabilities;
use mcp_proto::model::content::{Role, TextResourceContents};
use mcp_proto::model::method::{
    CallTool, GetPrompt, ListPrompts, ListResources, ListTools, Method, ReadResource, SpecMethod,
};
use mcp_proto::model::prompt::{GetPromptResult, ListPromptsResult, Prompt, PromptMessage};
use mcp_proto::model::resource::{ListResourcesResult, ReadResourceResult, Resource};
use mcp_proto::model::tool::{CallToolResult, ListToolsResult, NO_ARGUMENTS_SCHEMA, Tool};
use mcp_proto::rpc::RpcError;
use mcp_proto::session::{Request, ServerConfig, ServerSession};
use serde_json::{Value, json};

const RHYME: &str = "memo://rhyme";

fn main() -> io::Result<()> {
    let offers = ServerCapabilities::new()
        .tools(false)
        .resources(false)
        .prompts(false);
    let config = ServerConfig::new("stdio_server", "1.0.0").capabilities(offers);
    let connection = Connection::stdio(ServerSession::new(config))?;
    serve(connection, ServeOptions::default(), |request, context| {
        if let Err(error) = answer(&request, context) {
            let sent = context.reply_error(error);
            sent.unwrap_or_else(|misuse| eprintln!("no error was sent: {misuse}"));
        }
    })
}

/// Answers a request; an error is still to be sent.
fn answer(request: &Request, context: &RequestContext) -> Result<(), RpcError> {
    let name = request.target().unwrap_or("".into());
    match (request.known(), name.as_str()) {
        (Some(SpecMethod::ListTools), _) => reply::<ListTools>(context, tools()),
        (Some(SpecMethod::CallTool), "count") => reply::<CallTool>(context, count(request)),
        (Some(SpecMethod::CallTool), "nap") => {
            // Wakes up when the client cancels; then there is no answer to give.
            context.sleep(Duration::from_secs(3));
            reply::<CallTool>(context, CallToolResult::text("Good morning"))
        }
        (Some(SpecMethod::ListResources), _) => {
            let list = ListResourcesResult::new(vec![Resource::new(RHYME, "rhyme")]);
            reply::<ListResources>(context, list)
        }
        (Some(SpecMethod::ReadResource), RHYME) => {
            let text = TextResourceContents::new(RHYME, "One, two, buckle my shoe");
            reply::<ReadResource>(context, ReadResourceResult::new(vec![text.into()]))
        }
        (Some(SpecMethod::ListPrompts), _) => {
            let list = ListPromptsResult::new(vec![Prompt::new("haiku")]);
            reply::<ListPrompts>(context, list)
        }
        (Some(SpecMethod::GetPrompt), "haiku") => {
            let message = PromptMessage::new(Role::User, "Write a haiku.");
            reply::<GetPrompt>(context, GetPromptResult::new(vec![message]))
        }
        (Some(SpecMethod::ReadResource), uri) => return Err(RpcError::resource_not_found(uri)),
        (Some(_), _) => return Err(RpcError::invalid_params(format!("Unknown name: {name}"))),
        (None, _) => return Err(RpcError::method_not_found(request.method())),
    }
    Ok(())
}

fn reply<M: Method>(context: &RequestContext, result: M::Result<'_>) {
    let sent = context.reply::<M>(&result);
    sent.unwrap_or_else(|misuse| eprintln!("{} was not answered: {misuse}", M::NAME));
}

fn tools() -> ListToolsResult<'static> {
    let schema = json!({
        "type": "object",
        "properties": { "words": { "type": "string" } },
        "required": ["words"],
    });
    let count = Tool::new("count", schema.into()).description("Counts words");
    let nap = Tool::new("nap", NO_ARGUMENTS_SCHEMA).description("Sleeps for three seconds");
    ListToolsResult::new(vec![count, nap])
}

fn count(request: &Request) -> CallToolResult<'static> {
    let arguments: Value = request.arguments().decode().unwrap_or_default();
    match arguments["words"].as_str() {
        Some(words) => CallToolResult::text(words.split_whitespace().count().to_string()),
        // What a model got wrong it can mend, so that is a result as well.
        None => CallToolResult::error("`words` has to be a text"),
    }
}
