//! How a client finds out which era its server belongs to, and every pairing of the two.

use std::time::Duration;

use mcp_proto::model::method::CallTool;
use mcp_proto::model::tool::{CallToolParams, CallToolResult};
use mcp_proto::session::{
    CallOptions, ClientConfig, ClientEvent, ClientSession, CloseReason, Closed, EraPolicy, Ignored,
    Invalid, ServerEvent, Session,
};
use mcp_proto::{Instant, Revision};
use serde_json::{Value, json};

use support::LEGACY;
use support::on_revisions;
use support::pair::{Pair, client_config, server_config};
use support::script::{
    Script, error, initialize, modern_meta, notification, opening_result, result, tool_call,
};

const MODERN: Revision = Revision::V2026_07_28;

fn auto() -> ClientConfig {
    ClientConfig::new("dual", "1")
}

/// A client of both eras that has sent its probe, and the probe.
fn probing() -> (Script<ClientSession>, Value) {
    let mut client = Script::fresh_client(auto());
    let probe = client.reply();
    (client, probe)
}

/// Checks that the client goes on with `initialize`, under an id of its own, and opens.
fn check_falls_back(client: &mut Script<ClientSession>, probe: &Value, why: &str) {
    let next = client.reply();
    assert_eq!(next["method"], "initialize", "{why}");
    assert_eq!(next["params"]["protocolVersion"], "2025-11-25", "{why}");
    assert!(next["params"].get("_meta").is_none(), "{why}");
    assert_ne!(next["id"], probe["id"], "{why}");
    let answer = opening_result(Revision::V2025_06_18, &json!({"tools": {}}));
    client.feed_json(&result(&next["id"], answer));
    assert_eq!(
        client.reply()["method"],
        "notifications/initialized",
        "{why}"
    );
    assert_eq!(
        client.session.revision(),
        Some(Revision::V2025_06_18),
        "{why}"
    );
    let opened = client.take_events();
    assert!(
        matches!(opened.last(), Some(ClientEvent::Opened { .. })),
        "{why}: {opened:?}"
    );
}

#[test]
fn the_first_bytes_ask_a_server_what_it_is() {
    // `era.stdio.probe` `discover.params` `meta.req.version`
    let (_, probe) = probing();
    assert_eq!(probe["method"], "server/discover");
    let meta = &probe["params"]["_meta"];
    assert_eq!(
        meta["io.modelcontextprotocol/protocolVersion"],
        "2026-07-28"
    );
    assert!(meta["io.modelcontextprotocol/clientCapabilities"].is_object());
    assert_eq!(probe["params"].as_object().unwrap().len(), 1);
}

#[test]
fn a_discovery_opens_the_modern_era() {
    // `era.stdio.ok` `era.client.cache`
    let (mut client, probe) = probing();
    let mut answer = opening_result(MODERN, &json!({"tools": {}}));
    answer["supportedVersions"] = json!(["2025-11-25", "2026-07-28", "2031-01-01"]);
    answer["instructions"] = json!("be kind");
    client.feed_json(&result(&probe["id"], answer));
    assert!(matches!(
        client.events.pop_front(),
        Some(ClientEvent::Opened { revision: MODERN })
    ));
    assert!(client.sent().is_empty(), "there is no handshake to end");
    assert_eq!(client.session.server_info().unwrap().name, "scripted");
    assert_eq!(client.session.instructions().unwrap(), "be kind");
    for _ in 0..3 {
        let params = CallToolParams::new("x");
        client
            .session
            .call::<CallTool>(client.now, &params, CallOptions::new())
            .unwrap();
        assert_eq!(
            client.reply()["method"],
            "tools/call",
            "it isn't asked again"
        );
    }
}

