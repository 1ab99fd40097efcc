//! What floods make a session hold, counted by the allocator: never more than the total that
//! `Limits` documents and one frame.
//!
//! The count is that of the process, so each test waits for its turn.

#[cfg(feature = "http-core")]
mod exchanges;
mod floods;
mod growth;
mod high;
#[cfg(feature = "http")]
mod http;
mod idle;
#[cfg(feature = "hyper")]
mod sockets;
mod tasks;

use std::alloc::System;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use mcp_proto::session::Route;
use mcp_proto::{Instant, Limits, Session};
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

static TURN: Mutex<()> = Mutex::new(());

const NOW: Instant = Instant::from_millis(1);
/// The most that an envelope takes.
const ENVELOPE: usize = 512;

/// The length of what is sent, but for its envelope; the limits are in proportion.
fn length() -> usize {
    support::amount(64 << 10, 256 << 10)
}

/// Measures what is allocated from its making on and not given back.
struct Scale {
    before: usize,
    _turn: MutexGuard<'static, ()>,
}

impl Scale {
    fn new() -> Self {
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        Self {
            before: allocated(),
            _turn: turn,
        }
    }

    /// Measures from now on. Whoever has others run beside it, such as threads of a server, has a scale before they
    /// begin, as they would weigh on who measures meanwhile.
    #[cfg(feature = "http")]
    fn reset(&mut self) {
        self.before = allocated();
    }

    fn held(&self) -> usize {
        allocated().saturating_sub(self.before)
    }

    /// Sees to it that a session counts what it allocates, up to a quarter.
    fn assert_counted(&self, counted: usize) {
        let (held, most) = (self.held(), counted + counted / 4 + (128 << 10));
        assert!(held <= most, "{held} bytes are held, {counted} are counted");
    }

    /// Sees to it that no more is held than `limits` allow and one frame.
    fn assert_within(&self, limits: &Limits) {
        let (held, most) = (self.held(), limits.total() + length() + ENVELOPE);
        assert!(held <= most, "{held} bytes are held, {most} are allowed");
    }
}

fn allocated() -> usize {
    let stats = ALLOCATOR.stats();
    stats
        .bytes_allocated
        .saturating_sub(stats.bytes_deallocated)
}

/// Limits that a flood reaches soon.
fn limits() -> Limits {
    let mut limits = Limits::default();
    limits.memory = 8 * length();
    limits.output = 2 * length();
    limits.peer = 2 * length();
    limits.calls = 100;
    limits
}

fn feed(session: &mut impl Session, frame: String) {
    session.handle_frame(
        NOW,
        Route::Pipe,
        Bytes::from(frame.into_boxed_str().into_boxed_bytes()),
    );
}

/// Sends all there is to nobody.
fn drain(session: &mut impl Session) {
    let mut frame = Vec::new();
    while session.poll_transmit(&mut frame).is_some() {
        frame.clear();
    }
}

/// Ends the opening of a client, which has said `initialize`.
fn answer_initialize(client: &mut impl Session) {
    drain(client);
    let opened = r#"{"jsonrpc":"2.0","id":1,"result":{"protocolVersion":"2025-11-25","capabilities":{"tools":{}},"serverInfo":{"name":"s","version":"1"}}}"#;
    feed(client, opened.into());
    drain(client);
    while client.poll_event().is_some() {}
}

/// Feeds frames until they are no longer wanted, or as many as `most`. Returns how many.
fn flood(session: &mut impl Session, most: usize, frame: impl Fn(usize) -> String) -> usize {
    (0..most)
        .find(|n| {
            let is_full = !session.wants_frames();
            if !is_full {
                feed(session, frame(*n));
            }
            is_full
        })
        .unwrap_or(most)
}
