//! What a child process writes to its standard error: drained whatever comes, shown to whom it
//! concerns, and its last lines kept.

use alloc::collections::VecDeque;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec;
use core::fmt;
use core::time::Duration;
use std::io::{self, Read, Write};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use super::super::panics::catch_panic;
use crate::frame::{FrameError, LineDecoder};

/// How many lines of the standard error are kept.
const TAIL: usize = 20;
/// The longest line that is kept whole.
const LINE: usize = 4096;

/// What becomes of the lines that a process writes to its standard error. They are kept in any
/// case.
#[derive(Clone)]
pub(super) enum Stderr {
    /// They go to this process's own.
    PassOn,
    /// Nobody sees them.
    Quiet,
    /// Each is given to this function.
    Lines(Arc<Mutex<Lines>>),
}

/// Takes the lines of every process that a command starts.
pub(super) type Lines = dyn FnMut(&str) + Send;

impl fmt::Debug for Stderr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::PassOn => "PassOn",
            Self::Quiet => "Quiet",
            Self::Lines(_) => "Lines",
        })
    }
}

/// The last lines of a process's standard error.
#[derive(Debug, Default)]
pub(super) struct Tail {
    kept: Mutex<Kept>,
    ended: Condvar,
}

#[derive(Debug, Default)]
struct Kept {
    lines: VecDeque<String>,
    ended: bool,
}

impl Tail {
    /// The lines that are kept.
    pub(super) fn text(&self) -> String {
        let kept = self.lock();
        let lines: vec::Vec<&str> = kept.lines.iter().map(String::as_str).collect();
        lines.join("\n")
    }

    /// Drains `stderr` to its end, whatever comes.
    pub(super) fn drain(&self, mut stderr: impl Read, to: &Stderr) {
        let mut decoder = LineDecoder::new(LINE);
        let mut chunk = vec![0; LINE];
        loop {
            let length = match stderr.read(&mut chunk) {
                Ok(0) => break,
                Ok(length) => length,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(_) => break,
            };
            if let Stderr::PassOn = to {
                // A closed standard error of ours is no reason to stop the child.
                drop(io::stderr().write_all(&chunk[..length]));
            }
            decoder.push(&chunk[..length]);
            self.take_lines(&mut decoder, to);
        }
        decoder.push(b"\n");
        self.take_lines(&mut decoder, to);
        self.lock().ended = true;
        self.ended.notify_all();
    }

    fn take_lines(&self, decoder: &mut LineDecoder, to: &Stderr) {
        while let Some(line) = decoder.next_frame() {
            let line = match &line {
                Ok(line) => String::from_utf8_lossy(line),
                Err(FrameError::TooLong { head, .. }) => String::from_utf8_lossy(head),
                Err(_) => continue,
            };
            let mut kept = self.lock();
            if kept.lines.len() == TAIL {
                kept.lines.pop_front();
            }
            kept.lines.push_back(line.to_string());
            drop(kept);
            if let Stderr::Lines(give) = to {
                // A panic costs its line, not the process, which must not block on a full pipe.
                catch_panic(|| give.lock().unwrap_or_else(PoisonError::into_inner)(&line));
            }
        }
    }

    /// Waits for the end of the stream, which something that the process started may hold open.
    pub(super) fn wait(&self, limit: Duration) {
        let waited = self
            .ended
            .wait_timeout_while(self.lock(), limit, |kept| !kept.ended);
        drop(waited.unwrap_or_else(PoisonError::into_inner));
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
