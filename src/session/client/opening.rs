//! How a client session opens: which era the server belongs to, and the handshake of the legacy one.
//!
//! Rules of this file: the first message is `server/discover` (or `initialize`, when the policy
//! says legacy); an answer that only a modern server gives keeps the session modern, every other
//! one, and silence, leads to `initialize`; a late answer to the probe is taken while the `initialize`
//! is unanswered, if it shows a modern server, and does nothing otherwise; the probe is repeated once at the most, for another revision or because a modern server, too slow to start for
//! the first probe, has refused the `initialize`; `initialize` is never cancelled (`lifecycle.init.nocancel`).

use alloc::boxed::Box;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::time::Duration;

use serde::{Deserialize, Serialize};

use crate::model::discover::{DiscoverParams, DiscoverResult};
use crate::model::encode::SessionMembers;
use crate::model::initialize::{InitializeParams, InitializeResult};
use crate::model::method::{self, EmptyParams, Notification};
use crate::revision::{Era, Revision};
use crate::rpc::{Raw, RpcError, Text};
use crate::time::Instant;

use super::super::capability_set::CapabilitySet;
use super::super::config::{CallOptions, EraPolicy};
use super::super::error::CloseReason;
use super::super::event::Body;
use super::super::misuse::{Invalid, Misuse};
use super::super::negotiate::{self, ProbeError};
use super::super::rebase::Rebase;
use super::super::route::{Closed, Route};
use super::call::{Call, Outgoing, Purpose};
use super::{ClientEvent, ClientSession, Peer};

/// How far the opening has come.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(in crate::session) enum Opening {
    Idle,
    Probing {
        retried: bool,
        until: Instant,
        deadline: Instant,
    },
    Initializing {
        /// Whether the probe before it had no answer at all.
        unanswered: bool,
        deadline: Instant,
    },
    Open,
    Closed {
        opened: bool,
    },
}

impl Opening {
    /// Carries its deadlines over to another epoch.
    pub(super) fn rebase(&mut self, rebase: Rebase) {
        match self {
            Self::Probing {
                until, deadline, ..
            } => {
                *until = rebase.instant(*until);
                *deadline = rebase.instant(*deadline);
            }
            Self::Initializing { deadline, .. } => *deadline = rebase.instant(*deadline),
            _ => {}
        }
    }

    /// When the probe, and when the whole opening has taken too long.
    pub(super) fn deadlines(&self) -> (Option<Instant>, Option<Instant>) {
        match *self {
            Self::Probing {
                until, deadline, ..
            } => (Some(until), Some(deadline)),
            Self::Initializing { deadline, .. } => (None, Some(deadline)),
            _ => (None, None),
        }
    }
}

impl ClientSession {
    /// Opens the session. [`ClientEvent::Opened`] follows, or [`ClientEvent::Closed`] when there is
    /// no revision in common, the server refuses, or the opening takes too long.
    ///
    /// Returns an error if it was opened before, or the configuration has no revision for its
    /// policy.
    pub fn open(&mut self, now: Instant) -> Result<(), Misuse> {
        self.state.writer.advance(now);
        match self.state.opening {
            Opening::Idle => {}
            Opening::Closed { .. } => return Err(Misuse::Closed),
            _ => return Err(Misuse::AlreadyOpened),
        }
        self.state.opened_at = self.state.writer.now;
        self.state.opened_before = Duration::ZERO;
        let legacy = self.config.newest(Era::Legacy);
        let modern = self.config.newest(Era::Modern);
        let deadline = self.state.writer.now + self.config.timeouts.opening;
        match (self.config.era, modern, legacy) {
            (EraPolicy::Auto | EraPolicy::Modern, Some(modern), _) => {
                self.probe(modern, false, deadline);
            }
            (EraPolicy::AssumeModern, Some(modern), _) => {
                self.state.declared = CapabilitySet::UNKNOWN;
                self.opened(modern);
            }
            (EraPolicy::Auto | EraPolicy::Legacy, _, Some(legacy)) => {
                self.initialize(legacy, deadline);
            }
            _ => return Err(Misuse::Invalid(Invalid::NoRevision)),
        }
        Ok(())
    }

