//! A server's session behind HTTP in one of its forms: what is posted to it begins an exchange, and
//! what it sends comes by the exchanges, in memory.

use std::collections::BTreeMap;

use bytes::Bytes;
use mcp_proto::Instant;
use mcp_proto::frame::SseDecoder;
use mcp_proto::http::{HttpSession, Input, Part, SessionKind, StreamOptions};
use mcp_proto::rpc::Kind;
use mcp_proto::session::{ExchangeId, ServerSession, ServesClient};
use serde_json::Value;

use super::carrier::{Frames, Way};

/// The HTTP half of a server. Its session belongs to the test and is handed in for each step.
pub struct Served<S = ServerSession> {
    way: Way,
    http: HttpSession<S>,
    /// The exchanges that are open, and which of the client's each is; what a test puts in has none.
    exchanges: BTreeMap<u64, Exchange>,
}

struct Exchange {
    of_client: Option<ExchangeId>,
    is_json: bool,
    events: SseDecoder,
}

/// A part of a response that has come.
pub struct Came {
    /// Whose exchange it answers; `None` for what a test put in.
    pub of_client: Option<ExchangeId>,
    pub part: Part,
    /// The frames that are whole with it.
    pub frames: Frames,
}

impl<S: ServesClient> Served<S> {
    /// The HTTP half of a server by this way; `None` for a pipe. A session stands in until that of
    /// the test is swapped in.
    pub fn new(way: Way, stands_in: S) -> Option<Self> {
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
        Some(Self {
            way,
            http: HttpSession::new(stands_in, kind, options),
            exchanges: BTreeMap::new(),
        })
    }

    /// Runs `act` with the test's session where its exchanges are.
    pub fn with<T>(&mut self, server: &mut S, act: impl FnOnce(&mut HttpSession<S>) -> T) -> T {
        std::mem::swap(self.http.session(), server);
        let done = act(&mut self.http);
        std::mem::swap(self.http.session(), server);
        done
    }

    /// Whether no exchange is open.
    pub fn is_idle(&self) -> bool {
        self.exchanges.is_empty()
    }

    /// Begins an exchange.
    pub fn begin(
        &mut self,
        now: Instant,
        server: &mut S,
        of_client: Option<ExchangeId>,
        input: Input,
    ) {
        let exchange = self.with(server, |http| http.handle(now, input));
        let begun = Exchange {
            of_client,
            is_json: false,
            events: SseDecoder::new(usize::MAX / 2),
        };
        self.exchanges.insert(exchange.number(), begun);
    }

    /// Begins the stream for what belongs to no request, where a client has one.
    pub fn begin_standalone(&mut self, now: Instant, server: &mut S) {
        if let Way::Streamable | Way::StreamableJson | Way::OldPair = self.way {
            let last_event = None;
            self.begin(now, server, None, Input::Get { last_event });
        }
    }

    /// The client of an exchange has gone.
    pub fn gone(&mut self, now: Instant, server: &mut S, of_client: ExchangeId) {
        let is_it = |(_, exchange): &(&u64, &Exchange)| exchange.of_client == Some(of_client);
        if let Some(number) = self.exchanges.iter().find(is_it).map(|(number, _)| *number) {
            self.exchanges.remove(&number);
            self.with(server, |http| {
                http.handle_gone(now, ExchangeId::new(number));
            });
        }
    }

    /// Posts a frame by hand, past the checks that come before a session.
    pub fn post(&mut self, now: Instant, server: &mut S, frame: Bytes) {
        self.begin(now, server, None, posted(frame));
    }

    /// Takes what has come by the exchanges since this was last asked.
    pub fn take(&mut self, now: Instant, server: &mut S) -> Vec<Came> {
        self.with(server, |http| http.pump(now));
        let mut came = Vec::new();
        let open: Vec<u64> = self.exchanges.keys().copied().collect();
        for number in open {
            while let Some(part) = self.http.poll_part(ExchangeId::new(number)) {
                let Some(exchange) = self.exchanges.get_mut(&number) else {
                    break;
                };
                let frames = exchange.frames(&part);
                let of_client = exchange.of_client;
                if part == Part::End {
                    self.exchanges.remove(&number);
                }
                came.push(Came {
                    of_client,
                    part,
                    frames,
                });
            }
        }
        came
    }

    /// Lets time pass.
    pub fn pass(&mut self, now: Instant, server: &mut S) {
        self.with(server, |http| http.handle_timeout(now));
    }
}

impl Exchange {
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

/// What a POST of this frame gives a session.
pub fn posted(frame: Bytes) -> Input {
    let value: Value = serde_json::from_slice(&frame).unwrap_or_default();
    let kind = match (value.get("method"), value.get("id")) {
        _ if value.is_array() => None,
        (Some(_), None) => Some(Kind::Notification),
        (None, Some(_)) => Some(Kind::Result),
        _ => Some(Kind::Request),
    };
    let opens = value["method"] == "initialize";
    let frame = frame.into();
    Input::Post { frame, kind, opens }
}
