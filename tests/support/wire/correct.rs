//! What is wrong or left out in the official `schema.json` files, put right: where they differ from
//! the `schema.ts` they are made from, and where they leave to prose what a schema can say.

use mcp_proto::Revision;
use serde_json::{Map, Value, json};

use super::tasks;

/// Corrects the definitions of `revision` in place.
pub fn correct(revision: Revision, definitions: &mut Map<String, Value>) {
    widen_integers(definitions);
    complete_messages(revision, definitions);
    allow_meta(revision, definitions);
    allow_errors_without_id(revision, definitions);
    open_records(definitions);
    name_result_types(definitions);
    demand_input_or_state(definitions);
    if revision == Revision::V2026_07_28 {
        tasks::add(definitions);
    }
}

/// The generator made `integer` of what `schema.ts` calls `number` (`data.number`), and lost the
/// `null` of a `JSONValue`. Request ids and progress tokens stay integers, as the prose has it:
/// nothing else is ever sent (`base.id.fraction`, `progress.token.type`).
fn widen_integers(definitions: &mut Map<String, Value>) {
    let artefacts = [
        (
            "ElicitResult",
            "/properties/content/additionalProperties/type",
        ),
        (
            "ElicitResult",
            "/properties/content/additionalProperties/anyOf/1/type",
        ),
        ("JSONValue", "/anyOf/2/type"),
    ];
    for (name, path) in artefacts {
        let types = definitions
            .get_mut(name)
            .and_then(|definition| definition.pointer_mut(path));
        let Some(Value::Array(types)) = types else {
            continue;
        };
        for kind in types.iter_mut().filter(|kind| *kind == "integer") {
            *kind = json!("number");
        }
        if name == "JSONValue" {
            types.push(json!("null"));
        }
    }
}

/// Up to 2025-06-18 the definitions of requests and notifications leave out what makes them messages
/// (`base.id.notnull`, `base.notif.noid`).
fn complete_messages(revision: Revision, definitions: &mut Map<String, Value>) {
    if revision > Revision::V2025_06_18 {
        return;
    }
    for (name, definition) in definitions.iter_mut() {
        if definition.pointer("/properties/method/const").is_none() {
            continue;
        }
        definition["properties"]["jsonrpc"] = json!({"type": "string", "const": "2.0"});
        let mut required = vec![json!("jsonrpc")];
        if name.ends_with("Request") {
            definition["properties"]["id"] = json!({"$ref": "#/definitions/RequestId"});
            required.push(json!("id"));
        }
        if let Some(Value::Array(names)) = definition.get_mut("required") {
            names.extend(required);
        }
    }
}

/// Up to 2025-06-18 the requests redefine `params` and lose the `_meta` that their base allows
/// (`meta.where.legacy`). Where it is defined in place, it has no index signature although any key
/// may stand in it. In 2025-11-25 that is left to one notification.
fn allow_meta(revision: Revision, definitions: &mut Map<String, Value>) {
    if revision > Revision::V2025_11_25 {
        return;
    }
    let of_request = json!({
        "type": "object",
        "properties": {"progressToken": {"$ref": "#/definitions/ProgressToken"}},
        "additionalProperties": {},
    });
    let of_notification = json!({"type": "object", "additionalProperties": {}});
    for (name, definition) in definitions.iter_mut() {
        let meta = match name.ends_with("Request") {
            true => &of_request,
            false => &of_notification,
        };
        let properties = definition.pointer_mut("/properties/params/properties");
        if let Some(Value::Object(properties)) = properties {
            properties.insert("_meta".into(), meta.clone());
        }
    }
}

/// An error may answer something whose id couldn't be read (`base.resp.error.noid`): from
/// 2025-11-25 the id is left out, as the schema allows; before, the schema demands one, and
/// JSON-RPC's `null` takes its place.
fn allow_errors_without_id(revision: Revision, definitions: &mut Map<String, Value>) {
    if revision > Revision::V2025_06_18 {
        return;
    }
    let id = definitions
        .get_mut("JSONRPCError")
        .and_then(|error| error.pointer_mut("/properties/id"));
    let id = id.expect("the legacy schemas define the id of an error");
    *id = json!({"anyOf": [{"$ref": "#/definitions/RequestId"}, {"type": "null"}]});
}

/// Records of which the schema lists the known keys alone, although any key may stand in them:
/// every `_meta`, and the JSON Schemas of tools.
fn open_records(definitions: &mut Map<String, Value>) {
    for (name, definition) in definitions.iter_mut() {
        if name.ends_with("MetaObject") {
            open(definition);
        }
        open_members(definition);
    }
}

fn open_members(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            for (key, member) in members.iter_mut() {
                let is_record = matches!(key.as_str(), "_meta" | "inputSchema" | "outputSchema");
                if is_record && member.get("type").is_some_and(|kind| kind == "object") {
                    open(member);
                }
                open_members(member);
            }
        }
        Value::Array(parts) => parts.iter_mut().for_each(open_members),
        _ => {}
    }
}

fn open(schema: &mut Value) {
    if let Some(schema) = schema.as_object_mut() {
        schema
            .entry("additionalProperties")
            .or_insert_with(|| json!({}));
    }
}

/// The schema takes any string for the type of a result; the prose gives each result its own
/// (`rtype.must`).
fn name_result_types(definitions: &mut Map<String, Value>) {
    for (name, definition) in definitions.iter_mut() {
        let own = match name.as_str() {
            "InputRequiredResult" => "input_required",
            "Result" => continue,
            _ => "complete",
        };
        if let Some(kind) = definition.pointer_mut("/properties/resultType") {
            *kind = json!({"type": "string", "const": own});
        }
    }
    if let Some(kinds) = definitions.get_mut("ResultType") {
        *kinds = json!({"type": "string", "enum": ["complete", "input_required"]});
    }
}

/// A result that needs input says what for, or has a state, or both (`mrtr.atleastone`).
fn demand_input_or_state(definitions: &mut Map<String, Value>) {
    if let Some(Value::Object(result)) = definitions.get_mut("InputRequiredResult") {
        result.insert(
            "anyOf".into(),
            json!([{"required": ["inputRequests"]}, {"required": ["requestState"]}]),
        );
    }
}
