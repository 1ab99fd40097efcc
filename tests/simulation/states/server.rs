//! A server session under the operations of its user and its client.

use std::time::Duration;

use bytes::Bytes;
use mcp_proto::model::elicitation::{ElicitParams, ElicitRequestFormParams};
use mcp_proto::model::input::InputRequests;
use mcp_proto::model::method::{CallTool, ListTools};
use mcp_proto::model::tool::{CallToolResult, ListToolsResult};
use mcp_proto::rpc::RpcError;
use mcp_proto::session::{Change, Closed, IncomingId, Misuse, Request, Route, ServerEvent};
use mcp_proto::{Instant, Revision, ServerSession, Session};
use serde_json::{Value, json};
use support::saved::Saved;
use support::script::{Script, error, notification, request, result};

use super::{Side, Subject, Which, sent};

/// What may happen; the number says which of the client's requests it is about.
#[derive(Clone, Copy, Debug)]
pub enum Operation {
    CallTool(Which),
    ListTools(Which),
    Listen(Which),
    Cancelled(Which),
    Reply(Which),
    Refuse(Which),
    Progress(Which),
    NeedInput(Which),
    Answered(Which),
    Declined(Which),
    Changed,
    EndSubscriptions,
    Wait,
    Lose,
    Close,
}

pub fn operations() -> Vec<Operation> {
    let about: [fn(Which) -> Operation; 10] = [
        Operation::CallTool,
        Operation::ListTools,
        Operation::Listen,
        Operation::Cancelled,
        Operation::Reply,
        Operation::Refuse,
        Operation::Progress,
        Operation::NeedInput,
        Operation::Answered,
        Operation::Declined,
    ];
    let mut operations = vec![
        Operation::Changed,
        Operation::EndSubscriptions,
        Operation::Wait,
        Operation::Lose,
        Operation::Close,
    ];
    operations.extend(about.iter().flat_map(|about| [about(0), about(1)]));
    operations
}

/// Whether it ends the session.
pub fn ends(operation: Operation) -> bool {
    matches!(operation, Operation::Lose | Operation::Close)
}

#[derive(Clone)]
pub struct ServerSide {
    revision: Revision,
    session: ServerSession,
    now: Instant,
    /// The latest handle of each request, and whether it is for a call of a tool.
    handles: [Option<(IncomingId, bool)>; 2],
    /// The id of the latest question of each request.
    questions: [Value; 2],
    /// What was last reported on each.
    reported: [u32; 2],
    /// Whose handler has asked last.
    asking: Option<Which>,
}

impl ServerSide {
    /// A server that has been opened, if its revision needs that.
    pub fn open(revision: Revision) -> Self {
        let script = Script::server(revision);
        Self {
            revision,
            session: script.session,
            now: script.now,
            handles: [None; 2],
            questions: [json!("never asked"), json!("neither")],
            reported: [0; 2],
            asking: None,
        }
    }

    fn feed(&mut self, message: &Value) {
        let frame = Bytes::from(message.to_string());
        self.session.handle_frame(self.now, Route::Pipe, frame);
    }

    fn request(&mut self, which: Which, method: &str, mut params: Value) {
        params["_meta"] = json!({"progressToken": which});
        if self.revision == Revision::V2026_07_28 {
            params["_meta"]["io.modelcontextprotocol/protocolVersion"] = json!("2026-07-28");
            params["_meta"]["io.modelcontextprotocol/clientCapabilities"] =
                json!({"elicitation": {}});
        }
        self.feed(&request(self.revision, which, method, params));
    }

    fn answer(&mut self, which: Which) -> Result<(), Misuse> {
        let Some((handle, is_tool)) = self.handles[which] else {
            return Ok(());
        };
        match is_tool {
            true => self
                .session
                .reply::<CallTool>(self.now, handle, &CallToolResult::text("done")),
            false => self
                .session
                .reply::<ListTools>(self.now, handle, &ListToolsResult::default()),
        }
    }

    fn ask(&mut self, handle: IncomingId) -> Result<(), Misuse> {
        let question = ElicitParams::Form(ElicitRequestFormParams::new("Who?"));
        let questions = InputRequests::default().elicit("who", &question);
        self.session.need_input(self.now, handle, &questions, None)
    }

    /// A command of the user; `None` while there was no request to give it for.
    fn command(&mut self, which: Which, operation: Operation) -> Option<Result<(), Misuse>> {
        let (handle, _) = self.handles[which]?;
        Some(match operation {
            Operation::Reply(_) => self.answer(which),
            Operation::Refuse(_) => {
                let error = RpcError::internal("no");
                self.session.reply_error(self.now, handle, error)
            }
            Operation::Progress(_) => {
                self.reported[which] += 1;
                let progress = f64::from(self.reported[which]);
                self.session
                    .progress(self.now, handle, progress, None, None)
            }
            _ => self.ask(handle),
        })
    }

