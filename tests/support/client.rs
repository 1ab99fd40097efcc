//! A client and a server that says what the test tells it to, frame by frame.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use mcp_proto::Instant;
use mcp_proto::client::{
    Client, ClientError, ClientOptions, Event, Operation, OperationId, Output, ToolCall, ToolOutput,
};
use mcp_proto::session::{ClientEvent, EraPolicy, Routing, Session};
use serde_json::{Value, json};

use crate::carrier::{Routes, Way};

/// What a legacy server that has everything says of itself.
pub fn everything() -> Value {
    json!({"tools": {}, "resources": {"subscribe": true}, "prompts": {}, "logging": {},
        "completions": {}})
}

pub struct Script {
    pub client: Client,
    /// By which routes what the server says comes, over HTTP each by that of its request.
    routes: Routes,
    pub now: Instant,
    pub sent: VecDeque<Value>,
    pub events: Vec<ClientEvent>,
    pub finished: Vec<(OperationId, Result<Output, ClientError>)>,
    pub opened: Option<Result<(), ClientError>>,
}

/// Options for a legacy server, as most scripts have one.
pub fn legacy() -> ClientOptions {
    ClientOptions::default().era(EraPolicy::Legacy)
}

impl Script {
    /// A client that has been asked to open.
    pub fn unopened(options: ClientOptions) -> Self {
        let options = match Way::current() {
            Way::Pipe => options,
            _ => options.routing(Routing::PerRequest),
        };
        let mut script = Self {
            client: Client::new(options),
            routes: Routes::default(),
            now: Instant::from_millis(1000),
            sent: VecDeque::new(),
            events: Vec::new(),
            finished: Vec::new(),
            opened: None,
        };
        script.client.open(script.now).unwrap();
        script.drain();
        script
    }

    /// A client of a legacy server with these capabilities, open.
    pub fn with(options: ClientOptions, capabilities: Value) -> Self {
        let mut script = Self::unopened(options);
        script.initialized(capabilities);
        assert_eq!(script.opened, Some(Ok(())));
        script
    }

    pub fn legacy() -> Self {
        Self::with(legacy(), everything())
    }

    /// A client of a modern server with everything, open without a word.
    pub fn modern() -> Self {
        let options = ClientOptions::default().era(EraPolicy::AssumeModern);
        let script = Self::unopened(options);
        assert_eq!(script.opened, Some(Ok(())));
        script
    }

    /// Answers `initialize`.
    pub fn initialized(&mut self, capabilities: Value) {
        let request = self.expect("initialize");
        self.result(
            &request,
            json!({"protocolVersion": "2025-06-18", "capabilities": capabilities,
                "serverInfo": {"name": "script", "version": "9"}}),
        );
        if self.client.session().is_open() {
            self.expect("notifications/initialized");
        }
    }

    pub fn drain(&mut self) {
        let mut buffer = Vec::new();
        while let Some(transmit) = self.client.poll_transmit(&mut buffer) {
            let frame = std::str::from_utf8(&buffer).expect("a frame is UTF-8");
            self.routes.sent(frame, &transmit);
            self.sent.push_back(serde_json::from_str(frame).unwrap());
            buffer.clear();
        }
        while let Some(event) = self.client.poll_event() {
            match event {
                Event::Opened => self.opened = Some(Ok(())),
                Event::OpeningFailed(error) => self.opened = Some(Err(error)),
                Event::Finished { operation, outcome } => self.finished.push((operation, *outcome)),
                Event::Progress {
                    progress, handler, ..
                } => handler(*progress),
                Event::Session(event) => self.events.push(*event),
                other => panic!("unknown event {other:?}"),
            }
        }
    }

    /// The next frame the client has sent, which has to be of that method.
    pub fn expect(&mut self, method: &str) -> Value {
        let frame = self.sent.pop_front().expect("a frame was sent");
        assert_eq!(frame["method"], method, "{frame}");
        frame
    }

    pub fn say(&mut self, frame: Value) {
        self.say_bytes(&frame.to_string());
    }

    pub fn say_bytes(&mut self, frame: &str) {
        let frame = Bytes::copy_from_slice(frame.as_bytes());
        let route = self.routes.of(&frame);
        self.client.handle_frame(self.now, route, frame);
        self.drain();
    }

    pub fn result(&mut self, request: &Value, result: Value) {
        self.say(json!({"jsonrpc": "2.0", "id": request["id"], "result": result}));
    }

    pub fn error(&mut self, request: &Value, error: Value) {
        self.say(json!({"jsonrpc": "2.0", "id": request["id"], "error": error}));
    }

    pub fn notify(&mut self, method: &str) {
        self.say(json!({"jsonrpc": "2.0", "method": method}));
    }

    pub fn wait(&mut self, time: Duration) {
        self.now = self.now + time;
        self.client.handle_timeout(self.now);
        self.drain();
    }

    pub fn start(&mut self, request: Operation) -> OperationId {
        let id = self.client.start(self.now, request);
        self.drain();
        id
    }

    /// The end of the operation, if it has come.
    pub fn end(&mut self, id: OperationId) -> Option<Result<Output, ClientError>> {
        let position = self.finished.iter().position(|(of, _)| *of == id)?;
        Some(self.finished.remove(position).1)
    }

    /// Starts a request that the server answers with `result`; gives its end.
    pub fn answered(&mut self, request: Operation, result: Value) -> Result<Output, ClientError> {
        let id = self.start(request);
        let asked = self.sent.pop_front().expect("it asks the server");
        self.result(&asked, result);
        self.end(id).expect("it has ended")
    }

    /// Starts a request that the server refuses; gives its end.
    pub fn refused(&mut self, request: Operation, error: Value) -> ClientError {
        let id = self.start(request);
        let asked = self.sent.pop_front().expect("it asks the server");
        self.error(&asked, error);
        self.end(id).expect("it has ended").unwrap_err()
    }

    /// What a tool's result means.
    pub fn tool(&mut self, result: Value) -> Result<ToolOutput, ClientError> {
        match self.answered(Operation::CallTool(ToolCall::new("t")), result)? {
            Output::Tool(output) => Ok(output),
            other => panic!("{other:?}"),
        }
    }
}

/// A call of `name` with these arguments.
pub fn call(name: &str, arguments: Value) -> Operation {
    Operation::CallTool(ToolCall::new(name).arguments(&arguments).unwrap())
}
