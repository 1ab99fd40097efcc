//! Commands that are refused: each says why, sends nothing, and leaves the session as it was.

use mcp_proto::model::capability::ClientCapabilities;
use mcp_proto::model::initialize::{Implementation, InitializeParams, InitializedParams};
use mcp_proto::model::input::InputRequests;
use mcp_proto::model::logging::{LoggingLevel, LoggingMessageParams};
use mcp_proto::model::meta::Meta;
use mcp_proto::model::method::{
    self as m, CallTool, Elicit, ListRoots, ListTools, Method, Notification, SpecMethod,
};
use mcp_proto::model::page::PaginatedRequestParams;
use mcp_proto::model::progress::ProgressParams;
use mcp_proto::model::root::ListRootsResult;
use mcp_proto::model::subscription::{SubscriptionFilter, SubscriptionsListenParams};
use mcp_proto::model::tool::{CallToolParams, CallToolResult, ListToolsResult};
use mcp_proto::rpc::{Raw, RpcError};
use mcp_proto::session::{
    CallId, CallOptions, Change, ClientConfig, ClientEvent, ClientSession, Closed, EraPolicy,
    Handle, IncomingId, InputId, Invalid, Misuse, ServerEvent, ServerSession, Session,
    SubscriptionId,
};
use mcp_proto::{Era, Instant, Revision};
use serde_json::{Value, json};

use support::on_every_revision;
use support::pair::{Pair, client_config};
use support::script::{Script, tool_call};

/// An extension's method whose params can't be written as a params object.
struct Odd;

impl Method for Odd {
    const NAME: &'static str = "com.example/odd";
    type Params<'a> = Value;
    type Result<'a> = Value;
}

impl Notification for Odd {
    const NAME: &'static str = "com.example/odd";
    type Params<'a> = Value;
}

/// Gives a command and checks that it was refused and that nothing has changed.
#[track_caller]
fn refused<S: Session + Clone + std::fmt::Debug, T>(
    session: &mut S,
    command: impl FnOnce(&mut S) -> Result<T, Misuse>,
) -> Misuse {
    let before = format!("{session:?}");
    let misuse = command(session).err();
    unchanged(session, &before, misuse)
}

#[track_caller]
fn unchanged(session: &impl std::fmt::Debug, before: &str, misuse: Option<Misuse>) -> Misuse {
    let misuse = misuse.expect("it should be refused");
    assert_eq!(format!("{session:?}"), before, "{misuse}");
    assert!(!misuse.to_string().is_empty());
    misuse
}

/// Gives every command that a client has to a session that takes none.
fn refuse_everything(client: &mut ClientSession, now: Instant, handles: &Handles) {
    let options = CallOptions::new;
    let params = CallToolParams::new("x");
    refused(client, |c| c.call::<CallTool>(now, &params, options()));
    refused(client, |c| c.call::<Odd>(now, &json!({}), options()));
    refused(client, |c| c.ping(now, options()));
    refused(client, |c| {
        c.set_log_level(now, LoggingLevel::Error, options())
    });
    refused(client, |c| c.roots_changed(now));
    refused(client, |c| c.notify::<Odd>(now, &json!({})));
    refused(client, |c| c.subscribe(now, &SubscriptionFilter::new()));
    refused(client, |c| c.unsubscribe(now, handles.subscription));
    refused(client, |c| c.cancel(now, handles.call, Some("why")));
    let roots = ListRootsResult::new(Vec::new());
    refused(client, |c| {
        c.answer::<ListRoots>(now, handles.input, &roots)
    });
    refused(client, |c| {
        c.decline(now, handles.input, RpcError::internal("no"))
    });
}

/// Handles of things that were open once.
struct Handles {
    call: CallId,
    input: InputId,
    subscription: SubscriptionId,
}

/// A pair with everything open: a call, a question about it, and a subscription.
fn busy(revision: Revision) -> (Pair, Handles, IncomingId) {
    let mut pair = Pair::open(revision);
    let filter = SubscriptionFilter::new().tools_list_changed(true);
    let subscription = pair.client.subscribe(pair.now, &filter).unwrap();
    let params = CallToolParams::new("x");
    let call = pair
        .client
        .call::<CallTool>(pair.now, &params, CallOptions::new())
        .unwrap();
    pair.drive();
    let asked = loop {
        if let ServerEvent::Request(asked) = pair.server_events.pop_front().unwrap() {
            break asked;
        }
    };
    let need = InputRequests::new().roots("r");
    pair.server
        .need_input(pair.now, asked.id, &need, Some("s"))
        .unwrap();
    pair.drive();
    let input = loop {
        if let ClientEvent::InputRequested(input) = pair.client_events.pop_front().unwrap() {
            break input.input;
        }
    };
    (
        pair,
        Handles {
            call: call.any(),
            input,
            subscription,
        },
        asked.id,
    )
}

