//! A client for any server on standard streams: starts it, lists what it offers, calls a tool.
//! `cargo run --example stdio_client -- python my_server.py`

#![allow(
    clippy::disallowed_methods,
    reason = "a program reads its own arguments and directory"
)]

mod arguments;
mod form;
mod host;
mod profile;
mod script;
mod show;
mod steps;

use std::error::Error;
use std::io;
use std::process::ExitCode;
use std::sync::{Arc, Mutex};

use mcp_proto::io::child::{ChildConnection, Command};
use mcp_proto::io::client::{Client, ClientError};
use mcp_proto::model::capability::ClientCapabilities;
use mcp_proto::session::{ClientConfig, ClientSession, CloseReason, EraPolicy, Timeouts};

use arguments::Arguments;
use host::{Host, Seen};

/// A client of a server process.
type Server = Client<ChildConnection<ClientSession>>;

fn main() -> ExitCode {
    match Arguments::read().and_then(|arguments| run(&arguments)) {
        Ok(0) => ExitCode::SUCCESS,
        Ok(problems) => {
            eprintln!("stdio_client: {problems} problems");
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("stdio_client: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Does what the command line asks for; how many things went wrong on the way.
fn run(arguments: &Arguments) -> Result<usize, Box<dyn Error>> {
    let seen = Arc::new(Mutex::new(Seen::default()));
    let mut client = connect(arguments, &seen)?;
    let problems = match (&arguments.script, &arguments.call) {
        (Some(profile), _) => script::run(&mut client, profile, arguments.revision, &seen),
        (None, Some((name, json))) => show::call(&mut client, name, json)?,
        (None, None) => show::everything(&mut client, arguments.log)?,
    };
    client.close()?;
    let status = client.into_connection().shutdown()?;
    println!("the server ended with {status}");
    Ok(problems)
}

/// Starts the server and opens the session.
fn connect(arguments: &Arguments, seen: &Arc<Mutex<Seen>>) -> Result<Server, Box<dyn Error>> {
    let mut client = start(arguments, arguments.era, seen)?;
    let mut opened = client.open();
    // Some legacy servers exit on anything before `initialize`: start it afresh for them.
    if arguments.era == EraPolicy::Auto && was_lost_in_probe(&opened) {
        eprintln!("the server ended during the probe; once more, as a legacy one");
        client = start(arguments, EraPolicy::Legacy, seen)?;
        opened = client.open();
    }
    match opened {
        Ok(()) => Ok(client),
        Err(error) => {
            client.into_connection().shutdown()?;
            Err(error.into())
        }
    }
}

fn was_lost_in_probe(opened: &Result<(), ClientError>) -> bool {
    matches!(
        opened,
        Err(ClientError::Closed {
            reason: CloseReason::LostInProbe(_),
            ..
        })
    )
}

fn start(arguments: &Arguments, era: EraPolicy, seen: &Arc<Mutex<Seen>>) -> io::Result<Server> {
    let capabilities = ClientCapabilities::new()
        .sampling()
        .elicitation_form()
        .roots(true);
    let timeouts = Timeouts::default()
        .opening(arguments.timeout)
        .probe(arguments.timeout / 2);
    let config = ClientConfig::new("stdio_client", env!("CARGO_PKG_VERSION"))
        .era(era)
        .capabilities(capabilities)
        .timeouts(timeouts);
    let server = Command::new(&arguments.program)
        .args(&arguments.arguments)
        .connect(ClientSession::new(config))?;
    let mut host = Host::new(Arc::clone(seen));
    Ok(Client::new(server, move |session, event| {
        host.take(session, event)
    }))
}
