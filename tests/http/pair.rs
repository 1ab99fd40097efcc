//! Both sides of HTTP joined, whatever they speak: what is called, asked, told and cancelled arrives.

use std::time::Duration;

use mcp_proto::Revision;
use mcp_proto::http::{HttpMethod, HttpSession, SessionStatus};
use mcp_proto::model::input::InputRequests;
use mcp_proto::model::logging::{LoggingLevel, LoggingMessageParams};
use mcp_proto::model::method::CallTool;
use mcp_proto::model::root::ListRootsResult;
use mcp_proto::model::tool::CallToolResult;
use mcp_proto::session::{
    CallError, Change, ClientEvent, CloseReason, Closed, Delivery, EraPolicy,
};

use crate::net::{Net, WAYS, Way};

#[test]
fn a_client_finds_out_by_itself_what_its_server_speaks_and_calls_it() {
    // `era.http.probe` `era.http.legacy` `era.http.sse` `httpL.sse.fallback` `httpM.accept` `httpL.accept`
    for way in WAYS {
        for piece in [1, 7, 100_000] {
            let mut net = Net::open(way, piece);
            let is_modern = matches!(way, Way::Modern | Way::ModernJson);
            let revision = net.session.revision().expect("it is open");
            assert_eq!(revision == Revision::NEWEST, is_modern, "{way:?}");
            let calls = ["a", "b", "c"].map(|name| (name, net.call(name)));
            net.run();
            net.answer_calls();
            for (name, call) in calls {
                assert_eq!(net.end(call).as_deref(), Ok(name), "{way:?}");
            }
        }
    }
}

#[test]
fn every_request_has_the_headers_of_its_era() {
    // `httpM.ver.header` `httpM.hdr.method` `httpM.hdr.name` `httpL.session.send` `httpL.ver.send` `httpL.ver.value`
    let mut net = Net::open(Way::Modern, 100);
    net.call("näme");
    net.run();
    for request in &net.host.asked {
        let one = |name| request.headers.one(name).expect("it is good");
        assert_eq!(one("mcp-protocol-version"), Some("2026-07-28"));
        assert_eq!(one("content-type"), Some("application/json"));
        assert_eq!(one("accept"), Some("application/json, text/event-stream"));
        assert!(one("mcp-session-id").is_none() && one("last-event-id").is_none());
    }
    let call = net.host.asked.last().expect("it was asked");
    assert_eq!(call.headers.one("mcp-method"), Ok(Some("tools/call")));
    assert_eq!(
        call.headers.one("mcp-name"),
        Ok(Some("=?base64?bsOkbWU=?="))
    );
    let mut net = Net::open(Way::Streamable, 100);
    net.pass(Duration::from_millis(1));
    net.call("x");
    net.run();
    net.http.close(net.now);
    net.run();
    let (opening, rest): (Vec<_>, Vec<_>) = net.host.asked.iter().partition(|request| {
        [&b"server/discover"[..], b"\"initialize\""]
            .iter()
            .any(|method| {
                request
                    .body
                    .windows(method.len())
                    .any(|window| window == *method)
            })
    });
    assert!(
        opening
            .iter()
            .all(|request| !request.headers.has("mcp-session-id"))
    );
    assert!(!opening[1].headers.has("mcp-protocol-version"));
    let methods: Vec<_> = rest.iter().map(|request| request.method).collect();
    assert_eq!(
        methods,
        [
            HttpMethod::Post,
            HttpMethod::Get,
            HttpMethod::Post,
            HttpMethod::Delete
        ]
    );
    for request in rest {
        assert!(request.headers.has("mcp-session-id"), "{request:?}");
        assert_eq!(
            request.headers.one("mcp-protocol-version"),
            Ok(Some("2025-11-25"))
        );
    }
}

