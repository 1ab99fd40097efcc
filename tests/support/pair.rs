//! Two sessions and the frames between them. Nothing moves unless a test says so, every frame is
//! recorded, and a frame can be dropped, changed or put in by hand.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use mcp_proto::model::capability::{ClientCapabilities, ServerCapabilities};
use mcp_proto::session::{
    CallId, ClientConfig, ClientEvent, ClientSession, Completed, EraPolicy, Request, Route,
    Routing, ServerConfig, ServerEvent, ServerSession, Session,
};
use mcp_proto::{Instant, Revision};
use serde_json::Value;

use super::carrier::{Carrier, Routes, Way};
#[cfg(not(feature = "http-core"))]
use super::piped::Served;
#[cfg(feature = "http-core")]
use super::served::Served;
use super::wire::Wire;

/// A client and a server, and the time.
pub struct Pair {
    pub client: ClientSession,
    pub server: ServerSession,
    pub now: Instant,
    /// Every frame that was sent, in order: whether by the client, and its text.
    pub wire: Vec<(bool, String)>,
    /// Holds every frame that is sent against the official schema; see [`Wire::turn_off`].
    pub checked: Wire,
    pub client_events: VecDeque<ClientEvent>,
    pub server_events: VecDeque<ServerEvent>,
    /// What carries the frames; `None` for a pipe.
    carrier: Option<Carrier>,
}

/// A client configuration that speaks just `revision`.
pub fn client_config(revision: Revision) -> ClientConfig {
    let era = match revision {
        Revision::V2026_07_28 => EraPolicy::Modern,
        _ => EraPolicy::Legacy,
    };
    ClientConfig::new("test client", "1.0")
        .revisions(vec![revision])
        .era(era)
        .capabilities(everything_of_a_client())
}

/// All that a client can declare.
pub fn everything_of_a_client() -> ClientCapabilities<'static> {
    ClientCapabilities::new()
        .roots(true)
        .sampling_tools()
        .elicitation_form()
        .elicitation_url()
}

/// A server configuration that speaks every revision and offers everything.
pub fn server_config() -> ServerConfig {
    ServerConfig::new("test server", "2.0").capabilities(everything_of_a_server())
}

/// All that a server can declare.
pub fn everything_of_a_server() -> ServerCapabilities<'static> {
    ServerCapabilities::new()
        .tools(true)
        .prompts(true)
        .resources(true)
        .resources_subscribe()
        .completions()
        .logging()
}

#[allow(
    clippy::wrong_self_convention,
    reason = "`to_client` and `to_server` say where a frame goes"
)]
impl Pair {
    /// A pair that meets by the way of the test.
    pub fn new(client: ClientConfig, server: ServerConfig) -> Self {
        let carrier = Carrier::new(Way::current(), nobody());
        let client = match carrier {
            Some(_) => client.routing(Routing::PerRequest),
            None => client,
        };
        Self {
            carrier,
            client: ClientSession::new(client),
            server: ServerSession::new(server),
            now: Instant::from_millis(1000),
            wire: Vec::new(),
            checked: Wire::default(),
            client_events: VecDeque::new(),
            server_events: VecDeque::new(),
        }
    }

    /// A pair that has opened with `revision`, both sides with every capability.
    pub fn open(revision: Revision) -> Self {
        Self::open_with(client_config(revision), server_config())
    }

    /// A pair of these configurations, opened.
    pub fn open_with(client: ClientConfig, server: ServerConfig) -> Self {
        let mut pair = Self::new(client, server);
        pair.client
            .open(pair.now)
            .expect("a new session can be opened");
        pair.drive();
        let opened = pair.client_events.pop_front();
        assert!(
            matches!(opened, Some(ClientEvent::Opened { .. })),
            "{opened:?}"
        );
        pair.server_events
            .retain(|event| !matches!(event, ServerEvent::Opened { .. }));
        pair
    }

