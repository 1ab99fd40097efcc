//! Floods of a server over HTTP: exchanges, streams and sessions that are opened and dropped leave
//! nothing behind, however many they are, and lock nobody out.

use bytes::Bytes;
use mcp_proto::Revision;
use mcp_proto::http::{Caller, EndpointLimits, HttpMethod, RequestHead};
use support::front::Front;

use crate::Scale;

const META: &str = r#"{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}"#;
const HELLO: &str = r#"{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"c","version":"1"}}}"#;

fn head(method: HttpMethod) -> RequestHead {
    RequestHead::new(method, "/mcp")
        .with("host", "localhost")
        .with("content-type", "application/json")
        .with("accept", "application/json, text/event-stream")
}

fn call(front: &mut Front, caller: Caller<'_>, tool: &str) -> u16 {
    let body = format!(
        r#"{{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{{"name":"{tool}","_meta":{META}}}}}"#
    );
    let head = head(HttpMethod::Post)
        .with("mcp-protocol-version", "2026-07-28")
        .with("mcp-method", "tools/call")
        .with("mcp-name", tool);
    front.request(caller, &head, body.into()).status
}

/// Opens a session and returns its id.
fn open(front: &mut Front, caller: Caller<'_>) -> Option<String> {
    let answer = front.request(
        caller,
        &head(HttpMethod::Post),
        Bytes::from_static(HELLO.as_bytes()),
    );
    let id = answer.headers.one("mcp-session-id").ok().flatten()?;
    Some(id.to_owned())
}

fn post(front: &mut Front, caller: Caller<'_>, id: &str, body: &'static str) -> u16 {
    let head = head(HttpMethod::Post).with("mcp-session-id", id);
    front
        .request(caller, &head, Bytes::from_static(body.as_bytes()))
        .status
}

/// A client that does as it should, which is served whatever others do.
fn assert_serves(front: &mut Front) {
    let ann = Caller::Principal("ann");
    assert_eq!(call(front, ann, "echo"), 200);
    let id = open(front, ann).expect("a session is opened");
    let initialized = r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#;
    assert_eq!(post(front, ann, &id, initialized), 202);
    let call = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo"}}"#;
    assert_eq!(post(front, ann, &id, call), 200);
    let delete = front.request(
        ann,
        &head(HttpMethod::Delete).with("mcp-session-id", &id),
        Bytes::new(),
    );
    assert_eq!(delete.status, 200);
}

/// Sees to it that a flood holds no more after many rounds than after few.
fn assert_constant(mut round: impl FnMut(&mut Front)) {
    let scale = Scale::new();
    let mut limits = EndpointLimits::default();
    (limits.sessions, limits.half_open) = (500, 100);
    let mut front = Front::new(&Revision::ALL, limits);
    for _ in 0..1_000 {
        round(&mut front);
    }
    let before = scale.held();
    for _ in 0..support::amount(2_000, 8_000) {
        round(&mut front);
    }
    let after = scale.held();
    // A node of the map that holds the sessions more or less is no growth.
    assert!(after <= before + (64 << 10), "{before} bytes, then {after}");
    assert_serves(&mut front);
    assert!(front.held_sessions() <= 501, "{}", front.held_sessions());
}

#[test]
fn exchanges_that_are_opened_and_dropped() {
    assert_constant(|front| {
        call(front, Caller::Peer("eve"), "slow");
        front.drop_open();
        // So that some of them are admitted.
        front.now = front.now + std::time::Duration::from_millis(10);
    });
}

#[test]
fn exchanges_that_many_callers_open_and_drop() {
    let mut number = 0;
    assert_constant(|front| {
        number += 1;
        let peer = format!(
            "10.{}.{}.{}",
            number >> 16,
            (number >> 8) & 255,
            number & 255
        );
        call(front, Caller::Peer(&peer), "slow");
        front.drop_open();
    });
}

#[test]
fn sessions_that_are_greeted_and_left() {
    assert_constant(|front| {
        open(front, Caller::Peer("eve"));
    });
}

#[test]
fn sessions_of_nobody_in_particular_that_are_greeted_and_left() {
    assert_constant(|front| {
        open(front, Caller::Anyone);
    });
}

#[test]
fn streams_of_a_session_that_are_opened_and_dropped() {
    let mut session = None;
    assert_constant(|front| {
        let eve = Caller::Peer("eve");
        let id = session.get_or_insert_with(|| {
            let id = open(front, eve).expect("it is opened");
            post(
                front,
                eve,
                &id,
                r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#,
            );
            id
        });
        let head = head(HttpMethod::Get).with("mcp-session-id", &*id);
        assert_eq!(front.request(eve, &head, Bytes::new()).status, 200);
        front.drop_open();
    });
}
