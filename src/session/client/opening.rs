//! How a client session opens: which era the server belongs to, and what was agreed with it. The
//! session sends what a [`Step`] says and tells this machine what became of it.
//!
//! Rules of this file: the first message is `server/discover` (or `initialize`, when the policy
//! says legacy); an answer that only a modern server gives keeps the session modern, every other
//! one, and silence, leads to `initialize`; a late answer to the probe is taken while the `initialize`
//! is unanswered, if it shows a modern server, and does nothing otherwise; the probe is repeated once
//! at the most, for another revision or because a modern server, too slow to start for the first
//! probe, has refused the `initialize`; what is agreed stays agreed after the end.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::time::Duration;

use crate::model::discover::DiscoverResult;
use crate::model::initialize::InitializeResult;
use crate::revision::{Era, Revision};
use crate::rpc::{RpcError, Text};
use crate::saved::saved;
use crate::time::Instant;

use super::super::capability_set::CapabilitySet;
use super::super::config::{ClientConfig, EraPolicy};
use super::super::error::CloseReason;
use super::super::event::Body;
use super::super::misuse::{Invalid, Misuse};
use super::super::negotiate::{self, ProbeError};
use super::super::rebase::Rebase;
use super::super::route::Closed;
use super::peer::Peer;

/// What the session does next for its opening.
#[derive(Debug)]
pub(super) enum Step {
    /// Nothing: what came doesn't matter (any more).
    None,
    /// Sends `server/discover` in this revision.
    Probe(Revision),
    /// Sends `initialize` for this revision.
    Initialize(Revision),
    /// Is open in this revision.
    Opened(Revision),
    /// Ends.
    End(CloseReason),
}

/// How far the opening has come, and what was agreed.
#[derive(Clone, Debug)]
pub(super) struct Opening {
    stage: Stage,
    /// When it began, or the epoch if that was before it.
    began: Instant,
    /// How long it had run before this epoch.
    before: Duration,
    server: Peer,
}

saved! { struct Opening { stage, began, before, server } }

#[derive(Clone, Copy, Debug)]
enum Stage {
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
    Open {
        revision: Revision,
        /// What the server has declared.
        declared: CapabilitySet,
    },
    /// With the revision that was agreed, if it came to that.
    Closed(Option<Revision>),
}

saved! {
    enum Stage {
        0 => Idle,
        1 => Probing { retried, until, deadline },
        2 => Initializing { unanswered, deadline },
        3 => Open { revision, declared },
        4 => Closed(value),
    }
}

impl Default for Opening {
    fn default() -> Self {
        Self {
            stage: Stage::Idle,
            began: Instant::ZERO,
            before: Duration::ZERO,
            server: Peer::default(),
        }
    }
}

impl Opening {
    /// Begins, unless it was begun before or the configuration has no revision for its policy.
    pub(super) fn begin(&mut self, now: Instant, config: &ClientConfig) -> Result<Step, Misuse> {
        match self.stage {
            Stage::Idle => {}
            Stage::Closed(_) => return Err(Misuse::Closed),
            _ => return Err(Misuse::AlreadyOpened),
        }
        let legacy = config.newest(Era::Legacy);
        let modern = config.newest(Era::Modern);
        let deadline = now + config.timeouts.opening;
        let step = match (config.era, modern, legacy) {
            (EraPolicy::Auto | EraPolicy::Modern, Some(modern), _) => {
                self.probe(modern, false, deadline, now, config)
            }
            (EraPolicy::AssumeModern, Some(modern), _) => {
                self.opened(modern, CapabilitySet::UNKNOWN)
            }
            (EraPolicy::Auto | EraPolicy::Legacy, _, Some(legacy)) => {
                self.initialize(legacy, deadline)
            }
            _ => return Err(Misuse::Invalid(Invalid::NoRevision)),
        };
        (self.began, self.before) = (now, Duration::ZERO);
        Ok(step)
    }

