//! What users hear over a link that does nothing wrong is what the other user has said: results,
//! progress, inputs and their answers belong to what they are about, and say what they said.

use mcp_proto::Revision;
use mcp_proto::model::method::{
    CallTool, Complete, CreateMessage, Elicit, GetPrompt, ListRoots, ListTools, Method,
    ReadResource, SpecMethod,
};
use mcp_proto::model::subscription::SubscriptionFilter;
use mcp_proto::rpc::{Raw, RpcError};
use mcp_proto::session::{Change, InputRequested, Received, Request};
use serde_json::{Value, json};

use super::watch_client::covers;

/// What a call of the client's carries to the server and back.
#[derive(Clone, Copy, Default)]
pub struct Mark {
    pub number: u64,
    pub wants_progress: bool,
}

impl Mark {
    /// The arguments of a tool's call.
    pub fn arguments(self) -> Raw<'static> {
        let Self {
            number,
            wants_progress,
        } = self;
        Raw::new(json!({"n": number, "progress": wants_progress}).to_string()).expect("JSON")
    }

    /// How the server's user begins what it says of a call.
    pub fn text(self, more: &str) -> String {
        format!("{} {more}", self.number)
    }
}

pub fn json_of(raw: &Raw<'_>) -> Value {
    raw.decode().expect("JSON")
}

/// The server's user hears of a request. Returns its mark, if it is a tool's call.
pub fn requested(request: &Request) -> Mark {
    let params = json_of(&request.raw_params());
    let frame: Value = serde_json::from_slice(request.frame()).expect("JSON");
    // An element of a batch stands in its frame among others.
    if !frame.is_array() {
        assert_eq!(frame["method"], request.method());
        assert_eq!(frame.get("params").cloned().unwrap_or(json!({})), params);
    }
    let token = &params["_meta"]["progressToken"];
    assert_eq!(request.wants_progress(), !token.is_null(), "{params}");
    let is_modern = request.revision == Revision::V2026_07_28;
    let client = request.client_info();
    let name = client.as_ref().map(|info| &*info.name);
    assert_eq!(name, is_modern.then_some("client"));
    let capabilities = request.client_capabilities();
    assert_eq!(capabilities.is_some(), is_modern);
    let target = request.target();
    let target = target.as_deref();
    match request.known() {
        Some(SpecMethod::CallTool) => {
            assert_eq!((request.method(), target), (CallTool::NAME, Some("t")));
            let arguments: Value = request.arguments_as().expect("an object");
            assert_eq!(json_of(&request.arguments()), arguments);
            assert_eq!(params["arguments"], arguments);
            assert_eq!(arguments["progress"], request.wants_progress());
            let number = arguments["n"].as_u64().expect("a number");
            let read = request
                .params::<CallTool>()
                .expect("the params of a tool's call");
            assert_eq!(read.name, "t");
            return Mark {
                number,
                wants_progress: request.wants_progress(),
            };
        }
        Some(SpecMethod::ReadResource) => assert_eq!(target, Some("a:b")),
        Some(SpecMethod::GetPrompt) => assert_eq!(target, Some("p")),
        Some(SpecMethod::Complete) => {
            let expected = json!({"name": "a", "value": "v"});
            assert_eq!(params["argument"], expected);
        }
        _ => assert_eq!(json_of(&request.arguments()), json!({})),
    }
    Mark::default()
}

/// The answers to a round of input, by key and method, come with the request.
pub fn answered(request: &Request, asked: &[(String, String)], state: Option<&str>) {
    assert_eq!(request.state().as_deref(), state, "the state of the round");
    assert_eq!(request.has_inputs(), !asked.is_empty());
    assert!(request.raw_input("none").is_none());
    for (key, method) in asked {
        let answer = request.raw_input(key);
        let answer = answer.unwrap_or_else(|| panic!("{key} has no answer"));
        let answer = match answer {
            Ok(answer) => json_of(&answer),
            Err(error) => {
                failed(&error);
                continue;
            }
        };
        match &**method {
            Elicit::NAME => {
                let action = answer["action"].as_str();
                assert!(matches!(action, Some("cancel" | "decline")), "{answer}");
                assert!(matches!(request.input::<Elicit>(key), Some(Ok(_))));
            }
            ListRoots::NAME => assert_eq!(answer["roots"][0]["uri"], "file:///a"),
            _ => assert_eq!(answer["model"], "m"),
        }
    }
}

/// The client's user is asked for something that the server's user asks for.
pub fn input_requested(asked: &InputRequested) {
    let params = json_of(&asked.raw_params());
    match asked.method() {
        Elicit::NAME => {
            let message = params["message"].as_str();
            assert!(matches!(message, Some("who?" | "there")), "{params}");
            assert!(matches!(asked.params::<Elicit>(), Some(Ok(_))));
            assert!(asked.params::<ListRoots>().is_none());
        }
        CreateMessage::NAME => assert_eq!(params["maxTokens"], 9),
        method => assert_eq!(method, ListRoots::NAME),
    }
}