on_every_revision! {
    // `lifecycle.pre.client`
    fn a_client_that_is_not_open_refuses_everything(revision) {
        let (_, handles, _) = busy(revision);
        let mut client = ClientSession::new(client_config(revision));
        refuse_everything(&mut client, Instant::ZERO, &handles);
        let mut script = Script::fresh_client(client_config(revision));
        script.sent();
        refuse_everything(&mut script.session, script.now, &handles);
        let now = script.now;
        assert_eq!(refused(&mut script.session, |c| c.open(now)), Misuse::AlreadyOpened);
        assert!(script.sent().is_empty());
    }
}

on_every_revision! {
    // `lifecycle.shutdown.pending`
    fn a_session_that_has_ended_refuses_everything_and_hears_nothing(revision) {
        let ends: [fn(&mut Pair); 2] = [
            |pair| {
                pair.client.close(pair.now);
                pair.server.close(pair.now);
            },
            |pair| {
                let route = mcp_proto::session::Route::Pipe;
                pair.client.handle_closed(pair.now, route, Closed::EndOfInput);
                pair.server.handle_closed(pair.now, route, Closed::EndOfInput);
            },
        ];
        for end in ends {
            let (mut pair, handles, request) = busy(revision);
            end(&mut pair);
            let events: Vec<_> = std::iter::from_fn(|| pair.client.poll_event()).collect();
            assert!(matches!(events.last(), Some(ClientEvent::Closed(_))), "{events:?}");
            let told: Vec<_> = std::iter::from_fn(|| pair.server.poll_event()).collect();
            assert!(matches!(told.last(), Some(ServerEvent::Closed(_))), "{told:?}");
            let mut buffer = Vec::new();
            while pair.client.poll_transmit(&mut buffer).is_some() {}
            while pair.server.poll_transmit(&mut buffer).is_some() {}
            refuse_everything(&mut pair.client, pair.now, &handles);
            refuse_everything_of_a_server(&mut pair.server, pair.now, request);
            let now = pair.now;
            assert_eq!(refused(&mut pair.client, |c| c.open(now)), Misuse::Closed);
            // Nothing that comes has any effect, and nothing is told twice.
            let (client, server) = (format!("{:?}", pair.client), format!("{:?}", pair.server));
            end(&mut pair);
            for frame in ["garbage", r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#,
                r#"{"jsonrpc":"2.0","id":1,"result":{}}"#] {
                let route = mcp_proto::session::Route::Pipe;
                pair.client.handle_frame(now, route, frame.into());
                pair.server.handle_frame(now, route, frame.into());
            }
            pair.client.handle_timeout(now);
            pair.server.handle_timeout(now);
            assert_eq!((format!("{:?}", pair.client), format!("{:?}", pair.server)), (client, server));
            assert_eq!((pair.client.poll_timeout(), pair.server.poll_timeout()), (None, None));
            assert!(pair.client.is_closed() && pair.server.is_closed());
        }
    }
}

/// Gives every command that a server has for `request`, which isn't open.
fn refuse_everything_of_a_server(server: &mut ServerSession, now: Instant, request: IncomingId) {
    let need = InputRequests::new().roots("r");
    let message = LoggingMessageParams::text(LoggingLevel::Error, "x");
    let result = CallToolResult::text("x");
    refused(server, |s| s.reply::<CallTool>(now, request, &result));
    refused(server, |s| s.reply_raw(now, request, &Raw::EMPTY_OBJECT));
    refused(server, |s| {
        s.reply_error(now, request, RpcError::internal("x"))
    });
    refused(server, |s| s.progress(now, request, 1.0, None, None));
    refused(server, |s| s.log(now, Some(request), &message));
    refused(server, |s| s.need_input(now, request, &need, None));
    if server.is_closed() {
        refused(server, |s| s.log(now, None, &message));
        refused(server, |s| s.changed(now, Change::Tools));
        refused(server, |s| s.resource_updated(now, "a:b"));
        refused(server, |s| s.elicitation_completed(now, "id"));
    }
}

