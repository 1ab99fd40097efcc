//! Which revision two peers agree on, in the handshake and request by request.

use mcp_proto::model::method::CallTool;
use mcp_proto::model::tool::{CallToolParams, CallToolResult};
use mcp_proto::session::{
    CallOptions, ClientConfig, ClientEvent, CloseReason, EraPolicy, Ignored, ServerConfig,
    ServerEvent, Session,
};
use mcp_proto::{Era, Revision};
use serde_json::{Value, json};

use support::pair::{Pair, client_config, server_config};
use support::script::{
    Script, initialize, modern_meta, opening_result, request, result, tool_call,
};
use support::{LEGACY, MODERN};
use support::{on_every_revision, on_revisions};

/// Every set of revisions but the empty one.
fn sets(revisions: &[Revision]) -> Vec<Vec<Revision>> {
    (1_u32..1 << revisions.len())
        .map(|mask| {
            let chosen = revisions.iter().enumerate();
            chosen
                .filter(|(n, _)| mask & (1 << n) != 0)
                .map(|(_, revision)| *revision)
                .collect()
        })
        .collect()
}

#[test]
fn a_server_answers_with_the_version_asked_for_or_else_its_newest_legacy_one() {
    // `lifecycle.ver.same` `lifecycle.ver.other` `lifecycle.ver.nomodern` `lifecycle.ver.string`
    let asked = [
        "2024-11-05",
        "2025-03-26",
        "2025-06-18",
        "2025-11-25",
        "2026-07-28",
        "1999-01-01",
        "2099-12-31",
        "2025-11-25 ",
        "",
        "1.0",
        "é",
    ];
    for set in sets(&Revision::ALL) {
        let newest = set
            .iter()
            .filter(|revision| revision.era() == Era::Legacy)
            .max();
        let Some(newest) = newest else { continue };
        for version in asked {
            let mut server = Script::fresh_server(server_config().revisions(set.clone()));
            server.feed_json(&initialize(1, version));
            let answer = server.reply();
            let same = LEGACY.iter().find(|revision| revision.as_str() == version);
            let expected = same
                .filter(|revision| set.contains(revision))
                .unwrap_or(newest);
            assert_eq!(
                answer["result"]["protocolVersion"],
                expected.as_str(),
                "{set:?} {version}"
            );
            assert_eq!(server.session.legacy_revision(), Some(*expected));
        }
    }
}

#[test]
fn a_client_asks_for_its_newest_legacy_version() {
    // `lifecycle.init.supported`
    for set in sets(&LEGACY) {
        for extra in [None, Some(Revision::V2026_07_28)] {
            let revisions = set.iter().copied().chain(extra).collect();
            let config = ClientConfig::new("x", "1")
                .era(EraPolicy::Legacy)
                .revisions(revisions);
            let mut client = Script::fresh_client(config);
            let newest = set.iter().max().unwrap();
            assert_eq!(client.reply()["params"]["protocolVersion"], newest.as_str());
        }
    }
}

#[test]
fn a_client_takes_any_version_it_speaks_and_no_other() {
    // `lifecycle.ver.reject` `lifecycle.ver.string` `lifecycle.error.cases`
    let answers = [
        "2024-11-05",
        "2025-03-26",
        "2025-06-18",
        "2025-11-25",
        "2026-07-28",
        "1999-01-01",
        "2025-11-25-beta",
        "",
    ];
    for set in sets(&LEGACY) {
        for version in answers {
            let config = ClientConfig::new("x", "1")
                .era(EraPolicy::Legacy)
                .revisions(set.clone());
            let mut client = Script::fresh_client(config);
            let id = client.reply()["id"].clone();
            let mut answer = opening_result(Revision::V2025_11_25, &json!({}));
            answer["protocolVersion"] = json!(version);
            client.feed_json(&result(&id, answer));
            let speaks = set.iter().find(|revision| revision.as_str() == version);
            let events = client.take_events();
            match (speaks, &events[..]) {
                (Some(revision), [ClientEvent::Opened { revision: opened }]) => {
                    assert_eq!(opened, revision);
                    assert_eq!(client.reply()["method"], "notifications/initialized");
                }
                (
                    None,
                    [ClientEvent::Closed(CloseReason::UnsupportedProtocolVersion { offered })],
                ) => {
                    assert_eq!(&**offered, version);
                    assert!(client.sent().is_empty(), "no initialized");
                    assert!(client.session.is_closed());
                }
                different => panic!("{different:?}"),
            }
        }
    }
}

