//! The state of a request: what a server hands to the client between the rounds, opaque to it.

use core::fmt;

use crate::model::owned::IntoOwned;
use crate::named::transparent;
use crate::rpc::{Concealed, Source, Text};

/// What a server hands to the client between the rounds of a request, and gets back unchanged.
///
/// A client only echoes it. A server has to treat what comes back as the work of an attacker.
/// `Debug` shows its length only.
// `mrtr.state.attacker`
#[derive(Clone, PartialEq, Eq)]
pub struct RequestState<'a>(Text<'a>);

transparent! { RequestState<'a> }

impl<'a> RequestState<'a> {
    /// Returns the state `text`, in whatever form the server chose.
    pub fn new(text: impl Into<Text<'a>>) -> Self {
        Self(text.into())
    }

    /// Returns the text that the server chose, for that server.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for RequestState<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RequestState({:?})", Concealed(self.0.len()))
    }
}

impl<'a, T: Into<Text<'a>>> From<T> for RequestState<'a> {
    fn from(text: T) -> Self {
        Self::new(text)
    }
}

impl IntoOwned for RequestState<'_> {
    type Owned = RequestState<'static>;

    fn owned_from(self, source: Source<'_>) -> RequestState<'static> {
        RequestState(self.0.owned_from(source))
    }
}
