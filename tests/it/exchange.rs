//! Questions and their answers where each request has a stream of its own.

use mcp_proto::Revision;
use mcp_proto::model::input::InputRequests;
use mcp_proto::model::logging::{LoggingLevel, LoggingMessageParams};
use mcp_proto::model::method::{CallTool, ListRoots};
use mcp_proto::model::tool::CallToolResult;
use mcp_proto::rpc::RpcError;
use mcp_proto::session::{Closed, ExchangeId, Route, ServerEvent, Session};
use serde_json::json;

use support::on_revisions;
use support::pair::{Pair, client_config, server_config};
use support::scenario::{notification, request, request_of, result};
use support::{LEGACY, MODERN};

const fn by(number: u64) -> Route {
    Route::Exchange(ExchangeId::new(number))
}

/// A server whose client has opened a legacy session over exchanges.
fn opened(revision: Revision) -> Pair {
    let mut pair = Pair::new(client_config(revision), server_config());
    let hello = json!({"protocolVersion": revision.as_str(), "capabilities": {"roots": {}},
        "clientInfo": {"name": "c", "version": "1"}});
    let answer = pair.exchange(by(1), request(revision, 1, "initialize", hello));
    assert_eq!(answer[0].0, by(1));
    pair.exchange(by(2), notification("notifications/initialized", json!({})));
    assert!(matches!(pair.server_event(), ServerEvent::Opened { .. }));
    pair
}

on_revisions! { LEGACY;
    // `base.resp.unknown`
    fn a_question_leaves_by_its_calls_stream_and_is_answered_by_another(revision) {
        let mut pair = opened(revision);
        pair.exchange(
            by(3),
            request(revision, 3, "tools/call", json!({"name": "x"})),
        );
        pair.exchange(
            by(4),
            request(revision, 4, "tools/call", json!({"name": "y"})),
        );
        let (x, y) = (pair.request(), pair.request());
        let roots = InputRequests::new().roots("k");
        pair.server
            .need_input(pair.now, y.id, &roots, None)
            .unwrap();
        pair.server
            .need_input(pair.now, x.id, &roots, None)
            .unwrap();
        let asked = pair.routed();
        assert_eq!(
            asked.iter().map(|(route, _)| *route).collect::<Vec<_>>(),
            [by(4), by(3)]
        );
        pair.exchange(
            by(5),
            result(asked[1].1["id"].clone(), json!({"roots": []})),
        );
        let again = pair.request();
        assert_eq!(again.target().as_deref(), Some("x"));
        assert!(again.input::<ListRoots>("k").unwrap().is_ok());
        pair.server
            .reply::<CallTool>(pair.now, again.id, &CallToolResult::text("t"))
            .unwrap();
        let answer = pair.routed();
        assert_eq!((answer[0].0, &answer[0].1["id"]), (by(3), &json!(3)));
        // The other one still waits for its own.
        assert_eq!(pair.server.open_requests(), 1);
    }
}

on_revisions! { LEGACY;
    // `cancel.http.legacy`
    fn a_legacy_stream_that_is_lost_ends_no_question(revision) {
        let mut pair = opened(revision);
        pair.exchange(
            by(3),
            request(revision, 3, "tools/call", json!({"name": "x"})),
        );
        let asked = pair.request();
        let roots = InputRequests::new().roots("k");
        pair.server
            .need_input(pair.now, asked.id, &roots, None)
            .unwrap();
        let sent = pair.routed();
        pair.server
            .handle_closed(pair.now, by(3), Closed::EndOfInput);
        assert!(pair.routed().is_empty() && pair.server_events.is_empty());
        pair.exchange(by(4), result(sent[0].1["id"].clone(), json!({"roots": []})));
        assert!(pair.request().has_inputs());
        // A cancellation does, and the client is told by the stream that the question went out by.
        pair.exchange(
            by(5),
            request(revision, 5, "tools/call", json!({"name": "y"})),
        );
        let asked = pair.request();
        pair.server
            .need_input(pair.now, asked.id, &roots, None)
            .unwrap();
        let question = pair.routed();
        let withdrawn = pair.exchange(
            by(6),
            notification("notifications/cancelled", json!({"requestId": 5})),
        );
        assert!(
            matches!(pair.server_event(), ServerEvent::Cancelled { request, .. } if request == asked.id)
        );
        assert_eq!(withdrawn[0].1["params"]["requestId"], question[0].1["id"]);
        assert_eq!((withdrawn[0].0, question[0].0), (by(5), by(5)));
    }
}

