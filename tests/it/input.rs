//! Rounds of input: one handler, tried on both eras; what goes to and fro, and what may not.

use mcp_proto::model::input::InputRequests;
use mcp_proto::model::method::{
    CallTool, Complete, CreateMessage, Elicit, GetPrompt, ListRoots, ListTools, ReadResource,
};
use mcp_proto::model::prompt::{GetPromptParams, GetPromptResult};
use mcp_proto::model::resource::{ReadResourceParams, ReadResourceResult};
use mcp_proto::model::root::{ListRootsResult, Root};
use mcp_proto::model::sampling::{
    CreateMessageParams, CreateMessageResult, SamplingMessage, SamplingMessageContentBlock,
};
use mcp_proto::model::tool::{CallToolParams, CallToolResult};
use mcp_proto::rpc::Raw;
use mcp_proto::session::{
    CallError, CallOptions, ClientEvent, Invalid, Limited, Misuse, Request, ServerEvent,
    ServerSession,
};
use mcp_proto::{Instant, Limits};
use serde_json::{Value, json};

use support::MODERN;
use support::pair::{Pair, client_config, server_config};
use support::scenario::{completing, is_modern, result};
use support::{on_every_revision, on_revisions};

/// A tool that asks for a sample, then for the roots, and answers with both. It has no idea which
/// era its client belongs to.
fn introduce(server: &mut ServerSession, now: Instant, request: &Request) {
    let draft = CreateMessageParams::new(vec![SamplingMessage::user("Greet them")], 50);
    match request.state().as_deref() {
        None => match request.input::<CreateMessage>("greeting") {
            None => {
                let asked = InputRequests::new().sample("greeting", &draft);
                server.need_input(now, request.id, &asked, None).unwrap();
            }
            Some(greeting) => {
                let greeting = greeting.unwrap();
                let state = greeting.content.as_text().unwrap();
                let asked = InputRequests::new().roots("where");
                server
                    .need_input(now, request.id, &asked, Some(state))
                    .unwrap();
            }
        },
        Some(greeting) => {
            let roots = request.input::<ListRoots>("where").unwrap().unwrap();
            let text = format!("{greeting} in {}", roots.roots[0].uri);
            server
                .reply::<CallTool>(now, request.id, &CallToolResult::text(text))
                .unwrap();
        }
    }
}

/// Lets `introduce` answer every request that has come.
fn serve(pair: &mut Pair) {
    while let Some(event) = pair.server_events.pop_front() {
        match event {
            ServerEvent::Request(request) => introduce(&mut pair.server, pair.now, &request),
            other => panic!("{other:?}"),
        }
        pair.drive();
    }
}

fn greeting(text: &'static str) -> CreateMessageResult<'static> {
    CreateMessageResult::new("a model", SamplingMessageContentBlock::text(text))
}

fn home() -> ListRootsResult<'static> {
    ListRootsResult::new(vec![Root::new("file:///home")])
}

