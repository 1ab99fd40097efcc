//! Streams of sessions that break, fall behind or end: how they are resumed, bounded and closed.

use mcp_proto::Revision;
use mcp_proto::http::{Input, SessionStatus, StreamOptions};
use serde_json::{Value, json};
use support::scenario::request;
use support::{LEGACY, on_revisions};

use crate::served::{Served, call, modern, options};

on_revisions! { LEGACY;
    // `httpL.sse.disconnect` `cancel.http.legacy` `httpL.resume` `httpL.resume.replay`
    fn a_broken_stream_goes_on_unseen_and_is_resumed_after_any_of_its_events(revision) {
        for lost in 1..4 {
            let mut served = Served::legacy(revision, options());
            let (exchange, _) = served.post(call(revision, 1));
            served.post(call(revision, 2));
            let (called, other) = (served.request(), served.request());
            served.log(Some(&other), "of the other");
            let (mut whole, mut id) = (Vec::new(), String::new());
            for (at, text) in ["a", "b", "c"].into_iter().enumerate() {
                if at == lost {
                    served.http.handle_gone(served.now, exchange);
                }
                served.log(Some(&called), text);
                let given = served.more(exchange);
                whole.extend(given.messages());
                if at < lost {
                    id = given.last_id();
                }
            }
            if lost == 3 {
                served.http.handle_gone(served.now, exchange);
            }
            served.reply(&called);
            assert!(!served.cancelled());
            let (_, given) = served.get(Some(&id));
            assert_eq!((given.status, given.ended), (Some(200), true), "{lost}");
            whole.extend(given.messages());
            let text = |message: &Value| message["params"]["data"].as_str().unwrap_or("answer").to_owned();
            let texts: Vec<_> = whole.iter().map(text).collect();
            assert_eq!(texts, ["a", "b", "c", "answer"], "{lost}");
            // Asked once more, it is all there once more.
            assert_eq!(served.get(Some(&id)).1.messages(), given.messages());
        }
    }
}

on_revisions! { LEGACY;
    // `httpL.resume.replay`
    fn an_event_id_that_was_not_given_out_resumes_nothing(revision) {
        let mut served = Served::legacy(revision, options());
        let (exchange, _) = served.post(call(revision, 1));
        let request = served.request();
        served.log(Some(&request), "a");
        let id = served.given(exchange).last_id();
        let forged = id.replace("c0ffee01", "c0ffee02");
        for bad in [forged.as_str(), "", "x", "99-1-c0ffee01", "18446744073709551616-1-c0ffee01"] {
            assert_eq!(served.get(Some(bad)).1.status, Some(400), "{bad:?}");
        }
        assert_eq!(served.get(Some(&id)).1.status, Some(200));
        assert!(served.more(exchange).ended, "who has read an event of it takes the stream over");
    }
}

on_revisions! { LEGACY;
    // `httpL.session.delete` `httpL.session.404` `httpL.shutdown`
    fn the_end_of_a_session_ends_its_streams_and_answers_what_is_undecided_with_404(revision) {
        let mut served = Served::legacy(revision, options());
        let (standalone, _) = served.get(None);
        let (undecided, _) = served.post(call(revision, 1));
        let (_, given) = served.input(Input::Delete);
        assert_eq!((given.status, given.ended), (Some(200), true));
        assert!(served.given(standalone).ended);
        assert_eq!(served.given(undecided).status, Some(404));
        assert_eq!(served.http.status(), SessionStatus::Closed);
        assert_eq!(served.post(call(revision, 2)).1.status, Some(404));
        assert_eq!(served.input(Input::Delete).1.status, Some(404));
    }
}

