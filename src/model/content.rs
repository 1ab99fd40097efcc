//! Content blocks, resource contents and their annotations: what tools, prompts and models say.
//! A block is told apart by its `type`; one of an unknown `type` is kept as it came.

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::model::encode::EncodeError;
use crate::model::encode::downgrade::converted;
use crate::model::field::{Number, json_text, open_enum, tag};
use crate::model::initialize::Icon;
use crate::model::list::Unreadable;
use crate::model::list::once;
use crate::model::meta::Meta;
use crate::model::open_object::open_struct;
use crate::model::owned::IntoOwned;
use crate::model::wire_type::wire_type;
use crate::named::named;
use crate::rpc::plain::is_clean_run;
use crate::rpc::{GoodJson, Raw, Source, Text};

/// One piece of what a tool, a prompt or a resource says.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum ContentBlock<'a> {
    /// Plain text.
    Text(TextContent<'a>),
    // Most blocks are texts, which the others would make larger.
    /// A picture.
    Image(Box<ImageContent<'a>>),
    /// A sound; since 2025-03-26.
    Audio(Box<AudioContent<'a>>),
    /// A resource by its URI only; since 2025-06-18.
    ResourceLink(Box<ResourceLink<'a>>),
    /// A resource with its contents.
    Resource(Box<EmbeddedResource<'a>>),
    /// A block whose `type` no revision names, as it came.
    Unknown(Raw<'a>),
    /// A block that misses what its `type` requires, or has none, as it came and with the reason.
    /// The blocks beside it are good all the same.
    Malformed(Unreadable<'a>),
}

impl<'a> ContentBlock<'a> {
    /// Returns a block of plain text.
    pub fn text(text: impl Into<Text<'a>>) -> Self {
        Self::Text(TextContent::new(text))
    }

    /// Returns a picture that is base64 already.
    pub fn image(data: impl Into<Text<'a>>, mime_type: impl Into<Text<'a>>) -> Self {
        ImageContent::new(data, mime_type).into()
    }

    /// Returns a picture, encoded here.
    pub fn image_bytes(data: &[u8], mime_type: impl Into<Text<'a>>) -> Self {
        ImageContent::new(BASE64_STANDARD.encode(data), mime_type).into()
    }

    /// Returns a sound that is base64 already.
    pub fn audio(data: impl Into<Text<'a>>, mime_type: impl Into<Text<'a>>) -> Self {
        AudioContent::new(data, mime_type).into()
    }

    /// Returns a sound, encoded here.
    pub fn audio_bytes(data: &[u8], mime_type: impl Into<Text<'a>>) -> Self {
        AudioContent::new(BASE64_STANDARD.encode(data), mime_type).into()
    }

    /// Returns a resource with its contents.
    pub fn resource(resource: impl Into<ResourceContents<'a>>) -> Self {
        EmbeddedResource::new(resource).into()
    }

    /// Returns a link to a resource. Peers older than 2025-06-18 don't know this kind.
    pub fn link(uri: impl Into<Text<'a>>, name: impl Into<Text<'a>>) -> Self {
        ResourceLink::new(uri, name).into()
    }

    /// Returns the block as it came and why it couldn't be read; `None` for a good or unknown one.
    pub fn as_malformed(&self) -> Option<&Unreadable<'a>> {
        match self {
            Self::Malformed(block) => Some(block),
            _ => None,
        }
    }

    /// Returns the text of a text block; `None` for every other kind.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(content) => Some(&content.text),
            _ => None,
        }
    }
}

/// Finds the `type` of a block without decoding the rest of it.
///
/// Nearly everybody writes `type` first, so that place is looked at before all of it is read.
pub(crate) fn block_type(block: &str) -> Result<Text<'_>, serde_json::Error> {
    struct Typed<'a> {
        kind: Text<'a>,
    }
    named! { read struct Typed<'a> { kind = "type" } }

    if let Some(rest) = block.strip_prefix("{\"type\":\"")
        && let Some((kind, _)) = rest.split_once('"')
        && !kind.contains('\\')
    {
        return Ok(kind.into());
    }
    serde_json::from_str::<Typed<'_>>(block).map(|typed| typed.kind)
}

impl<'a> ContentBlock<'a> {
    /// Reads a block from JSON that is known to be good.
    pub(super) fn read(block: &'a str) -> Self {
        if let Some(text) = TextContent::plain_text(block) {
            return Self::text(text);
        }
        Self::read_by_type(block)
            .unwrap_or_else(|error| Self::Malformed(Unreadable::new(block, &error)))
    }

    fn read_by_type(block: &'a str) -> Result<Self, serde_json::Error> {
        Ok(match block_type(block)?.as_str() {
            "text" => Self::Text(serde_json::from_str(block)?),
            "image" => Self::Image(serde_json::from_str(block)?),
            "audio" => Self::Audio(serde_json::from_str(block)?),
            "resource_link" => Self::ResourceLink(serde_json::from_str(block)?),
            "resource" => Self::Resource(serde_json::from_str(block)?),
            _ => Self::Unknown(Raw::trusted(Cow::Borrowed(block))),
        })
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for ContentBlock<'a> {
    /// Reads any JSON; what is no block of a known kind becomes [`Self::Unknown`] or
    /// [`Self::Malformed`].
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        json_text(deserializer).map(Self::read)
    }
}

impl Serialize for ContentBlock<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text(content) => content.serialize(serializer),
            Self::Image(content) => content.serialize(serializer),
            Self::Audio(content) => content.serialize(serializer),
            Self::ResourceLink(content) => content.serialize(serializer),
            Self::Resource(content) => content.serialize(serializer),
            Self::Unknown(raw) => raw.serialize(serializer),
            Self::Malformed(block) => block.raw.serialize(serializer),
        }
    }
}

