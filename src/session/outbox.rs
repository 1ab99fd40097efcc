//! The frames that wait to be sent. Commands write into one buffer; polling hands out one frame.
//!
//! Rules of this file: frames leave in the order they were written; an aborted frame leaves no
//! trace; a large lone frame is handed over by swapping buffers instead of copying; an empty outbox keeps
//! no larger buffer than its role may, and asks for the next as large as the last; what was written
//! out of the reserve is counted until it has been handed out.

#![expect(
    clippy::arithmetic_side_effects,
    reason = "what is added are the lengths of frames that the buffer holds, of which there are fewer than 2^63"
)]

use alloc::vec::Vec;
use core::fmt;

use super::growth::trim;
use super::machine::Transmit;
use super::queue::Queue;
use super::route::Route;
use crate::rpc::{Kind, RequestId, Sendable};
use crate::saved::saved;

/// While frames wait, capacity is given back that is above what they need by this.
const SLACK: usize = 64 * 1024;
/// From this length on a frame on a pipe leaves its buffer for the next one, which is likely to be as
/// long; over HTTP each may go to another client.
const LONG: usize = 16 * 1024;
/// How large a buffer may be that is kept so.
const KEEP_FOR_LONG: usize = 128 * 1024;
/// How often it may be asked in vain for a frame until that buffer is given back all the same.
const PATIENCE: u8 = 8;
/// From this length on a frame is not copied.
const WORTH_SWAPPING: usize = 1024;

/// A frame that waits.
#[derive(Clone, Copy, Debug)]
struct Waiting {
    transmit: Transmit,
    /// Whether it was written while output was full already.
    is_reserve: bool,
}

saved! { struct Waiting { transmit, is_reserve } }

#[derive(Clone, Default)]
pub(crate) struct Outbox {
    bytes: Vec<u8>,
    /// How many bytes at the start have been handed out already.
    read: usize,
    frames: Queue<Waiting>,
    /// How large the next buffer is to be, when there is none.
    given_back: u32,
    /// How often it was asked in vain since it last had a frame, while it keeps a large buffer.
    asked: u8,
    /// How many bytes wait that were written out of the reserve.
    reserved: usize,
    /// How many frames have been written so far.
    written: u64,
}

saved! { struct Outbox { bytes, read, frames, reserved, written; given_back, asked } }

impl Outbox {
    /// The buffer to append a frame to; [`commit`](Self::commit) or [`abort`](Self::abort) ends it.
    pub(crate) fn begin(&mut self) -> (&mut Vec<u8>, usize) {
        let start = self.bytes.len();
        if self.given_back > 0 {
            let room = core::mem::take(&mut self.given_back);
            self.bytes.reserve_exact(room as usize);
        }
        (&mut self.bytes, start)
    }

    /// Makes what was appended since `start` a frame, out of the reserve or not.
    // Inlined since it is little more than passing its arguments on.
    #[inline(always)]
    pub(crate) fn commit(&mut self, start: usize, mut transmit: Transmit, is_reserve: bool) {
        transmit.len = self.bytes.len() - start;
        if is_reserve {
            self.reserved += transmit.len;
        }
        self.frames.push_back(Waiting {
            transmit,
            is_reserve,
        });
        self.written += 1;
        if self.bytes.capacity() > SLACK {
            self.trim();
        }
    }

    #[cold]
    #[inline(never)]
    fn trim(&mut self) {
        trim(&mut self.bytes, SLACK);
    }

    /// Drops what was appended since `start`.
    pub(crate) fn abort(&mut self, start: usize) {
        self.bytes.truncate(start);
        self.trim();
    }

    /// Appends the next frame to `buffer`. A buffer that is left with a capacity above `keep` is given
    /// back.
    pub(crate) fn poll(&mut self, buffer: &mut Vec<u8>, keep: usize) -> Option<Transmit> {
        let Some(Waiting {
            transmit,
            is_reserve,
        }) = self.frames.pop_front()
        else {
            self.ask_in_vain(keep);
            return None;
        };
        if is_reserve {
            self.reserved -= transmit.len;
        }
        let is_lone = self.read == 0 && self.frames.is_empty();
        // A buffer that will do for the next frame is as good as this one.
        let is_alike = (transmit.len..=keep).contains(&buffer.capacity());
        if is_lone && buffer.is_empty() && (is_alike || transmit.len >= WORTH_SWAPPING) {
            core::mem::swap(buffer, &mut self.bytes);
        } else {
            let end = self.read + transmit.len;
            buffer.extend_from_slice(self.unsent(self.read..end));
            self.read = end;
        }
        if self.frames.is_empty() {
            self.read = 0;
            if transmit.len >= LONG && transmit.route == Route::Pipe {
                self.give_back(keep.max(KEEP_FOR_LONG));
                self.expect_as_long(transmit.len);
            } else {
                self.give_back(keep);
            }
        } else if self.read > SLACK && self.read > self.bytes.len() / 8 {
            self.bytes.drain(..self.read);
            self.read = 0;
            trim(&mut self.bytes, SLACK);
        }
        Some(transmit)
    }

