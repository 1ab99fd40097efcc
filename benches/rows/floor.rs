//! Plain serde on the frames of the other workloads, as `echo/floor.rs` has it on those of an echo:
//! what is read is borrowed, what is written goes into buffers that are used again.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::echo::floor::{Id, Message, Response, Str};

pub use crate::echo::floor::text;

#[derive(Serialize)]
struct Request<'a, P> {
    jsonrpc: &'a str,
    id: i64,
    method: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    params: Option<P>,
}

#[derive(Serialize)]
struct Answer<'a, 'r, R> {
    jsonrpc: &'a str,
    id: Id<'a>,
    result: &'r R,
}

/// No members.
#[derive(Serialize, Deserialize)]
pub struct Empty {}

#[derive(Serialize, Deserialize)]
struct ReadParams<'a> {
    #[serde(borrow)]
    uri: Str<'a>,
}

/// The result of `tools/list`.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Listed<'a> {
    #[serde(borrow)]
    pub tools: Vec<Tool<'a>>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<Str<'a>>,
    #[serde(rename = "_meta", borrow, skip_serializing_if = "Option::is_none")]
    pub meta: Option<&'a RawValue>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Tool<'a> {
    #[serde(borrow)]
    pub name: Str<'a>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub title: Option<Str<'a>>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub description: Option<Str<'a>>,
    #[serde(borrow)]
    pub input_schema: &'a RawValue,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub output_schema: Option<&'a RawValue>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub annotations: Option<&'a RawValue>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub icons: Option<&'a RawValue>,
    #[serde(rename = "_meta", borrow, skip_serializing_if = "Option::is_none")]
    pub meta: Option<&'a RawValue>,
}

/// The result of `resources/read`.
#[derive(Serialize, Deserialize)]
pub struct Read<'a> {
    #[serde(borrow)]
    pub contents: Vec<Contents<'a>>,
    #[serde(rename = "_meta", borrow, skip_serializing_if = "Option::is_none")]
    pub meta: Option<&'a RawValue>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Contents<'a> {
    #[serde(borrow)]
    pub uri: Str<'a>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub mime_type: Option<Str<'a>>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub text: Option<Str<'a>>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub blob: Option<Str<'a>>,
    #[serde(rename = "_meta", borrow, skip_serializing_if = "Option::is_none")]
    pub meta: Option<&'a RawValue>,
}

/// The four passes and their buffers.
#[derive(Default)]
pub struct Passes {
    id: i64,
    request: Vec<u8>,
    answer: Vec<u8>,
}

impl Passes {
    pub fn ping(&mut self) {
        self.pass("ping", None::<Empty>, |_| {}, &Empty {});
        let answer: Response<'_, Empty> = read(&self.answer);
        assert_eq!(answer.jsonrpc, "2.0");
    }

    pub fn list(&mut self, listed: &Listed<'_>) {
        self.pass("tools/list", None::<Empty>, |_| {}, listed);
        let answer: Response<'_, Listed<'_>> = read(&self.answer);
        assert_eq!(answer.result.tools.len(), listed.tools.len());
    }

    pub fn read(&mut self, result: &Read<'_>) {
        let uri = &*result.contents[0].uri.0;
        let asked = ReadParams { uri: text(uri) };
        let serve = |params: Option<&RawValue>| {
            let params = params.expect("they are there").get();
            let params: ReadParams<'_> = serde_json::from_str(params).expect("they fit");
            assert_eq!(params.uri.0, uri);
        };
        self.pass("resources/read", Some(asked), serve, result);
        let answer: Response<'_, Read<'_>> = read(&self.answer);
        let (got, sent) = (&answer.result.contents[0], &result.contents[0]);
        let length = |text: &Option<Str<'_>>| text.as_ref().map(|text| text.0.len());
        assert_eq!(length(&got.text), length(&sent.text));
        assert_eq!(length(&got.blob), length(&sent.blob));
    }

    /// A request and its answer, of which the answer is still to be read.
    fn pass<P: Serialize, R: Serialize>(
        &mut self,
        method: &str,
        params: Option<P>,
        serve: impl FnOnce(Option<&RawValue>),
        result: &R,
    ) {
        let jsonrpc = "2.0";
        self.id += 1;
        let request = Request {
            jsonrpc,
            id: self.id,
            method,
            params,
        };
        write(&mut self.request, &request);
        let message: Message<'_> = read(&self.request);
        assert_eq!(
            message.method.as_ref().map(|method| &*method.0),
            Some(method)
        );
        serve(message.params);
        let id = message.id.expect("a request has an id");
        write(
            &mut self.answer,
            &Answer {
                jsonrpc,
                id,
                result,
            },
        );
    }
}

fn write(line: &mut Vec<u8>, message: &impl Serialize) {
    line.clear();
    serde_json::to_writer(&mut *line, message).expect("it is JSON");
    line.push(b'\n');
}

fn read<'a, T: Deserialize<'a>>(line: &'a [u8]) -> T {
    let end = memchr::memchr(b'\n', line).expect("a line ends");
    serde_json::from_slice(&line[..end]).expect("it is such a message")
}
