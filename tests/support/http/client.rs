//! A client of a service without a socket: requests as values, and responses that are read piece by
//! piece, by a thread that waits.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Request, Response};
use http_body::{Body, Frame};
use mcp_proto::io::http::{HttpService, HttpServiceBody, Principal};
use serde_json::{Value, json};
use tower_service::Service;

pub const MODERN: &str = "2026-07-28";
pub const LEGACY: &str = "2025-11-25";

/// How long a test waits for what must come.
pub const SOON: Duration = Duration::from_secs(20);

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Waits for a future, but no longer than `time`.
pub fn wait_for<F: Future>(time: Duration, future: F) -> Option<F::Output> {
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut future = pin!(future);
    let end = Instant::now() + time;
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return Some(output);
        }
        let left = end.checked_duration_since(Instant::now())?;
        thread::park_timeout(left);
    }
}

pub fn wait<F: Future>(future: F) -> F::Output {
    wait_for(SOON, future).expect("it comes soon")
}

/// The body of a request, in pieces. One that never ends stands for a client that is slow.
pub struct Pieces {
    pub left: Vec<Bytes>,
    pub ends: bool,
}

impl Body for Pieces {
    type Data = Bytes;
    type Error = &'static str;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, &'static str>>> {
        match self.left.is_empty() {
            true if self.ends => Poll::Ready(None),
            true => Poll::Pending,
            false => Poll::Ready(Some(Ok(Frame::data(self.left.remove(0))))),
        }
    }
}

/// A request to be changed before it is sent.
#[derive(Clone)]
pub struct Sent {
    pub method: &'static str,
    pub path: &'static str,
    pub headers: Vec<(&'static str, String)>,
    pub body: String,
    pub principal: Option<&'static str>,
}

impl Sent {
    pub fn new(method: &'static str, path: &'static str, body: impl ToString) -> Self {
        Self {
            method,
            path,
            headers: vec![("host", "localhost".into())],
            body: body.to_string(),
            principal: None,
        }
    }

    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub fn by(mut self, principal: &'static str) -> Self {
        self.principal = Some(principal);
        self
    }

    pub fn request(self) -> Request<Pieces> {
        let left = vec![Bytes::from(self.body.clone())];
        self.with_body(Pieces { left, ends: true })
    }

    pub fn with_body<B>(self, body: B) -> Request<B> {
        let mut request = Request::builder().method(self.method).uri(self.path);
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        if let Some(principal) = self.principal {
            request = request.extension(Principal::new(principal));
        }
        request.body(body).expect("it is a request")
    }

    pub fn to(self, service: &HttpService) -> Answer {
        send(service, self.request())
    }
}

fn post(body: &Value) -> Sent {
    Sent::new("POST", "/mcp", body)
        .with("content-type", "application/json")
        .with("accept", "application/json, text/event-stream")
}

/// A modern request.
pub fn modern(id: u64, method: &str, mut params: Value) -> Sent {
    let name = params.get("name").or(params.get("uri")).cloned();
    params["_meta"]["io.modelcontextprotocol/protocolVersion"] = json!(MODERN);
    params["_meta"]["io.modelcontextprotocol/clientCapabilities"] =
        json!({"elicitation": {"form": {}}});
    let body = json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params});
    let sent = post(&body)
        .with("mcp-protocol-version", MODERN)
        .with("mcp-method", method);
    match name.as_ref().and_then(Value::as_str) {
        Some(name) => sent.with("mcp-name", name),
        None => sent,
    }
}

pub fn call(id: u64, tool: &str) -> Sent {
    modern(id, "tools/call", json!({"name": tool, "arguments": {}}))
}

/// The request that opens a legacy session.
pub fn initialize() -> Sent {
    post(
        &json!({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": {
            "protocolVersion": LEGACY, "capabilities": {"elicitation": {}},
            "clientInfo": {"name": "test", "version": "1"},
        }}),
    )
}

/// A legacy session.
#[derive(Clone, Debug)]
pub struct Session(pub String);

impl Session {
    /// Opens one and says that the client is ready.
    pub fn open(service: &HttpService) -> Self {
        let session = Self::greet(service, initialize());
        let ready = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
        assert_eq!(session.sent(&ready).to(service).status(), 202);
        session
    }

