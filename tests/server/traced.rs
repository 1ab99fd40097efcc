//! What a server tells whoever watches it with `tracing`.

use bytes::Bytes;
use mcp_proto::model::elicitation::ElicitRequestFormParams;
use mcp_proto::model::schema::StringSchema;
use mcp_proto::server::{Context, Event, HandlerError, Job, Service};
use mcp_proto::session::{Closed, Route, Session};
use mcp_proto::{Instant, Revision, Server};
use serde_json::{Value, json};
use tracing::Level;

use support::collector::{Told, assert_only_traced, collect};
use support::server::{Drive, call_frame, tool};

fn server() -> Server {
    Server::new("s", "1")
        .tool(tool("greet"), |_, _: Value| {
            tracing::info!(target: "mcp_proto_test", "greeting");
            Ok("hello, top secret")
        })
        .tool(tool("fail"), |_, _: Value| -> Result<(), HandlerError> {
            Err("the secret drawer is locked".into())
        })
        .tool(tool("ask"), |context: &Context, _: Value| {
            let form = ElicitRequestFormParams::new("who?").required("name", StringSchema::new());
            context.elicit::<Value>("who", form)?;
            Ok("hello")
        })
}

fn give(service: &mut Service, now: u64, frame: &Value) {
    let frame = Bytes::from(frame.to_string());
    service.handle_frame(Instant::from_millis(now), Route::Pipe, frame);
}

fn job(service: &mut Service) -> Job {
    loop {
        match service.poll_event() {
            Some(Event::Job(job)) => return job,
            Some(_) => {}
            None => panic!("no job"),
        }
    }
}

fn run(service: &mut Service, now: u64, frame: &Value) {
    give(service, now, frame);
    let outcome = job(service).run();
    assert!(service.handle_outcome(Instant::from_millis(now + 250), outcome));
    let mut buffer = Vec::new();
    while service.poll_transmit(&mut buffer).is_some() {}
}

fn modern(id: &str, method: &str) -> Value {
    let mut frame = call_frame(0, "unused", json!({}));
    (frame["id"], frame["method"]) = (json!(id), json!(method));
    frame
}

/// What a server tells of everything that can happen to a request.
fn everything(most: Level) -> Told {
    collect(most, || {
        let mut service = server().service();
        run(
            &mut service,
            1000,
            &call_frame(1, "greet", json!({"password": "hunter2"})),
        );
        run(&mut service, 2000, &call_frame(2, "fail", json!({})));
        give(&mut service, 3000, &call_frame(3, "nobody", json!({})));
        give(&mut service, 3000, &modern("four", "tools/list"));
        give(&mut service, 3000, &modern("five", "server/discover"));
        give(&mut service, 3000, &modern("six", "no/such"));
        give(&mut service, 4000, &call_frame(7, "greet", json!({})));
        let _never_run = job(&mut service);
        let params = json!({"requestId": 7});
        let cancel =
            json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": params});
        give(&mut service, 4500, &cancel);
        give(
            &mut service,
            5000,
            &json!({"jsonrpc": "2.0", "id": 99, "result": {"secret": 1}}),
        );
        give(&mut service, 6000, &call_frame(8, "greet", json!({})));
        service.handle_closed(Instant::from_millis(6001), Route::Pipe, Closed::EndOfInput);
    })
}

#[test]
fn every_request_has_a_span_that_says_what_has_come_of_it() {
    assert_eq!(
        everything(Level::INFO).spans,
        [
            "request duration_ms=250.0 id=1 method=tools/call outcome=result tool=greet",
            "request duration_ms=250.0 id=2 method=tools/call outcome=tool_error tool=fail",
            "request code=-32602 duration_ms=0.0 id=3 method=tools/call outcome=error tool=nobody",
            "request duration_ms=0.0 id=\"four\" method=tools/list outcome=result tool=unused",
            "request duration_ms=0.0 id=\"five\" method=server/discover outcome=result",
            "request code=-32601 duration_ms=0.0 id=\"six\" method=no/such outcome=error",
            "request duration_ms=500.0 id=7 method=tools/call outcome=cancelled tool=greet",
            "request duration_ms=1.0 id=8 method=tools/call outcome=cancelled tool=greet",
        ]
    );
}

#[test]
fn what_is_sent_is_shown_to_those_who_trace_and_to_nobody_else() {
    let secrets = ["hunter2", "top secret", "drawer", "\"secret\":1"];
    assert_only_traced(&secrets, everything);
}

#[test]
fn the_end_of_a_connection_and_what_is_ignored_are_told() {
    let told = everything(Level::DEBUG);
    let expected = [
        (
            Level::DEBUG,
            "kind=a response to no open request message=ignored",
        ),
        (Level::INFO, "message=closed reason=the connection ended"),
    ];
    let events = told
        .events
        .iter()
        .map(|(level, _, text)| (*level, text.as_str()));
    let shown: Vec<_> = events
        .filter(|(_, text)| !text.contains("greeting"))
        .collect();
    assert_eq!(shown, expected);
}

#[test]
fn what_a_handler_tells_stands_in_the_span_of_its_request() {
    let told = everything(Level::INFO);
    let greeting = told
        .events
        .iter()
        .find(|(_, _, text)| text.contains("greeting"));
    assert_eq!(greeting.map(|(_, span, _)| span.as_str()), Some("request"));
}

#[test]
fn a_request_that_asks_has_one_span_in_the_legacy_era_and_one_a_round_in_the_modern() {
    let calls = |revision| {
        let told = collect(Level::INFO, || {
            Drive::new(revision, vec![server()])
                .call("ask", "{}")
                .unwrap();
        });
        let calls = told
            .spans
            .into_iter()
            .filter(|span| span.contains("tools/call"));
        let calls: Vec<String> = calls
            .map(|span| {
                span.split(' ')
                    .find(|field| field.starts_with("outcome"))
                    .unwrap()
                    .into()
            })
            .collect();
        calls
    };
    assert_eq!(calls(Revision::V2025_11_25), ["outcome=result"]);
    assert_eq!(
        calls(Revision::V2026_07_28),
        ["outcome=input_required", "outcome=result"]
    );
}
