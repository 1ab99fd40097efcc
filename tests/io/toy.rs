//! A session that echoes, counts and waits as a test tells it to.

use std::collections::VecDeque;
use std::sync::mpsc;

use bytes::Bytes;
use mcp_proto::frame::FrameError;
use mcp_proto::session::{Closed, Route, Session, Transmit};
use mcp_proto::{Instant, rpc};

#[derive(Debug, PartialEq)]
pub enum Event {
    Frame(Bytes),
    Malformed(FrameError),
    TimedOut,
    Closed(Closed),
}

#[derive(Debug, Default)]
pub struct Toy {
    /// Frames are answered with themselves instead of becoming events.
    pub echo: bool,
    /// Output past this many bytes makes frames unwelcome; 0 for no such limit.
    pub output_limit: usize,
    /// Events past this many make frames unwelcome; 0 for no such limit.
    pub event_limit: usize,
    pub due: Option<Instant>,
    /// Whether a deadline stays due when it has come.
    pub stays_due: bool,
    /// How often the session was told that a deadline has come.
    pub timeouts: usize,
    /// Whether the next frame makes the session panic.
    pub panics: bool,
    pub handled: usize,
    /// Dropped with the session.
    pub alive: Option<mpsc::Sender<()>>,
    events: VecDeque<Event>,
    output: VecDeque<Vec<u8>>,
    output_bytes: usize,
    closed: bool,
}

impl Toy {
    pub fn echo() -> Self {
        Self {
            echo: true,
            ..Self::default()
        }
    }

    pub fn send(&mut self, frame: impl Into<Vec<u8>>) {
        if !self.closed {
            let frame = frame.into();
            self.output_bytes += frame.len();
            self.output.push_back(frame);
        }
    }

    /// Adds an event as if a frame had come.
    pub fn tell(&mut self, frame: &'static str) {
        self.events.push_back(Event::Frame(frame.into()));
    }

    pub fn close(&mut self) {
        self.closed = true;
    }
}

impl Session for Toy {
    type Event = Event;

    fn handle_frame(&mut self, _: Instant, route: Route, frame: Bytes) {
        assert_eq!(route, Route::Pipe);
        self.handled += 1;
        assert!(!self.panics, "expected by the test");
        match self.echo {
            true => self.send(frame),
            false => self.events.push_back(Event::Frame(frame)),
        }
    }

    fn handle_malformed(&mut self, _: Instant, _: Route, error: FrameError) {
        self.events.push_back(Event::Malformed(error));
    }

    fn handle_closed(&mut self, _: Instant, _: Route, why: Closed) {
        assert!(!self.closed, "the adapter closes once");
        self.closed = true;
        self.events.push_back(Event::Closed(why));
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.timeouts += 1;
        if self.stays_due {
            return;
        }
        if self.due.take_if(|due| *due <= now).is_some() {
            self.events.push_back(Event::TimedOut);
            self.send("{\"timed\":\"out\"}");
        }
    }

    fn poll_transmit(&mut self, buffer: &mut Vec<u8>) -> Option<Transmit> {
        let frame = self.output.pop_front()?;
        self.output_bytes -= frame.len();
        buffer.extend_from_slice(&frame);
        Some(Transmit::new(
            Route::Pipe,
            frame.len(),
            rpc::Kind::Notification,
        ))
    }

    fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.due
    }

    fn wants_frames(&self) -> bool {
        (self.output_limit == 0 || self.output_bytes < self.output_limit)
            && (self.event_limit == 0 || self.events.len() < self.event_limit)
    }

    fn is_closed(&self) -> bool {
        self.closed
    }

    fn frame_limit(&self) -> usize {
        2 << 20
    }
}

pub fn event(text: impl Into<String>) -> Event {
    Event::Frame(Bytes::from(text.into()))
}

pub fn frame(number: usize) -> String {
    format!("{{\"number\":{number}}}")
}

/// A frame of `length` bytes that begins with its number.
pub fn long_frame(number: usize, length: usize) -> String {
    let head = format!("{{\"{number:08}\":\"");
    format!("{head}{}\"}}", "x".repeat(length - head.len() - 2))
}
