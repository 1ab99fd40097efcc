//! The output of a child process, read to its end or until the process is gone.
//!
//! Rules of this file: something that the process started may hold its pipes for as long as it likes;
//! once the process itself is gone, what is in the pipe is read, up to a bound, and then it has ended.

use alloc::sync::Arc;
use core::sync::atomic::{AtomicBool, Ordering};
use std::io::{self, Read};

#[cfg(not(unix))]
pub(super) use self::other::{Alive, Output, alive};
#[cfg(unix)]
pub(super) use self::unix::{Alive, Output, alive};

/// Remembers whether anything has come.
pub(super) struct Heard<R> {
    stream: R,
    is_heard: Arc<AtomicBool>,
}

impl<R> Heard<R> {
    pub(super) fn new(stream: R, is_heard: &Arc<AtomicBool>) -> Self {
        Self {
            stream,
            is_heard: Arc::clone(is_heard),
        }
    }
}

impl<R: Read> Read for Heard<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.stream.read(buffer)?;
        self.is_heard.fetch_or(length > 0, Ordering::Relaxed);
        Ok(length)
    }
}

#[cfg(unix)]
mod unix {
    use alloc::sync::Arc;
    use std::io::{self, PipeReader, PipeWriter, Read};
    use std::os::fd::AsFd;

    use rustix::event::{PollFd, PollFlags, poll};

    /// How much is still read from a pipe whose process is gone: more than a pipe holds.
    const REST: usize = 2 << 20;

    /// Kept for as long as the process runs; dropping it ends its [`Output`]s.
    pub(in super::super) struct Alive {
        _writer: PipeWriter,
    }

    /// Ends when its stream ends, and soon after the process is gone.
    pub(in super::super) struct Output<R> {
        stream: R,
        gone: Arc<PipeReader>,
        rest: Option<usize>,
    }

    /// What tells the outputs of a process, made by the function, that it is gone.
    pub(in super::super) fn alive() -> io::Result<(Alive, Arc<PipeReader>)> {
        let (reader, writer) = io::pipe()?;
        Ok((Alive { _writer: writer }, Arc::new(reader)))
    }

    impl<R: Read + AsFd> Output<R> {
        pub(in super::super) fn new(stream: R, gone: &Arc<PipeReader>) -> Self {
            Self {
                stream,
                gone: Arc::clone(gone),
                rest: None,
            }
        }

        /// Waits until there is something to read; `false` when there is nothing and the process is
        /// gone.
        fn is_readable(&mut self) -> io::Result<bool> {
            let mut ends = [
                PollFd::new(&self.stream, PollFlags::IN),
                PollFd::new(&*self.gone, PollFlags::IN),
            ];
            poll(&mut ends, None)?;
            let [stream, gone] = ends.map(|end| !end.revents().is_empty());
            if gone {
                self.rest.get_or_insert(REST);
            }
            Ok(stream)
        }
    }

    impl<R: Read + AsFd> Read for Output<R> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            if !self.is_readable()? || self.rest == Some(0) {
                return Ok(0);
            }
            let length = self.stream.read(buffer)?;
            self.rest = self.rest.map(|rest| rest.saturating_sub(length));
            Ok(length)
        }
    }
}

#[cfg(not(unix))]
mod other {
    use std::io::{self, Read};

    /// Nothing: there is no waiting for two things at once.
    pub(in super::super) struct Alive;

    /// Ends when its stream ends.
    pub(in super::super) struct Output<R>(R);

    pub(in super::super) fn alive() -> io::Result<(Alive, ())> {
        Ok((Alive, ()))
    }

    impl<R: Read> Output<R> {
        pub(in super::super) fn new(stream: R, _: &()) -> Self {
            Self(stream)
        }
    }

    impl<R: Read> Read for Output<R> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.0.read(buffer)
        }
    }
}
