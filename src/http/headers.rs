//! Header fields as MCP uses them: their names, their values with the Base64 sentinel, and what
//! `Accept` and `Content-Type` say.
//!
//! Rules of this file: names are compared without regard to case, values with it; white space around
//! a value is no part of it; a field that may stand once and stands twice, or holds anything but
//! visible ASCII, spaces and tabs, is an error and never half read.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use crate::rpc::write::write_u64;

/// The names of the header fields that MCP uses, in lower case.
pub mod name {
    /// Which headers a page may send.
    pub const ACCESS_CONTROL_ALLOW_HEADERS: &str = "access-control-allow-headers";
    /// Which methods a page may use.
    pub const ACCESS_CONTROL_ALLOW_METHODS: &str = "access-control-allow-methods";
    /// The pages of which origin may read an answer.
    pub const ACCESS_CONTROL_ALLOW_ORIGIN: &str = "access-control-allow-origin";
    /// Which headers a page may read.
    pub const ACCESS_CONTROL_EXPOSE_HEADERS: &str = "access-control-expose-headers";
    /// How long the answer to a preflight stays good.
    pub const ACCESS_CONTROL_MAX_AGE: &str = "access-control-max-age";
    /// Which headers a page means to send.
    pub const ACCESS_CONTROL_REQUEST_HEADERS: &str = "access-control-request-headers";
    /// Which method a page means to use.
    pub const ACCESS_CONTROL_REQUEST_METHOD: &str = "access-control-request-method";
    /// What the client takes.
    pub const ACCEPT: &str = "accept";
    /// Which methods an endpoint has.
    pub const ALLOW: &str = "allow";
    /// Whether an answer may be kept or changed on its way.
    pub const CACHE_CONTROL: &str = "cache-control";
    /// Who sends the request: a token.
    pub const AUTHORIZATION: &str = "authorization";
    /// How long the body is.
    pub const CONTENT_LENGTH: &str = "content-length";
    /// What the body is.
    pub const CONTENT_TYPE: &str = "content-type";
    /// Which server the client means.
    pub const HOST: &str = "host";
    /// After which event a stream is resumed.
    pub const LAST_EVENT_ID: &str = "last-event-id";
    /// Where else to look.
    pub const LOCATION: &str = "location";
    /// The request's method, from 2026-07-28 on.
    pub const MCP_METHOD: &str = "mcp-method";
    /// What the request is for, from 2026-07-28 on.
    pub const MCP_NAME: &str = "mcp-name";
    /// With the rest of the name, an argument of a tool.
    pub const MCP_PARAM: &str = "mcp-param-";
    /// The revision.
    pub const MCP_PROTOCOL_VERSION: &str = "mcp-protocol-version";
    /// The session, up to 2025-11-25.
    pub const MCP_SESSION_ID: &str = "mcp-session-id";
    /// Which page's script sends the request.
    pub const ORIGIN: &str = "origin";
    /// When to try again.
    pub const RETRY_AFTER: &str = "retry-after";
    /// By what else of a request its answer is chosen.
    pub const VARY: &str = "vary";
    /// How a client is to authorize itself.
    pub const WWW_AUTHENTICATE: &str = "www-authenticate";
    /// Whether nginx keeps an answer back until it is whole.
    pub const X_ACCEL_BUFFERING: &str = "x-accel-buffering";
}

/// `application/json`
pub const JSON: &str = "application/json";
/// `text/event-stream`
pub const EVENT_STREAM: &str = "text/event-stream";

const PREFIX: &str = "=?base64?";
const SUFFIX: &str = "?=";

/// The header fields of a request or a response, in their order.
///
/// `Debug` shows no value that may be a secret.
#[derive(Clone, Default)]
pub struct Headers {
    /// The name and the value of each field, one after the other.
    text: Vec<u8>,
    first: First,
    /// The fields after those.
    rest: Vec<Field>,
}

