//! Instances that die at the worst time: another one that shares the store goes on, and the result is
//! the same.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use mcp_proto::server::{Context, HandlerError, MemoryTasks, Server};
use serde_json::{Value, json};

use super::modern::plain_trip;
use super::{Machine, Time, accept, legacy, said, server, tasks, text_of};

const LEASE: Duration = Duration::from_secs(6);

struct Instances {
    store: MemoryTasks,
    time: Time,
}

impl Instances {
    fn new() -> Self {
        Self {
            store: MemoryTasks::new(),
            time: Time::default(),
        }
    }

    /// Another instance, which knows nothing but the store.
    fn start(&self) -> Server {
        server(tasks(self.store.clone(), &self.time).lease(LEASE))
    }

    /// An instance is gone, and its lease over.
    fn kill(&self) {
        self.time.pass(LEASE);
    }
}

/// The answer to each question of a trip.
fn answer_to(key: &str) -> Value {
    match key {
        "name" => accept(json!({"name": "Ann"})),
        "place" => said("Rome"),
        _ => accept(json!({"yes": true})),
    }
}

/// Goes through a trip in which the instance is killed after so many steps and requests, and after as
/// many again, until it has ended.
fn modern_trip(instances: &Instances, every: usize) -> String {
    let mut machine = Machine::modern(&instances.start(), Some("ann"));
    let id = machine.begin("trip");
    let mut left = every;
    for _ in 0..200 {
        if left == 0 {
            instances.kill();
            machine = Machine::modern(&instances.start(), Some("ann"));
            left = every;
        }
        left -= 1;
        if machine.step() {
            continue;
        }
        let task = machine.get(&id);
        match task["status"].as_str().unwrap() {
            "completed" => return text_of(&task["result"]).to_owned(),
            "input_required" => {
                let asked = task["inputRequests"].as_object().unwrap();
                let (key, _) = asked.iter().next().unwrap();
                machine.update(&id, json!({key: answer_to(key)}));
            }
            status => assert_eq!(status, "working", "{task}"),
        }
    }
    panic!("it doesn't end when killed every {every}");
}

#[test]
fn a_task_goes_on_wherever_its_instance_was_killed() {
    // `task26.durable`
    let expected = "Ann goes to Rome: true";
    let instances = Instances::new();
    assert_eq!(plain_trip(&instances.start()), expected);
    assert_eq!(modern_trip(&instances, usize::MAX), expected);
    // A run has three steps; an instance that lives for fewer never gets one done.
    for every in 4..20 {
        assert_eq!(modern_trip(&Instances::new(), every), expected, "{every}");
    }
}

#[test]
fn a_task_of_2025_goes_on_wherever_its_instance_was_killed() {
    let expected = "Ann goes to Rome: true";
    for killed_after in 0..4 {
        let instances = Instances::new();
        let mut machine = Machine::legacy(&instances.start(), Some("ann"));
        let id = machine.begin("trip");
        let mut left = killed_after;
        let result = legacy::trip(&mut machine, &id, |machine| {
            if left == 0 {
                instances.kill();
                *machine = Machine::legacy(&instances.start(), Some("ann"));
                machine.get(&id);
            }
            left -= 1;
        });
        assert_eq!(result, expected, "{killed_after}");
    }
}

#[test]
fn what_is_done_once_stays_done_when_the_run_is_lost() {
    let instances = Instances::new();
    let done = Arc::new(AtomicU64::new(0));
    let start = || {
        let done = Arc::clone(&done);
        let act = move |context: &Context, _: Value| {
            let number = context.once("it", || {
                Ok::<_, HandlerError>(done.fetch_add(1, Ordering::SeqCst))
            })?;
            Ok(format!("did it: {number}"))
        };
        Server::new("s", "1")
            .tasks(tasks(instances.store.clone(), &instances.time).lease(LEASE))
            .tool(super::may("act"), act)
    };
    let mut machine = Machine::modern(&start(), None);
    let id = machine.begin("act");
    assert!(
        machine.step() && machine.step(),
        "claimed and run, but not saved"
    );
    instances.kill();
    let mut machine = Machine::modern(&start(), None);
    assert_eq!(machine.get(&id)["status"], "working");
    machine.run();
    assert_eq!(text_of(&machine.get(&id)["result"]), "did it: 0");
    assert_eq!(done.load(Ordering::SeqCst), 1);
}

#[test]
fn a_living_instance_keeps_its_tasks() {
    let instances = Instances::new();
    let mut one = Machine::modern(&instances.start(), None);
    let id = one.begin("may");
    let mut other = Machine::modern(&instances.start(), None);
    assert_eq!(other.get(&id)["status"], "working");
    assert!(other.steps.is_empty(), "it isn't taken over");
    one.run();
    assert_eq!(other.get(&id)["status"], "completed");
}

#[test]
fn signs_of_life_keep_a_long_task_and_hear_of_its_cancellation() {
    let instances = Instances::new();
    let mut one = Machine::modern(&instances.start(), None);
    let id = one.begin("may");
    let keeper = one.steps[0].keeper();
    assert!(keeper.begin() && !keeper.begin());
    assert_eq!(keeper.every(), Some(LEASE / 3));
    let mut other = Machine::modern(&instances.start(), None);
    for _ in 0..10 {
        instances.time.pass(LEASE / 3);
        assert!(super::poll(keeper.keep()));
        other.get(&id);
        assert!(other.steps.is_empty(), "it isn't taken over");
    }
    other.about("tasks/cancel", &id);
    assert!(super::poll(keeper.keep()));
    one.run();
    assert_eq!(other.get(&id)["status"], "cancelled");
    assert!(!super::poll(keeper.keep()), "nothing runs any more");
    assert!(keeper.begin());
}

#[test]
fn a_task_that_kills_every_instance_fails() {
    let instances = Instances::new();
    let mut machine = Machine::modern(&instances.start(), None);
    let id = machine.begin("may");
    for _ in 0..10 {
        // It is about to run.
        machine.step();
        instances.kill();
        machine = Machine::modern(&instances.start(), None);
        machine.get(&id);
    }
    machine.run();
    assert_eq!(machine.get(&id)["status"], "failed");
}

#[test]
fn who_was_slow_does_not_overwrite_who_took_over() {
    let instances = Instances::new();
    let mut slow = Machine::modern(&instances.start(), None);
    let id = slow.begin("trip");
    assert!(slow.step() && slow.step(), "its run isn't saved yet");
    instances.kill();
    let mut other = Machine::modern(&instances.start(), None);
    other.get(&id);
    other.run();
    other.update(&id, json!({"name": answer_to("name")}));
    other.run();
    slow.run();
    let asked = other.get(&id)["inputRequests"].clone();
    assert!(asked.get("place").is_some(), "{asked}");
}
