//! What the result of a tool call or of a read means: one value, or a list of them, with texts that
//! are JSON parsed and data decoded. Pure functions; links are marked, for the client to read.

use alloc::boxed::Box;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde::de::{DeserializeOwned, Error, IntoDeserializer};
use serde_json::Value;

use crate::model::content::{ContentBlock, InvalidBase64, ResourceContents, ResourceLink};
use crate::model::list::Unreadable;
use crate::model::object::Object;
use crate::model::owned::IntoOwned;
use crate::model::resource::ReadResourceResult;
use crate::model::tool::CallToolResult;
use crate::rpc::{Raw, Text, bounded};

use super::error::{ClientError, ToolFailure};

/// What is said of a tool that failed without a word.
const FAILED: &str = "MCP tool call failed";

/// One value of a result.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum OutputPart {
    /// A text.
    Text(Text<'static>),
    /// JSON that is no string: structured content, or a text that is an object or an array. Digits
    /// and the order of keys are as they came.
    Json(Raw<'static>),
    /// Bytes: a picture, a sound, or the contents of a resource.
    Binary(Binary),
    /// Several values in their order; also none at all.
    List(Vec<OutputPart>),
    /// A link that has not been read: the server has no resources, or there are more links than
    /// [`Limits::links`](crate::Limits::links).
    Link(Box<ResourceLink<'static>>),
    /// A block whose `type` no revision names, as it came.
    Unknown(Raw<'static>),
    /// A block of a known type that doesn't fit it, as it came, and what is wrong with it.
    Malformed(Box<Unreadable<'static>>),
    /// A part that is missing: a link that could not be read.
    Failed(ClientError),
}

/// What a person or a model reads: a text as it is, JSON as JSON, several values on lines of their
/// own, and of what can't be read its kind and size, its address or what is wrong with it.
impl fmt::Display for OutputPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Json(json) | Self::Unknown(json) => f.write_str(json.as_str()),
            Self::Binary(binary) => {
                let length = binary.decode().map_or(0, |bytes| bytes.len());
                write!(f, "[{}, {length} bytes]", binary.mime_type)
            }
            Self::List(parts) => {
                for (at, part) in parts.iter().enumerate() {
                    if at > 0 {
                        f.write_str("\n")?;
                    }
                    part.fmt(f)?;
                }
                Ok(())
            }
            Self::Link(link) => write!(f, "[link to {}]", link.uri),
            Self::Malformed(block) => write!(f, "[{}]", block.reason),
            Self::Failed(error) => write!(f, "[{error}]"),
        }
    }
}

impl OutputPart {
    /// Returns the text, if it is one.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Returns the bytes, if that is what it is.
    pub fn as_binary(&self) -> Option<&Binary> {
        match self {
            Self::Binary(binary) => Some(binary),
            _ => None,
        }
    }

    /// Returns the values of a list; any other value as a list of one.
    pub fn parts(&self) -> &[Self] {
        match self {
            Self::List(parts) => parts,
            part => core::slice::from_ref(part),
        }
    }

    pub(super) fn parts_mut(&mut self) -> &mut [Self] {
        match self {
            Self::List(parts) => parts,
            part => core::slice::from_mut(part),
        }
    }

    /// Returns the value as JSON, a text as a string; `None` where a part is no JSON.
    pub fn to_json(&self) -> Option<Value> {
        match self {
            Self::Text(text) => Some(Value::from(text.as_str())),
            Self::Json(raw) => raw.decode().ok(),
            Self::List(parts) => parts.iter().map(Self::to_json).collect(),
            _ => None,
        }
    }

    /// Returns the value as `T`: JSON is read, a text is taken as a string or else as the JSON in
    /// it, and a list is an array.
    ///
    /// Returns [`ClientError::Decode`] if it doesn't fit, and the error of a part that is missing.
    pub fn decode<T: DeserializeOwned>(&self) -> Result<T, ClientError> {
        if let Some(error) = self.error() {
            return Err(error.clone());
        }
        let decoded = match self {
            Self::Json(raw) => serde_json::from_str(raw.as_str()),
            Self::Text(text) => {
                let text = text.as_str();
                let string = IntoDeserializer::<serde_json::Error>::into_deserializer(text);
                T::deserialize(string).or_else(|_| serde_json::from_str(text))
            }
            part => {
                let mut json = String::new();
                match part.write_json(&mut json) {
                    Some(()) => serde_json::from_str(&json),
                    None => {
                        part.check_base64()?;
                        Err(serde_json::Error::custom("part of it is no JSON"))
                    }
                }
            }
        };
        decoded.map_err(|error| ClientError::Decode {
            wanted: core::any::type_name::<T>(),
            reason: error.to_string().into(),
            value: bounded(&self.to_string()).into(),
        })
    }

    /// Writes the value as JSON, each part as it came, so that its digits and its order are kept.
    fn write_json(&self, json: &mut String) -> Option<()> {
        match self {
            Self::Text(text) => json.push_str(&serde_json::to_string(text).ok()?),
            Self::Json(raw) => json.push_str(raw.as_str()),
            Self::List(parts) => {
                json.push('[');
                for (at, part) in parts.iter().enumerate() {
                    if at > 0 {
                        json.push(',');
                    }
                    part.write_json(json)?;
                }
                json.push(']');
            }
            _ => return None,
        }
        Some(())
    }

    /// Returns the first error among the parts.
    pub fn error(&self) -> Option<&ClientError> {
        match self {
            Self::Failed(error) => Some(error),
            Self::List(parts) => parts.iter().find_map(Self::error),
            _ => None,
        }
    }

    /// Returns an error if the data of a part isn't base64.
    fn check_base64(&self) -> Result<(), ClientError> {
        let binaries = self.parts().iter().filter_map(Self::as_binary);
        binaries
            .map(Binary::decode)
            .try_for_each(|data| data.map(drop))
    }

    /// A list as a value: the only one of it, or all of them.
    fn of(mut parts: impl ExactSizeIterator<Item = Self>) -> Self {
        match (parts.len(), parts.next()) {
            (1, Some(part)) => part,
            (_, first) => Self::List(first.into_iter().chain(parts).collect()),
        }
    }
}

/// Bytes as they came, in base64, and what they are.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Binary {
    /// The base64 text, which nobody has checked yet.
    pub base64: Text<'static>,
    /// The MIME type, verbatim; `application/octet-stream` where a resource says none.
    pub mime_type: Text<'static>,
}

