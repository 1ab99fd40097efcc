//! Machines whose store or log fails, hangs, forgets, or has its receipts lost, and comes back: what
//! needs neither goes on, who waits is answered soon, and nobody takes what it knows for the latest
//! when it may not be.

use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use mcp_proto::session::Change;
use serde_json::json;

use support::http::client::{Answer, call, initialize, modern, wait};
use support::http::machines::{Machine, Mood, Shared};

use super::machines::{heard, subscribe, text_of};

/// A legacy stream and a modern one, both subscribed to all resources, each having said so.
fn subscribers(machine: &Machine) -> [Answer; 2] {
    let session = machine.open();
    let subscribed = machine.sent(subscribe(&session, 1, "test://"));
    assert_eq!(subscribed.status(), 200);
    let filter = json!({"notifications": {"resourceSubscriptions": ["test://"]}});
    let listen = modern(5, "subscriptions/listen", filter);
    let mut streams = [machine.sent(session.get()), machine.sent(listen)];
    for stream in &mut streams {
        assert!(stream.event().is_some());
    }
    streams
}

#[test]
fn a_store_that_fails_costs_a_503_and_no_session() {
    let shared = Shared::default();
    let (one, other) = (shared.machine(), shared.machine());
    let session = one.open();
    for mood in [Mood::Failing, Mood::Panicking] {
        shared.store.be(mood);
        for sent in [initialize(), session.call(1, "echo")] {
            let refused = other.sent(sent);
            assert_eq!(refused.status(), 503);
            assert!(refused.header("retry-after").is_some());
        }
        // What nobody else can have goes on, and modern clients need no store.
        assert_eq!(text_of(one.sent(session.call(2, "echo"))), "{}");
        assert_eq!(other.sent(call(3, "echo")).status(), 200);
        // What must not be lost is not acknowledged.
        let refused = one.sent(subscribe(&session, 4, "test://"));
        assert_eq!(refused.status(), 503);
        shared.store.be(Mood::Well);
        assert_eq!(one.sent(subscribe(&session, 5, "test://")).status(), 200);
        assert_eq!(text_of(other.sent(session.call(6, "echo"))), "{}");
        assert_eq!(text_of(one.sent(session.call(7, "echo"))), "{}");
    }
}

#[test]
fn a_session_that_ends_while_the_store_fails_is_over_when_it_is_back() {
    let shared = Shared::default();
    let machine = || shared.machine_with(shared.machines().lease(Duration::from_secs(3)));
    let (one, other) = (machine(), machine());
    for mood in [Mood::Failing, Mood::Panicking] {
        let session = one.open();
        shared.store.be(mood);
        assert_eq!(one.sent(session.delete()).status(), 200);
        shared.store.be(Mood::Well);
        // Its machine knows, and does not find it in the store again.
        assert_eq!(one.sent(session.call(1, "echo")).status(), 404);
        while !shared.store.keys("session/").is_empty() {
            thread::yield_now();
        }
        assert_eq!(other.sent(session.call(2, "echo")).status(), 404);
    }
}

#[test]
fn a_store_that_comes_back_empty_has_clients_open_their_sessions_again() {
    let shared = Shared::default();
    let machine = || shared.machine_with(shared.machines().lease(Duration::from_secs(3)));
    let (one, other) = (machine(), machine());
    let session = one.open();
    shared.store.be(Mood::Failing);
    shared.store.expire("");
    assert_eq!(one.sent(call(1, "echo")).status(), 200);
    shared.store.be(Mood::Well);
    for (machine, session) in [(&one, &session), (&other, &session)] {
        let mut status = 503;
        // What is acknowledged is in the store, so it isn't until its machine knows.
        while status == 503 {
            status = machine.sent(subscribe(session, 2, "test://")).status();
        }
        assert_eq!(status, 404);
    }
    let again = one.open();
    assert_eq!(text_of(other.sent(again.call(3, "echo"))), "{}");
    assert_eq!(text_of(one.sent(again.call(4, "echo"))), "{}");
}

#[test]
fn a_store_that_is_stuck_holds_nobody_up_for_long() {
    let shared = Shared::default();
    let (told, failures) = channel();
    let machines = shared.machines().timeout(Duration::from_millis(30));
    let machine = shared.machine_with(machines.on_error(move |error| {
        let _ = told.send(error.to_string());
    }));
    let session = machine.open();
    shared.store.be(Mood::Stuck);
    // More than there are threads for it.
    for id in 0..20 {
        assert_eq!(machine.sent(initialize()).status(), 503);
        assert_eq!(text_of(machine.sent(session.call(id, "echo"))), "{}");
        assert_eq!(machine.sent(call(id, "echo")).status(), 200);
    }
    let failure = failures.recv().unwrap();
    assert!(failure.contains("longer than 30ms"), "{failure}");
    shared.store.be(Mood::Well);
    let mut status = 503;
    while status == 503 {
        status = machine.sent(initialize()).status();
    }
    assert_eq!(status, 200);
}

