//! A tool for a page: open http://localhost:8001 in a browser, which lists what the server at
//! http://localhost:8000/mcp offers, counts with it and stops it. Another page isn't let in.
//! `web -- [PORT OF THE SERVER] [PORT OF THE PAGE]`; it ends when its standard input does.

#![allow(clippy::disallowed_methods, reason = "a program reads its arguments")]

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use mcp_proto::http::HttpPolicy;
use mcp_proto::io::http::{HttpServeOptions, HttpServer};
use mcp_proto::server::Context;
use mcp_proto::{Server, tools};

const PAGE: &str = include_str!("page.html");

fn main() -> io::Result<()> {
    let mut given = std::env::args().skip(1).map(|port| port.parse::<u16>());
    let mut port = |usual| given.next().unwrap_or(Ok(usual)).map_err(io::Error::other);
    let (server, page) = (port(8000)?, port(8001)?);

    let counter = Server::new("counter", "1.0").add(tools! {
        /// Counts, five numbers a second.
        #[tool(title = "Count", read_only_hint)]
        fn count(context: &Context, to: u32) -> String {
            for number in 1..=to {
                if context.sleep(Duration::from_millis(200)) {
                    println!("stopped at {number}");
                    break;
                }
                context.progress(f64::from(number), Some(f64::from(to)), None);
            }
            format!("counted to {to}")
        }
    });
    // Whoever opens the page is to be served, and nobody who opens another one.
    let origin = format!("http://localhost:{page}");
    let options = HttpServeOptions::local().policy(HttpPolicy::local().origins([origin.clone()]));
    let listener = TcpListener::bind(("127.0.0.1", server))?;
    let server = HttpServer::start(counter, listener, options)?;

    let endpoint = format!("http://localhost:{}/mcp", server.address().port());
    let shown = PAGE.replace("http://localhost:8000/mcp", &endpoint);
    let listener = TcpListener::bind(("127.0.0.1", page))?;
    thread::spawn(move || {
        for visitor in listener.incoming().flatten() {
            // One that leaves early concerns nobody else.
            drop(show(&shown, visitor));
        }
    });
    println!("{origin}");
    io::stdin().read_to_end(&mut Vec::new())?;
    server.close(Duration::from_secs(5))
}

/// Sends the page, whatever was asked for.
fn show(page: &str, mut visitor: TcpStream) -> io::Result<()> {
    visitor.set_read_timeout(Some(Duration::from_secs(1)))?;
    let head = BufReader::new(visitor.try_clone()?).take(1 << 16).lines();
    for line in head {
        if line?.is_empty() {
            break;
        }
    }
    let length = page.len();
    write!(
        visitor,
        "HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {length}\r\n\
         Connection: close\r\n\r\n{page}"
    )
}
