//! The table of an endpoint's sessions: whose they are, how many, and for how long.

use std::time::Duration;

use bytes::Bytes;
use mcp_proto::Instant;
use mcp_proto::http::{Class, Endpoint, EndpointLimits, Input, Place, Reply, SessionStatus};
use mcp_proto::rpc::Kind;

const NOW: Instant = Instant::from_millis(1000);

fn of_session(id: &str) -> Class {
    Class::Legacy {
        session: Some(id.into()),
        revision: None,
        input: Input::Get { last_event: None },
    }
}

fn opening() -> Class {
    Class::Legacy {
        session: None,
        revision: None,
        input: Input::Post {
            frame: Bytes::new(),
            kind: Some(Kind::Request),
            opens: true,
        },
    }
}

fn status(refused: Result<Place<u32>, Reply>) -> u16 {
    refused.expect_err("it is refused").head.status
}

fn limits(sessions: usize, half_open: usize) -> EndpointLimits {
    let mut limits = EndpointLimits::default();
    (limits.sessions, limits.half_open) = (sessions, half_open);
    limits
}

#[test]
fn a_session_is_of_who_opened_it_and_for_others_there_is_none() {
    // `httpL.session.404` `httpL.session.notauth`
    let mut endpoint = Endpoint::new(EndpointLimits::default());
    assert_eq!(endpoint.place(NOW, &opening(), Some("ann")), Ok(Place::New));
    assert!(
        endpoint
            .insert(NOW, "a", Some("ann"), 7)
            .unwrap()
            .is_empty()
    );
    let found = endpoint.place(NOW, &of_session("a"), Some("ann"));
    assert_eq!(found, Ok(Place::Session(7)));
    let foreign = endpoint.place(NOW, &of_session("a"), Some("bob"));
    let unknown = endpoint.place(NOW, &of_session("b"), Some("bob"));
    assert_eq!(foreign, unknown, "nothing says that it exists");
    assert_eq!(status(foreign), 404);
    assert_eq!(status(endpoint.place(NOW, &of_session("a"), None)), 404);
    endpoint.note(NOW, "a", SessionStatus::Closed);
    assert_eq!(
        status(endpoint.place(NOW, &of_session("a"), Some("ann"))),
        404
    );
}

#[test]
fn a_session_that_stays_half_open_or_idle_is_forgotten() {
    let mut endpoint = Endpoint::new(EndpointLimits::default());
    for (id, handle) in [("half", 1), ("idle", 2), ("busy", 3)] {
        endpoint.insert(NOW, id, None, handle).unwrap();
    }
    assert_eq!(endpoint.poll_timeout(), Some(NOW + Duration::from_secs(30)));
    let later = NOW + Duration::from_secs(20);
    endpoint.note(later, "half", SessionStatus::HalfOpen);
    endpoint.note(later, "idle", SessionStatus::Idle);
    endpoint.note(later, "busy", SessionStatus::Busy);
    assert!(endpoint.handle_timeout(later).is_empty());
    assert_eq!(endpoint.handle_timeout(NOW + Duration::from_secs(30)), [1]);
    assert_eq!(
        endpoint.poll_timeout(),
        Some(later + Duration::from_secs(1800))
    );
    assert_eq!(
        endpoint.handle_timeout(later + Duration::from_secs(1800)),
        [2]
    );
    assert_eq!((endpoint.poll_timeout(), endpoint.len()), (None, 1));
}

#[test]
fn a_full_table_forgets_half_open_sessions_and_never_an_open_one() {
    let mut endpoint = Endpoint::new(limits(3, 3));
    endpoint.insert(NOW, "open", Some("ann"), 1).unwrap();
    endpoint.note(NOW, "open", SessionStatus::Idle);
    let at = |seconds| NOW + Duration::from_secs(seconds);
    endpoint.insert(at(1), "of bob", Some("bob"), 2).unwrap();
    endpoint.insert(at(2), "of ann", Some("ann"), 3).unwrap();
    // Ann's own goes first, though Bob's is older.
    assert_eq!(endpoint.insert(at(3), "b", Some("ann"), 4).unwrap(), [3]);
    assert_eq!(endpoint.insert(at(4), "c", Some("eve"), 5).unwrap(), [2]);
    for id in ["b", "c"] {
        endpoint.note(at(5), id, SessionStatus::Busy);
    }
    let refused = endpoint
        .insert(at(6), "d", Some("eve"), 6)
        .expect_err("all are open");
    assert_eq!(refused.head.status, 503);
    assert!(refused.head.headers.has("retry-after"));
    assert_eq!(endpoint.len(), 3);
}

#[test]
fn a_flood_of_openings_leaves_the_table_constant_and_locks_nobody_out() {
    let mut endpoint = Endpoint::new(limits(1000, 100));
    endpoint.insert(NOW, "kept", Some("ann"), 0).unwrap();
    endpoint.note(NOW, "kept", SessionStatus::Idle);
    for number in 1..=20_000 {
        endpoint
            .insert(NOW, &format!("f{number}"), Some("eve"), number)
            .unwrap();
        assert!(endpoint.len() <= 101);
    }
    endpoint.insert(NOW, "new", Some("bob"), 77).unwrap();
    endpoint.note(NOW, "new", SessionStatus::Busy);
    assert_eq!(
        endpoint.place(NOW, &of_session("new"), Some("bob")),
        Ok(Place::Session(77))
    );
    assert_eq!(
        endpoint.place(NOW, &of_session("kept"), Some("ann")),
        Ok(Place::Session(0))
    );
}

#[test]
fn who_keeps_dropping_requests_is_refused_for_a_while_and_nobody_else_is() {
    let mut endpoint: Endpoint<u32> = Endpoint::new(EndpointLimits::default());
    let modern = Class::Modern {
        frame: Bytes::new(),
        listens: false,
    };
    for _ in 0..100 {
        assert_eq!(endpoint.place(NOW, &modern, Some("eve")), Ok(Place::Alone));
        endpoint.dropped(NOW, Some("eve"));
    }
    let refused = endpoint
        .place(NOW, &modern, Some("eve"))
        .expect_err("it is enough");
    assert_eq!(refused.head.status, 429);
    assert_eq!(endpoint.place(NOW, &modern, Some("ann")), Ok(Place::Alone));
    assert_eq!(endpoint.place(NOW, &modern, None), Ok(Place::Alone));
    let later = NOW + Duration::from_millis(50);
    assert_eq!(
        endpoint.place(later, &modern, Some("eve")),
        Ok(Place::Alone)
    );
}
