//! A recording that was read: it is played to a session like the one it was made of, or drawn.
//!
//! Rules of this file: what went in goes in again, in the same order and at the same times; the session has to send what it
//! sent, by the same streams and to the byte; the user does again what it did.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use bytes::Bytes;
use memchr::memchr;

use crate::session::{Route, Session};
use crate::time::Instant;

use super::diagram::Diagram;
use super::entry::{Entry, Happened};
use super::redaction::Redaction;

/// What passed through a session, in the order in which it did.
#[derive(Clone, Debug)]
pub struct Recording {
    entries: Vec<Entry>,
    redaction: Redaction,
}

/// What the user of a session does while it is played: what it did when it was recorded.
#[derive(Debug)]
#[non_exhaustive]
pub enum Cue<'a, E> {
    /// An event has come.
    Event(E),
    /// The user gave the command of this name, of its own accord.
    Command(&'a str),
}

/// Why lines are no recording.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct UnreadableRecording {
    /// The line, counted from 1.
    pub line: usize,
    /// What is wrong with it.
    pub reason: Box<str>,
}

impl fmt::Display for UnreadableRecording {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { line, reason } = self;
        write!(f, "line {line} is no entry of a recording: {reason}")
    }
}

impl core::error::Error for UnreadableRecording {}

/// Where a session did something else than what was recorded.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Difference {
    /// The entry of the recording, counted from 1; one more than there are if the session went on.
    pub entry: usize,
    /// What was recorded. It may hold a frame, and with it secrets.
    pub expected: Box<str>,
    /// What the session did. It may hold a frame, and with it secrets.
    pub found: Box<str>,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            entry,
            expected,
            found,
        } = self;
        write!(f, "entry {entry}: {expected}, but {found}")
    }
}

impl core::error::Error for Difference {}

/// Its place instead of its frames, which may hold secrets.
impl core::fmt::Debug for Difference {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let mut shown = f.debug_struct("Difference");
        shown.field("entry", &self.entry).finish_non_exhaustive()
    }
}

impl Recording {
    /// Reads the lines that a [`Recorder`](super::Recorder) wrote; empty ones are passed over.
    ///
    /// Returns an error that names the first line that is no entry.
    pub fn read(lines: &[u8]) -> Result<Self, UnreadableRecording> {
        let mut entries = Vec::new();
        let mut rest = lines;
        let mut number = 0;
        while !rest.is_empty() {
            let end = memchr(b'\n', rest).unwrap_or(rest.len());
            let (line, after) = rest.split_at(end);
            rest = after.get(1..).unwrap_or_default();
            number += 1;
            if line.trim_ascii().is_empty() {
                continue;
            }
            let entry = serde_json::from_slice(line);
            entries.push(entry.map_err(|error| UnreadableRecording {
                line: number,
                reason: format!("{error}").into(),
            })?);
        }
        Ok(Self {
            entries,
            redaction: Redaction::default(),
        })
    }

    /// Says which names were hidden when it was recorded, so that what a session sends is compared with
    /// them hidden; see [`Recorder::redact`](super::Recorder::redact).
    #[must_use]
    pub fn redacted(mut self, names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.redaction.add(names.into_iter().map(Into::into));
        self
    }

    /// Returns what happened, in its order.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Plays it to a session, which was made like the one that was recorded. `user` does what its user
    /// did: it reacts to the events and repeats the commands.
    ///
    /// Returns an error at the first thing that the session does otherwise: a frame that isn't the same
    /// to the byte, goes by another stream, is missing or is one too many, or an event that doesn't
    /// come. Where entries are missing that is an error as well.
    pub fn replay<S: Session>(
        &self,
        session: &mut S,
        mut user: impl FnMut(&mut S, Instant, Cue<'_, S::Event>),
    ) -> Result<(), Difference> {
        for (place, entry) in self.entries.iter().enumerate() {
            self.step(session, entry, &mut user)
                .map_err(|(expected, found)| Difference {
                    entry: place + 1,
                    expected: expected.into(),
                    found: found.into(),
                })?;
        }
        match self.sent(session) {
            None => Ok(()),
            Some(more) => Err(Difference {
                entry: self.entries.len() + 1,
                expected: "nothing more was sent".into(),
                found: told(Some(&more)).into(),
            }),
        }
    }

    /// Does one entry. Returns what was expected and what was found if they differ.
    fn step<S: Session>(
        &self,
        session: &mut S,
        Entry { at: now, happened }: &Entry,
        user: &mut impl FnMut(&mut S, Instant, Cue<'_, S::Event>),
    ) -> Result<(), (String, String)> {
        let now = *now;
        match happened {
            Happened::Received { route, frame } => session.handle_frame(now, *route, frame.clone()),
            Happened::Malformed { route, error } => {
                session.handle_malformed(now, *route, error.clone());
            }
            Happened::Closed { route, why } => session.handle_closed(now, *route, *why),
            Happened::Timeout => session.handle_timeout(now),
            Happened::Suspended => session.suspend(now),
            Happened::Resumed => session.resume(now),
            Happened::Command(name) => user(session, now, Cue::Command(name)),
            Happened::Event => match session.poll_event() {
                Some(event) => user(session, now, Cue::Event(event)),
                None => return Err(("an event came".into(), "none has come".into())),
            },
            Happened::Sent { route, frame } => {
                let expected = (*route, frame.clone());
                let found = self.sent(session);
                if found.as_ref() != Some(&expected) {
                    return Err((told(Some(&expected)), told(found.as_ref())));
                }
            }
            Happened::Missing(entries) => {
                return Err((
                    format!("{entries} entries are missing"),
                    "it can't be played".into(),
                ));
            }
        }
        Ok(())
    }

    /// The next frame of the session, hidden as the recording's are.
    fn sent(&self, session: &mut impl Session) -> Option<(Route, Bytes)> {
        let mut frame = Vec::new();
        let transmit = session.poll_transmit(&mut frame)?;
        Some((transmit.route, self.redaction.frame(&frame.into())))
    }

    /// Returns it as a sequence diagram: what came in from `peer` on the left, what was sent by `name` on
    /// the right.
    pub fn diagram(&self, peer: &str, name: &str) -> Diagram {
        Diagram::of(&self.entries, peer, name)
    }
}

fn told(sent: Option<&(Route, Bytes)>) -> String {
    match sent {
        None => "nothing was sent".into(),
        Some((route, frame)) => {
            format!("{} was sent by {route:?}", String::from_utf8_lossy(frame))
        }
    }
}
