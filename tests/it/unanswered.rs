//! What comes instead of an answer: refusals, withdrawals and silence.

use std::time::Duration;

use mcp_proto::Revision;
use mcp_proto::model::elicitation::{ElicitAction, ElicitResult};
use mcp_proto::model::form::FormContent;
use mcp_proto::model::input::InputRequests;
use mcp_proto::model::method::{CallTool, CreateMessage, Elicit, ListRoots};
use mcp_proto::model::root::{ListRootsResult, Root};
use mcp_proto::model::sampling::{CreateMessageParams, SamplingMessage};
use mcp_proto::model::tool::{CallToolParams, CallToolResult};
use mcp_proto::rpc::RpcError;
use mcp_proto::session::{
    CallClock, CallError, CallOptions, ClientEvent, Closed, Handle, InputError, Misuse, Route,
    ServerEvent, Session, Timeout, Timeouts,
};
use serde_json::{Value, json};

use support::pair::{Pair, client_config, server_config};
use support::scenario::{ask, is_modern, notification, question, request, result, since};
use support::{LEGACY, MODERN};
use support::{on_every_revision, on_revisions};

fn named(name: &'static str) -> ElicitResult<'static> {
    ElicitResult::accept(FormContent::new().with("name", name))
}

fn home() -> ListRootsResult<'static> {
    ListRootsResult::new(vec![Root::new("file:///home")])
}

on_every_revision! {
    // `sampling.err.reject`, `sampling.err.modern`, `roots.err.modern`, `mrtr.decline`
    fn a_refusal_reaches_whoever_can_hear_it(revision) {
        let mut pair = Pair::open(revision);
        let call = pair.call_tool("x");
        let asked = pair.request();
        let draft = CreateMessageParams::new(vec![SamplingMessage::user("?")], 5);
        pair.need(
            &asked,
            &InputRequests::new().sample("k", &draft).roots("r"),
            Some("s"),
        );
        let (sample, roots) = (pair.input(), pair.input());
        let no = RpcError::new(-1, "User rejected sampling request");
        pair.forget();
        pair.client
            .decline(pair.now, sample.input, no.clone())
            .unwrap();
        pair.drive();
        match is_modern(revision) {
            false => {
                assert_eq!(pair.last_of_client()["error"]["code"], -1);
                pair.answer::<ListRoots>(&roots, &home());
                let again = pair.request();
                let refused = again.input::<CreateMessage>("k").unwrap().unwrap_err();
                assert_eq!(refused, InputError::Refused(no));
                assert!(again.input::<ListRoots>("r").unwrap().is_ok());
                // The error is ready to be handed on.
                pair.reply_error(&again, refused.into());
                let error = pair.completed(call).of(call).unwrap().unwrap_err();
                assert!(matches!(error, CallError::Rpc(error) if error.code == -1));
            }
            true => {
                assert!(pair.wire.is_empty(), "{:?}", pair.wire);
                let withdrawn = pair.client_event();
                assert!(
                    matches!(withdrawn, ClientEvent::InputWithdrawn(input) if input == roots.input)
                );
                let error = pair.completed(call).of(call).unwrap().unwrap_err();
                assert_eq!(error, CallError::InputRefused(no));
            }
        }
        assert!(pair.is_quiet());
        let late = pair
            .client
            .decline(pair.now, sample.input, RpcError::internal("late"));
        assert!(matches!(late, Err(Misuse::Unknown(Handle::Input))));
    }
}

on_revisions! { since(Revision::V2025_06_18);
    // `mrtr.decline`, `elicit.handle3`, `elicit.result`
    fn a_user_who_declines_or_turns_away_has_answered(revision) {
        for answer in [ElicitResult::decline(), ElicitResult::cancel()] {
            let mut pair = Pair::open(revision);
            let call = pair.call_tool("x");
            let asked = pair.request();
            pair.need(&asked, &ask("k"), None);
            let input = pair.input();
            pair.answer::<Elicit>(&input, &answer);
            let again = pair.request();
            let heard = again.input::<Elicit>("k").unwrap().unwrap();
            assert_eq!(heard.action, answer.action);
            assert!(heard.action != ElicitAction::Accept && heard.content.is_none());
            pair.reply_text(&again, "so be it");
            assert_eq!(pair.text_of(call), "so be it");
        }
    }
}

