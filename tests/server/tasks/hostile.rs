//! Clients that want what isn't theirs, answer what nobody asked, or make more than there is room for.

use mcp_proto::server::{MemoryTasks, Server};
use serde_json::{Value, json};

use super::{Machine, Time, accept, alone, server, tasks, text_of};

type Open = fn(&Server, Option<&str>) -> Machine;

const BOTH: [Open; 2] = [Machine::modern, Machine::legacy];

#[test]
fn a_foreign_task_is_an_unknown_one() {
    // CVE-2026-52870; `task25.auth`, `task26.id.entropy`, `task25.err.unknown`, `task26.err`
    let (server, _) = alone();
    for open in BOTH {
        let id = open(&server, Some("ann")).begin("may");
        let unknown = "0123456789abcdef0123456789abcdef";
        for mut other in [open(&server, Some("bob")), open(&server, None)] {
            for method in ["tasks/get", "tasks/cancel"] {
                let foreign = other.about(method, &id);
                let mut guessed = other.about(method, unknown);
                assert_eq!(foreign["error"]["code"], -32602, "{method}");
                let told = guessed["error"]["message"].as_str().unwrap();
                guessed["error"]["message"] = json!(told.replace(unknown, &id));
                assert_eq!(
                    foreign["error"], guessed["error"],
                    "they can't be told apart"
                );
            }
        }
        let mut bob = Machine::modern(&server, Some("bob"));
        assert_eq!(bob.update(&id, json!({}))["error"]["code"], -32602);
        let mut bob = Machine::legacy(&server, Some("bob"));
        assert_eq!(bob.about("tasks/result", &id)["error"]["code"], -32602);
        assert_eq!(open(&server, Some("ann")).get(&id)["status"], "working");
    }
}

#[test]
fn what_looks_like_the_key_of_another_kind_is_unknown() {
    // `task26.err`
    let (server, _) = alone();
    for open in BOTH {
        let mut machine = open(&server, None);
        let id = machine.begin("may");
        let long = "a".repeat(1 << 11);
        for guess in [
            "",
            "instances",
            "../x",
            &id[1..],
            &id.to_uppercase(),
            &long,
            "0\u{0}",
        ] {
            if *guess == *id {
                continue;
            }
            let refused = machine.about("tasks/get", guess);
            assert_eq!(refused["error"]["code"], -32602, "{guess}");
        }
        for params in [json!({}), json!({"taskId": 7}), json!({"taskId": null})] {
            let refused = machine.request("tasks/get", params);
            assert_eq!(refused["error"]["code"], -32602);
        }
    }
}

#[test]
fn answers_to_what_nobody_has_asked_change_nothing() {
    // `task26.update.unknownkeys`
    let (server, _) = alone();
    let mut machine = Machine::modern(&server, None);
    let id = machine.begin("both");
    let early = machine.update(&id, json!({"one": accept(json!({"yes": true}))}));
    assert_eq!(early["result"]["resultType"], "complete");
    machine.run();
    let before = machine.get(&id);
    let unknown: serde_json::Map<String, Value> = (0..10_000)
        .map(|n| (format!("unknown-{n}"), json!({"ignored": true})))
        .collect();
    let updated = machine.update(&id, Value::Object(unknown));
    assert_eq!(updated["result"]["resultType"], "complete");
    assert_eq!(machine.get(&id), before);
    let refused = machine.update(&id, json!("nonsense"));
    assert_eq!(refused["error"]["code"], -32602);
}

#[test]
fn an_answer_counts_once() {
    // `task26.keys`
    let (server, _) = alone();
    let mut machine = Machine::modern(&server, None);
    let id = machine.begin("both");
    machine.run();
    for yes in [true, false] {
        machine.update(&id, json!({"one": accept(json!({"yes": yes}))}));
    }
    machine.update(&id, json!({"other": accept(json!({"yes": true}))}));
    machine.update(&id, json!({"other": accept(json!({"yes": false}))}));
    machine.run();
    machine.update(&id, json!({"one": accept(json!({"yes": false}))}));
    assert!(machine.steps.is_empty());
    assert_eq!(text_of(&machine.get(&id)["result"]), "true true");
}

#[test]
fn an_answer_that_does_not_fit_is_refused_and_may_come_again() {
    // `task26.trust`, `mrtr.server.validate`
    let (server, _) = alone();
    let mut machine = Machine::modern(&server, None);
    let id = machine.begin("both");
    machine.run();
    let before = machine.get(&id);
    for bad in [
        json!(7),
        json!({"action": 1}),
        accept(json!({"yes": "maybe"})),
        accept(json!({})),
    ] {
        let good = accept(json!({"yes": true}));
        let refused = machine.update(&id, json!({"one": bad, "other": good}));
        assert_eq!(refused["error"]["code"], -32602, "{bad}");
        assert_eq!(machine.get(&id), before, "not even in part");
    }
    machine.update(
        &id,
        json!({"one": {"action": "decline"}, "other": accept(json!({"yes": true}))}),
    );
    machine.run();
    assert_eq!(machine.get(&id)["result"]["isError"], true);
}

#[test]
fn a_flood_of_tasks_is_refused_at_its_bound() {
    // `task25.limits`
    for open in BOTH {
        let time = Time::default();
        let store = MemoryTasks::new().most(20).per_principal(5);
        let server = server(tasks(store.clone(), &time));
        for name in ["ann", "bob", "cid"] {
            let mut machine = open(&server, Some(name));
            for _ in 0..5 {
                machine.begin("may");
            }
            assert_eq!(
                machine.call("may")["error"]["code"],
                -32603,
                "{name} has enough"
            );
        }
        // One is the instance's own.
        let mut last = open(&server, Some("dan"));
        (0..4).for_each(|_| drop(last.begin("may")));
        assert_eq!(
            last.call("may")["error"]["code"],
            -32603,
            "there are enough"
        );
        assert_eq!(store.usage().0, 20);
        time.pass(std::time::Duration::from_secs(3600));
        last.begin("may");
        assert!(store.usage().0 <= 2, "what has expired makes room");
    }
}

#[test]
fn a_task_that_is_too_large_is_refused_or_fails() {
    for open in BOTH {
        let time = Time::default();
        let store = MemoryTasks::new();
        let server = server(tasks(store, &time).record(4096));
        let server = server.tool(super::may("large"), |_, _: Value| Ok("x".repeat(8192)));
        let mut machine = open(&server, None);
        let id = machine.begin("large");
        machine.run();
        assert_eq!(machine.get(&id)["status"], "failed");
        let arguments = json!({"name": "may", "task": {}, "arguments": {"x": "x".repeat(8192)}});
        let refused = machine.request("tools/call", arguments);
        assert_eq!(refused["error"]["code"], -32603);
    }
}

#[test]
fn ids_are_not_given_out_twice() {
    // `task25.id`, `task26.id.entropy`
    let (server, _) = alone();
    let mut machine = Machine::modern(&server, None);
    let mut ids: Vec<String> = (0..100).map(|_| machine.begin("may")).collect();
    assert!(ids.iter().all(|id| id.len() == 32), "128 bits each");
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 100);
}
