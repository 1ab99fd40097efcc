//! A server over HTTP, at http://127.0.0.1:8000/mcp, for clients of every revision on this machine. It
//! ends when its standard input does, and lets the calls that still run be answered.

use std::io::{self, Read};
use std::net::TcpListener;
use std::time::Duration;

use mcp_proto::io::http::{HttpServeOptions, HttpServer};
use mcp_proto::server::Context;
use mcp_proto::{Server, tools};

fn main() -> io::Result<()> {
    let server = Server::new("counter", "1.0").add(tools! {
        /// Says it louder.
        fn shout(text: String) -> String {
            text.to_uppercase()
        }

        /// Counts, a number a second.
        fn count(context: &Context, to: u32) -> String {
            for number in 1..=to {
                context.progress(f64::from(number), Some(f64::from(to)), None);
                if context.sleep(Duration::from_secs(1)) {
                    break;
                }
            }
            "done".to_owned()
        }
    });
    let listener = TcpListener::bind("127.0.0.1:8000")?;
    let server = HttpServer::start(server, listener, HttpServeOptions::default())?;
    println!("http://{}/mcp", server.address());
    io::stdin().read_to_end(&mut Vec::new())?;
    server.close(Duration::from_secs(5))
}
