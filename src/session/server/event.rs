//! What a server session tells its user.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use core::fmt;

use bytes::Bytes;
use serde::Deserialize;

use crate::model::capability::ClientCapabilities;
use crate::model::from_scan;
use crate::model::initialize::Implementation;
use crate::model::members::MemberSpans;
use crate::model::meta;
use crate::model::method::{Method, SpecMethod};
use crate::revision::{Era, Revision};
use crate::rpc::{Raw, RpcError, Span, Text, member_of, read_json, text_at};
use crate::saved::saved;

use super::super::error::CloseReason;
use super::super::event::{Body, Ignored, Received};
use super::super::events::SessionEvent;
use super::super::id::IncomingId;
use super::super::name::MethodName;
use super::super::path::Malformed;
use super::super::rounds::{Round, Rounds};
use super::super::sound::are_values;
use super::super::table::{Weigh, total};

/// Something that happened in a server session, in the order of the wire.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum ServerEvent {
    /// A legacy client has opened the session; what it said of itself can be asked for. Modern
    /// clients say it with each request instead, so for them this never comes.
    Opened {
        /// The revision of the legacy part of this connection.
        revision: Revision,
    },
    /// A request that has to be answered: with
    /// [`ServerSession::reply`](super::ServerSession::reply),
    /// [`reply_error`](super::ServerSession::reply_error) or
    /// [`need_input`](super::ServerSession::need_input). After the latter it may come again, with
    /// the answers; handlers ask before they act.
    Request(Request),
    /// A request needs no answer any more: the client cancelled it, or its connection was lost.
    /// Stop working on it; commands for it are refused.
    Cancelled {
        /// Which one.
        request: IncomingId,
        /// Why, when the client said so.
        reason: Option<Box<str>>,
    },
    /// Somebody wants to know of changes of this resource who didn't before.
    Subscribed {
        /// The resource.
        uri: Box<str>,
    },
    /// Nobody wants to know of changes of this resource any more.
    Unsubscribed {
        /// The resource.
        uri: Box<str>,
    },
    /// A client wants to know of the states of tasks: `params::<SubscriptionsListen>()` of its request
    /// names them. It has been acknowledged and takes no answer. Tell of those that are the client's
    /// with [`ServerSession::task_changed`](super::ServerSession::task_changed) for as long as
    /// [`is_watching`](super::ServerSession::is_watching) says so.
    Watching(Request),
    /// The client's roots have changed (legacy era).
    RootsChanged,
    /// A notification that no revision defines, for extensions; or a client's progress.
    Notification(Received),
    /// Input that was left without effect, or answered with an error.
    Ignored(Ignored),
    /// The session has ended. This is the last event.
    Closed(CloseReason),
}

saved! {
    enum ServerEvent {
        0 => Opened { revision },
        1 => Request(value),
        2 => Cancelled { request, reason },
        3 => Subscribed { uri },
        4 => Unsubscribed { uri },
        5 => Watching(value),
        6 => RootsChanged,
        7 => Notification(value),
        8 => Ignored(value),
        9 => Closed(value),
    }
}

/// A request that waits for its answer.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Request {
    /// What the answer has to name.
    pub id: IncomingId,
    /// The revision of this request; for logs, user code needs no branch on it.
    pub revision: Revision,
    pub(crate) method: MethodName,
    pub(crate) body: Body,
    pub(crate) spans: MemberSpans,
    pub(crate) wants_progress: bool,
    pub(crate) inputs: Inputs,
}

saved! { struct Request { id, revision, method, body, spans, wants_progress, inputs } }

/// The answers to this round of input.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Inputs {
    /// There are none, and no state: this is the first round.
    None,
    /// In the frame, as a modern client sends them.
    InFrame,
    /// Those of a legacy client, and the state that a modern one would have carried.
    Collected(Box<Round<InputAnswer>>),
}

saved! {
    enum Inputs {
        0 => None,
        1 => InFrame,
        2 => Collected(value),
    }
}

/// What a legacy client answers to one question.
pub(crate) type InputAnswer = Result<Body, RpcError>;

/// Why an input that was asked for isn't there as it should be.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum InputError {
    /// The client answered with an error: go on without the answer, or end the request with this
    /// error. Only legacy clients can: a modern one doesn't come back.
    Refused(RpcError),
    /// The answer doesn't fit the method: end the request with this error, or ask again.
    Malformed(Malformed),
}

impl fmt::Display for InputError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(error) => fmt::Display::fmt(error, f),
            Self::Malformed(malformed) => fmt::Display::fmt(malformed, f),
        }
    }
}

impl core::error::Error for InputError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Refused(error) => error.source(),
            Self::Malformed(malformed) => malformed.source(),
        }
    }
}

impl From<RpcError> for InputError {
    fn from(error: RpcError) -> Self {
        Self::Refused(error)
    }
}

impl From<Malformed> for InputError {
    fn from(malformed: Malformed) -> Self {
        Self::Malformed(malformed)
    }
}

