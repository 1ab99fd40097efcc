//! Two peers that both have more to send than they may hold, over a pipe that holds little: nobody
//! waits for ever, and a peer that reads nothing costs a bounded amount of memory.

use std::collections::VecDeque;

use bytes::Bytes;
use mcp_proto::frame::LineDecoder;
use mcp_proto::model::input::InputRequests;
use mcp_proto::model::logging::{LoggingLevel, LoggingMessageParams};
use mcp_proto::model::method::{CallTool, CreateMessage};
use mcp_proto::model::sampling::{
    CreateMessageParams, CreateMessageResult, SamplingMessage, SamplingMessageContentBlock,
};
use mcp_proto::model::tool::{CallToolParams, CallToolResult};
use mcp_proto::rpc::Raw;
use mcp_proto::session::{
    CallOptions, Change, ClientEvent, IncomingId, Misuse, Route, ServerEvent, Session,
};
use mcp_proto::{Era, Instant, Limits, Revision};
use serde_json::json;

use support::pair::{Pair, client_config, server_config};
use support::script::{Script, notification, request};
use support::{LEGACY, MODERN};
use support::{on_every_revision, on_revisions};

const MIB: usize = 1 << 20;
const PIPE: usize = 64 << 10;

/// One direction: what is being written, what is in the pipe, and what was read.
struct Direction {
    writing: Vec<u8>,
    written: usize,
    pipe: Vec<u8>,
    decoder: LineDecoder,
}

impl Direction {
    fn new() -> Self {
        Self {
            writing: Vec::new(),
            written: 0,
            pipe: Vec::new(),
            decoder: LineDecoder::new(16 * MIB),
        }
    }

    /// Moves what can be moved; whether anything was.
    fn pump(&mut self, now: Instant, from: &mut impl Session, to: &mut impl Session) -> bool {
        let mut moved = false;
        if self.written == self.writing.len() {
            self.written = 0;
            self.writing.clear();
            if from.poll_transmit(&mut self.writing).is_some() {
                self.writing.push(b'\n');
                moved = true;
            }
        }
        let left = &self.writing[self.written..];
        let room = (PIPE - self.pipe.len()).min(left.len());
        self.pipe.extend_from_slice(&left[..room]);
        self.written += room;
        moved |= room > 0;
        while to.wants_frames() {
            match self.decoder.next_frame() {
                Some(frame) => {
                    to.handle_frame(now, Route::Pipe, frame.expect("a frame"));
                    moved = true;
                }
                None if self.pipe.is_empty() => break,
                None => {
                    self.decoder.push(&self.pipe);
                    self.pipe.clear();
                    moved = true;
                }
            }
        }
        moved
    }
}

/// Makes `calls` calls of `size` bytes each that echo as much, and where a server may, has it ask for
/// as much by as much in each. Returns how many were answered with a result.
fn echo(revision: Revision, limits: &Limits, calls: usize, size: usize) -> usize {
    let client = client_config(revision).limits(limits.clone());
    let mut pair = Pair::open_with(client, server_config().limits(limits.clone()));
    let now = pair.now;
    let text = "x".repeat(size);
    let arguments = json!({"text": text});
    let params = CallToolParams::new("echo").arguments(Raw::encode(&arguments).unwrap());
    let asked = CreateMessageParams::new(vec![SamplingMessage::user(&*text)], 100);
    let asked = InputRequests::new().sample("it", &asked);
    let answer = CreateMessageResult::new("m", SamplingMessageContentBlock::text(&*text));
    let (mut up, mut down) = (Direction::new(), Direction::new());
    let (mut waiting, mut ended, mut good) = (calls, 0, 0);
    let mut to_ask: VecDeque<IncomingId> = VecDeque::new();
    while ended < calls {
        let mut moved = up.pump(now, &mut pair.client, &mut pair.server);
        moved |= down.pump(now, &mut pair.server, &mut pair.client);
        while waiting > 0 && pair.client.can_call() {
            pair.client
                .call::<CallTool>(now, &params, CallOptions::new())
                .unwrap();
            waiting -= 1;
            moved = true;
        }
        while let Some(event) = pair.server.poll_event() {
            moved = true;
            match event {
                ServerEvent::Request(asks)
                    if revision.era() == Era::Legacy && !asks.has_inputs() =>
                {
                    to_ask.push_back(asks.id);
                }
                ServerEvent::Request(done) => {
                    let result = CallToolResult::text(&*text);
                    pair.server
                        .reply::<CallTool>(now, done.id, &result)
                        .unwrap();
                }
                other => panic!("{other:?}"),
            }
        }
        while let Some(id) = to_ask.front() {
            match pair.server.need_input(now, *id, &asked, None) {
                Ok(()) => to_ask.pop_front(),
                Err(Misuse::OutputFull { .. }) => break,
                Err(other) => panic!("{other}"),
            };
            moved = true;
        }
        while let Some(event) = pair.client.poll_event() {
            moved = true;
            match event {
                ClientEvent::InputRequested(input) => {
                    pair.client
                        .answer::<CreateMessage>(now, input.input, &answer)
                        .unwrap();
                }
                ClientEvent::Completed(done) => {
                    ended += 1;
                    good += usize::from(done.raw().is_ok());
                }
                other => panic!("{other:?}"),
            }
        }
        assert!(moved, "both wait for each other after {ended} of {calls}");
    }
    good
}