#[test]
fn what_comes_before_an_answer_comes_before_it() {
    for way in [Way::Modern, Way::Streamable, Way::Stateless, Way::Pair] {
        let mut net = Net::open(way, 3);
        let call = net.call("x");
        net.run();
        let now = net.now;
        net.host.serve(now, |session, request| {
            let message = LoggingMessageParams::text(LoggingLevel::Error, "soon");
            session
                .session()
                .log(now, Some(request.id), &message)
                .expect("it is open");
            let result = CallToolResult::text("x");
            session
                .session()
                .reply::<CallTool>(now, request.id, &result)
                .expect("it is open");
        });
        net.run();
        assert!(
            matches!(net.events[0], ClientEvent::Log(_)),
            "{way:?}: {:?}",
            net.events
        );
        assert_eq!(net.end(call).as_deref(), Ok("x"), "{way:?}");
    }
}

#[test]
fn a_server_asks_its_client_and_goes_on_with_the_answer() {
    // `httpL.202` `httpM.sse.noreq`
    for way in [
        Way::Modern,
        Way::Streamable,
        Way::ModernJson,
        Way::StreamableJson,
        Way::Pair,
    ] {
        let mut net = Net::open(way, 11);
        let call = net.call("x");
        net.run();
        let now = net.now;
        let ask = |session: &mut HttpSession, request: mcp_proto::session::Request| {
            let roots = InputRequests::new().roots("k");
            session
                .session()
                .need_input(now, request.id, &roots, Some("s"))
                .expect("it is open");
        };
        net.host.serve(now, ask);
        net.run();
        let asked = net.events.remove(0);
        let ClientEvent::InputRequested(asked) = asked else {
            panic!("{way:?}: {asked:?}")
        };
        let roots = ListRootsResult::new(Vec::new());
        net.session
            .answer::<mcp_proto::model::method::ListRoots>(now, asked.input, &roots)
            .expect("it is open");
        net.run();
        net.answer_calls();
        assert_eq!(net.end(call).as_deref(), Ok("x"), "{way:?}");
    }
}

#[test]
fn a_change_is_heard_once_by_the_stream_for_what_belongs_to_no_request() {
    // `httpL.nobroadcast` `httpL.get`
    for way in [Way::Streamable, Way::StreamableJson, Way::Pair] {
        let mut net = Net::open(way, 5);
        let now = net.now;
        let session = net
            .host
            .sessions
            .iter_mut()
            .flatten()
            .find(|s| matches!(s.status(), SessionStatus::Idle | SessionStatus::Busy));
        let session = session.expect("one is open");
        session
            .session()
            .changed(now, Change::Tools)
            .expect("it is declared");
        session.pump(now);
        net.run();
        let heard = net
            .events
            .iter()
            .filter(|event| matches!(event, ClientEvent::Changed { .. }));
        assert_eq!(heard.count(), 1, "{way:?}: {:?}", net.events);
    }
}

#[test]
fn to_cancel_closes_a_modern_exchange_and_tells_a_legacy_server() {
    // `httpM.cancel` `httpL.sse.disconnect` `cancel.http.modern.client`
    for way in WAYS.into_iter().filter(|way| *way != Way::Stateless) {
        let mut net = Net::open(way, 100);
        let call = net.call("x");
        net.run();
        net.session.cancel(net.now, call, None).expect("it is open");
        net.run();
        let now = net.now;
        net.host.serve(now, |_, _| {});
        assert_eq!(net.end(call), Err(CallError::Cancelled), "{way:?}");
        assert_eq!(net.host.cancelled, 1, "{way:?}");
        let is_modern = matches!(way, Way::Modern | Way::ModernJson);
        let cancelled = b"notifications/cancelled";
        let is_told = net.host.asked.iter().any(|request| {
            request
                .body
                .windows(cancelled.len())
                .any(|window| window == cancelled)
        });
        assert_eq!(is_told, !is_modern, "{way:?}");
    }
}

