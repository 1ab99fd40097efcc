//! Progress of calls.

use mcp_proto::Revision;
use mcp_proto::model::input::InputRequests;
use mcp_proto::model::meta::Meta;
use mcp_proto::model::method::{CallTool, CreateMessage, Progress};
use mcp_proto::model::progress::ProgressParams;
use mcp_proto::model::sampling::{
    CreateMessageParams, CreateMessageResult, SamplingMessage, SamplingMessageContentBlock,
};
use mcp_proto::model::tool::{CallToolParams, CallToolResult};
use mcp_proto::session::{
    CallId, CallOptions, ClientEvent, ExchangeId, Handle, Misuse, Request, Route, ServerEvent,
};
use serde_json::{Value, json};

use support::MODERN;
use support::pair::Pair;
use support::scenario::{is_modern, notification, request};
use support::{on_every_revision, on_revisions};

fn watched(pair: &mut Pair) -> (CallId<CallTool>, Request) {
    let options = CallOptions::new().progress(true);
    let call = pair.call_with::<CallTool>(&CallToolParams::new("x"), options);
    (call, pair.request())
}

fn report(pair: &mut Pair, request: &Request, progress: f64) -> Result<(), Misuse> {
    let told = pair
        .server
        .progress(pair.now, request.id, progress, Some(10.0), Some("on it"));
    pair.drive();
    told
}

on_every_revision! {
    streams;
    // `progress.shape`, `progress.onlyactive`
    fn progress_is_told_to_the_call_that_asked_for_it(revision) {
        let mut pair = Pair::open(revision);
        let (call, asked) = watched(&mut pair);
        assert!(asked.wants_progress());
        report(&mut pair, &asked, 0.5).unwrap();
        match pair.client_event() {
            ClientEvent::Progress { call: of, progress } => {
                assert_eq!(of, call);
                let params = progress.params::<Progress>().unwrap();
                assert_eq!((params.progress, params.total), (0.5, Some(10.0)));
                let knows_messages = revision >= Revision::V2025_03_26;
                assert_eq!(params.message.is_some(), knows_messages);
            }
            other => panic!("{other:?}"),
        }
        // It comes before the result.
        pair.server
            .progress(pair.now, asked.id, 10.0, None, None)
            .unwrap();
        pair.reply_text(&asked, "done");
        assert!(matches!(pair.client_event(), ClientEvent::Progress { .. }));
        assert_eq!(pair.text_of(call), "done");
    }
}

on_every_revision! {
    // `progress.onlyactive`, `progress.optional`
    fn nobody_is_told_who_did_not_ask(revision) {
        let mut pair = Pair::open(revision);
        let call = pair.call_tool("x");
        let asked = pair.request();
        assert!(!asked.wants_progress());
        pair.forget();
        // The handler needn't know.
        report(&mut pair, &asked, 1.0).unwrap();
        assert!(pair.wire.is_empty());
        pair.reply_text(&asked, "done");
        assert_eq!(pair.text_of(call), "done");
        // And who asked may hear nothing.
        let (call, asked) = watched(&mut pair);
        pair.reply_text(&asked, "done");
        assert_eq!(pair.text_of(call), "done");
    }
}

on_every_revision! {
    streams;
    // `progress.increase`
    fn progress_increases(revision) {
        let mut pair = Pair::open(revision);
        let (_, asked) = watched(&mut pair);
        report(&mut pair, &asked, -1.0).unwrap();
        report(&mut pair, &asked, 0.25).unwrap();
        for standing_still in [0.25, 0.0, -5.0, f64::NAN, f64::INFINITY] {
            let misuse = report(&mut pair, &asked, standing_still).unwrap_err();
            assert!(matches!(misuse, Misuse::ProgressNotIncreasing), "{misuse}");
        }
        report(&mut pair, &asked, 0.5).unwrap();
        let sent = pair.of_method(false, "notifications/progress");
        let values: Vec<_> = sent
            .iter()
            .map(|sent| sent["params"]["progress"].as_f64().unwrap())
            .collect();
        assert_eq!(values, [-1.0, 0.25, 0.5]);
        // A receiver takes what comes.
        let token = sent[0]["params"]["progressToken"].clone();
        pair.client_events.clear();
        pair.to_client(notification(
            "notifications/progress",
            json!({"progressToken": token, "progress": 0}),
        ));
        assert!(matches!(pair.client_event(), ClientEvent::Progress { .. }));
    }
}