on_every_revision! {
    pipe = "it carries the frames itself, through pipes that fill up";
    fn peers_that_both_have_much_to_send_never_wait_for_each_other(revision) {
        // A part of the defaults, so that it takes a part of the time.
        let part = support::amount(1024, 16);
        let limits = limited(|limits| {
            limits.output /= part;
            limits.memory /= part;
        });
        assert_eq!(echo(revision, &limits, 60, MIB / part), 60, "{revision}");
    }
}

#[test]
#[ignore = "takes 5 s of CPU without optimization: `.ci/run test` runs it, and the one above does the same with less"]
fn sixty_calls_of_a_mebibyte_each_way_are_all_answered() {
    let limits = Limits::default();
    assert_eq!(echo(Revision::V2025_11_25, &limits, 60, MIB), 60);
}

fn limited(change: impl Fn(&mut Limits)) -> Limits {
    let mut limits = Limits::default();
    change(&mut limits);
    limits
}

/// Feeds `frames` while they are wanted, polling events but sending nothing. Returns how many.
fn flood(session: &mut impl Session, now: Instant, frame: impl Fn(usize) -> String) -> usize {
    let mut fed = 0;
    while session.wants_frames() {
        session.handle_frame(now, Route::Pipe, Bytes::from(frame(fed)));
        while session.poll_event().is_some() {}
        fed += 1;
        assert!(fed < 1_000_000, "there is no end to it");
    }
    fed
}

on_revisions! { LEGACY;
    fn a_server_that_pings_and_never_reads_is_answered_up_to_a_bound(revision) {
        let limits = limited(|limits| {
            limits.output = 10_000;
            limits.calls = 4;
        });
        let mut client = Script::client_with(revision, client_config(revision).limits(limits));
        let now = client.now;
        flood(&mut client.session, now, |n| {
            json!({"jsonrpc": "2.0", "id": n, "method": "ping"}).to_string()
        });
        let sent: usize = client.sent().iter().map(|sent| sent.to_string().len()).sum();
        assert!((18_000..20_000).contains(&sent), "{sent}");
        assert!(client.session.wants_frames());
    }
}

on_every_revision! {
    streams;
    fn a_server_whose_client_reads_nothing_logs_and_reports_no_further(revision) {
        let limits = limited(|limits| limits.output = 10_000);
        let mut server = Script::server_with(revision, server_config().limits(limits));
        let now = server.now;
        let meta = json!({"progressToken": 1, "io.modelcontextprotocol/logLevel": "debug"});
        let mut call = request(revision, 1, "tools/call", json!({"name": "t"}));
        for (key, value) in meta.as_object().unwrap() {
            call["params"]["_meta"][key] = value.clone();
        }
        server.feed_json(&call);
        let events = server.take_events();
        let [ServerEvent::Request(asked)] = &events[..] else { panic!("{events:?}") };
        let data = Raw::encode(&"x".repeat(1000)).unwrap();
        let message = LoggingMessageParams::new(LoggingLevel::Error, data);
        let mut sent = 0;
        while server.session.log(now, Some(asked.id), &message).unwrap() {
            sent += 1;
            assert!(sent < 100);
        }
        let full = server.session.held_bytes();
        assert!(full < 40_000, "{full}");
        for n in 1..1000 {
            assert!(!server.session.log(now, Some(asked.id), &message).unwrap());
            server.session.progress(now, asked.id, f64::from(n), None, None).unwrap();
        }
        let full_misuse = Misuse::OutputFull { limit: 10_000 };
        assert_eq!(server.session.changed(now, Change::Tools).unwrap_err(), full_misuse);
        assert_eq!(server.session.resource_updated(now, "a:b").unwrap_err(), full_misuse);
        assert_eq!(server.session.held_bytes(), full);
        // The answer is taken all the same, and once the client reads all goes on.
        server.session.reply::<CallTool>(now, asked.id, &CallToolResult::text("x")).unwrap();
        assert_eq!(server.sent().len(), sent + 1);
        server.session.changed(now, Change::Tools).unwrap();
    }
}

