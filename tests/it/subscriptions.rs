//! Subscriptions: one command in either era; listen streams in the modern one.

use mcp_proto::model::capability::ServerCapabilities;
use mcp_proto::model::subscription::SubscriptionFilter;
use mcp_proto::session::{
    CallError, Change, ClientEvent, Closed, Limited, Misuse, Route, ServerConfig, ServerEvent,
    Session, SubscriptionId,
};
use mcp_proto::{Limits, Revision};
use serde_json::{Value, json};

use support::carrier::Way;
use support::on_every_revision;
use support::pair::{Pair, client_config, server_config};
use support::scenario::{is_modern, notification, request};

pub const TAG: &str = "io.modelcontextprotocol/subscriptionId";

pub fn tools() -> SubscriptionFilter<'static> {
    SubscriptionFilter::new().tools_list_changed(true)
}

pub fn everything() -> SubscriptionFilter<'static> {
    tools()
        .prompts_list_changed(true)
        .resources_list_changed(true)
        .resource_subscriptions(["file:///a", "file:///b"])
}

/// What the client hears has changed, and for which subscription.
pub fn changes(pair: &mut Pair) -> Vec<(Change, Option<SubscriptionId>)> {
    let mut heard = Vec::new();
    while let Some(event) = pair.client_events.pop_front() {
        match event {
            ClientEvent::Changed {
                change,
                subscription,
                ..
            } => heard.push((change, subscription)),
            other => panic!("{other:?}"),
        }
    }
    heard
}

pub fn change(pair: &mut Pair, change: Change) {
    pair.server.changed(pair.now, change).unwrap();
    pair.drive();
}

pub fn listen(id: impl Into<Value>, filter: Value) -> String {
    request(
        Revision::V2026_07_28,
        id,
        "subscriptions/listen",
        json!({"notifications": filter}),
    )
}

on_every_revision! {
    // `sub.req`, `sub.ack.check`, `sub.ack.subset`, `sub.method.absent`
    fn a_subscription_is_confirmed_with_what_is_honoured(revision) {
        let partial = ServerCapabilities::new()
            .tools(true)
            .prompts(false)
            .resources(true);
        let cases = [
            (support::pair::everything_of_a_server(), everything()),
            (partial, tools().resources_list_changed(true)),
            (ServerCapabilities::new(), SubscriptionFilter::new()),
        ];
        for (capabilities, expected) in cases {
            let server = ServerConfig::new("s", "1").capabilities(capabilities.clone());
            let mut pair = Pair::open_with(client_config(revision), server);
            let follows = capabilities
                .resources
                .is_some_and(|resources| resources.subscribe);
            let wanted = match is_modern(revision) || follows {
                true => everything(),
                false => tools()
                    .prompts_list_changed(true)
                    .resources_list_changed(true),
            };
            let id = pair.client.subscribe(pair.now, &wanted).unwrap();
            pair.drive();
            let ClientEvent::Subscribed {
                subscription,
                honoured,
            } = pair.client_event()
            else {
                panic!()
            };
            assert_eq!((subscription, &honoured), (id, &expected));
            assert_eq!(wanted.refused_in(&honoured).is_empty(), wanted == expected);
            let held: Vec<_> = pair.client.subscriptions().collect();
            assert_eq!(held, [(id, wanted)]);
        }
    }
}

on_every_revision! {
    streams;
    // `sub.optin`
    fn nothing_comes_that_was_not_asked_for(revision) {
        if !is_modern(revision) {
            // Legacy servers tell of their lists without being asked.
            let mut pair = Pair::open(revision);
            change(&mut pair, Change::Tools);
            assert_eq!(changes(&mut pair), [(Change::Tools, None)]);
            return;
        }
        for wanted in [
            SubscriptionFilter::new(),
            tools().tools_list_changed(false).prompts_list_changed(true),
        ] {
            let mut pair = Pair::open(revision);
            change(&mut pair, Change::Tools);
            assert!(pair.is_quiet());
            pair.subscribe(&wanted);
            pair.forget();
            change(&mut pair, Change::Tools);
            change(&mut pair, Change::Resources);
            pair.server.resource_updated(pair.now, "file:///a").unwrap();
            pair.drive();
            assert!(pair.is_quiet() && pair.wire.is_empty());
        }
    }
}

