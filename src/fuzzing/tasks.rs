//! Calls of tools that become tasks: a client's session, instances of a server one after another and the
//! store that they share, on a link that loses frames; with requests and answers that neither would send.
//!
//! What must hold: every call ends once; a task that has ended says the same from then on; what a call
//! ends with is its own; the store stays within its bounds and forgets what has expired.

use alloc::collections::{BTreeMap, VecDeque};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::pin::pin;
use core::sync::atomic::{AtomicU64, Ordering::Relaxed};
use core::task::{Context as Waiting, Poll, Waker};
use core::time::Duration;

use serde_json::{Value, json};

use crate::model::capability::{ClientCapabilities, TASKS_EXTENSION};
use crate::model::elicitation::{ElicitRequestFormParams, ElicitResult};
use crate::model::form::FormContent;
use crate::model::method::{CallTool, Elicit};
use crate::model::object::Object;
use crate::model::task::TaskMetadata;
use crate::model::tool::{CallToolParams, TaskSupport, Tool};
use crate::rpc::{Raw, RpcError};
use crate::server::{
    Context, Event, HandlerError, MemoryTasks, Server, Service, TaskStep, TaskStore, Tasks,
};
use crate::session::{
    CallId, CallOptions, ClientConfig, ClientEvent, ClientSession, Completed, EraPolicy, InputId,
    Route, Session, TaskUse,
};
use crate::time::Instant;

use super::source::{Source, small_limits};
use super::{let_pass, take_frame};

/// How many operations a run has at most.
const MOST: usize = 96;
/// How many values the store holds at most: tasks, and signs of life.
const ROOM: usize = 6;
/// For how long a task is kept.
const KEPT: Duration = Duration::from_secs(60);

/// Does what `bytes` say, lets everything come to its end, and sees to it that the rules held throughout.
pub fn tasks(bytes: &[u8]) {
    let mut source = Source::new(bytes);
    let mut world = World::new(source.below(2) == 0);
    for _ in 0..MOST {
        if source.is_empty() {
            break;
        }
        world.step(&mut source);
        let (values, _) = world.store.usage();
        assert!(values <= ROOM, "the store holds {values} values");
    }
    world.finish();
}

/// A call of the user's: the number that its result has to name, and whether it is open.
struct Call {
    number: u64,
    is_open: bool,
}

struct World {
    is_modern: bool,
    client: ClientSession,
    config: ClientConfig,
    service: Service,
    store: MemoryTasks,
    clock: Arc<AtomicU64>,
    drawn: Arc<AtomicU64>,
    now: Instant,
    to_server: VecDeque<String>,
    to_client: VecDeque<String>,
    steps: VecDeque<TaskStep>,
    calls: BTreeMap<CallId, Call>,
    inputs: Vec<InputId>,
    /// The tasks that were seen, each with how it has ended.
    tasks: BTreeMap<String, Option<Value>>,
    /// Those that were handed out, each with its call's number.
    handed_out: BTreeMap<String, u64>,
    next: u64,
    /// Whether the client was told what no server has said.
    is_forged: bool,
}

impl World {
    fn new(is_modern: bool) -> Self {
        let can = ClientCapabilities::new().elicitation_form();
        let can = can.extension(TASKS_EXTENSION, &Object::new());
        let era = match is_modern {
            true => EraPolicy::AssumeModern,
            false => EraPolicy::Legacy,
        };
        let config = ClientConfig::new("fuzz", "1").era(era).capabilities(can);
        let config = config.limits(small_limits());
        let store = MemoryTasks::new().most(ROOM);
        let (clock, drawn) = (Arc::new(AtomicU64::new(1000)), Arc::default());
        let now = Instant::from_millis(1);
        let mut client = ClientSession::new(config.clone());
        client.open(now).expect("the configuration is good");
        let mut world = Self {
            is_modern,
            client,
            config,
            service: instance(&store, &clock, &drawn),
            store,
            clock,
            drawn,
            now,
            to_server: VecDeque::new(),
            to_client: VecDeque::new(),
            steps: VecDeque::new(),
            calls: BTreeMap::new(),
            inputs: Vec::new(),
            tasks: BTreeMap::new(),
            handed_out: BTreeMap::new(),
            next: 0,
            is_forged: false,
        };
        world.exchange();
        world
    }

