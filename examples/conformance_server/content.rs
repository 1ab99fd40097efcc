//! The smallest picture and the shortest sound, for whoever wants to show content of every kind.

use mcp_proto::model::content::{ContentBlock, TextResourceContents};

/// A PNG of one pixel.
pub const PNG: &str =
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR42mNQaDgAAAIkAWHj6Uk8AAAAAElFTkSuQmCC";
/// A WAV of a millisecond of silence.
const WAV: &str = "UklGRiwAAABXQVZFZm10IBAAAAABAAEAQB8AAEAfAAABAAgAZGF0YQgAAACAgICAgICAgA==";

/// A picture.
pub fn image() -> ContentBlock<'static> {
    ContentBlock::image(PNG, "image/png")
}

/// A sound.
pub fn audio() -> ContentBlock<'static> {
    ContentBlock::audio(WAV, "audio/wav")
}

/// A text resource, embedded.
pub fn embedded(uri: String, mime_type: &'static str, text: &'static str) -> ContentBlock<'static> {
    ContentBlock::resource(TextResourceContents::new(uri, text).mime_type(mime_type))
}
