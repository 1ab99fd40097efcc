//! What runs around every handler: it sees each request, may refuse it, and may change its result.

use std::sync::{Arc, Mutex};

use mcp_proto::model::completion::{CompleteParams, PromptReference};
use mcp_proto::model::elicitation::ElicitRequestFormParams;
use mcp_proto::model::method::{Complete, GetPrompt, ReadResource};
use mcp_proto::model::prompt::{GetPromptParams, Prompt};
use mcp_proto::model::resource::{ReadResourceParams, Resource, ResourceTemplate};
use mcp_proto::model::schema::StringSchema;
use mcp_proto::model::tool::CallToolResult;
use mcp_proto::rpc::RpcError;
use mcp_proto::server::{Context, Elicited, HandlerError, Reply};
use mcp_proto::{Revision, Server};
use serde_json::Value;
use support::carrier::by_every_way;
use support::server::{Drive, Either, text, tool};

type Seen = Arc<Mutex<Vec<String>>>;

/// A server that notes what its hook sees.
fn watched(seen: &Seen) -> Server {
    let seen = Arc::clone(seen);
    Server::new("s", "1").around(move |context| {
        let target = context.request().target().map(|target| target.to_string());
        let request = format!(
            "{} {}",
            context.request().method(),
            target.unwrap_or_default()
        );
        seen.lock().unwrap().push(format!("begin {request}"));
        let seen = Arc::clone(&seen);
        Ok(move |result: Result<Reply, HandlerError>| {
            let end = match &result {
                Ok(_) => "result",
                Err(_) => "error",
            };
            seen.lock().unwrap().push(format!("{end} of {request}"));
            result
        })
    })
}

fn taken(seen: &Seen) -> Vec<String> {
    std::mem::take(&mut *seen.lock().unwrap())
}

fn offering(server: Server) -> Server {
    server
        .tool(tool("t"), |_, _: Value| Ok("done"))
        .resource(Resource::new("x://r", "r"), |_| Ok("read"))
        .resource_template(ResourceTemplate::new("y://{v}", "v"), |_, _| Ok("read"))
        .unwrap()
        .prompt(Prompt::new("p"), |_, _| Ok("say"))
        .completion(PromptReference::new("p"), "a", |_, _| Ok(vec![]))
}

#[test]
fn a_hook_runs_around_each_kind_of_handler() {
    for (revision, _way) in by_every_way(Revision::ALL) {
        let seen = Seen::default();
        let mut drive = Drive::new(revision, vec![offering(watched(&seen))]);
        drive.call("t", "{}").unwrap();
        drive
            .run::<ReadResource>(&ReadResourceParams::new("x://r"))
            .unwrap();
        drive
            .run::<ReadResource>(&ReadResourceParams::new("y://1"))
            .unwrap();
        drive.run::<GetPrompt>(&GetPromptParams::new("p")).unwrap();
        let reference = PromptReference::new("p");
        drive
            .run::<Complete>(&CompleteParams::new(reference, "a", ""))
            .unwrap();
        assert_eq!(
            taken(&seen),
            [
                "begin tools/call t",
                "result of tools/call t",
                "begin resources/read x://r",
                "result of resources/read x://r",
                "begin resources/read y://1",
                "result of resources/read y://1",
                "begin prompts/get p",
                "result of prompts/get p",
                "begin completion/complete ",
                "result of completion/complete ",
            ],
            "{revision}"
        );
    }
}

#[test]
fn a_hook_may_refuse_and_may_change_the_result() {
    for (revision, _way) in by_every_way(Revision::ALL) {
        let server = Server::new("s", "1")
            .around(|context| {
                if context.request().target().as_deref() == Some("forbidden") {
                    return Err(HandlerError::rpc(RpcError::new(-1, "not for you")));
                }
                Ok(|result| match result {
                    Ok(Reply::Tool(_)) => Ok(Reply::Tool(CallToolResult::text("changed"))),
                    result => result,
                })
            })
            .tool(tool("t"), |_, _: Value| Ok("done"))
            .tool(
                tool("forbidden"),
                |_, _: Value| -> Result<(), HandlerError> { panic!("it is refused") },
            );
        let mut drive = Drive::new(revision, vec![server]);
        assert_eq!(text(&drive.call("t", "{}").unwrap()), "changed");
        let refused = drive.call("forbidden", "{}").unwrap_err();
        assert!(refused.contains("not for you"), "{refused}");
    }
}

