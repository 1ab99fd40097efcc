//! The streams of `subscriptions/listen`: what opens one, what comes by it, and how it ends.

use std::time::Duration;

use mcp_proto::Limits;
use mcp_proto::session::{
    CallError, Change, ClientEvent, Closed, ExchangeId, Handle, Misuse, Route, ServerEvent, Session,
};
use serde_json::{Value, json};

use crate::subscriptions::{TAG, change, changes, everything, listen, tools};
use support::MODERN;
use support::carrier::Way;
use support::on_revisions;
use support::pair::{Pair, client_config, server_config};
use support::scenario::{notification, request, result};

on_revisions! { MODERN;
    streams;
    // `sub.ack.first`, `sub.id`, `sub.req`
    fn the_confirmation_is_the_first_message_and_all_carry_the_requests_id(revision) {
        let mut pair = Pair::open(revision);
        for id in [json!(1), json!("1"), json!("a\"é"), json!(-5)] {
            pair.forget();
            pair.to_server(listen(id.clone(), json!({"toolsListChanged": true})));
            pair.server.changed(pair.now, Change::Tools).unwrap();
            pair.server.end_subscriptions(pair.now);
            pair.drive();
            let sent = pair.sent_by_server();
            assert_eq!(
                sent[0]["method"],
                "notifications/subscriptions/acknowledged"
            );
            assert_eq!(
                sent[0]["params"]["notifications"],
                json!({"toolsListChanged": true})
            );
            assert_eq!(sent[1]["method"], "notifications/tools/list_changed");
            let ends = 1 + usize::from(Way::current().tells_cancellation(revision));
            assert_eq!(sent.len(), 2 + ends);
            for frame in &sent {
                let meta = frame.get("params").or(frame.get("result")).unwrap()["_meta"].clone();
                assert_eq!(meta[TAG], id, "{frame}");
            }
        }
    }
}

on_revisions! { MODERN;
    // `sub.error`, `sub.ack.first`, `sub.req`
    fn a_stream_that_can_not_be_opened_is_refused_without_a_confirmation(revision) {
        let mut limits = Limits::default();
        limits.subscriptions = 2;
        let server = server_config().limits(limits);
        let mut pair = Pair::open_with(client_config(revision), server);
        pair.forget();
        let bad = [
            json!({}),
            json!({"notifications": []}),
            json!({"notifications": {"toolsListChanged": "yes"}}),
            json!({"notifications": {"resourceSubscriptions": "file:///a"}}),
            json!({"notifications": {"resourceSubscriptions": ["a:1", "a:2", "a:3"]}}),
        ];
        for (n, params) in bad.into_iter().enumerate() {
            pair.to_server(request(
                revision,
                60 + n,
                "subscriptions/listen",
                params.clone(),
            ));
            let answer = pair.last_of_server();
            assert!(answer["error"]["code"].is_number(), "{params}: {answer}");
            assert_eq!(answer["id"], 60 + n);
        }
        assert_eq!(pair.sent_by_server().len(), 5);
        change(&mut pair, Change::Tools);
        assert_eq!(pair.sent_by_server().len(), 5);
    }
}

on_revisions! { MODERN;
    // `sub.multi`, `sub.dup`, `sub.demux`
    fn overlapping_streams_each_get_their_own_copy(revision) {
        let mut pair = Pair::open(revision);
        let first = pair.subscribe(&everything());
        let second = pair.subscribe(&tools());
        pair.server_events.clear();
        let asked = pair.of_method(true, "subscriptions/listen");
        assert_ne!(asked[0]["id"], asked[1]["id"]);
        pair.forget();
        change(&mut pair, Change::Tools);
        assert_eq!(
            changes(&mut pair),
            [(Change::Tools, Some(first)), (Change::Tools, Some(second))]
        );
        let tags: Vec<_> = pair
            .sent_by_server()
            .iter()
            .map(|frame| frame["params"]["_meta"][TAG].clone())
            .collect();
        assert_eq!(tags, [asked[0]["id"].clone(), asked[1]["id"].clone()]);
        change(&mut pair, Change::Prompts);
        assert_eq!(changes(&mut pair), [(Change::Prompts, Some(first))]);
        pair.client.unsubscribe(pair.now, first).unwrap();
        pair.drive();
        change(&mut pair, Change::Tools);
        assert_eq!(changes(&mut pair), [(Change::Tools, Some(second))]);
    }
}

