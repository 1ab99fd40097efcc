//! What lies at the edge of a rule, and what few look at: the last length that fits, many open at once,
//! what waits to be told counted in bytes, and what a session shows of itself in logs.

use std::collections::BTreeMap;

use bytes::Bytes;
use mcp_proto::frame::{FrameError, SseDecoder};
use mcp_proto::model::capability::ClientCapabilities;
use mcp_proto::model::input::InputRequests;
use mcp_proto::model::method::{CallTool, ListRoots};
use mcp_proto::model::object::Object;
use mcp_proto::model::sampling::{CreateMessageParams, SamplingMessage};
use mcp_proto::model::subscription::SubscriptionFilter;
use mcp_proto::model::task::TASKS_EXTENSION;
use mcp_proto::model::tool::{CallToolParams, CallToolResult};
use mcp_proto::rpc::{Message, Raw, RpcError, ScannedFrame};
use mcp_proto::session::{
    CallOptions, ClientEvent, CloseReason, Request, Route, ServerEvent, ServerSession, Session,
    Timeout,
};
use mcp_proto::{Era, Instant, Limits};
use serde_json::{Value, json};

use support::pair::{client_config, everything_of_a_server, poll_frames, server_config};
use support::script::{
    Script, calling, initialize, modern_meta, notification, request, result, tool_call,
};
use support::{LEGACY, MODERN, on_every_revision, on_revisions};

/// The one request among the events so far.
fn asked(server: &mut Script<ServerSession>) -> mcp_proto::session::IncomingId {
    let mut events = server.take_events();
    assert_eq!(events.len(), 1, "{events:?}");
    match events.pop() {
        Some(ServerEvent::Request(request)) => request.id,
        other => panic!("{other:?}"),
    }
}

fn bytes(message: &Value) -> Bytes {
    message.to_string().into()
}

on_every_revision! {
    // `base.resp.id`
    fn each_of_many_open_requests_is_found_by_its_id_whichever_have_ended(revision) {
        let mut server = Script::server(revision);
        let mut open = BTreeMap::new();
        for id in 1000..1090_u64 {
            server.feed_json(&tool_call(revision, id));
            open.insert(id, asked(&mut server));
        }
        // So that those that are open have those that have ended on both sides.
        let ended: Vec<u64> = open.keys().copied().filter(|id| id % 9 > 3 || *id > 1080).collect();
        for id in ended.iter().rev() {
            let request = open.remove(id).unwrap();
            let result = CallToolResult::text("x");
            server.session.reply::<CallTool>(server.now, request, &result).unwrap();
            server.collect();
            assert_eq!(server.reply()["id"], *id);
        }
        for (id, request) in open {
            server.feed_json(&notification("notifications/cancelled", json!({"requestId": id})));
            let events = server.take_events();
            let is_it = |event: &ServerEvent| matches!(event, ServerEvent::Cancelled { request: it, .. } if *it == request);
            assert!(events.iter().any(is_it), "{id} is not found: {events:?}");
        }
        assert_eq!(server.session.open_requests(), 0);
    }
}

fn suspended<S: Session>(session: &mut S, now: Instant) -> Instant {
    session.suspend(now);
    let later = Instant::new(now.since_epoch() + std::time::Duration::from_secs(3600));
    session.handle_timeout(later);
    session.resume(later);
    later
}

on_every_revision! {
    fn a_session_stands_still_whoever_holds_it_and_says_what_it_has_to_say(revision) {
        let options = CallOptions::new;
        let (mut client, _, _) = calling(revision, options());
        let later = suspended(&mut client.session, client.now);
        assert_eq!(client.session.open_calls(), 1, "nothing has timed out");
        let mut boxed = Box::new(client.session);
        let later = suspended(&mut boxed, later);
        assert_eq!(boxed.open_calls(), 1, "nothing has timed out");
        let params = CallToolParams::new("x");
        boxed.call::<CallTool>(later, &params, options()).unwrap();
        let mut out = Vec::new();
        assert!(Session::poll_transmit(&mut boxed, &mut out).is_some());
        assert!(!Session::is_closed(&boxed));
    }
}

