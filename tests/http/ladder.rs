//! The ladder of checks: each rung alone, each pair of them (the earlier wins), and what is left when
//! nothing is wrong.

use mcp_proto::http::{Class, HttpMethod, HttpPolicy, Input, Offers, Reply, Rung, check, classify};
use mcp_proto::session::{Route, ServerEvent, ServerSession, ServesClient, Session};
use mcp_proto::{Instant, Limits, Revision};
use serde_json::{Value, json};
use support::pair::{poll_frames, server_config};

use crate::requests::{MODERN, Sent, legacy, modern, offers};

fn sent(request: &Sent, offers: &Offers) -> Result<Class, Reply> {
    check(&HttpPolicy::local(), offers, &request.head)?;
    classify(offers, &request.head, request.bytes())
}

fn all() -> Offers {
    offers(&Revision::ALL)
}

/// The status and the error's code of a refusal.
fn refused(request: &Sent, offers: &Offers) -> (u16, i64) {
    let reply = sent(request, offers).expect_err("it is refused");
    let body: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
    (
        reply.head.status,
        body["error"]["code"].as_i64().unwrap_or_default(),
    )
}

pub fn call() -> Sent {
    let mut call = modern(
        "tools/call",
        json!({"name": "deploy", "arguments": {"region": "eu"}}),
    );
    call.set("mcp-param-region", Some("eu"));
    call
}

/// One rung: what it answers, and how a good modern call comes to commit its offence.
pub struct Row {
    pub rung: Rung,
    pub answer: (u16, i64),
    pub commit: fn(&mut Sent),
    /// Whether committing it hides the body from the rungs below.
    replaces_body: bool,
}

const fn row(rung: Rung, status: u16, code: i64, commit: fn(&mut Sent)) -> Row {
    Row {
        rung,
        answer: (status, code),
        commit,
        replaces_body: false,
    }
}

const fn body(rung: Rung, status: u16, code: i64, commit: fn(&mut Sent)) -> Row {
    Row {
        rung,
        answer: (status, code),
        commit,
        replaces_body: true,
    }
}

/// `httpM.order` as data.
pub const ROWS: [Row; 17] = [
    row(Rung::Host, 403, -32600, |sent| {
        sent.set("host", Some("evil.example"))
    }),
    row(Rung::Origin, 403, -32600, |sent| {
        sent.set("origin", Some("https://evil.example"))
    }),
    row(Rung::Method, 405, -32600, |sent| {
        sent.head.method = HttpMethod::Other
    }),
    row(Rung::ContentType, 415, -32600, |sent| {
        sent.set("content-type", Some("text/plain"))
    }),
    row(Rung::Accept, 406, -32600, |sent| {
        sent.set("accept", Some("application/json"))
    }),
    row(Rung::Length, 413, -32600, |sent| {
        sent.set("content-length", Some("4194305"))
    }),
    body(Rung::Json, 400, -32700, |sent| {
        sent.text = Some("{\"jsonrpc\":".into())
    }),
    body(Rung::Shape, 400, -32600, |sent| {
        sent.text = Some("{\"jsonrpc\":\"2.0\"}".into())
    }),
    body(Rung::Batch, 400, -32600, |sent| {
        sent.text = Some("[{\"jsonrpc\":\"2.0\"}]".into())
    }),
    body(Rung::Response, 400, -32600, |sent| {
        sent.text = Some("{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}".into());
    }),
    row(Rung::VersionHeader, 400, -32020, |sent| {
        sent.set("mcp-protocol-version", None)
    }),
    row(Rung::Meta, 400, -32602, |sent| {
        sent.meta()
            .remove("io.modelcontextprotocol/clientCapabilities");
    }),
    row(Rung::VersionMismatch, 400, -32020, |sent| {
        sent.meta().insert(
            "io.modelcontextprotocol/protocolVersion".into(),
            json!("2027-01-01"),
        );
    }),
    row(Rung::Unsupported, 400, -32022, |sent| {
        sent.meta().insert(
            "io.modelcontextprotocol/protocolVersion".into(),
            json!("2099-01-01"),
        );
        sent.set("mcp-protocol-version", Some("2099-01-01"));
    }),
    row(Rung::McpMethod, 400, -32020, |sent| {
        sent.set("mcp-method", Some("tools/list"))
    }),
    row(Rung::McpName, 400, -32020, |sent| {
        sent.set("mcp-name", Some("other"))
    }),
    row(Rung::McpParam, 400, -32020, |sent| {
        sent.set("mcp-param-region", Some("us"))
    }),
];