    fn seen(&mut self, event: &ServerEvent) -> String {
        match event {
            ServerEvent::Request(request) => self.handed(request),
            ServerEvent::Cancelled { request, .. } => {
                let of =
                    |handle: &Option<(IncomingId, bool)>| handle.is_some_and(|it| it.0 == *request);
                let which = self.handles.iter().position(of);
                format!(
                    "cancelled {}",
                    which.expect("a request that was handed out")
                )
            }
            ServerEvent::Ignored(_) => "ignored".into(),
            ServerEvent::Closed(_) => "closed".into(),
            other => format!("{other:?}"),
        }
    }

    fn handed(&mut self, request: &Request) -> String {
        let params: Value = request.raw_params().decode().expect("an object");
        let which = params["_meta"]["progressToken"].as_u64().expect("its id");
        let which = usize::try_from(which).expect("0 or 1");
        self.handles[which] = Some((request.id, request.method() == "tools/call"));
        // What was reported before a question isn't sent once more.
        if !request.has_inputs() {
            self.reported[which] = 0;
        }
        match request.has_inputs() {
            true => format!("request {which} with inputs"),
            false => format!("request {which}"),
        }
    }

    /// What a frame is, in the model's words.
    fn sent(&mut self, message: &Value) -> String {
        let of_question = |id: &Value| self.questions.iter().position(|question| question == id);
        let params = &message["params"];
        match message["method"].as_str() {
            Some("elicitation/create") => {
                let which = self.asking.expect("somebody has asked");
                self.questions[which] = message["id"].clone();
                format!("send question {which}")
            }
            Some("notifications/cancelled") => match of_question(&params["requestId"]) {
                Some(which) => format!("send cancelled question {which}"),
                None => format!("send cancelled {}", params["requestId"]),
            },
            Some("notifications/progress") => format!("send progress {}", params["progressToken"]),
            Some("notifications/subscriptions/acknowledged") => {
                format!("send acknowledged {}", subscription(params))
            }
            Some("notifications/tools/list_changed") if self.revision < Revision::V2026_07_28 => {
                "send changed".into()
            }
            Some("notifications/tools/list_changed") => {
                format!("send changed to {}", subscription(params))
            }
            Some(other) => format!("send {other}"),
            None if message["error"].is_object() => {
                format!(
                    "send error {} to {}",
                    message["error"]["code"], message["id"]
                )
            }
            None => match message["result"]["resultType"].as_str() {
                Some("input_required") => format!("send input_required to {}", message["id"]),
                _ => format!("send result to {}", message["id"]),
            },
        }
    }
}

/// The subscription that a notification is for.
fn subscription(params: &Value) -> &Value {
    &params["_meta"]["io.modelcontextprotocol/subscriptionId"]
}

impl Side for ServerSide {
    fn state(&self) -> Vec<u8> {
        self.session.save(self.now).text().into_bytes()
    }
}

impl Subject for ServerSide {
    type Operation = Operation;

    fn operate(&mut self, operation: Operation) -> Option<Vec<String>> {
        let mut outcome = Ok(());
        match operation {
            Operation::CallTool(which) => {
                self.request(which, "tools/call", json!({"name": "tool"}))
            }
            Operation::ListTools(which) => self.request(which, "tools/list", json!({})),
            Operation::Listen(which) => {
                let filter = json!({"notifications": {"toolsListChanged": true}});
                self.request(which, "subscriptions/listen", filter);
            }
            Operation::Cancelled(which) => {
                let params = json!({"requestId": which});
                self.feed(&notification("notifications/cancelled", params));
            }
            Operation::Reply(which)
            | Operation::Refuse(which)
            | Operation::Progress(which)
            | Operation::NeedInput(which) => {
                self.asking = Some(which);
                outcome = self.command(which, operation)?;
            }
            Operation::Answered(which) => {
                let answer = json!({"action": "accept", "content": {}});
                self.feed(&result(&self.questions[which].clone(), answer));
            }
            Operation::Declined(which) => self.feed(&error(&self.questions[which].clone(), -32603)),
            Operation::Changed => outcome = self.session.changed(self.now, Change::Tools),
            Operation::EndSubscriptions => self.session.end_subscriptions(self.now),
            Operation::Wait => {
                self.now = self.now + Duration::from_secs(3600);
                self.session.handle_timeout(self.now);
            }
            Operation::Lose => {
                self.session
                    .handle_closed(self.now, Route::Pipe, Closed::EndOfInput);
            }
            Operation::Close => self.session.close(self.now),
        }
        let mut lines: Vec<String> = outcome
            .is_err()
            .then(|| "refused".into())
            .into_iter()
            .collect();
        let frames = sent(&mut self.session);
        lines.extend(frames.iter().map(|message| self.sent(message)));
        while let Some(event) = self.session.poll_event() {
            lines.push(self.seen(&event));
        }
        Some(lines)
    }
}
