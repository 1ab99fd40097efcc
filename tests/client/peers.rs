//! The blocking client drives servers that other people wrote, as processes and at URLs.
//!
//! The environment variable `MCP_CLIENT_PEERS` has the command lines of the fixture servers, one a
//! line, or their URLs with the feature `hyper-client`, `MCP_CLIENT_EVERYTHING` that of the reference server "everything", and
//! `MCP_CLIENT_TASKS` that of `rmcp-tasks`. Without them nothing is tried, and the tests say so. Servers that are no good need nothing but a shell.

use std::env;
use std::io::Write;
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::Duration;

use mcp_proto::client::{ClientError, ClientOptions, ToolCall};
use mcp_proto::io::blocking::{BlockingClient, Started};
use mcp_proto::io::child::Command;
use mcp_proto::model::completion::{CompleteParams, PromptReference};
use mcp_proto::model::elicitation::{ElicitParams, ElicitResult};
use mcp_proto::model::form::FormContent;
use mcp_proto::model::logging::LoggingLevel;
use mcp_proto::model::owned::IntoOwned;
use mcp_proto::model::prompt::{Arguments, GetPromptParams};
use mcp_proto::model::sampling::CreateMessageResult;
use mcp_proto::model::task::TaskStatus;
use mcp_proto::session::CallError;
use serde_json::json;

fn client(line: &str, options: ClientOptions) -> BlockingClient {
    #[cfg(feature = "hyper-client")]
    if line.contains("://") {
        return BlockingClient::url(options, line);
    }
    let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
    BlockingClient::new(options, move |client| {
        let (program, rest) = words.split_first().expect("a command line has a program");
        Command::new(program)
            .args(rest)
            .stderr_quiet()
            .connect(client)
    })
}

fn options(logged: &Arc<Mutex<Vec<String>>>) -> ClientOptions {
    let log = Arc::clone(logged);
    ClientOptions::new("peers", "1")
        .timeout(Duration::from_secs(30))
        .on_log(move |message| log.lock().unwrap().push(message.data.to_string()))
        .sampling(|params| {
            let asked = params.messages[0]
                .content
                .as_text()
                .unwrap_or_default()
                .to_owned();
            Ok(CreateMessageResult::text("m", format!("echo of {asked}")))
        })
        .elicitation(|params| Ok(ElicitResult::accept(filled(&params))))
}

/// What the form says beforehand, and a word in each field that it requires.
fn filled(params: &ElicitParams<'_>) -> FormContent<'static> {
    let ElicitParams::Form(form) = params else {
        return FormContent::new();
    };
    let schema = &form.requested_schema;
    let required = schema.required.iter().flatten();
    required.fold(schema.clone().into_owned().defaults(), |content, name| {
        content.with(name.to_string(), "mine")
    })
}

/// The command lines in an environment variable; says aloud when there are none.
fn command_lines(variable: &str) -> Option<String> {
    let lines = env::var_os(variable);
    if lines.is_none() {
        // Past the harness, which keeps what a test prints to itself as long as it passes.
        let told = format!("LEFT OUT: no peers for the client, {variable} is not set\n");
        drop(std::io::stderr().write_all(told.as_bytes()));
    }
    lines.map(|lines| lines.into_string().expect("command lines are text"))
}

#[test]
fn servers_that_other_people_wrote_are_driven() {
    let Some(lines) = command_lines("MCP_CLIENT_PEERS") else {
        return;
    };
    for line in lines.lines().filter(|line| !line.is_empty()) {
        let logged = Arc::default();
        let client = client(line, options(&logged));
        client.open().unwrap();
        tools(&client);
        input(&client);
        resources(&client);
        prompts(&client);
        logging(&client, &logged);
        cancelling(&client);
        many(&client);
        client.close().unwrap();
    }
}

fn said(client: &BlockingClient, tool: &str, arguments: serde_json::Value) -> String {
    let output = client.call_tool(tool, &arguments).unwrap();
    output.value.as_text().expect("it says a text").to_owned()
}

fn tools(client: &BlockingClient) {
    let tools = client.list_tools().unwrap();
    assert!(tools.iter().any(|tool| tool.name == "test_simple_text"));
    assert!(tools.is_same(&client.list_tools().unwrap()) || client_is_modern(client));
    let text = said(client, "test_simple_text", json!({}));
    assert_eq!(text, "This is a simple text response for testing.");
    let error = client
        .call_tool("test_error_handling", json!({}))
        .unwrap_err();
    let message = error.retry_message().expect("the model may try again");
    assert!(message.contains("test_error_handling"), "{message}");
    let steps = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&steps);
    let call = ToolCall::new("test_tool_with_progress")
        .on_progress(move |progress| seen.lock().unwrap().push(progress.progress));
    client.call(call).unwrap();
    assert!(steps.lock().unwrap().ends_with(&[100.0]));
}

