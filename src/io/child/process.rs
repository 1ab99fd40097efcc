//! A child process from its start to its end: its standard error is drained, its exit is collected,
//! and it is ended step by step, with everything that it started (`stdio.shutdown.client`).

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::string::{String, ToString};
use alloc::vec;
use core::fmt;
use core::time::Duration;
use std::io::{self, Read, Write};
use std::process::{Child, ExitStatus};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use super::super::blocking::threads::spawn;
use crate::frame::{FrameError, LineDecoder};

/// How many lines of the standard error are kept.
const TAIL: usize = 20;
/// The longest line that is kept whole.
const LINE: usize = 4096;
/// How often a process that is to end is looked at: at first, and at most.
const LOOK: (Duration, Duration) = (Duration::from_millis(1), Duration::from_millis(20));
/// How long the standard error may take to end once the process has.
const STDERR_END: Duration = Duration::from_millis(100);

/// How long a process that is to end is given for each step.
#[derive(Clone, Copy, Debug)]
pub(super) struct Waits {
    /// From the end of its input until it is asked to terminate.
    pub(super) close: Duration,
    /// From then until it is killed.
    pub(super) terminate: Duration,
}

/// A running process. Dropping it ends it, in a thread of its own.
pub(super) struct Process {
    running: Option<Running>,
    status: Option<ExitStatus>,
    pub(super) stderr: Arc<Tail>,
}

struct Running {
    child: Child,
    waits: Waits,
}

impl Process {
    pub(super) fn new(child: Child, waits: Waits, stderr: Arc<Tail>) -> Self {
        Self {
            running: Some(Running { child, waits }),
            status: None,
            stderr,
        }
    }

    pub(super) fn id(&self) -> Option<u32> {
        self.running.as_ref().map(|running| running.child.id())
    }

    /// How it ended, if it ends within `limit`.
    pub(super) fn wait(&mut self, limit: Duration) -> io::Result<Option<ExitStatus>> {
        if let Some(running) = &mut self.running {
            self.status = running.wait(limit)?;
            if self.status.is_some() {
                self.running = None;
                self.stderr.wait(STDERR_END);
            }
        }
        Ok(self.status)
    }

    /// Ends it. Its input must have been closed.
    pub(super) fn end(mut self) -> io::Result<ExitStatus> {
        match (self.status, self.running.take()) {
            (None, Some(running)) => running.end(),
            (Some(status), _) => Ok(status),
            (None, None) => Err(io::Error::other("the process was ended before")),
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Some(running) = self.running.take() {
            let shared = Arc::new(Mutex::new(Some(running)));
            let for_thread = Arc::clone(&shared);
            let take = |from: &Mutex<Option<Running>>| {
                from.lock().ok().and_then(|mut running| running.take())
            };
            let reaper = move || {
                if let Some(running) = take(&for_thread) {
                    drop(running.end());
                }
            };
            if spawn("mcp reaper", reaper).is_err()
                && let Some(mut running) = take(&shared)
            {
                running.kill();
            }
        }
    }
}

impl Running {
    fn wait(&mut self, limit: Duration) -> io::Result<Option<ExitStatus>> {
        let (mut look, longest) = LOOK;
        let mut left = limit;
        loop {
            if self.may_be_reaped()
                && let Some(status) = self.child.try_wait()?
            {
                return Ok(Some(status));
            }
            if left.is_zero() {
                return Ok(None);
            }
            let pause = look.min(left);
            thread::sleep(pause);
            left -= pause;
            look = (look * 2).min(longest);
        }
    }

    fn end(mut self) -> io::Result<ExitStatus> {
        if let Some(status) = self.wait(self.waits.close)? {
            return Ok(status);
        }
        if self.terminate()
            && let Some(status) = self.wait(self.waits.terminate)?
        {
            return Ok(status);
        }
        self.kill();
        self.child.wait()
    }
}

#[cfg(unix)]
impl Running {
    /// Whether the process has exited. If so, what it left behind in its group is asked to
    /// terminate: only until the process is reaped is the group's number surely its own.
    #[cfg(not(any(target_os = "openbsd", target_os = "redox")))]
    fn may_be_reaped(&self) -> bool {
        use rustix::process::{WaitId, WaitIdOptions, waitid};
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        let exited = match waitid(
            WaitId::Pid(rustix::process::Pid::from_child(&self.child)),
            options,
        ) {
            Ok(status) => status.is_some(),
            // Somebody else has reaped it; `try_wait` says what is known.
            Err(_) => return true,
        };
        if exited {
            self.terminate();
        }
        exited
    }

    #[cfg(any(target_os = "openbsd", target_os = "redox"))]
    fn may_be_reaped(&self) -> bool {
        true
    }

    /// Asks the process and all it started to terminate; `false` where there is no such thing.
    fn terminate(&self) -> bool {
        self.signal(rustix::process::Signal::TERM);
        true
    }

    fn kill(&mut self) {
        self.signal(rustix::process::Signal::KILL);
    }

    fn signal(&self, signal: rustix::process::Signal) {
        let group = rustix::process::Pid::from_child(&self.child);
        // That it fails means that there is nobody left in the group.
        let _ = rustix::process::kill_process_group(group, signal);
    }
}

#[cfg(not(unix))]
impl Running {
    fn may_be_reaped(&self) -> bool {
        true
    }

    fn terminate(&self) -> bool {
        false
    }

    fn kill(&mut self) {
        // That it fails means that the process has ended.
        drop(self.child.kill());
    }
}

/// What becomes of the lines that a process writes to its standard error. They are kept in any case.
pub(super) enum Stderr {
    /// They go to this process's own.
    PassOn,
    /// Nobody sees them.
    Quiet,
    /// Each is given to this function.
    Lines(Box<dyn FnMut(&str) + Send>),
}

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
    pub(super) fn drain(&self, mut stderr: impl Read, mut to: Stderr) {
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
            self.take_lines(&mut decoder, &mut to);
        }
        decoder.push(b"\n");
        self.take_lines(&mut decoder, &mut to);
        self.lock().ended = true;
        self.ended.notify_all();
    }

    fn take_lines(&self, decoder: &mut LineDecoder, to: &mut Stderr) {
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
                give(&line);
            }
        }
    }

    /// Waits for the end of the stream, which something that the process started may hold open.
    fn wait(&self, limit: Duration) {
        let waited = self
            .ended
            .wait_timeout_while(self.lock(), limit, |kept| !kept.ended);
        drop(waited.unwrap_or_else(PoisonError::into_inner));
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