/// The first fields, as many as most heads have, packed so that a head is small and needs no list of its
/// own.
#[derive(Clone, Copy, Default)]
struct First {
    /// How long their names are, a byte for each: most are told apart by that, all at once.
    lengths: u64,
    /// Where their values end.
    ends: [u16; FEW],
    count: u8,
    /// A bit for each value that is visible.
    visible: u8,
}

impl First {
    /// Takes one more field; `false` if it is no longer one of the first, or too long.
    fn push(&mut self, name: usize, end: usize, is_visible: bool) -> bool {
        let place = usize::from(self.count);
        let (Some(slot), Ok(name), Ok(end)) = (
            self.ends.get_mut(place),
            u8::try_from(name),
            u16::try_from(end),
        ) else {
            return false;
        };
        *slot = end;
        self.lengths |= u64::from(name) << (8 * place);
        self.visible |= u8::from(is_visible) << place;
        self.count += 1;
        true
    }

    #[inline]
    fn get(&self, place: usize) -> Option<Field> {
        if place >= usize::from(self.count) {
            return None;
        }
        let start = self.end_before(place);
        let name = (self.lengths >> (8 * place)) & 0xff;
        Some(Field {
            start,
            name: start + name as u32,
            end: self.end_before(place + 1),
            is_visible: self.visible >> place & 1 == 1,
        })
    }

    /// Where the field before a place ends.
    #[inline]
    fn end_before(&self, place: usize) -> u32 {
        let before = place
            .checked_sub(1)
            .and_then(|before| self.ends.get(before));
        before.map_or(0, |end| u32::from(*end))
    }
}

/// Where a field starts, where its name and its value end, and whether that is visible ASCII, spaces and
/// tabs.
#[derive(Clone, Copy)]
struct Field {
    start: u32,
    name: u32,
    end: u32,
    is_visible: bool,
}

/// The places of a head's fields that may have some name: of the first ones those with its length, and
/// all from `behind` on.
struct Places {
    marks: u64,
    behind: usize,
}

/// As many fields as most requests have.
const FEW: usize = 8;

/// The room of the first field's buffer, for the fields after it.
const ROOM: usize = 192;

/// Why a header field can't be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum HeaderError {
    /// It stands more than once.
    Repeated,
    /// It holds more than visible ASCII, spaces and tabs.
    Characters,
    /// It looks like Base64 of UTF-8 and isn't.
    Base64,
}

impl fmt::Display for HeaderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Repeated => f.write_str("the header stands more than once"),
            Self::Characters => f.write_str("the header has invalid characters"),
            Self::Base64 => f.write_str("the header's Base64 can't be decoded"),
        }
    }
}

impl core::error::Error for HeaderError {}

impl Headers {
    /// Returns no fields.
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes room for this many bytes of names and values more.
    pub(crate) fn reserve(&mut self, bytes: usize) {
        match self.text.capacity() {
            0 => self.text = Vec::with_capacity(bytes),
            _ => self.text.reserve(bytes),
        }
    }

    /// Adds a field, whatever fields of this name there are.
    pub fn push(&mut self, name: &str, value: impl AsRef<[u8]>) {
        self.write(name, |text| text.extend_from_slice(value.as_ref()));
    }

    /// Adds a field whose value is a number.
    pub(crate) fn push_number(&mut self, name: &str, value: u64) {
        self.write(name, |text| write_u64(text, value));
    }

    fn write(&mut self, name: &str, value: impl FnOnce(&mut Vec<u8>)) {
        if self.text.capacity() == 0 {
            // Most heads fit.
            self.text = Vec::with_capacity(ROOM);
        }
        let start = self.text.len();
        self.text.extend_from_slice(name.as_bytes());
        // Most names come in lower case.
        if has_capital(name.as_bytes())
            && let Some(name) = self.text.get_mut(start..)
        {
            name.make_ascii_lowercase();
        }
        let name_end = self.text.len();
        value(&mut self.text);
        let end = self.text.len();
        let is_visible = is_visible(self.text.get(name_end..).unwrap_or_default());
        if self.rest.is_empty() && self.first.push(name.len(), end, is_visible) {
            return;
        }
        let place = |end| u32::try_from(end).unwrap_or(u32::MAX);
        self.rest.push(Field {
            start: place(start),
            name: place(name_end),
            end: place(end),
            is_visible,
        });
    }

