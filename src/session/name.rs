//! A method's name: one of the protocol's own without a copy, or an extension's.

use alloc::boxed::Box;

use crate::model::method::{Method, SpecMethod};
use crate::rpc::{Span, Text, text_at};
use crate::saved::saved;

/// The method of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum MethodName {
    Spec(SpecMethod),
    Other(Box<str>),
}

saved! {
    enum MethodName {
        0 => Spec(value),
        1 => Other(value),
    }
}

impl MethodName {
    #[inline]
    pub(crate) fn new(name: &str) -> Self {
        SpecMethod::from_wire(name).map_or_else(|| Self::Other(name.into()), Self::Spec)
    }

    /// The name that stands as a string at `span`; empty when there is none.
    pub(crate) fn at(frame: &[u8], span: Span) -> Self {
        if let [_, name @ .., _] = span.of(frame)
            && let Some(known) = SpecMethod::from_bytes(name)
        {
            return Self::Spec(known);
        }
        Self::new(&text_at(frame, span).unwrap_or(Text::borrowed("")))
    }

    pub(crate) fn as_str(&self) -> &str {
        match self {
            Self::Spec(known) => known.as_str(),
            Self::Other(name) => name,
        }
    }

    /// How many bytes its text holds.
    #[inline]
    pub(crate) fn held(&self) -> usize {
        match self {
            Self::Spec(_) => 0,
            Self::Other(name) => name.len(),
        }
    }

    /// Whether it is the name of `M`.
    #[inline]
    pub(crate) fn is<M: Method>(&self) -> bool {
        match self {
            Self::Spec(known) => SpecMethod::from_wire(M::NAME) == Some(*known),
            Self::Other(name) => **name == *M::NAME,
        }
    }

    pub(crate) fn known(&self) -> Option<SpecMethod> {
        match self {
            Self::Spec(known) => Some(*known),
            Self::Other(_) => None,
        }
    }
}