impl Binary {
    /// Decodes the bytes, each time it is called. What isn't of base64's alphabet is skipped, and what
    /// follows the padding is left out.
    ///
    /// Returns [`ClientError::Base64`] if the padding is wrong.
    pub fn decode(&self) -> Result<Vec<u8>, ClientError> {
        decode_leniently(&self.base64).map_err(|error| InvalidBase64(error).into())
    }

    /// Returns whether it is a picture, by its MIME type.
    pub fn is_image(&self) -> bool {
        self.mime_type.starts_with("image/")
    }

    /// Returns whether it is a sound, by its MIME type.
    pub fn is_audio(&self) -> bool {
        self.mime_type.starts_with("audio/")
    }
}

/// What a tool said.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ToolOutput {
    /// What it means.
    pub value: OutputPart,
    /// The result as it came.
    pub raw: CallToolResult<'static>,
}

impl ToolOutput {
    /// Returns what `raw` means, its links unread.
    ///
    /// Returns [`ClientError::Retry`] if the tool failed: with its text as the message, and the
    /// whole result beside it.
    pub fn new(mut raw: CallToolResult<'static>) -> Result<Self, ClientError> {
        if raw.failed() {
            return Err(ClientError::Retry(Box::new(ToolFailure::of_result(
                failure(&raw),
                raw,
            ))));
        }
        let value = match structured(&raw) {
            Some(value) => value,
            None => OutputPart::of(raw.content.iter_mut().map(part)),
        };
        Ok(Self { value, raw })
    }

    /// Returns what the tool said as `T`: the structured content if there is any, else the JSON or
    /// the text of the content. See [`OutputPart::decode`].
    pub fn decode<T: DeserializeOwned>(&self) -> Result<T, ClientError> {
        self.value.decode().or_else(|error| {
            // It may be wanted with the member that the value was taken out of.
            let whole = self.raw.structured_content.as_ref();
            let whole = whole.and_then(|content| content.decode().ok());
            whole.ok_or(error)
        })
    }
}

/// What a resource contains.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ResourceOutput {
    /// What it means: one value, or a list when there is not exactly one.
    pub value: OutputPart,
    /// The result as it came.
    pub raw: ReadResourceResult<'static>,
}

impl ResourceOutput {
    /// Returns what `raw` means.
    pub fn new(mut raw: ReadResourceResult<'static>) -> Self {
        let value = OutputPart::of(raw.contents.iter_mut().map(contents));
        Self { value, raw }
    }
}

