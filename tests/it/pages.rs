//! Lists that come in pages.

use mcp_proto::model::completion::CompleteResult;
use mcp_proto::model::method::{
    CallTool, Complete, ListPrompts, ListResourceTemplates, ListResources, ListTools, Method,
};
use mcp_proto::model::page::{PageError, PageGuard, PaginatedRequestParams};
use mcp_proto::model::tool::{CallToolParams, ListToolsResult, NO_ARGUMENTS_SCHEMA, Tool};
use mcp_proto::rpc::{RpcError, Text};
use mcp_proto::session::{CallError, Request};
use serde_json::{Value, json};

use support::on_every_revision;
use support::pair::Pair;
use support::scenario::{completing, request, result};

fn tools(names: &[&'static str]) -> Vec<Tool<'static>> {
    let tool = |name: &&'static str| Tool::new(*name, NO_ARGUMENTS_SCHEMA);
    names.iter().map(tool).collect()
}

/// The cursor that a request for a page came with.
fn cursor(request: &Request) -> Option<String> {
    let params = request.params::<ListTools>().unwrap();
    params.cursor.map(Text::into_string)
}

/// Lists all tools, page by page, as `serve` gives them; the names, and the length of each page.
fn list_all(
    pair: &mut Pair,
    guard: &mut PageGuard,
    serve: impl Fn(Option<&str>) -> ListToolsResult<'static>,
) -> Result<(Vec<String>, Vec<usize>), PageError> {
    let (mut names, mut lengths) = (Vec::new(), Vec::new());
    let mut params = PaginatedRequestParams::new();
    loop {
        let call = pair.call::<ListTools>(&params);
        let asked = pair.request();
        pair.reply::<ListTools>(&asked, &serve(cursor(&asked).as_deref()));
        let done = pair.completed(call);
        let page = done.of(call).unwrap().unwrap();
        lengths.push(page.tools.len());
        names.extend(page.tools.iter().map(|tool| tool.name.to_string()));
        match guard.advance(page.next_cursor)? {
            Some(next) => params = PaginatedRequestParams::new().cursor(next.into_owned()),
            None => return Ok((names, lengths)),
        }
    }
}

on_every_revision! {
    // `page.opaque`, `page.end`, `page.size`, `page.empty.cursor`, `page.stable`, `tools.list.paginate`
    fn pages_of_any_length_follow_each_other_to_the_end(revision) {
        let mut pair = Pair::open(revision);
        let serve = |cursor: Option<&str>| match cursor {
            None => ListToolsResult::new(tools(&["a", "b", "c"])).next_cursor(""),
            Some("") => ListToolsResult::new(vec![]).next_cursor("é\"\\\u{1} {}"),
            Some("é\"\\\u{1} {}") => ListToolsResult::new(tools(&["d"])).next_cursor(" 0 "),
            Some(" 0 ") => ListToolsResult::new(tools(&["e", "f"])),
            other => panic!("{other:?}"),
        };
        for _ in 0..2 {
            let mut guard = PageGuard::new(10);
            let (names, lengths) = list_all(&mut pair, &mut guard, serve).unwrap();
            assert_eq!(names, ["a", "b", "c", "d", "e", "f"]);
            assert_eq!(lengths, [3, 0, 1, 2]);
        }
    }
}

on_every_revision! {
    // `page.both`, `page.end`
    fn a_list_in_one_piece_is_one_page(revision) {
        let mut pair = Pair::open(revision);
        let mut guard = PageGuard::new(1);
        let serve = |_: Option<&str>| ListToolsResult::new(tools(&["a"]));
        assert_eq!(list_all(&mut pair, &mut guard, serve).unwrap().1, [1]);
    }
}

on_every_revision! {
    // `page.opaque`, `page.null`
    fn a_cursor_is_echoed_and_null_is_none(revision) {
        let mut pair = Pair::open(revision);
        for (next, expected) in [
            (json!(null), None),
            (json!("\u{e9}\n"), Some("\u{e9}\n")),
            (json!(""), Some("")),
        ] {
            let call = pair.call::<ListTools>(&PaginatedRequestParams::new());
            let id = pair.last_of_client()["id"].clone();
            pair.to_client(result(id, json!({"tools": [], "nextCursor": next})));
            let done = pair.completed(call);
            let page = done.of(call).unwrap().unwrap();
            assert_eq!(page.next_cursor.as_deref(), expected);
            if let Some(next) = page.next_cursor {
                pair.call::<ListTools>(&PaginatedRequestParams::new().cursor(next));
                assert_eq!(pair.last_of_client()["params"]["cursor"], expected.unwrap());
            }
        }
        // What has no cursor doesn't write one, not even null.
        pair.call::<ListTools>(&PaginatedRequestParams::new());
        let sent = pair.last_of_client();
        assert!(sent["params"].get("cursor").is_none(), "{sent}");
    }
}

on_every_revision! {
    // `page.loopguard`
    fn a_listing_that_would_never_end_is_given_up(revision) {
        let mut pair = Pair::open(revision);
        let mut guard = PageGuard::new(100);
        let serve = |_: Option<&str>| ListToolsResult::new(vec![]).next_cursor("again");
        let error = list_all(&mut pair, &mut guard, serve).unwrap_err();
        assert_eq!(error, PageError::RepeatedCursor);
        let mut guard = PageGuard::new(3);
        let serve = |cursor: Option<&str>| {
            ListToolsResult::new(vec![]).next_cursor(format!("{}x", cursor.unwrap_or_default()))
        };
        let error = list_all(&mut pair, &mut guard, serve).unwrap_err();
        assert_eq!(error, PageError::TooManyPages { limit: 3 });
    }
}

/// Whether the handler of a listing sees the cursor that the client sends.
fn is_paged<M: Method>(pair: &mut Pair, params: &M::Params<'_>) -> bool {
    pair.call::<M>(params);
    let asked = pair.request();
    cursor(&asked).as_deref() == Some("here")
}

on_every_revision! {
    // `page.methods`
    fn the_four_lists_come_in_pages(revision) {
        let mut pair = Pair::open(revision);
        let here = PaginatedRequestParams::new().cursor("here");
        assert!(is_paged::<ListTools>(&mut pair, &here));
        assert!(is_paged::<ListPrompts>(&mut pair, &here));
        assert!(is_paged::<ListResources>(&mut pair, &here));
        assert!(is_paged::<ListResourceTemplates>(&mut pair, &here));
        // Nothing else has a cursor to send.
        pair.call::<CallTool>(&CallToolParams::new("x"));
        assert!(pair.last_of_client()["params"].get("cursor").is_none());
        let call = pair.call::<Complete>(&completing(""));
        assert!(pair.last_of_client()["params"].get("cursor").is_none());
        pair.request();
        let asked = pair.request();
        pair.reply::<Complete>(&asked, &CompleteResult::new(["a"]));
        assert!(pair.completed(call).of(call).unwrap().is_ok());
    }
}

on_every_revision! {
    // `page.invalid`
    fn a_cursor_that_is_none_is_an_error(revision) {
        let mut pair = Pair::open(revision);
        let methods = [
            "tools/list",
            "prompts/list",
            "resources/list",
            "resources/templates/list",
        ];
        for (n, method) in methods.into_iter().enumerate() {
            for (m, bad) in [json!(5), json!({}), json!("c".repeat(8193))]
                .into_iter()
                .enumerate()
            {
                pair.to_server(request(
                    revision,
                    100 * n + m + 60,
                    method,
                    json!({"cursor": bad}),
                ));
                assert_eq!(pair.last_of_server()["error"]["code"], -32602, "{method}");
            }
        }
        assert!(pair.server_events.is_empty());
        // One that the server doesn't know is the handler's to refuse.
        let mut pair = Pair::open(revision);
        let call = pair.call::<ListTools>(&PaginatedRequestParams::new().cursor("forged"));
        let asked = pair.request();
        pair.reply_error(&asked, RpcError::invalid_params("Invalid cursor"));
        let error = pair.completed(call).of(call).unwrap().unwrap_err();
        assert!(matches!(error, CallError::Rpc(error) if error.code == -32602));
    }
}

on_every_revision! {
    // `page.nosession`
    fn a_new_session_begins_with_the_first_page(revision) {
        let mut pair = Pair::open(revision);
        let call = pair.call::<ListTools>(&PaginatedRequestParams::new());
        let asked = pair.request();
        pair.reply::<ListTools>(&asked, &ListToolsResult::new(vec![]).next_cursor("old"));
        pair.completed(call);
        pair.client.close(pair.now);
        let mut pair = Pair::open(revision);
        pair.call::<ListTools>(&PaginatedRequestParams::new());
        assert_eq!(cursor(&pair.request()), None);
        assert!(!pair.wire.iter().any(|(_, frame)| frame.contains("old")));
        assert_ne!(pair.last_of_client()["method"], Value::Null);
    }
}
