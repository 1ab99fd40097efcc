//! Streams that asked to be told of tasks.

use std::time::Duration;

use mcp_proto::server::MemoryTasks;
use mcp_proto::session::{Closed, Route, Session};
use serde_json::{Value, json};

use super::faulty::{Fault, Faulty};
use super::{Machine, Time, accept, alone, server, tasks};

const SUBSCRIPTION: &str = "io.modelcontextprotocol/subscriptionId";

/// Opens a stream for tasks; returns its request's number.
fn listen(machine: &mut Machine, ids: &[&str]) -> u64 {
    let request = machine.send(
        "subscriptions/listen",
        json!({"notifications": {"taskIds": ids}}),
    );
    let acknowledged = machine.asked.pop_front().expect("it is acknowledged");
    assert_eq!(
        acknowledged["method"],
        "notifications/subscriptions/acknowledged"
    );
    let params = &acknowledged["params"];
    assert_eq!(params["notifications"]["taskIds"], json!(ids));
    assert_eq!(params["_meta"][SUBSCRIPTION], request);
    request
}

/// What a stream was told since it was asked last, after time for a look.
fn told(machine: &mut Machine, stream: u64) -> Vec<Value> {
    machine.wait(Duration::from_secs(2));
    let told = machine.asked.drain(..).map(|mut it| {
        assert_eq!(it["method"], "notifications/tasks", "{it}");
        assert_eq!(it["params"]["_meta"][SUBSCRIPTION], stream);
        it["params"].take()
    });
    told.collect()
}

fn statuses(told: &[Value]) -> Vec<&str> {
    let status = |task: &Value| task["status"].as_str().map(str::len);
    assert!(told.iter().all(|task| status(task).is_some()), "{told:?}");
    told.iter()
        .map(|task| task["status"].as_str().unwrap())
        .collect()
}

#[test]
fn a_stream_is_told_of_each_state_of_the_tasks_that_it_asked_for() {
    // `task26.notif`
    let (server, _) = alone();
    let mut machine = Machine::modern(&server, Some("ann"));
    let (trip, _other) = (machine.begin("both"), machine.begin("may"));
    let stream = listen(&mut machine, &[&trip, &trip, "nobody"]);
    // As it is when the stream begins, so that nothing is missed between the call and this.
    let first = told(&mut machine, stream);
    assert_eq!(statuses(&first), ["working"]);
    assert_eq!(first[0]["taskId"], trip);
    assert!(told(&mut machine, stream).is_empty(), "nothing is new");
    machine.run();
    let asked = told(&mut machine, stream);
    assert_eq!(statuses(&asked), ["input_required"]);
    let mut whole = machine.get(&trip);
    let members = whole.as_object_mut().unwrap();
    members.remove("resultType");
    members.remove("_meta");
    let mut notified = asked[0].clone();
    notified.as_object_mut().unwrap().remove("_meta");
    assert_eq!(notified, whole, "all that `tasks/get` says");
    let yes = || accept(json!({"yes": true}));
    machine.update(&trip, json!({"one": yes()}));
    let asked = told(&mut machine, stream);
    assert_eq!(statuses(&asked), ["input_required"]);
    assert!(asked[0]["inputRequests"].get("one").is_none(), "{asked:?}");
    machine.update(&trip, json!({"other": yes()}));
    machine.run();
    let done = told(&mut machine, stream);
    assert_eq!(statuses(&done), ["completed"]);
    assert_eq!(done[0]["result"]["content"][0]["text"], "true true");
    assert!(told(&mut machine, stream).is_empty());
    assert_eq!(machine.next_timeout(), None, "nothing more can come");
}

#[test]
fn a_connection_that_is_lost_looks_after_no_task() {
    let (server, _) = alone();
    let mut machine = Machine::modern(&server, Some("ann"));
    let id = machine.begin("may");
    listen(&mut machine, &[&id]);
    assert!(machine.next_timeout().is_some(), "it will look again");
    let now = machine.now;
    machine
        .service
        .handle_closed(now, Route::Pipe, Closed::EndOfInput);
    assert_eq!(machine.next_timeout(), None);
}

