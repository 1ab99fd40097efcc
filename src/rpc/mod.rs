//! JSON-RPC 2.0: frames to messages and back, without a single word of MCP's.

#![cfg_attr(
    not(test),
    warn(
        clippy::arithmetic_side_effects,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic,
        clippy::string_slice,
        clippy::unreachable,
        clippy::unwrap_used
    )
)]

mod chars;
mod decode;
mod error;
mod escaped;
mod good_json;
mod id;
mod json_error;
mod landmarks;
mod look;
mod message;
pub(crate) mod plain;
mod raw;
mod repeated;
mod scan;
mod scanned;
mod span;
mod text;
mod walk;
mod whole;
pub(crate) mod write;

pub use chars::Source;
pub use decode::{Kind, Rejection};
pub use error::{RpcError, code};
pub use id::RequestId;
pub use json_error::JsonError;
pub use message::Message;
pub use raw::Raw;
pub use scanned::ScannedFrame;
pub use text::Text;

pub(crate) use decode::{Decoded, Envelope, decode, recover_id};
pub(crate) use good_json::GoodJson;
pub(crate) use landmarks::Landmarks;
pub(crate) use message::{Sendable, error_of, method_of, raw_at, text_at};
pub(crate) use raw::{RAW_TOKEN, is_json, read_json};
pub(crate) use repeated::Repeated;
pub(crate) use scan::{EnvelopeKey, Scan};
pub(crate) use span::{BodySpans, KeyTable, Span};
pub(crate) use text::{Concealed, bounded, start_of};
pub(crate) use walk::{
    Entry, Token, elements, is_string, listed_members, member_of, members, string_of, tokens,
};
pub(crate) use whole::Whole;
pub(crate) use write::{write_i64, write_string};
