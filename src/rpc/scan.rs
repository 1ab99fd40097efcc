//! One careful pass over a frame: is it JSON, what kind of message is it, and where do the members
//! stand by which it is routed. Everything it doesn't need is validated and left where it is.
//!
//! Rules of this file: no allocation but for the landmarks of a long frame, no panic on any bytes, each
//! byte looked at once; strings, numbers and nesting are checked as RFC 8259 has them; a key written
//! with escapes is the same key; each body has a table of its own, so that no member of one can be
//! taken for another's.

#![expect(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    reason = "`at` grows by what was found from it on and never passes the end of the text; the tables of keys have a place for each variant"
)]

use alloc::string::String;
use alloc::vec::Vec;

use super::escaped::escaped_length;
use super::landmarks::{LONG, Landmarks, note};
use super::plain::{first_plain_length, long_plain_length, medium_plain_length};
use super::repeated::Repeated;
use super::span::{BodySpans, KeyTable, Span};

/// The scanner recurses; a limit above this would let a frame exhaust the stack.
const DEEPEST: usize = 1024;
/// Objects are noted that lie in so many containers: as members of an element of a list of a result, such
/// as the schema of a tool.
const NOTED: usize = 4;
/// Nothing may nest so deep.
const NOWHERE: usize = usize::MAX;

/// What the pass found in a JSON object that may be a message.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scan {
    envelope: [Span; 6],
    /// The members of `params`.
    pub(crate) params: BodySpans,
    /// The members of `result`.
    pub(crate) result: BodySpans,
    /// `code` and `message` of the error.
    error: [Span; 2],
    /// A part of the frame that is known to be ASCII, if it has one that is long.
    pub(super) ascii: Span,
    /// What spares a second look at a long frame.
    pub(crate) landmarks: Landmarks,
    /// Whether the version was found to be the right one, which saves reading it again.
    pub(super) is_version_known: bool,
    /// Whether an envelope key came twice.
    pub(crate) duplicate: bool,
    /// Whether a key of the error came twice.
    pub(super) duplicate_in_error: bool,
}

/// The keys of a JSON-RPC message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum EnvelopeKey {
    JsonRpc,
    Id,
    Method,
    Params,
    Result,
    Error,
}

/// The keys of a JSON-RPC error that have to be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum ErrorKey {
    Code,
    Message,
}

impl Scan {
    pub(crate) const fn key(&self, key: EnvelopeKey) -> Span {
        self.envelope[key as usize]
    }

    pub(super) const fn error(&self, key: ErrorKey) -> Span {
        self.error[key as usize]
    }
}

/// Why a text is not a message that could be scanned.
#[derive(Clone, Copy, Debug)]
pub(crate) enum ScanError {
    /// Not JSON.
    Syntax,
    /// JSON that nests deeper than allowed. The scan has the keys that stood before that, and the
    /// one under which it happened.
    TooDeep,
    /// JSON, but neither an object nor an array.
    NotAnObject,
}

/// What a frame holds.
pub(crate) enum Scanned {
    /// An object, what was found in it being in the [`Scan`].
    One,
    /// An array: the caller walks its elements.
    Batch,
}

/// Scans `frame`, whose values may nest `depth` deep, and fills in a fresh `scan` with the members
/// that `K` names.
pub(crate) fn scan<K: KeyTable>(
    frame: &[u8],
    depth: usize,
    repeated: &Repeated,
    scan: &mut Scan,
) -> Result<Scanned, ScanError> {
    if u32::try_from(frame.len()).is_err() {
        return Err(ScanError::Syntax);
    }
    let mut scanner = Scanner {
        bytes: frame,
        at: 0,
        depth: depth.clamp(1, DEEPEST),
        ascii: Span::NONE,
        noted: match frame.len() {
            LONG.. => depth.min(DEEPEST).checked_sub(NOTED).unwrap_or(NOWHERE),
            _ => NOWHERE,
        },
        objects: Vec::new(),
    };
    let scanned = scanner.document::<K>(repeated, scan);
    scan.ascii = scanner.ascii;
    if frame.len() >= LONG {
        scan.landmarks = Landmarks::new(scanner.ascii, scanner.objects);
    }
    scanned
}

