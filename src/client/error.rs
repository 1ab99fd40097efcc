//! What can go wrong for a user of the high-level client, and what of it a model may try again.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::{String, ToString};
use core::fmt;
use core::time::Duration;

use crate::model::content::InvalidBase64;
use crate::model::list::Unreadable;
use crate::model::page::PageError;
use crate::model::tool::CallToolResult;
use crate::rpc::{Raw, RpcError, bounded};
use crate::session::{CallClock, CallError, CloseReason, Delivery, Misuse};

/// Why an operation of the client gave no result. `Debug` shows it as `Display` does, since that is
/// what a `main` that returns it prints.
#[derive(Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// The tool failed or the server refused the call, and says why: hand the message to the model,
    /// which may try again.
    #[error(transparent)]
    Retry(Box<ToolFailure>),
    /// The server answered with an error. Its code says whether another request may do better; see
    /// [`code`](crate::rpc::code).
    #[error("{}", RpcText(.0))]
    Rpc(RpcError),
    /// No answer came in time. The connection goes on: try again if the operation may run twice, or
    /// allow it more time with [`ToolCall::read_timeout`](super::ToolCall::read_timeout) or the
    /// options.
    #[error("timed out while waiting for the response, after {after:?} ({clock})")]
    TimedOut {
        /// Which of the call's two clocks ran out.
        clock: CallClock,
        /// How long it ran.
        after: Duration,
    },
    /// The operation was cancelled from this side: there is nothing to do.
    #[error("cancelled")]
    Cancelled,
    /// The connection was lost before an answer came. [`Delivery::NotSent`] may be tried again;
    /// otherwise the server may have acted on the request, and the client never repeats it by
    /// itself.
    #[error("the connection was lost ({0})")]
    Lost(Delivery),
    /// The call ended in another way without a result; the [`CallError`] inside says what to do.
    #[error(transparent)]
    Call(CallError),
    /// The request was refused before anything was sent; the [`Misuse`] inside says what to change.
    #[error(transparent)]
    Misuse(#[from] Misuse),
    /// The listing would never end, or is longer than [`Limits::pages`](crate::Limits::pages)
    /// allows: raise the limit, or report the server.
    #[error(transparent)]
    Page(#[from] PageError),
    /// The server sends more than a limit allows for one operation: raise the limit in
    /// [`ClientOptions::limits`](super::ClientOptions::limits) if that much is welcome.
    #[error("the limit of {limit} on {what} is reached; `ClientOptions::limits` sets it")]
    LimitReached {
        /// What the limit is on.
        what: &'static str,
        /// The limit.
        limit: usize,
    },
    /// Part of the answer doesn't fit its type, and [`ClientOptions::strict`] says that this is an
    /// error. Without it the part is skipped.
    ///
    /// [`ClientOptions::strict`]: super::ClientOptions::strict
    #[error("part of the answer can't be read: {0}")]
    Unreadable(Box<Unreadable<'static>>),
    /// Data in a result isn't base64: the fault is the server's. The rest of the result can be
    /// read.
    #[error(transparent)]
    Base64(#[from] InvalidBase64),
    /// The tool or resource has answered, with something else than was asked for.
    #[error("the answer can't be read as {wanted}: {reason}; it begins with {value:?}")]
    Decode {
        /// The Rust type that was asked for.
        wanted: &'static str,
        /// What doesn't fit, and where.
        reason: Box<str>,
        /// The beginning of the answer.
        value: Box<str>,
    },
    /// What the server gave of a skill isn't what it said of it, or can't be read for it; nothing of it
    /// may be used. If the skill may have changed since, get it anew and ask the user again.
    #[cfg(feature = "skills")]
    #[error(transparent)]
    Skill(#[from] crate::model::skill::SkillError),
    /// The tool's structured result isn't what its output schema promises, or the schema can't be used:
    /// the fault is the server's. Only with [`ClientOptions::validator`](super::ClientOptions::validator).
    #[error("the result of the tool {tool} doesn't fit its output schema: {reason}")]
    OutputSchema {
        /// The tool, by its server's name for it.
        tool: Box<str>,
        /// What doesn't fit, and where.
        reason: Box<str>,
    },
    /// The arguments can't be written as a JSON object; nothing was sent. Pass a struct or a map.
    #[error("the arguments can't be written: {0}")]
    Arguments(Box<str>),
    /// No connection could be made, or it failed, for the reason given: show it to the user.
    #[error("the connection failed: {0}")]
    Connection(Box<str>),
    /// The session could not be opened: show the reason to the user. The next operation tries
    /// again.
    #[error("the session could not be opened: {0}")]
    Opening(CloseReason),
    /// The session has ended, and the client is not configured to reconnect: close it and open it
    /// again, or set [`ClientOptions::reconnect`](super::ClientOptions::reconnect).
    #[error("the session has ended: {0}; close the client and open it again, or set `reconnect`")]
    Closed(CloseReason),
    /// The session could not be opened, or has ended, maybe during an operation, and the adapter
    /// knows more of it: the program or the address, how a process has ended and its last words,
    /// what came instead of a message. Show it to the user.
    #[error("{}{error}: {peer}", if matches!(**error, Self::Rpc(_)) { REFUSED } else { "" })]
    Peer {
        /// What would be said without that: [`Opening`](Self::Opening), [`Closed`](Self::Closed),
        /// [`Lost`](Self::Lost) of an operation that was under way, or the error by which the server
        /// refused the opening.
        error: Box<ClientError>,
        /// What is known of the server.
        peer: Box<str>,
    },
    /// What the server says of itself is known once the client has been open: open it first.
    #[error("the {0} is only available after the opening: call `open` first")]
    NotOpened(&'static str),
    /// The client was closed more often than it was opened. It is closed; nothing else has changed.
    #[error("the client was closed more often than it was opened")]
    NotOpen,
    /// The driver of the client has ended or was dropped: keep its future or its thread running for
    /// as long as the client is used.
    #[error("nothing drives the client: the driver that came with it was dropped, or has ended")]
    NoDriver,
}

/// What a server's answer to the opening is shown with.
const REFUSED: &str = "the session could not be opened: ";

impl fmt::Debug for ClientError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl ClientError {
    /// Returns what to tell a model that called a tool, so that it may try again; `None` when the
    /// error is not for the model.
    pub fn retry_message(&self) -> Option<String> {
        match self {
            Self::Retry(failure) => Some(failure.message.clone()),
            Self::TimedOut { after, .. } => Some(format!(
                "Timed out while waiting for the response. Waited {:?} seconds.",
                after.as_secs_f64()
            )),
            Self::Lost(_) => Some("Connection closed".to_string()),
            Self::Peer { error, .. } => error.retry_message(),
            _ => None,
        }
    }

    /// Returns whether the same operation may be tried again without asking anybody: nothing of it
    /// was sent.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Lost(delivery) => *delivery == Delivery::NotSent,
            Self::Call(error) => error.is_retryable(),
            _ => false,
        }
    }

    /// What a span says of it, and the code if the server gave one.
    pub(crate) fn outcome(&self) -> (&'static str, Option<i64>) {
        match self {
            Self::Retry(failure) => match &failure.error {
                Some(error) => ("error", Some(error.code)),
                None => ("tool_error", None),
            },
            Self::Rpc(error) => ("error", Some(error.code)),
            Self::TimedOut { .. } => ("timed_out", None),
            Self::Cancelled => ("cancelled", None),
            Self::Lost(_) => ("lost", None),
            Self::Misuse(_) => ("refused", None),
            _ => ("failed", None),
        }
    }

    /// The same error, as the caller of a tool sees it: what the server answered is for the model.
    pub(crate) fn of_tool_call(self) -> Self {
        match self {
            Self::Rpc(error) => Self::Retry(Box::new(ToolFailure::of_error(error))),
            error => error,
        }
    }
}

impl From<CallError> for ClientError {
    fn from(error: CallError) -> Self {
        match error {
            CallError::Rpc(error) => Self::Rpc(error),
            CallError::TimedOut { clock, after } => Self::TimedOut { clock, after },
            CallError::Cancelled => Self::Cancelled,
            CallError::Lost(delivery) => Self::Lost(delivery),
            error => Self::Call(error),
        }
    }
}

/// What a tool or its server said of a call that failed. `Display` shows the message.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{message}")]
#[non_exhaustive]
pub struct ToolFailure {
    /// What to tell the model: the texts of the result, or the message of the server's error.
    pub message: String,
    /// The whole result of a tool that failed, with its structured content; `None` if the server
    /// refused the call.
    pub result: Option<CallToolResult<'static>>,
    /// The error by which the server refused the call; `None` if the tool failed.
    pub error: Option<RpcError>,
}

impl ToolFailure {
    /// Creates a failure that a [`ToolHook`](super::ToolHook) makes up.
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            result: None,
            error: None,
        }
    }

    pub(super) fn of_result(message: String, result: CallToolResult<'static>) -> Self {
        Self {
            message,
            result: Some(result),
            error: None,
        }
    }

    fn of_error(error: RpcError) -> Self {
        Self {
            message: (*error.message).into(),
            result: None,
            error: Some(error),
        }
    }
}

impl From<ToolFailure> for ClientError {
    fn from(failure: ToolFailure) -> Self {
        Self::Retry(Box::new(failure))
    }
}

/// Shows an error of the server with its code, and with its data if there is any; of long texts the
/// start.
struct RpcText<'a>(&'a RpcError);

impl fmt::Display for RpcText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let RpcError {
            message,
            code,
            data,
            ..
        } = self.0;
        match data.as_ref().filter(|data| is_something(data)) {
            Some(data) => {
                let data = bounded(data.as_str());
                write!(f, "{} (code: {code}, data: {data})", bounded(message))
            }
            None => write!(f, "{} (code: {code})", bounded(message)),
        }
    }
}

/// Whether a value says anything: `null`, `false`, zero and what is empty don't.
pub(crate) fn is_something(value: &Raw<'_>) -> bool {
    use serde_json::Value;
    match value.decode::<Value>() {
        Ok(Value::Null | Value::Bool(false)) => false,
        Ok(Value::Number(number)) => number.as_f64() != Some(0.0),
        Ok(Value::String(text)) => !text.is_empty(),
        Ok(Value::Array(values)) => !values.is_empty(),
        Ok(Value::Object(members)) => !members.is_empty(),
        Ok(Value::Bool(true)) | Err(_) => true,
    }
}
