//! Newline-delimited framing, as pipes use it: one message a line.
//!
//! Rules of this file: the same bytes give the same frames however they are cut into chunks; each
//! byte is looked at once; a line over the limit is discarded up to its newline, of which the
//! decoder keeps the first KiB, and the next line is good again; blank lines carry nothing; a
//! carriage return before the newline and a byte order mark at the very start are tolerated (one that
//! stands further on was added by no encoder of a stream, RFC 8259 forbids it, and so its line is no
//! message); a frame keeps at most 8 KiB alive or twice its length, whatever it was read with.

#![expect(
    clippy::arithmetic_side_effects,
    reason = "what is added are places in the buffer and its length, and nothing is held that is longer than memory"
)]

use alloc::vec::Vec;
use core::{fmt, mem};

use bytes::{Buf, Bytes, BytesMut};
#[cfg(feature = "tokio")]
use bytes::{BufMut, buf::Limit};

use crate::saved::saved;

use super::discarding::Discarding;
use super::{BYTE_ORDER_MARK, FrameError};

/// The room of a fresh buffer: kept frames share it, so starting empty would allocate for each.
const ROOM: usize = 1024;
/// The same of a connection that is likely to be one of many, most of which do nothing.
const SMALL_ROOM: usize = ROOM / 2;
/// So many bytes are searched for the end of a line as soon as they are copied.
const NEAR: usize = 8 * 1024;
/// A small frame may keep a buffer of this length alive.
const SHARED: usize = 8 * 1024;
/// A frame longer than this is a long one.
const LONG: usize = 12 * 1024;
/// The buffer of a long line has room for the next one to be longer by so much.
const SLIGHTLY_MORE: usize = 512;
/// A long line has room for so much more before more of it is read.
#[cfg(feature = "tokio")]
const CHUNK: usize = 16 * 1024;
/// A buffer that has grown past this is given back once it is empty.
const KEEP: usize = 64 * 1024;
/// The same as long as frames are long: then the next one needs it again.
const KEEP_FOR_LONG: usize = 2 * KEEP;

/// Splits a stream of bytes into frames.
///
/// Push bytes in with [`push`](Self::push), take frames out with [`next_frame`](Self::next_frame)
/// until it returns `None`. At the end of the input call [`finish`](Self::finish).
///
/// ```
/// use mcp_proto::frame::LineDecoder;
///
/// let mut decoder = LineDecoder::new(1024);
/// decoder.push(b"{\"a\":1}\r\n\n{\"b\"");
/// assert_eq!(decoder.next_frame().unwrap().unwrap(), "{\"a\":1}");
/// assert!(decoder.next_frame().is_none());
/// decoder.push(b":2}\n");
/// assert_eq!(decoder.next_frame().unwrap().unwrap(), "{\"b\":2}");
/// ```
///
/// `Debug` shows how much it holds, not what.
#[derive(Clone)]
pub struct LineDecoder {
    buffer: BytesMut,
    /// How many bytes of the buffer are known to hold no newline; a decoder that was stored looks
    /// again.
    searched: usize,
    limit: usize,
    /// How large the allocation is that frames share.
    allocated: usize,
    /// How long the last long frame was, with its delimiter.
    last_long: usize,
    /// Whether the next byte is the first of the stream.
    at_start: bool,
    /// Whether it starts with little room.
    is_small: bool,
    discarding: Option<Discarding>,
}

saved! {
    struct LineDecoder {
        buffer, limit, at_start, discarding; searched, allocated, last_long, is_small
    }
}

impl fmt::Debug for LineDecoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LineDecoder")
            .field("buffered", &self.buffer.len())
            .field("limit", &self.limit)
            .field("discarding", &self.discarding.is_some())
            .finish_non_exhaustive()
    }
}

impl LineDecoder {
    /// Creates a decoder that takes lines of up to `limit` bytes, their delimiter not counted.
    pub fn new(limit: usize) -> Self {
        Self {
            buffer: BytesMut::new(),
            searched: 0,
            limit,
            allocated: 0,
            last_long: 0,
            at_start: true,
            is_small: false,
            discarding: None,
        }
    }

    /// The same for one of many connections, most of which do nothing.
    #[cfg(any(feature = "tokio", feature = "futures-io"))]
    pub(crate) fn small(limit: usize) -> Self {
        Self {
            is_small: true,
            ..Self::new(limit)
        }
    }

