//! The members of an object of a configuration that nobody has taken yet, so that what is left in
//! the end is what has no meaning here.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::UnknownField;
use super::error::list_keys;
use super::paths::copy_json;
use super::source::Source;
use crate::rpc::{Entry, Raw, Span, string_of};

/// A member of an object that stands there twice.
pub(super) struct Twice {
    pub(super) value: Span,
    pub(super) first: Span,
    pub(super) again: Span,
}

/// The members that are left, in the file's order.
pub(super) struct Fields<'a> {
    source: &'a Source<'a>,
    left: Vec<(String, Entry)>,
}

impl<'a> Fields<'a> {
    pub(super) fn new(source: &'a Source<'a>, object: Span) -> Self {
        let named = |entry: Entry| (string_of(source.bytes(entry.key)).into_owned(), entry);
        Self {
            source,
            left: source.members(object).map(named).collect(),
        }
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.left.iter().any(|(key, _)| key == name)
    }

    /// The keys that are left, for an error.
    pub(super) fn keys(&self) -> Box<str> {
        list_keys(self.left.iter().map(|(key, _)| key.as_str()))
    }

    /// Takes the value of `name`. Returns an error if the object has it twice.
    pub(super) fn take(&mut self, name: &str) -> Result<Option<Span>, Twice> {
        self.take_if(name, |_| true)
    }

    /// Takes the value of `name` if it fits.
    pub(super) fn take_if(
        &mut self,
        name: &str,
        fits: impl Fn(Span) -> bool,
    ) -> Result<Option<Span>, Twice> {
        let is_it = |(key, entry): &(String, Entry)| key == name && fits(entry.value);
        let Some(index) = self.left.iter().position(is_it) else {
            return Ok(None);
        };
        let (_, entry) = self.left.remove(index);
        match self.left.iter().find(|field| is_it(field)) {
            None => Ok(Some(entry.value)),
            Some((_, again)) => Err(Twice {
                value: entry.value,
                first: entry.key,
                again: again.key,
            }),
        }
    }

    /// What is left.
    pub(super) fn into_left(self) -> Vec<(String, Entry)> {
        self.left
    }

    /// What is left, as the file has it.
    pub(super) fn into_unknown(self, prefix: &str) -> Vec<UnknownField> {
        let unknown = |(key, entry): (String, Entry)| UnknownField {
            path: format!("{prefix}{key}"),
            value: as_it_is(self.source, entry.value),
        };
        self.left.into_iter().map(unknown).collect()
    }
}

/// A value as the file has it, on one line.
pub(super) fn as_it_is(source: &Source<'_>, value: Span) -> Raw<'static> {
    let json = copy_json(source.bytes(value), "", &mut |_, _, _| None);
    Raw::trusted(json.into())
}
