//! What both sessions have in common for an adapter: the calls of the run loop, and what leaves by
//! them. The calls may come in any order at any time; none of them fails.

use alloc::boxed::Box;
use alloc::vec::Vec;

use bytes::Bytes;

use crate::frame::FrameError;
use crate::revision::Revision;
use crate::rpc::Kind;
use crate::saved::saved;
use crate::time::Instant;

use super::route::{Closed, Route};

/// One end of a connection: frames and the time in, frames, events and the next deadline out.
pub trait Session {
    /// What the session tells its user.
    type Event;

    /// Takes one frame that came by `route`.
    ///
    /// Whatever is wrong with it becomes an event or an answer to the peer. Afterwards poll for
    /// events, output and the deadline.
    fn handle_frame(&mut self, now: Instant, route: Route, frame: Bytes);

    /// Takes a stretch of input that was no frame, as a decoder reports it.
    fn handle_malformed(&mut self, now: Instant, route: Route, error: FrameError);

    /// Learns that nothing will come by `route` any more, or that nothing can be sent on it.
    ///
    /// For [`Route::Pipe`] this ends the session: every call is completed as lost, every handler
    /// is told to stop, and the closing event is the last one.
    fn handle_closed(&mut self, now: Instant, route: Route, why: Closed);

    /// Lets the time pass: call it when the time of [`poll_timeout`](Self::poll_timeout) has come.
    /// Early and repeated calls are harmless.
    fn handle_timeout(&mut self, now: Instant);

    /// Appends the next frame to send to `buffer`, without a delimiter, and says where it goes.
    ///
    /// `None` when there is nothing to send. The bytes already in `buffer` are left alone.
    fn poll_transmit(&mut self, buffer: &mut Vec<u8>) -> Option<Transmit>;

    /// The next thing that has happened, in the order of the wire; `None` when there is none.
    ///
    /// Taking it may make more frames welcome. It adds no output and changes no deadline: adapters take
    /// what has come together without asking for these in between.
    fn poll_event(&mut self) -> Option<Self::Event>;

    /// When [`handle_timeout`](Self::handle_timeout) has to be called at the latest; `None` when
    /// nothing waits. It may change with every other call but [`poll_event`](Self::poll_event).
    fn poll_timeout(&self) -> Option<Instant>;

    /// Whether more frames are welcome. While it is `false` the adapter stops reading, and goes on
    /// once output has been sent or events have been polled.
    fn wants_frames(&self) -> bool;

    /// Stops the clocks by which the session waits for its peer, until [`resume`](Self::resume):
    /// somebody else has to act first, such as a person who signs in. Nothing happens for sessions
    /// without such clocks.
    fn suspend(&mut self, now: Instant) {
        let _ = now;
    }

    /// Lets the clocks run on after [`suspend`](Self::suspend), each with the time that it had left.
    fn resume(&mut self, now: Instant) {
        let _ = now;
    }

    /// Whether the session has ended. Events and output may still be waiting to be polled.
    fn is_closed(&self) -> bool;

    /// The longest frame that the adapter's decoder should accept, in bytes.
    fn frame_limit(&self) -> usize;
}

impl<S: Session + ?Sized> Session for Box<S> {
    type Event = S::Event;

    fn handle_frame(&mut self, now: Instant, route: Route, frame: Bytes) {
        (**self).handle_frame(now, route, frame);
    }

    fn handle_malformed(&mut self, now: Instant, route: Route, error: FrameError) {
        (**self).handle_malformed(now, route, error);
    }

    fn handle_closed(&mut self, now: Instant, route: Route, why: Closed) {
        (**self).handle_closed(now, route, why);
    }

    fn handle_timeout(&mut self, now: Instant) {
        (**self).handle_timeout(now);
    }

    fn poll_transmit(&mut self, buffer: &mut Vec<u8>) -> Option<Transmit> {
        (**self).poll_transmit(buffer)
    }

    fn poll_event(&mut self) -> Option<S::Event> {
        (**self).poll_event()
    }

    fn poll_timeout(&self) -> Option<Instant> {
        (**self).poll_timeout()
    }

    fn wants_frames(&self) -> bool {
        (**self).wants_frames()
    }

    fn suspend(&mut self, now: Instant) {
        (**self).suspend(now);
    }

    fn resume(&mut self, now: Instant) {
        (**self).resume(now);
    }

    fn is_closed(&self) -> bool {
        (**self).is_closed()
    }

    fn frame_limit(&self) -> usize {
        (**self).frame_limit()
    }
}

/// A frame that was handed out by [`Session::poll_transmit`]: where it goes and what it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Transmit {
    /// The stream it has to leave by.
    pub route: Route,
    /// Its length in bytes.
    pub len: usize,
    /// Whether it is the last one that this side sends on its route: a server's answer on an
    /// exchange, whatever a client sends on one. Never on a pipe.
    pub last: bool,
    /// What kind of message it is.
    pub kind: Kind,
    /// The revision it is written for, once one is agreed.
    pub revision: Option<Revision>,
}

saved! { struct Transmit { route, len, last, kind, revision } }

impl Transmit {
    /// The same, as a client hands it out: each of its exchanges takes one frame.
    pub(super) fn of_client(mut self) -> Self {
        self.last = matches!(self.route, Route::Exchange(_));
        self
    }

    /// The same, as a server hands it out.
    pub(super) fn of_server(mut self) -> Self {
        let is_answer = matches!(self.kind, Kind::Result | Kind::Error);
        self.last = is_answer && matches!(self.route, Route::Exchange(_));
        self
    }

    /// Returns what a session says of a frame of `len` bytes that leaves by `route`, for sessions
    /// other than this crate's own: not the last one, and written for no revision in particular.
    pub const fn new(route: Route, len: usize, kind: Kind) -> Self {
        Self {
            route,
            len,
            last: false,
            kind,
            revision: None,
        }
    }
}
