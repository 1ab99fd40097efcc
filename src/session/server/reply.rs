//! What a server's user says to a request: its result or error, progress and log messages before
//! that.
//!
//! Rules of this file: a request is answered once, then commands for it are refused; what the
//! request's revision doesn't have is left out or refused, never sent; progress increases and
//! goes out only where it was asked for (`progress.onlyactive`); a modern request gets log messages
//! only if it asked for them, and of that level (`log.perreq.none`).

use alloc::boxed::Box;
use alloc::vec::Vec;

use serde::Serialize;

use crate::model::encode::SessionMembers;
use crate::model::logging::{LoggingLevel, LoggingMessageParams};
use crate::model::method::{self, Method, Notification, SpecMethod};
use crate::revision::{Era, Revision};
use crate::rpc::{Raw, RpcError, code, write_i64};
use crate::time::Instant;

use super::super::config::ServerConfig;
use super::super::id::{IncomingId, SessionTag};
use super::super::misuse::{Handle, Invalid, Misuse};
use super::super::negotiate::{self, ProbeError};
use super::super::progress::Report;
use super::super::requests_in::{RequestIn, RequestsIn};
use super::super::route::Route;
use super::event::Incoming;
use super::{ServerSession, Stage, State};

impl ServerSession {
    /// Answers a request with a result of its method.
    ///
    /// Returns an error if the request isn't open (any more), if it is for another method, or if
    /// its revision can't say the result; then it stays open.
    pub fn reply<M: Method>(
        &mut self,
        now: Instant,
        request: IncomingId,
        result: &M::Result<'_>,
    ) -> Result<(), Misuse> {
        self.state.writer.advance(now);
        let (number, incoming) = self.open_incoming(request)?;
        if !incoming.part.method.is::<M>() {
            return Err(Misuse::WrongMethod {
                method: incoming.part.method.as_str().into(),
            });
        }
        self.write_result(number, result)
    }

    /// Answers a request with a result that is JSON already, such as one that a gateway forwards.
    ///
    /// Returns an error if the request isn't open (any more) or the result is no object.
    pub fn reply_raw(
        &mut self,
        now: Instant,
        request: IncomingId,
        result: &Raw<'_>,
    ) -> Result<(), Misuse> {
        self.state.writer.advance(now);
        let (number, _) = self.open_incoming(request)?;
        self.write_result(number, result)
    }

    /// Answers a request with an error.
    ///
    /// Returns an error if the request isn't open (any more), if the specification keeps the code
    /// for itself or doesn't have it in the request's revision, or if the data that it gives to
    /// this code is missing.
    pub fn reply_error(
        &mut self,
        now: Instant,
        request: IncomingId,
        error: RpcError,
    ) -> Result<(), Misuse> {
        self.state.writer.advance(now);
        let (number, incoming) = self.open_incoming(request)?;
        self.check_code(&error, incoming.revision())?;
        let State {
            requests_in,
            writer,
            ..
        } = &mut self.state;
        requests_in.refuse(number, writer, &error);
        Ok(())
    }

    /// Reports progress on a request, if its client wants to know: `progress` so far, out of
    /// `total`, with a message for people.
    ///
    /// A request that comes again after a round of input may be reported on from the start; what
    /// was reported before isn't sent once more. While unsent output is over
    /// [`Limits::output`](crate::Limits::output) a report isn't sent either; the next one says more
    /// anyway. Returns an error if the request isn't open (any more), or the number is not above
    /// the last one.
    // `progress.increase`
    pub fn progress(
        &mut self,
        now: Instant,
        request: IncomingId,
        progress: f64,
        total: Option<f64>,
        message: Option<&str>,
    ) -> Result<(), Misuse> {
        self.state.writer.advance(now);
        let (number, _) = self.open_incoming(request)?;
        let State {
            requests_in,
            writer,
            ..
        } = &mut self.state;
        let report = Report {
            progress,
            total,
            message,
        };
        requests_in.report(number, writer, &report)
    }

    /// Sends a log message that belongs to a request, or to none.
    ///
    /// A legacy client gets it when its level allows; a modern one only for a request that asked
    /// for messages of this level; nobody gets it while unsent output is over
    /// [`Limits::output`](crate::Limits::output). Returns whether it was sent. Returns an error if
    /// `logging` was not declared or the request isn't open (any more).
    ///
    /// Deprecated since 2026-07-28: log to stderr, or use OpenTelemetry. See
    /// [`logging`](crate::model::logging#deprecated).
    // `log.cap`
    pub fn log(
        &mut self,
        now: Instant,
        request: Option<IncomingId>,
        message: &LoggingMessageParams<'_>,
    ) -> Result<bool, Misuse> {
        self.state.writer.advance(now);
        if self.state.closed {
            return Err(Misuse::Closed);
        }
        if !self.fixed.declared.has(method::ServerCapability::Logging) {
            return Err(Misuse::NotDeclared(
                method::ServerCapability::Logging.into(),
            ));
        }
        let Some((route, revision, least)) = self.log_route(request)? else {
            return Ok(false);
        };
        if message.level < least || self.state.writer.is_full() {
            return Ok(false);
        }
        let name = <method::LoggingMessage as Notification>::NAME;
        self.state.writer.notification(
            route,
            revision,
            name,
            message,
            &SessionMembers::default(),
        )?;
        Ok(true)
    }