#[test]
fn a_server_may_let_a_connection_go_and_answer_when_the_client_comes_back() {
    // `httpL.sse.poll.close` `httpL.sse.retry.send`
    let revision = Revision::V2025_11_25;
    let mut served = Served::legacy(revision, options());
    let (exchange, _) = served.post(call(revision, 1));
    let request = served.request();
    assert!(served.http.let_go(request.id));
    let given = served.given(exchange);
    assert!(given.ended && given.events()[0].retry.is_some());
    assert!(!served.http.let_go(request.id), "it is gone already");
    let (again, resumed) = served.get(Some(&given.last_id()));
    assert!(!resumed.ended && resumed.status == Some(200));
    served.reply(&request);
    let rest = served.more(again);
    assert_eq!(
        (rest.messages()[0]["id"].as_i64(), rest.ended),
        (Some(1), true)
    );
    // A client that can't come back isn't sent away.
    let mut served = modern();
    served.post(call(Revision::NEWEST, 1));
    let request = served.request();
    assert!(!served.http.let_go(request.id));
}

#[test]
fn a_slow_reader_loses_notifications_then_its_stream_and_never_an_answer() {
    let mut options = StreamOptions::default();
    (options.unsent, options.unsent_most) = (10_000, 50_000);
    let revision = Revision::NEWEST_LEGACY;
    let mut served = Served::legacy(revision, options);
    let (slow, _) = served.post(call(revision, 1));
    let (quick, _) = served.post(call(revision, 2));
    let (first, second) = (served.request(), served.request());
    for _ in 0..100 {
        served.log(Some(&first), &"x".repeat(1000));
        served.log(Some(&second), "y");
        served.more(quick);
    }
    assert!(served.http.left_out() > 80 && served.http.held_bytes() < 200_000);
    served.reply(&first);
    served.reply(&second);
    let given = served.given(slow);
    assert!(given.ended && given.messages().last().unwrap()["id"] == 1);
    assert!(served.more(quick).ended);
}

#[test]
fn what_is_kept_for_replay_is_bounded_and_a_gap_is_told() {
    let mut options = StreamOptions::default();
    options.replay_events = 10;
    let revision = Revision::NEWEST_LEGACY;
    let mut served = Served::legacy(revision, options);
    let (exchange, _) = served.post(call(revision, 1));
    let request = served.request();
    served.log(Some(&request), "first");
    let id = served.given(exchange).last_id();
    for _ in 0..1000 {
        served.log(Some(&request), "again");
        served.more(exchange);
    }
    assert!(
        served.http.held_bytes() < 20_000,
        "{}",
        served.http.held_bytes()
    );
    assert_eq!(
        served.get(Some(&id)).1.status,
        Some(400),
        "what followed is gone"
    );
    served.http.handle_gone(served.now, exchange);
    served.reply(&request);
    for _ in 0..1000 {
        served.log(None, "elsewhere");
    }
    assert!(served.http.held_bytes() < 20_000);
}

#[test]
fn exchanges_are_bounded() {
    let mut options = StreamOptions::default();
    options.exchanges = 3;
    let revision = Revision::NEWEST_LEGACY;
    let mut served = Served::legacy(revision, options);
    let open: Vec<_> = (1..=3)
        .map(|id| served.post(call(revision, id)).0)
        .collect();
    let (_, given) = served.post(call(revision, 4));
    assert_eq!(given.status, Some(503));
    assert!(given.headers.has("retry-after"));
    served.http.handle_gone(served.now, open[0]);
    assert_eq!(
        served
            .post(request(revision, 5, "ping", json!({})))
            .1
            .status,
        Some(200)
    );
}

on_revisions! { LEGACY;
    fn answers_that_nobody_can_come_back_for_are_not_kept(revision) {
        let mut served = Served::legacy(revision, options());
        let before = served.http.held_bytes();
        for id in 1..200 {
            let (exchange, _) = served.post(call(revision, id));
            let request = served.request();
            served.http.handle_gone(served.now, exchange);
            served.reply(&request);
        }
        assert_eq!(served.http.held_bytes(), before);
        assert_eq!(served.http.status(), mcp_proto::http::SessionStatus::Idle);
    }
}