#[test]
fn every_answer_that_is_not_a_modern_one_leads_to_the_handshake() {
    // `era.stdio.fallback` `era.stdio.nokey` `era.recognised` `err.range.legacy.recv`
    // `err.init.version.legacy` `era.http.200err`
    let codes = [
        -32700, -32600, -32601, -32602, -32603, -32000, -32001, -32002, -32003, -32004, -32019,
        -32023, -32042, -32099, -1, 0, 1, 404, 32022,
    ];
    let mut answers: Vec<Value> = codes
        .iter()
        .map(|code| json!({"error": {"code": code, "message": "no"}}))
        .collect();
    let versions = json!({"supported": ["2026-07-28"], "requested": "x"});
    for code in [-32602, -32004, -32001, -32000] {
        answers.push(json!({"error": {"code": code, "message": "Unsupported protocol version", "data": versions}}));
    }
    // The right code without the body that goes with it.
    for data in [
        json!(null),
        json!({}),
        json!([]),
        json!("x"),
        json!({"supported": "2026-07-28"}),
        json!({"supported": [1], "requested": "x"}),
    ] {
        answers.push(json!({"error": {"code": -32022, "message": "m", "data": data}}));
    }
    for data in [
        json!(null),
        json!({}),
        json!(["sampling"]),
        json!({"requiredCapabilities": ["x"]}),
    ] {
        answers.push(json!({"error": {"code": -32021, "message": "m", "data": data}}));
    }
    // Results that no discovery is, and responses that are none.
    for body in [
        json!({}),
        json!({"tools": []}),
        json!({"supportedVersions": "2026-07-28"}),
        json!({"supportedVersions": [1], "capabilities": {}}),
        json!({"supportedVersions": ["2026-07-28"]}),
        json!({"resultType": "future", "supportedVersions": ["2026-07-28"], "capabilities": {}}),
        json!({"resultType": "input_required", "supportedVersions": ["2026-07-28"], "capabilities": {},
            "requestState": "s"}),
        json!(null),
        json!([]),
        json!("x"),
    ] {
        answers.push(json!({"result": body}));
    }
    answers.push(json!({"error": "no"}));
    answers.push(json!({"error": {"code": "x", "message": "no"}}));
    answers.push(json!({"nothing": 1}));
    answers.push(json!({"result": {}, "error": {"code": 1, "message": "no"}}));
    for mut answer in answers {
        let (mut client, probe) = probing();
        answer["jsonrpc"] = json!("2.0");
        answer["id"] = probe["id"].clone();
        client.feed_json(&answer);
        check_falls_back(&mut client, &probe, &answer.to_string());
    }
}

#[test]
fn a_modern_refusal_is_never_answered_with_the_handshake() {
    // `era.stdio.modernerr` `era.recognised`
    let refusals = [
        json!({"code": -32021, "message": "m", "data": {"requiredCapabilities": {"sampling": {}}}}),
        json!({"code": -32020, "message": "m"}),
    ];
    for refusal in refusals {
        let (mut client, probe) = probing();
        client.feed_json(&json!({"jsonrpc": "2.0", "id": probe["id"], "error": refusal}));
        assert!(client.sent().is_empty());
        let events = client.take_events();
        let [ClientEvent::Closed(CloseReason::OpeningRefused(error))] = &events[..] else {
            panic!("{events:?}");
        };
        assert_eq!(error.code, refusal["code"]);
    }
}

#[test]
fn silence_leads_to_the_handshake_within_the_time_of_the_opening() {
    // `era.stdio.fallback` `timeout.init`
    let (mut client, probe) = probing();
    assert_eq!(
        client.session.poll_timeout(),
        Some(client.now + Duration::from_secs(2))
    );
    client.pass(Duration::from_millis(1999));
    assert!(client.sent().is_empty());
    client.pass(Duration::from_millis(1));
    // Of the minute for a server that says nothing this is left.
    assert_eq!(
        client.session.poll_timeout(),
        Some(client.now + Duration::from_secs(58))
    );
    let mut silent = client.clone();
    check_falls_back(&mut client, &probe, "silence");
    assert_eq!(client.session.poll_timeout(), None);
    assert_eq!(silent.reply()["method"], "initialize");
    silent.pass(Duration::from_secs(58));
    assert!(silent.sent().is_empty());
    let events = silent.take_events();
    assert!(
        matches!(
            events[..],
            [ClientEvent::Closed(CloseReason::OpeningTimedOut(_))]
        ),
        "{events:?}"
    );
}

