//! A client session under the operations of its user and its server.

use std::time::Duration;

use bytes::Bytes;
use mcp_proto::model::elicitation::ElicitResult;
use mcp_proto::model::method::{CallTool, Elicit, ListTools};
use mcp_proto::model::page::PaginatedRequestParams;
use mcp_proto::model::subscription::SubscriptionFilter;
use mcp_proto::model::tool::CallToolParams;
use mcp_proto::rpc::RpcError;
use mcp_proto::session::{
    CallError, CallId, CallOptions, ClientEvent, Closed, InputId, Misuse, Route, SubscriptionId,
    Timeouts,
};
use mcp_proto::{ClientSession, Instant, Revision, Session};
use serde_json::{Value, json};
use support::pair::client_config;
use support::saved::Saved;
use support::script::{Script, error, notification, request, result, tool_result};

use super::{Side, Subject, Which, sent};

/// What may happen. The number of a call says which one of the user's, in their order; that of a question which id
/// of the server's.
#[derive(Clone, Copy, Debug)]
pub enum Operation {
    CallTool,
    ListTools,
    Cancel(Which),
    Succeeded(Which),
    Failed(Which),
    Progressed(Which),
    /// The server answers a call with a question.
    NeedsInput(Which),
    /// The server asks with a request of its own.
    Asked(Which),
    TookBack(Which),
    /// The user answers the oldest question, or refuses it.
    Answer,
    Decline,
    Subscribe,
    Unsubscribe,
    Acknowledged,
    Changed,
    Ended,
    Wait,
    Lose,
    Close,
}

pub fn operations() -> Vec<Operation> {
    let about: [fn(Which) -> Operation; 7] = [
        Operation::Cancel,
        Operation::Succeeded,
        Operation::Failed,
        Operation::Progressed,
        Operation::NeedsInput,
        Operation::Asked,
        Operation::TookBack,
    ];
    let mut operations = vec![
        Operation::CallTool,
        Operation::ListTools,
        Operation::Answer,
        Operation::Decline,
        Operation::Subscribe,
        Operation::Unsubscribe,
        Operation::Acknowledged,
        Operation::Changed,
        Operation::Ended,
        Operation::Wait,
        Operation::Lose,
        Operation::Close,
    ];
    operations.extend(about.iter().flat_map(|about| [about(0), about(1)]));
    operations
}

/// A call of the user's, and the request that it was last sent as.
#[derive(Clone)]
struct Call {
    id: CallId,
    request: Value,
    token: Value,
    has_ended: bool,
}

/// Whether it ends the session.
pub fn ends(operation: Operation) -> bool {
    matches!(operation, Operation::Lose | Operation::Close)
}

#[derive(Clone)]
pub struct ClientSide {
    revision: Revision,
    session: ClientSession,
    now: Instant,
    calls: Vec<Call>,
    /// The questions that the user was shown, the oldest first.
    inputs: Vec<InputId>,
    /// The subscription, and the request that opened it.
    subscription: Option<(SubscriptionId, Value)>,
    /// What was last reported.
    reported: u32,
}

impl ClientSide {
    /// A client that has been opened, by a server of everything.
    pub fn open(revision: Revision) -> Self {
        // One clock is enough; the other one would run while the user is asked.
        let timeouts = Timeouts::default().total(None);
        let config = client_config(revision).timeouts(timeouts);
        let script = Script::client_with(revision, config);
        Self {
            revision,
            session: script.session,
            now: script.now,
            calls: Vec::new(),
            inputs: Vec::new(),
            subscription: None,
            reported: 0,
        }
    }

    fn feed(&mut self, message: &Value) {
        let frame = Bytes::from(message.to_string());
        self.session.handle_frame(self.now, Route::Pipe, frame);
    }

    /// Makes a call in place of one that has ended; there is nothing to do while two are open.
    fn call(&mut self, is_tool: bool) -> Option<Result<(), Misuse>> {
        let ended = self.calls.iter().position(|call| call.has_ended);
        let which = ended.unwrap_or(self.calls.len());
        if which == 2 {
            return None;
        }
        let options = CallOptions::new().progress(true);
        let (session, now) = (&mut self.session, self.now);
        let called = match is_tool {
            true => session
                .call::<CallTool>(now, &CallToolParams::new("tool"), options)
                .map(CallId::any),
            false => session
                .call::<ListTools>(now, &PaginatedRequestParams::default(), options)
                .map(CallId::any),
        };
        Some(called.map(|id| {
            let (request, token, has_ended) = (Value::Null, Value::Null, false);
            let call = Call {
                id,
                request,
                token,
                has_ended,
            };
            match ended {
                Some(which) => self.calls[which] = call,
                None => self.calls.push(call),
            }
        }))
    }

