//! A server on tokio whose tool is a future: many naps at once, each ended by its cancellation.

use std::time::Duration;

use mcp_proto::io::nonblocking::tokio::serve;
use mcp_proto::{Server, Tool};
use serde::Deserialize;
use serde_json::json;
use tokio::io::{stdin, stdout};

#[derive(Deserialize)]
struct Nap {
    seconds: f64,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::io::Result<()> {
    let number = json!({"type": "number"});
    let schema = json!({
        "type": "object", "properties": {"seconds": number}, "required": ["seconds"]});
    let nap = Tool::new("nap", schema.into()).description("Sleeps for so many seconds");
    let server = Server::new("napper", "1.0.0").tool_async(nap, |_, Nap { seconds }| async move {
        tokio::time::sleep(Duration::try_from_secs_f64(seconds)?).await;
        Ok("Good morning")
    });
    serve(server, stdin(), stdout(), Default::default()).await
}