    /// The same with one more field.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.push(name, value);
        self
    }

    /// Returns the fields in their order, their names in lower case.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.fields()
            .map(|(name, value)| (core::str::from_utf8(name).unwrap_or_default(), value))
    }

    fn fields(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        let places = (0..usize::from(self.first.count)).chain(FEW..FEW + self.rest.len());
        let fields = places.filter_map(|place| self.field(place));
        fields.map(|field| (self.name(field), self.value(field)))
    }

    /// The field at a place; those after the first ones have the places from `FEW` on.
    #[inline]
    fn field(&self, place: usize) -> Option<Field> {
        match place.checked_sub(FEW) {
            None => self.first.get(place),
            Some(place) => self.rest.get(place).copied(),
        }
    }

    #[inline]
    fn name(&self, field: Field) -> &[u8] {
        let name = self.text.get(field.start as usize..field.name as usize);
        name.unwrap_or_default()
    }

    #[inline]
    fn value(&self, field: Field) -> &[u8] {
        let value = self.text.get(field.name as usize..field.end as usize);
        value.unwrap_or_default()
    }

    /// Where fields of this name may stand.
    #[inline]
    fn places(&self, name: &[u8]) -> Places {
        // Where the length is the right one a byte is zero, and marked; a mark too many does no harm.
        let differ = self.first.lengths ^ (ONES * u64::from(length_mark(name.len())));
        Places {
            marks: differ.wrapping_sub(ONES) & !differ & (ONES * 0x80),
            behind: FEW,
        }
    }

    /// The field at the next of the places that has this name.
    // Inlined since there is none left of most when they are asked for a second one.
    #[inline(always)]
    fn next_of(&self, places: &mut Places, name: &[u8]) -> Option<Field> {
        while places.marks != 0 {
            let place = places.marks.trailing_zeros() as usize / 8;
            places.marks &= places.marks.wrapping_sub(1);
            if let Some(field) = self.called(place, name) {
                return Some(field);
            }
        }
        while places.behind < FEW + self.rest.len() {
            places.behind += 1;
            if let Some(field) = self.called(places.behind - 1, name) {
                return Some(field);
            }
        }
        None
    }

    /// The field at a place if it has this name.
    #[inline]
    fn called(&self, place: usize, name: &[u8]) -> Option<Field> {
        let field = self.field(place)?;
        let called = self.name(field);
        // A name is in lower case here, and nearly always where it is asked for.
        (called == name || called.eq_ignore_ascii_case(name)).then_some(field)
    }

    /// Returns the values of all fields of this name.
    pub fn all<'h>(&'h self, name: &str) -> impl Iterator<Item = &'h [u8]> {
        let mut places = self.places(name.as_bytes());
        core::iter::from_fn(move || {
            let field = self.next_of(&mut places, name.as_bytes())?;
            Some(self.value(field))
        })
    }

    /// Returns whether there is a field of this name.
    pub fn has(&self, name: &str) -> bool {
        self.all(name).next().is_some()
    }

    /// Returns the value of the one field of this name, without white space around it; `None` when
    /// there is none.
    ///
    /// Returns an error if there are several, or the value isn't visible ASCII, spaces and tabs.
    // `httpM.hdr.ows` `httpM.val.chars`
    pub fn one(&self, name: &str) -> Result<Option<&str>, HeaderError> {
        let name = name.as_bytes();
        let mut places = self.places(name);
        let Some(field) = self.next_of(&mut places, name) else {
            return Ok(None);
        };
        if self.next_of(&mut places, name).is_some() {
            return Err(HeaderError::Repeated);
        }
        match core::str::from_utf8(trimmed(self.value(field))) {
            Ok(text) if field.is_visible => Ok(Some(text)),
            _ => Err(HeaderError::Characters),
        }
    }
}

/// A one in each byte of a word.
const ONES: u64 = 0x0101_0101_0101_0101;

