//! A client in tasks: calls a tool twice at once, and gives up on what takes too long:
//! `cargo run -p mcp-proto-tokio-examples --example async_client -- TOOL ARGUMENTS PROGRAM [ARGUMENT..]`

#![allow(clippy::disallowed_methods, reason = "a program reads its arguments")]

use std::error::Error;
use std::time::Duration;

use mcp_proto::io::child::Command;
use mcp_proto::{AsyncClient, ClientOptions};
use serde_json::Value;
use tokio::time::timeout;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut given = std::env::args().skip(1);
    let (Some(tool), Some(arguments), Some(program)) = (given.next(), given.next(), given.next())
    else {
        return Err("usage: async_client TOOL ARGUMENTS PROGRAM [ARGUMENT..]".into());
    };
    let arguments: Value = serde_json::from_str(&arguments)?;

    let options = ClientOptions::new("async-client", "1.0");
    let (client, driver) = AsyncClient::child(options, Command::new(program).args(given));
    tokio::spawn(driver);
    client.open().await?;
    let call = || client.call_tool(&tool, &arguments);
    // A call whose future is dropped, as by the time-out, is cancelled.
    let (one, two) = tokio::join!(call(), timeout(Duration::from_secs(10), call()));
    println!("{}\n{}", one?.value, two??.value);
    Ok(client.close().await?)
}
