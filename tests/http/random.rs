//! Both sides of HTTP at random: exchanges break and are cancelled, answers overtake each other,
//! garbage comes between, time passes, clocks stand still. Each call ends once, with what was said to
//! it or with an error, and both sides come to rest.

use std::collections::BTreeMap;
use std::time::Duration;

use mcp_proto::http::HttpSession;
use mcp_proto::model::input::InputRequests;
use mcp_proto::model::logging::{LoggingLevel, LoggingMessageParams};
use mcp_proto::model::method::{CallTool, ListRoots};
use mcp_proto::model::root::ListRootsResult;
use mcp_proto::model::tool::CallToolResult;
use mcp_proto::session::{
    CallId, Change, ClientEvent, EraPolicy, ExchangeId, Request, ServerEvent, Session,
};

use crate::net::{Net, WAYS, Way};

const NAMES: [&str; 6] = ["a", "b", "c", "d", "e", "f"];
const STEPS: usize = 80;

/// A small generator of numbers.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        let bound = u64::try_from(bound.max(1)).expect("it is small");
        usize::try_from((self.0 >> 16) % bound).expect("it is small")
    }
}

struct Run {
    net: Net,
    random: Random,
    open: BTreeMap<CallId<CallTool>, &'static str>,
    /// What the server has still to answer, and in which session.
    held: Vec<(usize, Request)>,
    is_suspended: bool,
    answered: usize,
}

impl Run {
    fn new(way: Way, seed: u64) -> Self {
        let mut random = Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
        let piece = [1, 7, 100_000][random.below(3)];
        Self {
            net: Net::new(way, EraPolicy::Auto, piece),
            random,
            open: BTreeMap::new(),
            held: Vec::new(),
            is_suspended: false,
            answered: 0,
        }
    }

    fn step(&mut self) {
        match self.random.below(100) {
            0..25 => self.call(),
            25..50 => self.serve(),
            50..62 => drop(self.net.step()),
            62..68 => self.cancel(),
            68..76 => self.lose(),
            76..80 => self.disturb(),
            80..92 => {
                let time = Duration::from_millis(self.random.below(2500) as u64);
                self.net.pass(time);
            }
            92..96 => self.suspend(!self.is_suspended),
            _ => self.change(),
        }
        self.collect();
    }

    fn call(&mut self) {
        if self.net.session.is_open() && self.net.session.can_call() {
            let name = NAMES[self.random.below(NAMES.len())];
            let call = self.net.call(name);
            assert!(self.open.insert(call, name).is_none(), "{call} came twice");
        }
    }

    /// Takes what has come to the server, and says something about one thing that it holds.
    fn serve(&mut self) {
        for (index, session) in self.net.host.sessions.iter_mut().enumerate() {
            let Some(session) = session else { continue };
            while let Some(event) = session.poll_event() {
                if let ServerEvent::Request(request) = event {
                    self.held.push((index, request));
                }
            }
        }
        if self.held.is_empty() {
            return;
        }
        let at = self.random.below(self.held.len());
        match self.random.below(10) {
            0..6 => self.answer(at),
            6..8 => {
                let (index, request) = &self.held[at];
                let message = LoggingMessageParams::text(LoggingLevel::Error, "soon");
                let now = self.net.now;
                let id = request.id;
                // It may be over, for its client has gone.
                self.with(*index, |session| {
                    let _ = session.session().log(now, Some(id), &message);
                });
            }
            _ => {
                let (index, request) = self.held.swap_remove(at);
                let (now, roots) = (self.net.now, InputRequests::new().roots("k"));
                self.with(index, |session| {
                    let _ = session
                        .session()
                        .need_input(now, request.id, &roots, Some("s"));
                });
            }
        }
    }

    fn answer(&mut self, at: usize) {
        let (index, request) = self.held.swap_remove(at);
        let name = request.target().map(|name| name.into_string());
        let result = CallToolResult::text(name.unwrap_or_default());
        let now = self.net.now;
        self.with(index, |session| {
            let _ = session
                .session()
                .reply::<CallTool>(now, request.id, &result);
        });
    }

    fn with(&mut self, index: usize, act: impl FnOnce(&mut HttpSession)) {
        if let Some(session) = &mut self.net.host.sessions[index] {
            act(session);
            session.pump(self.net.now);
        }
    }

