//! Judges what a session sends: each frame is one JSON-RPC message on one line, or a batch of answers.

use serde_derive::Deserialize;
use serde_json::value::RawValue;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Envelope<'a> {
    #[serde(borrow)]
    jsonrpc: &'a str,
    #[serde(borrow)]
    id: Option<&'a RawValue>,
    #[serde(borrow)]
    method: Option<&'a RawValue>,
    #[serde(borrow)]
    params: Option<&'a RawValue>,
    #[serde(borrow)]
    result: Option<&'a RawValue>,
    #[serde(borrow)]
    error: Option<Error<'a>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Error<'a> {
    #[serde(rename = "code")]
    _code: i64,
    #[serde(borrow, rename = "message")]
    _message: &'a RawValue,
    #[serde(borrow, rename = "data")]
    _data: Option<&'a RawValue>,
}

/// What a frame was; panics when it is no valid one.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Sent {
    Request,
    Notification,
    Response,
    Batch,
}

pub fn judge(frame: &[u8]) -> Sent {
    let text = std::str::from_utf8(frame).expect("a frame is UTF-8");
    assert!(!text.contains(['\n', '\r']), "a frame holds a line end");
    if !text.starts_with('[') {
        return message(text);
    }
    let elements: Vec<&RawValue> = serde_json::from_str(text).expect("a batch is an array");
    assert!(!elements.is_empty(), "an empty batch");
    for element in elements {
        let sent = message(element.get());
        assert!(sent == Sent::Response, "only answers leave in a batch");
    }
    Sent::Batch
}

fn message(text: &str) -> Sent {
    let message: Envelope<'_> = match serde_json::from_str(text) {
        Ok(message) => message,
        Err(error) => panic!("not a message: {error} in {text}"),
    };
    assert_eq!(message.jsonrpc, "2.0", "{text}");
    let id = message.id.map(|id| id.get().as_bytes()[0]);
    // The schemas say nothing of null but in an error that answers what could not be read.
    let is_id = id.is_none_or(|first| matches!(first, b'0'..=b'9' | b'-' | b'"'));
    let params = message.params.map(|params| params.get().as_bytes()[0]);
    assert!(params.is_none_or(|first| first == b'{'), "{text}");
    match (message.method, message.result, &message.error) {
        (Some(method), None, None) => {
            assert!(method.get().starts_with('"') && is_id, "{text}");
            match id {
                Some(_) => Sent::Request,
                None => Sent::Notification,
            }
        }
        (None, Some(result), None) => {
            assert!(id.is_some() && is_id && params.is_none(), "{text}");
            assert!(result.get().starts_with('{'), "{text}");
            Sent::Response
        }
        (None, None, Some(_)) => {
            assert!(is_id || id == Some(b'n'), "{text}");
            Sent::Response
        }
        _ => panic!("neither request nor response: {text}"),
    }
}
