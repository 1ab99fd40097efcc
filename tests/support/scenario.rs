//! States to start from and steps to take: calls, answers, questions, and the frames a peer of
//! another make would send.

use bytes::Bytes;
use mcp_proto::model::completion::CompleteParams;
use mcp_proto::model::elicitation::{ElicitParams, ElicitRequestFormParams};
use mcp_proto::model::input::InputRequests;
use mcp_proto::model::method::{CallTool, Method};
use mcp_proto::model::schema::StringSchema;
use mcp_proto::model::tool::{CallToolParams, CallToolResult};
use mcp_proto::rpc::RpcError;
use mcp_proto::session::{
    CallId, CallOptions, ClientEvent, InputRequested, Misuse, Request, Route, ServerEvent, Session,
    SubscriptionId,
};
use mcp_proto::{Era, Revision};
use serde_json::{Value, json};

use super::pair::{Pair, poll_frames};

/// The revisions from `first` on.
pub fn since(first: Revision) -> impl Iterator<Item = Revision> {
    Revision::ALL
        .into_iter()
        .filter(move |revision| *revision >= first)
}

/// Whether `revision` has no handshake.
pub fn is_modern(revision: Revision) -> bool {
    revision.era() == Era::Modern
}

/// A question for a name, by form.
pub fn question(message: &str) -> ElicitParams<'static> {
    ElicitRequestFormParams::new(message.to_string())
        .required("name", StringSchema::new())
        .into()
}

