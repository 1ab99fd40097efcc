//! HTTP: arguments that travel in headers, and what both sides of HTTP promise of their exchanges
//! whatever the other side does.

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::String;
use alloc::vec::Vec;

use bytes::Bytes;

use crate::frame::SseDecoder;
use crate::http::mirror::{annotated, check_params, header_value};
use crate::http::{
    Action, End, HttpClient, HttpClientOptions, HttpMethod, HttpSession, Input, Part,
    ProtectedResource, RequestHead, ResponseHead, SessionKind, StreamOptions, TokenRefusal,
    headers::Headers,
};
use crate::limits::Limits;
use crate::revision::Revision;
use crate::rpc::{Kind, Message, Raw};
use crate::scopes::Scopes;
use crate::session::{ExchangeId, Route, ServerConfig, ServerEvent, ServerSession, Transmit};
use crate::time::Instant;

use super::source::Source;

/// Mirrored arguments: whatever schema and arguments, what a client writes a server accepts, and any
/// schema is read or refused.
pub fn mirror(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let (schema, arguments) = text.split_once('\n').unwrap_or((&text, "{}"));
    let (Ok(schema), Ok(arguments)) = (Raw::new(schema), Raw::new(arguments)) else {
        return;
    };
    let Ok(params) = annotated(&schema) else {
        return;
    };
    let mut headers = Headers::new();
    for param in &params {
        if let Some(value) = header_value(param, Some(&arguments)) {
            headers.push(&param.header, value);
        }
    }
    let checked = check_params(&params, Some(&arguments), &headers);
    assert!(checked.is_ok(), "its own headers are refused: {checked:?}");
}

/// Bearer tokens: whatever stands in the `Authorization` fields, one that is read is a token and nothing
/// else, and whatever is refused is answered with a header that can be sent and holds nothing of it.
pub fn bearer(bytes: &[u8]) {
    let mut head = RequestHead::new(HttpMethod::Post, "/mcp");
    for value in bytes.split(|byte| *byte == b'\n') {
        head.headers.push("authorization", value);
    }
    let resource = ProtectedResource::new("https://a.example/mcp", ["https://b.example"]);
    let Ok(resource) = resource else {
        return;
    };
    let why = match crate::http::bearer(&head) {
        Ok(token) => {
            let text = token.expose();
            let is_good = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte);
            assert!(!text.is_empty() && text.bytes().all(is_good));
            assert!(token.is(text));
            // A token may say anything of its scopes.
            TokenRefusal::MissingScopes(Scopes::parse(text))
        }
        Err(why) => why,
    };
    let reply = resource.refuse(&why);
    let challenge = reply.head.headers.one("www-authenticate");
    let challenge = challenge.ok().flatten().unwrap_or_default();
    assert!(challenge.starts_with("Bearer ") && challenge.ends_with('"'));
}

/// What one exchange has given so far.
#[derive(Default)]
struct Given {
    has_head: bool,
    has_ended: bool,
}

/// A server's session over HTTP, whatever its client sends and drops: each exchange gives one head
/// and one end, in this order, and what has ended gives nothing more.
pub fn http_server(bytes: &[u8]) {
    let mut source = Source::new(bytes);
    let kind = match source.below(4) {
        0 => SessionKind::Modern,
        1 => SessionKind::Stateless,
        2 => SessionKind::Pair {
            endpoint: "/m".into(),
        },
        _ => SessionKind::Legacy {
            id: "s".into(),
            tag: 7,
        },
    };
    let mut session = ServerSession::new(ServerConfig::new("s", "1"));
    if kind == SessionKind::Stateless {
        let _ = session.assume_initialized(Revision::NEWEST_LEGACY);
    }
    let options = StreamOptions {
        json_only: source.byte() % 2 == 1,
        exchanges: 1 + source.below(8),
        replay_events: source.below(16),
        unsent: source.below(255),
        unsent_most: 1024,
        ..StreamOptions::default()
    };
    let mut http = HttpSession::new(session, kind, options);
    let mut now = Instant::ZERO;
    let mut open: BTreeMap<u64, Given> = BTreeMap::new();
    let mut requests = Vec::new();
    let mut last_id = None;
    while !source.is_empty() {
        match source.below(10) {
            0..=3 => {
                let frame = source.frame();
                let is_opening = memchr::memmem::find(&frame, b"initialize").is_some();
                let kind = [None, Some(Kind::Request), Some(Kind::Notification)];
                let kind = source.one_of(&kind).flatten();
                let opens = is_opening;
                let exchange = http.handle(
                    now,
                    Input::Post {
                        frame: frame.into(),
                        kind,
                        opens,
                    },
                );
                open.insert(exchange.number(), Given::default());
            }
            4 => {
                let last_event: Option<Box<str>> = match source.below(3) {
                    0 => None,
                    1 => last_id.clone(),
                    _ => Some(String::from_utf8_lossy(source.piece()).into()),
                };
                let exchange = http.handle(now, Input::Get { last_event });
                open.insert(exchange.number(), Given::default());
            }
            5 => {
                let gone = open.keys().nth(source.below(open.len())).copied();
                if let Some(gone) = gone {
                    open.remove(&gone);
                    http.handle_gone(now, ExchangeId::new(gone));
                    assert_eq!(http.poll_part(ExchangeId::new(gone)), None, "it is gone");
                }
            }
            6 => {
                now = now + source.duration();
                http.handle_timeout(now);
                let next = http.poll_timeout();
                assert!(next.is_none_or(|next| next > now), "a deadline stays due");
            }
            7 => {
                if let Some(request) = requests.pop() {
                    let _ = http.session().reply_raw(now, request, &Raw::EMPTY_OBJECT);
                    http.pump(now);
                }
            }
            8 => take_parts(&mut http, &mut open, &mut last_id),
            _ => match source.below(4) {
                0 => http.drain(now),
                1 => http.close(now),
                2 if http.save(now).is_some() => {
                    // Its exchanges stay where they are.
                    open.clear();
                    http = saved(http, now);
                }
                _ => drop(http.handle(now, Input::Delete)),
            },
        }
        while let Some(event) = http.poll_event() {
            if let ServerEvent::Request(request) = event {
                requests.push(request.id);
            }
        }
        if open.len() > 64 {
            take_parts(&mut http, &mut open, &mut last_id);
        }
    }
    http.close(now);
    take_parts(&mut http, &mut open, &mut last_id);
    assert!(
        open.values().all(|given| given.has_ended),
        "an exchange outlives its session"
    );
}

