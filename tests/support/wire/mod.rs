//! Checks each frame that a session sends against the definition of its method in the schema of the
//! revision in force.

mod correct;
pub mod schema;
mod tasks;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use mcp_proto::Revision;
use mcp_proto::model::method::SpecMethod;
use serde_json::Value;

use schema::Mismatch;

/// The definitions of each method: of the request or notification, and of the result, if any.
pub const DEFINITIONS: [(SpecMethod, &str, Option<&str>); 36] = [
    (
        SpecMethod::Initialize,
        "InitializeRequest",
        Some("InitializeResult"),
    ),
    (
        SpecMethod::Discover,
        "DiscoverRequest",
        Some("DiscoverResult"),
    ),
    (SpecMethod::Ping, "PingRequest", Some("EmptyResult")),
    (
        SpecMethod::ListTools,
        "ListToolsRequest",
        Some("ListToolsResult"),
    ),
    (
        SpecMethod::CallTool,
        "CallToolRequest",
        Some("CallToolResult"),
    ),
    (
        SpecMethod::ListResources,
        "ListResourcesRequest",
        Some("ListResourcesResult"),
    ),
    (
        SpecMethod::ListResourceTemplates,
        "ListResourceTemplatesRequest",
        Some("ListResourceTemplatesResult"),
    ),
    (
        SpecMethod::ReadResource,
        "ReadResourceRequest",
        Some("ReadResourceResult"),
    ),
    (
        SpecMethod::Subscribe,
        "SubscribeRequest",
        Some("EmptyResult"),
    ),
    (
        SpecMethod::Unsubscribe,
        "UnsubscribeRequest",
        Some("EmptyResult"),
    ),
    (
        SpecMethod::ListPrompts,
        "ListPromptsRequest",
        Some("ListPromptsResult"),
    ),
    (
        SpecMethod::GetPrompt,
        "GetPromptRequest",
        Some("GetPromptResult"),
    ),
    (
        SpecMethod::Complete,
        "CompleteRequest",
        Some("CompleteResult"),
    ),
    (SpecMethod::SetLevel, "SetLevelRequest", Some("EmptyResult")),
    (
        SpecMethod::CreateMessage,
        "CreateMessageRequest",
        Some("CreateMessageResult"),
    ),
    (SpecMethod::Elicit, "ElicitRequest", Some("ElicitResult")),
    (
        SpecMethod::ListRoots,
        "ListRootsRequest",
        Some("ListRootsResult"),
    ),
    (
        SpecMethod::SubscriptionsListen,
        "SubscriptionsListenRequest",
        Some("SubscriptionsListenResult"),
    ),
    (SpecMethod::Initialized, "InitializedNotification", None),
    (SpecMethod::Cancelled, "CancelledNotification", None),
    (SpecMethod::Progress, "ProgressNotification", None),
    (
        SpecMethod::ToolsListChanged,
        "ToolListChangedNotification",
        None,
    ),
    (
        SpecMethod::ResourcesListChanged,
        "ResourceListChangedNotification",
        None,
    ),
    (
        SpecMethod::ResourceUpdated,
        "ResourceUpdatedNotification",
        None,
    ),
    (
        SpecMethod::PromptsListChanged,
        "PromptListChangedNotification",
        None,
    ),
    (
        SpecMethod::LoggingMessage,
        "LoggingMessageNotification",
        None,
    ),
    (
        SpecMethod::ElicitationComplete,
        "ElicitationCompleteNotification",
        None,
    ),
    (
        SpecMethod::RootsListChanged,
        "RootsListChangedNotification",
        None,
    ),
    (
        SpecMethod::SubscriptionsAcknowledged,
        "SubscriptionsAcknowledgedNotification",
        None,
    ),
    (SpecMethod::GetTask, "GetTaskRequest", Some("GetTaskResult")),
    (
        SpecMethod::GetTaskPayload,
        "GetTaskPayloadRequest",
        Some("GetTaskPayloadResult"),
    ),
    (
        SpecMethod::UpdateTask,
        "UpdateTaskRequest",
        Some("UpdateTaskResult"),
    ),
    (
        SpecMethod::CancelTask,
        "CancelTaskRequest",
        Some("CancelTaskResult"),
    ),
    (
        SpecMethod::ListTasks,
        "ListTasksRequest",
        Some("ListTasksResult"),
    ),
    (
        SpecMethod::TaskStatusChanged,
        "TaskStatusNotification",
        None,
    ),
    (SpecMethod::TaskChanged, "TaskNotification", None),
];

