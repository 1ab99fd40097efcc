//! Sessions whose requests are exchanges of their own, as over HTTP: exchanges overtake each other and
//! are lost on either side, frames come by routes that are gone, clocks stand still, jump and go
//! back, and both sessions are saved and restored at any time.

use std::collections::BTreeSet;
use std::time::Duration;

use bytes::Bytes;
use mcp_proto::model::capability::{ClientCapabilities, ServerCapabilities};
use mcp_proto::model::input::InputRequests;
use mcp_proto::model::method::{CallTool, ListRoots, Method};
use mcp_proto::model::root::ListRootsResult;
use mcp_proto::model::tool::{CallToolParams, CallToolResult};
use mcp_proto::rpc::RpcError;
use mcp_proto::session::{
    CallError, CallId, CallOptions, ClientConfig, ClientEvent, Closed, EraPolicy, ExchangeId,
    IncomingId, Route, Routing, SavedClient, SavedServer, ServerConfig, ServerEvent,
};
use mcp_proto::{ClientSession, Instant, ServerSession, Session};

use super::random::Random;
use super::tally::{Kind, Marks};
use support::saved::Saved;

/// How many steps a run has before everything is let come to an end.
const STEPS: usize = 120;

type Frames = Vec<(Route, Vec<u8>)>;

struct Routed {
    random: Random,
    now: Instant,
    client_config: ClientConfig,
    server_config: ServerConfig,
    client: Box<ClientSession>,
    server: Box<ServerSession>,
    to_server: Frames,
    to_client: Frames,
    /// The exchange of the next message that is no request.
    next: u64,
    open: BTreeSet<CallId>,
    asked: Vec<(IncomingId, String)>,
    seen: BTreeSet<Route>,
    is_suspended: bool,
    is_over: bool,
    marks: Marks,
}

pub fn run(seed: u64) -> Marks {
    let mut run = Routed::new(Random::new(seed));
    for _ in 0..STEPS {
        run.step();
        run.check();
    }
    run.end();
    run.marks
}

impl Routed {
    fn new(mut random: Random) -> Self {
        let eras = [
            EraPolicy::Auto,
            EraPolicy::Legacy,
            EraPolicy::Modern,
            EraPolicy::AssumeModern,
        ];
        let client_config = ClientConfig::new("client", "1")
            .era(eras[random.below(eras.len())])
            .routing(Routing::PerRequest)
            .capabilities(ClientCapabilities::new().roots(true));
        let offers = ServerCapabilities::new().tools(true);
        let server_config = ServerConfig::new("server", "1").capabilities(offers);
        let now = Instant::from_millis(random.below(5000) as u64);
        let mut client = Box::new(ClientSession::new(client_config.clone()));
        client.open(now).expect("it is new");
        Self {
            server: Box::new(ServerSession::new(server_config.clone())),
            client,
            client_config,
            server_config,
            random,
            now,
            to_server: Vec::new(),
            to_client: Vec::new(),
            next: 1 << 32,
            open: BTreeSet::new(),
            asked: Vec::new(),
            seen: BTreeSet::new(),
            is_suspended: false,
            is_over: false,
            marks: Marks::default(),
        }
    }

    fn step(&mut self) {
        match self.random.below(100) {
            0..20 => self.call(),
            20..45 => self.deliver_to_server(),
            45..70 => self.deliver_to_client(),
            70..80 => self.answer(),
            80..85 => self.lose(),
            85..89 => self.pass_time(),
            89..92 => self.save_and_restore(),
            92..95 => self.stop_or_go(),
            95..98 => self.cancel(),
            _ => self.time_out(),
        }
        self.collect();
    }

    fn call(&mut self) {
        let params = CallToolParams::new("t");
        let call = self
            .client
            .call::<CallTool>(self.now, &params, CallOptions::new());
        if let Ok(call) = call {
            self.marks.set(Kind::Called);
            assert!(self.open.insert(call.any()), "{call} came twice");
        }
    }

    fn cancel(&mut self) {
        let open: Vec<CallId> = self.open.iter().copied().collect();
        if let Some(call) = self.random.one_of(&open) {
            self.client
                .cancel(self.now, call, None)
                .expect("it is open");
            self.marks.set(Kind::CancelledCall);
        }
    }

