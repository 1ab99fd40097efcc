//! Both sides of HTTP joined in memory: a client session and its codec, the endpoint and its sessions,
//! and heads and pieces of bodies between them, however they are cut.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use mcp_proto::http::{
    Action, Class, End, HttpClient, HttpClientOptions, HttpMethod, HttpPolicy, HttpRequest,
    HttpSession, Input, Offers, Part, Reply, RequestHead, SessionKind, StreamOptions, check,
    classify,
};
use mcp_proto::model::logging::LoggingLevel;
use mcp_proto::model::method::CallTool;
use mcp_proto::model::tool::{CallToolParams, CallToolResult};
use mcp_proto::session::{
    CallError, CallId, CallOptions, ClientEvent, ClientSession, EraPolicy, ExchangeId, Routing,
    ServerEvent, ServerSession, Session,
};
use mcp_proto::{Instant, Revision};
use support::pair::{client_config, server_config};

pub const URL: &str = "http://localhost/mcp";

/// By what a client and a server meet.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Way {
    Modern,
    Streamable,
    Stateless,
    ModernJson,
    StreamableJson,
    Pair,
}

pub const WAYS: [Way; 6] = [
    Way::Modern,
    Way::Streamable,
    Way::Stateless,
    Way::ModernJson,
    Way::StreamableJson,
    Way::Pair,
];

/// A server: its sessions, and which exchange of the client is which of theirs.
pub struct Host {
    pub way: Way,
    pub sessions: Vec<Option<HttpSession>>,
    pub exchanges: BTreeMap<u64, (usize, ExchangeId)>,
    /// What was refused before it came to a session.
    pub replies: Vec<(u64, Reply)>,
    pub asked: Vec<HttpRequest>,
    pub cancelled: usize,
    /// What is taken and never answered over HTTP.
    pub is_silent_on: Option<&'static str>,
}

pub struct Net {
    pub session: ClientSession,
    pub http: HttpClient,
    pub host: Host,
    pub now: Instant,
    pub piece: usize,
    pub events: Vec<ClientEvent>,
}

impl Host {
    pub fn options(&self) -> StreamOptions {
        let mut options = StreamOptions::default();
        options.json_only = matches!(self.way, Way::ModernJson | Way::StreamableJson);
        options
    }

    pub fn start(&mut self, now: Instant, request: &HttpRequest) {
        self.asked.push(request.clone());
        let path = request
            .url
            .strip_prefix("http://localhost")
            .expect("it is this host");
        let mut head = RequestHead::new(request.method, path).with("host", "localhost");
        for (name, value) in request.headers.iter() {
            head.headers.push(name, value);
        }
        let number = request.exchange.number();
        match self.place(&head, request.body.clone()) {
            Ok((index, input)) => {
                let Some(Some(session)) = self.sessions.get_mut(index) else {
                    return self.replies.push((number, Reply::empty(404)));
                };
                let exchange = session.handle(now, input);
                let says = |method: &str| {
                    request
                        .body
                        .windows(method.len())
                        .any(|window| window == method.as_bytes())
                };
                if self.is_silent_on.is_some_and(says) {
                    return;
                }
                self.exchanges.insert(number, (index, exchange));
            }
            Err(reply) => self.replies.push((number, reply)),
        }
    }