    pub fn greet(service: &HttpService, initialize: Sent) -> Self {
        let opened = initialize.to(service);
        assert_eq!(opened.status(), 200);
        Self(opened.header("mcp-session-id").expect("it has an id"))
    }

    pub fn sent(&self, body: &Value) -> Sent {
        post(body)
            .with("mcp-session-id", &self.0)
            .with("mcp-protocol-version", LEGACY)
    }

    pub fn call(&self, id: u64, tool: &str) -> Sent {
        self.sent(&json!({"jsonrpc": "2.0", "id": id, "method": "tools/call",
            "params": {"name": tool, "arguments": {}}}))
    }

    pub fn get(&self) -> Sent {
        Sent::new("GET", "/mcp", "")
            .with("accept", "text/event-stream")
            .with("mcp-session-id", &self.0)
            .with("mcp-protocol-version", LEGACY)
    }

    pub fn delete(&self) -> Sent {
        Sent::new("DELETE", "/mcp", "").with("mcp-session-id", &self.0)
    }
}

/// Sends a request and waits for the head of its response.
pub fn send<B>(service: &HttpService, request: Request<B>) -> Answer
where
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Send,
{
    let response = wait(service.clone().call(request));
    Answer::new(response.expect("it never fails"))
}

/// A response that is being read.
pub struct Answer {
    pub response: Response<HttpServiceBody>,
    read: String,
}

impl Answer {
    pub fn new(response: Response<HttpServiceBody>) -> Self {
        Self {
            response,
            read: String::new(),
        }
    }

    pub fn status(&self) -> u16 {
        self.response.status().as_u16()
    }

    pub fn header(&self, name: &str) -> Option<String> {
        let value = self.response.headers().get(name)?;
        Some(value.to_str().expect("it is ASCII").into())
    }

    /// Reads the next piece; `false` at the end, `None` if nothing comes in time.
    fn read(&mut self, time: Duration) -> Option<bool> {
        let mut body = Pin::new(self.response.body_mut());
        let frame = wait_for(time, poll_fn(|cx| body.as_mut().poll_frame(cx)))?;
        let Some(frame) = frame else {
            return Some(false);
        };
        let data = frame.expect("it never fails").into_data();
        let data = data.expect("there are no trailers");
        self.read += std::str::from_utf8(&data).expect("it is UTF-8");
        Some(true)
    }

    /// The whole body.
    pub fn text(mut self) -> String {
        while self.read(SOON).expect("it ends") {}
        self.read
    }

    /// The body as JSON.
    pub fn json(self) -> Value {
        let text = self.text();
        serde_json::from_str(&text).unwrap_or_else(|_| panic!("it is JSON: {text}"))
    }

    /// The last message, whether it comes alone or as an event: which of them it is the time says.
    pub fn last(self) -> Value {
        let text = self.text();
        let mut data = text.lines().filter_map(|line| line.strip_prefix("data: "));
        let last = data.next_back().unwrap_or(&text);
        serde_json::from_str(last).unwrap_or_else(|_| panic!("it is JSON: {text}"))
    }

    /// The next event as it was written; `None` at the end.
    pub fn event(&mut self) -> Option<String> {
        loop {
            if let Some((event, rest)) = self.read.split_once("\n\n") {
                let (event, rest) = (event.to_owned(), rest.to_owned());
                self.read = rest;
                return Some(event);
            }
            if !self.read(SOON).expect("something comes soon") {
                assert_eq!(self.read, "", "an event was cut");
                return None;
            }
        }
    }

    /// The next message, past comments and events without data; `None` at the end.
    pub fn message(&mut self) -> Option<Value> {
        loop {
            let event = self.event()?;
            let data = event.lines().find_map(|line| line.strip_prefix("data:"));
            if let Some(data) = data.map(str::trim).filter(|data| !data.is_empty()) {
                return Some(serde_json::from_str(data).expect("it is JSON"));
            }
        }
    }

    /// Whether nothing comes for so long.
    pub fn is_silent(&mut self, time: Duration) -> bool {
        self.read.is_empty() && self.read(time).is_none()
    }
}

/// The id of an event.
pub fn id_of(event: &str) -> String {
    let id = event.lines().find_map(|line| line.strip_prefix("id:"));
    id.expect("the event has an id").trim().into()
}
