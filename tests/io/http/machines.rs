//! One server on several machines that share a store and a log, in memory: sessions go on at
//! whichever is asked, changes are told at all of them, and what fails costs no session.

use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use mcp_proto::io::http::{HttpServeOptions, Machines};
use mcp_proto::session::Change;
use serde_json::{Value, json};

use support::http::client::{Answer, Sent, Session, call, id_of, initialize, modern, wait};
use support::http::machines::{Mood, Shared};

pub fn text_of(answer: Answer) -> String {
    assert_eq!(answer.status(), 200);
    let answer = answer.last();
    answer["result"]["content"][0]["text"]
        .as_str()
        .unwrap_or_else(|| panic!("it has text: {answer}"))
        .to_owned()
}

pub fn subscribe(session: &Session, id: u64, uri: &str) -> Sent {
    session.sent(
        &json!({"jsonrpc": "2.0", "id": id, "method": "resources/subscribe",
        "params": {"uri": uri}}),
    )
}

/// The changes of a stream up to the one of this resource.
pub fn heard(stream: &mut Answer, last: &str) -> Vec<String> {
    let mut heard = Vec::new();
    loop {
        let message = stream.message().expect("it goes on");
        if message["method"] != "notifications/resources/updated" {
            continue;
        }
        let uri = message["params"]["uri"].as_str().expect("it has one");
        heard.push(uri.to_owned());
        if uri == last {
            return heard;
        }
    }
}

/// The same, with the id of the last event.
fn read(stream: &mut Answer, last: &str) -> String {
    loop {
        let event = stream.event().expect("it goes on");
        if event.contains(last) {
            return id_of(&event);
        }
    }
}

#[test]
fn a_session_goes_on_at_whichever_machine_is_asked() {
    let shared = Shared::default();
    let machines = [shared.machine(), shared.machine(), shared.machine()];
    let session = machines[0].open();
    for round in 1..4 {
        for machine in &machines {
            assert_eq!(text_of(machine.sent(session.call(round, "echo"))), "{}");
        }
    }
    assert_eq!(machines[1].sent(session.delete()).status(), 200);
    for machine in &machines {
        assert_eq!(machine.sent(session.call(9, "echo")).status(), 404);
    }
    assert!(shared.store.keys("session/").is_empty());
}

#[test]
fn a_session_whose_client_is_not_ready_yet_moves_too() {
    let shared = Shared::default();
    let (one, other) = (shared.machine(), shared.machine());
    let session = Session::greet(&one.service, initialize());
    let ready = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
    assert_eq!(other.sent(session.sent(&ready)).status(), 202);
    assert_eq!(text_of(one.sent(session.call(1, "echo"))), "{}");
}

// `httpL.session.notauth`
#[test]
fn a_session_moves_for_its_principal_alone() {
    let shared = Shared::default();
    let (one, other) = (shared.machine(), shared.machine());
    let session = Session::greet(&one.service, initialize().by("ada"));
    let before = shared.store.value(&shared.store.keys("session/")[0]);
    for sent in [session.call(1, "who").by("eve"), session.call(1, "who")] {
        assert_eq!(other.sent(sent).status(), 404);
    }
    assert_eq!(
        shared.store.value(&shared.store.keys("session/")[0]),
        before
    );
    let ready = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
    let ready = session.sent(&ready).by("ada");
    assert_eq!(other.sent(ready).status(), 202);
    let answer = other.sent(session.call(1, "who").by("ada"));
    assert_eq!(text_of(answer), "ada");
}

#[test]
fn a_session_that_many_machines_want_at_once_answers_all_of_them() {
    let shared = Shared::default();
    let machines = [shared.machine(), shared.machine(), shared.machine()];
    let session = machines[0].open();
    let callers: Vec<_> = (0..12)
        .map(|id| {
            let service = machines[id % 3].service.clone();
            let sent = session.call(id as u64, "echo");
            support::thread::spawn(move || {
                (0..10)
                    .map(|_| sent.clone().to(&service).status())
                    .collect()
            })
        })
        .collect();
    for caller in callers {
        let statuses: Vec<u16> = caller.join().unwrap();
        assert_eq!(statuses, [200; 10]);
    }
    for machine in &machines[1..] {
        let foreign = session.call(99, "echo").by("eve");
        assert_eq!(machine.sent(foreign).status(), 404);
    }
}

