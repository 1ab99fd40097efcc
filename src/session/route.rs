//! Which stream a message belongs to, and why one has ended. On a pipe there is one stream; over
//! HTTP each exchange is one.

use core::fmt;

use serde::{Deserialize, Serialize};

/// Which stream a frame came by or has to leave by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Route {
    /// The one stream of a pipe, the same in both directions.
    Pipe,
    /// One HTTP request and its response.
    Exchange(ExchangeId),
    /// The stream that a legacy HTTP server has for messages that belong to no exchange.
    Standalone,
}

/// One HTTP exchange, as the side that numbers it calls it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ExchangeId(u64);

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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Closed {
    /// The input ended: the peer closed its side or exited.
    EndOfInput,
    /// Reading failed.
    ReadFailed,
    /// Writing failed.
    WriteFailed,
}
