//! What a handler asks of its client, and why a run of it ends early.
//!
//! Rules of this file: a question that was answered in an earlier round returns that answer at
//! once; an open one is remembered and leaves the handler through `?`; a run that returns `Err`
//! with open questions ends in "input needed", one that returns `Ok` is complete and its open
//! questions are dropped; what a round has brought travels in the state, and there is no state when
//! there is nothing to carry.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::error::Error;
use core::fmt;

use serde::{Deserialize, Serialize};

use crate::model::capability::ClientCapabilities;
use crate::model::input::InputRequests;
use crate::model::owned::IntoOwned;
use crate::named::named;
use crate::revision::Revision;
use crate::rpc::{Raw, RpcError};

use super::effect::{Effect, EffectSink};

/// The answer isn't there yet. Hand it on with `?`: the handler runs again once it is.
///
/// Whatever becomes of this value, the server knows that the question is open; swallowing it can't
/// break the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InputPending(pub(super) ());

impl fmt::Display for InputPending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("input is needed first")
    }
}

impl core::error::Error for InputPending {}

/// Why a question to the client has no answer.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum AskError {
    /// It is being asked. Hand this on with `?`: the handler runs again with the answer.
    Pending(InputPending),
    /// The client answered with an error, as legacy clients do when their user refuses: go on
    /// without the answer, or hand this on with `?`.
    Refused(Box<str>),
    /// The client can't be asked, as it did not declare the capability: go on without the answer,
    /// or hand this on with `?`, which tells the client what it lacks.
    NotSupported(&'static str),
    /// The question can't be written, or the answer can't be read: correct the question, or hand
    /// this on with `?`.
    Malformed(Box<str>),
}

impl fmt::Display for AskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pending(pending) => fmt::Display::fmt(pending, f),
            Self::Refused(text) => f.write_str(text),
            Self::NotSupported(what) => f.write_str(what),
            Self::Malformed(text) => f.write_str(text),
        }
    }
}

impl core::error::Error for AskError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Pending(pending) => pending.source(),
            _ => None,
        }
    }
}

impl From<InputPending> for AskError {
    fn from(pending: InputPending) -> Self {
        Self::Pending(pending)
    }
}

/// Why a handler ended without a result.
///
/// Every error turns into it by `?`; it is no error itself, which is what makes that possible.
pub struct HandlerError(pub(super) HandlerErrorKind);

pub(super) enum HandlerErrorKind {
    Failed(Box<dyn Error + Send + Sync>),
    Rpc(RpcError),
}

impl HandlerError {
    /// Creates an error that is sent as it is, as a JSON-RPC error. Other errors of a tool become a
    /// result with `isError`.
    pub fn rpc(error: RpcError) -> Self {
        Self(HandlerErrorKind::Rpc(error))
    }
}

impl<E: Into<Box<dyn Error + Send + Sync>>> From<E> for HandlerError {
    fn from(error: E) -> Self {
        Self(HandlerErrorKind::Failed(error.into()))
    }
}

impl fmt::Debug for HandlerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            HandlerErrorKind::Failed(error) => fmt::Debug::fmt(error, f),
            HandlerErrorKind::Rpc(error) => fmt::Debug::fmt(error, f),
        }
    }
}

impl fmt::Display for HandlerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            HandlerErrorKind::Failed(error) => fmt::Display::fmt(error, f),
            HandlerErrorKind::Rpc(error) => fmt::Display::fmt(error, f),
        }
    }
}

/// Arguments that don't fit the handler's type.
#[derive(Debug)]
pub(super) struct BadArguments(String);

impl fmt::Display for BadArguments {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(text) = self;
        write!(f, "Invalid arguments: {text}")
    }
}

impl core::error::Error for BadArguments {}

/// How a client of this revision is told of arguments that don't fit (`tools.call.badargs`).
pub(super) fn bad_arguments(revision: Revision, told: &impl ToString) -> HandlerError {
    if revision >= Revision::V2025_11_25 {
        return HandlerError::from(BadArguments(told.to_string()));
    }
    let told = told.to_string();
    HandlerError::rpc(RpcError::invalid_params(alloc::format!(
        "Invalid params: {told}"
    )))
}

