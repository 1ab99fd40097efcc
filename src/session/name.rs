//! A method's name: one of the protocol's own without a copy, or an extension's.

use alloc::boxed::Box;

use serde::{Deserialize, Serialize};

use crate::model::method::Known;

/// The method of a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum MethodName {
    Known(Known),
    Other(Box<str>),
}

impl MethodName {
    pub(crate) fn new(name: &str) -> Self {
        Known::from_wire(name).map_or_else(|| Self::Other(name.into()), Self::Known)
    }

    pub(crate) fn as_str(&self) -> &str {
        match self {
            Self::Known(known) => known.as_str(),
            Self::Other(name) => name,
        }
    }

    pub(crate) fn known(&self) -> Option<Known> {
        match self {
            Self::Known(known) => Some(*known),
            Self::Other(_) => None,
        }
    }
}
