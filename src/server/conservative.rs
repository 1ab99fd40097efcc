//! Input schemas as strict hosts want them: what `schemars` derives, said with fewer keywords.
//!
//! The result takes every value that the original takes, except a `null` for a member that may be
//! left out; it may take more, since the type itself reads the arguments afterwards.

use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use serde_json::{Map, Value, json};

/// The formats that JSON Schema defines. `schemars` adds those of number types, such as `uint32`.
const FORMATS: [&str; 19] = [
    "date-time",
    "date",
    "time",
    "duration",
    "email",
    "idn-email",
    "hostname",
    "idn-hostname",
    "ipv4",
    "ipv6",
    "uri",
    "uri-reference",
    "iri",
    "iri-reference",
    "uuid",
    "uri-template",
    "json-pointer",
    "relative-json-pointer",
    "regex",
];
/// Keywords whose value is one schema.
const ONE: [&str; 8] = [
    "additionalProperties",
    "contains",
    "else",
    "if",
    "items",
    "not",
    "propertyNames",
    "then",
];
/// Keywords whose value has schemas by name.
const NAMED: [&str; 4] = ["properties", "patternProperties", "$defs", "definitions"];
/// Keywords whose value is a list of schemas.
const LISTED: [&str; 4] = ["allOf", "anyOf", "oneOf", "prefixItems"];

/// The schema of a tool's arguments: an object with `properties` and without alternatives.
pub(super) fn root(schema: Value) -> Map<String, Value> {
    let mut schema = match simplified(schema) {
        Value::Object(schema) => schema,
        _ => Map::new(),
    };
    resolve_root(&mut schema);
    let alternatives: Vec<Vec<Value>> = ["anyOf", "oneOf"]
        .iter()
        .filter_map(|keyword| match schema.remove(*keyword) {
            Some(Value::Array(branches)) => Some(branches),
            _ => None,
        })
        .collect();
    for branches in alternatives {
        merge_alternatives(&mut schema, branches);
    }
    if schema.get("type").and_then(Value::as_str) != Some("object") {
        // It takes anything, or something that arguments can't be: they are an object.
        for keyword in ["enum", "const", "format", "items", "minimum", "maximum"] {
            schema.remove(keyword);
        }
        schema.insert("type".into(), "object".into());
    }
    let has_properties = schema.get("properties").is_some_and(Value::is_object);
    if !has_properties {
        schema.insert("properties".into(), json!({}));
    }
    schema
}

/// Puts in place what the root refers to, as a type that contains itself does.
fn resolve_root(schema: &mut Map<String, Value>) {
    let name = match schema.get("$ref") {
        Some(Value::String(reference)) => reference.strip_prefix("#/$defs/").map(String::from),
        _ => None,
    };
    let definitions = schema.get("$defs").and_then(Value::as_object);
    let target = name.and_then(|name| definitions?.get(&name)?.as_object().cloned());
    if let Some(target) = target {
        schema.remove("$ref");
        for (keyword, value) in target {
            schema.entry(keyword).or_insert(value);
        }
    }
}

/// Makes the alternatives one object: each has its members, and only what all of them require is
/// required.
fn merge_alternatives(schema: &mut Map<String, Value>, branches: Vec<Value>) {
    let is_object = |branch: &Value| branch.get("type").and_then(Value::as_str) == Some("object");
    let branches: Vec<Value> = branches.into_iter().filter(is_object).collect();
    let mut required: Option<Vec<Value>> = None;
    let mut properties = match schema.remove("properties") {
        Some(Value::Object(properties)) => properties,
        _ => Map::new(),
    };
    for branch in branches {
        let needed = list(branch.get("required"));
        required = Some(match required {
            Some(common) => common
                .into_iter()
                .filter(|name| needed.contains(name))
                .collect(),
            None => needed,
        });
        let members = branch.get("properties").and_then(Value::as_object);
        for (name, member) in members.into_iter().flatten() {
            match properties.get_mut(name) {
                Some(known) => *known = either(known.take(), member.clone()),
                None => drop(properties.insert(name.clone(), member.clone())),
            }
        }
    }
    let mut all = list(schema.get("required"));
    all.extend(required.unwrap_or_default());
    all.dedup();
    schema.insert("type".into(), "object".into());
    schema.insert("properties".into(), Value::Object(properties));
    if !all.is_empty() {
        schema.insert("required".into(), Value::Array(all));
    }
}

fn list(value: Option<&Value>) -> Vec<Value> {
    value.and_then(Value::as_array).cloned().unwrap_or_default()
}

