//! A session around which everything is written down that passes through it.
//!
//! Rules of this file: the session behaves as it would by itself; lines are kept up to a bound until they are taken, and
//! what is over it is counted instead; what is redacted is redacted before it is kept.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use bytes::Bytes;

use crate::frame::FrameError;
use crate::session::{Closed, Route, Session, Transmit};
use crate::time::Instant;

use super::entry::{Entry, Happened};
use super::redaction::Redaction;

/// How many bytes of lines are kept unless the user says otherwise.
const LIMIT: usize = 16 << 20;

/// A session that is recorded: drive it like any other, and take the lines from time to time.
#[derive(Debug)]
pub struct Recorder<S> {
    session: S,
    redaction: Redaction,
    lines: Vec<u8>,
    limit: usize,
    missing: u64,
    /// The latest time that the session was told.
    now: Instant,
}

impl<S: Session> Recorder<S> {
    /// Records a session from now on. Begin before it has been opened, or the recording can be drawn but
    /// not played again.
    pub fn new(session: S) -> Self {
        Self {
            session,
            redaction: Redaction::default(),
            lines: Vec::new(),
            limit: LIMIT,
            missing: 0,
            now: Instant::ZERO,
        }
    }

    /// Sets how many bytes of lines may wait to be taken; 16 MiB unless it is set. What is over it is
    /// missing in the recording, which says so.
    #[must_use]
    pub fn limit(mut self, limit: usize) -> Self {
        self.limit = limit;
        self
    }

    /// Hides what stands under these names, at any depth of any message: secrets such as `token`. Their
    /// values become the text `***`, and a recording that is played compares what was hidden as hidden.
    /// What is no JSON is then hidden whole, as are the heads of malformed lines.
    #[must_use]
    pub fn redact(mut self, names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.redaction.add(names.into_iter().map(Into::into));
        self
    }

    /// Returns the session itself. What it is told other than by [`command`](Self::command) isn't
    /// recorded; that is right for what follows from an event, which the user of a replay does as well.
    pub fn session_mut(&mut self) -> &mut S {
        &mut self.session
    }

    /// Returns the session itself, to be asked.
    pub fn session(&self) -> &S {
        &self.session
    }

    /// Gives the session a command that no event has caused, such as a call, and notes when. A replay
    /// gives `name` to its user, who does the same again.
    pub fn command<T>(
        &mut self,
        now: Instant,
        name: impl Into<Box<str>>,
        command: impl FnOnce(&mut S, Instant) -> T,
    ) -> T {
        self.note(now, Happened::Command(name.into()));
        command(&mut self.session, now)
    }

    /// Takes the lines that were written since this was last called, each a JSON object. A file of all
    /// of them, in their order, is a recording.
    pub fn take_lines(&mut self) -> Vec<u8> {
        let mut lines = core::mem::take(&mut self.lines);
        if self.missing > 0 {
            let missing = Happened::Missing(core::mem::take(&mut self.missing));
            Entry::new(self.now, missing).write(&mut lines);
        }
        lines
    }

    /// Ends the recording. Returns the session; lines that weren't taken are lost.
    pub fn into_session(self) -> S {
        self.session
    }

    fn note(&mut self, now: Instant, happened: Happened) {
        self.now = self.now.max(now);
        let before = self.lines.len();
        if self.missing == 0 {
            Entry::new(self.now, happened).write(&mut self.lines);
        }
        if self.missing > 0 || self.lines.len() > self.limit {
            self.lines.truncate(before);
            self.missing += 1;
        }
    }
}

impl<S: Session> Session for Recorder<S> {
    type Event = S::Event;

    fn handle_frame(&mut self, now: Instant, route: Route, frame: Bytes) {
        let shown = self.redaction.frame(&frame);
        self.note(
            now,
            Happened::Received {
                route,
                frame: shown,
            },
        );
        self.session.handle_frame(now, route, frame);
    }

    fn handle_malformed(&mut self, now: Instant, route: Route, error: FrameError) {
        let shown = self.redaction.error(&error);
        self.note(
            now,
            Happened::Malformed {
                route,
                error: shown,
            },
        );
        self.session.handle_malformed(now, route, error);
    }

    fn handle_closed(&mut self, now: Instant, route: Route, why: Closed) {
        self.note(now, Happened::Closed { route, why });
        self.session.handle_closed(now, route, why);
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.note(now, Happened::Timeout);
        self.session.handle_timeout(now);
    }

    fn poll_transmit(&mut self, buffer: &mut Vec<u8>) -> Option<Transmit> {
        let start = buffer.len();
        let transmit = self.session.poll_transmit(buffer)?;
        let sent = buffer.get(start..).unwrap_or_default();
        let frame = self.redaction.frame(&Bytes::copy_from_slice(sent));
        let route = transmit.route;
        self.note(self.now, Happened::Sent { route, frame });
        Some(transmit)
    }

    fn poll_event(&mut self) -> Option<S::Event> {
        let event = self.session.poll_event()?;
        self.note(self.now, Happened::Event);
        Some(event)
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.session.poll_timeout()
    }

    fn wants_frames(&self) -> bool {
        self.session.wants_frames()
    }

    fn suspend(&mut self, now: Instant) {
        self.note(now, Happened::Suspended);
        self.session.suspend(now);
    }

    fn resume(&mut self, now: Instant) {
        self.note(now, Happened::Resumed);
        self.session.resume(now);
    }

    fn is_closed(&self) -> bool {
        self.session.is_closed()
    }

    fn frame_limit(&self) -> usize {
        self.session.frame_limit()
    }
}
