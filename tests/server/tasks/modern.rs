//! Tasks as the extension of 2026-07-28 has them.

use std::time::Duration;

use mcp_proto::server::{DefinitionError, Event, MemoryTasks, Server};
use serde_json::{Value, json};

use super::{Machine, TASKS, Time, accept, alone, said, server, tasks, text_of};
use support::server::tool;

#[test]
fn the_extension_is_declared_and_the_capability_of_2025_is_not() {
    // `task26.id`, `ext.optin`
    let (with, _) = alone();
    let mut machine = Machine::modern(&with, None);
    let found = machine.request("server/discover", json!({}));
    let capabilities = &found["result"]["capabilities"];
    assert_eq!(capabilities["extensions"][TASKS], json!({}));
    assert!(capabilities.get("tasks").is_none(), "{capabilities}");
    let mut without = Machine::modern(
        &Server::new("s", "1").tool(tool("t"), |_, _: Value| Ok("")),
        None,
    );
    let found = without.request("server/discover", json!({}));
    let capabilities = &found["result"]["capabilities"];
    assert!(capabilities.get("extensions").is_none(), "{capabilities}");
}

#[test]
fn a_call_is_answered_with_a_task_that_is_found_at_once() {
    // `task26.create.shape`, `task26.durable`, `task26.get`, `task26.rt.only`
    let (server, _) = alone();
    let mut machine = Machine::modern(&server, None);
    let created = machine.call("may");
    let created = created["result"].as_object().unwrap();
    assert_eq!(created["resultType"], "task");
    assert_eq!(created["status"], "working");
    assert_eq!(created["createdAt"], "2023-11-14T22:13:20.000Z");
    assert_eq!(created["lastUpdatedAt"], created["createdAt"]);
    assert_eq!(created["ttlMs"], 3_600_000);
    assert_eq!(created["pollIntervalMs"], 1000);
    for forbidden in ["task", "ttl", "pollInterval", "requestState", "result"] {
        assert!(!created.contains_key(forbidden), "{forbidden}");
    }
    let id = created["taskId"].as_str().unwrap().to_owned();
    let task = machine.get(&id);
    assert_eq!(task["resultType"], "complete");
    assert_eq!(
        (&task["taskId"], &task["status"]),
        (&json!(id), &json!("working"))
    );
    machine.run();
    let task = machine.get(&id);
    assert_eq!(task["resultType"], "complete");
    assert_eq!(task["status"], "completed");
    assert_eq!(text_of(&task["result"]), "is a task: true");
    assert!(task["result"]["_meta"].is_null());
}

#[test]
fn progress_and_log_messages_of_a_task_go_nowhere() {
    // `task26.notif.none`, `progress.exttasks`
    let (server, _) = alone();
    let mut machine = Machine::modern(&server, None);
    let meta = json!({"progressToken": "p", "io.modelcontextprotocol/logLevel": "debug"});
    let params = json!({"name": "may", "arguments": {}, "_meta": meta});
    let mut plain = Machine::modern(&server, None).without_extension();
    plain.send("tools/call", params.clone());
    let methods = plain.asked.iter().filter_map(|it| it["method"].as_str());
    assert_eq!(
        methods.collect::<Vec<_>>(),
        ["notifications/progress", "notifications/message"],
        "a plain call tells of both"
    );
    let created = machine.request("tools/call", params);
    let id = created["result"]["taskId"].as_str().unwrap();
    machine.run();
    assert_eq!(machine.get(id)["status"], "completed");
    assert!(machine.asked.is_empty(), "{:?}", machine.asked);
}

#[test]
fn a_client_that_does_not_declare_the_extension_gets_results_and_refusals() {
    // `task26.gate`, `task26.required`, `task26.err`, `ext.mismatch`
    let (server, _) = alone();
    let mut knowing = Machine::modern(&server, None);
    let id = knowing.begin("may");
    let mut machine = Machine::modern(&server, None).without_extension();
    let plain = machine.call("may");
    assert_eq!(text_of(&plain["result"]), "is a task: false");
    assert_eq!(plain["result"]["resultType"], "complete");
    let needed = json!({"requiredCapabilities": {"extensions": {TASKS: {}}}});
    let refused = machine.call("must");
    assert_eq!(refused["error"]["code"], -32021);
    assert_eq!(refused["error"]["data"], needed);
    // Whether there is such a task isn't told.
    for id in [&*id, "nobody's"] {
        for method in ["tasks/get", "tasks/cancel"] {
            let refused = machine.about(method, id);
            assert_eq!(refused["error"]["code"], -32021, "{method}");
            assert_eq!(refused["error"]["data"], needed);
        }
        let refused = machine.update(id, json!({}));
        assert_eq!(refused["error"]["code"], -32021);
    }
    let filter = json!({"notifications": {"taskIds": [id]}});
    // `task26.notif.cap`
    let refused = machine.request("subscriptions/listen", filter);
    assert_eq!(refused["error"]["code"], -32021);
}

