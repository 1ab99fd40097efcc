//! Server-sent events, `text/event-stream`, as HTTP uses them: bytes to events and back.
//!
//! Rules of this file: the same bytes give the same events however they are cut into chunks; each
//! byte is looked at once; LF, CR and CRLF end a line; lines that begin with a colon and fields
//! that nobody knows carry nothing, and none of them is kept; an event whose data is over the limit
//! is discarded up to its end, and the next one is good again; an event that isn't whole when the
//! stream ends never was.

#![expect(
    clippy::arithmetic_side_effects,
    reason = "what is added are lengths of what is held at the same time, which memory has room for"
)]

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

use bytes::{Buf, Bytes, BytesMut};

use super::discarding::Discarding;
use super::{BYTE_ORDER_MARK, FrameError};

/// How long the line of a field other than `data` may be; a longer one is ignored.
const FIELD: usize = 4096;
/// How much longer than its data the line of a `data` field is.
const DATA_PREFIX: usize = "data: ".len();
/// A buffer that has grown past this is given back once it is empty.
const KEEP: usize = 64 * 1024;

/// One server-sent event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SseEvent {
    /// What kind of event it is; `None` stands for `message`.
    pub event: Option<Box<str>>,
    /// Its data, the lines of which are separated by a newline: for MCP one frame, or nothing in an
    /// event that only carries an id.
    pub data: Bytes,
    /// The id after which a stream that breaks is resumed; `None` when this event says none.
    pub id: Option<Box<str>>,
    /// How long to wait before a stream that has ended is resumed; `None` when this event doesn't
    /// say.
    pub retry: Option<Duration>,
}

impl SseEvent {
    /// Returns an event that carries a frame, without an id.
    pub fn message(frame: impl Into<Bytes>) -> Self {
        Self {
            data: frame.into(),
            ..Self::default()
        }
    }

    /// Returns whether it is of the kind that carries MCP's frames: `message`, or without a kind.
    pub fn is_message(&self) -> bool {
        self.event.as_deref().is_none_or(|event| event == "message")
    }
}

/// Splits a `text/event-stream` into its events.
///
/// Push bytes in with [`push`](Self::push), take events out with [`next_event`](Self::next_event)
/// until it returns `None`. An event that is incomplete when the stream ends is dropped with the
/// decoder.
///
/// ```
/// use mcp_proto::frame::SseDecoder;
///
/// let mut decoder = SseDecoder::new(1024);
/// decoder.push(b": a comment\n\nid: 7\ndata: {\"a\":1}\n");
/// assert!(decoder.next_event().is_none());
/// decoder.push(b"\n");
/// assert_eq!(decoder.next_event().unwrap().unwrap().data, "{\"a\":1}");
/// assert_eq!(decoder.last_event_id(), Some("7"));
/// ```
///
/// `Debug` shows how much it holds, not what.
#[derive(Clone)]
pub struct SseDecoder {
    buffer: BytesMut,
    /// How many bytes of the buffer are known to end no line.
    searched: usize,
    limit: usize,
    /// Whether the next byte is the first of the stream.
    at_start: bool,
    /// Whether the last line ended with a carriage return, of which a line feed may be a part.
    after_return: bool,
    /// What becomes of the rest of a line of which the beginning is gone.
    line: Line,
    data: Vec<u8>,
    /// Whether the event has data, if only an empty line.
    has_data: bool,
    event: Option<Box<str>>,
    id: Option<Box<str>>,
    retry: Option<Duration>,
    last_event_id: Option<Box<str>>,
    last_retry: Option<Duration>,
    discarding: Option<Discarding>,
}

/// How a line is read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Line {
    /// It is kept until it is whole.
    Whole,
    /// What is left of it is data of an event that is too long.
    Discarded,
    /// What is left of it says nothing.
    Ignored,
}

impl fmt::Debug for SseDecoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SseDecoder")
            .field("buffered", &self.buffered())
            .field("limit", &self.limit)
            .field("discarding", &self.discarding.is_some())
            .finish_non_exhaustive()
    }
}

impl SseDecoder {
    /// Creates a decoder that takes events with up to `limit` bytes of data.
    pub fn new(limit: usize) -> Self {
        Self {
            buffer: BytesMut::new(),
            searched: 0,
            limit,
            at_start: true,
            after_return: false,
            line: Line::Whole,
            data: Vec::new(),
            has_data: false,
            event: None,
            id: None,
            retry: None,
            last_event_id: None,
            last_retry: None,
            discarding: None,
        }
    }

