//! The service that stands behind one client: jobs, outcomes and effects are values, and time is one
//! as well.

use std::error::Error;
use std::fmt;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use mcp_proto::model::completion::PromptReference;
use mcp_proto::model::elicitation::ElicitRequestFormParams;
use mcp_proto::model::prompt::{Prompt, PromptArgument};
use mcp_proto::model::resource::{Resource, ResourceTemplate};
use mcp_proto::model::schema::StringSchema;
use mcp_proto::server::{Context, DefinitionError, Event, HandlerError, Job, Service};
use mcp_proto::session::{Route, Session};
use mcp_proto::{Instant, Limits, Revision, Server};
use serde_json::{Value, json};

use support::carrier::by_every_way;
use support::server::{Drive, Either, call_frame, exchange, text, tool};

const NOW: Instant = Instant::from_millis(1000);

fn give(service: &mut Service, frame: &Value) {
    let frame = Bytes::from(frame.to_string());
    service.handle_frame(NOW, Route::Pipe, frame);
}

fn sent(service: &mut Service) -> Vec<Value> {
    let (mut sent, mut buffer) = (Vec::new(), Vec::new());
    while service.poll_transmit(&mut buffer).is_some() {
        sent.push(serde_json::from_slice(&buffer).unwrap());
        buffer.clear();
    }
    sent
}

fn job(service: &mut Service) -> Job {
    match service.poll_event() {
        Some(Event::Job(job)) => job,
        other => panic!("no job: {other:?}"),
    }
}

fn greeter() -> Server {
    Server::new("s", "1").tool(tool("greet"), |_, _: Value| Ok("hello"))
}

fn request(id: u64, method: &str) -> Value {
    let mut frame = call_frame(id, "unused", json!({}));
    frame["method"] = json!(method);
    let params = frame["params"].as_object_mut().unwrap();
    params.remove("name");
    params.remove("arguments");
    frame
}

#[test]
fn lists_discovery_and_refusals_wait_for_no_job() {
    let mut service = greeter().service();
    let mut jobs = Vec::new();
    for id in 0..100 {
        give(&mut service, &call_frame(id, "greet", json!({})));
        jobs.push(job(&mut service));
    }
    give(&mut service, &request(100, "tools/list"));
    give(&mut service, &request(101, "server/discover"));
    give(&mut service, &call_frame(102, "nobody", json!({})));
    let answers = sent(&mut service);
    assert_eq!(answers.len(), 3, "{answers:?}");
    assert_eq!(answers[0]["result"]["tools"][0]["name"], "greet");
    assert!(answers[1]["result"].is_object());
    assert_eq!(answers[2]["error"]["code"], -32602);
    for job in jobs {
        assert!(service.handle_outcome(NOW, job.run()));
    }
    assert_eq!(sent(&mut service).len(), 100);
}

#[test]
fn a_handler_may_change_what_is_offered_while_others_read_it() {
    let server = Server::new("s", "1").tool(tool("grow"), |context: &Context, _: Value| {
        context
            .registry()
            .add_tool(tool("grown"), |_, _: Value| Ok("new"))?;
        Ok(())
    });
    let mut service = server.service();
    give(&mut service, &call_frame(1, "grow", json!({})));
    let grow = job(&mut service);
    let outcome = grow.run();
    give(&mut service, &request(2, "tools/list"));
    let listed = sent(&mut service);
    assert_eq!(listed[0]["result"]["tools"].as_array().unwrap().len(), 2);
    assert!(service.handle_outcome(NOW, outcome));
}

#[test]
fn an_outcome_counts_once() {
    let mut service = greeter().service();
    give(&mut service, &call_frame(1, "greet", json!({})));
    let greet = job(&mut service);
    let ticket = greet.ticket();
    assert!(service.handle_outcome(NOW, greet.run()));
    assert!(!service.handle_outcome(NOW, ticket.panicked()));
    assert_eq!(sent(&mut service).len(), 1);
}

