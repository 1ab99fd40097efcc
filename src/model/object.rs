//! An open JSON object, kept as text and scanned when asked: what `_meta`, capabilities and metadata
//! are made of.

use alloc::borrow::Cow;
use alloc::string::String;
use core::fmt;

use serde::de::{self, Unexpected};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::model::owned::IntoOwned;
use crate::rpc::{Entry, JsonError, Raw, Source, Text, members};

/// An open JSON object, kept as the text it arrived in: order, digits and unknown members intact.
///
/// Two objects are equal when their texts are.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Object<'a>(Raw<'a>);

impl<'a> Object<'a> {
    /// Returns the object without members.
    pub const fn new() -> Self {
        Self(Raw::EMPTY_OBJECT)
    }

    /// Takes `raw` as an object; `None` when it is another kind of JSON value.
    pub fn from_raw(raw: Raw<'a>) -> Option<Self> {
        raw.is_object().then_some(Self(raw))
    }

    /// Returns the object as a JSON value.
    pub fn as_raw(&self) -> &Raw<'a> {
        &self.0
    }

    /// Returns the object as a JSON value, without a copy.
    pub fn into_raw(self) -> Raw<'a> {
        self.0
    }

    /// Returns the value of the member called `key`, the last one when there are several.
    pub fn get(&self, key: &str) -> Option<Raw<'_>> {
        self.find(key).map(|text| Raw::trusted(Cow::Borrowed(text)))
    }

    /// Returns the members in the order in which they are written, duplicates included.
    pub fn entries(&self) -> impl Iterator<Item = (Text<'_>, Raw<'_>)> {
        Written::all(self.0.as_str())
            .map(|member| (member.name(), Raw::trusted(Cow::Borrowed(member.value))))
    }

    /// Returns whether there are no members.
    pub fn is_empty(&self) -> bool {
        Written::all(self.0.as_str()).next().is_none()
    }

    /// Returns the same object with `key` set to `value`, in the place the key had or at the end.
    ///
    /// A value that JSON can't express (a map whose keys aren't strings) leaves the object as it
    /// is; [`Object::insert`] tells.
    #[must_use]
    pub fn with<T: Serialize + ?Sized>(mut self, key: &str, value: &T) -> Self {
        let _unchanged_on_error = self.insert(key, value);
        self
    }

    /// Sets `key` to `value`, in the place the key had or at the end.
    ///
    /// Returns an error, and leaves the object as it is, if JSON can't express `value`.
    pub fn insert<T: Serialize + ?Sized>(&mut self, key: &str, value: &T) -> Result<(), JsonError> {
        let value = serde_json::to_string(value).map_err(JsonError::new)?;
        let key_literal = serde_json::to_string(key).map_err(JsonError::new)?;
        let old = self.0.as_str();
        let mut text = String::with_capacity(old.len().saturating_add(value.len()));
        let mut pending = true;
        for member in Written::all(old) {
            if !member.is_called(key) {
                push_member(&mut text, member.key, member.value);
            } else if pending {
                push_member(&mut text, &key_literal, &value);
                pending = false;
            }
        }
        if pending {
            push_member(&mut text, &key_literal, &value);
        }
        if text.is_empty() {
            text.push('{');
        }
        text.push('}');
        self.0 = Raw::trusted(Cow::Owned(text));
        Ok(())
    }

    /// Returns an object that borrows from this one.
    pub fn reborrow(&self) -> Object<'_> {
        Object(self.0.reborrow())
    }

    /// The text of the last member called `key`, borrowing from the object itself.
    fn find(&self, key: &str) -> Option<&str> {
        let members = Written::all(self.0.as_str());
        members
            .filter(|member| member.is_called(key))
            .last()
            .map(|member| member.value)
    }

    /// The last member called `key` read as `T`; `None` when it is absent or doesn't fit.
    pub(crate) fn read<'b, T: Deserialize<'b>>(&'b self, key: &str) -> Option<T> {
        serde_json::from_str(self.find(key)?).ok()
    }
}

/// Appends one member to an object's text that is being built, opening it at the first.
fn push_member(text: &mut String, key_literal: &str, value: &str) {
    text.push(if text.is_empty() { '{' } else { ',' });
    text.push_str(key_literal);
    text.push(':');
    text.push_str(value);
}

impl Default for Object<'_> {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Object<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl Serialize for Object<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Object<'a> {
    /// Borrows from the input. Returns an error if the value is not an object.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Raw::deserialize(deserializer)?;
        let kind = match raw.first_byte() {
            b'{' => return Ok(Self(raw)),
            b'[' => Unexpected::Seq,
            b'"' => Unexpected::Other("string"),
            b't' => Unexpected::Bool(true),
            b'f' => Unexpected::Bool(false),
            b'n' => Unexpected::Unit,
            _ => Unexpected::Other("number"),
        };
        Err(de::Error::invalid_type(kind, &"an object"))
    }
}

impl IntoOwned for Object<'_> {
    type Owned = Object<'static>;

    fn owned_from(self, source: Source<'_>) -> Object<'static> {
        Object(self.0.owned_from(source))
    }
}

/// One member of an object as it is written: the key with its quotes, and the value.
#[derive(Clone, Copy)]
struct Written<'a> {
    key: &'a str,
    value: &'a str,
}

impl<'a> Written<'a> {
    /// The first-level members of an object's text.
    fn all(object: &'a str) -> impl Iterator<Item = Self> {
        members(object.as_bytes()).map_while(|Entry { key, value }| {
            Some(Self {
                key: object.get(key.range())?,
                value: object.get(value.range())?,
            })
        })
    }

    /// The key without its quotes, escapes not undone.
    fn inner_key(&self) -> &'a str {
        self.key
            .get(1..self.key.len().saturating_sub(1))
            .unwrap_or("")
    }

    /// The key's value. One whose escapes make no text (half a surrogate pair) stays as written.
    fn name(&self) -> Text<'a> {
        let inner = self.inner_key();
        if !inner.contains('\\') {
            return Text::borrowed(inner);
        }
        serde_json::from_str(self.key).unwrap_or(Text::borrowed(inner))
    }

    fn is_called(&self, key: &str) -> bool {
        let inner = self.inner_key();
        inner == key || (inner.contains('\\') && self.name() == key)
    }
}
