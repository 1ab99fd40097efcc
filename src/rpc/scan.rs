//! One careful pass over a frame: is it JSON, what kind of message is it, and where do the members
//! stand by which it is routed. Everything it doesn't need is validated and left where it is.
//!
//! Rules of this file: no allocation, no panic on any bytes, each byte looked at once; strings,
//! numbers and nesting are checked as RFC 8259 has them; a key written with escapes is the same key.

use alloc::string::String;

use serde::{Deserialize, Serialize};

use super::repeated::Repeated;
use super::write::plain_length;

/// Where a JSON value stands in its frame, as byte offsets; 0 to 0 when there is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Span {
    pub(crate) start: u32,
    pub(crate) end: u32,
}

impl Span {
    pub(crate) const NONE: Self = Self { start: 0, end: 0 };

    pub(super) fn new(start: usize, end: usize) -> Self {
        // Frames are bounded far below 4 GiB; `scan` refuses longer ones before it gets here.
        Self {
            start: start as u32,
            end: end as u32,
        }
    }

    /// From the start of this one to the end of a later one.
    pub(crate) const fn to(self, later: Self) -> Self {
        Self {
            start: self.start,
            end: later.end,
        }
    }

    pub(crate) const fn is_some(self) -> bool {
        self.end != 0
    }

    pub(crate) const fn range(self) -> core::ops::Range<usize> {
        self.start as usize..self.end as usize
    }

    /// The same value in a text of which a part was cut out that started at `from` and now starts at
    /// `to`.
    pub(super) const fn moved(self, from: usize, to: usize) -> Self {
        match self.is_some() {
            true => Self {
                start: self.start - from as u32 + to as u32,
                end: self.end - from as u32 + to as u32,
            },
            false => Self::NONE,
        }
    }

    /// The bytes of the value, or nothing when there is none.
    pub(crate) fn of(self, frame: &[u8]) -> &[u8] {
        frame.get(self.range()).unwrap_or_default()
    }
}

/// The members of `params`, `result`, `error` and their `_meta` whose places are remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Member {
    Name,
    Uri,
    Arguments,
    Meta,
    RequestId,
    ProgressToken,
    InputResponses,
    RequestState,
    Task,
    ResultType,
    InputRequests,
    Content,
    StructuredContent,
    IsError,
    /// The one member that a list or a read answers with.
    List,
    Code,
    Message,
    Data,
    MetaProgressToken,
    MetaProtocolVersion,
    MetaClientCapabilities,
    MetaClientInfo,
    MetaLogLevel,
    MetaSubscriptionId,
}

/// The scanner recurses; a limit above this would let a frame exhaust the stack.
const DEEPEST: usize = 1024;
const MEMBERS: usize = Member::MetaSubscriptionId as usize + 1;
/// How many of the members stand in a `_meta`.
pub(super) const META_MEMBERS: usize = MEMBERS - Member::MetaProgressToken as usize;

/// What the pass found in a JSON object that may be a message.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Scan {
    envelope: [Span; 6],
    members: [Span; MEMBERS],
    /// The key under which [`Member::List`] stood, without its quotes.
    pub(crate) list_key: Span,
    /// Whether an envelope key came twice.
    pub(crate) duplicate: bool,
    /// Whether one of the remembered members came twice.
    pub(crate) duplicate_member: bool,
    /// Whether the `_meta` is the one that the peer repeats, which has passed all checks before.
    pub(crate) is_meta_repeated: bool,
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

impl Scan {
    pub(crate) const fn key(&self, key: EnvelopeKey) -> Span {
        self.envelope[key as usize]
    }

    pub(crate) const fn member(&self, member: Member) -> Span {
        self.members[member as usize]
    }

