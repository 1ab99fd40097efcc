//! What a server can make one operation cost: links, time, turns; and what it can't hide by a part
//! that doesn't fit.

use std::time::Duration;

use mcp_proto::Limits;
use mcp_proto::client::driver::before;
use mcp_proto::client::{
    ClientError, ClientOptions, Operation, Output, OutputPart, Prefix, ToolCall, ToolOutput,
    ToolSet,
};
use mcp_proto::session::{CallClock, EraPolicy, Route, Session};
use serde_json::{Value, json};

use support::carrier::by_every_route;
use support::client::{Script, call, everything, legacy};

fn links(count: usize) -> Value {
    let link = json!({"type": "resource_link", "uri": "a:b", "name": "n"});
    json!({"content": vec![link; count]})
}

fn tool(outcome: Option<Result<Output, ClientError>>) -> ToolOutput {
    match outcome {
        Some(Ok(Output::Tool(output))) => output,
        other => panic!("{other:?}"),
    }
}

/// Answers the read of a link.
fn read(script: &mut Script) {
    let asked = script.expect("resources/read");
    let contents = json!({"contents": [{"uri": "a:b", "text": "x"}]});
    script.result(&asked, contents);
}

#[test]
fn links_past_the_limit_stay_links() {
    for _way in by_every_route() {
        let mut script = Script::with(legacy(), everything());
        let id = script.start(call("t", json!({})));
        let asked = script.expect("tools/call");
        script.result(&asked, links(100));
        for _ in 0..Limits::default().links {
            read(&mut script);
        }
        let output = tool(script.end(id));
        let parts = output.value.parts();
        let is_link = |part: &&OutputPart| matches!(part, OutputPart::Link(_));
        assert_eq!(parts.iter().filter(is_link).count(), 36);
        assert_eq!(parts[63].as_text(), Some("x"));
        assert_eq!(script.client.open_operations(), 0);
    }
}

#[test]
fn very_many_links_cost_no_more_than_their_number() {
    let number = support::amount(1_500, 100_000);
    for _way in by_every_route() {
        for capabilities in [everything(), json!({"tools": {}})] {
            let mut script = Script::with(legacy(), capabilities);
            let id = script.start(call("t", json!({})));
            let asked = script.expect("tools/call");
            script.result(&asked, links(number));
            while !script.sent.is_empty() {
                read(&mut script);
            }
            assert_eq!(tool(script.end(id)).value.parts().len(), number);
        }
    }
}

#[test]
fn operation_of_several_requests_ends_in_its_total_time_and_keeps_what_it_has() {
    for _way in by_every_route() {
        let mut limits = Limits::default();
        limits.links = usize::MAX;
        let mut script = Script::with(legacy().limits(limits), everything());
        let id = script.start(call("t", json!({})));
        let asked = script.expect("tools/call");
        script.result(&asked, links(100));
        for _ in 0..2 {
            script.wait(Duration::from_secs(299));
            read(&mut script);
        }
        script.wait(Duration::from_secs(2));
        let output = tool(script.end(id));
        assert_eq!(output.value.parts()[1].as_text(), Some("x"));
        assert!(matches!(output.value.parts()[2], OutputPart::Link(_)));
        script.expect("resources/read");
        script.expect("notifications/cancelled");
        assert_eq!(script.client.open_operations(), 0);
    }
}

#[test]
fn listing_ends_in_its_total_time() {
    for _way in by_every_route() {
        let mut script = Script::with(
            legacy().total_timeout(Some(Duration::from_secs(310))),
            everything(),
        );
        let id = script.start(Operation::ListTools);
        script.wait(Duration::from_secs(200));
        let asked = script.expect("tools/list");
        script.result(&asked, json!({"tools": [], "nextCursor": "more"}));
        script.expect("tools/list");
        script.wait(Duration::from_secs(110));
        let error = script.end(id).unwrap().unwrap_err();
        let (clock, after) = (CallClock::Total, Duration::from_secs(310));
        assert_eq!(error, ClientError::TimedOut { clock, after });
        script.expect("notifications/cancelled");
    }
}

#[test]
fn operation_ends_in_its_total_time_however_much_shorter_than_the_read_timeout() {
    for _way in by_every_route() {
        let total = Duration::from_millis(500);
        for era in [EraPolicy::Legacy, EraPolicy::AssumeModern] {
            let options = ClientOptions::default().era(era);
            let mut script = Script::unopened(options.total_timeout(Some(total)));
            if era == EraPolicy::Legacy {
                script.initialized(everything());
            }
            let id = script.start(call("t", json!({})));
            script.expect("tools/call");
            script.wait(Duration::from_millis(499));
            assert_eq!(script.client.open_operations(), 1);
            script.wait(Duration::from_millis(1));
            let error = script.end(id).unwrap().unwrap_err();
            let clock = CallClock::Total;
            assert_eq!(
                error,
                ClientError::TimedOut {
                    clock,
                    after: total
                }
            );
            if era == EraPolicy::Legacy {
                script.expect("notifications/cancelled");
            }
        }
    }
}