    /// Empties the buffer, of which nothing waits any more, and gives it back if it is larger than `keep`.
    /// The next one will be as large if much of this one was used.
    #[inline]
    fn give_back(&mut self, keep: usize) {
        if self.bytes.capacity() > keep {
            let was_used = self.bytes.len() >= self.bytes.capacity() / 4;
            self.replace(if was_used { self.bytes.capacity() } else { 0 });
        }
        self.bytes.clear();
        self.asked = 0;
    }

    /// Gives the buffer back; the next one will be of this capacity, within bounds.
    fn replace(&mut self, next: usize) {
        // `SLACK` is no more than that, so that the cast keeps its value.
        self.given_back = next.min(SLACK) as u32;
        self.bytes = Vec::new();
    }

    /// The next frame is likely to be as long as the one that has left, with its buffer perhaps.
    #[inline(never)]
    fn expect_as_long(&mut self, length: usize) {
        /// For an id that has become longer, and what an adapter puts behind the frame.
        const SLIGHTLY_MORE: usize = 64;
        // A longer one asks for its room itself, as it is long for one text.
        if length < KEEP_FOR_LONG && self.bytes.capacity() < length {
            // The cast of a sum that is no more than that keeps its value.
            self.given_back = (length + SLIGHTLY_MORE) as u32;
        }
    }

    /// Nothing waits: a large buffer isn't kept for a frame that doesn't come.
    #[inline]
    fn ask_in_vain(&mut self, keep: usize) {
        if self.bytes.capacity() > keep {
            self.asked += 1;
            if self.asked >= PATIENCE {
                self.replace(self.bytes.capacity());
                self.asked = 0;
            }
        }
    }

    /// The number of the frame that was written last; the first one's is 1.
    pub(crate) fn written(&self) -> u64 {
        self.written
    }

    /// Whether the frame of this number has been handed out.
    pub(crate) fn is_sent(&self, frame: u64) -> bool {
        self.written - self.frames.len() as u64 >= frame
    }

    /// A part of what waits, by its place in the buffer.
    pub(crate) fn unsent(&self, span: core::ops::Range<usize>) -> &[u8] {
        self.bytes.get(span).unwrap_or_default()
    }

    /// How many bytes wait to be sent.
    pub(crate) fn pending(&self) -> usize {
        self.bytes.len() - self.read
    }

    /// How many of them were written out of the reserve.
    pub(crate) const fn reserved(&self) -> usize {
        self.reserved
    }

    /// How many bytes of memory it holds.
    // The capacity would be no part of a saved session, and depends on the buffers of the adapter.
    pub(crate) fn held(&self) -> usize {
        self.bytes.len() + self.frames.len() * size_of::<Waiting>()
    }

    /// Whether the frames are what the buffer holds, as they are unless a saved one was changed.
    pub(crate) fn is_sound(&self, next_number: u64) -> bool {
        let add = |sum: usize, frame: &Waiting| sum.checked_add(frame.transmit.len);
        let mut reserved = self.frames.iter().filter(|frame| frame.is_reserve);
        let reserved = reserved.try_fold(0, add);
        self.frames.iter().try_fold(self.read, add) == Some(self.bytes.len())
            && reserved == Some(self.reserved)
            && self.written >= self.frames.len() as u64
            && self.written < u64::MAX / 2
            && self.are_frames_sound(next_number)
    }

