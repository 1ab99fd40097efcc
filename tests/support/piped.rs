//! What stands in for HTTP without the feature `http-core`: nothing is carried by it, since no test asks for another way
//! than the pipe.

use std::convert::Infallible;
use std::marker::PhantomData;

use bytes::Bytes;
use mcp_proto::Instant;
use mcp_proto::session::{ClientSession, ServerSession};

use super::carrier::{Frames, Routes, Way};

/// A carrier of frames, of which there is none.
pub struct Carrier<S = ServerSession> {
    none: Infallible,
    pub routes: Routes,
    serves: PhantomData<S>,
}

impl<S> Carrier<S> {
    /// What carries frames by this way; `None` as it is a pipe.
    pub fn new(way: Way, _stands_in: S) -> Option<Self> {
        assert_eq!(way, Way::Pipe, "the others need the feature `http-core`");
        None
    }

    pub fn has_moved(&mut self) -> bool {
        match self.none {}
    }

    pub fn from_client(&mut self, _: Instant, _: &mut ClientSession, _: &mut S) -> Frames {
        match self.none {}
    }

    pub fn from_server(&mut self, _: Instant, _: &mut ClientSession, _: &mut S) -> Frames {
        match self.none {}
    }

    pub fn put_to_server(&mut self, _: Instant, _: &mut S, _: String) {
        match self.none {}
    }

    pub fn pass(&mut self, _: Instant, _: &mut ClientSession, _: &mut S) {
        match self.none {}
    }
}

/// The HTTP half of a server, of which there is none.
pub struct Served<S = ServerSession> {
    none: Infallible,
    serves: PhantomData<S>,
}

/// What has come.
pub struct Came {
    pub frames: Frames,
}

impl<S> Served<S> {
    /// The HTTP half of a server by this way; `None` as it is a pipe.
    pub fn new(way: Way, _stands_in: S) -> Option<Self> {
        assert_eq!(way, Way::Pipe, "the others need the feature `http-core`");
        None
    }

    pub fn begin_standalone(&mut self, _: Instant, _: &mut S) {
        match self.none {}
    }

    pub fn post(&mut self, _: Instant, _: &mut S, _: Bytes) {
        match self.none {}
    }

    pub fn take(&mut self, _: Instant, _: &mut S) -> Vec<Came> {
        match self.none {}
    }

    pub fn pass(&mut self, _: Instant, _: &mut S) {
        match self.none {}
    }
}
