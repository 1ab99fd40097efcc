//! What a handler may return: anything that has an obvious place in a result.

use alloc::string::String;
use alloc::vec::Vec;

use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};
use serde_json::Value;

use crate::model::content::{ContentBlock, ResourceContents};
use crate::model::prompt::{GetPromptResult, PromptMessage};
use crate::model::resource::ReadResourceResult;
use crate::model::tool::CallToolResult;
use crate::rpc::{JsonError, Raw, Text};

/// A value that a tool can return.
///
/// Texts become text; other JSON values become structured content with their text beside it, as
/// `{"result": value}` where they are no object; content blocks stay what they are.
pub trait IntoToolResult {
    /// The value as a tool's result. Returns an error if it can't be written as JSON.
    fn into_tool_result(self) -> Result<CallToolResult<'static>, JsonError>;
}

/// A value of any type that serde can write, as structured content.
///
/// Members stand in the order in which the value writes them: for a struct that of its fields. A
/// [`serde_json::Value`] is sorted by its keys already, unless the application switches
/// `serde_json/preserve_order` on; models read in order, so return a struct or a [`Raw`] instead.
#[derive(Clone, Copy, Debug, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "a wrapper to be built in place")]
pub struct Json<T>(pub T);

/// Bytes of an image.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "a value to be built in place")]
pub struct Image {
    /// The bytes of the file.
    pub bytes: Vec<u8>,
    /// Their kind, such as `image/png`.
    pub mime_type: Text<'static>,
}

/// Bytes of a sound.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "a value to be built in place")]
pub struct Audio {
    /// The bytes of the file.
    pub bytes: Vec<u8>,
    /// Their kind, such as `audio/wav`.
    pub mime_type: Text<'static>,
}

/// What is no object, as structured content.
struct Wrapped<'a, T: ?Sized>(&'a T);

impl<T: Serialize + ?Sized> Serialize for Wrapped<'_, T> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut members = to.serialize_struct("Wrapped", 1)?;
        members.serialize_field("result", self.0)?;
        members.end()
    }
}

pub(super) fn structured<T: Serialize + ?Sized>(
    value: &T,
) -> Result<CallToolResult<'static>, JsonError> {
    let raw = Raw::encode(value)?;
    if raw.is_object() {
        let mut result = CallToolResult::structured(&raw)?;
        result.content = ContentBlock::text(pretty(value)?).into();
        return Ok(result);
    }
    // Not by way of a `serde_json::Value`, which sorts keys and has no large numbers.
    let mut result = CallToolResult::structured(&Wrapped(value))?;
    // A text is for people as it is; of everything else they see the JSON.
    let text = match raw.decode::<String>() {
        Ok(text) => text,
        Err(_) => pretty(value)?,
    };
    result.content = ContentBlock::text(text).into();
    Ok(result)
}

fn pretty<T: Serialize + ?Sized>(value: &T) -> Result<String, JsonError> {
    serde_json::to_string_pretty(value).map_err(JsonError::new)
}

impl IntoToolResult for CallToolResult<'static> {
    fn into_tool_result(self) -> Result<CallToolResult<'static>, JsonError> {
        Ok(self)
    }
}

impl IntoToolResult for ContentBlock<'static> {
    fn into_tool_result(self) -> Result<CallToolResult<'static>, JsonError> {
        Ok(CallToolResult::new(self))
    }
}

impl IntoToolResult for Vec<ContentBlock<'static>> {
    fn into_tool_result(self) -> Result<CallToolResult<'static>, JsonError> {
        Ok(CallToolResult::new(self))
    }
}

impl IntoToolResult for String {
    fn into_tool_result(self) -> Result<CallToolResult<'static>, JsonError> {
        Ok(CallToolResult::text(self))
    }
}

impl IntoToolResult for &'static str {
    fn into_tool_result(self) -> Result<CallToolResult<'static>, JsonError> {
        Ok(CallToolResult::text(self))
    }
}

impl IntoToolResult for () {
    fn into_tool_result(self) -> Result<CallToolResult<'static>, JsonError> {
        Ok(CallToolResult::default())
    }
}

