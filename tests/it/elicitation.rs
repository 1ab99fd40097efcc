//! Elicitation: which modes may be asked of whom, what goes on the wire, and the end of what
//! happens behind a URL.

use mcp_proto::Revision;
use mcp_proto::model::capability::ClientCapabilities;
use mcp_proto::model::elicitation::{
    ElicitAction, ElicitParams, ElicitRequestFormParams, ElicitRequestURLParams, ElicitResult,
    URLElicitationRequired,
};
use mcp_proto::model::form::FormContent;
use mcp_proto::model::input::InputRequests;
use mcp_proto::model::method::{CallTool, Elicit, ElicitationComplete};
use mcp_proto::model::schema::{BooleanSchema, StringSchema};
use mcp_proto::rpc::{Raw, RpcError};
use mcp_proto::session::{
    CallError, CallOptions, ClientEvent, Invalid, Misuse, Route, ServerEvent,
};
use serde_json::{Value, json};

use support::MODERN;
use support::pair::{Pair, client_config, server_config};
use support::scenario::{
    ask, is_modern, notification, question, request, request_of, result, since,
};
use support::script::Script;
use support::{on_every_revision, on_revisions};

/// A pair whose client has declared just these capabilities.
fn declaring(revision: Revision, capabilities: ClientCapabilities<'static>) -> Pair {
    let client = client_config(revision).capabilities(capabilities);
    Pair::open_with(client, server_config())
}

fn by_url() -> ElicitParams<'static> {
    let url = ElicitRequestURLParams::new("Please sign in", "https://example.com/sign-in");
    url.elicitation_id("e-1").into()
}

