//! A server of one tool, one resource template and one prompt, on the standard streams.

use mcp_proto::model::prompt::{Prompt, PromptArgument};
use mcp_proto::model::resource::ResourceTemplate;
use mcp_proto::model::tool::Tool;
use mcp_proto::rpc::Raw;
use mcp_proto::server::Server;

#[derive(serde::Deserialize)]
struct Add {
    a: i64,
    b: i64,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let schema = Raw::new(
        r#"{"type": "object", "required": ["a", "b"],
            "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}}}"#,
    )?;
    let add = Tool::new("add", schema).description("Adds two numbers");
    let greeting = ResourceTemplate::new("greeting://{name}", "greeting");
    let poem = Prompt::new("poem").argument(PromptArgument::new("theme").required(true));
    let server = Server::new("simple-server", "1.0")
        .tool(add, |_, Add { a, b }| Ok(a + b))
        .prompt(poem, |_, given| {
            let theme = given.get("theme").unwrap_or("nothing");
            Ok(format!("Write a poem about {theme}."))
        })
        .resource_template(greeting, |_, values| {
            Ok(format!("Hello, {}!", values.get("name").unwrap_or("you")))
        })?;
    Ok(server.serve_stdio()?)
}