/// The texts of a failed result, line by line.
fn failure(raw: &CallToolResult<'_>) -> String {
    let texts: Vec<&str> = raw
        .content
        .iter()
        .filter_map(ContentBlock::as_text)
        .collect();
    let text = texts.join("\n");
    match text.is_empty() {
        true => FAILED.into(),
        false => text,
    }
}

/// The structured content, where it says all that the result says.
fn structured(raw: &CallToolResult<'_>) -> Option<OutputPart> {
    let content = raw.structured_content.as_ref()?;
    let is_empty = content.is_null() || is_empty_object(content);
    let is_all = raw.content.iter().all(|block| block.as_text().is_some());
    if is_empty || !is_all {
        return None;
    }
    Some(json(unwrapped(content)))
}

fn is_empty_object(raw: &Raw<'_>) -> bool {
    Object::from_raw(raw.reborrow()).is_some_and(|object| object.is_empty())
}

/// The value of an object whose only member is `result`; any other value as it is.
fn unwrapped(raw: &Raw<'_>) -> Raw<'static> {
    let object = Object::from_raw(raw.reborrow());
    let is_wrapper = object
        .as_ref()
        .is_some_and(|object| object.entries().all(|(key, _)| key == "result"));
    let inner = object.as_ref().filter(|_| is_wrapper);
    // The last of equal keys holds.
    let inner =
        inner.and_then(|object| object.entries().last().map(|(_, value)| value.into_owned()));
    inner.unwrap_or_else(|| raw.clone().into_owned())
}

fn json(raw: Raw<'static>) -> OutputPart {
    match raw.decode::<String>() {
        Ok(text) => OutputPart::Text(text.into()),
        Err(_) => OutputPart::Json(raw),
    }
}

/// What one block means. Long texts are shared with it.
fn part(block: &mut ContentBlock<'static>) -> OutputPart {
    match block {
        ContentBlock::Text(content) => text(&mut content.text),
        ContentBlock::Image(content) => binary(&mut content.data, content.mime_type.share()),
        ContentBlock::Audio(content) => binary(&mut content.data, content.mime_type.share()),
        ContentBlock::Resource(embedded) => contents(&mut embedded.resource),
        ContentBlock::ResourceLink(link) => OutputPart::Link(link.clone().into_owned()),
        ContentBlock::Unknown(raw) => OutputPart::Unknown(raw.clone().into_owned()),
        ContentBlock::Malformed(block) => {
            OutputPart::Malformed(Box::new(block.clone().into_owned()))
        }
    }
}

/// A text, or the JSON it is: only objects and arrays count, from the first byte on.
fn text(text: &mut Text<'static>) -> OutputPart {
    let parsed = match text.first_byte() {
        Some(b'{' | b'[') => Raw::new(text.as_str()).ok(),
        _ => None,
    };
    match parsed {
        Some(raw) => OutputPart::Json(raw.into_owned()),
        None => OutputPart::Text(text.share()),
    }
}

/// What one of a resource's contents means; its text is never parsed.
fn contents(contents: &mut ResourceContents<'static>) -> OutputPart {
    match contents {
        ResourceContents::Text(contents) => OutputPart::Text(contents.text.share()),
        ResourceContents::Blob(contents) => {
            let mime_type = contents.mime_type.as_mut().map(Text::share);
            binary(
                &mut contents.blob,
                mime_type.unwrap_or(Text::borrowed("application/octet-stream")),
            )
        }
    }
}

fn binary(base64: &mut Text<'static>, mime_type: Text<'static>) -> OutputPart {
    OutputPart::Binary(Binary {
        base64: base64.share(),
        mime_type,
    })
}

/// Decodes base64 as it is met: what isn't of the alphabet is skipped, and what follows the padding
/// is left out. Returns an error if the padding is wrong.
pub(crate) fn decode_leniently(data: &str) -> Result<Vec<u8>, base64::DecodeError> {
    const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::RequireCanonical);
    let engine = GeneralPurpose::new(&STANDARD, LENIENT);
    if let Ok(decoded) = engine.decode(data) {
        return Ok(decoded);
    }
    let is_known = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=');
    let known: Vec<u8> = data.bytes().filter(is_known).collect();
    let digits = known.iter().take_while(|byte| **byte != b'=').count();
    let end = digits.next_multiple_of(4).min(known.len());
    engine.decode(&known[..end])
}