    /// One frame, the first of any route; sometimes it comes twice.
    fn take(random: &mut Random, frames: &mut Frames) -> Option<(Route, Bytes)> {
        let chosen = random.below(frames.len());
        let route = frames.get(chosen)?.0;
        let first = frames.iter().position(|(other, _)| *other == route)?;
        if random.per_mille(30) {
            return frames
                .get(first)
                .map(|(_, frame)| (route, frame.clone().into()));
        }
        let (_, frame) = frames.remove(first);
        Some((route, frame.into()))
    }

    fn deliver_to_server(&mut self) {
        let Some((route, frame)) = Self::take(&mut self.random, &mut self.to_server) else {
            return;
        };
        // What is no request is an exchange too.
        let route = match route {
            Route::Pipe => {
                self.next += 1;
                Route::Exchange(ExchangeId::new(self.next))
            }
            route => route,
        };
        self.seen.insert(route);
        self.server.handle_frame(self.now, route, frame);
    }

    fn deliver_to_client(&mut self) {
        if let Some((route, frame)) = Self::take(&mut self.random, &mut self.to_client) {
            self.client.handle_frame(self.now, route, frame);
        }
    }

    fn answer(&mut self) {
        if self.asked.is_empty() {
            return;
        }
        let at = self.random.below(self.asked.len());
        let (request, method) = self.asked.swap_remove(at);
        let now = self.now;
        // Who has asked may be gone, and then all of these are refused.
        let is_call = method == CallTool::NAME;
        let done = match self.random.below(4) {
            0 => self
                .server
                .reply_error(now, request, RpcError::internal("no")),
            1 if is_call => {
                let asked = InputRequests::new().roots("r");
                self.server.need_input(now, request, &asked, Some("s"))
            }
            _ if is_call => {
                let result = CallToolResult::text("x");
                self.server.reply::<CallTool>(now, request, &result)
            }
            _ => self
                .server
                .reply_error(now, request, RpcError::internal("no")),
        };
        if done.is_ok() {
            self.marks.set(Kind::Replied);
        }
    }

    /// An exchange that there is, was or never was ends, on either side or both.
    fn lose(&mut self) {
        let seen: Vec<Route> = self.seen.iter().copied().collect();
        let route = match self.random.below(10) {
            0 => Route::Standalone,
            1 => Route::Exchange(ExchangeId::new(u64::MAX)),
            _ => match self.random.one_of(&seen) {
                Some(route) => route,
                None => return,
            },
        };
        let why = match self.random.below(6) {
            0 => Closed::EndOfInput,
            1 => Closed::ReadFailed,
            2 => Closed::WriteFailed,
            3 => Closed::Unreachable,
            4 => Closed::Refused {
                status: 100 + self.random.below(500) as u16,
            },
            _ => Closed::Forgotten,
        };
        self.marks.set(Kind::Lost);
        let sides = self.random.below(3);
        if sides != 0 {
            self.server.handle_closed(self.now, route, why);
        }
        if sides != 1 {
            self.client.handle_closed(self.now, route, why);
            // What was on its way may come all the same.
            if self.random.per_mille(700) {
                self.to_client.retain(|(other, _)| *other != route);
            }
        }
    }

    fn pass_time(&mut self) {
        let steps = [0, 1, 500, 3000, 15_000, 70_000, 700_000];
        let time = Duration::from_millis(steps[self.random.below(steps.len())]);
        if self.random.per_mille(200) {
            let back = self.now.since_epoch().saturating_sub(time);
            self.now = Instant::new(back);
            self.marks.set(Kind::ClockWentBack);
        } else {
            self.now = self.now + time;
            self.marks.set(Kind::ClockJumped);
        }
    }

    fn time_out(&mut self) {
        self.client.handle_timeout(self.now);
        self.server.handle_timeout(self.now);
    }

    fn stop_or_go(&mut self) {
        match self.is_suspended {
            true => self.client.resume(self.now),
            false => self.client.suspend(self.now),
        }
        self.is_suspended = !self.is_suspended;
        self.marks.set(Kind::Suspended);
    }