on_revisions! { MODERN;
    // `mrtr.final`, `mrtr.server.noassume`, `mrtr.isolation`
    fn each_round_is_an_exchange_of_its_own(revision) {
        let mut pair = Pair::new(client_config(revision), server_config());
        let capable = json!({"roots": {}});
        let call = |id: i64, more: serde_json::Value| {
            let mut params = json!({"name": "x"});
            for (key, value) in more.as_object().unwrap() {
                params[key] = value.clone();
            }
            request_of(revision, id, "tools/call", params, capable.clone())
        };
        pair.exchange(by(1), call(1, json!({})));
        let asked = pair.request();
        let roots = InputRequests::new().roots("k");
        pair.server
            .need_input(pair.now, asked.id, &roots, Some("s"))
            .unwrap();
        let sent = pair.routed();
        assert_eq!(
            (sent.len(), sent[0].0, &sent[0].1["id"]),
            (1, by(1), &json!(1))
        );
        // The exchange is over; losing it now means nothing.
        pair.server
            .handle_closed(pair.now, by(1), Closed::EndOfInput);
        assert_eq!(pair.server.open_requests(), 0);
        let answers = json!({"inputResponses": {"k": {"roots": []}}, "requestState": "s"});
        // The same id may be used again: nothing is left of the first round.
        pair.exchange(by(2), call(1, answers));
        let again = pair.request();
        assert_eq!(again.state().as_deref(), Some("s"));
        pair.server
            .reply::<CallTool>(pair.now, again.id, &CallToolResult::text("t"))
            .unwrap();
        let sent = pair.routed();
        assert_eq!((sent.len(), sent[0].0), (1, by(2)));
        assert!(pair.server_events.is_empty());
    }
}

on_revisions! { MODERN;
    // `mrtr.final`, `mrtr.nocache`, `cache.notinput`, `mrtr.shape`
    fn nothing_follows_a_question_on_its_exchange(revision) {
        let mut pair = Pair::open(revision);
        let read = request(
            revision,
            5,
            "resources/read",
            json!({"uri": "file:///a",
            "_meta": {"progressToken": "t", "io.modelcontextprotocol/logLevel": "debug"}}),
        );
        let capable = read.replace(
            r#""io.modelcontextprotocol/clientCapabilities":{}"#,
            r#""io.modelcontextprotocol/clientCapabilities":{"roots":{}}"#,
        );
        pair.to_server(capable);
        let asked = pair.request();
        pair.need(&asked, &InputRequests::new().roots("k"), Some("s"));
        let sent = pair.last_of_server();
        assert_eq!(sent["result"]["resultType"], "input_required");
        assert_eq!(
            sent["result"]["inputRequests"],
            json!({"k": {"method": "roots/list", "params": {}}})
        );
        assert_eq!(sent["result"]["requestState"], "s");
        assert!(
            sent["result"].get("ttlMs").is_none() && sent["result"].get("cacheScope").is_none()
        );
        pair.forget();
        assert!(
            pair.server
                .progress(pair.now, asked.id, 1.0, None, None)
                .is_err()
        );
        let message = LoggingMessageParams::text(LoggingLevel::Error, "late");
        assert!(pair.server.log(pair.now, Some(asked.id), &message).is_err());
        assert!(
            pair.server
                .reply_error(pair.now, asked.id, RpcError::internal("late"))
                .is_err()
        );
        pair.drive();
        assert!(pair.wire.is_empty());
    }
}
