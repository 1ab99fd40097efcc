//! What becomes of a call, by the response that its exchange has.

use mcp_proto::Instant;
use mcp_proto::http::{Action, End, HttpClient, HttpClientOptions, HttpRequest, ResponseHead};
use mcp_proto::rpc::Kind;
use mcp_proto::session::{
    CallError, ClientEvent, CloseReason, Closed, Delivery, EraPolicy, ExchangeId, Route, Session,
    Transmit,
};
use serde_json::json;

use crate::requests::{mirrored_schema, modern};

use crate::net::{Net, URL, Way};

/// One response to the only call, and what becomes of the call.
struct Case {
    status: u16,
    kind: &'static str,
    body: &'static str,
    end: End,
    becomes: fn(&Result<String, CallError>) -> bool,
}

#[test]
fn every_response_ends_its_call_in_the_way_of_the_table() {
    // `httpM.status.other` `httpM.limits` `httpM.inter.status` `httpM.reply`
    const JSON: &str = "application/json";
    const EVENTS: &str = "text/event-stream";
    let refused = |case: &Case, status| Case {
        becomes: case.becomes,
        status,
        ..*case
    };
    let html = Case {
        status: 200,
        kind: "text/html",
        body: "<html>",
        end: End::Clean,
        becomes: |end| matches!(end, Err(CallError::Refused { .. })),
    };
    let lost = Case {
        status: 200,
        kind: EVENTS,
        body: ": nothing\n\n",
        end: End::Clean,
        becomes: |end| *end == Err(CallError::Lost(Delivery::Unknown)),
    };
    let error = Case {
        status: 400,
        kind: JSON,
        body: r#"{"jsonrpc":"2.0","error":{"code":-32099,"message":"no"}}"#,
        end: End::Clean,
        becomes: |end| matches!(end, Err(CallError::Rpc(error)) if error.code == -32099),
    };
    let mut cases = vec![
        Case {
            body: "",
            ..refused(&html, 202)
        },
        Case {
            body: "not json",
            kind: JSON,
            ..refused(&html, 200)
        },
        Case {
            body: "{}",
            kind: JSON,
            ..refused(&html, 500)
        },
        Case {
            end: End::Broken,
            ..refused(&lost, 200)
        },
        Case {
            body: "data: {\"jsonrpc\":\"2.0\"",
            ..refused(&lost, 200)
        },
        Case {
            kind: JSON,
            body: "{\"jsonrpc\":",
            end: End::Broken,
            ..refused(&lost, 200)
        },
        Case {
            body: r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32099,"message":"no"}}"#,
            ..refused(&error, 500)
        },
        Case {
            body: r#"{"jsonrpc":"2.0","id":"other","error":{"code":-32099,"message":"no"}}"#,
            ..refused(&error, 200)
        },
        Case {
            kind: EVENTS,
            end: End::Clean,
            status: 200,
            body: "data: {\"jsonrpc\":\"2.0\",\"id\":ID,\"result\":{\"content\":[{\"type\":\"text\",\"text\":\"t\"}]}}\n\n",
            becomes: |end| end.as_deref() == Ok("t"),
        },
        error,
        lost,
    ];
    for status in [
        301, 307, 401, 403, 404, 405, 406, 413, 415, 429, 431, 500, 502, 503,
    ] {
        cases.push(refused(&html, status));
    }
    for case in cases {
        let mut net = Net::open(Way::Modern, 100);
        let call = net.call("x");
        net.step();
        let request = net.host.asked.last().expect("it was asked").clone();
        net.host.exchanges.remove(&request.exchange.number());
        let frame: serde_json::Value = serde_json::from_slice(&request.body).expect("it is JSON");
        let body = case.body.replace("ID", &frame["id"].to_string());
        let head = ResponseHead::new(case.status).with("content-type", case.kind);
        net.http.handle_head(net.now, request.exchange, &head);
        for piece in body.as_bytes().chunks(3) {
            net.http.handle_body(net.now, request.exchange, piece);
        }
        net.http.handle_end(net.now, request.exchange, case.end);
        net.run();
        let end = net.end(call);
        assert!(
            (case.becomes)(&end),
            "{} {} {:?}: {end:?}",
            case.status,
            case.kind,
            case.body
        );
        assert!(net.session.is_open());
    }
}

