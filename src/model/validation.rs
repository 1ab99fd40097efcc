//! Checking values against JSON Schema, by whatever implementation one likes.
//!
//! The types of this crate need none of it: a schema says more than a type does, and both sides may
//! hold arguments and results to it.

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use crate::model::object::Object;
use crate::model::tool::CallToolResult;
use crate::rpc::{Raw, bounded};

/// An implementation of JSON Schema.
///
/// It must not fetch anything a schema refers to, and it is given schemas and values of strangers.
// `jschema.ref.nofetch`
pub trait Validator: Send + Sync {
    /// Reads a schema; one without `$schema` is of the dialect 2020-12.
    ///
    /// Returns an error if it isn't a schema, or can't be checked against as it stands.
    // `jschema.default`
    fn compile(&self, schema: &Raw<'_>) -> Result<Arc<dyn CompiledSchema>, SchemaError>;
}

/// A schema that has been read.
pub trait CompiledSchema: Send + Sync {
    /// Returns the first thing in `value` that doesn't fit as an error.
    fn check(&self, value: &Raw<'_>) -> Result<(), Violation>;

    /// The same for the arguments of a tool, in which a member that is `null` may count as absent:
    /// callers send it for what they leave out, and a schema that a strict host takes has no words
    /// for it. By default it does not.
    fn check_arguments(&self, arguments: &Raw<'_>) -> Result<(), Violation> {
        self.check(arguments)
    }
}

/// Refuses arguments that a tool's input schema doesn't name, and checks nothing else.
///
/// By default a tool ignores them, as the JSON Schema of most tools allows. A model that has
/// misspelt an optional argument then gets the result of a call without it; with
/// [`Server::validator`](crate::Server::validator) and this it is told which names there are. A schema
/// that says itself what else may come, by `additionalProperties` or by referring to other schemas,
/// is left to itself.
///
/// ```
/// use mcp_proto::Server;
/// use mcp_proto::model::validation::KnownArguments;
///
/// let server = Server::new("strict", "1.0").validator(KnownArguments);
/// ```
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_structs, reason = "it is all there is to it")]
pub struct KnownArguments;

/// The names that a schema has for arguments; `None` when there may be others.
struct Names(Option<Vec<Box<str>>>);

impl Validator for KnownArguments {
    fn compile(&self, schema: &Raw<'_>) -> Result<Arc<dyn CompiledSchema>, SchemaError> {
        Ok(Arc::new(Names(names(schema))))
    }
}

impl CompiledSchema for Names {
    fn check(&self, _: &Raw<'_>) -> Result<(), Violation> {
        Ok(())
    }

    fn check_arguments(&self, arguments: &Raw<'_>) -> Result<(), Violation> {
        let (Some(names), Some(given)) = (&self.0, Object::from_raw(arguments.reborrow())) else {
            return Ok(());
        };
        let is_known = |key: &str| names.binary_search_by(|name| (**name).cmp(key)).is_ok();
        match given.entries().find(|(key, _)| !is_known(key)) {
            None => Ok(()),
            Some((key, _)) => {
                let known = match &names[..] {
                    [] => "it has none".into(),
                    names => alloc::format!("it has {}", names.join(", ")),
                };
                let reason = alloc::format!("the tool has no argument of this name; {known}");
                Err(Violation::new(bounded(&key), reason))
            }
        }
    }
}

fn names(schema: &Raw<'_>) -> Option<Vec<Box<str>>> {
    const OTHERS: [&str; 7] = [
        "$ref",
        "additionalProperties",
        "allOf",
        "anyOf",
        "oneOf",
        "patternProperties",
        "unevaluatedProperties",
    ];
    let schema = Object::from_raw(schema.reborrow())?;
    if schema
        .entries()
        .any(|(key, _)| OTHERS.contains(&key.as_str()))
    {
        return None;
    }
    let properties = schema.get("properties").and_then(Object::from_raw);
    let properties = properties.iter().flat_map(Object::entries);
    let mut names: Vec<_> = properties
        .map(|(name, _)| Box::from(name.as_str()))
        .collect();
    names.sort_unstable();
    Some(names)
}

/// Returns an error if a result breaks the promise of its tool (`tools.output.conform`). One that
/// tells of a failure promises nothing (`tools.output.iserror`).
pub(crate) fn check_output(
    schema: &dyn CompiledSchema,
    result: &CallToolResult<'_>,
) -> Result<(), Violation> {
    match &result.structured_content {
        _ if result.failed() => Ok(()),
        Some(content) => schema.check(content),
        None => Err(Violation::new("", "there is no structured content")),
    }
}

/// Why a schema can't be used.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SchemaError {
    /// Its `$schema` names a dialect that isn't known: use 2020-12, 2019-09, or draft 7, 6 or 4.
    // `jschema.unsupported`
    Dialect(Box<str>),
    /// It refers to something outside of it, or to nothing: move what it refers to into its
    /// `$defs`.
    // `jschema.ref.reject`
    Reference(Box<str>),
    /// Checking a value against it could take too long, or forever: make it smaller or less nested.
    // `jschema.bounds`
    TooLarge(&'static str),
    /// It breaks the rules of its dialect: correct the place that is named.
    // `jschema.valid`
    Invalid(Box<str>),
}

impl fmt::Display for SchemaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dialect(text) => write!(f, "unknown JSON Schema dialect {text}"),
            Self::Reference(text) => write!(f, "the reference {text} leads out of the schema"),
            Self::TooLarge(what) => write!(f, "the schema is too large: {what}"),
            Self::Invalid(text) => write!(f, "no valid JSON Schema: {text}"),
        }
    }
}

impl core::error::Error for SchemaError {}

/// What in a value doesn't fit its schema, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Violation {
    /// The path from the root of the value, such as `items[2].name`; empty for the root itself.
    pub path: Box<str>,
    /// What is wrong there. It doesn't contain the value, which may be a secret.
    pub reason: Box<str>,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, reason } = self;
        write!(f, "{reason}{}{path}", separator(path))
    }
}

impl core::error::Error for Violation {}

fn separator(path: &str) -> &'static str {
    if path.is_empty() { "" } else { " at " }
}

impl Violation {
    /// Creates a violation at this path.
    pub fn new(path: impl Into<Box<str>>, reason: impl Into<Box<str>>) -> Self {
        Self {
            path: path.into(),
            reason: reason.into(),
        }
    }
}
