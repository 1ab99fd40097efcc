//! JSON Schema by the crate `jsonschema`: nothing is fetched, patterns take linear time, and schemas
//! that could keep a validator busy for too long are refused.

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt::Write;

use jsonschema::error::ValidationErrorKind;
use jsonschema::{Draft, PatternOptions};
use serde_json::Value;

use super::validation::{CompiledSchema, SchemaError, Validator, Violation};
use crate::rpc::Raw;

/// The dialects that are known, as `$schema` names them without a trailing `#`.
const DIALECTS: [(&str, Draft); 5] = [
    (
        "https://json-schema.org/draft/2020-12/schema",
        Draft::Draft202012,
    ),
    (
        "https://json-schema.org/draft/2019-09/schema",
        Draft::Draft201909,
    ),
    ("http://json-schema.org/draft-07/schema", Draft::Draft7),
    ("http://json-schema.org/draft-06/schema", Draft::Draft6),
    ("http://json-schema.org/draft-04/schema", Draft::Draft4),
];
/// How many bytes a schema may have.
const LONGEST: usize = 1 << 20;
/// How many subschemas holding one value, without what is in it, may lead through.
const MOST_STEPS: u64 = 100_000;
/// How deep schemas may lead into each other.
const DEEPEST: usize = 200;
/// How many bytes a compiled pattern may have.
const LARGEST_PATTERN: usize = 1 << 20;
/// How much of what is wrong is told.
const LONGEST_REASON: usize = 300;

/// Keywords whose value is data and no schema.
const DATA: [&str; 4] = ["const", "enum", "default", "examples"];
/// Keywords whose value has schemas by names of the author's.
const BY_NAME: [&str; 3] = ["properties", "patternProperties", "dependentSchemas"];
/// Keywords whose schemas are used only where something refers to them.
const APART: [&str; 2] = ["$defs", "definitions"];
/// Keywords whose schemas are for what is inside of the value.
const INSIDE: [&str; 9] = [
    "additionalItems",
    "additionalProperties",
    "contains",
    "items",
    "patternProperties",
    "prefixItems",
    "properties",
    "propertyNames",
    "unevaluatedItems",
];

/// Reads schemas of the dialects from draft 4 to 2020-12.
///
/// References are followed within the schema only (`jschema.ref.nofetch`). Formats are notes, as
/// 2020-12 has them.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct JsonSchema;

impl JsonSchema {
    /// A validator.
    pub fn new() -> Self {
        Self
    }
}

impl Validator for JsonSchema {
    fn compile(&self, schema: &Raw<'_>) -> Result<Arc<dyn CompiledSchema>, SchemaError> {
        if schema.as_str().len() > LONGEST {
            return Err(SchemaError::TooLarge("it has too many bytes"));
        }
        let schema: Value = schema.decode().map_err(|error| invalid(&error))?;
        let draft = dialect(&schema)?;
        Steps::new(&schema).count(&schema, &mut Vec::new(), 0)?;
        let patterns = PatternOptions::regex()
            .size_limit(LARGEST_PATTERN)
            .dfa_size_limit(LARGEST_PATTERN);
        let built = jsonschema::options()
            .with_draft(draft)
            .offline()
            .with_pattern_options(patterns)
            .build(&schema);
        match built {
            Ok(validator) => Ok(Arc::new(Compiled(validator))),
            Err(error) => Err(match error.kind() {
                ValidationErrorKind::Referencing(_) => {
                    SchemaError::Reference(shortened(&error.to_string()))
                }
                _ => invalid(&error.masked()),
            }),
        }
    }
}

struct Compiled(jsonschema::Validator);

impl CompiledSchema for Compiled {
    fn check(&self, value: &Raw<'_>) -> Result<(), Violation> {
        let unreadable = |error| Violation::new("", shortened(&alloc::format!("{error}")));
        let value: Value = value.decode::<Value>().map_err(unreadable)?;
        self.0.validate(&value).map_err(|error| {
            let path = path(&value, error.instance_path().as_str());
            Violation::new(path, shortened(&error.masked().to_string()))
        })
    }
}

fn invalid(error: &impl ToString) -> SchemaError {
    SchemaError::Invalid(shortened(&error.to_string()))
}

fn shortened(text: &str) -> Box<str> {
    text.chars().take(LONGEST_REASON).collect()
}

fn dialect(schema: &Value) -> Result<Draft, SchemaError> {
    let Some(named) = schema.get("$schema") else {
        return Ok(Draft::Draft202012);
    };
    let name = named.as_str().unwrap_or_default();
    let name = name.strip_suffix('#').unwrap_or(name);
    let known = DIALECTS.iter().find(|(known, _)| *known == name);
    known
        .map(|(_, draft)| *draft)
        .ok_or_else(|| SchemaError::Dialect(shortened(&named.to_string())))
}

