//! A server that writes poems with its client's model, and the client. Run it with
//! `cargo run --example poet`; `-- --era legacy` and `-- --server legacy` show what changes on the wire.

#![allow(
    clippy::disallowed_methods,
    reason = "a program reads its own arguments"
)]

mod arguments;
mod caption;
mod diagram;
mod recorder;
mod server;

use std::env;
use std::error::Error;
use std::process::ExitCode;

use mcp_proto::Revision;
use mcp_proto::io::Handle;
use mcp_proto::io::child::{ChildConnection, Command};
use mcp_proto::io::client::Client;
use mcp_proto::model::capability::ClientCapabilities;
use mcp_proto::model::content::ContentBlock;
use mcp_proto::model::method::{CallTool, CreateMessage};
use mcp_proto::model::sampling::CreateMessageResult;
use mcp_proto::model::tool::CallToolParams;
use mcp_proto::rpc::Raw;
use mcp_proto::session::{CallOptions, ClientConfig, ClientEvent, ClientSession};

use arguments::Arguments;
use recorder::Recorder;

type Server = ChildConnection<Recorder<ClientSession>>;

/// What our model makes of socks.
const RHYME: &str = "\
Socks for a fox, in a box by the door,
striped ones and spotted ones, all on the floor.
One for each paw, and he dances till four:
\"Knit me,\" he sings to the moon, \"just one more!\"";

fn main() -> ExitCode {
    let outcome = match Arguments::read() {
        Ok(arguments) if arguments.serves => server::run(&arguments),
        Ok(arguments) => recite(&arguments),
        Err(error) => Err(error),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("poet: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Calls the server's tool, and shows the poem and how it came about.
fn recite(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let config = ClientConfig::new("poetry-club", "1.0")
        .era(arguments.era)
        .capabilities(ClientCapabilities::new().sampling());
    let session = Recorder::new(ClientSession::new(config));
    let server = Command::new(env::current_exe()?)
        .args(arguments.for_server())
        .connect(session)?;

    let mut client = Client::new(server, write_if_asked);
    let poem = ask_for_poem(&mut client);
    let revision = client.with(|session, _| session.revision());
    let frames = client.connection().with(|recorder, _| recorder.take());
    client.into_connection().shutdown()?;

    if let Ok(poem) = &poem {
        println!("{poem}\n");
    }
    let revision = revision.map_or("no revision", Revision::as_str);
    println!("{} frames of {revision}:\n", frames.len());
    print!("{}", diagram::draw(&frames));
    poem.map(drop)
}

fn ask_for_poem(client: &mut Client<Server>) -> Result<String, Box<dyn Error>> {
    client.open()?;
    let params = CallToolParams::new("poet").arguments(Raw::new(r#"{"theme":"socks"}"#)?);
    let done = client.call::<CallTool>(&params, CallOptions::new())?;
    client.close()?;
    let result = done.result::<CallTool>()?;
    let poem = result.content.first().and_then(ContentBlock::as_text);
    Ok(poem.ok_or("the server wrote no text")?.to_owned())
}

/// Answers the server's request for our model. A real client would ask the user first.
fn write_if_asked(session: &Handle<Recorder<ClientSession>>, event: ClientEvent) {
    let ClientEvent::InputRequested(request) = event else {
        return;
    };
    // The session hands on only what was declared, and this client declared sampling alone.
    let verse = CreateMessageResult::text("a-fox-with-a-pen", RHYME);
    let answered = session.with(|recorder, now| {
        let session = recorder.as_mut();
        session.answer::<CreateMessage>(now, request.input, &verse)
    });
    if let Err(misuse) = answered {
        eprintln!("poet: {misuse}");
    }
}
