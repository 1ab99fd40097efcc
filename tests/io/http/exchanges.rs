//! Requests that stand alone: how they are answered, and that they end with their exchange.

use std::sync::atomic::Ordering;
use std::time::Duration;

use http_body::Body;
use mcp_proto::io::http::HttpServeOptions;
use mcp_proto::session::Change;
use serde_json::json;

use support::http::client::{Sent, call, modern, wait_for};
use support::http::server::{serve, service};

#[test]
fn an_answer_alone_is_json_of_a_size_that_is_known() {
    let (service, _) = service();
    let answer = call(1, "echo").to(&service);
    assert_eq!(answer.status(), 200);
    assert_eq!(
        answer.header("content-type").as_deref(),
        Some("application/json")
    );
    let size = answer.response.body().size_hint().exact().expect("exact");
    let length: u64 = answer.header("content-length").unwrap().parse().unwrap();
    assert_eq!(size, length);
    let text = answer.text();
    assert_eq!(text.len() as u64, size);
    assert!(text.contains(r#""id":1"#), "{text}");
}

#[test]
fn progress_comes_as_events_before_the_answer() {
    let (service, _) = service();
    let params = json!({"name": "steps", "arguments": {}, "_meta": {"progressToken": 7}});
    let mut answer = modern(1, "tools/call", params).to(&service);
    assert_eq!(
        answer.header("content-type").as_deref(),
        Some("text/event-stream")
    );
    assert_eq!(answer.header("x-accel-buffering").as_deref(), Some("no"));
    for step in [1.0, 2.0] {
        let progress = answer.message().expect("it goes on");
        assert_eq!(progress["params"]["progress"], step);
    }
    let end = answer.message().expect("the answer comes");
    assert_eq!(end["result"]["content"][0]["text"], "stepped");
    assert_eq!(answer.message(), None);
}

#[test]
fn with_json_alone_a_call_is_answered_without_its_progress_and_a_client_need_not_take_events() {
    let (service, ..) = serve(HttpServeOptions::default().json_only());
    let params = json!({"name": "steps", "arguments": {}, "_meta": {"progressToken": 7}});
    let mut sent = modern(1, "tools/call", params);
    sent.headers.retain(|(name, _)| *name != "accept");
    let answer = sent.with("accept", "application/json").to(&service);
    assert_eq!(answer.json()["result"]["content"][0]["text"], "stepped");
}

// `httpM.cancel`
#[test]
fn a_client_that_goes_cancels_its_modern_call_before_and_after_the_head() {
    let mut options = HttpServeOptions::default();
    options.streams.patience = Duration::from_millis(5);
    let (service, _, stage) = serve(options);
    for (tool, end) in [("hold", "cancelled"), ("sleep", "dropped")] {
        // While it is awaited.
        let request = call(1, tool).request();
        let mut response = Box::pin(tower_service::Service::call(&mut service.clone(), request));
        let waited = wait_for(Duration::ZERO, &mut response);
        assert!(waited.is_none(), "nothing is said at once");
        assert_eq!(stage.next(), "begun");
        drop(response);
        assert_eq!(stage.next(), end);
        // While its events are read.
        let answer = call(1, tool).to(&service);
        assert_eq!(stage.next(), "begun");
        drop(answer);
        assert_eq!(stage.next(), end);
    }
    assert_eq!(stage.dropped.load(Ordering::SeqCst), 2);
}

#[test]
fn a_future_is_polled_within_its_response_and_goes_on_within_its_events() {
    let mut options = HttpServeOptions::default();
    options.streams.patience = Duration::from_millis(5);
    let (service, _, stage) = serve(options);
    let mut answer = call(1, "sleep").to(&service);
    assert_eq!(stage.next(), "begun");
    stage.go();
    let end = answer.message().expect("it is answered");
    assert_eq!(end["result"]["content"][0]["text"], "slept");
    assert_eq!(answer.message(), None);
}

#[test]
fn a_handler_that_panics_costs_its_own_answer() {
    let (service, _) = service();
    let answer = call(1, "panic").to(&service);
    assert_eq!(answer.json()["error"]["code"], -32603);
    assert_eq!(call(2, "echo").to(&service).status(), 200);
}

// `httpM.sse.keepalive`
#[test]
fn a_silent_call_shows_that_it_lives() {
    let mut options = HttpServeOptions::default().keep_alive(Duration::from_millis(5));
    options.streams.patience = Duration::from_millis(5);
    let (service, _, stage) = serve(options);
    let mut answer = call(1, "hold").to(&service);
    assert_eq!(stage.next(), "begun");
    for _ in 0..3 {
        assert_eq!(answer.event().as_deref(), Some(":"));
    }
    stage.go();
    let end = answer.message().expect("it is answered");
    assert_eq!(end["result"]["content"][0]["text"], "held");
}

#[test]
fn changes_from_outside_and_from_other_calls_reach_streams_that_listen() {
    let (service, server, _) = serve(HttpServeOptions::default());
    let filter = json!({"toolsListChanged": true, "resourceSubscriptions": ["file:///a"]});
    let listen = modern(5, "subscriptions/listen", json!({"notifications": filter}));
    let mut streams = [listen.clone().to(&service), listen.to(&service)];
    for stream in &mut streams {
        let told = stream.message().expect("it is acknowledged");
        assert_eq!(told["method"], "notifications/subscriptions/acknowledged");
    }
    server.changed(Change::Tools);
    server.resource_updated("file:///b");
    server.resource_updated("file:///a");
    assert_eq!(call(1, "grow").to(&service).status(), 200);
    for stream in &mut streams {
        let mut methods = (0..3).map(|_| stream.message().expect("it goes on"));
        let told = methods.next().unwrap();
        assert_eq!(told["method"], "notifications/tools/list_changed");
        let told = methods.next().unwrap();
        assert_eq!(told["method"], "notifications/resources/updated");
        assert_eq!(told["params"]["uri"], "file:///a");
        let told = methods.next().unwrap();
        assert_eq!(told["method"], "notifications/tools/list_changed");
    }
}

// `mrtr.state.attacker` `mrtr.state.bind`
#[test]
fn rounds_of_a_server_without_a_seal_are_bound_to_who_began_them() {
    let (service, _) = service();
    let ask = |answered: Option<&str>, state: Option<&str>| {
        let mut params = json!({"name": "ask", "arguments": {}});
        if let Some(key) = answered {
            let answer = json!({"action": "accept", "content": {"name": key}});
            params["inputResponses"] = json!({key: answer});
        }
        if let Some(state) = state {
            params["requestState"] = json!(state);
        }
        modern(1, "tools/call", params).by("ada")
    };
    let begun = ask(None, None).to(&service).json();
    assert_eq!(begun["result"]["resultType"], "input_required");
    let next = ask(Some("who"), None).to(&service).json();
    let state = next["result"]["requestState"].as_str().expect("a state");
    let last = || ask(Some("whom"), Some(state));
    let end = last().to(&service).json();
    assert_eq!(end["result"]["content"][0]["text"], "who and whom");
    let guessed = state.split('.').next().expect("it has a name");
    let others = [
        last().by("eve"),
        ask(Some("whom"), Some(guessed)),
        ask(Some("whom"), Some(&format!("{guessed}.00"))),
    ];
    for other in others {
        assert_eq!(other.to(&service).json()["error"]["code"], -32602);
    }
}

#[test]
fn handlers_see_who_the_transport_says_that_calls() {
    let (service, _) = service();
    let who = |sent: Sent| {
        let answer = sent.to(&service).json();
        answer["result"]["content"][0]["text"].clone()
    };
    assert_eq!(who(call(1, "who").by("ada")), "ada");
    assert_eq!(who(call(1, "who")), "nobody");
}