on_every_revision! {
    fn what_has_a_command_of_its_own_is_not_sent_by_hand(revision) {
        let mut client = Script::client(revision);
        client.sent();
        let (now, session) = (client.now, &mut client.session);
        let options = CallOptions::new;
        let filter = SubscriptionsListenParams::new(SubscriptionFilter::new());
        let misuse = refused(session, |c| c.call::<m::SubscriptionsListen>(now, &filter, options()));
        assert_eq!(misuse, Misuse::OwnCommand(SpecMethod::SubscriptionsListen));
        let info = Implementation::new("n", "1");
        let params = InitializeParams::new(revision.as_str(), ClientCapabilities::new(), info);
        let misuse = refused(session, |c| c.call::<m::Initialize>(now, &params, options()));
        assert_eq!(misuse, Misuse::OwnCommand(SpecMethod::Initialize));
        let params = serde_json::from_str("{\"requestId\":1}").unwrap();
        let misuse = refused(session, |c| c.notify::<m::Cancelled>(now, &params));
        assert_eq!(misuse, Misuse::OwnCommand(SpecMethod::Cancelled));
        // The others are those of a legacy client alone.
        let params = InitializedParams::new();
        let initialized = refused(session, |c| c.notify::<m::Initialized>(now, &params));
        let params = ProgressParams::new(1, 1.0);
        let progress = refused(session, |c| c.notify::<m::Progress>(now, &params));
        for (misuse, method) in [(initialized, SpecMethod::Initialized), (progress, SpecMethod::Progress)] {
            match revision.era() == Era::Legacy {
                true => assert_eq!(misuse, Misuse::OwnCommand(method)),
                false => assert_eq!(misuse, Misuse::NotInRevision { method, revision }),
            }
        }
        assert!(client.sent().is_empty());
    }
}

on_every_revision! {
    fn a_request_that_is_over_or_waits_for_the_client_can_not_be_answered(revision) {
        let (mut pair, _, request) = busy(revision);
        // The client is being asked; in the modern era that was the answer.
        refuse_everything_of_a_server(&mut pair.server, pair.now, request);
        let mut server = Script::server(revision);
        server.feed_json(&tool_call(revision, 1));
        let Some(ServerEvent::Request(asked)) = server.events.pop_front() else { panic!() };
        server.session.reply::<CallTool>(server.now, asked.id, &CallToolResult::text("x")).unwrap();
        server.sent();
        refuse_everything_of_a_server(&mut server.session, server.now, asked.id);
        assert!(server.sent().is_empty());
    }
}

on_every_revision! {
    fn what_is_for_another_method_or_makes_no_sense_is_refused(revision) {
        let mut server = Script::server(revision);
        let now = server.now;
        server.feed_json(&tool_call(revision, 1));
        server.feed_json(&support::script::request(revision, 2, "tools/list", json!({})));
        let events = server.take_events();
        let [ServerEvent::Request(call), ServerEvent::Request(list)] = &events[..] else { panic!() };
        let session = &mut server.session;
        let tools = ListToolsResult::new(Vec::new());
        let misuse = refused(session, |s| s.reply::<ListTools>(now, call.id, &tools));
        assert_eq!(misuse, Misuse::WrongMethod { method: "tools/call".into() });
        for raw in ["5", "[]", "\"x\""] {
            let raw = Raw::new(raw).unwrap();
            assert!(matches!(refused(session, |s| s.reply_raw(now, call.id, &raw)), Misuse::Encode(_)));
        }
        let need = InputRequests::new().roots("r");
        let misuse = refused(session, |s| s.need_input(now, list.id, &need, None));
        assert_eq!(misuse, Misuse::InputNotAllowed { method: "tools/list".into() });
        let nothing = InputRequests::new();
        assert!(matches!(refused(session, |s| s.need_input(now, call.id, &nothing, None)), Misuse::Invalid(Invalid::NoInput)));
        for progress in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            let misuse = refused(session, |s| s.progress(now, call.id, progress, None, None));
            assert_eq!(misuse, Misuse::ProgressNotIncreasing);
            refused(session, |s| s.progress(now, call.id, 1.0, Some(progress), None));
        }
        session.progress(now, call.id, 1.0, None, None).unwrap();
        for progress in [1.0, 0.5, -1.0] {
            assert_eq!(refused(session, |s| s.progress(now, call.id, progress, None, None)), Misuse::ProgressNotIncreasing);
        }
        assert!(matches!(refused(session, |s| s.changed(now, Change::Resource)), Misuse::OwnCommand(SpecMethod::ResourceUpdated)));
        // All of it left both requests open.
        session.reply::<CallTool>(now, call.id, &CallToolResult::text("x")).unwrap();
        session.reply::<ListTools>(now, list.id, &tools).unwrap();
    }
}