/// Parks a session that can be, which drops its exchanges.
fn saved(http: HttpSession, now: Instant) -> HttpSession {
    let Some(saved) = http.save(now) else {
        return http;
    };
    let options = StreamOptions::default();
    let config = ServerConfig::new("s", "1");
    let restored = HttpSession::restore(saved, options, now, |saved| {
        ServerSession::restore(config, saved, now)
    });
    restored.expect("what was saved is sound")
}

fn take_parts(
    http: &mut HttpSession,
    open: &mut BTreeMap<u64, Given>,
    last_id: &mut Option<Box<str>>,
) {
    while http.poll_ready().is_some() {}
    for (number, given) in open.iter_mut() {
        while let Some(part) = http.poll_part(ExchangeId::new(*number)) {
            assert!(!given.has_ended, "something follows the end");
            match part {
                Part::Head(_) => {
                    assert!(!core::mem::replace(&mut given.has_head, true), "two heads")
                }
                Part::Body(bytes) => {
                    assert!(given.has_head, "a body without a head");
                    let mut decoder = SseDecoder::new(1 << 20);
                    decoder.push(&bytes);
                    while decoder.next_event().is_some() {}
                    if let Some(id) = decoder.last_event_id() {
                        *last_id = Some(id.into());
                    }
                }
                Part::End => {
                    assert!(given.has_head, "an end without a head");
                    given.has_ended = true;
                }
            }
        }
    }
}

/// A client's codec, whatever its server answers: nothing is told of an exchange that is over, every
/// request that was sent is answered or lost once all exchanges have ended, and it comes to rest.
pub fn http_client(bytes: &[u8]) {
    let mut source = Source::new(bytes);
    let options = HttpClientOptions {
        challenges: u32::from(source.byte() % 3),
        limits: Limits {
            frame: 512,
            ..Limits::default()
        },
        ..HttpClientOptions::default()
    };
    let mut http = HttpClient::new("http://localhost/mcp", options);
    let mut driven = Driven::default();
    while !source.is_empty() {
        let now = driven.now;
        match source.below(9) {
            0 | 1 => {
                let frame = source.frame();
                driven.send(&mut http, frame, &mut source);
            }
            2 | 3 => {
                if let Some(exchange) = driven.pick(&mut source) {
                    let head = response_head(&mut source);
                    http.handle_head(now, exchange, &head);
                }
            }
            4 | 5 => {
                if let Some(exchange) = driven.pick(&mut source) {
                    let piece = match source.below(4) {
                        0 => source.piece(),
                        _ => source.one_of(&EVENTS).unwrap_or_default(),
                    };
                    http.handle_body(now, exchange, piece);
                }
            }
            6 => {
                if let Some(exchange) = driven.pick(&mut source) {
                    let how = [End::Clean, End::Broken, End::NotSent];
                    driven.open.remove(&exchange.number());
                    http.handle_end(now, exchange, source.one_of(&how).unwrap_or(End::Clean));
                }
            }
            7 => {
                driven.now = now + source.duration();
                http.handle_timeout(driven.now);
                let next = http.poll_timeout();
                assert!(
                    next.is_none_or(|at| at > driven.now),
                    "a deadline stays due"
                );
            }
            _ => match source.below(3) {
                0 => http.authorized(now),
                1 => http.unauthorized(now),
                _ => {
                    driven.awaited.clear();
                    http.close(now);
                }
            },
        }
        driven.take_actions(&mut http);
    }
    driven.end(&mut http);
}

