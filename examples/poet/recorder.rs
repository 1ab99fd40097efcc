//! A session that keeps a copy of every frame of the session inside it.

use std::mem;

use bytes::Bytes;
use mcp_proto::Instant;
use mcp_proto::frame::FrameError;
use mcp_proto::session::{Closed, Route, Session, Transmit};

/// A frame that has passed.
pub struct Frame {
    /// Whether this side has sent it.
    pub is_sent: bool,
    /// Its bytes.
    pub bytes: Bytes,
}

/// Any session, and what it has sent and received.
pub struct Recorder<S> {
    session: S,
    frames: Vec<Frame>,
}

impl<S> Recorder<S> {
    /// Records what passes `session`.
    pub fn new(session: S) -> Self {
        let frames = Vec::new();
        Self { session, frames }
    }

    /// What has passed so far, in order.
    pub fn take(&mut self) -> Vec<Frame> {
        mem::take(&mut self.frames)
    }
}

/// For the adapters and handlers that need the session itself.
impl<S> AsMut<S> for Recorder<S> {
    fn as_mut(&mut self) -> &mut S {
        &mut self.session
    }
}

impl<S: Session> Session for Recorder<S> {
    type Event = S::Event;

    fn handle_frame(&mut self, now: Instant, route: Route, frame: Bytes) {
        self.frames.push(Frame {
            is_sent: false,
            bytes: frame.clone(),
        });
        self.session.handle_frame(now, route, frame);
    }

    fn handle_malformed(&mut self, now: Instant, route: Route, error: FrameError) {
        self.session.handle_malformed(now, route, error);
    }

    fn handle_closed(&mut self, now: Instant, route: Route, why: Closed) {
        self.session.handle_closed(now, route, why);
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.session.handle_timeout(now);
    }

    fn poll_transmit(&mut self, buffer: &mut Vec<u8>) -> Option<Transmit> {
        let start = buffer.len();
        let transmit = self.session.poll_transmit(buffer)?;
        self.frames.push(Frame {
            is_sent: true,
            bytes: Bytes::copy_from_slice(&buffer[start..]),
        });
        Some(transmit)
    }

    fn poll_event(&mut self) -> Option<S::Event> {
        self.session.poll_event()
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.session.poll_timeout()
    }

    fn wants_frames(&self) -> bool {
        self.session.wants_frames()
    }

    fn is_closed(&self) -> bool {
        self.session.is_closed()
    }

    fn frame_limit(&self) -> usize {
        self.session.frame_limit()
    }
}
