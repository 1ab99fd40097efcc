//! What a server session tells its user.

use alloc::boxed::Box;
use alloc::vec::Vec;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::model::capability::ClientCapabilities;
use crate::model::initialize::Implementation;
use crate::model::method::{Known, Method};
use crate::revision::Revision;
use crate::rpc::{Raw, RequestId, RpcError, Span, Text, member_of, raw_at, text_at};

use super::super::error::CloseReason;
use super::super::event::{Body, Ignored, Received};
use super::super::id::IncomingId;
use super::super::name::MethodName;
use super::super::path::Malformed;

/// Something that happened in a server session, in the order of the wire.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum ServerEvent {
    /// A legacy client has opened the session; what it said of itself can be asked for. Modern
    /// clients say it with each request instead, so for them this never comes.
    Opened {
        /// The revision of the legacy part of this connection.
        revision: Revision,
    },
    /// A request that has to be answered: with [`ServerSession::reply`](super::ServerSession::reply),
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
    /// The client's roots have changed (legacy era).
    RootsChanged,
    /// A notification that no revision defines, for extensions; or a client's progress.
    Notification(Received),
    /// Input that was left without effect, or answered with an error.
    Ignored(Ignored),
    /// The session has ended. This is the last event.
    Closed(CloseReason),
}

/// A request that waits for its answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Request {
    /// What the answer has to name.
    pub id: IncomingId,
    /// The revision of this request; for logs, user code needs no branch on it.
    pub revision: Revision,
    pub(crate) method: MethodName,
    pub(crate) body: Body,
    pub(crate) name: Span,
    pub(crate) arguments: Span,
    pub(crate) progress_token: Span,
    pub(crate) client: ClientSpans,
    pub(crate) inputs: Inputs,
}

/// Where in the frame a modern request says who sends it; empty for legacy ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct ClientSpans {
    pub(crate) info: Span,
    pub(crate) capabilities: Span,
}

/// The answers to this round of input.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Inputs {
    /// In the frame, as a modern client sends them.
    InFrame { responses: Span, state: Span },
    /// Collected from a legacy client.
    Collected(Box<Collected>),
}

/// A legacy client's answers, and the state that a modern client would have carried.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Collected {
    pub(crate) answers: Vec<(Box<str>, Result<Body, RpcError>)>,
    pub(crate) state: Option<Box<str>>,
}

