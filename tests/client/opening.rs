//! How a client opens and what it says of itself and its server (rows L1 to L23 of one connection).

use std::sync::{Arc, Mutex};
use std::time::Duration;

use mcp_proto::client::{Client, ClientError, ClientOptions, Direction, Operation, ToolCall};
use mcp_proto::model::initialize::Implementation;
use mcp_proto::model::logging::LoggingLevel;
use mcp_proto::model::method::ServerCapability;
use mcp_proto::session::{
    CallClock, CloseReason, Closed, Delivery, Misuse, Route, Session, Timeouts,
};
use serde_json::{Value, json};

use support::carrier::by_every_route;
use support::client::{Script, call, everything, legacy};

fn warned() -> ClientOptions {
    legacy().log_level(LoggingLevel::Warning)
}

#[test]
fn l1_opening_is_initialize_then_initialized_then_the_log_level() {
    for _way in by_every_route() {
        let mut script = Script::unopened(warned());
        assert_eq!(script.client.session().revision(), None);
        script.initialized(everything());
        assert_eq!(script.opened, None, "the log level is part of it");
        let level = script.expect("logging/setLevel");
        assert_eq!(level["params"]["level"], "warning");
        script.result(&level, json!({}));
        assert_eq!(script.opened, Some(Ok(())));
        assert!(script.client.is_open());
    }
}

#[test]
fn l2_timeout_covers_initialize_and_the_log_level_together() {
    for _way in by_every_route() {
        let mut script = Script::unopened(warned().timeout(Duration::from_secs(2)));
        script.wait(Duration::from_millis(1500));
        script.initialized(everything());
        script.expect("logging/setLevel");
        script.wait(Duration::from_millis(499));
        assert_eq!(script.opened, None);
        script.wait(Duration::from_millis(1));
        let took = CloseReason::OpeningTimedOut(Duration::from_secs(2));
        assert_eq!(script.opened, Some(Err(ClientError::Opening(took.clone()))));
        assert!(script.client.is_closed());

        // A server that has answered has the reference's 5 s for the rest.
        let mut script = Script::unopened(warned());
        script.wait(Duration::from_secs(40));
        assert_eq!(script.opened, None);
        script.initialized(everything());
        script.expect("logging/setLevel");
        script.wait(Duration::from_millis(4999));
        assert_eq!(script.opened, None);
        script.wait(Duration::from_millis(1));
        let took = CloseReason::OpeningTimedOut(Duration::from_secs(45));
        assert_eq!(script.opened, Some(Err(ClientError::Opening(took))));
    }
}

#[test]
fn opening_of_a_silent_server_may_take_as_long_as_the_session_says() {
    for _way in by_every_route() {
        let silent = Timeouts::default().opening;
        let mut script = Script::unopened(legacy());
        script.wait(silent - Duration::from_millis(1));
        assert_eq!(script.opened, None);
        script.wait(Duration::from_millis(1));
        let took = CloseReason::OpeningTimedOut(silent);
        assert_eq!(script.opened, Some(Err(ClientError::Opening(took))));
    }
}

#[test]
fn server_that_has_answered_the_probe_has_five_seconds_for_the_rest() {
    for _way in by_every_route() {
        let mut script = Script::unopened(ClientOptions::default());
        let probe = script.expect("server/discover");
        script.error(&probe, json!({"code": -32601, "message": "no"}));
        script.expect("initialize");
        script.wait(Duration::from_millis(4999));
        assert_eq!(script.opened, None);
        script.wait(Duration::from_millis(1));
        let took = CloseReason::OpeningTimedOut(Duration::from_secs(5));
        assert_eq!(script.opened, Some(Err(ClientError::Opening(took))));
    }
}

#[test]
fn l4_read_timeout_ends_the_request_and_not_the_session() {
    for _way in by_every_route() {
        let mut script = Script::with(legacy().read_timeout(Duration::from_secs(3)), everything());
        let id = script.start(call("slow", json!({})));
        let asked = script.expect("tools/call");
        script.wait(Duration::from_secs(3));
        let error = script.end(id).unwrap().unwrap_err();
        let expected = ClientError::TimedOut {
            clock: CallClock::Idle,
            after: Duration::from_secs(3),
        };
        assert_eq!(error, expected);
        assert_eq!(
            error.retry_message().as_deref(),
            Some("Timed out while waiting for the response. Waited 3.0 seconds.")
        );
        script.expect("notifications/cancelled");
        script.result(&asked, json!({"content": []}));
        assert!(script.finished.is_empty(), "a late answer is dropped");
        assert!(script.tool(json!({"content": []})).is_ok());
    }
}

