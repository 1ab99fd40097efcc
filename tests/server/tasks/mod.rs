//! Calls that run as tasks: instances of a server that share a store, with time as a value; steps are
//! taken when a test says so, so that an instance can be killed between any two of them.

mod faulty;
mod hostile;
mod legacy;
mod modern;
mod restart;
mod stores;
mod tampered;
mod watched;

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context as Waiting, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use mcp_proto::model::elicitation::ElicitRequestFormParams;
use mcp_proto::model::logging::LoggingLevel;
use mcp_proto::model::sampling::{CreateMessageParams, SamplingMessage};
use mcp_proto::model::schema::{BooleanSchema, StringSchema};
use mcp_proto::model::tool::TaskSupport;
use mcp_proto::rpc::RpcError;
use mcp_proto::server::{
    Context, Event, HandlerError, MemoryTasks, Server, Service, TaskStep, TaskStore, Tasks,
};
use mcp_proto::session::{Route, Session};
use mcp_proto::{Instant, Tool};
use serde_json::{Value, json};

use support::server::tool;

pub const MODERN: &str = "2026-07-28";
pub const TASKS: &str = "io.modelcontextprotocol/tasks";

/// The time of day that instances agree on.
#[derive(Clone, Default)]
pub struct Time(Arc<AtomicU64>);

impl Time {
    pub fn pass(&self, time: Duration) {
        let millis = u64::try_from(time.as_millis()).unwrap();
        self.0.fetch_add(millis, Ordering::SeqCst);
    }

    fn now(&self) -> u64 {
        1_700_000_000_000 + self.0.load(Ordering::SeqCst)
    }
}

static DRAWN: AtomicU64 = AtomicU64::new(1);

pub fn tasks(store: impl TaskStore, time: &Time) -> Tasks {
    let time = time.clone();
    let drawn = |bytes: &mut [u8]| {
        let number = DRAWN.fetch_add(1, Ordering::SeqCst);
        bytes[..8].copy_from_slice(&number.to_be_bytes());
        Ok(())
    };
    Tasks::new(store, move || time.now(), drawn)
}