on_revisions! { MODERN;
    // `sub.ack.interleave`, `sub.demux`
    fn another_streams_messages_may_come_before_the_confirmation(revision) {
        let mut pair = Pair::open(revision);
        let first = pair.subscribe(&tools());
        let first_id = pair.last_of_client()["id"].clone();
        let second = pair.client.subscribe(pair.now, &everything()).unwrap();
        let frames = pair.lose_from_client();
        let asked: Value = serde_json::from_str(&frames[0]).unwrap();
        let tagged = |id: &Value| json!({"_meta": {TAG: id}});
        pair.to_client(notification(
            "notifications/tools/list_changed",
            tagged(&first_id),
        ));
        assert_eq!(changes(&mut pair), [(Change::Tools, Some(first))]);
        let mut ack = tagged(&asked["id"]);
        ack["notifications"] = json!({"toolsListChanged": true});
        pair.to_client(notification(
            "notifications/subscriptions/acknowledged",
            ack,
        ));
        assert!(
            matches!(pair.client_event(), ClientEvent::Subscribed { subscription, .. } if subscription == second)
        );
        // A tag of nobody's, and of another JSON type, is told to nobody.
        for stray in [
            json!(999),
            json!(first_id.to_string()),
            json!(null),
            json!({}),
        ] {
            pair.to_client(notification(
                "notifications/tools/list_changed",
                tagged(&stray),
            ));
            assert!(
                matches!(pair.client_event(), ClientEvent::Ignored(_)),
                "{stray}"
            );
            let mut ack = tagged(&stray);
            ack["notifications"] = json!({});
            pair.to_client(notification(
                "notifications/subscriptions/acknowledged",
                ack,
            ));
            assert!(
                matches!(pair.client_event(), ClientEvent::Ignored(_)),
                "{stray}"
            );
        }
    }
}

on_revisions! { MODERN;
    // `sub.end.client`, `sub.end.client.stop`
    fn a_stream_that_the_client_ended_is_silent(revision) {
        let mut pair = Pair::open(revision);
        let subscription = pair.subscribe(&everything());
        let id = pair.last_of_client()["id"].clone();
        pair.server_events.clear();
        pair.forget();
        pair.client.unsubscribe(pair.now, subscription).unwrap();
        // What was on its way reaches nobody.
        pair.server.changed(pair.now, Change::Tools).unwrap();
        pair.drive();
        let is_told = Way::current().tells_cancellation(revision);
        let strays: Vec<_> = pair.client_events.drain(..).collect();
        assert_eq!(strays.len(), usize::from(is_told));
        assert!(strays.iter().all(|stray| matches!(stray, ClientEvent::Ignored(_))));
        // Either it is said, or the exchange is closed and nothing is.
        let cancelled = pair.of_method(true, "notifications/cancelled");
        assert_eq!(cancelled[0]["params"]["requestId"], id);
        let ended: Vec<_> = pair.server_events.drain(..).collect();
        let gone = |uri: &str| ServerEvent::Unsubscribed { uri: uri.into() };
        assert_eq!(ended, [gone("file:///a"), gone("file:///b")]);
        pair.forget();
        for kind in [Change::Tools, Change::Prompts, Change::Resources] {
            change(&mut pair, kind);
        }
        pair.server.resource_updated(pair.now, "file:///a").unwrap();
        pair.server.end_subscriptions(pair.now);
        pair.drive();
        assert!(pair.wire.is_empty() && pair.is_quiet());
        let again = pair.client.unsubscribe(pair.now, subscription);
        assert!(matches!(again, Err(Misuse::Unknown(Handle::Subscription))));
        // The id may be used again.
        pair.to_server(listen(id, json!({})));
        assert_eq!(
            pair.last_of_server()["method"],
            "notifications/subscriptions/acknowledged"
        );
    }
}

on_revisions! { MODERN;
    // `sub.end.server.result`, `sub.end.server.cancelled`
    fn a_server_ends_its_streams_in_good_order(revision) {
        let mut pair = Pair::open(revision);
        let subscription = pair.subscribe(&tools());
        let id = pair.last_of_client()["id"].clone();
        pair.forget();
        pair.server.end_subscriptions(pair.now);
        pair.drive();
        let mut sent = pair.sent_by_server();
        let ends = sent.len();
        if Way::current().tells_cancellation(revision) {
            let cancelled = sent.remove(0);
            assert_eq!(cancelled["method"], "notifications/cancelled");
            assert_eq!(cancelled["params"]["requestId"], id);
        }
        let [result] = &sent[..] else { panic!("{sent:?}") };
        assert_eq!(
            (&result["id"], &result["result"]["resultType"]),
            (&id, &json!("complete"))
        );
        assert_eq!(result["result"]["_meta"][TAG], id);
        let ended = pair.client_event();
        let expected = ClientEvent::SubscriptionEnded {
            subscription,
            filter: tools(),
            outcome: Ok(()),
        };
        assert_eq!(ended, expected);
        assert_eq!(
            pair.client.open_calls() + pair.client.subscriptions().count(),
            0
        );
        change(&mut pair, Change::Tools);
        pair.server.end_subscriptions(pair.now);
        pair.drive();
        assert_eq!(pair.sent_by_server().len(), ends);
    }
}

