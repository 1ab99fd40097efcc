//! Error codes: those the specification defines, those it keeps for itself, those it gave up.

use std::collections::BTreeSet;

use mcp_proto::Revision;
use mcp_proto::model::method::{CallTool, ReadResource};
use mcp_proto::model::resource::ReadResourceParams;
use mcp_proto::model::tool::CallToolParams;
use mcp_proto::rpc::{Raw, RpcError, code};
use mcp_proto::session::{CallError, CallOptions, Invalid, Misuse, ServerEvent, ServerSession};
use serde_json::{Value, json};

use support::pair::Pair;
use support::script::{Script, initialize, modern_meta, request, tool_call};
use support::{LEGACY, MODERN};
use support::{on_every_revision, on_revisions};

#[test]
fn the_codes_have_their_numbers() {
    // `err.std` `err.sampling.reject` `err.unsupportedver` `err.missingcap`
    let numbers = [
        code::PARSE_ERROR,
        code::INVALID_REQUEST,
        code::METHOD_NOT_FOUND,
        code::INVALID_PARAMS,
        code::INTERNAL_ERROR,
        code::REJECTED,
        code::RESOURCE_NOT_FOUND,
        code::HEADER_MISMATCH,
        code::MISSING_REQUIRED_CLIENT_CAPABILITY,
        code::UNSUPPORTED_PROTOCOL_VERSION,
        code::URL_ELICITATION_REQUIRED,
    ];
    let expected = [
        -32700, -32600, -32601, -32602, -32603, -1, -32002, -32020, -32021, -32022, -32042,
    ];
    assert_eq!(numbers, expected);
    assert_eq!(RpcError::invalid_request("x").code, -32600);
    assert_eq!(RpcError::method_not_found("x").code, -32601);
    assert_eq!(RpcError::invalid_params("x").code, -32602);
    assert_eq!(RpcError::internal("x").code, -32603);
}

/// A server with one open request.
fn asked(revision: Revision) -> (Script<ServerSession>, mcp_proto::session::IncomingId) {
    let mut server = Script::server(revision);
    server.feed_json(&tool_call(revision, 1));
    match server.events.pop_front() {
        Some(ServerEvent::Request(request)) => (server, request.id),
        other => panic!("{other:?}"),
    }
}