#[test]
fn each_rung_alone_is_answered_as_it_says() {
    // `httpM.order` `httpM.origin` `httpM.ver.missing` `httpM.meta.missing` `httpM.ver.mismatch`
    // `httpM.ver.unsupported` `httpM.val.mismatch` `httpM.val.batch`
    assert!(matches!(
        sent(&call(), &all()),
        Ok(Class::Modern { listens: false, .. })
    ));
    for row in ROWS {
        let mut request = call();
        (row.commit)(&mut request);
        assert_eq!(refused(&request, &all()), row.answer, "{:?}", row.rung);
    }
}

#[test]
fn of_two_offences_the_one_on_the_earlier_rung_is_answered() {
    // `httpM.order` `httpM.ver.mismatch`
    let mut pairs = 0;
    for (at, first) in ROWS.iter().enumerate() {
        for second in &ROWS[at + 1..] {
            // Two that change the same thing can't be committed at once.
            let same_body =
                first.replaces_body && (second.replaces_body || second.rung >= Rung::Meta);
            let same_version = matches!(first.rung, Rung::VersionHeader | Rung::VersionMismatch)
                && matches!(second.rung, Rung::VersionMismatch | Rung::Unsupported);
            if same_body || same_version {
                continue;
            }
            let mut request = call();
            (first.commit)(&mut request);
            (second.commit)(&mut request);
            let answer = refused(&request, &all());
            assert_eq!(
                answer, first.answer,
                "{:?} before {:?}",
                first.rung, second.rung
            );
            pairs += 1;
        }
    }
    assert!(pairs > 90, "{pairs}");
}

#[test]
fn the_rungs_stand_in_the_order_of_the_ladder() {
    let ladder = [&Rung::BEFORE_BODY[..], &Rung::WITH_BODY, &Rung::MODERN].concat();
    assert!(ladder.is_sorted());
    let tested: Vec<Rung> = ROWS.iter().map(|row| row.rung).collect();
    assert!(tested.is_sorted());
    let untested: Vec<_> = ladder
        .iter()
        .filter(|rung| !tested.contains(rung))
        .collect();
    assert_eq!(
        untested,
        [&Rung::Authorization, &Rung::UnknownVersion],
        "the one of protected servers and the legacy one, tested by themselves"
    );
}

#[test]
fn a_version_that_nobody_knows_is_refused_where_the_request_says_no_more() {
    // `httpL.ver.bad`
    for version in ["1.0", "", "2025-06-19", "é"] {
        let mut request = legacy("tools/list", json!({}));
        request.set("mcp-protocol-version", Some(version));
        assert_eq!(refused(&request, &all()).0, 400, "{version}");
    }
    let mut request = legacy("tools/list", json!({}));
    let old = offers(&[Revision::V2025_06_18]);
    assert_eq!(refused(&request, &old), (400, -32022));
    request.set("mcp-protocol-version", Some("2025-06-18"));
    assert!(sent(&request, &old).is_ok());
}