    fn step(&mut self, source: &mut Source<'_>) {
        match source.byte() % 16 {
            0 | 1 => self.call(source),
            2 => self.exchange(),
            3 => self.send(),
            4 => _ = self.to_server.pop_front(),
            5 => _ = self.to_client.pop_front(),
            6 => self.deliver(),
            7 => self.take_step(source.byte() > 240),
            8 => self.take_events(),
            9 => self.answer(source),
            10 => self.pass(source.duration()),
            11 => self.cancel(source),
            12 => self.request(source),
            13 => self.restart(source.below(2) == 0),
            14 => self.restore(),
            _ if source.byte() > 200 => self.forge(source),
            _ => self.exchange(),
        }
    }

    /// Calls the tool, or waits for a task that was handed out.
    fn call(&mut self, source: &mut Source<'_>) {
        let (now, options) = (self.now, CallOptions::new());
        let metadata = TaskMetadata::new().ttl(i64::from(source.byte()) * 500);
        let use_ = match source.byte() % 4 {
            0 => TaskUse::Wait,
            1 => TaskUse::HandOut(metadata),
            2 => {
                let ids: Vec<&String> = self.handed_out.keys().collect();
                let Some(id) = source.one_of(&ids).cloned() else {
                    return;
                };
                let number = self.handed_out[&id];
                if let Ok(call) = self.client.await_task(now, &id, options) {
                    self.called(call.any(), number);
                }
                return;
            }
            _ => TaskUse::Ask(metadata),
        };
        self.next += 1;
        let number = self.next;
        let asks = source.byte() % 4;
        let arguments = Raw::encode(&json!({"number": number, "asks": asks}));
        let params = CallToolParams::new("t").arguments(arguments.expect("it is JSON"));
        let options = options.task(use_).progress(source.below(2) == 0);
        if let Ok(call) = self.client.call::<CallTool>(now, &params, options) {
            self.called(call.any(), number);
        }
    }

    fn called(&mut self, call: CallId, number: u64) {
        let is_open = true;
        let before = self.calls.insert(call, Call { number, is_open });
        assert!(before.is_none(), "{call} came twice");
    }

    /// Puts what both sides have to send on the link.
    fn send(&mut self) {
        self.to_server
            .extend(core::iter::from_fn(|| take_frame(&mut self.client)));
        while let Some(frame) = take_frame(&mut self.service) {
            self.look_at(&frame);
            self.to_client.push_back(frame);
        }
    }

    /// Delivers what is on the link.
    fn deliver(&mut self) {
        for frame in self.to_server.drain(..) {
            self.service
                .handle_frame(self.now, Route::Pipe, frame.into());
            work(&mut self.service, self.now, &mut self.steps);
        }
        for frame in self.to_client.drain(..) {
            self.client
                .handle_frame(self.now, Route::Pipe, frame.into());
        }
    }

    /// Sends and delivers all there is.
    fn exchange(&mut self) {
        for _ in 0..64 {
            self.send();
            if self.to_server.is_empty() && self.to_client.is_empty() {
                return;
            }
            self.deliver();
            self.take_events();
        }
    }

    /// Takes the next step of a task, or loses it.
    fn take_step(&mut self, is_lost: bool) {
        let Some(step) = self.steps.pop_front() else {
            return;
        };
        let ticket = step.ticket();
        let next = match is_lost {
            true => {
                drop(step);
                ticket.panicked()
            }
            false => ready(step.start()),
        };
        self.steps.extend(next);
        work(&mut self.service, self.now, &mut self.steps);
    }

    fn take_events(&mut self) {
        while let Some(event) = self.client.poll_event() {
            match event {
                ClientEvent::Completed(done) => self.completed(&done),
                ClientEvent::InputRequested(asked) => self.inputs.push(asked.input),
                _ => {}
            }
        }
        work(&mut self.service, self.now, &mut self.steps);
    }

    fn completed(&mut self, done: &Completed) {
        let call = self.calls.get_mut(&done.call).expect("it was made");
        assert!(
            core::mem::take(&mut call.is_open),
            "{} has ended twice",
            done.call
        );
        let number = call.number;
        if let Some(created) = done.task() {
            self.handed_out
                .insert(created.task.task_id.to_string(), number);
            return;
        }
        let Ok(result) = done.result::<CallTool>() else {
            return;
        };
        let text = result.content.first().and_then(|block| block.as_text());
        let is_own = text == Some(&number.to_string()) || result.is_error == Some(true);
        assert!(is_own || self.is_forged, "{number} ended with {text:?}");
    }

