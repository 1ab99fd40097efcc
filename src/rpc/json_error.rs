//! What is wrong with a text that should be a JSON value, or with a value that JSON can't express.
//! The public API names this instead of a type of the crate that does the work.

use core::fmt;
use core::fmt::Display;

use serde::ser;

/// Why a JSON text can't be read as a value, or a value not be written as JSON.
///
/// It says what is wrong and where in the text. A conversion of your own makes one with
/// [`serde::ser::Error::custom`].
#[derive(Debug)]
pub struct JsonError(serde_json::Error);

impl JsonError {
    pub(crate) const fn new(error: serde_json::Error) -> Self {
        Self(error)
    }
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl core::error::Error for JsonError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        self.0.source()
    }
}

impl ser::Error for JsonError {
    fn custom<T: Display>(reason: T) -> Self {
        Self(ser::Error::custom(reason))
    }
}