    /// The session that a request belongs to, and what it wants of it.
    pub fn place(&mut self, head: &RequestHead, body: Bytes) -> Result<(usize, Input), Reply> {
        let fresh = |host: &mut Self, kind: SessionKind| {
            let mut session = ServerSession::new(server_config());
            if kind == SessionKind::Stateless {
                session
                    .assume_initialized(Revision::NEWEST_LEGACY)
                    .expect("it is spoken");
            }
            host.sessions
                .push(Some(HttpSession::new(session, kind, host.options())));
            host.sessions.len() - 1
        };
        if self.way == Way::Pair {
            return match (&*head.path, head.method) {
                ("/mcp", HttpMethod::Get) => {
                    let kind = SessionKind::Pair {
                        endpoint: "/message".into(),
                    };
                    Ok((fresh(self, kind), Input::Get { last_event: None }))
                }
                ("/message", HttpMethod::Post) => {
                    let (kind, opens) = (None, false);
                    Ok((
                        0,
                        Input::Post {
                            frame: body.into(),
                            kind,
                            opens,
                        },
                    ))
                }
                _ => Err(Reply::empty(405)),
            };
        }
        let revisions: Vec<Revision> = match self.way {
            Way::Modern | Way::ModernJson => Revision::ALL.to_vec(),
            _ => support::LEGACY.to_vec(),
        };
        let mut offers = Offers::new(revisions);
        if self.way == Way::Stateless {
            offers = offers.stateless();
        }
        check(&HttpPolicy::local(), &offers, head)?;
        match classify(&offers, head, body)? {
            Class::Modern { frame, .. } => {
                let (kind, opens) = (None, false);
                Ok((
                    fresh(self, SessionKind::Modern),
                    Input::Post { frame, kind, opens },
                ))
            }
            Class::Legacy {
                session: Some(id),
                input,
                ..
            } => {
                let index = id.strip_prefix("s-").and_then(|id| id.parse().ok());
                Ok((index.unwrap_or(usize::MAX), input))
            }
            Class::Legacy { input, .. } if self.way == Way::Stateless => {
                let opens = matches!(input, Input::Post { opens: true, .. });
                let kind = match opens {
                    true => SessionKind::Legacy {
                        id: "none".into(),
                        tag: 0,
                    },
                    false => SessionKind::Stateless,
                };
                Ok((fresh(self, kind), input))
            }
            Class::Legacy { input, .. } => {
                let id = format!("s-{}", self.sessions.len()).into();
                Ok((fresh(self, SessionKind::Legacy { id, tag: 7 }), input))
            }
            other => panic!("{other:?}"),
        }
    }

    /// Calls `act` with each request that has come.
    pub fn serve(
        &mut self,
        now: Instant,
        mut act: impl FnMut(&mut HttpSession, mcp_proto::session::Request),
    ) {
        for session in self.sessions.iter_mut().flatten() {
            while let Some(event) = session.poll_event() {
                match event {
                    ServerEvent::Request(request) => act(session, request),
                    ServerEvent::Cancelled { .. } => self.cancelled += 1,
                    _ => {}
                }
            }
            session.pump(now);
        }
    }
}

impl Net {
    pub fn new(way: Way, era: EraPolicy, piece: usize) -> Self {
        let config = client_config(Revision::NEWEST)
            .revisions(Revision::ALL.to_vec())
            .era(era)
            .routing(Routing::PerRequest);
        let mut net = Self {
            session: ClientSession::new(config),
            http: HttpClient::new(URL, HttpClientOptions::default()),
            host: Host {
                way,
                sessions: Vec::new(),
                exchanges: BTreeMap::new(),
                replies: Vec::new(),
                asked: Vec::new(),
                cancelled: 0,
                is_silent_on: None,
            },
            now: Instant::from_millis(1000),
            piece,
            events: Vec::new(),
        };
        net.session.open(net.now).expect("it is new");
        net
    }

    /// A client that has found out by itself what its server speaks.
    pub fn open(way: Way, piece: usize) -> Self {
        let mut net = Self::new(way, EraPolicy::Auto, piece);
        net.run();
        let opened = net.events.remove(0);
        assert!(
            matches!(opened, ClientEvent::Opened { .. }),
            "{way:?}: {opened:?}"
        );
        net
    }

    /// Carries everything across until nothing moves; the server answers nothing by itself.
    pub fn run(&mut self) {
        for _ in 0..1000 {
            if !self.step() {
                return;
            }
        }
        panic!("it never comes to rest");
    }

