//! Tasks in both of their forms: what is read, and what each revision is written.

use mcp_proto::Revision;
use mcp_proto::model::capability::{ServerCapabilities, TasksCapability};
use mcp_proto::model::encode::encode_value;
use mcp_proto::model::input::{InputRequests, InputResponses};
use mcp_proto::model::method::{ClientCapability, ServerCapability, SpecMethod};
use mcp_proto::model::object::Object;
use mcp_proto::model::task::{
    CancelTaskResult, CreateTaskResult, ListTasksResult, TASKS_EXTENSION, Task, TaskMetadata,
    TaskParams, TaskStatus, UpdateTaskParams,
};
use mcp_proto::rpc::RpcError;

use crate::round_trip::{refused, survives};
use support::wire::schema;

const OLD: Revision = Revision::V2025_11_25;
const NEW: Revision = Revision::V2026_07_28;

const NOW: &str = "2026-01-02T03:04:05Z";

fn written<T: serde::Serialize>(revision: Revision, value: &T) -> serde_json::Value {
    let mut out = Vec::new();
    encode_value(&mut out, revision, value).unwrap();
    serde_json::from_slice(&out).unwrap()
}

fn task() -> Task<'static> {
    Task::new("t1", TaskStatus::Working, NOW, NOW, 60_000)
        .poll_interval_ms(500)
        .status_message("Halfway")
}

