//! A string that is borrowed from a frame where it can be, and owned where it must be.
//! JSON strings without escapes are borrowed; only escapes force a copy.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::sync::Arc;
use core::fmt;
use core::ops::Deref;

use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::chars::{Chars, Source};

/// How much of a peer's text an error may quote.
const QUOTED: usize = 256;

/// The start of a text that goes into an error: up to 256 bytes, cut between two characters.
pub(crate) fn bounded(text: &str) -> &str {
    start_of(text, QUOTED)
}

/// The start of a text: at most `longest` bytes, cut between two characters.
pub(crate) fn start_of(text: &str, longest: usize) -> &str {
    let fits = |end: &usize| text.is_char_boundary(*end);
    let end = (0..=longest.min(text.len())).rev().find(fits);
    text.get(..end.unwrap_or(0)).unwrap_or_default()
}

/// What `Debug` shows of a text that may be a secret: how many bytes it has.
pub(crate) struct Concealed(pub(crate) usize);

impl fmt::Debug for Concealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.0)
    }
}

/// The text that the inside of a JSON string stands for; `None` when it has escapes by number, which
/// are rare.
fn unescaped(inner: &str) -> Option<String> {
    let mut text = String::with_capacity(inner.len());
    let mut rest = inner;
    while let Some(at) = memchr::memchr(b'\\', rest.as_bytes()) {
        let (plain, escape) = rest.split_at(at);
        text.push_str(plain);
        text.push(match escape.as_bytes().get(1)? {
            b'n' => '\n',
            b'"' => '"',
            b'\\' => '\\',
            b't' => '\t',
            b'r' => '\r',
            b'/' => '/',
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            _ => return None,
        });
        rest = escape.get(2..)?;
    }
    text.push_str(rest);
    Some(text)
}

/// A borrowed, owned or shared string, as every text of the protocol's types is.
///
/// It reads like a `&str`. Unlike a bare `Cow`, it borrows inside `Option` and `Vec` too when it
/// is decoded. Made of an `Arc<String>` it is cloned without a copy; the texts of one large result
/// share the frame that it came in, which stays for as long as any of them: take a small one that is
/// to stay on its own with [`into_string`](Self::into_string).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Text<'a>(Chars<'a>);

impl<'a> Text<'a> {
    /// Returns a text that borrows `text`; usable in constants.
    pub const fn borrowed(text: &'a str) -> Self {
        Self(Chars::Borrowed(text))
    }

    /// The text that a JSON string token stands for; `None` when it is no string.
    #[inline]
    pub(crate) fn from_token(token: &'a str) -> Option<Self> {
        /// Up to here a look at each byte is faster than calling a search.
        const SHORT: usize = 32;
        let inner = token.strip_prefix('"')?.strip_suffix('"')?;
        let is_plain = match inner.len() {
            ..=SHORT => !inner.bytes().any(|byte| byte == b'\\'),
            _ => memchr::memchr(b'\\', inner.as_bytes()).is_none(),
        };
        match is_plain {
            true => Some(Self::borrowed(inner)),
            false => Self::from_escaped(token, inner),
        }
    }

    /// Apart from its caller, which meets no escapes most of the time.
    #[inline(never)]
    fn from_escaped(token: &'a str, inner: &str) -> Option<Self> {
        match unescaped(inner) {
            Some(text) => Some(text.into()),
            None => serde_json::from_str(token).ok(),
        }
    }

    /// Returns the text itself.
    #[inline]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// Returns the same text, independent of what it was borrowed from.
    pub fn into_owned(self) -> Text<'static> {
        self.owned_from(Source::NONE)
    }

    pub(crate) fn owned_from(self, source: Source<'_>) -> Text<'static> {
        Text(self.0.owned_from(source))
    }

    /// Returns the text as a `String`; copies only when it was borrowed or is shared.
    pub fn into_string(self) -> String {
        self.0.into_string()
    }

    /// Returns a text that borrows from this one.
    pub fn reborrow(&self) -> Text<'_> {
        Text(Chars::Borrowed(self.as_str()))
    }
}

impl Text<'static> {
    /// Another holder of the same text; a long one is shared from here on.
    pub(crate) fn share(&mut self) -> Self {
        Self(self.0.share())
    }
}

impl Deref for Text<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl AsRef<str> for Text<'_> {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl<'a> From<&'a str> for Text<'a> {
    fn from(text: &'a str) -> Self {
        Self(Chars::Borrowed(text))
    }
}

impl From<String> for Text<'_> {
    fn from(text: String) -> Self {
        Self(Chars::owned(text))
    }
}

impl<'a> From<&'a String> for Text<'a> {
    fn from(text: &'a String) -> Self {
        Self(Chars::Borrowed(text))
    }
}

impl<'a> From<Cow<'a, str>> for Text<'a> {
    fn from(text: Cow<'a, str>) -> Self {
        Self(text.into())
    }
}

impl From<Arc<String>> for Text<'_> {
    /// A text that all its clones share.
    fn from(text: Arc<String>) -> Self {
        Self(text.into())
    }
}

impl PartialEq<str> for Text<'_> {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == other
    }
}

impl PartialEq<&str> for Text<'_> {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == *other
    }
}

impl fmt::Debug for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Text<'_> {
    #[inline]
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextVisitor;

        impl<'de> Visitor<'de> for TextVisitor {
            type Value = Text<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_borrowed_str<E: de::Error>(self, text: &'de str) -> Result<Text<'de>, E> {
                Ok(Text(Chars::Borrowed(text)))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Text<'de>, E> {
                Ok(Text(Chars::owned(text.into())))
            }

            fn visit_string<E: de::Error>(self, text: String) -> Result<Text<'de>, E> {
                Ok(Text(Chars::owned(text)))
            }
        }

        deserializer.deserialize_str(TextVisitor)
    }
}
