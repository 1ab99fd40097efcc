//! One HTTP exchange of a client: what it is for, and how its response is read.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::time::Duration;

use bytes::Bytes;

use crate::frame::SseDecoder;
use crate::rpc::{Kind, RequestId};
use crate::session::{Route, Transmit};
use crate::time::Instant;

/// How an exchange has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum End {
    /// The response is whole.
    Clean,
    /// The connection broke, or the response can't be read.
    Broken,
    /// There was no connection: nothing of the request was sent.
    NotSent,
}

/// What an exchange is for.
#[derive(Clone, Debug)]
pub(super) enum Purpose {
    /// A request of the session, and the answer to it.
    Request(SentRequest),
    /// The list of tools, for a call whose headers no longer fitted.
    Relist(Box<Relist>),
    /// A notification or an answer, to which nothing comes back.
    Notice,
    /// The `initialized` behind which everything else waits.
    Initialized,
    /// The stream that belongs to no request.
    Standalone(Standalone),
    /// The one stream of the pair of 2024-11-05, and the request that waits for its endpoint.
    Pair(SentRequest),
    /// The end of the session.
    Delete,
}

/// A frame as it was posted, to be posted once more.
#[derive(Clone, Debug)]
pub(super) struct Posted {
    pub(super) frame: Bytes,
    pub(super) transmit: Transmit,
    /// How often it was answered with a challenge.
    pub(super) challenges: u32,
    /// Whether it is the second try of a call whose headers didn't fit.
    pub(super) is_retried: bool,
}

impl Posted {
    pub(super) const fn new(frame: Bytes, transmit: Transmit) -> Self {
        Self {
            frame,
            transmit,
            challenges: 0,
            is_retried: false,
        }
    }
}

/// A request that awaits its answer.
#[derive(Clone, Debug)]
pub(super) struct SentRequest {
    pub(super) route: Route,
    pub(super) id: RequestId,
    pub(super) posted: Posted,
    pub(super) is_modern: bool,
    pub(super) is_initialize: bool,
    pub(super) lists_tools: bool,
    pub(super) calls_tool: bool,
    pub(super) resumed: Resumed,
}

/// How far a stream has been read that may have to be asked for again.
#[derive(Clone, Debug, Default)]
pub(super) struct Resumed {
    /// The event that was read last.
    pub(super) last_event: Option<Box<str>>,
    /// How long its server said to wait.
    pub(super) retry: Option<Duration>,
    /// How often in a row it was asked for without anything new.
    pub(super) attempts: u32,
}

impl Resumed {
    /// Keeps what a stream has said that has ended.
    pub(super) fn learn(&mut self, decoder: &SseDecoder) {
        if let Some(id) = decoder.last_event_id() {
            self.last_event = Some(id.into());
        }
        self.retry = decoder.last_retry().or(self.retry);
    }
}

/// The stream that belongs to no request.
#[derive(Clone, Debug, Default)]
pub(super) struct Standalone {
    pub(super) resumed: Resumed,
    /// Whether its server has given it before.
    pub(super) was_given: bool,
    /// When it began; `None` while it is asked for.
    pub(super) began: Option<Instant>,
    /// How often it was answered with a challenge.
    pub(super) challenges: u32,
}

/// A call that waits for the list of tools, to be tried once more.
#[derive(Clone, Debug)]
pub(super) struct Relist {
    pub(super) call: SentRequest,
    /// What the call was answered with.
    pub(super) error: Bytes,
    /// How many pages may still be asked for.
    pub(super) pages: u32,
}

/// How a response is read.
#[derive(Debug)]
pub(super) enum Reading {
    /// Its head is still to come.
    Head,
    /// JSON, as far as it has come, with this status.
    Json(u16, Vec<u8>),
    Events(SseDecoder),
    /// What comes is of no use; so many bytes have come.
    Ignored(usize),
}

#[derive(Debug)]
pub(super) struct Exchange {
    pub(super) purpose: Purpose,
    pub(super) reading: Reading,
    /// Whether the request named a session.
    pub(super) has_session: bool,
    /// What was posted to it and may have to be posted again; a request keeps it itself.
    pub(super) posted: Option<Posted>,
}

impl Exchange {
    /// The request of the session that it is for.
    pub(super) const fn asked(&self) -> Option<&SentRequest> {
        match &self.purpose {
            Purpose::Request(asked) => Some(asked),
            Purpose::Relist(relist) => Some(&relist.call),
            _ => None,
        }
    }
}

/// A challenge that is open, and what waits for it to be met.
#[derive(Debug)]
pub(super) struct Challenged {
    pub(super) status: u16,
    pub(super) parked: Vec<Parked>,
}

#[derive(Debug)]
pub(super) enum Parked {
    /// A frame to be posted again.
    Post(Posted),
    /// A stream to be asked for again.
    Get(Purpose),
}

impl Parked {
    /// Where the answer to it goes; `None` when none is awaited.
    pub(super) const fn route(&self) -> Option<Route> {
        match self {
            Self::Post(posted) if matches!(posted.transmit.kind, Kind::Request) => {
                Some(posted.transmit.route)
            }
            Self::Get(Purpose::Request(asked) | Purpose::Pair(asked)) => Some(asked.route),
            _ => None,
        }
    }
}
