//! The front matter of a SKILL.md: found, read as JSON, and compared with what an entry says of it.

use alloc::string::String;
use core::fmt;

use serde_json::Value;

use super::yaml::{YamlError, read_mapping};
use crate::model::object::Object;
use crate::rpc::Raw;

/// The longest front matter that is read, in bytes.
const LONGEST: usize = 64 << 10;

/// Why a SKILL.md's front matter can't be read. What is read is the part of YAML that such files are
/// written in: mappings, lists, texts of every style, numbers, brackets and comments. Anchors,
/// aliases, tags and whatever else two readers might take differently is an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FrontMatterError {
    /// The line of the file, counted from 1.
    pub line: usize,
    /// What is wrong.
    pub what: &'static str,
}

impl fmt::Display for FrontMatterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { line, what } = self;
        write!(f, "the front matter can't be read: line {line}: {what}")
    }
}

impl core::error::Error for FrontMatterError {}

impl From<YamlError> for FrontMatterError {
    fn from(error: YamlError) -> Self {
        Self {
            line: error.line,
            what: error.what,
        }
    }
}

/// Returns the front matter of a SKILL.md as a JSON object, with its keys in their order.
///
/// Numbers and truth values are those of YAML's core schema; a date is a text. Returns an error if
/// there is none, if it is longer than 64 KiB, or isn't of the YAML that is read here.
pub fn front_matter(skill_md: &str) -> Result<Object<'static>, FrontMatterError> {
    let error = |line, what| FrontMatterError { line, what };
    let mut lines = skill_md.split_inclusive('\n');
    let opening = lines.next().unwrap_or_default();
    if opening.trim_end() != "---" {
        return Err(error(1, "the file has to begin with a line of ---"));
    }
    let start = opening.len();
    let mut end = start;
    let mut is_closed = false;
    for line in lines {
        if line.trim_end() == "---" {
            is_closed = true;
            break;
        }
        end = end.saturating_add(line.len());
        if end.saturating_sub(start) > LONGEST {
            return Err(error(1, "it is longer than 64 KiB"));
        }
    }
    if !is_closed {
        return Err(error(1, "the line of --- that ends it is missing"));
    }
    let json = read_mapping(skill_md.get(start..end).unwrap_or_default(), 2)?;
    let object = Raw::new(&json).ok().and_then(Object::from_raw);
    match object {
        Some(object) => Ok(crate::model::owned::IntoOwned::into_owned(object)),
        None => Err(error(1, "it is no mapping")),
    }
}

/// The first field in which two front matters differ; `None` when there is none.
///
/// Numbers are equal when their values are, however they are written.
pub(super) fn difference(a: &Object<'_>, b: &Object<'_>) -> Option<String> {
    let read = |object: &Object<'_>| object.as_raw().decode::<Value>().ok();
    let (Some(Value::Object(a)), Some(Value::Object(b))) = (read(a), read(b)) else {
        return Some(String::new());
    };
    let keys = a.keys().chain(b.keys());
    let differs = |key: &&String| match (a.get(*key), b.get(*key)) {
        (Some(a), Some(b)) => !is_same(a, b),
        _ => true,
    };
    keys.into_iter().find(differs).cloned()
}

/// Both were read by serde_json, which bounds how deep they nest.
fn is_same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => {
            let is_equal = || match (a.as_f64(), b.as_f64()) {
                (Some(a), Some(b)) => a == b,
                _ => false,
            };
            // Beyond 2^53 different integers are one float.
            a == b || ((a.is_f64() || b.is_f64()) && is_equal())
        }
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| is_same(a, b))
        }
        (Value::Object(a), Value::Object(b)) => {
            let has = |(key, a): (&String, &Value)| b.get(key).is_some_and(|b| is_same(a, b));
            a.len() == b.len() && a.iter().all(has)
        }
        (a, b) => a == b,
    }
}