/// One question under `key`.
pub fn ask(key: &'static str) -> InputRequests<'static> {
    InputRequests::new().elicit(key, &question("Who are you?"))
}

/// What is asked when `value` of an argument has been typed.
pub fn completing(value: &'static str) -> CompleteParams<'static> {
    let prompt = mcp_proto::model::completion::PromptReference::new("p");
    let reference = mcp_proto::model::completion::Reference::Prompt(prompt);
    CompleteParams::new(reference, "language", value)
}

/// A request of a client, with the metadata that `revision` asks for.
pub fn request(revision: Revision, id: impl Into<Value>, method: &str, params: Value) -> String {
    request_of(revision, id, method, params, json!({}))
}

/// The same from a client that declares `capabilities`, where the revision says them each time.
pub fn request_of(
    revision: Revision,
    id: impl Into<Value>,
    method: &str,
    mut params: Value,
    capabilities: Value,
) -> String {
    if revision.era() == Era::Modern {
        let meta = &mut params["_meta"];
        meta["io.modelcontextprotocol/protocolVersion"] = json!(revision.as_str());
        meta["io.modelcontextprotocol/clientCapabilities"] = capabilities;
    }
    json!({"jsonrpc": "2.0", "id": id.into(), "method": method, "params": params}).to_string()
}

/// A notification.
pub fn notification(method: &str, params: Value) -> String {
    json!({"jsonrpc": "2.0", "method": method, "params": params}).to_string()
}

/// A result for the request `id`.
pub fn result(id: impl Into<Value>, result: Value) -> String {
    json!({"jsonrpc": "2.0", "id": id.into(), "result": result}).to_string()
}

impl Pair {
    /// Makes a call and carries it to the server.
    pub fn call<M: Method>(&mut self, params: &M::Params<'_>) -> CallId<M> {
        self.call_with::<M>(params, CallOptions::new())
    }

    /// The same with options.
    pub fn call_with<M: Method>(
        &mut self,
        params: &M::Params<'_>,
        options: CallOptions<'_>,
    ) -> CallId<M> {
        let call = self.client.call::<M>(self.now, params, options).unwrap();
        self.drive();
        call
    }

    /// Calls a tool of that name, without arguments.
    pub fn call_tool(&mut self, name: &str) -> CallId<CallTool> {
        self.call::<CallTool>(&CallToolParams::new(name))
    }

    /// Makes a call that the client refuses to make.
    pub fn misuse<M: Method>(&mut self, params: &M::Params<'_>) -> Misuse {
        self.client
            .call::<M>(self.now, params, CallOptions::new())
            .unwrap_err()
    }

    /// Answers a request and carries the answer to the client.
    pub fn reply<M: Method>(&mut self, request: &Request, result: &M::Result<'_>) {
        self.server
            .reply::<M>(self.now, request.id, result)
            .unwrap();
        self.drive();
    }

    /// Answers a tool call with a text.
    pub fn reply_text(&mut self, request: &Request, text: &str) {
        self.reply::<CallTool>(request, &CallToolResult::text(text));
    }

    /// Answers a request with an error.
    pub fn reply_error(&mut self, request: &Request, error: RpcError) {
        self.server
            .reply_error(self.now, request.id, error)
            .unwrap();
        self.drive();
    }

    /// Asks the client for what a request needs.
    pub fn need(&mut self, request: &Request, asked: &InputRequests<'_>, state: Option<&str>) {
        self.server
            .need_input(self.now, request.id, asked, state)
            .unwrap();
        self.drive();
    }

    /// The client's next event, which has to be a question.
    pub fn input(&mut self) -> InputRequested {
        match self.client_events.pop_front() {
            Some(ClientEvent::InputRequested(input)) => input,
            other => panic!("expected an input request, got {other:?}"),
        }
    }

    /// Answers a question and carries the answer to the server.
    pub fn answer<M: Method>(&mut self, input: &InputRequested, result: &M::Result<'_>) {
        self.client
            .answer::<M>(self.now, input.input, result)
            .unwrap();
        self.drive();
    }

    /// The client's next event.
    pub fn client_event(&mut self) -> ClientEvent {
        self.client_events.pop_front().expect("a client event")
    }

    /// The server's next event.
    pub fn server_event(&mut self) -> ServerEvent {
        self.server_events.pop_front().expect("a server event")
    }

    /// Whether neither side has an event to tell.
    pub fn is_quiet(&self) -> bool {
        self.client_events.is_empty() && self.server_events.is_empty()
    }

    /// The text of the result of a tool call, which has to be the client's next event.
    pub fn text_of(&mut self, call: CallId<CallTool>) -> String {
        let done = self.completed(call);
        let result = done.of(call).unwrap().unwrap();
        result.content[0].as_text().unwrap().to_string()
    }

    /// What the server answered last.
    pub fn last_of_server(&self) -> Value {
        self.sent_by_server().pop().expect("a frame of the server")
    }

    /// What the client sent last.
    pub fn last_of_client(&self) -> Value {
        self.sent_by_client().pop().expect("a frame of the client")
    }

    /// The frames of one side that name `method`.
    pub fn of_method(&self, by_client: bool, method: &str) -> Vec<Value> {
        let mut sent = match by_client {
            true => self.sent_by_client(),
            false => self.sent_by_server(),
        };
        sent.retain(|frame| frame["method"] == method);
        sent
    }

    /// Forgets the frames that were carried so far.
    pub fn forget(&mut self) {
        self.wire.clear();
    }

    /// Subscribes, and takes the confirmation.
    pub fn subscribe(
        &mut self,
        filter: &mcp_proto::model::subscription::SubscriptionFilter<'_>,
    ) -> SubscriptionId {
        let id = self.client.subscribe(self.now, filter).unwrap();
        self.drive();
        match self.client_event() {
            ClientEvent::Subscribed { subscription, .. } => assert_eq!(subscription, id),
            other => panic!("expected a confirmation, got {other:?}"),
        }
        id
    }

    /// A frame that the server gets from a client of another make by an HTTP exchange; what it
    /// sends in turn, by route.
    pub fn exchange(&mut self, route: Route, frame: String) -> Vec<(Route, Value)> {
        self.checked.put_in(true, &frame);
        self.server
            .handle_frame(self.now, route, Bytes::from(frame));
        self.routed()
    }

    /// What the server has to send, by route; none of it reaches the client.
    pub fn routed(&mut self) -> Vec<(Route, Value)> {
        let mut sent = Vec::new();
        let mut buffer = Vec::new();
        while let Some(transmit) = self.server.poll_transmit(&mut buffer) {
            self.checked.sent(false, &buffer);
            sent.push((transmit.route, serde_json::from_slice(&buffer).unwrap()));
            buffer.clear();
        }
        self.server_events
            .extend(std::iter::from_fn(|| self.server.poll_event()));
        sent
    }

    /// Loses what the client has to send; what that was.
    pub fn lose_from_client(&mut self) -> Vec<String> {
        let frames = poll_frames(&mut self.client);
        for frame in &frames {
            self.checked.sent(true, frame);
        }
        frames
    }
}