    /// Whether each is a message of its kind, and no request has a number that is still to be given out.
    fn are_frames_sound(&self, next_number: u64) -> bool {
        let mut at = self.read;
        self.frames.iter().all(|frame| {
            let start = at;
            at += frame.transmit.len;
            match Sendable::of(self.unsent(start..at)) {
                None => false,
                Some(Sendable::Deep) => true,
                Some(Sendable::Answers) => frame.transmit.kind == Kind::Result,
                Some(Sendable::Message(kind, id)) => {
                    let number = id.as_ref().and_then(RequestId::as_integer);
                    let number = number.and_then(|number| u64::try_from(number).ok());
                    let is_given_out = number.is_some_and(|number| number < next_number);
                    kind == frame.transmit.kind && (kind != Kind::Request || is_given_out)
                }
            }
        })
    }

    /// Drops the requests that wait; what else waits is still to be sent.
    pub(crate) fn drop_requests(&mut self) {
        if !self.frames.iter().any(Waiting::is_request) {
            return;
        }
        let mut kept = Self {
            written: self.written,
            ..Self::default()
        };
        let mut at = self.read;
        for frame in self.frames.drain() {
            let end = at + frame.transmit.len;
            if !frame.is_request() {
                let unsent = self.bytes.get(at..end).unwrap_or_default();
                kept.bytes.extend_from_slice(unsent);
                if frame.is_reserve {
                    kept.reserved += frame.transmit.len;
                }
                kept.frames.push_back(frame);
            }
            at = end;
        }
        *self = kept;
    }

    /// Drops everything that waits.
    pub(crate) fn clear(&mut self) {
        let written = self.written;
        *self = Self {
            written,
            ..Self::default()
        };
    }
}

impl Waiting {
    fn is_request(&self) -> bool {
        self.transmit.kind == Kind::Request
    }
}

/// Sizes instead of contents, which may be secret.
impl fmt::Debug for Outbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outbox")
            .field("frames", &self.frames.len())
            .field("bytes", &self.pending())
            .field("written", &self.written)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::{KEEP_FOR_LONG, LONG, Outbox, PATIENCE};
    use crate::rpc::Kind;
    use crate::session::{ExchangeId, Route, Transmit};

    const KEEP: usize = 256;

    /// How large the buffer is that is left when a frame of this length has left by this route.
    fn left_by(outbox: &mut Outbox, route: Route, length: usize) -> usize {
        write(outbox, route, length);
        let mut buffer = Vec::with_capacity(length);
        outbox.poll(&mut buffer, KEEP).unwrap();
        outbox.bytes.capacity()
    }

    fn write(outbox: &mut Outbox, route: Route, length: usize) {
        let (bytes, start) = outbox.begin();
        bytes.resize(start + length, b' ');
        let transmit = Transmit {
            route,
            len: 0,
            last: false,
            kind: Kind::Result,
            revision: None,
        };
        outbox.commit(start, transmit, false);
    }

    #[test]
    fn the_buffer_of_a_long_frame_is_kept_on_a_pipe_until_a_short_one_leaves_or_none_comes() {
        let mut outbox = Outbox::default();
        let kept = LONG..=KEEP_FOR_LONG;
        assert!(kept.contains(&left_by(&mut outbox, Route::Pipe, LONG)));
        assert!(left_by(&mut outbox, Route::Pipe, LONG / 2) <= KEEP);
        assert!(left_by(&mut outbox, Route::Pipe, 2 * KEEP_FOR_LONG) <= KEEP);
        let exchange = Route::Exchange(ExchangeId::new(1));
        assert!(left_by(&mut outbox, exchange, LONG) <= KEEP);
        left_by(&mut outbox, Route::Pipe, LONG);
        (0..PATIENCE).for_each(|_| {
            assert!(kept.contains(&outbox.bytes.capacity()));
            assert!(outbox.poll(&mut Vec::new(), KEEP).is_none());
        });
        assert!(outbox.bytes.capacity() <= KEEP);
    }

    #[test]
    fn after_a_long_frame_that_has_taken_its_buffer_along_there_is_room_for_another_and_a_newline()
    {
        let mut outbox = Outbox::default();
        for length in [LONG, LONG + 1] {
            write(&mut outbox, Route::Pipe, length);
            let mut line = Vec::new();
            outbox.poll(&mut line, KEEP).unwrap();
            assert_eq!(outbox.bytes.capacity(), 0);
            let (bytes, _) = outbox.begin();
            assert!(bytes.capacity() > length);
            outbox.abort(0);
        }
        // Short ones after it ask for room as they need it.
        assert!(left_by(&mut outbox, Route::Pipe, 8) <= KEEP);
        assert!(outbox.begin().0.capacity() <= KEEP);
    }
}
