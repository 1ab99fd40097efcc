//! A server that writes poems with its client's model, and the client. Run it with
//! `cargo run --example poet`; `-- --era legacy` and `-- --server legacy` show what changes on the wire,
//! `--features http-core -- --http` what HTTP makes of it.

#![allow(
    clippy::disallowed_methods,
    reason = "a program reads its own arguments"
)]

mod arguments;
mod caption;
mod diagram;
#[cfg(feature = "http-core")]
mod exchange;
#[cfg(feature = "http-core")]
mod http;
mod passed;
mod server;
#[cfg(feature = "http-core")]
mod site;

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
use passed::{Frame, Passed};

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

/// The poem, and the revision it was asked for in.
type Recital = (String, Option<Revision>);

/// Calls the server's tool, and shows the poem and how it came about.
fn recite(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let mut passed = Vec::new();
    let called = match arguments.over_http {
        true => over_http(arguments, &mut passed),
        false => over_pipes(arguments, &mut passed),
    };
    if let Ok((poem, _)) = &called {
        println!("{poem}\n");
    }
    let revision = called.as_ref().ok().and_then(|(_, revision)| *revision);
    println!("{}:\n", title(&passed, revision));
    print!("{}", diagram::draw(&passed));
    called.map(drop)
}

fn title(passed: &[Passed], revision: Option<Revision>) -> String {
    let frames = passed.iter().filter_map(Passed::frame).count();
    let mut title = format!("{frames} frames");
    if let Some(revision) = revision {
        title += &format!(" of {revision}");
    }
    match passed.iter().filter(|passed| passed.opens()).count() {
        0 => title,
        exchanges => title + &format!(" in {exchanges} exchanges"),
    }
}

/// Asks this program as a server, over its standard streams.
fn over_pipes(arguments: &Arguments, passed: &mut Vec<Passed>) -> Result<Recital, Box<dyn Error>> {
    let frames = Arc::new(Mutex::new(Vec::new()));
    let client = connect(arguments, Arc::clone(&frames))?;
    let called = ask_for_poem(&client);
    let frames = mem::take(&mut *frames.lock().unwrap_or_else(PoisonError::into_inner));
    passed.extend(frames.into_iter().map(Passed::Frame));
    called
}

#[cfg(feature = "http-core")]
use http::recite as over_http;

#[cfg(not(feature = "http-core"))]
fn over_http(_: &Arguments, _: &mut Vec<Passed>) -> Result<Recital, Box<dyn Error>> {
    Err("HTTP takes `--features http-core`".into())
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

fn ask_for_poem(client: &BlockingClient) -> Result<Recital, Box<dyn Error>> {
    client.open()?;
    let output = client.call_tool("poet", json!({"theme": "socks"}))?;
    let revision = client.revision()?;
    client.close()?;
    let poem = output.value.as_text().ok_or("the server wrote no text")?;
    Ok((poem.to_owned(), revision))
}
