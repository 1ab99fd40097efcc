//! Checking values against JSON Schema, by whatever implementation one likes.
//!
//! The types of this crate need none of it: a schema says more than a type does, and both sides may
//! hold arguments and results to it.

use alloc::boxed::Box;
use alloc::sync::Arc;

use crate::rpc::Raw;

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

/// Why a schema can't be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SchemaError {
    /// Its `$schema` names a dialect that isn't known: use 2020-12, 2019-09, or draft 7, 6 or 4.
    // `jschema.unsupported`
    #[error("unknown JSON Schema dialect {0}")]
    Dialect(Box<str>),
    /// It refers to something outside of it, or to nothing: move what it refers to into its
    /// `$defs`.
    // `jschema.ref.reject`
    #[error("the reference {0} leads out of the schema")]
    Reference(Box<str>),
    /// Checking a value against it could take too long, or forever: make it smaller or less nested.
    // `jschema.bounds`
    #[error("the schema is too large: {0}")]
    TooLarge(&'static str),
    /// It breaks the rules of its dialect: correct the place that is named.
    // `jschema.valid`
    #[error("no valid JSON Schema: {0}")]
    Invalid(Box<str>),
}

/// What in a value doesn't fit its schema, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}{}{path}", separator(path))]
#[non_exhaustive]
pub struct Violation {
    /// The path from the root of the value, such as `items[2].name`; empty for the root itself.
    pub path: Box<str>,
    /// What is wrong there. It doesn't contain the value, which may be a secret.
    pub reason: Box<str>,
}

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