#[test]
fn operation_that_waits_for_its_turn_has_a_deadline() {
    for _way in by_every_route() {
        let mut limits = Limits::default();
        limits.calls = 1;
        let mut script = Script::with(legacy().limits(limits), everything());
        let patient = ToolCall::new("t").read_timeout(Duration::from_secs(3000));
        script.start(Operation::CallTool(patient));
        let waiting = script.start(Operation::Ping);
        script.wait(Duration::from_secs(600));
        let error = script.end(waiting).expect("it has ended").unwrap_err();
        assert!(matches!(error, ClientError::TimedOut { .. }), "{error:?}");
        assert_eq!(script.client.open_operations(), 1);
        script.client.handle_timeout(script.now);
        assert!(
            script
                .client
                .poll_timeout()
                .is_none_or(|due| due > script.now)
        );
    }
}

// Every list that a server need not have, whatever it declares.
#[test]
fn list_that_a_server_does_not_know_is_empty() {
    for _way in by_every_route() {
        for mut script in [Script::legacy(), Script::modern()] {
            for request in [
                Operation::ListTools,
                Operation::ListResources,
                Operation::ListResourceTemplates,
                Operation::ListPrompts,
            ] {
                let other = script.refused(
                    request.clone(),
                    json!({"code": -32603, "message": "broken"}),
                );
                assert!(matches!(other, ClientError::Rpc(_)));
                let id = script.start(request.clone());
                let asked = script.sent.pop_front().unwrap();
                script.error(
                    &asked,
                    json!({"code": -32601, "message": "Method not found"}),
                );
                let length = match script.end(id).unwrap().unwrap() {
                    Output::Tools(items) => items.len(),
                    Output::Resources(items) => items.len(),
                    Output::ResourceTemplates(items) => items.len(),
                    Output::Prompts(items) => items.len(),
                    other => panic!("{other:?}"),
                };
                assert_eq!(length, 0, "{request:?}");
            }
        }
    }
}

#[test]
fn members_that_no_type_has_are_in_the_raw_item() {
    for _way in by_every_route() {
        let mut script = Script::legacy();
        let prompt = r#"{"name":"p","version":"2.1","arguments":[{"name":"a","default":"x"}]}"#;
        let id = script.start(Operation::ListPrompts);
        let asked = script.expect("prompts/list");
        let id_text = &asked["id"];
        script.say_bytes(&format!(
            r#"{{"jsonrpc":"2.0","id":{id_text},"result":{{"prompts":[7, {prompt}]}}}}"#
        ));
        let Ok(Output::Prompts(prompts)) = script.end(id).unwrap() else {
            panic!("prompts were asked for")
        };
        assert_eq!(prompts.len(), 1);
        assert_eq!(prompts.raw(0).unwrap().as_str(), prompt);
        assert_eq!(prompts.raw(1), None);
        assert_eq!(prompts.skipped()[0].raw.as_str(), "7");
    }
}

#[test]
fn strict_client_takes_no_part_of_a_list_or_result() {
    for _way in by_every_route() {
        let malformed = json!({"type": "image", "data": "AAAA"});
        let result = json!({"content": [{"type": "text", "text": "ok"}, malformed]});
        let output = Script::legacy().tool(result.clone()).unwrap();
        assert_eq!(output.value.parts()[0].as_text(), Some("ok"));
        assert!(matches!(&output.value.parts()[1],
        OutputPart::Malformed(block) if block.raw.as_str().contains("AAAA")));
        let strict = || Script::with(legacy().strict(true), everything());
        let error = strict().tool(result).unwrap_err();
        assert!(matches!(error, ClientError::Unreadable(_)), "{error:?}");
        let listed = strict().answered(Operation::ListTools, json!({"tools": [7]}));
        assert!(matches!(listed, Err(ClientError::Unreadable(_))));
    }
}

#[test]
fn server_hears_its_own_name_of_a_tool_that_begins_with_the_prefix() {
    for _way in by_every_route() {
        let mut script = Script::with(legacy().tool_prefix("git"), everything());
        // The handles take the prefix off for the hook, and the client must not do so again.
        for (called, own) in [("git_git_log", "git_log"), ("git_log", "log"), ("git_", "")] {
            let mut call = ToolCall::new(called);
            before(script.client.options(), &mut call);
            assert_eq!(call.name, own);
            script.start(Operation::CallTool(call));
            assert_eq!(script.expect("tools/call")["params"]["name"], own);
        }
    }
}

