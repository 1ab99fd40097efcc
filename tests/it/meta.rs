//! `_meta`: what requests and results say of themselves, and what passes through untouched.

use mcp_proto::model::input::InputRequests;
use mcp_proto::model::logging::{LoggingLevel, LoggingMessageParams};
use mcp_proto::model::meta::Meta;
use mcp_proto::model::method::{
    CallTool, Complete, Discover, GetPrompt, ListPrompts, ListResourceTemplates, ListResources,
    ListRoots, ListTools, Method, ReadResource,
};
use mcp_proto::model::page::PaginatedRequestParams;
use mcp_proto::model::root::ListRootsResult;
use mcp_proto::model::subscription::SubscriptionFilter;
use mcp_proto::model::tool::{CallToolParams, CallToolResult};
use mcp_proto::rpc::Raw;
use mcp_proto::session::{
    CallOptions, Change, ClientEvent, ClientSession, Misuse, ServerEvent, Session,
};
use mcp_proto::{Era, Revision};
use serde_json::{Value, json};

use support::carrier::Way;
use support::pair::{Pair, client_config, server_config};
use support::script::{Script, modern_meta, request, tool_call};
use support::{LEGACY, MODERN};
use support::{on_every_revision, on_revisions};

const VERSION: &str = "io.modelcontextprotocol/protocolVersion";
const CAPABILITIES: &str = "io.modelcontextprotocol/clientCapabilities";
const CLIENT_INFO: &str = "io.modelcontextprotocol/clientInfo";
const SERVER_INFO: &str = "io.modelcontextprotocol/serverInfo";
const SUBSCRIPTION_ID: &str = "io.modelcontextprotocol/subscriptionId";

/// An extension's method.
struct Extra;

impl Method for Extra {
    const NAME: &'static str = "com.example/extra";
    type Params<'a> = Value;
    type Result<'a> = Value;
}

