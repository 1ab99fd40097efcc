//! Log messages: who gets which, and when.

use mcp_proto::model::capability::ServerCapabilities;
use mcp_proto::model::logging::{LoggingLevel, LoggingMessageParams, SetLevelParams};
use mcp_proto::model::method::{CallTool, LoggingMessage, ServerCapability, SetLevel};
use mcp_proto::model::tool::CallToolParams;
use mcp_proto::rpc::Raw;
use mcp_proto::session::{
    CallOptions, Capability, ClientEvent, ExchangeId, Handle, IncomingId, Misuse, Route,
    ServerConfig,
};
use serde_json::{Value, json};

use support::pair::{Pair, client_config, server_config};
use support::scenario::{is_modern, request};
use support::{LEGACY, MODERN};
use support::{on_every_revision, on_revisions};

/// Logs a message; whether it went out.
fn log(pair: &mut Pair, request: Option<IncomingId>, level: LoggingLevel) -> bool {
    let message = LoggingMessageParams::text(level, level.as_str());
    let sent = pair.server.log(pair.now, request, &message).unwrap();
    pair.drive();
    sent
}

/// The levels of the messages that the client heard.
fn heard(pair: &mut Pair) -> Vec<LoggingLevel> {
    let mut levels = Vec::new();
    while let Some(event) = pair.client_events.pop_front() {
        match event {
            ClientEvent::Log(message) => {
                levels.push(message.params::<LoggingMessage>().unwrap().level);
            }
            other => panic!("{other:?}"),
        }
    }
    levels
}

on_every_revision! {
    // `log.cap`
    fn a_server_that_does_not_log_sends_no_messages(revision) {
        let server =
            ServerConfig::new("s", "1").capabilities(ServerCapabilities::new().tools(false));
        let mut pair = Pair::open_with(client_config(revision), server);
        let options = CallOptions::new().log_level(Some(LoggingLevel::Debug));
        pair.call_with::<CallTool>(&CallToolParams::new("x"), options);
        let asked = pair.request();
        pair.forget();
        for request in [None, Some(asked.id)] {
            let message = LoggingMessageParams::text(LoggingLevel::Emergency, "fire");
            let misuse = pair.server.log(pair.now, request, &message).unwrap_err();
            assert!(matches!(misuse, Misuse::NotDeclared(Capability::Server(ServerCapability::Logging))), "{misuse}");
        }
        pair.drive();
        assert!(pair.wire.is_empty());
    }
}

on_every_revision! {
    streams;
    // `log.setlevel`, `log.perreq`, `log.levels`
    fn the_level_is_set_by_the_same_command_in_either_era(revision) {
        let mut pair = Pair::open(revision);
        let call = pair
            .client
            .set_log_level(pair.now, LoggingLevel::Warning, CallOptions::new())
            .unwrap();
        pair.drive();
        assert!(pair.completed(call).of(call).unwrap().is_ok());
        let set = pair.of_method(true, "logging/setLevel");
        match is_modern(revision) {
            true => assert!(set.is_empty()),
            false => assert_eq!(set[0]["params"], json!({"level": "warning"})),
        }
        pair.call_tool("x");
        let asked = pair.request();
        for level in LoggingLevel::ALL {
            assert_eq!(
                log(&mut pair, Some(asked.id), level),
                level >= LoggingLevel::Warning
            );
        }
        assert_eq!(heard(&mut pair), LoggingLevel::ALL[3..]);
    }
}

on_every_revision! {
    streams;
    // `log.notif`, `log.stdio.gap`
    fn a_message_arrives_as_it_was_said(revision) {
        let mut pair = Pair::open(revision);
        let options = CallOptions::new().log_level(Some(LoggingLevel::Debug));
        pair.call_with::<CallTool>(&CallToolParams::new("x"), options);
        let asked = pair.request();
        for data in [r#"{"a":1.0,"b":[null]}"#, r#""text""#, "null", "5"] {
            let message = LoggingMessageParams::new(LoggingLevel::Error, Raw::new(data).unwrap())
                .logger("db");
            assert!(pair.server.log(pair.now, Some(asked.id), &message).unwrap());
            pair.drive();
            let ClientEvent::Log(told) = pair.client_event() else {
                panic!()
            };
            let params = told.params::<LoggingMessage>().unwrap();
            assert_eq!(
                (params.logger.as_deref(), params.data.as_str()),
                (Some("db"), data)
            );
            // Nothing on a pipe says which call it belongs to.
            let sent = pair.last_of_server();
            assert!(
                sent.get("id").is_none() && sent["params"].get("_meta").is_none(),
                "{sent}"
            );
        }
    }
}

on_revisions! { LEGACY;
    // `log.default`
    fn before_a_level_is_set_the_server_decides(revision) {
        for least in [LoggingLevel::Debug, LoggingLevel::Info, LoggingLevel::Error] {
            let server = server_config().log_level(least);
            let mut pair = Pair::open_with(client_config(revision), server);
            assert_eq!(pair.server.log_level(), least);
            for level in LoggingLevel::ALL {
                assert_eq!(log(&mut pair, None, level), level >= least);
            }
            heard(&mut pair);
            let call = pair.call::<SetLevel>(&SetLevelParams::new(LoggingLevel::Alert));
            assert!(pair.completed(call).of(call).unwrap().is_ok());
            assert_eq!(pair.server.log_level(), LoggingLevel::Alert);
            assert!(!log(&mut pair, None, LoggingLevel::Critical));
            assert!(log(&mut pair, None, LoggingLevel::Alert));
        }
    }
}