    /// Takes the next bytes of the stream, however they were cut.
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// Returns the next event, `None` when more bytes are needed, or
    /// [`TooLong`](FrameError::TooLong) for an event that has been discarded.
    ///
    /// Call it until it returns `None`. Blocks of lines without data are no events; the id and the
    /// time to wait that they may carry are kept all the same.
    pub fn next_event(&mut self) -> Option<Result<SseEvent, FrameError>> {
        self.skip_byte_order_mark();
        loop {
            self.skip_line_feed();
            let Some(found) = memchr::memchr2(b'\n', b'\r', self.unsearched()) else {
                self.searched = self.buffer.len();
                self.bound_partial_line();
                return None;
            };
            let end = self.searched + found;
            self.searched = 0;
            self.at_start = false;
            let line = self.buffer.split_to(end);
            self.after_return = self.buffer.starts_with(b"\r");
            self.buffer.advance(1);
            self.release_large_buffer();
            let is_whole = self.line == Line::Whole;
            if !is_whole {
                self.end_partial_line(&line);
            } else if !line.is_empty() {
                self.read(&line);
            } else if let Some(event) = self.dispatch() {
                return Some(event);
            }
        }
    }

    /// Returns the id that came last with an event or a block without data; `None` when none came,
    /// or the last one was empty, which takes back what was said before.
    pub fn last_event_id(&self) -> Option<&str> {
        self.last_event_id.as_deref().filter(|id| !id.is_empty())
    }

    /// Returns how long to wait before the stream is resumed, as it was said last; `None` when it
    /// was never said.
    pub fn last_retry(&self) -> Option<Duration> {
        self.last_retry
    }

    /// Returns how many bytes are held of an event that isn't whole yet.
    pub fn buffered(&self) -> usize {
        self.buffer.len() + self.data.len()
    }

    fn skip_byte_order_mark(&mut self) {
        if !self.at_start || BYTE_ORDER_MARK.starts_with(&self.buffer) && self.buffer.len() < 3 {
            return;
        }
        if self.buffer.starts_with(BYTE_ORDER_MARK) {
            self.buffer.advance(BYTE_ORDER_MARK.len());
            self.searched = 0;
        }
        self.at_start = false;
    }

    fn skip_line_feed(&mut self) {
        if self.after_return && !self.buffer.is_empty() {
            self.after_return = false;
            if self.buffer.starts_with(b"\n") {
                self.buffer.advance(1);
            }
        }
    }

    /// What of the buffer has not been searched for the end of a line.
    fn unsearched(&self) -> &[u8] {
        self.buffer.get(self.searched..).unwrap_or_default()
    }

    /// Throws away what has come of a line that says nothing or is too long already.
    fn bound_partial_line(&mut self) {
        if self.line == Line::Whole {
            let data = self.buffer.strip_prefix(b"data:");
            let longest = match data {
                Some(_) => self.limit.saturating_add(DATA_PREFIX),
                None => FIELD,
            };
            if !self.buffer.starts_with(b":") && self.buffer.len() <= longest || self.at_start {
                return;
            }
            self.line = match data {
                Some(_) => Line::Discarded,
                None => Line::Ignored,
            };
            if data.is_some() {
                let line = core::mem::take(&mut self.buffer);
                self.discard(value(line.strip_prefix(b"data").unwrap_or_default()));
            }
        } else if let (Line::Discarded, Some(discarding)) = (self.line, &mut self.discarding) {
            discarding.take_in(&self.buffer);
        }
        self.buffer = BytesMut::new();
        self.searched = 0;
    }

    /// Takes the end of a line of which the beginning is gone.
    fn end_partial_line(&mut self, rest: &[u8]) {
        if let (Line::Discarded, Some(discarding)) = (self.line, &mut self.discarding) {
            discarding.take_in(rest);
        }
        self.line = Line::Whole;
    }

