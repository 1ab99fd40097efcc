//! Makes values out of a schema: with every property filled in, one for each alternative; and with
//! some properties left out again.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use mcp_proto::Revision;
use serde_json::{Map, Value, json};

use super::wire::schema::Schema;

/// The values of the definition called `name` that together show every property and every
/// alternative. There are as many as the part with the most alternatives has. They are made once, for
/// all tests.
pub fn filled(schema: &'static Schema, name: &str) -> Arc<[Value]> {
    type Made = BTreeMap<(Revision, String), Arc<[Value]>>;
    static MADE: Mutex<Made> = Mutex::new(Made::new());
    let key = (schema.revision, name.to_owned());
    let made = || MADE.lock().expect("no test panics with it");
    if let Some(values) = made().get(&key) {
        return Arc::clone(values);
    }
    let mut filler = Filler {
        schema,
        inside: vec![name.to_owned()],
    };
    let values: Arc<[Value]> = filler.values(schema.definition(name)).into();
    made().insert(key, Arc::clone(&values));
    values
}

struct Filler<'s> {
    schema: &'s Schema,
    /// The definitions in the midst of which we are.
    inside: Vec<String>,
}

impl Filler<'_> {
    /// The values of a schema; none when it leads back into a definition that is being filled.
    fn values(&mut self, schema: &Value) -> Vec<Value> {
        if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
            let name = reference.rsplit('/').next().unwrap_or(reference).to_owned();
            if self.inside.contains(&name) {
                return Vec::new();
            }
            self.inside.push(name.clone());
            let values = self.values(self.schema.definition(&name));
            self.inside.pop();
            return values;
        }
        if let Some(parts) = list(schema, "allOf") {
            let each: Vec<_> = parts.iter().map(|part| self.values(part)).collect();
            return zipped(&each).into_iter().map(merged).collect();
        }
        if let Some(value) = schema.get("const") {
            return vec![value.clone()];
        }
        if let Some(values) = list(schema, "enum") {
            return values.clone();
        }
        let kinds = match schema.get("type") {
            Some(Value::String(kind)) => vec![kind.as_str()],
            Some(Value::Array(kinds)) => kinds.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        };
        if kinds.is_empty() {
            if let Some(parts) = list(schema, "anyOf") {
                return parts.iter().flat_map(|part| self.values(part)).collect();
            }
            return anything();
        }
        let of_kind = |kind: &str| self.of_kind(kind, schema);
        kinds.into_iter().flat_map(of_kind).collect()
    }

    fn of_kind(&mut self, kind: &str, schema: &Value) -> Vec<Value> {
        match kind {
            "object" => self.objects(schema),
            "array" => {
                let elements = schema.get("items").map(|items| self.values(items));
                let elements = elements.unwrap_or_default();
                if elements.is_empty() {
                    return vec![json!([])];
                }
                elements
                    .into_iter()
                    .map(|element| json!([element]))
                    .collect()
            }
            "string" => vec![json!(match schema["format"].as_str() {
                Some("byte") => "aGVsbG8=",
                Some("uri") => "https://example.com/a?b#c",
                Some("uri-template") => "file:///{path}",
                _ => "\"\u{e9}\"\n",
            })],
            "number" => vec![json!(0.5), json!(1)],
            "integer" => vec![json!(7)],
            "boolean" => vec![json!(true), json!(false)],
            "null" => vec![Value::Null],
            other => panic!("no values of the type {other}"),
        }
    }

    fn objects(&mut self, schema: &Value) -> Vec<Value> {
        let named = schema.get("properties").and_then(Value::as_object);
        let mut keys = Vec::new();
        let mut values = Vec::new();
        for (key, property) in named.into_iter().flatten() {
            let filled = match key.as_str() {
                // Any string may stand there; these are the ones that the schema speaks of.
                "stopReason" => vec![json!("endTurn"), json!("maxTokens"), json!("stopSequence")],
                _ => self.values(property),
            };
            if !filled.is_empty() {
                keys.push(key.clone());
                values.push(filled);
            }
        }
        // An object of which no member is named is a map.
        if named.is_none_or(Map::is_empty) && !is_empty_on_purpose(schema) {
            let others = match schema.get("additionalProperties") {
                Some(Value::Object(others)) => self.values(&Value::Object(others.clone())),
                _ => anything(),
            };
            keys.push("com.example/extra".into());
            values.push(others);
        }
        let of_members = |members: Vec<Value>| -> Value {
            Value::Object(keys.iter().cloned().zip(members).collect())
        };
        values.retain(|values| !values.is_empty());
        zipped(&values).into_iter().map(of_members).collect()
    }
}

/// An object that the schema says to have no members, such as `roots` in the newest revision.
fn is_empty_on_purpose(schema: &Value) -> bool {
    schema.get("properties").is_some() && schema.get("additionalProperties").is_none()
}

fn list<'s>(schema: &'s Value, keyword: &str) -> Option<&'s Vec<Value>> {
    schema.get(keyword).and_then(Value::as_array)
}

/// Values of every kind, for where anything may stand.
fn anything() -> Vec<Value> {
    vec![
        json!({"a": {"b": [1.5, null, "c"]}, "": true}),
        json!([{"a": []}]),
        json!("text"),
        json!(-2.25),
        json!(true),
        Value::Null,
    ]
}

/// The n-th values of all lists for each n, the shorter lists starting over. One empty combination
/// when there are no lists.
fn zipped(lists: &[Vec<Value>]) -> Vec<Vec<Value>> {
    let most = lists.iter().map(Vec::len).max().unwrap_or(1);
    let nth = |n: usize| {
        lists
            .iter()
            .map(|list| list[n % list.len()].clone())
            .collect()
    };
    (0..most).map(nth).collect()
}

/// One object of the members of all; the later ones hold.
fn merged(objects: Vec<Value>) -> Value {
    let mut all = Map::new();
    for object in objects {
        match object {
            Value::Object(members) => all.extend(members),
            other => panic!("only objects can be merged, not {other}"),
        }
    }
    Value::Object(all)
}

/// A repeatable source of chance.
pub struct Chance(u64);

impl Chance {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(2).wrapping_add(1))
    }

    /// A number below `bound`.
    pub fn below(&mut self, bound: usize) -> usize {
        // The constants are those of Knuth's MMIX generator; the upper bits are the good ones.
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).expect("31 bits fit") % bound
    }
}

/// Leaves out each member of each object with one chance in `out_of`.
pub fn thinned(value: &Value, chance: &mut Chance, out_of: usize) -> Value {
    match value {
        Value::Object(members) => {
            let mut kept = Map::new();
            for (key, member) in members {
                if chance.below(out_of) > 0 {
                    kept.insert(key.clone(), thinned(member, chance, out_of));
                }
            }
            Value::Object(kept)
        }
        Value::Array(elements) => elements
            .iter()
            .map(|element| thinned(element, chance, out_of))
            .collect(),
        other => other.clone(),
    }
}
