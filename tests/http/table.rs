//! The table of an endpoint's sessions: whose they are, how many, and for how long.

use std::time::Duration;

use bytes::Bytes;
use mcp_proto::Instant;
use mcp_proto::http::{
    Caller, Class, Ended, Endpoint, EndpointLimits, Input, Place, Placed, Reply, SessionStatus,
};
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
            frame: Bytes::new().into(),
            kind: Some(Kind::Request),
            opens: true,
        },
    }
}

fn modern(listens: bool) -> Class {
    Class::Modern {
        frame: Bytes::new().into(),
        listens,
    }
}

fn post(id: &str, kind: Kind) -> Class {
    Class::Legacy {
        session: Some(id.into()),
        revision: None,
        input: Input::Post {
            frame: Bytes::new().into(),
            kind: Some(kind),
            opens: false,
        },
    }
}

fn status<T: std::fmt::Debug>(refused: Result<T, Reply>) -> u16 {
    refused.expect_err("it is refused").head.status
}

/// Where a request belongs, whose exchange is over at once.
fn place(
    endpoint: &mut Endpoint<u32>,
    now: Instant,
    class: &Class,
    caller: Caller<'_>,
) -> Result<Place<u32>, Reply> {
    let placed = endpoint.place(now, class, caller)?;
    endpoint.ended(now, placed.ticket, Ended::Answered);
    Ok(placed.place)
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
    assert_eq!(
        place(&mut endpoint, NOW, &opening(), Caller::Principal("ann")),
        Ok(Place::New)
    );
    assert!(
        endpoint
            .insert(NOW, "a", Caller::Principal("ann"), 7)
            .unwrap()
            .is_empty()
    );
    let found = place(
        &mut endpoint,
        NOW,
        &of_session("a"),
        Caller::Principal("ann"),
    );
    assert_eq!(found, Ok(Place::Session(7)));
    let foreign = place(
        &mut endpoint,
        NOW,
        &of_session("a"),
        Caller::Principal("bob"),
    );
    let unknown = place(
        &mut endpoint,
        NOW,
        &of_session("b"),
        Caller::Principal("bob"),
    );
    assert_eq!(foreign, unknown, "nothing says that it exists");
    assert_eq!(status(foreign), 404);
    assert_eq!(
        status(place(&mut endpoint, NOW, &of_session("a"), Caller::Anyone)),
        404
    );
    endpoint.note(NOW, "a", SessionStatus::Closed);
    assert_eq!(
        status(place(
            &mut endpoint,
            NOW,
            &of_session("a"),
            Caller::Principal("ann")
        )),
        404
    );
}

