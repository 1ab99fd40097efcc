//! The keywords of JSON Schema by what they lead to, and how references are followed.

use alloc::borrow::Cow;
use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::vec;

use serde_json::Value;

/// Keywords whose value is data and no schema.
pub(super) const DATA: [&str; 4] = ["const", "enum", "default", "examples"];
/// Keywords whose value has schemas by names of the author's.
pub(super) const BY_NAME: [&str; 3] = ["properties", "patternProperties", "dependentSchemas"];
/// Keywords whose schemas are used only where something refers to them.
pub(super) const APART: [&str; 2] = ["$defs", "definitions"];
/// Keywords whose schemas are for what is inside of the value.
pub(super) const INSIDE: [&str; 9] = [
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

/// Keywords whose value names another schema.
pub(super) const REFERENCES: [&str; 3] = ["$ref", "$dynamicRef", "$recursiveRef"];

/// Where the references of a schema lead.
pub(super) struct References {
    /// Pointers to schemas by their `$anchor`.
    anchors: BTreeMap<String, String>,
}

impl References {
    pub(super) fn new(root: &Value) -> Self {
        let mut anchors = BTreeMap::new();
        let mut open = vec![(String::new(), root)];
        while let Some((pointer, value)) = open.pop() {
            match value {
                Value::Array(elements) => {
                    let elements = elements.iter().enumerate();
                    open.extend(
                        elements.map(|(index, next)| (below(&pointer, &index.to_string()), next)),
                    );
                }
                Value::Object(members) => {
                    for keyword in ["$anchor", "$dynamicAnchor"] {
                        if let Some(name) = members.get(keyword).and_then(Value::as_str) {
                            anchors.insert(name.into(), pointer.clone());
                        }
                    }
                    open.extend(
                        members
                            .iter()
                            .map(|(key, next)| (below(&pointer, key), next)),
                    );
                }
                _ => {}
            }
        }
        Self { anchors }
    }

    /// The schema that a reference names; `None` when it leads out of the schema or to nothing.
    pub(super) fn find<'s>(&self, root: &'s Value, reference: &str) -> Option<&'s Value> {
        match reference.strip_prefix('#')? {
            "" => Some(root),
            pointer if pointer.starts_with('/') => root.pointer(&unescaped(pointer)),
            anchor => root.pointer(self.anchors.get(anchor)?),
        }
    }
}

fn below(pointer: &str, key: &str) -> String {
    alloc::format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1"))
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
