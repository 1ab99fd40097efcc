//! Plays a recording of a small server again, says whether the server still does the same, and draws what passed.
//!
//! `replay --record FILE` makes one; `replay FILE [--svg IMAGE]` plays it. The files are JSON lines, to be kept beside a bug
//! report or as a test.

#![expect(clippy::disallowed_methods, reason = "a program has arguments")]

use std::error::Error;
use std::time::Duration;
use std::{env, fs};

use mcp_proto::model::capability::ServerCapabilities;
use mcp_proto::model::method::CallTool;
use mcp_proto::model::tool::{CallToolParams, CallToolResult};
use mcp_proto::record::{Cue, Recorder, Recording};
use mcp_proto::session::{
    CallOptions, ClientConfig, ClientEvent, Closed, Route, ServerConfig, ServerEvent,
};
use mcp_proto::{ClientSession, Instant, ServerSession, Session};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["--record", file] => fs::write(file, record()?)?,
        [file] => print!("{}", replay(file)?.diagram("client", "greeter").text()),
        [file, "--svg", image] => {
            fs::write(image, replay(file)?.diagram("client", "greeter").svg())?
        }
        _ => return Err("usage: replay --record FILE | FILE [--svg IMAGE]".into()),
    }
    Ok(())
}

fn greeter() -> ServerSession {
    let offers = ServerCapabilities::new().tools(false);
    ServerSession::new(ServerConfig::new("greeter", "1.0").capabilities(offers))
}

/// What the server's user does with an event: the same, whether it is recorded or played.
fn react(session: &mut ServerSession, now: Instant, event: ServerEvent) {
    if let ServerEvent::Request(request) = event
        && let Ok(call) = request.params::<CallTool>()
    {
        let result = CallToolResult::text(format!("Hello from {}!", call.name));
        // A request that was cancelled meanwhile needs no answer.
        let _ = session.reply::<CallTool>(now, request.id, &result);
    }
}

fn replay(file: &str) -> Result<Recording, Box<dyn Error>> {
    let recording = Recording::read(&fs::read(file)?)?;
    recording.replay(&mut greeter(), |session, now, cue| {
        if let Cue::Event(event) = cue {
            react(session, now, event);
        }
    })?;
    Ok(recording)
}

/// A client calls a tool, both in this program; what passes through the server becomes the recording.
fn record() -> Result<Vec<u8>, Box<dyn Error>> {
    let mut server = Recorder::new(greeter());
    let mut client = ClientSession::new(ClientConfig::new("guest", "1.0"));
    let mut now = Instant::ZERO;
    client.open(now)?;
    while !client.is_closed() {
        now = now + Duration::from_millis(3);
        carry(&mut client, &mut server, now);
        while let Some(event) = server.poll_event() {
            react(server.session_mut(), now, event);
        }
        carry(&mut server, &mut client, now);
        match client.poll_event() {
            Some(ClientEvent::Opened { .. }) => {
                let params = CallToolParams::new("greet");
                client.call::<CallTool>(now, &params, CallOptions::new())?;
            }
            Some(ClientEvent::Completed(_)) => client.close(now),
            _ => {}
        }
    }
    server.handle_closed(now, Route::Pipe, Closed::EndOfInput);
    Ok(server.take_lines())
}

fn carry(from: &mut impl Session, to: &mut impl Session, now: Instant) {
    let mut frame = Vec::new();
    while from.poll_transmit(&mut frame).is_some() {
        to.handle_frame(now, Route::Pipe, std::mem::take(&mut frame).into());
    }
}
