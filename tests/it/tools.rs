//! Tools: listing and calling them, and telling that their list has changed.

use mcp_proto::Revision;
use mcp_proto::model::capability::ServerCapabilities;
use mcp_proto::model::content::ContentBlock;
use mcp_proto::model::method::{CallTool, ListTools, ServerCapability};
use mcp_proto::model::page::PaginatedRequestParams;
use mcp_proto::model::tool::{
    CallToolParams, CallToolResult, ListToolsResult, NO_ARGUMENTS_SCHEMA, Tool,
};
use mcp_proto::rpc::{Raw, RpcError};
use mcp_proto::session::{
    CallError, CallOptions, Capability, Change, ClientEvent, Misuse, ServerConfig,
};
use serde_json::json;

use support::pair::{Pair, client_config, server_config};
use support::scenario::{request, result, since};
use support::{on_every_revision, on_revisions};

on_every_revision! {
    // `tools.cap`, `tools.list.respond`
    fn a_server_without_tools_has_no_tool_methods(revision) {
        let bare = ServerConfig::new("bare", "1");
        let mut pair = Pair::open_with(client_config(revision), bare);
        assert!(pair.client.server_capabilities().unwrap().tools.is_none());
        let misuse = pair.misuse::<ListTools>(&PaginatedRequestParams::new());
        assert!(
            matches!(misuse, Misuse::NotDeclaredByPeer(ServerCapability::Tools)),
            "{misuse}"
        );
        pair.to_server(request(revision, 70, "tools/list", json!({})));
        pair.to_server(request(revision, 71, "tools/call", json!({"name": "x"})));
        for answer in pair.sent_by_server().iter().rev().take(2) {
            assert_eq!(answer["error"]["code"], -32601, "{answer}");
        }
        assert!(pair.server_events.is_empty());
    }
}

on_every_revision! {
    // `tools.cap`, `tools.list.respond`, `tools.list.paginate`
    fn an_empty_registry_lists_no_tools(revision) {
        let server =
            ServerConfig::new("s", "1").capabilities(ServerCapabilities::new().tools(false));
        let mut pair = Pair::open_with(client_config(revision), server);
        assert!(pair.client.server_capabilities().unwrap().tools.is_some());
        let call = pair.call::<ListTools>(&PaginatedRequestParams::new());
        let asked = pair.request();
        pair.reply::<ListTools>(&asked, &ListToolsResult::new(vec![]));
        assert_eq!(pair.last_of_server()["result"]["tools"], json!([]));
        let done = pair.completed(call);
        let listed = done.of(call).unwrap().unwrap();
        assert!(listed.tools.is_empty() && listed.next_cursor.is_none());
    }
}

on_every_revision! {
    // Nearly all clients look for `properties`, and some fail without it. `tools.def.noparams`
    fn a_tool_without_arguments_says_on_the_wire_that_it_has_no_properties(revision) {
        let mut pair = Pair::open(revision);
        pair.call::<ListTools>(&PaginatedRequestParams::new());
        let asked = pair.request();
        let tool = Tool::new("now", NO_ARGUMENTS_SCHEMA);
        pair.reply::<ListTools>(&asked, &ListToolsResult::new(vec![tool]));
        let schema = pair.last_of_server()["result"]["tools"][0]["inputSchema"].clone();
        let expected = json!({"type": "object", "properties": {}, "additionalProperties": false});
        assert_eq!(schema, expected);
    }
}

on_every_revision! {
    // `tools.list.order`, `tools.list.noconn`
    fn a_listing_is_what_the_server_said_in_its_order_on_every_connection(revision) {
        let tools = || {
            ["b", "a", "c"]
                .map(|name| Tool::new(name, NO_ARGUMENTS_SCHEMA))
                .to_vec()
        };
        let mut listings = Vec::new();
        for calls_before in [0, 3] {
            let mut pair = Pair::open(revision);
            for _ in 0..calls_before {
                let call = pair.call_tool("b");
                let request = pair.request();
                pair.reply_text(&request, "done");
                pair.completed(call);
            }
            let call = pair.call::<ListTools>(&PaginatedRequestParams::new());
            let asked = pair.request();
            pair.reply::<ListTools>(&asked, &ListToolsResult::new(tools()));
            let done = pair.completed(call);
            listings.push(done.raw().unwrap().as_str().to_string());
            let listed = done.of(call).unwrap().unwrap();
            let names: Vec<_> = listed.tools.iter().map(|tool| tool.name.as_str()).collect();
            assert_eq!(names, ["b", "a", "c"]);
        }
        assert_eq!(listings[0], listings[1]);
    }
}