    /// Carries every frame across until nothing moves, and collects the events.
    pub fn drive(&mut self) {
        for _ in 0..10_000 {
            let moved = self.client_to_server() + self.server_to_client();
            self.collect();
            // A response that carries no frame moves something too.
            let is_busy = self.carrier.as_mut().is_some_and(Carrier::has_moved);
            if moved == 0 && !is_busy {
                return;
            }
        }
        panic!("the sessions never come to rest");
    }

    /// Carries what the client has to send across; how many frames that were.
    pub fn client_to_server(&mut self) -> usize {
        if let Some(carrier) = &mut self.carrier {
            let frames = carrier.from_client(self.now, &mut self.client, &mut self.server);
            return self.record(true, frames);
        }
        let frames = poll_frames(&mut self.client);
        let moved = frames.len();
        for frame in frames {
            self.checked.sent(true, &frame);
            self.wire.push((true, frame.clone()));
            self.server
                .handle_frame(self.now, Route::Pipe, Bytes::from(frame));
        }
        moved
    }

    /// Carries what the server has to send across; how many frames that were.
    pub fn server_to_client(&mut self) -> usize {
        if let Some(carrier) = &mut self.carrier {
            let frames = carrier.from_server(self.now, &mut self.client, &mut self.server);
            return self.record(false, frames);
        }
        let frames = poll_frames(&mut self.server);
        let moved = frames.len();
        for frame in frames {
            self.checked.sent(false, &frame);
            self.wire.push((false, frame.clone()));
            self.client
                .handle_frame(self.now, Route::Pipe, Bytes::from(frame));
        }
        moved
    }

    /// Notes frames that were carried; how many they are.
    fn record(&mut self, by_client: bool, frames: Vec<String>) -> usize {
        let moved = frames.len();
        for frame in frames {
            self.checked.sent(by_client, &frame);
            self.wire.push((by_client, frame));
        }
        moved
    }

    fn collect(&mut self) {
        self.client_events
            .extend(std::iter::from_fn(|| self.client.poll_event()));
        self.server_events
            .extend(std::iter::from_fn(|| self.server.poll_event()));
    }

    /// Lets time pass for both, then carries frames.
    pub fn pass(&mut self, duration: Duration) {
        self.now = self.now + duration;
        self.client.handle_timeout(self.now);
        self.server.handle_timeout(self.now);
        if let Some(carrier) = &mut self.carrier {
            carrier.pass(self.now, &mut self.client, &mut self.server);
        }
        self.drive();
    }

    /// A frame as if the server had sent it; then everything it leads to.
    pub fn to_client(&mut self, frame: impl Into<String>) {
        let frame = frame.into();
        self.checked.put_in(false, &frame);
        let route = match &self.carrier {
            Some(carrier) => carrier.routes.of(frame.as_bytes()),
            None => Route::Pipe,
        };
        self.client
            .handle_frame(self.now, route, Bytes::from(frame));
        self.drive();
    }

    /// A frame as if the client had sent it; then everything it leads to.
    pub fn to_server(&mut self, frame: impl Into<String>) {
        let frame = frame.into();
        self.checked.put_in(true, &frame);
        match &mut self.carrier {
            Some(carrier) => carrier.put_to_server(self.now, &mut self.server, frame),
            None => self
                .server
                .handle_frame(self.now, Route::Pipe, Bytes::from(frame)),
        }
        self.drive();
    }

    /// The server's next event, which has to be a request.
    pub fn request(&mut self) -> Request {
        match self.server_events.pop_front() {
            Some(ServerEvent::Request(request)) => request,
            other => panic!("expected a request, got {other:?}"),
        }
    }

    /// The client's next event, which has to be the end of `call`.
    pub fn completed<M>(&mut self, call: CallId<M>) -> Completed {
        match self.client_events.pop_front() {
            Some(ClientEvent::Completed(done)) if done.call == call => done,
            other => panic!("expected the end of {call}, got {other:?}"),
        }
    }

    /// The frames sent so far by one side, as JSON.
    pub fn sent_by_client(&self) -> Vec<Value> {
        self.sent(true)
    }

    pub fn sent_by_server(&self) -> Vec<Value> {
        self.sent(false)
    }

