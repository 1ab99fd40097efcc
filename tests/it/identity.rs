//! What a session gave out means nothing to another one, and what it did is over when it says so.

use std::time::Duration;

use mcp_proto::frame::FrameError;
use mcp_proto::model::method::{CallTool, ListRoots};
use mcp_proto::model::root::ListRootsResult;
use mcp_proto::model::subscription::SubscriptionFilter;
use mcp_proto::model::tool::{CallToolParams, CallToolResult};
use mcp_proto::rpc::RpcError;
use mcp_proto::session::{
    CallOptions, ClientEvent, ClientSession, Handle, InputId, Misuse, ServerEvent, Session,
    Timeouts,
};
use mcp_proto::{Era, Limits};
use serde_json::json;

use support::LEGACY;
use support::pair::{client_config, server_config};
use support::script::{Script, request, result, tool_call};
use support::{on_every_revision, on_revisions};

on_every_revision! {
    fn the_handles_of_one_client_are_refused_by_another(revision) {
        let mut one = Script::client(revision);
        let mut other = Script::client(revision);
        let filter = SubscriptionFilter::new().tools_list_changed(true);
        let params = CallToolParams::new("t");
        let mut handles = Vec::new();
        for client in [&mut one, &mut other] {
            let now = client.now;
            let call = client.session.call::<CallTool>(now, &params, CallOptions::new()).unwrap();
            let subscription = client.session.subscribe(now, &filter).unwrap();
            handles.push((call, subscription));
        }
        let (call, subscription) = handles[0];
        assert_ne!(call, handles[1].0);
        assert_eq!(format!("{call:?}"), format!("{:?}", handles[1].0), "no tag shows");
        let before = format!("{:?}", other.session);
        assert_eq!(other.session.cancel(other.now, call, None), Err(Misuse::Unknown(Handle::Call)));
        let refused = other.session.unsubscribe(other.now, subscription);
        assert_eq!(refused, Err(Misuse::Unknown(Handle::Subscription)));
        assert_eq!(format!("{:?}", other.session), before);
        one.session.cancel(one.now, call, None).unwrap();
        one.session.unsubscribe(one.now, subscription).unwrap();
    }
}

on_every_revision! {
    fn the_requests_of_one_server_are_refused_by_another(revision) {
        let mut servers = [Script::server(revision), Script::server(revision)];
        let mut ids = Vec::new();
        for server in &mut servers {
            server.feed_json(&tool_call(revision, 7));
            for event in server.take_events() {
                let ServerEvent::Request(asked) = event else { panic!("{event:?}") };
                ids.push(asked.id);
            }
        }
        let [one, other] = &mut servers;
        let (now, text) = (one.now, CallToolResult::text("of the other's client"));
        let unknown = Err(Misuse::Unknown(Handle::Request));
        assert_eq!(one.session.reply::<CallTool>(now, ids[1], &text), unknown);
        assert_eq!(one.session.reply_error(now, ids[1], RpcError::internal("no")), unknown);
        assert_eq!(one.session.progress(now, ids[1], 1.0, None, None), unknown);
        assert!(one.session.capabilities_of(ids[1]).is_none());
        assert!(one.sent().is_empty());
        one.session.reply::<CallTool>(now, ids[0], &text).unwrap();
        other.session.reply::<CallTool>(now, ids[1], &text).unwrap();
    }
}

on_revisions! { LEGACY;
    fn the_inputs_of_one_client_are_refused_by_another(revision) {
        let input = |client: &mut Script<ClientSession>| -> InputId {
            client.feed_json(&json!({"jsonrpc": "2.0", "id": "r", "method": "roots/list"}));
            match &client.take_events()[..] {
                [ClientEvent::InputRequested(input)] => input.input,
                other => panic!("{other:?}"),
            }
        };
        let mut one = Script::client(revision);
        let mut other = Script::client(revision);
        let (_, of_other) = (input(&mut one), input(&mut other));
        let unknown = Err(Misuse::Unknown(Handle::Input));
        let roots = ListRootsResult::new(Vec::new());
        assert_eq!(one.session.answer::<ListRoots>(one.now, of_other, &roots), unknown);
        assert_eq!(one.session.decline(one.now, of_other, RpcError::internal("no")), unknown);
        assert_eq!(one.session.progress(one.now, of_other, 1.0, None, None), unknown);
        assert!(one.sent().is_empty());
        other.session.answer::<ListRoots>(other.now, of_other, &roots).unwrap();
    }
}