on_every_revision! {
    fn what_waits_to_be_told_counts_with_its_texts(revision) {
        let (mut client, _, id) = calling(revision, CallOptions::new());
        let now = client.now;
        let long = "x".repeat(10_000);
        let refused = json!({"jsonrpc": "2.0", "id": id, "error": {"code": -32_000, "message": long}});
        client.session.handle_frame(now, Route::Pipe, bytes(&refused));
        let waiting = client.session.held_bytes();
        assert!(waiting >= 10_000, "{waiting}");
        client.session.poll_event().unwrap();
        let before = client.session.held_bytes();
        let unasked = notification("notifications/progress", json!({"progressToken": "none", "progress": 1}));
        client.session.handle_frame(now, Route::Pipe, bytes(&unasked));
        let name = "notifications/progress".len();
        let least = before + size_of::<ClientEvent>() + name;
        assert!(client.session.held_bytes() >= least);

        let mut server = Script::server(revision);
        let mut asks = tool_call(revision, 7);
        asks["params"]["arguments"] = json!({"text": long});
        server.session.handle_frame(server.now, Route::Pipe, bytes(&asks));
        let waiting = server.session.held_bytes();
        server.session.poll_event().unwrap();
        assert!(waiting >= server.session.held_bytes() + 10_000, "{waiting}");
    }
}

#[test]
// `err.missingcap`
fn what_a_client_lacks_is_named() {
    let said =
        |required: ClientCapabilities<'_>| RpcError::missing_client_capability(&required).message;
    let none = ClientCapabilities::new;
    assert_eq!(said(none().elicitation_form()), "Elicitation not supported");
    assert_eq!(said(none().sampling()), "Sampling not supported");
    assert_eq!(said(none().roots(false)), "List roots not supported");
    assert_eq!(said(none()), "Missing required client capability");
}

on_revisions! { MODERN;
    fn a_clients_info_is_read_in_full_before_it_counts(revision) {
        let info = |info: Value| {
            let mut server = Script::server(revision);
            let mut call = tool_call(revision, 1);
            let mut meta = modern_meta();
            meta["io.modelcontextprotocol/clientInfo"] = info;
            call["params"]["_meta"] = meta;
            server.feed_json(&call);
            let sent = server.sent();
            sent.first().map(|answer| answer["error"]["code"].clone())
        };
        assert_eq!(info(json!({"name": "a", "version": "1"})), None);
        assert_eq!(info(json!({"name": "a\"b", "version": "1", "title": "A"})), None);
        for bad in [json!({"name": 5, "version": "1"}), json!({"name": "a", "version": null}), json!({"name": "a"})] {
            assert_eq!(info(bad.clone()), Some(json!(-32_602)), "{bad}");
        }
    }
}

on_every_revision! {
    // `progress.token.type`
    fn the_longest_progress_token_is_taken_and_a_longer_one_refused(revision) {
        let mut limits = Limits::default();
        limits.id = 16;
        for (length, is_taken) in [(16, true), (17, false)] {
            let mut server = Script::server_with(revision, server_config().limits(limits.clone()));
            let mut call = tool_call(revision, 1);
            call["params"]["_meta"]["progressToken"] = "x".repeat(length).into();
            server.feed_json(&call);
            assert_eq!(server.sent().is_empty(), is_taken, "{length}");
        }
    }
}

#[test]
fn a_field_of_an_event_has_its_length() {
    for (length, is_read) in [(4096, true), (4097, false)] {
        let mut decoder = SseDecoder::new(1 << 20);
        let kind = "k".repeat(length - "event: ".len());
        decoder.push(format!("event: {kind}\ndata: x\n\n").as_bytes());
        let event = decoder.next_event().unwrap().unwrap();
        assert_eq!(event.event.as_deref(), is_read.then_some(&*kind));
    }
}

