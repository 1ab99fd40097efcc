//! Content blocks for revisions that don't know their kind: rewritten where they were just written.

use alloc::vec::Vec;

use serde_json::value::RawValue;

use crate::Revision;
use crate::model::encode::EncodeError;
use crate::rpc::member_of;

/// Turns an audio block into an embedded resource with the same data and type
/// (`data.content.kinds`).
pub(super) fn audio_as_resource(out: &mut Vec<u8>, start: usize) {
    let block = out.split_off(start);
    let token = |name| member_of(&block, name).unwrap_or(b"\"\"");
    out.extend_from_slice(br#"{"type":"resource","resource":{"uri":"urn:mcp:audio","mimeType":"#);
    out.extend_from_slice(token("mimeType"));
    out.extend_from_slice(br#","blob":"#);
    out.extend_from_slice(token("data"));
    out.push(b'}');
    close_block(out, &block);
}

/// Turns a link to a resource into the same link in Markdown (`data.content.kinds`).
pub(super) fn link_as_text(out: &mut Vec<u8>, start: usize) {
    let block = out.split_off(start);
    let inside = |name| {
        member_of(&block, name)
            .map(inside_quotes)
            .filter(|text| !text.is_empty())
    };
    // The insides of string tokens are escaped already, so they can be put side by side.
    out.extend_from_slice(br#"{"type":"text","text":"["#);
    out.extend_from_slice(
        inside("title")
            .or_else(|| inside("name"))
            .unwrap_or_default(),
    );
    out.extend_from_slice(b"](");
    out.extend_from_slice(inside("uri").unwrap_or_default());
    out.extend_from_slice(b")\"");
    close_block(out, &block);
}

/// Ends a rewritten block with the annotations of the original.
fn close_block(out: &mut Vec<u8>, original: &[u8]) {
    if let Some(annotations) = member_of(original, "annotations") {
        out.extend_from_slice(b",\"annotations\":");
        out.extend_from_slice(annotations);
    }
    out.push(b'}');
}

fn inside_quotes(token: &[u8]) -> &[u8] {
    let inside = token
        .strip_prefix(b"\"")
        .and_then(|rest| rest.strip_suffix(b"\""));
    inside.unwrap_or_default()
}

/// Writes the content of a sampling message as the one block that older revisions have room for
/// (`sampling.noarray.old`).
pub(super) fn single_block(
    out: &mut Vec<u8>,
    _: usize,
    value_start: usize,
    revision: Revision,
) -> Result<(), EncodeError> {
    let refused = |what| Err(EncodeError::NotInRevision { what, revision });
    if out.get(value_start) == Some(&b'[') {
        let array = out.split_off(value_start);
        let blocks: Vec<&RawValue> =
            serde_json::from_slice(&array).map_err(serde::ser::Error::custom)?;
        let [block] = blocks.as_slice() else {
            return refused("a sampling message that isn't exactly one block");
        };
        out.extend_from_slice(block.get().as_bytes());
    }
    let block = out.get(value_start..).unwrap_or_default();
    // Sampling has no resources: this was an audio block, rewritten for the oldest revision.
    if member_of(block, "type") == Some(b"\"resource\"") {
        return refused("audio in a sampling message");
    }
    Ok(())
}
