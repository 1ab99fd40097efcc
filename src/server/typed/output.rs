//! What a tool whose schemas are derived may return.

use core::fmt;

use schemars::JsonSchema;
use serde::Serialize;

use super::schema::{output_schema_for, tool_output_schema_for};
use crate::model::content::ContentBlock;
use crate::model::tool::CallToolResult;
use crate::rpc::{JsonError, Raw};
use crate::server::output::structured;
use crate::server::{Audio, Image, IntoToolResult, Json};

/// A value that a tool with derived schemas can return.
///
/// Every type that serde can write and `schemars` can describe is one. A text is a result of that
/// text, and `()` one without content; neither has an output schema. Every other value becomes
/// structured content with its text beside it, `{"result": value}` where it is no object, and its
/// output schema is that of its type. A [`CallToolResult`], a [`ContentBlock`], an [`Image`] and an
/// [`Audio`] are sent as they are, without an output schema; [`Json`] makes even a text structured.
#[diagnostic::on_unimplemented(
    message = "a tool can't return `{Self}`",
    label = "this is returned by a tool",
    note = "a tool returns a type that derives `serde::Serialize` and `schemars::JsonSchema`, a text, or a `CallToolResult`",
    note = "`tools!` also takes `Result<that, HandlerError>`; the closure of `typed_tool` always returns one"
)]
pub trait TypedOutput {
    /// Returns the output schema of the tool; `None` if it has none.
    fn output_schema() -> Option<Raw<'static>>;

    /// Returns the value as the result of a tool, which `has_schema` or not. Returns an error if it
    /// can't be written as JSON.
    fn into_result(self, has_schema: bool) -> Result<CallToolResult<'static>, JsonError>;
}

impl<T: Serialize + JsonSchema> TypedOutput for T {
    fn output_schema() -> Option<Raw<'static>> {
        tool_output_schema_for::<T>()
    }

    fn into_result(self, has_schema: bool) -> Result<CallToolResult<'static>, JsonError> {
        if has_schema {
            return structured(&self);
        }
        let mut text = alloc::string::String::new();
        if fmt::write(&mut text, format_args!("{}", AsText(&self))).is_ok() {
            return Ok(CallToolResult::text(text));
        }
        let raw = Raw::encode(&self)?;
        match raw.as_str() {
            "null" => Ok(CallToolResult::default()),
            _ => structured(&self),
        }
    }
}

/// A value that serde writes as one text.
struct AsText<'a, T>(&'a T);

impl<T: Serialize> fmt::Display for AsText<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.serialize(f)
    }
}

impl<T: Serialize + JsonSchema> TypedOutput for Json<T> {
    fn output_schema() -> Option<Raw<'static>> {
        Some(output_schema_for::<T>())
    }

    fn into_result(self, _: bool) -> Result<CallToolResult<'static>, JsonError> {
        structured(&self.0)
    }
}

macro_rules! as_they_are {
    ($($value:ty),*) => { $(
        impl TypedOutput for $value {
            fn output_schema() -> Option<Raw<'static>> {
                None
            }

            fn into_result(self, _: bool) -> Result<CallToolResult<'static>, JsonError> {
                self.into_tool_result()
            }
        }
    )* };
}

as_they_are!(CallToolResult<'static>, ContentBlock<'static>, Image, Audio);
