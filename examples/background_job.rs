//! A tool whose calls run as tasks, over HTTP: `cargo run --example background_job --features hyper`.
//!
//! The client gets a handle at once, asks for the task as often as it likes, confirms what it is asked,
//! and finds the result. Its handler is like that of any other tool.

use std::io;
use std::net::TcpListener;
use std::time::Duration;

use mcp_proto::io::http::{HttpServeOptions, HttpServer};
use mcp_proto::io::tasks;
use mcp_proto::model::elicitation::ElicitRequestFormParams;
use mcp_proto::model::schema::BooleanSchema;
use mcp_proto::model::tool::TaskSupport;
use mcp_proto::server::{Context, HandlerError, MemoryTasks};
use mcp_proto::{Server, Tool};
use serde::Deserialize;
use serde_json::json;

#[derive(Deserialize)]
struct Copy {
    files: u32,
}

#[derive(Deserialize)]
struct Overwrite {
    overwrite: bool,
}

fn copy(context: &Context, Copy { files }: Copy) -> Result<String, HandlerError> {
    let form = ElicitRequestFormParams::new("Some are there already. Overwrite them?")
        .required("overwrite", BooleanSchema::new());
    // The task waits for input here; once it has come, the handler runs again from the top.
    let answer: Overwrite = context.elicit("overwrite", form)?.accepted()?;
    let target = context.once("target", || Ok::<_, HandlerError>("backup-1".to_owned()))?;
    for _ in 0..files {
        if context.sleep(Duration::from_millis(100)) {
            return Err("cancelled".into());
        }
    }
    let how = if answer.overwrite {
        "overwriting"
    } else {
        "keeping"
    };
    Ok(format!(
        "copied {files} files to {target}, {how} what was there"
    ))
}

fn main() -> io::Result<()> {
    let schema = json!({"type": "object", "properties": {"files": {"type": "integer"}}});
    let tool = Tool::new("copy", schema.into()).task_support(TaskSupport::Optional);
    let server = Server::new("background-job", "1.0")
        .tasks(tasks::system(MemoryTasks::new()).ttl(Duration::from_secs(600)))
        .tool(tool, copy);
    let listener = TcpListener::bind("127.0.0.1:8080")?;
    let server = HttpServer::start(server, listener, HttpServeOptions::local())?;
    println!("http://{}/mcp", server.address());
    server.wait()
}