on_every_revision! {
    // `cancel.recv.ignore`
    fn cancelling_a_call_withdraws_what_it_asks_for(revision) {
        let mut pair = Pair::open(revision);
        let call = pair.call_tool("x");
        let asked = pair.request();
        pair.need(&asked, &InputRequests::new().roots("k"), Some("s"));
        let input = pair.input();
        pair.client
            .cancel(pair.now, call, Some("changed my mind"))
            .unwrap();
        pair.drive();
        let mut withdrawn = false;
        let mut ended = 0;
        while let Some(event) = pair.client_events.pop_front() {
            match event {
                ClientEvent::InputWithdrawn(id) => withdrawn |= id == input.input,
                ClientEvent::Completed(done) => {
                    assert_eq!(done.of(call).unwrap().unwrap_err(), CallError::Cancelled);
                    ended += 1;
                }
                other => panic!("{other:?}"),
            }
        }
        assert!(withdrawn && ended == 1);
        let late = pair
            .client
            .answer::<ListRoots>(pair.now, input.input, &home());
        assert!(matches!(late, Err(Misuse::Unknown(Handle::Input))));
        let expected = match is_modern(revision) {
            false => 1,
            // The request it was for has been answered; nobody works on it.
            true => 0,
        };
        let cancels = pair
            .server_events
            .iter()
            .filter(|event| matches!(event, ServerEvent::Cancelled { .. }));
        assert_eq!(cancels.count(), expected);
        assert_eq!(pair.server.open_requests(), 0);
    }
}

on_every_revision! {
    // `timeout.idle`, `timeout.max`
    fn the_idle_clock_stands_still_while_the_user_owes_an_answer(revision) {
        let mut pair = Pair::open(revision);
        let options = CallOptions::new().progress(true);
        let call = pair.call_with::<CallTool>(&CallToolParams::new("x"), options);
        let asked = pair.request();
        pair.pass(Duration::from_secs(50));
        pair.need(&asked, &InputRequests::new().roots("k"), None);
        let input = pair.input();
        pair.pass(Duration::from_secs(200));
        assert!(pair.client_events.is_empty());
        pair.answer::<ListRoots>(&input, &home());
        let again = pair.request();
        // It starts afresh with the answer ...
        pair.pass(Duration::from_secs(59));
        assert!(pair.client_events.is_empty());
        // ... and runs.
        pair.pass(Duration::from_secs(2));
        let error = pair.completed(call).of(call).unwrap().unwrap_err();
        assert!(
            matches!(
                error,
                CallError::TimedOut {
                    clock: CallClock::Idle,
                    ..
                }
            ),
            "{error}"
        );
        let cancelled = pair.server_event();
        assert!(matches!(cancelled, ServerEvent::Cancelled { request, .. } if request == again.id));
    }
}

on_revisions! { LEGACY;
    // `timeout.idle`
    fn progress_does_not_start_the_clock_while_the_user_thinks(revision) {
        let mut pair = Pair::open(revision);
        let options = CallOptions::new().progress(true);
        let other = pair.call_with::<CallTool>(&CallToolParams::new("other"), options);
        pair.call_tool("asks");
        let (other_request, asks) = (pair.request(), pair.request());
        pair.need(&asks, &InputRequests::new().roots("k"), None);
        let input = pair.input();
        pair.server
            .progress(pair.now, other_request.id, 1.0, None, None)
            .unwrap();
        pair.drive();
        assert!(matches!(pair.client_event(), ClientEvent::Progress { call, .. } if call == other));
        pair.pass(Duration::from_secs(120));
        assert!(pair.client_events.is_empty(), "{:?}", pair.client_events);
        pair.answer::<ListRoots>(&input, &home());
        pair.pass(Duration::from_secs(61));
        let ended = pair
            .client_events
            .iter()
            .filter(|event| matches!(event, ClientEvent::Completed(_)));
        assert_eq!(ended.count(), 2);
    }
}

