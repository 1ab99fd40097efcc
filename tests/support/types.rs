//! Which type of ours stands for which definition of the schemas, and the way through it: decode,
//! encode, decode again from the owned value.

use std::fmt::Debug;

use mcp_proto::model::capability::{ClientCapabilities, ServerCapabilities};
use mcp_proto::model::completion::{PromptReference, ResourceTemplateReference};
use mcp_proto::model::content::{
    Annotations, AudioContent, BlobResourceContents, ContentBlock, EmbeddedResource, ImageContent,
    ResourceLink, Role, TextContent, TextResourceContents,
};
use mcp_proto::model::elicitation::{
    ElicitParams, ElicitRequestFormParams, ElicitRequestURLParams,
};
use mcp_proto::model::encode::{EncodeError, SessionMembers, encode_body, encode_value};
use mcp_proto::model::initialize::{Icon, Implementation};
use mcp_proto::model::input::{
    InputRequest, InputRequests, InputRequiredResult, InputResponses, ResultType,
};
use mcp_proto::model::logging::LoggingLevel;
use mcp_proto::model::meta::Meta;
use mcp_proto::model::method::{self, Method, Notification, SpecMethod};
use mcp_proto::model::object::Object;
use mcp_proto::model::owned::IntoOwned;
use mcp_proto::model::progress::ProgressToken;
use mcp_proto::model::prompt::{Prompt, PromptArgument, PromptMessage};
use mcp_proto::model::resource::{Resource, ResourceTemplate};
use mcp_proto::model::root::Root;
use mcp_proto::model::sampling::{
    ModelHint, ModelPreferences, SamplingMessage, SamplingMessageContentBlock, ToolChoice,
    ToolResultContent, ToolUseContent,
};
use mcp_proto::model::schema::PrimitiveSchemaDefinition;
use mcp_proto::model::subscription::SubscriptionFilter;
use mcp_proto::model::task::{self, CreateTaskResult, Task, TaskMetadata, TaskParams, TaskStatus};
use mcp_proto::model::tool::{Tool, ToolAnnotations, ToolExecution};
use mcp_proto::rpc::{Message, Raw, RequestId, RpcError, Text};
use mcp_proto::{Era, Limits, Revision};
use serde::Serialize;
use serde_json::{Value, json};

use super::wire;

/// What becomes of a JSON text that went through a type.
pub struct Trip {
    /// Written by `serde_json`; the owned copy writes the same.
    pub plain: Value,
    /// Written for the revision by our own encoder.
    pub encoded: Result<Value, EncodeError>,
    /// The `Debug` form, in which the parts for what is unknown can be seen.
    pub debug: String,
}

/// Sends a JSON text, which is what the definition of the given name says, through a type. Errs
/// with the reason when it can't be decoded.
pub type Way = fn(&str, &str, Revision) -> Result<Trip, String>;

impl Trip {
    /// Whether some part of the value was not understood and only kept.
    pub fn has_unknown(&self) -> bool {
        has_unknown(&self.debug)
    }
}

/// Whether the `Debug` form of a value shows a part that was not understood and only kept. Keys of
/// the schema's open maps have no other place than among what is kept.
pub fn has_unknown(debug: &str) -> bool {
    let debug = debug.replace("other: [(\"com.example/extra\"", "");
    ["Unknown(", "Other(", "other: [("]
        .iter()
        .any(|mark| debug.contains(mark))
}

fn json_of(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).expect("what is encoded is JSON")
}

/// What `serde_json` wrote, with the members that are called otherwise in `revision` renamed: of those
/// it knows the newest name only.
fn named_for(revision: Revision, written: serde_json::Result<Value>) -> Value {
    let mut written = written.expect("serde_json writes it");
    if revision < Revision::V2026_07_28 {
        rename_for_old(&mut written);
    }
    written
}

fn rename_for_old(value: &mut Value) {
    match value {
        Value::Object(members) if members.contains_key("lastUpdatedAt") => {
            for (new, old) in [("ttlMs", "ttl"), ("pollIntervalMs", "pollInterval")] {
                if let Some(member) = members.remove(new) {
                    members.insert(old.into(), member);
                }
            }
        }
        Value::Object(members) => members.values_mut().for_each(rename_for_old),
        Value::Array(elements) => elements.iter_mut().for_each(rename_for_old),
        _ => {}
    }
}

/// The way of a value that stands inside another.
fn inside<T: Serialize + Debug + Clone>(decoded: &T, revision: Revision) -> Trip {
    let mut out = Vec::new();
    Trip {
        plain: named_for(revision, serde_json::to_value(decoded)),
        encoded: encode_value(&mut out, revision, decoded).map(|()| json_of(&out)),
        debug: format!("{decoded:?}"),
    }
}

