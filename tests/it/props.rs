//! Any sequence of operations on two sessions and the link between them, honest or hostile, keeps what
//! the sessions promise: nothing panics, every call ends once, the end comes once and last.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use mcp_proto::model::input::InputRequests;
use mcp_proto::model::logging::{LoggingLevel, LoggingMessageParams};
use mcp_proto::model::method::{CallTool, ListRoots, ListTools};
use mcp_proto::model::page::PaginatedRequestParams;
use mcp_proto::model::root::ListRootsResult;
use mcp_proto::model::subscription::SubscriptionFilter;
use mcp_proto::model::tool::{CallToolParams, CallToolResult, ListToolsResult};
use mcp_proto::rpc::RpcError;
use mcp_proto::session::{
    CallId, CallOptions, Change, ClientConfig, ClientEvent, ClientSession, Closed, EraPolicy,
    IncomingId, InputId, Route, SavedClient, ServerEvent, ServerSession, Session, SubscriptionId,
    Timeout,
};
use mcp_proto::{Era, Instant, Limits, Revision};
use proptest::prelude::*;
use serde_json::{Value, json};

use support::pair::{Checked, client_config, everything_of_a_client, server_config};
use support::saved::Saved;
use support::wire::Wire;

/// One thing that happens. Numbers choose among what there is.
#[derive(Clone, Debug)]
enum Op {
    Call {
        progress: bool,
        idle: u64,
    },
    List,
    Ping,
    SetLevel,
    Subscribe(bool),
    Unsubscribe(usize),
    Cancel(usize),
    Answer(usize),
    Decline(usize),
    RootsChanged,
    Reply(usize),
    ReplyError(usize, i64),
    Need(usize, bool),
    Progress(usize, u8),
    Log(Option<usize>),
    Changed(u8),
    ToClient(usize),
    ToServer(usize),
    Pass(u64),
    /// Everything is carried across once and polled.
    Turn,
    ClientEvents(usize),
    ServerEvents(usize),
    Park,
    // What only a hostile link does.
    Drop(bool),
    Twice(bool),
    Swap(bool),
    Garble(bool, usize, u8),
    PutIn(bool, usize),
    // The end.
    CloseClient,
    CloseServer,
    LoseClient(u8),
    LoseServer(u8),
}

fn honest() -> impl Strategy<Value = Op> {
    prop_oneof![
        6 => (any::<bool>(), 1_u64..100).prop_map(|(progress, idle)| Op::Call { progress, idle }),
        2 => Just(Op::List),
        1 => Just(Op::Ping),
        1 => Just(Op::SetLevel),
        2 => any::<bool>().prop_map(Op::Subscribe),
        1 => (0_usize..4).prop_map(Op::Unsubscribe),
        3 => (0_usize..8).prop_map(Op::Cancel),
        4 => (0_usize..4).prop_map(Op::Answer),
        1 => (0_usize..4).prop_map(Op::Decline),
        1 => Just(Op::RootsChanged),
        6 => (0_usize..8).prop_map(Op::Reply),
        1 => (0_usize..8, -33_000_i64..10).prop_map(|(n, code)| Op::ReplyError(n, code)),
        4 => (0_usize..8, any::<bool>()).prop_map(|(n, state)| Op::Need(n, state)),
        2 => (0_usize..8, any::<u8>()).prop_map(|(n, by)| Op::Progress(n, by)),
        1 => proptest::option::of(0_usize..8).prop_map(Op::Log),
        1 => (0_u8..4).prop_map(Op::Changed),
        10 => (1_usize..6).prop_map(Op::ToClient),
        10 => (1_usize..6).prop_map(Op::ToServer),
        4 => (0_u64..40_000).prop_map(Op::Pass),
        6 => (1_usize..9).prop_map(Op::ClientEvents),
        6 => (1_usize..9).prop_map(Op::ServerEvents),
        1 => Just(Op::Park),
        10 => Just(Op::Turn),
    ]
}

fn hostile() -> impl Strategy<Value = Op> {
    prop_oneof![
        12 => honest(),
        1 => any::<bool>().prop_map(Op::Drop),
        1 => any::<bool>().prop_map(Op::Twice),
        1 => any::<bool>().prop_map(Op::Swap),
        2 => (any::<bool>(), any::<usize>(), any::<u8>()).prop_map(|(side, at, byte)| Op::Garble(side, at, byte)),
        3 => (any::<bool>(), any::<usize>()).prop_map(|(side, n)| Op::PutIn(side, n)),
    ]
}

