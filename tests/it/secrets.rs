//! What may be a secret is never shown by `Debug`: arguments, answers, states and tokens, in values,
//! events and sessions.

use core::fmt::Debug;

use bytes::Bytes;
use mcp_proto::frame::LineDecoder;
use mcp_proto::model::completion::{CompleteParams, PromptReference, Reference};
use mcp_proto::model::elicitation::ElicitResult;
use mcp_proto::model::form::FormContent;
use mcp_proto::model::input::{InputRequests, InputResponses, RequestState};
use mcp_proto::model::meta::Meta;
use mcp_proto::model::method::CallTool;
use mcp_proto::model::prompt::{Arguments, GetPromptParams};
use mcp_proto::model::resource::ReadResourceParams;
use mcp_proto::model::tool::{CallToolParams, CallToolResult};
use mcp_proto::rpc::Raw;
use mcp_proto::session::{CallOptions, Route, Session};
use serde_json::json;

use support::on_every_revision;
use support::pair::Pair;
use support::scenario::request;
use support::script::calling;

const SECRET: &str = "hunter2";

#[track_caller]
fn hides(value: &dyn Debug) {
    let bytes = format!("{:?}", SECRET.as_bytes());
    for shown in [format!("{value:?}"), format!("{value:#?}")] {
        assert!(!shown.contains(SECRET), "{shown}");
        let shown: String = shown.split_whitespace().collect();
        let bytes: String = bytes.trim_matches(['[', ']']).split_whitespace().collect();
        assert!(!shown.contains(&bytes), "{shown}");
    }
}

#[test]
fn values_show_the_size_of_what_may_be_a_secret() {
    let raw = Raw::encode(&json!({ "password": SECRET })).unwrap();
    hides(&raw);
    assert_eq!(format!("{raw:?}"), "Raw(22 bytes)");
    let responses = InputResponses::new()
        .with("k", &json!({ "pin": SECRET }))
        .unwrap();
    hides(&responses);
    let meta = Meta::new().with("token", SECRET);
    hides(&meta);
    hides(&RequestState::new(SECRET));
    hides(
        &CallToolParams::new("t")
            .arguments(raw.clone())
            .request_state(SECRET)
            .meta(meta),
    );
    let arguments = Arguments::new().with("password", SECRET);
    hides(
        &GetPromptParams::new("p")
            .arguments(arguments)
            .request_state(SECRET),
    );
    hides(
        &ReadResourceParams::new("a:b")
            .request_state(SECRET)
            .input_responses(raw),
    );
    let reference = Reference::Prompt(PromptReference::new("p"));
    hides(&CompleteParams::new(reference, "password", SECRET));
    hides(&ElicitResult::accept(
        FormContent::new().with("password", SECRET),
    ));
    let mut decoder = LineDecoder::new(10);
    decoder.push(br#"{"password":"hunter2"}"#);
    hides(&decoder);
    decoder.push(b"\n");
    hides(&decoder.next_frame().unwrap().unwrap_err());
}

on_every_revision! {
    fn events_and_sessions_show_no_arguments_and_no_answers(revision) {
        let mut pair = Pair::open(revision);
        let params = json!({"name": "t", "arguments": {"password": SECRET}, "requestState": SECRET,
            "inputResponses": {"p": {"action": "accept", "content": {"pin": SECRET}}},
            "_meta": {"progressToken": SECRET}});
        let frame = request(revision, "r", "tools/call", params);
        pair.server.handle_frame(pair.now, Route::Pipe, Bytes::from(frame));
        hides(&pair.server);
        pair.drive();
        let asked = pair.request();
        hides(&asked);
        hides(&pair.server);
        let (mut client, _, id) = calling(revision, CallOptions::new());
        let result = json!({"content": [], "structuredContent": {"key": SECRET}});
        client.session.handle_frame(
            client.now,
            Route::Pipe,
            Bytes::from(json!({"jsonrpc": "2.0", "id": id, "result": result}).to_string()),
        );
        hides(&client.session);
        hides(&client.take_events());
        let result = CallToolResult::default().structured_content(Raw::encode(&json!(SECRET)).unwrap());
        hides(&result);
        pair.server.reply::<CallTool>(pair.now, asked.id, &result).unwrap();
        // What waits to be sent, and what is kept of it.
        hides(&pair.server);
        let arguments = Raw::encode(&json!({ "password": SECRET })).unwrap();
        let params = CallToolParams::new("t").arguments(arguments);
        pair.client.call::<CallTool>(pair.now, &params, CallOptions::new()).unwrap();
        hides(&pair.client);
        pair.drive();
        hides(&pair.client);
        hides(&pair.server);
        let asked = pair.request();
        pair.need(&asked, &InputRequests::new().roots("q"), Some(SECRET));
        hides(&pair.client);
        hides(&pair.server);
    }
}
