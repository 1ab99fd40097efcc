//! How many subschemas a schema checks one value against, counted when it is read: a few references
//! can make them many.

use alloc::collections::BTreeMap;
use alloc::vec;
use alloc::vec::Vec;

use serde_json::Value;

use super::keywords::{APART, BY_NAME, DATA, INSIDE, REFERENCES, References};
use super::shortened;
use crate::model::validation::SchemaError;

/// How many subschemas holding one value, without what is in it, may lead through.
const MOST_STEPS: u64 = 100_000;
/// How deep schemas may lead into each other.
const DEEPEST: usize = 200;

/// Returns an error if one value could be checked against too many schemas, or endlessly.
pub(super) fn check(root: &Value, references: &References) -> Result<(), SchemaError> {
    Steps::new(root, references)
        .count(root, &mut Vec::new(), 0)
        .map(|_| ())
}

/// Counts the subschemas that one value is checked against: a few references can make many.
struct Steps<'s> {
    root: &'s Value,
    references: &'s References,
    /// By the address of a schema; `None` while it is being counted.
    counted: BTreeMap<usize, Option<u64>>,
}

impl<'s> Steps<'s> {
    fn new(root: &'s Value, references: &'s References) -> Self {
        Self {
            root,
            references,
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
                    true => self.count(next, &mut Vec::new(), depth.saturating_add(1)),
                    false => self.count(next, same, depth.saturating_add(1)),
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
            (keyword, Value::String(reference)) if REFERENCES.contains(&keyword) => {
                let found = self.references.find(self.root, reference);
                vec![found.ok_or_else(|| SchemaError::Reference(shortened(reference)))?]
            }
            (keyword, _) if DATA.contains(&keyword) || APART.contains(&keyword) => Vec::new(),
            (keyword, Value::Object(named)) if BY_NAME.contains(&keyword) => {
                named.values().collect()
            }
            (_, Value::Array(schemas)) => schemas.iter().collect(),
            (_, schema) => vec![schema],
        })
    }
}
