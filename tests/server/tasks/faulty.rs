//! Stores that fail or panic at any of their calls: every request is answered all the same, nobody is told
//! why, and the task ends as it would have once the store is well again.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use mcp_proto::server::{
    MemoryTasks, StoredTask, TaskFuture, TaskKey, TaskStep, TaskStore, TaskStoreError,
};
use serde_json::{Value, json};

use super::{Machine, Time, accept, said, server, tasks, text_of};

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Fault {
    Fails,
    Panics,
    /// What was asked for is done, and then it fails: nobody knows.
    FailsAfter,
}

/// A store whose calls go wrong for a while.
#[derive(Clone)]
pub struct Faulty {
    inner: MemoryTasks,
    fault: Fault,
    calls: Arc<AtomicUsize>,
    from: Arc<AtomicUsize>,
    until: Arc<AtomicUsize>,
}

impl Faulty {
    pub fn new(fault: Fault) -> Self {
        Self {
            inner: MemoryTasks::new(),
            fault,
            calls: Arc::default(),
            from: Arc::new(AtomicUsize::new(usize::MAX)),
            until: Arc::new(AtomicUsize::new(usize::MAX)),
        }
    }

    /// Has every call go wrong from this number on.
    pub fn fail_from(&self, call: usize) {
        self.from.store(call, Ordering::SeqCst);
    }

    /// Has the call of this number go wrong alone.
    fn fail_at(&self, call: usize) {
        self.until.store(call + 1, Ordering::SeqCst);
        self.fail_from(call);
    }

    pub fn heal(&self) {
        self.fail_from(usize::MAX);
    }

    fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }

    /// Does what is asked for, or doesn't.
    fn or<'a, T: Send + 'a>(&'a self, act: TaskFuture<'a, T>) -> TaskFuture<'a, T> {
        let call = self.calls.fetch_add(1, Ordering::SeqCst);
        let from = self.from.load(Ordering::SeqCst);
        let is_bad = (from..self.until.load(Ordering::SeqCst)).contains(&call);
        let failed = || TaskStoreError::new("the password swordfish is wrong");
        Box::pin(async move {
            match (is_bad, self.fault) {
                (false, _) => act.await,
                (true, Fault::Fails) => Err(failed()),
                (true, Fault::FailsAfter) => act.await.and(Err(failed())),
                (true, Fault::Panics) => panic!("on purpose"),
            }
        })
    }
}

impl TaskStore for Faulty {
    fn create<'a>(
        &'a self,
        key: TaskKey<'a>,
        value: Bytes,
        expires: Option<u64>,
    ) -> TaskFuture<'a, Option<u64>> {
        self.or(self.inner.create(key, value, expires))
    }

    fn load<'a>(&'a self, key: TaskKey<'a>) -> TaskFuture<'a, Option<StoredTask>> {
        self.or(self.inner.load(key))
    }

    fn save<'a>(
        &'a self,
        key: TaskKey<'a>,
        value: Bytes,
        expected: u64,
        expires: Option<u64>,
    ) -> TaskFuture<'a, Option<u64>> {
        self.or(self.inner.save(key, value, expected, expires))
    }

    fn list<'a>(
        &'a self,
        owner: &'a str,
        after: Option<&'a str>,
        most: usize,
    ) -> TaskFuture<'a, Vec<Box<str>>> {
        self.or(self.inner.list(owner, after, most))
    }

    fn remove_expired(&self, now: u64) -> TaskFuture<'_, ()> {
        self.or(self.inner.remove_expired(now))
    }
}

/// Takes all steps there are, as the adapters do where one panics.
fn run(machine: &mut Machine) {
    while let Some(step) = machine.steps.pop_front() {
        let ticket = step.ticket();
        let taken = catch_unwind(AssertUnwindSafe(|| super::start(step)));
        let next: Option<TaskStep> = match taken {
            Ok(next) => next,
            Err(_) => ticket.panicked(),
        };
        machine.steps.extend(next);
    }
}