#[test]
fn the_server_alone_decides_whether_a_call_is_a_task() {
    // `task26.server.decides`
    let (server, _) = alone();
    let mut machine = Machine::modern(&server, None);
    for task in [json!({"ttl": 1}), json!("nonsense")] {
        let params = json!({"name": "never", "arguments": {}, "task": task});
        let plain = machine.request("tools/call", params);
        assert_eq!(text_of(&plain["result"]), "done at once");
    }
    assert!(machine.call("must")["result"]["taskId"].is_string());
}

#[test]
fn the_methods_that_are_gone_are_unknown() {
    // `task26.removed`
    let (server, _) = alone();
    let mut machine = Machine::modern(&server, None);
    let id = machine.begin("may");
    for method in ["tasks/result", "tasks/list"] {
        let refused = machine.about(method, &id);
        assert_eq!(refused["error"]["code"], -32601, "{method}");
    }
}

#[test]
fn a_failed_tool_has_completed_and_an_error_has_failed() {
    // `task26.failed`
    let (server, _) = alone();
    let mut machine = Machine::modern(&server, None);
    let (fails, breaks) = (machine.begin("fails"), machine.begin("breaks"));
    machine.run();
    let task = machine.get(&fails);
    assert_eq!(task["status"], "completed");
    assert_eq!(task["result"]["isError"], true);
    assert!(task.get("error").is_none());
    let task = machine.get(&breaks);
    assert_eq!(task["status"], "failed");
    let error = json!({"code": 4711, "message": "broken", "data": {"part": "axle"}});
    assert_eq!(task["error"], error);
    assert!(task.get("result").is_none());
}

#[test]
fn a_task_asks_for_input_and_goes_on_with_it() {
    // `task26.get`, `task26.update`, `task26.keys`
    let (server, _) = alone();
    let mut machine = Machine::modern(&server, None);
    let id = machine.begin("trip");
    machine.run();
    let mut seen = Vec::new();
    for (key, method, answer) in [
        ("name", "elicitation/create", accept(json!({"name": "Ann"}))),
        ("place", "sampling/createMessage", said("Rome")),
        ("sure", "elicitation/create", accept(json!({"yes": true}))),
    ] {
        let task = machine.get(&id);
        assert_eq!(task["status"], "input_required");
        let asked = task["inputRequests"].as_object().unwrap();
        assert_eq!(asked.len(), 1);
        assert_eq!(asked[key]["method"], method);
        assert!(!seen.contains(&key), "{key} is asked once");
        seen.push(key);
        let updated = machine.update(&id, json!({key: answer}));
        assert_eq!(updated["result"]["resultType"], "complete");
        assert!(updated["result"].get("status").is_none());
        assert!(machine.get(&id).get("inputRequests").is_none());
        machine.run();
    }
    let task = machine.get(&id);
    assert_eq!(text_of(&task["result"]), "Ann goes to Rome: true");
}

#[test]
fn what_is_asked_at_once_may_be_answered_in_parts() {
    // `task26.update.partial`
    let (server, _) = alone();
    let mut machine = Machine::modern(&server, None);
    let id = machine.begin("both");
    machine.run();
    assert_eq!(
        machine.get(&id)["inputRequests"].as_object().unwrap().len(),
        2
    );
    machine.update(&id, json!({"other": accept(json!({"yes": false}))}));
    assert!(machine.steps.is_empty());
    let task = machine.get(&id);
    assert_eq!(task["status"], "input_required");
    let asked: Vec<&String> = task["inputRequests"].as_object().unwrap().keys().collect();
    assert_eq!(asked, ["one"]);
    machine.update(&id, json!({"one": accept(json!({"yes": true}))}));
    machine.run();
    assert_eq!(text_of(&machine.get(&id)["result"]), "true false");
}

#[test]
fn a_handler_may_ask_in_rounds_before_its_call_becomes_a_task() {
    // `task26.mrtr.first`
    let (server, _) = alone();
    let mut machine = Machine::modern(&server, None);
    let asked = machine.call("late");
    let asked = &asked["result"];
    assert_eq!(asked["resultType"], "input_required");
    assert!(asked.get("taskId").is_none());
    let mut params = json!({"name": "late", "arguments": {},
        "inputResponses": {"first": accept(json!({"yes": true}))}});
    if let Some(state) = asked.get("requestState") {
        params["requestState"] = state.clone();
    }
    let created = machine.request("tools/call", params);
    let created = &created["result"];
    assert_eq!(created["resultType"], "task");
    assert!(created.get("requestState").is_none() && created.get("inputRequests").is_none());
    let id = created["taskId"].as_str().unwrap().to_owned();
    machine.run();
    let task = machine.get(&id);
    let asked: Vec<&String> = task["inputRequests"].as_object().unwrap().keys().collect();
    assert_eq!(asked, ["second"]);
    machine.update(&id, json!({"second": accept(json!({"yes": false}))}));
    machine.run();
    assert_eq!(text_of(&machine.get(&id)["result"]), "true false");
}

