//! A server for hosts that start one for each request: a module that imports nothing, neither a clock
//! nor entropy. `visit.mjs` beside it is such a host.
//!
//! A request is lines: the method and the path, a header each, an empty one; then the body. An answer
//! is the same, with its status in the first line.

#![no_std]

extern crate alloc;

#[cfg(target_arch = "wasm32")]
mod host;

use alloc::borrow::ToOwned;
use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::error::Error;

use mcp_proto::Server;
use mcp_proto::edge::Edge;
use mcp_proto::http::{HttpMethod, HttpPolicy, Reply, RequestHead};
use mcp_proto::model::elicitation::ElicitRequestFormParams;
use mcp_proto::model::schema::StringSchema;
use mcp_proto::model::tool::{NO_ARGUMENTS_SCHEMA, Tool};
use mcp_proto::rpc::Raw;
use mcp_proto::server::{Context, Elicited, HandlerError};
use serde::Deserialize;

#[derive(Deserialize)]
struct Numbers {
    numbers: Vec<i64>,
}

#[derive(Deserialize)]
struct Name {
    name: String,
}

/// Answers one request. Everything is made anew for it.
pub fn answer(request: &[u8]) -> Vec<u8> {
    let reply = match edge() {
        Ok(edge) => match read(request) {
            Some((head, body)) => edge.answer(&head, body.to_vec(), None),
            None => Reply::empty(400),
        },
        Err(_) => Reply::empty(500),
    };
    written(&reply)
}

fn edge() -> Result<Edge, Box<dyn Error>> {
    let policy = HttpPolicy::public(["edge.example"]);
    Ok(Edge::new(&server()?, policy)?)
}

fn server() -> Result<Server, Box<dyn Error>> {
    let sum = r#"{"type":"object","required":["numbers"],
        "properties":{"numbers":{"type":"array","items":{"type":"integer"}}}}"#;
    let sum = Tool::new("sum", Raw::new(sum)?).description("Adds numbers up");
    let greet = Tool::new("greet", NO_ARGUMENTS_SCHEMA).description("Greets whoever is there");
    Ok(Server::new("edge", "1.0")
        // A client may bring back what it likes: nothing depends on it.
        .unsealed_state()
        .tool(sum, add_up)
        .tool(greet, greeting))
}

fn add_up(context: &Context, Numbers { numbers }: Numbers) -> Result<String, HandlerError> {
    let mut sum = 0_i64;
    for (at, number) in (1_u32..).zip(&numbers) {
        sum = sum.checked_add(*number).ok_or("the sum is too large")?;
        context.progress(f64::from(at), None, None);
    }
    Ok(format!("{sum}"))
}

/// In the first round it asks, in the second it is run again and has the answer.
fn greeting(context: &Context, (): ()) -> Result<String, HandlerError> {
    let form = ElicitRequestFormParams::new("Who are you?").required("name", StringSchema::new());
    Ok(match context.elicit::<Name>("who", form)? {
        Elicited::Accepted(Name { name }) => format!("Hello, {name}!"),
        _ => "Hello, whoever you are!".to_owned(),
    })
}

/// The head and the body; `None` when the lines are no request.
fn read(request: &[u8]) -> Option<(RequestHead, &[u8])> {
    let end = request.windows(2).position(|two| two == b"\n\n")?;
    let mut lines = core::str::from_utf8(&request[..end]).ok()?.lines();
    let (method, path) = lines.next()?.split_once(' ')?;
    let mut head = RequestHead::new(HttpMethod::from_name(method), path);
    for line in lines {
        let (name, value) = line.split_once(": ")?;
        head.headers.push(name, value);
    }
    Some((head, &request[end + 2..]))
}

fn written(reply: &Reply) -> Vec<u8> {
    let mut lines = format!("{}\n", reply.head.status).into_bytes();
    for (name, value) in reply.head.headers.iter() {
        lines.extend_from_slice(name.as_bytes());
        lines.extend_from_slice(b": ");
        lines.extend_from_slice(value);
        lines.push(b'\n');
    }
    lines.push(b'\n');
    lines.extend_from_slice(&reply.body);
    lines
}
