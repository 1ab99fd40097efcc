//! Sessions over HTTP: how an exchange becomes JSON or a stream, and what goes on which stream.

use std::time::Duration;

use mcp_proto::Revision;
use mcp_proto::http::{SessionKind, SessionStatus, StreamOptions};
use mcp_proto::model::input::InputRequests;
use mcp_proto::rpc::RpcError;
use mcp_proto::session::Change;
use serde_json::json;
use support::scenario::{notification, request, result};
use support::{LEGACY, on_revisions};

use crate::served::{Served, TAG, call, logging_call, modern, options};

on_revisions! { LEGACY;
    // `httpL.req.reply` `httpL.session.assign` `httpL.202`
    fn an_answer_alone_is_json(revision) {
        let mut served = Served::legacy(revision, options());
        let (exchange, given) = served.post(call(revision, 1));
        assert_eq!(given.status, None, "nothing is known yet");
        let request = served.request();
        served.reply(&request);
        let ready: Vec<_> = std::iter::from_fn(|| served.http.poll_ready()).collect();
        assert_eq!(ready, [exchange]);
        let given = served.given(exchange);
        assert_eq!((given.status, given.ended), (Some(200), true));
        assert_eq!(given.json()["id"], 1);
        assert!(served.http.poll_part(exchange).is_none());
    }
}

#[test]
fn a_modern_answer_has_the_status_of_its_error_and_no_session() {
    // `httpM.reply` `httpM.404` `httpM.session.ignore`
    let mut served = modern();
    let (_, given) = served.post(request(Revision::NEWEST, 1, "ping", json!({})));
    assert_eq!((given.status, given.ended), (Some(404), true));
    assert_eq!(given.json()["error"]["code"], -32601);
    assert!(!given.headers.has("mcp-session-id"));
    let mut served = modern();
    let (exchange, _) = served.post(call(Revision::NEWEST, 1));
    let request = served.request();
    let now = served.now;
    served
        .http
        .session()
        .reply_error(now, request.id, RpcError::invalid_params("no"))
        .unwrap();
    served.http.pump(now);
    assert_eq!(served.given(exchange).status, Some(200));
}

on_revisions! { LEGACY;
    // `httpL.sse.before` `httpL.sse.final` `httpL.evid.unique` `httpL.evid.stream` `httpL.sse.poll.prime`
    fn what_comes_before_an_answer_makes_a_stream_that_ends_with_it(revision) {
        let mut served = Served::legacy(revision, options());
        let (exchange, _) = served.post(call(revision, 1));
        let request = served.request();
        served.log(Some(&request), "soon");
        let given = served.given(exchange);
        assert_eq!((given.status, given.ended), (Some(200), false));
        assert_eq!(given.headers.one("x-accel-buffering"), Ok(Some("no")));
        let primed = given.events().len() - 1;
        assert_eq!(primed, usize::from(revision >= Revision::V2025_11_25));
        if primed == 1 {
            let first = &given.events()[0];
            assert!(first.data.is_empty() && first.id.is_some());
            assert_eq!(first.retry, Some(Duration::from_secs(1)));
        }
        served.reply(&request);
        let rest = served.more(exchange);
        assert!(rest.ended);
        assert_eq!(rest.messages()[0]["id"], 1);
        let ids = [given.events().pop().unwrap().id, rest.events()[0].id.clone()];
        assert!(ids.iter().all(Option::is_some) && ids[0] != ids[1]);
    }
}

#[test]
fn a_modern_stream_has_no_ids_and_no_priming() {
    // `httpM.noresume` `httpM.sse.related` `httpM.sse.final` `httpM.sse.buffering`
    let mut served = modern();
    let (exchange, _) = served.post(logging_call(1));
    let request = served.request();
    served.log(Some(&request), "soon");
    served.log(None, "to nobody");
    served.reply(&request);
    let given = served.given(exchange);
    assert!(given.ended);
    assert_eq!(given.events().len(), 2);
    assert!(
        given
            .events()
            .iter()
            .all(|event| event.id.is_none() && event.retry.is_none())
    );
}