    /// The members that stand in the `_meta`.
    pub(super) fn meta_members(&self) -> [Span; META_MEMBERS] {
        *self
            .members
            .last_chunk()
            .unwrap_or(&[Span::NONE; META_MEMBERS])
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

/// Scans `frame`, whose values may nest `depth` deep, and fills in a fresh `scan`.
pub(crate) fn scan(
    frame: &[u8],
    depth: usize,
    repeated: &Repeated,
    scan: &mut Scan,
) -> Result<Scanned, ScanError> {
    if u32::try_from(frame.len()).is_err() {
        return Err(ScanError::Syntax);
    }
    let depth = depth.min(DEEPEST);
    let mut scanner = Scanner {
        bytes: frame,
        repeated,
        at: 0,
        depth,
    };
    scanner.document(scan).map_err(|stop| match stop {
        Stop::Syntax => ScanError::Syntax,
        Stop::TooDeep => ScanError::TooDeep,
        Stop::NotAnObject => ScanError::NotAnObject,
    })
}

/// Whether `text` is one value, without white space around it and not too deep to tell.
pub(super) fn is_value(text: &[u8]) -> bool {
    let mut scanner = Scanner {
        bytes: text,
        repeated: &Repeated::default(),
        at: 0,
        depth: 0,
    };
    scanner.value(DEEPEST).is_ok() && scanner.at == text.len()
}

/// Why a scan stopped; the place is the scanner's own.
enum Stop {
    Syntax,
    TooDeep,
    NotAnObject,
}

struct Scanner<'a> {
    bytes: &'a [u8],
    repeated: &'a Repeated,
    at: usize,
    depth: usize,
}

/// A key without the quotes, and whether it holds escapes.
struct Key {
    start: usize,
    end: usize,
    escaped: bool,
}

impl Scanner<'_> {
    fn document(&mut self, scan: &mut Scan) -> Result<Scanned, Stop> {
        self.white_space();
        let scanned = match self.peek() {
            Some(b'{') => {
                self.envelope(scan)?;
                Scanned::One
            }
            Some(b'[') => {
                self.value(self.depth)?;
                Scanned::Batch
            }
            _ => {
                self.value(self.depth)?;
                self.end()?;
                return Err(Stop::NotAnObject);
            }
        };
        self.end()?;
        Ok(scanned)
    }

    fn end(&mut self) -> Result<(), Stop> {
        self.white_space();
        if self.at == self.bytes.len() {
            Ok(())
        } else {
            Err(Stop::Syntax)
        }
    }

