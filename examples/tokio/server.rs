//! A server on tokio whose tool is a future: many naps at once, each ended by its cancellation.

use std::time::Duration;

use mcp_proto::server::HandlerError;
use mcp_proto::{Server, tools};

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::io::Result<()> {
    let server = Server::new("napper", "1.0").add(tools! {
        /// Sleeps for so many seconds.
        async fn nap(seconds: f64) -> Result<&'static str, HandlerError> {
            tokio::time::sleep(Duration::try_from_secs_f64(seconds)?).await;
            Ok("Good morning")
        }
    });
    server.serve_stdio().await
}