on_every_revision! {
    // `timeout.max`
    fn the_total_clock_runs_while_the_user_thinks(revision) {
        let mut pair = Pair::open(revision);
        let options = CallOptions::new().total(Timeout::After(Duration::from_secs(100)));
        let call = pair.call_with::<CallTool>(&CallToolParams::new("x"), options);
        let asked = pair.request();
        pair.need(&asked, &InputRequests::new().roots("k"), None);
        let input = pair.input();
        pair.pass(Duration::from_secs(101));
        let events: Vec<_> = pair.client_events.drain(..).collect();
        assert!(
            events.iter().any(
                |event| matches!(event, ClientEvent::InputWithdrawn(id) if *id == input.input)
            )
        );
        let done = events.iter().find_map(|event| match event {
            ClientEvent::Completed(done) => done.of(call),
            _ => None,
        });
        let error = done.unwrap().unwrap_err();
        assert!(
            matches!(
                error,
                CallError::TimedOut {
                    clock: CallClock::Total,
                    ..
                }
            ),
            "{error}"
        );
        assert_eq!(events.len(), 2);
        assert_eq!(pair.client.poll_timeout(), None);
    }
}

on_revisions! { LEGACY;
    // `timeout.every`, `cancel.samedir`
    fn a_question_that_nobody_answers_goes_back_to_the_handler(revision) {
        let client = client_config(revision).timeouts(Timeouts::default().idle(None).total(None));
        let mut pair = Pair::open_with(client, server_config());
        let call = pair.call_tool("x");
        let asked = pair.request();
        pair.need(&asked, &InputRequests::new().roots("k"), Some("s"));
        let input = pair.input();
        pair.pass(Duration::from_secs(601));
        let withdrawn = pair.client_event();
        assert!(matches!(withdrawn, ClientEvent::InputWithdrawn(id) if id == input.input));
        let cancelled = pair.of_method(false, "notifications/cancelled");
        assert_eq!(cancelled.len(), 1);
        let again = pair.request();
        assert_eq!(again.state().as_deref(), Some("s"));
        assert!(matches!(
            again.input::<ListRoots>("k"),
            Some(Err(InputError::Refused(_)))
        ));
        pair.reply_text(&again, "without");
        assert_eq!(pair.text_of(call), "without");
        assert_eq!(pair.server.poll_timeout(), None);
    }
}

on_every_revision! {
    // `lifecycle.shutdown.msg`
    fn closing_withdraws_every_question(revision) {
        for by_client in [true, false] {
            let mut pair = Pair::open(revision);
            let call = pair.call_tool("x");
            let asked = pair.request();
            pair.need(&asked, &InputRequests::new().roots("k"), None);
            let input = pair.input();
            match by_client {
                true => pair.client.close(pair.now),
                false => pair
                    .client
                    .handle_closed(pair.now, Route::Pipe, Closed::EndOfInput),
            }
            pair.drive();
            let events: Vec<_> = pair.client_events.drain(..).collect();
            let withdrawn = events.iter().filter(
                |event| matches!(event, ClientEvent::InputWithdrawn(id) if *id == input.input),
            );
            assert_eq!(withdrawn.count(), 1);
            let ended = events.iter().filter(|event| {
                matches!(event, ClientEvent::Completed(done)
                    if matches!(done.of(call), Some(Err(CallError::Lost(_)))))
            });
            assert_eq!(ended.count(), 1);
            assert!(matches!(events.last(), Some(ClientEvent::Closed(_))));
            let late = pair
                .client
                .answer::<ListRoots>(pair.now, input.input, &home());
            assert!(late.is_err());
        }
    }
}