#[test]
fn a_task_is_read_by_the_names_of_either_revision() {
    // `task25.task.shape`, `task25.get`, `task26.get`
    let old = r#"{"taskId":"t1","status":"working","statusMessage":"Halfway","createdAt":"2026-01-02T03:04:05Z","lastUpdatedAt":"2026-01-02T03:04:05Z","ttl":60000,"pollInterval":500}"#;
    let new = old
        .replace("\"ttl\"", "\"ttlMs\"")
        .replace("\"pollInterval\"", "\"pollIntervalMs\"");
    assert_eq!(serde_json::from_str::<Task<'_>>(old).unwrap(), task());
    assert_eq!(survives::<Task<'_>>(&new), task());
    let endless = old.replace("60000", "null");
    assert_eq!(
        serde_json::from_str::<Task<'_>>(&endless).unwrap().ttl_ms,
        None
    );
    let twice = old.replace("\"pollInterval\":500", "\"ttlMs\":5");
    assert!(refused::<Task<'_>>(&twice).contains("duplicate"));
}

#[test]
fn each_revision_is_written_the_names_that_it_has() {
    // `task25.task.shape`, `task26.create.shape`
    let detailed = task()
        .input_requests(InputRequests::new().roots("r"))
        .error(RpcError::internal("x"));
    let old = written(OLD, &detailed);
    assert_eq!(
        old,
        serde_json::json!({
            "taskId": "t1", "status": "working", "statusMessage": "Halfway",
            "createdAt": NOW, "lastUpdatedAt": NOW, "ttl": 60_000, "pollInterval": 500,
        })
    );
    let new = written(NEW, &detailed);
    assert_eq!(new["ttlMs"], 60_000);
    assert_eq!(new["pollIntervalMs"], 500);
    assert_eq!(new["inputRequests"]["r"]["method"], "roots/list");
    assert!(new.get("ttl").is_none() && new.get("pollInterval").is_none());
    for (revision, key) in [(OLD, "ttl"), (NEW, "ttlMs")] {
        let endless = Task::new("t", TaskStatus::Working, NOW, NOW, None);
        let endless = written(revision, &endless);
        assert_eq!(endless.get(key), Some(&serde_json::Value::Null));
    }
}

#[test]
fn a_new_task_is_nested_in_one_revision_and_flat_in_the_other() {
    // `task25.createresult`, `task26.create.shape`
    let created = CreateTaskResult::new(task());
    let old = written(OLD, &created);
    assert_eq!(old, serde_json::json!({"task": written(OLD, &task())}));
    let new = written(NEW, &created);
    assert_eq!(new["resultType"], "task");
    assert_eq!(new["taskId"], "t1");
    assert!(new.get("task").is_none());
    for (revision, text) in [(OLD, old.to_string()), (NEW, new.to_string())] {
        schema::of(revision)
            .check("CreateTaskResult", &written(revision, &created))
            .unwrap_or_else(|mismatch| panic!("{revision}: {mismatch:?}"));
        let read: CreateTaskResult<'_> = serde_json::from_str(&text).unwrap();
        assert_eq!(read, created);
    }
    let with_meta = r#"{"task":{"taskId":"t","status":"new","createdAt":"","lastUpdatedAt":"","ttl":null},"_meta":{"io.modelcontextprotocol/model-immediate-response":"Soon"}}"#;
    // `task25.immediate`
    let read: CreateTaskResult<'_> = serde_json::from_str(with_meta).unwrap();
    assert_eq!(read.task.status, TaskStatus::from("new"));
    assert!(read.meta.as_ref().is_some_and(|meta| !meta.is_empty()));
    assert_eq!(
        written(OLD, &read),
        serde_json::from_str::<serde_json::Value>(with_meta).unwrap()
    );
    assert!(refused::<CreateTaskResult<'_>>(r#"{"task":null}"#).contains("taskId"));
    refused::<CreateTaskResult<'_>>(r#"{"task":[]}"#);
    refused::<CreateTaskResult<'_>>("[]");
}

#[test]
fn what_is_written_is_what_the_schemas_say() {
    // `task25.list`, `task25.cancel`, `task26.cancel`
    let fits = |revision, definition: &str, value: serde_json::Value| {
        let checked = schema::of(revision).check(definition, &value);
        checked.unwrap_or_else(|mismatch| panic!("{definition} of {revision}: {mismatch:?}"));
    };
    fits(OLD, "Task", written(OLD, &task()));
    fits(OLD, "GetTaskResult", written(OLD, &task()));
    fits(
        OLD,
        "ListTasksResult",
        written(OLD, &ListTasksResult::new(vec![task()])),
    );
    let mut cancelled = task();
    cancelled.status = TaskStatus::Cancelled;
    let cancelled = CancelTaskResult::cancelled(cancelled);
    fits(OLD, "CancelTaskResult", written(OLD, &cancelled));
    fits(
        OLD,
        "TaskMetadata",
        written(OLD, &TaskMetadata::new().ttl(5)),
    );
    assert_eq!(
        written(NEW, &CancelTaskResult::new()),
        serde_json::json!({})
    );
}

#[test]
fn the_answers_to_a_cancel_are_told_apart() {
    let empty: CancelTaskResult<'_> = survives(r#"{"_meta":{"a":1}}"#);
    assert!(empty.task.is_none());
    let full: CancelTaskResult<'_> = survives(
        r#"{"taskId":"t","status":"cancelled","createdAt":"","lastUpdatedAt":"","ttlMs":null,"_meta":{"a":1}}"#,
    );
    assert_eq!(full.task.unwrap().status, TaskStatus::Cancelled);
    refused::<CancelTaskResult<'_>>(r#"{"taskId":"t"}"#);
    refused::<CancelTaskResult<'_>>("1");
}

#[test]
fn the_parameters_name_their_task() {
    // `task25.get`, `task26.update`
    survives::<TaskParams<'_>>(r#"{"taskId":"t"}"#);
    survives::<UpdateTaskParams<'_>>(
        r#"{"taskId":"t","inputResponses":{"k":{"action":"accept"}}}"#,
    );
    refused::<TaskParams<'_>>("{}");
    refused::<TaskParams<'_>>(r#"{"taskId":1}"#);
    refused::<UpdateTaskParams<'_>>(r#"{"taskId":"t"}"#);
    assert_eq!(
        written(NEW, &UpdateTaskParams::new("t", InputResponses::new())),
        serde_json::json!({"taskId": "t", "inputResponses": {}})
    );
    let wanted: TaskMetadata = serde_json::from_str(r#"{"ttl":"long"}"#).unwrap();
    assert_eq!(wanted.ttl, None);
}

#[test]
fn three_statuses_are_final() {
    // `task25.status.graph`
    let is_final = [
        "working",
        "input_required",
        "completed",
        "failed",
        "cancelled",
        "new",
    ]
    .map(|status| TaskStatus::from(status).is_terminal());
    assert_eq!(is_final, [false, false, true, true, true, false]);
}

#[test]
fn only_the_requests_that_are_named_may_become_tasks() {
    // `task25.cap`
    let tools = TasksCapability::new().augmenting("tools/call");
    assert!(tools.augments("tools/call"));
    assert!(!tools.augments("sampling/createMessage"));
    let both = TasksCapability::new()
        .list()
        .cancel()
        .augmenting("sampling/createMessage")
        .augmenting("elicitation/create");
    assert_eq!(
        serde_json::to_string(&both).unwrap(),
        r#"{"list":{},"cancel":{},"requests":{"sampling":{"createMessage":{}},"elicitation":{"create":{}}}}"#
    );
    assert!(both.augments("elicitation/create") && !both.augments("tools/call"));
    for odd in [
        r#"{"requests":{"tools":{"call":true}}}"#,
        r#"{"requests":{"tools":[]}}"#,
        "{}",
    ] {
        let odd: TasksCapability<'_> = serde_json::from_str(odd).unwrap();
        assert!(!odd.augments("tools/call"));
    }
}

#[test]
fn methods_of_tasks_depend_on_what_each_revision_declares() {
    // `task25.cap`, `task26.id`
    let rows = [
        (
            SpecMethod::GetTask,
            OLD,
            ServerCapability::Tasks,
            ClientCapability::Tasks,
        ),
        (
            SpecMethod::GetTaskPayload,
            OLD,
            ServerCapability::Tasks,
            ClientCapability::Tasks,
        ),
        (
            SpecMethod::CancelTask,
            OLD,
            ServerCapability::TasksCancel,
            ClientCapability::TasksCancel,
        ),
        (
            SpecMethod::ListTasks,
            OLD,
            ServerCapability::TasksList,
            ClientCapability::TasksList,
        ),
        (
            SpecMethod::GetTask,
            NEW,
            ServerCapability::TasksExtension,
            ClientCapability::TasksExtension,
        ),
        (
            SpecMethod::UpdateTask,
            NEW,
            ServerCapability::TasksExtension,
            ClientCapability::TasksExtension,
        ),
        (
            SpecMethod::CancelTask,
            NEW,
            ServerCapability::TasksExtension,
            ClientCapability::TasksExtension,
        ),
    ];
    let old = ServerCapabilities::new().tasks(TasksCapability::new().list());
    let new = ServerCapabilities::new().extension(TASKS_EXTENSION, &Object::new());
    for (method, revision, server, client) in rows {
        assert_eq!(
            method.server_capability(revision),
            Some(server),
            "{method:?}"
        );
        assert_eq!(
            method.client_capability(revision),
            Some(client),
            "{method:?}"
        );
        let is_old = matches!(
            server,
            ServerCapability::Tasks | ServerCapability::TasksList
        );
        assert_eq!(server.is_declared_by(&old), is_old, "{method:?}");
        assert_eq!(server.is_declared_by(&new), revision == NEW, "{method:?}");
    }
}
