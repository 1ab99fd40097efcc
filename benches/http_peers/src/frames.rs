//! The requests that both peers are sent, and what they have to answer.

use bytes::Bytes;
use http::{HeaderValue, Request};
use http_body_util::Full;

pub const SAID: &str = "hello, world";

const META: &str = r#""_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientInfo":{"name":"bench-client","version":"1.0.0"},"io.modelcontextprotocol/clientCapabilities":{}}"#;
const CALL: &str = r#""name":"echo","arguments":{"message":"hello, world"}"#;

/// A call of 2026-07-28.
pub fn echo<B>(body: impl FnOnce(Bytes) -> B) -> Request<B> {
    let frame = echo_frame();
    let length = frame.len();
    let request = post()
        .header("content-length", length)
        .header("mcp-protocol-version", "2026-07-28")
        .header("mcp-method", "tools/call")
        .header("mcp-name", "echo");
    request.body(body(frame.into())).expect("a request")
}

pub fn echo_frame() -> String {
    format!(r#"{{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{{{CALL},{META}}}}}"#)
}

/// A stream of changes of 2026-07-28.
pub fn listen() -> Request<Full<Bytes>> {
    let frame = listen_frame();
    let request = post()
        .header("mcp-protocol-version", "2026-07-28")
        .header("mcp-method", "subscriptions/listen");
    request.body(Full::new(frame.into())).expect("a request")
}

pub fn listen_frame() -> String {
    format!(
        r#"{{"jsonrpc":"2.0","id":1,"method":"subscriptions/listen","params":{{"notifications":{{"toolsListChanged":true}},{META}}}}}"#
    )
}

pub fn initialize() -> Request<Full<Bytes>> {
    let frame = r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"bench-client","version":"1.0.0"}}}"#;
    post().body(Full::new(frame.into())).expect("a request")
}

pub fn initialized(session: &HeaderValue) -> Request<Full<Bytes>> {
    let frame = r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#;
    of(session)
        .body(Full::new(frame.into()))
        .expect("a request")
}

/// A call of a session of 2025-11-25.
pub fn legacy_echo(session: &HeaderValue) -> Request<Full<Bytes>> {
    let frame = format!(r#"{{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{{{CALL}}}}}"#);
    of(session)
        .body(Full::new(frame.into()))
        .expect("a request")
}

fn of(session: &HeaderValue) -> http::request::Builder {
    post()
        .header("mcp-session-id", session)
        .header("mcp-protocol-version", "2025-11-25")
}

fn post() -> http::request::Builder {
    Request::post("/mcp")
        .header("host", "127.0.0.1:8000")
        .header("content-type", "application/json")
        .header("accept", "application/json, text/event-stream")
}

/// Panics if a call wasn't answered with what was said.
pub fn check(answer: &[u8]) {
    let has = |text: &str| memchr::memmem::find(answer, text.as_bytes()).is_some();
    assert!(has(SAID) && has("\"result\""), "{answer:?}");
}