on_revisions! { LEGACY;
    fn silence_makes_a_stream_that_shows_signs_of_life(revision) {
        let mut served = Served::legacy(revision, options());
        let (exchange, _) = served.post(call(revision, 1));
        assert_eq!(served.http.poll_timeout(), Some(served.now + Duration::from_secs(1)));
        served.pass(Duration::from_millis(999));
        assert_eq!(served.given(exchange).status, None);
        served.pass(Duration::from_millis(1));
        assert_eq!(served.given(exchange).status, Some(200));
        served.pass(Duration::from_secs(15));
        // `sub.keepalive` `httpM.sse.comment`
        assert_eq!(served.given(exchange).body, b":\n\n");
        let request = served.request();
        served.reply(&request);
        let rest = served.more(exchange);
        assert_eq!((rest.messages()[0]["id"].as_i64(), rest.ended), (Some(1), true));
        assert_eq!(served.http.poll_timeout(), None);
    }
}

on_revisions! { LEGACY;
    // `httpL.get` `httpL.get.unrelated` `httpL.get.noresp` `httpL.nobroadcast` `httpL.multi`
    fn what_belongs_to_no_request_goes_to_one_stream_of_its_own(revision) {
        let mut served = Served::legacy(revision, options());
        let (standalone, given) = served.get(None);
        assert_eq!((given.status, given.ended), (Some(200), false));
        assert_eq!(served.get(None).1.status, Some(409), "there is one such stream");
        let (exchange, _) = served.post(call(revision, 1));
        let request = served.request();
        let now = served.now;
        served.http.session().changed(now, Change::Tools).unwrap();
        served.http.pump(now);
        assert_eq!(served.more(standalone).messages().len(), 1);
        assert_eq!(served.given(exchange).status, None);
        served.reply(&request);
        assert!(served.given(exchange).ended);
        assert!(served.more(standalone).body.is_empty(), "no answer comes by it");
        // After it broke, what nobody has read is there for whoever comes next.
        served.http.handle_gone(now, standalone);
        served.http.session().changed(now, Change::Prompts).unwrap();
        served.http.pump(now);
        let (_, given) = served.get(None);
        assert_eq!(given.messages()[0]["method"], "notifications/prompts/list_changed");
    }
}

on_revisions! { LEGACY;
    // `httpL.sse.before` `base.resp.unknown`
    fn a_question_goes_by_its_requests_stream_and_its_answer_is_taken_with_202(revision) {
        let mut served = Served::legacy(revision, options());
        let (exchange, _) = served.post(call(revision, 1));
        let request = served.request();
        let roots = InputRequests::new().roots("k");
        let now = served.now;
        served.http.session().need_input(now, request.id, &roots, None).unwrap();
        served.http.pump(now);
        let given = served.given(exchange);
        let question = given.messages().remove(0);
        assert_eq!(question["method"], "roots/list");
        let (_, taken) = served.post(result(question["id"].clone(), json!({"roots": []})));
        assert_eq!((taken.status, taken.body.len(), taken.ended), (Some(202), 0, true));
        let again = served.request();
        assert!(again.has_inputs());
        served.reply(&again);
        assert!(served.more(exchange).ended);
    }
}

#[test]
fn a_modern_client_that_goes_has_cancelled() {
    // `httpM.cancel`
    let mut served = modern();
    let (exchange, _) = served.post(call(Revision::NEWEST, 1));
    served.request();
    served.http.handle_gone(served.now, exchange);
    assert!(served.cancelled());
    assert!(served.given(exchange).status.is_none());
    assert_eq!(served.http.poll_timeout(), None);
}

#[test]
fn a_listen_stream_begins_at_once_in_every_mode_and_hears_of_changes() {
    // `httpM.listen`
    for json_only in [false, true] {
        let mut options = StreamOptions::default();
        options.json_only = json_only;
        let mut served = Served::new(SessionKind::Modern, options);
        let filter = json!({"notifications": {"toolsListChanged": true}});
        let (exchange, given) =
            served.post(request(Revision::NEWEST, 1, "subscriptions/listen", filter));
        assert_eq!((given.status, given.ended), (Some(200), false));
        assert_eq!(
            given.messages()[0]["method"],
            "notifications/subscriptions/acknowledged"
        );
        let now = served.now;
        served.http.session().changed(now, Change::Tools).unwrap();
        served.http.pump(now);
        assert_eq!(served.more(exchange).messages().len(), 1);
        served.http.session().end_subscriptions(now);
        served.http.pump(now);
        let rest = served.more(exchange);
        assert_eq!(
            (rest.messages()[0]["id"].as_i64(), rest.ended),
            (Some(1), true)
        );
    }
}

