//! A session that is saved and restored at any step goes on as if nothing had happened.

use std::time::Duration;

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
use mcp_proto::{Instant, Revision};

use support::on_every_revision;
use support::on_revisions;
use support::pair::{Pair, client_config, server_config};
use support::saved::Saved;

/// What an adapter and a user can see of a session without changing it.
fn seen(session: &impl Session, held: usize, now: Instant) -> String {
    let left = session.poll_timeout().map(|due| due - now);
    let (wants, is_closed) = (session.wants_frames(), session.is_closed());
    format!("{held} bytes, due in {left:?}, wants frames: {wants}, closed: {is_closed}")
}

/// What can be seen of both sides.
fn seen_of(pair: &Pair) -> [String; 2] {
    let (client, server) = (&pair.client, &pair.server);
    [
        seen(client, client.held_bytes(), pair.now),
        seen(server, server.held_bytes(), pair.now),
    ]
}

/// Parks both sides as text and takes them up again in an epoch that is five hours away, where
/// nothing can be seen to have changed.
fn park(pair: &mut Pair, revision: Revision) {
    let before = seen_of(pair);
    let client = pair.client.save(pair.now).text();
    let server = pair.server.save(pair.now).text();
    pair.now = pair.now + Duration::from_secs(5 * 3600);
    let saved = SavedClient::read(&client).unwrap();
    pair.client = ClientSession::restore(client_config(revision), saved, pair.now).unwrap();
    let saved = SavedServer::read(&server).unwrap();
    pair.server = ServerSession::restore(server_config(), saved, pair.now).unwrap();
    assert_eq!(seen_of(pair), before, "{revision}");
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
    let filter = filter.resource_subscriptions(["file:///a", "file:///b"]);
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
    pair.pass(Duration::from_secs(5));
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

on_every_revision! {
    fn a_parked_session_holds_what_it_held_and_is_due_when_it_was(revision) {
        let mut pair = Pair::open(revision);
        // What was confirmed needs less than what is awaited.
        let filter = SubscriptionFilter::new().resource_subscriptions(["file:///a", "file:///b"]);
        pair.client.subscribe(pair.now, &filter).unwrap();
        pair.drive();
        park(&mut pair, revision);
        // The clock of a call that is over may still be the next thing to look at.
        let params = CallToolParams::new("t");
        for seconds in [10, 60] {
            let options = CallOptions::new().idle(Timeout::After(Duration::from_secs(seconds)));
            let call = pair.client.call::<CallTool>(pair.now, &params, options).unwrap();
            if seconds == 10 {
                pair.client.cancel(pair.now, call, None).unwrap();
            }
        }
        park(&mut pair, revision);
        // The params that are kept stand in a buffer that a longer call has left behind.
        let long = CallToolParams::new("n".repeat(500));
        let call = pair.client.call::<CallTool>(pair.now, &long, CallOptions::new()).unwrap();
        pair.client.cancel(pair.now, call, None).unwrap();
        pair.client.call::<CallTool>(pair.now, &params, CallOptions::new()).unwrap();
        park(&mut pair, revision);
    }
}

on_revisions! { [Revision::V2025_03_26];
    fn the_answers_to_half_a_batch_weigh_the_same_once_parked(revision) {
        use support::script::{Script, tool_call};
        let mut server = Script::server(revision);
        let batch = [1, 2, 3].map(|id| tool_call(revision, id));
        server.feed_json(&serde_json::Value::from(batch.to_vec()));
        for event in server.take_events().into_iter().take(2) {
            let mcp_proto::session::ServerEvent::Request(request) = event else {
                panic!("{event:?}")
            };
            let result = CallToolResult::text("x");
            let replied = server
                .session
                .reply::<CallTool>(server.now, request.id, &result);
            replied.unwrap();
        }
        let held = server.session.held_bytes();
        let saved = server.session.save(server.now).text();
        let saved = SavedServer::read(&saved).unwrap();
        let restored = ServerSession::restore(server_config(), saved, server.now).unwrap();
        assert_eq!(restored.held_bytes(), held);
    }
}

on_revisions! { [Revision::V2026_07_28];
    fn a_session_saved_in_another_format_is_refused(revision) {
        let pair = Pair::open(revision);
        let saved = pair.client.save(pair.now).text();
        let mut saved: serde_json::Value = serde_json::from_str(&saved).unwrap();
        // The format is the first of what is saved.
        saved[0] = 999.into();
        let saved = SavedClient::read(&saved.to_string()).unwrap();
        let restored = ClientSession::restore(client_config(revision), saved, pair.now);
        assert!(matches!(
            restored,
            Err(RestoreError::Format { found: 999, .. })
        ));
    }
}

on_every_revision! {
    fn what_is_subscribed_to_at_the_opening_survives_parking_during_it(revision) {
        use mcp_proto::session::EraPolicy;
        let filter = SubscriptionFilter::new().tools_list_changed(true);
        let config = client_config(revision).subscriptions(vec![filter]);
        for policy in [EraPolicy::Auto, client_config(revision).era] {
            let config = config.clone().era(policy);
            let mut pair = Pair::new(config.clone(), server_config());
            pair.client.open(pair.now).unwrap();
            let saved = pair.client.save(pair.now);
            pair.client = ClientSession::restore(config.clone(), saved, pair.now).unwrap();
            pair.drive();
            assert_eq!(pair.client.subscriptions().count(), 1);
            // Once open, they are not subscribed to a second time.
            let saved = pair.client.save(pair.now);
            pair.client = ClientSession::restore(config, saved, pair.now).unwrap();
            pair.drive();
            assert_eq!(pair.client.subscriptions().count(), 1);
        }
    }
}

on_every_revision! {
    fn what_a_peer_earned_by_waiting_survives_parking(revision) {
        use support::script::{Script, notification, tool_call};
        use serde_json::json;
        let mut limits = mcp_proto::Limits::default();
        limits.cancel_burst = 2;
        limits.cancel_rate = 1;
        let config = server_config().limits(limits);
        let mut server = Script::server_with(revision, config.clone());
        for id in 1..=2 {
            server.feed_json(&tool_call(revision, id));
            server.feed_json(&notification("notifications/cancelled", json!({"requestId": id})));
        }
        server.sent();
        server.take_events();
        let later = server.now + Duration::from_secs(3600);
        let saved = server.session.save(later);
        server.session = ServerSession::restore(config, saved, server.now).unwrap();
        server.feed_json(&tool_call(revision, 9));
        assert!(server.sent().is_empty());
        assert_eq!(server.take_events().len(), 1);
    }
}

#[test]
fn an_opening_that_times_out_tells_its_whole_time_wherever_it_ends() {
    let config = || client_config(Revision::V2025_11_25);
    let start = Instant::new(Duration::from_secs(100));
    let mut client = ClientSession::new(config());
    client.open(start).unwrap();
    let saved = client.save(start + Duration::from_secs(3));
    // The new epoch is younger than the opening.
    let mut restored = ClientSession::restore(config(), saved, Instant::ZERO).unwrap();
    let told = |client: &mut ClientSession| {
        while let Some(deadline) = client.poll_timeout() {
            client.handle_timeout(deadline);
        }
        let events = core::iter::from_fn(|| client.poll_event());
        format!("{:?}", events.last())
    };
    let expected = told(&mut client);
    assert!(expected.contains("OpeningTimedOut"), "{expected}");
    assert_eq!(told(&mut restored), expected);

    // It was saved after the end of its time, which nobody had told it of.
    let mut late = ClientSession::new(config());
    late.open(start).unwrap();
    let saved = late.save(start + Duration::from_secs(3600));
    let mut restored = ClientSession::restore(config(), saved, Instant::from_millis(7)).unwrap();
    restored.handle_timeout(Instant::from_millis(7));
    assert_eq!(told(&mut restored), expected);
}
