//! A server whose event loop is your own: one thread, one TCP socket, no adapter.
//!
//! Everything that an adapter does is in `serve`: read, hand over, run, write, keep the time.

#![allow(
    clippy::disallowed_methods,
    reason = "a program with sockets has a clock and threads"
)]

use std::error::Error;
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use mcp_proto::frame::LineDecoder;
use mcp_proto::io::Clock;
use mcp_proto::server::{Event, Service};
use mcp_proto::session::{Closed, Route};
use mcp_proto::{BlockingClient, ClientOptions, Server, Session, Tool};
use serde_json::{Value, json};

fn main() -> Result<(), Box<dyn Error>> {
    let hello = Tool::new("hello", json!({"type": "object"}).into());
    let server = Server::new("by-hand", "1.0").tool(hello, |_, _: Value| Ok("Hello, socket!"));
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    let serving = thread::Builder::new().spawn(move || {
        let (socket, _) = listener.accept()?;
        serve(server.service(), socket)
    })?;

    let client = BlockingClient::tcp(ClientOptions::default(), address.to_string());
    println!("{}", client.call_tool("hello", json!({}))?.value);
    drop(client);
    serving.join().map_err(|_| "the server panicked")??;
    println!("the client has left");
    Ok(())
}

/// Serves one client until it leaves.
fn serve(mut service: Service, mut socket: TcpStream) -> io::Result<()> {
    let clock = Clock::start();
    let mut decoder = LineDecoder::new(service.frame_limit());
    let mut chunk = [0; 16 * 1024];
    let mut output = Vec::new();
    loop {
        // What has happened. A handler runs here and now; give it to a thread if it may take long.
        while let Some(event) = service.poll_event() {
            if let Event::Job(job) = event {
                let outcome = job.run();
                service.handle_outcome(clock.now(), outcome);
            }
        }
        // What is to be sent: each frame is a line.
        while service.poll_transmit(&mut output).is_some() {
            output.push(b'\n');
        }
        socket.write_all(&output)?;
        output.clear();
        if service.is_closed() {
            return Ok(());
        }
        // Until something comes, but not past the next deadline.
        let wait = service.poll_timeout().map(|deadline| {
            let left = deadline - clock.now();
            left.max(Duration::from_millis(1))
        });
        socket.set_read_timeout(wait)?;
        match socket.read(&mut chunk) {
            Ok(0) => service.handle_closed(clock.now(), Route::Pipe, Closed::EndOfInput),
            Ok(length) => decoder.push(&chunk[..length]),
            Err(error) if is_late(&error) => service.handle_timeout(clock.now()),
            Err(error) => return Err(error),
        }
        // What has come, however it was cut on its way.
        while let Some(next) = decoder.next_frame() {
            match next {
                Ok(frame) => service.handle_frame(clock.now(), Route::Pipe, frame),
                Err(error) => service.handle_malformed(clock.now(), Route::Pipe, error),
            }
        }
    }
}

/// Whether nothing has come in time.
fn is_late(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut
    )
}
