//! A client session around which every frame is held against the official schema: its own, and
//! those of its peer, which has to be a session of ours too.

use bytes::Bytes;
use mcp_proto::Instant;
use mcp_proto::frame::FrameError;
use mcp_proto::session::{ClientEvent, ClientSession, Closed, Route, Session, Transmit};

use crate::wire::Wire;

/// A client session and what has passed it.
pub struct Watched {
    session: ClientSession,
    checked: Wire,
}

impl Watched {
    pub fn new(session: ClientSession) -> Self {
        let checked = Wire::default();
        Self { session, checked }
    }
}

impl AsMut<ClientSession> for Watched {
    fn as_mut(&mut self) -> &mut ClientSession {
        &mut self.session
    }
}

impl Session for Watched {
    type Event = ClientEvent;

    fn handle_frame(&mut self, now: Instant, route: Route, frame: Bytes) {
        self.checked.sent(false, &frame);
        self.session.handle_frame(now, route, frame);
    }

    fn handle_malformed(&mut self, now: Instant, route: Route, error: FrameError) {
        panic!("{now:?} {route:?}: a session of ours has sent no frame: {error}");
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
        self.checked.sent(true, &buffer[start..]);
        Some(transmit)
    }

    fn poll_event(&mut self) -> Option<ClientEvent> {
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