#[test]
fn cancelling_is_acknowledged_whether_or_not_the_task_has_ended() {
    // `task26.cancel`
    let (server, _) = alone();
    let mut machine = Machine::modern(&server, None);
    let ended = machine.begin("may");
    machine.run();
    let running = machine.begin("trip");
    assert_ne!(running, ended);
    for id in [&running, &ended, &running] {
        let cancelled = machine.about("tasks/cancel", id);
        let cancelled = cancelled["result"].as_object().unwrap();
        assert_eq!(cancelled["resultType"], "complete");
        for forbidden in ["taskId", "status", "result", "error", "inputRequests"] {
            assert!(!cancelled.contains_key(forbidden), "{forbidden}");
        }
    }
    machine.run();
    assert_eq!(machine.get(&running)["status"], "cancelled");
}

#[test]
fn a_task_expires_with_its_time_to_live() {
    // `task26.ttl`, `task26.err`
    let time = Time::default();
    let tasks = tasks(MemoryTasks::new(), &time).ttl(Duration::from_secs(60));
    let server = server(tasks);
    let mut machine = Machine::modern(&server, None);
    let id = machine.begin("may");
    time.pass(Duration::from_millis(59_999));
    assert_eq!(machine.get(&id)["ttlMs"], 60_000);
    time.pass(Duration::from_millis(1));
    for method in ["tasks/get", "tasks/cancel"] {
        let unknown = machine.about(method, &id);
        assert_eq!(unknown["error"]["code"], -32602, "{method}");
    }
    assert_eq!(machine.update(&id, json!({}))["error"]["code"], -32602);
}

#[test]
fn a_server_without_tasks_can_not_have_a_tool_that_needs_them() {
    use mcp_proto::model::tool::TaskSupport;
    let must = || tool("must").task_support(TaskSupport::Required);
    let server = Server::new("s", "1").tool(must(), |_, _: Value| Ok(""));
    let error = DefinitionError::NoTasks {
        tool: "must".into(),
    };
    assert_eq!(server.check(), Err(error.clone()));
    let with = server.tasks(tasks(MemoryTasks::new(), &Time::default()));
    assert_eq!(with.check(), Ok(()));
    // Nobody runs a task where nothing outlives a request.
    let stateless = with.unsealed_state().stateless();
    assert_eq!(stateless.map(drop), Err(error));
}

#[test]
fn a_handler_that_panics_fails_its_task() {
    // `task26.failed`
    let (server, _) = alone();
    let mut machine = Machine::modern(&server, None);
    let id = machine.begin("panics");
    assert!(machine.step());
    let step = machine.steps.pop_front().unwrap();
    let ticket = step.ticket();
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| super::start(step)));
    assert!(panicked.is_err());
    machine.steps.extend(ticket.panicked());
    machine.run();
    let task = machine.get(&id);
    assert_eq!(task["status"], "failed");
    assert_eq!(task["error"]["code"], -32603);
}

#[test]
fn a_task_that_was_made_for_nobody_does_not_run() {
    let (server, _) = alone();
    let mut service = server.service();
    let mut frame = support::server::call_frame(1, "may", json!({}));
    let capabilities = &mut frame["params"]["_meta"]["io.modelcontextprotocol/clientCapabilities"];
    capabilities["extensions"] = json!({TASKS: {}});
    use mcp_proto::session::{Closed, Route, Session};
    let now = mcp_proto::Instant::from_millis(1);
    service.handle_frame(now, Route::Pipe, frame.to_string().into());
    let Some(Event::Job(job)) = service.poll_event() else {
        panic!("no job")
    };
    let outcome = job.run();
    service.handle_closed(now, Route::Pipe, Closed::EndOfInput);
    assert!(!service.handle_outcome(now, outcome));
    let mut steps = Vec::new();
    while let Some(event) = service.poll_event() {
        if let Event::Task(step) = event {
            steps.push(step);
        }
    }
    let [step] = <[_; 1]>::try_from(steps).unwrap();
    assert!(super::start(*step).is_none(), "it is cancelled, not run");
}

/// What a plain call with the same answers gives.
pub fn plain_trip(server: &Server) -> Value {
    let mut machine = Machine::modern(server, None).without_extension();
    let mut params = json!({"name": "trip", "arguments": {}});
    let answers = [
        ("name", accept(json!({"name": "Ann"}))),
        ("place", said("Rome")),
        ("sure", accept(json!({"yes": true}))),
    ];
    for (key, answer) in answers {
        let asked = machine.request("tools/call", params.clone());
        assert_eq!(asked["result"]["resultType"], "input_required");
        params["inputResponses"] = json!({key: answer});
        params["requestState"] = asked["result"]["requestState"].clone();
        if params["requestState"].is_null() {
            params.as_object_mut().unwrap().remove("requestState");
        }
    }
    machine.request("tools/call", params)["result"].take()
}