on_every_revision! {
    fn logs_show_what_is_open_and_no_secret(revision) {
        let mut server = Script::server(revision);
        let mut call = tool_call(revision, 1000);
        call["params"]["_meta"]["progressToken"] = "secret".into();
        server.feed_json(&call);
        let shown = format!("{:?}", server.session);
        assert!(shown.contains("RequestIn") && shown.contains("wants_progress: true"), "{shown}");
        assert!(!shown.contains("secret"), "{shown}");
    }
}

#[test]
fn errors_and_frames_show_what_they_are() {
    let error = FrameError::Truncated { length: 3 };
    assert_eq!(format!("{error:?}"), format!("FrameError({error})"));
    let shown = format!("{:?}", ScannedFrame::from(Bytes::from_static(b"{}")));
    assert!(shown.contains("length: 2"), "{shown}");
}

on_every_revision! {
    fn what_does_not_fit_is_named_where_it_stands(revision) {
        let named = |name: Value| {
            let mut server = Script::server(revision);
            let mut call = tool_call(revision, 1);
            call["params"]["arguments"] = json!({"items": [{"name": "a"}, {"name": name}]});
            server.feed_json(&call);
            match server.take_events().pop() {
                Some(ServerEvent::Request(request)) => {
                    let read = request.arguments_as::<BTreeMap<String, Vec<BTreeMap<String, String>>>>();
                    read.unwrap_err().to_string()
                }
                other => panic!("{other:?}"),
            }
        };
        for bad in [json!({"x": {"y": 1}}), json!([1, 2]), json!(5)] {
            let said = named(bad.clone());
            assert!(said.ends_with(" at items[1].name"), "{said} of {bad}");
        }
    }
}

on_every_revision! {
    fn a_client_shows_its_calls_in_logs(revision) {
        let (client, _, _) = calling(revision, CallOptions::new());
        let shown = format!("{:?}", client.session);
        assert!(shown.contains("purpose: User"), "{shown}");
    }
}

on_every_revision! {
    fn why_a_session_has_ended_counts_until_it_is_told(revision) {
        let mut client = Script::fresh_client(client_config(revision));
        let id = client.reply()["id"].clone();
        let malformed = result(&id, json!({"protocolVersion": 5}));
        client.session.handle_frame(client.now, Route::Pipe, bytes(&malformed));
        let waiting = client.session.held_bytes();
        let told = client.session.poll_event();
        let Some(ClientEvent::Closed(CloseReason::BadOpening(reason))) = told else {
            panic!("{told:?}")
        };
        let event = size_of::<ClientEvent>() + reason.len();
        assert_eq!(waiting, client.session.held_bytes() + event);
    }
}

on_revisions! { MODERN;
    // `task26.notif`
    fn a_filter_that_is_honoured_counts_with_its_tasks_until_it_is_told(revision) {
        let mut client = Script::client(revision);
        let filter = SubscriptionFilter::new().tools_list_changed(true);
        client.session.subscribe(client.now, &filter).unwrap();
        let id = client.reply()["id"].clone();
        let honoured = json!({"taskIds": ["t".repeat(10_000)]});
        let tag = json!({"io.modelcontextprotocol/subscriptionId": id});
        let params = json!({"notifications": honoured, "_meta": tag});
        let frame = notification("notifications/subscriptions/acknowledged", params);
        let before = client.session.held_bytes();
        client.session.handle_frame(client.now, Route::Pipe, bytes(&frame));
        let waiting = client.session.held_bytes();
        assert!(waiting >= before + 10_000, "{waiting}");
        let told = client.session.poll_event();
        assert!(matches!(told, Some(ClientEvent::Subscribed { .. })), "{told:?}");
        assert!(client.session.held_bytes() < before + 1000);
    }
}

