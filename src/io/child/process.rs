//! A child process from its start to its end: its exit is collected, and it is ended step by step,
//! with everything that it started.
//!
//! Rules of this file (`stdio.shutdown.client`): its input is closed first; what is left of its
//! process group is asked to terminate before the process is reaped, since only until then the
//! group's number is surely its own; whatever happens, nobody waits longer than the limits say.

use core::sync::atomic::{AtomicBool, Ordering};
use core::time::Duration;
use std::io;
use std::process::{Child, ExitStatus};
use std::sync::Arc;
use std::thread;

use super::pipe::Alive;
use super::stderr::Tail;

/// How often a process that is to end is looked at: at first, and at most.
const LOOK: (Duration, Duration) = (Duration::from_millis(1), Duration::from_millis(20));
/// How long the standard error may take to end once the process has.
const STDERR_END: Duration = Duration::from_millis(100);

/// How long a process that has never said anything may take for the end of its input: it has nothing to
/// finish, and whoever gave it up has waited for it already.
const SILENT: Duration = Duration::from_millis(100);

/// How long a process that is to end is given for each step.
#[derive(Clone, Copy, Debug)]
pub(super) struct Waits {
    /// From the end of its input until it is asked to terminate.
    pub(super) close: Duration,
    /// From then until it is killed.
    pub(super) terminate: Duration,
}

/// A process, running or ended. Dropping it ends it, and waits for that.
pub(super) struct Process {
    running: Option<Child>,
    waits: Waits,
    status: Option<ExitStatus>,
    /// Whether anything has come from its standard output.
    is_heard: Arc<AtomicBool>,
    pub(super) stderr: Arc<Tail>,
    /// Once it is gone, its pipes are read to where they are empty, whoever else holds them.
    alive: Option<Alive>,
}

impl Process {
    pub(super) fn new(
        child: Child,
        waits: Waits,
        is_heard: &Arc<AtomicBool>,
        stderr: Arc<Tail>,
        alive: Alive,
    ) -> Self {
        Self {
            running: Some(child),
            waits,
            status: None,
            is_heard: Arc::clone(is_heard),
            stderr,
            alive: Some(alive),
        }
    }

    pub(super) fn id(&self) -> Option<u32> {
        self.running.as_ref().map(Child::id)
    }

    /// How it ended, if that is known.
    pub(super) fn status(&self) -> Option<ExitStatus> {
        self.status
    }

    /// How it ended, if it ends within `limit`.
    pub(super) fn wait(&mut self, limit: Duration) -> io::Result<Option<ExitStatus>> {
        let (mut look, longest) = LOOK;
        let mut left = limit;
        loop {
            let Some(child) = &mut self.running else {
                return Ok(self.status);
            };
            if may_be_reaped(child)
                && let Some(status) = child.try_wait()?
            {
                self.reaped(status);
                return Ok(self.status);
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

    /// Ends it, if it hasn't ended. Its input must have been closed.
    pub(super) fn end(&mut self) -> io::Result<ExitStatus> {
        let close = match self.is_heard.load(Ordering::Relaxed) {
            true => self.waits.close,
            false => self.waits.close.min(SILENT),
        };
        if let Some(status) = self.wait(close)? {
            return Ok(status);
        }
        if let Some(child) = &self.running
            && terminate(child)
            && let Some(status) = self.wait(self.waits.terminate)?
        {
            return Ok(status);
        }
        if let Some(child) = &mut self.running {
            kill(child);
            let status = child.wait()?;
            self.reaped(status);
        }
        let ended = || io::Error::other("it isn't known how the process has ended");
        self.status.ok_or_else(ended)
    }

    fn reaped(&mut self, status: ExitStatus) {
        self.running = None;
        self.status = Some(status);
        self.stderr.wait(STDERR_END);
        self.alive = None;
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Nobody is left to hear how it has ended.
        drop(self.end());
    }
}

/// Whether the process has exited. If so, what it left behind in its group is asked to terminate.
#[cfg(all(unix, not(any(target_os = "openbsd", target_os = "redox"))))]
fn may_be_reaped(child: &Child) -> bool {
    use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    let exited = match waitid(WaitId::Pid(Pid::from_child(child)), options) {
        Ok(status) => status.is_some(),
        // Somebody else has reaped it; `try_wait` says what is known.
        Err(_) => return true,
    };
    if exited {
        terminate(child);
    }
    exited
}

#[cfg(any(not(unix), target_os = "openbsd", target_os = "redox"))]
fn may_be_reaped(_: &Child) -> bool {
    true
}

/// Asks the process and all it started to terminate; `false` where there is no such thing.
fn terminate(child: &Child) -> bool {
    #[cfg(unix)]
    signal(child, rustix::process::Signal::TERM);
    let _ = child;
    cfg!(unix)
}

fn kill(child: &mut Child) {
    #[cfg(unix)]
    signal(child, rustix::process::Signal::KILL);
    // Where there are no groups, the process alone; that it fails means that it has ended.
    drop(child.kill());
}

#[cfg(unix)]
fn signal(child: &Child, signal: rustix::process::Signal) {
    let group = rustix::process::Pid::from_child(child);
    // That it fails means that there is nobody left in the group.
    let _ = rustix::process::kill_process_group(group, signal);
}