    fn sent(&self, by_client: bool) -> Vec<Value> {
        let frames = self.wire.iter().filter(|(client, _)| *client == by_client);
        frames
            .map(|(_, frame)| serde_json::from_str(frame).expect("a frame is JSON"))
            .collect()
    }
}

/// A session that stands in for another one.
fn nobody() -> ServerSession {
    ServerSession::new(ServerConfig::new("nobody", "0"))
}

/// A session as the schema checks see it, and as it is met without its peer.
pub trait Checked: Session {
    /// Whether it is a client.
    const IS_CLIENT: bool;

    /// What it is met by: a pipe, or the exchanges of the way of the test.
    type Link;

    /// The revision that a handshake agreed on, if there was one.
    fn negotiated(&self) -> Option<Revision>;

    /// What it is met by on this thread.
    fn link(&mut self, now: Instant) -> Self::Link;

    /// Takes a frame of its peer.
    fn feed(&mut self, link: &mut Self::Link, now: Instant, frame: Bytes);

    /// Everything that it has to send.
    fn take(&mut self, link: &mut Self::Link, now: Instant) -> Vec<String>;

    /// Lets time pass.
    fn pass(&mut self, link: &mut Self::Link, now: Instant);
}

impl Checked for ClientSession {
    const IS_CLIENT: bool = true;

    type Link = Routes;

    fn negotiated(&self) -> Option<Revision> {
        self.revision()
    }

    fn link(&mut self, _: Instant) -> Routes {
        Routes::default()
    }

    fn feed(&mut self, routes: &mut Routes, now: Instant, frame: Bytes) {
        self.handle_frame(now, routes.of(&frame), frame);
    }

    fn take(&mut self, routes: &mut Routes, _: Instant) -> Vec<String> {
        let mut frames = Vec::new();
        let mut buffer = Vec::new();
        while let Some(transmit) = self.poll_transmit(&mut buffer) {
            let frame = String::from_utf8(std::mem::take(&mut buffer)).expect("a frame is UTF-8");
            routes.sent(&frame, &transmit);
            frames.push(frame);
        }
        frames
    }

    fn pass(&mut self, _: &mut Routes, now: Instant) {
        self.handle_timeout(now);
    }
}

impl Checked for ServerSession {
    const IS_CLIENT: bool = false;

    type Link = Option<Served>;

    fn negotiated(&self) -> Option<Revision> {
        self.legacy_revision()
    }

    fn link(&mut self, now: Instant) -> Option<Served> {
        let mut served = Served::new(Way::current(), nobody())?;
        served.begin_standalone(now, self);
        Some(served)
    }

    fn feed(&mut self, served: &mut Option<Served>, now: Instant, frame: Bytes) {
        match served {
            Some(served) => served.post(now, self, frame),
            None => self.handle_frame(now, Route::Pipe, frame),
        }
    }

    fn take(&mut self, served: &mut Option<Served>, now: Instant) -> Vec<String> {
        match served {
            Some(served) => {
                let came = served.take(now, self);
                came.into_iter().flat_map(|came| came.frames).collect()
            }
            None => poll_frames(self),
        }
    }

    fn pass(&mut self, served: &mut Option<Served>, now: Instant) {
        match served {
            Some(served) => served.pass(now, self),
            None => self.handle_timeout(now),
        }
    }
}

/// Everything a session has to send, frame by frame, checked as far as that can be done without
/// knowing what it was asked.
pub fn take_frames<S: Checked>(session: &mut S) -> Vec<String> {
    let frames = poll_frames(session);
    let mut wire = Wire::resumed(session.negotiated());
    for frame in &frames {
        wire.sent(S::IS_CLIENT, frame);
    }
    frames
}

/// Everything a session has to send, frame by frame, unchecked: for tests that make it say
/// something that is wrong on purpose.
pub fn poll_frames<S: Session>(session: &mut S) -> Vec<String> {
    let mut frames = Vec::new();
    let mut buffer = Vec::new();
    while let Some(transmit) = session.poll_transmit(&mut buffer) {
        assert_eq!(transmit.len, buffer.len());
        frames.push(String::from_utf8(std::mem::take(&mut buffer)).expect("a frame is UTF-8"));
    }
    frames
}