on_revisions! { LEGACY;
    // `task25.related`
    fn a_question_that_is_open_counts_with_what_it_belongs_to(revision) {
        let held = |task: &str| {
            let mut client = Script::client(revision);
            let meta = json!({"io.modelcontextprotocol/related-task": {"taskId": task}});
            let asks = json!({"jsonrpc": "2.0", "id": 1, "method": "roots/list", "params": {"_meta": meta}});
            client.session.handle_frame(client.now, Route::Pipe, bytes(&asks));
            assert_eq!(client.take_events().len(), 1);
            client.session.held_bytes()
        };
        assert!(held(&"t".repeat(5000)) >= held("t") + 4999);
    }
}

on_revisions! { LEGACY;
    fn a_question_that_waits_for_its_client_to_be_ready_counts_with_its_params(revision) {
        let mut server = Script::fresh_server(server_config());
        let now = server.now;
        for message in [initialize(0, revision.as_str()), tool_call(revision, 1)] {
            server.session.handle_frame(now, Route::Pipe, bytes(&message));
        }
        let mut events = std::iter::from_fn(|| server.session.poll_event());
        let asking = events.find_map(|event| match event {
            ServerEvent::Request(request) => Some(request.id),
            _ => None,
        });
        poll_frames(&mut server.session);
        let before = server.session.held_bytes();
        let long = "x".repeat(5000);
        let asked = CreateMessageParams::new(vec![SamplingMessage::user(&*long)], 10);
        let asked = InputRequests::new().sample("k", &asked);
        server.session.need_input(now, asking.unwrap(), &asked, None).unwrap();
        assert!(poll_frames(&mut server.session).is_empty(), "it waits");
        assert!(server.session.held_bytes() >= before + 5000);
    }
}

on_revisions! { MODERN;
    fn the_tasks_that_a_stream_hears_of_count_with_their_ids(revision) {
        let held = |length: usize| {
            let offers = everything_of_a_server().extension(TASKS_EXTENSION, &Object::new());
            let mut server = Script::server_with(revision, server_config().capabilities(offers));
            let ids: Vec<String> = (0..8).map(|n| n.to_string().repeat(length)).collect();
            let filter = json!({"notifications": {"taskIds": ids}});
            let mut listens = request(revision, 1, "subscriptions/listen", filter);
            let capabilities = json!({"extensions": {TASKS_EXTENSION: {}}});
            listens["params"]["_meta"]["io.modelcontextprotocol/clientCapabilities"] = capabilities;
            server.session.handle_frame(server.now, Route::Pipe, bytes(&listens));
            let confirmed = poll_frames(&mut server.session);
            assert!(confirmed[0].contains("taskIds"), "{confirmed:?}");
            while server.session.poll_event().is_some() {}
            server.session.held_bytes()
        };
        // Once in the frame, which its user keeps, and once with the stream.
        assert!(held(200) >= held(100) + 2 * 800);
    }
}

