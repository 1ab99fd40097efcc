//! The least that anybody does who has no protocol machine: four passes with `serde_json` over the
//! very frames that the sessions exchange, borrowed wherever serde can, into buffers that are used
//! again. No table of calls, no checks beyond the types, no limits, no events.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, de};
use serde_json::value::RawValue;

use super::{Arguments, Sessions};

/// A string that borrows inside `Option` and `Vec` too.
#[derive(Serialize)]
#[serde(transparent)]
pub struct Str<'a>(pub Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Str<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl<'de> de::Visitor<'de> for Visitor {
            type Value = Str<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_borrowed_str<E: de::Error>(self, text: &'de str) -> Result<Str<'de>, E> {
                Ok(Str(Cow::Borrowed(text)))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Str<'de>, E> {
                Ok(Str(Cow::Owned(text.to_owned())))
            }
        }

        deserializer.deserialize_str(Visitor)
    }
}

pub fn text(text: &str) -> Str<'_> {
    Str(Cow::Borrowed(text))
}

#[derive(Serialize)]
#[serde(untagged)]
pub enum Id<'a> {
    Number(i64),
    String(Cow<'a, str>),
}

impl<'de: 'a, 'a> Deserialize<'de> for Id<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl<'de> de::Visitor<'de> for Visitor {
            type Value = Id<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string or an integer")
            }

            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Id<'de>, E> {
                i64::try_from(number).map(Id::Number).map_err(E::custom)
            }

            fn visit_i64<E: de::Error>(self, number: i64) -> Result<Id<'de>, E> {
                Ok(Id::Number(number))
            }

            fn visit_borrowed_str<E: de::Error>(self, text: &'de str) -> Result<Id<'de>, E> {
                Ok(Id::String(Cow::Borrowed(text)))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Id<'de>, E> {
                Ok(Id::String(Cow::Owned(text.to_owned())))
            }
        }

        deserializer.deserialize_any(Visitor)
    }
}

#[derive(Serialize)]
struct Request<'a, P> {
    jsonrpc: &'a str,
    id: Id<'a>,
    method: &'a str,
    params: P,
}

#[derive(Serialize)]
struct Call<'a> {
    name: &'a str,
    arguments: Arguments<'a>,
    #[serde(rename = "_meta", skip_serializing_if = "Option::is_none")]
    meta: Option<&'a RawValue>,
}

#[derive(Deserialize)]
pub struct Message<'a> {
    pub jsonrpc: &'a str,
    #[serde(borrow)]
    pub id: Option<Id<'a>>,
    #[serde(borrow)]
    pub method: Option<Str<'a>>,
    #[serde(borrow)]
    pub params: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct CallParams<'a> {
    #[serde(borrow)]
    name: Str<'a>,
    #[serde(borrow)]
    arguments: Option<&'a RawValue>,
    #[serde(rename = "_meta", borrow)]
    meta: Option<&'a RawValue>,
}

#[derive(Serialize, Deserialize)]
pub struct Response<'a, R> {
    pub jsonrpc: &'a str,
    #[serde(borrow)]
    pub id: Id<'a>,
    pub result: R,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct CallResult<'a> {
    #[serde(borrow)]
    content: Vec<Content<'a>>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    structured_content: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    is_error: Option<bool>,
    #[serde(rename = "_meta", borrow, skip_serializing_if = "Option::is_none")]
    meta: Option<&'a RawValue>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    result_type: Option<Str<'a>>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Content<'a> {
    #[serde(rename = "type", borrow)]
    kind: Str<'a>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    text: Option<Str<'a>>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    data: Option<Str<'a>>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    mime_type: Option<Str<'a>>,
    #[serde(rename = "_meta", borrow, skip_serializing_if = "Option::is_none")]
    meta: Option<&'a RawValue>,
}

/// The four passes and their buffers.
pub struct Floor {
    id: i64,
    /// The `_meta` of requests and of results, which modern frames have.
    request_meta: Option<Box<RawValue>>,
    result_meta: Option<Box<RawValue>>,
    request: Vec<u8>,
    answer: Vec<u8>,
}

impl Floor {
    /// Passes over the frames that `sessions` exchange. Panics when its own frames differ by a byte.
    pub fn like(sessions: &mut Sessions, message: &str) -> Self {
        #[derive(Deserialize)]
        struct Meta {
            #[serde(rename = "_meta")]
            meta: Option<Box<RawValue>>,
        }

        #[derive(Deserialize)]
        struct Frame {
            id: i64,
            #[serde(alias = "params", alias = "result")]
            body: Meta,
        }

        let [request, answer] = sessions.frames(message);
        let read = |frame: &[u8]| serde_json::from_slice::<Frame>(frame).expect("it is a message");
        let mut floor = Self {
            id: read(&request).id - 1,
            request_meta: read(&request).body.meta,
            result_meta: read(&answer).body.meta,
            request: Vec::with_capacity(1024),
            answer: Vec::with_capacity(1024),
        };
        floor.echo(message);
        assert_eq!(floor.request.trim_ascii_end(), request);
        assert_eq!(floor.answer.trim_ascii_end(), answer);
        floor
    }

    /// One call of the tool `echo`, there and back.
    #[inline(never)]
    pub fn echo(&mut self, message: &str) {
        self.request.clear();
        self.answer.clear();
        self.id += 1;
        self.call(message);
        let end = memchr(&self.request);
        serve(
            &self.request[..end],
            &mut self.answer,
            self.result_meta.as_deref(),
        );
        let end = memchr(&self.answer);
        let answer = &self.answer[..end];
        let response: Response<'_, CallResult<'_>> =
            serde_json::from_slice(answer).expect("the server sent a good result");
        assert_eq!(response.jsonrpc, "2.0");
        let text = response.result.content[0].text.as_ref();
        assert_eq!(text.map(|text| &*text.0), Some(message));
    }

    fn call(&mut self, message: &str) {
        let request = Request {
            jsonrpc: "2.0",
            id: Id::Number(self.id),
            method: "tools/call",
            params: Call {
                name: "echo",
                arguments: Arguments { message },
                meta: self.request_meta.as_deref(),
            },
        };
        serde_json::to_writer(&mut self.request, &request).expect("it is JSON");
        self.request.push(b'\n');
    }
}

fn serve(frame: &[u8], answer: &mut Vec<u8>, result_meta: Option<&RawValue>) {
    let message: Message<'_> = serde_json::from_slice(frame).expect("the client sent a message");
    assert_eq!(message.jsonrpc, "2.0");
    assert_eq!(
        message.method.as_ref().map(|method| &*method.0),
        Some("tools/call")
    );
    let params = message.params.expect("a call has params").get();
    let params: CallParams<'_> = serde_json::from_str(params).expect("the client sent good params");
    assert_eq!(params.name.0, "echo");
    let arguments = params.arguments.expect("they are there").get();
    let arguments: Arguments<'_> = serde_json::from_str(arguments).expect("they fit");
    let response = Response {
        jsonrpc: "2.0",
        id: message.id.expect("a request has an id"),
        result: CallResult {
            content: vec![Content {
                kind: text("text"),
                text: Some(text(arguments.message)),
                data: None,
                mime_type: None,
                meta: None,
            }],
            structured_content: None,
            is_error: None,
            meta: result_meta,
            result_type: params.meta.map(|_| text("complete")),
        },
    };
    serde_json::to_writer(&mut *answer, &response).expect("it is JSON");
    answer.push(b'\n');
}

fn memchr(line: &[u8]) -> usize {
    memchr::memchr(b'\n', line).expect("a line ends")
}