#[test]
fn in_json_mode_a_request_is_answered_with_json_whatever_comes_before() {
    let mut options = StreamOptions::default();
    options.json_only = true;
    let mut served = Served::new(SessionKind::Modern, options.clone());
    let (exchange, _) = served.post(logging_call(1));
    let request = served.request();
    served.log(Some(&request), "left out");
    served.pass(Duration::from_secs(60));
    assert_eq!(served.given(exchange).status, None);
    served.reply(&request);
    assert_eq!(served.given(exchange).json()["id"], 1);
    for revision in LEGACY {
        let mut served = Served::legacy(revision, options.clone());
        let (standalone, _) = served.get(None);
        let (exchange, _) = served.post(call(revision, 1));
        let request = served.request();
        served.log(Some(&request), "aside");
        assert_eq!(
            served.more(standalone).messages()[0]["params"]["data"],
            "aside"
        );
        served.reply(&request);
        assert_eq!(served.given(exchange).json()["id"], 1);
    }
}

#[test]
fn an_initialize_that_is_refused_opens_no_session() {
    let kind = SessionKind::Legacy {
        id: "s-1".into(),
        tag: TAG,
    };
    let mut served = Served::new(kind, options());
    let (_, given) = served.post(request(Revision::NEWEST_LEGACY, 1, "initialize", json!({})));
    assert_eq!(given.status, Some(200));
    assert!(given.json()["error"].is_object() && !given.headers.has("mcp-session-id"));
    assert_eq!(served.http.status(), SessionStatus::Closed);
}

#[test]
fn a_legacy_request_without_a_session_is_served_alone() {
    let mut served = Served::new(SessionKind::Stateless, options());
    let (exchange, _) = served.post(call(Revision::NEWEST_LEGACY, 1));
    let request = served.request();
    served.log(Some(&request), "before");
    served.log(None, "to nobody");
    served.reply(&request);
    let given = served.given(exchange);
    assert_eq!((given.messages().len(), given.ended), (2, true));
    assert!(!given.headers.has("mcp-session-id"));
    assert!(given.events().iter().all(|event| event.id.is_none()));
    let mut served = Served::new(SessionKind::Stateless, options());
    let (exchange, _) = served.post(call(Revision::NEWEST_LEGACY, 1));
    served.http.handle_gone(served.now, exchange);
    assert!(served.cancelled(), "nobody can come back for it");
}

#[test]
fn a_batch_is_answered_with_one_array_and_one_of_notifications_with_202() {
    // `httpL.req.json.batch` `httpL.body.batch` `httpL.body.single`
    let revision = Revision::V2025_03_26;
    let mut served = Served::legacy(revision, options());
    let ping = |id| request(revision, id, "ping", json!({}));
    let (_, given) = served.post(format!("[{},{}]", ping(1), ping(2)));
    assert_eq!(given.json().as_array().map(Vec::len), Some(2));
    let (_, given) = served.post(format!("[{}]", notification("notifications/x", json!({}))));
    assert_eq!((given.status, given.body.len()), (Some(202), 0));
    let mut newer = Served::legacy(Revision::V2025_06_18, options());
    let (_, given) = newer.post(format!("[{}]", ping(1)));
    assert_eq!(given.status, Some(400));
}

#[test]
fn a_request_that_is_cancelled_has_its_exchange_ended() {
    let revision = Revision::NEWEST_LEGACY;
    let mut served = Served::legacy(revision, options());
    let (exchange, _) = served.post(call(revision, 1));
    served.request();
    let (_, given) = served.post(notification(
        "notifications/cancelled",
        json!({"requestId": 1}),
    ));
    assert_eq!(given.status, Some(202));
    let given = served.given(exchange);
    assert_eq!((given.status, given.ended), (Some(202), true));
}