/// Whether `text` is one value, without white space around it and not too deep to tell.
pub(super) fn is_value(text: &[u8]) -> bool {
    let mut scanner = Scanner {
        bytes: text,
        at: 0,
        depth: 0,
        ascii: Span::NONE,
        noted: NOWHERE,
        objects: Vec::new(),
    };
    scanner.value(DEEPEST).is_ok() && scanner.at == text.len()
}

struct Scanner<'a> {
    bytes: &'a [u8],
    at: usize,
    depth: usize,
    /// The longest run of many bytes in a string that was found to be ASCII.
    ascii: Span,
    /// How deep values may still nest where objects are noted.
    noted: usize,
    objects: Vec<Span>,
}

/// A key without the quotes, and whether it holds escapes.
struct Key {
    start: usize,
    end: usize,
    escaped: bool,
}

impl Scanner<'_> {
    fn document<K: KeyTable>(
        &mut self,
        repeated: &Repeated,
        scan: &mut Scan,
    ) -> Result<Scanned, ScanError> {
        self.white_space();
        let scanned = match self.peek() {
            Some(b'{') => {
                self.envelope::<K>(repeated, scan)?;
                Scanned::One
            }
            Some(b'[') => {
                self.value(self.depth)?;
                Scanned::Batch
            }
            _ => {
                self.value(self.depth)?;
                self.end()?;
                return Err(ScanError::NotAnObject);
            }
        };
        self.end()?;
        Ok(scanned)
    }

    fn end(&mut self) -> Result<(), ScanError> {
        self.white_space();
        if self.at == self.bytes.len() {
            Ok(())
        } else {
            Err(ScanError::Syntax)
        }
    }

    fn envelope<K: KeyTable>(
        &mut self,
        repeated: &Repeated,
        scan: &mut Scan,
    ) -> Result<(), ScanError> {
        /// Many peers write this first, and it is quicker to compare than to scan.
        const BEGINNING: &[u8] = br#"{"jsonrpc":"2.0","#;
        let depth = self.depth.checked_sub(1).ok_or(ScanError::TooDeep)?;
        if self.bytes.starts_with(BEGINNING) {
            let version = br#"{"jsonrpc":"#.len();
            scan.envelope[EnvelopeKey::JsonRpc as usize] = Span::new(version, BEGINNING.len() - 1);
            scan.is_version_known = true;
            self.at = BEGINNING.len();
            self.white_space();
        } else {
            self.at += 1;
            if self.closes(b'}') {
                return Ok(());
            }
        }
        loop {
            let known = self.known_key(first_envelope_key, envelope_key)?;
            let start = self.at;
            if let Some(known) = known {
                let slot = &mut scan.envelope[known as usize];
                scan.duplicate |= slot.is_some();
                // Where it starts, for an error that has to stop before its end.
                *slot = Span::new(start, start + 1);
            }
            match (known, self.peek()) {
                (Some(EnvelopeKey::Params), Some(b'{')) => {
                    self.body::<K>(
                        repeated,
                        &mut scan.params,
                        depth,
                        K::first_in_params,
                        K::in_params,
                    )?;
                }
                (Some(EnvelopeKey::Result), Some(b'{')) => {
                    self.body::<K>(
                        repeated,
                        &mut scan.result,
                        depth,
                        K::first_in_result,
                        K::in_result,
                    )?;
                }
                (Some(EnvelopeKey::Error), Some(b'{')) => self.error(scan, depth)?,
                _ => self.value(depth)?,
            }
            if let Some(known) = known {
                scan.envelope[known as usize] = Span::new(start, self.at);
            }
            if self.separator(b'}')? {
                return Ok(());
            }
        }
    }

    /// The object under `params` or `result`, remembering the members that `known` names, and `first`
    /// where they are written as usual.
    fn body<K: KeyTable>(
        &mut self,
        repeated: &Repeated,
        spans: &mut BodySpans,
        depth: usize,
        first: impl Fn(&[u8]) -> Option<(usize, usize)>,
        known: impl Fn(&[u8]) -> Option<usize>,
    ) -> Result<(), ScanError> {
        self.members(depth, |scanner, depth| {
            let number = scanner.known_key(&first, &known)?;
            let start = scanner.at;
            match scanner.peek() {
                Some(b'{') if number == Some(K::NESTED) => {
                    scanner.nested::<K>(repeated, spans, depth)?;
                }
                _ => scanner.value(depth)?,
            }
            if let Some(number) = number {
                spans.set_member(number, Span::new(start, scanner.at));
            }
            Ok(())
        })
    }

    /// The metadata in params or in a result.
    fn nested<K: KeyTable>(
        &mut self,
        repeated: &Repeated,
        spans: &mut BodySpans,
        depth: usize,
    ) -> Result<(), ScanError> {
        if spans.member(K::NESTED).is_some() {
            spans.forget_nested();
        }
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        // It stands as deep as when it was scanned, so the depth was checked then.
        if let Some((length, members)) = repeated.at(rest) {
            spans.nested = members.map(|member| member.moved(0, self.at));
            spans.is_nested_repeated = true;
            self.at += length;
            return Ok(());
        }
        self.members(depth, |scanner, depth| {
            let number = scanner.known_key(K::first_in_nested, K::in_nested)?;
            let start = scanner.at;
            scanner.value(depth)?;
            if let Some(number) = number {
                spans.set_nested(number, Span::new(start, scanner.at));
            }
            Ok(())
        })
    }

    /// The object under `error`.
    fn error(&mut self, scan: &mut Scan, depth: usize) -> Result<(), ScanError> {
        self.members(depth, |scanner, depth| {
            let key = scanner.key()?;
            let known = scanner.look_up(&key, error_key);
            let start = scanner.at;
            scanner.value(depth)?;
            if let Some(known) = known {
                let slot = &mut scan.error[known as usize];
                scan.duplicate_in_error |= slot.is_some();
                *slot = Span::new(start, scanner.at);
            }
            Ok(())
        })
    }

    /// An object, the scanner standing at its brace; `member` passes each key and its
    /// value, given how deep that may nest.
    #[inline(always)]
    fn members(
        &mut self,
        depth: usize,
        mut member: impl FnMut(&mut Self, usize) -> Result<(), ScanError>,
    ) -> Result<(), ScanError> {
        let depth = depth.checked_sub(1).ok_or(ScanError::TooDeep)?;
        self.at += 1;
        if self.closes(b'}') {
            return Ok(());
        }
        loop {
            member(self, depth)?;
            if self.separator(b'}')? {
                return Ok(());
            }
        }
    }

    /// Any value, validated and passed over.
    // Most are strings, so that these take no call of their own.
    #[inline(always)]
    fn value(&mut self, depth: usize) -> Result<(), ScanError> {
        if self.peek() == Some(b'"') {
            self.string()?;
            Ok(())
        } else {
            self.other_value(depth)
        }
    }

    /// A value that is not a string.
    // The containers are calls of their own, so that the other values save no registers.
    #[inline(never)]
    fn other_value(&mut self, depth: usize) -> Result<(), ScanError> {
        match self.peek() {
            Some(b'{') => self.object(depth),
            Some(b'[') => self.array(depth),
            Some(b't') => self.literal(b"true"),
            Some(b'f') => self.literal(b"false"),
            Some(b'n') => self.literal(b"null"),
            Some(b'-' | b'0'..=b'9') => self.number(),
            _ => Err(ScanError::Syntax),
        }
    }

    #[inline(never)]
    fn object(&mut self, depth: usize) -> Result<(), ScanError> {
        let start = self.at;
        self.members(depth, |scanner, depth| {
            scanner.key()?;
            scanner.value(depth)
        })?;
        if self.noted == depth {
            let object = Span::new(start, self.at);
            note(&mut self.objects, object, self.bytes.len());
        }
        Ok(())
    }

    #[inline(never)]
    fn array(&mut self, depth: usize) -> Result<(), ScanError> {
        let depth = depth.checked_sub(1).ok_or(ScanError::TooDeep)?;
        self.at += 1;
        if self.closes(b']') {
            return Ok(());
        }
        loop {
            self.value(depth)?;
            if self.separator(b']')? {
                return Ok(());
            }
        }
    }

    /// Whether the container that was just opened is closed at once.
    fn closes(&mut self, close: u8) -> bool {
        self.white_space();
        let closed = self.peek() == Some(close);
        self.at += usize::from(closed);
        closed
    }

    /// Passes a comma (`false`; the scanner then stands at the next token) or the end of the
    /// container (`true`).
    #[inline]
    fn separator(&mut self, close: u8) -> Result<bool, ScanError> {
        self.white_space();
        match self.peek() {
            Some(b',') => {
                self.at += 1;
                self.white_space();
                Ok(false)
            }
            Some(byte) if byte == close => {
                self.at += 1;
                Ok(true)
            }
            _ => Err(ScanError::Syntax),
        }
    }

    /// A key and its colon; the scanner then stands at the value.
    // Inlined since what it returns would go by way of memory.
    #[inline(always)]
    fn key(&mut self) -> Result<Key, ScanError> {
        let start = self.at + 1;
        let escaped = self.string()?;
        let end = self.at - 1;
        self.colon()?;
        Ok(Key {
            start,
            end,
            escaped,
        })
    }

    /// A key and its colon, and what is known of it: by how it starts, if `first` knows it so, or as it
    /// reads.
    #[inline(always)]
    fn known_key<T>(
        &mut self,
        first: impl Fn(&[u8]) -> Option<(T, usize)>,
        known: impl Fn(&[u8]) -> Option<T>,
    ) -> Result<Option<T>, ScanError> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        if let Some((known, length)) = first(rest) {
            self.at += length;
            self.white_space();
            return Ok(Some(known));
        }
        let key = self.key()?;
        Ok(self.look_up(&key, known))
    }

    fn colon(&mut self) -> Result<(), ScanError> {
        self.white_space();
        if self.peek() != Some(b':') {
            return Err(ScanError::Syntax);
        }
        self.at += 1;
        self.white_space();
        Ok(())
    }

    /// What `known` makes of the key as it reads, escapes resolved.
    #[inline(always)]
    fn look_up<T>(&self, key: &Key, known: impl Fn(&[u8]) -> Option<T>) -> Option<T> {
        if !key.escaped {
            return known(self.bytes.get(key.start..key.end)?);
        }
        let token = self.bytes.get(key.start - 1..key.end + 1)?;
        known(serde_json::from_slice::<String>(token).ok()?.as_bytes())
    }

    #[inline]
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    #[inline]
    fn white_space(&mut self) {
        while let Some(b' ' | b'\t' | b'\r' | b'\n') = self.peek() {
            self.at += 1;
        }
    }

    fn literal(&mut self, literal: &[u8]) -> Result<(), ScanError> {
        let rest = self.bytes.get(self.at..);
        if !rest.is_some_and(|rest| rest.starts_with(literal)) {
            return Err(ScanError::Syntax);
        }
        self.at += literal.len();
        Ok(())
    }

    /// Passes a string. Tells whether it holds escapes.
    // Most are short; what the others need stands apart, so that these save no registers.
    #[inline(never)]
    fn string(&mut self) -> Result<bool, ScanError> {
        let Some([b'"', rest @ ..]) = self.bytes.get(self.at..) else {
            return Err(ScanError::Syntax);
        };
        match first_plain_length(rest) {
            Some(plain) if rest.get(plain) == Some(&b'"') => {
                self.at += plain + 2;
                Ok(false)
            }
            Some(plain) => self.string_from(1 + plain),
            None => self.longer_string(rest),
        }
    }

    /// Passes a string that doesn't end within the first few bytes; `rest` follows its quote.
    #[inline(never)]
    fn longer_string(&mut self, rest: &[u8]) -> Result<bool, ScanError> {
        match medium_plain_length(rest) {
            Some(plain) => self.string_from(1 + plain),
            None => self.long_string(rest),
        }
    }

    /// Passes a string of many bytes; `rest` follows its quote.
    #[inline(never)]
    fn long_string(&mut self, rest: &[u8]) -> Result<bool, ScanError> {
        let (plain, is_ascii) = long_plain_length(rest);
        let start = self.at + 1;
        if is_ascii && plain > self.ascii.range().len() {
            self.ascii = Span::new(start, start + plain);
        }
        self.string_from(1 + plain)
    }

    /// Passes the rest of a string, of which `plain` bytes from its first quote on are plain.
    #[inline]
    fn string_from(&mut self, plain: usize) -> Result<bool, ScanError> {
        self.at += plain;
        match self.peek() {
            Some(b'"') => {
                self.at += 1;
                Ok(false)
            }
            Some(b'\\') => self.escaped_string(),
            _ => Err(ScanError::Syntax),
        }
    }

    /// Passes the rest of a string, of which the next byte is a backslash.
    #[inline(never)]
    fn escaped_string(&mut self) -> Result<bool, ScanError> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        self.at += escaped_length(rest).ok_or(ScanError::Syntax)?;
        Ok(true)
    }

    fn number(&mut self) -> Result<(), ScanError> {
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        match self.peek() {
            Some(b'0') => self.at += 1,
            Some(b'1'..=b'9') => self.digits()?,
            _ => return Err(ScanError::Syntax),
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.peek() {
            self.at += 1;
            if let Some(b'+' | b'-') = self.peek() {
                self.at += 1;
            }
            self.digits()?;
        }
        Ok(())
    }

    /// At least one digit.
    fn digits(&mut self) -> Result<(), ScanError> {
        let start = self.at;
        while let Some(b'0'..=b'9') = self.peek() {
            self.at += 1;
        }
        if self.at == start {
            Err(ScanError::Syntax)
        } else {
            Ok(())
        }
    }
}

/// The key with which `text` starts, its colon included, and their length: those of most messages.
#[inline]
fn first_envelope_key(text: &[u8]) -> Option<(EnvelopeKey, usize)> {
    macro_rules! first_of {
        ($($key:literal => $known:ident,)*) => {
            $(if text.starts_with($key) {
                return Some((EnvelopeKey::$known, $key.len()));
            })*
        };
    }
    first_of! {
        b"\"id\":" => Id,
        b"\"method\":" => Method,
        b"\"params\":" => Params,
        b"\"result\":" => Result,
    }
    None
}

fn envelope_key(key: &[u8]) -> Option<EnvelopeKey> {
    Some(match key {
        b"jsonrpc" => EnvelopeKey::JsonRpc,
        b"id" => EnvelopeKey::Id,
        b"method" => EnvelopeKey::Method,
        b"params" => EnvelopeKey::Params,
        b"result" => EnvelopeKey::Result,
        b"error" => EnvelopeKey::Error,
        _ => return None,
    })
}

fn error_key(key: &[u8]) -> Option<ErrorKey> {
    Some(match key {
        b"code" => ErrorKey::Code,
        b"message" => ErrorKey::Message,
        _ => return None,
    })
}
