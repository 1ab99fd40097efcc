//! The conformance server mounted in axum, beside another route:
//! `conformance_axum PORT [--json] [--stateless] [--keep-alive MS]`.

#[path = "../../conformance_server/fixture/mod.rs"]
mod fixture;
#[path = "../../conformance_server/options.rs"]
mod options;

use std::error::Error;
use std::net::Ipv4Addr;

use axum::Router;
use axum::routing::get;
use mcp_proto::io::http::HttpService;
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let port = arguments.first().ok_or("usage: conformance_axum PORT")?;
    let service = HttpService::new(fixture::server()?, options::read(&arguments)?)?;
    let mut app = Router::new().route("/", get(|| async { "The server of MCP is at /mcp.\n" }));
    for path in ["/mcp", "/sse", "/messages"] {
        app = app.route_service(path, service.clone());
    }
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port.parse()?)).await?;
    eprintln!("http://{}/mcp", listener.local_addr()?);
    Ok(axum::serve(listener, app).await?)
}
