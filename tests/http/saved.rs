//! Legacy sessions that are parked and go on elsewhere, with what their clients haven't read.

use std::time::Duration;

use mcp_proto::Instant;
use mcp_proto::http::{HttpSession, Input, SavedHttp, SessionKind, SessionStatus};
use mcp_proto::session::{RestoreError, ServerSession};
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

#[test]
fn what_ends_with_its_connection_is_not_saved() {
    for kind in [SessionKind::Modern, SessionKind::Stateless] {
        let served = Served::new(kind, options());
        assert!(served.http.save(served.now).is_none());
    }
}

#[test]
fn what_was_changed_or_is_of_another_format_is_refused() {
    let revision = mcp_proto::Revision::NEWEST_LEGACY;
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
        found: 2,
        expected: 1,
    };
    assert_eq!(change("/format", 2.into()), Err(other));
    for (pointer, value) in [
        ("/next", Value::from(0)),
        ("/next", Value::from(u64::MAX)),
        ("/id", Value::from("with space")),
        ("/id", Value::from("")),
        ("/streams/0/number", Value::from(u64::MAX)),
        ("/streams/0/events", Value::from(u64::MAX)),
        ("/streams/0/events", Value::from(0)),
        ("/events/0/stream", Value::from(99)),
        ("/events/0/event", Value::from(0)),
        ("/events/0/event", Value::from(7)),
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