on_every_revision! {
    fn requests_in_flight_are_refused_beyond_the_bytes_that_may_be_held(revision) {
        let limits = limited(|limits| limits.memory = 100_000);
        let mut server = Script::server_with(revision, server_config().limits(limits));
        let text = "x".repeat(10_000);
        let mut open = Vec::new();
        let calls = support::amount(20, 50);
        for n in 0..calls {
            let params = json!({"name": "t", "arguments": {"text": text}});
            server.feed_json(&request(revision, n, "tools/call", params));
            for event in server.take_events() {
                let ServerEvent::Request(asked) = event else { panic!("{event:?}") };
                open.push(asked.id);
            }
            assert!(server.session.held_bytes() < 130_000, "{}", server.session.held_bytes());
            assert!(server.session.wants_frames());
        }
        assert!((7..10).contains(&open.len()), "{}", open.len());
        let refused = server.sent();
        assert_eq!(refused.len() + open.len(), calls);
        for refused in refused {
            let message = refused["error"]["message"].as_str().unwrap();
            assert!(message.contains("bytes held (the limit is 100000); a retry may help"), "{message}");
        }
        server.session.reply::<CallTool>(server.now, open[0], &CallToolResult::text("x")).unwrap();
        server.sent();
        let params = json!({"name": "t", "arguments": {"text": text}});
        server.feed_json(&request(revision, 99, "tools/call", params));
        assert_eq!(server.take_events().len(), 1);
    }
}

on_every_revision! {
    fn unpolled_events_are_counted_in_bytes(revision) {
        let limits = limited(|limits| limits.memory = 100_000);
        let mut client = Script::client_with(revision, client_config(revision).limits(limits));
        let data = "x".repeat(10_000);
        let log = notification("notifications/message", json!({"level": "error", "data": data}));
        let mut fed = 0;
        while client.session.wants_frames() {
            client.session.handle_frame(client.now, Route::Pipe, Bytes::from(log.to_string()));
            fed += 1;
        }
        assert!((9..=10).contains(&fed), "{fed}");
        assert!(client.session.held_bytes() < 120_000);
        client.session.poll_event().unwrap();
        assert!(client.session.wants_frames());
        client.take_events();
        assert!(client.session.held_bytes() < 1000, "{}", client.session.held_bytes());
    }
}

on_revisions! { [Revision::V2025_03_26];
    fn answers_that_wait_in_a_batch_are_counted(revision) {
        let limits = limited(|limits| limits.memory = 100_000);
        let mut server = Script::server_with(revision, server_config().limits(limits));
        for n in 0..support::amount(15, 100) {
            let mut batch = vec![
                json!({"jsonrpc": "2.0", "id": format!("{n} never"), "method": "tools/call", "params": {"name": "t"}}),
            ];
            for m in 0..100 {
                batch.push(
                    json!({"jsonrpc": "2.0", "id": format!("{n} {m}"), "method": "m".repeat(120)}),
                );
            }
            server.feed_json(&json!(batch));
            server.take_events();
            server.sent();
            assert!(
                server.session.held_bytes() < 150_000,
                "{}",
                server.session.held_bytes()
            );
        }
    }
}

on_revisions! { LEGACY;
    fn what_a_client_says_of_itself_is_bounded(revision) {
        let limits = limited(|limits| limits.peer = 1000);
        let mut server = Script::fresh_server(server_config().limits(limits));
        let info = json!({"name": "x".repeat(2000), "version": "1"});
        let params = json!({"protocolVersion": revision.as_str(), "capabilities": {}, "clientInfo": info});
        server.feed_json(&json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params}));
        assert_eq!(server.reply()["error"]["code"], -32602);
        assert!(server.session.held_bytes() < 1000);
        assert!(server.take_events().is_empty());
    }
}

on_revisions! { LEGACY;
    fn ids_of_elicitations_are_bounded(revision) {
        let mut client = Script::client_with(revision, client_config(revision));
        for n in 0..support::amount(16, 64) {
            let params = CallToolParams::new("t");
            client.session.call::<CallTool>(client.now, &params, CallOptions::new()).unwrap();
            let id = client.sent()[0]["id"].clone();
            let elicitation = json!({"mode": "url", "message": "m", "url": "https://x/",
                "elicitationId": format!("{}{n}", "x".repeat(2_500))});
            client.feed_json(&json!({"jsonrpc": "2.0", "id": id, "error": {"code": -32042, "message": "m",
                "data": {"elicitations": [elicitation]}}}));
            client.take_events();
        }
        assert!(client.session.held_bytes() < 10_000, "{}", client.session.held_bytes());
    }
}

on_revisions! { MODERN;
    fn a_round_of_input_beyond_the_bytes_that_may_be_held_ends_its_call(revision) {
        let limits = limited(|limits| limits.memory = 100_000);
        let mut client = Script::client_with(revision, client_config(revision).limits(limits));
        let params = CallToolParams::new("t");
        let mut ended = 0;
        for _ in 0..20 {
            client.session.call::<CallTool>(client.now, &params, CallOptions::new()).unwrap();
            let id = client.sent()[0]["id"].clone();
            client.feed_json(&json!({"jsonrpc": "2.0", "id": id, "result": {"resultType": "input_required",
                "inputRequests": {"roots": {"method": "roots/list"}}, "requestState": "x".repeat(10_000)}}));
            let events = client.take_events();
            ended += events.iter().filter(|event| matches!(event, ClientEvent::Completed(_))).count();
            assert!(client.session.held_bytes() < 130_000, "{}", client.session.held_bytes());
        }
        assert!(ended > 5);
    }
}
