//! Each bound of `EndpointLimits` at one below it, at it and one above.

use std::time::Duration;

use mcp_proto::Instant;
use mcp_proto::http::{Caller, Class, Ended, Endpoint, EndpointLimits, SessionStatus};

const NOW: Instant = Instant::from_millis(1000);

/// A bound: its name, how it is set, and whether an endpoint takes so much.
struct Bound {
    name: &'static str,
    set: fn(&mut EndpointLimits, u32),
    takes: fn(&EndpointLimits, u32) -> bool,
}

macro_rules! bounds {
    ($($name:ident: $convert:expr, $takes:expr,)*) => {
        [$(Bound {
            name: stringify!($name),
            set: |limits, value| limits.$name = $convert(value),
            takes: $takes,
        }),*]
    };
}

const BOUNDS: [Bound; 11] = bounds! {
    sessions: number, |limits, count| opens(limits, count, SessionStatus::Busy, |_| "anybody".into()),
    sessions_each: number, |limits, count| opens(limits, count, SessionStatus::Busy, |_| "ann".into()),
    half_open: number, |limits, count| opens(limits, count, SessionStatus::HalfOpen, |n| n.to_string()),
    greeting: seconds, |limits, time| is_kept_until(limits, time, SessionStatus::HalfOpen),
    idle: seconds, |limits, time| is_kept_until(limits, time, SessionStatus::Idle),
    requests: number, |limits, count| places(limits, count, false, |n| n.to_string()),
    requests_each: number, |limits, count| places(limits, count, false, |_| "ann".into()),
    streams: number, |limits, count| places(limits, count, true, |n| n.to_string()),
    streams_each: number, |limits, count| places(limits, count, true, |_| "ann".into()),
    cancel_burst: |burst| burst, |limits, count| drops(&mut Endpoint::new(limits.clone()), NOW, count),
    cancel_rate: |rate| rate, |limits, count| {
        let mut endpoint = Endpoint::new(limits.clone());
        assert!(drops(&mut endpoint, NOW, limits.cancel_burst));
        drops(&mut endpoint, NOW + Duration::from_secs(1), count)
    },
};

fn number(value: u32) -> usize {
    value as usize
}

fn seconds(value: u32) -> Duration {
    Duration::from_secs(value.into())
}

/// Whether so many sessions are there in the end.
fn opens(
    limits: &EndpointLimits,
    count: u32,
    status: SessionStatus,
    who: fn(u32) -> String,
) -> bool {
    let mut endpoint = Endpoint::new(limits.clone());
    for session in 0..count {
        let (id, who) = (session.to_string(), who(session));
        let forgotten = endpoint.insert(NOW, id.as_str(), Caller::Peer(&who), session);
        if forgotten.is_ok_and(|forgotten| forgotten.is_empty()) {
            endpoint.note(NOW, &id, status);
        }
    }
    endpoint.len() == number(count)
}

/// Whether a session is there until so much time has passed.
fn is_kept_until(limits: &EndpointLimits, time: u32, status: SessionStatus) -> bool {
    let mut endpoint = Endpoint::new(limits.clone());
    endpoint.insert(NOW, "a", Caller::Anyone, 1).unwrap();
    endpoint.note(NOW, "a", status);
    let just_before = NOW + (seconds(time) - Duration::from_millis(1));
    endpoint.handle_timeout(just_before).is_empty()
}

fn request(listens: bool) -> Class {
    Class::Modern {
        frame: bytes::Bytes::new().into(),
        listens,
    }
}

/// Whether so many requests or streams are taken at once.
fn places(limits: &EndpointLimits, count: u32, listens: bool, who: fn(u32) -> String) -> bool {
    let mut endpoint: Endpoint<u32> = Endpoint::new(limits.clone());
    let mut place = |n| endpoint.place(NOW, &request(listens), Caller::Peer(&who(n)));
    (0..count).all(|n| place(n).is_ok())
}

/// Whether so many requests of one caller are taken, each of which it drops.
fn drops(endpoint: &mut Endpoint<u32>, now: Instant, count: u32) -> bool {
    (0..count).all(|_| {
        let placed = endpoint.place(now, &request(false), Caller::Peer("ann"));
        placed.is_ok_and(|placed| {
            endpoint.ended(now, placed.ticket, Ended::Gone);
            true
        })
    })
}

#[test]
fn what_is_within_a_bound_is_taken_and_one_more_is_not() {
    for Bound { name, set, takes } in BOUNDS {
        let mut limits = EndpointLimits::default();
        // So that the allowance of a second is what bounds it.
        limits.cancel_burst = if name == "cancel_rate" {
            20
        } else {
            limits.cancel_burst
        };
        set(&mut limits, 5);
        for (amount, fits) in [(4, true), (5, true), (6, false)] {
            assert_eq!(takes(&limits, amount), fits, "{name}: {amount} of 5");
        }
    }
}

#[test]
fn every_bound_is_tried() {
    let fields = format!("{:?}", EndpointLimits::default());
    let fields = fields.trim_start_matches("EndpointLimits { ").split(", ");
    let names: Vec<&str> = fields
        .filter_map(|field| Some(field.split_once(": ")?.0))
        .collect();
    assert_eq!(names, BOUNDS.map(|bound| bound.name));
}