    fn envelope(&mut self, scan: &mut Scan) -> Result<(), Stop> {
        /// Many peers write this first, and it is quicker to compare than to scan.
        const BEGINNING: &[u8] = br#"{"jsonrpc":"2.0","#;
        let depth = self.depth.checked_sub(1).ok_or(Stop::TooDeep)?;
        if self.bytes.starts_with(BEGINNING) {
            let version = br#"{"jsonrpc":"#.len();
            scan.envelope[EnvelopeKey::JsonRpc as usize] = Span::new(version, BEGINNING.len() - 1);
            self.at = BEGINNING.len();
            self.white_space();
        } else {
            self.at += 1;
            if self.closes(b'}') {
                return Ok(());
            }
        }
        loop {
            let key = self.key()?;
            let start = self.at;
            let known = self.look_up(&key, envelope_key);
            if let Some(known) = known {
                let slot = &mut scan.envelope[known as usize];
                scan.duplicate |= slot.is_some();
                // Where it starts, for an error that has to stop before its end.
                *slot = Span::new(start, start + 1);
            }
            match known {
                Some(EnvelopeKey::Params) => self.body_or_value(scan, depth, params_member)?,
                Some(EnvelopeKey::Result) => self.body_or_value(scan, depth, result_member)?,
                Some(EnvelopeKey::Error) => self.body_or_value(scan, depth, error_member)?,
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

    fn body_or_value(
        &mut self,
        scan: &mut Scan,
        depth: usize,
        known: impl Fn(&[u8]) -> Option<Member> + Copy,
    ) -> Result<(), Stop> {
        match self.peek() {
            Some(b'{') => self.body(scan, depth, known),
            _ => self.value(depth),
        }
    }

    /// The object under `params`, `result`, `error` or `_meta`, remembering the members that
    /// `known` names.
    fn body(
        &mut self,
        scan: &mut Scan,
        depth: usize,
        known: impl Fn(&[u8]) -> Option<Member> + Copy,
    ) -> Result<(), Stop> {
        let depth = depth.checked_sub(1).ok_or(Stop::TooDeep)?;
        self.at += 1;
        if self.closes(b'}') {
            return Ok(());
        }
        loop {
            let key = self.key()?;
            let start = self.at;
            let member = self.look_up(&key, known);
            match (member, self.peek()) {
                (Some(Member::Meta), Some(b'{')) => self.meta(scan, depth)?,
                _ => self.value(depth)?,
            }
            if let Some(member) = member {
                let slot = &mut scan.members[member as usize];
                // Results may well have several lists; the first is as good as any.
                scan.duplicate_member |= slot.is_some() && member != Member::List;
                *slot = Span::new(start, self.at);
                if member == Member::List {
                    scan.list_key = Span::new(key.start, key.end);
                }
            }
            if self.separator(b'}')? {
                return Ok(());
            }
        }
    }

    /// The `_meta` of params or of a result.
    fn meta(&mut self, scan: &mut Scan, depth: usize) -> Result<(), Stop> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        // It stands as deep as when it was scanned, so the depth was checked then.
        let Some((length, members)) = self.repeated.at(rest) else {
            return self.body(scan, depth, meta_member);
        };
        if let Some(found) = scan.members.last_chunk_mut() {
            *found = members.map(|member| member.moved(0, self.at));
        }
        scan.is_meta_repeated = true;
        self.at += length;
        Ok(())
    }

    /// Any value, validated and passed over.
    fn value(&mut self, depth: usize) -> Result<(), Stop> {
        match self.peek() {
            Some(b'"') => self.string().map(|_| ()),
            Some(b'{') => self.object(depth),
            Some(b'[') => self.array(depth),
            Some(b't') => self.literal(b"true"),
            Some(b'f') => self.literal(b"false"),
            Some(b'n') => self.literal(b"null"),
            Some(b'-' | b'0'..=b'9') => self.number(),
            _ => Err(Stop::Syntax),
        }
    }

    fn object(&mut self, depth: usize) -> Result<(), Stop> {
        let depth = depth.checked_sub(1).ok_or(Stop::TooDeep)?;
        self.at += 1;
        if self.closes(b'}') {
            return Ok(());
        }
        loop {
            self.key()?;
            self.value(depth)?;
            if self.separator(b'}')? {
                return Ok(());
            }
        }
    }

    fn array(&mut self, depth: usize) -> Result<(), Stop> {
        let depth = depth.checked_sub(1).ok_or(Stop::TooDeep)?;
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
    fn separator(&mut self, close: u8) -> Result<bool, Stop> {
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
            _ => Err(Stop::Syntax),
        }
    }

    /// A key and its colon; the scanner then stands at the value.
    fn key(&mut self) -> Result<Key, Stop> {
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

    fn colon(&mut self) -> Result<(), Stop> {
        self.white_space();
        if self.peek() != Some(b':') {
            return Err(Stop::Syntax);
        }
        self.at += 1;
        self.white_space();
        Ok(())
    }

    /// What `known` makes of the key as it reads, escapes resolved.
    #[inline]
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

    fn literal(&mut self, literal: &[u8]) -> Result<(), Stop> {
        if !self.bytes[self.at..].starts_with(literal) {
            return Err(Stop::Syntax);
        }
        self.at += literal.len();
        Ok(())
    }

    /// Passes a string. Tells whether it holds escapes.
    fn string(&mut self) -> Result<bool, Stop> {
        let Some([b'"', rest @ ..]) = self.bytes.get(self.at..) else {
            return Err(Stop::Syntax);
        };
        let plain = plain_length(rest);
        self.at += 1 + plain;
        match rest.get(plain) {
            Some(b'"') => {
                self.at += 1;
                Ok(false)
            }
            Some(b'\\') => self.escaped_string(),
            _ => Err(Stop::Syntax),
        }
    }

    /// Passes the rest of a string, of which the next byte is a backslash.
    #[inline(never)]
    fn escaped_string(&mut self) -> Result<bool, Stop> {
        loop {
            self.at += 1;
            self.escape()?;
            let rest = self.bytes.get(self.at..).unwrap_or_default();
            let plain = plain_length(rest);
            self.at += plain;
            match rest.get(plain) {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(true);
                }
                Some(b'\\') => {}
                _ => return Err(Stop::Syntax),
            }
        }
    }

    /// What follows a backslash.
    fn escape(&mut self) -> Result<(), Stop> {
        let byte = self.peek().ok_or(Stop::Syntax)?;
        self.at += 1;
        match byte {
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Ok(()),
            b'u' => {
                let digits = self.bytes.get(self.at..self.at + 4).ok_or(Stop::Syntax)?;
                if !digits.iter().all(u8::is_ascii_hexdigit) {
                    return Err(Stop::Syntax);
                }
                self.at += 4;
                Ok(())
            }
            _ => Err(Stop::Syntax),
        }
    }

    fn number(&mut self) -> Result<(), Stop> {
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        match self.peek() {
            Some(b'0') => self.at += 1,
            Some(b'1'..=b'9') => self.digits()?,
            _ => return Err(Stop::Syntax),
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
    fn digits(&mut self) -> Result<(), Stop> {
        let start = self.at;
        while let Some(b'0'..=b'9') = self.peek() {
            self.at += 1;
        }
        if self.at == start {
            Err(Stop::Syntax)
        } else {
            Ok(())
        }
    }
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

fn params_member(key: &[u8]) -> Option<Member> {
    Some(match key {
        b"name" => Member::Name,
        b"uri" => Member::Uri,
        b"arguments" => Member::Arguments,
        b"_meta" => Member::Meta,
        b"requestId" => Member::RequestId,
        b"progressToken" => Member::ProgressToken,
        b"inputResponses" => Member::InputResponses,
        b"requestState" => Member::RequestState,
        b"task" => Member::Task,
        _ => return None,
    })
}

fn result_member(key: &[u8]) -> Option<Member> {
    Some(match key {
        b"content" => Member::Content,
        b"_meta" => Member::Meta,
        b"resultType" => Member::ResultType,
        b"structuredContent" => Member::StructuredContent,
        b"isError" => Member::IsError,
        b"inputRequests" => Member::InputRequests,
        b"requestState" => Member::RequestState,
        b"tools" | b"resources" | b"resourceTemplates" | b"prompts" | b"contents" | b"messages"
        | b"completion" | b"roots" => Member::List,
        _ => return None,
    })
}

fn error_member(key: &[u8]) -> Option<Member> {
    Some(match key {
        b"code" => Member::Code,
        b"message" => Member::Message,
        b"data" => Member::Data,
        _ => return None,
    })
}

fn meta_member(key: &[u8]) -> Option<Member> {
    if let Some(key) = key.strip_prefix(b"io.modelcontextprotocol/") {
        return Some(match key {
            b"protocolVersion" => Member::MetaProtocolVersion,
            b"clientCapabilities" => Member::MetaClientCapabilities,
            b"clientInfo" => Member::MetaClientInfo,
            b"logLevel" => Member::MetaLogLevel,
            b"subscriptionId" => Member::MetaSubscriptionId,
            _ => return None,
        });
    }
    (key == b"progressToken").then_some(Member::MetaProgressToken)
}