on_revisions! { LEGACY;
    fn a_lost_client_ends_the_request_that_was_asking(revision) {
        let mut pair = Pair::open(revision);
        pair.call_tool("x");
        let asked = pair.request();
        pair.need(&asked, &InputRequests::new().roots("k"), None);
        pair.server
            .handle_closed(pair.now, Route::Pipe, Closed::EndOfInput);
        pair.drive();
        let cancelled = pair.server_event();
        assert!(matches!(cancelled, ServerEvent::Cancelled { request, .. } if request == asked.id));
        assert!(matches!(pair.server_event(), ServerEvent::Closed(_)));
        assert_eq!(pair.server.poll_timeout(), None);
    }
}

on_revisions! { MODERN;
    // `mrtr.only`, `sampling.dir.modern`, `elicit.dir.modern`, `base.dir.modern.badreq`
    fn a_modern_server_may_not_send_requests(revision) {
        let mut pair = Pair::open(revision);
        pair.forget();
        for method in [
            "sampling/createMessage",
            "elicitation/create",
            "roots/list",
            "ping",
        ] {
            pair.to_client(
                json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": {}}).to_string(),
            );
            let event = pair.client_event();
            assert!(matches!(event, ClientEvent::Ignored(_)), "{event:?}");
        }
        // It is not even told so: a modern client sends no responses.
        assert!(pair.wire.is_empty());
    }
}

on_revisions! { LEGACY;
    // `base.resp.unknown`
    fn an_answer_to_no_question_is_ignored(revision) {
        let mut pair = Pair::open(revision);
        pair.call_tool("x");
        let asked = pair.request();
        pair.need(&asked, &InputRequests::new().roots("k"), None);
        let id = pair.last_of_server()["id"].clone();
        for stray in [json!(id.to_string()), json!(9999), json!(-1), json!("x")] {
            pair.to_server(result(stray, json!({"roots": []})));
            assert!(matches!(pair.server_event(), ServerEvent::Ignored(_)));
        }
        let input = pair.input();
        pair.answer::<ListRoots>(&input, &home());
        pair.request();
        pair.to_server(result(id, json!({"roots": []})));
        assert!(matches!(pair.server_event(), ServerEvent::Ignored(_)));
    }
}

on_revisions! { LEGACY;
    // `mrtr.server.validate`
    fn a_malformed_answer_is_the_handlers_to_see(revision) {
        let mut pair = Pair::open(revision);
        pair.call_tool("x");
        let asked = pair.request();
        pair.need(&asked, &InputRequests::new().roots("k"), None);
        let id = pair.last_of_server()["id"].clone();
        pair.to_server(result(id, json!({"roots": 5})));
        let again = pair.request();
        let malformed = again.input::<ListRoots>("k").unwrap().unwrap_err();
        assert!(matches!(malformed, InputError::Malformed(_)), "{malformed}");
    }
}

on_every_revision! {
    fn a_request_that_asks_can_not_be_answered_meanwhile(revision) {
        let mut pair = Pair::open(revision);
        pair.call_tool("x");
        let asked = pair.request();
        pair.need(&asked, &InputRequests::new().roots("k"), None);
        let roots = InputRequests::new().roots("again");
        let now = pair.now;
        assert!(
            pair.server
                .reply::<CallTool>(now, asked.id, &CallToolResult::text("no"))
                .is_err()
        );
        assert!(pair.server.need_input(now, asked.id, &roots, None).is_err());
        assert!(
            pair.server
                .progress(now, asked.id, 1.0, None, None)
                .is_err()
        );
        let input = pair.input();
        let wrong = pair
            .client
            .answer::<Elicit>(now, input.input, &named("Ada"));
        assert!(matches!(wrong, Err(Misuse::WrongMethod { .. })));
        pair.answer::<ListRoots>(&input, &home());
        let again = pair.request();
        pair.reply_text(&again, "yes");
        assert!(question("?").message().is_some());
    }
}