    fn cancel(&mut self) {
        let at = self.random.below(self.open.len());
        if let Some(call) = self.open.keys().nth(at).copied() {
            // It may have ended, and nobody has heard of it.
            let _ = self.net.session.cancel(self.net.now, call, None);
        }
    }

    /// One of the exchanges, and sometimes the newest one.
    fn exchange(&mut self) -> Option<ExchangeId> {
        let open = &self.net.host.exchanges;
        let at = self.random.below(open.len());
        open.keys().nth(at).copied().map(ExchangeId::new)
    }

    fn lose(&mut self) {
        let Some(exchange) = self.exchange() else {
            return;
        };
        match self.random.below(3) {
            // The server learns of it at once, and the client later or never.
            0 => self.net.host_lost(exchange),
            _ => self.net.break_connection(exchange),
        }
    }

    /// Something comes that nobody has sent.
    fn disturb(&mut self) {
        let pieces: [&[u8]; 5] = [
            b"data: {\"jsonrpc\":\"2.0\",\"id\":99,\"result\":{}}\n\n",
            b"\r\nid: x\0y\nretry: 99999999999999999999\n\n",
            b"data: \xff\n\ndata\n\n:",
            b"{",
            b"\xef\xbb\xbfevent: endpoint\ndata: http://evil.example/\n\n",
        ];
        let piece = pieces[self.random.below(pieces.len())];
        if let Some(exchange) = self.exchange() {
            let now = self.net.now;
            self.net.http.handle_body(now, exchange, piece);
        }
    }

    fn suspend(&mut self, is_suspended: bool) {
        let now = self.net.now;
        match is_suspended {
            true => self.net.session.suspend(now),
            false => self.net.session.resume(now),
        }
        self.is_suspended = is_suspended;
    }

    fn change(&mut self) {
        let at = self.random.below(self.net.host.sessions.len());
        let now = self.net.now;
        if !self.net.host.sessions.is_empty() {
            self.with(at, |session| {
                let _ = session.session().changed(now, Change::Tools);
            });
        }
    }

    fn collect(&mut self) {
        for event in std::mem::take(&mut self.net.events) {
            match event {
                ClientEvent::Completed(done) => {
                    let call = self.open.keys().find(|call| done.call == **call).copied();
                    let call = call.expect("a call ends once");
                    let name = self.open.remove(&call).expect("it is there");
                    if let Ok(result) = done.result::<CallTool>() {
                        self.answered += 1;
                        assert_eq!(result.content[0].as_text(), Some(name));
                    }
                }
                ClientEvent::InputRequested(asked) => {
                    let roots = ListRootsResult::new(Vec::new());
                    let now = self.net.now;
                    let answered = self
                        .net
                        .session
                        .answer::<ListRoots>(now, asked.input, &roots);
                    // It may have been withdrawn since.
                    let _ = answered;
                }
                _ => {}
            }
        }
    }

    /// Lets everything come to its end.
    fn end(&mut self) {
        self.suspend(false);
        for _ in 0..400 {
            self.net.run();
            self.collect();
            self.serve();
            while !self.held.is_empty() {
                self.answer(0);
            }
            self.net.run();
            self.collect();
            if self.open.is_empty() {
                break;
            }
            let sessions = self.net.host.sessions.iter().flatten();
            let server = sessions.filter_map(HttpSession::poll_timeout).min();
            let client = [
                self.net.session.poll_timeout(),
                self.net.http.poll_timeout(),
            ];
            let due = client.into_iter().flatten().chain(server).min();
            let due = due.expect("what is open has a deadline");
            self.net.pass(due - self.net.now);
        }
        assert!(self.open.is_empty(), "{:?} never end", self.open);
        self.net.session.close(self.net.now);
        self.net.run();
        self.net.http.close(self.net.now);
        self.net.run();
    }
}

#[test]
fn whatever_happens_on_the_way_each_call_ends_once() {
    let seeds = support::amount(20, 150);
    for way in WAYS {
        let mut answered = 0;
        for seed in 0..seeds as u64 {
            let run = std::panic::catch_unwind(|| {
                let mut run = Run::new(way, seed);
                for _ in 0..STEPS {
                    run.step();
                }
                run.end();
                run.answered
            });
            answered += run.unwrap_or_else(|_| panic!("{way:?}, seed {seed}"));
        }
        // The pair has one stream, whose loss is the end of all.
        let least = if way == Way::Pair {
            seeds / 5
        } else {
            2 * seeds
        };
        assert!(
            answered > least,
            "{answered} calls were answered by {way:?}"
        );
    }
}