#[test]
fn a_late_answer_to_the_probe_that_shows_no_modern_server_does_nothing() {
    // `era.stdio.late` `base.resp.unknown`
    let late = |probe: &Value| {
        let id = &probe["id"];
        [
            error(id, -32601),
            json!({"jsonrpc": "2.0", "id": id, "error": {"code": -32022, "message": "m",
                "data": {"supported": ["2026-07-28"], "requested": "2026-07-28"}}}),
            result(id, opening_result(Revision::V2024_11_05, &json!({}))),
            json!({"jsonrpc": "2.0", "id": id, "result": null}),
        ]
    };
    let (client, probe) = probing();
    for (n, answer) in late(&probe).iter().enumerate() {
        // Before the handshake is answered.
        let mut early = client.clone();
        early.pass(Duration::from_secs(2));
        let initialize = early.reply();
        early.feed_json(answer);
        assert!(early.take_events().is_empty(), "{n}");
        assert!(early.sent().is_empty());
        let opened = opening_result(Revision::V2025_11_25, &json!({}));
        early.feed_json(&result(&initialize["id"], opened));
        assert_eq!(early.session.revision(), Some(Revision::V2025_11_25));
        early.sent();
        // And after.
        early.take_events();
        early.feed_json(answer);
        let again = early.take_events();
        assert!(
            matches!(again[..], [] | [ClientEvent::Ignored(_)]),
            "{n}: {again:?}"
        );
        assert_eq!(early.session.revision(), Some(Revision::V2025_11_25));
        assert!(early.sent().is_empty());
    }
}

#[test]
fn a_modern_server_that_starts_slowly_is_modern_whatever_its_speed() {
    // `era.stdio.late`: until the handshake is answered, the probe's answer counts.
    let (mut client, probe) = probing();
    client.pass(Duration::from_secs(4));
    let initialize = client.reply();
    assert_eq!(initialize["method"], "initialize");
    client.feed_json(&result(&probe["id"], opening_result(MODERN, &json!({}))));
    assert_eq!(client.session.revision(), Some(MODERN));
    let events = client.take_events();
    assert!(
        matches!(events[..], [ClientEvent::Opened { .. }]),
        "{events:?}"
    );
    assert!(client.sent().is_empty(), "initialize is never cancelled");
    // What becomes of the handshake is neither news nor foreign.
    client.feed_json(&error(&initialize["id"], -32601));
    assert!(client.take_events().is_empty());
    assert_eq!(client.session.ignored_responses(), 0);
    assert_eq!(client.session.open_calls(), 0);
    assert_eq!(client.session.poll_timeout(), None);
}

#[test]
fn a_late_modern_answer_after_the_handshake_is_neither_news_nor_foreign() {
    let (mut client, probe) = probing();
    client.pass(Duration::from_secs(4));
    let initialize = client.reply();
    let opened = opening_result(Revision::V2025_11_25, &json!({}));
    client.feed_json(&result(&initialize["id"], opened));
    client.sent();
    client.take_events();
    client.feed_json(&result(&probe["id"], opening_result(MODERN, &json!({}))));
    assert_eq!(client.session.revision(), Some(Revision::V2025_11_25));
    assert!(client.take_events().is_empty());
    assert_eq!(client.session.ignored_responses(), 0);
}

#[test]
fn a_server_that_answers_has_less_time_than_one_that_may_still_be_fetched() {
    // `timeout.init`
    let (mut client, probe) = probing();
    client.pass(Duration::from_secs(1));
    client.feed_json(&error(&probe["id"], -32601));
    assert_eq!(client.reply()["method"], "initialize");
    client.pass(Duration::from_secs(10));
    let events = client.take_events();
    let [ClientEvent::Closed(CloseReason::OpeningTimedOut(after))] = &events[..] else {
        panic!("{events:?}");
    };
    assert_eq!(*after, Duration::from_secs(11));
}