#[test]
fn a_version_that_is_not_spoken_is_refused_under_the_id_of_its_request() {
    let old = offers(&[Revision::V2025_06_18]);
    let mut named = legacy("tools/list", json!({}));
    named.set("mcp-protocol-version", Some("2025-03-26"));
    let mut unreadable = legacy("tools/list", json!({}));
    unreadable.set("mcp-protocol-version", Some("é"));
    for (request, code) in [(call(), -32022), (named, -32022), (unreadable, -32020)] {
        let mut request = request;
        request.body["id"] = json!("seven");
        let reply = sent(&request, &old).expect_err("it is refused");
        let body: Value = serde_json::from_slice(&reply.body).unwrap();
        assert_eq!(
            (&body["id"], &body["error"]["code"]),
            (&json!("seven"), &json!(code))
        );
    }
    // An answer has the id of what it answers, which is no request of its sender's.
    let mut answer = legacy("tools/list", json!({}));
    answer.set("mcp-protocol-version", Some("2025-03-26"));
    answer.body = json!({"jsonrpc": "2.0", "id": "seven", "result": {}});
    let reply = sent(&answer, &old).expect_err("it is refused");
    let body: Value = serde_json::from_slice(&reply.body).unwrap();
    assert_eq!(body.get("id"), None);
}

#[test]
fn every_header_of_a_modern_request_is_needed_and_compared_as_it_is() {
    // `err.headermismatch`
    // `httpM.val.missing` `httpM.val.mismatch` `httpM.val.chars` `httpM.hdr.case` `httpM.hdr.method.plain`
    for name in [
        "mcp-protocol-version",
        "mcp-method",
        "mcp-name",
        "mcp-param-region",
    ] {
        let mut request = call();
        request.set(name, None);
        assert_eq!(
            refused(&request, &all()),
            (400, -32020),
            "{name} is missing"
        );
        for bad in ["\u{1}", "é", "=?base64?!!?="] {
            request.set(name, Some(bad));
            assert_eq!(refused(&request, &all()), (400, -32020), "{name}: {bad:?}");
        }
        let mut request = call();
        request.head.headers.push(name, "eu");
        assert_eq!(
            refused(&request, &all()),
            (400, -32020),
            "{name} stands twice"
        );
    }
    let mut request = call();
    request.set("mcp-method", Some("TOOLS/CALL"));
    assert_eq!(refused(&request, &all()), (400, -32020));
    request.set("mcp-method", Some("=?base64?dG9vbHMvY2FsbA==?="));
    assert_eq!(refused(&request, &all()), (400, -32020));
    let mut request = call();
    request.set("mcp-name", Some(" =?base64?ZGVwbG95?=\t"));
    assert!(sent(&request, &all()).is_ok());
}

#[test]
fn the_name_header_is_that_of_its_method_and_ignored_elsewhere() {
    // `httpM.hdr.name` `httpM.val.extra` `httpM.param.unknown`
    for (method, params) in [
        ("prompts/get", json!({"name": "p"})),
        ("resources/read", json!({"uri": "file:///a"})),
    ] {
        let mut request = modern(method, params);
        assert!(sent(&request, &all()).is_ok(), "{method}");
        request.set("mcp-name", None);
        assert_eq!(refused(&request, &all()), (400, -32020), "{method}");
    }
    let mut request = modern("tools/list", json!({}));
    request.set("mcp-name", Some("anything"));
    request.set("mcp-param-x", Some("anything"));
    assert!(sent(&request, &all()).is_ok());
    // What the body doesn't say is for the session to refuse.
    assert!(sent(&modern("tools/call", json!({})), &all()).is_ok());
}

