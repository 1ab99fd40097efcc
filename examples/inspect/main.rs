//! Shows what any server offers, and calls one of its tools:
//! `cargo run --example inspect -- [OPTIONS] PROGRAM [ARGUMENT..]`, and with the feature
//! `hyper-client` or `rustls` a URL in place of the program.

#![allow(clippy::disallowed_methods, reason = "a program reads its arguments")]

mod arguments;
mod live;
mod page;

use std::error::Error;
use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;
use std::sync::Arc;

use mcp_proto::client::{ClientError, Listed, ToolCall};
use mcp_proto::io::child::Command;
use mcp_proto::model::logging::LoggingLevel;
use mcp_proto::rpc::Raw;
use mcp_proto::{BlockingClient, ClientOptions};
use serde::ser::{Serialize, SerializeStruct, Serializer};

use arguments::{Arguments, Wish};
use live::Live;
use page::Page;

fn main() -> ExitCode {
    let done = match Arguments::read(std::env::args().skip(1)) {
        Ok(given) => run(given),
        Err(usage) => Err(usage.into()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            drop(writeln!(
                io::stderr(),
                "{}",
                page::plain(&error.to_string())
            ));
            ExitCode::FAILURE
        }
    }
}

fn run(given: Arguments) -> Result<(), Box<dyn Error>> {
    let live = Arc::new(Live::new(io::stderr().is_terminal()));
    let log = Arc::clone(&live);
    let options = ClientOptions::new("inspect", env!("CARGO_PKG_VERSION"))
        .era(given.era)
        .on_log(move |message| log.log(&message));
    let client = connect(options, &given);
    client.open()?;
    let mut out = io::stdout().lock();
    let written = match given.wish {
        Wish::Look if given.is_json => json(&mut out, &Everything::of(&client)?),
        Wish::Look => Page::new(&mut out, io::stdout().is_terminal()).show(&client)?,
        Wish::Call { tool, arguments } => {
            let has_logs = client
                .capabilities()?
                .is_some_and(|it| it.logging.is_some());
            if has_logs {
                client.set_log_level(LoggingLevel::Debug)?;
            }
            let progress = Arc::clone(&live);
            let call = ToolCall::new(tool)
                .arguments(arguments)?
                .on_progress(move |report| progress.progress(&report));
            let output = client.call(call);
            live.end();
            match given.is_json {
                true => json(&mut out, &output?.raw),
                false => writeln!(out, "{}", page::plain(&output?.value.to_string())),
            }
        }
        Wish::Read(uri) => {
            let output = client.read_resource(&uri)?;
            match given.is_json {
                true => json(&mut out, &output.raw),
                false => writeln!(out, "{}", page::plain(&output.value.to_string())),
            }
        }
    };
    client.close()?;
    match written {
        // Whose reader goes away ends well, as behind `| head`.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => Ok(written?),
    }
}

/// A client of the program, or of the server at a URL.
fn connect(options: ClientOptions, given: &Arguments) -> BlockingClient {
    #[cfg(feature = "hyper-client")]
    if given.program.contains("://") {
        return BlockingClient::url(options, given.program.as_str());
    }
    let mut command = Command::new(&given.program).args(&given.rest);
    if !given.verbose {
        // An error tells the last lines of it anyway.
        command = command.stderr_quiet();
    }
    BlockingClient::child(options, command)
}

/// Writes a value as one line of JSON.
fn json(out: &mut impl Write, value: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer(&mut *out, value)?;
    writeln!(out)
}

/// What a script gets: every item as the server sent it.
struct Everything {
    server: Option<Server>,
    protocol_version: Option<String>,
    instructions: Option<String>,
    tools: Vec<Raw<'static>>,
    resources: Vec<Raw<'static>>,
    resource_templates: Vec<Raw<'static>>,
    prompts: Vec<Raw<'static>>,
}

struct Server {
    name: String,
    version: String,
}

// In this order; `json!` would sort the keys.
impl Serialize for Everything {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut members = to.serialize_struct("Everything", 7)?;
        members.serialize_field("server", &self.server)?;
        members.serialize_field("protocolVersion", &self.protocol_version)?;
        members.serialize_field("instructions", &self.instructions)?;
        members.serialize_field("tools", &self.tools)?;
        members.serialize_field("resources", &self.resources)?;
        members.serialize_field("resourceTemplates", &self.resource_templates)?;
        members.serialize_field("prompts", &self.prompts)?;
        members.end()
    }
}

impl Serialize for Server {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut members = to.serialize_struct("Server", 2)?;
        members.serialize_field("name", &self.name)?;
        members.serialize_field("version", &self.version)?;
        members.end()
    }
}

impl Everything {
    fn of(client: &BlockingClient) -> Result<Self, ClientError> {
        let server = client.server_info()?.map(|info| Server {
            name: info.name.to_string(),
            version: info.version.to_string(),
        });
        Ok(Self {
            server,
            protocol_version: client.revision()?.map(|revision| revision.to_string()),
            instructions: client.instructions()?,
            tools: raw(&client.list_tools()?),
            resources: raw(&client.list_resources()?),
            resource_templates: raw(&client.list_resource_templates()?),
            prompts: raw(&client.list_prompts()?),
        })
    }
}

fn raw<T>(listed: &Listed<T>) -> Vec<Raw<'static>> {
    (0..listed.len())
        .filter_map(|at| listed.raw(at).cloned())
        .collect()
}