#[test]
fn a_session_of_a_machine_that_died_goes_on_once_its_lease_is_over() {
    let shared = Shared::default();
    let (one, other) = (shared.machine(), shared.machine());
    let session = one.open();
    drop(one);
    let (told, answered) = channel();
    let (service, sent) = (other.service.clone(), session.call(1, "echo"));
    support::thread::spawn(move || told.send(sent.to(&service).status()));
    // The lease of the one that died is what it waits for.
    assert!(answered.recv_timeout(Duration::from_millis(50)).is_err());
    for key in shared.store.keys("instance/") {
        let of_other = shared.store.value(&shared.store.keys("session/")[0]);
        let name = key.trim_start_matches("instance/");
        if String::from_utf8_lossy(&of_other.unwrap()).contains(name) {
            shared.store.expire(&key);
        }
    }
    assert_eq!(answered.recv(), Ok(200));
}

#[test]
fn who_waits_too_long_for_a_session_is_told_to_come_again() {
    let shared = Shared::default();
    let one = shared.machine();
    let other = shared.machine_with(shared.machines().handover(Duration::from_millis(20)));
    let session = one.open();
    let mut held = one.sent(session.call(1, "hold"));
    assert_eq!(one.stage.next(), "begun");
    let refused = other.sent(session.call(2, "echo"));
    assert_eq!(refused.status(), 503);
    assert_eq!(refused.header("retry-after").as_deref(), Some("1"));
    // What is at work elsewhere isn't disturbed.
    one.stage.go();
    let end = held.message().expect("it is answered");
    assert_eq!(end["result"]["content"][0]["text"], "held");
}

#[test]
fn a_session_moves_as_soon_as_its_handlers_are_done_and_their_answers_are_not_lost() {
    let shared = Shared::default();
    let (one, other) = (shared.machine(), shared.machine());
    let session = one.open();
    let mut held = one.sent(session.call(1, "hold"));
    assert_eq!(one.stage.next(), "begun");
    let (service, sent) = (other.service.clone(), session.call(2, "echo"));
    let moved = support::thread::spawn(move || sent.to(&service).status());
    while shared.log.is_empty() {
        thread::yield_now();
    }
    one.stage.go();
    let end = held.message().expect("it is answered");
    assert_eq!(end["result"]["content"][0]["text"], "held");
    assert_eq!(moved.join().unwrap(), 200);
}

// `httpL.resume.replay`
#[test]
fn a_call_that_asks_its_client_ends_right_on_another_machine() {
    let shared = Shared::default();
    let (one, other) = (shared.machine(), shared.machine());
    let session = one.open();
    let mut stream = one.sent(session.call(1, "ask"));
    let mut at = &other;
    for name in ["Ada", "Eve"] {
        let (asked, last) = loop {
            let event = stream.event().expect("it asks");
            let last = id_of(&event);
            let data = event.lines().find_map(|line| line.strip_prefix("data:"));
            if let Ok(asked) = serde_json::from_str::<Value>(data.unwrap_or_default().trim()) {
                break (asked, last);
            }
        };
        assert_eq!(asked["method"], "elicitation/create");
        let told = json!({"jsonrpc": "2.0", "id": asked["id"],
            "result": {"action": "accept", "content": {"name": name}}});
        assert_eq!(at.sent(session.sent(&told)).status(), 202);
        // The stream ends where it was, for its client to come back.
        assert_eq!(stream.message(), None);
        stream = at.sent(session.get().with("last-event-id", last));
        at = &one;
    }
    let end = stream.message().expect("it is answered");
    assert_eq!(end["id"], 1);
    assert_eq!(end["result"]["content"][0]["text"], "Ada and Eve");
    assert_eq!(stream.message(), None);
}

#[test]
fn a_change_is_told_once_on_every_machine() {
    let shared = Shared::default();
    shared.log.twice();
    let machines = [shared.machine(), shared.machine()];
    let mut streams = Vec::new();
    for machine in &machines {
        let session = machine.open();
        assert_eq!(
            machine.sent(subscribe(&session, 1, "test://")).status(),
            200
        );
        streams.push(machine.sent(session.get()));
        let filter = json!({"notifications": {"resourceSubscriptions": ["test://"]}});
        streams.push(machine.sent(modern(5, "subscriptions/listen", filter)));
    }
    for stream in &mut streams[1..] {
        // Whoever listens is acknowledged first.
        let _begun = stream.event();
    }
    let uris: Vec<String> = (0..6).map(|n| format!("test://{n}")).collect();
    for (n, uri) in uris.iter().enumerate() {
        machines[n % 2].change(uri);
        shared.log.deliver_again();
    }
    for stream in &mut streams {
        assert_eq!(heard(stream, "test://5"), uris);
    }
}

