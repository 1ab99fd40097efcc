//! One modern request in, its answer out.

use bytes::Bytes;
use mcp_proto::http::{HttpPolicy, Offers, Reply, answer_one, status_of};
use mcp_proto::model::tool::Tool;
use mcp_proto::rpc::Raw;
use mcp_proto::{Era, Revision, Server};
use serde_json::{Value, json};

use crate::requests::{MODERN, Sent, legacy, modern};

fn server() -> Server {
    let tool = Tool::new("add", Raw::new(r#"{"type":"object"}"#).unwrap());
    Server::new("calculator", "1.0")
        .unsealed_state()
        .tool(tool, |context, numbers: [i64; 2]| {
            context.progress(1.0, None, None);
            Ok(numbers[0] + numbers[1])
        })
}

fn answer(request: &Sent) -> Reply {
    let stateless = server().stateless().expect("its definition is good");
    let offers = Offers::new(Revision::ALL);
    answer_one(
        &HttpPolicy::local(),
        &offers,
        &request.head,
        request.bytes(),
        |frame| stateless.answer(frame, None),
    )
}

fn body(reply: &Reply) -> Value {
    serde_json::from_slice(&reply.body).expect("it is JSON")
}

#[test]
fn a_request_is_answered_with_json_and_the_status_of_its_answer() {
    // `httpM.reply` `httpM.404` `httpM.status.other`
    let reply = answer(&modern("tools/list", json!({})));
    assert_eq!(reply.head.status, 200);
    assert_eq!(body(&reply)["result"]["tools"][0]["name"], "add");
    assert_eq!(
        reply.head.headers.one("content-type"),
        Ok(Some("application/json"))
    );
    let reply = answer(&modern("ping", json!({})));
    assert_eq!(
        (reply.head.status, &body(&reply)["error"]["code"]),
        (404, &json!(-32601))
    );
    let reply = answer(&modern("tools/call", json!({"name": "nothing"})));
    assert_eq!(
        (reply.head.status, &body(&reply)["error"]["code"]),
        (200, &json!(-32602))
    );
    let reply = answer(&legacy("tools/list", json!({})));
    assert_eq!(reply.head.status, 400);
    let mut foreign = modern("tools/list", json!({}));
    foreign.set("host", Some("evil.example"));
    assert_eq!(answer(&foreign).head.status, 403);
}

#[test]
fn what_comes_before_an_answer_makes_it_a_stream_of_events() {
    // `httpM.sse.related` `httpM.sse.final` `httpM.sse.buffering`
    let mut request = modern("tools/call", json!({"name": "add", "arguments": [3, 4]}));
    request.body["params"]["arguments"] = json!({});
    request.meta().insert("progressToken".into(), json!("t"));
    let frames = [
        r#"{"jsonrpc":"2.0","method":"notifications/progress","params":{}}"#,
        r#"{"jsonrpc":"2.0","id":1,"result":{}}"#,
    ];
    let serve = |_| frames.map(Bytes::from).to_vec();
    let offers = Offers::new(Revision::ALL);
    let reply = answer_one(
        &HttpPolicy::local(),
        &offers,
        &request.head,
        request.bytes(),
        serve,
    );
    let one = |name| reply.head.headers.one(name).unwrap();
    assert_eq!(
        (reply.head.status, one("content-type")),
        (200, Some("text/event-stream"))
    );
    assert_eq!(one("x-accel-buffering"), Some("no"));
    let expected = format!("data: {}\n\ndata: {}\n\n", frames[0], frames[1]);
    assert_eq!(reply.body, expected);
}

#[test]
fn the_status_of_an_answer_is_that_of_its_table() {
    // `httpM.404` `httpM.400.cap` `httpM.status.other` `httpM.status.stream`
    for (code, modern, legacy) in [
        (-32700, 400, 200),
        (-32600, 400, 200),
        (-32601, 404, 200),
        (-32602, 200, 200),
        (-32603, 200, 200),
        (-32020, 400, 200),
        (-32021, 400, 200),
        (-32022, 400, 200),
        (-32002, 200, 200),
        (7, 200, 200),
    ] {
        let answer =
            format!(r#"{{"jsonrpc":"2.0","id":1,"error":{{"code":{code},"message":"m"}}}}"#);
        assert_eq!(status_of(answer.as_bytes(), Era::Modern), modern, "{code}");
        assert_eq!(status_of(answer.as_bytes(), Era::Legacy), legacy, "{code}");
    }
    let result = br#"{"jsonrpc":"2.0","id":1,"result":{"error":{"code":-32601}}}"#;
    assert_eq!(status_of(result, Era::Modern), 200);
    let nobodys = br#"{"jsonrpc":"2.0","error":{"code":-32600,"message":"m"}}"#;
    assert_eq!(status_of(nobodys, Era::Legacy), 400);
    assert_eq!(MODERN, Revision::NEWEST.as_str());
}
