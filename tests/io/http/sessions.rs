//! Sessions of the legacy era: they outlive their connections, belong to who opened them, and end.

use std::time::Duration;

use mcp_proto::io::http::HttpServeOptions;
use mcp_proto::session::Change;
use serde_json::json;

use support::http::client::{Sent, Session, id_of, initialize};
use support::http::server::{serve, service};

// `httpL.session.assign` `httpL.session.delete` `httpL.session.404`
#[test]
fn a_session_has_an_id_that_nobody_guesses_until_it_is_deleted() {
    let (service, _) = service();
    let [one, other] = [Session::open(&service), Session::open(&service)];
    assert_ne!(one.0, other.0);
    for session in [&one, &other] {
        assert_eq!(session.0.len(), 32);
        assert_eq!(session.call(1, "echo").to(&service).status(), 200);
    }
    assert_eq!(one.delete().to(&service).status(), 200);
    assert_eq!(one.call(2, "echo").to(&service).status(), 404);
    assert_eq!(other.call(2, "echo").to(&service).status(), 200);
}

// `httpL.session.notauth`
#[test]
fn a_session_exists_for_its_principal_alone() {
    let (service, _) = service();
    let session = Session::greet(&service, initialize().by("ada"));
    let who = |sent: Sent| sent.to(&service);
    assert_eq!(who(session.call(1, "who").by("eve")).status(), 404);
    assert_eq!(who(session.call(1, "who")).status(), 404);
    let answer = who(session.call(1, "who").by("ada")).json();
    assert_eq!(answer["result"]["content"][0]["text"], "ada");
}

// `httpL.sse.disconnect` `httpL.resume.replay`
#[test]
fn a_call_goes_on_without_its_client_which_comes_back_for_the_answer() {
    let mut options = HttpServeOptions::default();
    options.streams.patience = Duration::from_millis(5);
    let (service, _, stage) = serve(options);
    let session = Session::open(&service);
    for (id, tool, text) in [(1, "hold", "held"), (2, "sleep", "slept")] {
        let mut answer = session.call(id, tool).to(&service);
        assert_eq!(stage.next(), "begun");
        let last = id_of(&answer.event().expect("it begins with an event"));
        drop(answer);
        stage.go();
        let resumed = session.get().with("last-event-id", last);
        let end = resumed.to(&service).message().expect("it is answered");
        assert_eq!(end["id"], id);
        assert_eq!(end["result"]["content"][0]["text"], text);
    }
}

#[test]
fn what_is_cancelled_ends_its_handler_whether_it_is_a_future_or_not() {
    let mut options = HttpServeOptions::default();
    options.streams.patience = Duration::from_millis(5);
    let (service, _, stage) = serve(options);
    let session = Session::open(&service);
    for (id, tool, end) in [(1, "hold", "cancelled"), (2, "sleep", "dropped")] {
        let _answer = session.call(id, tool).to(&service);
        assert_eq!(stage.next(), "begun");
        let cancelled = json!({"jsonrpc": "2.0", "method": "notifications/cancelled",
            "params": {"requestId": id}});
        assert_eq!(session.sent(&cancelled).to(&service).status(), 202);
        assert_eq!(stage.next(), end);
    }
    let _answer = session.call(3, "sleep").to(&service);
    assert_eq!(stage.next(), "begun");
    assert_eq!(session.delete().to(&service).status(), 200);
    assert_eq!(stage.next(), "dropped");
}

#[test]
fn a_handler_asks_its_client_on_the_stream_of_its_call() {
    let (service, _) = service();
    let session = Session::open(&service);
    let mut answer = session.call(1, "ask").to(&service);
    for name in ["Ada", "Eve"] {
        let asked = answer.message().expect("it asks");
        assert_eq!(asked["method"], "elicitation/create");
        let told = json!({"jsonrpc": "2.0", "id": asked["id"],
            "result": {"action": "accept", "content": {"name": name}}});
        assert_eq!(session.sent(&told).to(&service).status(), 202);
    }
    let end = answer.message().expect("it is answered");
    assert_eq!(end["result"]["content"][0]["text"], "Ada and Eve");
    assert_eq!(answer.message(), None);
}

