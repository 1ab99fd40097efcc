//! A client for any server on standard streams: starts it, lists what it offers, calls a tool. With
//! the feature `hyper-client` the server may be a URL instead, and the client that of futures.
//! `cargo run --example stdio_client -- python my_server.py`

#![allow(
    clippy::disallowed_methods,
    reason = "a program reads its own arguments and directory"
)]

#[macro_use]
mod say;
mod arguments;
mod client;
mod form;
mod host;
mod profile;
mod script;
mod show;
mod steps;

use std::error::Error;
use std::process::ExitCode;
use std::sync::{Arc, Mutex};

use mcp_proto::client::ClientOptions;

use arguments::Arguments;
use client::Client;
use host::{Host, Seen};

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
    let client = start(arguments, Host::new(Arc::clone(&seen)))?;
    client.open()?;
    let problems = match (&arguments.script, &arguments.call) {
        (Some(profile), _) => script::run(&client, profile, arguments.revision, &seen),
        (None, Some((name, json))) => show::call(&client, name, json)?,
        (None, None) => show::everything(&client)?,
    };
    // It waits until the server has ended.
    client.close()?;
    Ok(problems)
}

/// A client that serves its server as a host does.
fn start(arguments: &Arguments, host: Host) -> Result<Client, Box<dyn Error>> {
    let mut options = ClientOptions::new("stdio_client", env!("CARGO_PKG_VERSION"))
        .era(arguments.era)
        .timeout(arguments.timeout);
    options.log_level = arguments.log;
    Client::new(arguments, host.serve(options))
}