#[test]
fn a_session_that_stays_half_open_or_idle_is_forgotten() {
    let mut endpoint = Endpoint::new(EndpointLimits::default());
    for (id, handle) in [("half", 1), ("idle", 2), ("busy", 3)] {
        endpoint.insert(NOW, id, Caller::Anyone, handle).unwrap();
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
    endpoint
        .insert(NOW, "open", Caller::Principal("ann"), 1)
        .unwrap();
    endpoint.note(NOW, "open", SessionStatus::Idle);
    let at = |seconds| NOW + Duration::from_secs(seconds);
    endpoint
        .insert(at(1), "of bob", Caller::Principal("bob"), 2)
        .unwrap();
    endpoint
        .insert(at(2), "of ann", Caller::Principal("ann"), 3)
        .unwrap();
    // Ann's own goes first, though Bob's is older.
    assert_eq!(
        endpoint
            .insert(at(3), "b", Caller::Principal("ann"), 4)
            .unwrap(),
        [3]
    );
    assert_eq!(
        endpoint
            .insert(at(4), "c", Caller::Principal("eve"), 5)
            .unwrap(),
        [2]
    );
    for id in ["b", "c"] {
        endpoint.note(at(5), id, SessionStatus::Busy);
    }
    let refused = endpoint
        .insert(at(6), "d", Caller::Principal("eve"), 6)
        .expect_err("all are open");
    assert_eq!(refused.head.status, 503);
    assert!(refused.head.headers.has("retry-after"));
    assert_eq!(endpoint.len(), 3);
}

#[test]
fn a_flood_of_openings_leaves_the_table_constant_and_locks_nobody_out() {
    let mut endpoint = Endpoint::new(limits(1000, 100));
    endpoint
        .insert(NOW, "kept", Caller::Principal("ann"), 0)
        .unwrap();
    endpoint.note(NOW, "kept", SessionStatus::Idle);
    for number in 1..=20_000 {
        endpoint
            .insert(NOW, format!("f{number}"), Caller::Principal("eve"), number)
            .unwrap();
        assert!(endpoint.len() <= 101);
    }
    endpoint
        .insert(NOW, "new", Caller::Principal("bob"), 77)
        .unwrap();
    endpoint.note(NOW, "new", SessionStatus::Busy);
    assert_eq!(
        place(
            &mut endpoint,
            NOW,
            &of_session("new"),
            Caller::Principal("bob")
        ),
        Ok(Place::Session(77))
    );
    assert_eq!(
        place(
            &mut endpoint,
            NOW,
            &of_session("kept"),
            Caller::Principal("ann")
        ),
        Ok(Place::Session(0))
    );
}

#[test]
fn who_keeps_dropping_requests_is_refused_for_a_while_and_nobody_else_is() {
    let mut endpoint: Endpoint<u32> = Endpoint::new(EndpointLimits::default());
    let (ann, eve) = (Caller::Principal("ann"), Caller::Principal("eve"));
    for _ in 0..100 {
        let placed = endpoint.place(NOW, &modern(false), eve).unwrap();
        assert_eq!(placed.place, Place::Alone);
        endpoint.ended(NOW, placed.ticket, Ended::Gone);
    }
    let refused = place(&mut endpoint, NOW, &modern(false), eve);
    let refused = refused.expect_err("it is enough");
    assert_eq!(refused.head.status, 429);
    assert_eq!(refused.head.headers.one("retry-after"), Ok(Some("1")));
    for other in [ann, Caller::Peer("eve"), Caller::Anyone] {
        let placed = place(&mut endpoint, NOW, &modern(false), other);
        assert_eq!(placed, Ok(Place::Alone), "{other:?}");
    }
    let later = NOW + Duration::from_millis(50);
    let placed = place(&mut endpoint, later, &modern(false), eve);
    assert_eq!(placed, Ok(Place::Alone));
}

#[test]
fn streams_may_be_left_as_often_as_a_client_likes() {
    let mut endpoint: Endpoint<u32> = Endpoint::new(EndpointLimits::default());
    let eve = Caller::Peer("eve");
    endpoint.insert(NOW, "a", eve, 1).unwrap();
    for class in [modern(true), of_session("a")] {
        for _ in 0..1000 {
            let placed = endpoint.place(NOW, &class, eve).unwrap();
            endpoint.ended(NOW, placed.ticket, Ended::Gone);
        }
    }
}

/// Opens as many exchanges as are admitted.
fn fill(
    endpoint: &mut Endpoint<u32>,
    class: &Class,
    caller: Caller<'_>,
) -> (Vec<Placed<u32>>, Reply) {
    let mut open = Vec::new();
    loop {
        match endpoint.place(NOW, class, caller) {
            Ok(placed) => open.push(placed),
            Err(reply) => return (open, reply),
        }
    }
}

#[test]
fn too_many_requests_at_once_are_refused_until_one_is_over() {
    let mut endpoint: Endpoint<u32> = Endpoint::new(EndpointLimits::default());
    let (mut open, refused) = fill(&mut endpoint, &modern(false), Caller::Anyone);
    assert_eq!((open.len(), endpoint.open_requests()), (1024, 1024));
    assert_eq!(refused.head.status, 503);
    assert_eq!(refused.head.headers.one("retry-after"), Ok(Some("1")));
    // Streams have a bound of their own.
    assert!(place(&mut endpoint, NOW, &modern(true), Caller::Anyone).is_ok());
    let one = open.pop().expect("one is open");
    endpoint.ended(NOW, one.ticket, Ended::Answered);
    let placed = place(&mut endpoint, NOW, &modern(false), Caller::Anyone);
    assert_eq!(placed, Ok(Place::Alone));
}

#[test]
fn one_caller_has_its_share_and_no_more() {
    let mut endpoint: Endpoint<u32> = Endpoint::new(EndpointLimits::default());
    let (eve, ann) = (Caller::Peer("10.0.0.1"), Caller::Peer("10.0.0.2"));
    for (listens, share) in [(false, 512), (true, 10_000)] {
        let (open, refused) = fill(&mut endpoint, &modern(listens), eve);
        assert_eq!((open.len(), refused.head.status), (share, 429));
        assert!(refused.head.headers.has("retry-after"));
        let placed = place(&mut endpoint, NOW, &modern(listens), ann);
        assert_eq!(placed, Ok(Place::Alone));
    }
}

#[test]
fn what_answers_a_server_or_ends_something_is_taken_however_much_is_open() {
    let mut endpoint: Endpoint<u32> = Endpoint::new(EndpointLimits::default());
    let ann = Caller::Principal("ann");
    endpoint.insert(NOW, "a", ann, 7).unwrap();
    let (_open, refused) = fill(&mut endpoint, &post("a", Kind::Request), ann);
    assert_eq!(refused.head.status, 429);
    endpoint.drain();
    let delete = Class::Legacy {
        session: Some("a".into()),
        revision: None,
        input: Input::Delete,
    };
    let kinds = [Kind::Notification, Kind::Result, Kind::Error];
    for class in kinds.map(|kind| post("a", kind)).iter().chain([&delete]) {
        let placed = place(&mut endpoint, NOW, class, ann);
        assert_eq!(placed, Ok(Place::Session(7)), "{class:?}");
    }
}

#[test]
fn an_endpoint_that_drains_takes_no_new_work_and_counts_what_is_open() {
    let mut endpoint: Endpoint<u32> = Endpoint::new(EndpointLimits::default());
    let ann = Caller::Principal("ann");
    endpoint.insert(NOW, "a", ann, 7).unwrap();
    let call = endpoint.place(NOW, &post("a", Kind::Request), ann).unwrap();
    let listen = endpoint.place(NOW, &modern(true), ann).unwrap();
    endpoint.drain();
    for class in [
        modern(false),
        modern(true),
        opening(),
        of_session("a"),
        post("a", Kind::Request),
    ] {
        let refused = endpoint.place(NOW, &class, ann).expect_err("it closes");
        assert_eq!(refused.head.status, 503);
        assert!(refused.head.headers.has("retry-after"));
    }
    let resumes = Class::Legacy {
        session: Some("a".into()),
        revision: None,
        input: Input::Get {
            last_event: Some("2-1-00000007".into()),
        },
    };
    let placed = place(&mut endpoint, NOW, &resumes, ann);
    assert_eq!(placed, Ok(Place::Session(7)), "its answer may still come");
    assert_eq!((endpoint.open_requests(), endpoint.open_streams()), (1, 1));
    endpoint.ended(NOW, call.ticket, Ended::Answered);
    endpoint.ended(NOW, listen.ticket, Ended::Answered);
    assert_eq!((endpoint.open_requests(), endpoint.open_streams()), (0, 0));
}

#[test]
fn a_caller_that_opens_every_session_it_may_loses_its_own_and_locks_nobody_out() {
    let mut limits = limits(1000, 100);
    limits.sessions_each = 400;
    let mut endpoint = Endpoint::new(limits);
    let (ann, eve) = (Caller::Principal("ann"), Caller::Peer("eve"));
    endpoint.insert(NOW, "kept", ann, 0).unwrap();
    endpoint.note(NOW, "kept", SessionStatus::Idle);
    for number in 1..=5000 {
        let id = format!("e{number}");
        let forgotten = endpoint.insert(NOW, id.as_str(), eve, number).unwrap();
        endpoint.note(NOW, &id, SessionStatus::Idle);
        assert_eq!(forgotten.len(), usize::from(number > 400));
        assert!(endpoint.len() <= 401);
    }
    let placed = place(&mut endpoint, NOW, &of_session("kept"), ann);
    assert_eq!(placed, Ok(Place::Session(0)));
    assert!(
        endpoint
            .insert(NOW, "new", Caller::Peer("bob"), 1)
            .unwrap()
            .is_empty()
    );
    // What is busy is never taken from anybody.
    for number in 4601..=5000 {
        endpoint.note(NOW, &format!("e{number}"), SessionStatus::Busy);
    }
    let refused = endpoint.insert(NOW, "one more", eve, 1);
    assert_eq!(status(refused), 503);
}

#[test]
fn callers_that_dropped_something_are_remembered_in_constant_space() {
    let mut endpoint: Endpoint<u32> = Endpoint::new(limits(100, 100));
    for number in 0..10_000 {
        let peer = format!("10.0.{}.{}", number / 256, number % 256);
        let placed = endpoint
            .place(NOW, &modern(false), Caller::Peer(&peer))
            .unwrap();
        endpoint.ended(NOW, placed.ticket, Ended::Gone);
    }
    assert!(endpoint.remembered() <= 101, "{}", endpoint.remembered());
    let later = NOW + Duration::from_secs(10);
    assert!(place(&mut endpoint, later, &modern(false), Caller::Anyone).is_ok());
    assert_eq!(endpoint.remembered(), 0);
}