#[test]
fn a_list_that_changes_at_one_machine_has_changed_at_all() {
    let shared = Shared::default();
    let (one, other) = (shared.machine(), shared.machine());
    let session = other.open();
    let mut stream = other.sent(session.get());
    one.server.changed(Change::Tools);
    assert_eq!(text_of(one.sent(call(1, "grow"))), "grown");
    for _ in 0..2 {
        let told = stream.message().expect("it is told");
        assert_eq!(told["method"], "notifications/tools/list_changed");
    }
}

/// What a subscriber hears that comes back to another machine, having read up to the change `read`:
/// the first three are told before its machine dies, two after.
fn heard_after_a_crash(was_read: usize) -> Vec<String> {
    let shared = Shared::default();
    let (one, other) = (shared.machine(), shared.machine());
    let session = one.open();
    assert_eq!(one.sent(subscribe(&session, 1, "test://")).status(), 200);
    let mut stream = one.sent(session.get());
    let mut last = stream.event().map(|event| id_of(&event)).unwrap();
    for n in 0..3 {
        one.change(&format!("test://{n}"));
        let id = read(&mut stream, &format!("test://{n}"));
        if n < was_read {
            last = id;
        }
    }
    drop(stream);
    one.dies(&shared);
    other.change("test://3");
    // It is restored by a call, before its stream is asked for.
    assert_eq!(text_of(other.sent(session.call(2, "echo"))), "{}");
    other.change("test://4");
    let mut stream = other.sent(session.get().with("last-event-id", last));
    heard(&mut stream, "test://4")
}

#[test]
fn a_subscriber_of_a_machine_that_died_hears_what_it_has_missed_and_nothing_twice() {
    for was_read in 0..4 {
        let expected: Vec<String> = (was_read..5).map(|n| format!("test://{n}")).collect();
        assert_eq!(heard_after_a_crash(was_read), expected, "{was_read} read");
    }
}

#[test]
fn a_subscriber_is_told_of_everything_where_the_log_does_not_reach_back() {
    let shared = Shared::default();
    let (one, other) = (shared.machine(), shared.machine());
    let session = one.open();
    for (id, uri) in [(1, "test://a"), (2, "test://b/")] {
        assert_eq!(one.sent(subscribe(&session, id, uri)).status(), 200);
    }
    let mut stream = one.sent(session.get());
    let last = stream.event().map(|event| id_of(&event)).unwrap();
    drop(stream);
    one.dies(&shared);
    other.change("test://a");
    other.change("test://b/1");
    shared.log.forget();
    other.change("test://b/2");
    let mut stream = other.sent(session.get().with("last-event-id", last));
    let mut lists = Vec::new();
    let mut uris = Vec::new();
    while uris.last().is_none_or(|uri| uri != "test://b/2") {
        let told = stream.message().expect("it is told");
        match told["params"]["uri"].as_str() {
            Some(uri) => uris.push(uri.to_owned()),
            None => lists.push(told["method"].as_str().unwrap().to_owned()),
        }
    }
    // The server has no prompts.
    let changed = ["tools", "resources"].map(|list| format!("notifications/{list}/list_changed"));
    assert_eq!(lists, changed);
    uris.sort();
    assert_eq!(uris, ["test://a", "test://b/", "test://b/2"]);
}

#[test]
fn what_was_at_work_on_a_machine_that_died_is_answered_with_an_error() {
    let shared = Shared::default();
    let (one, other) = (shared.machine(), shared.machine());
    let session = one.open();
    let mut held = one.sent(session.call(1, "sleep"));
    assert_eq!(one.stage.next(), "begun");
    let last = held.event().map(|event| id_of(&event)).unwrap();
    // It is stored while its call is open.
    assert_eq!(one.sent(subscribe(&session, 2, "test://")).status(), 200);
    drop(held);
    one.dies(&shared);
    let mut stream = other.sent(session.get().with("last-event-id", last));
    let end = stream.message().expect("it is answered");
    assert_eq!(
        (&end["id"], &end["error"]["code"]),
        (&json!(1), &json!(-32603))
    );
    assert_eq!(stream.message(), None);
    // An exchange that the dead one opened later is not taken for one that is opened here.
    let mut fresh = other.sent(session.call(3, "sleep"));
    assert_eq!(other.stage.next(), "begun");
    let fresh = fresh.event().map(|event| id_of(&event)).unwrap();
    let number = |id: &str| id.split('-').next().unwrap().parse::<u64>().unwrap();
    assert!(number(&fresh) > 1 << 32, "{fresh}");
}