/// The definitions of the errors that have one of their own, and the one revision that has it.
const ERRORS: [(i64, &str, Revision); 4] = [
    (-32020, "HeaderMismatchError", Revision::V2026_07_28),
    (
        -32021,
        "MissingRequiredClientCapabilityError",
        Revision::V2026_07_28,
    ),
    (
        -32022,
        "UnsupportedProtocolVersionError",
        Revision::V2026_07_28,
    ),
    (-32042, "URLElicitationRequiredError", Revision::V2025_11_25),
];

/// What a request said that its response has to be judged by.
#[derive(Clone, Debug)]
struct Asked {
    method: String,
    revision: Revision,
}

/// What has gone over one connection so far.
#[derive(Clone, Debug, Default)]
pub struct Wire {
    /// The open requests, by whether the client sent them and by their id as JSON.
    asked: BTreeMap<(bool, String), Asked>,
    /// What the handshake agreed on.
    negotiated: Option<Revision>,
    /// Whether a request of the modern era has been seen.
    is_modern: bool,
    /// The methods that the server asked for inside its results, by key.
    inputs: BTreeMap<String, SpecMethod>,
    /// Whether nothing is checked any more.
    is_off: bool,
    /// Whether the server may not send structured content to revisions without it; by default its
    /// configuration lets it (`ServerConfig::keeps_structured`).
    forbids_structured: bool,
}

impl Wire {
    /// A connection of which only what was negotiated is known.
    pub fn resumed(negotiated: Option<Revision>) -> Self {
        Self {
            negotiated,
            ..Self::default()
        }
    }

    /// Takes over what a session says was negotiated, which it may know from frames that weren't
    /// seen here.
    pub fn resume(&mut self, negotiated: Option<Revision>) {
        self.negotiated = self.negotiated.or(negotiated);
    }

    /// Checks nothing from now on: for tests that make a session say something wrong on purpose.
    pub fn turn_off(&mut self) {
        self.is_off = true;
    }

    /// Says whether the server sends structured content to revisions that don't know it.
    pub fn allow_structured(&mut self, is_allowed: bool) {
        self.forbids_structured = !is_allowed;
    }

    /// Checks a frame that a session sent, and panics when it isn't what the schema says.
    #[track_caller]
    pub fn sent(&mut self, by_client: bool, frame: impl AsRef<[u8]>) {
        if self.is_off {
            return;
        }
        let frame = String::from_utf8_lossy(frame.as_ref());
        let value: Value = serde_json::from_str(&frame).expect("a frame is JSON");
        if let Value::Array(elements) = &value {
            // `base.batch.removed`: only one revision has batches, and an empty one says nothing.
            assert_eq!(self.negotiated, Some(Revision::V2025_03_26), "{frame}");
            assert!(!elements.is_empty(), "an empty batch");
        }
        for message in messages(&value) {
            if let Err(complaint) = self.check(by_client, message) {
                panic!("{complaint}\nin {frame}\n(`Wire::turn_off` when that is on purpose)");
            }
            self.note(by_client, message);
        }
    }

    /// Takes note of a frame that a test put in by hand, so that its answers can be judged.
    pub fn put_in(&mut self, by_client: bool, frame: impl AsRef<[u8]>) {
        let Ok(value) = serde_json::from_slice::<Value>(frame.as_ref()) else {
            return;
        };
        for message in messages(&value) {
            self.note(by_client, message);
        }
    }

    fn note(&mut self, by_client: bool, message: &Value) {
        let id = message.get("id").map(Value::to_string);
        let is_input_required = message["result"]["resultType"] == "input_required";
        if let (true, Some(Value::Object(requests))) =
            (is_input_required, message["result"].get("inputRequests"))
        {
            let known = |request: &Value| SpecMethod::from_wire(request["method"].as_str()?);
            let inputs = requests
                .iter()
                .filter_map(|(key, request)| Some((key.clone(), known(request)?)));
            self.inputs.extend(inputs);
        }
        let Some(method) = message["method"].as_str() else {
            let asked = id.and_then(|id| self.asked.remove(&(!by_client, id)));
            let agreed = message["result"]["protocolVersion"].as_str();
            if asked.is_some_and(|asked| asked.method == "initialize") {
                self.negotiated = agreed.and_then(Revision::from_wire).or(self.negotiated);
            }
            return;
        };
        let revision = self.revision_of(message);
        self.is_modern |= revision == Revision::V2026_07_28;
        if let Some(id) = id {
            let method = method.to_owned();
            self.asked
                .insert((by_client, id), Asked { method, revision });
        }
    }