impl IntoToolResult for Image {
    fn into_tool_result(self) -> Result<CallToolResult<'static>, JsonError> {
        ContentBlock::image_bytes(&self.bytes, self.mime_type).into_tool_result()
    }
}

impl IntoToolResult for Audio {
    fn into_tool_result(self) -> Result<CallToolResult<'static>, JsonError> {
        ContentBlock::audio_bytes(&self.bytes, self.mime_type).into_tool_result()
    }
}

impl<T: Serialize> IntoToolResult for Json<T> {
    fn into_tool_result(self) -> Result<CallToolResult<'static>, JsonError> {
        structured(&self.0)
    }
}

impl<T: IntoToolResult> IntoToolResult for Option<T> {
    /// `None` is a result without content.
    fn into_tool_result(self) -> Result<CallToolResult<'static>, JsonError> {
        match self {
            Some(value) => value.into_tool_result(),
            None => ().into_tool_result(),
        }
    }
}

macro_rules! values {
    ($($value:ty),*) => { $(
        impl IntoToolResult for $value {
            fn into_tool_result(self) -> Result<CallToolResult<'static>, JsonError> {
                structured(&self)
            }
        }
    )* };
}

values!(
    bool, i8, i16, i32, i64, u8, u16, u32, u64, usize, isize, f32, f64, Value
);

/// A value that a resource can be read as.
pub trait IntoResource {
    /// The value as the contents of the resource at `uri`, of the kind its definition names.
    fn into_resource(self, uri: &str, mime_type: Option<&str>) -> ReadResourceResult<'static>;
}

fn contents(
    mut contents: ResourceContents<'static>,
    mime_type: Option<&str>,
) -> ReadResourceResult<'static> {
    let mime_type = mime_type.map(|kind| Text::from(String::from(kind)));
    match &mut contents {
        ResourceContents::Text(text) => text.mime_type = mime_type,
        ResourceContents::Blob(blob) => blob.mime_type = mime_type,
    }
    ReadResourceResult::new(alloc::vec![contents])
}

impl IntoResource for ReadResourceResult<'static> {
    fn into_resource(self, _: &str, _: Option<&str>) -> ReadResourceResult<'static> {
        self
    }
}

impl IntoResource for String {
    fn into_resource(self, uri: &str, mime_type: Option<&str>) -> ReadResourceResult<'static> {
        let text = crate::model::content::TextResourceContents::new(String::from(uri), self);
        contents(ResourceContents::Text(text), mime_type)
    }
}

impl IntoResource for &'static str {
    fn into_resource(self, uri: &str, mime_type: Option<&str>) -> ReadResourceResult<'static> {
        String::from(self).into_resource(uri, mime_type)
    }
}

impl IntoResource for Value {
    fn into_resource(self, uri: &str, mime_type: Option<&str>) -> ReadResourceResult<'static> {
        alloc::string::ToString::to_string(&self)
            .into_resource(uri, mime_type.or(Some("application/json")))
    }
}

impl IntoResource for Vec<u8> {
    fn into_resource(self, uri: &str, mime_type: Option<&str>) -> ReadResourceResult<'static> {
        let blob =
            crate::model::content::BlobResourceContents::from_bytes(String::from(uri), &self);
        contents(ResourceContents::Blob(blob), mime_type)
    }
}

/// A value that a prompt can be.
pub trait IntoPrompt {
    /// The value as the messages of a prompt.
    fn into_prompt(self) -> GetPromptResult<'static>;
}

impl IntoPrompt for GetPromptResult<'static> {
    fn into_prompt(self) -> Self {
        self
    }
}

impl IntoPrompt for Vec<PromptMessage<'static>> {
    fn into_prompt(self) -> GetPromptResult<'static> {
        GetPromptResult::new(self)
    }
}

impl IntoPrompt for String {
    /// One message of the user.
    fn into_prompt(self) -> GetPromptResult<'static> {
        let role = crate::model::content::Role::User;
        GetPromptResult::new(alloc::vec![PromptMessage::new(
            role,
            ContentBlock::text(self)
        )])
    }
}

impl IntoPrompt for &'static str {
    fn into_prompt(self) -> GetPromptResult<'static> {
        String::from(self).into_prompt()
    }
}
