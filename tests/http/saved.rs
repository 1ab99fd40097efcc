//! Legacy sessions that are parked and go on elsewhere, with what their clients haven't read.

use std::time::Duration;

use mcp_proto::http::{HttpSession, Input, SavedHttp, SessionKind, SessionStatus};
use mcp_proto::session::{RestoreError, ServerSession};
use mcp_proto::{Instant, Revision};
use serde_json::Value;
use support::pair::server_config;
use support::{LEGACY, on_revisions};

use crate::served::{Served, call, options};

/// Takes a session up that was parked as text.
fn restored(text: &str, now: Instant) -> Result<Served, RestoreError> {
    let saved: SavedHttp = serde_json::from_str(text).expect("it is one");
    let session = |saved| ServerSession::restore(server_config(), saved, now);
    let http = HttpSession::restore(saved, options(), now, session)?;
    Ok(Served { http, now })
}

fn parked(served: &Served) -> String {
    let saved = served.http.save(served.now).expect("it is a legacy one");
    assert_eq!(saved.id(), "s-1");
    serde_json::to_string(&saved).expect("it can be stored")
}

on_revisions! { LEGACY;
    // `httpL.evid.unique` `httpL.resume.replay`
    fn a_client_that_comes_back_elsewhere_misses_nothing_and_no_id_comes_twice(revision) {
        let mut served = Served::legacy(revision, options());
        let (open, _) = served.post(call(revision, 1));
        let request = served.request();
        for text in ["a", "b", "c"] {
            served.log(Some(&request), text);
        }
        let given = served.given(open);
        let ids: Vec<_> = given.events().iter().filter_map(|event| event.id.clone()).collect();
        let read = ids[ids.len() - 2].clone();
        let later = Instant::from_millis(9_000_000);
        let mut elsewhere = restored(&parked(&served), later).expect("it is sound");
        assert_eq!(elsewhere.http.status(), SessionStatus::Busy);
        elsewhere.reply(&request);
        let (_, rest) = elsewhere.get(Some(&read));
        let messages = rest.messages();
        assert_eq!(messages.len(), 2);
        assert_eq!(messages[0]["params"]["data"], "c");
        assert_eq!((&messages[1]["id"], rest.ended), (&Value::from(1), true));
        // A new stream there has no number of an old one.
        elsewhere.post(call(revision, 2));
        let request = elsewhere.request();
        elsewhere.log(Some(&request), "d");
        let (fresh, _) = elsewhere.post(call(revision, 3));
        assert!(fresh.number() > open.number());
    }
}

on_revisions! { LEGACY;
    fn what_waits_on_the_stream_of_no_request_waits_elsewhere_too(revision) {
        let mut served = Served::legacy(revision, options());
        served.log(None, "unread");
        let mut elsewhere = restored(&parked(&served), served.now).expect("it is sound");
        let (stream, given) = elsewhere.get(None);
        assert_eq!(given.messages()[0]["params"]["data"], "unread");
        assert!(!given.ended);
        elsewhere.pass(Duration::from_secs(15));
        let now = elsewhere.now;
        elsewhere.http.handle(now, Input::Delete);
        assert!(elsewhere.more(stream).ended);
    }
}

on_revisions! { LEGACY;
    // `httpL.session.404` `httpL.resume.replay`
    fn a_session_that_is_let_go_of_ends_what_is_open_and_its_clients_come_back(revision) {
        let mut served = Served::legacy(revision, options());
        let (standing, begun) = served.get(None);
        let (open, _) = served.post(call(revision, 1));
        let request = served.request();
        served.log(Some(&request), "before");
        served.log(None, "read");
        let read = (served.given(open), served.more(standing));
        let read = (read.0.last_id(), read.1.last_id());
        assert!(!begun.ended);
        let (silent, _) = served.post(call(revision, 2));
        let now = served.now;
        let saved = served.http.release(now).expect("it is a legacy one");
        let text = serde_json::to_string(&saved).expect("it can be stored");
        for exchange in [standing, open] {
            assert!(served.more(exchange).ended);
        }
        // Only who has an id can come back; from 2025-11-25 on everybody has.
        let silent = served.given(silent);
        let has_id = silent.status == Some(200);
        assert_eq!(has_id, revision >= Revision::V2025_11_25);
        if !has_id {
            assert_eq!(silent.status, Some(503));
            assert_eq!(silent.headers.one("retry-after"), Ok(Some("1")));
        }
        assert!(silent.ended);
        let mut elsewhere = restored(&text, now).expect("it is sound");
        elsewhere.log(None, "after");
        elsewhere.reply(&request);
        let (_, rest) = elsewhere.get(Some(&read.0));
        assert_eq!((rest.messages().len(), rest.ended), (1, true));
        let (_, rest) = elsewhere.get(Some(&read.1));
        assert_eq!(rest.messages()[0]["params"]["data"], "after");
        assert_eq!(rest.messages().len(), 1);
    }
}