fn end() -> impl Strategy<Value = Op> {
    prop_oneof![
        Just(Op::CloseClient),
        Just(Op::CloseServer),
        (0_u8..3).prop_map(Op::LoseClient),
        (0_u8..3).prop_map(Op::LoseServer),
    ]
}

/// Frames that a peer of another make might send, or somebody who means harm.
fn stray(revision: Revision, n: usize) -> String {
    let id = (n / 16) % 12;
    let meta = match revision.era() {
        Era::Modern => support::script::modern_meta(),
        _ => json!({}),
    };
    let frame = match n % 16 {
        0 => {
            json!({"jsonrpc": "2.0", "id": id, "result": {"resultType": "complete", "content": []}})
        }
        1 => {
            json!({"jsonrpc": "2.0", "id": id, "result": {"resultType": "input_required", "requestState": "s"}})
        }
        2 => json!({"jsonrpc": "2.0", "id": id, "result": null}),
        3 => json!({"jsonrpc": "2.0", "id": id, "error": {"code": -32022, "message": "m",
            "data": {"supported": ["2026-07-28"], "requested": "x"}}}),
        4 => json!({"jsonrpc": "2.0", "id": id}),
        5 => {
            json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": id}})
        }
        6 => {
            json!({"jsonrpc": "2.0", "method": "notifications/progress", "params": {"progressToken": id, "progress": 1}})
        }
        7 => {
            json!({"jsonrpc": "2.0", "id": id, "method": "tools/call", "params": {"name": "x", "_meta": meta}})
        }
        8 => json!({"jsonrpc": "2.0", "id": id, "method": "roots/list", "params": {"_meta": meta}}),
        9 => json!({"jsonrpc": "2.0", "id": id, "method": "ping"}),
        10 => support::script::initialize(id as i64, "2025-03-26"),
        11 => {
            json!([{"jsonrpc": "2.0", "id": id, "method": "ping"}, 5, {"jsonrpc": "2.0", "id": id, "result": {}}])
        }
        12 => json!({"jsonrpc": "2.0", "id": id, "method": "subscriptions/listen",
            "params": {"notifications": {"toolsListChanged": true}, "_meta": meta}}),
        13 => json!({"jsonrpc": "2.0", "method": "notifications/subscriptions/acknowledged",
            "params": {"notifications": {}, "_meta": {"io.modelcontextprotocol/subscriptionId": id}}}),
        14 => json!({"jsonrpc": "2.0", "method": "notifications/initialized"}),
        _ => json!("garbage"),
    };
    frame.to_string()
}

/// The two sessions, the frames on their way, and what is known of them from outside.
struct World {
    revision: Revision,
    client_config: ClientConfig,
    client: ClientSession,
    server: ServerSession,
    now: Instant,
    to_client: VecDeque<Vec<u8>>,
    to_server: VecDeque<Vec<u8>>,
    /// Each call that was made, and how often it has ended.
    calls: BTreeMap<CallId, u32>,
    asked: Vec<(IncomingId, String)>,
    inputs: Vec<InputId>,
    subscriptions: BTreeMap<SubscriptionId, u32>,
    client_ends: u32,
    server_ends: u32,
    /// The ids that each side has used for its requests: the client, the server.
    used: [BTreeSet<String>; 2],
    /// Holds what each of them sends against the official schema: the client's first.
    checked: [Wire; 2],
}

impl World {
    fn new(revision: Revision, auto: bool) -> Self {
        let mut limits = Limits::default();
        (limits.calls, limits.subscriptions, limits.input_rounds) = (6, 6, 3);
        let client_config = match auto {
            true => ClientConfig::new("x", "1")
                .era(EraPolicy::Auto)
                .capabilities(everything_of_a_client()),
            false => client_config(revision),
        };
        let client_config = client_config.limits(limits.clone());
        let server = server_config().limits(limits).revisions(vec![revision]);
        let mut client = ClientSession::new(client_config.clone());
        let now = Instant::from_millis(5);
        client.open(now).unwrap();
        Self {
            revision,
            client_config,
            client,
            server: ServerSession::new(server),
            now,
            to_client: VecDeque::new(),
            to_server: VecDeque::new(),
            calls: BTreeMap::new(),
            asked: Vec::new(),
            inputs: Vec::new(),
            subscriptions: BTreeMap::new(),
            client_ends: 0,
            server_ends: 0,
            used: [BTreeSet::new(), BTreeSet::new()],
            checked: [Wire::default(), Wire::default()],
        }
    }

