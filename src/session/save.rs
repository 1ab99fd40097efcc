//! Parking a session in any store and going on elsewhere: what is open, what waits to be polled and
//! what waits to be sent, as plain data. Times are kept as what was left of them.
//!
//! Rules of this file: a saved session is as large as what is live in it, not as its history; one
//! that was saved by another version of this format is refused, never guessed at; the configuration
//! is not part of it and has to be the same.

use alloc::boxed::Box;
use alloc::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::model::logging::LoggingLevel;
use crate::revision::Revision;
use crate::time::Instant;

use super::capability_set::CapabilitySet;
use super::client::{self, ClientEvent, ClientSession};
use super::config::{ClientConfig, ServerConfig};
use super::queue::Queue;
use super::rebase::Rebase;
use super::server::{self, ServerEvent, ServerSession};
use super::table::Table;
use super::token_bucket::TokenBucket;
use super::writer::MessageWriter;

/// The version of the format that this version of the crate writes and reads.
const FORMAT: u32 = 1;

/// Why a saved session can't be restored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RestoreError {
    /// It was saved in another format.
    #[error("the session was saved in format {found}, not {expected}")]
    Format {
        /// The format it was saved in.
        found: u32,
        /// The format this version reads.
        expected: u32,
    },
}

/// A client session at rest. Store it through serde; [`ClientSession::restore`] brings it back.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SavedClient {
    format: u32,
    saved_at: Instant,
    writer: MessageWriter,
    opening: client::Opening,
    revision: Option<Revision>,
    peer: client::Peer,
    declared: CapabilitySet,
    calls: Table<client::Call>,
    inputs: Table<client::Input>,
    subscriptions: Table<client::Subscription>,
    events: Queue<ClientEvent>,
    log_level: Option<LoggingLevel>,
    ignored_responses: u64,
    ended_listens: VecDeque<u64>,
    elicitations: VecDeque<Box<str>>,
}

/// A server session at rest. Store it through serde; [`ServerSession::restore`] brings it back.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SavedServer {
    format: u32,
    saved_at: Instant,
    writer: MessageWriter,
    legacy: server::Legacy,
    incoming: Table<server::Incoming>,
    asked: Table<server::PendingInput>,
    listens: Table<server::Listen>,
    events: Queue<ServerEvent>,
    cancels: TokenBucket,
    closed: bool,
}

fn check_format(found: u32) -> Result<(), RestoreError> {
    match found {
        FORMAT => Ok(()),
        _ => Err(RestoreError::Format {
            found,
            expected: FORMAT,
        }),
    }
}

impl ClientSession {
    /// What is needed to go on with this session elsewhere, at the time `now`.
    pub fn save(&self, now: Instant) -> SavedClient {
        SavedClient {
            format: FORMAT,
            saved_at: now.max(self.writer.now),
            writer: self.writer.clone(),
            opening: self.opening.clone(),
            revision: self.revision,
            peer: self.peer.clone(),
            declared: self.declared,
            calls: self.calls.clone(),
            inputs: self.inputs.clone(),
            subscriptions: self.subscriptions.clone(),
            events: self.events.clone(),
            log_level: self.log_level,
            ignored_responses: self.ignored_responses,
            ended_listens: self.ended_listens.clone(),
            elicitations: self.elicitations.clone(),
        }
    }

    /// Goes on with a saved session, in whose new epoch it is `now`. The configuration has to be
    /// the one it was created with.
    ///
    /// Errs when it was saved in a format that this version doesn't read.
    pub fn restore(
        config: ClientConfig,
        saved: SavedClient,
        now: Instant,
    ) -> Result<Self, RestoreError> {
        check_format(saved.format)?;
        let rebase = Rebase::new(saved.saved_at, now);
        let is_fresh = matches!(saved.opening, client::Opening::Idle);
        let mut session = Self::new(config);
        if !is_fresh {
            // They were subscribed to when the session opened.
            session.config.subscriptions.clear();
        }
        session.writer = saved.writer.restored(session.config.limits.clone(), now);
        session.opening = saved.opening;
        session.revision = saved.revision;
        session.peer = saved.peer;
        session.declared = saved.declared;
        session.calls = saved.calls;
        session.inputs = saved.inputs;
        session.subscriptions = saved.subscriptions;
        session.events = saved.events;
        session.log_level = saved.log_level;
        session.ignored_responses = saved.ignored_responses;
        session.ended_listens = saved.ended_listens;
        session.elicitations = saved.elicitations;
        session.rebase(rebase);
        Ok(session)
    }
}

impl ServerSession {
    /// What is needed to go on with this session elsewhere, at the time `now`.
    pub fn save(&self, now: Instant) -> SavedServer {
        SavedServer {
            format: FORMAT,
            saved_at: now.max(self.writer.now),
            writer: self.writer.clone(),
            legacy: self.legacy.clone(),
            incoming: self.incoming.clone(),
            asked: self.asked.clone(),
            listens: self.listens.clone(),
            events: self.events.clone(),
            cancels: self.cancels,
            closed: self.closed,
        }
    }

    /// Goes on with a saved session, in whose new epoch it is `now`. The configuration has to be
    /// the one it was created with.
    ///
    /// Errs when it was saved in a format that this version doesn't read.
    pub fn restore(
        config: ServerConfig,
        saved: SavedServer,
        now: Instant,
    ) -> Result<Self, RestoreError> {
        check_format(saved.format)?;
        let rebase = Rebase::new(saved.saved_at, now);
        let mut session = Self::new(config);
        session.writer = saved.writer.restored(session.config.limits.clone(), now);
        session.legacy = saved.legacy;
        session.incoming = saved.incoming;
        session.asked = saved.asked;
        session.listens = saved.listens;
        session.events = saved.events;
        session.cancels = saved.cancels;
        session.cancels.rebase(now);
        session.closed = saved.closed;
        session.rebase(rebase);
        Ok(session)
    }
}