/// What the session adds to a body while it writes it.
#[derive(Clone, Copy)]
enum Added {
    Nothing,
    /// To the `_meta` of a modern request that hasn't got it.
    RequestMeta,
    /// To a modern result.
    ResultType,
    /// To a modern result that may be cached.
    CacheHints,
}

impl Added {
    fn to_params(known: SpecMethod, revision: Revision, json: &str) -> Self {
        let is_request = !known.is_notification() && !known.is_input_request();
        let has_own = json.contains("io.modelcontextprotocol/protocolVersion");
        match revision.era() {
            Era::Modern if is_request && !has_own => Self::RequestMeta,
            _ => Self::Nothing,
        }
    }

    fn to_result(known: SpecMethod, revision: Revision) -> Self {
        match revision.era() {
            // The answers to embedded requests are no results of their own.
            Era::Modern if known.is_input_request() => Self::Nothing,
            Era::Modern if known.is_cacheable() => Self::CacheHints,
            Era::Modern => Self::ResultType,
            _ => Self::Nothing,
        }
    }

    fn additions(self) -> SessionMembers<'static> {
        let (meta, members): (&str, &str) = match self {
            Self::Nothing => ("", ""),
            Self::RequestMeta => (
                r#""io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}"#,
                "",
            ),
            Self::ResultType => ("", r#""resultType":"complete""#),
            Self::CacheHints => (
                "",
                r#""resultType":"complete","ttlMs":0,"cacheScope":"private""#,
            ),
        };
        SessionMembers {
            meta: meta.as_bytes(),
            members: members.as_bytes(),
            ..SessionMembers::default()
        }
    }
}

/// The way of params or a result, with what the session adds to them.
fn body<T: Serialize + Debug>(decoded: &T, revision: Revision, added: Added) -> Trip {
    let mut out = Vec::new();
    let mut plain = named_for(revision, serde_json::to_value(decoded));
    if matches!(added, Added::ResultType | Added::CacheHints) {
        plain["resultType"] = json!("complete");
    }
    let encoded = encode_body(&mut out, revision, decoded, &added.additions());
    Trip {
        plain,
        encoded: encoded.map(|_| json_of(&out)),
        debug: format!("{decoded:?}"),
    }
}

/// Asserts that the owned copy says what the borrowing value says.
fn assert_owned<T: IntoOwned + Serialize + Clone>(decoded: &T)
where
    T::Owned: Serialize,
{
    let owned = decoded.clone().into_owned();
    assert_eq!(
        serde_json::to_value(&owned).expect("serde_json writes it"),
        serde_json::to_value(decoded).expect("serde_json writes it"),
    );
}

/// The way through the type of a definition that is no whole message.
macro_rules! way {
    ($type:ty) => {{
        let way: Way = |_, json, revision| {
            let decoded: $type = serde_json::from_str(json).map_err(|error| error.to_string())?;
            assert_owned(&decoded);
            Ok(inside(&decoded, revision))
        };
        way
    }};
}

/// The same for a type that holds no borrow and so needs no owned copy.
macro_rules! plain_way {
    ($type:ty) => {{
        let way: Way = |_, json, revision| {
            let decoded: $type = serde_json::from_str(json).map_err(|error| error.to_string())?;
            Ok(inside(&decoded, revision))
        };
        way
    }};
}

/// The same for capabilities, which are lowered by a method of their own.
macro_rules! capability_way {
    ($type:ty) => {{
        let way: Way = |_, json, revision| {
            let decoded: $type = serde_json::from_str(json).map_err(|error| error.to_string())?;
            assert_owned(&decoded);
            let lowered = inside(&decoded.clone().for_revision(revision), revision);
            Ok(Trip {
                encoded: lowered.encoded,
                ..inside(&decoded, revision)
            })
        };
        way
    }};
}