/// How many causes of an error are told.
const CAUSES: usize = 16;

/// What an error says and, after colons, what caused it; a cause that the error itself has quoted
/// isn't told again.
pub(super) fn whole_text(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    for _ in 0..CAUSES {
        let Some(error) = cause else { break };
        let told = error.to_string();
        if !text.ends_with(&told) {
            text.push_str(": ");
            text.push_str(&told);
        }
        cause = error.source();
    }
    text
}

/// One request through all its runs on this server, as far as this run knows.
#[derive(Default)]
pub(super) struct Run {
    /// What earlier rounds have brought, and this one; `None` while that is nothing.
    pub(super) carried: Option<Box<RoundState>>,
    /// What is open after this run so far.
    pub(super) asked: InputRequests<'static>,
    /// What the client would have had to declare for a question of this run.
    pub(super) missing: Option<Box<ClientCapabilities<'static>>>,
    /// How many reports (progress, log) this run has made.
    pub(super) reports: u32,
    /// What is wrong with an answer that the client gave.
    pub(super) bad_answer: Option<Box<str>>,
    /// What the run has done and nobody has been given yet.
    pub(super) effects: Vec<Effect>,
    /// Who is given it at once.
    pub(super) sink: Option<EffectSink>,
    /// Whether it runs as a task.
    pub(super) is_task: bool,
    /// Whether the handler wants to go on as a task.
    pub(super) begins_task: bool,
    /// What keeps the ledger of a task at once, where a handler may wait for that.
    pub(super) keeper: Option<LedgerKeeper>,
}

/// Keeps what a run has learnt, so that it isn't lost with its process.
#[cfg(feature = "std")]
pub(super) type LedgerKeeper = Arc<dyn Fn(&RoundState) + Send + Sync>;
#[cfg(not(feature = "std"))]
pub(super) type LedgerKeeper = Arc<dyn Fn(&RoundState)>;

/// What travels from one round to the next.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct RoundState {
    /// Answers of rounds so far, by key.
    pub(super) answers: BTreeMap<String, Answer>,
    /// Results of what is done once, by key.
    pub(super) once: BTreeMap<String, OwnedRaw>,
    /// How many reports earlier runs have made.
    pub(super) reports: u32,
}

named! { struct RoundState { [answers] = "a", [once] = "o", [reports] = "n" } }

/// What a client answered: a result as JSON, or the text of an error.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Answer {
    Result(OwnedRaw),
    Refused(Box<str>),
}

named! { enum Answer { Result(raw) = "r", Refused(text) = "e" } }

/// JSON that owns its text, however it was read.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct OwnedRaw(pub(super) Raw<'static>);

impl Serialize for OwnedRaw {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for OwnedRaw {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Raw::deserialize(deserializer).map(|raw| Self(raw.into_owned()))
    }
}

impl RoundState {
    /// The state as text; `None` when there is nothing to carry.
    pub(super) fn pack(&self) -> Option<String> {
        if *self == Self::default() {
            return None;
        }
        serde_json::to_string(self).ok()
    }

    /// Reads a state that this server has packed.
    pub(super) fn unpack(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }
}

impl Run {
    /// Whether the report that is about to be made was made by an earlier run already.
    pub(super) fn is_repeated_report(&mut self) -> bool {
        self.reports += 1;
        self.reports <= self.carried.as_ref().map_or(0, |carried| carried.reports)
    }

    /// What the next round needs to know.
    pub(super) fn to_carry(&self) -> RoundState {
        let mut state = self.carried.as_deref().cloned().unwrap_or_default();
        state.reports = state.reports.max(self.reports);
        state
    }

    /// Notes that the client's answer doesn't fit what it was asked.
    pub(super) fn note_bad_answer(&mut self, told: &str) {
        self.bad_answer.get_or_insert_with(|| told.into());
    }

    /// Notes that the client would have to declare more for this run to get on.
    pub(super) fn note_missing(&mut self, missing: ClientCapabilities<'_>) {
        if self.missing.is_none() {
            self.missing = Some(Box::new(missing.into_owned()));
        }
    }
}
