//! HTTP in one of its forms between the two sessions of a pair, whose exchanges are begun, read and ended in memory.
//!
//! The server of a pair is one session, so a modern one is kept from exchange to exchange here;
//! `tests/http` has a fresh one for each.

use bytes::Bytes;
use mcp_proto::Instant;
use mcp_proto::http::{
    Action, End, HttpClient, HttpClientOptions, HttpMethod, HttpRequest, Input, Part, Reply,
};
use mcp_proto::session::{
    ClientSession, Closed, ExchangeId, Route, ServerSession, ServesClient, Session,
};

use super::carrier::{Frames, Routes, Way};
use super::served::{Came, Served, posted};

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
