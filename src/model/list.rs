//! Lists of a peer, read element by element: one that doesn't fit never costs the others.
//! What couldn't be read is kept as it came, with the reason, so that nothing is lost silently.

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::vec::{self, Vec};
use core::fmt;
use core::ops::{Deref, DerefMut};
use core::slice;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::model::field::{json_text, reason};
use crate::model::owned::IntoOwned;
use crate::rpc::{GoodJson, Raw, Source, elements};

/// An element of a list, or a content block, that doesn't fit its type, as it came. The rest was read;
/// what it was can be found in its JSON.
///
/// `Debug` shows the reason and the size, not the content.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Unreadable<'a> {
    /// The JSON of the element.
    pub raw: Raw<'a>,
    /// What is wrong with it, in words, such as ``missing field `name` ``. At most 256 bytes.
    pub reason: Box<str>,
}

impl<'a> Unreadable<'a> {
    pub(crate) fn new(json: &'a str, error: &serde_json::Error) -> Self {
        Self {
            raw: Raw::trusted(Cow::Borrowed(json)),
            reason: reason(error),
        }
    }
}

impl fmt::Display for Unreadable<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}

impl core::error::Error for Unreadable<'_> {}

impl IntoOwned for Unreadable<'_> {
    type Owned = Unreadable<'static>;

    fn owned_from(self, source: Source<'_>) -> Unreadable<'static> {
        Unreadable {
            raw: self.raw.owned_from(source),
            reason: self.reason,
        }
    }
}

/// A list that a peer sent: it is the elements that could be read, as a `Vec`, and beside them
/// [`skipped`](Self::skipped), those that couldn't.
///
/// It reads, grows and is iterated like a `Vec`, and `Vec::into` makes one. Skipped elements are
/// not written again. A `null` reads as an empty list, as some languages write one.
#[derive(Clone, Debug, PartialEq)]
pub struct List<'a, T> {
    elements: Vec<T>,
    skipped: Vec<Unreadable<'a>>,
}

impl<'a, T> List<'a, T> {
    /// Creates an empty list.
    pub const fn new() -> Self {
        Self {
            elements: Vec::new(),
            skipped: Vec::new(),
        }
    }

    /// Returns the elements that don't fit their type, in the order in which they came.
    pub fn skipped(&self) -> &[Unreadable<'a>] {
        &self.skipped
    }

    /// Returns the elements that could be read.
    pub fn into_vec(self) -> Vec<T> {
        self.elements
    }

    /// Returns the elements, provided that all of them could be read: for those who would rather
    /// have nothing than a part.
    ///
    /// Returns the first that couldn't as the error.
    pub fn into_complete(self) -> Result<Vec<T>, Unreadable<'a>> {
        match self.skipped.into_iter().next() {
            Some(unreadable) => Err(unreadable),
            None => Ok(self.elements),
        }
    }
}

impl<T> Default for List<'_, T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Deref for List<'_, T> {
    type Target = Vec<T>;

    fn deref(&self) -> &Vec<T> {
        &self.elements
    }
}

impl<T> DerefMut for List<'_, T> {
    fn deref_mut(&mut self) -> &mut Vec<T> {
        &mut self.elements
    }
}

impl<T> From<Vec<T>> for List<'_, T> {
    fn from(elements: Vec<T>) -> Self {
        Self {
            elements,
            skipped: Vec::new(),
        }
    }
}

impl<T> FromIterator<T> for List<'_, T> {
    fn from_iter<I: IntoIterator<Item = T>>(elements: I) -> Self {
        Vec::from_iter(elements).into()
    }
}

impl<T> IntoIterator for List<'_, T> {
    type Item = T;
    type IntoIter = vec::IntoIter<T>;

    fn into_iter(self) -> vec::IntoIter<T> {
        self.elements.into_iter()
    }
}

impl<'l, T> IntoIterator for &'l List<'_, T> {
    type Item = &'l T;
    type IntoIter = slice::Iter<'l, T>;

    fn into_iter(self) -> slice::Iter<'l, T> {
        self.elements.iter()
    }
}

impl<T: PartialEq<U>, U> PartialEq<Vec<U>> for List<'_, T> {
    /// Whether these are all its elements, none of them skipped.
    fn eq(&self, other: &Vec<U>) -> bool {
        self.skipped.is_empty() && self.elements == *other
    }
}

impl<T: PartialEq<U>, U, const N: usize> PartialEq<[U; N]> for List<'_, T> {
    /// Whether these are all its elements, none of them skipped.
    fn eq(&self, other: &[U; N]) -> bool {
        self.skipped.is_empty() && self.elements == *other
    }
}

impl<T: Serialize> Serialize for List<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.elements.serialize(serializer)
    }
}

impl<'de: 'a, 'a, T: Deserialize<'a>> Deserialize<'de> for List<'a, T> {
    /// Returns an error if the value is neither an array nor `null`.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = json_text(deserializer)?;
        Self::read(text).ok_or_else(|| de::Error::custom("expected an array"))
    }
}

/// What stands in lists that a peer sends.
pub(crate) trait Element<'a>: Deserialize<'a> {
    /// Reads the element that comes next, if it is as most are; `None` says nothing about others.
    fn read_next(reader: &mut GoodJson<'a>) -> Option<Self> {
        serde_json::from_str(reader.value()?).ok()
    }

    /// Reads the list that comes next, if all of it is as most are: then each byte of it is read once.
    fn read_list(reader: &mut GoodJson<'a>) -> Option<List<'a, Self>> {
        let mut elements = Vec::new();
        reader.array()?;
        while reader.has_element() {
            elements.push(Self::read_next(reader)?);
        }
        Some(elements.into())
    }
}

/// Takes a member into its place; `None` if it is there already.
pub(crate) fn once<T>(place: &mut Option<T>, value: T) -> Option<()> {
    place.replace(value).is_none().then_some(())
}

impl<'a, T: Deserialize<'a>> List<'a, T> {
    /// Reads a list from JSON that is known to be good; `None` when it is neither an array nor `null`.
    pub(crate) fn read(text: &'a str) -> Option<Self> {
        if text == "null" {
            return Some(Self::new());
        }
        if !text.starts_with('[') {
            return None;
        }
        // Nearly every list is good, and is read in one go.
        if let Ok(elements) = serde_json::from_str::<Vec<T>>(text) {
            return Some(elements.into());
        }
        let mut list = Self::new();
        for element in elements(text.as_bytes()) {
            let Some(json) = text.get(element.range()) else {
                continue;
            };
            match serde_json::from_str(json) {
                Ok(element) => list.elements.push(element),
                Err(error) => list.skipped.push(Unreadable::new(json, &error)),
            }
        }
        Some(list)
    }
}

impl<T: IntoOwned> IntoOwned for List<'_, T> {
    type Owned = List<'static, T::Owned>;

    fn owned_from(self, source: Source<'_>) -> Self::Owned {
        List {
            elements: self.elements.owned_from(source),
            skipped: self.skipped.owned_from(source),
        }
    }
}
