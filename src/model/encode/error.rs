//! Why a value can't be written, and the serializer methods that refuse what has no place.

use alloc::boxed::Box;
use alloc::string::ToString;
use core::fmt::Display;

use serde::ser;

use crate::revision::Revision;

/// Why a value can't be written as the body of a message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EncodeError {
    /// Params, results and `_meta` are objects; the value is something else: wrap it in a struct.
    #[error("the value is not a json object")]
    NotAnObject,
    /// JSON has no infinities and no "not a number": send a string, or leave it out.
    #[error("a number is not finite")]
    NotFinite,
    /// A map has keys that can't be written as strings: use strings or integers.
    #[error("a map key is not a string")]
    KeyNotString,
    /// The value's own `_meta` has a key that belongs to the protocol and that the session writes:
    /// remove it.
    #[error("the _meta key {key} is written by the protocol itself")]
    #[non_exhaustive]
    ReservedMeta {
        /// The key.
        key: Box<str>,
    },
    /// The negotiated revision has no way to say this: send something else to this peer.
    #[error("{what} can't be sent in revision {revision}")]
    #[non_exhaustive]
    NotInRevision {
        /// What it was, in words, such as `a tool use block`.
        what: &'static str,
        /// The revision that was written for.
        revision: Revision,
    },
    /// The value's own `Serialize` failed with this message: it has to be corrected there.
    #[error("{0}")]
    Custom(Box<str>),
}

impl ser::Error for EncodeError {
    fn custom<T: Display>(message: T) -> Self {
        Self::Custom(message.to_string().into())
    }
}

/// Writes the methods of a `Serializer` that always fail: those that return `Ok`, or a compound.
macro_rules! refuse {
    (values, $error:expr => $($method:ident($($kind:ty),*)),* $(,)?) => { $(
        fn $method(self, $(_: $kind),*) -> Result<Self::Ok, $crate::model::encode::error::EncodeError> {
            Err($error)
        }
    )* };
    (compounds, $error:expr => $($compound:ident $method:ident($($kind:ty),*)),* $(,)?) => { $(
        fn $method(
            self,
            $(_: $kind),*
        ) -> Result<Self::$compound, $crate::model::encode::error::EncodeError> {
            Err($error)
        }
    )* };
}

pub(super) use refuse;
