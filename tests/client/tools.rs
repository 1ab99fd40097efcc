//! Listing and calling tools (rows T1 to T11, T25 to T27).

use std::sync::{Arc, Mutex};
use std::time::Duration;

use mcp_proto::client::{
    ClientError, Listed, NameConflict, Operation, Output, Prefix, ToolCall, ToolFailure, ToolSet,
};
use mcp_proto::model::meta::Meta;
use mcp_proto::model::page::PageError;
use mcp_proto::model::tool::Tool;
use serde_json::{Value, json};

use support::carrier::by_every_route;
use support::client::{Script, call, everything, legacy};

fn tool(name: &str) -> Value {
    json!({"name": name, "inputSchema": {"type": "object"}})
}

fn page(names: &[&str]) -> Value {
    json!({"tools": names.iter().map(|name| tool(name)).collect::<Vec<_>>()})
}

fn tools(output: Output) -> Listed<Tool<'static>> {
    match output {
        Output::Tools(tools) => tools,
        other => panic!("{other:?}"),
    }
}

fn names(tools: &[Tool<'_>]) -> Vec<String> {
    tools.iter().map(|tool| tool.name.to_string()).collect()
}

/// Lists tools without asking.
fn kept(script: &mut Script) -> Option<Listed<Tool<'static>>> {
    let id = script.start(Operation::ListTools);
    let kept = script.end(id);
    if kept.is_none() {
        script.client.cancel(script.now, id);
        script.drain();
        script.sent.clear();
    }
    kept.map(|outcome| tools(outcome.unwrap()))
}

#[test]
fn t1_list_follows_all_pages_in_order() {
    for _way in by_every_route() {
        let mut script = Script::legacy();
        let id = script.start(Operation::ListTools);
        let first = script.expect("tools/list");
        assert_eq!(first["params"].get("cursor"), None);
        let mut with_cursor = page(&["b", "a"]);
        with_cursor["nextCursor"] = json!("more");
        script.result(&first, with_cursor.clone());
        let second = script.expect("tools/list");
        assert_eq!(second["params"]["cursor"], "more");
        script.result(&second, page(&["c"]));
        let listed = tools(script.end(id).unwrap().unwrap());
        assert_eq!(names(&listed), ["b", "a", "c"]);

        // A server that gives the same cursor for ever is stopped.
        let mut script = Script::legacy();
        let id = script.start(Operation::ListTools);
        for _ in 0..2 {
            let asked = script.expect("tools/list");
            script.result(&asked, with_cursor.clone());
        }
        let error = script.end(id).unwrap().unwrap_err();
        assert_eq!(error, ClientError::Page(PageError::RepeatedCursor));
    }
}

// `cache.pages`
#[test]
fn t1_list_begins_anew_once_when_its_cursor_has_become_invalid() {
    for _way in by_every_route() {
        let mut script = Script::legacy();
        let id = script.start(Operation::ListTools);
        for _ in 0..2 {
            let asked = script.expect("tools/list");
            let mut with_cursor = page(&["a"]);
            with_cursor["nextCursor"] = json!("old");
            script.result(&asked, with_cursor);
            let asked = script.expect("tools/list");
            script.error(&asked, json!({"code": -32602, "message": "Invalid cursor"}));
        }
        let error = script.end(id).unwrap().unwrap_err();
        assert_eq!(error.to_string(), "Invalid cursor (code: -32602)");
    }
}

#[test]
fn t2_list_is_kept_until_it_changes() {
    for _way in by_every_route() {
        let mut script = Script::legacy();
        let first = tools(script.answered(Operation::ListTools, page(&["a"])).unwrap());
        let second = kept(&mut script).expect("it is kept");
        assert!(first.is_same(&second));
        // The server need not have announced that it would tell.
        script.notify("notifications/tools/list_changed");
        assert_eq!(kept(&mut script), None);

        let mut script = Script::with(legacy().cache_tools(false), everything());
        script.answered(Operation::ListTools, page(&["a"])).unwrap();
        assert_eq!(kept(&mut script), None);
    }
}

#[test]
fn t3_list_that_changed_under_way_is_not_kept() {
    for _way in by_every_route() {
        let mut script = Script::legacy();
        let id = script.start(Operation::ListTools);
        let asked = script.expect("tools/list");
        script.notify("notifications/tools/list_changed");
        script.result(&asked, page(&["old"]));
        assert_eq!(names(&tools(script.end(id).unwrap().unwrap())), ["old"]);
        assert_eq!(kept(&mut script), None);
    }
}