on_revisions! { LEGACY;
    // `httpL.evid.unique`
    fn after_a_loss_no_number_comes_twice_but_for_the_same_position_of_a_log(revision) {
        let mut served = Served::legacy(revision, options());
        let before = parked(&served);
        let (open, _) = served.post(call(revision, 1));
        served.http.advance_to(7);
        served.log(None, "seven");
        let (_, given) = served.get(None);
        let seven = given.last_id();
        let mut elsewhere = restored(&before, served.now).expect("it is sound");
        elsewhere.http.recover();
        elsewhere.http.advance_to(7);
        // Positions never go back.
        elsewhere.http.advance_to(3);
        elsewhere.log(None, "seven");
        elsewhere.http.advance_to(8);
        elsewhere.log(None, "eight");
        let (_, rest) = elsewhere.get(Some(&seven));
        assert_eq!(rest.messages().len(), 1);
        assert_eq!(rest.messages()[0]["params"]["data"], "eight");
        let (fresh, _) = elsewhere.post(call(revision, 1));
        assert!(fresh.number() > open.number() + 1000);
    }
}

#[test]
fn losses_one_after_the_other_leave_the_events_of_the_next_position_their_numbers() {
    let mut served = Served::legacy(Revision::NEWEST_LEGACY, options());
    served.http.advance_to(7);
    served.log(None, "seven");
    let before = parked(&served);
    served.http.advance_to(8);
    served.log(None, "eight");
    let (_, given) = served.get(None);
    let mut elsewhere = restored(&before, served.now).expect("it is sound");
    for _ in 0..3 {
        elsewhere.http.recover();
    }
    elsewhere.http.advance_to(8);
    elsewhere.log(None, "eight");
    let (_, rest) = elsewhere.get(Some(&given.last_id()));
    assert_eq!(rest.messages(), [] as [Value; 0]);
}

#[test]
fn what_handlers_worked_on_is_answered_and_what_clients_are_asked_stays_open() {
    let revision = Revision::NEWEST_LEGACY;
    let mut served = Served::legacy(revision, options());
    let (open, _) = served.post(call(revision, 1));
    let request = served.request();
    served.log(Some(&request), "begun");
    let read = served.given(open).last_id();
    let text = parked(&served);
    let mut elsewhere = restored(&text, served.now).expect("it is sound");
    let now = elsewhere.now;
    elsewhere.http.session().refuse_interrupted(now);
    elsewhere.http.session().recover();
    elsewhere.http.pump(now);
    let (_, rest) = elsewhere.get(Some(&read));
    assert_eq!(rest.messages()[0]["error"]["code"], -32603);
    assert!(rest.ended);
}

#[test]
fn events_may_be_left_out_where_there_is_no_room_for_them() {
    let mut served = Served::legacy(Revision::NEWEST_LEGACY, options());
    served.log(None, "unread");
    let mut saved = served.http.save(served.now).expect("it is a legacy one");
    saved.forget_events();
    let text = serde_json::to_string(&saved).expect("it can be stored");
    assert!(!text.contains("unread"));
    let mut elsewhere = restored(&text, served.now).expect("it is sound");
    elsewhere.log(None, "next");
    let (_, given) = elsewhere.get(None);
    assert_eq!(given.messages()[0]["params"]["data"], "next");
}

#[test]
fn what_ends_with_its_connection_is_not_saved() {
    for kind in [SessionKind::Modern, SessionKind::Stateless] {
        let mut served = Served::new(kind, options());
        assert!(served.http.save(served.now).is_none());
        assert!(served.http.release(served.now).is_none());
    }
}

#[test]
fn what_was_changed_or_is_of_another_format_is_refused() {
    let revision = Revision::NEWEST_LEGACY;
    let mut served = Served::legacy(revision, options());
    served.log(None, "unread");
    let text = parked(&served);
    let now = served.now;
    assert!(restored(&text, now).is_ok());
    let change = |pointer: &str, value: Value| {
        let mut saved: Value = serde_json::from_str(&text).expect("it is JSON");
        *saved.pointer_mut(pointer).expect("it is there") = value;
        restored(&saved.to_string(), now).map(drop)
    };
    let other = RestoreError::Format {
        found: 3,
        expected: 2,
    };
    assert_eq!(change("/0", 3.into()), Err(other));
    // What is saved has places, not names.
    let [id, next] = ["/2", "/4"];
    let [stream_number, stream_events] = ["/6/0/0", "/6/0/1"];
    let [event_stream, event_number, event_frame] = ["/7/0/0", "/7/0/1", "/7/0/2"];
    for (pointer, value) in [
        (next, Value::from(0)),
        (next, Value::from(u64::MAX)),
        (id, Value::from("with space")),
        (id, Value::from("")),
        (stream_number, Value::from(u64::MAX)),
        (stream_events, Value::from(u64::MAX)),
        (stream_events, Value::from(0)),
        (event_stream, Value::from(99)),
        (event_number, Value::from(0)),
        (event_number, Value::from(7)),
        (event_frame, Value::from("")),
        (event_frame, Value::from("{}")),
        (event_frame, Value::from("{}\n\nid: 7")),
        (
            event_frame,
            Value::from("{\"jsonrpc\":\"2.0\",\n\"method\":\"x\"}"),
        ),
    ] {
        let refused = change(pointer, value.clone());
        assert_eq!(refused, Err(RestoreError::Damaged), "{pointer} {value}");
    }
    // A debug output shows neither the id nor a frame.
    let shown = format!("{:?}", served.http.save(now));
    assert!(
        !shown.contains("s-1") && !shown.contains("unread"),
        "{shown}"
    );
}
