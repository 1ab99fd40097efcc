//! One HTTP exchange of a client: what it is for, and how its response is read.

use alloc::vec::Vec;

use bytes::Bytes;

use crate::frame::SseDecoder;
use crate::rpc::RequestId;
use crate::session::Route;

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
    Request(Asked),
    /// A notification or an answer, to which nothing comes back.
    Notice,
    /// The `initialized` behind which everything else waits.
    Initialized,
    /// The stream that belongs to no request.
    Standalone,
    /// The one stream of the pair of 2024-11-05, and the request that waits for its endpoint.
    Pair(Asked),
    /// The end of the session.
    Delete,
}

/// A request that awaits its answer.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) route: Route,
    pub(super) id: RequestId,
    pub(super) frame: Bytes,
    pub(super) is_modern: bool,
    pub(super) is_initialize: bool,
    pub(super) lists_tools: bool,
    /// How often in a row its stream was resumed without anything new.
    pub(super) attempts: u32,
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
}
