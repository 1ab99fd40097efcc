//! This crate's server.

use std::sync::OnceLock;

use mcp_proto::io::http::{HttpServeOptions, HttpService};
use mcp_proto::model::tool::Tool;
use mcp_proto::rpc::Raw;
use mcp_proto::server::{Async, Server};
use mcp_proto::session::Change;
use serde::Deserialize;

static SERVER: OnceLock<Server<Async>> = OnceLock::new();

#[derive(Deserialize)]
struct Echo {
    message: String,
}

fn server() -> Server<Async> {
    let schema = serde_json::json!({
        "type": "object",
        "properties": {"message": {"type": "string"}},
        "required": ["message"],
    });
    let schema = Raw::encode(&schema).expect("a schema");
    let server = Server::new("bench-server", "1.0.0").into_async();
    server.tool_async(Tool::new("echo", schema), |_, echo: Echo| async move {
        Ok(echo.message)
    })
}

fn service(options: HttpServeOptions) -> HttpService {
    let server = SERVER.get_or_init(server).clone();
    let spawn = |handler| drop(tokio::spawn(handler));
    HttpService::with_spawner(server, options, spawn).expect("a service")
}

/// Each request is served by itself, with JSON where it can be.
pub fn stateless() -> HttpService {
    service(HttpServeOptions::default().stateless())
}

/// Legacy clients have sessions.
pub fn stateful() -> HttpService {
    service(HttpServeOptions::default())
}

pub fn tell() {
    SERVER.get_or_init(server).changed(Change::Tools);
}