fn client_is_modern(client: &BlockingClient) -> bool {
    let revision = client.revision().unwrap().expect("it was opened");
    revision.era() == mcp_proto::Era::Modern
}

fn input(client: &BlockingClient) {
    // In the modern era these fixtures ask by tools of their own.
    if client_is_modern(client) {
        let verse = said(client, "test_input_required_result_sampling", json!({}));
        assert!(verse.contains("echo of"), "{verse}");
        client
            .call_tool("test_input_required_result_elicitation", json!({}))
            .unwrap();
        return;
    }
    let verse = said(client, "test_sampling", json!({"prompt": "a prompt"}));
    assert_eq!(verse, "LLM response: echo of a prompt");
    let answer = said(client, "test_elicitation", json!({"message": "who?"}));
    assert_eq!(answer, "User response: accept mine");
}

fn resources(client: &BlockingClient) {
    let resources = client.list_resources().unwrap();
    assert!(
        resources
            .iter()
            .any(|resource| resource.uri == "test://static-text")
    );
    assert_eq!(client.list_resource_templates().unwrap().len(), 1);
    let text = client.read_resource("test://static-text").unwrap();
    assert!(
        text.value
            .as_text()
            .unwrap()
            .contains("static text resource")
    );
    let filled = client.read_resource("test://template/7/data").unwrap();
    assert!(filled.value.as_text().unwrap().contains('7'));
    let error = client.read_resource("test://none").unwrap_err();
    assert!(matches!(error, ClientError::Rpc(_)), "{error:?}");
}

fn prompts(client: &BlockingClient) {
    assert!(client.list_prompts().unwrap().len() >= 2);
    let arguments = Arguments::new().with("arg1", "a").with("arg2", "b");
    let params = GetPromptParams::new("test_prompt_with_arguments").arguments(arguments);
    let prompt = client.get_prompt(params).unwrap();
    assert!(
        prompt.messages[0]
            .content
            .as_text()
            .unwrap()
            .contains("arg1='a'")
    );
    let reference = PromptReference::new("test_prompt_with_arguments");
    let params = CompleteParams::new(reference, "arg1", "par");
    let completion = client.complete(params).unwrap();
    assert_eq!(completion.completion.values.len(), 3);
}

fn logging(client: &BlockingClient, logged: &Arc<Mutex<Vec<String>>>) {
    client.ping().unwrap();
    client.set_log_level(LoggingLevel::Info).unwrap();
    client
        .call_tool("test_tool_with_logging", json!({}))
        .unwrap();
    // Modern messages belong to the call that asks for them, which not every server goes by.
    assert!(logged.lock().unwrap().len() >= 3 || client_is_modern(client));
}

/// A call that takes too long ends, and the server goes on.
fn cancelling(client: &BlockingClient) {
    let slow = ToolCall::new("slow")
        .arguments(json!({"seconds": 30.0}))
        .unwrap();
    let error = client
        .call(slow.read_timeout(Duration::from_millis(300)))
        .unwrap_err();
    assert!(matches!(error, ClientError::TimedOut { .. }), "{error:?}");
    assert_eq!(
        said(client, "test_simple_text", json!({})),
        "This is a simple text response for testing."
    );
}

/// Many calls at once, the slow ones first.
fn many(client: &BlockingClient) {
    let (done, order) = mpsc::channel();
    thread::scope(|scope| {
        for n in 0..16 {
            let (client, done) = (client.clone(), done.clone());
            scope.spawn(move || {
                let seconds = if n == 0 { 0.5 } else { 0.0 };
                assert_eq!(said(&client, "slow", json!({"seconds": seconds})), "slept");
                done.send(n).unwrap();
            });
        }
    });
    drop(done);
    assert_eq!(order.iter().last(), Some(0), "the slow one held up nobody");
}

