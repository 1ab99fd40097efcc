//! Writing typed values as compact JSON for one revision, straight into the caller's buffer.
//! The body of a message (params or result) is merged with what the session adds to it.
//!
//! Imports go one way: this file, `root`, `value`, then `table` (which types have rules), then the
//! model's types, then `downgrade` (what a rule is), `error`.

pub(crate) mod downgrade;
mod error;
mod key;
mod root;
mod table;
mod value;
mod verbatim;

use alloc::vec::Vec;

use serde::Serialize;

use crate::revision::Revision;
use downgrade::Target;
pub use error::EncodeError;
pub use root::{Encoded, SessionMembers};

/// Appends `value` as the params or result of a message in `revision`, merged with `additions`.
///
/// A value that is `null` or a unit is written as an object. Returns an error if the value isn't
/// an object in JSON or `revision` has no words for it; then `out` is as it was.
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
/// Returns an error as [`encode_body`] does, except that the value need not be an object; then
/// `out` is as it was. Capabilities have to be converted by their own `for_revision` first.
pub fn encode_value<T: Serialize + ?Sized>(
    out: &mut Vec<u8>,
    revision: Revision,
    value: &T,
) -> Result<(), EncodeError> {
    let start = out.len();
    let encoded = value.serialize(value::Value {
        out,
        target: Target {
            revision,
            keeps_structured: false,
        },
    });
    if encoded.is_err() {
        out.truncate(start);
    }
    encoded
}