    /// Tells a legacy client that what it was sent to a URL for is done.
    ///
    /// In other revisions it does nothing: there the client learns it by asking again. Returns an
    /// error if the session has ended.
    // `elicit.complete`
    pub fn elicitation_completed(&mut self, now: Instant, id: &str) -> Result<(), Misuse> {
        self.state.writer.advance(now);
        if self.state.closed {
            return Err(Misuse::Closed);
        }
        let supports_url = self
            .client_capabilities()
            .is_some_and(|client| client.supports_url());
        if let (Stage::Open(Revision::V2025_11_25), true) = (self.state.legacy.stage, supports_url)
        {
            self.state.writer.check_room()?;
            let params = crate::model::elicitation::ElicitationCompleteParams::new(id);
            let name = method::ElicitationComplete::NAME;
            let revision = Revision::V2025_11_25;
            let additions = SessionMembers::default();
            self.state.writer.notification(
                self.state.legacy.route,
                revision,
                name,
                &params,
                &additions,
            )?;
        }
        Ok(())
    }

    /// Returns how many rounds of input a request has had that waits for its answer; `None` when it
    /// isn't open (any more), and while its client is being asked.
    pub fn round(&self, request: IncomingId) -> Option<usize> {
        self.open_incoming(request)
            .ok()
            .map(|(_, incoming)| incoming.part.rounds.count())
    }

    #[inline]
    pub(super) fn open_incoming(
        &self,
        request: IncomingId,
    ) -> Result<(u64, &RequestIn<Incoming>), Misuse> {
        if self.state.closed {
            return Err(Misuse::Closed);
        }
        open_in(&self.state.requests_in, self.state.writer.tag, request)
    }

    /// Answers the request of this number, which is open.
    fn write_result<T: Serialize>(&mut self, number: u64, result: &T) -> Result<(), Misuse> {
        let State {
            requests_in,
            writer,
            ..
        } = &mut self.state;
        let (config, own_meta) = (&self.fixed.config, &self.fixed.own_meta);
        let members = &mut Vec::new();
        let answered = requests_in.answer(number, writer, result, move |incoming| {
            let revision = incoming.revision();
            match revision.era() {
                Era::Legacy => SessionMembers {
                    keeps_structured: config.keeps_structured,
                    ..SessionMembers::default()
                },
                Era::Modern => SessionMembers {
                    meta: own_meta.of(revision),
                    members: result_members(config, incoming.part.method.known(), members),
                    ..SessionMembers::default()
                },
            }
        });
        Ok(answered?)
    }

    /// Whether a user may answer with this code in this revision (`err.range.spec`,
    /// `err.retired.32042`, `elicit.32042.cap`).
    fn check_code(&self, error: &RpcError, revision: Revision) -> Result<(), Misuse> {
        match error.code {
            code::MISSING_REQUIRED_CLIENT_CAPABILITY
            | code::UNSUPPORTED_PROTOCOL_VERSION
            | code::HEADER_MISMATCH => match negotiate::classify(error) {
                ProbeError::Legacy => Err(Misuse::Invalid(Invalid::ErrorData)),
                _ => Ok(()),
            },
            code::URL_ELICITATION_REQUIRED if revision == Revision::V2025_11_25 => {
                let client = self.client_capabilities();
                if client.is_some_and(|client| client.supports_url()) {
                    return Ok(());
                }
                let needed = crate::model::capability::ClientCapabilities::new().elicitation_url();
                Err(Misuse::MissingClientCapability(Box::new(needed)))
            }
            code::URL_ELICITATION_REQUIRED => Err(Misuse::CodeNotInRevision {
                code: error.code,
                revision,
            }),
            -32099..=-32020 => Err(Misuse::ReservedCode(error.code)),
            _ => Ok(()),
        }
    }

    /// Where a log message goes, and the least level that goes there; `None` when nowhere.
    fn log_route(
        &self,
        request: Option<IncomingId>,
    ) -> Result<Option<(Route, Revision, LoggingLevel)>, Misuse> {
        if let Some(request) = request {
            let (_, incoming) = self.open_incoming(request)?;
            let (route, revision) = (incoming.route(), incoming.revision());
            let least = match revision.era() {
                Era::Modern => incoming.part.log_level,
                Era::Legacy => Some(self.log_level()),
            };
            return Ok(least.map(|least| (route, revision, least)));
        }
        let revision = self.state.legacy.revision();
        Ok(revision.map(|revision| (self.state.legacy.route, revision, self.log_level())))
    }
}

/// The request and its number, unless it is over, another session's, or its client is being asked
/// for input.
#[inline]
pub(super) fn open_in(
    requests_in: &RequestsIn<Incoming>,
    tag: SessionTag,
    request: IncomingId,
) -> Result<(u64, &RequestIn<Incoming>), Misuse> {
    let unknown = || Misuse::Unknown(Handle::Request);
    let number = request.number_in(tag).ok_or_else(unknown)?;
    let found = requests_in
        .get(number)
        .filter(|incoming| !incoming.part.rounds.is_open());
    let incoming = found.ok_or_else(unknown)?;
    Ok((number, incoming))
}

/// What a modern result has beside its own members (`rtype.must`, `cache.where`).
fn result_members<'m>(
    config: &ServerConfig,
    known: Option<SpecMethod>,
    members: &'m mut Vec<u8>,
) -> &'m [u8] {
    const COMPLETE: &[u8] = b"\"resultType\":\"complete\"";
    if !known.is_some_and(SpecMethod::is_cacheable) {
        return COMPLETE;
    }
    members.extend_from_slice(COMPLETE);
    members.extend_from_slice(b",\"ttlMs\":");
    write_i64(members, i64::try_from(config.ttl_ms).unwrap_or(i64::MAX));
    members.extend_from_slice(match config.is_public {
        true => b",\"cacheScope\":\"public\"",
        false => b",\"cacheScope\":\"private\"",
    });
    members
}