/// The result of an answer; `None` if the store has failed, which is all that may be told.
fn result(answer: &Value) -> Option<&Value> {
    let told = answer.to_string();
    assert!(
        !told.contains("swordfish") && !told.contains("purpose"),
        "{told}"
    );
    if let Some(error) = answer.get("error") {
        assert_eq!(error["code"], -32603, "{error}");
    }
    answer.get("result")
}

/// A trip during which one call to the store goes wrong; how many calls there were, and its text.
fn trip(fault: Fault, at: usize) -> (usize, String) {
    let store = Faulty::new(fault);
    let time = Time::default();
    let lease = Duration::from_secs(6);
    let server = server(tasks(store.clone(), &time).lease(lease));
    let mut machine = Machine::modern(&server, Some("ann"));
    store.fail_at(at);
    let mut id = None;
    for _ in 0..100 {
        run(&mut machine);
        let Some(known) = &id else {
            let created = machine.call("trip");
            id = result(&created).map(|it| it["taskId"].as_str().unwrap().to_owned());
            continue;
        };
        let answer = machine.about("tasks/get", known);
        let Some(task) = result(&answer) else {
            continue;
        };
        match task["status"].as_str().unwrap() {
            "completed" => return (store.calls(), text_of(&task["result"]).to_owned()),
            "input_required" => {
                let asked = task["inputRequests"].as_object().unwrap();
                let (key, _) = asked.iter().next().unwrap();
                let answer = match key.as_str() {
                    "name" => accept(json!({"name": "Ann"})),
                    "place" => said("Rome"),
                    _ => accept(json!({"yes": true})),
                };
                let known = known.clone();
                result(&machine.update(&known, json!({key: answer})));
            }
            "working" => time.pass(lease),
            // A step that panics fails its task, and so does one that can't be kept.
            "failed" => return (store.calls(), "failed".to_owned()),
            status => panic!("{status}"),
        }
    }
    panic!("it doesn't end: {fault:?} at {at}");
}

#[test]
fn a_store_that_fails_once_at_any_call_costs_no_task() {
    // In a plain run each call goes wrong in one way, and in a thorough one in each.
    let ways = support::amount(3, 1);
    let faults = [Fault::Fails, Fault::FailsAfter, Fault::Panics];
    for (nth, fault) in faults.into_iter().enumerate() {
        let (calls, text) = trip(fault, usize::MAX - 1);
        assert_eq!(text, "Ann goes to Rome: true");
        for at in (nth % ways..calls).step_by(ways) {
            let (_, text) = trip(fault, at);
            let may_fail = text == "failed";
            assert!(
                may_fail || text == "Ann goes to Rome: true",
                "{fault:?} at {at}: {text}"
            );
        }
    }
}

#[test]
fn a_store_that_is_down_refuses_every_request_and_nothing_else() {
    for fault in [Fault::Fails, Fault::Panics] {
        for open in [Machine::modern, Machine::legacy] {
            let store = Faulty::new(fault);
            let server = server(tasks(store.clone(), &Time::default()).listed());
            let mut machine = open(&server, Some("ann"));
            let id = machine.begin("may");
            store.fail_from(0);
            for answer in [
                machine.call("may"),
                machine.about("tasks/get", &id),
                machine.about("tasks/cancel", &id),
            ] {
                assert_eq!(result(&answer), None, "{answer}");
            }
            run(&mut machine);
            let plain = machine.request("tools/list", json!({}));
            assert!(plain["result"]["tools"].is_array());
            let never = machine.request("tools/call", json!({"name": "never", "arguments": {}}));
            assert_eq!(text_of(&never["result"]), "done at once");
        }
    }
    let store = Faulty::new(Fault::Fails);
    let server = server(tasks(store.clone(), &Time::default()).listed());
    let mut machine = Machine::legacy(&server, Some("ann"));
    let id = machine.begin("may");
    store.fail_from(0);
    for answer in [
        machine.request("tasks/list", json!({})),
        machine.about("tasks/result", &id),
    ] {
        assert_eq!(result(&answer), None, "{answer}");
    }
    let mut modern = Machine::modern(&server, Some("ann"));
    assert_eq!(result(&modern.update(&id, json!({"x": {}}))), None);
}