on_every_revision! {
    streams;
    // `sub.multi`, `sub.dup`
    fn every_subscription_hears_of_what_it_asked_for(revision) {
        let mut pair = Pair::open(revision);
        let all = pair.subscribe(&everything());
        let some = SubscriptionFilter::new()
            .tools_list_changed(true)
            .prompts_list_changed(false)
            .resource_subscriptions(["file:///a"]);
        let some = pair.subscribe(&some);
        pair.server_events.clear();
        change(&mut pair, Change::Tools);
        assert_eq!(
            changes(&mut pair),
            [(Change::Tools, Some(all)), (Change::Tools, Some(some))]
        );
        change(&mut pair, Change::Prompts);
        assert_eq!(changes(&mut pair), [(Change::Prompts, Some(all))]);
        for (uri, heard) in [("file:///a/b", vec![all, some]), ("file:///b", vec![all])] {
            pair.server.resource_updated(pair.now, uri).unwrap();
            pair.drive();
            let expected: Vec<_> = heard
                .into_iter()
                .map(|id| (Change::Resource, Some(id)))
                .collect();
            assert_eq!(changes(&mut pair), expected);
        }
        pair.client.unsubscribe(pair.now, all).unwrap();
        pair.client.unsubscribe(pair.now, some).unwrap();
        pair.drive();
        pair.server_events.clear();
        change(&mut pair, Change::Tools);
        // Only a legacy server tells who didn't ask.
        let unasked = [(Change::Tools, None)];
        let expected: &[_] = if is_modern(revision) { &[] } else { &unasked };
        assert_eq!(changes(&mut pair), expected);
    }
}

