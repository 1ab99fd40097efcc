//! Floods of a service over HTTP: what is opened and dropped, however often, leaves nothing.

use std::time::Duration;

use mcp_proto::io::http::{HttpServeOptions, HttpService};
use serde_json::json;
use support::http::client::{Sent, Session, call, initialize, modern, wait_for};
use support::http::server::serve;
use tower_service::Service;

use crate::Scale;

/// What a legacy session may weigh that its client has used and will use again.
const IDLE: usize = 2 << 10;

/// What a flood may leave: the room that tables and queues have grown to.
const SLACK: usize = 256 << 10;

fn options() -> HttpServeOptions {
    let mut options = HttpServeOptions::default();
    options.limits.half_open = 50;
    options.limits.cancel_rate = 1_000_000;
    options
}

/// Runs a flood twice as long as the first time, which must not leave more.
fn is_constant(scale: &mut Scale, service: &HttpService, mut once: impl FnMut(u64)) {
    (0..500).for_each(&mut once);
    // Handlers that were cancelled may still be on their way out.
    let settled = || {
        wait_for(Duration::from_millis(200), std::future::pending::<()>());
    };
    settled();
    scale.reset();
    (0..1_000).for_each(&mut once);
    settled();
    let held = scale.held();
    assert!(held < SLACK, "{held} bytes are held");
    assert_eq!(call(1, "echo").to(service).status(), 200);
}

/// Sends a request and hangs up at once, or after its head.
fn hang_up(service: &HttpService, sent: Sent) {
    let mut response = Box::pin(service.clone().call(sent.request()));
    drop(wait_for(Duration::ZERO, &mut response));
}

#[test]
fn a_legacy_session_that_is_idle_weighs_no_more_than_two_kibibytes() {
    const SESSIONS: u64 = 1_000;
    let mut options = HttpServeOptions::default();
    // What waits for it is no longer there when it is over.
    options.streams.patience = Duration::from_millis(100);
    options.limits.sessions = 10_000;
    let mut scale = Scale::new();
    let (service, _, _stage) = serve(options);
    let open = |sessions| {
        (0..sessions).for_each(|_| {
            let answer = Session::open(&service).call(1, "echo").to(&service);
            assert_eq!(answer.status(), 200);
        });
        wait_for(Duration::from_millis(300), std::future::pending::<()>());
    };
    open(10);
    scale.reset();
    open(SESSIONS);
    let each = scale.held() / SESSIONS as usize;
    println!("{each} bytes each");
    assert!(each <= IDLE, "{each} bytes are held by each");
}

#[test]
fn calls_that_are_opened_and_dropped_leave_nothing() {
    let mut scale = Scale::new();
    let (service, _, _stage) = serve(options());
    is_constant(&mut scale, &service, |id| {
        hang_up(&service, call(id, "echo"))
    });
    is_constant(&mut scale, &service, |id| {
        hang_up(&service, call(id, "steps"))
    });
}

#[test]
fn streams_that_are_opened_and_dropped_leave_nothing() {
    let mut scale = Scale::new();
    let (service, _, _stage) = serve(options());
    let params = json!({"notifications": {"toolsListChanged": true}});
    let listen = |id| modern(id, "subscriptions/listen", params.clone());
    is_constant(&mut scale, &service, |id| hang_up(&service, listen(id)));
    let session = Session::open(&service);
    is_constant(&mut scale, &service, |_| hang_up(&service, session.get()));
}

#[test]
fn sessions_that_are_opened_and_left_make_room_for_others() {
    let mut scale = Scale::new();
    let (service, _, _stage) = serve(options());
    let mine = Session::open(&service);
    is_constant(&mut scale, &service, |_| {
        assert_eq!(initialize().to(&service).status(), 200);
    });
    assert_eq!(mine.call(1, "echo").to(&service).status(), 200);
}
