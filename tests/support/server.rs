//! A client session and a server, and what the client answers to what it is asked.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use mcp_proto::model::capability::ClientCapabilities;
use mcp_proto::model::content::Role;
use mcp_proto::model::elicitation::{ElicitParams, ElicitResult};
use mcp_proto::model::form::FormContent;
use mcp_proto::model::method::{CallTool, CreateMessage, Elicit, ListRoots, Method};
use mcp_proto::model::root::{ListRootsResult, Root};
use mcp_proto::model::sampling::{CreateMessageResult, SamplingMessageContentBlock};
use mcp_proto::model::subscription::SubscriptionFilter;
use mcp_proto::model::tool::{CallToolParams, Tool};
use mcp_proto::rpc::{Raw, RpcError};
use mcp_proto::server::{Async, Event, Job, Outcome, Server, Service};
use mcp_proto::session::{
    CallOptions, ClientConfig, ClientEvent, ClientSession, Completed, EraPolicy, Route, Routing,
    Session,
};
use mcp_proto::{Instant, Revision};
use serde_json::Value;

use crate::carrier::{Carrier, Way};
use crate::wire::Wire;

const NOW: Instant = Instant::from_millis(1000);

/// A server of either kind.
#[derive(Clone)]
pub enum Either {
    Blocking(Server),
    Async(Server<Async>),
}

impl From<Server> for Either {
    fn from(server: Server) -> Self {
        Self::Blocking(server)
    }
}

impl From<Server<Async>> for Either {
    fn from(server: Server<Async>) -> Self {
        Self::Async(server)
    }
}

impl Either {
    fn service(&self) -> Service {
        match self {
            Self::Blocking(server) => server.service(),
            Self::Async(server) => server.service(),
        }
    }
}

/// Runs a job here and now, blocking or not; handlers here wait for nothing but their client, so a
/// future of theirs is ready at once or a poll later.
fn run(job: Job) -> Outcome {
    if !job.is_async() {
        return job.run();
    }
    let mut running = pin!(job.start());
    let mut context = Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(outcome) = running.as_mut().poll(&mut context) {
            return outcome;
        }
    }
}

/// Runs all jobs that a service has; whether there was anything to do.
fn work(service: &mut Service) -> bool {
    let mut moved = false;
    while let Some(event) = service.poll_event() {
        moved = true;
        if let Event::Job(job) = event {
            let outcome = run(job);
            assert!(service.handle_outcome(NOW, outcome), "it is wanted");
        }
    }
    moved
}

/// A client with a user who fills in every form and a model that writes a verse.
pub struct Drive {
    client: ClientSession,
    servers: Vec<Service>,
    /// What carries the frames of one server alone; `None` for a pipe.
    carrier: Option<Carrier<Service>>,
    /// Which server gets the next request: a further round may land on another instance.
    turn: usize,
    pub wire: Vec<(bool, Value)>,
    /// Holds every frame against the official schema, for each server its own.
    checked: Vec<Wire>,
    pub events: Vec<ClientEvent>,
    /// What the client says when it is asked for something, if it refuses.
    pub refuses: Option<&'static str>,
    /// Who speaks for the client's model.
    pub speaker: Role<'static>,
}

impl Drive {
    pub fn new(revision: Revision, servers: Vec<impl Into<Either>>) -> Self {
        let era = match revision {
            Revision::V2026_07_28 => EraPolicy::AssumeModern,
            _ => EraPolicy::Legacy,
        };
        let capabilities = ClientCapabilities::new()
            .elicitation_form()
            .sampling_tools()
            .roots(false);
        let config = ClientConfig::new("client", "1")
            .revisions(vec![revision])
            .era(era)
            .capabilities(capabilities);
        Self::with(config, servers)
    }

    pub fn with(config: ClientConfig, servers: Vec<impl Into<Either>>) -> Self {
        let checked = servers.iter().map(|_| Wire::default()).collect();
        let servers: Vec<_> = servers
            .into_iter()
            .map(|server| server.into().service())
            .collect();
        // Instances of one server are told apart by frames, which only a pipe has.
        let way = match servers[..] {
            [_] => Way::current(),
            _ => Way::Pipe,
        };
        let carrier = Carrier::new(way, Server::new("nobody", "0").service());
        let config = match &carrier {
            Some(_) => config.routing(Routing::PerRequest),
            None => config,
        };
        let mut drive = Self {
            client: ClientSession::new(config),
            checked,
            servers,
            carrier,
            turn: 0,
            wire: Vec::new(),
            events: Vec::new(),
            refuses: None,
            speaker: Role::Assistant,
        };
        drive.client.open(NOW).unwrap();
        drive.drive();
        assert!(drive.client.is_open());
        drive
    }

    /// Calls a tool and drives until its end; gives the result as JSON.
    pub fn call(&mut self, name: &str, arguments: &str) -> Result<Value, String> {
        let params = CallToolParams::new(name).arguments(Raw::new(arguments).unwrap());
        self.run::<CallTool>(&params)
    }

    /// Calls any method and drives until its end; gives the result as JSON.
    pub fn run<M: Method>(&mut self, params: &M::Params<'_>) -> Result<Value, String> {
        let options = CallOptions::new().progress(true);
        let call = self
            .client
            .call::<M>(NOW, params, options)
            .map_err(|e| e.to_string())?;
        self.drive();
        let position = self
            .events
            .iter()
            .position(|event| matches!(event, ClientEvent::Completed(done) if done.call == call));
        let event = self.events.remove(position.expect("the call ends"));
        let ClientEvent::Completed(done) = event else {
            unreachable!()
        };
        outcome(&done)
    }