/// The ways of the params and the result of each method, and of the params of each notification.
macro_rules! bodies {
    (methods: $($from:ident::$method:ident)*; notifications: $($of:ident::$notification:ident)*) => {
        /// The way of the params of a request or notification.
        fn params_way(known: SpecMethod) -> Way {
            match known {
                $(SpecMethod::$method => |_, json, revision| {
                    let decoded: <$from::$method as Method>::Params<'_> =
                        serde_json::from_str(json).map_err(|error| error.to_string())?;
                    assert_owned(&decoded);
                    let added = Added::to_params(SpecMethod::$method, revision, json);
                    Ok(body(&decoded, revision, added))
                },)*
                $(SpecMethod::$notification => |_, json, revision| {
                    let decoded: <$of::$notification as Notification>::Params<'_> =
                        serde_json::from_str(json).map_err(|error| error.to_string())?;
                    assert_owned(&decoded);
                    Ok(body(&decoded, revision, Added::Nothing))
                },)*
                other => panic!("{other:?} has no params here"),
            }
        }

        /// The way of the result of a request.
        fn result_way(known: SpecMethod) -> Way {
            match known {
                $(SpecMethod::$method => |_, json, revision| {
                    let decoded: <$from::$method as Method>::Result<'_> =
                        serde_json::from_str(json).map_err(|error| error.to_string())?;
                    assert_owned(&decoded);
                    let added = Added::to_result(SpecMethod::$method, revision);
                    Ok(body(&decoded, revision, added))
                },)*
                other => panic!("{other:?} has no result"),
            }
        }
    };
}

bodies! {
    methods: method::Initialize method::Discover method::Ping method::ListTools method::CallTool
        method::ListResources method::ListResourceTemplates method::ReadResource method::Subscribe
        method::Unsubscribe method::ListPrompts method::GetPrompt method::Complete method::SetLevel
        method::CreateMessage method::Elicit method::ListRoots method::SubscriptionsListen
        task::GetTask task::GetTaskPayload task::UpdateTask task::CancelTask task::ListTasks;
    notifications: method::Initialized method::Cancelled method::Progress method::ToolsListChanged
        method::ResourcesListChanged method::ResourceUpdated method::PromptsListChanged
        method::LoggingMessage method::ElicitationComplete method::RootsListChanged
        method::SubscriptionsAcknowledged task::TaskStatusChanged task::TaskChanged
}

/// The way of a definition; `None` when there is no type of ours for it, see [`LEFT_OUT`].
pub fn way_of(definition: &str) -> Option<Way> {
    let body_name = definition
        .strip_suffix("RequestParams")
        .map(|name| format!("{name}Request"))
        .or_else(|| {
            let name = definition.strip_suffix("NotificationParams")?;
            Some(format!("{name}Notification"))
        });
    if definition == "EmptyResult" {
        return Some(empty_result);
    }
    for (known, call, result) in &wire::DEFINITIONS {
        if definition == *call {
            return Some(match known {
                // In the modern era these three are embedded and no messages.
                known if known.is_input_request() => input_request,
                _ => message,
            });
        }
        if body_name.as_deref() == Some(*call) {
            return Some(params_way(*known));
        }
        if *result == Some(definition) {
            return Some(result_way(*known));
        }
    }
    let is_error = |name: &str| name.ends_with("Error") && name != "Error";
    match definition {
        "JSONRPCRequest" | "JSONRPCNotification" | "JSONRPCError" | "JSONRPCErrorResponse" => {
            Some(message)
        }
        name if name.ends_with("ResultResponse") || name == "JSONRPCResponse" => Some(message),
        "ParseError"
        | "InvalidRequestError"
        | "MethodNotFoundError"
        | "InvalidParamsError"
        | "InternalError" => Some(plain_way!(RpcError)),
        name if is_error(name) => Some(message),
        name => way_of_part(name),
    }
}