#[test]
fn the_era_of_a_request_is_said_by_itself() {
    // `httpM.session.ignore` `httpM.ver.missing` `era.server.select.modern`
    let mut request = modern("tools/list", json!({}));
    request.set("mcp-session-id", Some("0123456789abcdef"));
    assert!(matches!(sent(&request, &all()), Ok(Class::Modern { .. })));
    let mut request = legacy("tools/list", json!({}));
    assert!(matches!(
        sent(&request, &all()),
        Ok(Class::Legacy {
            session: Some(_),
            ..
        })
    ));
    request.set("mcp-protocol-version", Some(MODERN));
    assert_eq!(
        refused(&request, &all()),
        (400, -32602),
        "it says modern and lacks _meta"
    );
    let listen = modern("subscriptions/listen", json!({"notifications": {}}));
    assert!(matches!(
        sent(&listen, &all()),
        Ok(Class::Modern { listens: true, .. })
    ));
    // A server of the modern era alone knows no other.
    let alone = offers(&[Revision::V2026_07_28]);
    let mut request = legacy("tools/list", json!({}));
    request.set("mcp-protocol-version", None);
    assert_eq!(refused(&request, &alone), (400, -32020));
}

#[test]
fn a_modern_server_takes_notifications_without_a_word_and_no_answers() {
    // `httpM.notif.202` `httpM.post`
    let mut request = modern("notifications/x", json!({}));
    request.body.as_object_mut().unwrap().remove("id");
    let reply = sent(&request, &all()).expect_err("there is no more to say");
    assert_eq!((reply.head.status, reply.body.len()), (202, 0));
}

#[test]
fn an_endpoint_without_sessions_has_post_alone() {
    // `httpM.get.405` `httpL.get.405` `httpM.endpoint` `httpL.endpoint`
    for (method, offered) in [
        (HttpMethod::Get, offers(&[Revision::V2026_07_28])),
        (HttpMethod::Delete, offers(&[Revision::V2026_07_28])),
        (HttpMethod::Get, all().stateless()),
        (HttpMethod::Delete, all().stateless()),
        (HttpMethod::Options, all()),
        (HttpMethod::Other, all()),
    ] {
        let mut request = legacy("ping", json!({}));
        request.head.method = method;
        let reply = sent(&request, &offered).expect_err("it hasn't the method");
        assert_eq!(reply.head.status, 405, "{method:?}");
        let allowed = reply.head.headers.one("allow").unwrap().unwrap().to_owned();
        assert_eq!(
            allowed.contains("GET"),
            matches!(method, HttpMethod::Options | HttpMethod::Other)
        );
        assert!(allowed.contains("POST"));
    }
}

#[test]
fn a_get_says_which_stream_goes_on_and_takes_events() {
    // `httpL.get` `httpL.resume`
    let mut request = legacy("ping", json!({}));
    request.head.method = HttpMethod::Get;
    request.set("content-type", None);
    request.set("accept", Some("text/event-stream"));
    let class = sent(&request, &all());
    let plain = Input::Get { last_event: None };
    assert!(matches!(class, Ok(Class::Legacy { input, .. }) if input == plain));
    request.set("last-event-id", Some("3-7-0badcafe"));
    let resumed = Input::Get {
        last_event: Some("3-7-0badcafe".into()),
    };
    assert!(matches!(sent(&request, &all()), Ok(Class::Legacy { input, .. }) if input == resumed));
    request.set("accept", Some("application/json"));
    assert_eq!(refused(&request, &all()).0, 406);
    request.head.method = HttpMethod::Delete;
    assert!(matches!(
        sent(&request, &all()),
        Ok(Class::Legacy {
            input: Input::Delete,
            ..
        })
    ));
}

#[test]
fn a_legacy_request_names_its_session_unless_it_opens_one() {
    // `httpL.session.400` `httpL.session.chars` `httpL.session.send` `httpL.ver.absent`
    // `httpL.ver.negotiatedB`
    let mut request = legacy("tools/list", json!({}));
    request.set("mcp-session-id", None);
    assert_eq!(refused(&request, &all()).0, 400);
    for bad in ["a b", "", "é"] {
        request.set("mcp-session-id", Some(bad));
        assert_eq!(refused(&request, &all()).0, 400, "{bad:?}");
    }
    request.set("mcp-session-id", Some("x"));
    request.set("mcp-protocol-version", None);
    assert!(matches!(
        sent(&request, &all()),
        Ok(Class::Legacy { revision: None, .. })
    ));
    let mut opens = legacy("initialize", json!({"protocolVersion": "2025-06-18"}));
    opens.set("mcp-session-id", None);
    opens.set("mcp-protocol-version", None);
    let class = sent(&opens, &all());
    assert!(matches!(
        class,
        Ok(Class::Legacy {
            session: None,
            input: Input::Post { opens: true, .. },
            ..
        })
    ));
    // Without sessions every request stands alone, whatever it says.
    request.set("mcp-session-id", Some("x"));
    assert!(matches!(
        sent(&request, &all().stateless()),
        Ok(Class::Legacy { session: None, .. })
    ));
}

