//! The official schemas, with the corrections that they need, and a validator for the part of JSON
//! Schema that they use. They lie in `tests/spec`, with where they come from.
//!
//! The crate `jsonschema` would judge as well, but it and what it stands on cost 70 s of CPU to build,
//! more than the rest of `cargo test`'s dependencies together, and it doesn't name undeclared members.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::OnceLock;

use mcp_proto::Revision;
use serde_json::{Map, Value};

use super::correct::correct;

/// Says something that is to be seen even when the test passes, whose output is not shown then.
pub fn aloud(text: impl std::fmt::Display) {
    use std::io::Write as _;
    // Nobody may be listening, and then it is as well left unsaid.
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// The folder of the specification's files.
pub fn spec_dir() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/spec"))
}

/// The schema of `revision`.
pub fn of(revision: Revision) -> &'static Schema {
    static ALL: OnceLock<BTreeMap<Revision, Schema>> = OnceLock::new();
    let load = |revision: Revision| (revision, Schema::load(spec_dir(), revision));
    &ALL.get_or_init(|| Revision::ALL.map(load).into_iter().collect())[&revision]
}

/// The definitions of one revision.
pub struct Schema {
    pub revision: Revision,
    pub definitions: Map<String, Value>,
}

/// Leaves out what a schema says to people; a member of that name has a schema, not a text.
fn forget_prose(schema: &mut Value) {
    match schema {
        Value::Object(keywords) => {
            keywords.retain(|keyword, said| {
                !(said.is_string() && matches!(&**keyword, "description" | "title"))
            });
            keywords.values_mut().for_each(forget_prose);
        }
        Value::Array(schemas) => schemas.iter_mut().for_each(forget_prose),
        _ => {}
    }
}

/// Where and why a value isn't what a schema says.
#[derive(Debug)]
pub struct Mismatch {
    pub path: String,
    pub reason: String,
}

impl Mismatch {
    fn new(path: &str, reason: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            reason: reason.into(),
        }
    }
}

impl Schema {
    fn load(dir: &std::path::Path, revision: Revision) -> Self {
        let path = dir.join(format!("schema/{revision}.json"));
        let text = std::fs::read_to_string(&path)
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let mut root: Map<String, Value> = serde_json::from_str(&text).expect("a schema is JSON");
        // The drafts of JSON Schema name the place differently.
        let Some(Value::Object(mut definitions)) =
            root.remove("definitions").or_else(|| root.remove("$defs"))
        else {
            panic!("{}: no definitions", path.display());
        };
        correct(revision, &mut definitions);
        definitions.values_mut().for_each(forget_prose);
        Self {
            revision,
            definitions,
        }
    }

    /// The definition called `name`, which has to be there.
    pub fn definition(&self, name: &str) -> &Value {
        self.definitions
            .get(name)
            .unwrap_or_else(|| panic!("{} has no definition {name}", self.revision))
    }

    /// What a `$ref` means; anything else means itself.
    pub fn resolve<'s>(&'s self, schema: &'s Value) -> &'s Value {
        match schema.get("$ref") {
            Some(reference) => self.resolve(self.referenced(reference)),
            None => schema,
        }
    }

    fn referenced(&self, reference: &Value) -> &Value {
        let path = reference.as_str().expect("a reference is a string");
        self.definition(path.rsplit('/').next().unwrap_or(path))
    }

    /// Returns an error if `value` isn't what the definition called `name` says.
    pub fn check(&self, name: &str, value: &Value) -> Result<(), Mismatch> {
        self.validate(self.definition(name), value, "")
    }

    /// Returns an error if `value` isn't what `schema` says.
    pub fn validate(&self, schema: &Value, value: &Value, path: &str) -> Result<(), Mismatch> {
        let schema = match schema {
            Value::Object(schema) => schema,
            Value::Bool(true) => return Ok(()),
            _ => return Err(Mismatch::new(path, "nothing may stand here")),
        };
        for (keyword, wanted) in schema {
            self.keyword(keyword, wanted, schema, value, path)?;
        }
        Ok(())
    }

    fn keyword(
        &self,
        keyword: &str,
        wanted: &Value,
        schema: &Map<String, Value>,
        value: &Value,
        path: &str,
    ) -> Result<(), Mismatch> {
        let list = || wanted.as_array().expect("the keyword takes a list");
        let fits = match keyword {
            "$ref" => return self.validate(self.referenced(wanted), value, path),
            "allOf" => {
                return list()
                    .iter()
                    .try_for_each(|part| self.validate(part, value, path));
            }
            "anyOf" => return self.any_of(list(), value, path),
            "properties" | "additionalProperties" | "items" => {
                return self.children(keyword, wanted, schema, value, path);
            }
            "type" => match wanted {
                Value::Array(types) => types.iter().any(|wanted| is_of_type(wanted, value)),
                wanted => is_of_type(wanted, value),
            },
            "const" => same(wanted, value),
            "enum" => list().iter().any(|wanted| same(wanted, value)),
            "required" => {
                let missing = |name: &&Value| {
                    let name = name.as_str().expect("names are strings");
                    value.as_object().is_some_and(|o| !o.contains_key(name))
                };
                match list().iter().find(missing) {
                    Some(name) => return Err(Mismatch::new(path, format!("{name} is missing"))),
                    None => true,
                }
            }
            "minimum" => value.as_f64().is_none_or(|n| n >= number(wanted)),
            "maximum" => value.as_f64().is_none_or(|n| n <= number(wanted)),
            "maxItems" => value
                .as_array()
                .is_none_or(|list| list.len() as f64 <= number(wanted)),
            "format" => has_format(wanted.as_str().expect("formats are strings"), value),
            "default" | "deprecated" => true,
            _ => panic!("the validator doesn't know the keyword {keyword}"),
        };
        match fits {
            true => Ok(()),
            false => Err(Mismatch::new(
                path,
                format!("{value} breaks {keyword} {wanted}"),
            )),
        }
    }

