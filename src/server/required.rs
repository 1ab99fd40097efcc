//! The scopes that things need, by what they are called.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::sync::Arc;

use crate::scopes::Scopes;

/// What can need scopes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Tool,
    /// A resource by its URI, a template by its text.
    Resource,
    Prompt,
}

impl Kind {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Tool => "tool",
            Self::Resource => "resource",
            Self::Prompt => "prompt",
        }
    }
}

/// The scopes that things need, by what they are called. A copy shares them.
#[derive(Clone, Default)]
pub(super) struct Required(Arc<BTreeMap<(Kind, Box<str>), Scopes>>);

impl Required {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn of(&self, kind: Kind, name: &str) -> Option<&Scopes> {
        self.0.get(&(kind, name.into()))
    }

    pub(super) fn set(&mut self, kind: Kind, name: &str, scopes: Scopes) {
        Arc::make_mut(&mut self.0).insert((kind, name.into()), scopes);
    }

    /// All of them, with what needs them.
    pub(super) fn iter(&self) -> impl Iterator<Item = (Kind, &str, &Scopes)> {
        let each = self.0.iter();
        each.map(|((kind, name), scopes)| (*kind, &**name, scopes))
    }
}