/// Results of a tool that don't fit its method, and where.
pub const BAD: [(&str, &str); 4] = [
    (r#"{"content":5}"#, "content"),
    (r#"{"content":[[]]}"#, "content[0]"),
    (
        r#"{"structuredContent":{"a":[1,{}]},"content":[{"type":"resource_link","uri":"a:b","name":"r"},7]}"#,
        "content[1]",
    ),
    (r#"{"content":[],"isError":"no"}"#, "isError"),
];

/// A result of a tool that doesn't fit says where.
pub fn is_bad_at(result: &Raw<'_>, path: &str) {
    let result = json_of(result);
    let content = &result["content"];
    let expected = match (content.is_array(), result["isError"].is_string()) {
        (false, _) => "content",
        (true, true) => "isError",
        (true, false) if content[1].is_null() => "content[0]",
        _ => "content[1]",
    };
    assert_eq!(path, expected, "where {result} is bad");
}

/// The client's user hears the result of a call.
pub fn succeeded(method: &str, mark: Mark, result: &Raw<'_>) {
    let result = json_of(result);
    match method {
        CallTool::NAME => {
            let text = result["content"][0]["text"].as_str();
            let is_own = text.is_none_or(|text| text.starts_with(&mark.text("")));
            assert!(is_own, "{result} came for {}", mark.number);
        }
        ReadResource::NAME => assert_eq!(result["contents"][0]["text"], "x"),
        GetPrompt::NAME => assert_eq!(result["messages"][0]["content"]["text"], "x"),
        Complete::NAME => assert_eq!(result["completion"]["values"], json!(["v"])),
        ListTools::NAME => {
            let name = result["tools"][0]["name"].as_str();
            assert!(matches!(name, Some("t" | "u")), "{result}");
        }
        _ => {}
    }
}

/// Somebody hears that a request has failed: the other user said no, or a session did.
pub fn failed(error: &RpcError) {
    assert!(error.message != "no" || error.code == -32_603, "{error}");
    assert!(!error.message.is_empty());
}

/// The client's user hears of a call's progress.
pub fn progressed(method: &str, mark: Mark, progress: &Received) {
    let params = json_of(&progress.raw_params());
    assert_eq!(params["total"].as_f64(), Some(8.0), "{params}");
    let message = params["message"].as_str();
    if let Some(message) = message.filter(|_| method == CallTool::NAME) {
        assert_eq!(message, mark.text("m"));
    }
}

/// The client's user hears a message for its log.
pub fn logged(message: &Received) {
    let params = json_of(&message.raw_params());
    let level = params["level"].as_str();
    assert!(
        matches!(level, Some("error" | "info" | "debug")),
        "{params}"
    );
    let text = params["data"].as_str().expect("a text");
    assert!(!text.is_empty() && text.bytes().all(|byte| byte == b'x'));
}

/// The client's user hears of a change, for a subscription of its own with this filter.
pub fn changed(change: Change, filter: Option<&SubscriptionFilter<'_>>, notification: &Received) {
    let params = json_of(&notification.raw_params());
    let expected = match change {
        Change::Tools => "notifications/tools/list_changed",
        Change::Prompts => "notifications/prompts/list_changed",
        Change::Resources => "notifications/resources/list_changed",
        Change::Resource => "notifications/resources/updated",
        other => panic!("nobody has said {other:?}"),
    };
    assert_eq!(notification.method(), expected);
    let uri = params["uri"].as_str();
    assert_eq!(uri.is_some(), change == Change::Resource);
    let Some(filter) = filter else {
        return;
    };
    match uri {
        Some(uri) => {
            let is_wanted = uris(filter).iter().any(|named| covers(named, uri));
            assert!(is_wanted, "{uri} is not subscribed to");
        }
        None => assert_eq!(
            (change, filter.tools_list_changed),
            (Change::Tools, Some(true))
        ),
    }
}

/// The client's user hears which part of a filter is honoured.
pub fn honoured(honoured: &SubscriptionFilter<'_>, filter: &SubscriptionFilter<'_>) {
    let is_wanted = |uri: &&str| uris(filter).contains(uri);
    assert!(uris(honoured).iter().all(is_wanted), "{honoured:?}");
    let wants_tools = filter.tools_list_changed == Some(true);
    assert!(wants_tools || honoured.tools_list_changed != Some(true));
}

fn uris<'f>(filter: &'f SubscriptionFilter<'_>) -> Vec<&'f str> {
    let uris = filter.resource_subscriptions.iter().flatten();
    uris.map(|uri| &**uri).collect()
}
