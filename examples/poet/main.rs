//! A server that writes poems with its client's model, and the client. Run it with
//! `cargo run --example poet`; `-- --era legacy` and `-- --server legacy` show what changes on the wire.

#![allow(
    clippy::disallowed_methods,
    reason = "a program reads its own arguments"
)]

mod arguments;
mod caption;
mod diagram;
mod server;

use std::env;
use std::error::Error;
use std::mem;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};

use mcp_proto::Revision;
use mcp_proto::client::ClientOptions;
use mcp_proto::io::blocking::BlockingClient;
use mcp_proto::io::child::Command;
use mcp_proto::model::sampling::CreateMessageResult;
use serde_json::json;

use arguments::Arguments;
use caption::Frame;

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
    let passed = Arc::new(Mutex::new(Vec::new()));
    let client = connect(arguments, Arc::clone(&passed))?;
    let called = ask_for_poem(&client);
    let frames = mem::take(&mut *passed.lock().unwrap_or_else(PoisonError::into_inner));

    if let Ok((poem, _)) = &called {
        println!("{poem}\n");
    }
    let revision = called.as_ref().ok().and_then(|(_, revision)| *revision);
    let revision = revision.map(|revision| format!(" of {revision}"));
    println!("{} frames{}:\n", frames.len(), revision.unwrap_or_default());
    print!("{}", diagram::draw(&frames));
    called.map(drop)
}

/// A client of this program as a server, whose frames are kept in `passed`.
fn connect(
    arguments: &Arguments,
    passed: Arc<Mutex<Vec<Frame>>>,
) -> Result<BlockingClient, Box<dyn Error>> {
    // A real client would ask its user before its model writes for a server.
    let options = ClientOptions::new("poetry-club", "1.0")
        .era(arguments.era)
        .sampling(|_| Ok(CreateMessageResult::text("a-fox-with-a-pen", RHYME)))
        .on_frame(move |direction, bytes| {
            let bytes = bytes.to_vec();
            let mut passed = passed.lock().unwrap_or_else(PoisonError::into_inner);
            passed.push(Frame { direction, bytes });
        });
    let command = Command::new(env::current_exe()?).args(arguments.for_server());
    Ok(BlockingClient::child(options, command))
}

/// The poem, and the revision it was asked for in.
fn ask_for_poem(client: &BlockingClient) -> Result<(String, Option<Revision>), Box<dyn Error>> {
    client.open()?;
    let output = client.call_tool("poet", json!({"theme": "socks"}))?;
    let revision = client.revision()?;
    client.close()?;
    let poem = output.value.as_text().ok_or("the server wrote no text")?;
    Ok((poem.to_owned(), revision))
}
