//! Writing typed values as compact JSON for one revision, straight into the caller's buffer.
//! The body of a message (params or result) is merged with what the session adds to it.

mod key;
mod root;
mod value;
mod verbatim;

use alloc::boxed::Box;
use alloc::string::ToString;
use alloc::vec::Vec;
use core::fmt::Display;

use serde::{Serialize, ser};

use crate::Revision;

/// What the session adds to a message's params or result while it is written.
#[derive(Clone, Copy, Debug, Default)]
#[expect(
    clippy::exhaustive_structs,
    reason = "built in place wherever a message is written"
)]
pub struct SessionMembers<'a> {
    /// Members for `_meta`, already encoded: `"key":value,"key":value`. They are merged into the
    /// value's own `_meta`, which may not have one of their keys.
    pub meta: &'a [u8],
    /// Members for the object itself, already encoded, written after the value's own. The value's
    /// own `resultType`, `ttlMs` and `cacheScope` win over those given here.
    pub members: &'a [u8],
}

/// What is known of a body once it is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Encoded {
    /// Where in the buffer (start and end) the JSON token of the root's `name`, `uri` or `taskId`
    /// stands, which HTTP repeats in a header; `None` when the root has none of them.
    pub name: Option<(usize, usize)>,
}

/// Why a value can't be written as the body of a message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EncodeError {
    /// Params, results and `_meta` are objects; the value is something else.
    #[error("the value is not a json object")]
    NotAnObject,
    /// JSON has no infinities and no "not a number".
    #[error("a number is not finite")]
    NotFinite,
    /// A map has keys that can't be written as strings.
    #[error("a map key is not a string")]
    KeyNotString,
    /// The value's own `_meta` has a key that belongs to the protocol and that the session writes.
    #[error("the _meta key {key} is written by the protocol itself")]
    #[non_exhaustive]
    ReservedMeta {
        /// The key.
        key: Box<str>,
    },
    /// The negotiated revision has no way to say this.
    #[error("{what} can't be sent in revision {revision}")]
    #[non_exhaustive]
    NotInRevision {
        /// What it was, in words, such as `a tool use block`.
        what: &'static str,
        /// The revision that was written for.
        revision: Revision,
    },
    /// The value's own `Serialize` failed with this message.
    #[error("{0}")]
    Custom(Box<str>),
}

impl ser::Error for EncodeError {
    fn custom<T: Display>(message: T) -> Self {
        Self::Custom(message.to_string().into())
    }
}

/// Appends `value` as the params or result of a message in `revision`, merged with `additions`.
///
/// A value that is `null` or a unit is written as an object. Errs when the value isn't an object
/// in JSON or can't be said in `revision`; then `out` is as it was.
#[inline]
pub fn encode_body<T: Serialize + ?Sized>(
    out: &mut Vec<u8>,
    revision: Revision,
    value: &T,
    additions: &SessionMembers<'_>,
) -> Result<Encoded, EncodeError> {
    let start = out.len();
    let encoded = value.serialize(root::Root {
        out,
        revision,
        additions,
    });
    if encoded.is_err() {
        out.truncate(start);
    }
    encoded
}

/// Appends `value`, of whatever kind, as `revision` writes it, such as a member of a `_meta`.
///
/// Errs as [`encode_body`] does, save that the value need not be an object; then `out` is as it
/// was. Capabilities are to be lowered by their own `for_revision` before.
pub fn encode_value<T: Serialize + ?Sized>(
    out: &mut Vec<u8>,
    revision: Revision,
    value: &T,
) -> Result<(), EncodeError> {
    let start = out.len();
    let encoded = value.serialize(value::Value { out, revision });
    if encoded.is_err() {
        out.truncate(start);
    }
    encoded
}

/// Writes the methods of a `Serializer` that always err: those that return `Ok`, or a compound.
macro_rules! refuse {
    (values, $error:expr => $($method:ident($($kind:ty),*)),* $(,)?) => { $(
        fn $method(self, $(_: $kind),*) -> Result<Self::Ok, $crate::model::encode::EncodeError> {
            Err($error)
        }
    )* };
    (compounds, $error:expr => $($compound:ident $method:ident($($kind:ty),*)),* $(,)?) => { $(
        fn $method(
            self,
            $(_: $kind),*
        ) -> Result<Self::$compound, $crate::model::encode::EncodeError> {
            Err($error)
        }
    )* };
}

use refuse;