    /// What went over the wire with this method, one way or the other.
    pub fn sent(&self, method: &str) -> Vec<&Value> {
        let frames = self.wire.iter().map(|(_, frame)| frame);
        frames.filter(|frame| frame["method"] == method).collect()
    }

    /// Has the client listen to what changes.
    pub fn subscribe(&mut self, filter: &SubscriptionFilter<'_>) {
        self.client.subscribe(NOW, filter).unwrap();
        self.drive();
    }

    fn drive(&mut self) {
        loop {
            let mut moved = self.carry_to_server();
            for n in 0..self.servers.len() {
                moved |= self.serve(n);
            }
            while let Some(event) = self.client.poll_event() {
                moved = true;
                self.answer(event);
            }
            if !moved {
                return;
            }
        }
    }

    /// Notes frames that HTTP has carried; whether anything was.
    fn note(&mut self, by_client: bool, frames: Vec<String>) -> bool {
        for frame in &frames {
            self.checked[0].sent(by_client, frame);
            self.wire
                .push((by_client, serde_json::from_str(frame).unwrap()));
        }
        let has_moved = self.carrier.as_mut().is_some_and(Carrier::has_moved);
        has_moved || !frames.is_empty()
    }

    fn carry_to_server(&mut self) -> bool {
        if let Some(carrier) = &mut self.carrier {
            let frames = carrier.from_client(NOW, &mut self.client, &mut self.servers[0]);
            return self.note(true, frames);
        }
        let mut buffer = Vec::new();
        let mut moved = false;
        while self.client.poll_transmit(&mut buffer).is_some() {
            moved = true;
            let frame = Bytes::from(std::mem::take(&mut buffer));
            self.wire
                .push((true, serde_json::from_slice(&frame).unwrap()));
            let turn = self.turn % self.servers.len();
            self.checked[turn].sent(true, &frame);
            self.turn += 1;
            self.servers[turn].handle_frame(NOW, Route::Pipe, frame);
        }
        moved
    }

    fn serve(&mut self, n: usize) -> bool {
        let service = &mut self.servers[n];
        let mut moved = work(service);
        if let Some(carrier) = &mut self.carrier {
            let frames = carrier.from_server(NOW, &mut self.client, service);
            return self.note(false, frames) | moved;
        }
        let mut buffer = Vec::new();
        while service.poll_transmit(&mut buffer).is_some() {
            moved = true;
            let frame = Bytes::from(std::mem::take(&mut buffer));
            self.checked[n].sent(false, &frame);
            self.wire
                .push((false, serde_json::from_slice(&frame).unwrap()));
            self.client.handle_frame(NOW, Route::Pipe, frame);
        }
        moved
    }

    fn answer(&mut self, event: ClientEvent) {
        let ClientEvent::InputRequested(asked) = &event else {
            return self.events.push(event);
        };
        let input = asked.input;
        if let Some(told) = self.refuses {
            let error = RpcError::new(-1, told);
            self.client.decline(NOW, input, error).unwrap();
            return self.events.push(event);
        }
        if let Some(params) = asked.params::<Elicit>() {
            let ElicitParams::Form(form) = params.unwrap() else {
                panic!("only forms")
            };
            let mut content = FormContent::new();
            for name in form.requested_schema.required.iter().flatten() {
                content = content.with(name.as_str(), format!("my {name}"));
            }
            let result = ElicitResult::accept(content);
            self.client.answer::<Elicit>(NOW, input, &result).unwrap();
        } else if let Some(params) = asked.params::<CreateMessage>() {
            let tokens = params.unwrap().max_tokens;
            let block = SamplingMessageContentBlock::text(format!("a verse of {tokens}"));
            let mut result = CreateMessageResult::new("a model", block);
            result.role = self.speaker.clone();
            self.client
                .answer::<CreateMessage>(NOW, input, &result)
                .unwrap();
        } else {
            let result = ListRootsResult::new(vec![Root::new("file:///home")]);
            self.client
                .answer::<ListRoots>(NOW, input, &result)
                .unwrap();
        }
        self.events.push(event);
    }
}

fn outcome(done: &Completed) -> Result<Value, String> {
    match done.raw() {
        Ok(raw) => Ok(serde_json::from_str(raw.as_str()).unwrap()),
        Err(error) => Err(error.to_string()),
    }
}

/// Gives frames to a new session of a server, as this principal, and tells everything it sends.
pub fn frames(server: &Server, principal: Option<&'static str>, frames: &[Value]) -> Vec<Value> {
    let mut service = server.service();
    if let Some(principal) = principal {
        service = service.principal(principal);
    }
    exchange(&mut service, frames)
}

/// Gives frames to a service and tells everything it sends.
pub fn exchange(service: &mut Service, frames: &[Value]) -> Vec<Value> {
    let mut sent = Vec::new();
    for frame in frames {
        let bytes = Bytes::from(serde_json::to_vec(frame).unwrap());
        service.handle_frame(NOW, Route::Pipe, bytes);
        work(service);
        let mut buffer = Vec::new();
        while service.poll_transmit(&mut buffer).is_some() {
            sent.push(serde_json::from_slice(&buffer).unwrap());
            buffer.clear();
        }
    }
    sent
}

/// The text of a result's first block.
pub fn text(result: &Value) -> &str {
    result["content"][0]["text"].as_str().unwrap_or_default()
}

/// A tool that takes anything.
pub fn tool(name: &'static str) -> Tool<'static> {
    Tool::new(name, Raw::new(r#"{"type":"object"}"#).unwrap())
}

/// A modern client's call of a tool, as a frame.
pub fn call_frame(id: u64, name: &str, arguments: Value) -> Value {
    serde_json::json!({"jsonrpc": "2.0", "id": id, "method": "tools/call", "params": {
        "name": name, "arguments": arguments, "_meta": {
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientCapabilities": {}}}})
}