#[test]
fn hooks_end_in_reverse() {
    let seen = Seen::default();
    let noting = |name: &'static str| {
        let seen = Arc::clone(&seen);
        move |_: &Context| {
            seen.lock().unwrap().push(format!("{name} begins"));
            let seen = Arc::clone(&seen);
            Ok(move |result| {
                seen.lock().unwrap().push(format!("{name} ends"));
                result
            })
        }
    };
    let server = Server::new("s", "1")
        .around(noting("outer"))
        .around(noting("inner"))
        .tool(tool("t"), |_, _: Value| Ok("done"));
    let mut drive = Drive::new(Revision::V2025_11_25, vec![server]);
    drive.call("t", "{}").unwrap();
    let whole = ["outer begins", "inner begins", "inner ends", "outer ends"];
    assert_eq!(taken(&seen), whole);
}

#[test]
fn a_refusal_by_the_inner_hook_ends_the_outer_one() {
    let ended = Arc::new(Mutex::new(None));
    let told = Arc::clone(&ended);
    let server = Server::new("s", "1")
        .around(move |_| {
            let told = Arc::clone(&told);
            Ok(move |result: Result<Reply, HandlerError>| {
                *told.lock().unwrap() = Some(result.is_err());
                result
            })
        })
        .around(|_| match true {
            true => Err(HandlerError::from("refused")),
            false => Ok(|result| result),
        })
        .tool(tool("t"), |_, _: Value| Ok("done"));
    let mut drive = Drive::new(Revision::V2025_11_25, vec![server]);
    let result = drive.call("t", "{}").unwrap();
    assert_eq!(text(&result), "Error executing tool t: refused");
    assert_eq!(*ended.lock().unwrap(), Some(true));
}

#[test]
fn a_round_that_asks_has_no_result_yet() {
    for revision in [
        Revision::V2025_06_18,
        Revision::V2025_11_25,
        Revision::V2026_07_28,
    ] {
        let seen = Seen::default();
        let server = watched(&seen).tool(tool("t"), |context, _: Value| {
            let form = ElicitRequestFormParams::new("Who?").required("name", StringSchema::new());
            Ok(match context.elicit::<Value>("who", form)? {
                Elicited::Accepted(_) => "hello",
                _ => "bye",
            })
        });
        let mut drive = Drive::new(revision, vec![server]);
        assert_eq!(text(&drive.call("t", "{}").unwrap()), "hello");
        let run = "begin tools/call t";
        assert_eq!(
            taken(&seen),
            [run, run, "result of tools/call t"],
            "{revision}"
        );
    }
}

#[test]
fn hooks_run_around_futures_and_mounted_handlers_too() {
    let (outer, inner) = (Seen::default(), Seen::default());
    let mounted = watched(&inner).tool_async(tool("t"), |_, _: Value| async { Ok("done") });
    let server = watched(&outer).into_async().mount("sub", mounted);
    let mut drive = Drive::new(Revision::V2026_07_28, vec![Either::Async(server)]);
    assert_eq!(text(&drive.call("sub_t", "{}").unwrap()), "done");
    let both = ["begin tools/call sub_t", "result of tools/call sub_t"];
    assert_eq!(taken(&outer), both);
    assert_eq!(taken(&inner), both);
}

#[test]
fn a_hook_that_panics_costs_its_request_alone() {
    let server = Server::new("s", "1")
        .around(|context| {
            assert!(
                context.request().target().as_deref() != Some("bad"),
                "the hook fails"
            );
            Ok(|result| result)
        })
        .tool(tool("bad"), |_, _: Value| Ok("done"))
        .tool(tool("good"), |_, _: Value| Ok("done"));
    let client = mcp_proto::testing::connect(server);
    let refused = client
        .call_tool("bad", serde_json::json!({}))
        .unwrap_err()
        .to_string();
    assert!(
        refused.contains("bad") && refused.contains("panicked"),
        "{refused}"
    );
    client.call_tool("good", serde_json::json!({})).unwrap();
}
