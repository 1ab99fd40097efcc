//! The protocol as a state machine, for either side of a connection.
//!
//! A session has four kinds of calls, to be made in any order at any time:
//!
//! * **A**, getters (`&self`): what is known of the peer and of the session itself.
//! * **B**, input (`handle_*`): frames, lost connections and the passing of time. They never fail;
//!   bad input becomes an event.
//! * **C**, commands: what the user wants done. They take effect at once or return a `Misuse` and
//!   change nothing.
//! * **D**, output (`poll_*`): frames to send, events to react to, and when to call back at the latest.
//!
//! Both sides implement [`Session`], so that one adapter drives either.

mod batch;
mod capability_set;
mod client;
mod config;
mod error;
mod event;
mod id;
mod link;
mod name;
mod negotiate;
mod outbox;
mod path;
mod queue;
mod refusal;
mod save;
mod server;
mod table;
mod token_bucket;

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::frame::FrameError;
use crate::revision::Revision;
use crate::rpc::Kind;
use crate::time::Instant;

pub use client::{ClientEvent, ClientSession, InputRequested};
pub use config::{CallOptions, ClientConfig, EraPolicy, ServerConfig, Timeout, Timeouts};
pub use error::{CallClock, CallError, CloseReason, Delivery, Misuse};
pub use event::{Change, Completed, Ignored, Received};
pub use id::{CallId, IncomingId, InputId, SubscriptionId};
pub use path::Malformed;
pub use save::{RestoreError, SavedClient, SavedServer};
#[cfg(feature = "std")]
pub(crate) use server::needed_for;
pub use server::{InputError, Request, ServerEvent, ServerSession};

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

    /// Lets the time pass: call it when [`poll_timeout`](Self::poll_timeout)'s instant has come.
    /// Early and repeated calls are harmless.
    fn handle_timeout(&mut self, now: Instant);

    /// Appends the next frame to send to `buffer`, without a delimiter, and says where it goes.
    ///
    /// `None` when there is nothing to send. The bytes already in `buffer` are left alone.
    fn poll_transmit(&mut self, buffer: &mut Vec<u8>) -> Option<Transmit>;

    /// The next thing that has happened, in the order of the wire; `None` when there is none.
    fn poll_event(&mut self) -> Option<Self::Event>;

    /// When [`handle_timeout`](Self::handle_timeout) has to be called at the latest; `None` when
    /// nothing waits. It may change with every other call.
    fn poll_timeout(&self) -> Option<Instant>;

    /// Whether more frames are welcome. While it is `false` the adapter stops reading, and goes on
    /// once output has been sent or events have been polled.
    fn wants_frames(&self) -> bool;

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

    fn is_closed(&self) -> bool {
        (**self).is_closed()
    }

    fn frame_limit(&self) -> usize {
        (**self).frame_limit()
    }
}

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
    /// The exchange with this number.
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// The exchange's number.
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

impl Transmit {
    /// What a session says of a frame of `len` bytes that leaves by `route`, for sessions other than
    /// this crate's own: not the last one, and written for no revision in particular.
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

/// A frame that was handed out by [`Session::poll_transmit`]: where it goes and what it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Transmit {
    /// The stream it has to leave by.
    pub route: Route,
    /// Its length in bytes.
    pub len: usize,
    /// Whether it is the last one on its route.
    pub last: bool,
    /// What kind of message it is.
    pub kind: Kind,
    /// The revision it is written for, once one is agreed.
    pub revision: Option<Revision>,
}