on_revisions! { LEGACY;
    // `timeout.idle`, `cancel.samedir`
    fn the_clock_runs_on_when_the_server_takes_its_question_back(revision) {
        let mut pair = Pair::open(revision);
        let call = pair.call_tool("x");
        let other = pair.call_tool("other");
        let (asked, _) = (pair.request(), pair.request());
        pair.need(&asked, &InputRequests::new().roots("k"), None);
        let input = pair.input();
        pair.pass(Duration::from_secs(300));
        // The server gives the call up, and with it what it asked for.
        pair.client.cancel(pair.now, call, None).unwrap();
        pair.drive();
        // Over HTTP the question goes with the exchange, before the server can take it back.
        let ends: Vec<_> = pair.client_events.drain(..).collect();
        assert_eq!(ends.len(), 2, "{ends:?}");
        for end in ends {
            match end {
                ClientEvent::Completed(done) => assert_eq!(done.call, call),
                ClientEvent::InputWithdrawn(id) => assert_eq!(id, input.input),
                other => panic!("{other:?}"),
            }
        }
        pair.pass(Duration::from_secs(59));
        assert!(pair.client_events.is_empty());
        pair.pass(Duration::from_secs(2));
        let error = pair.completed(other).of(other).unwrap().unwrap_err();
        assert!(
            matches!(
                error,
                CallError::TimedOut {
                    clock: CallClock::Idle,
                    ..
                }
            ),
            "{error}"
        );
    }
}

on_revisions! { MODERN;
    // `cancel.clientonly`, `mrtr.newid`
    fn cancelling_in_a_later_round_names_the_request_of_that_round(revision) {
        let mut pair = Pair::open(revision);
        let call = pair.call_tool("x");
        let asked = pair.request();
        pair.need(&asked, &InputRequests::new().roots("k"), None);
        let input = pair.input();
        pair.answer::<ListRoots>(&input, &home());
        let again = pair.request();
        let id = pair.last_of_client()["id"].clone();
        pair.client.cancel(pair.now, call, None).unwrap();
        pair.drive();
        assert_eq!(pair.last_of_client()["params"]["requestId"], id);
        assert!(
            matches!(pair.server_event(), ServerEvent::Cancelled { request, .. } if request == again.id)
        );
        let error = pair.completed(call).of(call).unwrap().unwrap_err();
        assert_eq!(error, CallError::Cancelled);
        assert!(pair.is_quiet());
    }
}

on_revisions! { [Revision::V2025_03_26];
    // `base.batch.recv`
    fn a_request_of_a_batch_asks_outside_of_it_and_answers_inside(revision) {
        let mut pair = Pair::open(revision);
        let call = |id: i64| -> Value {
            serde_json::from_str(&request(revision, id, "tools/call", json!({"name": "x"})))
                .unwrap()
        };
        pair.forget();
        pair.to_server(json!([call(70), call(71)]).to_string());
        let (first, second) = (pair.request(), pair.request());
        pair.server
            .reply::<CallTool>(pair.now, second.id, &CallToolResult::text("2"))
            .unwrap();
        pair.need(&first, &InputRequests::new().roots("k"), None);
        let sent = pair.last_of_server();
        assert_eq!(sent["method"], "roots/list");
        let input = pair.input();
        pair.answer::<ListRoots>(&input, &home());
        let again = pair.request();
        pair.reply_text(&again, "1");
        let answers = pair.last_of_server();
        let ids: Vec<_> = answers
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["id"].clone())
            .collect();
        assert_eq!(ids, [71, 70]);
    }
}

