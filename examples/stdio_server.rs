//! A small server over standard input and output: a client starts this program and speaks to it.
//! Two tools, a resource and a prompt, for legacy and modern clients alike.

use std::io;
use std::time::Duration;

use mcp_proto::io::blocking::Connection;
use mcp_proto::io::serve::{Context, ServeOptions, serve};
use mcp_proto::model::capability::ServerCapabilities;
use mcp_proto::model::content::{Role, TextResourceContents};
use mcp_proto::model::method::{
    CallTool, GetPrompt, Known, ListPrompts, ListResources, ListTools, ReadResource,
};
use mcp_proto::model::prompt::{GetPromptResult, ListPromptsResult, Prompt, PromptMessage};
use mcp_proto::model::resource::{ListResourcesResult, ReadResourceResult, Resource};
use mcp_proto::model::tool::{CallToolResult, ListToolsResult, NO_ARGUMENTS_SCHEMA, Tool};
use mcp_proto::rpc::RpcError;
use mcp_proto::session::{Misuse, Request, ServerConfig, ServerSession};
use serde::Deserialize;
use serde_json::json;

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
            // Once the client has taken the request back, nobody is left to tell.
            let told = context.with(|session, now| session.reply_error(now, request.id, error));
            told.unwrap_or_else(|misuse| eprintln!("{misuse}"));
        }
    })
}

/// Answers a request; an error is still to be sent.
fn answer(request: &Request, context: &Context) -> Result<(), RpcError> {
    let id = request.id;
    let sent = match request.known() {
        Some(Known::ListTools) => {
            context.with(|session, now| session.reply::<ListTools>(now, id, &tools()))
        }
        Some(Known::CallTool) => {
            let result = call(request, context)?;
            context.with(|session, now| session.reply::<CallTool>(now, id, &result))
        }
        Some(Known::ListResources) => {
            let list = ListResourcesResult::new(vec![Resource::new(RHYME, "rhyme")]);
            context.with(|session, now| session.reply::<ListResources>(now, id, &list))
        }
        Some(Known::ReadResource) => {
            let uri = request.target().filter(|uri| *uri == RHYME);
            let uri = uri.ok_or_else(|| RpcError::resource_not_found(RHYME))?;
            let text = TextResourceContents::new(uri, "One, two, buckle my shoe");
            let result = ReadResourceResult::new(vec![text.into()]);
            context.with(|session, now| session.reply::<ReadResource>(now, id, &result))
        }
        Some(Known::ListPrompts) => {
            let list =
                ListPromptsResult::new(vec![Prompt::new("haiku").description("Asks for a haiku")]);
            context.with(|session, now| session.reply::<ListPrompts>(now, id, &list))
        }
        Some(Known::GetPrompt) => {
            let result =
                GetPromptResult::new(vec![PromptMessage::new(Role::User, "Write a haiku.")]);
            context.with(|session, now| session.reply::<GetPrompt>(now, id, &result))
        }
        _ => return Err(RpcError::method_not_found(request.method())),
    };
    sent.map_err(|misuse: Misuse| RpcError::internal(misuse.to_string()))
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

fn call(request: &Request, context: &Context) -> Result<CallToolResult<'static>, RpcError> {
    #[derive(Deserialize)]
    struct Count {
        words: String,
    }
    match request.target().as_deref() {
        // What a model got wrong it can mend, so that is a result as well.
        Some("count") => Ok(match request.arguments().decode::<Count>() {
            Ok(Count { words }) => {
                CallToolResult::text(words.split_whitespace().count().to_string())
            }
            Err(error) => CallToolResult::error(error.to_string()),
        }),
        Some("nap") => {
            context.sleep(Duration::from_secs(3));
            Ok(CallToolResult::text("Good morning"))
        }
        _ => Err(RpcError::invalid_params("Unknown tool")),
    }
}