#[test]
fn t4_list_is_forgotten_before_the_call_that_changed_it_returns() {
    for _way in by_every_route() {
        let mut script = Script::legacy();
        script.answered(Operation::ListTools, page(&["a"])).unwrap();
        let id = script.start(call("grow", json!({})));
        let asked = script.expect("tools/call");
        script.notify("notifications/tools/list_changed");
        script.result(&asked, json!({"content": []}));
        assert!(script.end(id).is_some());
        assert_eq!(kept(&mut script), None);
    }
}

// `cache.fresh` `cache.zero` `cache.absent` `cache.notify`
#[test]
fn t2_modern_list_is_kept_for_its_ttl() {
    for _way in by_every_route() {
        let mut script = Script::modern();
        script.answered(Operation::ListTools, page(&["a"])).unwrap();
        assert_eq!(kept(&mut script), None, "nothing said is no time at all");
        let listed = |ttl: i64| {
            let mut result = page(&["a"]);
            result["ttlMs"] = json!(ttl);
            result["cacheScope"] = json!("private");
            result
        };
        script.answered(Operation::ListTools, listed(0)).unwrap();
        assert_eq!(kept(&mut script), None);
        script.answered(Operation::ListTools, listed(5000)).unwrap();
        script.wait(Duration::from_millis(4999));
        assert!(kept(&mut script).is_some());
        script.wait(Duration::from_millis(1));
        assert_eq!(kept(&mut script), None);
        script.answered(Operation::ListTools, listed(5000)).unwrap();
        script.notify("notifications/tools/list_changed");
        assert_eq!(kept(&mut script), None);
    }
}

#[test]
fn t5_definitions_keep_all_that_the_server_says() {
    for _way in by_every_route() {
        let mut script = Script::legacy();
        let defined = json!({"tools": [{
        "name": "a", "description": "", "inputSchema": {"type": "object", "x": 1},
        "outputSchema": {"type": "object"}, "annotations": {"readOnlyHint": true, "later": 1},
        "_meta": {"k": 1}}]});
        let listed = tools(script.answered(Operation::ListTools, defined).unwrap());
        let tool = &listed[0];
        assert_eq!(tool.description.as_deref(), Some(""));
        assert_eq!(
            tool.input_schema.decode::<Value>().unwrap(),
            json!({"type": "object", "x": 1})
        );
        assert!(tool.output_schema.is_some());
        let annotations = tool.annotations.as_ref().unwrap();
        assert_eq!(annotations.read_only_hint, Some(true));
        assert_eq!(annotations.other[0].0, "later");
        assert!(tool.meta.is_some());
    }
}

#[test]
fn t6_prefix_stands_before_names() {
    assert_eq!(Prefix::new("foo").add("bar").as_deref(), Some("foo_bar"));
    assert_eq!(Prefix::new("").add("bar").as_deref(), Some("bar"));
    assert_eq!(Prefix::default().add(""), None);
    assert_eq!(Prefix::new("foo").add("").as_deref(), Some("foo_"));
}

#[test]
fn t7_prefix_is_taken_off_and_may_be_missing() {
    for _way in by_every_route() {
        let mut script = Script::with(legacy().tool_prefix("foo"), everything());
        for (called, sent) in [
            ("foo_bar", "bar"),
            ("bar", "bar"),
            ("foo_foo_bar", "foo_bar"),
            ("foobar", "foobar"),
        ] {
            script.start(call(called, json!({})));
            assert_eq!(script.expect("tools/call")["params"]["name"], sent);
        }
        script.start(Operation::DirectCallTool(ToolCall::new("foo_bar")));
        assert_eq!(script.expect("tools/call")["params"]["name"], "foo_bar");
    }
}

#[test]
fn t9_meta_is_sent_verbatim_and_not_when_it_is_empty() {
    for _way in by_every_route() {
        let mut script = Script::legacy();
        let meta = Meta::new()
            .with("progressToken", "mine")
            .with("a.b/c", &json!({"z": 1, "a": [2]}));
        script.start(Operation::CallTool(ToolCall::new("t").meta(meta)));
        let sent = script.expect("tools/call");
        assert_eq!(
            sent["params"]["_meta"],
            json!({"progressToken": "mine", "a.b/c": {"z": 1, "a": [2]}})
        );
        for call in [ToolCall::new("t"), ToolCall::new("t").meta(Meta::new())] {
            script.start(Operation::CallTool(call));
            assert_eq!(script.expect("tools/call")["params"].get("_meta"), None);
        }
    }
}