#[test]
fn a_panic_is_told_with_the_tools_name_and_not_its_message() {
    // `base.err.internal`
    let mut service = greeter().service();
    give(&mut service, &call_frame(1, "greet", json!({})));
    let ticket = job(&mut service).ticket();
    assert!(service.handle_outcome(NOW, ticket.panicked()));
    let answer = &sent(&mut service)[0];
    assert_eq!(answer["error"]["code"], -32603);
    assert_eq!(
        answer["error"]["message"],
        "The handler of the tool greet panicked"
    );
}

#[test]
fn a_cancelled_job_learns_of_it_and_its_outcome_counts_for_nothing() {
    // `cancel.recv.nomore`
    let mut service = greeter().service();
    give(&mut service, &call_frame(1, "greet", json!({})));
    let greet = job(&mut service);
    let cancel =
        json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 1}});
    give(&mut service, &cancel);
    assert!(matches!(service.poll_event(), Some(Event::Cancelled(id)) if id == greet.id()));
    assert!(greet.is_cancelled());
    assert!(!service.handle_outcome(NOW, greet.run()));
    assert!(sent(&mut service).is_empty());
}

#[test]
fn a_context_that_is_kept_keeps_nothing_else() {
    let kept: Arc<Mutex<Vec<Context>>> = Arc::default();
    let keeps = Arc::clone(&kept);
    let server = Server::new("s", "1").tool(tool("keep"), move |context: &Context, _: Value| {
        keeps.lock().unwrap().push(context.clone());
        Ok(())
    });
    let mut service = server.service();
    for id in 0..10 {
        give(&mut service, &call_frame(id, "keep", json!({})));
        let outcome = job(&mut service).run();
        assert!(service.handle_outcome(NOW, outcome));
    }
    assert_eq!(service.running(), 0);
    // What it does now is done in vain.
    kept.lock().unwrap()[0].resource_updated("test://a");
    assert_eq!(sent(&mut service).len(), 10);
}

#[test]
fn nothing_of_a_call_is_shown() {
    let mut service = greeter().service();
    give(
        &mut service,
        &call_frame(1, "greet", json!({"password": "swordfish"})),
    );
    assert!(!format!("{service:?}").contains("swordfish"));
    let greet = job(&mut service);
    assert!(!format!("{greet:?} {:?}", greet.ticket()).contains("swordfish"));
    assert!(!format!("{:?}", greet.run()).contains("swordfish"));
}

support::read_struct! { struct Name { name: String } }

fn asks_twice() -> Server {
    Server::new("s", "1").tool(tool("ask"), |context: &Context, _: Value| {
        let form = || ElicitRequestFormParams::new("?").required("name", StringSchema::new());
        let secret = context.once("secret", || Ok::<_, HandlerError>("swordfish".to_string()))?;
        let first = context.elicit::<Name>("first", form())?.accepted()?;
        let second = context.elicit::<Name>("second", form())?.accepted()?;
        Ok(format!("{} {} {secret}", first.name, second.name))
    })
}

#[test]
fn two_questions_in_one_handler_need_no_key_on_a_pipe() {
    // `mrtr.only`
    for (revision, _way) in by_every_way(Revision::ALL) {
        if revision < Revision::V2025_06_18 {
            continue;
        }
        let mut drive = Drive::new(revision, vec![asks_twice()]);
        let result = drive.call("ask", "{}").unwrap();
        assert_eq!(text(&result), "my name my name swordfish", "{revision}");
        let wire = format!("{:?}", drive.wire);
        assert!(wire.matches("swordfish").count() <= 1, "only in the result");
    }
}

fn asking(id: u64, arguments: &str) -> String {
    let mut frame = call_frame(id, "ask", json!({}));
    let capabilities = &mut frame["params"]["_meta"]["io.modelcontextprotocol/clientCapabilities"];
    *capabilities = json!({"elicitation": {"form": {}}});
    frame["params"]["arguments"] = json!("ARGUMENTS");
    frame.to_string().replace("\"ARGUMENTS\"", arguments)
}

