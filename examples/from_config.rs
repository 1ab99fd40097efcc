//! Connects to every server of a configuration file and shows their tools as one list:
//! `cargo run --example from_config -- mcp.json`

#![allow(
    clippy::disallowed_methods,
    reason = "a program reads its arguments, its environment and files"
)]

use std::error::Error;

use mcp_proto::client::config::{ServerEntry, ServerKind, Servers};
use mcp_proto::client::{ClientOptions, ToolSet};
use mcp_proto::io::blocking::BlockingClient;
use mcp_proto::io::child::Command;

fn main() -> Result<(), Box<dyn Error>> {
    let file = std::env::args().nth(1).ok_or("usage: from_config FILE")?;
    let text = std::fs::read_to_string(&file)?;
    let servers = Servers::parse(&file, &text, |name| std::env::var(name).ok())?;

    let mut toolbox = ToolSet::new();
    let mut clients = Vec::new();
    for entry in servers.into_iter().filter(|entry| entry.enabled) {
        let name = entry.name.clone();
        let Some(client) = client(entry) else {
            eprintln!("{name}: not a process, left out");
            continue;
        };
        // One server that can't be had leaves the others.
        if let Err(error) = client.open() {
            eprintln!("{name}: {error}");
            continue;
        }
        let prefix = &client.options().tool_prefix;
        toolbox.add(name, prefix, &client.list_tools()?)?;
        clients.push(client);
    }
    for tool in toolbox.tools() {
        let description = tool.tool.description.as_deref().unwrap_or("-");
        let first = description.lines().next().unwrap_or_default();
        println!("{} ({}): {first}", tool.name, toolbox.label(tool.server));
    }
    for client in clients {
        client.close()?;
    }
    Ok(())
}

/// A client of a server that is a process; its tools get its name as a prefix.
fn client(entry: ServerEntry) -> Option<BlockingClient> {
    let options = ClientOptions::new("from-config", "1.0").tool_prefix(&entry.name);
    let ServerKind::Stdio {
        command,
        args,
        env,
        cwd,
        ..
    } = entry.kind
    else {
        return None;
    };
    Some(BlockingClient::new(options, move |client| {
        let mut server = Command::new(&command).args(&args);
        for (name, value) in &env {
            server = server.env(name, value);
        }
        if let Some(directory) = &cwd {
            server = server.current_dir(directory);
        }
        server.connect(client)
    }))
}