/// A client whose probe had no answer in time, and its `initialize`.
fn initializing() -> (Script<ClientSession>, Value) {
    let (mut client, _) = probing();
    client.pass(Duration::from_secs(2));
    let initialize = client.reply();
    (client, initialize)
}

fn modern_refusal(request: &Value, supported: &[&str]) -> Value {
    json!({"jsonrpc": "2.0", "id": request["id"], "error": {"code": -32022, "message": "m",
        "data": {"supported": supported, "requested": "2025-11-25"}}})
}

#[test]
fn a_modern_server_that_starts_slowly_is_probed_once_more() {
    // `era.stdio.modernerr` `era.matrix.dual.modern` `era.server.modern.init`
    let (mut client, initialize) = initializing();
    client.feed_json(&modern_refusal(&initialize, &["2026-07-28"]));
    let probe = client.reply();
    assert_eq!(probe["method"], "server/discover");
    let mut silent = client.clone();
    client.feed_json(&result(&probe["id"], opening_result(MODERN, &json!({}))));
    assert_eq!(client.session.revision(), Some(MODERN));
    // Only once: a server that goes on like this is left.
    silent.pass(Duration::from_secs(2));
    let initialize = silent.reply();
    assert_eq!(initialize["method"], "initialize");
    silent.feed_json(&modern_refusal(&initialize, &["2026-07-28"]));
    let events = silent.take_events();
    let refused = matches!(
        events[..],
        [ClientEvent::Closed(CloseReason::OpeningRefused(_))]
    );
    assert!(refused, "{events:?}");
    assert!(silent.sent().is_empty());
}

#[test]
fn a_refused_initialize_is_the_end_for_every_other_server() {
    // `err.init.version.legacy`
    let (client, initialize) = initializing();
    let legacy = json!({"jsonrpc": "2.0", "id": initialize["id"], "error": {"code": -32602,
        "message": "m", "data": {"supported": ["2026-07-28"], "requested": "2025-11-25"}}});
    let foreign = modern_refusal(&initialize, &["2099-01-01", "2025-11-25"]);
    for refusal in [legacy, foreign] {
        let mut client = client.clone();
        client.feed_json(&refusal);
        let events = client.take_events();
        let refused = matches!(
            events[..],
            [ClientEvent::Closed(CloseReason::OpeningRefused(_))]
        );
        assert!(refused, "{events:?}");
        assert!(client.sent().is_empty());
    }
}

#[test]
fn garbage_during_the_probe_is_reported_and_waited_out() {
    // `stdio.garbage` `era.stdio.fallback`
    let (mut client, probe) = probing();
    for line in [
        "Server starting...",
        "[]",
        "{}",
        "null",
        "{\"jsonrpc\":\"2.0\"}",
        "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\",\"params\":{\"level\":\"info\",\"data\":1}}",
    ] {
        client.feed(line);
    }
    assert!(client.sent().is_empty());
    assert_eq!(client.take_events().len(), 6);
    client.pass(Duration::from_secs(2));
    check_falls_back(&mut client, &probe, "garbage");
}