on_revisions! { LEGACY;
    fn nothing_happens_after_the_closing_event(revision) {
        let mut client = Script::fresh_client(client_config(revision));
        let initialize = client.reply();
        let head = format!("{{\"jsonrpc\":\"2.0\",\"id\":{},\"result\":{{", initialize["id"]);
        client.feed_malformed(FrameError::TooLong {
            length: 1 << 30,
            limit: 1 << 24,
            head: head.into(),
            last: b'}',
        });
        let events = client.take_events();
        assert!(matches!(events[..], [ClientEvent::Closed(_)]), "{events:?}");
    }
}

on_revisions! { LEGACY;
    fn no_deadline_stays_due_when_its_time_was_told(revision) {
        let timeouts = Timeouts::default().idle(Some(Duration::ZERO));
        let mut client = Script::client_with(revision, client_config(revision).timeouts(timeouts));
        let filter = SubscriptionFilter::new().resource_subscriptions(["a:b", "a:c"]);
        client.session.subscribe(client.now, &filter).unwrap();
        client.session.handle_timeout(client.now);
        assert_eq!(client.session.poll_timeout(), None);
        let events = client.take_events();
        client.collect();
        assert!(events.len() <= 1, "{events:?}");
    }
}

#[test]
fn a_small_burst_of_answers_to_garbage_grows_back() {
    let mut limits = Limits::default();
    limits.malformed_burst = 9;
    let mut server = Script::fresh_server(server_config().limits(limits));
    for _ in 0..20 {
        server.feed("x");
    }
    assert_eq!(server.sent().len(), 9);
    server.pass(Duration::from_secs(3600));
    server.feed("x");
    assert_eq!(server.sent().len(), 1);
}

on_every_revision! {
    fn a_method_has_the_length_of_a_name(revision) {
        let long = "m".repeat(1 << 17);
        let config = server_config().extension_methods(vec![long.clone().into()]);
        let mut server = Script::server_with(revision, config);
        server.feed_json(&request(revision, 1, &long, json!({})));
        let answer = server.reply();
        assert_eq!(answer["error"]["code"], -32601);
        assert!(answer.to_string().len() < 300, "{answer}");
        if revision.era() == Era::Legacy {
            let mut client = Script::client(revision);
            client.feed_json(&json!({"jsonrpc": "2.0", "id": 1, "method": "m".repeat(1 << 17)}));
            assert_eq!(client.reply()["error"]["code"], -32601);
        }
    }
}

on_every_revision! {
    fn times_that_never_come_are_none(revision) {
        let timeouts = Timeouts::default()
            .idle(Some(Duration::MAX))
            .total(Some(Duration::MAX))
            .opening(Duration::MAX)
            .probe(Duration::MAX);
        let config = client_config(revision).timeouts(timeouts);
        let mut client = Script::fresh_client(config.clone());
        assert_eq!(client.session.poll_timeout(), None);
        client.pass(Duration::from_secs(1 << 40));
        assert!(client.take_events().is_empty());
        let mut client = Script::client_with(revision, config);
        let params = CallToolParams::new("t");
        client.session.call::<CallTool>(client.now, &params, CallOptions::new()).unwrap();
        assert_eq!(client.session.poll_timeout(), None);
        let id = client.sent()[0]["id"].clone();
        client.session.handle_timeout(mcp_proto::Instant::new(Duration::MAX - Duration::from_secs(1)));
        client.feed_json(&result(&id, json!({"content": []})));
        assert_eq!(client.take_events().len(), 1);
    }
}
