//! Adapters that drive any [`Session`] with real streams, clocks, threads and runtimes.
//! Only this folder knows of the operating system; nothing in it knows what a message means.
//!
//! * [`blocking`]: threads; any `Read` and `Write`.
//! * [`nonblocking`]: futures; the streams of tokio (feature `tokio`) and of every other runtime
//!   (feature `futures-io`).
#![cfg_attr(
    feature = "child",
    doc = "* [`child`]: a server process that a client starts and ends."
)]
#![cfg_attr(
    any(feature = "http", feature = "http-client"),
    doc = "* [`http`]: servers behind HTTP stacks, and clients of servers at URLs."
)]
#![cfg_attr(
    feature = "auth",
    doc = "* [`auth`]: tokens for clients, a place to remember them, and the user's browser."
)]
#![cfg_attr(
    feature = "seal",
    doc = "* [`seal`]: seals the state of unfinished requests with what the system has."
)]
//!
//! * [`testing`]: a client and a server of the same program, for tests of either.
//!
//! Every connection hands out [`Handle`]s, by which other threads or tasks reach its session.

#![expect(
    clippy::disallowed_methods,
    reason = "the adapters are where clocks and threads belong"
)]

#[cfg(feature = "client")]
mod alarm;
#[cfg(feature = "auth")]
pub mod auth;
mod block_on;
pub mod blocking;
#[cfg(feature = "child")]
pub mod child;
#[cfg(feature = "client")]
mod configured;
#[cfg(feature = "client")]
mod dial;
#[cfg(feature = "client")]
mod entry;
#[cfg(any(feature = "http", feature = "http-client"))]
pub mod http;
#[cfg(feature = "client")]
mod hub;
#[cfg(feature = "server")]
mod jobs;
pub mod nonblocking;
mod panics;
#[cfg(feature = "seal")]
pub mod seal;
mod shared;
#[cfg(all(feature = "skills-dir", unix))]
pub mod skills;
mod slot;
mod state;
#[cfg(feature = "server")]
mod steps;
#[cfg(all(
    feature = "server",
    any(feature = "tokio", feature = "futures-io", feature = "http")
))]
mod task;
#[cfg(feature = "tasks")]
pub mod tasks;
#[cfg(all(feature = "client", feature = "server"))]
pub mod testing;
mod thread;

use alloc::string::String;
use core::fmt;
use std::sync::Arc;

use crate::session::Session;
use crate::time::Instant;
use shared::Shared;

#[cfg(feature = "client")]
pub use entry::EntryError;

/// Tells a session's time: what has passed since the clock was started.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    epoch: std::time::Instant,
    source: fn() -> std::time::Instant,
}

impl Clock {
    /// Returns a clock that starts at zero now and follows the system's monotonic clock.
    pub fn start() -> Self {
        Self::start_with(std::time::Instant::now)
    }

    /// Returns a clock that starts at zero now and follows `source`, which a runtime for tests may
    /// stop or set forward.
    pub fn start_with(source: fn() -> std::time::Instant) -> Self {
        Self {
            epoch: source(),
            source,
        }
    }

    /// Returns the current time.
    pub fn now(&self) -> Instant {
        Instant::new((self.source)().saturating_duration_since(self.epoch))
    }
}

/// Reaches the session of a connection from any thread or task; cheap to clone.
///
/// A handle keeps the session alive but not its streams: once the connection is dropped the session
/// is closed and takes no more commands.
pub struct Handle<S: Session> {
    shared: Arc<Shared<S>>,
}

impl<S: Session> Handle<S> {
    /// Runs `act` on the session and then wakes the threads or tasks that send, dispatch or wait
    /// for a timer.
    ///
    /// The session is locked meanwhile: `act` should issue its commands and return. It must not
    /// call back into the same connection, nor poll the events, which belong to the connection.
    pub fn with<R>(&self, act: impl FnOnce(&mut S, Instant) -> R) -> R {
        self.shared.with(act)
    }

    /// Returns the current time of this session.
    pub fn now(&self) -> Instant {
        self.shared.clock.now()
    }

    /// What the peer's first line says of it, if it doesn't speak the protocol. Told once.
    fn describe_input(&self) -> Option<String> {
        self.shared.lock().describe_input()
    }
}

impl<S: Session> Clone for Handle<S> {
    fn clone(&self) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
        }
    }
}

impl<S: Session> fmt::Debug for Handle<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle").finish_non_exhaustive()
    }
}
