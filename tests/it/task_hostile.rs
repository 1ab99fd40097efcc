//! Servers that do what no server may do with a task: each row is what such a server answers, in order,
//! and what becomes of the call. `@` stands for the members that every task has.

use std::time::Duration;

use mcp_proto::Revision;
use mcp_proto::model::elicitation::ElicitResult;
use mcp_proto::model::method::{CallTool, Elicit};
use mcp_proto::session::{CallError, ClientEvent, Completed, Timeout};
use serde_json::{Value, json};

use super::task_calls::{NEW, OLD, ask, call, client, created};
use support::on_revisions;

/// What a server answers after it has made the task, and a part of the error by which the call ends.
const ROWS: [(&str, Revision, &[&str], &str); 41] = [
    // What a task is called and how far it is.
    (
        "another id",
        OLD,
        &[r#"{@,"taskId":"t2","status":"working"}"#],
        "taskId",
    ),
    (
        "another id",
        NEW,
        &[r#"{@,"taskId":"t2","status":"completed","result":{"content":[]}}"#],
        "taskId",
    ),
    (
        "an id of a wrong type",
        OLD,
        &[r#"{@,"taskId":1,"status":"working"}"#],
        "taskId",
    ),
    ("no id", NEW, &[r#"{@,"status":"working"}"#], "taskId"),
    ("no status", OLD, &[r#"{@,"taskId":"t1"}"#], "status"),
    ("no status", NEW, &[r#"{@,"taskId":"t1"}"#], "status"),
    (
        "an unknown status",
        OLD,
        &[r#"{@,"taskId":"t1","status":"sleeping"}"#],
        "status",
    ),
    (
        "an unknown status",
        NEW,
        &[r#"{@,"taskId":"t1","status":"Completed"}"#],
        "status",
    ),
    (
        "a status of a wrong type",
        NEW,
        &[r#"{@,"taskId":"t1","status":["completed"]}"#],
        "status",
    ),
    (
        "a status that stands twice",
        OLD,
        &[r#"{@,"taskId":"t1","status":"working","status":"completed"}"#],
        "duplicate",
    ),
    (
        "a status that stands twice",
        NEW,
        &[r#"{@,"taskId":"t1","status":"working","status":"completed"}"#],
        "duplicate",
    ),
    (
        "no times",
        OLD,
        &[r#"{"taskId":"t1","status":"working","ttl":null}"#],
        "createdAt",
    ),
    ("no object", OLD, &["[]"], "root"),
    ("no object", NEW, &["3"], "root"),
    ("nothing", NEW, &["null"], "root"),
    (
        "a nested task",
        NEW,
        &[r#"{"task":{@,"taskId":"t1","status":"working"}}"#],
        "taskId",
    ),
    (
        "a nested task",
        OLD,
        &[r#"{"task":{@,"taskId":"t1","status":"working"}}"#],
        "taskId",
    ),
    (
        "a task again",
        NEW,
        &[r#"{@,"resultType":"task","taskId":"t1","status":"working"}"#],
        "resultType",
    ),
    (
        "input instead of a task",
        NEW,
        &[r#"{"resultType":"input_required","requestState":"s"}"#],
        "resultType",
    ),
    (
        "a result of the tool instead",
        NEW,
        &[r#"{"content":[{"type":"text","text":"gotcha"}]}"#],
        "taskId",
    ),
    (
        "a result of the tool instead",
        OLD,
        &[r#"{"content":[{"type":"text","text":"gotcha"}]}"#],
        "taskId",
    ),
    // What it ends with.
    (
        "no result",
        NEW,
        &[r#"{@,"taskId":"t1","status":"completed"}"#],
        "result",
    ),
    (
        "a result that is null",
        NEW,
        &[r#"{@,"taskId":"t1","status":"completed","result":null}"#],
        "result",
    ),
    (
        "a result that is a list",
        NEW,
        &[r#"{@,"taskId":"t1","status":"completed","result":[]}"#],
        "result",
    ),
    (
        "a task as the result",
        NEW,
        &[r#"{@,"taskId":"t1","status":"completed","result":{"resultType":"task","taskId":"t3"}}"#],
        "result.resultType",
    ),
    (
        "input as the result",
        NEW,
        &[
            r#"{@,"taskId":"t1","status":"completed","result":{"resultType":"input_required","requestState":"s"}}"#,
        ],
        "result.resultType",
    ),
    (
        "content of a wrong type",
        NEW,
        &[r#"{@,"taskId":"t1","status":"completed","result":{"content":{}}}"#],
        "content",
    ),
    (
        "content of a wrong type",
        OLD,
        &[
            r#"{@,"taskId":"t1","status":"completed"}"#,
            r#"{"content":{}}"#,
        ],
        "content",
    ),
    (
        "no error",
        NEW,
        &[r#"{@,"taskId":"t1","status":"failed"}"#],
        "error",
    ),
    (
        "an error of a wrong type",
        NEW,
        &[r#"{@,"taskId":"t1","status":"failed","error":"broken"}"#],
        "error",
    ),
    (
        "an error without a code",
        NEW,
        &[r#"{@,"taskId":"t1","status":"failed","error":{"message":"m"}}"#],
        "code",
    ),
    (
        "a list as the result",
        OLD,
        &[r#"{@,"taskId":"t1","status":"completed"}"#, "[]"],
        "root",
    ),
    // What it waits for.
    (
        "input that can't be asked for",
        NEW,
        &[
            r#"{@,"taskId":"t1","status":"input_required","inputRequests":{"k":{"method":"tools/call"}}}"#,
        ],
        "inputRequests.k",
    ),
    (
        "input without a method",
        NEW,
        &[r#"{@,"taskId":"t1","status":"input_required","inputRequests":{"k":{}}}"#],
        "method",
    ),
    (
        "input of a wrong type",
        NEW,
        &[r#"{@,"taskId":"t1","status":"input_required","inputRequests":[]}"#],
        "inputRequests",
    ),
    (
        "a form that is none",
        NEW,
        &[
            r#"{@,"taskId":"t1","status":"input_required","inputRequests":{"k":{"method":"elicitation/create","params":{"message":"m","requestedSchema":1}}}}"#,
        ],
        "not given",
    ),
    (
        "a URL that can't be opened",
        NEW,
        &[
            r#"{@,"taskId":"t1","status":"input_required","inputRequests":{"k":{"method":"elicitation/create","params":{"mode":"url","message":"m","url":"javascript:0"}}}}"#,
        ],
        "not given",
    ),
    // What never comes to an end.
    (
        "input that is never said",
        NEW,
        &[r#"{@,"taskId":"t1","status":"input_required"}"#],
        "no answer within",
    ),
    (
        "work without an end",
        OLD,
        &[r#"{@,"taskId":"t1","status":"working"}"#],
        "no answer within",
    ),
    (
        "work without an end",
        NEW,
        &[r#"{@,"taskId":"t1","status":"working"}"#],
        "no answer within",
    ),
    (
        "a wait of ages",
        NEW,
        &[r#"{@,"taskId":"t1","status":"working","pollIntervalMs":9223372036854775807}"#],
        "no answer within",
    ),
];

const MEMBERS: &str =
    r#""createdAt":"2026-01-02T03:04:05Z","lastUpdatedAt":"2026-01-02T03:04:05Z""#;

/// Lets a call become a task, and a server answer with `answers`, the last of them for ever.
fn run(revision: Revision, answers: &[&str]) -> Completed {
    let mut client = client(revision);
    let options = ask().total(Timeout::After(Duration::from_secs(600)));
    let call = call(&mut client, options).unwrap();
    let mut asked = client.reply();
    let mut answer = json!(created(revision)).to_string();
    for next in 0..1000 {
        client.feed(format!(
            r#"{{"jsonrpc":"2.0","id":{},"result":{answer}}}"#,
            asked["id"]
        ));
        for _ in 0..1000 {
            for event in client.take_events() {
                if let ClientEvent::Completed(done) = event {
                    assert_eq!(done.call, call);
                    return done;
                }
            }
            let sent = client.sent();
            if let Some(request) = sent.into_iter().next() {
                asked = request;
                break;
            }
            client.pass(Duration::from_secs(5));
        }
        answer = answers[next.min(answers.len() - 1)].replace('@', MEMBERS);
    }
    panic!("the call never ends");
}

#[test]
fn hostile_servers_end_calls_with_an_error_that_says_why() {
    // `task25.status.graph`, `task25.get`, `task26.get`, `task26.rt.only`, `task26.failed`
    let wrong: Vec<_> = ROWS
        .iter()
        .filter_map(|(what, revision, answers, expected)| {
            let done = run(*revision, answers);
            let shown = match done.result::<CallTool>() {
                Ok(result) => format!("{result:?}"),
                Err(error) if error.to_string().contains(expected) => return None,
                Err(error) => error.to_string(),
            };
            Some(format!("{what} in {revision}: {shown}, not {expected}"))
        })
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// What a server may make of a call, and a part of the error by which it ends.
const CREATED: [(&str, Revision, &str, &str); 10] = [
    ("no task", OLD, r#"{"task":null}"#, ""),
    ("an empty task", OLD, r#"{"task":{}}"#, "taskId"),
    (
        "an id that is empty",
        OLD,
        r#"{"task":{@,"taskId":"","status":"working"}}"#,
        "taskId",
    ),
    (
        "an id that is empty",
        NEW,
        r#"{"resultType":"task",@,"taskId":"","status":"working"}"#,
        "taskId",
    ),
    (
        "a nested task",
        NEW,
        r#"{"resultType":"complete","task":{@,"taskId":"t1","status":"working"}}"#,
        "",
    ),
    (
        "no status",
        NEW,
        r#"{"resultType":"task",@,"taskId":"t1"}"#,
        "status",
    ),
    (
        "an unknown status",
        OLD,
        r#"{"task":{@,"taskId":"t1","status":"brewing"}}"#,
        "status",
    ),
    (
        "an unknown status",
        NEW,
        r#"{"resultType":"task",@,"taskId":"t1","status":"brewing"}"#,
        "status",
    ),
    (
        "a task of a wrong type",
        NEW,
        r#"{"resultType":"task",@,"taskId":{},"status":"working"}"#,
        "expected a string",
    ),
    (
        "a kind of result that nobody knows",
        NEW,
        r#"{"resultType":"job",@,"taskId":"t1","status":"working"}"#,
        "resultType",
    ),
];

#[test]
fn what_is_no_task_ends_the_call_that_was_to_become_one() {
    // `task25.createresult`, `task26.create.shape`, `rtype.unknown`
    for (what, revision, answer, expected) in CREATED {
        let mut client = client(revision);
        let call = call(&mut client, ask()).unwrap();
        let asked = client.reply();
        let answer = answer.replace('@', MEMBERS);
        client.feed(format!(
            r#"{{"jsonrpc":"2.0","id":{},"result":{answer}}}"#,
            asked["id"]
        ));
        let Some(ClientEvent::Completed(done)) = client.take_events().pop() else {
            panic!("{what}: it goes on");
        };
        assert_eq!(done.call, call);
        match done.result::<CallTool>() {
            Err(error) => assert!(error.to_string().contains(expected), "{what}: {error}"),
            // Read as the result that it says it is, in which there is nothing.
            Ok(result) => assert!(expected.is_empty() && result.content.is_empty(), "{what}"),
        }
        assert_eq!(client.session.open_calls(), 0, "{what}");
    }
}

on_revisions! { [NEW];
    fn an_id_that_is_too_long_and_too_many_questions_are_refused(revision) {
        // `mrtr.client.bound`
        let long = "i".repeat(100_000);
        let answer = format!(r#"{{{MEMBERS},"taskId":"{long}","status":"working"}}"#);
        let done = run(revision, &[&answer]);
        assert!(done.result::<CallTool>().unwrap_err().to_string().contains("taskId"));
        let requests: serde_json::Map<String, Value> = (0..10_000)
            .map(|n| (format!("k{n}"), json!({"method": "roots/list"})))
            .collect();
        let requests = json!(requests);
        let answer = format!(
            r#"{{{MEMBERS},"taskId":"t1","status":"input_required","inputRequests":{requests}}}"#
        );
        let done = run(revision, &[&answer]);
        assert!(done.result::<CallTool>().unwrap_err().to_string().contains("too many"));
    }
}

on_revisions! { [NEW];
    fn endless_rounds_of_new_questions_end_at_the_limit(revision) {
        // `mrtr.client.bound`
        let mut client = client(revision);
        let call = call(&mut client, ask()).unwrap();
        let asked = client.reply();
        client.feed_json(&support::script::result(&asked["id"], created(revision)));
        for round in 0..1000 {
            for event in client.take_events() {
                match event {
                    ClientEvent::InputRequested(asked) => {
                        let answer = ElicitResult::decline();
                        client.session.answer::<Elicit>(client.now, asked.input, &answer).unwrap();
                    }
                    ClientEvent::Completed(done) => {
                        assert_eq!(done.call, call);
                        let error = done.result::<CallTool>().unwrap_err();
                        assert!(matches!(error, CallError::TooManyRounds { .. }), "{error}");
                        return;
                    }
                    _ => {}
                }
            }
            client.pass(Duration::from_secs(5));
            for asked in client.sent() {
                let mut requests = json!({});
                requests[format!("k{round}")] = super::task_questions::elicitation("?");
                let answer = match asked["method"].as_str() {
                    Some("tasks/get") => super::task_calls::told(
                        NEW,
                        "input_required",
                        json!({"inputRequests": requests}),
                    ),
                    _ => json!({"resultType": "complete"}),
                };
                client.feed_json(&support::script::result(&asked["id"], answer));
            }
        }
        panic!("the call never ends");
    }
}
