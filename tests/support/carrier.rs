//! What carries frames between the two sessions of a pair: a pipe, or HTTP in one of its forms, whose
//! exchanges are begun, read and ended in memory.
//!
//! The server of a pair is one session, so a modern one is kept from exchange to exchange here;
//! `tests/http` has a fresh one for each.

use std::cell::Cell;
use std::collections::BTreeMap;

use bytes::Bytes;
use mcp_proto::frame::SseDecoder;
use mcp_proto::http::{
    Action, End, HttpClient, HttpClientOptions, HttpMethod, HttpRequest, HttpSession, Input, Part,
    Reply, SessionKind, StreamOptions,
};
use mcp_proto::rpc::Kind;
use mcp_proto::session::{
    ClientSession, Closed, ExchangeId, Route, ServerConfig, ServerSession, Session, Transmit,
};
use mcp_proto::{Era, Instant, Revision};
use serde_json::Value;

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
    /// The ways by which this revision is spoken, with all that belongs to it.
    pub fn of(revision: Revision) -> &'static [Self] {
        match revision.era() {
            Era::Modern => &[Self::Pipe, Self::Modern],
            _ => &[
                Self::Pipe,
                Self::Streamable,
                Self::StreamableJson,
                Self::OldPair,
            ],
        }
    }

    /// The same, and those by which only answers come: notifications of a call are left out, or
    /// nothing belongs to no request.
    pub fn of_calls(revision: Revision) -> &'static [Self] {
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

/// HTTP between two sessions.
pub struct Carrier {
    way: Way,
    codec: HttpClient,
    http: HttpSession,
    /// Which exchange of the server's each of the client's is; what a test puts in has none.
    exchanges: BTreeMap<u64, Carried>,
    /// What was refused before it came to the session.
    refused: Vec<(ExchangeId, Reply)>,
    /// Whether something was carried since that was asked last.
    has_moved: bool,
    /// By which route each request of the client has left.
    asked: BTreeMap<String, Route>,
}

struct Carried {
    of_client: Option<ExchangeId>,
    is_json: bool,
    events: SseDecoder,
}

impl Carrier {
    /// What carries frames by this way; `None` for a pipe.
    pub fn new(way: Way) -> Option<Self> {
        let kind = match way {
            Way::Pipe => return None,
            Way::Modern | Way::ModernJson => SessionKind::Modern,
            Way::Stateless => SessionKind::Stateless,
            Way::Streamable | Way::StreamableJson => SessionKind::Legacy {
                id: "s-1".into(),
                tag: 7,
            },
            Way::OldPair => SessionKind::Pair {
                endpoint: "/message".into(),
            },
        };
        let mut options = StreamOptions::default();
        options.json_only = matches!(way, Way::ModernJson | Way::StreamableJson);
        options.exchanges = 4096;
        // The session stands in until that of the pair is swapped in.
        let stands_in = ServerSession::new(ServerConfig::new("nobody", "0"));
        Some(Self {
            way,
            codec: HttpClient::new("http://localhost/mcp", HttpClientOptions::default()),
            http: HttpSession::new(stands_in, kind, options),
            exchanges: BTreeMap::new(),
            refused: Vec::new(),
            has_moved: false,
            asked: BTreeMap::new(),
        })
    }

    /// Runs `act` with the pair's session where its exchanges are.
    fn with<T>(&mut self, server: &mut ServerSession, act: impl FnOnce(&mut Self) -> T) -> T {
        std::mem::swap(self.http.session(), server);
        let done = act(self);
        std::mem::swap(self.http.session(), server);
        done
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
        server: &mut ServerSession,
    ) -> Frames {
        let mut sent = Vec::new();
        let mut frame = Vec::new();
        while let Some(transmit) = client.poll_transmit(&mut frame) {
            let text = String::from_utf8(std::mem::take(&mut frame)).expect("a frame is UTF-8");
            self.note(&text, &transmit);
            self.codec.send(now, text.clone(), &transmit);
            sent.push(text);
        }
        self.act(now, client, server);
        sent
    }

    fn note(&mut self, frame: &str, transmit: &Transmit) {
        if transmit.kind == Kind::Request {
            let frame: Value = serde_json::from_str(frame).expect("a frame is JSON");
            self.asked.insert(frame["id"].to_string(), transmit.route);
        }
    }

    /// Does what the client's codec says, until it says nothing more.
    fn act(&mut self, now: Instant, client: &mut ClientSession, server: &mut ServerSession) {
        while let Some(action) = self.codec.poll() {
            self.has_moved = true;
            match action {
                Action::Start(request) => self.with(server, |it| it.start(now, &request)),
                Action::Abort(exchange) => self.with(server, |it| it.gone(now, exchange)),
                Action::Frame(route, frame) => client.handle_frame(now, route, frame),
                Action::Malformed(route, error) => client.handle_malformed(now, route, error),
                Action::Closed(route, why) => client.handle_closed(now, route, why),
                _ => {}
            }
        }
    }