#[test]
fn how_a_task_ends_is_told_whichever_way_it_does() {
    // `task26.notif`
    for (tool, end) in [
        ("breaks", "failed"),
        ("fails", "completed"),
        ("may", "cancelled"),
    ] {
        let (server, _) = alone();
        let mut machine = Machine::modern(&server, None);
        let id = machine.begin(tool);
        let stream = listen(&mut machine, &[&id]);
        assert_eq!(statuses(&told(&mut machine, stream)), ["working"]);
        if end == "cancelled" {
            machine.about("tasks/cancel", &id);
        }
        machine.run();
        assert_eq!(statuses(&told(&mut machine, stream)), [end]);
        // Who comes later hears of the end alone.
        let late = listen(&mut machine, &[&id]);
        assert_eq!(statuses(&told(&mut machine, late)), [end]);
        assert_eq!(machine.next_timeout(), None);
    }
}

#[test]
fn a_stream_hears_nothing_of_what_belongs_to_others_or_nobody() {
    // `task26.id.entropy`, `task26.notif`
    let (server, _) = alone();
    let mut ann = Machine::modern(&server, Some("ann"));
    let id = ann.begin("may");
    for principal in [Some("bob"), None] {
        let mut other = Machine::modern(&server, principal);
        let unknown = "0123456789abcdef0123456789abcdef";
        let stream = listen(&mut other, &[&id, unknown, "", "../x", "\u{e9}"]);
        assert!(told(&mut other, stream).is_empty());
        assert_eq!(other.next_timeout(), None, "nothing is looked at any more");
        assert!(other.steps.is_empty(), "nothing runs for it");
    }
    ann.run();
    assert_eq!(ann.get(&id)["status"], "completed");
}

#[test]
fn a_stream_that_ends_is_told_nothing_more() {
    let (server, _) = alone();
    let mut machine = Machine::modern(&server, None);
    let id = machine.begin("may");
    let stream = listen(&mut machine, &[&id]);
    assert_eq!(statuses(&told(&mut machine, stream)), ["working"]);
    let params = json!({"requestId": stream});
    machine.give(&json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": params}));
    machine.run();
    assert!(told(&mut machine, stream).is_empty());
    assert_eq!(machine.next_timeout(), None);
}

#[test]
fn streams_that_come_and_go_leave_nothing_behind() {
    let (server, _) = alone();
    let mut machine = Machine::modern(&server, None);
    let id = machine.begin("may");
    for _ in 0..500 {
        let stream = listen(&mut machine, &[&id]);
        let params = json!({"requestId": stream});
        machine.asked.clear();
        machine.give(
            &json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": params}),
        );
        assert!(machine.looking() <= 24, "{}", machine.looking());
    }
    machine.wait(Duration::from_secs(1));
    assert_eq!(machine.looking(), 0);
    // As many as may be subscribed to, and not one more.
    let ids: Vec<String> = (0..5000).map(|n| format!("{n}")).collect();
    let refused = machine.request(
        "subscriptions/listen",
        json!({"notifications": {"taskIds": ids}}),
    );
    assert_eq!(refused["error"]["code"], -32603, "{refused}");
}

#[test]
fn a_task_goes_on_at_whom_its_stream_is_open() {
    let time = Time::default();
    let store = MemoryTasks::new();
    let lease = Duration::from_secs(6);
    let start = || server(tasks(store.clone(), &time).lease(lease));
    let mut gone = Machine::modern(&start(), None);
    let id = gone.begin("may");
    drop(gone);
    let mut machine = Machine::modern(&start(), None);
    let stream = listen(&mut machine, &[&id]);
    assert_eq!(statuses(&told(&mut machine, stream)), ["working"]);
    assert!(machine.steps.is_empty());
    time.pass(lease);
    told(&mut machine, stream);
    machine.run();
    assert_eq!(statuses(&told(&mut machine, stream)), ["completed"]);
}

#[test]
fn what_the_store_does_not_say_now_is_told_later() {
    for fault in [Fault::Fails, Fault::Panics] {
        let store = Faulty::new(fault);
        let server = server(tasks(store.clone(), &Time::default()));
        let mut machine = Machine::modern(&server, None);
        let id = machine.begin("may");
        store.fail_from(0);
        let stream = listen(&mut machine, &[&id]);
        for _ in 0..10 {
            assert!(told(&mut machine, stream).is_empty());
        }
        store.heal();
        assert_eq!(statuses(&told(&mut machine, stream)), ["working"]);
        machine.run();
        assert_eq!(statuses(&told(&mut machine, stream)), ["completed"]);
    }
}