fn url(key: &'static str) -> InputRequests<'static> {
    InputRequests::new().elicit(key, &by_url())
}

/// The capabilities that the client's frames declare.
fn declared(pair: &Pair) -> Value {
    let first = pair.sent_by_client().into_iter().next().unwrap();
    let params = &first["params"];
    match params.get("capabilities") {
        Some(capabilities) => capabilities.clone(),
        None => params["_meta"]["io.modelcontextprotocol/clientCapabilities"].clone(),
    }
}

on_every_revision! {
    // `elicit.cap`, `elicit.exists`, `elicit.cap.onemode`
    fn the_modes_are_declared_in_the_words_of_the_revision(revision) {
        let both = ClientCapabilities::new()
            .elicitation_form()
            .elicitation_url();
        let expected = match revision {
            Revision::V2024_11_05 | Revision::V2025_03_26 => Value::Null,
            Revision::V2025_06_18 => json!({}),
            _ => json!({"form": {}, "url": {}}),
        };
        assert_eq!(
            declared(&declaring(revision, both))["elicitation"],
            expected
        );
        // Whoever declares one mode alone says which; older servers know only forms.
        let one = ClientCapabilities::new().elicitation_url();
        let expected = match revision >= Revision::V2025_11_25 {
            true => json!({"url": {}}),
            false => Value::Null,
        };
        assert_eq!(declared(&declaring(revision, one))["elicitation"], expected);
    }
}

/// Lets a client that declares `capabilities` call a tool; the pair and the request.
fn asked_by(revision: Revision, capabilities: Value) -> (Pair, mcp_proto::session::Request) {
    let mut pair = Pair::new(client_config(revision), server_config());
    if !is_modern(revision) {
        let hello = json!({"protocolVersion": revision.as_str(),
            "clientInfo": {"name": "c", "version": "1"}, "capabilities": capabilities});
        pair.exchange(Route::Pipe, request(revision, 1, "initialize", hello));
        pair.exchange(
            Route::Pipe,
            notification("notifications/initialized", json!({})),
        );
        assert!(matches!(pair.server_event(), ServerEvent::Opened { .. }));
    }
    let call = request_of(
        revision,
        2,
        "tools/call",
        json!({"name": "x"}),
        capabilities,
    );
    pair.exchange(Route::Pipe, call);
    let request = pair.request();
    (pair, request)
}

on_revisions! { since(Revision::V2025_11_25);
    // `elicit.cap.empty`, `elicit.mode.gate`, `elicit.cap.onemode`, `mrtr.caps`
    fn a_server_asks_by_no_mode_that_was_not_declared(revision) {
        let cases = [
            (json!({"elicitation": {}}), true, false),
            (json!({"elicitation": {"form": {}}}), true, false),
            (json!({"elicitation": {"url": {}}}), false, true),
            (json!({"elicitation": {"form": {}, "url": {}}}), true, true),
            (json!({"elicitation": {"voice": {}}}), true, false),
            (json!({}), false, false),
        ];
        for (capabilities, form, by_url) in cases {
            for (asked, is_good) in [(ask("k"), form), (url("k"), by_url)] {
                let (mut pair, request) = asked_by(revision, capabilities.clone());
                let answer = pair.server.need_input(pair.now, request.id, &asked, None);
                assert_eq!(answer.is_ok(), is_good, "{capabilities}");
                if let Err(misuse) = answer {
                    assert!(
                        matches!(misuse, Misuse::MissingClientCapability(_)),
                        "{misuse}"
                    );
                }
            }
        }
    }
}

on_revisions! { Revision::ALL.into_iter().filter(|r| *r < Revision::V2025_11_25);
    // `elicit.exists`, `elicit.mode.gate`
    fn what_a_revision_does_not_have_was_never_declared(revision) {
        let (mut pair, request) =
            asked_by(revision, json!({"elicitation": {"form": {}, "url": {}}}));
        let by_url = pair
            .server
            .need_input(pair.now, request.id, &url("k"), None);
        assert!(matches!(by_url, Err(Misuse::MissingClientCapability(_))));
        let by_form = pair
            .server
            .need_input(pair.now, request.id, &ask("k"), None);
        assert_eq!(by_form.is_ok(), revision == Revision::V2025_06_18);
        // A client of that revision doesn't know it either.
        let mut pair = Pair::open(revision);
        let params =
            json!({"mode": "url", "message": "m", "url": "https://a.b/c", "elicitationId": "e"});
        pair.to_client(request_to_client(7, params));
        let code = pair.last_of_client()["error"]["code"].clone();
        assert_eq!(
            code,
            if revision == Revision::V2025_06_18 {
                -32602
            } else {
                -32601
            }
        );
        assert!(pair.client_events.is_empty());
    }
}

fn request_to_client(id: i64, params: Value) -> String {
    json!({"jsonrpc": "2.0", "id": id, "method": "elicitation/create", "params": params})
        .to_string()
}

on_revisions! { since(Revision::V2025_06_18);
    // `elicit.mode.unsupported`, `elicit.cap.onemode`, `elicit.cap.empty`
    fn a_client_is_not_asked_by_a_mode_that_it_did_not_declare(revision) {
        let form = json!({"message": "m", "requestedSchema": {"type": "object", "properties": {}}});
        let url =
            json!({"mode": "url", "message": "m", "url": "https://a.b/c", "elicitationId": "e"});
        let voice = json!({"mode": "voice", "message": "m"});
        let only_form = ClientCapabilities::new().elicitation_form();
        let only_url = ClientCapabilities::new().elicitation_url();
        let cases = [
            (only_form.clone(), &url),
            (only_url, &form),
            (only_form, &voice),
        ];
        for (capabilities, params) in cases {
            // Without a mode that the revision knows there is nothing to declare.
            if revision == Revision::V2025_06_18 && !capabilities.supports_form() {
                continue;
            }
            let mut pair = declaring(revision, capabilities);
            let call = pair.call_tool("x");
            if is_modern(revision) {
                let id = pair.last_of_client()["id"].clone();
                let asked = json!({"k": {"method": "elicitation/create", "params": params}});
                pair.to_client(result(
                    id,
                    json!({"resultType": "input_required", "inputRequests": asked}),
                ));
                let error = pair.completed(call).of(call).unwrap().unwrap_err();
                assert!(matches!(error, CallError::InputRefused(_)), "{error}");
            } else {
                pair.to_client(request_to_client(7, params.clone()));
                assert_eq!(pair.last_of_client()["error"]["code"], -32602, "{params}");
            }
            assert!(pair.client_events.is_empty());
        }
    }
}

on_revisions! { since(Revision::V2025_06_18);
    // `elicit.mode.default`, `elicit.mode.omit`, `elicit.form.params`, `elicit.result`
    fn a_form_is_asked_and_answered(revision) {
        let mut pair = Pair::open(revision);
        let call = pair.call_tool("x");
        let asked = pair.request();
        let form = ElicitRequestFormParams::new("Who?")
            .required("name", StringSchema::new())
            .optional("nice", BooleanSchema::new().default(true));
        pair.need(
            &asked,
            &InputRequests::new().elicit("k", &form.clone().into()),
            None,
        );
        let sent = match is_modern(revision) {
            true => pair.last_of_server()["result"]["inputRequests"]["k"].clone(),
            false => pair.last_of_server(),
        };
        assert_eq!(sent["method"], "elicitation/create");
        let mode = sent["params"].get("mode");
        let expected = (revision > Revision::V2025_06_18).then(|| json!("form"));
        assert_eq!(mode, expected.as_ref());
        assert_eq!(
            sent["params"]["requestedSchema"]["required"],
            json!(["name"])
        );
        let input = pair.input();
        let Some(Ok(ElicitParams::Form(heard))) = input.params::<Elicit>() else {
            panic!()
        };
        assert_eq!(heard.message, "Who?");
        let answer = ElicitResult::accept(FormContent::new().with("name", "Ada"));
        heard.validate(&answer).unwrap();
        pair.answer::<Elicit>(&input, &answer);
        let again = pair.request();
        let heard = again.input::<Elicit>("k").unwrap().unwrap();
        assert_eq!(heard.action, ElicitAction::Accept);
        form.validate(&heard).unwrap();
        assert_eq!(
            heard.content.unwrap().get("name").unwrap().as_str(),
            Some("Ada")
        );
        pair.reply_text(&again, "hello");
        assert_eq!(pair.text_of(call), "hello");
    }
}

on_revisions! { since(Revision::V2025_11_25);
    // `elicit.mode.default`
    fn a_question_without_a_mode_is_a_form(revision) {
        let form = json!({"message": "m", "requestedSchema": {"type": "object", "properties": {}}});
        let mut pair = Pair::open(revision);
        pair.call_tool("x");
        if is_modern(revision) {
            let id = pair.last_of_client()["id"].clone();
            let asked = json!({"k": {"method": "elicitation/create", "params": form}});
            pair.to_client(result(
                id,
                json!({"resultType": "input_required", "inputRequests": asked}),
            ));
        } else {
            pair.to_client(request_to_client(7, form));
        }
        let input = pair.input();
        assert!(matches!(
            input.params::<Elicit>(),
            Some(Ok(ElicitParams::Form(_)))
        ));
    }
}

on_revisions! { since(Revision::V2025_06_18);
    // `elicit.form.params`, `elicit.schema.flat`, `elicit.result.accept.form`
    fn a_malformed_question_is_refused_on_both_sides(revision) {
        let nested =
            json!({"type": "object", "properties": {"a": {"type": "object", "properties": {}}}});
        let bad = [
            json!({"message": "m"}),
            json!({"requestedSchema": {"type": "object", "properties": {}}}),
            json!({"message": "m", "requestedSchema": nested.clone()}),
        ];
        for params in bad {
            let mut pair = Pair::open(revision);
            let call = pair.call_tool("x");
            let asked = pair.request();
            let raw = Raw::new(params.to_string()).unwrap();
            let mut requests = InputRequests::new();
            requests.insert(
                "k",
                mcp_proto::model::input::InputRequest::new("elicitation/create").params(raw),
            );
            let misuse = pair
                .server
                .need_input(pair.now, asked.id, &requests, None)
                .unwrap_err();
            assert!(matches!(misuse, Misuse::Invalid(Invalid::InputParams | Invalid::NestedForm)), "{params}: {misuse}");
            if params["requestedSchema"] == nested {
                // A client shows what it can of a form that it doesn't quite know.
                continue;
            }
            if is_modern(revision) {
                let id = pair.last_of_client()["id"].clone();
                let asked = json!({"k": {"method": "elicitation/create", "params": params}});
                pair.to_client(result(
                    id,
                    json!({"resultType": "input_required", "inputRequests": asked}),
                ));
                assert!(pair.completed(call).of(call).unwrap().is_err());
            } else {
                pair.to_client(request_to_client(7, params.clone()));
                assert_eq!(pair.last_of_client()["error"]["code"], -32602, "{params}");
            }
            assert!(pair.client_events.is_empty());
        }
    }
}

on_revisions! { since(Revision::V2025_11_25);
    // `elicit.url.params`, `elicit.url.params.e`, `elicit.result.accept.url`
    fn a_url_is_shown_and_consented_to(revision) {
        let without_id = ElicitRequestURLParams::new("m", "https://example.com/pay").into();
        for (params, named) in [(by_url(), Some("e-1")), (without_id, None)] {
            let mut pair = Pair::open(revision);
            let call = pair.call_tool("x");
            let asked = pair.request();
            pair.need(
                &asked,
                &InputRequests::new().elicit("k", &params),
                Some("s"),
            );
            let input = pair.input();
            let Some(Ok(ElicitParams::Url(heard))) = input.params::<Elicit>() else {
                panic!()
            };
            assert!(heard.has_valid_url());
            let id = heard
                .elicitation_id
                .as_ref()
                .map(|id| id.as_str().to_string());
            match (revision, named) {
                (Revision::V2026_07_28, _) => assert_eq!(id, None),
                (_, Some(named)) => assert_eq!(id.as_deref(), Some(named)),
                // The schema wants one, whether or not the handler has a use for it.
                (_, None) => assert!(id.is_some_and(|id| !id.is_empty())),
            }
            pair.answer::<Elicit>(&input, &ElicitResult::consent());
            let again = pair.request();
            let heard = again.input::<Elicit>("k").unwrap().unwrap();
            assert_eq!((heard.action, heard.content), (ElicitAction::Accept, None));
            pair.reply_text(&again, "thanks");
            assert_eq!(pair.text_of(call), "thanks");
        }
    }
}

on_revisions! { since(Revision::V2025_11_25);
    // `elicit.url.valid`
    fn a_server_sends_nobody_to_what_is_no_url(revision) {
        for url in [
            "",
            "example.com",
            "javascript:alert(1)",
            "file:///etc/passwd",
            "https://",
            "https://a b",
        ] {
            let mut pair = Pair::open(revision);
            pair.call_tool("x");
            let asked = pair.request();
            let params = ElicitRequestURLParams::new("m", url)
                .elicitation_id("e")
                .into();
            let requests = InputRequests::new().elicit("k", &params);
            let misuse = pair
                .server
                .need_input(pair.now, asked.id, &requests, None)
                .unwrap_err();
            assert!(matches!(misuse, Misuse::Invalid(Invalid::ElicitationUrl)), "{url}: {misuse}");
        }
    }
}

on_every_revision! {
    streams;
    // `elicit.complete`, `elicit.complete.gone`, `elicit.complete.ignore`
    fn the_end_of_what_happens_behind_a_url_is_told_where_it_can_be(revision) {
        let mut pair = Pair::open(revision);
        let is_told = revision == Revision::V2025_11_25;
        if is_told {
            pair.call_tool("x");
            let asked = pair.request();
            pair.need(&asked, &url("k"), None);
            let input = pair.input();
            pair.answer::<Elicit>(&input, &ElicitResult::consent());
            pair.request();
        }
        pair.forget();
        pair.server.elicitation_completed(pair.now, "e-1").unwrap();
        pair.drive();
        let sent = pair.of_method(false, "notifications/elicitation/complete");
        assert_eq!(sent.len(), usize::from(is_told));
        if !is_told {
            return assert!(pair.is_quiet());
        }
        assert_eq!(sent[0]["params"], json!({"elicitationId": "e-1"}));
        match pair.client_event() {
            ClientEvent::ElicitationCompleted(told) => {
                let params = told.params::<ElicitationComplete>().unwrap();
                assert_eq!(params.elicitation_id, "e-1");
            }
            other => panic!("{other:?}"),
        }
        // Once is enough, and what nobody was sent to can't end.
        for id in ["e-1", "e-2"] {
            pair.server.elicitation_completed(pair.now, id).unwrap();
            pair.drive();
            assert!(matches!(pair.client_event(), ClientEvent::Ignored(_)));
        }
        assert!(pair.is_quiet());
    }
}

on_revisions! { since(Revision::V2025_11_25);
    // `elicit.complete`
    fn a_client_without_urls_is_told_of_no_end(revision) {
        let mut pair = declaring(revision, ClientCapabilities::new().elicitation_form());
        pair.server.elicitation_completed(pair.now, "e-1").unwrap();
        pair.drive();
        assert!(pair.is_quiet());
    }
}

/// The error by which a 2025-11-25 server says that a URL has to be visited first.
fn url_required() -> RpcError {
    let first = ElicitRequestURLParams::new("Sign in", "https://a.b/c").elicitation_id("e-9");
    let data = Raw::encode(&URLElicitationRequired::new(vec![first])).unwrap();
    RpcError::new(-32042, "Sign in first").data(data)
}

on_every_revision! {
    // `elicit.32042`, `elicit.32042.cap`, `err.retired.32042`
    fn an_error_that_needs_a_url_goes_to_who_can_be_sent_there(revision) {
        let mut pair = Pair::open(revision);
        let call = pair.call_tool("x");
        let asked = pair.request();
        let answer = pair.server.reply_error(pair.now, asked.id, url_required());
        if revision != Revision::V2025_11_25 {
            assert!(matches!(answer, Err(Misuse::CodeNotInRevision { code: -32042, .. })));
            // It is still open, and can be answered otherwise.
            return pair.reply_error(&asked, RpcError::internal("sign in first"));
        }
        answer.unwrap();
        pair.drive();
        let error = pair.completed(call).of(call).unwrap().unwrap_err();
        let CallError::Rpc(error) = error else {
            panic!("{error}")
        };
        assert_eq!(error.code, -32042);
        let data = error.data.unwrap();
        let required: URLElicitationRequired<'_> = data.decode().unwrap();
        assert_eq!(required.elicitations[0].url, "https://a.b/c");
        let mut plain = declaring(revision, ClientCapabilities::new().elicitation_form());
        plain.call_tool("x");
        let asked = plain.request();
        let answer = plain
            .server
            .reply_error(plain.now, asked.id, url_required());
        assert!(matches!(answer, Err(Misuse::MissingClientCapability(_))));
    }
}

on_revisions! { [Revision::V2025_11_25];
    streams;
    // `elicit.complete.retry`, `elicit.complete.ignore`
    fn the_end_of_what_an_error_asked_for_is_told_once(revision) {
        let mut pair = Pair::open(revision);
        let call = pair.call_tool("x");
        let asked = pair.request();
        pair.reply_error(&asked, url_required());
        assert!(pair.completed(call).of(call).unwrap().is_err());
        pair.server.elicitation_completed(pair.now, "e-9").unwrap();
        pair.drive();
        // Now the call may be made again.
        assert!(matches!(
            pair.client_event(),
            ClientEvent::ElicitationCompleted(_)
        ));
        let call = pair.call_tool("x");
        let asked = pair.request();
        pair.reply_text(&asked, "signed in");
        assert_eq!(pair.text_of(call), "signed in");
        pair.server.elicitation_completed(pair.now, "e-9").unwrap();
        pair.drive();
        assert!(matches!(pair.client_event(), ClientEvent::Ignored(_)));
    }
}

#[test]
fn the_question_is_there_to_be_shown() {
    // `elicit.form.params`
    assert_eq!(question("Who are you?").message(), Some("Who are you?"));
    assert_eq!(by_url().message(), Some("Please sign in"));
}

on_revisions! { [Revision::V2025_11_25];
    // `elicit.url.params`
    fn what_no_user_may_be_shown_is_refused_by_the_client(revision) {
        let nested = json!({"type": "object", "properties": {"a": {"type": "object", "properties": {}}}});
        let bad = [
            json!({"mode": "url", "message": "m", "url": "javascript:alert(1)", "elicitationId": "e"}),
            json!({"mode": "url", "message": "m", "url": "file:///etc/passwd", "elicitationId": "e"}),
            json!({"mode": "url", "message": "m", "url": "not a url", "elicitationId": "e"}),
            json!({"message": "m", "requestedSchema": nested}),
        ];
        let mut client = Script::client(revision);
        for params in bad {
            client.checked.turn_off();
            client.feed_json(&json!({"jsonrpc": "2.0", "id": "e", "method": "elicitation/create", "params": params}));
            assert_eq!(client.reply()["error"]["code"], -32602, "{params}");
            assert!(client.take_events().is_empty(), "{params}");
        }
    }
}

on_revisions! { MODERN;
    // `elicit.url.params`
    fn what_no_user_may_be_shown_ends_the_call_that_asked(revision) {
        let nested = json!({"type": "object", "properties": {"a": {"type": "object", "properties": {}}}});
        for params in [
            json!({"mode": "url", "message": "m", "url": "javascript:alert(1)"}),
            json!({"mode": "url", "message": "m", "url": "not a url"}),
            json!({"message": "m", "requestedSchema": nested}),
        ] {
            let mut client = Script::client(revision);
            client.checked.turn_off();
            let call = mcp_proto::model::tool::CallToolParams::new("t");
            client.session.call::<CallTool>(client.now, &call, CallOptions::new()).unwrap();
            let id = client.sent()[0]["id"].clone();
            client.feed_json(&json!({"jsonrpc": "2.0", "id": id, "result": {"resultType": "input_required",
                "inputRequests": {"it": {"method": "elicitation/create", "params": params}}}}));
            let events = client.take_events();
            let [ClientEvent::Completed(done)] = &events[..] else { panic!("{events:?}") };
            let Err(CallError::InputRefused(error)) = done.raw() else { panic!("{done:?}") };
            assert_eq!(error.code, -32602);
        }
    }
}