on_every_revision! {
    // `lifecycle.init.nocancel` `lifecycle.initialized` `cancel.samedir`
    fn what_the_session_does_by_itself_can_not_be_done_by_hand(revision) {
        let mut client = Script::client(revision);
        let now = client.now;
        let session = &mut client.session;
        let options = CallOptions::new;
        let initialize = serde_json::from_str(
            r#"{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"x","version":"1"}}"#).unwrap();
        refused(session, |c| c.call::<m::Initialize>(now, &initialize, options()));
        let listen = serde_json::from_str(r#"{"notifications":{}}"#).unwrap();
        refused(session, |c| c.call::<m::SubscriptionsListen>(now, &listen, options()));
        refused(session, |c| c.notify::<m::Initialized>(now, &serde_json::from_str("{}").unwrap()));
        let cancel = serde_json::from_str(r#"{"requestId":1}"#).unwrap();
        refused(session, |c| c.notify::<m::Cancelled>(now, &cancel));
        // Nor can what a server says.
        let empty = serde_json::from_str("{}").unwrap();
        refused(session, |c| c.notify::<m::ToolsListChanged>(now, &empty));
        let message = LoggingMessageParams::text(LoggingLevel::Error, "x");
        refused(session, |c| c.notify::<m::LoggingMessage>(now, &message));
        assert!(client.sent().is_empty());
    }
}

on_every_revision! {
    fn params_that_can_not_be_written_are_refused(revision) {
        let mut client = Script::client(revision);
        let now = client.now;
        for params in [json!(5), json!([1]), json!("x"), json!(true)] {
            let misuse = refused(&mut client.session, |c| c.call::<Odd>(now, &params, CallOptions::new()));
            assert!(matches!(misuse, Misuse::Encode(_)), "{params}: {misuse}");
            refused(&mut client.session, |c| c.notify::<Odd>(now, &params));
        }
        let meta = Meta::new().with("progressToken", &1);
        let options = CallOptions::new().progress(true).meta(Some(meta));
        refused(&mut client.session, |c| c.call::<Odd>(now, &json!({}), options));
        assert!(client.sent().is_empty());
        let call = client.session.call::<Odd>(now, &json!({"n": 1}), CallOptions::new()).unwrap();
        assert_eq!(client.reply()["params"]["n"], 1);
        client.session.cancel(now, call, None).unwrap();
    }
}

on_every_revision! {
    fn an_answer_to_another_question_is_refused_and_the_question_stays_open(revision) {
        let (mut pair, handles, _) = busy(revision);
        let now = pair.now;
        let elicited = serde_json::from_str(r#"{"action":"decline"}"#).unwrap();
        let misuse = refused(&mut pair.client, |c| c.answer::<Elicit>(now, handles.input, &elicited));
        assert_eq!(misuse, Misuse::WrongMethod { method: SpecMethod::ListRoots.as_str().into() });
        let roots = ListRootsResult::new(Vec::new());
        pair.client.answer::<ListRoots>(now, handles.input, &roots).unwrap();
        let misuse = refused(&mut pair.client, |c| c.answer::<ListRoots>(now, handles.input, &roots));
        assert_eq!(misuse, Misuse::Unknown(Handle::Input));
        refused(&mut pair.client, |c| c.decline(now, handles.input, RpcError::internal("no")));
        pair.client.unsubscribe(now, handles.subscription).unwrap();
        assert_eq!(refused(&mut pair.client, |c| c.unsubscribe(now, handles.subscription)), Misuse::Unknown(Handle::Subscription));
        pair.client.cancel(now, handles.call, None).unwrap();
        assert_eq!(refused(&mut pair.client, |c| c.cancel(now, handles.call, None)), Misuse::Unknown(Handle::Call));
    }
}

#[test]
fn a_refused_call_takes_no_number() {
    let config = ClientConfig::new("x", "1").era(EraPolicy::AssumeModern);
    let mut client = Script::fresh_client(config);
    let now = client.now;
    let page = PaginatedRequestParams::new();
    let list = |client: &mut Script<ClientSession>| {
        client
            .session
            .call::<ListTools>(now, &page, CallOptions::new())
            .unwrap()
    };
    let before = list(&mut client);
    for _ in 0..5 {
        refused(&mut client.session, |c| {
            c.call::<Odd>(now, &json!(5), CallOptions::new())
        });
    }
    let after = list(&mut client);
    let ids: Vec<i64> = client
        .sent()
        .iter()
        .map(|sent| sent["id"].as_i64().unwrap())
        .collect();
    assert_eq!(ids[1], ids[0] + 1);
    assert_ne!(before, after);
}