    /// Takes the answer to the probe. One that comes after the `initialize` was sent is from a
    /// server that started slowly, and counts only if it shows a modern one.
    pub(super) fn probe_answered(
        &mut self,
        now: Instant,
        config: &ClientConfig,
        outcome: Result<Body, RpcError>,
    ) -> Step {
        self.expect_handshake(now, config);
        if let Stage::Initializing { .. } = self.stage {
            return match outcome {
                Ok(body) => match body.decode::<DiscoverResult<'_>>() {
                    Ok(result) if has_in_common(config, &result) => {
                        self.discovered(config, &body, &result)
                    }
                    _ => Step::None,
                },
                Err(_) => Step::None,
            };
        }
        match outcome {
            Ok(body) => match body.decode::<DiscoverResult<'_>>() {
                Ok(result) => self.discovered(config, &body, &result),
                // A server that answers anything with anything: no modern one does.
                Err(malformed) => {
                    let reason = CloseReason::BadOpening(malformed.to_string().into());
                    self.fall_back(config, reason)
                }
            },
            Err(error) => match negotiate::classify(&error) {
                ProbeError::Modern(supported) => self.probe_refused(now, config, &supported),
                ProbeError::ModernRefusal => Step::End(CloseReason::OpeningRefused(error)),
                ProbeError::Legacy => self.fall_back(config, CloseReason::OpeningRefused(error)),
            },
        }
    }

    /// Takes the answer to `initialize`.
    pub(super) fn initialize_answered(
        &mut self,
        now: Instant,
        config: &ClientConfig,
        outcome: Result<Body, RpcError>,
    ) -> Step {
        let body = match outcome {
            Ok(body) => body,
            Err(error) => return self.initialize_refused(now, config, error),
        };
        let result = match body.decode::<InitializeResult<'_>>() {
            Ok(result) => result,
            Err(malformed) => {
                return Step::End(CloseReason::BadOpening(malformed.to_string().into()));
            }
        };
        let offered = core::slice::from_ref(&result.protocol_version);
        let Some(revision) = negotiate::mutual(&config.revisions, offered, Era::Legacy) else {
            return Step::End(unsupported(offered));
        };
        let server = Peer::new(&body, Some(&result.server_info));
        self.agreed(
            config,
            revision,
            server,
            CapabilitySet::new(&result.capabilities),
        )
    }

    /// The exchange of a step has ended without an answer. A probe that a legacy server refuses
    /// makes this a legacy session; whatever else it is says nothing of the era.
    pub(super) fn lost(
        &mut self,
        now: Instant,
        config: &ClientConfig,
        is_probe: bool,
        why: Closed,
    ) -> Step {
        let is_awaited = matches!(self.stage, Stage::Probing { .. }) == is_probe;
        if !is_awaited {
            return Step::None;
        }
        let otherwise = CloseReason::Connection(why);
        if is_probe && why.is_of_legacy_server() {
            self.expect_handshake(now, config);
            return self.fall_back(config, otherwise);
        }
        Step::End(otherwise)
    }

    /// Acts when a step has taken too long.
    pub(super) fn timeout(&mut self, now: Instant, config: &ClientConfig) -> Step {
        let (until, deadline, is_first) = match self.stage {
            Stage::Probing {
                until,
                deadline,
                retried,
            } => (until, deadline, !retried),
            Stage::Initializing { deadline, .. } => (deadline, deadline, false),
            _ => return Step::None,
        };
        if deadline > now && until > now {
            return Step::None;
        }
        let here = deadline - self.began;
        let took = CloseReason::OpeningTimedOut(self.before.saturating_add(here));
        if deadline <= now {
            return Step::End(took);
        }
        // The probe stays open beside the `initialize`: its answer may still come.
        let step = self.fall_back(config, took);
        if let Stage::Initializing { unanswered, .. } = &mut self.stage {
            *unanswered = is_first;
        }
        step
    }

    /// Notes that the session has ended.
    pub(super) fn close(&mut self) {
        self.stage = Stage::Closed(self.revision());
    }

    /// Why the session ends when the connection does.
    pub(super) fn connection_lost(&self, config: &ClientConfig, why: Closed) -> CloseReason {
        match self.stage {
            Stage::Probing { .. } if config.speaks_legacy() => CloseReason::LostInProbe(why),
            _ => CloseReason::Connection(why),
        }
    }

    /// The revision that was agreed, also after the end.
    #[inline]
    pub(super) fn revision(&self) -> Option<Revision> {
        match self.stage {
            Stage::Open { revision, .. } => Some(revision),
            Stage::Closed(revision) => revision,
            _ => None,
        }
    }

    /// The revision in which a command is sent, if the session is open.
    #[inline]
    pub(super) fn open_revision(&self) -> Result<Revision, Misuse> {
        match self.stage {
            Stage::Open { revision, .. } => Ok(revision),
            Stage::Closed(_) => Err(Misuse::Closed),
            _ => Err(Misuse::NotOpen),
        }
    }

    pub(super) fn is_open(&self) -> bool {
        matches!(self.stage, Stage::Open { .. })
    }

    pub(super) fn is_closed(&self) -> bool {
        matches!(self.stage, Stage::Closed(_))
    }

    /// Whether the server may be a legacy one.
    pub(super) fn may_be_legacy(&self, config: &ClientConfig) -> bool {
        match self.revision() {
            Some(revision) => revision.era() == Era::Legacy,
            None => config.speaks_legacy(),
        }
    }

    /// What the server said of itself.
    pub(super) fn server(&self) -> &Peer {
        &self.server
    }

    /// What the server has declared, while the session is open.
    #[inline]
    pub(super) fn declared(&self) -> CapabilitySet {
        match self.stage {
            Stage::Open { declared, .. } => declared,
            _ => CapabilitySet::UNKNOWN,
        }
    }

    /// When the probe, and when the whole opening has taken too long.
    pub(super) fn deadlines(&self) -> (Option<Instant>, Option<Instant>) {
        match self.stage {
            Stage::Probing {
                until, deadline, ..
            } => (Some(until), Some(deadline)),
            Stage::Initializing { deadline, .. } => (None, Some(deadline)),
            _ => (None, None),
        }
    }

    /// Goes on at `now` after the clocks stood still since `since`.
    pub(super) fn resume(&mut self, since: Instant, now: Instant) {
        self.began = self.began + now.saturating_since(since);
        self.rebase(Rebase::new(since, now));
    }

    /// Carries it over to another epoch.
    pub(super) fn restore(&mut self, rebase: Rebase) {
        let deadline = self.deadlines().1;
        // Once its time is over, an opening takes no longer, however late that is noticed.
        let until = deadline.map_or(rebase.saved_at(), |at| at.min(rebase.saved_at()));
        let ago = until.saturating_since(self.began);
        self.before = self.before.saturating_add(ago);
        self.began = rebase.now();
        self.rebase(rebase);
    }

    fn rebase(&mut self, rebase: Rebase) {
        match &mut self.stage {
            Stage::Probing {
                until, deadline, ..
            } => {
                *until = rebase.instant(*until);
                *deadline = rebase.instant(*deadline);
            }
            Stage::Initializing { deadline, .. } => *deadline = rebase.instant(*deadline),
            _ => {}
        }
    }

    fn probe(
        &mut self,
        revision: Revision,
        retried: bool,
        deadline: Instant,
        now: Instant,
        config: &ClientConfig,
    ) -> Step {
        let until = match config.speaks_legacy() {
            true => now + config.timeouts.probe,
            false => deadline,
        };
        self.stage = Stage::Probing {
            retried,
            until,
            deadline,
        };
        Step::Probe(revision)
    }

    fn initialize(&mut self, revision: Revision, deadline: Instant) -> Step {
        self.stage = Stage::Initializing {
            unanswered: false,
            deadline,
        };
        Step::Initialize(revision)
    }

    fn opened(&mut self, revision: Revision, declared: CapabilitySet) -> Step {
        self.stage = Stage::Open { revision, declared };
        Step::Opened(revision)
    }

    /// Goes on in the legacy era, if this client speaks it.
    fn fall_back(&mut self, config: &ClientConfig, otherwise: CloseReason) -> Step {
        let Stage::Probing { deadline, .. } = self.stage else {
            return Step::None;
        };
        let may = matches!(config.era, EraPolicy::Auto);
        match config.newest(Era::Legacy).filter(|_| may) {
            Some(revision) => self.initialize(revision, deadline),
            None => Step::End(otherwise),
        }
    }

    /// Falls back when the server named a legacy revision that this client speaks too
    /// (`version.retry.legacyonly`).
    fn fall_back_to(
        &mut self,
        config: &ClientConfig,
        offered: &[Text<'_>],
        otherwise: CloseReason,
    ) -> Step {
        match negotiate::mutual(&config.revisions, offered, Era::Legacy) {
            Some(_) => self.fall_back(config, otherwise),
            None => Step::End(otherwise),
        }
    }

    /// A server that has answered is there, so what is left of the opening takes no longer than a
    /// handshake.
    fn expect_handshake(&mut self, now: Instant, config: &ClientConfig) {
        let latest = now + config.timeouts.handshake;
        if let Stage::Probing { deadline, .. } | Stage::Initializing { deadline, .. } =
            &mut self.stage
        {
            *deadline = (*deadline).min(latest);
        }
    }

    /// The server is modern but not of the revision that was asked: ask once more, with one that
    /// it named (`version.retry`).
    fn probe_refused(&mut self, now: Instant, config: &ClientConfig, supported: &[String]) -> Step {
        let Stage::Probing {
            retried, deadline, ..
        } = self.stage
        else {
            return Step::None;
        };
        let offered: Vec<Text<'_>> = supported.iter().map(Text::from).collect();
        let reason = unsupported(&offered);
        match negotiate::mutual(&config.revisions, &offered, Era::Modern) {
            Some(revision) if !retried => self.probe(revision, true, deadline, now, config),
            Some(_) => Step::End(reason),
            None => self.fall_back_to(config, &offered, reason),
        }
    }

    fn discovered(
        &mut self,
        config: &ClientConfig,
        body: &Body,
        result: &DiscoverResult<'_>,
    ) -> Step {
        let offered = &result.supported_versions;
        let Some(revision) = negotiate::mutual(&config.revisions, offered, Era::Modern) else {
            return self.fall_back_to(config, offered, unsupported(offered));
        };
        let server = Peer::new(body, result.server().as_ref());
        self.agreed(
            config,
            revision,
            server,
            CapabilitySet::new(&result.capabilities),
        )
    }

    /// Keeps what the server says of itself, or ends the session when that is too much.
    fn agreed(
        &mut self,
        config: &ClientConfig,
        revision: Revision,
        server: Peer,
        declared: CapabilitySet,
    ) -> Step {
        let longest = config.limits.peer;
        if server.texts().any(|text| text.len() > longest) {
            let reason = alloc::format!("info, capabilities or instructions over {longest} bytes");
            return Step::End(CloseReason::BadOpening(reason.into()));
        }
        self.server = server;
        self.opened(revision, declared)
    }

    /// Probes once more when a modern server was too slow to start for the first probe.
    fn initialize_refused(&mut self, now: Instant, config: &ClientConfig, error: RpcError) -> Step {
        let modern = match negotiate::classify(&error) {
            ProbeError::Modern(supported) => {
                let offered: Vec<Text<'_>> = supported.iter().map(Text::from).collect();
                negotiate::mutual(&config.revisions, &offered, Era::Modern)
            }
            _ => None,
        };
        match (self.stage, modern) {
            (
                Stage::Initializing {
                    unanswered: true,
                    deadline,
                },
                Some(modern),
            ) => self.probe(modern, true, deadline, now, config),
            _ => Step::End(CloseReason::OpeningRefused(error)),
        }
    }
}

fn has_in_common(config: &ClientConfig, result: &DiscoverResult<'_>) -> bool {
    let offered = &result.supported_versions;
    negotiate::mutual(&config.revisions, offered, Era::Modern).is_some()
}

fn unsupported(offered: &[Text<'_>]) -> CloseReason {
    let offered: Vec<&str> = offered.iter().map(Text::as_str).collect();
    CloseReason::UnsupportedProtocolVersion {
        offered: offered.join(", ").into(),
    }
}
