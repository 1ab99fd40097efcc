//! A server process that a client starts, speaks to over its standard streams, and ends.
//!
//! The program is started with a list of arguments, never through a shell, in a process group of
//! its own; of the environment it gets the few variables that every program needs, and what it is
//! given.

use alloc::format;
use alloc::string::{String, ToString};
use core::fmt;
use core::time::Duration;
use std::io;
use std::process::ExitStatus;

mod client;
mod command;
mod nonblocking;
mod pipe;
mod process;
#[cfg(unix)]
mod search;
mod stderr;

pub use self::command::Command;
pub use self::nonblocking::AsyncChildConnection;
use self::process::Process;
use self::stderr::Tail;
use super::Handle;
use super::blocking::{Connection, Drive};
use crate::session::Session;
use crate::time::Instant;

/// How long a child that has ended its output may take to exit and be asked how.
const EXIT: Duration = Duration::from_millis(500);

/// A session that speaks to a child process.
///
/// Dropping it does what [`shutdown`](Self::shutdown) does, and waits for it: a process that is
/// left behind at the end of `main` would never be ended. A server that ends with its input takes
/// milliseconds; one that doesn't takes up to the two waits of its [`Command`].
pub struct ChildConnection<S: Session> {
    // The order matters: dropping the connection closes the child's input, which ends it.
    connection: Connection<S>,
    process: Process,
    program: String,
    /// Whether the child's exit has been reported.
    asked: bool,
}

impl<S: Session> ChildConnection<S> {
    fn new(connection: Connection<S>, process: Process, program: String) -> Self {
        Self {
            connection,
            process,
            program,
            asked: false,
        }
    }

    /// Waits for the next event, as [`Connection::next`] does.
    ///
    /// When the session was lost because the child has failed, the error after the last event says
    /// how the child ended and gives its last words on its standard error.
    #[expect(
        clippy::should_implement_trait,
        reason = "an iterator could not err and then go on"
    )]
    pub fn next(&mut self) -> io::Result<Option<S::Event>> {
        let next = self.connection.next();
        self.or_exit(next)
    }

    /// Returns the next event if there is one already, as [`Connection::try_next`].
    pub fn try_next(&mut self) -> Option<S::Event> {
        self.connection.try_next()
    }

    /// Waits for the next event until `deadline`, as [`Connection::next_before`].
    pub fn next_before(&mut self, deadline: Instant) -> io::Result<Option<S::Event>> {
        let next = self.connection.next_before(deadline);
        self.or_exit(next)
    }

    /// Runs `act` on the session and sends its output. See [`Handle::with`].
    pub fn with<R>(&self, act: impl FnOnce(&mut S, Instant) -> R) -> R {
        self.connection.with(act)
    }

    /// Returns a handle for other threads.
    pub fn handle(&self) -> Handle<S> {
        self.connection.handle()
    }

    /// Returns the current time of this session.
    pub fn now(&self) -> Instant {
        self.connection.now()
    }

    /// Returns whether the session is closed. Events may still be waiting.
    pub fn is_closed(&self) -> bool {
        self.connection.is_closed()
    }

    /// Returns the last lines, up to 20, that the child wrote to its standard error. They say
    /// nothing about the session's state.
    // `stdio.stderr`
    pub fn stderr_tail(&self) -> String {
        self.process.stderr.text()
    }

    /// Returns the child's process id; `None` once it is known to have exited.
    pub fn id(&self) -> Option<u32> {
        self.process.id()
    }

    /// Ends the child: closes its input, waits, asks its process group to terminate, waits, kills
    /// it.
    ///
    /// What is pending is still written. Close the session first to tell the server.
    /// Returns how the child ended, or an error if the system doesn't tell.
    pub fn shutdown(mut self) -> io::Result<ExitStatus> {
        self.end_process()
    }

    fn end_process(&mut self) -> io::Result<ExitStatus> {
        self.connection.stop();
        self.process.end()
    }

    /// The same result, and at the end what is known of the child.
    fn or_exit(&mut self, next: io::Result<Option<S::Event>>) -> io::Result<Option<S::Event>> {
        if matches!(next, Ok(Some(_))) || !self.connection.is_closed() {
            return next;
        }
        let mut status = None;
        if self.connection.is_lost() && !self.asked {
            self.asked = true;
            status = self.process.wait(EXIT)?;
        }
        let failed = status.is_some_and(|status| !status.success());
        let junk = self.connection.take_junk();
        let (kind, cause) = match (next, junk) {
            (Err(error), junk) => (error.kind(), with_junk(error.to_string(), junk)),
            (Ok(_), Some(junk)) => (io::ErrorKind::InvalidData, Some(junk)),
            (Ok(_), None) if failed => (io::ErrorKind::UnexpectedEof, None),
            (Ok(_), None) => return Ok(None),
        };
        let kind = if failed {
            io::ErrorKind::UnexpectedEof
        } else {
            kind
        };
        Err(io::Error::new(kind, self.account(cause)))
    }

    /// The program, how it has ended, what went wrong and its last words.
    fn account(&self, cause: Option<String>) -> String {
        let mut text = format!("`{}`", self.program);
        match self.process.status() {
            Some(status) => text.push_str(&format!(" ended with {status}")),
            None => text.push_str(" still runs"),
        }
        if let Some(cause) = cause {
            text.push_str(&format!("; {cause}"));
        }
        let words = self.stderr_tail();
        if !words.is_empty() {
            text.push_str(&format!(", having written to stderr:\n{words}"));
        }
        text
    }
}

fn with_junk(cause: String, junk: Option<String>) -> Option<String> {
    Some(match junk {
        Some(junk) => format!("{cause}; {junk}"),
        None => cause,
    })
}

impl<S: Session> Drive for ChildConnection<S> {
    type Session = S;

    fn next_event(&mut self) -> io::Result<Option<S::Event>> {
        self.next()
    }

    fn next_event_before(&mut self, deadline: Instant) -> io::Result<Option<S::Event>> {
        self.next_before(deadline)
    }

    fn handle(&self) -> Handle<S> {
        self.handle()
    }

    fn end(&mut self) -> io::Result<()> {
        self.end_process().map(drop)
    }

    fn describe_peer(&mut self) -> Option<String> {
        // Nobody may have looked yet.
        drop(self.process.wait(Duration::ZERO));
        let input = self.handle().describe_input();
        Some(self.account(input))
    }
}

impl<S: Session> fmt::Debug for ChildConnection<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChildConnection")
            .field("program", &self.program)
            .finish_non_exhaustive()
    }
}