    fn answer(&mut self, source: &mut Source<'_>) {
        let Some(input) = source.one_of(&self.inputs) else {
            return;
        };
        let _withdrawn = match source.byte() % 3 {
            0 => self
                .client
                .decline(self.now, input, RpcError::internal("no")),
            1 => self
                .client
                .answer::<Elicit>(self.now, input, &ElicitResult::decline()),
            _ => self.client.answer::<Elicit>(self.now, input, &accepted()),
        };
    }

    fn pass(&mut self, time: Duration) {
        self.now = self.now + time;
        let millis = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        self.clock.fetch_add(millis, Relaxed);
        let_pass(&mut self.client, self.now);
        let_pass(&mut self.service, self.now);
    }

    fn cancel(&mut self, source: &mut Source<'_>) {
        let calls: Vec<CallId> = self.calls.keys().copied().collect();
        if let Some(call) = source.one_of(&calls) {
            let is_open = self.calls[&call].is_open;
            let done = self.client.cancel(self.now, call, None);
            assert!(
                is_open || done.is_err(),
                "a call that has ended is cancelled"
            );
        }
    }

    /// A request about a task that the client's session doesn't make now.
    fn request(&mut self, source: &mut Source<'_>) {
        const METHODS: [&str; 5] = ["get", "cancel", "result", "update", "list"];
        let ids: Vec<&String> = self.tasks.keys().collect();
        let id = source.one_of(&ids).cloned().unwrap_or_default();
        let method = METHODS[source.below(METHODS.len())];
        let answer = match source.byte() % 3 {
            0 => json!({"action": "accept", "content": {}}),
            1 => json!({"action": "decline"}),
            _ => json!(7),
        };
        self.next += 1;
        let mut params = json!({"taskId": id, "inputResponses": {"a": answer}});
        if self.is_modern {
            params["_meta"] = json!({
                "io.modelcontextprotocol/protocolVersion": "2026-07-28",
                "io.modelcontextprotocol/clientCapabilities":
                    {"elicitation": {"form": {}}, "extensions": {TASKS_EXTENSION: {}}},
            });
        }
        let (number, method) = (format!("r{}", self.next), format!("tasks/{method}"));
        let request = json!({"jsonrpc": "2.0", "id": number, "method": method, "params": params});
        self.to_server.push_back(request.to_string());
    }

    /// Another instance takes over, on the same store; steps of the old one may go on.
    fn restart(&mut self, is_dead: bool) {
        let saved = self.service.session().save(self.now);
        if is_dead {
            self.steps.clear();
        }
        self.service = instance(&self.store, &self.clock, &self.drawn);
        let restored = self.service.restore(saved, self.now, false);
        restored.expect("it was just saved");
    }

    fn restore(&mut self) {
        let saved = self.client.save(self.now);
        let restored = ClientSession::restore(self.config.clone(), saved, self.now);
        self.client = restored.expect("it was just saved");
    }

    /// Tells the client what no server has said.
    fn forge(&mut self, source: &mut Source<'_>) {
        const STATES: [&str; 6] = [
            "working",
            "input_required",
            "completed",
            "failed",
            "cancelled",
            "x",
        ];
        self.is_forged = true;
        let ids: Vec<&String> = self.tasks.keys().collect();
        let id = source.one_of(&ids).cloned().unwrap_or_default();
        let (number, state) = (source.byte() % 24, STATES[source.below(STATES.len())]);
        let ask = json!({"method": "elicitation/create",
            "params": {"mode": "form", "message": "m", "requestedSchema":
                {"type": "object", "properties": {}}}});
        let mut told = json!({"taskId": id, "status": state, "createdAt": "", "lastUpdatedAt": "",
            "resultType": "complete", "pollIntervalMs": 1, "pollInterval": 1,
            "inputRequests": {(source.byte() % 3).to_string(): ask},
            "result": {"content": []}, "error": {"code": 1, "message": "no"}});
        if source.below(2) == 0 {
            told = json!({"task": told, "resultType": "task", "taskId": id, "status": state,
                "createdAt": "", "lastUpdatedAt": ""});
        }
        let frame = json!({"jsonrpc": "2.0", "id": number, "result": told}).to_string();
        self.client
            .handle_frame(self.now, Route::Pipe, frame.into());
    }