on_every_revision! {
    // `tools.call.unknown`, `tools.call.exec.llm`
    fn an_unknown_tool_is_an_error_of_the_protocol(revision) {
        let mut pair = Pair::open(revision);
        let call = pair.call_tool("nope");
        let asked = pair.request();
        pair.reply_error(&asked, RpcError::invalid_params("Unknown tool: nope"));
        let done = pair.completed(call);
        let error = done.of(call).unwrap().unwrap_err();
        assert!(
            matches!(&error, CallError::Rpc(error) if error.code == -32602),
            "{error}"
        );
        // A failure of the tool itself is a result, for the model to read.
        let call = pair.call_tool("fails");
        let asked = pair.request();
        pair.reply::<CallTool>(&asked, &CallToolResult::error("no such file"));
        let done = pair.completed(call);
        let result = done.of(call).unwrap().unwrap();
        assert!(result.failed());
        assert_eq!(result.content[0].as_text(), Some("no such file"));
    }
}

on_every_revision! {
    // `tools.call.malformed`, `tools.call.params`
    fn a_malformed_call_never_reaches_the_handler(revision) {
        let mut pair = Pair::open(revision);
        let bad = [
            json!({}),
            json!({"name": 5}),
            json!({"name": "x", "arguments": []}),
            json!({"name": "x", "arguments": "y"}),
            json!({"name": "n".repeat(1025)}),
        ];
        for (n, params) in bad.into_iter().enumerate() {
            pair.to_server(request(revision, 80 + n, "tools/call", params));
            let answer = pair.last_of_server();
            assert_eq!(answer["error"]["code"], -32602, "{answer}");
            assert_eq!(answer["id"], 80 + n);
        }
        assert!(pair.server_events.is_empty());
    }
}

