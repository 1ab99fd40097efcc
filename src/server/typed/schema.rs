//! The schemas of Rust types.

use alloc::string::String;
use alloc::vec::Vec;

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::de::DeserializeOwned;
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::{Map, Value, json};

use super::fields::fields;
use crate::model::owned::IntoOwned;
use crate::model::prompt::{Prompt, PromptArgument};
use crate::model::schema::RequestedSchema;
use crate::model::tool::Tool;
use crate::rpc::{JsonError, Raw, Text};
use crate::server::conservative;

/// Returns a tool whose arguments are an `A`, described by what the doc comment of `A` says.
///
/// Its input schema is one that strict hosts and model providers take: the root is an object with
/// `properties`, optional fields are simply not required, nothing refers to definitions unless a
/// type contains itself, formats are those of JSON Schema, and enums are plain. It takes the same
/// arguments as [`exact_tool_for`]: a `null` for an optional field is read as if it were left out.
/// Properties stand in the order of their names, since `schemars` gives no other.
pub fn tool_for<A: JsonSchema>(name: impl Into<Text<'static>>) -> Tool<'static> {
    let (description, schema) = plain_schema::<A>();
    described(name, description, Raw::from(Value::Object(schema)))
}

/// Gives a tool the arguments of `A`, with the properties in the order of the type's fields. What it
/// doesn't say itself the type says: its doc comment is the description, and a title that isn't just
/// the type's name the title.
pub(super) fn take_arguments<A: DeserializeOwned + JsonSchema>(tool: &mut Tool<'static>) {
    let (description, mut schema) = plain_schema::<A>();
    let title = schema.remove("title");
    tool.input_schema = ordered::<A>(&schema);
    tool.description = tool.description.take().or(description.map(Text::from));
    if let (None, Some(Value::String(title))) = (&tool.title, title)
        && title != A::schema_name()
    {
        tool.title = Some(title.into());
    }
}

/// Gives a prompt the fields of `A` as its arguments, in their order, and the doc comment of `A`
/// where it has no description.
pub(super) fn prompt_for<A: DeserializeOwned + JsonSchema>(
    mut prompt: Prompt<'static>,
) -> Prompt<'static> {
    let (description, schema) = plain_schema::<A>();
    prompt.description = prompt.description.take().or(description.map(Text::from));
    let required = schema.get("required").and_then(Value::as_array);
    let is_required = |name: &str| required.is_some_and(|names| names.iter().any(|n| n == name));
    let Some(Value::Object(properties)) = schema.get("properties") else {
        return prompt;
    };
    for name in in_order(properties, fields::<A>()) {
        let mut argument = PromptArgument::new(String::from(name)).required(is_required(name));
        if let Some(Value::String(description)) = properties[name].get("description") {
            argument = argument.description(description.clone());
        }
        prompt = prompt.argument(argument);
    }
    prompt
}

/// The form whose fields are those of `T`; an error says why a form can't have them.
pub(super) fn form_for<T: DeserializeOwned + JsonSchema>()
-> Result<RequestedSchema<'static>, JsonError> {
    let (_, schema) = plain_schema::<T>();
    let schema = ordered::<T>(&schema);
    schema
        .decode::<RequestedSchema<'_>>()
        .map(IntoOwned::into_owned)
}

/// What the doc comment of `A` says, and the schema that strict hosts take.
fn plain_schema<A: JsonSchema>() -> (Option<String>, Map<String, Value>) {
    let settings = SchemaSettings::draft2020_12()
        .with(|settings| {
            settings.inline_subschemas = true;
            settings.meta_schema = None;
        })
        .for_deserialize();
    let schema = settings.into_generator().into_root_schema_for::<A>();
    let mut schema = conservative::root(schema.to_value());
    (take_description(&mut schema), schema)
}

fn take_description(schema: &mut Map<String, Value>) -> Option<String> {
    match schema.remove("description") {
        Some(Value::String(description)) => Some(description),
        _ => None,
    }
}

/// A schema whose properties stand in the order of the fields of `A`.
fn ordered<A: DeserializeOwned>(schema: &Map<String, Value>) -> Raw<'static> {
    let fields = fields::<A>();
    let whole = || Raw::from(Value::Object(schema.clone()));
    Raw::encode(&Ordered { schema, fields }).unwrap_or_else(|_| whole())
}

/// The names of `members`: those of `fields` first, in their order.
fn in_order<'a>(members: &'a Map<String, Value>, fields: &[&str]) -> Vec<&'a str> {
    let mut names: Vec<&str> = members.keys().map(String::as_str).collect();
    let place = |name: &str| fields.iter().position(|field| *field == name);
    names.sort_by_key(|name| place(name).unwrap_or(usize::MAX));
    names
}

struct Ordered<'a> {
    schema: &'a Map<String, Value>,
    fields: &'static [&'static str],
}

impl Serialize for Ordered<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.schema.len()))?;
        for (keyword, value) in self.schema {
            match value {
                Value::Object(properties) if keyword == "properties" => {
                    map.serialize_entry(keyword, &Properties(properties, self.fields))?;
                }
                value => map.serialize_entry(keyword, value)?,
            }
        }
        map.end()
    }
}

struct Properties<'a>(&'a Map<String, Value>, &'static [&'static str]);

impl Serialize for Properties<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let names = in_order(self.0, self.1);
        serializer.collect_map(names.into_iter().map(|name| (name, &self.0[name])))
    }
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
    let description = take_description(&mut members);
    described(name, description, Raw::from(Value::Object(members)))
}

fn described(
    name: impl Into<Text<'static>>,
    description: Option<String>,
    schema: Raw<'static>,
) -> Tool<'static> {
    let tool = Tool::new(name, schema);
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

/// The output schema of a tool that returns an `O`; `None` for a plain text and for nothing at all.
pub(super) fn tool_output_schema_for<O: JsonSchema>() -> Option<Raw<'static>> {
    let root = SchemaSettings::draft2020_12()
        .for_serialize()
        .into_generator()
        .into_root_schema_for::<O>();
    let is_plain = matches!(&*kinds(&root), [kind] if kind == "string" || kind == "null");
    (!is_plain).then(output_schema_for::<O>)
}

/// The kinds of JSON that a schema names; none when it doesn't say.
fn kinds(schema: &schemars::Schema) -> Vec<String> {
    match schema.get("type") {
        Some(Value::String(kind)) => alloc::vec![kind.clone()],
        Some(Value::Array(kinds)) => {
            let named = kinds.iter().filter_map(Value::as_str);
            named.map(String::from).collect()
        }
        _ => Vec::new(),
    }
}
