//! What a frame says, in a few words.

use std::collections::BTreeMap;

use mcp_proto::Limits;
use mcp_proto::client::Direction;
use mcp_proto::model::Peek;
use mcp_proto::model::meta;
use mcp_proto::rpc::Kind;
use serde_json::Value;

use crate::passed::Frame;

/// A frame as it is drawn.
pub struct Step {
    pub is_sent: bool,
    pub kind: Kind,
    /// Its kind, id and method, as far as it has them.
    pub label: String,
    pub caption: String,
}

/// Describes frames one after the other; an answer is understood by what it answers.
#[derive(Default)]
pub struct Narrator {
    /// The methods of the requests, by sender and id: each side counts for itself.
    asked: BTreeMap<(bool, String), String>,
}

impl Narrator {
    /// Describes the next frame; `None` when it is no message.
    pub fn describe(&mut self, frame: &Frame) -> Option<Step> {
        let is_sent = frame.direction == Direction::Sent;
        let peek = Peek::new(&frame.bytes, &Limits::default()).ok()?;
        let message: Value = serde_json::from_slice(&frame.bytes).ok()?;
        let id = peek.id.map(|id| id.to_string()).unwrap_or_default();
        let method = peek.method.as_deref().unwrap_or_default();
        let (label, caption) = match peek.kind {
            Kind::Request => {
                let key = (is_sent, id.clone());
                self.asked.insert(key, method.to_owned());
                (format!("request {id}  {method}"), request(method, &message))
            }
            Kind::Notification => (method.to_owned(), notification(method)),
            Kind::Result => {
                let asked = self.asked.remove(&(!is_sent, id.clone()));
                let caption = result(&asked.unwrap_or_default(), &message["result"]);
                (format!("result {id}"), caption)
            }
            _ => (format!("error {id}"), error(&message["error"])),
        };
        Some(Step {
            is_sent,
            kind: peek.kind,
            label,
            caption,
        })
    }
}

fn request(method: &str, message: &Value) -> String {
    let params = &message["params"];
    match method {
        "server/discover" => {
            let version = text(&params["_meta"][meta::PROTOCOL_VERSION]);
            format!("the probe: do you speak {version}?")
        }
        "initialize" => format!("hello, I speak {}", text(&params["protocolVersion"])),
        "tools/call" if params.get("inputResponses").is_some() => {
            "the same call, with what was asked for".into()
        }
        "tools/call" => format!("{} {}", text(&params["name"]), params["arguments"]),
        "sampling/createMessage" => quoted(text(&params["messages"][0]["content"]["text"])),
        _ => String::new(),
    }
}

fn notification(method: &str) -> String {
    match method {
        "notifications/initialized" => "ready".into(),
        _ => String::new(),
    }
}

/// What the answer to `method` says.
fn result(method: &str, result: &Value) -> String {
    match method {
        "server/discover" => "yes, and I offer ".to_owned() + &keys(&result["capabilities"]),
        "initialize" => format!("let us speak {}", text(&result["protocolVersion"])),
        "tools/call" if text(&result["resultType"]) == "input_required" => {
            let (_, wanted) = first(&result["inputRequests"]);
            format!("first I need {}", text(&wanted["method"]))
        }
        "tools/call" => quoted(text(&result["content"][0]["text"])),
        "sampling/createMessage" => quoted(text(&result["content"]["text"])),
        _ => String::new(),
    }
}

fn error(error: &Value) -> String {
    format!("no: {} ({})", text(&error["message"]), error["code"])
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// The first line of a text, in quotation marks.
fn quoted(text: &str) -> String {
    match text.split_once('\n') {
        Some((line, _)) => format!("“{line} …”"),
        None => format!("“{text}”"),
    }
}

fn keys(value: &Value) -> String {
    let keys = value
        .as_object()
        .into_iter()
        .flat_map(|object| object.keys());
    keys.map(String::as_str).collect::<Vec<_>>().join(", ")
}

fn first(value: &Value) -> (&str, &Value) {
    let first = value.as_object().and_then(|object| object.iter().next());
    first.map_or(("", &Value::Null), |(key, value)| (key, value))
}