    /// Takes one whole line that isn't blank.
    fn read(&mut self, line: &[u8]) {
        let colon = memchr::memchr(b':', line).unwrap_or(line.len());
        let (name, rest) = line.split_at(colon);
        let value = value(rest);
        if name == b"data" {
            return self.read_data(value);
        }
        if line.len() > FIELD {
            return;
        }
        match name {
            b"event" => {
                let event = String::from_utf8_lossy(value);
                self.event = (!event.is_empty()).then(|| event.into());
            }
            b"id" if !value.contains(&0) => {
                self.id = core::str::from_utf8(value).ok().map(Box::from);
            }
            b"retry" if !value.is_empty() && value.iter().all(u8::is_ascii_digit) => {
                let digits = core::str::from_utf8(value).unwrap_or_default();
                // More milliseconds than can be counted are for ever.
                self.retry = Some(Duration::from_millis(digits.parse().unwrap_or(u64::MAX)));
                self.last_retry = self.retry;
            }
            _ => {}
        }
    }

    fn read_data(&mut self, value: &[u8]) {
        let length = self.data.len() + usize::from(self.has_data) + value.len();
        if self.discarding.is_some() || length > self.limit {
            return self.discard(value);
        }
        if self.has_data {
            self.data.push(b'\n');
        }
        self.data.extend_from_slice(value);
        self.has_data = true;
    }

    /// Takes a line of data, or its beginning, of an event that is too long.
    fn discard(&mut self, value: &[u8]) {
        let data = core::mem::take(&mut self.data);
        let discarding = self.discarding.get_or_insert_default();
        discarding.take_in(&data);
        if self.has_data {
            discarding.take_in(b"\n");
        }
        discarding.take_in(value);
        self.has_data = true;
    }

    /// Ends an event; `None` when it has no data.
    fn dispatch(&mut self) -> Option<Result<SseEvent, FrameError>> {
        let event = SseEvent {
            event: self.event.take(),
            data: core::mem::take(&mut self.data).into(),
            id: self.id.take(),
            retry: self.retry.take(),
        };
        if event.id.is_some() {
            self.last_event_id.clone_from(&event.id);
        }
        let has_data = core::mem::take(&mut self.has_data);
        if let Some(discarding) = self.discarding.take() {
            return Some(Err(discarding.into_error(self.limit)));
        }
        has_data.then_some(Ok(event))
    }

    /// A buffer that grew for one large event isn't kept for the small ones after it.
    fn release_large_buffer(&mut self) {
        if self.buffer.is_empty() && self.buffer.capacity() > KEEP {
            self.buffer = BytesMut::new();
        }
    }
}

/// The value of a field, from its colon on: one space after the colon is no part of it.
fn value(rest: &[u8]) -> &[u8] {
    let value = rest.strip_prefix(b":").unwrap_or(rest);
    value.strip_prefix(b" ").unwrap_or(value)
}

/// Appends `event` to `out`, with the blank line that ends it.
///
/// Its data may have several lines. A kind or an id is one line: from it whatever would end a line
/// is left out.
pub fn write_event(out: &mut Vec<u8>, event: &SseEvent) {
    if let Some(id) = &event.id {
        write_field(out, b"id: ", id);
    }
    if let Some(retry) = event.retry {
        write_field(out, b"retry: ", &alloc::format!("{}", retry.as_millis()));
    }
    if let Some(kind) = &event.event {
        write_field(out, b"event: ", kind);
    }
    let mut data = &event.data[..];
    while let Some(end) = memchr::memchr2(b'\n', b'\r', data) {
        let (line, rest) = data.split_at(end);
        write_data(out, line);
        data = match rest {
            [b'\r', b'\n', rest @ ..] | [_, rest @ ..] => rest,
            [] => rest,
        };
    }
    write_data(out, data);
    out.push(b'\n');
}

/// Appends a comment to `out`, which has no meaning and keeps the stream from looking dead.
pub fn write_comment(out: &mut Vec<u8>) {
    out.extend_from_slice(b":\n\n");
}

fn write_field(out: &mut Vec<u8>, name: &[u8], value: &str) {
    out.extend_from_slice(name);
    let kept = value
        .bytes()
        .filter(|byte| !matches!(byte, b'\n' | b'\r' | 0));
    out.extend(kept);
    out.push(b'\n');
}

fn write_data(out: &mut Vec<u8>, line: &[u8]) {
    out.extend_from_slice(match line {
        b"" => b"data:",
        _ => b"data: ",
    });
    out.extend_from_slice(line);
    out.push(b'\n');
}