impl IntoOwned for ContentBlock<'_> {
    type Owned = ContentBlock<'static>;

    fn owned_from(self, source: Source<'_>) -> ContentBlock<'static> {
        match self {
            Self::Text(content) => ContentBlock::Text(content.owned_from(source)),
            Self::Image(content) => ContentBlock::Image(content.owned_from(source)),
            Self::Audio(content) => ContentBlock::Audio(content.owned_from(source)),
            Self::ResourceLink(content) => ContentBlock::ResourceLink(content.owned_from(source)),
            Self::Resource(content) => ContentBlock::Resource(content.owned_from(source)),
            Self::Unknown(raw) => ContentBlock::Unknown(raw.owned_from(source)),
            Self::Malformed(block) => ContentBlock::Malformed(block.owned_from(source)),
        }
    }
}

macro_rules! into_block {
    ($($content:ident => $variant:ident),* $(,)?) => { $(
        impl<'a> From<$content<'a>> for ContentBlock<'a> {
            fn from(content: $content<'a>) -> Self {
                Self::$variant(content.into())
            }
        }
    )* };
}

into_block! {
    TextContent => Text,
    ImageContent => Image,
    AudioContent => Audio,
    ResourceLink => ResourceLink,
    EmbeddedResource => Resource,
}

impl<'a> From<&'a str> for ContentBlock<'a> {
    fn from(text: &'a str) -> Self {
        Self::text(text)
    }
}

tag!(TextType = "text");
tag!(ImageType = "image");
tag!(AudioType = "audio");
tag!(LinkType = "resource_link");
tag!(ResourceType = "resource");

wire_type! {
    /// Plain text said by a tool, a prompt or a model.
    #[derive(Debug)]
    pub struct TextContent<'a> {
        const kind as "type": TextType,
        /// The text.
        text: Text<'a>,
        /// Who it is for and how important it is.
        #[read(crate::model::field::hint)]
        annotations?: Box<Annotations<'a>>,
        /// Metadata of the block; since 2025-06-18.
        meta? as "_meta": Meta<'a> [since(V2025_06_18)],
    }

    /// Creates a block of `text`.
    pub fn new(text: impl Into<Text<'a>>);
}

