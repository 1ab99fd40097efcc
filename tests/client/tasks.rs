//! Tools that go on as tasks of their server, by the handles: waited for without a word, handed out,
//! picked up again, and cancelled.

use std::io::{self, BufRead, BufReader, PipeReader, PipeWriter, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use mcp_proto::client::{ClientError, ClientOptions, Operation, Output, ToolCall};
use mcp_proto::io::blocking::{
    BlockingClient, BlockingTask, Canceller, Connection, ServeOptions, Started, serve_connection,
};
use mcp_proto::io::nonblocking::{AsyncClient, Threaded};
use mcp_proto::model::elicitation::{ElicitRequestFormParams, ElicitResult};
use mcp_proto::model::schema::BooleanSchema;
use mcp_proto::model::task::TaskStatus;
use mcp_proto::model::tool::{NO_ARGUMENTS_SCHEMA, TaskSupport, Tool};
use mcp_proto::server::{Context, Elicited, HandlerError, MemoryTasks, Server};
use mcp_proto::session::{CallError, EraPolicy, Invalid, Misuse};
use serde_json::{Value, json};

/// The eras that have tasks.
const ERAS: [EraPolicy; 2] = [EraPolicy::Legacy, EraPolicy::Modern];

/// What a server knows of its only task, over all connections to it.
#[derive(Default)]
struct State {
    /// Everything it was sent.
    heard: Vec<Value>,
    polls: usize,
    is_answered: bool,
    is_cancelled: bool,
    /// The `tasks/result` that waits for the answer.
    waiting: Option<Value>,
}

/// A server whose tool `slow` asks its user and then ends, as a task, once it was asked after a few
/// times; `endless` never ends; `quick` has no task.
#[derive(Clone, Default)]
struct Tasks(Arc<Mutex<State>>);

impl Tasks {
    fn methods(&self) -> Vec<String> {
        let state = self.0.lock().unwrap();
        let methods = state
            .heard
            .iter()
            .filter_map(|frame| frame["method"].as_str());
        methods.map(str::to_owned).collect()
    }

    /// The first message of `method` that the server was sent.
    fn heard(&self, method: &str) -> Value {
        let state = self.0.lock().unwrap();
        let found = state.heard.iter().find(|frame| frame["method"] == method);
        found.cloned().unwrap_or(Value::Null)
    }

    /// Waits until the server was sent `method`.
    fn hears(&self, method: &str) {
        for _ in 0..2000 {
            if self.methods().iter().any(|heard| heard == method) {
                return;
            }
            thread::sleep(Duration::from_millis(5));
        }
        panic!("{method} never came: {:?}", self.methods());
    }

    fn connect(&self) -> io::Result<(PipeReader, PipeWriter)> {
        let (from_client, to_server) = io::pipe()?;
        let (from_server, to_client) = io::pipe()?;
        let tasks = self.clone();
        support::thread::spawn(move || tasks.serve(from_client, to_client));
        Ok((from_server, to_server))
    }

    fn serve(&self, from_client: PipeReader, mut to_client: PipeWriter) {
        let mut endless = false;
        for line in BufReader::new(from_client).lines() {
            let Ok(line) = line else { return };
            let frame: Value = serde_json::from_str(&line).unwrap();
            self.0.lock().unwrap().heard.push(frame.clone());
            if frame["params"]["name"] == "endless" {
                endless = true;
            }
            for answer in self.answers(&frame, endless) {
                if writeln!(to_client, "{answer}").is_err() {
                    return;
                }
            }
        }
    }

    /// What the server says to a frame.
    fn answers(&self, frame: &Value, endless: bool) -> Vec<Value> {
        let is_new = !frame["params"]["_meta"]["io.modelcontextprotocol/protocolVersion"].is_null();
        let mut state = self.0.lock().unwrap();
        let mut before = Vec::new();
        let result = match frame["method"].as_str() {
            Some("initialize") => json!({
                "protocolVersion": "2025-11-25",
                "capabilities": {"tools": {}, "tasks": {"cancel": {}, "requests": {"tools": {"call": {}}}}},
                "serverInfo": {"name": "tasks", "version": "1"},
            }),
            Some("server/discover") => json!({
                "supportedVersions": ["2026-07-28"], "ttlMs": 0, "cacheScope": "private",
                "capabilities": {"tools": {}, "extensions": {"io.modelcontextprotocol/tasks": {}}},
            }),
            Some("tools/list") => json!({"ttlMs": 60_000, "cacheScope": "private", "tools": [
                {"name": "slow", "inputSchema": {"type": "object"}, "execution": {"taskSupport": "required"}},
                {"name": "endless", "inputSchema": {"type": "object"}, "execution": {"taskSupport": "optional"}},
                {"name": "quick", "inputSchema": {"type": "object"}},
            ]}),
            Some("tools/call") if frame["params"]["name"] == "quick" => text("quick"),
            Some("tools/call") if is_new => task(true, "working", json!({"resultType": "task"})),
            Some("tools/call") if frame["params"]["task"].is_object() => {
                json!({"task": task(false, "working", json!({}))})
            }
            Some("tools/call") => return vec![error(frame, -32601)],
            Some("tasks/get") if frame["params"]["taskId"] != "t1" => {
                return vec![error(frame, -32602)];
            }
            Some("tasks/get") => {
                state.polls += 1;
                let status = match () {
                    () if state.is_cancelled => "cancelled",
                    () if endless || state.polls == 1 => "working",
                    () if !state.is_answered => "input_required",
                    () => "completed",
                };
                let question = json!({"method": "elicitation/create", "params": {"mode": "form",
                    "message": "Sure?", "requestedSchema": {"type": "object", "properties": {}}}});
                let more = match status {
                    "input_required" if is_new => json!({"inputRequests": {"sure": question}}),
                    "completed" if is_new => json!({"result": text("done")}),
                    _ => json!({}),
                };
                task(is_new, status, more)
            }
            Some("tasks/result") => {
                if !state.is_answered {
                    before.push(
                        json!({"jsonrpc": "2.0", "id": "sure", "method": "elicitation/create",
                        "params": {"mode": "form", "message": "Sure?",
                            "requestedSchema": {"type": "object", "properties": {}},
                            "_meta": {"io.modelcontextprotocol/related-task": {"taskId": "t1"}}}}),
                    );
                }
                if !state.is_answered {
                    state.waiting = Some(frame["id"].clone());
                    return before;
                }
                text("done")
            }
            Some("tasks/update") => {
                state.is_answered = true;
                json!({})
            }
            Some("tasks/cancel") => {
                state.is_cancelled = true;
                match is_new {
                    true => json!({}),
                    false => task(false, "cancelled", json!({})),
                }
            }
            _ => {
                state.is_answered |= frame["id"] == "sure";
                let ended = state.waiting.take_if(|_| frame["id"] == "sure");
                let answer = |id| json!({"jsonrpc": "2.0", "id": id, "result": text("done")});
                return ended.into_iter().map(answer).collect();
            }
        };
        let mut result = result;
        if is_new && result["resultType"].is_null() {
            result["resultType"] = json!("complete");
        }
        before.push(json!({"jsonrpc": "2.0", "id": frame["id"], "result": result}));
        before
    }
}

fn error(frame: &Value, code: i64) -> Value {
    json!({"jsonrpc": "2.0", "id": frame["id"], "error": {"code": code, "message": "no"}})
}

fn text(text: &str) -> Value {
    json!({"content": [{"type": "text", "text": text}]})
}

fn task(is_new: bool, status: &str, more: Value) -> Value {
    let mut task = json!({
        "taskId": "t1", "status": status,
        "createdAt": "2026-01-02T03:04:05Z", "lastUpdatedAt": "2026-01-02T03:04:05Z",
    });
    let (ttl, interval) = match is_new {
        true => ("ttlMs", "pollIntervalMs"),
        false => ("ttl", "pollInterval"),
    };
    task[ttl] = json!(60_000);
    task[interval] = json!(1);
    for (key, value) in more.as_object().into_iter().flatten() {
        task[key] = value.clone();
    }
    task
}

fn options(era: EraPolicy) -> ClientOptions {
    ClientOptions::new("tasks", "1")
        .era(era)
        .tasks(true)
        .elicitation(|_| Ok(ElicitResult::decline()))
}

fn client(tasks: &Tasks, era: EraPolicy) -> BlockingClient {
    let tasks = tasks.clone();
    let client = BlockingClient::new(options(era), move |client| {
        let (reader, writer) = tasks.connect()?;
        Connection::new(client, reader, writer)
    });
    client.open().unwrap();
    client
}

fn started(client: &BlockingClient, name: &str) -> BlockingTask {
    match client.start_tool(name, json!({})).unwrap() {
        Started::Task(task) => task,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_call_waits_for_its_task_and_answers_what_that_asks() {
    // `task25.tool.required`, `task25.input`, `task26.both`, `task26.trust`
    for era in ERAS {
        let tasks = Tasks::default();
        let client = client(&tasks, era);
        assert_eq!(client.list_tools().unwrap().len(), 3);
        let output = client.call_tool("slow", json!({})).unwrap();
        assert_eq!(output.value.as_text(), Some("done"));
        let asked = tasks.heard("tools/call");
        assert_eq!(
            asked["params"]["task"].is_object(),
            era == EraPolicy::Legacy
        );
        let methods = tasks.methods();
        assert!(
            methods.iter().any(|method| method == "tasks/get"),
            "{methods:?}"
        );
        assert!(tasks.0.lock().unwrap().is_answered);
        client.close().unwrap();
    }
}

#[test]
fn a_task_is_handed_out_and_picked_up_by_another_client() {
    // `task26.poll`, `task25.poll`, `task25.err.unknown`, `task26.err`
    for era in ERAS {
        let tasks = Tasks::default();
        let first = client(&tasks, era);
        let id = started(&first, "slow").id().to_owned();
        assert_eq!(id, "t1");
        first.close().unwrap();
        let second = client(&tasks, era);
        let task = second.task(id);
        assert_eq!(task.status().unwrap().status, TaskStatus::Working);
        assert_eq!(task.wait().unwrap().value.as_text(), Some("done"));
        assert_eq!(task.status().unwrap().status, TaskStatus::Completed);
        let unknown = second.task("t2").wait();
        assert!(matches!(unknown, Err(ClientError::Retry(_))), "{unknown:?}");
        let unknown = second.task("t2").status();
        assert!(matches!(unknown, Err(ClientError::Rpc(_))), "{unknown:?}");
        second.close().unwrap();
    }
}

#[test]
fn a_task_that_is_cancelled_by_its_handle_ends_the_waiting() {
    // `task25.cancel`, `task26.cancel`
    for era in ERAS {
        let tasks = Tasks::default();
        let client = client(&tasks, era);
        let task = started(&client, "endless");
        let waiting = {
            let task = task.clone();
            support::thread::spawn(move || task.wait())
        };
        tasks.hears("tasks/get");
        task.cancel().unwrap();
        let ended = waiting.join().unwrap();
        assert_eq!(ended, Err(ClientError::Call(CallError::TaskCancelled)));
        client.close().unwrap();
    }
}

#[test]
fn a_call_that_is_cancelled_takes_its_task_with_it_and_a_waiting_does_not() {
    // `cancel.task`, `task26.cancel`
    for era in ERAS {
        let tasks = Tasks::default();
        let client = client(&tasks, era);
        let task = started(&client, "endless");
        let canceller = Canceller::new();
        let waiting = client.with_canceller(&canceller).task(task.id());
        let waiting = support::thread::spawn(move || waiting.wait());
        tasks.hears("tasks/get");
        canceller.cancel();
        assert_eq!(waiting.join().unwrap(), Err(ClientError::Cancelled));
        assert!(
            !tasks
                .methods()
                .iter()
                .any(|method| method == "tasks/cancel")
        );
        if era == EraPolicy::Legacy {
            // It is the client that asks for tasks, and of this tool it doesn't by itself.
            client.close().unwrap();
            continue;
        }
        let canceller = Canceller::new();
        let calling = client.with_canceller(&canceller);
        let before = tasks.0.lock().unwrap().polls;
        let calling = support::thread::spawn(move || calling.call_tool("endless", json!({})));
        while tasks.0.lock().unwrap().polls == before {
            thread::sleep(Duration::from_millis(5));
        }
        canceller.cancel();
        assert_eq!(calling.join().unwrap(), Err(ClientError::Cancelled));
        tasks.hears("tasks/cancel");
        assert!(
            !tasks
                .methods()
                .iter()
                .any(|method| method == "notifications/cancelled")
        );
        client.close().unwrap();
    }
}

#[test]
fn a_tool_that_has_no_tasks_is_not_asked_for_one() {
    // `task25.tool.forbidden`, `task25.tool.optional`
    let tasks = Tasks::default();
    let legacy = client(&tasks, EraPolicy::Legacy);
    for name in ["quick", "unheard of"] {
        let refused = legacy.start_tool(name, json!({})).unwrap_err();
        assert_eq!(refused, Misuse::Invalid(Invalid::TaskForbidden).into());
    }
    assert!(!tasks.methods().iter().any(|method| method == "tools/call"));
    let quick = legacy.call_tool("quick", json!({})).unwrap();
    assert_eq!(quick.value.as_text(), Some("quick"));
    assert!(tasks.heard("tools/call")["params"].get("task").is_none());
    legacy.close().unwrap();
    // A modern server that answers at once has no task to hand out.
    let modern = client(&tasks, EraPolicy::Modern);
    match modern.start(ToolCall::new("quick")).unwrap() {
        Started::Done(output) => assert_eq!(output.value.as_text(), Some("quick")),
        other => panic!("{other:?}"),
    }
    modern.close().unwrap();
}

#[test]
fn a_client_that_may_not_have_tasks_starts_none() {
    // `task26.id`, `task26.gate`
    let tasks = Tasks::default();
    let connected = tasks.clone();
    let options = ClientOptions::new("tasks", "1").era(EraPolicy::Modern);
    let client = BlockingClient::new(options, move |client| {
        let (reader, writer) = connected.connect()?;
        Connection::new(client, reader, writer)
    });
    client.open().unwrap();
    let refused = client.start_tool("slow", json!({})).unwrap_err();
    assert!(
        matches!(refused, ClientError::Misuse(Misuse::NotDeclared(_))),
        "{refused:?}"
    );
    // One that comes all the same is no result.
    let odd = client.call_tool("slow", json!({})).unwrap_err();
    assert!(
        matches!(odd, ClientError::Call(CallError::BadResult { .. })),
        "{odd:?}"
    );
    let shown = client.run(Operation::GetTask("t1".into()));
    assert!(matches!(shown, Ok(Output::Task(_))), "{shown:?}");
    client.close().unwrap();
}

#[test]
fn a_future_that_is_dropped_takes_its_task_with_it() {
    // `task26.cancel`, `cancel.task`
    for era in ERAS {
        let tasks = Tasks::default();
        let connected = tasks.clone();
        let (give, given) = mpsc::channel();
        let driving = support::thread::spawn(move || {
            let (client, driver) = AsyncClient::new(options(era), async move |client| {
                let (reader, writer) = connected.connect()?;
                Threaded::new(Connection::new(client, reader, writer)?)
            });
            give.send(client).unwrap();
            block_on(driver);
        });
        let client = given.recv().unwrap();
        block_on(async {
            client.open().await.unwrap();
            if era == EraPolicy::Legacy {
                client.list_tools().await.unwrap();
            }
        });
        let name = match era {
            EraPolicy::Legacy => "slow",
            _ => "endless",
        };
        let mut call = Box::pin(client.call_tool(name, json!({})));
        let waker = std::task::Waker::noop();
        let mut context = std::task::Context::from_waker(waker);
        assert!(call.as_mut().poll(&mut context).is_pending());
        tasks.hears("tasks/get");
        drop(call);
        tasks.hears("tasks/cancel");
        block_on(client.close()).unwrap();
        drop(client);
        driving.join().unwrap();
    }
}

/// A server of ours whose tools are straight-line code: one asks its user twice, reports and logs, and
/// fails if it is told to.
fn own_server(store: &MemoryTasks) -> Server {
    let clock = || {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        u64::try_from(since.as_millis()).unwrap()
    };
    let drawn = AtomicU64::new(1);
    let entropy = move |bytes: &mut [u8]| {
        bytes[..8].copy_from_slice(&drawn.fetch_add(1, Ordering::SeqCst).to_be_bytes());
        Ok(())
    };
    let tasks = mcp_proto::server::Tasks::new(store.clone(), clock, entropy)
        .poll_interval(Duration::from_millis(100));
    let trip = |context: &Context, _: Value| -> Result<String, HandlerError> {
        let form = || ElicitRequestFormParams::new("Sure?").optional("yes", BooleanSchema::new());
        let first = context.elicit::<Value>("first", form())?;
        let second = context.elicit::<Value>("second", form())?;
        let said = |answer: &Elicited<Value>| matches!(answer, Elicited::Declined);
        Ok(format!(
            "{} {} {}",
            context.is_task(),
            said(&first),
            said(&second)
        ))
    };
    let tool = |name: &'static str, support: TaskSupport<'static>| {
        Tool::new(name, NO_ARGUMENTS_SCHEMA).task_support(support)
    };
    Server::new("own", "1")
        .unsealed_state()
        .tasks(tasks)
        .tool(tool("trip", TaskSupport::Required), trip)
        .tool(tool("fails", TaskSupport::Required), |_, _: Value| {
            Err::<String, _>(HandlerError::from("out of ink"))
        })
}

fn own_client(store: &MemoryTasks, era: EraPolicy) -> BlockingClient {
    let store = store.clone();
    let client = BlockingClient::new(options(era), move |client| {
        let (from_client, to_server) = io::pipe()?;
        let (from_server, to_client) = io::pipe()?;
        let server = own_server(&store);
        support::thread::spawn(move || {
            let connection = Connection::new(server.service(), from_client, to_client).unwrap();
            serve_connection(connection, ServeOptions::default()).unwrap();
        });
        Connection::new(client, from_server, to_server)
    });
    client.open().unwrap();
    client.list_tools().unwrap();
    client
}

#[test]
fn our_client_and_our_server_agree_about_tasks() {
    // `task25.input`, `task25.failed`, `task26.get`, `task26.failed`, `task26.update`
    for era in ERAS {
        let store = MemoryTasks::default();
        let client = own_client(&store, era);
        let output = client.call_tool("trip", json!({})).unwrap();
        assert_eq!(output.value.as_text(), Some("true true true"), "{era:?}");
        let failed = client.call_tool("fails", json!({})).unwrap_err();
        let said = failed.retry_message().unwrap_or_default();
        assert!(said.contains("out of ink"), "{era:?}: {said}");
        // Another connection waits for what this one has begun.
        let id = started(&client, "trip").id().to_owned();
        client.close().unwrap();
        let other = own_client(&store, era);
        let task = other.task(id);
        let output = task.wait().unwrap();
        assert_eq!(output.value.as_text(), Some("true true true"), "{era:?}");
        assert_eq!(task.status().unwrap().status, TaskStatus::Completed);
        other.close().unwrap();
    }
}

/// Polls a future on this thread until it is ready.
fn block_on<T>(future: impl Future<Output = T>) -> T {
    struct Unpark(thread::Thread);

    impl std::task::Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }

    let waker = Arc::new(Unpark(thread::current())).into();
    let mut context = std::task::Context::from_waker(&waker);
    let mut future = std::pin::pin!(future);
    loop {
        match future.as_mut().poll(&mut context) {
            std::task::Poll::Ready(value) => return value,
            std::task::Poll::Pending => thread::park(),
        }
    }
}