    /// Takes the next bytes of the stream, however they were cut.
    pub fn push(&mut self, bytes: &[u8]) {
        let lacks_room = self.buffer.capacity() - self.buffer.len() < bytes.len();
        let is_searched = lacks_room && self.make_room(bytes);
        // What is long is searched while it is in the nearest cache. The last part is left to
        // `next_frame`, which bounds what is held of a line.
        let (blocks, last) = bytes.split_at(bytes.len().saturating_sub(1) / NEAR * NEAR);
        for block in blocks.chunks(NEAR) {
            let held = self.buffer.len();
            self.buffer.extend_from_slice(block);
            if self.searched == held {
                let found = match is_searched {
                    true => None,
                    false => memchr::memchr(b'\n', block),
                };
                self.searched = held + found.unwrap_or(block.len());
            }
        }
        self.buffer.extend_from_slice(last);
    }

    /// Makes room for these bytes. Returns whether it has searched them for a newline and found none.
    #[inline(never)]
    fn make_room(&mut self, bytes: &[u8]) -> bool {
        let least = if self.is_small { SMALL_ROOM } else { ROOM };
        let held = self.buffer.len();
        let is_searched = held < LONG && is_long_beginning(bytes);
        // A frame that has got this far is likely to become as long as the last such one.
        let expected = match held >= LONG || is_searched {
            true => self.last_long.saturating_sub(held),
            false => 0,
        };
        let room = bytes.len().max(least).max(expected);
        if held > 0 || !is_searched {
            self.buffer.reserve(room);
        } else if !self.buffer.try_reclaim(room) {
            // One that is a bit too small would become twice as large.
            self.buffer = BytesMut::with_capacity(room + SLIGHTLY_MORE);
        }
        self.allocated = self.buffer.capacity();
        is_searched
    }

    /// The same with the buffer that the bytes are in, which is left empty: more than 128 KiB aren't
    /// copied but stay in that buffer, which the next frames then share, and a fresh one is left.
    #[inline]
    pub fn push_buffer(&mut self, buffer: &mut Vec<u8>) {
        if buffer.len() > KEEP_FOR_LONG && self.buffer.is_empty() {
            self.take(buffer);
        } else {
            self.push(buffer);
            buffer.clear();
        }
    }

    #[inline(never)]
    fn take(&mut self, buffer: &mut Vec<u8>) {
        self.buffer = Bytes::from(mem::take(buffer)).into();
        self.searched = 0;
        self.allocated = self.buffer.capacity();
    }

    /// Where the next bytes of the stream go if a long line has begun, so that they are copied no
    /// further. As [`push`](Self::push) with what is written there.
    #[cfg(feature = "tokio")]
    pub(crate) fn room_for_more(&mut self) -> Option<Limit<&mut BytesMut>> {
        let held = self.buffer.len();
        // A line that is too long is found out with the next byte or two.
        let most = self.limit.saturating_add(2).saturating_sub(held);
        if held < LONG || self.searched < held || most == 0 {
            return None;
        }
        // It is likely to become as long as the last such one.
        let rest = match self.last_long.saturating_sub(held) {
            0 => CHUNK,
            rest => rest,
        };
        if self.buffer.capacity() - held < rest.min(CHUNK) {
            self.buffer.reserve(rest);
            self.allocated = self.buffer.capacity();
        }
        Some((&mut self.buffer).limit(most))
    }

    /// Returns the next frame, `None` when more bytes are needed, or what was wrong with the next
    /// line.
    ///
    /// Call it until it returns `None`; after an error the line that caused it is gone and the
    /// decoder is at the start of the next one.
    pub fn next_frame(&mut self) -> Option<Result<Bytes, FrameError>> {
        self.skip_byte_order_mark();
        loop {
            if self.searched == self.buffer.len() {
                return None;
            }
            let Some(found) = memchr::memchr(b'\n', self.unsearched()) else {
                self.searched = self.buffer.len();
                self.bound_partial_line();
                return None;
            };
            let end = self.searched + found;
            self.searched = 0;
            if let Some(discarding) = self.discarding.take() {
                return Some(Err(self.end_discarding(discarding, end)));
            }
            if self.is_too_long(end) {
                return Some(Err(self.end_discarding(Discarding::default(), end)));
            }
            if end > LONG {
                self.last_long = end + 1;
            }
            let mut line = self.buffer.split_to(end);
            self.buffer.advance(1);
            self.at_start = false;
            drop_return(&mut line);
            let is_blank = line.iter().all(u8::is_ascii_whitespace);
            let frame = (!is_blank).then(|| self.share(line));
            self.release_large_buffer(if end > LONG { KEEP_FOR_LONG } else { KEEP });
            if let Some(frame) = frame {
                return Some(Ok(frame));
            }
        }
    }

    /// Ends the stream: the last line, when it came without its newline and looks whole, is a frame
    /// all the same; half a line is an error. `None` when nothing was left.
    pub fn finish(&mut self) -> Option<Result<Bytes, FrameError>> {
        let end = self.buffer.len();
        if let Some(discarding) = self.discarding.take() {
            return Some(Err(self.end_discarding(discarding, end)));
        }
        if self.is_too_long(end) {
            return Some(Err(self.end_discarding(Discarding::default(), end)));
        }
        self.searched = 0;
        let mut line = self.buffer.split();
        drop_return(&mut line);
        let line = self.share(line);
        let last = line.iter().rev().find(|byte| !byte.is_ascii_whitespace())?;
        if matches!(last, b'}' | b']') {
            return Some(Ok(line));
        }
        Some(Err(FrameError::Truncated {
            length: line.len() as u64,
        }))
    }