/// Makes one call of each kind there is.
fn call_everything(client: &mut ClientSession, now: mcp_proto::Instant) {
    let page = PaginatedRequestParams::new();
    let options = CallOptions::new;
    client.call::<ListTools>(now, &page, options()).unwrap();
    client.call::<ListPrompts>(now, &page, options()).unwrap();
    client.call::<ListResources>(now, &page, options()).unwrap();
    client
        .call::<ListResourceTemplates>(now, &page, options())
        .unwrap();
    client
        .call::<CallTool>(now, &CallToolParams::new("x"), options())
        .unwrap();
    let prompt = serde_json::from_str(r#"{"name":"p"}"#).unwrap();
    client.call::<GetPrompt>(now, &prompt, options()).unwrap();
    let read = serde_json::from_str(r#"{"uri":"a:b"}"#).unwrap();
    client.call::<ReadResource>(now, &read, options()).unwrap();
    let text = r#"{"ref":{"type":"ref/prompt","name":"p"},"argument":{"name":"a","value":"v"}}"#;
    let complete = serde_json::from_str(text).unwrap();
    client.call::<Complete>(now, &complete, options()).unwrap();
    client
        .call::<Extra>(now, &json!({"n": 1}), options())
        .unwrap();
    client.ping(now, options()).unwrap();
    client
        .set_log_level(now, LoggingLevel::Error, options())
        .unwrap();
    let filter = SubscriptionFilter::new()
        .tools_list_changed(true)
        .resource_subscriptions(["a:b"]);
    client.subscribe(now, &filter).unwrap();
}

on_revisions! { MODERN;
    // `meta.req.version` `meta.req.caps` `meta.req.info` `meta.req.params.required` `discover.params`
    fn every_modern_request_says_what_it_is(revision) {
        for send_info in [true, false] {
            let config = client_config(revision).send_info(send_info);
            let mut client = Script::fresh_client(config.clone());
            let probe = client.reply();
            assert_eq!(probe["method"], "server/discover");
            assert_eq!(probe["params"].as_object().unwrap().len(), 1, "{probe}");
            let mut client = Script::client_with(revision, config);
            call_everything(&mut client.session, client.now);
            let mut sent = client.sent();
            assert!(sent.len() >= 11);
            sent.push(probe);
            for message in sent {
                let meta = &message["params"]["_meta"];
                assert_eq!(meta[VERSION], "2026-07-28", "{message}");
                assert!(meta[CAPABILITIES]["sampling"].is_object(), "{message}");
                assert!(meta[CAPABILITIES]["elicitation"].is_object(), "{message}");
                assert_eq!(meta.get(CLIENT_INFO).is_some(), send_info, "{message}");
                if send_info {
                    assert_eq!(meta[CLIENT_INFO]["name"], "test client");
                    assert_eq!(meta[CLIENT_INFO]["version"], "1.0");
                }
            }
        }
    }
}

on_revisions! { MODERN;
    // `meta.req.caps` `caps.client.must.declare`
    fn a_client_of_no_capabilities_says_so_with_each_request(revision) {
        let config = client_config(revision).capabilities(Default::default());
        let mut client = Script::client_with(revision, config);
        call_everything(&mut client.session, client.now);
        for message in client.sent() {
            assert_eq!(message["params"]["_meta"][CAPABILITIES], json!({}));
        }
    }
}

on_revisions! { MODERN;
    // `meta.req.version` `mrtr.client.params`
    fn a_retry_after_a_round_of_input_says_it_again(revision) {
        let mut pair = Pair::open(revision);
        let params = CallToolParams::new("x");
        let extra = Meta::new().with("com.example/a", &[1, 2]);
        let options = CallOptions::new().progress(true).meta(Some(extra));
        pair.client.call::<CallTool>(pair.now, &params, options).unwrap();
        pair.drive();
        let asked = pair.request();
        let need = InputRequests::new().roots("roots");
        pair.server.need_input(pair.now, asked.id, &need, None).unwrap();
        pair.drive();
        let Some(ClientEvent::InputRequested(input)) = pair.client_events.pop_front() else { panic!() };
        let roots = ListRootsResult::new(Vec::new());
        pair.client.answer::<ListRoots>(pair.now, input.input, &roots).unwrap();
        pair.drive();
        let sent = pair.sent_by_client();
        let [.., first, second] = &sent[..] else { panic!() };
        assert_ne!(first["id"], second["id"]);
        let (first, second) = (&first["params"]["_meta"], &second["params"]["_meta"]);
        assert_eq!(first[VERSION], "2026-07-28");
        assert_eq!(first, second);
        assert_eq!(second["com.example/a"], json!([1, 2]));
    }
}

on_revisions! { LEGACY;
    // `meta.where.legacy` `caps.client.must.declare` `ext.legacy`
    fn legacy_requests_say_nothing_of_it(revision) {
        let mut client = Script::client(revision);
        call_everything(&mut client.session, client.now);
        for message in client.sent() {
            assert!(message["params"].get("_meta").is_none(), "{message}");
        }
    }
}

on_every_revision! {
    // `meta.trace` `meta.noassume` `meta.where.legacy` `meta.progressToken`
    fn further_entries_go_through_as_they_are(revision) {
        let mut pair = Pair::open(revision);
        let meta = Meta::new()
            .with("traceparent", "00-0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-01")
            .with("tracestate", "a=b")
            .with("baggage", "k=v")
            .with("io.modelcontextprotocol/future", &Raw::new(r#"{"b":1,"a":[null]}"#).unwrap())
            .with("com.example/raw", &Raw::new("1.50e3").unwrap());
        let options = CallOptions::new().meta(Some(meta)).progress(true);
        let params = CallToolParams::new("x");
        pair.client.call::<CallTool>(pair.now, &params, options).unwrap();
        pair.drive();
        let asked = pair.request();
        assert!(asked.wants_progress());
        let params = asked.params::<CallTool>().unwrap();
        let meta = params.meta.unwrap();
        assert_eq!(meta.traceparent().unwrap(), "00-0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-01");
        assert_eq!(meta.tracestate().unwrap(), "a=b");
        assert_eq!(meta.baggage().unwrap(), "k=v");
        assert_eq!(meta.get("io.modelcontextprotocol/future").unwrap().as_str(), r#"{"b":1,"a":[null]}"#);
        assert_eq!(meta.get("com.example/raw").unwrap().as_str(), "1.50e3");
    }
}

on_every_revision! {
    // `meta.reserved.keys`
    fn the_protocols_own_entries_can_not_be_written_over(revision) {
        let mut pair = Pair::open(revision);
        let own: &[&str] = match revision.era() {
            Era::Legacy => &["progressToken"],
            _ => &["progressToken", VERSION, CAPABILITIES, CLIENT_INFO],
        };
        for key in own {
            let before = format!("{:?}", pair.client);
            let meta = Meta::new().with(key, "mine");
            let options = CallOptions::new().progress(true).meta(Some(meta));
            let params = CallToolParams::new("x");
            let misuse = pair.client.call::<CallTool>(pair.now, &params, options).unwrap_err();
            assert!(matches!(misuse, Misuse::Encode(_)), "{key}: {misuse}");
            assert_eq!(format!("{:?}", pair.client), before);
        }
    }
}

on_every_revision! {
    streams;
    // `meta.progressToken`
    fn a_progress_token_of_either_type_is_given_back_as_it_came(revision) {
        let mut server = Script::server(revision);
        for (id, token) in [(1, json!(5)), (2, json!("5")), (3, json!("é\"")), (4, json!(-1))] {
            let mut call = tool_call(revision, id);
            call["params"]["_meta"]["progressToken"] = token.clone();
            server.feed_json(&call);
            let Some(ServerEvent::Request(request)) = server.events.pop_front() else { panic!() };
            server.session.progress(server.now, request.id, 1.0, None, None).unwrap();
            let sent = server.reply();
            assert_eq!(sent["method"], "notifications/progress");
            assert_eq!(sent["params"]["progressToken"], token);
        }
        for token in [json!(1.5), json!(null), json!([]), json!(true)] {
            let mut call = tool_call(revision, 9);
            call["params"]["_meta"]["progressToken"] = token.clone();
            server.feed_json(&call);
            assert_eq!(server.reply()["error"]["code"], -32602, "{token}");
        }
        // Without a token there is nothing to report to.
        server.feed_json(&tool_call(revision, 10));
        let Some(ServerEvent::Request(request)) = server.events.pop_front() else { panic!() };
        server.session.progress(server.now, request.id, 1.0, None, None).unwrap();
        assert!(server.sent().is_empty());
    }
}

on_revisions! { MODERN;
    // `meta.req.missing` `meta.req.wrongtype` `meta.req.params.required` `discover.unsupported`
    fn a_request_that_does_not_say_what_it_is_is_refused(revision) {
        let mut server = Script::fresh_server(server_config().revisions(vec![revision]));
        let without = |key: &str| {
            let mut meta = modern_meta();
            meta.as_object_mut().unwrap().remove(key);
            json!({"_meta": meta})
        };
        let with = |key: &str, value: Value| {
            let mut meta = modern_meta();
            meta[key] = value;
            json!({"_meta": meta})
        };
        let mut bad = vec![
            json!({}),
            json!({"_meta": {}}),
            json!({"_meta": null}),
            json!({"_meta": [1]}),
            without(VERSION),
            without(CAPABILITIES),
        ];
        for wrong in [json!(null), json!(5), json!([]), json!("x"), json!(true)] {
            bad.push(with(CAPABILITIES, wrong.clone()));
            bad.push(with(CLIENT_INFO, wrong.clone()));
            if !wrong.is_string() {
                bad.push(with(VERSION, wrong));
            }
        }
        bad.push(with(VERSION, json!({})));
        bad.push(with(CLIENT_INFO, json!({"name": "x"})));
        bad.push(with("io.modelcontextprotocol/logLevel", json!("loud")));
        for params in bad {
            for method in ["server/discover", "tools/list", "nobody/knows"] {
                let message = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
                server.feed_json(&message);
                assert_eq!(server.reply()["error"]["code"], -32602, "{message}");
            }
        }
        server.feed(r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#);
        assert_eq!(server.reply()["error"]["code"], -32602);
        assert!(server.take_events().is_empty());
        server.check_alive(revision);
    }
}

on_revisions! { MODERN;
    // `meta.req.noinfo.ok` `meta.info.notrust`
    fn who_the_client_is_changes_nothing(revision) {
        let infos = [
            None,
            Some(json!({"name": "a", "version": "1"})),
            Some(json!({"name": "test server", "version": "", "title": "admin", "x": 1})),
        ];
        let mut answers = Vec::new();
        for info in infos {
            let mut server = Script::server(revision);
            for method in ["server/discover", "tools/call", "nobody/knows", "ping"] {
                let mut message = request(revision, 1, method, json!({"name": "x"}));
                if let Some(info) = &info {
                    message["params"]["_meta"][CLIENT_INFO] = info.clone();
                }
                server.feed_json(&message);
                if let Some(ServerEvent::Request(asked)) = server.events.pop_front() {
                    assert_eq!(asked.client_info().map(|info| info.name.to_string()),
                        info.as_ref().map(|info| info["name"].as_str().unwrap().to_string()));
                    let result = CallToolResult::text("x");
                    server.session.reply::<CallTool>(server.now, asked.id, &result).unwrap();
                }
            }
            let sent = server.sent();
            assert!(sent[0]["result"].is_object() && sent[1]["result"].is_object());
            answers.push(sent);
        }
        assert_eq!(answers[0], answers[1]);
        assert_eq!(answers[0], answers[2]);
    }
}

on_revisions! { MODERN;
    // `meta.res.serverinfo` `rtype.must` `rtype.values`
    fn every_modern_result_says_whose_and_what_kind_it_is(revision) {
        for send_info in [true, false] {
            let config = server_config()
                .send_info(send_info)
                .extension_methods(vec![Extra::NAME.into()]);
            let mut server = Script::server_with(revision, config);
            let everything = [
                ("server/discover", json!({})),
                ("tools/list", json!({})),
                ("tools/call", json!({"name": "x"})),
                ("prompts/list", json!({})),
                ("prompts/get", json!({"name": "x"})),
                ("resources/list", json!({})),
                ("resources/templates/list", json!({})),
                ("resources/read", json!({"uri": "a:b"})),
                ("completion/complete", json!({"ref": {"type": "ref/prompt", "name": "p"},
                    "argument": {"name": "a", "value": "v"}})),
                (Extra::NAME, json!({})),
                ("subscriptions/listen", json!({"notifications": {}})),
            ];
            for (id, (method, params)) in everything.into_iter().enumerate() {
                server.feed_json(&request(revision, id, method, params));
            }
            let empty = Raw::new(r#"{"_meta":{"com.example/own":1}}"#).unwrap();
            let mut sent = server.sent();
            for event in server.take_events() {
                let ServerEvent::Request(asked) = event else { panic!("{event:?}") };
                server.session.reply_raw(server.now, asked.id, &empty).unwrap();
                sent.push(serde_json::from_slice(&poll(&mut server.session)).unwrap());
            }
            server.session.end_subscriptions(server.now);
            // What the test answers with is not what the methods answer with, so it isn't checked.
            while let Some(frame) = Some(poll(&mut server.session)).filter(|frame| !frame.is_empty()) {
                sent.push(serde_json::from_slice(&frame).unwrap());
            }
            let results: Vec<&Value> = sent.iter().filter_map(|sent| sent.get("result")).collect();
            assert_eq!(results.len(), 11, "{sent:#?}");
            for result in results {
                assert_eq!(result["resultType"], "complete", "{result}");
                assert_eq!(result["_meta"].get(SERVER_INFO).is_some(), send_info, "{result}");
                if send_info {
                    assert_eq!(result["_meta"][SERVER_INFO]["name"], "test server");
                }
                assert!(result.get("serverInfo").is_none());
            }
        }
    }
}

fn poll(session: &mut impl Session) -> Vec<u8> {
    let mut buffer = Vec::new();
    session.poll_transmit(&mut buffer);
    buffer
}

on_revisions! { LEGACY;
    // `rtype.legacy` `meta.where.legacy`
    fn legacy_results_have_neither(revision) {
        let mut server = Script::server(revision);
        server.feed_json(&tool_call(revision, 1));
        let Some(ServerEvent::Request(asked)) = server.events.pop_front() else { panic!() };
        server.session.reply::<CallTool>(server.now, asked.id, &CallToolResult::text("x")).unwrap();
        let answer = server.reply();
        assert!(answer["result"].get("resultType").is_none());
        assert!(answer["result"].get("_meta").is_none());
        server.feed(r#"{"jsonrpc":"2.0","id":2,"method":"ping"}"#);
        assert_eq!(server.reply()["result"], json!({}));
    }
}

on_revisions! { MODERN;
    streams;
    // `meta.sub.id` `meta.notif.nosub` `sub.id`
    fn what_a_stream_delivers_is_tagged_and_what_belongs_to_a_request_is_not(revision) {
        for id in [json!(7), json!("7"), json!("a\"b")] {
            let mut server = Script::server(revision);
            let filter = json!({"notifications": {"toolsListChanged": true, "promptsListChanged": true,
                "resourcesListChanged": true, "resourceSubscriptions": ["a:b"]}});
            server.feed_json(&request(revision, id.clone(), "subscriptions/listen", filter));
            let mut call = tool_call(revision, "call");
            call["params"]["_meta"]["progressToken"] = json!(1);
            call["params"]["_meta"]["io.modelcontextprotocol/logLevel"] = json!("debug");
            server.feed_json(&call);
            let Some(ServerEvent::Request(asked)) = server.take_events().into_iter()
                .find(|event| matches!(event, ServerEvent::Request(_))) else { panic!() };
            for change in [Change::Tools, Change::Prompts, Change::Resources] {
                server.session.changed(server.now, change).unwrap();
            }
            server.session.resource_updated(server.now, "a:b").unwrap();
            server.session.end_subscriptions(server.now);
            let tagged = server.sent();
            assert_eq!(tagged.len(), 6 + usize::from(Way::current().tells_cancellation(revision)));
            for message in tagged {
                let body = message.get("params").or(message.get("result")).unwrap();
                assert_eq!(body["_meta"][SUBSCRIPTION_ID], id, "{message}");
            }
            server.session.progress(server.now, asked.id, 1.0, None, None).unwrap();
            let message = LoggingMessageParams::text(LoggingLevel::Error, "x");
            assert!(server.session.log(server.now, Some(asked.id), &message).unwrap());
            server.session.reply::<CallTool>(server.now, asked.id, &CallToolResult::text("x")).unwrap();
            let untagged = server.sent();
            assert_eq!(untagged.len(), 3);
            for message in untagged {
                assert!(!message.to_string().contains(SUBSCRIPTION_ID), "{message}");
            }
        }
    }
}

on_revisions! { MODERN;
    // `meta.embedded.inputreq` `base.dir.modern.server` `rtype.values`
    fn an_embedded_request_is_a_method_and_its_params(revision) {
        let mut server = Script::server(revision);
        let mut call = tool_call(revision, 1);
        call["params"]["_meta"][CAPABILITIES] = json!({"roots": {}, "sampling": {}});
        server.feed_json(&call);
        let Some(ServerEvent::Request(asked)) = server.events.pop_front() else { panic!() };
        let params = serde_json::from_str(
            r#"{"messages":[{"role":"user","content":{"type":"text","text":"x"}}],"maxTokens":5}"#).unwrap();
        let need = InputRequests::new().roots("r").sample("s", &params);
        server.session.need_input(server.now, asked.id, &need, None).unwrap();
        let answer = server.reply();
        assert_eq!(answer["result"]["resultType"], "input_required");
        let embedded = answer["result"]["inputRequests"].as_object().unwrap();
        assert_eq!(embedded.len(), 2);
        for (key, request) in embedded {
            let keys: Vec<&String> = request.as_object().unwrap().keys().collect();
            assert!(keys.iter().all(|key| ["method", "params"].contains(&key.as_str())), "{key}: {request}");
            assert!(request["params"].get("_meta").is_none(), "{request}");
        }
        assert!(server.sent().is_empty());
    }
}

on_revisions! { [Revision::V2026_07_28];
    fn discovery_can_be_asked_again_by_the_user(revision) {
        // `discover.must` `meta.req.version`
        let mut pair = Pair::open(revision);
        let params = serde_json::from_str("{}").unwrap();
        let call = pair
            .client
            .call::<Discover>(pair.now, &params, CallOptions::new())
            .unwrap();
        pair.drive();
        let done = pair.completed(call);
        let result = done.of(call).unwrap().unwrap();
        assert_eq!(result.supported_versions, ["2026-07-28"]);
        assert_eq!(result.server().unwrap().name, "test server");
    }
}