    fn apply(&mut self, op: &Op) {
        match op {
            Op::Call { .. } | Op::List | Op::Ping | Op::SetLevel => self.call(op),
            Op::ToClient(count) => {
                self.collect_output();
                for frame in take(&mut self.to_client, *count) {
                    self.checked[0].put_in(false, &frame);
                    self.client
                        .handle_frame(self.now, Route::Pipe, frame.into());
                    self.collect_output();
                }
            }
            Op::ToServer(count) => {
                self.collect_output();
                for frame in take(&mut self.to_server, *count) {
                    self.checked[1].put_in(true, &frame);
                    self.server
                        .handle_frame(self.now, Route::Pipe, frame.into());
                    self.collect_output();
                }
            }
            Op::Pass(millis) => {
                self.now = self.now + Duration::from_millis(*millis);
                self.client.handle_timeout(self.now);
                self.server.handle_timeout(self.now);
            }
            Op::ClientEvents(count) => self.client_events(*count),
            Op::ServerEvents(count) => self.server_events(*count),
            Op::Park => self.park(),
            Op::Turn => {
                for op in [
                    Op::ToServer(99),
                    Op::ServerEvents(99),
                    Op::ToClient(99),
                    Op::ClientEvents(99),
                ] {
                    self.apply(&op);
                }
            }
            Op::CloseClient => self.client.close(self.now),
            Op::CloseServer => self.server.close(self.now),
            Op::LoseClient(why) => self
                .client
                .handle_closed(self.now, Route::Pipe, reason(*why)),
            Op::LoseServer(why) => self
                .server
                .handle_closed(self.now, Route::Pipe, reason(*why)),
            Op::Subscribe(_)
            | Op::Unsubscribe(_)
            | Op::Cancel(_)
            | Op::Answer(_)
            | Op::Decline(_)
            | Op::RootsChanged => self.command_client(op),
            Op::Reply(_)
            | Op::ReplyError(..)
            | Op::Need(..)
            | Op::Progress(..)
            | Op::Log(_)
            | Op::Changed(_) => self.command_server(op),
            _ => self.meddle(op),
        }
    }

    fn call(&mut self, op: &Op) {
        let (client, now) = (&mut self.client, self.now);
        let options = CallOptions::new;
        let made = match op {
            Op::Call { progress, idle } => {
                let options = options()
                    .progress(*progress)
                    .idle(Timeout::After(Duration::from_secs(*idle)));
                client
                    .call::<CallTool>(now, &CallToolParams::new("x"), options)
                    .map(CallId::any)
            }
            Op::List => client
                .call::<ListTools>(now, &PaginatedRequestParams::new(), options())
                .map(CallId::any),
            Op::Ping => client.ping(now, options()).map(CallId::any),
            _ => client
                .set_log_level(now, LoggingLevel::Debug, options())
                .map(CallId::any),
        };
        if let Ok(call) = made {
            assert!(
                self.calls.insert(call, 0).is_none(),
                "a call's id is used once"
            );
        }
    }

    fn command_client(&mut self, op: &Op) {
        let (client, now) = (&mut self.client, self.now);
        match op {
            Op::Subscribe(uris) => {
                let mut filter = SubscriptionFilter::new().tools_list_changed(true);
                if *uris {
                    filter = filter.resource_subscriptions(["a:1", "a:2"]);
                }
                if let Ok(id) = client.subscribe(now, &filter) {
                    assert!(self.subscriptions.insert(id, 0).is_none());
                }
            }
            Op::Unsubscribe(n) => {
                if let Some(id) = pick(&self.subscriptions, *n)
                    && client.unsubscribe(now, id).is_ok()
                {
                    self.subscriptions.remove(&id);
                }
            }
            Op::Cancel(n) => {
                if let Some(call) = pick(&self.calls, *n) {
                    let _ = client.cancel(now, call, Some("why"));
                }
            }
            Op::Answer(n) => {
                if let Some(input) = self.inputs.get(*n) {
                    let _ =
                        client.answer::<ListRoots>(now, *input, &ListRootsResult::new(Vec::new()));
                }
            }
            Op::Decline(n) => {
                if let Some(input) = self.inputs.get(*n) {
                    let _ = client.decline(now, *input, RpcError::new(-1, "no"));
                }
            }
            _ => {
                let _ = client.roots_changed(now);
            }
        }
    }