#[test]
fn a_machine_that_closes_parks_its_sessions() {
    let shared = Shared::default();
    let (one, other) = (shared.machine(), shared.machine());
    let session = one.open();
    let mut stream = one.sent(session.get());
    let last = stream.event().map(|event| id_of(&event)).unwrap();
    let mut held = one.sent(session.call(1, "hold"));
    assert_eq!(one.stage.next(), "begun");
    let ending = one.service.clone();
    let closed = support::thread::spawn(move || wait(ending.close(Duration::from_secs(60))));
    wait(one.service.closing());
    assert_eq!(one.sent(session.call(2, "echo")).status(), 503);
    one.stage.go();
    let end = held.message().expect("it is answered");
    assert_eq!(end["result"]["content"][0]["text"], "held");
    assert_eq!(held.message(), None);
    closed.join().unwrap();
    assert_eq!(stream.message(), None);
    assert_eq!(text_of(other.sent(session.call(3, "echo"))), "{}");
    // Nobody waits for a lease, as it was given back.
    assert_eq!(shared.store.keys("instance/").len(), 1);
    let mut stream = other.sent(session.get().with("last-event-id", last));
    other.server.changed(Change::Tools);
    assert!(stream.message().is_some());
}

#[test]
fn who_loses_a_session_lets_go_of_it() {
    let shared = Shared::default();
    let machine = shared.machine();
    let session = machine.open();
    let mut stream = machine.sent(session.get());
    assert!(stream.event().is_some());
    let key = shared.store.keys("session/").remove(0);
    // Somebody else has put it.
    shared.store.change(&key, |_| ());
    let refused = machine.sent(subscribe(&session, 1, "test://"));
    assert_eq!(refused.status(), 503);
    assert_eq!(stream.message(), None);
    // It is nobody's now, so it can be taken again.
    assert_eq!(
        machine.sent(subscribe(&session, 2, "test://")).status(),
        200
    );
}

#[test]
fn what_can_not_be_read_is_no_session_and_goes() {
    let shared = Shared::default();
    let (one, other) = (shared.machine(), shared.machine());
    let changes: [fn(&mut Vec<u8>); 3] = [
        |value| value.clear(),
        |value| value.truncate(value.len() / 2),
        |value| {
            let text = String::from_utf8(value.clone()).unwrap();
            *value = text.replacen("\"format\":1", "\"format\":99", 1).into();
        },
    ];
    for change in changes {
        let session = one.open();
        let key = format!("session/{}", session.0);
        shared.store.change(&key, change);
        assert_eq!(other.sent(session.call(1, "echo")).status(), 404);
    }
    // An id that nobody has given out isn't even looked for.
    shared.store.be(Mood::Failing);
    let made_up = Session("../../instance/x".into());
    assert_eq!(other.sent(made_up.call(1, "echo")).status(), 404);
}

#[test]
fn what_is_too_large_is_stored_without_its_events() {
    let shared = Shared::default();
    let mut machines = shared.machines();
    machines.record = 4096;
    let (one, other) = (shared.machine_with(machines), shared.machine());
    let session = one.open();
    assert_eq!(one.sent(subscribe(&session, 1, "test://")).status(), 200);
    for n in 0..100 {
        one.change(&format!("test://{n}"));
    }
    assert_eq!(text_of(other.sent(session.call(2, "echo"))), "{}");
    let value = shared.store.value(&format!("session/{}", session.0));
    assert!(value.unwrap().len() <= 4096);
}

#[test]
fn an_idle_session_ends_everywhere() {
    let shared = Shared::default();
    let mut options = HttpServeOptions::default().machines(shared.machines());
    options.limits.idle = Duration::from_millis(30);
    let one = Shared::machine_of(options);
    let other = shared.machine();
    let session = one.open();
    while !shared.store.keys("session/").is_empty() {
        thread::yield_now();
    }
    for machine in [&one, &other] {
        assert_eq!(machine.sent(session.call(1, "echo")).status(), 404);
    }
}

#[test]
fn nothing_secret_is_shown() {
    let shared = Shared::default();
    let machine = shared.machine();
    let session = machine.open();
    let value = shared
        .store
        .value(&shared.store.keys("session/")[0])
        .unwrap();
    let stored = mcp_proto::io::http::StoredValue::new(1, value);
    let machines: Machines = shared.machines();
    let shown = format!("{stored:?} {machines:?} {:?}", machine.service);
    assert!(!shown.contains(&session.0), "{shown}");
}
