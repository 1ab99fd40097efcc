//! Saved sessions that somebody has changed in their store.

use alloc::string::String;
use alloc::vec::Vec;

use crate::model::capability::{ClientCapabilities, ServerCapabilities};
use crate::model::elicitation::ElicitResult;
use crate::model::input::InputRequests;
use crate::model::method::{CallTool, Elicit, ListRoots};
use crate::model::root::ListRootsResult;
use crate::model::tool::{CallToolParams, CallToolResult};
use crate::session::{
    CallOptions, ClientConfig, ClientEvent, ClientSession, Closed, EraPolicy, Request, Route,
    SavedClient, SavedServer, ServerConfig, ServerEvent, ServerSession, Session,
};
use crate::time::Instant;

use super::source::{Source, small_limits};
use super::{let_pass, take_frame};

const NOW: Instant = Instant::from_millis(7);

/// How many states there are that [`busy`] makes.
const STATES: usize = 6;

/// Changes a saved session, or takes any text for one: it is refused, or goes on, sends frames and comes
/// to its end.
pub fn restore(bytes: &[u8]) {
    let mut source = Source::new(bytes);
    let (is_client, mut json) = match source.below(STATES + 2) {
        state if state < STATES => busy(state),
        either => (either == STATES, source.rest().to_vec()),
    };
    while !source.is_empty() {
        let at = source.below(256) * 256 + source.below(256);
        let at = at % json.len().max(1);
        match source.byte() % 4 {
            0 => _ = json.splice(at..at, source.piece().iter().copied()),
            1 => _ = json.splice(at..json.len().min(at + 1), None),
            2 => json[at] = b'0' + source.byte() % 10,
            _ => json[at] = source.byte(),
        }
    }
    restore_text(is_client, &json);
}

pub(super) fn restore_text(is_client: bool, json: &[u8]) {
    if is_client {
        let Ok(saved) = serde_json::from_slice::<SavedClient>(json) else {
            return;
        };
        if let Ok(session) = ClientSession::restore(client_config(), saved, NOW) {
            let again = stored(&session.save(NOW));
            let saved = serde_json::from_slice(&again).expect("it was just written");
            let restored = ClientSession::restore(client_config(), saved, NOW);
            let restored = restored.expect("it was just saved");
            assert_eq!(stored(&restored.save(NOW)), again, "it is saved as another");
            live_on(session, answer);
        }
    } else if let Ok(saved) = serde_json::from_slice::<SavedServer>(json)
        && let Ok(session) = ServerSession::restore(server_config(), saved, NOW)
    {
        let again = stored(&session.save(NOW));
        let saved = serde_json::from_slice(&again).expect("it was just written");
        let restored = ServerSession::restore(server_config(), saved, NOW);
        let restored = restored.expect("it was just saved");
        assert_eq!(stored(&restored.save(NOW)), again, "it is saved as another");
        live_on(session, reply);
    }
}

fn client_config() -> ClientConfig {
    let can = ClientCapabilities::new().roots(true).elicitation_form();
    ClientConfig::new("fuzz", "1")
        .capabilities(can)
        .limits(small_limits())
}

fn server_config() -> ServerConfig {
    let offers = ServerCapabilities::new().tools(true);
    ServerConfig::new("fuzz", "1")
        .capabilities(offers)
        .limits(small_limits())
}

fn stored(saved: &impl serde::Serialize) -> Vec<u8> {
    serde_json::to_vec(saved).expect("a session can be stored")
}

/// Does with a session what may send something that was saved, and ends it: all that is sent is JSON on one line.
fn live_on<S: Session>(mut session: S, mut takes: impl FnMut(&mut S, S::Event)) {
    for frame in [
        r#"{"jsonrpc":"2.0","id":"p","method":"ping"}"#,
        r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#,
    ] {
        session.handle_frame(NOW, Route::Pipe, frame.into());
    }
    let send = |session: &mut S| while take_frame(session).is_some() {};
    for _ in 0..3 {
        send(&mut session);
        while let Some(event) = session.poll_event() {
            takes(&mut session, event);
        }
    }
    let_pass(&mut session, NOW);
    send(&mut session);
    session.handle_closed(NOW, Route::Pipe, Closed::EndOfInput);
    while session.poll_event().is_some() {}
    send(&mut session);
    assert!(session.is_closed(), "the end was never told");
    assert_eq!(session.poll_timeout(), None);
}

