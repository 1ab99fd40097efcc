//! How much work it would be to check one value against a schema, counted before it is done.
//!
//! The cost of a schema can multiply with each level of the value (two branches that lead to the
//! schema itself double it), so the shape of the schema alone doesn't bound it. Counting stops as
//! soon as there is too much, so it is bounded itself.

#![expect(
    clippy::arithmetic_side_effects,
    reason = "what is counted are values in memory and calls on the stack"
)]

use serde_json::Value;

use super::keywords::{APART, DATA, INSIDE, REFERENCES, References};
use crate::model::validation::Violation;

/// How many times a subschema may be applied, whatever the value.
const MOST_STEPS: u64 = 500_000;
/// How many times more for each value inside of the value.
const STEPS_PER_VALUE: u64 = 8;
/// How deep applying one subschema may lead into others, for the sake of the stack.
const DEEPEST: u32 = 2000;

/// Returns a violation if holding `value` to the schema `root` would take too long.
pub(super) fn check(root: &Value, references: &References, value: &Value) -> Result<(), Violation> {
    let left = MOST_STEPS.saturating_add(values_in(value).saturating_mul(STEPS_PER_VALUE));
    let mut work = Work {
        root,
        references,
        left,
    };
    match work.apply(root, value, 0) {
        Some(()) => Ok(()),
        None => Err(Violation::new(
            "",
            "holding it to the schema would take too long",
        )),
    }
}

fn values_in(value: &Value) -> u64 {
    match value {
        Value::Array(elements) => elements.iter().map(values_in).sum::<u64>() + 1,
        Value::Object(members) => members.values().map(values_in).sum::<u64>() + 1,
        _ => 1,
    }
}

struct Work<'s> {
    root: &'s Value,
    references: &'s References,
    /// How many steps are left.
    left: u64,
}

impl Work<'_> {
    fn spend(&mut self, steps: u64) -> Option<()> {
        self.left = self.left.checked_sub(steps)?;
        Some(())
    }

    /// Counts the application of `schema` to `value`; `None` when that is too much.
    fn apply(&mut self, schema: &Value, value: &Value, depth: u32) -> Option<()> {
        self.spend(1)?;
        if depth > DEEPEST {
            return None;
        }
        let Some(keywords) = schema.as_object() else {
            return Some(());
        };
        for (keyword, argument) in keywords {
            self.keyword(keyword, argument, value, depth)?;
        }
        // What is unevaluated is found by evaluating everything beside it once more.
        let is_unevaluated = |keyword: &str| keyword.starts_with("unevaluated");
        if keywords.keys().any(|keyword| is_unevaluated(keyword)) {
            for (keyword, argument) in keywords
                .iter()
                .filter(|(keyword, _)| !is_unevaluated(keyword))
            {
                self.keyword(keyword, argument, value, depth)?;
            }
        }
        Some(())
    }

    fn keyword(
        &mut self,
        keyword: &str,
        argument: &Value,
        value: &Value,
        depth: u32,
    ) -> Option<()> {
        match (keyword, argument) {
            ("enum", Value::Array(allowed)) => self.spend(allowed.len() as u64),
            (keyword, _) if DATA.contains(&keyword) || APART.contains(&keyword) => Some(()),
            (keyword, Value::String(reference)) if REFERENCES.contains(&keyword) => {
                let (references, root) = (self.references, self.root);
                match references.find(root, reference) {
                    Some(schema) => self.apply(schema, value, depth + 1),
                    None => Some(()),
                }
            }
            ("properties", Value::Object(schemas)) => {
                let Value::Object(members) = value else {
                    return Some(());
                };
                for (name, schema) in schemas {
                    match members.get(name) {
                        Some(member) => self.apply(schema, member, depth + 1)?,
                        None => self.spend(1)?,
                    }
                }
                Some(())
            }
            ("dependentSchemas" | "dependencies", Value::Object(schemas)) => {
                self.all(schemas.values(), value, depth)
            }
            ("patternProperties", Value::Object(schemas)) => schemas
                .values()
                .try_for_each(|schema| self.inside(schema, value, depth)),
            (keyword, Value::Array(schemas)) if INSIDE.contains(&keyword) => {
                // The first schema is for the first element, and so on.
                let elements = value.as_array().map_or(&[][..], |elements| elements);
                let mut pairs = schemas.iter().zip(elements);
                pairs.try_for_each(|(schema, element)| self.apply(schema, element, depth + 1))
            }
            (keyword, schema)
                if INSIDE.contains(&keyword) || keyword == "unevaluatedProperties" =>
            {
                self.inside(schema, value, depth)
            }
            (_, Value::Array(schemas)) => self.all(schemas.iter(), value, depth),
            (_, schema @ Value::Object(_)) => self.apply(schema, value, depth + 1),
            _ => Some(()),
        }
    }

    /// Each of the schemas for the value itself.
    fn all<'v>(
        &mut self,
        mut schemas: impl Iterator<Item = &'v Value>,
        value: &Value,
        depth: u32,
    ) -> Option<()> {
        schemas.try_for_each(|schema| self.apply(schema, value, depth + 1))
    }

    /// One schema for everything that is directly inside of the value.
    fn inside(&mut self, schema: &Value, value: &Value, depth: u32) -> Option<()> {
        match value {
            Value::Array(elements) => elements
                .iter()
                .try_for_each(|element| self.apply(schema, element, depth + 1)),
            Value::Object(members) => members
                .values()
                .try_for_each(|member| self.apply(schema, member, depth + 1)),
            _ => Some(()),
        }
    }
}