on_every_revision! {
    streams;
    // `sub.end.drop`, `sub.resend`
    fn a_lost_subscription_is_made_again_with_the_next_session(revision) {
        let mut pair = Pair::open(revision);
        let first = pair.subscribe(&everything());
        let second = pair.subscribe(&tools());
        let held: Vec<_> = pair
            .client
            .subscriptions()
            .map(|(_, filter)| filter)
            .collect();
        pair.client
            .handle_closed(pair.now, Route::Pipe, Closed::EndOfInput);
        pair.drive();
        let mut lost = Vec::new();
        while let Some(event) = pair.client_events.pop_front() {
            match event {
                ClientEvent::SubscriptionEnded {
                    subscription,
                    outcome: Err(CallError::Lost(_)),
                    filter,
                } => {
                    lost.push((subscription, filter));
                }
                ClientEvent::Closed(_) => assert!(pair.client_events.is_empty()),
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(lost, [(first, everything()), (second, tools())]);
        // The server keeps nothing: the next session says it all again by itself.
        let client = client_config(revision).subscriptions(held);
        let mut pair = Pair::open_with(client, server_config());
        let mut confirmed = Vec::new();
        while let Some(event) = pair.client_events.pop_front() {
            match event {
                ClientEvent::Subscribed { honoured, .. } => confirmed.push(honoured),
                other => panic!("{other:?}"),
            }
        }
        confirmed.sort_by_key(|filter| filter.resource_subscriptions.is_none());
        assert_eq!(confirmed, [everything(), tools()]);
        assert_eq!(pair.server.watched().count(), 2);
        pair.server_events.clear();
        change(&mut pair, Change::Tools);
        assert_eq!(changes(&mut pair).len(), 2);
    }
}

on_every_revision! {
    // `sub.end.drop`
    fn a_lost_connection_ends_what_the_server_had_to_tell(revision) {
        let mut pair = Pair::open(revision);
        pair.subscribe(&everything());
        pair.server
            .handle_closed(pair.now, Route::Pipe, Closed::EndOfInput);
        pair.forget();
        assert!(matches!(
            pair.server.changed(pair.now, Change::Tools),
            Err(Misuse::Closed)
        ));
        pair.drive();
        assert!(pair.wire.is_empty());
    }
}

on_every_revision! {
    streams;
    // `sub.listchanged.refetch`
    fn the_confirmation_comes_before_every_change(revision) {
        let mut pair = Pair::open(revision);
        let subscription = pair.client.subscribe(pair.now, &everything()).unwrap();
        pair.client_to_server();
        pair.server.resource_updated(pair.now, "file:///a").unwrap();
        pair.drive();
        // From the first event on nothing is missed; what came before has to be fetched anew.
        let is_confirmation = |event: &ClientEvent| {
            matches!(event, ClientEvent::Subscribed { subscription: of, .. } if *of == subscription)
        };
        let at = pair.client_events.iter().position(is_confirmation).expect("it is confirmed");
        pair.client_events.remove(at);
        let mut expected = Some(subscription);
        if Way::current().orders_all(revision) {
            assert_eq!(at, 0);
        } else if at > 0 {
            // A legacy change has a stream of its own, which may be faster than the answer.
            expected = None;
        }
        assert_eq!(changes(&mut pair), [(Change::Resource, expected)]);
    }
}

on_every_revision! {
    fn subscriptions_are_limited_on_both_sides(revision) {
        let mut limits = Limits::default();
        limits.subscriptions = 3;
        let client = client_config(revision).limits(limits.clone());
        let mut pair = Pair::open_with(client, server_config());
        pair.subscribe(&tools());
        let more = SubscriptionFilter::new().resource_subscriptions(["a:1", "a:2", "a:3"]);
        let misuse = pair.client.subscribe(pair.now, &more).unwrap_err();
        assert!(
            matches!(misuse, Misuse::LimitReached { what: Limited::Subscriptions, limit: 3 }),
            "{misuse}"
        );
        let mut pair = Pair::open_with(client_config(revision), server_config().limits(limits));
        let many = SubscriptionFilter::new().resource_subscriptions(["a:1", "a:2", "a:3", "a:4"]);
        let id = pair.client.subscribe(pair.now, &many).unwrap();
        pair.drive();
        let ended = pair.client_event();
        assert!(
            matches!(ended, ClientEvent::SubscriptionEnded { subscription, outcome: Err(CallError::Rpc(_)), .. } if subscription == id),
            "{ended:?}"
        );
    }
}

on_every_revision! {
    // `sub.dup`, `era.server.both`
    fn one_pipe_may_carry_subscriptions_of_both_eras(revision) {
        if is_modern(revision) {
            return;
        }
        let mut pair = Pair::open(revision);
        let filter = SubscriptionFilter::new().resource_subscriptions(["file:///a"]);
        let legacy = pair.subscribe(&filter);
        let uri: Box<str> = "file:///a".into();
        assert_eq!(
            pair.server_event(),
            ServerEvent::Subscribed { uri: uri.clone() }
        );
        pair.exchange(
            Route::Pipe,
            listen("m", json!({"resourceSubscriptions": [uri]})),
        );
        pair.server.resource_updated(pair.now, &uri).unwrap();
        let told = pair.routed();
        let tags: Vec<_> = told
            .iter()
            .map(|(_, frame)| frame["params"]["_meta"][TAG].clone())
            .collect();
        assert_eq!(tags, [Value::Null, json!("m")]);
        // The resource is watched as long as anybody does.
        pair.client.unsubscribe(pair.now, legacy).unwrap();
        pair.drive();
        assert!(pair.server_events.is_empty());
        pair.exchange(
            Route::Pipe,
            notification("notifications/cancelled", json!({"requestId": "m"})),
        );
        assert_eq!(pair.server_event(), ServerEvent::Unsubscribed { uri });
    }
}