    /// Throws away what is held.
    #[cfg(any(feature = "tokio", feature = "futures-io"))]
    pub(crate) fn clear(&mut self) {
        self.buffer = BytesMut::new();
        self.searched = 0;
        self.discarding = None;
    }

    /// Gives back the room that a burst has needed, when nothing is held.
    #[cfg(any(feature = "tokio", feature = "futures-io"))]
    pub(crate) fn rest(&mut self) {
        if self.buffer.is_empty() && self.buffer.capacity() > ROOM {
            self.buffer = BytesMut::new();
        }
    }

    /// Returns what is held of a line that isn't whole yet.
    #[cfg(feature = "std")]
    pub(crate) fn unfinished(&self) -> &[u8] {
        &self.buffer
    }

    /// Returns how many bytes are held of a line that isn't whole yet.
    pub fn buffered(&self) -> usize {
        self.buffer.len()
    }

    fn skip_byte_order_mark(&mut self) {
        if !self.at_start {
            return;
        }
        if self.buffer.starts_with(BYTE_ORDER_MARK) {
            self.buffer.advance(BYTE_ORDER_MARK.len());
            self.searched = 0;
            self.at_start = false;
        } else if !BYTE_ORDER_MARK.starts_with(&self.buffer) {
            self.at_start = false;
        }
    }

    /// Whether the line that is the first `end` bytes of the buffer is over the limit, of which a
    /// carriage return at its end is no part.
    fn is_too_long(&self, end: usize) -> bool {
        end > self.limit.saturating_add(1) || (end > self.limit && !self.ends_in_return(end))
    }

    /// Whether a carriage return stands before `end`.
    fn ends_in_return(&self, end: usize) -> bool {
        let line = self.buffer.get(..end);
        line.is_some_and(|line| line.ends_with(b"\r"))
    }

    /// What of the buffer has not been searched for a newline.
    fn unsearched(&self) -> &[u8] {
        self.buffer.get(self.searched..).unwrap_or_default()
    }

    /// Throws away what has come of a line that is already too long.
    fn bound_partial_line(&mut self) {
        let held = self.buffer.len();
        // One byte over the limit may still turn out to be the carriage return of the delimiter.
        if self.discarding.is_none() && held <= self.limit.saturating_add(1) || self.at_start {
            return;
        }
        let mut discarding = self.discarding.take().unwrap_or_default();
        discarding.take_in(&self.buffer);
        self.discarding = Some(discarding);
        self.buffer = BytesMut::new();
        self.searched = 0;
    }

    /// Reports the discarded line whose rest is the first `end` bytes of the buffer.
    fn end_discarding(&mut self, mut discarding: Discarding, end: usize) -> FrameError {
        let rest = self.buffer.split_to(end);
        discarding.take_in(&rest);
        if !self.buffer.is_empty() {
            self.buffer.advance(1);
        }
        self.at_start = false;
        self.searched = 0;
        discarding.into_error(self.limit)
    }

    /// The line as a frame. A small one is copied out of a large buffer, which it would keep alive
    /// for as long as somebody holds it.
    #[inline]
    fn share(&self, line: BytesMut) -> Bytes {
        if self.allocated > SHARED && line.len() < self.allocated / 2 {
            return Bytes::copy_from_slice(&line);
        }
        line.freeze()
    }

    /// A buffer that grew for one large frame isn't kept for the small ones after it.
    fn release_large_buffer(&mut self, keep: usize) {
        // What is left of its room may be small, and still keeps all of it.
        if self.buffer.is_empty() && self.buffer.capacity().max(self.allocated) > keep {
            self.buffer = BytesMut::new();
            self.allocated = 0;
        }
    }
}

/// Appends `frame` and its newline to `out`.
///
/// A frame that a session produced holds no newline; one from elsewhere must not either.
pub fn write_line(out: &mut Vec<u8>, frame: &[u8]) {
    out.extend_from_slice(frame);
    out.push(b'\n');
}

/// Whether these bytes are so many of one line that it is a long one.
fn is_long_beginning(bytes: &[u8]) -> bool {
    bytes.len() >= LONG && memchr::memchr(b'\n', bytes).is_none()
}

/// Drops the carriage return at the end of a line, which is a part of its delimiter.
fn drop_return(line: &mut BytesMut) {
    if let [rest @ .., b'\r'] = &line[..] {
        line.truncate(rest.len());
    }
}
