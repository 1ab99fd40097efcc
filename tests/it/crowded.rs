//! What a frame costs while very many requests are open: about what it costs while few are, so that a
//! flood costs no more than its length.

use std::time::{Duration, Instant as Clock};

use mcp_proto::session::{ClientSession, Route, ServerSession, Session};
use mcp_proto::{Limits, Revision};
use serde_json::{Value, json};

use support::pair::{client_config, server_config};
use support::script::{Script, notification, tool_call};
use support::{LEGACY, on_every_revision, on_revisions};

const FEW: i64 = 20;
/// An id beyond those of all that are open.
const FAR: i64 = 10_000;
/// How many frames are measured at once: so few that a measure is seldom interrupted.
const FRAMES: i64 = 30;

/// How many are open at most: a search among them would cost thirty times as much as among few.
fn many() -> i64 {
    support::amount(600, 3_000)
}

fn limits(calls: i64) -> Limits {
    let mut limits = Limits::default();
    limits.calls = usize::try_from(calls).unwrap();
    limits.memory = usize::MAX;
    limits.cancel_burst = u32::MAX;
    limits
}

fn give<S: Session>(session: &mut S, frame: &Value) {
    let now = mcp_proto::Instant::from_millis(1_000_000);
    session.handle_frame(now, Route::Pipe, frame.to_string().into());
    while session.poll_event().is_some() {}
    let mut sent = Vec::new();
    while session.poll_transmit(&mut sent).is_some() {}
}

/// How long the session takes for the frames, at the least.
#[expect(clippy::disallowed_methods, reason = "what is measured is real time")]
fn cost<S: Session>(session: &mut S, frame: &dyn Fn(i64) -> Value) -> Duration {
    let mut run = |start: i64| {
        let frames = Vec::from_iter((start..start + FRAMES).map(frame));
        let before = Clock::now();
        for frame in &frames {
            give(session, frame);
        }
        before.elapsed()
    };
    (0..10).map(|n| run(n * FRAMES)).min().unwrap()
}

/// Sees to it that frames cost about the same in both sessions: comparing each with all that is open
/// would take many times as long.
fn check<S: Session>(few: &mut S, many: &mut S, what: &str, frame: &dyn Fn(i64) -> Value) {
    let (few, many) = (cost(few, frame), cost(many, frame));
    assert!(
        many < few * 12,
        "{what}: {few:?} with few, {many:?} with many"
    );
}

fn server(revision: Revision, open: i64) -> ServerSession {
    let mut server = Script::server_with(revision, server_config().limits(limits(open)));
    for id in 0..open {
        give(&mut server.session, &tool_call(revision, id));
    }
    server.session
}

fn cancelled(id: &Value) -> Value {
    notification("notifications/cancelled", json!({"requestId": id}))
}

on_every_revision! {
    // `base.id.dup.recv`, `cancel.recv.ignore`
    fn frames_about_requests_cost_a_server_the_same_however_many_are_open(revision) {
        let (mut few, mut many) = (server(revision, FEW), server(revision, many()));
        let mut check = |what: &str, frame: &dyn Fn(i64) -> Value| {
            check(&mut few, &mut many, what, frame);
        };
        check("an id in use", &|_| tool_call(revision, FEW - 1));
        check("one too many", &|n| tool_call(revision, FAR + n));
        check("a cancellation of nothing", &|n| cancelled(&(-1 - n).into()));
    }
}

fn asked(id: i64) -> Value {
    json!({"jsonrpc": "2.0", "id": id, "method": "roots/list"})
}

fn client(revision: Revision, open: i64) -> ClientSession {
    let config = client_config(revision).limits(limits(open));
    let mut client = Script::client_with(revision, config);
    for id in 0..open {
        give(&mut client.session, &asked(id));
    }
    client.session
}

on_revisions! { LEGACY;
    // `base.id.dup.recv`, `cancel.recv.ignore`
    fn frames_about_requests_cost_a_client_the_same_however_many_are_open(revision) {
        let (mut few, mut many) = (client(revision, FEW), client(revision, many()));
        let mut check = |what: &str, frame: &dyn Fn(i64) -> Value| {
            check(&mut few, &mut many, what, frame);
        };
        check("an id in use", &|_| asked(FEW - 1));
        check("one too many", &|n| asked(FAR + n));
        check("a cancellation of nothing", &|n| cancelled(&(-1 - n).into()));
    }
}