#[test]
fn a_ping_during_the_probe_is_answered_as_a_legacy_servers() {
    // `ping.respond` `era.stdio.fallback`
    let (mut client, probe) = probing();
    client.feed(r#"{"jsonrpc":"2.0","id":"p","method":"ping"}"#);
    assert_eq!(
        client.reply(),
        json!({"jsonrpc": "2.0", "id": "p", "result": {}})
    );
    client.feed_json(&error(&probe["id"], -32601));
    check_falls_back(&mut client, &probe, "after a ping");
}

#[test]
fn a_server_that_exits_on_the_probe_is_to_be_started_afresh() {
    // `era.stdio.crash` `era.client.persist`
    for why in [Closed::EndOfInput, Closed::ReadFailed, Closed::WriteFailed] {
        let (mut client, _) = probing();
        client.close(why);
        let events = client.take_events();
        let [ClientEvent::Closed(CloseReason::LostInProbe(told))] = &events[..] else {
            panic!("{events:?}");
        };
        assert_eq!(*told, why);
        assert!(client.sent().is_empty());
        let mut again = Script::fresh_client(auto().era(EraPolicy::Legacy));
        assert_eq!(again.reply()["method"], "initialize");
        // Nothing would be won by that for a client of the modern era alone.
        let mut modern = Script::fresh_client(client_config(MODERN));
        modern.reply();
        modern.close(why);
        let events = modern.take_events();
        assert!(matches!(
            events[..],
            [ClientEvent::Closed(CloseReason::Connection(_))]
        ));
    }
    // Exiting after the fall-back says nothing of the era any more.
    let (mut client, _) = probing();
    client.pass(Duration::from_secs(2));
    client.close(Closed::EndOfInput);
    let events = client.take_events();
    assert!(matches!(
        events[..],
        [ClientEvent::Closed(CloseReason::Connection(_))]
    ));
}

#[test]
fn a_client_of_the_modern_era_alone_fails_with_a_reason() {
    // `era.modern.probe` `era.matrix.modern.legacy`
    for config in [
        auto().era(EraPolicy::Modern),
        auto().revisions(vec![MODERN]),
    ] {
        let mut refused = Script::fresh_client(config.clone());
        let probe = refused.reply();
        assert_eq!(probe["method"], "server/discover");
        refused.feed_json(&error(&probe["id"], -32601));
        let events = refused.take_events();
        assert!(
            matches!(
                events[..],
                [ClientEvent::Closed(CloseReason::OpeningRefused(_))]
            ),
            "{events:?}"
        );
        assert!(refused.sent().is_empty());
        let mut silent = Script::fresh_client(config.clone());
        silent.reply();
        silent.pass(Duration::from_millis(59_999));
        assert!(silent.events.is_empty());
        silent.pass(Duration::from_millis(1));
        let events = silent.take_events();
        assert!(matches!(
            events[..],
            [ClientEvent::Closed(CloseReason::OpeningTimedOut(_))]
        ));
        assert!(silent.sent().is_empty());
        for revision in LEGACY {
            let server = server_config().revisions(vec![revision]);
            let mut pair = Pair::new(config.clone(), server);
            pair.client.open(pair.now).unwrap();
            pair.drive();
            let Some(ClientEvent::Closed(CloseReason::OpeningRefused(error))) =
                pair.client_events.pop_front()
            else {
                panic!()
            };
            assert!(!error.message.is_empty());
            assert_eq!(pair.sent_by_client().len(), 1);
        }
    }
}

on_revisions! { LEGACY;
    // `era.server.both` `era.server.select.modern` `era.server.select.legacy`
    fn a_server_of_both_eras_serves_them_side_by_side(revision) {
        let mut server = Script::server(revision);
        for round in 0..3 {
            server.feed_json(&tool_call(revision, round * 2));
            server.feed_json(&tool_call(MODERN, round * 2 + 1));
        }
        let asked: Vec<_> = server.take_events().into_iter().map(|event| match event {
            ServerEvent::Request(asked) => asked,
            other => panic!("{other:?}"),
        }).collect();
        for (n, asked) in asked.iter().enumerate() {
            let is_modern = n % 2 == 1;
            assert_eq!(asked.revision, if is_modern { MODERN } else { revision });
            server.session.reply::<CallTool>(server.now, asked.id, &CallToolResult::text("x")).unwrap();
            let answer = server.reply();
            assert_eq!(answer["result"].get("resultType").is_some(), is_modern);
        }
        // A modern request before the handshake doesn't keep a legacy client out.
        let mut server = Script::fresh_server(server_config());
        server.feed_json(&tool_call(MODERN, 1));
        server.feed_json(&initialize(2, revision.as_str()));
        assert_eq!(server.reply()["result"]["protocolVersion"], revision.as_str());
        assert_eq!(server.session.open_requests(), 1);
    }
}

#[test]
fn a_request_without_metadata_is_served_by_what_came_before_it() {
    // `era.server.select.none` `era.server.select.legacy`
    let plain = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "x"}});
    let ping = json!({"jsonrpc": "2.0", "id": 1, "method": "ping"});
    let mut fresh = Script::fresh_server(server_config());
    fresh.feed_json(&plain);
    assert_eq!(fresh.reply()["error"]["code"], -32602);
    fresh.feed_json(&ping);
    assert_eq!(fresh.reply()["result"], json!({}));
    fresh.feed_json(&tool_call(MODERN, 2));
    fresh.feed_json(&plain);
    assert_eq!(
        fresh.reply()["error"]["code"],
        -32602,
        "a modern request opens nothing"
    );
    fresh.feed_json(&initialize(3, "2025-11-25"));
    fresh.sent();
    fresh.feed_json(&notification("notifications/initialized", json!({})));
    fresh.take_events();
    fresh.feed_json(&plain);
    assert!(matches!(
        fresh.events.pop_front(),
        Some(ServerEvent::Request(_))
    ));
    // Metadata of which the version is missing is malformed before, and no metadata after.
    let mut half = plain.clone();
    half["id"] = json!(9);
    half["params"]["_meta"] = modern_meta();
    half["params"]["_meta"]
        .as_object_mut()
        .unwrap()
        .remove("io.modelcontextprotocol/protocolVersion");
    fresh.feed_json(&half);
    assert!(matches!(
        fresh.events.pop_front(),
        Some(ServerEvent::Request(_))
    ));
    let mut fresh = Script::fresh_server(server_config());
    fresh.feed_json(&half);
    assert_eq!(fresh.reply()["error"]["code"], -32602);
    // A server of the legacy era alone doesn't look at it.
    let mut legacy = Script::fresh_server(server_config().revisions(LEGACY.to_vec()));
    legacy.feed_json(&tool_call(MODERN, 1));
    assert_eq!(legacy.reply()["error"]["code"], -32600);
}

