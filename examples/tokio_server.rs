//! A server on tokio whose handlers are tasks: many naps at once, each ended by its cancellation.

use std::collections::BTreeMap;
use std::time::Duration;

use mcp_proto::io::{Handle, nonblocking::tokio::Connection};
use mcp_proto::model::capability::ServerCapabilities;
use mcp_proto::model::method::{CallTool, ListTools, SpecMethod};
use mcp_proto::model::tool::{CallToolResult, ListToolsResult, Tool};
use mcp_proto::rpc::{Raw, RpcError};
use mcp_proto::session::{Misuse, Request, ServerConfig, ServerEvent, ServerSession};
use serde::Deserialize;
use tokio::task::JoinSet;

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::io::Result<()> {
    let offers = ServerCapabilities::new().tools(false);
    let session = ServerSession::new(ServerConfig::new("napper", "1.0.0").capabilities(offers));
    let mut connection = Connection::new(session, tokio::io::stdin(), tokio::io::stdout());
    let mut tasks = JoinSet::new();
    let mut requests = BTreeMap::new();
    loop {
        tokio::select! {
            event = connection.next() => match event? {
                Some(ServerEvent::Request(request)) => {
                    let id = request.id;
                    let task = tasks.spawn(answer(request, connection.handle()));
                    requests.insert(id, task);
                }
                Some(ServerEvent::Cancelled { request, .. }) => {
                    if let Some(task) = requests.remove(&request) {
                        task.abort();
                    }
                }
                Some(_) => {}
                None => return Ok(()),
            },
            Some(ended) = tasks.join_next_with_id() => {
                let task = ended.as_ref().map_or_else(|error| error.id(), |(task, _)| *task);
                let mut running = requests.iter().filter(|(_, handle)| handle.id() == task);
                if let Some(id) = running.next().map(|(id, _)| *id) {
                    requests.remove(&id);
                    if ended.is_err() {
                        let error = RpcError::internal("The handler has panicked");
                        drop(connection.with(|session, now| session.reply_error(now, id, error)));
                    }
                }
            }
        }
    }
}

async fn answer(request: Request, session: Handle<ServerSession>) {
    let sent = match request.known() {
        Some(SpecMethod::ListTools) => {
            let schema = r#"{"type":"object","properties":{"seconds":{"type":"number"}}}"#;
            let tool = Tool::new("nap", Raw::new(schema).unwrap_or(Raw::EMPTY_OBJECT));
            let list = ListToolsResult::new(vec![tool.description("Sleeps for so many seconds")]);
            session.with(|session, now| session.reply::<ListTools>(now, request.id, &list))
        }
        _ => nap(&request, &session).await,
    };
    sent.unwrap_or_else(|misuse| eprintln!("{} was not answered: {misuse}", request.method()));
}

async fn nap(request: &Request, session: &Handle<ServerSession>) -> Result<(), Misuse> {
    #[derive(Deserialize)]
    struct Nap {
        seconds: f64,
    }
    let asked = request.arguments().decode::<Nap>().ok();
    let time = asked.and_then(|nap| Duration::try_from_secs_f64(nap.seconds).ok());
    let (Some("nap"), Some(time)) = (request.target().as_deref(), time) else {
        let error = RpcError::invalid_params("Call `nap` with a number of `seconds`");
        return session.with(|session, now| session.reply_error(now, request.id, error));
    };
    tokio::time::sleep(time).await;
    let result = CallToolResult::text("Good morning");
    session.with(|session, now| session.reply::<CallTool>(now, request.id, &result))
}