#[test]
fn t10_arguments_are_always_an_object() {
    for _way in by_every_route() {
        let mut script = Script::legacy();
        script.start(Operation::CallTool(ToolCall::new("t")));
        assert_eq!(
            script.expect("tools/call")["params"]["arguments"],
            json!({})
        );
    }
}

#[test]
fn t11_arguments_are_not_checked_but_for_being_an_object() {
    for _way in by_every_route() {
        let mut script = Script::legacy();
        script.start(call("t", json!({"not": "in the schema"})));
        assert_eq!(
            script.expect("tools/call")["params"]["arguments"],
            json!({"not": "in the schema"})
        );
        let error = ToolCall::new("t").arguments(json!([1])).unwrap_err();
        assert!(matches!(error, ClientError::Arguments(_)));
    }
}

#[test]
fn t25_retries_are_offered_to_who_runs_the_model() {
    assert_eq!(legacy().max_retries, 1);
    assert_eq!(legacy().max_retries(0).max_retries, 0);
    let retry = ClientError::from(ToolFailure::new("try 3"));
    assert_eq!(retry.retry_message().as_deref(), Some("try 3"));
    assert_eq!(retry.to_string(), "try 3");
}

#[test]
fn t26_name_conflict_names_both_servers() {
    // `tools.name.aggregate`
    for _way in by_every_route() {
        let listed = |names: &[&str]| {
            let mut script = Script::legacy();
            tools(script.answered(Operation::ListTools, page(names)).unwrap())
        };
        let mut toolbox = ToolSet::new();
        assert_eq!(
            toolbox.add("weather", &Prefix::new("w"), &listed(&["get", "set"])),
            Ok(0)
        );
        assert_eq!(
            toolbox.add("files", &Prefix::default(), &listed(&["get"])),
            Ok(1)
        );
        let conflict: NameConflict = toolbox
            .add("more files", &Prefix::default(), &listed(&["list", "get"]))
            .unwrap_err();
        assert_eq!(
            conflict.to_string(),
            "more files defines a tool whose name conflicts with an existing tool of files: 'get'. \
         Set the `tool_prefix` option to avoid name conflicts"
        );
        let known: Vec<_> = toolbox
            .tools()
            .iter()
            .map(|tool| (tool.name.as_str(), tool.server))
            .collect();
        assert_eq!(known, [("w_get", 0), ("w_set", 0), ("get", 1)]);
        let found = toolbox.get("w_set").unwrap();
        assert_eq!((found.server, found.tool.name.as_str()), (0, "set"));
        assert_eq!(toolbox.label(1), "files");
    }
}

#[test]
fn progress_comes_before_the_result() {
    for _way in by_every_route() {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&seen);
        let mut script = Script::legacy();
        let call = ToolCall::new("t")
            .on_progress(move |progress| heard.lock().unwrap().push(progress.progress));
        let id = script.start(Operation::CallTool(call));
        let asked = script.expect("tools/call");
        let token = &asked["params"]["_meta"]["progressToken"];
        for progress in [1, 2] {
            script.say(json!({"jsonrpc": "2.0", "method": "notifications/progress",
            "params": {"progressToken": token, "progress": progress}}));
        }
        assert_eq!(*seen.lock().unwrap(), [1.0, 2.0]);
        script.result(&asked, json!({"content": []}));
        assert!(script.end(id).unwrap().is_ok());
    }
}

#[test]
fn more_calls_than_the_limit_wait_for_their_turn() {
    for _way in by_every_route() {
        let mut limits = mcp_proto::Limits::default();
        limits.calls = 2;
        let mut script = Script::with(legacy().limits(limits), everything());
        let ids: Vec<_> = (0..5).map(|_| script.start(call("t", json!({})))).collect();
        for id in ids {
            assert!(script.sent.len() <= 2);
            let asked = script.expect("tools/call");
            script.result(&asked, json!({"content": []}));
            assert!(script.end(id).expect("in the order they came").is_ok());
        }
        assert_eq!(script.client.open_operations(), 0);
    }
}

#[test]
fn cancelled_operation_ends_at_once_and_the_server_is_told() {
    for _way in by_every_route() {
        let mut script = Script::legacy();
        let id = script.start(call("t", json!({})));
        let asked = script.expect("tools/call");
        script.client.cancel(script.now, id);
        script.drain();
        assert_eq!(script.end(id).unwrap(), Err(ClientError::Cancelled));
        assert_eq!(
            script.expect("notifications/cancelled")["params"]["requestId"],
            asked["id"]
        );
        script.client.cancel(script.now, id);
        script.drain();
        assert!(script.sent.is_empty() && script.finished.is_empty());
    }
}