/// What has to go with a code that the specification defines.
fn data_of(code: i64) -> Option<&'static str> {
    match code {
        -32021 => Some(r#"{"requiredCapabilities":{"sampling":{}}}"#),
        -32022 => Some(r#"{"supported":["2026-07-28"],"requested":"x"}"#),
        _ => None,
    }
}

on_revisions! { MODERN;
    // `err.range.spec` `err.retired.32042` `err.range.app`
    fn codes_that_the_specification_keeps_are_not_given_out(revision) {
        let defined = [-32020, -32021, -32022];
        for code in -32110..=-32015 {
            let (mut server, request) = asked(revision);
            let before = format!("{:?}", server.session);
            let mut error = RpcError::new(code, "m");
            if let Some(data) = data_of(code) {
                // Without its data a code doesn't have its meaning.
                let bare = server.session.reply_error(server.now, request, error.clone());
                assert!(matches!(bare, Err(Misuse::Invalid(Invalid::ErrorData))), "{code}");
                assert_eq!(format!("{:?}", server.session), before);
                error = error.data(Raw::new(data).unwrap());
            }
            let made = server.session.reply_error(server.now, request, error);
            let may = defined.contains(&code) || !(-32099..=-32020).contains(&code);
            assert_eq!(made.is_ok(), may, "{code}");
            match made {
                Ok(()) => assert_eq!(server.reply()["error"]["code"], code),
                Err(misuse) => {
                    assert!(matches!(misuse, Misuse::ReservedCode(_) | Misuse::CodeNotInRevision { .. }));
                    assert_eq!(format!("{:?}", server.session), before);
                    assert!(server.sent().is_empty());
                }
            }
        }
        for code in [1, -1, 404, 40_000, -31_999, -32_769] {
            let (mut server, request) = asked(revision);
            server.session.reply_error(server.now, request, RpcError::new(code, "m")).unwrap();
            assert_eq!(server.reply()["error"]["code"], code);
        }
    }
}

on_every_revision! {
    // `err.retired.32042` `err.retired.32002` `err.32002.accept`
    fn a_code_that_one_revision_has_is_written_as_the_other_knows_it(revision) {
        let (mut server, request) = asked(revision);
        let made = server.session.reply_error(server.now, request, RpcError::new(-32042, "m"));
        let newest_legacy = revision == Revision::V2025_11_25;
        // The scripted client of that revision declares forms alone.
        match newest_legacy {
            true => assert!(matches!(made, Err(Misuse::MissingClientCapability(_)))),
            false => assert!(made == Err(Misuse::CodeNotInRevision { code: -32042, revision }), "{made:?}"),
        }
        assert!(server.sent().is_empty());
        let mut pair = Pair::open(revision);
        let params = ReadResourceParams::new("a:b");
        let call = pair.client.call::<ReadResource>(pair.now, &params, CallOptions::new()).unwrap();
        pair.drive();
        let request = pair.request();
        pair.server.reply_error(pair.now, request.id, RpcError::resource_not_found("a:b")).unwrap();
        pair.drive();
        let done = pair.completed(call);
        let Err(CallError::Rpc(error)) = done.raw() else { panic!() };
        assert_eq!(error.code, if revision == Revision::V2026_07_28 { -32602 } else { -32002 });
        assert_eq!(error.data.as_ref().unwrap().as_str(), r#"{"uri":"a:b"}"#);
        // A client takes either for what it is: the peer's own error, untouched.
        for code in [-32002, -32602] {
            let mut client = Script::client(revision);
            client.session.call::<ReadResource>(client.now, &params, CallOptions::new()).unwrap();
            let id = client.reply()["id"].clone();
            client.feed_json(&support::script::error(&id, code));
            let Some(mcp_proto::session::ClientEvent::Completed(done)) = client.events.pop_front() else { panic!() };
            assert!(matches!(done.raw(), Err(CallError::Rpc(error)) if error.code == code));
        }
    }
}

on_every_revision! {
    // `err.range.legacy` `base.resp.error.shape` `base.resp.error.msg` `err.range.spec`
    fn the_library_itself_gives_only_codes_that_are_defined(revision) {
        let mut codes = BTreeSet::new();
        let mut frames: Vec<String> = ["garbage", "[]", "5", "{}", "{\"jsonrpc\":\"2.0\",\"id\":1}",
            "{\"jsonrpc\":\"2.0\",\"id\":null,\"method\":\"x\"}"].map(String::from).to_vec();
        for method in ["nobody/knows", "tools/call", "prompts/get", "resources/read", "completion/complete",
            "subscriptions/listen", "logging/setLevel", "resources/subscribe", "initialize", "server/discover",
            "tasks/get", "tasks/list"] {
            for params in [json!({}), json!({"name": 1}), json!({"_meta": modern_meta()}), json!({"_meta": 1})] {
                frames.push(json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).to_string());
            }
            let mut bad = request(Revision::V2026_07_28, 1, method, json!({}));
            bad["params"]["_meta"]["io.modelcontextprotocol/protocolVersion"] = json!("1999-01-01");
            frames.push(bad.to_string());
        }
        for fresh in [false, true] {
            for frame in &frames {
                let mut server = match fresh {
                    true => Script::fresh_server(support::pair::server_config()),
                    false => Script::server(revision),
                };
                server.feed(frame.clone());
                for answer in server.sent() {
                    let Some(error) = answer.get("error") else { continue };
                    codes.insert(error["code"].as_i64().unwrap());
                    let message = error["message"].as_str().unwrap();
                    assert!(!message.is_empty() && message.len() < 200 && !message.contains('\n'), "{message}");
                }
            }
        }
        let expected = BTreeSet::from([-32700, -32600, -32601, -32602, -32022]);
        assert_eq!(codes, expected);
    }
}

on_every_revision! {
    // `base.resp.error.shape`
    fn an_errors_data_arrives_as_it_was_given(revision) {
        for data in ["null", "5", r#""x""#, r#"[1.50,{"b":1,"a":2}]"#, r#"{"z":1e2}"#] {
            let mut pair = Pair::open(revision);
            let params = CallToolParams::new("x");
            let call = pair.client.call::<CallTool>(pair.now, &params, CallOptions::new()).unwrap();
            pair.drive();
            let request = pair.request();
            let error = RpcError::new(77, "say \"why\"").data(Raw::new(data).unwrap());
            pair.server.reply_error(pair.now, request.id, error.clone()).unwrap();
            pair.drive();
            let done = pair.completed(call);
            assert_eq!(done.raw(), Err(&CallError::Rpc(error)));
        }
    }
}

on_revisions! { LEGACY;
    // `err.init.version.legacy` `lifecycle.ver.other`
    fn an_unknown_version_is_no_error_to_a_legacy_server(revision) {
        let config = support::pair::server_config().revisions(vec![revision]);
        let mut server = Script::fresh_server(config);
        server.feed_json(&initialize(1, "1999-01-01"));
        assert_eq!(server.reply()["result"]["protocolVersion"], revision.as_str());
    }
}

on_revisions! { [Revision::V2026_07_28];
    fn what_went_wrong_here_is_not_dressed_up_as_the_peers_error(revision) {
        // `err.local` `timeout.local`
        let mut client = Script::client(revision);
        let params = CallToolParams::new("x");
        for _ in 0..3 {
            client
                .session
                .call::<CallTool>(client.now, &params, CallOptions::new())
                .unwrap();
        }
        let ids: Vec<Value> = client
            .sent()
            .iter()
            .map(|sent| sent["id"].clone())
            .collect();
        client.feed_json(&json!({"jsonrpc": "2.0", "id": ids[0], "result": 5}));
        client.pass(std::time::Duration::from_secs(60));
        for event in client.take_events() {
            let mcp_proto::session::ClientEvent::Completed(done) = event else {
                panic!()
            };
            assert!(
                !matches!(done.raw(), Err(CallError::Rpc(_)) | Ok(_)),
                "{done:?}"
            );
        }
    }
}