/// What a byte can tell of a length.
const fn length_mark(length: usize) -> u8 {
    (length & 0xff) as u8
}

/// Whether there is one of `A` to `Z` among these bytes.
fn has_capital(name: &[u8]) -> bool {
    let marks = |word: u64| {
        let low = word & (ONES * 0x7f);
        // The high bit of each byte from `A` on, and of each behind `Z`.
        let (from, behind) = (low + ONES * (0x80 - 0x41), low + ONES * (0x80 - 0x5b));
        from & !behind & !word & (ONES * 0x80)
    };
    let Some(last) = name.last_chunk::<8>() else {
        return name.iter().any(u8::is_ascii_uppercase);
    };
    let (words, _) = name.as_chunks::<8>();
    let all = |all, word: &[u8; 8]| all | marks(u64::from_le_bytes(*word));
    // The last word may have been looked at in part.
    words.iter().fold(0, all) | all(0, last) != 0
}

/// Whether a value is visible ASCII, spaces and tabs.
fn is_visible(value: &[u8]) -> bool {
    // Marks a byte below a space, above a tilde or above ASCII, if there is one among the eight.
    let marks = |word: u64| {
        let low = word.wrapping_sub(ONES * 0x20) & !word;
        (low | word | word.wrapping_add(ONES)) & (ONES * 0x80)
    };
    let is_good = |byte: &u8| matches!(byte, b'\t' | b' '..=b'~');
    let all = |all, word: &[u8; 8]| all | marks(u64::from_le_bytes(*word));
    let (words, _) = value.as_chunks::<8>();
    // The last word may have been looked at in part.
    let last = value.last_chunk::<8>();
    let is_plain = last.is_some_and(|last| words.iter().fold(0, all) | all(0, last) == 0);
    // Where that isn't so there may be tabs, or less than a word.
    is_plain || value.iter().all(is_good)
}

impl PartialEq for Headers {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for Headers {}

impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = self.iter().map(|(name, value)| {
            let is_shown = matches!(
                name,
                name::ACCEPT
                    | name::ALLOW
                    | name::CACHE_CONTROL
                    | name::CONTENT_LENGTH
                    | name::CONTENT_TYPE
                    | name::HOST
                    | name::MCP_METHOD
                    | name::MCP_PROTOCOL_VERSION
                    | name::ORIGIN
                    | name::RETRY_AFTER
                    | name::X_ACCEL_BUFFERING
            );
            let value = match is_shown {
                true => String::from_utf8_lossy(value),
                false => Cow::Borrowed("(not shown)"),
            };
            (name, value)
        });
        f.debug_map().entries(shown).finish()
    }
}

/// Returns the header value for a text: as it is, or in Base64 with a sentinel around it where it
/// couldn't be told from other text or wouldn't arrive whole.
// `httpM.param.encode` `httpM.hdr.name.encode`
pub fn encode_value(text: &str) -> Cow<'_, str> {
    let is_plain = text.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    let is_padded = text.starts_with(' ') || text.ends_with(' ');
    if is_plain && !is_padded && in_sentinel(text).is_none() {
        return Cow::Borrowed(text);
    }
    Cow::Owned(alloc::format!(
        "{PREFIX}{}{SUFFIX}",
        BASE64_STANDARD.encode(text)
    ))
}

/// Returns the text that a header value stands for.
///
/// Returns an error if it has the sentinel and what is in it is no Base64 of UTF-8.
// `httpM.val.b64`
pub fn decode_value(value: &str) -> Result<Cow<'_, str>, HeaderError> {
    let Some(inside) = in_sentinel(value) else {
        return Ok(Cow::Borrowed(value));
    };
    let bytes = BASE64_STANDARD.decode(inside);
    let text = bytes.ok().and_then(|bytes| String::from_utf8(bytes).ok());
    text.map(Cow::Owned).ok_or(HeaderError::Base64)
}

/// What stands in the sentinel, if the value has it.
fn in_sentinel(value: &str) -> Option<&str> {
    value.strip_prefix(PREFIX)?.strip_suffix(SUFFIX)
}