/// A schema that takes what either of two takes.
fn either(one: Value, other: Value) -> Value {
    if one == other {
        return one;
    }
    if let (Some(mut values), Some(more)) = (texts(&one), texts(&other)) {
        values.extend(more);
        values.dedup();
        return json!({"type": "string", "enum": values});
    }
    let mut branches = match one.get("anyOf") {
        Some(Value::Array(branches)) if one.as_object().is_some_and(|one| one.len() == 1) => {
            branches.clone()
        }
        _ => vec![one],
    };
    if !branches.contains(&other) {
        branches.push(other);
    }
    json!({"anyOf": branches})
}

/// The texts that a schema allows; `None` when it allows anything else.
fn texts(schema: &Value) -> Option<Vec<Value>> {
    if let Some(text @ Value::String(_)) = schema.get("const") {
        return Some(vec![text.clone()]);
    }
    let values = schema.get("enum")?.as_array()?;
    values.iter().all(Value::is_string).then(|| values.clone())
}

/// The schema with what is inside of it simplified first.
fn simplified(schema: Value) -> Value {
    let mut schema = match schema {
        Value::Object(schema) => schema,
        Value::Bool(false) => return json!({"not": {}}),
        _ => return json!({}),
    };
    simplify_inside(&mut schema);
    forget_null(&mut schema);
    if let Some(Value::Array(branches)) = schema.remove("oneOf") {
        // At most one of them fits anyway, and far more hosts know `anyOf`.
        schema.insert("anyOf".into(), Value::Array(branches));
    }
    plain_choice(&mut schema);
    let is_known = |format: &Value| format.as_str().is_some_and(|name| FORMATS.contains(&name));
    if !schema.get("format").is_some_and(is_known) {
        schema.remove("format");
    }
    if let Some(text @ Value::String(_)) = schema.get("const").cloned() {
        schema.remove("const");
        schema.insert("type".into(), "string".into());
        schema.insert("enum".into(), json!([text]));
    }
    Value::Object(schema)
}

fn simplify_inside(schema: &mut Map<String, Value>) {
    // `true` says nothing; `false` is the one boolean schema that every host knows.
    if schema.get("additionalProperties") == Some(&Value::Bool(true)) {
        schema.remove("additionalProperties");
    }
    for (keyword, value) in schema.iter_mut() {
        let keyword = keyword.as_str();
        let is_closed = keyword == "additionalProperties" && *value == Value::Bool(false);
        match value {
            _ if is_closed => {}
            Value::Object(named) if NAMED.contains(&keyword) => {
                for one in named.values_mut() {
                    *one = simplified(one.take());
                }
            }
            Value::Array(schemas) if LISTED.contains(&keyword) => {
                for one in schemas {
                    *one = simplified(one.take());
                }
            }
            one if ONE.contains(&keyword) => *one = simplified(one.take()),
            _ => {}
        }
    }
}

/// Forgets that a value may be `null`: whoever has none leaves the member out.
fn forget_null(schema: &mut Map<String, Value>) {
    if let Some(Value::Array(kinds)) = schema.get_mut("type") {
        kinds.retain(|kind| kind != "null");
        if let [only] = kinds.as_slice() {
            let only = only.clone();
            schema.insert("type".into(), only);
        }
    }
    if let Some(Value::Array(values)) = schema.get_mut("enum") {
        values.retain(|value| !value.is_null());
    }
    if schema.get("default") == Some(&Value::Null) {
        schema.remove("default");
    }
    for keyword in ["anyOf", "oneOf"] {
        let Some(Value::Array(branches)) = schema.get_mut(keyword) else {
            continue;
        };
        let is_null = |branch: &Value| branch.get("type").and_then(Value::as_str) == Some("null");
        branches.retain(|branch| !is_null(branch));
        if branches.len() == 1
            && let Some(Value::Object(only)) = branches.pop()
        {
            schema.remove(keyword);
            // What is said beside the branch, such as the field's description, wins.
            for (keyword, value) in only {
                schema.entry(keyword).or_insert(value);
            }
        }
    }
}

/// Makes alternatives that are all texts one plain enum; what was said of each goes into the
/// description.
fn plain_choice(schema: &mut Map<String, Value>) {
    let Some(Value::Array(branches)) = schema.get("anyOf") else {
        return;
    };
    let Some(values) = branches.iter().map(texts).collect::<Option<Vec<_>>>() else {
        return;
    };
    let mut description = String::new();
    if let Some(Value::String(about)) = schema.get("description") {
        description.push_str(about);
    }
    for (branch, values) in branches.iter().zip(&values) {
        if let (Some(Value::String(about)), [Value::String(text)]) =
            (branch.get("description"), values.as_slice())
        {
            let gap = if description.is_empty() { "" } else { "\n" };
            description.push_str(&alloc::format!("{gap}`{text}`: {about}"));
        }
    }
    let values = values.into_iter().flatten().collect();
    schema.remove("anyOf");
    schema.insert("type".into(), "string".into());
    schema.insert("enum".into(), Value::Array(values));
    if !description.is_empty() {
        schema.insert("description".into(), description.into());
    }
}
