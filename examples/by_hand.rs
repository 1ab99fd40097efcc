//! Both sessions in one program, joined by nothing but two buffers: no adapter, no threads, no clock.

use std::io::Write;

use mcp_proto::Instant;
use mcp_proto::model::capability::ServerCapabilities;
use mcp_proto::model::method::CallTool;
use mcp_proto::model::tool::{CallToolParams, CallToolResult};
use mcp_proto::session::{
    CallOptions, ClientConfig, ClientEvent, ClientSession, EraPolicy, Route, ServerConfig,
    ServerEvent, ServerSession, Session,
};

/// As `println!`, but for a reader that has gone, as behind `| head`.
macro_rules! say {
    ($($text:tt)*) => { drop(writeln!(std::io::stdout(), $($text)*)) };
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    converse(EraPolicy::Legacy)?;
    converse(EraPolicy::Modern)
}

fn converse(era: EraPolicy) -> Result<(), Box<dyn std::error::Error>> {
    say!("-- {era:?}");
    let offers = ServerCapabilities::new().tools(false);
    let mut server = ServerSession::new(ServerConfig::new("greeter", "1.0").capabilities(offers));
    let mut client = ClientSession::new(ClientConfig::new("guest", "1.0").era(era));
    // Time is a value; here it stands still.
    let now = Instant::ZERO;
    client.open(now)?;
    while !client.is_closed() {
        carry("client", &mut client, &mut server, now);
        while let Some(event) = server.poll_event() {
            if let ServerEvent::Request(request) = event {
                let call = request.params::<CallTool>()?;
                let result = CallToolResult::text(format!("{} was called", call.name));
                server.reply::<CallTool>(now, request.id, &result)?;
            }
        }
        carry("server", &mut server, &mut client, now);
        while let Some(event) = client.poll_event() {
            match event {
                ClientEvent::Opened { .. } => {
                    let greet = CallToolParams::new("greet");
                    client.call::<CallTool>(now, &greet, CallOptions::new())?;
                }
                ClientEvent::Completed(done) => {
                    say!("the tool said {:?}", done.result::<CallTool>()?.content);
                    client.close(now);
                }
                _ => {}
            }
        }
    }
    Ok(())
}

/// Takes every frame that `from` has to send to `to`.
fn carry(name: &str, from: &mut impl Session, to: &mut impl Session, now: Instant) {
    let mut buffer = Vec::new();
    while from.poll_transmit(&mut buffer).is_some() {
        say!("{name}: {}", String::from_utf8_lossy(&buffer));
        to.handle_frame(now, Route::Pipe, std::mem::take(&mut buffer).into());
    }
}