on_revisions! { LEGACY;
    // `log.setlevel.bad`
    fn a_level_that_is_none_changes_nothing(revision) {
        let mut pair = Pair::open(revision);
        for (n, level) in [json!("loud"), json!(3), Value::Null, json!("Error")]
            .into_iter()
            .enumerate()
        {
            pair.to_server(request(
                revision,
                60 + n,
                "logging/setLevel",
                json!({"level": level}),
            ));
            assert_eq!(pair.last_of_server()["error"]["code"], -32602, "{level}");
        }
        assert_eq!(pair.server.log_level(), LoggingLevel::Info);
    }
}

on_revisions! { MODERN;
    // `log.setlevel.gone`
    fn modern_servers_have_no_level_to_set(revision) {
        let mut pair = Pair::open(revision);
        let misuse = pair.misuse::<SetLevel>(&SetLevelParams::new(LoggingLevel::Alert));
        assert!(matches!(misuse, Misuse::NotInRevision { .. }), "{misuse}");
        pair.to_server(request(
            revision,
            60,
            "logging/setLevel",
            json!({"level": "debug"}),
        ));
        assert_eq!(pair.last_of_server()["error"]["code"], -32601);
    }
}

on_revisions! { MODERN;
    streams;
    // `log.perreq.none`, `log.perreq`
    fn only_requests_that_ask_for_messages_get_them(revision) {
        let mut pair = Pair::open(revision);
        pair.call_tool("silent");
        let options = CallOptions::new().log_level(Some(LoggingLevel::Error));
        pair.call_with::<CallTool>(&CallToolParams::new("loud"), options);
        let (silent, loud) = (pair.request(), pair.request());
        let meta = &pair.last_of_client()["params"]["_meta"];
        assert_eq!(meta["io.modelcontextprotocol/logLevel"], "error");
        assert!(!log(&mut pair, Some(silent.id), LoggingLevel::Emergency));
        assert!(!log(&mut pair, Some(loud.id), LoggingLevel::Warning));
        assert!(log(&mut pair, Some(loud.id), LoggingLevel::Error));
        // What belongs to no request has nobody to go to.
        assert!(!log(&mut pair, None, LoggingLevel::Emergency));
        assert_eq!(heard(&mut pair), [LoggingLevel::Error]);
        // The level of one request is not the level of the next.
        pair.call_tool("silent");
        let next = pair.request();
        assert!(!log(&mut pair, Some(next.id), LoggingLevel::Emergency));
    }
}

on_revisions! { MODERN;
    // `log.perreq`
    fn a_client_may_ask_for_messages_from_the_start(revision) {
        let client = client_config(revision).log_level(Some(LoggingLevel::Notice));
        let mut pair = Pair::open_with(client, server_config());
        pair.call_tool("x");
        let asked = pair.request();
        assert!(log(&mut pair, Some(asked.id), LoggingLevel::Notice));
        assert!(!log(&mut pair, Some(asked.id), LoggingLevel::Info));
        let options = CallOptions::new().log_level(Some(LoggingLevel::Debug));
        pair.call_with::<CallTool>(&CallToolParams::new("x"), options);
        let asked = pair.request();
        assert!(log(&mut pair, Some(asked.id), LoggingLevel::Debug));
    }
}

on_revisions! { MODERN;
    // `log.perreq.bad`
    fn a_request_for_an_unknown_level_is_refused(revision) {
        let mut pair = Pair::open(revision);
        for (n, level) in [json!("loud"), json!(3), json!({})].into_iter().enumerate() {
            let params = json!({"name": "x", "_meta": {"io.modelcontextprotocol/logLevel": level}});
            pair.to_server(request(revision, 60 + n, "tools/call", params));
            assert_eq!(pair.last_of_server()["error"]["code"], -32602, "{level}");
        }
        assert!(pair.server_events.is_empty());
    }
}

on_revisions! { MODERN;
    // `log.perreq.stream`, `sub.nosreq`
    fn messages_leave_by_their_requests_stream_and_before_its_end(revision) {
        let mut pair = Pair::open(revision);
        let by = |n| Route::Exchange(ExchangeId::new(n));
        let wants = json!({"io.modelcontextprotocol/logLevel": "debug"});
        let filter = json!({"notifications": {"toolsListChanged": true}, "_meta": wants});
        pair.exchange(by(1), request(revision, 1, "subscriptions/listen", filter));
        let call = json!({"name": "x", "_meta": wants});
        pair.exchange(by(2), request(revision, 2, "tools/call", call.clone()));
        pair.exchange(by(3), request(revision, 3, "tools/call", call));
        let (second, third) = (pair.request(), pair.request());
        let message = LoggingMessageParams::text(LoggingLevel::Info, "m");
        pair.server.log(pair.now, Some(third.id), &message).unwrap();
        pair.server
            .log(pair.now, Some(second.id), &message)
            .unwrap();
        let routes: Vec<_> = pair.routed().into_iter().map(|(route, _)| route).collect();
        assert_eq!(routes, [by(3), by(2)]);
        let result = mcp_proto::model::tool::CallToolResult::text("done");
        pair.server
            .reply::<CallTool>(pair.now, second.id, &result)
            .unwrap();
        let late = pair.server.log(pair.now, Some(second.id), &message);
        assert!(matches!(late, Err(Misuse::Unknown(Handle::Request))));
        let last = pair.routed();
        assert_eq!((last.len(), last[0].0), (1, by(2)));
    }
}
