//! The server's half of one `tools/call`, twice: by a session that takes the frame and gives the
//! answer (`exchange bare <n>`), and by the same session as an exchange of HTTP, head and body in,
//! head and body out (`exchange http <n>`). A session serves one request, as servers without state
//! have it. Without arguments their allocations are printed. See `.ci/budget`.

#[expect(dead_code, reason = "plain serde is measured by others")]
mod echo;

use std::hint::black_box;
use std::sync::Arc;

use bytes::Bytes;
use mcp_proto::http::{
    Class, HttpMethod, HttpPolicy, HttpSession, Input, Offers, Part, RequestHead, SessionKind,
    StreamOptions, check, classify,
};
use mcp_proto::model::method::CallTool;
use mcp_proto::model::tool::CallToolResult;
use mcp_proto::rpc::{Kind, Raw};
use mcp_proto::session::{ExchangeId, Route, ServerEvent, ServerSession, Session};
use mcp_proto::{Era, Instant, Revision};

use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

use self::echo::{Arguments, MESSAGE, Sessions};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<std::alloc::System> = &INSTRUMENTED_SYSTEM;

#[expect(clippy::disallowed_methods, reason = "a program's own arguments")]
fn main() {
    let arguments = std::env::args().skip(1);
    let arguments = arguments.filter(|argument| !argument.starts_with("--"));
    let arguments = Vec::from_iter(arguments);
    let mut exchanges = Exchanges::open(MESSAGE);
    match &arguments[..] {
        [which, n] => {
            let n = n.parse().expect("it is a number");
            exchanges.run(which, n);
        }
        _ => {
            const ROUNDS: usize = 1000;
            for which in ["bare", "http"] {
                exchanges.run(which, 1);
                let region = Region::new(ALLOCATOR);
                exchanges.run(which, ROUNDS);
                let made = region.change();
                let made = (made.allocations + made.reallocations) as f64 / ROUNDS as f64;
                println!("Exchange {which}: {made:.2} allocations");
            }
        }
    }
}

/// The head of the request.
const FIELDS: [(&str, &str); 7] = [
    ("host", "127.0.0.1:8000"),
    ("content-type", "application/json"),
    ("accept", "application/json, text/event-stream"),
    ("content-length", "300"),
    ("mcp-protocol-version", Revision::NEWEST.as_str()),
    ("mcp-method", "tools/call"),
    ("mcp-name", "echo"),
];

/// A server without state and the request that it is sent.
pub struct Exchanges {
    session: ServerSession,
    policy: HttpPolicy,
    offers: Offers,
    // The sessions of a server share it.
    options: Arc<StreamOptions>,
    frame: Bytes,
    out: Vec<u8>,
    now: Instant,
}

impl Exchanges {
    fn run(&mut self, which: &str, n: usize) {
        match which {
            "bare" => (0..n).for_each(|_| self.bare(black_box(MESSAGE))),
            "http" => (0..n).for_each(|_| self.http(black_box(MESSAGE))),
            other => panic!("no such exchange: {other}"),
        }
    }

    /// A server that is sent the request which a client of the modern era makes.
    pub fn open(message: &str) -> Self {
        let mut sessions = Sessions::open(Era::Modern);
        let [frame, _] = sessions.frames(message);
        Self {
            session: sessions.server,
            policy: HttpPolicy::default(),
            offers: Offers::new([Revision::NEWEST]),
            options: Arc::default(),
            frame: frame.into(),
            out: Vec::new(),
            now: Instant::from_millis(1),
        }
    }

    /// One exchange without HTTP.
    #[inline(never)]
    pub fn bare(&mut self, message: &str) {
        let mut session = self.session.another();
        let route = Route::Exchange(ExchangeId::new(1));
        session.handle_frame(self.now, route, self.frame.clone());
        answer(session.poll_event(), &mut session, self.now, message);
        self.out.clear();
        session.poll_transmit(&mut self.out).expect("an answer");
        assert!(!self.out.is_empty());
    }

    /// The same with it: the head as an adapter copies it, all checks, and the parts of the response.
    #[inline(never)]
    pub fn http(&mut self, message: &str) {
        let mut head = RequestHead::new(HttpMethod::Post, "/mcp");
        for (name, value) in FIELDS {
            head.headers.push(name, value);
        }
        check(&self.policy, &self.offers, &head).expect("a good head");
        let class = classify(&self.offers, &head, self.frame.clone());
        let Ok(Class::Modern { frame, .. }) = class else {
            panic!("a modern request");
        };
        let session = self.session.another();
        let mut http = HttpSession::new(session, SessionKind::Modern, Arc::clone(&self.options));
        let (kind, opens) = (Some(Kind::Request), false);
        let exchange = http.handle(self.now, Input::Post { frame, kind, opens });
        answer(http.poll_event(), http.session(), self.now, message);
        http.pump(self.now);
        let head = http.poll_part(exchange);
        assert!(matches!(head, Some(Part::Head(head)) if head.status == 200));
        let body = http.poll_part(exchange);
        assert!(matches!(body, Some(Part::Body(body)) if !body.is_empty()));
        assert_eq!(http.poll_part(exchange), Some(Part::End));
    }
}

fn answer(event: Option<ServerEvent>, session: &mut ServerSession, now: Instant, message: &str) {
    let Some(ServerEvent::Request(request)) = event else {
        panic!("expected a request, got {event:?}");
    };
    let asked = request.params::<CallTool>().expect("good params");
    let arguments = asked.arguments.as_ref().map_or("{}", Raw::as_str);
    let arguments: Arguments<'_> = serde_json::from_str(arguments).expect("they fit");
    assert_eq!(arguments.message, message);
    let result = CallToolResult::text(arguments.message);
    session
        .reply::<CallTool>(now, request.id, &result)
        .expect("the request is open");
}
