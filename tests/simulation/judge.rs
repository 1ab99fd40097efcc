//! Judges what a session sends: each frame is one JSON-RPC message on one line, or a batch of answers.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};
use serde_json::value::RawValue;

/// The members of an object, none of which stands twice.
struct Members<'a>(Vec<(&'a str, &'a RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Object;

        impl<'de> Visitor<'de> for Object {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
                let mut members = Members(Vec::new());
                while let Some((key, value)) = map.next_entry()? {
                    if members.take(key).is_some() {
                        return Err(A::Error::custom(format_args!("{key} stands twice")));
                    }
                    members.0.push((key, value));
                }
                Ok(members)
            }
        }

        from.deserialize_map(Object)
    }
}

impl<'a> Members<'a> {
    fn read(text: &'a str) -> Self {
        match serde_json::from_str(text) {
            Ok(members) => members,
            Err(error) => panic!("not an object: {error} in {text}"),
        }
    }

    fn take(&mut self, key: &str) -> Option<&'a str> {
        let at = self.0.iter().position(|(other, _)| *other == key)?;
        Some(self.0.swap_remove(at).1.get())
    }
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
    let mut message = Members::read(text);
    assert_eq!(message.take("jsonrpc"), Some(r#""2.0""#), "{text}");
    let id = message.take("id").map(|id| id.as_bytes()[0]);
    // The schemas say nothing of null but in an error that answers what could not be read.
    let is_id = id.is_none_or(|first| matches!(first, b'0'..=b'9' | b'-' | b'"'));
    let params = message.take("params");
    assert!(
        params.is_none_or(|params| params.starts_with('{')),
        "{text}"
    );
    let [method, result, error] = ["method", "result", "error"].map(|key| message.take(key));
    assert!(message.0.is_empty(), "a member that no message has: {text}");
    match (method, result, error) {
        (Some(method), None, None) => {
            assert!(method.starts_with('"') && is_id, "{text}");
            match id {
                Some(_) => Sent::Request,
                None => Sent::Notification,
            }
        }
        (None, Some(result), None) => {
            assert!(id.is_some() && is_id && params.is_none(), "{text}");
            assert!(result.starts_with('{'), "{text}");
            Sent::Response
        }
        (None, None, Some(error)) => {
            assert!(is_id || id == Some(b'n'), "{text}");
            judge_error(error);
            Sent::Response
        }
        _ => panic!("neither request nor response: {text}"),
    }
}

fn judge_error(text: &str) {
    let mut error = Members::read(text);
    let code = error.take("code").and_then(|code| code.parse::<i64>().ok());
    assert!(code.is_some() && error.take("message").is_some(), "{text}");
    error.take("data");
    assert!(error.0.is_empty(), "a member that no error has: {text}");
}