/// A JSON pointer as people read it: `items[2].name`.
fn path(value: &Value, pointer: &str) -> String {
    let mut path = String::new();
    let mut at = Some(value);
    for step in pointer.split('/').skip(1) {
        let step = step.replace("~1", "/").replace("~0", "~");
        // Writing to a string never fails.
        let _ = match at {
            Some(Value::Array(_)) => write!(path, "[{step}]"),
            _ if path.is_empty() => write!(path, "{step}"),
            _ => write!(path, ".{step}"),
        };
        at = match at {
            Some(Value::Array(elements)) => step.parse().ok().and_then(|n: usize| elements.get(n)),
            Some(value) => value.get(&step),
            None => None,
        };
    }
    path
}

/// Counts the subschemas that one value is held to, for a few references can make them many.
struct Steps<'s> {
    root: &'s Value,
    /// Schemas by their `$anchor`.
    anchors: BTreeMap<&'s str, &'s Value>,
    /// By the address of a schema; `None` while it is being counted.
    counted: BTreeMap<usize, Option<u64>>,
}

impl<'s> Steps<'s> {
    fn new(root: &'s Value) -> Self {
        let mut anchors = BTreeMap::new();
        let mut open = alloc::vec![root];
        while let Some(value) = open.pop() {
            match value {
                Value::Array(elements) => open.extend(elements),
                Value::Object(members) => {
                    for keyword in ["$anchor", "$dynamicAnchor"] {
                        if let Some(name) = members.get(keyword).and_then(Value::as_str) {
                            anchors.insert(name, value);
                        }
                    }
                    open.extend(members.values());
                }
                _ => {}
            }
        }
        Self {
            root,
            anchors,
            counted: BTreeMap::new(),
        }
    }

    /// `same` has the schemas that led here and are for the same value.
    fn count(
        &mut self,
        schema: &'s Value,
        same: &mut Vec<usize>,
        depth: usize,
    ) -> Result<u64, SchemaError> {
        let address = core::ptr::from_ref(schema).addr();
        if same.contains(&address) {
            return Err(SchemaError::TooLarge("it refers to itself without end"));
        }
        match self.counted.get(&address) {
            Some(Some(count)) => return Ok(*count),
            // What is inside of a value is a smaller value, so this ends.
            Some(None) => return Ok(1),
            None if depth > DEEPEST => return Err(SchemaError::TooLarge("it is too deep")),
            None => {}
        }
        let Some(members) = schema.as_object() else {
            return Ok(1);
        };
        self.counted.insert(address, None);
        same.push(address);
        let mut count = 1_u64;
        for (keyword, value) in members {
            let keyword = keyword.as_str();
            for next in self.led_to(keyword, value)? {
                let steps = match INSIDE.contains(&keyword) || keyword == "unevaluatedProperties" {
                    true => self.count(next, &mut Vec::new(), depth + 1),
                    false => self.count(next, same, depth + 1),
                };
                count = count.saturating_add(steps?);
            }
        }
        same.pop();
        if count > MOST_STEPS {
            return Err(SchemaError::TooLarge("it leads through too many schemas"));
        }
        self.counted.insert(address, Some(count));
        Ok(count)
    }

    /// The schemas to which a keyword leads.
    fn led_to(&self, keyword: &str, value: &'s Value) -> Result<Vec<&'s Value>, SchemaError> {
        Ok(match (keyword, value) {
            ("$ref" | "$dynamicRef" | "$recursiveRef", Value::String(reference)) => {
                alloc::vec![self.referred(reference)?]
            }
            (keyword, _) if DATA.contains(&keyword) || APART.contains(&keyword) => Vec::new(),
            (keyword, Value::Object(named)) if BY_NAME.contains(&keyword) => {
                named.values().collect()
            }
            (_, Value::Array(schemas)) => schemas.iter().collect(),
            (_, schema) => alloc::vec![schema],
        })
    }

    fn referred(&self, reference: &str) -> Result<&'s Value, SchemaError> {
        let found = match reference.strip_prefix('#') {
            Some("") => Some(self.root),
            Some(pointer) if pointer.starts_with('/') => self.root.pointer(&unescaped(pointer)),
            Some(anchor) => self.anchors.get(anchor).copied(),
            None => None,
        };
        found.ok_or_else(|| SchemaError::Reference(shortened(reference)))
    }
}

/// A pointer in a URI, without what is percent-encoded of names that people use.
fn unescaped(pointer: &str) -> Cow<'_, str> {
    match pointer.contains('%') {
        false => Cow::Borrowed(pointer),
        true => Cow::Owned(
            pointer
                .replace("%20", " ")
                .replace("%24", "$")
                .replace("%25", "%"),
        ),
    }
}
