//! The frames that wait to be sent. Commands write into one buffer; polling hands out one frame.
//!
//! Rules of this file: frames leave in the order they were written; an aborted frame leaves no
//! trace; a large lone frame is handed over by swapping buffers instead of copying.

use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::Transmit;
use super::queue::Queue;
use crate::rpc::Kind;

/// Capacity above this is given back when the outbox runs empty.
const KEEP: usize = 64 * 1024;

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Outbox {
    bytes: Vec<u8>,
    /// How many bytes at the start have been handed out already.
    read: usize,
    frames: Queue<Transmit>,
    /// How many frames have been written so far.
    written: u64,
}

impl Outbox {
    /// The buffer to append a frame to; [`commit`](Self::commit) or [`abort`](Self::abort) ends it.
    pub(crate) fn begin(&mut self) -> (&mut Vec<u8>, usize) {
        let start = self.bytes.len();
        (&mut self.bytes, start)
    }

    /// Makes what was appended since `start` a frame.
    pub(crate) fn commit(&mut self, start: usize, mut transmit: Transmit) {
        transmit.len = self.bytes.len() - start;
        self.frames.push_back(transmit);
        self.written += 1;
    }

    /// Drops what was appended since `start`.
    pub(crate) fn abort(&mut self, start: usize) {
        self.bytes.truncate(start);
    }

    /// Appends the next frame to `buffer`.
    pub(crate) fn poll(&mut self, buffer: &mut Vec<u8>) -> Option<Transmit> {
        let transmit = self.frames.pop_front()?;
        if buffer.is_empty() && self.read == 0 && self.frames.is_empty() {
            core::mem::swap(buffer, &mut self.bytes);
        } else {
            buffer.extend_from_slice(&self.bytes[self.read..self.read + transmit.len]);
            self.read += transmit.len;
        }
        if self.frames.is_empty() {
            self.bytes.clear();
            self.read = 0;
            if self.bytes.capacity() > KEEP {
                self.bytes = Vec::new();
            }
        } else if self.read > KEEP && self.read > self.bytes.len() / 2 {
            self.bytes.drain(..self.read);
            self.read = 0;
        }
        Some(transmit)
    }

    /// The number of the frame that was written last; the first one's is 1.
    pub(crate) fn written(&self) -> u64 {
        self.written
    }

    /// Whether the frame of this number has been handed out.
    pub(crate) fn is_sent(&self, frame: u64) -> bool {
        self.written - self.frames.len() as u64 >= frame
    }

    /// A part of the frame that was just written, by its place in the buffer.
    pub(crate) fn unsent(&self, span: core::ops::Range<usize>) -> &[u8] {
        self.bytes.get(span).unwrap_or_default()
    }

    /// How many bytes wait to be sent.
    pub(crate) fn pending(&self) -> usize {
        self.bytes.len() - self.read
    }

    /// Drops the requests that wait; what else waits is still to be sent.
    pub(crate) fn drop_requests(&mut self) {
        if !self.frames.iter().any(|frame| frame.kind == Kind::Request) {
            return;
        }
        let mut kept = Self {
            written: self.written,
            ..Self::default()
        };
        let mut at = self.read;
        for transmit in self.frames.drain() {
            let end = at + transmit.len;
            if transmit.kind != Kind::Request {
                kept.bytes.extend_from_slice(&self.bytes[at..end]);
                kept.frames.push_back(transmit);
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
