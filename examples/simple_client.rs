//! Starts a server, shows its tools and calls one of them:
//! `cargo run --example simple_client -- TOOL ARGUMENTS PROGRAM [ARGUMENT..]`

#![allow(clippy::disallowed_methods, reason = "a program reads its arguments")]

use mcp_proto::io::child::Command;
use mcp_proto::{BlockingClient, ClientOptions};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut given = std::env::args().skip(1);
    let (Some(tool), Some(arguments), Some(program)) = (given.next(), given.next(), given.next())
    else {
        return Err("usage: simple_client TOOL ARGUMENTS PROGRAM [ARGUMENT..]".into());
    };
    let arguments: serde_json::Value = serde_json::from_str(&arguments)?;

    let options = ClientOptions::new("simple-client", "1.0");
    let client = BlockingClient::child(options, Command::new(program).args(given));
    client.open()?;
    for tool in client.list_tools()?.iter() {
        println!(
            "{}: {}",
            tool.name,
            tool.description.as_deref().unwrap_or("-")
        );
    }
    println!("{}", client.call_tool(&tool, &arguments)?.value);
    Ok(client.close()?)
}
