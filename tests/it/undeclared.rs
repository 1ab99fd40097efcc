//! Questions that need what the client did not declare, on both sides.

use mcp_proto::model::capability::ClientCapabilities;
use mcp_proto::model::input::InputRequests;
use mcp_proto::model::sampling::{CreateMessageParams, SamplingMessage};
use mcp_proto::rpc::RpcError;
use mcp_proto::session::{CallError, Misuse};
use serde_json::{Value, json};

use support::MODERN;
use support::pair::{Pair, client_config, server_config};
use support::scenario::{ask, is_modern, request, request_of, result};
use support::{on_every_revision, on_revisions};

/// What each of the three questions needs, and the question.
fn questions() -> [(ClientCapabilities<'static>, InputRequests<'static>); 3] {
    let draft = CreateMessageParams::new(vec![SamplingMessage::user("?")], 5);
    [
        (
            ClientCapabilities::new().roots(false),
            InputRequests::new().roots("k"),
        ),
        (
            ClientCapabilities::new().sampling(),
            InputRequests::new().sample("k", &draft),
        ),
        (ClientCapabilities::new().elicitation_form(), ask("k")),
    ]
}

on_every_revision! {
    // `mrtr.caps`, `sampling.cap`, `roots.server`, `elicit.mode.gate`, `caps.missing.vs.degrade`
    fn a_server_asks_nothing_that_was_not_declared(revision) {
        for (needed, asked) in questions() {
            let client = client_config(revision).capabilities(ClientCapabilities::new());
            let mut pair = Pair::open_with(client, server_config());
            let call = pair.call_tool("x");
            let request = pair.request();
            let misuse = pair
                .server
                .need_input(pair.now, request.id, &asked, Some("s"))
                .unwrap_err();
            let Misuse::MissingClientCapability(missing) = misuse else {
                panic!("{misuse}")
            };
            assert_eq!(*missing, needed);
            // The answer that goes with it, in the words of the revision.
            pair.reply_error(&request, RpcError::missing_client_capability(&missing));
            let error = pair.completed(call).of(call).unwrap().unwrap_err();
            let CallError::Rpc(error) = error else {
                panic!("{error}")
            };
            let expected = match is_modern(revision) {
                false => -32600,
                true => -32021,
            };
            assert_eq!(error.code, expected);
            let data: Value = error.data.unwrap().decode().unwrap();
            assert_eq!(
                data["requiredCapabilities"],
                serde_json::to_value(&needed).unwrap()
            );
            assert!(pair.is_quiet());
        }
    }
}

on_revisions! { MODERN;
    // `mrtr.caps`, `stateless.noprior`, `sampling.cap`
    fn capabilities_count_for_the_request_that_declares_them(revision) {
        let mut pair = Pair::open(revision);
        pair.to_server(request_of(
            revision,
            90,
            "tools/call",
            json!({"name": "a"}),
            json!({"roots": {}}),
        ));
        pair.to_server(request(revision, 91, "tools/call", json!({"name": "b"})));
        let (with, without) = (pair.request(), pair.request());
        let roots = InputRequests::new().roots("k");
        assert!(
            pair.server
                .need_input(pair.now, without.id, &roots, None)
                .is_err()
        );
        assert!(
            pair.server
                .need_input(pair.now, with.id, &roots, None)
                .is_ok()
        );
    }
}

on_every_revision! {
    // `roots.unsupported`, `sampling.cap`, `elicit.exists`, `mrtr.caps`, `roots.err.modern`
    fn a_client_is_asked_nothing_that_it_did_not_declare(revision) {
        let draft = json!({"maxTokens": 5, "messages": [{"role": "user", "content": {"type": "text", "text": "?"}}]});
        let form = json!({"message": "?", "requestedSchema": {"type": "object", "properties": {}}});
        let asked = [
            ("roots/list", json!({})),
            ("sampling/createMessage", draft),
            ("elicitation/create", form),
        ];
        for (method, params) in asked {
            let client = client_config(revision).capabilities(ClientCapabilities::new());
            let mut pair = Pair::open_with(client, server_config());
            let call = pair.call_tool("x");
            match is_modern(revision) {
                false => {
                    pair.to_client(
                        json!({"jsonrpc": "2.0", "id": "q", "method": method, "params": params})
                            .to_string(),
                    );
                    let answer = pair.last_of_client();
                    assert_eq!(answer["id"], "q");
                    assert_eq!(answer["error"]["code"], -32601, "{answer}");
                    assert!(pair.client_events.is_empty());
                }
                true => {
                    let id = pair.last_of_client()["id"].clone();
                    pair.forget();
                    pair.to_client(result(
                        id,
                        json!({"resultType": "input_required",
                        "inputRequests": {"k": {"method": method, "params": params}}}),
                    ));
                    let error = pair.completed(call).of(call).unwrap().unwrap_err();
                    assert!(matches!(error, CallError::InputRefused(_)), "{error}");
                    // Nobody is told: the request has been answered, and isn't sent again.
                    assert!(pair.wire.is_empty() && pair.client_events.is_empty());
                }
            }
        }
    }
}