on_every_revision! {
    streams;
    // `progress.token.unique`, `progress.token.type`
    fn tokens_are_the_calls_own(revision) {
        let mut pair = Pair::open(revision);
        let (first, one) = watched(&mut pair);
        let (second, two) = watched(&mut pair);
        let calls = pair.of_method(true, "tools/call");
        let tokens: Vec<_> = calls
            .iter()
            .map(|call| call["params"]["_meta"]["progressToken"].clone())
            .collect();
        assert!(tokens[0] != tokens[1] && tokens.iter().all(Value::is_number));
        report(&mut pair, &two, 1.0).unwrap();
        report(&mut pair, &one, 1.0).unwrap();
        assert!(
            matches!(pair.client_event(), ClientEvent::Progress { call, .. } if call == second)
        );
        assert!(matches!(pair.client_event(), ClientEvent::Progress { call, .. } if call == first));
    }
}

on_every_revision! {
    streams;
    // `progress.token.type`
    fn a_token_of_another_kind_is_refused_and_a_text_is_echoed(revision) {
        let mut pair = Pair::open(revision);
        for (n, token) in [json!(1.5), json!(true), json!({}), json!([])]
            .into_iter()
            .enumerate()
        {
            let params = json!({"name": "x", "_meta": {"progressToken": token}});
            pair.to_server(request(revision, 60 + n, "tools/call", params));
            assert_eq!(pair.last_of_server()["error"]["code"], -32602, "{token}");
        }
        assert!(pair.server_events.is_empty());
        for (n, token) in [json!("1"), json!(1), json!(-7), json!(""), json!("é\"")]
            .into_iter()
            .enumerate()
        {
            let params = json!({"name": "x", "_meta": {"progressToken": token}});
            pair.to_server(request(revision, 70 + n, "tools/call", params));
            let asked = pair.request();
            report(&mut pair, &asked, 1.0).unwrap();
            assert_eq!(pair.last_of_server()["params"]["progressToken"], token);
        }
    }
}

on_every_revision! {
    // `progress.stop`, `progress.onlyactive`, `progress.rate`
    fn progress_ends_with_the_call(revision) {
        let mut pair = Pair::open(revision);
        let (call, asked) = watched(&mut pair);
        pair.reply_text(&asked, "done");
        assert_eq!(pair.text_of(call), "done");
        let (cancelled, other) = watched(&mut pair);
        let token = pair.last_of_client()["params"]["_meta"]["progressToken"].clone();
        pair.client.cancel(pair.now, cancelled, None).unwrap();
        pair.drive();
        pair.completed(cancelled);
        assert!(matches!(pair.server_event(), ServerEvent::Cancelled { .. }));
        pair.forget();
        for over in [&asked, &other] {
            let misuse = report(&mut pair, over, 2.0).unwrap_err();
            assert!(matches!(misuse, Misuse::Unknown(Handle::Request)), "{misuse}");
        }
        assert!(pair.wire.is_empty());
        // A server that doesn't stop is not heard.
        pair.to_client(notification(
            "notifications/progress",
            json!({"progressToken": token, "progress": 3}),
        ));
        assert!(matches!(pair.client_event(), ClientEvent::Ignored(_)));
        assert_eq!(pair.client.open_calls() + pair.server.open_requests(), 0);
    }
}

on_every_revision! {
    // `progress.unknown`, `progress.token.type`
    fn progress_of_nothing_is_ignored(revision) {
        let mut pair = Pair::open(revision);
        let (_, _) = watched(&mut pair);
        let own = pair.last_of_client()["params"]["_meta"]["progressToken"].clone();
        let bad = [
            json!({"progressToken": 999, "progress": 1}),
            json!({"progressToken": own.to_string(), "progress": 1}),
            json!({"progressToken": 1.5, "progress": 1}),
            json!({"progressToken": null, "progress": 1}),
            json!({"progress": 1}),
            json!({"progressToken": own}),
            json!({"progressToken": own, "progress": "much"}),
        ];
        for params in bad {
            pair.to_client(notification("notifications/progress", params.clone()));
            let event = pair.client_event();
            assert!(
                matches!(event, ClientEvent::Ignored(_)),
                "{params}: {event:?}"
            );
            assert!(pair.client_events.is_empty());
        }
    }
}

