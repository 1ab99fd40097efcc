//! Calls a tool of a server that lets the client's model write for it:
//! `cargo run --example sampling_client -- TOOL ARGUMENTS PROGRAM [ARGUMENT..]`
//!
//! The model here only counts what it was told; put yours in its place.

#![allow(clippy::disallowed_methods, reason = "a program reads its arguments")]

use mcp_proto::client::sampling::{Conversation, RequestPart, ResponsePart, Turn};
use mcp_proto::io::child::Command;
use mcp_proto::rpc::RpcError;
use mcp_proto::{BlockingClient, ClientOptions};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut given = std::env::args().skip(1);
    let (Some(tool), Some(arguments), Some(program)) = (given.next(), given.next(), given.next())
    else {
        return Err("usage: sampling_client TOOL ARGUMENTS PROGRAM [ARGUMENT..]".into());
    };
    let arguments: serde_json::Value = serde_json::from_str(&arguments)?;

    let options = ClientOptions::new("sampling-client", "1.0").sampling_model("counter", model);
    let client = BlockingClient::child(options, Command::new(program).args(given));
    println!("{}", client.call_tool(&tool, &arguments)?.value);
    Ok(())
}

/// Shows what the server wants written, and writes how long that was.
fn model(asked: Conversation) -> Result<Vec<ResponsePart>, RpcError> {
    let mut words = 0;
    for turn in &asked.turns {
        let Turn::Request(parts) = turn else { continue };
        for part in parts {
            match part {
                RequestPart::System(text) => println!("system: {text}"),
                RequestPart::Text(text) => {
                    println!("user: {text}");
                    words += text.split_whitespace().count();
                }
                other => println!("user: {other:?}"),
            }
        }
    }
    let said = format!(
        "You said {words} words; I may use {} tokens.",
        asked.max_tokens
    );
    Ok(vec![ResponsePart::Text(said)])
}
