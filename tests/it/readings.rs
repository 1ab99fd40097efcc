//! One frame has one reading: what a session decides by, what the typed value has, what the raw text
//! says and what a gateway peeks at are the same, however the frame is written.

use std::collections::BTreeMap;

use mcp_proto::model::Peek;
use mcp_proto::model::method::{CallTool, Method};
use mcp_proto::model::tool::{CallToolParams, CallToolResult};
use mcp_proto::rpc::code;
use mcp_proto::session::{CallError, CallOptions, ClientEvent, ServerEvent};
use mcp_proto::{Limits, Revision};
use serde_json::{Value, json};

use support::LEGACY;
use support::pair::Pair;
use support::scenario::request;
use support::script::{Script, calling, completed};
use support::{on_every_revision, on_revisions};

on_every_revision! {
    // `base.resp.id`
    fn members_of_params_are_none_of_the_result(revision) {
        let (mut client, call, id) = calling(revision, CallOptions::new());
        client.checked.turn_off();
        client.feed(format!(
            r#"{{"jsonrpc":"2.0","id":{id},"result":{{"content":[]}},"params":{{"_meta":{{"injected":true}},"isError":true,"content":5}}}}"#
        ));
        let done = completed(&mut client);
        let result = done.of(call).unwrap().unwrap();
        assert_eq!((result.meta, result.is_error), (None, None));
        assert_eq!(done.raw().unwrap().as_str(), r#"{"content":[]}"#);
    }
}

on_revisions! { [Revision::V2026_07_28];
    // `mrtr.state.echo`, `mrtr.atleastone`
    fn a_round_is_read_from_the_result_alone(revision) {
        let round = |result: &str, params: &str| {
            let (mut client, _, id) = calling(revision, CallOptions::new());
            client.checked.turn_off();
            client.feed(format!(r#"{{"jsonrpc":"2.0","params":{params},"id":{id},"result":{result}}}"#));
            let bad = client.take_events().into_iter().any(|event| {
                matches!(event, ClientEvent::Completed(done) if matches!(done.raw(), Err(CallError::BadResult { .. })))
            });
            (client.sent().pop().map(|sent| sent["params"]["requestState"].clone()), bad)
        };
        let mine = r#"{"resultType":"input_required","requestState":"mine"}"#;
        assert_eq!(round(mine, r#"{"requestState":"injected"}"#), (Some(json!("mine")), false));
        let escaped = r#"{"result\u0054ype":"input_required","re\u0071uestState":"mine"}"#;
        assert_eq!(round(escaped, "{}"), (Some(json!("mine")), false));
        let neither = r#"{"resultType":"input_required"}"#;
        assert_eq!(round(neither, r#"{"requestState":"injected"}"#), (None, true));
        // Of two, another reader might take the other.
        for twice in [
            r#"{"resultType":"input_required","requestState":"a","requestState":"b"}"#,
            r#"{"resultType":"input_required","requestState":"a","re\u0071uestState":"b"}"#,
            r#"{"resultType":"complete","resultType":"input_required","requestState":"a"}"#,
            r#"{"content":[],"_meta":{},"_meta":{"a":1}}"#,
        ] {
            assert_eq!(round(twice, "{}"), (None, true), "{twice}");
        }
    }
}

#[test]
fn a_peek_at_a_response_sees_no_params() {
    for frame in [
        r#"{"jsonrpc":"2.0","id":1,"result":{"content":[]},"params":{"name":"x","_meta":{"progressToken":7}}}"#,
        r#"{"jsonrpc":"2.0","id":1,"result":{"name":"x","uri":"a:b","progressToken":1,"_meta":{"progressToken":7}}}"#,
        r#"{"jsonrpc":"2.0","id":1,"error":{"code":1,"message":"m","name":"x"},"params":{"uri":"a:b"}}"#,
    ] {
        let peek = Peek::new(frame.as_bytes(), &Limits::default()).unwrap();
        assert_eq!(
            (peek.method, peek.name, peek.progress_token),
            (None, None, None)
        );
    }
}

on_every_revision! {
    fn what_a_request_is_for_is_what_its_method_has(revision) {
        for (method, params, target) in [
            ("tools/call", json!({"uri": "file:///b", "name": "t"}), Some("t")),
            ("prompts/get", json!({"uri": "file:///b", "name": "p"}), Some("p")),
            ("resources/read", json!({"name": "t", "uri": "file:///b"}), Some("file:///b")),
        ] {
            let mut pair = Pair::open(revision);
            let frame = request(revision, "r", method, params);
            let peek = Peek::new(frame.as_bytes(), &Limits::default()).unwrap();
            assert_eq!(peek.name.as_deref(), target, "{method}");
            pair.to_server(frame);
            assert_eq!(pair.request().target().as_deref(), target, "{method}");
        }
    }
}

#[test]
fn the_token_of_a_progress_notification_is_its_own() {
    let frame = br#"{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":7,"progress":1,"_meta":{"progressToken":8}}}"#;
    let peek = Peek::new(frame, &Limits::default()).unwrap();
    assert_eq!(peek.progress_token.unwrap().as_str(), "7");
    let frame = br#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"progressToken":7,"arguments":{"_meta":{"progressToken":9}},"name":"t"}}"#;
    let peek = Peek::new(frame, &Limits::default()).unwrap();
    assert_eq!(peek.progress_token, None);
}

on_every_revision! {
    // `base.err.params`
    fn params_in_which_a_member_stands_twice_are_refused(revision) {
        for twice in [
            r#""name":"a","name":"b""#,
            r#""name":"a","n\u0061me":"b""#,
            r#""name":"a","arguments":{},"arguments":{"x":1}"#,
            r#""name":"a","_meta":{},"_meta":{"progressToken":1}"#,
            r#""name":"a","_meta":{"progressToken":1,"progressToken":2}"#,
        ] {
            let mut pair = Pair::open(revision);
            let whole = request(revision, "r", "tools/call", json!({}));
            let frame = match whole.contains("_meta") {
                // Its own `_meta` comes behind, so that a second one is a third.
                true => whole.replace(r#""params":{"#, &format!(r#""params":{{{twice},"#)),
                false => whole.replace(r#""params":{"#, &format!(r#""params":{{{twice}"#)),
            };
            let error = Peek::new(frame.as_bytes(), &Limits::default()).unwrap_err();
            assert_eq!((error.error.code, error.id), (code::INVALID_PARAMS, Some("r".into())));
            pair.to_server(frame);
            let answer: Value = pair.sent_by_server().pop().unwrap();
            assert_eq!(answer["error"]["code"], code::INVALID_PARAMS, "{twice}");
            assert!(!pair.server_events.iter().any(|event| matches!(event, ServerEvent::Request(_))));
        }
    }
}

on_every_revision! {
    // `cancel.malformed`
    fn a_notification_in_which_a_member_stands_twice_is_ignored(revision) {
        let mut pair = Pair::open(revision);
        let frame = request(revision, 900, "tools/call", json!({"name": "t"}));
        pair.to_server(frame);
        let open = pair.request();
        pair.to_server(r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":901,"requestId":900}}"#);
        let events: Vec<_> = pair.server_events.drain(..).collect();
        assert!(matches!(events[..], [ServerEvent::Ignored(_)]), "{events:?}");
        assert!(pair.server.reply::<CallTool>(pair.now, open.id, &CallToolResult::text("done")).is_ok());
    }
}

/// Bodies of `tools/call`, some of which take the short way and some of which can't.
const PARAMS: [&str; 14] = [
    r#"{"name":"t"}"#,
    r#"{"name":"t","arguments":{"a":1.50,"a":2}}"#,
    r#"{"name":"\u0074","arguments":null}"#,
    r#"{ "arguments" : { } , "name" : "t" , "later" : [1] }"#,
    r#"{"name":"t","arguments":[]}"#,
    r#"{"name":7}"#,
    r#"{"uri":"a:b"}"#,
    r#"{"name":null,"uri":"a:b"}"#,
    r#"{"name":"t","_meta":null}"#,
    r#"{"name":"t","_meta":[]}"#,
    r#"{"name":"t","task":{"ttl":1}}"#,
    r#"{"name":"t","inputResponses":{"a":1},"requestState":"s"}"#,
    r#"{"n\u0061me":"t","\u005fmeta":{"k":1}}"#,
    "{}",
];

on_revisions! { [Revision::V2025_11_25];
    fn params_read_the_same_by_their_places_and_from_their_text(revision) {
        for params in PARAMS {
            let mut pair = Pair::open(revision);
            pair.to_server(format!(
                r#"{{"jsonrpc":"2.0","id":"r","method":"tools/call","params":{params}}}"#
            ));
            let whole: Result<CallToolParams<'_>, _> = serde_json::from_str(params);
            let asked = pair.server_events.drain(..).find_map(|event| match event {
                ServerEvent::Request(asked) => Some(asked),
                _ => None,
            });
            let Some(asked) = asked else {
                continue;
            };
            assert_eq!(
                asked.params::<CallTool>().ok(),
                whole.as_ref().ok().cloned(),
                "{params}"
            );
            let arguments = whole.ok().and_then(|whole| whole.arguments);
            let arguments = arguments.map_or("{}".into(), |raw| raw.as_str().to_string());
            assert_eq!(asked.arguments().as_str(), arguments, "{params}");
        }
    }
}

on_revisions! { [Revision::V2025_11_25];
    fn results_read_the_same_by_their_places_and_from_their_text(revision) {
        for result in [
            r#"{"content":[{"type":"text","text":"a"}]}"#,
            r#"{"content":[{"type":"text","text":"a\n\u00e9"},{"type":"hologram"},{"type":"image"}],"isError":false}"#,
            r#"{ "isError" : true , "content" : [ ] , "_meta" : { "a" : 1 } }"#,
            r#"{"content":null,"structuredContent":null}"#,
            r#"{"c\u006fntent":[],"isError":null,"_meta":null}"#,
            r#"{"structuredContent":[1,2.50]}"#,
            r#"{"content":[],"content":[]}"#,
            r#"{"content":[],"isError":1}"#,
            r#"{"content":{},"_meta":{}}"#,
            r#"{"content":[],"_meta":7}"#,
            "{}",
        ] {
            let (mut client, call, id) = calling(revision, CallOptions::new());
            client.checked.turn_off();
            client.feed(format!(
                r#"{{"jsonrpc":"2.0","id":{id},"result":{result}}}"#
            ));
            let done = completed(&mut client);
            let whole: Result<CallToolResult<'_>, _> = serde_json::from_str(result);
            assert_eq!(done.of(call).unwrap().ok(), whole.ok(), "{result}");
            assert_eq!(done.raw().unwrap().as_str(), result);
        }
    }
}

/// A method of the user's own that has the protocol's name and other types.
struct OwnCall;

impl Method for OwnCall {
    const NAME: &'static str = "tools/call";
    type Params<'a> = BTreeMap<String, Value>;
    type Result<'a> = Value;
}

on_revisions! { [Revision::V2025_11_25];
    fn a_users_own_types_are_read_from_the_text(revision) {
        let mut pair = Pair::open(revision);
        pair.to_server(
            r#"{"jsonrpc":"2.0","id":"r","method":"tools/call","params":{"name":"t","later":3}}"#,
        );
        let asked = pair.request();
        assert_eq!(asked.params::<OwnCall>().unwrap()["later"], 3);
        let (mut client, _, id) = calling(revision, CallOptions::new());
        client.checked.turn_off();
        client.feed(format!(
            r#"{{"jsonrpc":"2.0","id":{id},"result":{{"content":[],"later":1}}}}"#
        ));
        assert_eq!(
            completed(&mut client).result::<OwnCall>().unwrap()["later"],
            1
        );
    }
}

on_revisions! { [Revision::V2025_11_25];
    fn an_error_in_which_a_member_stands_twice_is_no_error_object(revision) {
        let (mut client, _, id) = calling(revision, CallOptions::new());
        client.feed(format!(
            r#"{{"jsonrpc":"2.0","id":{id},"error":{{"code":1,"message":"a","code":2}}}}"#
        ));
        let done = completed(&mut client);
        assert!(
            matches!(done.raw(), Err(CallError::BadResult { .. })),
            "{done:?}"
        );
    }
}

on_revisions! { [Revision::V2025_03_26];
    fn each_element_of_a_batch_is_read_by_itself(revision) {
        // `base.batch.recv`
        let (mut client, call, id) = calling(revision, CallOptions::new());
        client.checked.turn_off();
        client.feed(format!(
            r#"[{{"jsonrpc":"2.0","method":"notifications/x","params":{{"_meta":{{"a":1}},"isError":true}}}},{{"jsonrpc":"2.0","id":{id},"result":{{"content":[]}}}}]"#
        ));
        let mut events = client.take_events().into_iter();
        assert!(matches!(events.next(), Some(ClientEvent::Notification(_))));
        let Some(ClientEvent::Completed(done)) = events.next() else {
            panic!()
        };
        let result = done.of(call).unwrap().unwrap();
        assert_eq!((result.meta, result.is_error), (None, None));
    }
}

on_revisions! { LEGACY;
    // `base.err.params`
    fn a_client_refuses_a_request_in_which_a_member_stands_twice(revision) {
        let mut client = Script::client(revision);
        client.checked.turn_off();
        client.feed(r#"{"jsonrpc":"2.0","id":"r","method":"roots/list","params":{"_meta":{"progressToken":1},"_meta":{}}}"#);
        let answer = client.reply();
        assert_eq!((&answer["id"], &answer["error"]["code"]), (&json!("r"), &json!(code::INVALID_PARAMS)));
        assert!(client.take_events().is_empty());
    }
}

on_every_revision! {
    // `base.err.params`
    fn an_error_says_little_of_what_the_peer_sent(revision) {
        let long = "x".repeat(64 << 10);
        for (method, params) in [
            ("completion/complete", json!({"ref": long, "argument": {"name": "a", "value": "b"}})),
            ("completion/complete", json!({"ref": {"type": long}, "argument": {"name": "a", "value": "b"}})),
            ("prompts/get", json!({"name": "p", "arguments": {&long: 5}})),
            ("tools/list", json!({"cursor": [long]})),
            ("logging/setLevel", json!({"level": long})),
            ("tools/call", json!({"name": "t", "_meta": {"io.modelcontextprotocol/protocolVersion": long, "progressToken": {}}})),
        ] {
            let mut pair = Pair::open(revision);
            pair.to_server(request(revision, "r", method, params));
            for answer in pair.sent_by_server() {
                assert!(answer.to_string().len() < 1500, "{method}");
            }
        }
    }
}