#[test]
fn a_batch_is_for_a_legacy_session_to_judge() {
    // `httpL.body.batch` `httpL.body.single`
    let mut request = legacy("ping", json!({}));
    request.set("mcp-protocol-version", Some("2025-03-26"));
    request.text = Some("[{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}]".into());
    let class = sent(&request, &all());
    assert!(matches!(
        class,
        Ok(Class::Legacy {
            input: Input::Post { kind: None, .. },
            ..
        })
    ));
    let alone = offers(&[Revision::V2026_07_28]);
    request.set("mcp-protocol-version", None);
    assert_eq!(refused(&request, &alone), (400, -32600));
}

#[test]
fn a_body_is_bounded_whether_its_length_is_declared_or_not() {
    // `httpM.limits`
    let small = all().body_limit(100);
    assert_eq!(refused(&call(), &small).0, 413);
    let mut request = call();
    for (length, status) in [
        ("101", 413),
        ("x", 400),
        ("-1", 400),
        ("99999999999999999999999", 400),
    ] {
        request.set("content-length", Some(length));
        assert_eq!(refused(&request, &small).0, status, "{length}");
    }
    request.set("content-length", Some("4194304"));
    assert!(sent(&request, &all()).is_ok());
}

#[test]
fn a_json_server_needs_no_client_that_takes_events() {
    // `httpL.accept.enforce`
    let mut request = call();
    request.set("accept", Some("application/json"));
    assert!(sent(&request, &all().json_only()).is_ok());
    request.set("accept", Some("text/event-stream"));
    assert_eq!(refused(&request, &all().json_only()).0, 406);
    request.set("accept", None);
    assert!(
        sent(&request, &all()).is_ok(),
        "a client that says nothing takes everything"
    );
}

#[test]
fn a_refusal_carries_the_id_of_its_request() {
    let mut request = call();
    request.body["id"] = json!("seven");
    request.set("mcp-method", None);
    let reply = sent(&request, &all()).expect_err("it is refused");
    let body: Value = serde_json::from_slice(&reply.body).unwrap();
    assert_eq!(
        (body["jsonrpc"].as_str(), body["id"].as_str()),
        (Some("2.0"), Some("seven"))
    );
    assert_eq!(
        reply.head.headers.one("content-type"),
        Ok(Some("application/json"))
    );
}

#[test]
fn a_session_that_reads_less_than_what_stands_before_it_reads_again() {
    let nested = json!({"name": "x", "arguments": {"a": {"b": {"c": {}}}}});
    let Ok(Class::Modern { frame, .. }) = sent(&modern("tools/call", nested), &all()) else {
        panic!("it is a good call");
    };
    let mut narrow = Limits::default();
    narrow.depth = 4;
    for (limits, is_taken) in [(Limits::default(), true), (narrow, false)] {
        let mut session = ServerSession::new(server_config().limits(limits));
        session.handle_scanned(Instant::from_millis(1), Route::Pipe, frame.clone());
        let event = session.poll_event();
        let is_request = matches!(event, Some(ServerEvent::Request(_)));
        assert_eq!(is_request, is_taken, "{event:?}");
        let sent = poll_frames(&mut session);
        assert_eq!(
            sent.iter().any(|sent| sent.contains("-32600")),
            !is_taken,
            "{sent:?}"
        );
    }
}
