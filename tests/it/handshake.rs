//! Opening a session in either era.

use std::time::Duration;

use mcp_proto::Revision;
use mcp_proto::model::content::ContentBlock;
use mcp_proto::model::input::InputRequests;
use mcp_proto::model::logging::{LoggingLevel, LoggingMessageParams};
use mcp_proto::model::method::{CallTool, Initialized, ListRoots};
use mcp_proto::model::tool::{CallToolParams, CallToolResult};
use mcp_proto::rpc::Raw;
use mcp_proto::session::{
    CallOptions, Change, ClientConfig, ClientEvent, CloseReason, EraPolicy, Handle, Misuse,
    ServerConfig, ServerEvent, ServerSession, Session,
};
use serde_json::{Value, json};

use support::LEGACY;
use support::pair::{Pair, client_config, server_config};
use support::script::{Script, initialize, notification, opening_result, result, tool_call};
use support::{on_every_revision, on_revisions};

on_every_revision! {
    fn a_tool_call_goes_there_and_back(revision) {
        let mut pair = Pair::open(revision);
        assert_eq!(pair.client.revision(), Some(revision));
        let arguments = Raw::new(r#"{"message":"hello"}"#).unwrap();
        let params = CallToolParams::new("echo").arguments(arguments);
        let call = pair.client.call::<CallTool>(pair.now, &params, CallOptions::new()).unwrap();
        pair.drive();
        let request = pair.request();
        assert_eq!(request.revision, revision);
        let asked = request.params::<CallTool>().unwrap();
        assert_eq!(asked.name, "echo");
        assert_eq!(asked.arguments.as_ref().unwrap().as_str(), r#"{"message":"hello"}"#);
        pair.server.reply::<CallTool>(pair.now, request.id, &CallToolResult::text("hi")).unwrap();
        pair.drive();
        let done = pair.completed(call);
        let result = done.of(call).unwrap().unwrap();
        assert_eq!(result.content.first().and_then(ContentBlock::as_text), Some("hi"));
    }
}

/// A request that every legacy client may make, in the wrong or the right moment.
fn ping(id: &str) -> Value {
    json!({"jsonrpc": "2.0", "id": id, "method": "ping"})
}

on_revisions! { LEGACY;
    // `lifecycle.init.first` `lifecycle.init.supported` `lifecycle.init.params` `lifecycle.initialized`
    // `caps.client.must.declare` `data.impl.fields`
    fn the_handshake_is_initialize_its_result_and_initialized(revision) {
        let mut client = Script::fresh_client(client_config(revision));
        let asked = client.reply();
        assert_eq!(asked["method"], "initialize");
        assert_eq!(asked["params"]["protocolVersion"], revision.as_str());
        assert_eq!(asked["params"]["clientInfo"], json!({"name": "test client", "version": "1.0"}));
        let capabilities = &asked["params"]["capabilities"];
        assert!(capabilities["sampling"].is_object());
        assert_eq!(capabilities["roots"]["listChanged"], true);
        assert_eq!(capabilities.get("elicitation").is_some(), revision >= Revision::V2025_06_18);
        assert!(client.sent().is_empty(), "nothing more before the answer");
        assert_eq!(client.session.revision(), None);
        let answer = opening_result(revision, &json!({"tools": {}}));
        client.feed_json(&result(&asked["id"], answer));
        let initialized = client.reply();
        assert_eq!(initialized["method"], "notifications/initialized");
        assert!(initialized.get("id").is_none());
        assert!(matches!(client.events.pop_front(), Some(ClientEvent::Opened { .. })));
        assert_eq!(client.session.revision(), Some(revision));
        // It is said once, whatever comes.
        client.feed_json(&result(&asked["id"], opening_result(revision, &json!({}))));
        client.pass(Duration::from_secs(30));
        client.feed_json(&ping("p"));
        assert_eq!(client.reply()["id"], "p");
        let misuse = client.session.notify::<Initialized>(client.now, &serde_json::from_str("{}").unwrap());
        assert!(misuse.is_err());
        assert!(client.sent().is_empty());
    }
}

on_revisions! { LEGACY;
    // `lifecycle.init.params` `lifecycle.init.error` `base.err.params`
    fn initialize_without_one_of_its_params_is_refused_and_may_be_sent_again(revision) {
        let mut server = Script::fresh_server(server_config());
        for key in ["protocolVersion", "capabilities", "clientInfo"] {
            let mut bad = initialize(1, revision.as_str());
            bad["params"].as_object_mut().unwrap().remove(key);
            server.feed_json(&bad);
            assert_eq!(server.reply()["error"]["code"], -32602, "{key}");
        }
        for (key, wrong) in [("protocolVersion", json!(5)), ("capabilities", json!([])),
            ("clientInfo", json!({"name": "x"}))] {
            let mut bad = initialize(1, revision.as_str());
            bad["params"][key] = wrong;
            server.feed_json(&bad);
            assert_eq!(server.reply()["error"]["code"], -32602, "{key}");
        }
        server.feed(r#"{"jsonrpc":"2.0","id":1,"method":"initialize"}"#);
        assert_eq!(server.reply()["error"]["code"], -32602);
        assert_eq!(server.session.legacy_revision(), None);
        server.feed_json(&initialize(1, revision.as_str()));
        assert!(server.reply()["result"].is_object());
        assert_eq!(server.session.legacy_revision(), Some(revision));
    }
}

on_revisions! { LEGACY;
    // `lifecycle.init.reply` `lifecycle.instructions` `caps.server.must.declare` `base.support.core`
    fn the_answer_says_who_the_server_is_and_what_it_can_do(revision) {
        let config = server_config().instructions(Some("be kind".into()));
        let mut pair = Pair::open_with(client_config(revision), config);
        let answer = &pair.sent_by_server()[0]["result"];
        assert_eq!(answer["protocolVersion"], revision.as_str());
        assert_eq!(answer["serverInfo"], json!({"name": "test server", "version": "2.0"}));
        assert_eq!(answer["instructions"], "be kind");
        assert_eq!(answer["capabilities"]["tools"], json!({"listChanged": true}));
        assert_eq!(pair.client.server_info().unwrap().name, "test server");
        assert_eq!(pair.client.instructions().unwrap(), "be kind");
        assert!(pair.client.server_capabilities().unwrap().tools.is_some());
        assert_eq!(pair.server.client_info().unwrap().name, "test client");
        assert!(pair.server.client_capabilities().unwrap().sampling.is_some());
        // What was said stays known after the end.
        pair.client.close(pair.now);
        assert_eq!(pair.client.instructions().unwrap(), "be kind");
    }
}

on_every_revision! {
    // `base.support.core` `ping.respond` `discover.must` `ext.optin`
    fn a_server_of_nothing_opens_and_answers_the_core(revision) {
        let server = ServerConfig::new("bare", "0");
        let client = ClientConfig::new("bare", "0").revisions(vec![revision]).era(match revision {
            Revision::V2026_07_28 => EraPolicy::Modern,
            _ => EraPolicy::Legacy,
        });
        let mut pair = Pair::open_with(client, server);
        let alive = pair.client.ping(pair.now, CallOptions::new()).unwrap();
        pair.drive();
        assert!(pair.completed(alive).raw().is_ok());
        assert!(pair.server_events.is_empty());
        for sent in pair.sent_by_client().iter().chain(&pair.sent_by_server()) {
            assert!(!sent.to_string().contains("extensions"), "{sent}");
        }
    }
}

on_revisions! { LEGACY;
    // `lifecycle.pre.client` `ping.respond` `lifecycle.init.first`
    fn before_the_answer_a_client_sends_nothing_but_answers_pings(revision) {
        let mut client = Script::fresh_client(client_config(revision));
        let asked = client.reply();
        let params = CallToolParams::new("x");
        let options = CallOptions::new;
        assert_eq!(client.session.call::<CallTool>(client.now, &params, options()), Err(Misuse::NotOpen));
        assert_eq!(client.session.ping(client.now, options()), Err(Misuse::NotOpen));
        assert_eq!(client.session.roots_changed(client.now), Err(Misuse::NotOpen));
        client.feed_json(&ping("p"));
        assert_eq!(client.reply(), json!({"jsonrpc": "2.0", "id": "p", "result": {}}));
        client.feed_json(&json!({"jsonrpc": "2.0", "id": "q", "method": "ping", "params": {"_meta": {}}}));
        assert_eq!(client.reply()["result"], json!({}));
        // A server that asks too early is told so.
        client.feed_json(&json!({"jsonrpc": "2.0", "id": "r", "method": "roots/list"}));
        assert_eq!(client.reply()["error"]["code"], -32601);
        client.feed_json(&result(&asked["id"], opening_result(revision, &json!({}))));
        assert!(client.session.is_open());
    }
}

on_revisions! { LEGACY;
    // `ping.respond` `ping.noparams`
    fn pings_are_answered_in_every_state_of_a_server(revision) {
        let mut server = Script::fresh_server(server_config());
        let check = |server: &mut Script<ServerSession>| {
            for params in [None, Some(json!({})), Some(json!({"_meta": {"x": 1}}))] {
                let mut message = ping("p");
                if let Some(params) = params {
                    message["params"] = params;
                }
                server.feed_json(&message);
                assert_eq!(server.reply(), json!({"jsonrpc": "2.0", "id": "p", "result": {}}));
            }
        };
        check(&mut server);
        server.feed_json(&initialize(1, revision.as_str()));
        server.sent();
        check(&mut server);
        server.feed_json(&notification("notifications/initialized", json!({})));
        check(&mut server);
        server.feed_json(&tool_call(revision, 2));
        check(&mut server);
        assert!(server.events.iter().all(|event| !matches!(event, ServerEvent::Ignored(_))));
    }
}

on_revisions! { LEGACY;
    streams;
    // `lifecycle.pre.server` `base.dir.legacy`
    fn before_initialized_a_server_asks_nothing_and_then_it_does(revision) {
        let asking = || {
            let mut server = Script::fresh_server(server_config());
            let mut batch_free = initialize(1, revision.as_str());
            batch_free["params"]["capabilities"] = json!({"roots": {}});
            server.feed_json(&batch_free);
            server.sent();
            // A request is served all the same; what it needs of the client waits.
            server.feed_json(&tool_call(revision, 2));
            let events = server.take_events();
            let [ServerEvent::Opened { .. }, ServerEvent::Request(asked)] = &events[..] else {
                panic!("{events:?}");
            };
            let need = InputRequests::new().roots("r");
            server.session.need_input(server.now, asked.id, &need, None).unwrap();
            assert!(server.sent().is_empty());
            server
        };
        let (mut server, mut forgetful) = (asking(), asking());
        server.feed_json(&notification("notifications/initialized", json!({})));
        assert_eq!(server.reply()["method"], "roots/list");
        // A client that forgets to say it doesn't keep the handler waiting for ever.
        forgetful.pass(Duration::from_secs(600));
        let Some(ServerEvent::Request(again)) = forgetful.events.pop_front() else { panic!() };
        assert!(matches!(again.input::<ListRoots>("r"), Some(Err(_))));
        assert!(forgetful.sent().is_empty(), "there is nothing to cancel");
        // List changes wait for it too.
        let mut server = Script::fresh_server(server_config());
        server.feed_json(&initialize(1, revision.as_str()));
        server.sent();
        server.session.changed(server.now, Change::Tools).unwrap();
        assert!(server.sent().is_empty());
        let message = LoggingMessageParams::text(LoggingLevel::Error, "early");
        assert!(server.session.log(server.now, None, &message).unwrap());
        assert_eq!(server.reply()["method"], "notifications/message");
        server.feed_json(&notification("notifications/initialized", json!({})));
        server.session.changed(server.now, Change::Tools).unwrap();
        assert_eq!(server.reply()["method"], "notifications/tools/list_changed");
    }
}

on_revisions! { LEGACY;
    // `lifecycle.pre.recv` `base.resp.id`
    fn before_initialize_a_request_is_refused(revision) {
        for (revisions, code) in [(vec![revision], -32600), (Revision::ALL.to_vec(), -32602)] {
            let mut server = Script::fresh_server(server_config().revisions(revisions));
            for method in ["tools/list", "tools/call", "logging/setLevel", "nobody/knows"] {
                server.feed_json(&json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": {"name": "x"}}));
                let answer = server.reply();
                assert_eq!((&answer["id"], &answer["error"]["code"]), (&json!(1), &json!(code)));
            }
            server.feed_json(&notification("notifications/initialized", json!({})));
            server.feed_json(&tool_call(revision, 2));
            assert_eq!(server.reply()["error"]["code"], code);
            assert!(server.take_events().is_empty());
            server.feed_json(&initialize(3, revision.as_str()));
            assert!(server.reply()["result"].is_object());
        }
    }
}

on_revisions! { LEGACY;
    // `lifecycle.reinit`
    fn a_second_initialize_is_refused_and_changes_nothing(revision) {
        let mut server = Script::server(revision);
        server.feed_json(&tool_call(revision, 1));
        for version in ["2024-11-05", "2025-11-25", "1999-01-01"] {
            server.feed_json(&initialize(2, version));
            assert_eq!(server.reply()["error"]["code"], -32600);
        }
        assert_eq!(server.session.legacy_revision(), Some(revision));
        assert_eq!(server.session.client_info().unwrap().name, "scripted");
        assert_eq!(server.session.open_requests(), 1);
        server.check_alive(revision);
    }
}

on_revisions! { LEGACY;
    // `lifecycle.init.error` `lifecycle.error.cases` `lifecycle.init.nocancel`
    fn a_refused_or_unanswered_handshake_closes_the_session_for_its_own_reason(revision) {
        let refused = json!({"code": -32602, "message": "Unsupported protocol version",
            "data": {"supported": ["2024-10-07"], "requested": revision.as_str()}});
        let mut client = Script::fresh_client(client_config(revision));
        let id = client.reply()["id"].clone();
        client.feed_json(&json!({"jsonrpc": "2.0", "id": id, "error": refused}));
        let events = client.take_events();
        let [ClientEvent::Closed(CloseReason::OpeningRefused(error))] = &events[..] else {
            panic!("{events:?}");
        };
        assert_eq!(error.code, -32602);
        assert!(error.data.as_ref().unwrap().as_str().contains("2024-10-07"));
        for malformed in [json!({}), json!({"protocolVersion": revision.as_str()}), json!({
            "protocolVersion": revision.as_str(), "capabilities": 5, "serverInfo": {}})] {
            let mut client = Script::fresh_client(client_config(revision));
            let id = client.reply()["id"].clone();
            client.feed_json(&result(&id, malformed));
            let events = client.take_events();
            assert!(matches!(events[..], [ClientEvent::Closed(CloseReason::BadOpening(_))]), "{events:?}");
            assert!(client.sent().is_empty());
        }
        let mut client = Script::fresh_client(client_config(revision));
        client.reply();
        client.pass(Duration::from_millis(59_999));
        assert!(client.events.is_empty());
        client.pass(Duration::from_millis(1));
        let events = client.take_events();
        let [ClientEvent::Closed(CloseReason::OpeningTimedOut(after))] = &events[..] else {
            panic!("{events:?}");
        };
        assert_eq!(*after, Duration::from_secs(60));
        assert!(client.sent().is_empty(), "initialize is never cancelled");
    }
}

on_revisions! { LEGACY;
    // `lifecycle.init.nocancel` `cancel.init` `timeout.init`
    fn nothing_cancels_initialize(revision) {
        // The number that the handshake has here is that of a call there.
        let mut other = Script::fresh_client(ClientConfig::new("x", "1").era(EraPolicy::AssumeModern));
        let params = CallToolParams::new("x");
        let foreign = other.session.call::<CallTool>(other.now, &params, CallOptions::new()).unwrap();
        let mut client = Script::fresh_client(client_config(revision));
        let asked = client.reply();
        assert_eq!(foreign.to_string(), format!("call {}", asked["id"]));
        let before = format!("{:?}", client.session);
        assert_eq!(client.session.cancel(client.now, foreign, None), Err(Misuse::Unknown(Handle::Call)));
        assert_eq!(format!("{:?}", client.session), before);
        assert!(client.sent().is_empty());
        client.session.close(client.now);
        assert!(client.sent().is_empty());
        let mut client = Script::fresh_client(client_config(revision));
        client.reply();
        client.pass(Duration::from_secs(60));
        assert!(client.session.is_closed());
        assert!(client.sent().is_empty());
        // A client's cancel of it finds nothing on a server.
        let mut server = Script::server(revision);
        server.feed_json(&notification("notifications/cancelled", json!({"requestId": 0})));
        assert!(server.sent().is_empty());
        assert_eq!(server.session.legacy_revision(), Some(revision));
    }
}
