//! A server with one of everything, for the official conformance suite and for other people's clients.
//! It speaks every revision over standard input and output, and with `--http PORT` over HTTP
//! (feature `hyper`); `--json` answers without events, `--keep-alive MS` shows life that often.

#![allow(clippy::disallowed_methods, reason = "a program reads its arguments")]

mod fixture;
#[cfg(feature = "hyper")]
mod options;

use std::env;
use std::error::Error;

use mcp_proto::io::blocking::{Connection, ServeOptions, serve_connection};

fn main() -> Result<(), Box<dyn Error>> {
    let server = fixture::server()?;
    let arguments: Vec<String> = env::args().skip(1).collect();
    #[cfg(feature = "hyper")]
    if let Some(port) = options::value_of(&arguments, "--http") {
        return http(server, port.parse()?, &arguments);
    }
    if !arguments.is_empty() {
        return Err("usage: conformance_server [--http PORT ..], with feature `hyper`".into());
    }
    let connection = Connection::stdio(server.service())?;
    serve_connection(
        connection,
        ServeOptions::default().threads(fixture::THREADS),
    )?;
    Ok(())
}

#[cfg(feature = "hyper")]
fn http(server: mcp_proto::Server, port: u16, arguments: &[String]) -> Result<(), Box<dyn Error>> {
    use mcp_proto::io::http::HttpServer;
    use std::net::{Ipv4Addr, TcpListener};

    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
    let server = HttpServer::start(server, listener, options::read(arguments)?)?;
    eprintln!("http://{}/mcp", server.address());
    Ok(server.wait()?)
}
