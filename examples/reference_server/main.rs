//! A server with the face of the one that `pydantic_ai.mcp` is tested with, so that the reference
//! client can be tried on this crate: twenty tools, three resources and a template.

mod assets;
mod people;
mod tools;

use mcp_proto::model::capability::ServerCapabilities;
use mcp_proto::model::content::{Annotations, Role};
use mcp_proto::model::resource::{Resource, ResourceTemplate};
use mcp_proto::server::Server;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let server = Server::new("Pydantic AI MCP Server", "1.0")
        .instructions("Be a helpful assistant.")
        .declare(ServerCapabilities::new().prompts(true));
    resources(people::add(tools::add(server)))?.serve_stdio()?;
    Ok(())
}

fn resources(server: Server) -> Result<Server, Box<dyn std::error::Error>> {
    let for_everybody = Annotations::new()
        .audience(vec![Role::User, Role::Assistant])
        .priority(0.5);
    let server = server
        .resource(
            resource(assets::KIWI, "kiwi_resource", "image/jpeg"),
            |_| Ok(assets::kiwi()),
        )
        .resource(
            resource(assets::MARCELO, "marcelo_resource", "audio/mpeg"),
            |_| Ok(assets::marcelo()),
        )
        .resource(
            resource(assets::PRODUCT_NAME, "product_name_resource", "text/plain")
                .annotations(for_everybody),
            |_| Ok("Pydantic AI\n"),
        );
    let greeting =
        ResourceTemplate::new("resource://greeting/{name}", "greeting_resource_template")
            .description("Dynamic greeting resource template.")
            .mime_type("text/plain");
    Ok(server.resource_template(greeting, |_, values| {
        Ok(format!(
            "Hello, {}!",
            values.get("name").unwrap_or_default()
        ))
    })?)
}

fn resource(uri: &'static str, name: &'static str, kind: &'static str) -> Resource<'static> {
    Resource::new(uri, name).mime_type(kind).description("")
}
