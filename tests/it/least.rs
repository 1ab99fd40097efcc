//! What limits leave room for whatever they are: an answer reaches its request, and one request is
//! possible, so that nothing waits for what can never come.

use mcp_proto::model::method::CallTool;
use mcp_proto::model::tool::CallToolParams;
use mcp_proto::session::{
    CallError, CallOptions, ClientEvent, ClientSession, ServerEvent, ServerSession,
};
use mcp_proto::{Limits, Revision};
use serde_json::json;

use support::pair::{client_config, server_config};
use support::script::{Script, completed, opening_result, result, tool_call, tool_result};
use support::{LEGACY, on_every_revision, on_revisions};

fn client(revision: Revision, limits: Limits) -> Script<ClientSession> {
    Script::client_with(revision, client_config(revision).limits(limits))
}

fn server(revision: Revision, limits: Limits) -> Script<ServerSession> {
    Script::server_with(revision, server_config().limits(limits))
}

on_every_revision! {
    // `base.resp.xor`
    fn an_answer_that_nests_too_deep_fails_its_call_wherever_its_id_stands(revision) {
        let deep = format!("{}1{}", "[".repeat(200), "]".repeat(200));
        let texts = [
            r#"{"jsonrpc":"2.0","id":ID,"result":{"a":DEEP}}"#,
            r#"{"result":{"a":DEEP},"jsonrpc":"2.0","id":ID}"#,
            r#"{"result":{"\"":DEEP,"id":7,"b":"\"]}"},"jsonrpc":"2.0", "id" : ID }"#,
            r#"{"jsonrpc":"2.0","error":{"code":1,"message":"m","data":DEEP},"id":ID}"#,
        ];
        for text in texts {
            let mut client = client(revision, Limits::default());
            let params = CallToolParams::new("x");
            client.session.call::<CallTool>(client.now, &params, CallOptions::new()).unwrap();
            let id = client.reply()["id"].to_string();
            client.feed(text.replace("ID", &id).replace("DEEP", &deep));
            let done = completed(&mut client);
            assert!(matches!(done.raw(), Err(CallError::BadResult { .. })), "{done:?}");
            assert!(client.sent().is_empty(), "{text}");
        }
        // A request is refused by its id.
        let mut server = server(revision, Limits::default());
        let asked = r#"{"params":{"a":DEEP},"jsonrpc":"2.0","method":"x","id":"r"}"#;
        server.feed(asked.replace("DEEP", &deep));
        assert_eq!(server.reply()["id"], "r");
    }
}

on_every_revision! {
    fn a_call_and_its_answer_are_possible_whatever_the_limits(revision) {
        let (mut no_calls, mut no_ids) = (Limits::default(), Limits::default());
        no_calls.calls = 0;
        no_ids.id = 0;
        for limits in [&no_calls, &no_ids] {
            let mut client = client(revision, limits.clone());
            let params = CallToolParams::new("x");
            let call = |client: &mut Script<ClientSession>| {
                client.session.call::<CallTool>(client.now, &params, CallOptions::new())
            };
            assert!(client.session.can_call());
            call(&mut client).unwrap();
            let id = client.reply()["id"].clone();
            client.feed_json(&result(&id, tool_result()));
            assert!(completed(&mut client).raw().is_ok());
            call(&mut client).unwrap();
        }
        let mut server = server(revision, no_calls);
        server.feed_json(&tool_call(revision, 1));
        assert!(matches!(server.take_events()[..], [ServerEvent::Request(_)]));
        server.feed_json(&tool_call(revision, 2));
        assert!(server.reply()["error"].is_object());
    }
}

on_revisions! { LEGACY;
    fn an_answer_to_an_opening_that_may_not_nest_ends_it(revision) {
        let mut limits = Limits::default();
        limits.depth = 0;
        let mut client = Script::fresh_client(client_config(revision).limits(limits));
        let id = client.reply()["id"].clone();
        client.feed_json(&result(&id, opening_result(revision, &json!({}))));
        assert!(matches!(client.take_events()[..], [ClientEvent::Closed(_)]));
    }
}