/// Returns whether a session id holds visible ASCII only, as it must.
// `httpL.session.chars`
pub fn is_session_id(id: &str) -> bool {
    !id.is_empty() && id.bytes().all(|byte| matches!(byte, 0x21..=0x7E))
}

/// Returns whether `Accept` takes a media type, such as `application/json`: it is named, or covered
/// by `*/*` or the like, and not ruled out by `q=0`. Without the header everything is taken.
// `httpL.accept.enforce`
pub fn accepts(headers: &Headers, media_type: &str) -> bool {
    let mut lists = headers.all(name::ACCEPT).peekable();
    if lists.peek().is_none() {
        return true;
    }
    let media_type = media_type.as_bytes();
    let kind = media_type.split(|byte| *byte == b'/').next();
    let covers = |range: &[u8]| {
        range.eq_ignore_ascii_case(media_type)
            || range == b"*/*"
            || range
                .strip_suffix(b"/*")
                .zip(kind)
                .is_some_and(|(range, kind)| range.eq_ignore_ascii_case(kind))
    };
    let mut ranges = lists.flat_map(|list| list.split(|byte| *byte == b','));
    ranges.any(|range| {
        let mut parts = range.split(|byte| *byte == b';').map(<[u8]>::trim_ascii);
        let is_covered = parts.next().is_some_and(covers);
        is_covered && !parts.any(is_zero_quality)
    })
}

fn is_zero_quality(parameter: &[u8]) -> bool {
    let parameter = core::str::from_utf8(parameter).unwrap_or_default();
    let value = parameter
        .strip_prefix(['q', 'Q'])
        .and_then(|rest| rest.trim_start().strip_prefix('='));
    value.is_some_and(|value| value.trim().parse::<f32>() == Ok(0.0))
}

/// A value without the spaces and tabs around it.
fn trimmed(mut value: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = value {
        value = rest;
    }
    value
}

/// Returns whether `Content-Type` says `media_type`, whatever parameters follow; `false` when it
/// isn't there or stands twice.
pub fn is_of_type(headers: &Headers, media_type: &str) -> bool {
    let mut values = headers.all(name::CONTENT_TYPE);
    // Most say it and no more.
    if values.next() == Some(media_type.as_bytes()) && values.next().is_none() {
        return true;
    }
    let Ok(Some(value)) = headers.one(name::CONTENT_TYPE) else {
        return false;
    };
    let named = value.split(';').next().unwrap_or_default();
    named.trim().eq_ignore_ascii_case(media_type)
}

#[cfg(test)]
mod tests {
    use alloc::string::String;
    use alloc::vec::Vec;

    use super::{FEW, Headers, has_capital};

    #[test]
    fn a_capital_is_found_wherever_it_stands() {
        for byte in 0..=u8::MAX {
            for (length, at) in
                (1..20_usize).flat_map(|length| (0..length).map(move |at| (length, at)))
            {
                let mut name = Vec::from_iter(core::iter::repeat_n(b'z', length));
                name[at] = byte;
                assert_eq!(has_capital(&name), byte.is_ascii_uppercase(), "{name:?}");
            }
        }
    }

    #[test]
    fn fields_are_found_by_name_whatever_their_place_and_length() {
        let name = |nth: usize| "x".repeat(1 + nth % 3) + &"Y".repeat(256 * (nth % 2));
        let many = 3 * FEW;
        let mut headers = Headers::new();
        let mut expected: Vec<(String, Vec<u8>)> = Vec::new();
        for nth in 0..many {
            let value = alloc::format!("{nth}");
            headers.push(&name(nth), &value);
            expected.push((name(nth).to_ascii_lowercase(), value.into_bytes()));
            for asked in 0..6 {
                let asked = name(asked);
                let values = expected
                    .iter()
                    .filter(|(name, _)| name.eq_ignore_ascii_case(&asked));
                assert!(
                    headers.all(&asked).eq(values.map(|(_, value)| value)),
                    "{headers:?}"
                );
            }
        }
        assert!(!headers.has(""));
        assert!(!headers.has("z"));
    }
}