    fn respond(&mut self, which: Which, response: impl Fn(&Value) -> Value) -> Option<()> {
        let request = &self.calls.get(which)?.request;
        let message = response(request);
        self.feed(&message);
        Some(())
    }

    fn progressed(&mut self, which: Which) -> Option<()> {
        let token = self.calls.get(which)?.token.clone();
        self.reported += 1;
        let params = json!({"progressToken": token, "progress": self.reported});
        self.feed(&notification("notifications/progress", params));
        Some(())
    }

    fn subscribe(&mut self) -> Option<Result<(), Misuse>> {
        if self.subscription.is_some() {
            return None;
        }
        let filter = SubscriptionFilter::new().tools_list_changed(true);
        let subscribed = self.session.subscribe(self.now, &filter);
        Some(subscribed.map(|id| self.subscription = Some((id, Value::Null))))
    }

    /// A message on the subscription's own stream.
    fn subscribed(&mut self, method: &str, mut params: Value) -> Option<()> {
        let (_, request) = self.subscription.as_ref()?;
        params["_meta"] = json!({"io.modelcontextprotocol/subscriptionId": request});
        self.feed(&notification(method, params));
        Some(())
    }

    fn seen(&mut self, event: ClientEvent) -> String {
        match event {
            ClientEvent::Completed(done) => {
                let which = self.which(done.call);
                self.calls[which].has_ended = true;
                match done.raw() {
                    Ok(_) => format!("completed {which}"),
                    Err(CallError::Rpc(_)) => format!("failed {which}"),
                    Err(CallError::TimedOut { .. }) => format!("timed out {which}"),
                    Err(CallError::Cancelled) => format!("cancelled {which}"),
                    Err(CallError::InputRefused(_)) => format!("refused input {which}"),
                    Err(CallError::Lost(_)) => format!("lost {which}"),
                    Err(CallError::BadResult { .. }) => format!("bad result {which}"),
                    Err(other) => format!("{other:?} {which}"),
                }
            }
            ClientEvent::InputRequested(asked) => {
                self.inputs.push(asked.input);
                match asked.call {
                    Some(call) => format!("asked for {}", self.which(call)),
                    None => "asked".into(),
                }
            }
            ClientEvent::InputWithdrawn(input) => {
                let place = self.inputs.iter().position(|open| *open == input);
                self.inputs.remove(place.expect("it was asked"));
                "withdrawn".into()
            }
            ClientEvent::Progress { call, .. } => format!("progress {}", self.which(call)),
            ClientEvent::Changed { subscription, .. } => match subscription {
                Some(_) => "changed for the subscription".into(),
                None => "changed".into(),
            },
            ClientEvent::Subscribed { .. } => "subscribed".into(),
            ClientEvent::SubscriptionEnded { outcome, .. } => {
                self.subscription = None;
                match outcome {
                    Ok(()) => "subscription ended".into(),
                    Err(_) => "subscription lost".into(),
                }
            }
            ClientEvent::Ignored(_) => "ignored".into(),
            ClientEvent::Closed(_) => "closed".into(),
            other => format!("{other:?}"),
        }
    }

    fn which(&self, call: CallId) -> usize {
        let place = self.calls.iter().position(|open| open.id == call);
        place.expect("a call that was made")
    }

    /// What a frame is, in the model's words.
    fn sent(&mut self, message: &Value) -> String {
        let (id, params) = (&message["id"], &message["params"]);
        let of_call = |request: &Value| self.calls.iter().position(|call| call.request == *request);
        match message["method"].as_str() {
            Some("subscriptions/listen") => {
                self.subscription.as_mut().expect("it was asked for").1 = id.clone();
                "send listen".into()
            }
            Some("tools/call" | "tools/list") => {
                // The same call comes again under another id.
                let token = &params["_meta"]["progressToken"];
                let again = self.calls.iter().position(|call| call.token == *token);
                let unsent = || self.calls.iter().position(|call| call.token.is_null());
                let which = again.or_else(unsent).expect("a call that was made");
                let call = &mut self.calls[which];
                (call.request, call.token) = (id.clone(), token.clone());
                match again {
                    Some(_) => format!("send {which} again"),
                    None => format!("send {which}"),
                }
            }
            Some("notifications/cancelled") => match of_call(&params["requestId"]) {
                Some(which) => format!("send cancelled {which}"),
                None => "send cancelled listen".into(),
            },
            Some(other) => format!("send {other}"),
            None if message["error"].is_object() => {
                format!("send error {} to {id}", message["error"]["code"])
            }
            None => format!("send result to {id}"),
        }
    }