    /// The revision in which a request or notification is said.
    fn revision_of(&self, message: &Value) -> Revision {
        let params = &message["params"];
        let own = &params["_meta"]["io.modelcontextprotocol/protocolVersion"];
        let subscription = &params["_meta"]["io.modelcontextprotocol/subscriptionId"];
        if message["method"] == "initialize" {
            let wanted = params["protocolVersion"].as_str();
            return wanted
                .and_then(Revision::from_wire)
                .unwrap_or(Revision::NEWEST_LEGACY);
        }
        // A ping, say, is legacy even while the era is being found out.
        let known = message["method"].as_str().and_then(SpecMethod::from_wire);
        let may_be_modern = known.is_none_or(|known| known.exists_in(Revision::V2026_07_28));
        match self.negotiated {
            _ if !own.is_null() || !subscription.is_null() => Revision::V2026_07_28,
            Some(revision) => revision,
            None if self.is_modern && may_be_modern => Revision::V2026_07_28,
            None => Revision::NEWEST_LEGACY,
        }
    }

    fn check(&self, by_client: bool, message: &Value) -> Result<(), String> {
        match message["method"].as_str() {
            Some(method) => self.check_call(by_client, method, message),
            None => self.check_response(by_client, message),
        }
    }

    /// Checks a request or notification.
    fn check_call(&self, by_client: bool, method: &str, message: &Value) -> Result<(), String> {
        let revision = self.revision_of(message);
        let is_request = message.get("id").is_some();
        let envelope = match is_request {
            true => "JSONRPCRequest",
            false => "JSONRPCNotification",
        };
        fits(revision, envelope, message)?;
        let Some(known) = SpecMethod::from_wire(method) else {
            // An extension's: the schemas know nothing of it.
            return Ok(());
        };
        let (definition, _) = definitions(known);
        if !known.exists_in(revision) {
            return Err(format!("{revision} has no {method}"));
        }
        fits(revision, definition, message)?;
        if is_request == known.is_notification() {
            return Err(format!("{method} with the id {}", message["id"]));
        }
        if let Some(Value::Object(responses)) = message["params"].get("inputResponses") {
            for (key, response) in responses {
                let Some(known) = self.inputs.get(key).filter(|_| by_client) else {
                    continue;
                };
                let definition = definitions(*known)
                    .1
                    .expect("an input request has a result");
                fits(revision, definition, response)?;
            }
        }
        Ok(())
    }

    fn check_response(&self, by_client: bool, message: &Value) -> Result<(), String> {
        let asked = message
            .get("id")
            .and_then(|id| self.asked.get(&(!by_client, id.to_string())));
        let revision = match (asked, self.negotiated) {
            (Some(asked), _) if asked.method == "initialize" => {
                message["result"]["protocolVersion"]
                    .as_str()
                    .and_then(Revision::from_wire)
                    .unwrap_or(asked.revision)
            }
            (Some(asked), _) => asked.revision,
            (None, _) if !message["result"]["resultType"].is_null() => Revision::V2026_07_28,
            (None, Some(revision)) => revision,
            (None, None) if self.is_modern => Revision::V2026_07_28,
            (None, None) => Revision::NEWEST_LEGACY,
        };
        if message.get("error").is_some() {
            return check_error(revision, message);
        }
        let envelope = match revision {
            Revision::V2025_11_25 | Revision::V2026_07_28 => "JSONRPCResultResponse",
            _ => "JSONRPCResponse",
        };
        fits(revision, envelope, message)?;
        let mut result = message["result"].clone();
        if !self.forbids_structured && revision < Revision::V2025_06_18 {
            take_structured(&mut result);
        }
        match asked {
            Some(asked) => check_result(revision, &asked.method, &result),
            None => check_any_result(revision, by_client, &result),
        }
    }
}

/// Takes out what the option `keeps_structured` adds to a result: objects, as later revisions have
/// them.
fn take_structured(result: &mut Value) {
    let Value::Object(members) = result else {
        return;
    };
    let tools = members.get_mut("tools").and_then(Value::as_array_mut);
    for tool in tools.into_iter().flatten() {
        take_object(tool, "outputSchema");
    }
    take_object(result, "structuredContent");
}

fn take_object(from: &mut Value, key: &str) {
    if let Value::Object(members) = from
        && members.get(key).is_some_and(Value::is_object)
    {
        members.remove(key);
    }
}

/// The definitions of the request or notification and of the result.
pub fn definitions(known: SpecMethod) -> (&'static str, Option<&'static str>) {
    let row = DEFINITIONS.iter().find(|row| row.0 == known);
    let (_, call, result) = row.expect("the table has every method");
    (call, *result)
}

fn messages(value: &Value) -> &[Value] {
    match value {
        Value::Array(elements) => elements,
        one => std::slice::from_ref(one),
    }
}

/// The longest text of what was judged that is kept, in bytes.
const LONGEST_CASE: usize = 2048;