/// The way of a definition that is a part of messages.
fn way_of_part(definition: &str) -> Option<Way> {
    Some(match definition {
        "Annotations" => way!(Annotations<'_>),
        "AudioContent" => way!(AudioContent<'_>),
        "BlobResourceContents" => way!(BlobResourceContents<'_>),
        "ClientCapabilities" => capability_way!(ClientCapabilities<'_>),
        "ContentBlock" => way!(ContentBlock<'_>),
        "Cursor" => way!(Text<'_>),
        "ElicitRequestFormParams" => way!(ElicitRequestFormParams<'_>),
        "ElicitRequestParams" => way!(ElicitParams<'_>),
        "ElicitRequestURLParams" => way!(ElicitRequestURLParams<'_>),
        "EmbeddedResource" => way!(EmbeddedResource<'_>),
        "Error" => plain_way!(RpcError),
        "Icon" => way!(Icon<'_>),
        "ImageContent" => way!(ImageContent<'_>),
        "Implementation" => way!(Implementation<'_>),
        "InputRequest" => input_request,
        "InputRequests" => way!(InputRequests<'_>),
        "InputRequiredResult" => way!(InputRequiredResult<'_>),
        "InputResponse" => input_response,
        "InputResponses" => way!(InputResponses<'_>),
        "JSONArray" | "JSONValue" => way!(Raw<'_>),
        "JSONObject" => way!(Object<'_>),
        "LoggingLevel" => plain_way!(LoggingLevel),
        "MetaObject"
        | "RequestMetaObject"
        | "NotificationMetaObject"
        | "ResultMetaObject"
        | "SubscriptionsListenResultMetaObject" => way!(Meta<'_>),
        "ModelHint" => way!(ModelHint<'_>),
        "ModelPreferences" => way!(ModelPreferences<'_>),
        "BooleanSchema"
        | "NumberSchema"
        | "StringSchema"
        | "EnumSchema"
        | "LegacyTitledEnumSchema"
        | "SingleSelectEnumSchema"
        | "MultiSelectEnumSchema"
        | "UntitledSingleSelectEnumSchema"
        | "TitledSingleSelectEnumSchema"
        | "UntitledMultiSelectEnumSchema"
        | "TitledMultiSelectEnumSchema"
        | "PrimitiveSchemaDefinition" => way!(PrimitiveSchemaDefinition<'_>),
        "ProgressToken" => way!(ProgressToken<'_>),
        "PaginatedRequestParams" => params_way(SpecMethod::ListTools),
        "Prompt" => way!(Prompt<'_>),
        "PromptArgument" => way!(PromptArgument<'_>),
        "PromptMessage" => way!(PromptMessage<'_>),
        "PromptReference" => way!(PromptReference<'_>),
        "RequestId" => plain_way!(RequestId),
        "Resource" => way!(Resource<'_>),
        "ResourceLink" => way!(ResourceLink<'_>),
        "ResourceReference" | "ResourceTemplateReference" => way!(ResourceTemplateReference<'_>),
        "ResourceTemplate" => way!(ResourceTemplate<'_>),
        "ResultType" => way!(ResultType<'_>),
        "Role" => way!(Role<'_>),
        "Root" => way!(Root<'_>),
        "SamplingMessage" => way!(SamplingMessage<'_>),
        "SamplingMessageContentBlock" => way!(SamplingMessageContentBlock<'_>),
        "ServerCapabilities" => capability_way!(ServerCapabilities<'_>),
        "SubscriptionFilter" => way!(SubscriptionFilter<'_>),
        "CreateTaskResult" => created_task,
        "RelatedTaskMetadata" => way!(TaskParams<'_>),
        "Task" => way!(Task<'_>),
        "TaskMetadata" => plain_way!(TaskMetadata),
        "TaskStatus" => way!(TaskStatus<'_>),
        "TextContent" => way!(TextContent<'_>),
        "TextResourceContents" => way!(TextResourceContents<'_>),
        "Tool" => way!(Tool<'_>),
        "ToolAnnotations" => way!(ToolAnnotations<'_>),
        "ToolChoice" => way!(ToolChoice<'_>),
        "ToolExecution" => way!(ToolExecution<'_>),
        "ToolResultContent" => way!(ToolResultContent<'_>),
        "ToolUseContent" => way!(ToolUseContent<'_>),
        _ => return None,
    })
}

/// What has no type of its own, and why.
pub const LEFT_OUT: [(&str, &[&str]); 3] = [
    (
        "bases of others, which have types",
        &[
            "Annotated",
            "BaseMetadata",
            "CacheableResult",
            "Icons",
            "InputResponseRequestParams",
            "Notification",
            "NotificationParams",
            "PaginatedRequest",
            "PaginatedResult",
            "Request",
            "RequestParams",
            "ResourceContents",
            "ResourceRequestParams",
            "Result",
            "TaskAugmentedRequestParams",
        ],
    ),
    (
        "unions of messages, which have types",
        &[
            "ClientNotification",
            "ClientRequest",
            "ClientResult",
            "JSONRPCMessage",
            "ServerNotification",
            "ServerRequest",
            "ServerResult",
        ],
    ),
    (
        "batches, of which the session takes the elements one by one",
        &["JSONRPCBatchRequest", "JSONRPCBatchResponse"],
    ),
];

/// Why there is no way for a definition; `None` when there should be one.
pub fn left_out(definition: &str) -> Option<&'static str> {
    LEFT_OUT
        .iter()
        .find(|(_, names)| names.contains(&definition))
        .map(|(why, _)| *why)
}

/// The way of a whole message: its envelope through [`Message`], its body through the method's own
/// type.
fn message(definition: &str, json: &str, revision: Revision) -> Result<Trip, String> {
    let decoded = Message::decode(json.as_bytes(), &Limits::default());
    let decoded = decoded.map_err(|rejection| rejection.to_string())?;
    let mut envelope = json!({"jsonrpc": "2.0"});
    let (key, body) = match &decoded {
        Message::Request { id, method, params } => {
            envelope["id"] = id_of(id);
            envelope["method"] = json!(method.as_str());
            ("params", call_body(method, params.as_ref(), revision)?)
        }
        Message::Notification { method, params } => {
            envelope["method"] = json!(method.as_str());
            ("params", call_body(method, params.as_ref(), revision)?)
        }
        Message::Response { id, outcome } => {
            if let Some(id) = id {
                envelope["id"] = id_of(id);
            } else if revision < Revision::V2025_11_25 {
                envelope["id"] = Value::Null;
            }
            match outcome {
                Ok(result) => {
                    let body = result_body(definition, result.as_str(), revision)?;
                    ("result", Some(body))
                }
                Err(error) => ("error", Some(inside(error, revision))),
            }
        }
        other => panic!("an unknown kind of message: {other:?}"),
    };
    Ok(enveloped(envelope, key, body))
}

fn enveloped(envelope: Value, key: &str, body: Option<Trip>) -> Trip {
    let with = |value: Value| {
        let mut envelope = envelope.clone();
        envelope[key] = value;
        envelope
    };
    match body {
        None => Trip {
            plain: envelope.clone(),
            encoded: Ok(envelope.clone()),
            debug: String::new(),
        },
        Some(body) => Trip {
            plain: with(body.plain),
            encoded: body.encoded.map(with),
            debug: body.debug,
        },
    }
}

fn id_of(id: &RequestId) -> Value {
    serde_json::to_value(id).expect("an id is JSON")
}

fn call_body(
    method: &str,
    params: Option<&Raw<'_>>,
    revision: Revision,
) -> Result<Option<Trip>, String> {
    let Some(params) = params else {
        return Ok(None);
    };
    match SpecMethod::from_wire(method) {
        Some(known) => params_way(known)(method, params.as_str(), revision).map(Some),
        // The definitions of the envelope alone leave the method open.
        None => way!(Raw<'_>)(method, params.as_str(), revision).map(Some),
    }
}

/// The way of the result in a response of which the definition is known.
fn result_body(definition: &str, result: &str, revision: Revision) -> Result<Trip, String> {
    let value: Value = serde_json::from_str(result).map_err(|error| error.to_string())?;
    if value["resultType"] == "input_required" {
        return way!(InputRequiredResult<'_>)(definition, result, revision);
    }
    let name = definition.strip_suffix("Response").unwrap_or(definition);
    let row = wire::DEFINITIONS.iter().find(|row| row.2 == Some(name));
    match row {
        Some((known, ..)) => result_way(*known)(name, result, revision),
        // The definitions of the envelope alone leave the result open.
        None => way!(Raw<'_>)(definition, result, revision),
    }
}

/// The way of a request that is embedded in a result, or of the same request as a message.
fn input_request(definition: &str, json: &str, revision: Revision) -> Result<Trip, String> {
    if revision.era() == Era::Legacy {
        return message(definition, json, revision);
    }
    let decoded: InputRequest<'_> =
        serde_json::from_str(json).map_err(|error| error.to_string())?;
    assert_owned(&decoded);
    let params = call_body(&decoded.method, decoded.params.as_ref(), revision)?;
    Ok(enveloped(
        json!({"method": decoded.method.as_str()}),
        "params",
        params,
    ))
}

/// The way of a new task, which `serde_json` writes in its newest form, whatever the revision.
fn created_task(_: &str, json: &str, revision: Revision) -> Result<Trip, String> {
    let decoded: CreateTaskResult<'_> =
        serde_json::from_str(json).map_err(|error| error.to_string())?;
    assert_owned(&decoded);
    let trip = inside(&decoded, revision);
    let plain = match (&trip.encoded, revision.era()) {
        (Ok(encoded), Era::Legacy) => encoded.clone(),
        _ => trip.plain,
    };
    Ok(Trip { plain, ..trip })
}

/// The way of a result that says nothing. The modern era has no method with such a result, and so
/// no type for results of which nothing is known but their `resultType`.
fn empty_result(definition: &str, json: &str, revision: Revision) -> Result<Trip, String> {
    match revision.era() {
        Era::Modern => way!(Object<'_>)(definition, json, revision),
        _ => result_way(SpecMethod::Ping)(definition, json, revision),
    }
}

/// The way of a bare result that answers an embedded request.
fn input_response(definition: &str, json: &str, revision: Revision) -> Result<Trip, String> {
    let value: Value = serde_json::from_str(json).map_err(|error| error.to_string())?;
    let known = match &value {
        value if value.get("action").is_some() => SpecMethod::Elicit,
        value if value.get("roots").is_some() => SpecMethod::ListRoots,
        _ => SpecMethod::CreateMessage,
    };
    result_way(known)(definition, json, revision)
}