    fn give(&mut self, operation: Operation) -> Option<Result<(), Misuse>> {
        let now = self.now;
        match operation {
            Operation::CallTool => return self.call(true),
            Operation::ListTools => return self.call(false),
            Operation::Cancel(which) => {
                let call = self.calls.get(which)?.id;
                return Some(self.session.cancel(now, call, None));
            }
            Operation::Answer => {
                let input = *self.inputs.first()?;
                let answered = self
                    .session
                    .answer::<Elicit>(now, input, &ElicitResult::decline());
                self.inputs.remove(0);
                return Some(answered);
            }
            Operation::Decline => {
                let input = *self.inputs.first()?;
                self.inputs.remove(0);
                return Some(self.session.decline(now, input, RpcError::internal("no")));
            }
            Operation::Subscribe => return self.subscribe(),
            Operation::Unsubscribe => {
                let (id, _) = self.subscription.take()?;
                return Some(self.session.unsubscribe(now, id));
            }
            Operation::Close => self.session.close(now),
            Operation::Lose => self
                .session
                .handle_closed(now, Route::Pipe, Closed::EndOfInput),
            Operation::Wait => {
                self.now = now + Duration::from_secs(3600);
                self.session.handle_timeout(self.now);
            }
            _ => self.serve(operation)?,
        }
        Some(Ok(()))
    }

    /// What the server does.
    fn serve(&mut self, operation: Operation) -> Option<()> {
        match operation {
            Operation::Succeeded(which) => self.respond(which, |id| result(id, list_or_tool())),
            Operation::Failed(which) => self.respond(which, |id| error(id, -32603)),
            Operation::Progressed(which) => self.progressed(which),
            Operation::NeedsInput(which) => self.respond(which, |id| result(id, question())),
            Operation::Asked(which) => {
                let params = question()["inputRequests"]["who"]["params"].clone();
                // Modern clients are asked like this by mistake only, and by no `_meta`.
                let revision = Revision::V2025_11_25;
                self.feed(&request(revision, which, "elicitation/create", params));
                Some(())
            }
            Operation::TookBack(which) => {
                let params = json!({"requestId": which});
                self.feed(&notification("notifications/cancelled", params));
                Some(())
            }
            Operation::Acknowledged => self.subscribed(
                "notifications/subscriptions/acknowledged",
                json!({"notifications": {"toolsListChanged": true}}),
            ),
            Operation::Changed if self.revision < Revision::V2026_07_28 => {
                self.feed(&notification("notifications/tools/list_changed", json!({})));
                Some(())
            }
            Operation::Changed => self.subscribed("notifications/tools/list_changed", json!({})),
            _ => {
                let (_, request) = self.subscription.clone()?;
                self.feed(&result(&request, json!({"resultType": "complete"})));
                Some(())
            }
        }
    }
}

/// A result that answers either method.
fn list_or_tool() -> Value {
    let mut result = tool_result();
    result["tools"] = json!([]);
    result["ttlMs"] = json!(0);
    result["cacheScope"] = json!("private");
    result
}

/// A result that asks for something.
fn question() -> Value {
    let params = json!({
        "mode": "form", "message": "Who?", "requestedSchema": {"type": "object", "properties": {}},
    });
    json!({
        "resultType": "input_required",
        "inputRequests": {"who": {"method": "elicitation/create", "params": params}},
    })
}

impl Side for ClientSide {
    fn state(&self) -> Vec<u8> {
        self.session.save(self.now).text().into_bytes()
    }
}

impl Subject for ClientSide {
    type Operation = Operation;

    fn operate(&mut self, operation: Operation) -> Option<Vec<String>> {
        let outcome = self.give(operation)?;
        let mut lines: Vec<String> = outcome
            .is_err()
            .then(|| "refused".into())
            .into_iter()
            .collect();
        let frames = sent(&mut self.session);
        lines.extend(frames.iter().map(|message| self.sent(message)));
        while let Some(event) = self.session.poll_event() {
            lines.push(self.seen(event));
        }
        Some(lines)
    }
}