fn with_state(id: u64, arguments: &str, state: &str) -> String {
    let inputs = r#"{"first":{"action":"accept","content":{"name":"Ada"}}}"#;
    let round = format!(r#""params":{{"requestState":"{state}","inputResponses":{inputs},"#);
    asking(id, arguments).replace("\"params\":{", &round)
}

fn answer(service: &mut Service, frame: String) -> Value {
    service.handle_frame(NOW, Route::Pipe, Bytes::from(frame));
    exchange(service, &[]);
    while let Some(event) = service.poll_event() {
        if let Event::Job(job) = event {
            service.handle_outcome(NOW, job.run());
        }
    }
    sent(service).remove(0)
}

#[test]
fn a_state_opens_for_the_very_arguments_that_the_handler_saw() {
    // `mrtr.state.bind`
    let given = r#"{"a":9007199254740993,"b":1,"b":2}"#;
    let others = [
        r#"{"a":9007199254740992,"b":1,"b":2}"#,
        r#"{"a":9007199254740993,"b":2}"#,
        r#"{"a":9007199254740993,"b":2,"b":2}"#,
        r#"{"a":9007199254740993.0,"b":1,"b":2}"#,
    ];
    for server in [asks_twice(), sealed(asks_twice())] {
        let mut service = server.service();
        let asked = answer(&mut service, asking(1, given));
        let Some(state) = asked["result"]["requestState"].as_str() else {
            // Such a key may well be refused before.
            assert!(asked["error"].is_object(), "{asked}");
            continue;
        };
        for other in others {
            let refused = answer(&mut service, with_state(2, other, state));
            assert_eq!(refused["error"]["code"], -32602, "{other}");
        }
        let forged = answer(&mut service, with_state(3, given, "kept 77"));
        assert_eq!(forged["error"]["code"], -32602);
        let asked = answer(&mut service, with_state(4, given, state));
        assert!(asked["result"]["inputRequests"]["second"].is_object());
    }
}

#[cfg(feature = "seal")]
fn sealed(server: Server) -> Server {
    let key = mcp_proto::io::seal::fresh_key().unwrap();
    server.seal(mcp_proto::io::seal::system(key))
}

#[cfg(not(feature = "seal"))]
fn sealed(server: Server) -> Server {
    server
}

#[derive(Debug)]
struct Caused(&'static str, Option<Box<Caused>>);

impl fmt::Display for Caused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl Error for Caused {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.1.as_deref().map(|cause| cause as &dyn Error)
    }
}

#[test]
fn a_failure_is_told_with_all_its_causes() {
    let server = Server::new("s", "1").tool(tool("t"), |_, _: Value| -> Result<(), _> {
        let cause = Caused("No such file", None);
        let error = Caused("opening settings.toml", Some(Box::new(cause)));
        Err(Caused("reading the settings", Some(Box::new(error))).into())
    });
    let mut drive = Drive::new(Revision::V2026_07_28, vec![server]);
    let result = drive.call("t", "{}").unwrap();
    assert_eq!(
        text(&result),
        "Error executing tool t: reading the settings: opening settings.toml: No such file"
    );
}

#[test]
fn a_server_with_two_of_one_name_or_a_bad_name_is_not_served() {
    let twice = greeter().tool(tool("greet"), |_, _: Value| Ok(()));
    let Err(DefinitionError::Duplicate { kind, name }) = twice.check() else {
        panic!("{:?}", twice.check())
    };
    assert_eq!((kind, &*name), ("tool", "greet"));
    let long = "a".repeat(129);
    for name in ["", "two words", "é", &long] {
        let bad = Server::new("s", "1").prompt(Prompt::new(name.to_string()), |_, _| Ok(""));
        assert!(matches!(bad.check(), Err(DefinitionError::Name { .. })));
    }
    let resources = Server::new("s", "1")
        .resource(Resource::new("test://a", "a"), |_| Ok("a"))
        .resource(Resource::new("test://a", "b"), |_| Ok("b"));
    assert!(
        resources
            .check()
            .unwrap_err()
            .to_string()
            .contains("test://a")
    );
    assert_eq!(greeter().check(), Ok(()));
}

#[test]
fn one_request_is_answered_without_an_adapter() {
    // `stateless.reuse`
    assert_eq!(
        greeter().stateless().unwrap_err(),
        DefinitionError::NoSeal,
        "said when the server is built"
    );
    let legacy = greeter().unsealed_state();
    let legacy = legacy.revisions(vec![Revision::V2025_11_25]);
    assert_eq!(
        legacy.stateless().unwrap_err(),
        DefinitionError::NotStateless
    );
    let stateless = greeter().unsealed_state().stateless().unwrap();
    let frame = call_frame(1, "greet", json!({})).to_string();
    let answers = stateless.answer(frame, None);
    assert_eq!(answers.len(), 1);
    let answer: Value = serde_json::from_slice(&answers[0]).unwrap();
    assert_eq!(answer["result"]["content"][0]["text"], "hello");
    let cancel = r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}"#;
    assert!(stateless.answer(cancel, None).is_empty());
}