    /// Both go on elsewhere, where the clock shows another time.
    fn save_and_restore(&mut self) {
        self.time_out();
        self.collect();
        let later = Instant::from_millis(self.random.below(1_000_000) as u64);
        let left = |due: Option<Instant>, now: Instant| due.map(|due| due - now);
        let latest = self.now;

        let text = self.client.save(latest).text();
        let saved = SavedClient::read(&text).expect("it was written so");
        let mut client =
            ClientSession::restore(self.client_config.clone(), saved, later).expect("it was saved");
        client.handle_timeout(later);
        assert_eq!(
            client.held_bytes(),
            self.client.held_bytes(),
            "bytes of a client"
        );
        assert_eq!(client.is_open(), self.client.is_open());
        // Its own clock never goes back, so the time left is that of the latest it has seen.
        let before = left(self.client.poll_timeout(), latest);
        let after = left(client.poll_timeout(), later);
        assert_eq!(
            before.is_some(),
            after.is_some(),
            "a deadline is lost: {before:?}, {after:?}"
        );

        let text = self.server.save(latest).text();
        let saved = SavedServer::read(&text).expect("it was written so");
        let server =
            ServerSession::restore(self.server_config.clone(), saved, later).expect("it was saved");
        assert_eq!(
            server.held_bytes(),
            self.server.held_bytes(),
            "bytes of a server"
        );

        (*self.client, *self.server, self.now) = (client, server, later);
        self.marks.set(Kind::Restored);
    }

    fn collect(&mut self) {
        let mut frame = Vec::new();
        while let Some(sent) = self.client.poll_transmit(&mut frame) {
            self.to_server
                .push((sent.route, std::mem::take(&mut frame)));
        }
        while let Some(sent) = self.server.poll_transmit(&mut frame) {
            self.to_client
                .push((sent.route, std::mem::take(&mut frame)));
        }
        while let Some(event) = self.client.poll_event() {
            self.take_client_event(event);
        }
        while let Some(event) = self.server.poll_event() {
            if let ServerEvent::Request(request) = event {
                self.asked.push((request.id, request.method().to_string()));
            }
        }
    }

    fn take_client_event(&mut self, event: ClientEvent) {
        assert!(!self.is_over, "{event:?} after the end");
        match event {
            ClientEvent::Completed(done) => {
                let known = self.open.remove(&done.call);
                assert!(known, "{} ended twice", done.call);
                let kind = match done.raw() {
                    Ok(_) => Kind::Succeeded,
                    Err(CallError::TimedOut { .. }) => Kind::TimedOut,
                    Err(CallError::Lost(_)) => Kind::LostCall,
                    Err(_) => Kind::Failed,
                };
                let stands_still = self.is_suspended && kind == Kind::TimedOut;
                assert!(!stands_still, "{done:?} while the clocks stand still");
                self.marks.set(kind);
            }
            ClientEvent::InputRequested(input) => {
                let roots = ListRootsResult::new(Vec::new());
                drop(
                    self.client
                        .answer::<ListRoots>(self.now, input.input, &roots),
                );
            }
            ClientEvent::Closed(_) => {
                assert!(self.open.is_empty(), "{:?} never ended", self.open);
                self.is_over = true;
            }
            _ => {}
        }
    }

    fn check(&mut self) {
        if self.is_suspended {
            assert_eq!(self.client.poll_timeout(), None, "its clocks stand still");
        }
        if self.random.per_mille(100) {
            self.time_out();
            self.collect();
            let due = self.client.poll_timeout();
            assert!(
                due.is_none_or(|due| due > self.now),
                "{due:?} stays due at {:?}",
                self.now
            );
        }
    }

    /// Nothing is lost any more, and time passes: every call ends.
    fn end(&mut self) {
        if self.is_suspended {
            self.stop_or_go();
        }
        for _ in 0..50 {
            self.now = self.now + Duration::from_secs(700);
            self.time_out();
            self.collect();
        }
        assert!(self.open.is_empty(), "{:?} never ended", self.open);
        self.now = Instant::new(Duration::MAX);
        self.time_out();
        self.client.close(self.now);
        self.server.close(self.now);
        self.collect();
        assert!(self.is_over, "it is closed");
        assert!(self.client.is_closed() && self.server.is_closed());
        for due in [self.client.poll_timeout(), self.server.poll_timeout()] {
            assert_eq!(due, None, "a closed session waits for nothing");
        }
        self.client.resume(self.now);
        self.lose();
        self.collect();
    }
}
