//! A string that is borrowed from a frame where it can be, and owned where it must be.
//! JSON strings without escapes are borrowed; only escapes force a copy.

#![expect(clippy::indexing_slicing, reason = "a table has a place for each byte")]

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::sync::Arc;
use core::fmt;
use core::ops::Deref;

use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::chars::{Chars, Source};
use super::plain::{first_plain_length, plain_length};

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

/// The text that `inside`, a JSON string after its first quote, stands for, and what follows the string.
/// It is read once: where it ends is found on the way. `None` when it names half of a character.
fn unescaped(inside: &str) -> Option<(String, &str)> {
    // What follows is short most of the time, so that this is close to how long the text is.
    let mut text = String::with_capacity(inside.len());
    let mut rest = inside;
    loop {
        let (plain, special) = rest.split_at_checked(plain_length(rest.as_bytes()))?;
        text.push_str(plain);
        let letter = match special.as_bytes() {
            [b'\\', letter, ..] => *letter,
            _ => {
                rest = special.strip_prefix('"')?;
                break;
            }
        };
        match MEANT[usize::from(letter)] {
            0 => {
                let (character, after) = by_number(special)?;
                text.push(character);
                rest = after;
            }
            meant => {
                text.push(char::from(meant));
                rest = special.get(2..)?;
            }
        }
    }
    if text.len() < inside.len() / 2 {
        text.shrink_to_fit();
    }
    Some((text, rest))
}

/// What the letter after a backslash means, in a table since a jump couldn't be foreseen; zero for a
/// number and for all that mean nothing.
const MEANT: [u8; 256] = {
    let mut meant = [0; 256];
    meant[b'n' as usize] = b'\n';
    meant[b'"' as usize] = b'"';
    meant[b'\\' as usize] = b'\\';
    meant[b't' as usize] = b'\t';
    meant[b'r' as usize] = b'\r';
    meant[b'/' as usize] = b'/';
    meant[b'b' as usize] = 0x08;
    meant[b'f' as usize] = 0x0c;
    meant
};

/// The character that `escape` starts with, written by one number or by two, and what follows it.
#[cold]
fn by_number(escape: &str) -> Option<(char, &str)> {
    let unit = |at| {
        let digits = escape.get(at..)?.strip_prefix("\\u")?.get(..4)?;
        u16::from_str_radix(digits, 16).ok()
    };
    let units = [unit(0)?, unit(6).unwrap_or_default()];
    let character = char::decode_utf16(units).next()?.ok()?;
    let length = if character.len_utf16() == 1 { 6 } else { 12 };
    Some((character, escape.get(length..)?))
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
            false => {
                let (text, rest) = Self::first_of(token)?;
                rest.is_empty().then_some(text)
            }
        }
    }

    /// The text of the string with which good JSON starts, and what follows the string; `None` when it
    /// starts with something else. The string is read once, however long it is.
    pub(crate) fn first_of(json: &'a str) -> Option<(Self, &'a str)> {
        let inside = json.strip_prefix('"')?;
        let bytes = inside.as_bytes();
        let at = match first_plain_length(bytes) {
            Some(at) => at,
            None => memchr::memchr2(b'"', b'\\', bytes)?,
        };
        let (plain, special) = inside.split_at_checked(at)?;
        if let Some(rest) = special.strip_prefix('"') {
            return Some((Self::borrowed(plain), rest));
        }
        let (text, rest) = unescaped(inside)?;
        Some((text.into(), rest))
    }

    /// Returns the text itself.
    #[inline]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// The first byte; `None` where there is none. Costs less than the text itself.
    #[cfg(feature = "client")]
    pub(crate) fn first_byte(&self) -> Option<u8> {
        self.0.first_byte()
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

#[cfg(test)]
mod tests {
    use alloc::string::String;

    use super::Text;

    #[test]
    fn a_string_is_read_as_serde_json_reads_it_and_ends_at_its_quote() {
        let long = "plain ".repeat(30);
        let escapes = [
            "",
            "é",
            r#"\n\r\t\b\f\/\\\""#,
            r"a\u00e9b",
            r"\uD83D\ude00!",
            r"\u20AC\u20ac",
            r"\ud83d",
            r"\ud83dx",
            r"\ude00",
            r"\ud83d\n",
            r"\ud83d\u0041",
            r"\u0000",
        ];
        for (before, escape) in ["", "b", &long]
            .iter()
            .flat_map(|b| escapes.map(|e| (*b, e)))
        {
            for after in ["", "a", &long] {
                let token = alloc::format!("\"{before}{escape}{after}\"");
                let expected = serde_json::from_str::<String>(&token).ok();
                let json = alloc::format!("{token}, \"more\\n\": \"\"}}");
                let read = Text::first_of(&json);
                let read = read.map(|(text, rest)| (text.into_string(), rest));
                let expected_with_rest = expected.clone().map(|text| (text, &json[token.len()..]));
                assert_eq!(read, expected_with_rest, "{token}");
                let read = Text::from_token(&token).map(Text::into_string);
                assert_eq!(read, expected, "{token}");
            }
        }
        assert_eq!(Text::first_of("7"), None);
        assert_eq!(Text::first_of("\"open\\"), None);
    }

    #[test]
    fn a_short_text_does_not_keep_the_room_of_what_follows_it() {
        let json = alloc::format!(r#""short\n", "{}""#, "x".repeat(1 << 16));
        let (text, _) = Text::first_of(&json).unwrap();
        assert!(text.into_string().capacity() < 64);
    }
}
