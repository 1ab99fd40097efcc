//! What a server session holds that has been opened and has answered a call: the price of each client
//! that is connected and says nothing.

use mcp_proto::frame::LineDecoder;
use mcp_proto::model::capability::ServerCapabilities;
use mcp_proto::model::content::ContentBlock;
use mcp_proto::model::method::CallTool;
use mcp_proto::model::tool::{CallToolParams, CallToolResult};
use mcp_proto::session::{
    CallOptions, ClientConfig, ClientEvent, ClientSession, EraPolicy, Route, ServerConfig,
    ServerEvent, ServerSession, Session,
};
use mcp_proto::{Era, Revision};

use crate::{NOW, Scale};

/// A session and what it owns, in bytes.
const MOST: usize = 1024;
/// So many are weighed together, so that what other threads hold meanwhile weighs little.
const SESSIONS: usize = 64;

fn carry(from: &mut impl Session, to: &mut impl Session) -> usize {
    let mut decoder = LineDecoder::new(to.frame_limit());
    let mut line = Vec::new();
    let mut frames = 0;
    while from.poll_transmit(&mut line).is_some() {
        line.push(b'\n');
        decoder.push(&line);
        line.clear();
        while let Some(frame) = decoder.next_frame() {
            to.handle_frame(NOW, Route::Pipe, frame.expect("it is a good line"));
            frames += 1;
        }
    }
    frames
}

/// Opens a session and has it answer some calls.
fn serve(server: &mut ServerSession, revision: Revision, calls: usize) {
    let policy = match revision.era() {
        Era::Legacy => EraPolicy::Legacy,
        _ => EraPolicy::Modern,
    };
    let config = ClientConfig::new("a-client-of-thirty-two-b", "12.34.56");
    let mut client = ClientSession::new(config.revisions(vec![revision]).era(policy));
    client.open(NOW).expect("it is not open yet");
    while carry(&mut client, server) + carry(server, &mut client) > 0 {}
    while server.poll_event().is_some() {}
    while client.poll_event().is_some() {}
    for _ in 0..calls {
        client
            .call::<CallTool>(NOW, &CallToolParams::new("echo"), CallOptions::new())
            .expect("the session is open");
        carry(&mut client, server);
        let Some(ServerEvent::Request(request)) = server.poll_event() else {
            panic!("no request has come");
        };
        let result = CallToolResult::text("hello, world");
        server
            .reply::<CallTool>(NOW, request.id, &result)
            .expect("the request is open");
        carry(server, &mut client);
        let Some(ClientEvent::Completed(completed)) = client.poll_event() else {
            panic!("the call has not ended");
        };
        let result = completed.result::<CallTool>().expect("it has a result");
        let text = result.content.first().and_then(ContentBlock::as_text);
        assert_eq!(text, Some("hello, world"));
    }
}

#[test]
fn an_idle_server_session_takes_a_kibibyte_with_all_it_owns() {
    let offers = ServerCapabilities::new().tools(false);
    let first = ServerSession::new(ServerConfig::new("s", "1").capabilities(offers));
    for revision in Revision::ALL {
        for calls in [1, 3] {
            // Threads of a test that has just ended may allocate beside it: what a session weighs, it weighs again.
            let whole = (0..3)
                .map(|_| weight(&first, revision, calls))
                .find(|whole| *whole <= MOST);
            assert!(whole.is_some(), "{revision:?} after {calls}: too heavy");
        }
    }
}

/// What a session weighs that has answered so many calls, in bytes.
fn weight(first: &ServerSession, revision: Revision, calls: usize) -> usize {
    let scale = Scale::new();
    let mut servers = vec![first.another(); SESSIONS];
    for server in &mut servers {
        serve(server, revision, calls);
    }
    let whole = scale.held() / SESSIONS;
    println!("{revision:?} after {calls}: {whole} bytes");
    // They answer as before.
    serve(&mut servers[0].another(), revision, 1);
    whole
}