/// Answers what a server asks for.
fn answer(session: &mut ClientSession, event: ClientEvent) {
    if let ClientEvent::InputRequested(asked) = event {
        let (roots, declined) = (ListRootsResult::new(Vec::new()), ElicitResult::decline());
        let _answered = session.answer::<ListRoots>(NOW, asked.input, &roots);
        let _answered = session.answer::<Elicit>(NOW, asked.input, &declined);
    }
}

/// Answers a request with what it has said itself.
fn reply(session: &mut ServerSession, event: ServerEvent) {
    if let ServerEvent::Request(request) = event {
        let said = request.raw_params();
        let _replied = session.reply_raw(NOW, request.id, &said);
    }
}

/// One of the states that sessions are saved in, as its text: whether it is a client's, and the text.
pub(super) fn busy(state: usize) -> (bool, Vec<u8>) {
    const READY: &str = r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#;
    const CALL: &str = r#"{"jsonrpc":"2.0","id":"a","method":"tools/call","params":{"name":"t"}}"#;
    const BATCH: &str = r#"[{"jsonrpc":"2.0","id":"a","method":"tools/call","params":{"name":"t"}},{"jsonrpc":"2.0","id":"b","method":"tools/call","params":{"name":"t"}}]"#;
    let open = |revision: &str| {
        let head = r#"{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":""#;
        let tail = r#"","capabilities":{"roots":{}},"clientInfo":{"name":"c","version":"1"}}}"#;
        [head, revision, tail].concat()
    };
    match state {
        0 => opening_client(EraPolicy::Auto, |_| ()),
        1 => opening_client(EraPolicy::AssumeModern, asked),
        2 => opened_server(&[&open("2025-11-25"), READY, CALL], |_, _| ()),
        3 => opened_server(&[&open("2025-11-25"), READY, CALL], ask),
        // Asked before it is ready.
        4 => opened_server(&[&open("2025-11-25"), CALL], ask),
        _ => opened_server(&[&open("2025-03-26"), READY, BATCH], answer_one),
    }
}

fn opening_client(era: EraPolicy, act: fn(&mut ClientSession)) -> (bool, Vec<u8>) {
    let mut client = ClientSession::new(client_config().era(era));
    client.open(NOW).expect("it is new");
    act(&mut client);
    (true, stored(&client.save(NOW)))
}

/// A call that is asked for input, and one that waits to be sent.
fn asked(client: &mut ClientSession) {
    let params = CallToolParams::new("t");
    for _ in 0..2 {
        let options = CallOptions::new().progress(true);
        let called = client.call::<CallTool>(NOW, &params, options);
        called.expect("it is open");
    }
    client.poll_transmit(&mut Vec::new());
    let asks = r#"{"jsonrpc":"2.0","id":1,"result":{"resultType":"input_required","requestState":"s","inputRequests":{"a":{"method":"roots/list"},"b":{"method":"roots/list"}}}}"#;
    client.handle_frame(NOW, Route::Pipe, asks.into());
    if let Some(event) = client.poll_event() {
        answer(client, event);
    }
}

fn opened_server(frames: &[&str], act: fn(&mut ServerSession, &[Request])) -> (bool, Vec<u8>) {
    let mut server = ServerSession::new(server_config());
    for frame in frames {
        server.handle_frame(NOW, Route::Pipe, String::from(*frame).into());
    }
    let events = core::iter::from_fn(|| server.poll_event());
    let requests: Vec<Request> = events
        .filter_map(|event| match event {
            ServerEvent::Request(request) => Some(request),
            _ => None,
        })
        .collect();
    act(&mut server, &requests);
    (false, stored(&server.save(NOW)))
}

fn ask(server: &mut ServerSession, requests: &[Request]) {
    let need = InputRequests::new().roots("r").roots("s");
    let asked = server.need_input(NOW, requests[0].id, &need, Some("s"));
    asked.expect("the client has roots");
}

fn answer_one(server: &mut ServerSession, requests: &[Request]) {
    let result = CallToolResult::text("x");
    let replied = server.reply::<CallTool>(NOW, requests[0].id, &result);
    replied.expect("it is open");
}
