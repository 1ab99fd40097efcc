//! What is remembered of a frame that is being thrown away because it is too long: how long it was,
//! how it began and how it ended, from which a session may still read whose answer it was.

use bytes::BytesMut;

use crate::saved::saved;

use super::FrameError;

/// How much of a frame that is too long is kept.
const HEAD: usize = 1024;

#[derive(Clone, Default)]
pub(super) struct Discarding {
    head: BytesMut,
    length: u64,
    last: u8,
}

saved! { struct Discarding { head, length, last } }

impl Discarding {
    /// Takes the next bytes of the frame.
    pub(super) fn take_in(&mut self, bytes: &[u8]) {
        let room = HEAD.saturating_sub(self.head.len());
        self.head.extend(bytes.iter().take(room));
        self.length = self.length.saturating_add(bytes.len() as u64);
        if let Some(last) = bytes.iter().rev().find(|byte| !byte.is_ascii_whitespace()) {
            self.last = *last;
        }
    }

    /// What is told of the frame once it has ended.
    pub(super) fn into_error(self, limit: usize) -> FrameError {
        FrameError::TooLong {
            length: self.length,
            limit,
            head: self.head.freeze(),
            last: self.last,
        }
    }
}