    pub fn step(&mut self) -> bool {
        let mut moved = false;
        let mut frame = Vec::new();
        while let Some(transmit) = self.session.poll_transmit(&mut frame) {
            self.http
                .send(self.now, std::mem::take(&mut frame), &transmit);
            moved = true;
        }
        while let Some(action) = self.http.poll() {
            moved = true;
            match action {
                Action::Start(request) => self.host.start(self.now, &request),
                Action::Abort(exchange) => self.host_lost(exchange),
                Action::Frame(route, frame) => self.session.handle_frame(self.now, route, frame),
                Action::Malformed(route, error) => {
                    self.session.handle_malformed(self.now, route, error)
                }
                Action::Closed(route, why) => self.session.handle_closed(self.now, route, why),
                other => panic!("{other:?}"),
            }
        }
        for (number, reply) in std::mem::take(&mut self.host.replies) {
            moved = true;
            let exchange = ExchangeId::new(number);
            self.http.handle_head(self.now, exchange, &reply.head);
            self.http.handle_body(self.now, exchange, &reply.body);
            self.http.handle_end(self.now, exchange, End::Clean);
        }
        for (number, (index, exchange)) in self.host.exchanges.clone() {
            while let Some(part) = self.host.sessions[index]
                .as_mut()
                .and_then(|s| s.poll_part(exchange))
            {
                moved = true;
                let number = ExchangeId::new(number);
                match part {
                    Part::Head(head) => self.http.handle_head(self.now, number, &head),
                    Part::Body(bytes) => {
                        for piece in bytes.chunks(self.piece) {
                            self.http.handle_body(self.now, number, piece);
                        }
                    }
                    _ => {
                        self.http.handle_end(self.now, number, End::Clean);
                        self.host.exchanges.remove(&number.number());
                    }
                }
            }
        }
        self.events
            .extend(std::iter::from_fn(|| self.session.poll_event()));
        moved
    }

    /// A connection is closed by the client.
    pub fn host_lost(&mut self, exchange: ExchangeId) {
        if let Some((index, exchange)) = self.host.exchanges.remove(&exchange.number())
            && let Some(session) = &mut self.host.sessions[index]
        {
            session.handle_gone(self.now, exchange);
        }
    }

    /// A connection breaks, and both sides learn of it.
    pub fn break_connection(&mut self, exchange: ExchangeId) {
        self.host_lost(exchange);
        self.http.handle_end(self.now, exchange, End::Broken);
    }

    pub fn pass(&mut self, time: Duration) {
        self.now = self.now + time;
        self.session.handle_timeout(self.now);
        self.http.handle_timeout(self.now);
        for session in self.host.sessions.iter_mut().flatten() {
            session.handle_timeout(self.now);
        }
        self.run();
    }

    pub fn call(&mut self, name: &'static str) -> CallId<CallTool> {
        let params = CallToolParams::new(name);
        let options = CallOptions::new().log_level(Some(LoggingLevel::Debug));
        self.session
            .call::<CallTool>(self.now, &params, options)
            .expect("it is open")
    }

    /// Answers every call with its own name.
    pub fn answer_calls(&mut self) {
        let now = self.now;
        self.host.serve(now, |session, request| {
            let name = request
                .target()
                .map(|name| name.into_string())
                .unwrap_or_default();
            let result = CallToolResult::text(name);
            session
                .session()
                .reply::<CallTool>(now, request.id, &result)
                .expect("it is open");
        });
        self.run();
    }

    /// How a call has ended.
    pub fn end(&mut self, call: CallId<CallTool>) -> Result<String, CallError> {
        let is_it = |event: &ClientEvent| matches!(event, ClientEvent::Completed(done) if done.call == call);
        let at = self.events.iter().position(is_it).expect("it has ended");
        let ClientEvent::Completed(done) = self.events.remove(at) else {
            unreachable!()
        };
        done.result::<CallTool>()
            .map(|result| result.content[0].as_text().unwrap_or_default().to_owned())
    }
}
