//! A server with the face of the one that `pydantic_ai.mcp` is tested with, so that the reference
//! client can be tried on this crate: twenty tools, three resources and a template. With `--http PORT`
//! (feature `hyper`) it speaks HTTP: streams at `/mcp`, the pair of 2024-11-05 at `/sse`.

#![allow(clippy::disallowed_methods, reason = "a program reads its arguments")]

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
    let server = resources(people::add(tools::add(server)))?;
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match &arguments[..] {
        [name, port] if name == "--http" => http(server, port.parse()?),
        _ => Ok(server.serve_stdio()?),
    }
}

#[cfg(feature = "hyper")]
fn http(server: Server, port: u16) -> Result<(), Box<dyn std::error::Error>> {
    use mcp_proto::io::http::{HttpServeOptions, HttpServer};
    use std::net::{Ipv4Addr, TcpListener};

    let options = HttpServeOptions::default().pair("/sse", "/messages");
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
    let server = HttpServer::start(server, listener, options)?;
    println!("{}", server.address());
    Ok(server.wait()?)
}

#[cfg(not(feature = "hyper"))]
fn http(_: Server, _: u16) -> Result<(), Box<dyn std::error::Error>> {
    Err("build it with feature `hyper`".into())
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