#[test]
fn a_legacy_stream_that_breaks_is_resumed_and_a_modern_one_is_lost() {
    // `httpL.resume` `httpL.sse.retry.obey` `httpM.noresume` `httpM.reissue.safe` `httpL.sse.end.noresp`
    for way in [Way::Modern, Way::Streamable] {
        let mut net = Net::open(way, 100);
        let call = net.call("x");
        net.run();
        net.pass(Duration::from_secs(2));
        let exchange = net.host.asked.last().expect("it was asked").exchange;
        net.break_connection(exchange);
        net.run();
        if way == Way::Modern {
            assert_eq!(net.end(call), Err(CallError::Lost(Delivery::Unknown)));
            continue;
        }
        net.answer_calls();
        assert!(net.events.is_empty(), "it waits as long as it was told");
        net.pass(Duration::from_millis(999));
        assert!(net.events.is_empty());
        net.pass(Duration::from_millis(1));
        assert!(
            net.host
                .asked
                .last()
                .expect("it was asked")
                .headers
                .has("last-event-id")
        );
        assert_eq!(net.end(call).as_deref(), Ok("x"));
    }
}

#[test]
fn a_session_that_the_server_has_forgotten_is_over() {
    // `httpL.session.reinit` `httpL.session.404`
    let mut net = Net::open(Way::Streamable, 100);
    net.host
        .sessions
        .iter_mut()
        .for_each(|session| *session = None);
    let call = net.call("x");
    net.run();
    assert_eq!(net.end(call), Err(CallError::Lost(Delivery::NotSent)));
    let closed = net.events.pop();
    let reason = CloseReason::Connection(Closed::Forgotten);
    assert!(matches!(closed, Some(ClientEvent::Closed(why)) if why == reason));
    assert!(net.http.session_id().is_none());
}

#[test]
fn a_server_that_never_takes_initialized_holds_up_what_follows_for_a_while_and_no_longer() {
    let mut net = Net::new(Way::Streamable, EraPolicy::Auto, 100);
    net.host.is_silent_on = Some("notifications/initialized");
    net.run();
    let call = net.call("x");
    net.run();
    let asked = |net: &Net| net.host.asked.last().expect("it was asked").method;
    assert_eq!(asked(&net), HttpMethod::Post);
    net.pass(Duration::from_millis(4_999));
    assert!(
        !net.events
            .iter()
            .any(|event| matches!(event, ClientEvent::Completed(_)))
    );
    assert_eq!(
        net.http.poll_timeout(),
        Some(net.now + Duration::from_millis(1))
    );
    net.pass(Duration::from_millis(1));
    assert!(
        net.host
            .asked
            .iter()
            .any(|request| request.method == HttpMethod::Get)
    );
    net.answer_calls();
    assert_eq!(net.end(call).as_deref(), Ok("x"));
}

#[test]
fn every_message_of_the_old_pair_is_posted_to_its_endpoint() {
    // `sse24.post` `sse24.post.status`
    let mut net = Net::open(Way::Pair, 100);
    net.call("x");
    net.run();
    net.answer_calls();
    let (before, after): (Vec<_>, Vec<_>) = net
        .host
        .asked
        .iter()
        .partition(|request| &*request.url == "http://localhost/mcp");
    // What finds out that it is one: the probe, `initialize`, and the stream.
    assert_eq!(before.len(), 3);
    assert!(after.len() >= 3, "{after:?}");
    for request in after {
        assert_eq!(&*request.url, "http://localhost/message");
        assert_eq!(request.method, HttpMethod::Post);
    }
}

#[test]
fn whatever_carries_it_a_call_is_the_same_message() {
    // `custom.preserve`
    let mut seen: std::collections::BTreeMap<bool, serde_json::Value> = Default::default();
    for way in WAYS {
        let mut net = Net::open(way, 100);
        net.call("x");
        net.run();
        let sent = net.host.asked.iter().rev();
        let mut sent = sent.filter_map(|request| serde_json::from_slice(&request.body).ok());
        let mut call: serde_json::Value = sent.next().expect("it was sent");
        assert_eq!(
            (&call["jsonrpc"], &call["method"]),
            (&"2.0".into(), &"tools/call".into())
        );
        call["id"].take();
        let is_modern = matches!(way, Way::Modern | Way::ModernJson);
        let meta = &call["params"]["_meta"]["io.modelcontextprotocol/protocolVersion"];
        assert_eq!(meta.is_string(), is_modern, "{way:?}");
        assert_eq!(
            seen.entry(is_modern).or_insert_with(|| call.clone()),
            &call,
            "{way:?}"
        );
    }
}