#[test]
fn a_session_that_can_not_be_opened_by_its_policy_says_so_and_stays_as_it_was() {
    use mcp_proto::session::Misuse;
    for (era, revisions) in [
        (EraPolicy::Auto, vec![]),
        (EraPolicy::Legacy, vec![MODERN]),
        (EraPolicy::Modern, LEGACY.to_vec()),
        (EraPolicy::AssumeModern, LEGACY.to_vec()),
    ] {
        let mut client = ClientSession::new(auto().era(era).revisions(revisions));
        let now = Instant::ZERO;
        let before = format!("{client:?}");
        assert!(matches!(
            client.open(now),
            Err(Misuse::Invalid(Invalid::NoRevision))
        ));
        assert_eq!(format!("{client:?}"), before);
    }
    let mut client = Script::fresh_client(auto().revisions(vec![Revision::V2025_03_26]));
    assert_eq!(client.reply()["params"]["protocolVersion"], "2025-03-26");
    let before = format!("{:?}", client.session);
    assert_eq!(client.session.open(client.now), Err(Misuse::AlreadyOpened));
    assert_eq!(format!("{:?}", client.session), before);
    client.feed("x");
    assert!(matches!(
        client.events[0],
        ClientEvent::Ignored(Ignored::NotAMessage { line: Some(_), .. })
    ));
}

#[cfg(feature = "proptest")]
mod properties {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(support::cases(32, 256))]

        // `era.stdio.nokey` `era.stdio.fallback`
        #[test]
        fn any_code_but_three_leads_to_the_handshake(code in any::<i32>(), data in 0..3) {
            prop_assume!(!(-32022..=-32020).contains(&code));
            let (mut client, probe) = probing();
            let mut answer = error(&probe["id"], i64::from(code));
            if data > 0 {
                answer["error"]["data"] = json!({"supported": ["2026-07-28"], "requested": "2026-07-28"});
            }
            client.feed_json(&answer);
            check_falls_back(&mut client, &probe, "any code");
        }
    }
}