on_revisions! { MODERN;
    // `sub.end.server.cancelled`, `sub.end.server.result`
    fn an_end_is_told_once_whatever_says_it(revision) {
        for order in [
            "result",
            "cancelled",
            "result cancelled",
            "cancelled result",
        ] {
            let mut pair = Pair::open(revision);
            let subscription = pair.subscribe(&tools());
            let id = pair.last_of_client()["id"].clone();
            for word in order.split(' ') {
                let meta = json!({TAG: id});
                pair.to_client(match word {
                    "result" => {
                        result(id.clone(), json!({"resultType": "complete", "_meta": meta}))
                    }
                    _ => notification(
                        "notifications/cancelled",
                        json!({"requestId": id, "_meta": meta}),
                    ),
                });
            }
            let ended = pair.client_event();
            assert!(
                matches!(ended, ClientEvent::SubscriptionEnded { subscription: of, outcome: Ok(()), .. } if of == subscription),
                "{order}: {ended:?}"
            );
            // A server that says it in two ways does nothing wrong.
            assert!(pair.is_quiet(), "{order}: {:?}", pair.client_events);
            assert_eq!(pair.client.open_calls(), 0);
        }
    }
}

on_revisions! { MODERN;
    // `sub.end.server.result`, `sub.ack.first`
    fn closing_the_server_ends_its_streams_first(revision) {
        let mut pair = Pair::open(revision);
        pair.subscribe(&tools());
        pair.server.close(pair.now);
        pair.drive();
        let ended = pair.client_event();
        assert!(
            matches!(
                ended,
                ClientEvent::SubscriptionEnded {
                    outcome: Ok(()),
                    ..
                }
            ),
            "{ended:?}"
        );
    }
}

on_revisions! { MODERN;
    // `timeout.listen`
    fn a_stream_that_is_confirmed_lasts(revision) {
        let mut pair = Pair::open(revision);
        let subscription = pair.subscribe(&tools());
        pair.pass(Duration::from_secs(1_000_000));
        assert!(pair.is_quiet());
        assert_eq!(pair.client.poll_timeout(), None);
        change(&mut pair, Change::Tools);
        assert_eq!(changes(&mut pair), [(Change::Tools, Some(subscription))]);
        // One that never is doesn't.
        let silent = pair.client.subscribe(pair.now, &tools()).unwrap();
        pair.lose_from_client();
        pair.pass(Duration::from_secs(61));
        let ended = pair.client_event();
        assert!(
            matches!(ended, ClientEvent::SubscriptionEnded { subscription: of, outcome: Err(CallError::TimedOut { .. }), .. } if of == silent)
        );
    }
}

on_revisions! { MODERN;
    // `sub.nosreq`, `sub.id`, `sub.end.server.result`, `cancel.http.modern`
    fn over_http_each_stream_is_an_exchange(revision) {
        let mut pair = Pair::open(revision);
        let by = |n| Route::Exchange(ExchangeId::new(n));
        let ack = pair.exchange(by(1), listen("a", json!({"toolsListChanged": true})));
        assert_eq!((ack.len(), ack[0].0), (1, by(1)));
        pair.exchange(
            by(2),
            listen(
                "b",
                json!({"toolsListChanged": true, "promptsListChanged": true}),
            ),
        );
        pair.server.changed(pair.now, Change::Tools).unwrap();
        let told: Vec<_> = pair
            .routed()
            .into_iter()
            .map(|(route, frame)| (route, frame["params"]["_meta"][TAG].clone()))
            .collect();
        assert_eq!(told, [(by(1), json!("a")), (by(2), json!("b"))]);
        // The client ends one by closing its exchange.
        pair.server
            .handle_closed(pair.now, by(1), Closed::EndOfInput);
        pair.server.changed(pair.now, Change::Tools).unwrap();
        assert_eq!(pair.routed().len(), 1);
        // The server ends the other with its result alone.
        pair.server.end_subscriptions(pair.now);
        let ended = pair.routed();
        assert_eq!(ended.len(), 1);
        assert_eq!((ended[0].0, &ended[0].1["id"]), (by(2), &json!("b")));
    }
}

on_revisions! { MODERN;
    // `sub.error`, `res.uri.valid`
    fn a_stream_for_what_is_no_uri_is_refused(revision) {
        let mut pair = Pair::open(revision);
        let long = format!("file:///{}", "x".repeat(8 << 10));
        for uri in ["", "nothing", "1x:y", "file:///a b", &long] {
            pair.to_server(listen(
                "l",
                json!({"resourceSubscriptions": ["file:///a", uri]}),
            ));
            assert_eq!(pair.last_of_server()["error"]["code"], -32602, "{uri}");
        }
        assert!(pair.server_events.is_empty());
        assert_eq!(pair.server.watched().count(), 0);
    }
}

on_revisions! { MODERN;
    // `sub.ack.first`
    fn a_subscription_is_confirmed_once(revision) {
        let mut pair = Pair::open(revision);
        pair.subscribe(&tools());
        let id = pair.last_of_client()["id"].clone();
        let ack = json!({"_meta": {TAG: id}, "notifications": {"promptsListChanged": true}});
        pair.to_client(notification(
            "notifications/subscriptions/acknowledged",
            ack,
        ));
        assert!(matches!(pair.client_event(), ClientEvent::Ignored(_)));
        assert!(pair.is_quiet());
    }
}
