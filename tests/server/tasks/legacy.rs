//! Tasks as 2025-11-25 has them.

use std::time::Duration;

use mcp_proto::server::{MemoryTasks, Server};
use serde_json::{Value, json};

use super::{Machine, Time, accept, alone, said, server, tasks, text_of};
use support::server::tool;

const RELATED: &str = "io.modelcontextprotocol/related-task";

/// What the server asks the client now: its id, its key's message, and the whole request.
pub fn question(machine: &mut Machine) -> Value {
    let at = machine
        .asked
        .iter()
        .position(|it| it.get("method").is_some());
    machine
        .asked
        .remove(at.expect("something is asked"))
        .unwrap()
}

pub fn reply(machine: &mut Machine, question: &Value, result: &Value) {
    machine.give(&json!({"jsonrpc": "2.0", "id": question["id"], "result": result}));
}

#[test]
fn a_call_that_asks_for_it_is_answered_with_a_task() {
    // `task25.cap`, `task25.create`, `task25.createresult`, `task25.task.shape`, `task25.status.start`,
    // `task25.get`, `task25.ttl`
    let (server, _) = alone();
    let mut machine = Machine::legacy(&server, None);
    let call = json!({"name": "may", "arguments": {}, "task": {"ttl": 60_000}});
    let created = machine.request("tools/call", call);
    let created = created["result"].as_object().unwrap();
    assert_eq!(created.keys().collect::<Vec<_>>(), ["task"]);
    let task = &created["task"];
    let id = task["taskId"].as_str().unwrap().to_owned();
    let expected = json!({"taskId": id, "status": "working", "ttl": 60_000, "pollInterval": 1000,
        "createdAt": "2023-11-14T22:13:20.000Z", "lastUpdatedAt": "2023-11-14T22:13:20.000Z"});
    assert_eq!(*task, expected);
    assert_eq!(machine.get(&id), expected, "the same, flat");
    machine.run();
    let task = machine.get(&id);
    assert_eq!(task["status"], "completed");
    assert!(task.get("result").is_none());
}

#[test]
fn a_server_may_keep_a_task_for_less_than_it_was_asked() {
    // `task25.ttl`, `task25.limits`, `task25.err.unknown`
    let time = Time::default();
    let tasks = tasks(MemoryTasks::new(), &time).longest_ttl(Duration::from_secs(10));
    let server = server(tasks);
    let mut machine = Machine::legacy(&server, None);
    let call = json!({"name": "may", "arguments": {}, "task": {"ttl": 1e15 as u64}});
    let created = machine.request("tools/call", call);
    let task = &created["result"]["task"];
    assert_eq!(task["ttl"], 10_000);
    let id = task["taskId"].as_str().unwrap().to_owned();
    machine.run();
    time.pass(Duration::from_secs(10));
    for method in ["tasks/get", "tasks/result", "tasks/cancel"] {
        assert_eq!(
            machine.about(method, &id)["error"]["code"],
            -32602,
            "{method}"
        );
    }
}

#[test]
fn a_call_as_the_tool_can_not_have_it_is_refused() {
    // `task25.tool.forbidden`, `task25.tool.optional`, `task25.tool.required`, `task25.create.required`
    let (server, _) = alone();
    let mut machine = Machine::legacy(&server, None);
    let call = |name: &str| json!({"name": name, "arguments": {}});
    assert_eq!(machine.call("never")["error"]["code"], -32601);
    let plain = machine.request("tools/call", call("must"));
    assert_eq!(plain["error"]["code"], -32601);
    let plain = machine.request("tools/call", call("may"));
    assert_eq!(text_of(&plain["result"]), "is a task: false");
    let malformed = json!({"name": "may", "arguments": {}, "task": "soon"});
    assert_eq!(
        machine.request("tools/call", malformed)["error"]["code"],
        -32602
    );
    let listed = machine.request("tools/list", json!({}));
    let listed = listed["result"]["tools"].as_array().unwrap();
    let must = listed.iter().find(|tool| tool["name"] == "must").unwrap();
    assert_eq!(must["execution"]["taskSupport"], "required");
}

