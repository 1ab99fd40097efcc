//! Arguments of a tool that travel in header fields too, so that what stands between a client and a
//! server can route by them: the `x-mcp-header` annotations of an input schema, and the values.
//!
//! Rules of this file: only what a chain of `properties` leads to can be mirrored, and only a
//! string, an integer or a boolean; one annotation anywhere else makes the tool invalid; what a
//! header says is compared with the argument and never used in its place.

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use serde_json::Value;

use crate::rpc::{Raw, RpcError, code, member_of, string_of};

use super::headers::{Headers, decode_value, encode_value, name};

const ANNOTATION: &str = "x-mcp-header";
/// The largest integer that every reader has exactly.
const LARGEST: i64 = (1 << 53) - 1;

/// An argument that travels in a header field too.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct HeaderParam {
    /// The header's name in lower case, `mcp-param-` included.
    pub header: Box<str>,
    /// The keys that lead to it in the arguments.
    pub path: Vec<Box<str>>,
    /// What it is.
    pub kind: ParamKind,
}

/// What an argument that is mirrored may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ParamKind {
    /// `"type": "string"`
    String,
    /// `"type": "integer"`
    Integer,
    /// `"type": "boolean"`
    Boolean,
}

/// Why a tool's annotations break the rules. A client over HTTP leaves such a tool out of its list.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AnnotationError {
    /// The annotation is no header token.
    Name(Box<str>),
    /// Two annotations have the same name, case aside.
    Repeated(Box<str>),
    /// It stands on something else than a string, an integer or a boolean.
    Type(Box<str>),
    /// It stands where no chain of `properties` leads.
    Unreachable,
    /// The schema is no JSON object.
    Schema,
}

impl fmt::Display for AnnotationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(text) => write!(f, "x-mcp-header of {text} is not a header token"),
            Self::Repeated(text) => write!(f, "x-mcp-header {text} stands twice"),
            Self::Type(text) => write!(
                f,
                "x-mcp-header stands on {text}, which is no string, integer or boolean"
            ),
            Self::Unreachable => {
                f.write_str("x-mcp-header stands where no chain of properties leads")
            }
            Self::Schema => f.write_str("the schema is no object"),
        }
    }
}

impl core::error::Error for AnnotationError {}

/// The value of an argument, as far as a header can say it.
#[derive(Clone, Debug, PartialEq)]
enum Argument<'a> {
    /// It isn't there, or null.
    Absent,
    Text(Cow<'a, str>),
    Integer(i64),
    Boolean(bool),
    /// It isn't of its type; that is for the check of the arguments to find.
    Unfit,
}

/// Returns the arguments of a tool that are mirrored, by its input schema.
///
/// Returns an error if an annotation breaks the rules.
// `httpM.param.name` `httpM.param.type` `httpM.param.reach` `httpM.param.type.union`
pub fn annotated(schema: &Raw<'_>) -> Result<Vec<HeaderParam>, AnnotationError> {
    // Most tools have none, which can be seen without reading the schema.
    let text = schema.as_str();
    if memchr::memmem::find(text.as_bytes(), b"x-mcp").is_none() && !text.contains('\\') {
        return Ok(Vec::new());
    }
    let schema: Value = serde_json::from_str(text).map_err(|_| AnnotationError::Schema)?;
    let mut found = Vec::new();
    walk(&schema, Some(&mut Vec::new()), &mut found)?;
    Ok(found)
}

/// Goes through a schema to which `path` leads; `None` when no chain of properties does.
fn walk(
    schema: &Value,
    mut path: Option<&mut Vec<Box<str>>>,
    found: &mut Vec<HeaderParam>,
) -> Result<(), AnnotationError> {
    let members = match schema {
        Value::Object(members) => members,
        Value::Array(elements) => {
            return elements.iter().try_for_each(|each| walk(each, None, found));
        }
        _ => return Ok(()),
    };
    if let Some(annotation) = members.get(ANNOTATION) {
        let path = path.as_deref().filter(|path| !path.is_empty());
        let path = path.ok_or(AnnotationError::Unreachable)?;
        note(annotation, members.get("type"), path, found)?;
    }
    for (key, value) in members {
        match (key.as_str(), value) {
            (ANNOTATION | "default" | "const" | "enum" | "examples", _) => {}
            ("properties", Value::Object(properties)) => {
                for (name, property) in properties {
                    match path.as_deref_mut() {
                        Some(path) => {
                            path.push(name.as_str().into());
                            walk(property, Some(path), found)?;
                            path.pop();
                        }
                        None => walk(property, None, found)?,
                    }
                }
            }
            // The names in these are anybody's.
            (
                "$defs" | "definitions" | "patternProperties" | "dependentSchemas" | "dependencies",
                Value::Object(schemas),
            ) => schemas
                .values()
                .try_for_each(|each| walk(each, None, found))?,
            _ => walk(value, None, found)?,
        }
    }
    Ok(())
}