on_revisions! { since(Revision::V2025_06_18);
    // `tools.output.iserror`, `tools.struct.text`
    fn a_failure_needs_no_structured_content(revision) {
        let mut pair = Pair::open(revision);
        let call = pair.call_tool("typed");
        let asked = pair.request();
        pair.reply::<CallTool>(&asked, &CallToolResult::error("no forecast"));
        let sent = pair.last_of_server();
        assert!(sent["result"].get("structuredContent").is_none());
        let done = pair.completed(call);
        let result = done.of(call).unwrap().unwrap();
        assert!(result.failed() && result.structured_content.is_none());
        let call = pair.call_tool("typed");
        let asked = pair.request();
        let structured = CallToolResult::structured(&json!({"degrees": 21})).unwrap();
        pair.reply::<CallTool>(&asked, &structured);
        let done = pair.completed(call);
        let result = done.of(call).unwrap().unwrap();
        assert_eq!(
            result.structured_content.unwrap().as_str(),
            r#"{"degrees":21}"#
        );
        assert_eq!(result.content[0].as_text(), Some(r#"{"degrees":21}"#));
    }
}

on_every_revision! {
    // `tools.struct.obj`, `tools.struct.any`
    fn structured_content_that_is_no_object_goes_to_peers_that_know_it(revision) {
        let mut pair = Pair::open(revision);
        for value in ["[1,2]", "null", "7"] {
            let call = pair.call_tool("list");
            let asked = pair.request();
            let json: serde_json::Value = serde_json::from_str(value).unwrap();
            pair.reply::<CallTool>(&asked, &CallToolResult::structured(&json).unwrap());
            let done = pair.completed(call);
            let result = done.of(call).unwrap().unwrap();
            let expected = (revision >= Revision::V2026_07_28).then_some(value);
            assert_eq!(
                result.structured_content.as_ref().map(Raw::as_str),
                expected
            );
            // The text says the same to everybody.
            assert_eq!(result.content[0].as_text(), Some(value));
        }
    }
}

on_every_revision! {
    // `tools.call.result`
    fn a_result_may_be_empty_and_a_missing_content_reads_as_empty(revision) {
        let mut pair = Pair::open(revision);
        let call = pair.call_tool("silent");
        let asked = pair.request();
        pair.reply::<CallTool>(&asked, &CallToolResult::new(vec![]));
        assert_eq!(pair.last_of_server()["result"]["content"], json!([]));
        assert!(
            pair.completed(call)
                .of(call)
                .unwrap()
                .unwrap()
                .content
                .is_empty()
        );
        let call = pair.call_tool("older");
        let id = pair.last_of_client()["id"].clone();
        pair.to_client(result(id, json!({})));
        let done = pair.completed(call);
        let result = done.of(call).unwrap().unwrap();
        assert!(result.content.is_empty() && !result.failed());
    }
}

on_every_revision! {
    streams;
    // `tools.changed`, `caps.listchanged.emit`
    fn a_changed_list_is_told_to_those_who_want_to_know(revision) {
        let mut pair = Pair::open(revision);
        let filter =
            mcp_proto::model::subscription::SubscriptionFilter::new().tools_list_changed(true);
        let subscription = pair.subscribe(&filter);
        pair.server.changed(pair.now, Change::Tools).unwrap();
        pair.drive();
        match pair.client_event() {
            ClientEvent::Changed {
                change,
                subscription: tagged,
                ..
            } => {
                assert_eq!(change, Change::Tools);
                assert_eq!(tagged, Some(subscription));
            }
            other => panic!("{other:?}"),
        }
        assert!(pair.is_quiet());
        let quiet =
            ServerConfig::new("s", "1").capabilities(ServerCapabilities::new().tools(false));
        let mut pair = Pair::open_with(client_config(revision), quiet);
        let misuse = pair.server.changed(pair.now, Change::Tools).unwrap_err();
        assert!(
            matches!(misuse, Misuse::NotDeclared(Capability::Server(ServerCapability::ToolsListChanged))),
            "{misuse}"
        );
        pair.drive();
        assert!(pair.is_quiet());
    }
}

on_every_revision! {
    // `data.content.resource`
    fn a_tool_may_hand_out_resources(revision) {
        let mut pair = Pair::open(revision);
        let call = pair.call_tool("show");
        let asked = pair.request();
        let text = mcp_proto::model::content::TextResourceContents::new("file:///a", "hello");
        let block = ContentBlock::resource(mcp_proto::model::content::ResourceContents::Text(text));
        pair.reply::<CallTool>(&asked, &CallToolResult::new(vec![block]));
        assert_eq!(
            pair.last_of_server()["result"]["content"][0]["type"],
            "resource"
        );
        let done = pair.completed(call);
        let result = done.of(call).unwrap().unwrap();
        assert!(matches!(result.content[0], ContentBlock::Resource(_)));
    }
}

on_every_revision! {
    fn calls_are_answered_in_any_order(revision) {
        let mut pair = Pair::open(revision);
        let first = pair.call_tool("slow");
        let second = pair.call_tool("fast");
        let slow = pair.request();
        let fast = pair.request();
        pair.reply_text(&fast, "2");
        pair.reply_text(&slow, "1");
        assert_eq!(pair.text_of(second), "2");
        assert_eq!(pair.text_of(first), "1");
        assert!(pair.is_quiet());
    }
}

on_every_revision! {
    // `tools.call.params`
    fn a_call_without_arguments_has_an_empty_object_of_them(revision) {
        let mut pair = Pair::open_with(client_config(revision), server_config());
        pair.client
            .call::<CallTool>(pair.now, &CallToolParams::new("x"), CallOptions::new())
            .unwrap();
        pair.drive();
        assert!(pair.last_of_client()["params"].get("arguments").is_none());
        assert_eq!(pair.request().arguments().as_str(), "{}");
    }
}

on_every_revision! {
    // `tools.def.fields`, `tools.struct.obj`
    fn structured_content_goes_to_older_peers_unless_the_server_says_otherwise(revision) {
        for keeps in [true, false] {
            let mut pair = Pair::open_with(
                client_config(revision),
                server_config().keeps_structured(keeps),
            );
            pair.checked.allow_structured(keeps);
            let expected = keeps || revision >= Revision::V2025_06_18;
            let call = pair.call_tool("typed");
            let asked = pair.request();
            let structured = CallToolResult::structured(&json!({"degrees": 21})).unwrap();
            pair.reply::<CallTool>(&asked, &structured);
            let sent = pair.last_of_server();
            assert_eq!(sent["result"].get("structuredContent").is_some(), expected);
            let done = pair.completed(call);
            let result = done.of(call).unwrap().unwrap();
            assert_eq!(result.structured_content.is_some(), expected);
            let call = pair.call::<ListTools>(&PaginatedRequestParams::new());
            let asked = pair.request();
            let schema = Raw::new(r#"{"type":"object"}"#).unwrap();
            let tool = Tool::new("typed", NO_ARGUMENTS_SCHEMA).output_schema(schema).title("T");
            pair.reply::<ListTools>(&asked, &ListToolsResult::new(vec![tool]));
            let sent = pair.last_of_server()["result"]["tools"][0].clone();
            assert_eq!(sent.get("outputSchema").is_some(), expected);
            let has_title = revision >= Revision::V2025_06_18;
            assert_eq!(sent.get("title").is_some(), has_title, "nothing else is kept");
            assert!(pair.completed(call).of(call).is_some());
        }
    }
}