fn may(name: &'static str) -> Tool<'static> {
    tool(name).task_support(TaskSupport::Optional)
}

fn yes(message: &'static str) -> ElicitRequestFormParams<'static> {
    ElicitRequestFormParams::new(message).required("yes", BooleanSchema::new())
}

/// Two questions to the user, one to the model, and something that is done once.
fn trip(context: &Context, _: Value) -> Result<String, HandlerError> {
    let name = ElicitRequestFormParams::new("Who goes?").required("name", StringSchema::new());
    let name = context.elicit::<Value>("name", name)?.accepted()?;
    let ticket = context.once("ticket", || {
        let number = TICKETS.fetch_add(1, Ordering::SeqCst);
        Ok::<_, HandlerError>(number)
    })?;
    let message = vec![SamplingMessage::user("Where to?")];
    let place = context.sample("place", &CreateMessageParams::new(message, 10))?;
    let place = place.content.as_text().unwrap_or_default().to_owned();
    let sure = context.elicit::<Value>("sure", yes("Sure?"))?.accepted()?;
    let name = name["name"].as_str().unwrap_or_default();
    assert!(ticket < TICKETS.load(Ordering::SeqCst));
    Ok(format!("{name} goes to {place}: {}", sure["yes"]))
}

/// How many tickets were drawn, by all tests.
static TICKETS: AtomicU64 = AtomicU64::new(0);

/// A server of tools of all kinds.
pub fn server(tasks: Tasks) -> Server {
    let both = |context: &Context, _: Value| {
        let one = context.elicit::<Value>("one", yes("One?"));
        let other = context.elicit::<Value>("other", yes("Other?"));
        let (one, other) = (one?.accepted()?, other?.accepted()?);
        Ok(format!("{} {}", one["yes"], other["yes"]))
    };
    let late = |context: &Context, _: Value| {
        let first = context
            .elicit::<Value>("first", yes("First?"))?
            .accepted()?;
        context.begin_task()?;
        let second = context.elicit::<Value>("second", yes("Second?"))?;
        let second = second.accepted()?;
        Ok(format!("{} {}", first["yes"], second["yes"]))
    };
    let must = tool("must").task_support(TaskSupport::Required);
    Server::new("s", "1")
        .tasks(tasks.begun_by_handler("late"))
        .tool(tool("never"), |_, _: Value| Ok("done at once"))
        .tool(may("may"), |context: &Context, _: Value| {
            context.progress(1.0, None, None);
            context.log(LoggingLevel::Error, "half of it");
            Ok(format!("is a task: {}", context.is_task()))
        })
        .tool(must, |_, _: Value| Ok("done as a task"))
        .tool(may("fails"), |_, _: Value| {
            Err::<(), _>("it has failed".into())
        })
        .tool(may("breaks"), |_, _: Value| {
            let error = RpcError::new(4711, "broken").data(json!({"part": "axle"}));
            Err::<(), _>(HandlerError::rpc(error))
        })
        .tool(may("panics"), |_, _: Value| -> Result<(), HandlerError> {
            panic!("on purpose")
        })
        .tool(may("trip"), trip)
        .tool(may("both"), both)
        .tool(may("late"), late)
}

/// One client's connection to one instance.
pub struct Machine {
    service: Service,
    pub now: Instant,
    next: u64,
    /// What the client gets beside answers.
    pub asked: VecDeque<Value>,
    pub steps: VecDeque<TaskStep>,
    is_modern: bool,
    knows_tasks: bool,
}

impl Machine {
    pub fn modern(server: &Server, principal: Option<&str>) -> Self {
        Self::new(server, principal, true)
    }

    /// A client of 2025-11-25.
    pub fn legacy(server: &Server, principal: Option<&str>) -> Self {
        let mut machine = Self::new(server, principal, false);
        let capabilities = json!({"elicitation": {"form": {}}, "sampling": {}});
        let params = json!({"protocolVersion": "2025-11-25", "capabilities": capabilities,
            "clientInfo": {"name": "c", "version": "1"}});
        let opened = machine.request("initialize", params);
        let tasks = &opened["result"]["capabilities"]["tasks"];
        assert_eq!(tasks["requests"]["tools"]["call"], json!({}));
        let ready = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
        machine.give(&ready);
        machine
    }

    fn new(server: &Server, principal: Option<&str>, is_modern: bool) -> Self {
        let service = server.service();
        Self {
            service: match principal {
                Some(principal) => service.principal(principal),
                None => service,
            },
            now: Instant::from_millis(1000),
            next: 0,
            asked: VecDeque::new(),
            steps: VecDeque::new(),
            is_modern,
            knows_tasks: true,
        }
    }

    /// The same for a client that doesn't declare the extension.
    pub fn without_extension(mut self) -> Self {
        self.knows_tasks = false;
        self
    }

    pub fn give(&mut self, frame: &Value) {
        let frame = Bytes::from(frame.to_string());
        self.service.handle_frame(self.now, Route::Pipe, frame);
        self.work();
    }

    fn work(&mut self) {
        while let Some(event) = self.service.poll_event() {
            match event {
                Event::Job(job) => {
                    assert!(!job.is_async());
                    let ticket = job.ticket();
                    let outcome = catch_unwind(AssertUnwindSafe(|| job.run()));
                    let outcome = outcome.unwrap_or_else(|_| ticket.panicked());
                    self.service.handle_outcome(self.now, outcome);
                }
                Event::Task(step) => self.steps.push_back(*step),
                _ => {}
            }
        }
        let mut buffer = Vec::new();
        while self.service.poll_transmit(&mut buffer).is_some() {
            self.asked
                .push_back(serde_json::from_slice(&buffer).unwrap());
            buffer.clear();
        }
    }

    /// Sends a request; returns its number.
    pub fn send(&mut self, method: &str, mut params: Value) -> u64 {
        self.next += 1;
        if self.is_modern {
            let mut capabilities = json!({"elicitation": {"form": {}}, "sampling": {}});
            if self.knows_tasks {
                capabilities["extensions"] = json!({TASKS: {}});
            }
            let meta = &mut params["_meta"];
            meta["io.modelcontextprotocol/protocolVersion"] = json!(MODERN);
            meta["io.modelcontextprotocol/clientCapabilities"] = capabilities;
        }
        let frame = json!({"jsonrpc": "2.0", "id": self.next, "method": method, "params": params});
        self.give(&frame);
        self.next
    }

    /// The answer to a request, if it has come.
    pub fn answer(&mut self, id: u64) -> Option<Value> {
        let is_it = |it: &Value| it["id"] == json!(id) && it.get("method").is_none();
        let at = self.asked.iter().position(is_it)?;
        self.asked.remove(at)
    }

    pub fn request(&mut self, method: &str, params: Value) -> Value {
        let id = self.send(method, params);
        self.answer(id).expect("it is answered at once")
    }

    pub fn call(&mut self, name: &str) -> Value {
        let mut params = json!({"name": name, "arguments": {}});
        if !self.is_modern {
            params["task"] = json!({});
        }
        self.request("tools/call", params)
    }

    /// Calls a tool and returns the id of the task that it becomes.
    pub fn begin(&mut self, name: &str) -> String {
        let created = self.call(name);
        let result = &created["result"];
        let task = match self.is_modern {
            true => result,
            false => &result["task"],
        };
        let id = task["taskId"].as_str();
        id.unwrap_or_else(|| panic!("{created}")).to_owned()
    }

    pub fn about(&mut self, method: &str, id: &str) -> Value {
        self.request(method, json!({"taskId": id}))
    }

    pub fn get(&mut self, id: &str) -> Value {
        self.about("tasks/get", id)["result"].clone()
    }

    pub fn update(&mut self, id: &str, answers: Value) -> Value {
        self.request(
            "tasks/update",
            json!({"taskId": id, "inputResponses": answers}),
        )
    }

    /// Takes the next step, if there is one; whether there was.
    pub fn step(&mut self) -> bool {
        let Some(step) = self.steps.pop_front() else {
            return false;
        };
        self.steps.extend(start(step));
        true
    }

    pub fn run(&mut self) {
        while self.step() {}
    }

    /// Lets time pass for the connection.
    pub fn wait(&mut self, time: Duration) {
        self.now = self.now + time;
        self.service.handle_timeout(self.now);
        self.work();
    }

    /// How many jobs and events are about: none of it may grow without bound.
    pub fn looking(&self) -> usize {
        self.service.running()
    }

    pub fn next_timeout(&self) -> Option<Instant> {
        self.service.poll_timeout()
    }
}

/// Takes one step.
pub fn start(step: TaskStep) -> Option<TaskStep> {
    poll(step.start())
}

/// What a future comes to that waits for nobody.
pub fn poll<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    match future
        .as_mut()
        .poll(&mut Waiting::from_waker(Waker::noop()))
    {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("it waits"),
    }
}

/// A server with a store of its own.
pub fn alone() -> (Server, Time) {
    let time = Time::default();
    (server(tasks(MemoryTasks::new(), &time)), time)
}

/// The answer to a form.
pub fn accept(content: Value) -> Value {
    json!({"action": "accept", "content": content})
}

/// What a model says.
pub fn said(text: &str) -> Value {
    json!({"role": "assistant", "model": "m", "content": {"type": "text", "text": text}})
}

pub fn text_of(result: &Value) -> &str {
    result["content"][0]["text"].as_str().unwrap_or_default()
}