    fn start(&mut self, now: Instant, request: &HttpRequest) {
        let at_endpoint = request.url.ends_with("/message");
        let input = match request.method {
            HttpMethod::Post if (self.way == Way::OldPair) == at_endpoint => {
                post(request.body.clone())
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
        self.begin(now, Some(request.exchange), input);
    }

    fn begin(&mut self, now: Instant, of_client: Option<ExchangeId>, input: Input) {
        let exchange = self.http.handle(now, input);
        let carried = Carried {
            of_client,
            is_json: false,
            events: SseDecoder::new(usize::MAX / 2),
        };
        self.exchanges.insert(exchange.number(), carried);
    }

    fn gone(&mut self, now: Instant, exchange: ExchangeId) {
        let is_it = |(_, carried): &(&u64, &Carried)| carried.of_client == Some(exchange);
        if let Some(number) = self.exchanges.iter().find(is_it).map(|(number, _)| *number) {
            self.exchanges.remove(&number);
            self.http.handle_gone(now, ExchangeId::new(number));
        }
    }

    /// Carries what the server has to send.
    pub fn from_server(
        &mut self,
        now: Instant,
        client: &mut ClientSession,
        server: &mut ServerSession,
    ) -> Frames {
        let mut sent = Vec::new();
        for (exchange, reply) in std::mem::take(&mut self.refused) {
            self.codec.handle_head(now, exchange, &reply.head);
            self.codec.handle_end(now, exchange, End::Clean);
        }
        self.with(server, |it| it.http.pump(now));
        let open: Vec<u64> = self.exchanges.keys().copied().collect();
        for number in open {
            let exchange = ExchangeId::new(number);
            while let Some(part) = self.with(server, |it| it.http.poll_part(exchange)) {
                self.has_moved = true;
                let Some(carried) = self.exchanges.get_mut(&number) else {
                    break;
                };
                sent.extend(carried.frames(&part));
                let of_client = carried.of_client;
                if part == Part::End {
                    self.exchanges.remove(&number);
                }
                if let Some(exchange) = of_client {
                    match part {
                        Part::Head(head) => self.codec.handle_head(now, exchange, &head),
                        Part::Body(bytes) => self.codec.handle_body(now, exchange, &bytes),
                        _ => self.codec.handle_end(now, exchange, End::Clean),
                    }
                }
            }
        }
        self.act(now, client, server);
        sent
    }

    /// A frame as if the client had sent it.
    pub fn put_to_server(&mut self, now: Instant, server: &mut ServerSession, frame: String) {
        self.with(server, |it| it.begin(now, None, post(frame.into())));
    }

    /// By which route a frame comes that the server is said to have sent.
    pub fn route_to_client(&self, frame: &str) -> Route {
        let frame: Value = serde_json::from_str(frame).unwrap_or_default();
        let meta = &frame["params"]["_meta"]["io.modelcontextprotocol/subscriptionId"];
        let named = match frame.get("method") {
            None => &frame["id"],
            Some(_) if !meta.is_null() => meta,
            Some(_) => &frame["params"]["progressToken"],
        };
        let asked = self.asked.get(&named.to_string());
        asked.copied().unwrap_or(Route::Standalone)
    }

    /// Lets time pass on both sides.
    pub fn pass(&mut self, now: Instant, client: &mut ClientSession, server: &mut ServerSession) {
        self.codec.handle_timeout(now);
        self.with(server, |it| it.http.handle_timeout(now));
        self.act(now, client, server);
        if server.is_closed() && self.exchanges.is_empty() {
            client.handle_closed(now, Route::Pipe, Closed::EndOfInput);
        }
    }
}

impl Carried {
    /// The frames that a part of a response carries.
    fn frames(&mut self, part: &Part) -> Frames {
        match part {
            Part::Head(head) => {
                self.is_json = head.headers.one("content-type") == Ok(Some("application/json"));
                Vec::new()
            }
            Part::Body(bytes) if self.is_json => vec![text(bytes)],
            Part::Body(bytes) => {
                self.events.push(bytes);
                let events = std::iter::from_fn(|| self.events.next_event());
                let events = events.map(|event| event.expect("it is whole"));
                let events = events.filter(|event| event.is_message() && !event.data.is_empty());
                events.map(|event| text(&event.data)).collect()
            }
            _ => Vec::new(),
        }
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("a frame is UTF-8")
}

fn post(frame: Bytes) -> Input {
    let value: Value = serde_json::from_slice(&frame).unwrap_or_default();
    let kind = match (value.get("method"), value.get("id")) {
        _ if value.is_array() => None,
        (Some(_), None) => Some(Kind::Notification),
        (None, Some(_)) => Some(Kind::Result),
        _ => Some(Kind::Request),
    };
    let opens = value["method"] == "initialize";
    Input::Post { frame, kind, opens }
}