on_every_revision! {
    // `lifecycle.ver.respect` `caps.only.negotiated`
    fn what_a_revision_does_not_have_is_refused_on_both_sides(revision) {
        use mcp_proto::model::method::{SpecMethod, Sender};
        let mut server = Script::server(revision);
        for known in SpecMethod::ALL.iter().filter(|known| !known.is_notification()) {
            if matches!(known.sent_by(revision), Some(Sender::Client | Sender::Both)) {
                continue;
            }
            let params = json!({"name": "x", "uri": "a:b", "level": "info", "notifications": {}});
            server.feed_json(&request(revision, 1, known.as_str(), params));
            let answer = server.reply();
            assert_eq!(answer["error"]["code"], -32601, "{known:?} {answer}");
        }
        assert!(server.take_events().is_empty());
        let mut client = Script::client(revision);
        let now = client.now;
        let empty = serde_json::from_str("{}").unwrap();
        let uri = serde_json::from_str(r#"{"uri":"a:b"}"#).unwrap();
        let is_legacy = revision.era() == Era::Legacy;
        let session = &mut client.session;
        use mcp_proto::model::method as m;
        let options = CallOptions::new;
        assert_eq!(session.call::<m::Ping>(now, &empty, options()).is_ok(), is_legacy);
        assert_eq!(session.call::<m::Subscribe>(now, &uri, options()).is_ok(), is_legacy);
        let discover = serde_json::from_str("{}").unwrap();
        assert_eq!(session.call::<m::Discover>(now, &discover, options()).is_ok(), !is_legacy);
        assert!(session.call::<m::ListRoots>(now, &empty, options()).is_err());
    }
}

on_revisions! { MODERN;
    // `version.perreq` `version.unsupported` `err.unsupportedver` `err.supported.consistent`
    // `discover.unsupported`
    fn each_modern_request_is_judged_by_its_own_version(revision) {
        let mut server = Script::server(revision);
        server.feed_json(&request(revision, "d", "server/discover", json!({})));
        let discovered = server.reply()["result"]["supportedVersions"].clone();
        for version in ["2025-11-25", "2027-01-01", "1900-01-01", "2026-07-28 ", "", "DRAFT"] {
            for method in ["server/discover", "tools/call", "subscriptions/listen", "nobody/knows"] {
                let mut bad = request(revision, 1, method, json!({"name": "x"}));
                bad["params"]["_meta"]["io.modelcontextprotocol/protocolVersion"] = json!(version);
                server.feed_json(&bad);
                let answer = server.reply();
                assert_eq!(answer["error"]["code"], -32022, "{answer}");
                assert_eq!(answer["error"]["data"]["requested"], version);
                let supported = answer["error"]["data"]["supported"].as_array().unwrap();
                assert!(!supported.is_empty());
                for version in supported {
                    assert!(discovered.as_array().unwrap().contains(version));
                }
                // The next one, on the same pipe, is good.
                server.feed_json(&tool_call(revision, 2));
                let Some(ServerEvent::Request(asked)) = server.events.pop_front() else { panic!() };
                assert_eq!(asked.revision, revision);
                server.session.reply::<CallTool>(server.now, asked.id, &CallToolResult::text("x")).unwrap();
                assert!(server.reply()["result"].is_object());
            }
        }
    }
}

/// The error by which a modern server refuses a version.
fn unsupported(id: &Value, supported: &[&str]) -> Value {
    json!({"jsonrpc": "2.0", "id": id, "error": {"code": -32022, "message": "Unsupported",
        "data": {"supported": supported, "requested": "2026-07-28"}}})
}

#[test]
fn a_refused_version_is_asked_for_once_more_and_no_more_than_that() {
    // `version.retry` `era.stdio.modernerr` `era.matrix.modern.modern`
    for era in [EraPolicy::Auto, EraPolicy::Modern] {
        let mut client = Script::fresh_client(ClientConfig::new("x", "1").era(era));
        let first = client.reply();
        client.feed_json(&unsupported(&first["id"], &["2026-07-28", "2025-11-25"]));
        let second = client.reply();
        assert_eq!(second["method"], "server/discover");
        assert_ne!(first["id"], second["id"]);
        assert!(client.events.is_empty());
        // It is served this time.
        let mut served = client.clone();
        let answer = opening_result(Revision::V2026_07_28, &json!({}));
        served.feed_json(&result(&second["id"], answer));
        assert!(matches!(
            served.events[0],
            ClientEvent::Opened {
                revision: Revision::V2026_07_28
            }
        ));
        // Or refused again: that is the end, and no handshake is tried.
        client.feed_json(&unsupported(&second["id"], &["2026-07-28", "2025-11-25"]));
        assert!(client.sent().is_empty());
        let events = client.take_events();
        assert!(matches!(
            events[..],
            [ClientEvent::Closed(
                CloseReason::UnsupportedProtocolVersion { .. }
            )]
        ));
    }
}

#[test]
fn a_server_that_names_only_legacy_versions_is_reached_by_the_handshake() {
    // `version.retry.legacyonly`
    let refuse = |client: &mut Script<_>| {
        let id = client.reply()["id"].clone();
        client.feed_json(&unsupported(&id, &["2025-11-25", "2025-06-18"]));
    };
    let discover = |client: &mut Script<_>| {
        let id = client.reply()["id"].clone();
        let mut answer = opening_result(Revision::V2026_07_28, &json!({}));
        answer["supportedVersions"] = json!(["2025-11-25", "2025-06-18"]);
        client.feed_json(&result(&id, answer));
    };
    let steps: [&dyn Fn(&mut Script<_>); 2] = [&refuse, &discover];
    for step in steps {
        let mut client = Script::fresh_client(ClientConfig::new("x", "1"));
        step(&mut client);
        let next = client.reply();
        assert_eq!(next["method"], "initialize");
        assert_eq!(next["params"]["protocolVersion"], "2025-11-25");
        // A modern client has nothing in common with it.
        for config in [
            ClientConfig::new("x", "1").era(EraPolicy::Modern),
            ClientConfig::new("x", "1").revisions(vec![Revision::V2026_07_28]),
            ClientConfig::new("x", "1")
                .revisions(vec![Revision::V2024_11_05, Revision::V2026_07_28]),
        ] {
            let mut client = Script::fresh_client(config);
            step(&mut client);
            assert!(client.sent().is_empty());
            let events = client.take_events();
            let [ClientEvent::Closed(CloseReason::UnsupportedProtocolVersion { offered })] =
                &events[..]
            else {
                panic!("{events:?}");
            };
            assert_eq!(&**offered, "2025-11-25, 2025-06-18");
        }
    }
}

#[test]
fn a_server_that_names_nothing_in_common_is_given_up() {
    // `version.retry` `era.matrix.modern.modern`
    let mut client = Script::fresh_client(ClientConfig::new("x", "1"));
    let id = client.reply()["id"].clone();
    client.feed_json(&unsupported(&id, &["2031-01-01"]));
    assert!(client.sent().is_empty());
    let events = client.take_events();
    assert!(matches!(
        &events[..],
        [ClientEvent::Closed(CloseReason::UnsupportedProtocolVersion { offered })] if &**offered == "2031-01-01"
    ));
}

on_revisions! { MODERN;
    // `discover.result` `discover.cache` `discover.must` `meta.res.serverinfo` `lifecycle.instructions`
    fn discovery_says_what_the_specification_asks_for(revision) {
        let config = server_config().instructions(Some("be kind".into())).ttl_ms(5000).is_public(true);
        let mut server = Script::server_with(revision, config);
        server.feed_json(&request(revision, 1, "server/discover", json!({})));
        let answer = server.reply();
        assert_eq!(answer["result"], json!({
            "resultType": "complete",
            "supportedVersions": ["2026-07-28"],
            "capabilities": {
                "completions": {},
                "logging": {},
                "prompts": {"listChanged": true},
                "resources": {"listChanged": true, "subscribe": true},
                "tools": {"listChanged": true},
            },
            "instructions": "be kind",
            "ttlMs": 5000,
            "cacheScope": "public",
            "_meta": {"io.modelcontextprotocol/serverInfo": {"name": "test server", "version": "2.0"}},
        }));
    }
}

on_revisions! { MODERN;
    // `discover.optional` `stateless.reuse` `stateless.handle`
    fn a_call_may_be_the_first_message_of_all(revision) {
        let mut server = Script::fresh_server(server_config());
        server.feed_json(&tool_call(revision, 1));
        assert!(matches!(server.events.pop_front(), Some(ServerEvent::Request(_))));
        let config = client_config(revision).era(EraPolicy::AssumeModern);
        let mut pair = Pair::new(config, server_config());
        pair.client.open(pair.now).unwrap();
        let params = CallToolParams::new("x");
        let call = pair.client.call::<CallTool>(pair.now, &params, CallOptions::new()).unwrap();
        pair.drive();
        assert!(matches!(pair.client_events.pop_front(), Some(ClientEvent::Opened { .. })));
        let asked = pair.request();
        pair.server.reply::<CallTool>(pair.now, asked.id, &CallToolResult::text("x")).unwrap();
        pair.drive();
        assert!(pair.completed(call).raw().is_ok());
        let methods: Vec<Value> = pair.sent_by_client().iter().map(|sent| sent["method"].clone()).collect();
        assert_eq!(methods, ["tools/call"]);
    }
}

on_revisions! { MODERN;
    // `stateless.noprior` `stateless.multi` `caps.server.no.undeclared` `err.missingcap`
    fn nothing_said_in_one_request_counts_for_another(revision) {
        use mcp_proto::model::input::InputRequests;
        use mcp_proto::session::Misuse;
        let mut server = Script::server(revision);
        let mut able = tool_call(revision, 1);
        able["params"]["_meta"]["io.modelcontextprotocol/clientCapabilities"] = json!({"roots": {}});
        able["params"]["_meta"]["io.modelcontextprotocol/clientInfo"] = json!({"name": "a", "version": "1"});
        able["params"]["_meta"]["io.modelcontextprotocol/logLevel"] = json!("debug");
        server.feed_json(&able);
        server.feed_json(&tool_call(revision, 2));
        let events = server.take_events();
        let [ServerEvent::Request(first), ServerEvent::Request(second)] = &events[..] else { panic!() };
        assert_eq!(first.client_info().unwrap().name, "a");
        assert!(second.client_info().is_none());
        assert!(server.session.client_info().is_none());
        let need = InputRequests::new().roots("r");
        let misuse = server.session.need_input(server.now, second.id, &need, None).unwrap_err();
        let Misuse::MissingClientCapability(missing) = misuse else { panic!("{misuse}") };
        let error = mcp_proto::rpc::RpcError::missing_client_capability(&missing);
        server.session.reply_error(server.now, second.id, error).unwrap();
        let answer = server.reply();
        assert_eq!(answer["error"]["code"], -32021);
        assert_eq!(answer["error"]["data"], json!({"requiredCapabilities": {"roots": {}}}));
        let message = mcp_proto::model::logging::LoggingMessageParams::text(
            mcp_proto::model::logging::LoggingLevel::Error, "x");
        assert!(server.session.log(server.now, Some(first.id), &message).unwrap());
        server.sent();
        server.session.need_input(server.now, first.id, &need, None).unwrap();
        assert_eq!(server.reply()["result"]["resultType"], "input_required");
        // Answered is forgotten: the retry may come to any server.
        assert_eq!(server.session.open_requests(), 0);
    }
}

on_revisions! { MODERN;
    // `stateless.multi` `stateless.handle` `stateless.reuse`
    fn requests_of_many_conversations_are_answered_in_any_order(revision) {
        let mut server = Script::server(revision);
        for id in 0..100 {
            server.feed_json(&tool_call(revision, id));
        }
        let events = server.take_events();
        for (id, event) in events.iter().enumerate().rev() {
            let ServerEvent::Request(asked) = event else { panic!() };
            let text = format!("{id}");
            server.session.reply::<CallTool>(server.now, asked.id, &CallToolResult::text(text.clone())).unwrap();
            let answer = server.reply();
            assert_eq!(answer["id"], id);
            assert_eq!(answer["result"]["content"][0]["text"], text);
        }
        assert!(server.session.wants_frames());
    }
}

#[test]
fn a_server_of_the_modern_era_alone_tells_a_legacy_client_what_it_speaks() {
    // `era.server.modern.init` `era.server.modern.init.code` `era.matrix.legacy.modern` `ping.gone`
    let config = || ServerConfig::new("new", "1").revisions(vec![Revision::V2026_07_28]);
    let mut described = initialize(1, "2025-11-25");
    described["params"]["_meta"] = modern_meta();
    for (message, code) in [(initialize(1, "2025-11-25"), -32022), (described, -32601)] {
        let mut server = Script::fresh_server(config());
        server.feed_json(&message);
        let answer = server.reply();
        assert_eq!(answer["error"]["code"], code);
        assert!(
            answer["error"]["message"]
                .as_str()
                .unwrap()
                .contains("2026-07-28")
        );
        let data = &answer["error"]["data"];
        assert_eq!(
            *data,
            json!({"supported": ["2026-07-28"], "requested": "2025-11-25"})
        );
        assert_eq!(server.session.legacy_revision(), None);
        assert!(server.take_events().is_empty());
    }
    let mut server = Script::fresh_server(config());
    server.feed(r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#);
    assert_eq!(server.reply()["error"]["code"], -32602);
    server.feed_json(&request(Revision::V2026_07_28, 1, "ping", json!({})));
    assert_eq!(server.reply()["error"]["code"], -32601);
    let mut server = Script::fresh_server(config());
    server.feed("garbage");
    assert!(matches!(
        server.events[0],
        ServerEvent::Ignored(Ignored::NotAMessage { line: Some(_), .. })
    ));
    server.sent();
    for revision in LEGACY {
        let mut pair = Pair::new(client_config(revision), config());
        pair.client.open(pair.now).unwrap();
        pair.drive();
        let Some(ClientEvent::Closed(CloseReason::OpeningRefused(error))) =
            pair.client_events.pop_front()
        else {
            panic!()
        };
        assert!(error.message.contains("2026-07-28"), "{error}");
    }
}
