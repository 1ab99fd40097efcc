use mcp_proto::{Server, tools};

fn main() {
    let server = Server::new("napper", "1.0").add(tools! {
        /// Sleeps.
        async fn nap() -> String {
            String::new()
        }
    });
    let _ = server.serve_stdio();
}
