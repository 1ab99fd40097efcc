//! Frames that are no good message, on both roles: which error is answered, under which id, and that
//! nothing else happens.

use bytes::Bytes;
use mcp_proto::frame::FrameError;
use mcp_proto::model::method::CallTool;
use mcp_proto::model::tool::CallToolParams;
use mcp_proto::session::{
    CallError, CallOptions, ClientEvent, ClientSession, Ignored, ServerEvent,
};
use mcp_proto::{Era, Revision};
use serde_json::{Value, json};

use support::script::{Script, error, notification, request, result, tool_call, tool_result};
use support::{on_every_revision, on_revisions};

/// An error answer as `revision` writes it when the id could not be read.
fn check_error(answer: &Value, code: i64, id: Option<&str>, revision: Revision, frame: &str) {
    assert_eq!(answer["jsonrpc"], "2.0", "{frame}");
    assert_eq!(answer["error"]["code"], code, "{frame}: {answer}");
    assert!(answer["error"]["message"].is_string(), "{frame}");
    assert!(answer.get("result").is_none(), "{frame}");
    let shown = answer.get("id").map(Value::to_string);
    let expected = match id {
        Some(id) => Some(id),
        // The schemas of the first three revisions ask for an id.
        None if revision < Revision::V2025_11_25 => Some("null"),
        None => None,
    };
    assert_eq!(shown.as_deref(), expected, "{frame}: {answer}");
}