impl<'a> TextContent<'a> {
    /// The text of one block of plain text without escapes, written as nearly every peer does; `None`
    /// for all others.
    // The text alone, since a block would be moved by a copy.
    #[inline]
    pub(super) fn plain_text(block: &'a str) -> Option<&'a str> {
        let rest = block.strip_prefix(r#"{"type":"text","text":""#)?;
        let text = rest.strip_suffix(r#""}"#)?;
        is_clean_run(text.as_bytes()).then_some(text)
    }
}

/// Base64 data that can't be decoded. The sender is at fault; the text is still there as it
/// came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidBase64(pub(crate) base64::DecodeError);

impl fmt::Display for InvalidBase64 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(error) = self;
        write!(f, "invalid base64: {error}")
    }
}

impl core::error::Error for InvalidBase64 {}

fn decode_base64(data: &str) -> Result<Vec<u8>, InvalidBase64> {
    BASE64_STANDARD.decode(data).map_err(InvalidBase64)
}

wire_type! {
    /// A picture.
    #[derive(Debug)]
    pub struct ImageContent<'a> {
        const kind as "type": ImageType,
        /// The data in base64, as it came: it is not checked while decoding the message.
        data: Text<'a>,
        /// What kind of image it is, such as a MIME type says.
        mime_type as "mimeType": Text<'a>,
        /// Who it is for and how important it is.
        #[read(crate::model::field::hint)]
        annotations?: Annotations<'a>,
        /// Metadata of the block; since 2025-06-18.
        meta? as "_meta": Meta<'a> [since(V2025_06_18)],
    }

    /// Creates a block of image data that is base64 already.
    pub fn new(data: impl Into<Text<'a>>, mime_type: impl Into<Text<'a>>);
}

impl ImageContent<'_> {
    /// Returns the bytes, or an error if `data` is not valid base64.
    pub fn decode_data(&self) -> Result<Vec<u8>, InvalidBase64> {
        decode_base64(&self.data)
    }
}

wire_type! {
    /// A sound; since 2025-03-26.
    #[derive(Debug)]
    pub struct AudioContent<'a> [replaced_before(V2025_03_26, audio_as_resource)] {
        const kind as "type": AudioType,
        /// The data in base64, as it came: it is not checked while decoding the message.
        data: Text<'a>,
        /// What kind of audio it is, such as a MIME type says.
        mime_type as "mimeType": Text<'a>,
        /// Who it is for and how important it is.
        #[read(crate::model::field::hint)]
        annotations?: Annotations<'a>,
        /// Metadata of the block; since 2025-06-18.
        meta? as "_meta": Meta<'a> [since(V2025_06_18)],
    }

    /// Creates a block of audio data that is base64 already.
    pub fn new(data: impl Into<Text<'a>>, mime_type: impl Into<Text<'a>>);
}

impl AudioContent<'_> {
    /// Returns the bytes, or an error if `data` is not valid base64.
    pub fn decode_data(&self) -> Result<Vec<u8>, InvalidBase64> {
        decode_base64(&self.data)
    }
}

/// What 2024-11-05 has for a sound: an embedded resource with the same data and type
/// (`data.content.kinds`).
fn audio_as_resource(written: &[u8]) -> Result<Vec<u8>, EncodeError> {
    converted(written, |audio: AudioContent<'_>| {
        let mut contents = BlobResourceContents::new("urn:mcp:audio", audio.data);
        contents.mime_type = Some(audio.mime_type);
        let mut block = EmbeddedResource::new(contents);
        block.annotations = audio.annotations;
        Ok(block)
    })
}

wire_type! {
    /// A resource by its URI; the server need not list it. Since 2025-06-18.
    #[derive(Debug)]
    pub struct ResourceLink<'a> [replaced_before(V2025_06_18, link_as_text)] {
        const kind as "type": LinkType,
        /// Where the resource can be read.
        uri: Text<'a>,
        /// The name for programs.
        name: Text<'a>,
        /// The name for people.
        title?: Text<'a>,
        /// What the resource is, for people and models.
        description?: Text<'a>,
        /// The MIME type, if it is known.
        mime_type? as "mimeType": Text<'a>,
        /// The size in bytes before any encoding, if it is known.
        #[read(crate::model::field::integer)]
        size?: i64,
        /// Pictures to show for it; since 2025-11-25.
        #[read(crate::model::initialize::icons)]
        icons?: Vec<Icon<'a>> [since(V2025_11_25)],
        /// Who it is for and how important it is.
        #[read(crate::model::field::hint)]
        annotations?: Annotations<'a>,
        /// Metadata of the link.
        meta? as "_meta": Meta<'a>,
    }

    /// Creates a link to the resource at `uri`.
    pub fn new(uri: impl Into<Text<'a>>, name: impl Into<Text<'a>>);
}