fn note(
    annotation: &Value,
    kind: Option<&Value>,
    path: &[Box<str>],
    found: &mut Vec<HeaderParam>,
) -> Result<(), AnnotationError> {
    let shown = || path.join(".").into();
    let token = annotation.as_str().filter(|token| is_token(token));
    let token = token.ok_or_else(|| AnnotationError::Name(shown()))?;
    let kind = match kind.and_then(Value::as_str) {
        Some("string") => ParamKind::String,
        Some("integer") => ParamKind::Integer,
        Some("boolean") => ParamKind::Boolean,
        _ => return Err(AnnotationError::Type(shown())),
    };
    let header: Box<str> = [name::MCP_PARAM, &token.to_ascii_lowercase()]
        .concat()
        .into();
    if found.iter().any(|other| other.header == header) {
        return Err(AnnotationError::Repeated(token.into()));
    }
    let path = path.to_vec();
    found.push(HeaderParam { header, path, kind });
    Ok(())
}

/// Whether it is a token as RFC 9110 has it.
fn is_token(text: &str) -> bool {
    let is_tchar = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.bytes().all(is_tchar)
}

/// Returns the value of the header for a parameter in these arguments; `None` when no header is
/// sent, since the argument is absent, null or not of its type.
// `httpM.param.extract` `httpM.param.omit` `httpM.param.include` `httpM.param.tostr`
pub fn header_value(param: &HeaderParam, arguments: Option<&Raw<'_>>) -> Option<String> {
    match argument(param, arguments) {
        Argument::Absent | Argument::Unfit => None,
        Argument::Text(text) => Some(encode_value(&text).into_owned()),
        Argument::Integer(number) => Some(alloc::format!("{number}")),
        Argument::Boolean(is_true) => Some(alloc::format!("{is_true}")),
    }
}

/// Checks the headers of a call against its arguments.
///
/// Returns the error -32020 if a header is missing, stands for an argument that isn't there, can't be
/// read, or differs. Headers that mirror nothing are nobody's business.
// `httpM.param.server` `httpM.param.unknown` `httpM.val.int` `httpM.param.typeconv`
pub fn check_params(
    params: &[HeaderParam],
    arguments: Option<&Raw<'_>>,
    headers: &Headers,
) -> Result<(), RpcError> {
    params.iter().try_for_each(|param| {
        let argument = argument(param, arguments);
        if argument == Argument::Unfit {
            return Ok(());
        }
        let header = headers.one(&param.header).map_err(|error| {
            RpcError::new(
                code::HEADER_MISMATCH,
                alloc::format!("Header mismatch: {}: {error}", param.header),
            )
        })?;
        if is_same(&argument, header) {
            return Ok(());
        }
        Err(RpcError::new(
            code::HEADER_MISMATCH,
            alloc::format!("Header mismatch: {} is not the argument", param.header),
        ))
    })
}

fn is_same(argument: &Argument<'_>, header: Option<&str>) -> bool {
    let Some(header) = header else {
        return *argument == Argument::Absent;
    };
    match argument {
        Argument::Absent => false,
        Argument::Text(text) => decode_value(header).is_ok_and(|header| header == *text),
        Argument::Integer(number) => integer(header.as_bytes()) == Some(*number),
        Argument::Boolean(is_true) => header == if *is_true { "true" } else { "false" },
        Argument::Unfit => true,
    }
}

fn argument<'a>(param: &HeaderParam, arguments: Option<&'a Raw<'_>>) -> Argument<'a> {
    let Some(arguments) = arguments else {
        return Argument::Absent;
    };
    let mut value = arguments.as_str().as_bytes();
    for key in &param.path {
        match member_of(value, key) {
            Some(member) => value = member,
            None if value.starts_with(b"{") || value == b"null" => return Argument::Absent,
            None => return Argument::Unfit,
        }
    }
    match (param.kind, value) {
        (_, b"null") => Argument::Absent,
        (ParamKind::String, [b'"', ..]) => Argument::Text(string_of(value)),
        (ParamKind::Boolean, b"true") => Argument::Boolean(true),
        (ParamKind::Boolean, b"false") => Argument::Boolean(false),
        (ParamKind::Integer, _) => integer(value).map_or(Argument::Unfit, Argument::Integer),
        _ => Argument::Unfit,
    }
}

/// The integer that a JSON number is, such as `42`, `42.0` or `4.2e1`.
fn integer(text: &[u8]) -> Option<i64> {
    let number = match serde_json::from_slice::<i64>(text) {
        Ok(number) => number,
        Err(_) => {
            let float = serde_json::from_slice::<f64>(text).ok()?;
            let number = float as i64;
            (number as f64 == float).then_some(number)?
        }
    };
    (-LARGEST..=LARGEST).contains(&number).then_some(number)
}
