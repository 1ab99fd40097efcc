//! The same server on rmcp.

use rmcp::{ServerHandler, ServiceExt, handler::server::wrapper::Parameters, schemars, tool, tool_handler, tool_router};
#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Echo { message: String }
#[derive(Clone)]
struct S;
#[tool_router]
impl S {
    #[tool(description = "Echo a message")]
    async fn echo(&self, Parameters(e): Parameters<Echo>) -> String { e.message }
}
#[tool_handler]
impl ServerHandler for S {}
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    S.serve((tokio::io::stdin(), tokio::io::stdout())).await?.waiting().await?;
    Ok(())
}