on_every_revision! {
    // `progress.dir.modern`, `progress.onlyactive`, `progress.unknown`
    fn a_client_reports_progress_of_nothing_that_it_was_not_asked(revision) {
        let mut pair = Pair::open(revision);
        let params = ProgressParams::new(1, 0.5);
        assert!(pair.client.notify::<Progress>(pair.now, &params).is_err());
        pair.drive();
        pair.to_server(notification(
            "notifications/progress",
            json!({"progressToken": 1, "progress": 1}),
        ));
        assert!(matches!(pair.server_event(), ServerEvent::Ignored(_)));
        assert!(pair.is_quiet());
    }
}

on_every_revision! {
    // `progress.dir.modern`, `progress.increase`, `progress.onlyactive`, `progress.stop`,
    // `progress.token.type`
    fn a_legacy_server_hears_of_progress_on_what_it_asked(revision) {
        for token in [json!("tok"), json!(77)] {
            let mut pair = Pair::open(revision);
            pair.call_tool("x");
            let asked = pair.request();
            let draft = CreateMessageParams::new(vec![SamplingMessage::user("?")], 5);
            let watched = draft
                .clone()
                .meta(Meta::new().with("progressToken", &token));
            pair.need(
                &asked,
                &InputRequests::new()
                    .sample("a", &watched)
                    .sample("b", &draft),
                None,
            );
            let (input, silent) = (pair.input(), pair.input());
            pair.forget();
            for (progress, is_good) in [(0.5, true), (0.5, false), (f64::NAN, false), (2.0, true)] {
                let told =
                    pair.client
                        .progress(pair.now, input.input, progress, Some(2.0), Some("m"));
                assert_eq!(told.is_ok(), is_good);
                pair.client
                    .progress(pair.now, silent.input, progress, None, None)
                    .ok();
            }
            pair.drive();
            let sent = pair.of_method(true, "notifications/progress");
            let heard = pair.server_events.drain(..).filter(
                |event| matches!(event, ServerEvent::Notification(told) if told.is::<Progress>()),
            );
            let expected = if is_modern(revision) { 0 } else { 2 };
            assert_eq!((sent.len(), heard.count()), (expected, expected));
            assert!(
                sent.iter()
                    .all(|sent| sent["params"]["progressToken"] == token)
            );
            // It ends with the answer.
            let said = CreateMessageResult::new("m", SamplingMessageContentBlock::text("t"));
            pair.answer::<CreateMessage>(&input, &said);
            let late = pair.client.progress(pair.now, input.input, 3.0, None, None);
            assert!(matches!(late, Err(Misuse::Unknown(Handle::Input))));
            pair.to_server(notification(
                "notifications/progress",
                json!({"progressToken": token, "progress": 3}),
            ));
            assert!(matches!(pair.server_event(), ServerEvent::Ignored(_)));
        }
    }
}

on_revisions! { MODERN;
    // `progress.stream.modern`, `sub.nosreq`
    fn progress_leaves_by_its_requests_stream(revision) {
        let mut pair = Pair::open(revision);
        let by = |n| Route::Exchange(ExchangeId::new(n));
        let filter =
            json!({"notifications": {"toolsListChanged": true}, "_meta": {"progressToken": "l"}});
        pair.exchange(by(1), request(revision, 1, "subscriptions/listen", filter));
        let call = |token: &str| json!({"name": "x", "_meta": {"progressToken": token}});
        pair.exchange(by(2), request(revision, 2, "tools/call", call("two")));
        pair.exchange(by(3), request(revision, 3, "tools/call", call("three")));
        let (two, three) = (pair.request(), pair.request());
        pair.server
            .progress(pair.now, three.id, 1.0, None, None)
            .unwrap();
        pair.server
            .progress(pair.now, two.id, 1.0, None, None)
            .unwrap();
        pair.server
            .reply::<CallTool>(pair.now, three.id, &CallToolResult::text("done"))
            .unwrap();
        let sent: Vec<_> = pair
            .routed()
            .into_iter()
            .map(|(route, frame)| (route, frame["params"]["progressToken"].clone()))
            .collect();
        let expected = [
            (by(3), json!("three")),
            (by(2), json!("two")),
            (by(3), Value::Null),
        ];
        assert_eq!(sent, expected);
    }
}