#[test]
fn l4_read_timeout_is_300_s_by_default_and_can_be_set_for_a_call() {
    for _way in by_every_route() {
        assert_eq!(
            ClientOptions::default().read_timeout,
            Duration::from_secs(300)
        );
        let mut script = Script::legacy();
        let short = ToolCall::new("t").read_timeout(Duration::from_secs(1));
        let (short, long) = (
            script.start(Operation::CallTool(short)),
            script.start(call("t", json!({}))),
        );
        script.wait(Duration::from_millis(1000));
        assert!(script.end(short).is_some());
        script.wait(Duration::from_secs(298));
        assert!(script.end(long).is_none());
        script.wait(Duration::from_secs(1));
        assert!(script.end(long).is_some());
    }
}

#[test]
fn l5_unsupported_revision_ends_the_opening_without_initialized() {
    for _way in by_every_route() {
        let mut script = Script::unopened(legacy());
        let asked = script.expect("initialize");
        script.result(
            &asked,
            json!({"protocolVersion": "1999-01-01", "capabilities": {},
            "serverInfo": {"name": "old", "version": "0"}}),
        );
        let error = script.opened.unwrap().unwrap_err();
        assert!(
            error
                .to_string()
                .ends_with("unsupported protocol version from the server: 1999-01-01")
        );
        assert!(script.sent.is_empty());
    }
}

#[test]
fn l6_refused_initialize_ends_the_opening() {
    for _way in by_every_route() {
        let mut script = Script::unopened(legacy());
        let asked = script.expect("initialize");
        script.error(
            &asked,
            json!({"code": -32603, "message": "no licence", "data": {"a": 1}}),
        );
        let error = script.opened.unwrap().unwrap_err();
        assert_eq!(
            error.to_string(),
            r#"no licence (code: -32603, data: {"a":1})"#
        );
        assert!(script.client.is_closed());
    }
}

#[test]
fn l7_refused_log_level_ends_the_opening() {
    for _way in by_every_route() {
        let mut script = Script::unopened(warned());
        script.initialized(everything());
        let level = script.expect("logging/setLevel");
        script.error(
            &level,
            json!({"code": -32601, "message": "Method not found"}),
        );
        let error = script.opened.clone().unwrap().unwrap_err();
        assert_eq!(error.to_string(), "Method not found (code: -32601)");
        assert!(script.client.is_closed());

        // The protocol forbids to ask a server that didn't declare it; the opening fails as well.
        let mut script = Script::unopened(warned());
        script.initialized(json!({"tools": {}}));
        let error = script.opened.clone().unwrap().unwrap_err();
        assert_eq!(
            error,
            ClientError::Misuse(Misuse::NotDeclaredByPeer(ServerCapability::Logging))
        );
    }
}

#[test]
fn l15_server_info_is_there_after_the_opening_and_after_the_end() {
    for _way in by_every_route() {
        let client = Client::new(legacy());
        assert_eq!(client.session().server_info(), None);
        let mut script = Script::legacy();
        let name = |script: &Script| {
            let info = script.client.session().server_info();
            info.map(|info| info.name.to_string())
        };
        assert_eq!(name(&script).as_deref(), Some("script"));
        script.client.close(script.now);
        assert_eq!(name(&script).as_deref(), Some("script"));
        assert_eq!(script.client.session().instructions(), None);
        assert!(
            script
                .client
                .session()
                .server_capabilities()
                .unwrap()
                .logging
                .is_some()
        );
    }
}

#[test]
fn l16_present_but_empty_capabilities_count() {
    for _way in by_every_route() {
        let capabilities =
            json!({"experimental": {}, "tools": {"listChanged": true}, "prompts": {}});
        let script = Script::with(legacy(), capabilities);
        let declared = script.client.session().server_capabilities().unwrap();
        assert!(
            declared
                .tools
                .as_ref()
                .is_some_and(|tools| tools.list_changed)
        );
        assert!(
            declared
                .prompts
                .as_ref()
                .is_some_and(|prompts| !prompts.list_changed)
        );
        assert!(declared.resources.is_none() && declared.logging.is_none());
        assert!(declared.completions.is_none());
    }
}