    /// Looks at what the server says of tasks: what has ended stays as it is.
    fn look_at(&mut self, frame: &str) {
        let frame: Value = serde_json::from_str(frame).expect("it is JSON");
        let listed = frame["result"]["tasks"].as_array().into_iter().flatten();
        let told = [&frame["result"], &frame["result"]["task"], &frame["params"]];
        for task in told.into_iter().chain(listed) {
            let (Some(id), Some(status)) = (task["taskId"].as_str(), task["status"].as_str())
            else {
                continue;
            };
            let has_ended = matches!(status, "completed" | "failed" | "cancelled");
            let seen = self.tasks.entry(id.into()).or_default();
            // How it is told differs with what was asked.
            let state = json!([status, task["lastUpdatedAt"], task["ttl"], task["ttlMs"]]);
            if let Some(end) = &*seen {
                assert_eq!(*end, state, "{id} has ended, and goes on");
            }
            if has_ended {
                *seen = Some(state);
            }
        }
    }

    /// The link heals, users answer, time passes: everything ends, and nothing is kept.
    fn finish(&mut self) {
        for _ in 0..8 {
            for _ in 0..4 {
                self.exchange();
                while !self.steps.is_empty() {
                    self.take_step(false);
                }
                for input in core::mem::take(&mut self.inputs) {
                    let _withdrawn = self.client.answer::<Elicit>(self.now, input, &accepted());
                }
                self.pass(Duration::from_secs(6));
            }
            self.pass(2 * KEPT);
        }
        self.take_events();
        let open = self.calls.values().find(|call| call.is_open);
        assert!(open.is_none(), "a call has never ended");
        assert_eq!(self.service.running(), 0, "a job has never ended");
        self.pass(1000 * KEPT);
        let forgotten = self.store.remove_expired(self.clock.load(Relaxed));
        ready(forgotten).expect("memory doesn't fail");
        assert_eq!(self.store.usage(), (0, 0), "what has expired is kept");
    }
}

/// Runs the jobs of a service, and keeps the steps of its tasks.
fn work(service: &mut Service, now: Instant, steps: &mut VecDeque<TaskStep>) {
    while let Some(event) = service.poll_event() {
        match event {
            Event::Job(job) => _ = service.handle_outcome(now, job.run()),
            Event::Task(step) => steps.push_back(*step),
            _ => {}
        }
    }
}

/// What a future comes to that waits for nobody.
fn ready<T>(future: impl Future<Output = T>) -> T {
    let polled = pin!(future).poll(&mut Waiting::from_waker(Waker::noop()));
    match polled {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("memory keeps nobody waiting"),
    }
}

fn accepted() -> ElicitResult<'static> {
    ElicitResult::accept(FormContent::new())
}

/// A server with one tool, which asks up to three times and gives its number back.
fn instance(store: &MemoryTasks, clock: &Arc<AtomicU64>, drawn: &Arc<AtomicU64>) -> Service {
    let (clock, drawn) = (Arc::clone(clock), Arc::clone(drawn));
    let random = move |bytes: &mut [u8]| {
        let number = drawn.fetch_add(1, Relaxed).to_le_bytes();
        bytes
            .iter_mut()
            .zip(number)
            .for_each(|(byte, drawn)| *byte = drawn);
        Ok(())
    };
    let tasks = Tasks::new(store.clone(), move || clock.load(Relaxed), random);
    let tasks = tasks.ttl(KEPT).longest_ttl(2 * KEPT).listed();
    let run = |context: &Context, arguments: Value| {
        let asks = arguments["asks"].as_u64().unwrap_or(0) as usize;
        for key in ["a", "b", "c"].into_iter().take(asks) {
            let form = ElicitRequestFormParams::new("go on?");
            context.elicit::<Value>(key, form)?;
        }
        Ok::<_, HandlerError>(arguments["number"].to_string())
    };
    let tool = Tool::new("t", Raw::constant(r#"{"type":"object"}"#));
    let tool = tool.task_support(TaskSupport::Optional);
    Server::new("fuzz", "1")
        .tasks(tasks)
        .tool(tool, run)
        .service()
}