impl From<InputError> for RpcError {
    fn from(error: InputError) -> Self {
        match error {
            InputError::Refused(error) => error,
            InputError::Malformed(malformed) => malformed.into(),
        }
    }
}

impl Request {
    /// Returns the method's name.
    pub fn method(&self) -> &str {
        self.method.as_str()
    }

    /// Returns which of the protocol's own methods it is; `None` for an extension's.
    pub fn known(&self) -> Option<SpecMethod> {
        self.method.known()
    }

    /// Returns the params as those of `M`; absent ones read like an empty object.
    ///
    /// Returns an error that names the place if they don't fit: the error is ready to be the
    /// answer.
    pub fn params<M: Method>(&self) -> Result<M::Params<'_>, Malformed> {
        let Body { frame, span } = &self.body;
        match from_scan::params::<M>(frame, *span, &self.spans) {
            Some(params) => Ok(params),
            None => self.body.decode(),
        }
    }

    /// Returns the params as JSON, an empty object when there are none.
    pub fn raw_params(&self) -> Raw<'_> {
        self.body.raw()
    }

    /// Returns the tool, prompt or resource that the request is for: `params.name` or `params.uri`,
    /// as the method has it.
    pub fn target(&self) -> Option<Text<'_>> {
        text_at(&self.body.frame, self.spans.subject())
    }

    /// The error that answers it when its handler has panicked. What the panic said is for the server's
    /// log, where the hook has put it.
    pub(crate) fn panicked(&self) -> RpcError {
        let name = self.target().unwrap_or(Text::borrowed(""));
        let name: String = name.chars().take(128).collect();
        let text = match self.known() {
            Some(SpecMethod::CallTool) => format!("The handler of the tool {name} panicked"),
            Some(SpecMethod::ReadResource) => {
                format!("The handler of the resource {name} panicked")
            }
            Some(SpecMethod::GetPrompt) => format!("The handler of the prompt {name} panicked"),
            Some(SpecMethod::Complete) => "The handler of the completion panicked".into(),
            _ => "The handler panicked".into(),
        };
        RpcError::internal(text)
    }

    /// Returns `params.arguments` as JSON; an empty object when there are none.
    pub fn arguments(&self) -> Raw<'_> {
        Raw::trusted(self.arguments_text().into())
    }

    /// Returns `params.arguments` as `T`; absent ones read like an empty object.
    ///
    /// Returns an error that names the place if they don't fit.
    pub fn arguments_as<'a, T: Deserialize<'a>>(&'a self) -> Result<T, Malformed> {
        let text = self.arguments_text();
        serde_json::from_str(text).map_err(|error| Malformed::new(text, &error))
    }

    /// The arguments as they came; a `null` counts as absent, as it does in the typed params.
    fn arguments_text(&self) -> &str {
        match core::str::from_utf8(self.spans.arguments().of(&self.body.frame)) {
            Ok("" | "null") | Err(_) => "{}",
            Ok(arguments) => arguments,
        }
    }

    /// Returns whether the client wants progress to be reported.
    pub fn wants_progress(&self) -> bool {
        self.wants_progress
    }

    /// Returns who sends a modern request, when it says so. For a legacy one ask the session.
    pub fn client_info(&self) -> Option<Implementation<'_>> {
        self.in_meta(meta::CLIENT_INFO)
    }

    /// Returns what the client of a modern request can do. For a legacy one ask the session.
    pub fn client_capabilities(&self) -> Option<ClientCapabilities<'_>> {
        self.in_meta(meta::CLIENT_CAPABILITIES)
    }

    /// Returns the answer to the input `key` of the last round, read as a result of `M`; `None`
    /// when there is none, as in the first round.
    pub fn input<M: Method>(&self, key: &str) -> Option<Result<M::Result<'_>, InputError>> {
        let text = match self.input_text(key)? {
            Ok(text) => text,
            Err(error) => return Some(Err(InputError::Refused(error.clone()))),
        };
        let read = serde_json::from_str(text).map_err(|error| Malformed::new(text, &error));
        Some(read.map_err(InputError::Malformed))
    }

    /// Returns the answer to the input `key` of the last round as JSON, or the error that a legacy
    /// client gave; `None` when there is none.
    pub fn raw_input(&self, key: &str) -> Option<Result<Raw<'_>, RpcError>> {
        let text = self.input_text(key)?;
        Some(
            text.map(|text| Raw::trusted(text.into()))
                .map_err(RpcError::clone),
        )
    }

    fn input_text(&self, key: &str) -> Option<Result<&str, &RpcError>> {
        let json = match &self.inputs {
            Inputs::Collected(round) => match round.answer(key)? {
                Ok(body) => body.span.of(&body.frame),
                Err(error) => return Some(Err(error)),
            },
            Inputs::InFrame => member_of(self.param("inputResponses")?, key)?,
            Inputs::None => return None,
        };
        core::str::from_utf8(json).ok().map(Ok)
    }

    /// Returns whether this request carries answers of a round of input.
    pub fn has_inputs(&self) -> bool {
        match &self.inputs {
            Inputs::Collected(round) => !round.is_empty(),
            Inputs::InFrame => self.param("inputResponses").is_some(),
            Inputs::None => false,
        }
    }

    /// Returns the state that was given with the last round; `None` in the first one and where none
    /// was given. A modern client has carried it, so what matters in it has to be sealed.
    // `mrtr.state.attacker`
    pub fn state(&self) -> Option<Text<'_>> {
        match &self.inputs {
            Inputs::Collected(round) => round.state().map(Text::from),
            Inputs::InFrame => {
                let state = core::str::from_utf8(self.param("requestState")?).ok()?;
                Text::from_token(state)
            }
            Inputs::None => None,
        }
    }

    /// Returns the whole message, as it came.
    pub fn frame(&self) -> &Bytes {
        &self.body.frame
    }

    /// The value of a member of the params, for those that are asked for too seldom to be kept.
    pub(super) fn param(&self, name: &str) -> Option<&[u8]> {
        member_of(self.body.span.of(&self.body.frame), name)
    }

    /// What a modern request says in its `_meta`, if it is there and well-formed.
    fn in_meta<'a, T: Deserialize<'a>>(&'a self, key: &str) -> Option<T> {
        let is_modern = self.revision.era() == Era::Modern;
        let meta = self.spans.meta().of(&self.body.frame);
        read_json(member_of(meta, key).filter(|_| is_modern)?).ok()
    }
}