#[test]
fn a_server_without_tasks_ignores_that_a_call_asks_for_one() {
    // `task25.create.ignore`
    let server = Server::new("s", "1").tool(tool("t"), |_, _: Value| Ok("plain"));
    let mut machine = Machine::modern(&server, None);
    let opening = json!({"jsonrpc": "2.0", "id": "i", "method": "initialize", "params": {
        "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "c", "version": "1"}}});
    machine.give(&opening);
    machine.asked.clear();
    machine.give(&json!({"jsonrpc": "2.0", "id": 7, "method": "tools/call",
        "params": {"name": "t", "arguments": {}, "task": {"ttl": 1}}}));
    let answer = machine.answer(7).unwrap();
    assert_eq!(text_of(&answer["result"]), "plain");
    machine.give(
        &json!({"jsonrpc": "2.0", "id": 8, "method": "tasks/get", "params": {"taskId": "x"}}),
    );
    assert_eq!(machine.answer(8).unwrap()["error"]["code"], -32601);
}

#[test]
fn older_revisions_know_nothing_of_tasks() {
    let (server, _) = alone();
    let mut machine = Machine::modern(&server, None);
    machine.give(&json!({"jsonrpc": "2.0", "id": "i", "method": "initialize", "params": {
        "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "c", "version": "1"}}}));
    let opened = machine.asked.pop_front().unwrap();
    assert!(opened["result"]["capabilities"].get("tasks").is_none());
    machine.give(&json!({"jsonrpc": "2.0", "id": 7, "method": "tools/call",
        "params": {"name": "may", "arguments": {}, "task": {}}}));
    let answer = machine.answer(7).unwrap();
    assert_eq!(text_of(&answer["result"]), "is a task: false");
}

#[test]
fn the_result_is_what_the_call_would_have_been_answered_with() {
    // `task25.result.exact`, `task25.result.meta`, `task25.failed`
    let (server, _) = alone();
    let mut machine = Machine::legacy(&server, None);
    for (name, status) in [
        ("may", "completed"),
        ("fails", "failed"),
        ("breaks", "failed"),
    ] {
        let id = machine.begin(name);
        machine.run();
        assert_eq!(machine.get(&id)["status"], status, "{name}");
        let mut got = machine.about("tasks/result", &id);
        let plain = machine.request("tools/call", json!({"name": name, "arguments": {}}));
        if let Some(result) = got.get_mut("result") {
            assert_eq!(result["_meta"][RELATED], json!({"taskId": id}));
            result.as_object_mut().unwrap().remove("_meta");
        }
        if name == "may" {
            assert_eq!(text_of(&got["result"]), "is a task: true");
        } else {
            assert_eq!(got["result"], plain["result"], "{name}");
            assert_eq!(got["error"], plain["error"], "{name}");
        }
    }
}

#[test]
fn asking_for_the_result_waits_for_it() {
    // `task25.result.block`
    let (server, _) = alone();
    let mut machine = Machine::legacy(&server, None);
    let id = machine.begin("may");
    let waiting = machine.send("tasks/result", json!({"taskId": id}));
    machine.wait(Duration::from_secs(1));
    assert!(machine.answer(waiting).is_none());
    machine.run();
    let due = machine.next_timeout().expect("it looks again");
    assert!(due <= machine.now + Duration::from_secs(1));
    machine.wait(Duration::from_secs(1));
    let answer = machine.answer(waiting).unwrap();
    assert_eq!(text_of(&answer["result"]), "is a task: true");
    assert_eq!(machine.next_timeout(), None);
}

#[test]
fn one_that_waits_for_a_result_may_give_up() {
    let (server, _) = alone();
    let mut machine = Machine::legacy(&server, None);
    let id = machine.begin("may");
    let waiting = machine.send("tasks/result", json!({"taskId": id}));
    machine.give(
        &json!({"jsonrpc": "2.0", "method": "notifications/cancelled",
        "params": {"requestId": waiting}}),
    );
    assert_eq!(machine.next_timeout(), None);
    machine.run();
    machine.wait(Duration::from_secs(1));
    assert!(machine.answer(waiting).is_none());
    assert_eq!(
        machine.get(&id)["status"],
        "completed",
        "the task is none the worse"
    );
}

#[test]
fn a_task_asks_while_its_result_is_awaited() {
    // `task25.input`, `task25.related`, `task25.status.graph`
    let (server, _) = alone();
    let mut machine = Machine::legacy(&server, None);
    let id = machine.begin("trip");
    machine.run();
    assert!(machine.asked.is_empty(), "nothing is asked before");
    assert_eq!(machine.get(&id)["status"], "input_required");
    let waiting = machine.send("tasks/result", json!({"taskId": id}));
    for answer in [
        accept(json!({"name": "Ann"})),
        said("Rome"),
        accept(json!({"yes": true})),
    ] {
        let asked = question(&mut machine);
        assert_eq!(asked["params"]["_meta"][RELATED], json!({"taskId": id}));
        reply(&mut machine, &asked, &answer);
        machine.run();
        machine.wait(Duration::from_secs(2));
    }
    let done = machine.answer(waiting).unwrap();
    assert_eq!(text_of(&done["result"]), "Ann goes to Rome: true");
    assert_eq!(machine.get(&id)["status"], "completed");
}

#[test]
fn a_cancelled_task_stays_cancelled() {
    // `task25.cancel`, `task25.cancel.terminal`
    let (server, _) = alone();
    let mut machine = Machine::legacy(&server, None);
    let id = machine.begin("may");
    assert!(machine.step(), "it runs next");
    let cancelled = machine.about("tasks/cancel", &id);
    assert_eq!(cancelled["result"]["taskId"], json!(id));
    assert_eq!(cancelled["result"]["status"], "cancelled");
    machine.run();
    assert_eq!(machine.get(&id)["status"], "cancelled");
    assert_eq!(machine.about("tasks/cancel", &id)["error"]["code"], -32602);
    let ended = machine.begin("may");
    machine.run();
    assert_eq!(
        machine.about("tasks/cancel", &ended)["error"]["code"],
        -32602
    );
    assert!(machine.about("tasks/result", &id)["error"].is_object());
}

#[test]
fn tasks_are_listed_page_by_page_where_the_server_allows_it() {
    // `task25.list`, `task25.auth`
    let (hidden, time) = alone();
    let mut machine = Machine::legacy(&hidden, None);
    assert_eq!(
        machine.request("tasks/list", json!({}))["error"]["code"],
        -32601
    );
    let listed = server(tasks(MemoryTasks::new(), &time).listed()).page_size(2);
    let mut machine = Machine::legacy(&listed, Some("ann"));
    let mut others = Machine::legacy(&listed, Some("bob"));
    let of_bob = others.begin("may");
    let mut made: Vec<String> = (0..5).map(|_| machine.begin("may")).collect();
    let mut found = Vec::new();
    let mut params = json!({});
    for page in [2, 2, 1] {
        let answer = machine.request("tasks/list", params);
        let tasks = answer["result"]["tasks"].as_array().unwrap();
        assert_eq!(tasks.len(), page);
        found.extend(
            tasks
                .iter()
                .map(|task| task["taskId"].as_str().unwrap().to_owned()),
        );
        params = json!({"cursor": answer["result"]["nextCursor"]});
    }
    assert!(params["cursor"].is_null());
    made.sort();
    assert_eq!(found, made);
    assert!(!found.contains(&of_bob));
    let bad = machine.request("tasks/list", json!({"cursor": "nonsense"}));
    assert_eq!(bad["error"]["code"], -32602);
}

#[test]
fn a_task_of_one_revision_is_found_by_clients_of_the_other() {
    // `task26.compat`
    let (server, _) = alone();
    let mut legacy = Machine::legacy(&server, None);
    let mut modern = Machine::modern(&server, None);
    let id = legacy.begin("may");
    legacy.run();
    assert_eq!(modern.get(&id)["ttlMs"], 3_600_000);
    assert_eq!(modern.get(&id)["status"], "completed");
    let id = modern.begin("may");
    assert_eq!(
        legacy.about("tasks/cancel", &id)["result"]["status"],
        "cancelled"
    );
}