/// Events that lead a client further than noise does.
const EVENTS: [&[u8]; 6] = [
    b"id: 7\ndata:\n\n",
    b"id\ndata: {}\n\n",
    b"retry: 9\n\n",
    b"data: {\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}\n\n",
    b"event: endpoint\ndata: /m\n\n",
    b": c\n\n",
];

fn response_head(source: &mut Source<'_>) -> ResponseHead {
    let statuses = [200, 202, 301, 400, 401, 403, 404, 405, 429, 500];
    let kinds = ["application/json", "text/event-stream", "text/html"];
    let head = ResponseHead::new(source.one_of(&statuses).unwrap_or(200));
    let head = head.with("content-type", source.one_of(&kinds).unwrap_or_default());
    match source.below(4) {
        0 => head.with("mcp-session-id", source.piece()),
        1 => head.with("www-authenticate", "Bearer"),
        _ => head,
    }
}

/// What a driver knows of a client's exchanges.
#[derive(Default)]
struct Driven {
    now: Instant,
    open: BTreeSet<u64>,
    /// The routes of requests that nothing was heard of.
    awaited: BTreeSet<u64>,
    sent: u64,
}

impl Driven {
    fn pick(&self, source: &mut Source<'_>) -> Option<ExchangeId> {
        let at = source.below(self.open.len());
        self.open.iter().nth(at).copied().map(ExchangeId::new)
    }

    fn send(&mut self, http: &mut HttpClient, frame: Bytes, source: &mut Source<'_>) {
        let limits = Limits::default();
        let kind = match Message::decode(&frame, &limits) {
            Ok(Message::Request { .. }) => Kind::Request,
            Ok(Message::Notification { method, .. }) => {
                if &*method == "notifications/cancelled" {
                    return self.cancel(http, &frame, source);
                }
                Kind::Notification
            }
            Ok(Message::Response { .. }) => Kind::Result,
            // A session sends nothing else.
            Err(_) => return,
        };
        self.sent += 1;
        if kind == Kind::Request {
            self.awaited.insert(self.sent);
        }
        let route = Route::Exchange(ExchangeId::new(self.sent));
        http.send(
            self.now,
            frame.clone(),
            &Transmit::new(route, frame.len(), kind),
        );
    }

    /// Cancels a request, whose end the session then doesn't wait for.
    fn cancel(&mut self, http: &mut HttpClient, frame: &Bytes, source: &mut Source<'_>) {
        let number = source.below(usize::try_from(self.sent).unwrap_or_default() + 1);
        let number = u64::try_from(number).unwrap_or_default();
        self.awaited.remove(&number);
        let route = Route::Exchange(ExchangeId::new(number));
        let transmit = Transmit::new(route, frame.len(), Kind::Notification);
        http.send(self.now, frame.clone(), &transmit);
    }

    fn take_actions(&mut self, http: &mut HttpClient) {
        while let Some(action) = http.poll() {
            match action {
                Action::Start(request) => {
                    assert!(self.open.insert(request.exchange.number()), "started twice");
                }
                Action::Abort(exchange) => {
                    self.open.remove(&exchange.number());
                }
                Action::Closed(Route::Pipe, _) => self.awaited.clear(),
                Action::Closed(Route::Exchange(route), _)
                | Action::Frame(Route::Exchange(route), _) => {
                    self.awaited.remove(&route.number());
                }
                _ => {}
            }
        }
    }

    /// Ends all that is open, again and again, until the codec asks for nothing more.
    fn end(&mut self, http: &mut HttpClient) {
        for _ in 0..200 {
            http.unauthorized(self.now);
            self.take_actions(http);
            let open = core::mem::take(&mut self.open);
            let is_idle = open.is_empty();
            for number in open {
                http.handle_end(self.now, ExchangeId::new(number), End::Broken);
            }
            match http.poll_timeout() {
                Some(at) => {
                    self.now = self.now.max(at);
                    http.handle_timeout(self.now);
                }
                None if is_idle => {
                    assert!(self.awaited.is_empty(), "{:?} have no end", self.awaited);
                    return;
                }
                None => {}
            }
            self.take_actions(http);
        }
        // A server that has said when to come back is asked for as long as its call goes on.
        http.close(self.now);
        self.take_actions(http);
    }
}
