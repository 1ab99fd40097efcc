//! A server that closes gracefully: what is open is answered, and nothing new begins.

use mcp_proto::Revision;
use mcp_proto::http::{SessionKind, SessionStatus};
use serde_json::json;
use support::scenario::{notification, request, result};
use support::{LEGACY, on_revisions};

use crate::served::{Served, call, options};

on_revisions! { LEGACY;
    fn a_session_that_drains_ends_its_streams_answers_what_is_open_and_takes_nothing_new(revision) {
        let mut served = Served::legacy(revision, options());
        let (stream, given) = served.get(None);
        assert_eq!((given.status, given.ended), (Some(200), false));
        let (open, _) = served.post(call(revision, 1));
        let request = served.request();
        served.http.drain(served.now);
        assert!(served.more(stream).ended);
        for new in [served.post(call(revision, 2)).1, served.get(None).1] {
            assert_eq!((new.status, new.ended), (Some(503), true));
            assert!(new.headers.has("retry-after"));
        }
        // What an open request may wait for is still taken.
        let (_, given) = served.post(notification("notifications/x", json!({})));
        assert_eq!(given.status, Some(202));
        assert_eq!(served.http.status(), SessionStatus::Busy);
        served.reply(&request);
        assert_eq!(served.given(open).json()["id"], 1);
        assert_eq!(served.http.status(), SessionStatus::Idle);
        served.http.close(served.now);
        assert_eq!(served.post(call(revision, 3)).1.status, Some(404));
    }
}

on_revisions! { LEGACY;
    fn the_answer_of_a_stream_that_broke_can_be_fetched_while_its_session_drains(revision) {
        let mut served = Served::legacy(revision, options());
        let (open, _) = served.post(call(revision, 1));
        let request = served.request();
        served.log(Some(&request), "soon");
        let last = served.given(open).last_id();
        served.http.handle_gone(served.now, open);
        served.http.drain(served.now);
        served.reply(&request);
        let (_, given) = served.get(Some(&last));
        assert_eq!((given.messages()[0]["id"].clone(), given.ended), (json!(1), true));
    }
}

#[test]
fn a_listen_stream_ends_with_its_result_when_its_server_drains() {
    // `sub.end.server.result`
    let mut served = Served::new(SessionKind::Modern, options());
    let params = json!({"notifications": {"toolsListChanged": true}});
    let listen = request(Revision::NEWEST, 1, "subscriptions/listen", params);
    let (stream, given) = served.post(listen);
    assert_eq!((given.status, given.ended), (Some(200), false));
    served.http.drain(served.now);
    let rest = served.more(stream);
    assert_eq!(
        (rest.messages()[0]["id"].clone(), rest.ended),
        (json!(1), true)
    );
    assert!(rest.messages()[0].get("result").is_some());
}

#[test]
fn the_old_pairs_stream_stays_until_what_it_carries_is_answered() {
    let kind = SessionKind::Pair {
        endpoint: "/message".into(),
    };
    let mut served = Served::new(kind, options());
    let (stream, _) = served.get(None);
    let revision = Revision::V2024_11_05;
    let hello = json!({"protocolVersion": revision.as_str(), "capabilities": {},
        "clientInfo": {"name": "c", "version": "1"}});
    served.post(request(revision, 0, "initialize", hello));
    served.post(notification("notifications/initialized", json!({})));
    served.post(call(revision, 1));
    served.more(stream);
    let open = served.request();
    served.http.drain(served.now);
    assert!(!served.more(stream).ended);
    // An answer to the server is taken, whatever it answers.
    assert_eq!(served.post(result(9, json!({}))).1.status, Some(202));
    served.reply(&open);
    let rest = served.more(stream);
    assert_eq!(
        (rest.messages()[0]["id"].clone(), rest.ended),
        (json!(1), true)
    );
    assert_eq!(served.http.status(), SessionStatus::Closed);
}

#[test]
fn what_is_undecided_when_a_modern_session_is_closed_is_answered_with_503() {
    let mut served = Served::new(SessionKind::Modern, options());
    let (open, _) = served.post(call(Revision::NEWEST, 1));
    served.http.close(served.now);
    let given = served.given(open);
    assert_eq!((given.status, given.ended), (Some(503), true));
    assert!(served.cancelled());
}