#[test]
fn l17_client_info_has_a_default_and_is_sent_unchanged() {
    for _way in by_every_route() {
        let mut script = Script::unopened(legacy());
        let info = &script.expect("initialize")["params"]["clientInfo"];
        assert_eq!(*info, json!({"name": "mcp", "version": "0.1.0"}));
        let info = Implementation::new("mine", "2")
            .title("Mine")
            .website_url("https://a.example");
        let options = legacy().client_info(info);
        let sent = &Script::unopened(options).expect("initialize")["params"]["clientInfo"];
        let expected = json!({"name": "mine", "version": "2", "title": "Mine",
        "websiteUrl": "https://a.example"});
        assert_eq!(*sent, expected);
    }
}

#[test]
fn l18_capabilities_follow_from_the_functions_that_were_given() {
    for _way in by_every_route() {
        let declared = |options: ClientOptions| {
            Script::unopened(options).expect("initialize")["params"]["capabilities"].clone()
        };
        assert_eq!(declared(legacy()), json!({}));
        assert_eq!(
            declared(legacy().on_sampling(|_, _| {})),
            json!({"sampling": {}})
        );
        let asked = declared(legacy().on_elicitation(|_, _| {}));
        assert_eq!(asked, json!({"elicitation": {"form": {}, "url": {}}}));
        assert_eq!(
            declared(legacy().roots(Vec::new)),
            json!({"roots": {"listChanged": true}})
        );
    }
}

#[test]
fn l19_name_is_the_id_or_else_the_prefix() {
    assert_eq!(legacy().name(), None);
    assert_eq!(legacy().tool_prefix("p").name(), Some("p"));
    assert_eq!(legacy().tool_prefix("p").id("i").name(), Some("i"));
}

#[test]
fn l22_every_option_has_a_setter() {
    let options = ClientOptions::new("a", "1")
        .id("i")
        .tool_prefix("p")
        .log_level(LoggingLevel::Debug)
        .on_log(|_| {})
        .timeout(Duration::from_secs(1))
        .read_timeout(Duration::from_secs(2))
        .on_sampling(|_, _| {})
        .on_elicitation(|_, _| {})
        .max_retries(3)
        .cache_tools(false)
        .cache_resources(false);
    assert_eq!((options.max_retries, options.cache_tools), (3, false));
    assert!(!format!("{options:?}").is_empty());
}

#[test]
fn on_frame_sees_every_frame_as_it_passes() {
    for _way in by_every_route() {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let shown = Arc::clone(&seen);
        let mut script = Script::with(
            legacy().on_frame(move |direction, frame| {
                let message: Value = serde_json::from_slice(frame).unwrap();
                shown.lock().unwrap().push((direction, message));
            }),
            everything(),
        );
        script
            .answered(call("t", json!({})), json!({"content": []}))
            .unwrap();
        script.say_bytes("{}");

        let seen: Vec<_> = seen.lock().unwrap().drain(..).collect();
        let passed: Vec<_> = seen
            .iter()
            .map(|(direction, message)| (*direction, message["method"].as_str()))
            .collect();
        let (sent, received) = (Direction::Sent, Direction::Received);
        let expected = [
            (sent, Some("initialize")),
            (received, None),
            (sent, Some("notifications/initialized")),
            (sent, Some("tools/call")),
            (received, None),
            (received, None),
        ];
        assert_eq!(passed[..6], expected, "what is no message is a frame too");
        assert_eq!(seen[4].1["id"], seen[3].1["id"]);
    }
}

#[test]
fn l23_lost_connection_ends_every_request() {
    for _way in by_every_route() {
        let mut script = Script::legacy();
        let sent = script.start(call("t", json!({})));
        script
            .client
            .handle_closed(script.now, Route::Pipe, Closed::EndOfInput);
        script.drain();
        let error = script.end(sent).unwrap().unwrap_err();
        assert_eq!(error, ClientError::Lost(Delivery::Unknown));
        assert_eq!(error.retry_message().as_deref(), Some("Connection closed"));
        let late = script.start(call("t", json!({})));
        assert_eq!(
            script.end(late).unwrap().unwrap_err(),
            ClientError::Misuse(Misuse::Closed)
        );
    }
}