/// A codec that has a request to send, and the exchange by which it was sent.
fn asked(http: &mut HttpClient, method: &str, params: serde_json::Value) -> HttpRequest {
    let sent = modern(method, params);
    let route = Route::Exchange(ExchangeId::new(1));
    let bytes = sent.bytes();
    let transmit = Transmit::new(route, bytes.len(), Kind::Request);
    http.send(Instant::ZERO, bytes, &transmit);
    match http.poll() {
        Some(Action::Start(request)) => request,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_client_mirrors_arguments_by_the_list_it_saw_last_and_leaves_out_tools_that_break_the_rules() {
    // `httpM.param.support` `httpM.param.reject` `httpM.param.latest` `httpM.param.omit` `httpM.sse.comment`
    let bad =
        json!({"type": "object", "properties": {"a": {"type": "number", "x-mcp-header": "A"}}});
    let plain = json!({"type": "object"});
    let now = Instant::ZERO;
    for as_events in [false, true] {
        let mut http = HttpClient::new(URL, HttpClientOptions::default());
        let list = |http: &mut HttpClient, deploy: &serde_json::Value| {
            let request = asked(http, "tools/list", json!({}));
            let tools = json!([{"name": "bad", "inputSchema": bad}, {"name": "deploy", "inputSchema": deploy},
                {"name": "plain", "inputSchema": plain}]);
            let answer = json!({"jsonrpc": "2.0", "id": 1, "result": {"tools": tools, "resultType": "complete"}});
            let (kind, body) = match as_events {
                true => ("text/event-stream", format!(": note\n\ndata: {answer}\n\n")),
                false => ("application/json", answer.to_string()),
            };
            let head = ResponseHead::new(200).with("content-type", kind);
            http.handle_head(now, request.exchange, &head);
            http.handle_body(now, request.exchange, body.as_bytes());
            http.handle_end(now, request.exchange, End::Clean);
            let Some(Action::ToolRejected { name, .. }) = http.poll() else {
                panic!("one breaks the rules");
            };
            assert_eq!(&*name, "bad");
            let Some(Action::Frame(_, frame)) = http.poll() else {
                panic!("the list follows")
            };
            let frame: serde_json::Value = serde_json::from_slice(&frame).expect("it is JSON");
            let names: Vec<_> = frame["result"]["tools"]
                .as_array()
                .expect("a list")
                .iter()
                .map(|tool| tool["name"].as_str().expect("a name").to_owned())
                .collect();
            assert_eq!(names, ["deploy", "plain"]);
        };
        let arguments = json!({"name": "deploy", "arguments": {"region": "日本語", "count": null, "dry": true}});
        let unseen = asked(&mut http, "tools/call", arguments.clone());
        assert!(
            !unseen.headers.has("mcp-param-region"),
            "its schema was never seen"
        );
        list(&mut http, &mirrored_schema());
        let call = asked(&mut http, "tools/call", arguments.clone());
        let one = |name| call.headers.one(name).expect("it is good");
        assert_eq!(one("mcp-param-region"), Some("=?base64?5pel5pys6Kqe?="));
        assert_eq!(
            (one("mcp-param-dry-run"), one("mcp-param-count")),
            (Some("true"), None)
        );
        list(&mut http, &plain);
        let call = asked(&mut http, "tools/call", arguments);
        assert!(
            !call.headers.has("mcp-param-region"),
            "the schema has changed"
        );
    }
}

#[test]
fn a_server_that_cannot_be_reached_is_told_as_such() {
    let mut net = Net::new(Way::Modern, EraPolicy::Auto, 1);
    let mut frame = Vec::new();
    let transmit = net.session.poll_transmit(&mut frame).expect("it probes");
    net.http.send(net.now, frame, &transmit);
    let Some(Action::Start(request)) = net.http.poll() else {
        panic!("it asks")
    };
    net.http.handle_end(net.now, request.exchange, End::NotSent);
    net.run();
    let closed = net.events.pop();
    let reason = CloseReason::Connection(Closed::Unreachable);
    assert!(
        matches!(closed, Some(ClientEvent::Closed(why)) if why == reason),
        "{:?}",
        net.events
    );
}

#[test]
fn an_endless_response_is_bounded() {
    let mut net = Net::open(Way::Modern, 100);
    let call = net.call("x");
    net.step();
    let exchange = net.host.asked.last().expect("it was asked").exchange;
    net.host.exchanges.clear();
    let head = ResponseHead::new(200).with("content-type", "application/json");
    net.http.handle_head(net.now, exchange, &head);
    let piece = vec![b' '; 1 << 20];
    for _ in 0..20 {
        net.http.handle_body(net.now, exchange, &piece);
    }
    net.run();
    assert!(net.end(call).is_err());
    assert!(net.session.is_open());
}
