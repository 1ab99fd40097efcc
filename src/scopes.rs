//! Sets of scopes, as challenges, metadata and tokens name them: what a token is good for.

use alloc::boxed::Box;
use alloc::collections::BTreeSet;
use alloc::string::String;
use core::fmt;

use crate::named::transparent;

/// A set of scopes, which say what a token is good for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scopes(BTreeSet<Box<str>>);

transparent! { Scopes }

/// How many scopes are kept.
const MOST: usize = 256;

/// How long one may be, in bytes.
const LONGEST: usize = 256;

impl Scopes {
    /// Reads scopes that stand in one text with spaces between them. What is no scope is left out.
    pub fn parse(text: &str) -> Self {
        text.split([' ', '\t']).collect()
    }

    /// Returns these scopes, of which none is left out; `None` if one of them is no scope, or there are
    /// more than are kept.
    pub(crate) fn exact<S: AsRef<str>>(scopes: impl IntoIterator<Item = S>) -> Option<Self> {
        let mut kept = BTreeSet::new();
        for scope in scopes {
            let scope = scope.as_ref();
            if !is_scope(scope) || kept.len() == MOST {
                return None;
            }
            kept.insert(scope.into());
        }
        Some(Self(kept))
    }

    /// Returns those of them that are among `others` too.
    #[cfg(feature = "http-core")]
    pub(crate) fn shared_with(&self, others: &Self) -> Self {
        Self(self.0.intersection(&others.0).cloned().collect())
    }

    /// Returns whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns whether `scope` is one of them.
    pub fn contains(&self, scope: &str) -> bool {
        self.0.contains(scope)
    }

    /// Returns whether all of `others` are among them.
    pub fn covers(&self, others: &Self) -> bool {
        others.0.is_subset(&self.0)
    }

    /// Returns these and `others`.
    #[must_use]
    pub fn union(&self, others: &Self) -> Self {
        self.iter().chain(others.iter()).collect()
    }

    /// Returns them in alphabetical order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|scope| &**scope)
    }
}

fn is_scope(scope: &str) -> bool {
    let is_good = |byte: u8| matches!(byte, 0x21 | 0x23..=0x5B | 0x5D..=0x7E);
    (1..=LONGEST).contains(&scope.len()) && scope.bytes().all(is_good)
}

impl<'a> FromIterator<&'a str> for Scopes {
    fn from_iter<I: IntoIterator<Item = &'a str>>(scopes: I) -> Self {
        let mut kept = BTreeSet::new();
        for scope in scopes.into_iter().filter(|scope| is_scope(scope)) {
            if kept.len() == MOST {
                break;
            }
            kept.insert(scope.into());
        }
        Self(kept)
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::new();
        for scope in self.iter() {
            if !text.is_empty() {
                text.push(' ');
            }
            text.push_str(scope);
        }
        f.write_str(&text)
    }
}