on_every_revision! {
    // `mrtr.only`, `mrtr.client.gather`, `mrtr.client.params`, `mrtr.client.keys`, `mrtr.newid`,
    // `mrtr.client.onlylast`, `tools.mrtr`
    fn one_handler_asks_twice_in_either_era(revision) {
        let mut pair = Pair::open(revision);
        pair.forget();
        let arguments = Raw::new(r#"{"n":1.0,"b":"\u00e9"}"#).unwrap();
        let call = pair.call::<CallTool>(&CallToolParams::new("introduce").arguments(arguments));
        serve(&mut pair);
        let sample = pair.input();
        assert_eq!(sample.method(), "sampling/createMessage");
        let asked = sample.params::<CreateMessage>().unwrap().unwrap();
        assert_eq!(asked.max_tokens, 50);
        assert!(sample.params::<Elicit>().is_none());
        pair.answer::<CreateMessage>(&sample, &greeting("Hello"));
        serve(&mut pair);
        let roots = pair.input();
        assert_eq!(roots.method(), "roots/list");
        assert_ne!(roots.input, sample.input);
        pair.answer::<ListRoots>(&roots, &home());
        serve(&mut pair);
        assert_eq!(pair.text_of(call), "Hello in file:///home");
        assert!(pair.is_quiet());
        let calls = pair.of_method(true, "tools/call");
        if !is_modern(revision) {
            assert_eq!(calls.len(), 1);
            return;
        }
        assert_eq!(sample.call, Some(call.any()));
        // A modern server never sends a request.
        assert!(
            pair.sent_by_server()
                .iter()
                .all(|frame| frame.get("method").is_none())
        );
        assert_eq!(calls.len(), 3);
        let [first, second, third] = &calls[..] else {
            unreachable!()
        };
        assert!(
            first["id"] != second["id"]
                && second["id"] != third["id"]
                && first["id"] != third["id"]
        );
        let mut retried = second.clone();
        let answers = retried["params"]
            .as_object_mut()
            .unwrap()
            .remove("inputResponses")
            .unwrap();
        assert_eq!(retried["params"], first["params"]);
        let bare = json!({"greeting": {"role": "assistant", "model": "a model",
            "content": {"type": "text", "text": "Hello"}}});
        assert_eq!(answers, bare);
        let params = third["params"].as_object().unwrap();
        assert_eq!(
            params["inputResponses"],
            json!({"where": {"roots": [{"uri": "file:///home"}]}})
        );
        assert_eq!(params["requestState"], "Hello");
        // The arguments went out as they were written, each time.
        let sent = pair.wire.iter().filter(|(by_client, frame)| {
            *by_client && frame.contains(r#""arguments":{"n":1.0,"b":"\u00e9"}"#)
        });
        assert_eq!(sent.count(), 3);
    }
}

on_every_revision! {
    // `prompts.mrtr`, `res.mrtr`, `mrtr.methods`
    fn prompts_and_resources_may_ask_too(revision) {
        let mut pair = Pair::open(revision);
        let roots = InputRequests::new().roots("where");
        let prompt = pair.call::<GetPrompt>(&GetPromptParams::new("p"));
        let asked = pair.request();
        pair.need(&asked, &roots, None);
        let input = pair.input();
        pair.answer::<ListRoots>(&input, &home());
        let again = pair.request();
        assert_eq!(again.target().as_deref(), Some("p"));
        assert!(again.input::<ListRoots>("where").unwrap().is_ok());
        pair.reply::<GetPrompt>(&again, &GetPromptResult::new(vec![]));
        assert!(pair.completed(prompt).of(prompt).unwrap().is_ok());

        let read = pair.call::<ReadResource>(&ReadResourceParams::new("file:///a"));
        let asked = pair.request();
        pair.need(&asked, &roots, Some("seen"));
        let input = pair.input();
        pair.answer::<ListRoots>(&input, &home());
        let again = pair.request();
        assert_eq!(again.target().as_deref(), Some("file:///a"));
        assert_eq!(again.state().as_deref(), Some("seen"));
        pair.reply::<ReadResource>(&again, &ReadResourceResult::new(vec![]));
        assert!(pair.completed(read).of(read).unwrap().is_ok());
    }
}

on_every_revision! {
    // `mrtr.methods`
    fn other_methods_may_not_ask(revision) {
        let mut pair = Pair::open(revision);
        let list = pair.call::<ListTools>(&Default::default());
        let asked = pair.request();
        let roots = InputRequests::new().roots("where");
        let misuse = pair
            .server
            .need_input(pair.now, asked.id, &roots, None)
            .unwrap_err();
        assert!(matches!(misuse, Misuse::InputNotAllowed { .. }), "{misuse}");
        pair.drive();
        assert!(pair.is_quiet());
        // The request is still there to be answered.
        pair.reply::<ListTools>(&asked, &Default::default());
        assert!(pair.completed(list).of(list).unwrap().is_ok());
        let complete = pair.call::<Complete>(&completing("p"));
        let asked = pair.request();
        assert!(
            pair.server
                .need_input(pair.now, asked.id, &roots, None)
                .is_err()
        );
        pair.client.cancel(pair.now, complete, None).unwrap();
    }
}

on_revisions! { MODERN;
    // `mrtr.methods`, `rtype.unknown`
    fn a_client_takes_no_question_from_methods_that_may_not_ask(revision) {
        let mut pair = Pair::open(revision);
        let list = pair.call::<ListTools>(&Default::default());
        let id = pair.last_of_client()["id"].clone();
        pair.to_client(result(
            id,
            json!({"resultType": "input_required", "requestState": "s"}),
        ));
        let error = pair.completed(list).of(list).unwrap().unwrap_err();
        assert!(matches!(error, CallError::BadResult { .. }), "{error}");
    }
}

on_every_revision! {
    // `mrtr.client.immediate`, `mrtr.client.gather`
    fn a_state_alone_brings_the_request_back_at_once(revision) {
        let mut pair = Pair::open(revision);
        let call = pair.call_tool("busy");
        let asked = pair.request();
        pair.need(&asked, &InputRequests::new(), Some("try again"));
        let again = pair.request();
        assert_eq!(again.state().as_deref(), Some("try again"));
        assert!(!again.has_inputs());
        assert!(pair.client_events.is_empty());
        pair.reply_text(&again, "now");
        assert_eq!(pair.text_of(call), "now");
    }
}

on_every_revision! {
    // `mrtr.atleastone`
    fn asking_for_nothing_is_refused(revision) {
        let mut pair = Pair::open(revision);
        pair.call_tool("x");
        let asked = pair.request();
        let misuse = pair
            .server
            .need_input(pair.now, asked.id, &InputRequests::new(), None)
            .unwrap_err();
        assert!(matches!(misuse, Misuse::Invalid(Invalid::NoInput)), "{misuse}");
        pair.reply_text(&asked, "all the same");
    }
}

on_revisions! { MODERN;
    // `mrtr.atleastone`, `mrtr.values`, `mrtr.shape`
    fn a_client_fails_the_call_of_a_malformed_question(revision) {
        let bad = [
            json!({}),
            json!({"inputRequests": [], "requestState": "s"}),
            json!({"inputRequests": {"k": 5}}),
            json!({"inputRequests": {"k": {"method": "tools/list"}}}),
            json!({"inputRequests": {"k": {"method": "ping", "params": {}}}}),
            json!({"inputRequests": {"k": {"method": "elicitation/create", "params": {"message": 1}}}}),
            json!({"requestState": 7}),
        ];
        for mut bad in bad {
            let mut pair = Pair::open(revision);
            let call = pair.call_tool("x");
            let id = pair.last_of_client()["id"].clone();
            bad["resultType"] = json!("input_required");
            pair.forget();
            pair.to_client(result(id, bad.clone()));
            let error = pair.completed(call).of(call).unwrap().unwrap_err();
            assert!(
                matches!(
                    error,
                    CallError::BadResult { .. } | CallError::InputRefused(_)
                ),
                "{bad}: {error}"
            );
            assert!(pair.client_events.is_empty());
            // The request is over for the server: there is nothing to cancel.
            assert!(pair.wire.is_empty(), "{:?}", pair.wire);
        }
    }
}

on_every_revision! {
    // `mrtr.client.gather`, `mrtr.keys`
    fn a_round_comes_back_when_all_of_it_is_answered(revision) {
        let mut pair = Pair::open(revision);
        pair.call_tool("x");
        let asked = pair.request();
        let draft = CreateMessageParams::new(vec![SamplingMessage::user("?")], 5);
        let both = InputRequests::new()
            .roots("é \"quoted\"")
            .sample("", &draft);
        pair.need(&asked, &both, None);
        let (first, second) = (pair.input(), pair.input());
        // Answered in another order than asked.
        pair.answer::<CreateMessage>(&second, &greeting("yes"));
        assert!(pair.server_events.is_empty());
        pair.answer::<ListRoots>(&first, &home());
        let again = pair.request();
        assert!(again.has_inputs());
        assert_eq!(
            again
                .input::<ListRoots>("é \"quoted\"")
                .unwrap()
                .unwrap()
                .roots
                .len(),
            1
        );
        assert_eq!(
            again.input::<CreateMessage>("").unwrap().unwrap().model,
            "a model"
        );
        assert!(again.input::<CreateMessage>("other").is_none());
    }
}

on_revisions! { MODERN;
    // `mrtr.state.echo`, `mrtr.state.opaque`, `mrtr.state.absent`, `mrtr.client.onlylast`
    fn a_state_goes_back_byte_for_byte_and_only_once(revision) {
        let states = [
            r#""""#,
            r#""plain""#,
            r#""\u0041\/\b\f\n\r\t\"\\""#,
            r#""é😀 \ud83d\ude00 \u0000""#,
            r#""{\"json\":true}""#,
        ];
        for state in states {
            let mut pair = Pair::open(revision);
            pair.call_tool("x");
            let id = pair.last_of_client()["id"].clone();
            let asked = r#""inputRequests":{"k":{"method":"roots/list"}}"#;
            pair.to_client(format!(
                r#"{{"jsonrpc":"2.0","id":{id},"result":{{"resultType":"input_required",{asked},"requestState":{state}}}}}"#
            ));
            let input = pair.input();
            pair.answer::<ListRoots>(&input, &home());
            let (_, sent) = pair.wire.last().unwrap().clone();
            assert!(
                sent.contains(&format!(r#""requestState":{state}"#)),
                "{sent}"
            );
            // The next round has no state, so the third request has none either.
            let id = pair.last_of_client()["id"].clone();
            pair.to_client(format!(
                r#"{{"jsonrpc":"2.0","id":{id},"result":{{"resultType":"input_required",{asked}}}}}"#
            ));
            let input = pair.input();
            pair.answer::<ListRoots>(&input, &ListRootsResult::new(vec![]));
            let sent = pair.last_of_client();
            assert!(sent["params"].get("requestState").is_none(), "{sent}");
            assert_eq!(
                sent["params"]["inputResponses"],
                json!({"k": {"roots": []}})
            );
        }
    }
}

on_every_revision! {
    // `mrtr.state.echo`, `mrtr.client.onlylast`
    fn a_handler_gets_its_own_state_and_this_rounds_answers(revision) {
        let mut pair = Pair::open(revision);
        pair.call_tool("x");
        let mut asked = pair.request();
        for state in ["", "a\"b\\c\u{0}\u{7f}", "é😀", "\u{2028}{}"] {
            pair.need(&asked, &InputRequests::new().roots("one"), Some(state));
            let roots = pair.input();
            pair.answer::<ListRoots>(&roots, &home());
            let again = pair.request();
            assert_eq!(again.state().as_deref(), Some(state));
            pair.need(&again, &InputRequests::new().roots("two"), None);
            let roots = pair.input();
            pair.answer::<ListRoots>(&roots, &home());
            asked = pair.request();
            assert!(asked.state().is_none());
            assert!(asked.input::<ListRoots>("one").is_none());
            assert!(asked.input::<ListRoots>("two").is_some());
        }
    }
}

on_revisions! { MODERN;
    // `mrtr.client.params`, `mrtr.state.absent`, `mrtr.client.onlylast`
    fn a_gateways_forwarded_round_is_replaced_not_repeated(revision) {
        let mut pair = Pair::open(revision);
        let params = CallToolParams::new("x")
            .input_responses(Raw::new(r#"{"old":{"roots":[]}}"#).unwrap())
            .request_state("old");
        pair.call::<CallTool>(&params);
        let asked = pair.request();
        assert_eq!(asked.state().as_deref(), Some("old"));
        pair.need(&asked, &InputRequests::new().roots("new"), None);
        let roots = pair.input();
        pair.answer::<ListRoots>(&roots, &home());
        let again = pair.request();
        assert!(again.state().is_none());
        assert!(again.input::<ListRoots>("old").is_none());
        assert!(again.input::<ListRoots>("new").unwrap().is_ok());
        pair.need(&again, &InputRequests::new(), Some("newer"));
        let last = pair.request();
        assert_eq!(last.state().as_deref(), Some("newer"));
        assert!(!last.has_inputs());
    }
}

on_every_revision! {
    // `mrtr.isolation`
    fn parallel_calls_do_not_leak_into_each_other(revision) {
        let mut pair = Pair::open(revision);
        let first = pair.call_tool("first");
        let second = pair.call_tool("second");
        let third = pair.call_tool("third");
        let (one, two, three) = (pair.request(), pair.request(), pair.request());
        pair.need(
            &one,
            &InputRequests::new().roots("key"),
            Some("state of one"),
        );
        pair.need(
            &two,
            &InputRequests::new().roots("key"),
            Some("state of two"),
        );
        let (input_one, input_two) = (pair.input(), pair.input());
        let second_home = ListRootsResult::new(vec![Root::new("file:///two")]);
        pair.answer::<ListRoots>(&input_two, &second_home);
        let again = pair.request();
        assert_eq!(again.target().as_deref(), Some("second"));
        assert_eq!(again.state().as_deref(), Some("state of two"));
        let roots = again.input::<ListRoots>("key").unwrap().unwrap();
        assert_eq!(roots.roots[0].uri, "file:///two");
        assert!(!three.has_inputs() && three.state().is_none());
        pair.reply_text(&three, "3");
        assert_eq!(pair.text_of(third), "3");
        pair.answer::<ListRoots>(&input_one, &home());
        let again_one = pair.request();
        assert_eq!(again_one.state().as_deref(), Some("state of one"));
        let roots = again_one.input::<ListRoots>("key").unwrap().unwrap();
        assert_eq!(roots.roots[0].uri, "file:///home");
        pair.reply_text(&again, "2");
        pair.reply_text(&again_one, "1");
        assert_eq!(pair.text_of(second), "2");
        assert_eq!(pair.text_of(first), "1");
        // A call that comes after them has nothing of theirs.
        pair.call_tool("fourth");
        let fourth = pair.request();
        assert!(!fourth.has_inputs() && fourth.state().is_none());
    }
}

on_every_revision! {
    // `mrtr.limit`, `sampling.loop.limit`
    fn rounds_are_limited(revision) {
        let mut limits = Limits::default();
        limits.input_rounds = 3;
        let client = client_config(revision).limits(limits.clone());
        let mut pair = Pair::open_with(client, server_config().limits(limits));
        let call = pair.call_tool("endless");
        for round in 0..3 {
            let asked = pair.request();
            pair.need(&asked, &InputRequests::new(), Some(&round.to_string()));
        }
        let asked = pair.request();
        let refused = pair
            .server
            .need_input(pair.now, asked.id, &InputRequests::new(), Some("4"));
        pair.drive();
        match is_modern(revision) {
            // The server knows how often it has asked, and can still answer.
            false => {
                assert!(matches!(
                    refused,
                    Err(Misuse::LimitReached { what: Limited::InputRounds, limit: 3 })
                ));
                pair.reply_text(&asked, "enough");
                assert_eq!(pair.text_of(call), "enough");
            }
            // Only the client knows: each round may have come to another server.
            true => {
                refused.unwrap();
                let error = pair.completed(call).of(call).unwrap().unwrap_err();
                assert_eq!(error, CallError::TooManyRounds { limit: 3 });
                assert!(pair.is_quiet());
            }
        }
    }
}

on_every_revision! {
    fn the_questions_of_one_round_are_limited(revision) {
        let mut limits = Limits::default();
        limits.inputs = 2;
        let server = server_config().limits(limits.clone());
        let mut pair = Pair::open_with(client_config(revision).limits(limits), server);
        pair.call_tool("x");
        let asked = pair.request();
        let three = InputRequests::new().roots("a").roots("b").roots("c");
        let misuse = pair
            .server
            .need_input(pair.now, asked.id, &three, None)
            .unwrap_err();
        assert!(
            matches!(misuse, Misuse::LimitReached { what: Limited::Inputs, limit: 2 }),
            "{misuse}"
        );
        if is_modern(revision) {
            let call = pair.call_tool("y");
            let id = pair.last_of_client()["id"].clone();
            let root = json!({"method": "roots/list"});
            pair.to_client(result(
                id,
                json!({"resultType": "input_required",
                "inputRequests": {"a": root, "b": root, "c": root}}),
            ));
            let error = pair.completed(call).of(call).unwrap().unwrap_err();
            assert!(matches!(error, CallError::BadResult { .. }), "{error}");
        }
    }
}

on_revisions! { MODERN;
    // `mrtr.server.noassume`, `stateless.noprior`, `mrtr.only`
    fn the_next_round_may_land_on_another_server(revision) {
        let mut pair = Pair::open(revision);
        let call = pair.call_tool("introduce");
        serve(&mut pair);
        assert_eq!(pair.server.open_requests(), 0);
        pair.server = ServerSession::new(server_config());
        let sample = pair.input();
        pair.answer::<CreateMessage>(&sample, &greeting("Hi"));
        serve(&mut pair);
        // The second round's server is gone as well when the third comes.
        pair.server = ServerSession::new(server_config());
        let roots = pair.input();
        pair.answer::<ListRoots>(&roots, &home());
        serve(&mut pair);
        assert_eq!(pair.text_of(call), "Hi in file:///home");
    }
}

on_revisions! { MODERN;
    // `mrtr.server.extra`, `mrtr.server.missing`, `mrtr.server.validate`, `mrtr.state.opaque`
    fn a_handler_copes_with_whatever_answers_come(revision) {
        let mut pair = Pair::open(revision);
        let call = |pair: &mut Pair, id: i64, answers: Value| {
            let params = json!({"name": "x", "inputResponses": answers, "requestState": "s"});
            let capabilities = json!({"roots": {}});
            pair.to_server(support::scenario::request_of(
                revision,
                id,
                "tools/call",
                params,
                capabilities,
            ));
        };
        // Keys that nobody asked for are there to be ignored.
        call(
            &mut pair,
            50,
            json!({"what": {"else": 1}, "k": {"roots": []}}),
        );
        let request = pair.request();
        assert!(
            request
                .input::<ListRoots>("k")
                .unwrap()
                .unwrap()
                .roots
                .is_empty()
        );
        // A missing answer is none, and can be asked for again.
        call(&mut pair, 51, json!({"what": {"else": 1}}));
        let request = pair.request();
        assert!(request.input::<ListRoots>("k").is_none() && request.has_inputs());
        pair.server
            .need_input(
                pair.now,
                request.id,
                &InputRequests::new().roots("k"),
                Some("s"),
            )
            .unwrap();
        pair.drive();
        assert_eq!(
            pair.last_of_server()["result"]["resultType"],
            "input_required"
        );
        // A malformed one is an error that is ready to be the answer.
        call(&mut pair, 52, json!({"k": {"roots": "none"}}));
        let request = pair.request();
        let malformed = request.input::<ListRoots>("k").unwrap().unwrap_err();
        pair.reply_error(&request, malformed.into());
        assert_eq!(pair.last_of_server()["error"]["code"], -32602);
        // What isn't even an object never reaches the handler.
        for answers in [json!([]), json!("k"), json!(1)] {
            call(&mut pair, 53, answers);
            assert_eq!(pair.last_of_server()["error"]["code"], -32602);
        }
        pair.server_events
            .retain(|event| matches!(event, ServerEvent::Request(_)));
        assert!(pair.server_events.is_empty());
    }
}

on_revisions! { MODERN;
    streams;
    // `mrtr.progress.token`
    fn progress_of_a_later_round_still_belongs_to_its_call(revision) {
        let mut pair = Pair::open(revision);
        let options = CallOptions::new().progress(true);
        let call = pair.call_with::<CallTool>(&CallToolParams::new("x"), options);
        let asked = pair.request();
        pair.server
            .progress(pair.now, asked.id, 5.0, None, None)
            .unwrap();
        pair.need(&asked, &InputRequests::new().roots("k"), None);
        assert!(
            matches!(pair.client_event(), ClientEvent::Progress { call: of, .. } if of == call)
        );
        let input = pair.input();
        pair.answer::<ListRoots>(&input, &home());
        let again = pair.request();
        assert!(again.wants_progress());
        // It is another request, so its progress begins anew.
        pair.server
            .progress(pair.now, again.id, 1.0, None, None)
            .unwrap();
        pair.drive();
        assert!(
            matches!(pair.client_event(), ClientEvent::Progress { call: of, .. } if of == call)
        );
    }
}