    /// Returns what a host may remember of this server for the next time: the policy that opens
    /// without a detour. A legacy server is not probed again, a modern one is asked once without a
    /// fallback; forget it when opening with it fails. `None` before the session was open.
    // `era.client.persist`
    pub fn remembered_era(&self) -> Option<EraPolicy> {
        self.revision().map(|revision| match revision.era() {
            Era::Legacy => EraPolicy::Legacy,
            Era::Modern => EraPolicy::Modern,
        })
    }

    /// Whether the configuration lets the session become a legacy one.
    pub(super) fn speaks_legacy(&self) -> bool {
        let may = matches!(self.config.era, EraPolicy::Auto | EraPolicy::Legacy);
        may && self.config.newest(Era::Legacy).is_some()
    }

    fn probe(&mut self, revision: Revision, retried: bool, deadline: Instant) {
        self.forget_opening();
        let params = DiscoverParams::new();
        let until = match self.speaks_legacy() {
            true => self.state.writer.now + self.config.timeouts.probe,
            false => deadline,
        };
        self.state.opening = Opening::Probing {
            retried,
            until,
            deadline,
        };
        let options = CallOptions {
            log_level: None,
            ..CallOptions::default()
        };
        let purpose = Purpose::Probe;
        let sent = self.send::<method::Discover>(Outgoing {
            params: &params,
            purpose,
            revision,
            options,
        });
        if let Err(misuse) = sent {
            self.end(CloseReason::BadOpening(misuse.to_string().into()));
        }
    }

    fn initialize(&mut self, revision: Revision, deadline: Instant) {
        self.state.opening = Opening::Initializing {
            unanswered: false,
            deadline,
        };
        let capabilities = self.config.capabilities.clone();
        let params =
            InitializeParams::new(revision.as_str(), capabilities, self.config.info.clone());
        let options = CallOptions::default();
        let purpose = Purpose::Initialize;
        let sent = self.send::<method::Initialize>(Outgoing {
            params: &params,
            purpose,
            revision,
            options,
        });
        if let Err(misuse) = sent {
            self.end(CloseReason::BadOpening(misuse.to_string().into()));
        }
    }

    /// Goes on in the legacy era, if this client speaks it.
    fn fall_back(&mut self, otherwise: CloseReason) {
        let Opening::Probing { deadline, .. } = self.state.opening else {
            return;
        };
        let may = matches!(self.config.era, EraPolicy::Auto);
        match self.config.newest(Era::Legacy).filter(|_| may) {
            Some(revision) => self.initialize(revision, deadline),
            None => self.end(otherwise),
        }
    }

    /// A server that has answered is there, so what is left of the opening takes no longer than a
    /// handshake.
    pub(super) fn expect_handshake(&mut self) {
        let latest = self.state.writer.now + self.config.timeouts.handshake;
        if let Opening::Probing { deadline, .. } | Opening::Initializing { deadline, .. } =
            &mut self.state.opening
        {
            *deadline = (*deadline).min(latest);
        }
    }

