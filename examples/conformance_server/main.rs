//! A server with one of everything, for the official conformance suite and for other people's clients.
//! It speaks every revision over standard input and output, and with `--http PORT` over HTTP
//! (feature `hyper`); `--json` answers without events, `--keep-alive MS` shows life that often.

#![allow(clippy::disallowed_methods, reason = "a program reads its arguments")]

mod asking;
mod content;
mod prompts;
mod resources;
mod tools;

use std::env;
use std::error::Error;

use mcp_proto::Server;
use mcp_proto::io::blocking::{Connection, ServeOptions, serve_connection};

/// Handlers that sleep cost a thread each, so there are more than usual.
const THREADS: usize = 64;

fn main() -> Result<(), Box<dyn Error>> {
    let server = Server::new("mcp-proto conformance server", env!("CARGO_PKG_VERSION"))
        .instructions("One of everything, to try clients on.");
    let server = resources::add(prompts::add(tools::add(server)))?;
    let arguments: Vec<String> = env::args().skip(1).collect();
    if let Some(port) = value_of(&arguments, "--http") {
        return http(server, port.parse()?, &arguments);
    }
    let connection = Connection::stdio(server.service())?;
    serve_connection(connection, ServeOptions::default().threads(THREADS))?;
    Ok(())
}

#[cfg(feature = "hyper")]
fn http(server: Server, port: u16, arguments: &[String]) -> Result<(), Box<dyn Error>> {
    use mcp_proto::io::http::{HttpServeOptions, HttpServer};
    use std::net::{Ipv4Addr, TcpListener};
    use std::time::Duration;

    let mut options = HttpServeOptions::default()
        .threads(THREADS)
        .pair("/sse", "/messages");
    if arguments.iter().any(|argument| argument == "--json") {
        options = options.json_only();
    }
    if arguments.iter().any(|argument| argument == "--stateless") {
        options = options.stateless();
    }
    if let Some(every) = value_of(arguments, "--keep-alive") {
        options = options.keep_alive(Duration::from_millis(every.parse()?));
    }
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
    let server = HttpServer::start(server, listener, options)?;
    eprintln!("http://{}/mcp", server.address());
    Ok(server.wait()?)
}

#[cfg(not(feature = "hyper"))]
fn http(_: Server, _: u16, _: &[String]) -> Result<(), Box<dyn Error>> {
    Err("build it with feature `hyper`".into())
}

/// What follows `name`.
fn value_of<'a>(arguments: &'a [String], name: &str) -> Option<&'a str> {
    let at = arguments.iter().position(|argument| argument == name)?;
    arguments.get(at + 1).map(String::as_str)
}