/// What revisions before 2025-06-18 have for a link: the same link in Markdown
/// (`data.content.kinds`).
fn link_as_text(written: &[u8]) -> Result<Vec<u8>, EncodeError> {
    converted(written, |link: ResourceLink<'_>| {
        let name = link.title.filter(|title| !title.is_empty());
        let name = name.unwrap_or(link.name);
        let mut block = TextContent::new(alloc::format!("[{name}]({})", link.uri));
        block.annotations = link.annotations.map(Box::new);
        Ok(block)
    })
}

wire_type! {
    /// A resource with its contents, as a content block.
    #[derive(Debug)]
    pub struct EmbeddedResource<'a> {
        const kind as "type": ResourceType,
        /// The contents.
        resource: ResourceContents<'a>,
        /// Who it is for and how important it is.
        #[read(crate::model::field::hint)]
        annotations?: Annotations<'a>,
        /// Metadata of the block; since 2025-06-18.
        meta? as "_meta": Meta<'a> [since(V2025_06_18)],
    }

    /// Creates a block with these contents.
    pub fn new(resource: impl Into<ResourceContents<'a>>);
}

/// The contents of a resource: text, or bytes in base64.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum ResourceContents<'a> {
    /// Text.
    Text(TextResourceContents<'a>),
    /// Bytes in base64.
    Blob(BlobResourceContents<'a>),
}

impl<'a> ResourceContents<'a> {
    /// Returns the URI of what was read; it may lie below the one that was asked for.
    pub fn uri(&self) -> &Text<'a> {
        match self {
            Self::Text(contents) => &contents.uri,
            Self::Blob(contents) => &contents.uri,
        }
    }

    /// Returns the MIME type, if it is known.
    pub fn mime_type(&self) -> Option<&Text<'a>> {
        match self {
            Self::Text(contents) => contents.mime_type.as_ref(),
            Self::Blob(contents) => contents.mime_type.as_ref(),
        }
    }
}

impl<'a> ResourceContents<'a> {
    /// Reads the contents that come next, when they have no members but the usual ones, each once and a
    /// string.
    pub(crate) fn read_next(reader: &mut GoodJson<'a>) -> Option<Self> {
        let (mut uri, mut mime_type, mut text, mut blob) = (None, None, None, None);
        reader.object()?;
        while let Some(key) = reader.key()? {
            let place = match key.as_str() {
                "uri" => &mut uri,
                "mimeType" => &mut mime_type,
                "text" => &mut text,
                "blob" => &mut blob,
                _ => return None,
            };
            once(place, reader.text()?)?;
        }
        let mut contents = match (text, blob) {
            (Some(text), None) => Self::Text(TextResourceContents::new(uri?, text)),
            (None, Some(blob)) => Self::Blob(BlobResourceContents::new(uri?, blob)),
            _ => return None,
        };
        match &mut contents {
            Self::Text(contents) => contents.mime_type = mime_type,
            Self::Blob(contents) => contents.mime_type = mime_type,
        }
        Some(contents)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for ResourceContents<'a> {
    /// Returns an error unless there is exactly one of `text` and `blob`.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // Either of them, under the name that errors have for it.
        struct ResourceContents<'a> {
            uri: Text<'a>,
            mime_type: Option<Text<'a>>,
            text: Option<Text<'a>>,
            blob: Option<Text<'a>>,
            meta: Option<Meta<'a>>,
        }
        named! {
            read struct ResourceContents<'a> {
                uri, [mime_type] = "mimeType", [text], [blob], [meta] = "_meta"
            }
        }

        let ResourceContents {
            uri,
            mime_type,
            text,
            blob,
            meta,
        } = ResourceContents::deserialize(deserializer)?;
        match (text, blob) {
            (Some(text), None) => Ok(Self::Text(TextResourceContents {
                uri,
                mime_type,
                text,
                meta,
            })),
            (None, Some(blob)) => Ok(Self::Blob(BlobResourceContents {
                uri,
                mime_type,
                blob,
                meta,
            })),
            (Some(_), Some(_)) => Err(de::Error::custom("both `text` and `blob`")),
            (None, None) => Err(de::Error::custom("neither `text` nor `blob`")),
        }
    }
}

