//! What carries frames between the two sessions of a pair: a pipe, or HTTP in one of its forms, whose
//! exchanges are begun, read and ended in memory.
//!
//! The server of a pair is one session, so a modern one is kept from exchange to exchange here;
//! `tests/http` has a fresh one for each.

use std::cell::Cell;
use std::collections::BTreeMap;

use bytes::Bytes;
use mcp_proto::http::{
    Action, End, HttpClient, HttpClientOptions, HttpMethod, HttpRequest, Input, Part, Reply,
};
use mcp_proto::rpc::Kind;
use mcp_proto::session::{
    ClientSession, Closed, ExchangeId, Route, ServerSession, ServesClient, Session, Transmit,
};
use mcp_proto::{Era, Instant, Revision};
use serde_json::Value;

use super::served::{Came, Served, posted};
use super::{LEGACY, amount};

/// By what the two sessions of a pair meet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Way {
    #[default]
    Pipe,
    /// A modern exchange for each request.
    Modern,
    /// The same, answered with JSON alone.
    ModernJson,
    /// A legacy session shared by an id.
    Streamable,
    /// The same, answered with JSON alone.
    StreamableJson,
    /// Legacy exchanges without a session id.
    Stateless,
    /// The pair of endpoints of 2024-11-05.
    OldPair,
}

impl Way {
    /// The ways by which this revision is spoken.
    pub fn of(revision: Revision) -> Vec<Self> {
        Self::taken(revision, Self::all_of(revision))
    }

    fn all_of(revision: Revision) -> &'static [Self] {
        match revision.era() {
            Era::Modern => &[Self::Pipe, Self::Modern, Self::ModernJson],
            _ => &[
                Self::Pipe,
                Self::Streamable,
                Self::StreamableJson,
                Self::Stateless,
                Self::OldPair,
            ],
        }
    }

    /// The same without those by which only answers come: notifications of a call are left out, or
    /// nothing belongs to no request.
    pub fn of_streams(revision: Revision) -> Vec<Self> {
        let all: &[Self] = match revision.era() {
            Era::Modern => &[Self::Pipe, Self::Modern],
            _ => &[
                Self::Pipe,
                Self::Streamable,
                Self::StreamableJson,
                Self::OldPair,
            ],
        };
        Self::taken(revision, all)
    }

    /// Those of all that a test takes. In a plain run a legacy revision goes by the pipe and by one more,
    /// which is another one for each revision: a test of all revisions still meets every way.
    fn taken(revision: Revision, all: &[Self]) -> Vec<Self> {
        let is_plain = amount(true, false);
        match LEGACY.iter().position(|legacy| *legacy == revision) {
            Some(nth) if is_plain => vec![all[0], all[1 + nth % (all.len() - 1)]],
            _ => all.to_vec(),
        }
    }

    /// Whether a frame says that a request is cancelled. A modern exchange is closed instead.
    pub fn tells_cancellation(self, revision: Revision) -> bool {
        self == Self::Pipe || revision.era() == Era::Legacy
    }

    /// Whether all that a server sends comes in the order in which it was sent, rather than what
    /// belongs to one request alone.
    pub fn orders_all(self, revision: Revision) -> bool {
        matches!(self, Self::Pipe | Self::OldPair) || revision.era() == Era::Modern
    }

    /// The way of the test that runs on this thread.
    pub fn current() -> Self {
        WAY.get()
    }
}

thread_local! {
    static WAY: Cell<Way> = const { Cell::new(Way::Pipe) };
}

/// Lets the pairs of this thread meet by this way until it is dropped.
pub fn over(way: Way) -> Over {
    WAY.set(way);
    Over(way)
}

/// Each of these revisions by each way that carries it, in force until the next one is asked for.
pub fn by_every_way(
    revisions: impl IntoIterator<Item = Revision>,
) -> impl Iterator<Item = (Revision, Over)> {
    let ways = |revision| {
        Way::of(revision)
            .into_iter()
            .map(move |way| (revision, way))
    };
    let all = revisions.into_iter().flat_map(ways);
    all.map(|(revision, way)| (revision, over(way)))
}

/// The same without the ways by which only answers come.
pub fn by_every_stream(
    revisions: impl IntoIterator<Item = Revision>,
) -> impl Iterator<Item = (Revision, Over)> {
    let ways = |revision| {
        Way::of_streams(revision)
            .into_iter()
            .map(move |way| (revision, way))
    };
    let all = revisions.into_iter().flat_map(ways);
    all.map(|(revision, way)| (revision, over(way)))
}

/// The ways that differ to a client whose server is the test, each in force until the next one is
/// asked for: a pipe, and exchanges of which each carries the answer to its request.
pub fn by_every_route() -> impl Iterator<Item = Over> {
    [Way::Pipe, Way::Streamable].into_iter().map(over)
}

/// A way that is in force while this lives.
pub struct Over(Way);

impl Drop for Over {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("carried by {:?}", self.0);
        }
        WAY.set(Way::Pipe);
    }
}

/// What has come out of a step: frames that were sent, by whom.
pub type Frames = Vec<String>;

/// By which routes the frames of a server come to its client.
#[derive(Clone, Debug, Default)]
pub struct Routes {
    /// By which route each request of the client has left.
    asked: BTreeMap<String, Route>,
}

impl Routes {
    /// Notes what a client sends.
    pub fn sent(&mut self, frame: &str, transmit: &Transmit) {
        if transmit.kind == Kind::Request {
            let frame: Value = serde_json::from_str(frame).expect("a frame is JSON");
            self.asked.insert(frame["id"].to_string(), transmit.route);
        }
    }

