//! Why a value can't be written, and the serializer methods that refuse what has no place.

use alloc::boxed::Box;
use alloc::string::ToString;
use core::fmt;
use core::fmt::Display;

use serde::ser;

use crate::revision::Revision;

/// Why a value can't be written as the body of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum EncodeError {
    /// Params, results and `_meta` are objects; the value is something else: wrap it in a struct.
    NotAnObject,
    /// JSON has no infinities and no "not a number": send a string, or leave it out.
    NotFinite,
    /// A map has keys that can't be written as strings: use strings or integers.
    KeyNotString,
    /// The value's own `_meta` has a key that belongs to the protocol and that the session writes:
    /// remove it.
    #[non_exhaustive]
    ReservedMeta {
        /// The key.
        key: Box<str>,
    },
    /// The negotiated revision has no way to say this: send something else to this peer.
    #[non_exhaustive]
    NotInRevision {
        /// What it was, in words, such as `a tool use block`.
        what: &'static str,
        /// The revision that was written for.
        revision: Revision,
    },
    /// The value's own `Serialize` failed with this message: it has to be corrected there.
    Custom(Box<str>),
}

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAnObject => f.write_str("the value is not a json object"),
            Self::NotFinite => f.write_str("a number is not finite"),
            Self::KeyNotString => f.write_str("a map key is not a string"),
            Self::ReservedMeta { key } => {
                write!(f, "the _meta key {key} is written by the protocol itself")
            }
            Self::NotInRevision { what, revision } => {
                write!(f, "{what} can't be sent in revision {revision}")
            }
            Self::Custom(text) => f.write_str(text),
        }
    }
}

impl core::error::Error for EncodeError {}

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
