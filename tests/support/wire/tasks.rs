//! What the extension `io.modelcontextprotocol/tasks` adds to 2026-07-28, of which the official schema says
//! nothing: written by hand from the extension's own `schema.ts` (SEP-2663).

use serde_json::{Map, Value, json};

/// Adds the definitions of the extension.
pub fn add(definitions: &mut Map<String, Value>) {
    let task_id = || json!({"taskId": {"type": "string"}});
    for (name, method, more) in [
        ("GetTaskRequest", "tasks/get", json!({})),
        (
            "UpdateTaskRequest",
            "tasks/update",
            json!({"inputResponses": {"$ref": "#/$defs/InputResponses"}}),
        ),
        ("CancelTaskRequest", "tasks/cancel", json!({})),
    ] {
        let params = request_params(merged(task_id(), more));
        definitions.insert(name.into(), request(method, &params));
    }
    for name in ["UpdateTaskResult", "CancelTaskResult"] {
        definitions.insert(name.into(), result("complete", json!({}), &[]));
    }
    let required = ["taskId", "status", "createdAt", "lastUpdatedAt", "ttlMs"];
    let created = result("task", task(), &required);
    definitions.insert("CreateTaskResult".into(), created);
    let got = result("complete", merged(task(), details()), &required);
    definitions.insert("GetTaskResult".into(), got);
    let meta = json!({"_meta": {"$ref": "#/$defs/NotificationMetaObject"}});
    let params = object(merged(merged(task(), details()), meta), &required);
    let notification = json!({
        "type": "object",
        "required": ["jsonrpc", "method", "params"],
        "properties": {
            "jsonrpc": {"type": "string", "const": "2.0"},
            "method": {"type": "string", "const": "notifications/tasks"},
            "params": params,
        },
    });
    definitions.insert("TaskNotification".into(), notification);
    definitions["SubscriptionFilter"]["properties"]["taskIds"] =
        json!({"type": "array", "items": {"type": "string"}});
}

/// The members of every task.
fn task() -> Value {
    json!({
        "taskId": {"type": "string"},
        "status": {
            "type": "string",
            "enum": ["working", "input_required", "completed", "failed", "cancelled"],
        },
        "statusMessage": {"type": "string"},
        "createdAt": {"type": "string"},
        "lastUpdatedAt": {"type": "string"},
        "ttlMs": {"type": ["integer", "null"]},
        "pollIntervalMs": {"type": "integer"},
    })
}

/// The members that depend on the status.
fn details() -> Value {
    json!({
        "inputRequests": {"$ref": "#/$defs/InputRequests"},
        "result": {"type": "object"},
        "error": {"$ref": "#/$defs/Error"},
    })
}

fn merged(mut a: Value, b: Value) -> Value {
    if let (Value::Object(a), Value::Object(b)) = (&mut a, b) {
        a.extend(b);
    }
    a
}

fn object(properties: Value, required: &[&str]) -> Value {
    json!({"type": "object", "properties": properties, "required": required})
}

fn request_params(properties: Value) -> Value {
    let names: Vec<&str> = properties
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, _)| name.as_str())
        .chain(["_meta"])
        .collect();
    let meta = json!({"_meta": {"$ref": "#/$defs/RequestMetaObject"}});
    object(merged(properties.clone(), meta), &names)
}

fn request(method: &str, params: &Value) -> Value {
    json!({
        "type": "object",
        "required": ["id", "jsonrpc", "method", "params"],
        "properties": {
            "id": {"$ref": "#/$defs/RequestId"},
            "jsonrpc": {"type": "string", "const": "2.0"},
            "method": {"type": "string", "const": method},
            "params": params,
        },
    })
}

fn result(kind: &str, properties: Value, required: &[&str]) -> Value {
    let own = json!({
        "_meta": {"$ref": "#/$defs/ResultMetaObject"},
        "resultType": {"type": "string", "const": kind},
    });
    let required: Vec<&str> = required.iter().copied().chain(["resultType"]).collect();
    object(merged(properties, own), &required)
}