#[test]
fn a_store_that_was_stuck_is_not_asked_for_each_lease_that_was_missed() {
    let shared = Shared::default();
    let every = Duration::from_millis(10);
    let machine = shared.machine_with(shared.machines().lease(3 * every));
    let session = machine.open();
    shared.store.be(Mood::Stuck);
    thread::sleep(50 * every);
    let before = shared.store.versions();
    shared.store.be(Mood::Well);
    while shared.store.versions() == before {
        thread::yield_now();
    }
    thread::sleep(every / 2);
    let asked = shared.store.versions() - before;
    assert!(asked < 10, "{asked} times");
    drop((session, machine));
}

#[test]
fn a_log_that_fails_keeps_a_change_from_others_alone() {
    let shared = Shared::default();
    let (one, other) = (shared.machine(), shared.machine());
    let mut streams = [&one, &other].map(|machine| machine.sent(machine.open().get()));
    shared.log.fail(true);
    one.server.changed(Change::Tools);
    wait(one.service.announced());
    assert!(streams[0].message().is_some());
    shared.log.fail(false);
    one.server.changed(Change::Resources);
    // The others learn only then that something may have changed.
    for list in ["tools", "resources"] {
        let told = streams[1].message().expect("it is told");
        assert_eq!(told["method"], format!("notifications/{list}/list_changed"));
    }
    for stream in &mut streams {
        let told = stream.message().expect("it is told");
        assert_eq!(told["method"], "notifications/resources/list_changed");
    }
}

#[test]
fn a_log_that_is_stuck_holds_nobody_up_for_long() {
    let shared = Shared::default();
    let machine = || shared.machine_with(shared.machines().timeout(Duration::from_millis(30)));
    let (one, other) = (machine(), machine());
    let (ours, theirs) = (subscribers(&one), subscribers(&other));
    shared.log.stick(true);
    one.change("test://0");
    one.change("test://1");
    shared.log.stick(false);
    // It takes the one that was on its way, and says of the one that wasn't that anything may have changed.
    while shared.log.len() < 2 {
        one.change("test://2");
    }
    one.change("test://end");
    for mut stream in ours {
        let told = heard(&mut stream, "test://end");
        let once = |uri: &str| told.iter().filter(|told| *told == uri).count() == 1;
        assert!(once("test://0") && once("test://1"), "{told:?}");
    }
    for mut stream in theirs {
        let told = heard(&mut stream, "test://end");
        assert!(told.iter().any(|uri| uri == "test://"), "{told:?}");
    }
}

#[test]
fn a_change_whose_receipt_is_lost_is_told_once() {
    let shared = Shared::default();
    let (one, other) = (shared.machine(), shared.machine());
    let streams = [subscribers(&one), subscribers(&other)];
    shared.log.lose_receipts(true);
    one.change("test://0");
    shared.log.lose_receipts(false);
    one.change("test://1");
    let [ours, theirs] = streams;
    for mut stream in ours {
        assert_eq!(heard(&mut stream, "test://1"), ["test://0", "test://1"]);
    }
    for mut stream in theirs {
        let told = ["test://0", "test://", "test://1"];
        assert_eq!(heard(&mut stream, "test://1"), told);
    }
}

#[test]
fn others_are_told_that_anything_may_have_changed_once_a_log_that_failed_is_back() {
    let shared = Shared::default();
    let machine = || shared.machine_with(shared.machines().lease(Duration::from_millis(300)));
    let (one, other) = (machine(), machine());
    let (ours, theirs) = (subscribers(&one), subscribers(&other));
    shared.log.fail(true);
    one.change("test://0");
    shared.log.fail(false);
    // Nothing else has to happen for it.
    for mut stream in theirs {
        assert_eq!(heard(&mut stream, "test://"), ["test://"]);
    }
    one.change("test://1");
    for mut stream in ours {
        assert_eq!(heard(&mut stream, "test://1"), ["test://0", "test://1"]);
    }
}

#[test]
fn a_log_that_has_lost_something_may_have_lost_anything() {
    let shared = Shared::default();
    let machine = shared.machine();
    let streams = subscribers(&machine);
    shared.log.lose();
    machine.change("test://0");
    for mut stream in streams {
        assert_eq!(heard(&mut stream, "test://0"), ["test://", "test://0"]);
    }
}