on_every_revision! {
    streams;
    // `progress.increase`
    fn a_handler_that_runs_again_may_report_from_the_start(revision) {
        let mut pair = Pair::open(revision);
        let options = CallOptions::new().progress(true);
        pair.call_with::<CallTool>(&CallToolParams::new("x"), options);
        let mut asked = pair.request();
        for _ in 0..3 {
            for step in [1.0, 2.0] {
                pair.server
                    .progress(pair.now, asked.id, step, None, None)
                    .unwrap();
                let still = pair.server.progress(pair.now, asked.id, step, None, None);
                assert!(matches!(still, Err(Misuse::ProgressNotIncreasing)));
            }
            pair.need(&asked, &InputRequests::new().roots("k"), None);
            pair.client_events
                .retain(|event| matches!(event, ClientEvent::InputRequested(_)));
            let input = pair.input();
            pair.answer::<ListRoots>(&input, &home());
            asked = pair.request();
        }
        pair.server
            .progress(pair.now, asked.id, 3.0, None, None)
            .unwrap();
        pair.drive();
        // On the wire the progress of one request increases all the same.
        let sent = pair.of_method(false, "notifications/progress");
        let values: Vec<_> = sent
            .iter()
            .map(|sent| sent["params"]["progress"].as_i64().unwrap())
            .collect();
        let expected: &[i64] = if is_modern(revision) {
            &[1, 2, 1, 2, 1, 2, 3]
        } else {
            &[1, 2, 3]
        };
        assert_eq!(values, expected);
    }
}

on_revisions! { MODERN;
    // `mrtr.atleastone`, `mrtr.shape`
    fn null_is_as_good_as_absent_in_a_question(revision) {
        let mut pair = Pair::open(revision);
        let call = pair.call_tool("x");
        let id = pair.last_of_client()["id"].clone();
        let only_state =
            json!({"resultType": "input_required", "inputRequests": null, "requestState": "s"});
        pair.to_client(result(id, only_state));
        assert_eq!(pair.last_of_client()["params"]["requestState"], "s");
        let id = pair.last_of_client()["id"].clone();
        let only_requests = json!({"resultType": "input_required", "requestState": null,
            "inputRequests": {"k": {"method": "roots/list"}}});
        pair.to_client(result(id, only_requests));
        let input = pair.input();
        pair.answer::<ListRoots>(&input, &home());
        assert!(
            pair.last_of_client()["params"]
                .get("requestState")
                .is_none()
        );
        let id = pair.last_of_client()["id"].clone();
        let neither =
            json!({"resultType": "input_required", "requestState": null, "inputRequests": null});
        pair.to_client(result(id, neither));
        let error = pair.completed(call).of(call).unwrap().unwrap_err();
        assert!(matches!(error, CallError::BadResult { .. }), "{error}");
    }
}

on_revisions! { LEGACY;
    // `base.resp.unknown`, `lifecycle.pre.server`
    fn an_answer_to_a_question_that_was_not_asked_yet_is_ignored(revision) {
        let mut pair = Pair::new(client_config(revision), server_config());
        let hello = json!({"protocolVersion": revision.as_str(), "clientInfo": {"name": "c", "version": "1"},
            "capabilities": {"roots": {}}});
        pair.exchange(Route::Pipe, request(revision, 1, "initialize", hello));
        pair.exchange(
            Route::Pipe,
            request(revision, 2, "tools/call", json!({"name": "x"})),
        );
        pair.server_events.pop_front();
        let asked = pair.request();
        let roots = InputRequests::new().roots("k");
        pair.server
            .need_input(pair.now, asked.id, &roots, None)
            .unwrap();
        for guess in 0..10 {
            pair.exchange(Route::Pipe, result(guess, json!({"roots": []})));
        }
        assert!(
            pair.server_events
                .drain(..)
                .all(|event| matches!(event, ServerEvent::Ignored(_)))
        );
        let sent = pair.exchange(
            Route::Pipe,
            notification("notifications/initialized", json!({})),
        );
        assert_eq!(sent[0].1["method"], "roots/list");
        pair.exchange(
            Route::Pipe,
            result(sent[0].1["id"].clone(), json!({"roots": []})),
        );
        assert!(pair.request().input::<ListRoots>("k").unwrap().is_ok());
    }
}
