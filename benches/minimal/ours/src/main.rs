//! The least server on standard input and output: one tool, which says what it is told.

use mcp_proto::model::tool::Tool;
use mcp_proto::rpc::Raw;
use mcp_proto::server::Server;

#[derive(serde::Deserialize)]
struct Echo {
    message: String,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let schema = r#"{"type":"object","properties":{"message":{"type":"string"}},"required":["message"]}"#;
    let tool = Tool::new("echo", Raw::new(schema)?).description("Echo a message");
    let server = Server::new("minimal", "1.0.0").tool(tool, |_, echo: Echo| Ok(echo.message));
    server.serve_stdio()?;
    Ok(())
}