/// What a server keeps of a request until its answer.
#[derive(Clone, Debug)]
pub(crate) struct Incoming {
    pub(crate) method: MethodName,
    pub(crate) body: Body,
    pub(crate) spans: MemberSpans,
    /// What a modern request says that its client can do; none for a legacy one.
    pub(crate) client_capabilities: Span,
    /// The least level of log messages that a modern request asks for.
    pub(crate) log_level: Option<crate::model::logging::LoggingLevel>,
    /// What a legacy client is being asked for, and how often it was.
    pub(crate) rounds: Rounds<InputAnswer>,
}

saved! { struct Incoming { method, body, spans, client_capabilities, log_level, rounds } }

impl Incoming {
    /// Whether all of it stands where it is said to, as it does unless a saved session was changed.
    pub(super) fn is_sound(&self) -> bool {
        self.body.is_sound_with(&self.spans)
            && are_values(&self.body.frame, &[self.client_capabilities])
            && self.rounds.open().is_none_or(are_answers_sound)
    }
}

fn are_answers_sound(round: &Round<InputAnswer>) -> bool {
    let mut answers = round
        .answers()
        .filter_map(|(_, answer)| answer?.as_ref().ok());
    answers.all(Body::is_sound)
}

impl Weigh for Incoming {
    #[inline]
    fn weight(&self) -> usize {
        total([
            size_of::<Self>(),
            self.method.held(),
            self.body.weight(),
            self.rounds.held(),
        ])
    }
}

impl Weigh for ServerEvent {
    #[inline]
    fn weight(&self) -> usize {
        let texts = match self {
            // Most of them are; the others are weighed apart from this.
            Self::Request(request) => request.texts(),
            other => other.texts(),
        };
        total([size_of::<Self>(), texts])
    }
}

impl Request {
    /// Whether all of it stands where it is said to.
    pub(crate) fn is_sound(&self) -> bool {
        let are_inputs_sound = match &self.inputs {
            Inputs::Collected(round) => are_answers_sound(round),
            Inputs::None | Inputs::InFrame => true,
        };
        are_inputs_sound && self.body.is_sound_with(&self.spans)
    }

    #[inline]
    fn texts(&self) -> usize {
        let responses = match &self.inputs {
            Inputs::Collected(round) => round.weight(),
            _ => 0,
        };
        total([self.method.held(), self.body.weight(), responses])
    }
}

impl ServerEvent {
    /// Whether all that was received and may be read stands where it is said to, as it does unless a
    /// saved session was changed.
    pub(super) fn is_sound(&self) -> bool {
        match self {
            Self::Request(request) | Self::Watching(request) => request.is_sound(),
            Self::Notification(received) => received.is_sound(),
            Self::Opened { .. }
            | Self::Cancelled { .. }
            | Self::Subscribed { .. }
            | Self::Unsubscribed { .. }
            | Self::RootsChanged
            | Self::Ignored(_)
            | Self::Closed(_) => true,
        }
    }

    #[inline(never)]
    fn texts(&self) -> usize {
        match self {
            Self::Request(request) | Self::Watching(request) => request.texts(),
            Self::Cancelled { reason, .. } => reason.as_ref().map_or(0, |reason| reason.len()),
            Self::Subscribed { uri } | Self::Unsubscribed { uri } => uri.len(),
            Self::Notification(received) => received.body.weight(),
            Self::Ignored(ignored) => ignored.weight(),
            Self::Closed(reason) => reason.weight(),
            Self::Opened { .. } | Self::RootsChanged => 0,
        }
    }
}

impl SessionEvent for ServerEvent {
    fn is_last(&self) -> bool {
        matches!(self, Self::Closed(_))
    }
}