    fn any_of(&self, parts: &[Value], value: &Value, path: &str) -> Result<(), Mismatch> {
        let mut deepest: Option<Mismatch> = None;
        for part in parts {
            let Err(mismatch) = self.validate(part, value, path) else {
                return Ok(());
            };
            // The part that has the right tags and got furthest is most likely the one that was meant.
            let rank = |m: &Mismatch| (!m.reason.contains(" breaks const "), m.path.len());
            if deepest
                .as_ref()
                .is_none_or(|deepest| rank(&mismatch) > rank(deepest))
            {
                deepest = Some(mismatch);
            }
        }
        Err(deepest.expect("an anyOf has parts"))
    }

    fn children(
        &self,
        keyword: &str,
        wanted: &Value,
        schema: &Map<String, Value>,
        value: &Value,
        path: &str,
    ) -> Result<(), Mismatch> {
        let named = schema.get("properties").and_then(Value::as_object);
        match (keyword, value) {
            ("items", Value::Array(list)) => {
                let mut elements = list.iter().enumerate();
                elements.try_for_each(|(at, element)| {
                    self.validate(wanted, element, &format!("{path}/{at}"))
                })
            }
            ("properties", Value::Object(members)) => {
                let mut known = wanted.as_object().into_iter().flatten();
                known.try_for_each(|(key, schema)| match members.get(key) {
                    Some(member) => self.validate(schema, member, &format!("{path}/{key}")),
                    None => Ok(()),
                })
            }
            ("additionalProperties", Value::Object(members)) => {
                let is_named = |key: &String| named.is_some_and(|named| named.contains_key(key));
                let mut others = members.iter().filter(|(key, _)| !is_named(key));
                others.try_for_each(|(key, member)| {
                    self.validate(wanted, member, &format!("{path}/{key}"))
                })
            }
            _ => Ok(()),
        }
    }

    /// The members of `value`, by path, that the definition called `name` doesn't have.
    ///
    /// They are legal, since no object is closed (`base.open.objects`), but what a session says of
    /// its own accord belongs to the revision. Objects that are open on purpose are left alone.
    pub fn undeclared(&self, name: &str, value: &Value) -> Vec<String> {
        self.undeclared_in(&[self.definition(name)], value, "")
    }

    fn undeclared_in(&self, schemas: &[&Value], value: &Value, path: &str) -> Vec<String> {
        let mut flat = Vec::new();
        let mut left: Vec<&Value> = schemas.to_vec();
        while let Some(schema) = left.pop() {
            let schema = self.resolve(schema);
            if let Some(parts) = schema.get("allOf").and_then(Value::as_array) {
                left.extend(parts);
            }
            if let Some(parts) = schema.get("anyOf").and_then(Value::as_array) {
                let fitting = parts
                    .iter()
                    .filter(|part| self.validate(part, value, path).is_ok());
                let others = || flat.iter().chain(&left).copied();
                return fitting
                    .map(|part| {
                        let with: Vec<&Value> = others().chain([part]).collect();
                        self.undeclared_in(&with, value, path)
                    })
                    .min_by_key(Vec::len)
                    .unwrap_or_default();
            }
            flat.push(schema);
        }
        match value {
            Value::Array(list) => {
                let items: Vec<&Value> = flat.iter().filter_map(|s| s.get("items")).collect();
                let each = |(at, element): (usize, &Value)| {
                    self.undeclared_in(&items, element, &format!("{path}/{at}"))
                };
                list.iter().enumerate().flat_map(each).collect()
            }
            Value::Object(members) => members
                .iter()
                .flat_map(|(key, member)| {
                    let path = format!("{path}/{key}");
                    let of_key: Vec<&Value> =
                        flat.iter().filter_map(|s| member_of(s, key)).collect();
                    let is_closed = flat.iter().any(|schema| schema.get("properties").is_some());
                    if of_key.is_empty() && is_closed {
                        return vec![path];
                    }
                    self.undeclared_in(&of_key, member, &path)
                })
                .collect(),
            _ => Vec::new(),
        }
    }
}

/// The schema of the member `key` of an object.
fn member_of<'s>(schema: &'s Value, key: &str) -> Option<&'s Value> {
    let named = schema.get("properties").and_then(|named| named.get(key));
    named.or_else(|| schema.get("additionalProperties"))
}

fn is_of_type(wanted: &Value, value: &Value) -> bool {
    match wanted.as_str().expect("a type is a string") {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        "number" => value.is_number(),
        "integer" => value.as_f64().is_some_and(|number| number.fract() == 0.0),
        other => panic!("the validator doesn't know the type {other}"),
    }
}

/// Equal as JSON Schema has it: numbers by value.
fn same(a: &Value, b: &Value) -> bool {
    a == b || a.is_number() && b.is_number() && a.as_f64() == b.as_f64()
}

fn number(bound: &Value) -> f64 {
    bound.as_f64().expect("a bound is a number")
}

/// Whether a string keeps to its format; formats beyond these two only inform.
fn has_format(format: &str, value: &Value) -> bool {
    use base64::Engine as _;
    let Some(text) = value.as_str() else {
        return true;
    };
    match format {
        "byte" => base64::engine::general_purpose::STANDARD
            .decode(text)
            .is_ok(),
        "uri" => text.contains(':'),
        _ => true,
    }
}
