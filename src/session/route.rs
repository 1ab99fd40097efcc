//! Which stream a message belongs to, and why one has ended. On a pipe there is one stream; over
//! HTTP each exchange is one.

use core::fmt;

use crate::named::{named, transparent};

/// Which stream a frame came by or has to leave by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Route {
    /// The one stream of a pipe, the same in both directions.
    Pipe,
    /// One HTTP request and its response.
    Exchange(ExchangeId),
    /// The stream that a legacy HTTP server has for messages that belong to no exchange.
    Standalone,
}

named! { enum Route { Pipe, Exchange(id), Standalone } }

/// One HTTP exchange, as the side that numbers it calls it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ExchangeId(u64);

transparent! { ExchangeId }

impl ExchangeId {
    /// Returns the exchange with this number.
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// Returns the exchange's number.
    pub const fn number(self) -> u64 {
        self.0
    }
}

impl fmt::Display for ExchangeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "exchange {}", self.0)
    }
}

/// Why nothing comes by a route any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Closed {
    /// The input ended: the peer closed its side or exited.
    EndOfInput,
    /// Reading failed.
    ReadFailed,
    /// Writing failed.
    WriteFailed,
    /// There never was a connection: nothing of the request has left this side.
    Unreachable,
    /// The server refused the request as such, before any message: with this HTTP status.
    Refused {
        /// The HTTP status.
        status: u16,
    },
    /// The server doesn't know the session any more; the request was not looked at.
    Forgotten,
}

named! {
    enum Closed { EndOfInput, ReadFailed, WriteFailed, Unreachable, Refused { status }, Forgotten }
}

impl Closed {
    /// Whether a server that closed the probe for its era like this is one that doesn't know the
    /// modern era. Statuses that ask for credentials, or for patience, say nothing about it.
    // `era.http.legacy`, `era.http.auth`
    pub(super) fn is_of_legacy_server(self) -> bool {
        match self {
            Self::Refused { status } => {
                (400..500).contains(&status) && !matches!(status, 401 | 403 | 407 | 408 | 425 | 429)
            }
            _ => false,
        }
    }
}

impl fmt::Display for Closed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::EndOfInput | Self::ReadFailed | Self::WriteFailed => {
                f.write_str("the connection ended")
            }
            Self::Unreachable => f.write_str("the server can't be reached"),
            Self::Refused { status } => write!(f, "the server answered with the status {status}"),
            Self::Forgotten => f.write_str("the server has forgotten the session"),
        }
    }
}