/// Frames that may have been a request: the code that answers them, and the id that can be read.
const BAD_REQUESTS: &[(&str, i64, Option<&str>)] = &[
    ("garbage", -32700, None),
    (r#"{"jsonrpc":"2.0","id":7,"method":"ping""#, -32700, None),
    (r#"{"jsonrpc":"2.0","id":7,"method":"ping"}}"#, -32700, None),
    (r#"{"jsonrpc":"2.0","id":7,"method":"ping",}"#, -32700, None),
    (r#"{"jsonrpc":"2.0","id":07,"method":"ping"}"#, -32700, None),
    (r#"{jsonrpc:"2.0",id:7,method:"ping"}"#, -32700, None),
    (
        "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"pi\tng\"}",
        -32700,
        None,
    ),
    (r#""ping""#, -32600, None),
    ("null", -32600, None),
    ("-1.5e3", -32600, None),
    ("{}", -32600, None),
    (r#"{"jsonrpc":"2.0","id":7}"#, -32600, Some("7")),
    (r#"{"jsonrpc":"2.0","id":"x"}"#, -32600, Some(r#""x""#)),
    (
        r#"{"jsonrpc":"1.0","id":7,"method":"ping"}"#,
        -32600,
        Some("7"),
    ),
    (
        r#"{"jsonrpc":"2.00","id":7,"method":"ping"}"#,
        -32600,
        Some("7"),
    ),
    (
        r#"{"jsonrpc":2.0,"id":7,"method":"ping"}"#,
        -32600,
        Some("7"),
    ),
    // What stands between its first and its last digit reads "2.0".
    (
        r#"{"jsonrpc":12.03,"id":7,"method":"ping"}"#,
        -32600,
        Some("7"),
    ),
    (
        r#"{"jsonrpc":null,"id":7,"method":"ping"}"#,
        -32600,
        Some("7"),
    ),
    (r#"{"id":7,"method":"ping"}"#, -32600, Some("7")),
    (
        r#"{"jsonrpc":"2.0","id":null,"method":"ping"}"#,
        -32600,
        None,
    ),
    (
        r#"{"jsonrpc":"2.0","id":1.5,"method":"ping"}"#,
        -32600,
        None,
    ),
    (
        r#"{"jsonrpc":"2.0","id":1e2,"method":"ping"}"#,
        -32600,
        None,
    ),
    (
        r#"{"jsonrpc":"2.0","id":true,"method":"ping"}"#,
        -32600,
        None,
    ),
    (
        r#"{"jsonrpc":"2.0","id":[7],"method":"ping"}"#,
        -32600,
        None,
    ),
    (r#"{"jsonrpc":"2.0","id":{},"method":"ping"}"#, -32600, None),
    (r#"{"jsonrpc":"2.0","id":7,"method":5}"#, -32600, Some("7")),
    (
        r#"{"jsonrpc":"2.0","id":7,"method":null}"#,
        -32600,
        Some("7"),
    ),
    (
        r#"{"jsonrpc":"2.0","id":7,"method":"ping","params":"x"}"#,
        -32600,
        Some("7"),
    ),
    (
        r#"{"jsonrpc":"2.0","id":7,"method":"ping","params":null}"#,
        -32600,
        Some("7"),
    ),
    (
        r#"{"jsonrpc":"2.0","id":7,"method":"ping","params":[1]}"#,
        -32602,
        Some("7"),
    ),
    (
        r#"{"jsonrpc":"2.0","id":7,"method":"ping","result":{}}"#,
        -32600,
        Some("7"),
    ),
    (
        r#"{"jsonrpc":"2.0","id":7,"method":"ping","error":{"code":1,"message":""}}"#,
        -32600,
        Some("7"),
    ),
    (
        r#"{"jsonrpc":"2.0","id":7,"id":8,"method":"ping"}"#,
        -32600,
        None,
    ),
    (
        r#"{"jsonrpc":"2.0","id":7,"method":"ping","method":"pong"}"#,
        -32600,
        None,
    ),
    // No id at all, but not a notification either: its method is no name.
    (r#"{"jsonrpc":"2.0","method":1}"#, -32600, None),
];

on_every_revision! {
    // `base.jsonrpc.version` `base.id.type` `base.id.notnull` `base.id.fraction` `base.err.parse`
    // `base.err.invalidreq` `base.params.object` `base.resp.error.noid`
    fn a_frame_that_is_no_request_is_answered_with_its_error_under_its_id(revision) {
        let mut server = Script::server(revision);
        for (frame, code, id) in BAD_REQUESTS {
            server.feed(*frame);
            let answer = server.reply();
            check_error(&answer, *code, *id, revision, frame);
            let events = server.take_events();
            let [ServerEvent::Ignored(Ignored::NotAMessage { error: told, .. })] = &events[..] else {
                panic!("{frame}: {events:?}");
            };
            assert_eq!(told.code, *code, "{frame}");
        }
        server.check_alive(revision);
    }
}

on_every_revision! {
    pipe = "over HTTP what is no JSON is refused before it comes to a session";
    fn text_that_is_not_utf8_is_a_parse_error(revision) {
        // `base.utf8` `base.err.parse`
        let mut server = Script::server(revision);
        let frames: [&[u8]; 3] = [
            b"\xff\xfe",
            b"{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"p\xc3\"}",
            b"{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"p\xed\xa0\x80\"}",
        ];
        for frame in frames {
            server.feed(Bytes::from_static(frame));
            check_error(&server.reply(), -32700, None, revision, "not utf-8");
        }
        server.feed_malformed(FrameError::NotUtf8 { valid_up_to: 3 });
        check_error(&server.reply(), -32700, None, revision, "not utf-8");
        server.check_alive(revision);
        let mut client = Script::client(revision);
        client.feed(Bytes::from_static(b"{\"a\":\"\xff\"}"));
        assert!(matches!(client.events[0], ClientEvent::Ignored(Ignored::NotAMessage { .. })));
        assert!(client.sent().is_empty());
    }
}

on_every_revision! {
    fn no_notification_is_ever_answered(revision) {
        // `base.notif.noreply` `base.params.object`
        let mut server = Script::server(revision);
        let mut client = Script::client(revision);
        for frame in [
            r#"{"jsonrpc":"2.0","method":"nobody/knows"}"#,
            r#"{"jsonrpc":"2.0","method":"nobody/knows","params":{"a":1}}"#,
            r#"{"jsonrpc":"2.0","method":"nobody/knows","params":[1]}"#,
            r#"{"jsonrpc":"2.0","method":"nobody/knows","params":"x"}"#,
            r#"{"jsonrpc":"2.0","method":"nobody/knows","params":null}"#,
            r#"{"jsonrpc":"1.0","method":"nobody/knows"}"#,
            r#"{"jsonrpc":"2.0","method":"nobody/knows","result":{}}"#,
            r#"{"jsonrpc":"2.0","method":"ping"}"#,
            r#"{"jsonrpc":"2.0","method":"server/discover"}"#,
            r#"{"jsonrpc":"2.0","method":"initialize"}"#,
            r#"{"jsonrpc":"2.0","method":"tools/call","params":{"name":"echo"}}"#,
            r#"{"jsonrpc":"2.0","method":"notifications/progress"}"#,
            r#"{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":[]}}"#,
            r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":{}}}"#,
            r#"{"jsonrpc":"2.0","method":"notifications/initialized","params":{"x":[]}}"#,
            r#"{"jsonrpc":"2.0","method":"notifications/resources/updated"}"#,
            r#"{"jsonrpc":"2.0","method":"notifications/message","params":{"level":7}}"#,
        ] {
            server.feed(frame);
            assert_eq!(server.sent(), [] as [Value; 0], "{frame}");
            client.feed(frame);
            assert_eq!(client.sent(), [] as [Value; 0], "{frame}");
        }
        assert_eq!(server.session.open_requests(), 0);
        server.check_alive(revision);
        assert!(client.session.is_open());
    }
}

on_every_revision! {
    fn a_notification_with_an_id_is_a_request_and_is_answered(revision) {
        // `base.notif.noid`
        let mut server = Script::server(revision);
        for method in ["notifications/initialized", "notifications/cancelled", "notifications/x"] {
            server.feed_json(&request(revision, 1, method, json!({"requestId": 9})));
            let answer = server.reply();
            assert_eq!((&answer["id"], &answer["error"]["code"]), (&json!(1), &json!(-32601)));
        }
        let mut client = Script::client(revision);
        client.session.notify::<Marker>(client.now, &json!({"n": 1})).unwrap();
        let sent = client.reply();
        assert_eq!(sent, json!({"jsonrpc": "2.0", "method": "notifications/marker", "params": {"n": 1}}));
    }
}

/// An extension's notification.
struct Marker;

impl mcp_proto::model::method::Notification for Marker {
    const NAME: &'static str = "notifications/marker";
    type Params<'a> = Value;
}

on_every_revision! {
    fn deep_nesting_is_refused_under_the_id_that_came_before_it(revision) {
        // `base.err.invalidreq` `base.resp.id`
        let mut server = Script::server(revision);
        let deep = format!("{}1{}", "[".repeat(128), "]".repeat(128));
        let frame = format!(r#"{{"jsonrpc":"2.0","id":7,"method":"x","params":{{"a":{deep}}}}}"#);
        server.feed(frame);
        check_error(&server.reply(), -32600, Some("7"), revision, "deep");
        let huge = format!(r#"{{"jsonrpc":"2.0","id":7,"method":"x","params":{}"#, "[".repeat(500_000));
        server.feed(huge);
        check_error(&server.reply(), -32600, Some("7"), revision, "bottomless");
        let response = format!(r#"{{"jsonrpc":"2.0","id":7,"result":{{"a":{deep}}}}}"#);
        server.feed(response);
        assert!(server.sent().is_empty(), "a response is never answered");
        server.check_alive(revision);
    }
}

on_every_revision! {
    // `base.resp.id`
    fn the_id_of_what_nests_too_deep_is_found_behind_any_text(revision) {
        let deep = format!("{}1{}", "[".repeat(128), "]".repeat(128));
        for text in [r#""\"""#, r#""\\""#, r#""0123456789\n""#, r#""0123\u00e9456\\""#, r#""{\"id\":8,""#] {
            let mut server = Script::server(revision);
            let before = format!(r#"{{"jsonrpc":"2.0","method":"x","params":{{"a":{deep}}}"#);
            server.feed(format!(r#"{before},"note":{text},"id":7}}"#));
            check_error(&server.reply(), -32600, Some("7"), revision, text);
        }
    }
}

on_every_revision! {
    pipe = "it is about what a decoder of lines finds";
    fn an_oversize_line_is_answered_under_its_id_only_when_it_was_a_request(revision) {
        // `stdio.frame.limit` `base.resp.id`
        let mut server = Script::server(revision);
        let too_long = |head: &str, last| FrameError::TooLong {
            length: 1 << 30,
            limit: 1 << 24,
            head: Bytes::from(head.to_string()),
            last,
        };
        let table = [
            (r#"{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"a":"#, b'}', Some(Some("7"))),
            (r#" {"method":"tools/call","id":"x" ,"params":{"id":8,"#, b'}', Some(Some(r#""x""#))),
            (r#"{"jsonrpc":"2.0","method":"tools/call","params":{"id":8,"#, b'}', Some(None)),
            (r#"{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"a":"#, b'x', Some(None)),
            ("aaaaaaaaaaaaaaaaaa", b'a', Some(None)),
            (r#"{"jsonrpc":"2.0","id":7,"result":{"a":"#, b'}', None),
            (r#"{"jsonrpc":"2.0","id":7,"error":{"a":"#, b'}', None),
        ];
        for (head, last, id) in table {
            server.feed_malformed(too_long(head, last));
            match id {
                Some(id) => check_error(&server.reply(), -32600, id, revision, head),
                None => assert!(server.sent().is_empty(), "{head}"),
            }
        }
        server.check_alive(revision);
        server.feed_malformed(FrameError::Truncated { length: 3 });
        assert!(server.sent().is_empty());
    }
}

/// A client with one call, and the id of its request.
fn calling(revision: Revision) -> (Script<ClientSession>, Value) {
    let mut client = Script::client(revision);
    let params = CallToolParams::new("echo");
    client
        .session
        .call::<CallTool>(client.now, &params, CallOptions::new())
        .unwrap();
    let id = client.reply()["id"].clone();
    (client, id)
}

on_every_revision! {
    // `base.resp.xor` `base.resp.result.object` `base.resp.error.shape` `base.jsonrpc.version`
    fn a_response_that_is_none_fails_its_call_and_is_not_answered(revision) {
        let bodies = [
            r#""result":null"#,
            r#""result":[]"#,
            r#""result":"x""#,
            r#""result":{},"error":{"code":1,"message":"x"}"#,
            r#""error":{"code":"1","message":"x"}"#,
            r#""error":{"code":1.5,"message":"x"}"#,
            r#""error":{"message":"x"}"#,
            r#""error":{"code":1}"#,
            r#""error":{"code":1,"message":5}"#,
            r#""error":null"#,
            r#""error":"x""#,
            r#""nothing":1"#,
        ];
        for body in bodies {
            let (mut client, id) = calling(revision);
            client.feed(format!(r#"{{"jsonrpc":"2.0","id":{id},{body}}}"#));
            assert!(client.sent().is_empty(), "{body}");
            let events = client.take_events();
            let [ClientEvent::Completed(done)] = &events[..] else {
                panic!("{body}: {events:?}");
            };
            assert!(matches!(done.raw(), Err(CallError::BadResult { .. })), "{body}: {done:?}");
            assert!(client.session.is_open());
        }
        let (mut client, id) = calling(revision);
        client.feed(format!(r#"{{"jsonrpc":"1.0","id":{id},"result":{{}}}}"#));
        assert!(matches!(client.events[0], ClientEvent::Completed(_)));
        assert_eq!(client.session.open_calls(), 0);
    }
}

on_every_revision! {
    // `base.resp.result.object` `base.open.objects` `base.resp.error.shape`
    fn unknown_members_and_error_data_arrive_as_they_came(revision) {
        let (mut client, id) = calling(revision);
        let extra = r#"{"resultType":"complete","content":[],"x":{"b":1.50,"a":[ 1 ]}}"#;
        client.feed(format!(r#"{{"extra":1,"jsonrpc":"2.0","id":{id},"result":{extra}}}"#));
        let Some(ClientEvent::Completed(done)) = client.events.pop_front() else { panic!() };
        assert_eq!(done.raw().unwrap().as_str(), extra);
        assert!(done.result::<CallTool>().is_ok());
        let (mut client, id) = calling(revision);
        let data = r#"{"z":1.0,"a":[1e2]}"#;
        client.feed(format!(
            r#"{{"jsonrpc":"2.0","id":{id},"error":{{"code":-7,"message":"no","data":{data},"x":1}}}}"#
        ));
        let Some(ClientEvent::Completed(done)) = client.events.pop_front() else { panic!() };
        let Err(CallError::Rpc(error)) = done.raw() else { panic!("{done:?}") };
        assert_eq!((error.code, &*error.message), (-7, "no"));
        assert_eq!(error.data.as_ref().unwrap().as_str(), data);
    }
}

on_every_revision! {
    // `base.resp.unknown` `cancel.late.resp` `base.resp.error.noid`
    fn a_response_to_nothing_is_reported_and_does_nothing(revision) {
        let (mut client, id) = calling(revision);
        let others = [json!(999), json!(-1), json!(id.to_string()), json!("x")];
        for other in &others {
            client.feed_json(&result(other, tool_result()));
            client.feed_json(&error(other, -32603));
        }
        client.feed_json(&error(&Value::Null, -32700));
        client.feed(r#"{"jsonrpc":"2.0","error":{"code":-32700,"message":"what?"}}"#);
        let events = client.take_events();
        assert_eq!(events.len(), 10);
        let (responses, errors) = events.split_at(8);
        for event in responses {
            assert!(matches!(event, ClientEvent::Ignored(Ignored::Response(Some(_)))), "{event:?}");
        }
        for event in errors {
            assert!(matches!(event, ClientEvent::Ignored(Ignored::Error(_))), "{event:?}");
        }
        assert!(client.sent().is_empty());
        client.feed_json(&result(&id, tool_result()));
        assert!(matches!(client.events[0], ClientEvent::Completed(_)));
        // A second answer finds nothing open.
        client.events.clear();
        client.feed_json(&result(&id, tool_result()));
        assert!(matches!(client.events[0], ClientEvent::Ignored(Ignored::Response(_))));
        assert_eq!(client.session.ignored_responses(), 11);
    }
}

on_every_revision! {
    // `base.resp.unknown`
    fn a_server_never_answers_a_response(revision) {
        let mut server = Script::server(revision);
        for frame in [
            r#"{"jsonrpc":"2.0","id":7,"result":{}}"#,
            r#"{"jsonrpc":"2.0","id":7,"result":null}"#,
            r#"{"jsonrpc":"2.0","id":7,"error":{"code":-1,"message":"x"}}"#,
            r#"{"jsonrpc":"2.0","id":7,"error":{"code":99999999999999999999,"message":"x"}}"#,
            r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"x"}}"#,
            r#"{"jsonrpc":"2.0","error":{"code":-32600,"message":"Invalid request"}}"#,
            r#"{"jsonrpc":"2.0","result":{}}"#,
            r#"{"jsonrpc":"2.0","id":{},"result":{}}"#,
            r#"{"jsonrpc":"2.0","id":7,"result":{},"error":{"code":-1,"message":"x"}}"#,
        ] {
            server.feed(frame);
            assert!(server.sent().is_empty(), "{frame}");
            let events = server.take_events();
            assert!(matches!(events[..], [ServerEvent::Ignored(_)]), "{frame}: {events:?}");
        }
        server.check_alive(revision);
    }
}

on_every_revision! {
    fn garbage_from_a_server_is_reported_and_skipped(revision) {
        // `stdio.garbage` `stdio.frame.crlf` `stdio.frame.partial`
        let (client, id) = calling(revision);
        let good = result(&id, tool_result());
        let bytes = format!("hello\n\r\nDEBUG {{\n[1\n\"x\"\n{good}\r\n");
        for chunk in [1, 2, 7, 1000] {
            let mut client = client.clone();
            client.feed_bytes(bytes.as_bytes(), chunk);
            let events = client.take_events();
            assert_eq!(events.len(), 5, "{events:?}");
            for event in &events[..4] {
                assert!(matches!(event, ClientEvent::Ignored(Ignored::NotAMessage { .. })));
            }
            assert!(matches!(events[4], ClientEvent::Completed(_)));
            assert!(client.sent().is_empty());
        }
    }
}

on_every_revision! {
    fn an_oversize_answer_fails_its_call_and_an_oversize_request_does_not(revision) {
        // `stdio.frame.limit` `base.resp.xor`
        let too_long = |head: String| FrameError::TooLong {
            length: 1 << 30,
            limit: 1 << 24,
            head: Bytes::from(head),
            last: b'}',
        };
        let (mut client, id) = calling(revision);
        client.feed_malformed(too_long(format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"x","params":{{"#)));
        assert_eq!(client.session.open_calls(), 1);
        assert!(matches!(client.events.front(), Some(ClientEvent::Ignored(_))));
        client.events.clear();
        // Only a legacy server's request may be answered.
        match revision.era() {
            Era::Legacy => {
                let answer = client.reply();
                assert_eq!((&answer["id"], &answer["error"]["code"]), (&id, &json!(-32600)));
            }
            _ => assert!(client.sent().is_empty()),
        }
        client.feed_malformed(too_long(format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{{"a":""#)));
        let Some(ClientEvent::Completed(done)) = client.events.pop_front() else { panic!() };
        assert!(matches!(done.raw(), Err(CallError::BadResult { .. })));
        assert!(client.sent().is_empty());
    }
}

on_every_revision! {
    fn a_too_deep_answer_fails_its_call(revision) {
        // `base.resp.xor` `base.dir.modern.client`
        let (mut client, id) = calling(revision);
        let deep = format!("{}1{}", "[".repeat(200), "]".repeat(200));
        client.feed(format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{{"content":{deep}}}}}"#));
        let Some(ClientEvent::Completed(done)) = client.events.pop_front() else { panic!() };
        assert!(matches!(done.raw(), Err(CallError::BadResult { .. })));
        assert!(client.sent().is_empty());
    }
}

on_every_revision! {
    // `base.err.method` `base.err.params` `base.resp.id` `err.std`
    fn a_request_that_can_not_be_served_is_refused_with_its_code(revision) {
        let mut server = Script::server(revision);
        let table = [
            ("nobody/knows", json!({}), -32601),
            ("notifications/nobody", json!({}), -32601),
            ("", json!({}), -32601),
            ("TOOLS/LIST", json!({}), -32601),
            ("sampling/createMessage", json!({}), -32601),
            ("tools/call", json!({}), -32602),
            ("tools/call", json!({"name": 5}), -32602),
            ("tools/call", json!({"name": "x", "arguments": []}), -32602),
            ("tools/call", json!({"name": "x", "arguments": null}), -32602),
            ("tools/list", json!({"cursor": 5}), -32602),
            ("prompts/get", json!({"arguments": {}}), -32602),
            ("prompts/get", json!({"name": "x", "arguments": {"a": 1}}), -32602),
            ("resources/read", json!({}), -32602),
            ("resources/read", json!({"uri": "no uri"}), -32602),
            ("completion/complete", json!({}), -32602),
            ("tools/call", json!({"name": "x", "_meta": 5}), -32602),
            ("tools/call", json!({"name": "x", "_meta": null}), -32602),
        ];
        for (n, (method, params, code)) in table.into_iter().enumerate() {
            let id = json!(format!("id {n}"));
            let message = request(revision, id.clone(), method, params);
            server.feed_json(&message);
            let answer = server.reply();
            assert_eq!(answer["id"], id);
            assert_eq!(answer["error"]["code"], code, "{message}: {answer}");
            assert!(answer.get("result").is_none());
        }
        assert_eq!(server.session.open_requests(), 0);
        assert!(server.take_events().is_empty());
    }
}

on_every_revision! {
    fn unknown_members_are_tolerated_everywhere(revision) {
        // `base.open.objects`
        let mut server = Script::server(revision);
        let mut message = tool_call(revision, 1);
        message["future"] = json!([1]);
        message["params"]["future"] = json!({"a": null});
        message["params"]["_meta"]["com.example/x"] = json!(true);
        server.feed_json(&message);
        assert!(matches!(server.events.pop_front(), Some(ServerEvent::Request(_))));
        let mut cancel = notification("notifications/cancelled", json!({"requestId": 1, "x": []}));
        cancel["future"] = json!(0);
        server.feed_json(&cancel);
        assert!(matches!(server.events.pop_front(), Some(ServerEvent::Cancelled { .. })));
        assert!(server.sent().is_empty());
    }
}

on_revisions! { support::MODERN;
    // `base.dir.modern.badreq` `base.dir.modern.client` `stdio.dir.modern` `stdio.msgs.modern`
    fn a_modern_client_never_responds(revision) {
        let (mut client, _) = calling(revision);
        for method in ["ping", "roots/list", "sampling/createMessage", "elicitation/create", "x"] {
            client.feed_json(&json!({"jsonrpc": "2.0", "id": 1, "method": method}));
            client.feed_json(&json!({"jsonrpc": "2.0", "id": "a", "method": method, "params": {}}));
        }
        let events = client.take_events();
        assert_eq!(events.len(), 10);
        for event in events {
            assert!(matches!(event, ClientEvent::Ignored(Ignored::Request(_))), "{event:?}");
        }
        for frame in [
            r#"{"jsonrpc":"2.0","id":77,"method":5}"#,
            r#"{"jsonrpc":"2.0","id":77,"method":"x","params":[]}"#,
            r#"{"jsonrpc":"2.0","id":77}"#,
            "[]",
            "garbage",
        ] {
            client.feed(frame);
        }
        assert!(client.sent().is_empty());
        assert_eq!(client.session.open_calls(), 1);
        assert_eq!(revision.era(), Era::Modern);
    }
}

#[test]
fn a_client_of_the_modern_era_alone_never_responds_while_it_asks_for_the_era() {
    // `base.dir.modern.client` `stdio.dir.modern`
    let config = support::pair::client_config(Revision::V2026_07_28);
    let mut client = Script::fresh_client(config);
    assert_eq!(client.reply()["method"], "server/discover");
    client.feed(r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#);
    client.feed(r#"{"jsonrpc":"2.0","id":2,"method":7}"#);
    assert!(client.sent().is_empty());
    assert!(matches!(
        client.events[0],
        ClientEvent::Ignored(Ignored::Request(_))
    ));
}

on_revisions! { support::LEGACY;
    // `base.dir.legacy` `base.err.method` `base.resp.id`
    fn a_legacy_client_answers_requests_it_can_not_serve(revision) {
        let mut client = Script::client(revision);
        client.feed(r#"{"jsonrpc":"2.0","id":"s1","method":"nobody/knows"}"#);
        let answer = client.reply();
        assert_eq!((&answer["id"], &answer["error"]["code"]), (&json!("s1"), &json!(-32601)));
        client.feed(r#"{"jsonrpc":"2.0","id":"s2","method":"ping","params":[]}"#);
        let answer = client.reply();
        assert_eq!((&answer["id"], &answer["error"]["code"]), (&json!("s2"), &json!(-32602)));
        // Its own id space: the server's 1 isn't the client's.
        client.feed(r#"{"jsonrpc":"2.0","id":1,"method":"roots/list"}"#);
        assert!(client.events.iter().any(|event| matches!(event, ClientEvent::InputRequested(_))));
    }
}

on_every_revision! {
    fn what_a_peer_prints_that_is_no_message_is_told_by_its_beginning(revision) {
        let junk = format!("  Starting up ... {}", "x".repeat(200));
        let mut client = Script::client(revision);
        client.take_events();
        client.feed(junk);
        client.feed("{\"password\": hidden}");
        let events = client.take_events();
        let [ClientEvent::Ignored(told), ClientEvent::Ignored(message)] = &events[..] else {
            panic!("{events:?}");
        };
        let shown = told.to_string();
        assert!(shown.contains("\"Starting up ..."), "{shown}");
        assert!(shown.len() < 200, "{shown}");
        // What looks like a message may hold secrets.
        assert!(!format!("{message:?}{message}").contains("hidden"));
    }
}
