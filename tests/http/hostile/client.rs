//! Servers that break the rules: one response to a call, and what becomes of the call.

use mcp_proto::http::{Action, End, HttpClientOptions, HttpMethod, ResponseHead};
use mcp_proto::model::method::CallTool;
use mcp_proto::rpc::Kind;
use mcp_proto::session::{CallError, CallId, ClientEvent, Closed, Route, Session};
use serde_json::{Value, json};

use super::{bytes_of, cases, filled, name, pairs};
use crate::codec::Codec;
use crate::net::{Net, Way};

pub const CASES: &str = include_str!("client.jsonl");
pub const ENDPOINTS: &str = include_str!("endpoint.jsonl");

/// How a call has ended, in a word.
fn word(end: &Result<String, CallError>) -> String {
    match end {
        Ok(_) => "ok".into(),
        Err(CallError::Rpc(error)) => format!("rpc:{}", error.code),
        Err(CallError::Refused { status }) => format!("refused:{status}"),
        Err(CallError::Lost(_)) => "lost".into(),
        Err(CallError::TimedOut { .. }) => "timed_out".into(),
        Err(_) => "other".into(),
    }
}

fn has_ended(net: &Net, call: CallId<CallTool>) -> bool {
    let is_it =
        |event: &ClientEvent| matches!(event, ClientEvent::Completed(done) if done.call == call);
    net.events.iter().any(is_it)
}

/// Plays the script to the exchange of the last request, then lets time pass until the call ends.
fn play(net: &mut Net, call: CallId<CallTool>, script: &[Value]) -> String {
    net.step();
    let request = net.host.asked.last().expect("it was asked").clone();
    net.host.exchanges.remove(&request.exchange.number());
    let sent: Value = serde_json::from_slice(&request.body).expect("it is JSON");
    let id = sent["id"].to_string();
    let text = |value: &Value| bytes_of(&value.as_str().expect("a text").replace("$ID", &id));
    for step in script {
        let (now, exchange) = (net.now, request.exchange);
        if let Some(head) = step["head"].as_array() {
            let status = head[0]
                .as_u64()
                .and_then(|status| u16::try_from(status).ok());
            let mut response = ResponseHead::new(status.expect("a status"));
            for (name, value) in pairs(&head[1]) {
                response.headers.push(name, value);
            }
            net.http.handle_head(now, exchange, &response);
        } else if step["body"].is_string() {
            net.http.handle_body(now, exchange, &text(&step["body"]));
        } else if step["pieces"].is_string() {
            for byte in text(&step["pieces"]) {
                net.http.handle_body(now, exchange, &[byte]);
            }
        } else if step["fill"].is_array() {
            let bytes = filled(&step["fill"]);
            let bytes = replaced(&bytes, &id);
            for piece in bytes.chunks(64 * 1024) {
                net.http.handle_body(now, exchange, piece);
            }
        } else {
            let how = match step["end"].as_str() {
                Some("clean") => End::Clean,
                Some("not_sent") => End::NotSent,
                _ => End::Broken,
            };
            net.http.handle_end(now, exchange, how);
        }
    }
    net.run();
    for _ in 0..64 {
        if has_ended(net, call) {
            break;
        }
        let due = [net.http.poll_timeout(), net.session.poll_timeout()];
        let due = due.into_iter().flatten().min().expect("something is due");
        net.pass(due - net.now);
    }
    word(&net.end(call))
}

fn replaced(bytes: &[u8], id: &str) -> Vec<u8> {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.replace("$ID", id).into_bytes(),
        Err(_) => bytes.to_vec(),
    }
}

fn run(case: &Value, way: Way) {
    let mut net = Net::open(way, 1000);
    net.pass(std::time::Duration::from_millis(1));
    let call = net.call("x");
    let script = case["script"].as_array().expect("a case has a script");
    let end = play(&mut net, call, script);
    let expected = case["expect"].as_str().expect("it ends somehow");
    assert!(
        expected == "any" || end == expected,
        "{} {way:?}: {end}",
        name(case)
    );
    assert_eq!(
        net.session.is_open(),
        case["open"] == true,
        "{} {way:?}",
        name(case)
    );
    if net.session.is_open() {
        // What came to the server before is no longer waited for.
        net.host.serve(net.now, |_, _| {});
        // The next call has nothing to do with it.
        let call = net.call("y");
        net.run();
        net.answer_calls();
        assert_eq!(net.end(call).as_deref(), Ok("y"), "{} {way:?}", name(case));
    }
}

#[test]
fn a_client_ends_every_call_whatever_its_server_answers_and_goes_on() {
    // `httpM.status.other` `httpM.reissue.safe` `httpL.session.chars`
    let mut wrong = Vec::new();
    for case in cases(CASES) {
        let ways: &[Way] = match case["era"].as_str() {
            Some("modern") => &[Way::Modern],
            Some("legacy") => &[Way::Streamable],
            _ => &[Way::Modern, Way::Streamable],
        };
        for way in ways {
            let run = std::panic::catch_unwind(|| run(&case, *way));
            if run.is_err() {
                wrong.push(format!("{} {way:?}", name(&case)));
            }
        }
    }
    assert!(wrong.is_empty(), "{} are wrong: {wrong:#?}", wrong.len());
}

#[test]
fn an_endpoint_of_the_old_pair_is_of_its_own_origin_or_ends_the_session() {
    // `sse24.endpoint.uri`
    for case in cases(ENDPOINTS) {
        let mut codec = Codec::new(HttpClientOptions::default());
        let hello = json!({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": {}});
        codec.send_frame(1, Kind::Request, hello);
        let request = codec.request();
        codec.respond(&request, &ResponseHead::new(405), "");
        let actions = codec.actions();
        let Some(Action::Start(stream)) = actions.last() else {
            panic!("{actions:?}")
        };
        assert_eq!(stream.method, HttpMethod::Get);
        let endpoint = bytes_of(case["endpoint"].as_str().expect("a text"));
        let event = [b"event: endpoint\ndata: ", &endpoint[..], b"\n\n"].concat();
        codec
            .http
            .handle_head(codec.now, stream.exchange, &crate::codec::events());
        codec.http.handle_body(codec.now, stream.exchange, &event);
        let actions = codec.actions();
        let is_closed = actions
            .iter()
            .any(|action| matches!(action, Action::Closed(Route::Pipe, Closed::ReadFailed)));
        let goes_to = actions.iter().find_map(|action| match action {
            Action::Start(request) => Some(request.url.clone()),
            _ => None,
        });
        let is_taken = case["taken"] == true;
        assert_eq!(
            (goes_to.is_some(), is_closed),
            (is_taken, !is_taken),
            "{case} {actions:?}"
        );
        assert!(
            goes_to.is_none_or(|url| url.starts_with("http://localhost/")),
            "{case}"
        );
    }
}