/// Why an input that was asked for isn't there as it should be.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum InputError {
    /// The client answered with an error. Only legacy clients can: a modern one doesn't come back.
    #[error(transparent)]
    Refused(#[from] RpcError),
    /// The answer doesn't fit the method.
    #[error(transparent)]
    Malformed(#[from] Malformed),
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
    /// The method's name.
    pub fn method(&self) -> &str {
        self.method.as_str()
    }

    /// Which of the protocol's own methods it is; `None` for an extension's.
    pub fn known(&self) -> Option<Known> {
        self.method.known()
    }

    /// The params as those of `M`; absent ones read like an empty object.
    ///
    /// Errs, naming the place, when they don't fit: the error is ready to be the answer.
    pub fn params<M: Method>(&self) -> Result<M::Params<'_>, Malformed> {
        self.body.decode()
    }

    /// The params as JSON, an empty object when there are none.
    pub fn raw_params(&self) -> Raw<'_> {
        self.body.raw()
    }

    /// The tool, prompt or resource that the request is for: `params.name` or `params.uri`.
    pub fn target(&self) -> Option<Text<'_>> {
        text_at(&self.body.frame, self.name)
    }

    /// `params.arguments` as JSON; an empty object when there are none (`T10`).
    pub fn arguments(&self) -> Raw<'_> {
        raw_at(&self.body.frame, self.arguments).unwrap_or(Raw::EMPTY_OBJECT)
    }

    /// `params.arguments` as `T`; absent ones read like an empty object.
    ///
    /// Errs, naming the place, when they don't fit.
    pub fn arguments_as<'a, T: Deserialize<'a>>(&'a self) -> Result<T, Malformed> {
        let text = core::str::from_utf8(self.arguments.of(&self.body.frame)).unwrap_or_default();
        let text = if text.is_empty() { "{}" } else { text };
        serde_json::from_str(text).map_err(|error| Malformed::new(text, &error))
    }

    /// Whether the client wants progress to be reported.
    pub fn wants_progress(&self) -> bool {
        self.progress_token.is_some()
    }

    /// Who sends a modern request, when it says so. For a legacy one ask the session.
    pub fn client_info(&self) -> Option<Implementation<'_>> {
        raw_json(&self.body.frame, self.client.info)
    }

    /// What the client of a modern request can do. For a legacy one ask the session.
    pub fn client_capabilities(&self) -> Option<ClientCapabilities<'_>> {
        raw_json(&self.body.frame, self.client.capabilities)
    }

    /// The answer to the input `key` of the last round, read as a result of `M`; `None` when there
    /// is none, as in the first round.
    pub fn input<M: Method>(&self, key: &str) -> Option<Result<M::Result<'_>, InputError>> {
        let text = match self.input_text(key)? {
            Ok(text) => text,
            Err(error) => return Some(Err(InputError::Refused(error.clone()))),
        };
        let read = serde_json::from_str(text).map_err(|error| Malformed::new(text, &error));
        Some(read.map_err(InputError::Malformed))
    }

    /// The answer to the input `key` of the last round as JSON, or the error that a legacy client
    /// gave; `None` when there is none.
    pub fn raw_input(&self, key: &str) -> Option<Result<Raw<'_>, RpcError>> {
        let text = self.input_text(key)?;
        Some(
            text.map(|text| Raw::trusted(text.into()))
                .map_err(RpcError::clone),
        )
    }

    fn input_text(&self, key: &str) -> Option<Result<&str, &RpcError>> {
        let json = match &self.inputs {
            Inputs::Collected(collected) => {
                let (_, answer) = collected
                    .answers
                    .iter()
                    .find(|(asked, _)| &**asked == key)?;
                match answer {
                    Ok(body) => body.span.of(&body.frame),
                    Err(error) => return Some(Err(error)),
                }
            }
            Inputs::InFrame { responses, .. } => member_of(responses.of(&self.body.frame), key)?,
        };
        core::str::from_utf8(json).ok().map(Ok)
    }

    /// Whether this request carries answers of a round of input.
    pub fn has_inputs(&self) -> bool {
        match &self.inputs {
            Inputs::Collected(collected) => !collected.answers.is_empty(),
            Inputs::InFrame { responses, .. } => responses.is_some(),
        }
    }

    /// The state that was given with the last round; `None` in the first one and where none was
    /// given. A modern client has carried it, so what matters in it has to be sealed
    /// (`mrtr.state.attacker`).
    pub fn state(&self) -> Option<Text<'_>> {
        match &self.inputs {
            Inputs::Collected(collected) => collected.state.as_deref().map(Text::from),
            Inputs::InFrame { state, .. } => text_at(&self.body.frame, *state),
        }
    }

    /// The whole message, as it came.
    pub fn frame(&self) -> &Bytes {
        &self.body.frame
    }
}

fn raw_json<'a, T: Deserialize<'a>>(frame: &'a [u8], span: Span) -> Option<T> {
    serde_json::from_slice(span.of(frame)).ok()
}

/// A request from its arrival to its answer.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Incoming {
    pub(crate) request: RequestId,
    pub(crate) target: super::super::link::Target,
    pub(crate) revision: Revision,
    pub(crate) method: MethodName,
    pub(crate) body: Body,
    pub(crate) name: Span,
    pub(crate) arguments: Span,
    pub(crate) progress_token: Span,
    pub(crate) client: ClientSpans,
    /// The least level of log messages that a modern request asks for.
    pub(crate) log_level: Option<crate::model::logging::LoggingLevel>,
    /// What was reported last; progress increases.
    pub(crate) progress: Option<f64>,
    pub(crate) rounds: usize,
    /// The round of input that a legacy client is being asked for.
    pub(crate) asking: Option<Box<Asking>>,
}

/// A round of input that a legacy client is being asked for.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Asking {
    pub(crate) open: usize,
    pub(crate) collected: Collected,
}