    /// Takes the answer to the probe. One that comes after the `initialize` was sent is from a
    /// server that started slowly, and counts only if it shows a modern one.
    pub(super) fn probe_answered(&mut self, outcome: Result<Body, RpcError>) {
        if let Opening::Initializing { .. } = self.state.opening {
            if let Ok(body) = outcome
                && let Ok(result) = body.decode::<DiscoverResult<'_>>()
                && self.has_in_common(&result)
            {
                self.discovered(&body, &result);
            }
            return;
        }
        match outcome {
            Ok(body) => match body.decode::<DiscoverResult<'_>>() {
                Ok(result) => self.discovered(&body, &result),
                // A server that answers anything with anything: no modern one does.
                Err(malformed) => {
                    self.fall_back(CloseReason::BadOpening(malformed.to_string().into()));
                }
            },
            Err(error) => match negotiate::classify(&error) {
                ProbeError::Modern(supported) => self.probe_refused(&supported),
                ProbeError::ModernRefusal => self.end(CloseReason::OpeningRefused(error)),
                ProbeError::Legacy => self.fall_back(CloseReason::OpeningRefused(error)),
            },
        }
    }

    /// The server is modern but not of the revision that was asked: ask once more, with one that
    /// it named (`version.retry`).
    fn probe_refused(&mut self, supported: &[String]) {
        let Opening::Probing {
            retried, deadline, ..
        } = self.state.opening
        else {
            return;
        };
        let offered: Vec<Text<'_>> = supported.iter().map(Text::from).collect();
        let reason = unsupported(&offered);
        match negotiate::mutual(&self.config.revisions, &offered, Era::Modern) {
            Some(revision) if !retried => self.probe(revision, true, deadline),
            Some(_) => self.end(reason),
            None => self.fall_back_to(&offered, reason),
        }
    }

    /// Falls back when the server named a legacy revision that this client speaks too
    /// (`version.retry.legacyonly`).
    fn fall_back_to(&mut self, offered: &[Text<'_>], otherwise: CloseReason) {
        match negotiate::mutual(&self.config.revisions, offered, Era::Legacy) {
            Some(_) => self.fall_back(otherwise),
            None => self.end(otherwise),
        }
    }

    /// The exchange of a step of the opening has ended without an answer. A probe that a legacy
    /// server refuses makes this a legacy session; whatever else it is says nothing of the era.
    pub(super) fn lose_opening(&mut self, is_probe: bool, why: Closed) {
        let is_awaited = matches!(self.state.opening, Opening::Probing { .. }) == is_probe;
        if !is_awaited {
            return;
        }
        let otherwise = CloseReason::Connection(why);
        if is_probe && why.is_of_legacy_server() {
            self.expect_handshake();
            self.fall_back(otherwise);
        } else {
            self.end(otherwise);
        }
    }

    fn has_in_common(&self, result: &DiscoverResult<'_>) -> bool {
        let offered = &result.supported_versions;
        negotiate::mutual(&self.config.revisions, offered, Era::Modern).is_some()
    }

    fn discovered(&mut self, body: &Body, result: &DiscoverResult<'_>) {
        let offered = &result.supported_versions;
        let Some(revision) = negotiate::mutual(&self.config.revisions, offered, Era::Modern) else {
            return self.fall_back_to(offered, unsupported(offered));
        };
        if self.keep_peer(peer(body, result.server().map(|info| json(&info)))) {
            self.state.declared = CapabilitySet::new(&result.capabilities);
            self.opened(revision);
        }
    }

    /// Keeps what the server says of itself, or ends the session when that is too much.
    fn keep_peer(&mut self, peer: Peer) -> bool {
        let longest = self.config.limits.peer;
        if peer.texts().any(|text| text.len() > longest) {
            let reason = alloc::format!("info, capabilities or instructions over {longest} bytes");
            self.end(CloseReason::BadOpening(reason.into()));
            return false;
        }
        self.state.peer = peer;
        true
    }

    /// Takes the answer to `initialize`.
    pub(super) fn initialize_answered(&mut self, outcome: Result<Body, RpcError>) {
        let body = match outcome {
            Ok(body) => body,
            Err(error) => return self.initialize_refused(error),
        };
        let result = match body.decode::<InitializeResult<'_>>() {
            Ok(result) => result,
            Err(malformed) => {
                return self.end(CloseReason::BadOpening(malformed.to_string().into()));
            }
        };
        let offered = core::slice::from_ref(&result.protocol_version);
        let Some(revision) = negotiate::mutual(&self.config.revisions, offered, Era::Legacy) else {
            return self.end(unsupported(offered));
        };
        if !self.keep_peer(peer(&body, Some(json(&result.server_info)))) {
            return;
        }
        self.state.declared = CapabilitySet::new(&result.capabilities);
        let name = method::Initialized::NAME;
        let params = EmptyParams::new();
        let written = self.state.writer.notification(
            Route::Pipe,
            revision,
            name,
            &params,
            &SessionMembers::default(),
        );
        debug_assert!(written.is_ok(), "it has no params");
        self.opened(revision);
    }

    /// Probes once more when a modern server was too slow to start for the first probe.
    fn initialize_refused(&mut self, error: RpcError) {
        let modern = match negotiate::classify(&error) {
            ProbeError::Modern(supported) => {
                let offered: Vec<Text<'_>> = supported.iter().map(Text::from).collect();
                negotiate::mutual(&self.config.revisions, &offered, Era::Modern)
            }
            _ => None,
        };
        match (&self.state.opening, modern) {
            (
                &Opening::Initializing {
                    unanswered: true,
                    deadline,
                },
                Some(modern),
            ) => {
                self.probe(modern, true, deadline);
            }
            _ => self.end(CloseReason::OpeningRefused(error)),
        }
    }

    /// Drops the requests of the opening, whose answers are of no use any more.
    fn forget_opening(&mut self) {
        let is_of_it = |call: &Call| matches!(call.purpose, Purpose::Probe | Purpose::Initialize);
        while let Some(number) = self.state.requests_out.find(is_of_it) {
            self.state.requests_out.end(number);
            self.state.requests_out.remember(number);
        }
    }

    fn opened(&mut self, revision: Revision) {
        self.forget_opening();
        self.state.revision = Some(revision);
        self.state.opening = Opening::Open;
        self.state.events.push(ClientEvent::Opened { revision });
        for filter in core::mem::take(&mut self.config.subscriptions) {
            // One that can't be had is left out, as the server would leave it out.
            let _ = self.subscribe(self.state.writer.now, &filter);
        }
    }

    /// Acts when a step of the opening has taken too long.
    pub(super) fn opening_timeout(&mut self) {
        let now = self.state.writer.now;
        let (until, deadline, is_first) = match self.state.opening {
            Opening::Probing {
                until,
                deadline,
                retried,
            } => (until, deadline, !retried),
            Opening::Initializing { deadline, .. } => (deadline, deadline, false),
            _ => return,
        };
        let here = deadline - self.state.opened_at;
        let took = CloseReason::OpeningTimedOut(self.state.opened_before.saturating_add(here));
        if deadline <= now {
            self.end(took);
        } else if until <= now {
            // The probe stays open beside the `initialize`: its answer may still come.
            self.fall_back(took);
            if let Opening::Initializing { unanswered, .. } = &mut self.state.opening {
                *unanswered = is_first;
            }
        }
    }
}

fn unsupported(offered: &[Text<'_>]) -> CloseReason {
    let offered: Vec<&str> = offered.iter().map(Text::as_str).collect();
    CloseReason::UnsupportedProtocolVersion {
        offered: offered.join(", ").into(),
    }
}

fn json<T: Serialize>(value: &T) -> Box<str> {
    serde_json::to_string(value).unwrap_or_default().into()
}

/// Copies out of an opening's result what the getters give.
fn peer(body: &Body, info: Option<Box<str>>) -> Peer {
    #[derive(Deserialize)]
    struct Said<'a> {
        #[serde(borrow)]
        capabilities: Raw<'a>,
        #[serde(borrow, default)]
        instructions: Option<Raw<'a>>,
    }
    let said = body.decode::<Said<'_>>().ok();
    Peer {
        info,
        capabilities: said.as_ref().map(|said| said.capabilities.as_str().into()),
        instructions: said
            .and_then(|said| said.instructions)
            .map(|instructions| instructions.as_str().into()),
    }
}
