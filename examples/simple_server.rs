//! A server of one tool, one resource template and one prompt, on the standard streams.

use mcp_proto::model::prompt::{Prompt, PromptArgument};
use mcp_proto::model::resource::ResourceTemplate;
use mcp_proto::{Server, Tool};
use serde_json::json;

#[derive(serde::Deserialize)]
struct Add {
    a: i64,
    b: i64,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let integer = json!({"type": "integer"});
    let schema = json!({"type": "object", "required": ["a", "b"],
        "properties": {"a": integer, "b": integer}});
    let add = Tool::new("add", schema.into()).description("Adds two numbers");
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