#[test]
fn changes_from_outside_and_from_other_sessions_come_on_the_stream_of_no_request() {
    let (service, server, _) = serve(HttpServeOptions::default());
    let sessions = [Session::open(&service), Session::open(&service)];
    let mut streams = sessions.clone().map(|session| session.get().to(&service));
    server.changed(Change::Tools);
    assert_eq!(sessions[0].call(1, "grow").to(&service).status(), 200);
    for stream in &mut streams {
        for _ in 0..2 {
            let told = stream.message().expect("it is told");
            assert_eq!(told["method"], "notifications/tools/list_changed");
        }
    }
}

#[test]
fn a_session_that_is_idle_or_never_ready_ends_and_one_with_a_stream_stays() {
    let mut options = HttpServeOptions::default();
    options.limits.greeting = Duration::from_millis(40);
    options.limits.idle = Duration::from_millis(40);
    let (service, ..) = serve(options);
    let half_open = Session::greet(&service, initialize());
    let idle = Session::open(&service);
    let busy = Session::open(&service);
    let mut stream = busy.get().to(&service);
    assert!(stream.event().is_some(), "it begins with an event");
    assert!(stream.is_silent(Duration::from_millis(150)));
    assert_eq!(half_open.call(1, "echo").to(&service).status(), 404);
    assert_eq!(idle.call(1, "echo").to(&service).status(), 404);
    assert_eq!(busy.call(1, "echo").to(&service).status(), 200);
}

#[test]
fn without_sessions_each_legacy_request_is_served_by_itself() {
    let (service, ..) = serve(HttpServeOptions::default().stateless());
    let opened = initialize().to(&service);
    assert_eq!(opened.status(), 200);
    assert_eq!(opened.header("mcp-session-id"), None);
    let mut sent = Session(String::new()).call(1, "echo");
    sent.headers.retain(|(name, _)| *name != "mcp-session-id");
    assert_eq!(sent.clone().to(&service).status(), 200);
    sent.headers
        .retain(|(name, _)| *name != "mcp-protocol-version");
    assert_eq!(sent.to(&service).status(), 200);
}

// `sse24.endpoint.event` `sse24.message.event` `sse24.post.status` `sse24.close`
#[test]
fn clients_of_2024_11_05_open_a_stream_and_post_to_what_it_names() {
    let (service, _, stage) = serve(HttpServeOptions::default().pair("/sse", "/messages"));
    let mut stream = Sent::new("GET", "/sse", "")
        .with("accept", "text/event-stream")
        .to(&service);
    let first = stream.event().expect("it begins with the endpoint");
    let endpoint = first
        .strip_prefix("event: endpoint\ndata: ")
        .expect("the endpoint comes first");
    assert!(endpoint.starts_with("/messages?session="), "{endpoint}");
    let endpoint: &'static str = endpoint.to_owned().leak();
    let post = |body: serde_json::Value| {
        let sent = Sent::new("POST", endpoint, body).with("content-type", "application/json");
        sent.to(&service).status()
    };
    let mut opening: serde_json::Value = serde_json::from_str(&initialize().body).unwrap();
    opening["params"]["protocolVersion"] = json!("2024-11-05");
    assert_eq!(post(opening), 202);
    let opened = stream.message().expect("it is answered");
    assert_eq!(opened["result"]["protocolVersion"], "2024-11-05");
    assert_eq!(
        post(json!({"jsonrpc": "2.0", "method": "notifications/initialized"})),
        202
    );
    let call = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call",
        "params": {"name": "hold", "arguments": {}}});
    assert_eq!(post(call), 202);
    assert_eq!(stage.next(), "begun");
    // Its end is the session's end.
    drop(stream);
    assert_eq!(stage.next(), "cancelled");
    assert_eq!(
        post(json!({"jsonrpc": "2.0", "id": 2, "method": "ping"})),
        404
    );
}