#[test]
fn the_old_pair_is_one_stream_and_its_end_is_the_sessions() {
    // `sse24.endpoint.event` `sse24.message.event` `sse24.post.status` `sse24.close` `sse24.endpoints`
    let kind = SessionKind::Pair {
        endpoint: "/message?s=1".into(),
    };
    let mut served = Served::new(kind, options());
    let (stream, given) = served.get(None);
    let first = &given.events()[0];
    assert_eq!(
        (first.event.as_deref(), &first.data[..]),
        (Some("endpoint"), &b"/message?s=1"[..])
    );
    assert_eq!(served.get(None).1.status, Some(409));
    let revision = Revision::V2024_11_05;
    let hello = json!({"protocolVersion": revision.as_str(), "capabilities": {},
        "clientInfo": {"name": "c", "version": "1"}});
    let (_, given) = served.post(request(revision, 0, "initialize", hello));
    assert_eq!((given.status, given.body.len()), (Some(202), 0));
    served.post(notification("notifications/initialized", json!({})));
    served.post(call(revision, 1));
    let called = served.request();
    served.log(Some(&called), "soon");
    served.reply(&called);
    served.post(request(revision, 2, "ping", json!({})));
    let given = served.more(stream);
    let ids: Vec<_> = given
        .messages()
        .iter()
        .map(|message| message["id"].as_i64())
        .collect();
    assert_eq!(
        (ids, given.ended),
        (vec![Some(0), None, Some(1), Some(2)], false)
    );
    served.post(call(revision, 3));
    served.http.handle_gone(served.now, stream);
    assert!(served.cancelled());
    assert_eq!(served.http.status(), SessionStatus::Closed);
}

on_revisions! { LEGACY;
    // `httpL.sse.disconnect` `cancel.recv.stop`
    fn calls_that_are_left_and_then_cancelled_leave_nothing_behind(revision) {
        for has_events in [false, true] {
            let options = {
                let mut options = options();
                options.replay_events = 8;
                options
            };
            let mut served = Served::legacy(revision, options);
            let mut held = Vec::new();
            let calls = support::amount(200, 1_500);
            for n in 1..=calls {
                let (exchange, _) = served.post(call(revision, n));
                let request = served.request();
                if has_events {
                    served.log(Some(&request), "soon");
                    served.given(exchange);
                }
                served.http.handle_gone(served.now, exchange);
                served.post(notification("notifications/cancelled", json!({"requestId": n})));
                assert!(served.cancelled());
                held.push(served.http.held_bytes());
                // So many may be cancelled in a second.
                served.pass(Duration::from_millis(100));
            }
            let (first, half) = (calls as usize / 5, calls as usize / 2);
            let (early, late) = (held[first..half].iter().max(), held[half..].iter().max());
            assert!(late <= early, "{late:?} after {early:?}");
        }
    }
}

#[test]
fn a_client_that_reads_nothing_is_shown_a_sign_of_life_once() {
    let mut served = Served::legacy(Revision::NEWEST_LEGACY, options());
    let (exchange, given) = served.get(None);
    assert_eq!(given.status, Some(200));
    let before = served.http.held_bytes();
    for _ in 0..1_000 {
        served.pass(Duration::from_secs(15));
    }
    assert!(served.http.held_bytes() - before <= 3);
    // Once it reads it is shown again.
    for _ in 0..3 {
        assert_eq!(served.given(exchange).body, b":\n\n");
        served.pass(Duration::from_secs(15));
    }
}

#[test]
fn time_gets_on_however_often_a_stream_says_that_it_lives() {
    for every in [Duration::ZERO, Duration::from_nanos(1)] {
        let mut options = options();
        options.keep_alive = Some(every);
        let mut served = Served::legacy(Revision::NEWEST_LEGACY, options);
        let (exchange, _) = served.get(None);
        let start = served.now;
        for _ in 0..100 {
            let due = served.http.poll_timeout().expect("it says so again");
            served.now = served.now.max(due);
            served.http.handle_timeout(served.now);
            served.given(exchange);
        }
        let took = served.now - start;
        assert!(took >= Duration::from_millis(500), "{took:?}");
    }
}
