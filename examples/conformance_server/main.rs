//! A server with one of everything, for the official conformance suite and for other people's clients.
//! It speaks every revision over standard input and output.

mod asking;
mod content;
mod prompts;
mod resources;
mod tools;

use std::error::Error;

use mcp_proto::Server;
use mcp_proto::io::blocking::{Connection, ServeOptions, serve_connection};

/// Handlers that sleep cost a thread each, so there are more than usual.
const THREADS: usize = 64;

fn main() -> Result<(), Box<dyn Error>> {
    let server = Server::new("mcp-proto conformance server", env!("CARGO_PKG_VERSION"))
        .instructions("One of everything, to try clients on.");
    let server = resources::add(prompts::add(tools::add(server)))?;
    let connection = Connection::stdio(server.service())?;
    serve_connection(connection, ServeOptions::default().threads(THREADS))?;
    Ok(())
}
