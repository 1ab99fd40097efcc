//! JSON-RPC 2.0: frames to messages and back, without a single MCP method name.

mod decode;
mod error;
mod found;
mod id;
mod message;
mod raw;
mod repeated;
mod scan;
mod text;
mod walk;
pub(crate) mod write;

pub use decode::{Kind, Rejection};
pub use error::{RpcError, code};
#[doc(hidden)]
pub use found::Found;
pub use id::RequestId;
pub use message::{Message, Peek};
pub use raw::Raw;
pub use text::Text;

pub(crate) use decode::{Decoded, Envelope, decode, is_string, salvage};
pub(crate) use found::Places;
pub(crate) use message::{error_of, raw_at, text_at};
pub(crate) use raw::RAW_TOKEN;
pub(crate) use repeated::Repeated;
pub(crate) use scan::{EnvelopeKey, Member, Scan, Span};
pub(crate) use text::{Concealed, bounded};
pub(crate) use walk::{Entry, elements, listed_members, member_of, members, string_of};
pub(crate) use write::{write_i64, write_string};
