//! What a client tells whoever watches it with `tracing`.

use std::time::Duration;

use mcp_proto::client::{Operation, ToolCall};
use mcp_proto::session::{Closed, Route, Session};
use serde_json::json;
use tracing::Level;

use support::carrier::by_every_route;
use support::client::{Script, call, legacy};
use support::collector::{Told, assert_only_traced, collect};

/// What a client tells of everything that can happen to a call.
fn told(most: Level) -> Told {
    collect(most, || {
        let mut script = Script::legacy();
        let id = script.start(call("greet", json!({"password": "hunter2"})));
        let asked = script.expect("tools/call");
        script.now = script.now + Duration::from_millis(250);
        script.result(
            &asked,
            json!({"content": [{"type": "text", "text": "top secret"}]}),
        );
        script.end(id).unwrap().unwrap();
        script.refused(
            Operation::ListPrompts,
            json!({"code": -32603, "message": "the drawer"}),
        );
        let failed = json!({"content": [], "isError": true});
        let _ = script.answered(Operation::CallTool(ToolCall::new("fail")), failed);
        let id = script.start(Operation::ReadResource("file:///x".into()));
        script.now = script.now + Duration::from_millis(5);
        script.client.cancel(script.now, id);
        script.drain();
        script.notify("notifications/nonsense/progress");
        script.say(json!({"jsonrpc": "2.0", "id": 99, "result": {"secret": 1}}));
        script.start(Operation::Ping);
        let now = script.now;
        script
            .client
            .handle_closed(now, Route::Pipe, Closed::EndOfInput);
        script.drain();
        script.start(Operation::Ping);
    })
}

#[test]
fn every_call_has_a_span_that_says_what_has_come_of_it() {
    assert_eq!(
        told(Level::INFO).spans,
        [
            "call duration_ms=250.0 id=0 method=tools/call outcome=result tool=greet",
            "call code=-32603 duration_ms=0.0 id=1 method=prompts/list outcome=error",
            "call duration_ms=0.0 id=2 method=tools/call outcome=tool_error tool=fail",
            "call duration_ms=5.0 id=3 method=resources/read outcome=cancelled uri=file:///x",
            "call duration_ms=0.0 id=4 method=ping outcome=lost",
            "call duration_ms=0.0 id=5 method=ping outcome=refused",
        ]
    );
}

#[test]
fn opening_closing_and_what_is_ignored_are_told() {
    let events = told(Level::DEBUG).events;
    let shown: Vec<_> = events
        .iter()
        .map(|(level, _, text)| (*level, text.as_str()))
        .collect();
    assert_eq!(
        shown,
        [
            (Level::INFO, "message=opened revision=2025-06-18"),
            (
                Level::DEBUG,
                "kind=a response to no open request message=ignored"
            ),
            (Level::INFO, "message=closed reason=the connection ended"),
        ]
    );
}

#[test]
fn an_opening_that_fails_is_told_with_its_reason() {
    for _way in by_every_route() {
        let told = collect(Level::WARN, || {
            let mut script = Script::unopened(legacy());
            let request = script.expect("initialize");
            script.error(&request, json!({"code": -32603, "message": "out of order"}));
        });
        let (level, _, text) = &told.events[0];
        assert_eq!(*level, Level::WARN);
        assert!(
            text.contains("the opening failed") && text.contains("out of order"),
            "{text}"
        );
    }
}

#[test]
fn what_is_sent_is_shown_to_those_who_trace_and_to_nobody_else() {
    let secrets = ["hunter2", "top secret", "the drawer", "\"secret\":1"];
    assert_only_traced(&secrets, told);
}

#[cfg(feature = "tokio")]
#[test]
fn a_connection_that_is_made_again_is_told() {
    use mcp_proto::model::tool::{NO_ARGUMENTS_SCHEMA, Tool};
    use mcp_proto::{Server, testing};

    let tool = Tool::new("greet", NO_ARGUMENTS_SCHEMA);
    let server = Server::new("s", "1").tool(tool, |_, _: serde_json::Value| Ok("hello"));
    let told = collect(Level::DEBUG, || {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime.enable_time().build().unwrap();
        runtime.block_on(async {
            let (client, driver) = testing::connect_async(server);
            let uses = async {
                for _ in 0..2 {
                    client.call_tool("greet", json!({})).await.unwrap();
                    client.close().await.ok();
                }
            };
            tokio::select! { () = uses => {} () = driver => {} }
        });
    });
    let client = told.events.iter().map(|(_, _, text)| text.as_str());
    let made: Vec<_> = client.filter(|text| text.contains("connecting")).collect();
    assert_eq!(
        made,
        ["message=connecting", "message=reconnecting"],
        "{told:?}"
    );
    let calls = told.spans.iter().filter(|span| span.starts_with("call "));
    assert_eq!(calls.count(), 2, "{told:?}");
}