on_revisions! { LEGACY;
    pipe = "what waits to be sent is looked at where it waits";
    fn what_a_client_owes_is_sent_though_it_closes_with_its_output_full(revision) {
        let mut limits = Limits::default();
        limits.output = 10_000;
        let mut client = Script::client_with(revision, client_config(revision).limits(limits));
        let now = client.now;
        let arguments = Raw::encode(&json!({"text": "x".repeat(4000)})).unwrap();
        let params = CallToolParams::new("t").arguments(arguments);
        while client.session.call::<CallTool>(now, &params, CallOptions::new()).is_ok() {}
        for id in ["a", "b"] {
            let ping = json!({"jsonrpc": "2.0", "id": id, "method": "ping"});
            client.session.handle_frame(now, Route::Pipe, bytes(&ping));
        }
        client.session.close(now);
        let answer = |id: &str| format!(r#"{{"jsonrpc":"2.0","id":"{id}","result":{{}}}}"#);
        assert_eq!(poll_frames(&mut client.session), [answer("a"), answer("b")]);
    }
}

on_every_revision! {
    fn of_a_list_the_element_is_named_that_does_not_fit(revision) {
        let named = |element: Value| {
            let mut call = tool_call(revision, 1);
            call["params"]["arguments"] = json!({"items": ["a", "b", element]});
            let read = received(revision, &call);
            read.arguments_as::<BTreeMap<String, Vec<String>>>().unwrap_err().to_string()
        };
        for bad in [json!({"x": {"y": 1}}), json!({}), json!([1, 2]), json!(5)] {
            let said = named(bad.clone());
            assert!(said.ends_with(" at items[2]"), "{said} of {bad}");
        }
    }
}

/// A request as a server hands it out.
fn received(revision: mcp_proto::Revision, message: &Value) -> Request {
    let mut server = Script::server(revision);
    server
        .session
        .handle_frame(server.now, Route::Pipe, bytes(message));
    match server.session.poll_event() {
        Some(ServerEvent::Request(request)) => request,
        other => panic!("{other:?}"),
    }
}

on_every_revision! {
    // `base.id.unique.session`
    fn a_server_that_recovers_from_an_older_store_gives_no_number_twice(revision) {
        let mut server = Script::server(revision);
        let now = server.now;
        let saved = server.session.save(now);
        let ask = |session: &mut ServerSession| {
            session.handle_frame(now, Route::Pipe, bytes(&tool_call(revision, 1)));
            match session.poll_event() {
                Some(ServerEvent::Request(request)) => request.id,
                other => panic!("{other:?}"),
            }
        };
        let lost = ask(&mut server.session);
        let mut recovered = ServerSession::restore(server_config(), saved, now).unwrap();
        recovered.recover();
        let asked = ask(&mut recovered);
        assert_ne!(asked, lost);
        let result = CallToolResult::text("x");
        recovered.reply::<CallTool>(now, lost, &result).unwrap_err();
        recovered.reply::<CallTool>(now, asked, &result).unwrap();
    }
}

on_every_revision! {
    pipe = "time passes by frames alone";
    // `timeout.progress`
    fn a_frame_tells_a_client_what_time_it_is(revision) {
        let seconds = std::time::Duration::from_secs;
        let options = CallOptions::new().progress(true).idle(Timeout::After(seconds(10)));
        let (mut client, _, id) = calling(revision, options);
        let start = client.now;
        let progress = notification("notifications/progress", json!({"progressToken": id, "progress": 1}));
        client.session.handle_frame(start + seconds(8), Route::Pipe, bytes(&progress));
        for (after, open) in [(10, 1), (17, 1), (18, 0)] {
            client.session.handle_timeout(start + seconds(after));
            assert_eq!(client.session.open_calls(), open, "after {after} s");
        }
    }
}

on_every_revision! {
    fn only_a_modern_request_brings_answers_with_it(revision) {
        let mut call = tool_call(revision, 1);
        call["params"]["inputResponses"] = json!({"k": {"roots": []}});
        call["params"]["requestState"] = "s".into();
        let read = received(revision, &call);
        let is_modern = revision.era() == Era::Modern;
        assert_eq!(read.has_inputs(), is_modern);
        assert_eq!(read.state().is_some(), is_modern);
        assert_eq!(read.input::<ListRoots>("k").is_some(), is_modern);
    }
}

#[test]
// `base.resp.id`
fn an_answer_is_read_whose_id_is_as_long_as_any_of_this_sides_own() {
    let mut limits = Limits::default();
    limits.id = 4;
    let is_read = |id: &str, rest: &str| {
        let frame = format!(r#"{{"jsonrpc":"2.0","id":{id},{rest}}}"#);
        Message::decode(frame.as_bytes(), &limits).is_ok()
    };
    for (length, fits) in [(4, true), (20, true), (21, false)] {
        assert_eq!(
            is_read(&"1".repeat(length), r#""result":{}"#),
            fits,
            "{length}"
        );
    }
    for (length, fits) in [(4, true), (5, false), (20, false)] {
        assert_eq!(
            is_read(&"1".repeat(length), r#""method":"m""#),
            fits,
            "{length}"
        );
    }
}