    /// By which route a frame comes that the server is said to have sent.
    pub fn of(&self, frame: &[u8]) -> Route {
        let way = Way::current();
        if way == Way::Pipe {
            return Route::Pipe;
        }
        let frame: Value = serde_json::from_slice(frame).unwrap_or_default();
        let meta = &frame["params"]["_meta"]["io.modelcontextprotocol/subscriptionId"];
        let named = match frame.get("method") {
            None => &frame["id"],
            Some(_) if !meta.is_null() => meta,
            Some(_) => &frame["params"]["progressToken"],
        };
        match self.asked.get(&named.to_string()) {
            Some(route) if way != Way::OldPair => *route,
            _ => Route::Standalone,
        }
    }
}

/// HTTP between two sessions.
pub struct Carrier<S = ServerSession> {
    way: Way,
    codec: HttpClient,
    served: Served<S>,
    /// What was refused before it came to the session.
    refused: Vec<(ExchangeId, Reply)>,
    /// Whether something was carried since that was asked last.
    has_moved: bool,
    pub routes: Routes,
}

impl<S: ServesClient> Carrier<S> {
    /// What carries frames by this way; `None` for a pipe. See [`Served::new`].
    pub fn new(way: Way, stands_in: S) -> Option<Self> {
        Some(Self {
            way,
            codec: HttpClient::new("http://localhost/mcp", HttpClientOptions::default()),
            served: Served::new(way, stands_in)?,
            refused: Vec::new(),
            has_moved: false,
            routes: Routes::default(),
        })
    }

    /// Whether something was carried since this was asked last.
    pub fn has_moved(&mut self) -> bool {
        std::mem::take(&mut self.has_moved)
    }

    /// Carries what the client has to send.
    pub fn from_client(
        &mut self,
        now: Instant,
        client: &mut ClientSession,
        server: &mut S,
    ) -> Frames {
        let mut sent = Vec::new();
        let mut frame = Vec::new();
        while let Some(transmit) = client.poll_transmit(&mut frame) {
            let text = String::from_utf8(std::mem::take(&mut frame)).expect("a frame is UTF-8");
            self.routes.sent(&text, &transmit);
            self.codec.send(now, text.clone(), &transmit);
            sent.push(text);
        }
        self.act(now, client, server);
        sent
    }

    /// Does what the client's codec says, until it says nothing more.
    fn act(&mut self, now: Instant, client: &mut ClientSession, server: &mut S) {
        while let Some(action) = self.codec.poll() {
            self.has_moved = true;
            match action {
                Action::Start(request) => self.start(now, server, &request),
                Action::Abort(exchange) => self.served.gone(now, server, exchange),
                Action::Frame(route, frame) => client.handle_frame(now, route, frame),
                Action::Malformed(route, error) => client.handle_malformed(now, route, error),
                Action::Closed(route, why) => client.handle_closed(now, route, why),
                _ => {}
            }
        }
    }

    fn start(&mut self, now: Instant, server: &mut S, request: &HttpRequest) {
        let at_endpoint = request.url.ends_with("/message");
        let input = match request.method {
            HttpMethod::Post if (self.way == Way::OldPair) == at_endpoint => {
                posted(request.body.clone())
            }
            HttpMethod::Get => Input::Get {
                last_event: request
                    .headers
                    .one("last-event-id")
                    .ok()
                    .flatten()
                    .map(Box::from),
            },
            HttpMethod::Delete => Input::Delete,
            _ => return self.refused.push((request.exchange, Reply::empty(405))),
        };
        self.served
            .begin(now, server, Some(request.exchange), input);
    }

    /// Carries what the server has to send.
    pub fn from_server(
        &mut self,
        now: Instant,
        client: &mut ClientSession,
        server: &mut S,
    ) -> Frames {
        let mut sent = Vec::new();
        for (exchange, reply) in std::mem::take(&mut self.refused) {
            self.codec.handle_head(now, exchange, &reply.head);
            self.codec.handle_end(now, exchange, End::Clean);
        }
        for came in self.served.take(now, server) {
            self.has_moved = true;
            let Came {
                of_client,
                part,
                frames,
            } = came;
            match of_client {
                Some(exchange) => match part {
                    Part::Head(head) => self.codec.handle_head(now, exchange, &head),
                    Part::Body(bytes) => self.codec.handle_body(now, exchange, &bytes),
                    _ => self.codec.handle_end(now, exchange, End::Clean),
                },
                // What answers a frame that a test put in comes to the client as on a pipe.
                None => {
                    for frame in &frames {
                        client.handle_frame(now, Route::Standalone, Bytes::from(frame.clone()));
                    }
                }
            }
            sent.extend(frames);
        }
        self.act(now, client, server);
        sent
    }

    /// A frame as if the client had sent it.
    pub fn put_to_server(&mut self, now: Instant, server: &mut S, frame: String) {
        self.served.post(now, server, frame.into());
    }

    /// Lets time pass on both sides.
    pub fn pass(&mut self, now: Instant, client: &mut ClientSession, server: &mut S) {
        self.codec.handle_timeout(now);
        self.served.pass(now, server);
        self.act(now, client, server);
        if server.is_closed() && self.served.is_idle() {
            client.handle_closed(now, Route::Pipe, Closed::EndOfInput);
        }
    }
}
