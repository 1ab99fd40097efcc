//! What can go wrong with one call or with the whole session; what is wrong with one command is told
//! by `misuse`. What a peer is told is an [`RpcError`]; the errors here stay local.

use alloc::boxed::Box;
use core::fmt;
use core::time::Duration;

use crate::rpc::RpcError;
use crate::saved::saved;

use super::route::Closed;
use super::table::{Weigh, total};

/// Why a call ended without a result. It is local, never a made-up code.
// `err.local`
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum CallError {
    /// The peer answered with an error. Its code says whether another request may do better; see
    /// [`code`](crate::rpc::code).
    Rpc(RpcError),
    /// No answer came in time; the peer has been told, where the protocol allows it. Call again if
    /// the request may run twice, or give it more time.
    TimedOut {
        /// Which of the call's two clocks ran out.
        clock: CallClock,
        /// How long it ran.
        after: Duration,
    },
    /// The call was cancelled by its own side: there is nothing to do.
    Cancelled,
    /// The answer doesn't fit the method: the fault is the peer's.
    /// [`Completed::raw`](super::Completed::raw) still has it as JSON.
    BadResult {
        /// The method that was called.
        method: Box<str>,
        /// Where in the result the offence stands, such as `content[0].text`.
        path: Box<str>,
        /// What is wrong there.
        reason: Box<str>,
    },
    /// The peer asked for input that was refused, or that it had no right to ask for. Call again
    /// with another answer, or declare the capability that it lacks.
    InputRefused(RpcError),
    /// The peer asked for input more often than [`Limits::input_rounds`](crate::Limits) allows:
    /// raise the limit if its questions make sense.
    TooManyRounds {
        /// The limit.
        limit: usize,
    },
    /// The connection was lost before an answer came. Calling again is safe if
    /// [`is_retryable`](Self::is_retryable) says so.
    Lost(Delivery),
    /// The task that the call had become was cancelled, and not by this call: there is no result.
    TaskCancelled,
    /// The HTTP request that carried the call was refused, and no message came with the refusal: the
    /// status says what to do about it.
    Refused {
        /// The HTTP status.
        status: u16,
    },
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rpc(error) => fmt::Display::fmt(error, f),
            Self::TimedOut { clock, after } => write!(f, "no answer within {after:?} ({clock})"),
            Self::Cancelled => f.write_str("cancelled"),
            Self::BadResult {
                method,
                path,
                reason,
            } => write!(f, "the result of {method} is malformed at {path}: {reason}"),
            Self::InputRefused(error) => write!(f, "the input it asked for was not given: {error}"),
            Self::TooManyRounds { limit } => write!(f, "more than {limit} rounds of input"),
            Self::Lost(delivery) => write!(f, "the connection was lost ({delivery})"),
            Self::TaskCancelled => f.write_str("the task was cancelled"),
            Self::Refused { status } => write!(f, "the server answered with the status {status}"),
        }
    }
}

impl core::error::Error for CallError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Rpc(error) => error.source(),
            _ => None,
        }
    }
}

impl From<RpcError> for CallError {
    fn from(error: RpcError) -> Self {
        Self::Rpc(error)
    }
}

saved! {
    enum CallError {
        0 => Rpc(value),
        1 => TimedOut { clock, after },
        2 => Cancelled,
        3 => BadResult { method, path, reason },
        4 => InputRefused(value),
        5 => TooManyRounds { limit },
        6 => Lost(value),
        7 => TaskCancelled,
        8 => Refused { status },
    }
}

impl CallError {
    /// Returns whether the same call may well succeed when it is made again.
    ///
    /// A call that may have run is not retryable: whether to repeat it is the caller's to know.
    pub fn is_retryable(&self) -> bool {
        matches!(
            self,
            Self::Lost(Delivery::NotSent) | Self::Refused { status: 429 }
        )
    }
}

/// One of the two clocks of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CallClock {
    /// Reset by each progress notification; it stands still while an input request is open.
    Idle,
    /// Never reset.
    Total,
}

