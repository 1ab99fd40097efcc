//! A session that is saved and restored at any step goes on as if nothing had happened.

use std::time::Duration;

use mcp_proto::Revision;
use mcp_proto::model::input::InputRequests;
use mcp_proto::model::method::{CallTool, CreateMessage};
use mcp_proto::model::sampling::{
    CreateMessageParams, CreateMessageResult, SamplingMessage, SamplingMessageContentBlock,
};
use mcp_proto::model::subscription::SubscriptionFilter;
use mcp_proto::model::tool::{CallToolParams, CallToolResult};
use mcp_proto::session::{
    CallError, CallOptions, ClientEvent, ClientSession, RestoreError, SavedClient, SavedServer,
    ServerSession, Session, Timeout,
};

use crate::on_every_revision;
use crate::support::pair::{Pair, client_config, server_config};

/// Parks both sides as text and takes them up again in an epoch that is five hours away.
fn park(pair: &mut Pair, revision: Revision) {
    let client = serde_json::to_string(&pair.client.save(pair.now)).unwrap();
    let server = serde_json::to_string(&pair.server.save(pair.now)).unwrap();
    pair.now = pair.now + Duration::from_secs(5 * 3600);
    let saved: SavedClient = serde_json::from_str(&client).unwrap();
    pair.client = ClientSession::restore(client_config(revision), saved, pair.now).unwrap();
    let saved: SavedServer = serde_json::from_str(&server).unwrap();
    pair.server = ServerSession::restore(server_config(), saved, pair.now).unwrap();
}

/// A call with progress and a round of sampling, a subscription and a change; parked before step
/// `at` or not at all. Returns everything that was sent.
fn scenario(revision: Revision, at: Option<usize>) -> (Vec<(bool, String)>, usize) {
    let mut pair = Pair::open(revision);
    let mut steps = 0;
    let mut step = |pair: &mut Pair| {
        if at == Some(steps) {
            park(pair, revision);
        }
        steps += 1;
    };
    step(&mut pair);
    let filter = SubscriptionFilter::new().tools_list_changed(true);
    pair.client.subscribe(pair.now, &filter).unwrap();
    step(&mut pair);
    let params = CallToolParams::new("poet");
    let options = CallOptions::new().progress(true);
    let call = pair
        .client
        .call::<CallTool>(pair.now, &params, options)
        .unwrap();
    step(&mut pair);
    pair.drive();
    step(&mut pair);
    let request = loop {
        if let mcp_proto::session::ServerEvent::Request(request) =
            pair.server_events.pop_front().unwrap()
        {
            break request;
        }
    };
    pair.server
        .progress(pair.now, request.id, 1.0, None, None)
        .unwrap();
    step(&mut pair);
    let asked = CreateMessageParams::new(vec![SamplingMessage::user("rhyme")], 100);
    let requests = InputRequests::new().sample("rhyme", &asked);
    pair.server
        .need_input(pair.now, request.id, &requests, Some("state \"\u{e9}\""))
        .unwrap();
    step(&mut pair);
    pair.drive();
    step(&mut pair);
    let input = pair
        .client_events
        .iter()
        .find_map(|event| match event {
            ClientEvent::InputRequested(input) => Some(input.input),
            _ => None,
        })
        .unwrap();
    let block = SamplingMessageContentBlock::text("socks");
    let answer = CreateMessageResult::new("model", block);
    pair.client
        .answer::<CreateMessage>(pair.now, input, &answer)
        .unwrap();
    step(&mut pair);
    pair.drive();
    step(&mut pair);
    let request = pair.request();
    assert_eq!(request.state().unwrap(), "state \"\u{e9}\"");
    pair.server
        .changed(pair.now, mcp_proto::session::Change::Tools)
        .unwrap();
    pair.server
        .reply::<CallTool>(pair.now, request.id, &CallToolResult::text("done"))
        .unwrap();
    step(&mut pair);
    pair.drive();
    let done = pair.client_events.iter().any(|event| {
        matches!(event, ClientEvent::Completed(done) if done.of(call).is_some_and(|r| r.is_ok()))
    });
    assert!(done, "{:?}", pair.client_events);
    (pair.wire, steps)
}

on_every_revision! {
    fn a_session_parked_at_any_step_sends_what_it_would_have_sent(revision) {
        let (expected, steps) = scenario(revision, None);
        assert!(steps >= 9);
        for at in 0..steps {
            let (wire, _) = scenario(revision, Some(at));
            assert_eq!(wire, expected, "{revision}, parked before step {at}");
        }
    }
}

on_every_revision! {
    fn a_parked_call_has_the_time_it_had_left(revision) {
        let mut pair = Pair::open(revision);
        let options = CallOptions::new().idle(Timeout::After(Duration::from_secs(10)));
        let params = CallToolParams::new("slow");
        let call = pair.client.call::<CallTool>(pair.now, &params, options).unwrap();
        pair.drive();
        pair.pass(Duration::from_secs(4));
        park(&mut pair, revision);
        let left = pair.client.poll_timeout().unwrap() - pair.now;
        assert_eq!(left, Duration::from_secs(6));
        pair.server_events.clear();
        pair.pass(left);
        let done = pair.completed(call);
        assert!(matches!(done.of(call), Some(Err(CallError::TimedOut { .. }))));
    }
}

#[test]
fn a_session_saved_in_another_format_is_refused() {
    let pair = Pair::open(Revision::V2026_07_28);
    let mut saved = serde_json::to_value(pair.client.save(pair.now)).unwrap();
    saved["format"] = 999.into();
    let saved: SavedClient = serde_json::from_str(&saved.to_string()).unwrap();
    let restored = ClientSession::restore(client_config(Revision::V2026_07_28), saved, pair.now);
    assert!(matches!(
        restored,
        Err(RestoreError::Format { found: 999, .. })
    ));
}