    fn command_server(&mut self, op: &Op) {
        let (server, now) = (&mut self.server, self.now);
        let asked = |n: &usize| self.asked.get(*n).cloned();
        match op {
            Op::Reply(n) => {
                let Some((request, method)) = asked(n) else {
                    return;
                };
                let _ = match method.as_str() {
                    "tools/list" => {
                        server.reply::<ListTools>(now, request, &ListToolsResult::new(Vec::new()))
                    }
                    _ => server.reply::<CallTool>(now, request, &CallToolResult::text("x")),
                };
            }
            Op::ReplyError(n, code) => {
                let Some((request, _)) = asked(n) else { return };
                let _ = server.reply_error(now, request, RpcError::new(*code, "no"));
            }
            Op::Need(n, state) => {
                let Some((request, _)) = asked(n) else { return };
                let need = InputRequests::new().roots("a").roots("b");
                let _ = server.need_input(now, request, &need, state.then_some("state"));
            }
            Op::Progress(n, by) => {
                let Some((request, _)) = asked(n) else { return };
                let _ = server.progress(now, request, f64::from(*by), None, None);
            }
            Op::Log(n) => {
                let request = n.and_then(|n| asked(&n)).map(|(request, _)| request);
                let message = LoggingMessageParams::text(LoggingLevel::Error, "x");
                let _ = server.log(now, request, &message);
            }
            Op::Changed(n) => {
                let changes = [Change::Tools, Change::Prompts, Change::Resources];
                let _ = match changes.get(usize::from(*n)) {
                    Some(change) => server.changed(now, *change),
                    None => server.resource_updated(now, "a:1"),
                };
            }
            _ => {}
        }
    }

    /// What a hostile link does to the frames on their way.
    fn meddle(&mut self, op: &Op) {
        self.collect_output();
        let revision = self.revision;
        let side = match op {
            Op::Drop(side)
            | Op::Twice(side)
            | Op::Swap(side)
            | Op::Garble(side, ..)
            | Op::PutIn(side, _) => *side,
            _ => return,
        };
        let frames = if side {
            &mut self.to_client
        } else {
            &mut self.to_server
        };
        match op {
            Op::Drop(_) => drop(frames.pop_front()),
            Op::Twice(_) => {
                if let Some(frame) = frames.front().cloned() {
                    frames.push_back(frame);
                }
            }
            Op::Swap(_) if frames.len() > 1 => frames.swap(0, 1),
            Op::Garble(_, at, byte) => {
                if let Some(frame) = frames.front_mut().filter(|frame| !frame.is_empty()) {
                    let at = at % frame.len();
                    frame[at] = *byte;
                }
            }
            Op::PutIn(_, n) => frames.push_front(stray(revision, *n).into_bytes()),
            _ => {}
        }
    }

    fn collect_output(&mut self) {
        let [client, server] = &mut self.checked;
        let [by_client, by_server] = &mut self.used;
        collect(&mut self.client, &mut self.to_server, by_client, client);
        collect(&mut self.server, &mut self.to_client, by_server, server);
    }

    fn client_events(&mut self, count: usize) {
        for _ in 0..count {
            let Some(event) = self.client.poll_event() else {
                return;
            };
            assert_eq!(
                self.client_ends, 0,
                "nothing comes after the end: {event:?}"
            );
            match event {
                ClientEvent::Completed(done) => {
                    let ends = self
                        .calls
                        .get_mut(&done.call)
                        .expect("it was made by the user");
                    *ends += 1;
                    assert_eq!(*ends, 1, "{done:?}");
                }
                ClientEvent::Progress { call, .. } => {
                    assert_eq!(self.calls[&call], 0, "progress comes before the end")
                }
                ClientEvent::InputRequested(input) => self.inputs.push(input.input),
                ClientEvent::InputWithdrawn(input) => self.inputs.retain(|open| *open != input),
                ClientEvent::SubscriptionEnded { subscription, .. } => {
                    // One that the user ended is not told of.
                    let ended = self.subscriptions.remove(&subscription);
                    assert!(ended.is_some(), "{subscription} ends once");
                }
                ClientEvent::Closed(_) => self.client_ends += 1,
                _ => {}
            }
        }
    }

    fn server_events(&mut self, count: usize) {
        for _ in 0..count {
            let Some(event) = self.server.poll_event() else {
                return;
            };
            assert_eq!(
                self.server_ends, 0,
                "nothing comes after the end: {event:?}"
            );
            match event {
                ServerEvent::Request(request) => {
                    self.asked.retain(|(id, _)| *id != request.id);
                    self.asked
                        .insert(0, (request.id, request.method().to_string()));
                }
                ServerEvent::Cancelled { request, .. } => {
                    self.asked.retain(|(id, _)| *id != request)
                }
                ServerEvent::Closed(_) => self.server_ends += 1,
                _ => {}
            }
        }
    }

    /// Saves the client and takes it up again, in the same epoch.
    fn park(&mut self) {
        let saved = self.client.save(self.now).text();
        let saved = SavedClient::read(&saved).unwrap();
        self.client = ClientSession::restore(self.client_config.clone(), saved, self.now).unwrap();
    }

