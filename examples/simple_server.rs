//! A server of one tool, one resource template and one prompt, on the standard streams.

use mcp_proto::{Server, prompts, resources, tools};

fn main() -> std::io::Result<()> {
    Server::new("simple-server", "1.0")
        .add(tools! {
            /// Adds two numbers.
            fn add(a: i64, b: i64) -> i64 { a + b }
        })
        .add(resources! {
            "greeting://{name}" => fn greeting(name: String) -> String { format!("Hello, {name}!") }
        })
        .add(prompts! {
            fn poem(theme: String) -> String { format!("Write a poem about {theme}.") }
        })
        .serve_stdio()
}