impl Serialize for ResourceContents<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text(contents) => contents.serialize(serializer),
            Self::Blob(contents) => contents.serialize(serializer),
        }
    }
}

impl IntoOwned for ResourceContents<'_> {
    type Owned = ResourceContents<'static>;

    fn owned_from(self, source: Source<'_>) -> ResourceContents<'static> {
        match self {
            Self::Text(contents) => ResourceContents::Text(contents.owned_from(source)),
            Self::Blob(contents) => ResourceContents::Blob(contents.owned_from(source)),
        }
    }
}

impl<'a> From<TextResourceContents<'a>> for ResourceContents<'a> {
    fn from(contents: TextResourceContents<'a>) -> Self {
        Self::Text(contents)
    }
}

impl<'a> From<BlobResourceContents<'a>> for ResourceContents<'a> {
    fn from(contents: BlobResourceContents<'a>) -> Self {
        Self::Blob(contents)
    }
}

wire_type! {
    /// The contents of a resource that is text.
    #[derive(Debug)]
    pub struct TextResourceContents<'a> {
        /// The URI of what was read.
        uri: Text<'a>,
        /// The MIME type, if it is known.
        mime_type? as "mimeType": Text<'a>,
        /// The text.
        text: Text<'a>,
        /// Metadata of the contents; since 2025-06-18.
        meta? as "_meta": Meta<'a> [since(V2025_06_18)],
    }

    /// Returns the text of the resource at `uri`.
    pub fn new(uri: impl Into<Text<'a>>, text: impl Into<Text<'a>>);
}

wire_type! {
    /// The contents of a resource that is bytes.
    #[derive(Debug)]
    pub struct BlobResourceContents<'a> {
        /// The URI of what was read.
        uri: Text<'a>,
        /// The MIME type, if it is known.
        mime_type? as "mimeType": Text<'a>,
        /// The bytes in base64, as they came: they are not checked while decoding the message.
        blob: Text<'a>,
        /// Metadata of the contents; since 2025-06-18.
        meta? as "_meta": Meta<'a> [since(V2025_06_18)],
    }

    /// Returns the bytes of the resource at `uri`, in base64 already.
    pub fn new(uri: impl Into<Text<'a>>, blob: impl Into<Text<'a>>);
}

impl<'a> BlobResourceContents<'a> {
    /// Returns the bytes of the resource at `uri`, encoded here.
    pub fn from_bytes(uri: impl Into<Text<'a>>, bytes: &[u8]) -> Self {
        Self::new(uri, BASE64_STANDARD.encode(bytes))
    }

    /// Returns the bytes. Returns an error if `blob` is not valid base64.
    pub fn decode_blob(&self) -> Result<Vec<u8>, InvalidBase64> {
        decode_base64(&self.blob)
    }
}

open_struct! {
    /// Hints on who a resource or a content block is for and how important it is.
    Annotations {
        /// Who it is meant for.
        audience: Vec<Role<'a>> = "audience",
        /// How much it matters, from 0 (optional) to 1 (required); not checked on decoding.
        priority: f64 = "priority" as Number,
        /// When it was last changed, in ISO 8601; since 2025-06-18.
        last_modified: Text<'a> = "lastModified" [since(V2025_06_18)],
    }
}

impl Annotations<'_> {
    /// Returns whether the priority, if there is one, lies between 0 and 1 as the schema asks.
    pub fn is_priority_in_range(&self) -> bool {
        self.priority
            .is_none_or(|priority| (0.0..=1.0).contains(&priority))
    }
}

open_enum! {
    /// Who speaks in a conversation, or who something is meant for.
    Role {
        /// The person.
        User = "user",
        /// The model.
        Assistant = "assistant",
    }
}