#[test]
fn the_reference_server_everything_is_driven() {
    let Some(line) = command_lines("MCP_CLIENT_EVERYTHING") else {
        return;
    };
    let logged = Arc::default();
    let client = client(line.trim(), options(&logged));
    client.open().unwrap();
    let tools = client.list_tools().unwrap();
    assert!(tools.iter().any(|tool| tool.name == "echo"));
    let text = said(&client, "echo", json!({"message": "hi there"}));
    assert!(text.contains("hi there"), "{text}");
    let bad = client.call_tool("get-sum", json!({"a": "not-a-number", "b": 1}));
    assert!(matches!(bad, Err(ClientError::Retry(_))), "{bad:?}");
    long_operation(&client);
    let verse = said(
        &client,
        "trigger-sampling-request",
        json!({"prompt": "hello", "maxTokens": 10}),
    );
    assert!(verse.contains("echo of"), "{verse}");
    client
        .call_tool("trigger-elicitation-request", json!({}))
        .unwrap();
    assert!(!client.list_resources().unwrap().is_empty());
    assert!(!client.list_resource_templates().unwrap().is_empty());
    let filled = client.read_resource("demo://resource/dynamic/text/1");
    assert!(filled.unwrap().value.as_text().is_some());
    everything_prompts(&client);
    client.ping().unwrap();
    client.close().unwrap();
}

/// Progress comes, and a call that takes too long ends without harm.
fn long_operation(client: &BlockingClient) {
    let steps = Arc::new(Mutex::new(0));
    let seen = Arc::clone(&steps);
    let call = ToolCall::new("trigger-long-running-operation")
        .arguments(json!({"duration": 1, "steps": 4}))
        .unwrap();
    client
        .call(call.on_progress(move |_| *seen.lock().unwrap() += 1))
        .unwrap();
    assert!(*steps.lock().unwrap() >= 3);
    let slow = ToolCall::new("trigger-long-running-operation")
        .arguments(json!({"duration": 30, "steps": 3}))
        .unwrap();
    let error = client
        .call(slow.read_timeout(Duration::from_millis(300)))
        .unwrap_err();
    assert!(matches!(error, ClientError::TimedOut { .. }), "{error:?}");
}

fn everything_prompts(client: &BlockingClient) {
    assert!(client.list_prompts().unwrap().len() >= 2);
    let arguments = Arguments::new().with("city", "Lima").with("state", "none");
    let params = GetPromptParams::new("args-prompt").arguments(arguments);
    let prompt = client.get_prompt(params).unwrap();
    let text = prompt.messages[0].content.as_text().unwrap();
    assert!(text.contains("Lima"), "{text}");
    let reference = PromptReference::new("completable-prompt");
    let params = CompleteParams::new(reference, "department", "E");
    let completion = client.complete(params).unwrap();
    assert!(!completion.completion.values.is_empty());
}

/// How opening a server that a shell runs fails, which it does soon.
#[cfg(unix)]
fn opening(script: &'static str) -> ClientError {
    let options = ClientOptions::new("peers", "1").timeout(Duration::from_millis(600));
    let client = BlockingClient::new(options, move |client| {
        Command::new("sh")
            .args(["-c", script])
            .stderr_quiet()
            .close_wait(Duration::ZERO)
            .connect(client)
    });
    client.open().unwrap_err()
}

#[cfg(unix)]
#[test]
fn a_server_that_dies_hangs_or_floods_fails_the_opening_and_says_so() {
    let died = opening("read line; echo no key >&2; exit 3").to_string();
    assert!(died.contains("exit status: 3"), "{died}");
    let hung = opening("exec sleep 60").to_string();
    assert!(hung.contains("600ms"), "{hung}");
    let flooded = opening("exec yes").to_string();
    assert!(flooded.contains("600ms"), "{flooded}");
}

#[test]
fn tasks_of_a_server_on_rmcp_are_waited_for_handed_out_and_cancelled() {
    let Some(line) = command_lines("MCP_CLIENT_TASKS") else {
        return;
    };
    let options = options(&Arc::default())
        .tasks(true)
        .elicitation(|_| Ok(ElicitResult::accept(FormContent::new().with("name", "Ann"))));
    let client = client(line.trim(), options);
    client.open().unwrap();
    assert!(client_is_modern(&client));
    assert_eq!(said(&client, "sum", json!({})), "42");
    assert_eq!(said(&client, "ask", json!({})), "Ann");
    let failed = client.call_tool("fails", json!({})).unwrap_err();
    assert!(failed.to_string().contains("broken"), "{failed}");
    let start = |tool: &str| match client.start_tool(tool, json!({})).unwrap() {
        Started::Task(task) => task,
        other => panic!("{tool} is no task: {other:?}"),
    };
    // Whoever knows its id has its result.
    let id = start("sum").id().to_owned();
    let output = client.task(id).wait().unwrap();
    assert_eq!(output.value.as_text(), Some("42"));
    let task = start("endless");
    assert_eq!(task.status().unwrap().status, TaskStatus::Working);
    task.cancel().unwrap();
    let ended = task.wait();
    assert_eq!(ended, Err(ClientError::Call(CallError::TaskCancelled)));
    assert_eq!(task.status().unwrap().status, TaskStatus::Cancelled);
    client.close().unwrap();
}