fn fits(revision: Revision, definition: &str, value: &Value) -> Result<(), String> {
    // Most of what the tests send is the same in many of them, and judged once.
    static GOOD: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
    let good = || GOOD.lock().unwrap_or_else(PoisonError::into_inner);
    let case = format!("{revision} {definition} {value}");
    if case.len() > LONGEST_CASE {
        return judge(revision, definition, value);
    }
    if !good().contains(&case) {
        judge(revision, definition, value)?;
        good().insert(case);
    }
    Ok(())
}

fn judge(revision: Revision, definition: &str, value: &Value) -> Result<(), String> {
    let schema = schema::of(revision);
    schema
        .check(definition, value)
        .map_err(|Mismatch { path, reason }| {
            format!("not a {definition} of {revision}: at {path:?} {reason}")
        })?;
    // Legal, as no object is closed, but nothing a session says of its own accord (`tools.def.fields`).
    let undeclared = schema.undeclared(definition, value);
    match undeclared.is_empty() {
        true => Ok(()),
        false => Err(format!(
            "more than a {definition} of {revision} has: {undeclared:?}"
        )),
    }
}

fn check_error(revision: Revision, message: &Value) -> Result<(), String> {
    let envelope = match revision {
        Revision::V2025_11_25 | Revision::V2026_07_28 => "JSONRPCErrorResponse",
        _ => "JSONRPCError",
    };
    fits(revision, envelope, message)?;
    let code = &message["error"]["code"];
    let own = ERRORS
        .iter()
        .find(|(own, _, of)| code == own && *of == revision);
    match own {
        Some((_, definition, _)) => fits(revision, definition, message),
        None => Ok(()),
    }
}

/// Checks the result of a request of this method.
fn check_result(revision: Revision, method: &str, result: &Value) -> Result<(), String> {
    let Some(known) = SpecMethod::from_wire(method) else {
        return Ok(());
    };
    let is_modern = revision == Revision::V2026_07_28;
    if is_modern && result["resultType"] == "input_required" {
        // `mrtr.methods`, `mrtr.values`
        if !known.allows_input_required() {
            return Err(format!("{method} can't ask for input"));
        }
        return check_input_requests(revision, result);
    }
    // `task25.createresult`, `task26.method`
    let is_task = match is_modern {
        true => result["resultType"] == "task",
        false => result.get("task").is_some(),
    };
    let may_be_task = matches!(
        (known, revision),
        (
            SpecMethod::CallTool,
            Revision::V2025_11_25 | Revision::V2026_07_28
        ) | (
            SpecMethod::CreateMessage | SpecMethod::Elicit,
            Revision::V2025_11_25
        )
    );
    if is_task && may_be_task {
        return fits(revision, "CreateTaskResult", result);
    }
    let definition = definitions(known).1.expect("a request has a result");
    fits(revision, definition, result)
}

/// Checks a result that asks for input, and each of the requests in it by its own method.
fn check_input_requests(revision: Revision, result: &Value) -> Result<(), String> {
    fits(revision, "InputRequiredResult", result)?;
    let requests = result.get("inputRequests").and_then(Value::as_object);
    for request in requests.into_iter().flatten().map(|(_, request)| request) {
        let known = request["method"].as_str().and_then(SpecMethod::from_wire);
        let Some(known) = known.filter(|known| known.is_input_request()) else {
            return Err(format!("{} asks for no input", request["method"]));
        };
        fits(revision, definitions(known).0, request)?;
        // `meta.embedded.inputreq`
        if request.get("id").is_some() || request.get("jsonrpc").is_some() {
            return Err("an embedded request is no message".into());
        }
    }
    Ok(())
}

/// Checks a result of which the request wasn't seen: it has to be one that this side can send.
fn check_any_result(revision: Revision, by_client: bool, result: &Value) -> Result<(), String> {
    use mcp_proto::model::method::Sender;
    if result["resultType"] == "input_required" {
        return check_input_requests(revision, result);
    }
    let is_bare = |result: &Value| {
        let mut keys = result.as_object().into_iter().flatten();
        keys.all(|(key, _)| matches!(key.as_str(), "_meta" | "resultType"))
    };
    let asked_by = |sender: Sender| match sender {
        Sender::Client => !by_client,
        Sender::Server => by_client,
        _ => true,
    };
    let mut complaints = Vec::new();
    for (known, _, definition) in &DEFINITIONS {
        let (Some(definition), Some(sender)) = (definition, known.sent_by(revision)) else {
            continue;
        };
        if !asked_by(sender) || *definition == "EmptyResult" && !is_bare(result) {
            continue;
        }
        match fits(revision, definition, result) {
            Ok(()) => return Ok(()),
            Err(complaint) => complaints.push(complaint),
        }
    }
    Err(complaints.join("\n"))
}
