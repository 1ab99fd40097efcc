//! JSON Schema by the crate `jsonschema`: nothing is fetched, patterns take linear time, schemas
//! that could keep a validator busy for too long are refused, and so are values that would.

mod keywords;
mod steps;
mod work;

use alloc::boxed::Box;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use core::fmt::Write;

use jsonschema::error::ValidationErrorKind;
use jsonschema::{Draft, PatternOptions};
use serde_json::Value;

use self::keywords::References;
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
/// How many bytes a compiled pattern may have.
const LARGEST_PATTERN: usize = 1 << 20;
/// How many members that are `null` a check of arguments takes for absent, one after the other.
const MOST_NULLS: usize = 64;
/// The most characters of an error's text.
const LONGEST_REASON: usize = 300;

/// Reads schemas of the dialects from draft 4 to 2020-12.
///
/// References are followed within the schema only. Formats are notes, as 2020-12 has them.
// `jschema.ref.nofetch`
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct JsonSchema;

impl JsonSchema {
    /// Creates a validator.
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
        let references = References::new(&schema);
        steps::check(&schema, &references)?;
        let patterns = PatternOptions::regex()
            .size_limit(LARGEST_PATTERN)
            .dfa_size_limit(LARGEST_PATTERN);
        let built = jsonschema::options()
            .with_draft(draft)
            .offline()
            .with_pattern_options(patterns)
            .build(&schema);
        match built {
            Ok(validator) => Ok(Arc::new(Compiled {
                validator,
                schema,
                references,
            })),
            Err(error) => Err(match error.kind() {
                ValidationErrorKind::Referencing(_) => {
                    SchemaError::Reference(shortened(&error.to_string()))
                }
                _ => invalid(&error.masked()),
            }),
        }
    }
}

struct Compiled {
    validator: jsonschema::Validator,
    schema: Value,
    references: References,
}

impl Compiled {
    fn violation(&self, value: &Value) -> Result<Option<(String, Violation)>, Violation> {
        work::check(&self.schema, &self.references, value)?;
        Ok(self.validator.validate(value).err().map(|error| {
            let pointer = error.instance_path().as_str();
            let reason = shortened(&error.masked().to_string());
            (pointer.into(), Violation::new(path(value, pointer), reason))
        }))
    }
}

impl CompiledSchema for Compiled {
    fn check(&self, value: &Raw<'_>) -> Result<(), Violation> {
        match self.violation(&read(value)?)? {
            Some((_, violation)) => Err(violation),
            None => Ok(()),
        }
    }

    fn check_arguments(&self, arguments: &Raw<'_>) -> Result<(), Violation> {
        let mut arguments = read(arguments)?;
        // Each round takes one `null` out; a caller who sends more of them than this is refused.
        for _ in 0..MOST_NULLS {
            let Some((pointer, violation)) = self.violation(&arguments)? else {
                return Ok(());
            };
            if !remove_null(&mut arguments, &pointer) {
                return Err(violation);
            }
        }
        match self.violation(&arguments)? {
            Some((_, violation)) => Err(violation),
            None => Ok(()),
        }
    }
}

fn read(value: &Raw<'_>) -> Result<Value, Violation> {
    value
        .decode()
        .map_err(|error| Violation::new("", shortened(&error.to_string())))
}

/// Removes the member at `pointer` if it is `null`. Returns whether it did.
fn remove_null(value: &mut Value, pointer: &str) -> bool {
    let Some((parent, key)) = pointer.rsplit_once('/') else {
        return false;
    };
    let key = key.replace("~1", "/").replace("~0", "~");
    let Some(Value::Object(members)) = value.pointer_mut(parent) else {
        return false;
    };
    members.get(&key).is_some_and(Value::is_null) && members.remove(&key).is_some()
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
