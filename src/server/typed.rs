//! Tools whose schemas are those of Rust types, by the crate `schemars`.

use alloc::string::String;

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use super::conservative;
use crate::model::tool::Tool;
use crate::rpc::{Raw, Text};

/// Returns a tool whose arguments are an `A`, described by what the doc comment of `A` says.
///
/// Its input schema is one that strict hosts and model providers take: the root is an object with
/// `properties`, optional fields are simply not required, nothing refers to definitions unless a
/// type contains itself, formats are those of JSON Schema, and enums are plain. It takes the same
/// arguments as [`exact_tool_for`]: a `null` for an optional field is read as if it were left out.
/// Properties stand in the order of their names, since `schemars` gives no other.
pub fn tool_for<A: JsonSchema>(name: impl Into<Text<'static>>) -> Tool<'static> {
    let settings = SchemaSettings::draft2020_12()
        .with(|settings| {
            settings.inline_subschemas = true;
            settings.meta_schema = None;
        })
        .for_deserialize();
    let schema = settings.into_generator().into_root_schema_for::<A>();
    described(name, conservative::root(schema.to_value()))
}

/// Returns a tool whose arguments are an `A`, with the schema exactly as `schemars` derives it for
/// reading an `A` in the dialect 2020-12.
///
/// It says more than that of [`tool_for`], and some hosts refuse it.
pub fn exact_tool_for<A: JsonSchema>(name: impl Into<Text<'static>>) -> Tool<'static> {
    let settings = SchemaSettings::draft2020_12().for_deserialize();
    let schema = settings.into_generator().into_root_schema_for::<A>();
    let mut members = match schema.to_value() {
        Value::Object(members) => members,
        // A type that takes anything: of arguments it takes any object.
        _ => Map::new(),
    };
    members.entry("type").or_insert_with(|| "object".into());
    described(name, members)
}

/// A tool with this input schema, whose description moves to the tool.
fn described(name: impl Into<Text<'static>>, mut schema: Map<String, Value>) -> Tool<'static> {
    let description = match schema.remove("description") {
        Some(Value::String(description)) => Some(description),
        _ => None,
    };
    let tool = Tool::new(name, Raw::from(Value::Object(schema)));
    match description {
        Some(description) => tool.description(description),
        None => tool,
    }
}

/// Returns the output schema of a tool that returns an `O`, for [`Tool::output_schema`].
///
/// It says what structured content has: values that are no objects stand in `{"result": ..}`.
pub fn output_schema_for<O: JsonSchema>() -> Raw<'static> {
    let mut generator = SchemaSettings::draft2020_12()
        .for_serialize()
        .into_generator();
    let root = SchemaSettings::draft2020_12()
        .for_serialize()
        .into_generator()
        .into_root_schema_for::<O>();
    let kinds = kinds(&root);
    if kinds == ["object"] {
        return Raw::from(root.to_value());
    }
    let value = generator.subschema_for::<O>().to_value();
    let definitions = generator.take_definitions(true);
    let wrapped = json!({
        "type": "object", "properties": {"result": value.clone()}, "required": ["result"]});
    let may_be_object = kinds.is_empty() || kinds.iter().any(|kind| kind == "object");
    let mut schema = match may_be_object {
        // An enum may have variants of both kinds.
        true => json!({"type": "object", "anyOf": [value, wrapped]}),
        false => wrapped,
    };
    if let Value::Object(members) = &mut schema
        && !definitions.is_empty()
    {
        members.insert("$defs".into(), Value::Object(definitions));
    }
    Raw::from(schema)
}

/// The kinds of JSON that a schema names; none when it doesn't say.
fn kinds(schema: &schemars::Schema) -> alloc::vec::Vec<String> {
    match schema.get("type") {
        Some(Value::String(kind)) => alloc::vec![kind.clone()],
        Some(Value::Array(kinds)) => {
            let named = kinds.iter().filter_map(Value::as_str);
            named.map(String::from).collect()
        }
        _ => alloc::vec::Vec::new(),
    }
}