#[test]
fn overlapping_prefixes_lead_to_the_server_that_has_the_tool() {
    for _way in by_every_route() {
        let listed = |names: &[&str]| {
            let tools: Vec<_> = names
                .iter()
                .map(|name| json!({"name": name, "inputSchema": {"type": "object"}}))
                .collect();
            match Script::legacy().answered(Operation::ListTools, json!({"tools": tools})) {
                Ok(Output::Tools(tools)) => tools,
                other => panic!("{other:?}"),
            }
        };
        let (short, long) = (Prefix::new("a"), Prefix::new("a_b"));
        let mut set = ToolSet::new();
        set.add("short", &short, &listed(&["b_c", "d"])).unwrap();
        let before = set.clone();
        let conflict = set.add("long", &long, &listed(&["x", "c"])).unwrap_err();
        assert_eq!(
            (conflict.name.as_str(), conflict.existing.as_str()),
            ("a_b_c", "short")
        );
        assert_eq!(set, before, "nothing has changed");
        set.add("long", &long, &listed(&["d"])).unwrap();
        let found = set.get("a_b_d").unwrap();
        assert_eq!((found.server, long.remove("a_b_d")), (1, "d"));
        let twice = set
            .add("twice", &Prefix::new("t"), &listed(&["x", "x"]))
            .unwrap_err();
        assert_eq!(twice.existing, "twice");
    }
}

#[test]
fn debug_of_what_is_asked_shows_no_secret() {
    for _way in by_every_route() {
        let call = ToolCall::new("login")
            .arguments(json!({"password": "hunter2"}))
            .unwrap();
        let prompt = mcp_proto::model::prompt::GetPromptParams::new("p");
        for shown in [
            format!("{call:?}"),
            format!("{:?}", Operation::CallTool(call.clone())),
            format!("{:?}", Operation::GetPrompt(prompt)),
            format!("{:?}", Operation::ReadResource("a://hunter2@b".into())),
        ] {
            assert!(!shown.contains("hunter2"), "{shown}");
        }
        let mut script = Script::legacy();
        script.start(Operation::CallTool(call));
        script.sent.clear();
        assert!(!format!("{:?}", script.client).contains("hunter2"));
    }
}

#[test]
fn long_error_of_a_server_is_shown_by_its_start() {
    for _way in by_every_route() {
        let mut script = Script::legacy();
        let long = "x".repeat(support::amount(1 << 17, 1 << 20));
        let error = script.refused(
            Operation::Ping,
            json!({"code": 1, "message": long, "data": long}),
        );
        assert!(error.to_string().len() < 1000);
    }
}

#[test]
fn listing_is_bounded_in_bytes_and_in_its_cursors() {
    for _way in by_every_route() {
        let mut limits = Limits::default();
        limits.memory = 1 << 20;
        let mut script = Script::with(legacy().limits(limits), everything());
        let filler = "x".repeat(100_000);
        let id = script.start(Operation::ListTools);
        for page in 0..6 {
            let asked = script
                .sent
                .pop_front()
                .expect("it goes on within the limit");
            let tool = json!({"name": filler, "inputSchema": {"type": "object"}});
            script.result(
                &asked,
                json!({"tools": [tool], "nextCursor": page.to_string()}),
            );
        }
        let error = script.end(id).unwrap().unwrap_err();
        assert!(matches!(error, ClientError::LimitReached { limit, .. } if limit == 1 << 20));
        assert!(script.sent.is_empty());

        let long = json!({"tools": [], "nextCursor": filler});
        let error = script.answered(Operation::ListTools, long).unwrap_err();
        assert!(
            matches!(error, ClientError::LimitReached { .. }),
            "{error:?}"
        );
    }
}

#[test]
fn events_that_nobody_polls_are_counted_in_bytes() {
    for _way in by_every_route() {
        let mut limits = Limits::default();
        limits.memory = 1 << 20;
        let mut script = Script::with(legacy().limits(limits), everything());
        let data = "x".repeat(100_000);
        let log = json!({"jsonrpc": "2.0", "method": "notifications/message",
        "params": {"level": "info", "data": data}});
        let mut taken = 0;
        while script.client.wants_frames() {
            let frame = log.to_string().into_bytes().into();
            script.client.handle_frame(script.now, Route::Pipe, frame);
            taken += 1;
            assert!(taken < 20, "it stops wanting frames");
        }
        script.drain();
        assert!(script.client.wants_frames());
    }
}

#[test]
fn a_client_without_room_for_events_reads_one_frame_after_the_other() {
    for _way in by_every_route() {
        for change in [
            |limits: &mut Limits| limits.events = 0,
            |limits: &mut Limits| limits.memory = 0,
        ] {
            let mut limits = Limits::default();
            change(&mut limits);
            let mut script = Script::with(legacy().limits(limits), everything());
            for _ in 0..3 {
                assert!(script.client.wants_frames());
                let frame = json!({"jsonrpc": "2.0", "method": "x/event"}).to_string();
                let now = script.now;
                script.client.handle_frame(now, Route::Pipe, frame.into());
                assert!(!script.client.wants_frames());
                assert!(script.client.poll_event().is_some());
            }
        }
    }
}
