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
#[derive(Clone, PartialEq)]
#[non_exhaustive]
pub enum ClientError {
    /// The tool failed or the server refused the call, and says why: hand the message to the model,
    /// which may try again.
    Retry(Box<ToolFailure>),
    /// The server answered with an error. Its code says whether another request may do better; see
    /// [`code`](crate::rpc::code).
    Rpc(RpcError),
    /// No answer came in time. The connection goes on: try again if the operation may run twice, or
    /// allow it more time with [`ToolCall::read_timeout`](super::ToolCall::read_timeout) or the
    /// options.
    TimedOut {
        /// Which of the call's two clocks ran out.
        clock: CallClock,
        /// How long it ran.
        after: Duration,
    },
    /// The operation was cancelled from this side: there is nothing to do.
    Cancelled,
    /// The connection was lost before an answer came. [`Delivery::NotSent`] may be tried again;
    /// otherwise the server may have acted on the request, and the client never repeats it by
    /// itself.
    Lost(Delivery),
    /// The call ended in another way without a result; the [`CallError`] inside says what to do.
    Call(CallError),
    /// The request was refused before anything was sent; the [`Misuse`] inside says what to change.
    Misuse(Misuse),
    /// The listing would never end, or is longer than [`Limits::pages`](crate::Limits::pages)
    /// allows: raise the limit, or report the server.
    Page(PageError),
    /// The server sends more than a limit allows for one operation: raise the limit in
    /// [`ClientOptions::limits`](super::ClientOptions::limits) if that much is welcome.
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
    Unreadable(Box<Unreadable<'static>>),
    /// Data in a result isn't base64: the fault is the server's. The rest of the result can be
    /// read.
    Base64(InvalidBase64),
    /// The tool or resource has answered, with something else than was asked for.
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
    Skill(crate::model::skill::SkillError),
    /// The tool's structured result isn't what its output schema promises, or the schema can't be used:
    /// the fault is the server's. Only with [`ClientOptions::validator`](super::ClientOptions::validator).
    OutputSchema {
        /// The tool, by its server's name for it.
        tool: Box<str>,
        /// What doesn't fit, and where.
        reason: Box<str>,
    },
    /// The arguments can't be written as a JSON object; nothing was sent. Pass a struct or a map.
    Arguments(Box<str>),
    /// No connection could be made, or it failed, for the reason given: show it to the user.
    Connection(Box<str>),
    /// The session could not be opened: show the reason to the user. The next operation tries
    /// again.
    Opening(CloseReason),
    /// The session has ended, and the client is not configured to reconnect: close it and open it
    /// again, or set [`ClientOptions::reconnect`](super::ClientOptions::reconnect).
    Closed(CloseReason),
    /// The session could not be opened, or has ended, maybe during an operation, and the adapter
    /// knows more of it: the program or the address, how a process has ended and its last words,
    /// what came instead of a message. Show it to the user.
    Peer {
        /// What would be said without that: [`Opening`](Self::Opening), [`Closed`](Self::Closed),
        /// [`Lost`](Self::Lost) of an operation that was under way, or the error by which the server
        /// refused the opening.
        error: Box<ClientError>,
        /// What is known of the server.
        peer: Box<str>,
    },
    /// What the server says of itself is known once the client has been open: open it first.
    NotOpened(&'static str),
    /// The client was closed more often than it was opened. It is closed; nothing else has changed.
    NotOpen,
    /// The driver of the client has ended or was dropped: keep its future or its thread running for
    /// as long as the client is used.
    NoDriver,
}

impl fmt::Display for ClientError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Retry(failure) => fmt::Display::fmt(failure, f),
            Self::Rpc(error) => write!(f, "{}", RpcText(error)),
            Self::TimedOut { clock, after } => write!(
                f,
                "timed out while waiting for the response, after {after:?} ({clock})"
            ),
            Self::Cancelled => f.write_str("cancelled"),
            Self::Lost(delivery) => write!(f, "the connection was lost ({delivery})"),
            Self::Call(error) => fmt::Display::fmt(error, f),
            Self::Misuse(error) => fmt::Display::fmt(error, f),
            Self::Page(error) => fmt::Display::fmt(error, f),
            Self::LimitReached { what, limit } => write!(
                f,
                "the limit of {limit} on {what} is reached; `ClientOptions::limits` sets it"
            ),
            Self::Unreadable(unreadable) => {
                write!(f, "part of the answer can't be read: {unreadable}")
            }
            Self::Base64(error) => fmt::Display::fmt(error, f),
            Self::Decode {
                wanted,
                reason,
                value,
            } => write!(
                f,
                "the answer can't be read as {wanted}: {reason}; it begins with {value:?}"
            ),
            #[cfg(feature = "skills")]
            Self::Skill(error) => fmt::Display::fmt(error, f),
            Self::OutputSchema { tool, reason } => write!(
                f,
                "the result of the tool {tool} doesn't fit its output schema: {reason}"
            ),
            Self::Arguments(text) => write!(f, "the arguments can't be written: {text}"),
            Self::Connection(text) => write!(f, "the connection failed: {text}"),
            Self::Opening(reason) => write!(f, "the session could not be opened: {reason}"),
            Self::Closed(reason) => write!(
                f,
                "the session has ended: {reason}; close the client and open it again, \
                 or set `reconnect`"
            ),
            Self::Peer { error, peer } if matches!(**error, Self::Rpc(_)) => {
                write!(f, "{REFUSED}{error}: {peer}")
            }
            Self::Peer { error, peer } => write!(f, "{error}: {peer}"),
            Self::NotOpened(what) => write!(
                f,
                "the {what} is only available after the opening: call `open` first"
            ),
            Self::NotOpen => f.write_str("the client was closed more often than it was opened"),
            Self::NoDriver => f.write_str(
                "nothing drives the client: the driver that came with it was dropped, or has ended",
            ),
        }
    }
}

impl core::error::Error for ClientError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Retry(failure) => failure.source(),
            Self::Call(error) => error.source(),
            Self::Misuse(error) => error.source(),
            Self::Page(error) => error.source(),
            Self::Base64(error) => error.source(),
            #[cfg(feature = "skills")]
            Self::Skill(error) => error.source(),
            _ => None,
        }
    }
}

impl From<Misuse> for ClientError {
    fn from(error: Misuse) -> Self {
        Self::Misuse(error)
    }
}

impl From<PageError> for ClientError {
    fn from(error: PageError) -> Self {
        Self::Page(error)
    }
}

impl From<InvalidBase64> for ClientError {
    fn from(error: InvalidBase64) -> Self {
        Self::Base64(error)
    }
}

#[cfg(feature = "skills")]
impl From<crate::model::skill::SkillError> for ClientError {
    fn from(error: crate::model::skill::SkillError) -> Self {
        Self::Skill(error)
    }
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
#[derive(Clone, Debug, PartialEq)]
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

impl fmt::Display for ToolFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl core::error::Error for ToolFailure {}

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