#[test]
fn everything_that_is_offered_can_be_a_future() {
    use mcp_proto::model::completion::CompleteParams;
    use mcp_proto::model::method::{Complete, GetPrompt, ReadResource};
    use mcp_proto::model::prompt::{Arguments, GetPromptParams};
    use mcp_proto::model::resource::ReadResourceParams;

    for (revision, _way) in by_every_way(Revision::ALL) {
        let server = Server::new("s", "1")
            .resource_async(Resource::new("test://a", "a"), |_| async { Ok("contents") })
            .resource_template_async(
                ResourceTemplate::new("test://by/{id}", "by"),
                |_, values| {
                    let id = values.get("id").unwrap_or_default().to_string();
                    async move { Ok(id) }
                },
            )
            .unwrap()
            .prompt_async(
                Prompt::new("poem").argument(PromptArgument::new("theme").required(true)),
                |_, given: Arguments<'static>| async move {
                    Ok(given.get("theme").unwrap_or_default().to_string())
                },
            )
            .completion_async(
                PromptReference::new("poem"),
                "theme",
                |_, typed| async move { Ok(vec![format!("{typed}!")]) },
            );
        let mut drive = Drive::new(revision, vec![Either::from(server)]);
        let read = drive.run::<ReadResource>(&ReadResourceParams::new("test://a"));
        assert_eq!(read.unwrap()["contents"][0]["text"], "contents");
        let read = drive.run::<ReadResource>(&ReadResourceParams::new("test://by/7"));
        assert_eq!(read.unwrap()["contents"][0]["text"], "7");
        let arguments = Arguments::new().with("theme", "socks");
        let prompt = drive.run::<GetPrompt>(&GetPromptParams::new("poem").arguments(arguments));
        assert_eq!(prompt.unwrap()["messages"][0]["content"]["text"], "socks");
        let asked = CompleteParams::new(PromptReference::new("poem"), "theme", "so");
        let completed = drive.run::<Complete>(&asked).unwrap();
        assert_eq!(completed["completion"]["values"], json!(["so!"]));
    }
}

#[test]
fn a_path_that_a_client_names_stays_below_its_folder() {
    use mcp_proto::server::SafePath;

    for bad in [
        "", ".", "..", "/etc", "a//b", "a/../b", "a/", "c:x", "a\\b", "a\0b", "a/b.", "a ", "~/\n",
    ] {
        assert!(SafePath::new(bad).is_err(), "{bad:?}");
    }
    for good in ["a", "a/b.txt", ".hidden", "a b/ü", "..."] {
        assert_eq!(SafePath::new(good).is_ok(), good != "...", "{good}");
    }
    assert!(serde_json::from_str::<SafePath>(r#""../x""#).is_err());
}

#[test]
fn a_service_without_room_for_events_takes_one_request_after_the_other() {
    for change in [
        |limits: &mut Limits| limits.events = 0,
        |limits: &mut Limits| limits.memory = 0,
    ] {
        let mut limits = Limits::default();
        change(&mut limits);
        let mut service = greeter().limits(limits).service();
        for id in 0..3 {
            assert!(service.wants_frames());
            give(&mut service, &call_frame(id, "greet", json!({})));
            assert!(!service.wants_frames());
            let outcome = job(&mut service).run();
            assert!(service.handle_outcome(NOW, outcome));
            assert_eq!(sent(&mut service).len(), 1);
        }
    }
}