saved! {
    enum CallClock {
        0 => Idle,
        1 => Total,
    }
}

impl core::fmt::Display for CallClock {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::Idle => "idle",
            Self::Total => "total",
        })
    }
}

/// How far a call that was lost had come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Delivery {
    /// It was never handed to the transport: making it again is safe.
    NotSent,
    /// It was handed to the transport: the peer may have acted on it.
    Unknown,
}

saved! {
    enum Delivery {
        0 => NotSent,
        1 => Unknown,
    }
}

impl core::fmt::Display for Delivery {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::NotSent => "the request was not sent",
            Self::Unknown => "the request may have been received",
        })
    }
}

/// Why a session has ended.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum CloseReason {
    /// This side closed it: there is nothing to do.
    Local,
    /// The connection ended, or there was none. What was open has ended as lost; connect again if it
    /// is still wanted.
    Connection(Closed),
    /// The connection ended while the client was finding out the peer's era. Some legacy servers
    /// exit on a request before `initialize`: start a new one with the legacy policy.
    // `era.stdio.crash`
    LostInProbe(Closed),
    /// The opening took too long: the peer may be no MCP server, or need more time to start. See
    /// [`ClientConfig`](super::ClientConfig).
    // `timeout.init`
    OpeningTimedOut(Duration),
    /// The peer answered the opening with an error: show it to the user.
    OpeningRefused(RpcError),
    /// The peer speaks no revision that this side speaks: allow more of them in the configuration,
    /// or update the older side.
    // `lifecycle.ver.reject`
    UnsupportedProtocolVersion {
        /// What the peer offered, comma separated.
        offered: Box<str>,
    },
    /// The peer's answer to the opening is malformed: the fault is the peer's.
    BadOpening(Box<str>),
}

impl fmt::Display for CloseReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local => f.write_str("closed by this side"),
            Self::Connection(closed) => write!(f, "{closed}"),
            Self::LostInProbe(closed) => write!(f, "{closed} during the probe for the peer's era"),
            Self::OpeningTimedOut(after) => write!(f, "no answer to the opening within {after:?}"),
            Self::OpeningRefused(error) => write!(f, "the peer refused the opening: {error}"),
            Self::UnsupportedProtocolVersion { offered } => {
                write!(f, "unsupported protocol version from the server: {offered}")
            }
            Self::BadOpening(text) => {
                write!(f, "the peer's answer to the opening is malformed: {text}")
            }
        }
    }
}

impl core::error::Error for CloseReason {}

saved! {
    enum CloseReason {
        0 => Local,
        1 => Connection(value),
        2 => LostInProbe(value),
        3 => OpeningTimedOut(value),
        4 => OpeningRefused(value),
        5 => UnsupportedProtocolVersion { offered },
        6 => BadOpening(value),
    }
}

impl Weigh for CallError {
    fn weight(&self) -> usize {
        match self {
            Self::Rpc(error) | Self::InputRefused(error) => rpc_error_weight(error),
            Self::BadResult {
                method,
                path,
                reason,
            } => total([method.len(), path.len(), reason.len()]),
            _ => 0,
        }
    }
}

impl<T: Weigh> Weigh for Result<T, RpcError> {
    fn weight(&self) -> usize {
        self.as_ref().map_or_else(rpc_error_weight, Weigh::weight)
    }
}

impl Weigh for CloseReason {
    fn weight(&self) -> usize {
        match self {
            Self::OpeningRefused(error) => rpc_error_weight(error),
            Self::UnsupportedProtocolVersion { offered } => offered.len(),
            Self::BadOpening(reason) => reason.len(),
            _ => 0,
        }
    }
}

/// How many bytes the texts of an error hold.
pub(crate) fn rpc_error_weight(error: &RpcError) -> usize {
    let data = error.data.as_ref().map_or(0, |data| data.as_str().len());
    total([error.message.len(), data])
}