    /// Both connections end; whatever was open has ended, and nothing is left.
    fn finish(mut self) {
        self.client
            .handle_closed(self.now, Route::Pipe, Closed::EndOfInput);
        self.server
            .handle_closed(self.now, Route::Pipe, Closed::EndOfInput);
        self.client_events(usize::MAX);
        self.server_events(usize::MAX);
        self.collect_output();
        assert_eq!((self.client_ends, self.server_ends), (1, 1));
        assert!(
            self.calls.values().all(|ends| *ends == 1),
            "{:?}",
            self.calls
        );
        assert!(self.subscriptions.is_empty(), "{:?}", self.subscriptions);
        assert_eq!(
            (self.client.open_calls(), self.server.open_requests()),
            (0, 0)
        );
        assert_eq!(
            (self.client.poll_timeout(), self.server.poll_timeout()),
            (None, None)
        );
        let (client, server) = (format!("{:?}", self.client), format!("{:?}", self.server));
        for n in 0..16 {
            self.client
                .handle_frame(self.now, Route::Pipe, stray(self.revision, n).into());
            self.server
                .handle_frame(self.now, Route::Pipe, stray(self.revision, n).into());
        }
        assert_eq!(
            (format!("{:?}", self.client), format!("{:?}", self.server)),
            (client, server)
        );
    }
}

fn reason(why: u8) -> Closed {
    [Closed::EndOfInput, Closed::ReadFailed, Closed::WriteFailed][usize::from(why) % 3]
}

fn take(frames: &mut VecDeque<Vec<u8>>, count: usize) -> Vec<Vec<u8>> {
    let count = count.min(frames.len());
    frames.drain(..count).collect()
}

fn pick<K: Copy + Ord, V>(map: &BTreeMap<K, V>, n: usize) -> Option<K> {
    map.keys().rev().nth(n).copied()
}

/// Moves what a session has to send onto the link, and checks what can be seen of it.
fn collect<S: Checked>(
    session: &mut S,
    link: &mut VecDeque<Vec<u8>>,
    used: &mut BTreeSet<String>,
    checked: &mut Wire,
) {
    checked.resume(session.negotiated());
    let mut frame = Vec::new();
    while let Some(transmit) = session.poll_transmit(&mut frame) {
        assert_eq!(transmit.len, frame.len());
        let message: Value = serde_json::from_slice(&frame).expect("what is sent is JSON");
        assert!(!frame.contains(&b'\n'));
        checked.sent(S::IS_CLIENT, &frame);
        if let (Some(_), Some(id)) = (message.get("method"), message.get("id")) {
            assert!(used.insert(id.to_string()), "an id is used once: {message}");
        }
        link.push_back(std::mem::take(&mut frame));
    }
}

fn run(revision: usize, auto: bool, settle: bool, ops: &[Op], ends: &[Op]) {
    let mut world = World::new(Revision::ALL[revision], auto);
    if settle {
        // Open first; without this the operations meet an opening session.
        for _ in 0..4 {
            world.apply(&Op::ToServer(9));
            world.apply(&Op::ToClient(9));
        }
    }
    for op in ops.iter().chain(ends) {
        world.apply(op);
    }
    world.finish();
}

proptest! {
    // A case is a whole conversation, so a part of the usual number of them.
    #![proptest_config(support::cases(16, 64))]

    // `base.id.unique.session` `base.id.unique.inflight` `cancel.race` `lifecycle.shutdown.pending`
    // `base.resp.unknown` `timeout.all`
    #[test]
    fn any_sequence_of_operations_keeps_the_promises(
        revision in 0_usize..5,
        auto in any::<bool>(),
        settle in proptest::bool::weighted(0.8),
        ops in proptest::collection::vec(honest(), 0..120),
        ends in proptest::collection::vec(prop_oneof![1 => end(), 2 => honest()], 0..12),
    ) {
        run(revision, auto, settle, &ops, &ends);
    }

    // `base.id.unique.session` `base.resp.unknown` `cancel.malformed` `cancel.race`
    // `lifecycle.shutdown.pending`
    #[test]
    fn a_hostile_link_breaks_none_of_them(
        revision in 0_usize..5,
        auto in any::<bool>(),
        settle in proptest::bool::weighted(0.8),
        ops in proptest::collection::vec(hostile(), 0..120),
        ends in proptest::collection::vec(prop_oneof![1 => end(), 2 => hostile()], 0..12),
    ) {
        run(revision, auto, settle, &ops, &ends);
    }
}
