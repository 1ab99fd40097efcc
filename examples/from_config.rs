//! Connects to every server of a configuration file, all at once, and shows their tools as one list:
//! `cargo run --example from_config -- mcp.json`, with `--features rustls` for servers at URLs

#![allow(
    clippy::disallowed_methods,
    reason = "a program reads its arguments, its environment and files, and starts threads"
)]

use std::error::Error;
use std::thread;

use mcp_proto::client::config::{Config, ServerEntry};
use mcp_proto::client::{Listed, ToolSet};
use mcp_proto::{BlockingClient, ClientOptions, Tool};

type Failure = Box<dyn Error + Send + Sync>;

/// A server that is there, and its tools.
type Connected = (BlockingClient, Listed<Tool<'static>>);

fn main() -> Result<(), Failure> {
    let file = std::env::args().nth(1).ok_or("usage: from_config FILE")?;
    let text = std::fs::read_to_string(&file)?;
    let config = Config::parse(&file, &text, |name| std::env::var(name).ok())?;
    for error in &config.errors {
        eprintln!("{error}");
    }

    let enabled: Vec<_> = config
        .servers
        .into_iter()
        .filter(|entry| entry.enabled)
        .collect();
    // Side by side, since a slow server would keep the others waiting.
    let connected: Vec<_> = thread::scope(|scope| {
        let threads: Vec<_> = enabled
            .iter()
            .map(|entry| thread::Builder::new().spawn_scoped(scope, || connect(entry)))
            .collect();
        threads
            .into_iter()
            .map(|thread| thread?.join().map_err(|_| "panicked")?)
            .collect()
    });

    let mut tools = ToolSet::new();
    let mut clients = Vec::new();
    for (entry, connected) in enabled.into_iter().zip(connected) {
        let name = &entry.name;
        match connected {
            // One server that can't be had leaves the others.
            Err(error) => {
                eprintln!("{name}: {error}");
                entry
                    .warnings
                    .iter()
                    .for_each(|warning| eprintln!("  {warning}"));
            }
            Ok((client, listed)) => {
                if let Err(error) = tools.add(name, &client.options().tool_prefix, &listed) {
                    eprintln!("{name}: {error}");
                }
                clients.push((entry.name, client));
            }
        }
    }
    for tool in tools.tools() {
        let description = tool.tool.description.as_deref().unwrap_or("-");
        let first = description.lines().next().unwrap_or_default();
        println!("{} ({}): {first}", tool.name, tools.label(tool.server));
    }
    for (name, client) in clients {
        if let Err(error) = client.close() {
            eprintln!("{name}: {error}");
        }
    }
    Ok(())
}

/// Starts a server that is a process, or connects to its URL; its tools get its name as a prefix.
fn connect(entry: &ServerEntry) -> Result<Connected, Failure> {
    let options = ClientOptions::new("from-config", "1.0").tool_prefix(&entry.name);
    let client = BlockingClient::from_entry(options, entry)?;
    client.open()?;
    let tools = client.list_tools()?;
    Ok((client, tools))
}
