//! How long a modern client may keep what it got.

use std::time::Duration;

use mcp_proto::model::completion::CompleteResult;
use mcp_proto::model::content::{ResourceContents, TextResourceContents};
use mcp_proto::model::discover::DiscoverParams;
use mcp_proto::model::input::InputRequests;
use mcp_proto::model::method::{
    CallTool, Complete, Discover, GetPrompt, ListPrompts, ListResourceTemplates, ListResources,
    ListRoots, ListTools, ReadResource,
};
use mcp_proto::model::page::{CacheScope, PaginatedRequestParams};
use mcp_proto::model::prompt::{GetPromptParams, GetPromptResult, ListPromptsResult};
use mcp_proto::model::resource::{
    ListResourceTemplatesResult, ListResourcesResult, ReadResourceParams, ReadResourceResult,
};
use mcp_proto::model::root::ListRootsResult;
use mcp_proto::model::tool::{CallToolResult, ListToolsResult};
use mcp_proto::rpc::Raw;
use serde_json::{Value, json};

use support::on_every_revision;
use support::pair::{Pair, client_config, server_config};
use support::scenario::{completing, is_modern, result};

fn hints(result: &Value) -> (Option<i64>, Option<&str>) {
    (result["ttlMs"].as_i64(), result["cacheScope"].as_str())
}

/// The results of the six methods that have hints, none of which says anything of them itself.
fn all_results(pair: &mut Pair) -> Vec<Value> {
    let first = PaginatedRequestParams::new();
    let mut results = Vec::new();
    let mut keep = |pair: &Pair| results.push(pair.last_of_server()["result"].clone());
    pair.call::<ListTools>(&first);
    let asked = pair.request();
    pair.reply::<ListTools>(&asked, &ListToolsResult::new(vec![]));
    keep(pair);
    pair.call::<ListPrompts>(&first);
    let asked = pair.request();
    pair.reply::<ListPrompts>(&asked, &ListPromptsResult::new(vec![]));
    keep(pair);
    pair.call::<ListResources>(&first);
    let asked = pair.request();
    pair.reply::<ListResources>(&asked, &ListResourcesResult::new(vec![]));
    keep(pair);
    pair.call::<ListResourceTemplates>(&first);
    let asked = pair.request();
    pair.reply::<ListResourceTemplates>(&asked, &ListResourceTemplatesResult::new(vec![]));
    keep(pair);
    pair.call::<ReadResource>(&ReadResourceParams::new("file:///a"));
    let asked = pair.request();
    pair.reply::<ReadResource>(&asked, &ReadResourceResult::new(vec![]));
    keep(pair);
    results
}

on_every_revision! {
    // `cache.where`, `cache.ttl`, `cache.scope`, `discover.cache`, `rtype.legacy`
    fn hints_are_where_they_have_to_be_and_nowhere_else(revision) {
        for (ttl, is_public, scope) in [(0, false, "private"), (60_000, true, "public")] {
            let server = server_config().ttl_ms(ttl).is_public(is_public);
            let mut pair = Pair::open_with(client_config(revision), server);
            let expected = match is_modern(revision) {
                true => (Some(ttl as i64), Some(scope)),
                false => (None, None),
            };
            for result in all_results(&mut pair) {
                assert_eq!(hints(&result), expected, "{result}");
            }
            if is_modern(revision) {
                pair.call::<Discover>(&DiscoverParams::new());
                assert_eq!(hints(&pair.last_of_server()["result"]), expected);
            }
            pair.call_tool("x");
            let asked = pair.request();
            pair.reply::<CallTool>(&asked, &CallToolResult::text("t"));
            assert_eq!(hints(&pair.last_of_server()["result"]), (None, None));
            pair.call::<GetPrompt>(&GetPromptParams::new("p"));
            let asked = pair.request();
            pair.reply::<GetPrompt>(&asked, &GetPromptResult::new(vec![]));
            assert_eq!(hints(&pair.last_of_server()["result"]), (None, None));
            pair.call::<Complete>(&completing(""));
            let asked = pair.request();
            pair.reply::<Complete>(&asked, &CompleteResult::new(["a"]));
            assert_eq!(hints(&pair.last_of_server()["result"]), (None, None));
        }
    }
}

