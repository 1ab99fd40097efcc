//! A server on a host that starts it for each request.

use mcp_proto::edge::{Edge, EdgeError};
use mcp_proto::http::mirror::AnnotationError;
use mcp_proto::http::{HttpPolicy, Reply};
use mcp_proto::model::tool::Tool;
use mcp_proto::rpc::Raw;
use mcp_proto::server::{DefinitionError, HandlerError};
use mcp_proto::{Revision, Server};
use serde_json::{Value, json};

use crate::requests::{Sent, legacy, modern};

fn tool(name: &str, schema: &'static str) -> Tool<'static> {
    Tool::new(name.to_owned(), Raw::new(schema).expect("it is JSON"))
}

/// One tool that reports progress, one whose argument travels in a header, one that asks who calls.
fn server() -> Server {
    let mirrored =
        r#"{"type":"object","properties":{"region":{"type":"string","x-mcp-header":"Region"}}}"#;
    Server::new("edge", "1.0")
        .unsealed_state()
        .tool(tool("count", r#"{"type":"object"}"#), |context, (): ()| {
            context.progress(1.0, Some(1.0), None);
            Ok("done")
        })
        .tool(tool("query", mirrored), |_, _: Value| Ok("found"))
        .tool(tool("who", r#"{"type":"object"}"#), |context, (): ()| {
            let name = context.principal().map(str::to_owned);
            name.ok_or_else(|| HandlerError::from("nobody"))
        })
}

fn edge() -> Edge {
    Edge::new(&server(), HttpPolicy::local()).expect("its definition is good")
}

fn answer(request: &Sent) -> Reply {
    edge().answer(&request.head, request.bytes(), None)
}

fn body(reply: &Reply) -> Value {
    serde_json::from_slice(&reply.body).expect("it is JSON")
}

fn media(reply: &Reply) -> &str {
    reply.head.headers.one("content-type").unwrap().unwrap()
}

#[test]
fn a_request_is_answered_by_its_handler() {
    let request = modern("tools/call", json!({"name": "who", "arguments": {}}));
    let reply = edge().answer(&request.head, request.bytes(), Some("ann"));
    assert_eq!(
        (reply.head.status, media(&reply)),
        (200, "application/json")
    );
    assert_eq!(body(&reply)["result"]["content"][0]["text"], "ann");
    let unknown = body(&answer(&request));
    assert_eq!(unknown["result"]["isError"], true, "{unknown}");
}

#[test]
fn a_handler_that_is_a_future_answers_too() {
    let server = server().tool_async(tool("wait", r#"{"type":"object"}"#), async |_, (): ()| {
        Ok("awaited")
    });
    let edge = Edge::new(&server, HttpPolicy::local()).unwrap();
    let request = modern("tools/call", json!({"name": "wait", "arguments": {}}));
    let future = edge.answer_async(&request.head, request.bytes(), None);
    let mut future = core::pin::pin!(future);
    let mut cx = core::task::Context::from_waker(core::task::Waker::noop());
    let core::task::Poll::Ready(reply) = future.as_mut().poll(&mut cx) else {
        panic!("nothing is awaited for long");
    };
    assert_eq!(body(&reply)["result"]["content"][0]["text"], "awaited");
}

#[test]
fn progress_comes_as_events_before_the_answer() {
    // `httpM.sse.related` `httpM.sse.final`
    let mut request = modern("tools/call", json!({"name": "count", "arguments": {}}));
    request.meta().insert("progressToken".into(), json!("t"));
    let reply = answer(&request);
    assert_eq!(
        (reply.head.status, media(&reply)),
        (200, "text/event-stream")
    );
    let text = String::from_utf8(reply.body.to_vec()).unwrap();
    let events: Vec<Value> = text
        .lines()
        .filter_map(|line| line.strip_prefix("data: "))
        .map(|data| serde_json::from_str(data).unwrap())
        .collect();
    assert_eq!(events.len(), 2, "{text}");
    assert_eq!(events[0]["method"], "notifications/progress");
    assert_eq!(events[1]["result"]["content"][0]["text"], "done");
}

#[test]
fn a_subscription_ends_with_its_request() {
    // Nobody is left to tell of changes, and an open end would be a broken stream to its client.
    let filter = json!({"notifications": {"toolsListChanged": true}});
    let reply = answer(&modern("subscriptions/listen", filter));
    assert_eq!(
        (reply.head.status, media(&reply)),
        (200, "text/event-stream")
    );
    let text = String::from_utf8(reply.body.to_vec()).unwrap();
    let last = text.trim_end().rsplit("data: ").next().unwrap();
    let last: Value = serde_json::from_str(last).unwrap();
    assert_eq!(last["id"], 1, "{text}");
    assert!(last["result"].is_object(), "{text}");
}

#[test]
fn what_a_server_refuses_over_http_is_refused_here() {
    // `httpM.order` `httpM.param.check`
    let mut foreign = modern("tools/list", json!({}));
    foreign.set("host", Some("evil.example"));
    assert_eq!(answer(&foreign).head.status, 403);
    assert_eq!(answer(&legacy("tools/list", json!({}))).head.status, 400);
    let query = json!({"name": "query", "arguments": {"region": "eu"}});
    let mut request = modern("tools/call", query);
    let code = |reply: &Reply| body(reply)["error"]["code"].clone();
    let reply = answer(&request);
    assert_eq!((reply.head.status, code(&reply)), (400, json!(-32020)));
    request.set("mcp-param-region", Some("eu"));
    assert_eq!(answer(&request).head.status, 200);
    let reply = answer(&modern("ping", json!({})));
    assert_eq!((reply.head.status, code(&reply)), (404, json!(-32601)));
}

#[test]
fn a_page_of_a_named_origin_may_read_the_answer() {
    let policy = HttpPolicy::local().origins(["https://app.example.com"]);
    let edge = Edge::new(&server(), policy).unwrap();
    let mut request = modern("tools/list", json!({}));
    request.set("origin", Some("https://app.example.com"));
    let reply = edge.answer(&request.head, request.bytes(), None);
    assert_eq!(
        reply.head.headers.one("access-control-allow-origin"),
        Ok(Some("https://app.example.com"))
    );
}

#[test]
fn a_server_that_cannot_stand_alone_is_refused() {
    let local = HttpPolicy::local;
    let sealed = Edge::new(&Server::new("edge", "1.0"), local()).unwrap_err();
    assert_eq!(sealed, EdgeError::Definition(DefinitionError::NoSeal));
    let old = server().revisions(vec![Revision::V2025_11_25]);
    let old = Edge::new(&old, local()).unwrap_err();
    assert_eq!(old, EdgeError::Definition(DefinitionError::NotStateless));
    let twice = r#"{"type":"object","properties":{
        "a":{"type":"string","x-mcp-header":"A"},"b":{"type":"string","x-mcp-header":"a"}}}"#;
    let server = server().tool(tool("twice", twice), |_, (): ()| Ok("never"));
    let error = Edge::new(&server, local()).unwrap_err();
    let EdgeError::Annotation { tool, error } = error else {
        panic!("{error}");
    };
    assert_eq!(&*tool, "twice");
    assert!(matches!(error, AnnotationError::Repeated(_)), "{error}");
}
