//! Connects to a server at a URL, shows its tools and calls one of them:
//! `cargo run --features rustls --example http_client -- URL [TOOL ARGUMENTS]`

#![allow(
    clippy::disallowed_methods,
    reason = "a program reads its arguments and its environment"
)]

use std::env;
use std::error::Error;

use mcp_proto::io::http::Remote;
use mcp_proto::{BlockingClient, ClientOptions};
use serde_json::Value;

fn main() -> Result<(), Box<dyn Error>> {
    let mut given = env::args().skip(1);
    let url = given
        .next()
        .ok_or("usage: http_client URL [TOOL ARGUMENTS]")?;
    let mut remote = Remote::new(url);
    if let Ok(token) = env::var("TOKEN") {
        remote = remote.header("authorization", format!("Bearer {token}"));
    }

    let client = BlockingClient::url(ClientOptions::new("http-client", "1.0"), remote);
    client.open()?;
    for tool in client.list_tools()?.iter() {
        let about = tool.description.as_deref().unwrap_or("-");
        println!("{}: {about}", tool.name);
    }
    if let (Some(tool), Some(arguments)) = (given.next(), given.next()) {
        let arguments: Value = serde_json::from_str(&arguments)?;
        println!("{}", client.call_tool(&tool, arguments)?.value);
    }
    Ok(client.close()?)
}