on_every_revision! {
    // `cache.ttl`, `cache.scope`, `cache.where`
    fn what_a_result_says_itself_wins(revision) {
        let server = server_config().ttl_ms(9).is_public(false);
        let mut pair = Pair::open_with(client_config(revision), server);
        let call = pair.call::<ListTools>(&PaginatedRequestParams::new());
        let asked = pair.request();
        let own = ListToolsResult::new(vec![])
            .ttl_ms(5000)
            .cache_scope(CacheScope::Public);
        pair.reply::<ListTools>(&asked, &own);
        let done = pair.completed(call);
        let heard = done.of(call).unwrap().unwrap().cache_hints();
        let expected = if is_modern(revision) {
            (5000, true)
        } else {
            (0, false)
        };
        assert_eq!(
            (heard.lifetime, heard.shared),
            (Duration::from_millis(expected.0), expected.1)
        );
        // The one it doesn't say is added.
        let call = pair.call::<ReadResource>(&ReadResourceParams::new("file:///a"));
        let asked = pair.request();
        let text = ResourceContents::Text(TextResourceContents::new("file:///a", "t"));
        pair.reply::<ReadResource>(&asked, &ReadResourceResult::new(vec![text]).ttl_ms(7));
        let sent = pair.last_of_server();
        let expected = if is_modern(revision) {
            (Some(7), Some("private"))
        } else {
            (None, None)
        };
        assert_eq!(hints(&sent["result"]), expected);
        assert_eq!(
            sent.to_string().matches("ttlMs").count(),
            usize::from(is_modern(revision))
        );
        assert!(pair.completed(call).of(call).unwrap().is_ok());
        // The same holds for a result that is JSON already.
        pair.call::<ListTools>(&PaginatedRequestParams::new());
        let asked = pair.request();
        let raw = Raw::new(r#"{"tools":[],"cacheScope":"public"}"#).unwrap();
        pair.server.reply_raw(pair.now, asked.id, &raw).unwrap();
        if is_modern(revision) {
            pair.drive();
            assert_eq!(
                hints(&pair.last_of_server()["result"]),
                (Some(9), Some("public"))
            );
        }
    }
}

on_every_revision! {
    // `cache.ttl`
    fn a_time_before_now_goes_out_as_none(revision) {
        let mut pair = Pair::open(revision);
        pair.call::<ListTools>(&PaginatedRequestParams::new());
        let asked = pair.request();
        pair.reply::<ListTools>(&asked, &ListToolsResult::new(vec![]).ttl_ms(-5));
        let expected = is_modern(revision).then_some(0);
        assert_eq!(hints(&pair.last_of_server()["result"]).0, expected);
    }
}

on_every_revision! {
    // `cache.pages.scope`
    fn all_pages_of_a_list_have_one_scope(revision) {
        let mut pair = Pair::open_with(client_config(revision), server_config().is_public(true));
        let mut scopes = Vec::new();
        for cursor in [None, Some("2"), Some("3")] {
            let mut params = PaginatedRequestParams::new();
            params.cursor = cursor.map(Into::into);
            pair.call::<ListTools>(&params);
            let asked = pair.request();
            pair.reply::<ListTools>(&asked, &ListToolsResult::new(vec![]).next_cursor("n"));
            let sent = pair.last_of_server();
            scopes.push(sent["result"]["cacheScope"].clone());
        }
        let expected = if is_modern(revision) {
            json!("public")
        } else {
            Value::Null
        };
        assert!(scopes.iter().all(|scope| *scope == expected), "{scopes:?}");
    }
}

on_every_revision! {
    // `cache.absent`, `cache.scope`, `cache.zero`
    fn hints_that_make_no_sense_count_as_none(revision) {
        let cases = [
            (json!({}), 0, false),
            (json!({"ttlMs": -1, "cacheScope": "shared"}), 0, false),
            (json!({"ttlMs": "soon", "cacheScope": null}), 0, false),
            (json!({"ttlMs": 0, "cacheScope": "public"}), 0, true),
            (json!({"ttlMs": 1500, "cacheScope": "private"}), 1500, false),
        ];
        for (mut body, lifetime, shared) in cases {
            let mut pair = Pair::open(revision);
            let call = pair.call::<ListTools>(&PaginatedRequestParams::new());
            let id = pair.last_of_client()["id"].clone();
            body["tools"] = json!([]);
            pair.to_client(result(id, body));
            let done = pair.completed(call);
            let hints = done.of(call).unwrap().unwrap().cache_hints();
            assert_eq!(
                (hints.lifetime, hints.shared),
                (Duration::from_millis(lifetime), shared)
            );
        }
    }
}

on_every_revision! {
    // `cache.key`, `cache.nomrtr`, `mrtr.nocache`, `cache.private`, `cache.optional`,
    // `cache.nopoll`, `cache.early`
    fn a_session_keeps_no_results_so_every_call_is_made(revision) {
        let server = server_config().ttl_ms(1_000_000).is_public(true);
        let mut pair = Pair::open_with(client_config(revision), server);
        for (uri, text) in [("file:///a", "1"), ("file:///b", "2"), ("file:///a", "3")] {
            let call = pair.call::<ReadResource>(&ReadResourceParams::new(uri));
            let mut asked = pair.request();
            assert_eq!(asked.target().as_deref(), Some(uri));
            if text == "1" {
                // The first read takes a round of input.
                pair.need(&asked, &InputRequests::new().roots("k"), Some("s"));
                let input = pair.input();
                pair.answer::<ListRoots>(&input, &ListRootsResult::new(vec![]));
                asked = pair.request();
            }
            let contents = ResourceContents::Text(TextResourceContents::new(uri, text));
            pair.reply::<ReadResource>(&asked, &ReadResourceResult::new(vec![contents]));
            let done = pair.completed(call);
            let read = done.of(call).unwrap().unwrap();
            let ResourceContents::Text(read) = &read.contents[0] else {
                panic!()
            };
            assert_eq!(read.text, text);
        }
        // Nor does it ask by itself once something is stale.
        pair.forget();
        assert_eq!(pair.client.open_calls(), 0);
        pair.pass(Duration::from_secs(100_000));
        assert!(pair.wire.is_empty() && pair.is_quiet());
    }
}
