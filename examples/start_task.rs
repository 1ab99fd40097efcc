//! Starts a tool that goes on as a task, and picks the task up again in another run if this one ends first:
//! `cargo run --example start_task -- FILE TOOL ARGUMENTS PROGRAM [ARGUMENT..]`
//! The task's id stands in FILE as long as there is no result.

#![allow(clippy::disallowed_methods, reason = "a program reads its arguments")]

use std::fs;

use mcp_proto::io::blocking::Started;
use mcp_proto::io::child::Command;
use mcp_proto::{BlockingClient, ClientOptions};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut given = std::env::args().skip(1);
    let (Some(file), Some(tool), Some(arguments), Some(program)) =
        (given.next(), given.next(), given.next(), given.next())
    else {
        return Err("usage: start_task FILE TOOL ARGUMENTS PROGRAM [ARGUMENT..]".into());
    };
    let arguments: serde_json::Value = serde_json::from_str(&arguments)?;

    // Modern servers run calls as tasks for clients that say they know what that is.
    let options = ClientOptions::new("start-task", "1.0").tasks(true);
    let client = BlockingClient::child(options, Command::new(program).args(given));
    client.open()?;
    let task = match fs::read_to_string(&file) {
        Ok(id) => client.task(id),
        Err(_) => match client.start_tool(&tool, &arguments)? {
            Started::Task(task) => {
                // Whoever has the id has the result.
                fs::write(&file, task.id())?;
                task
            }
            Started::Done(output) => {
                println!("{}", output.value);
                return Ok(());
            }
            _ => return Err("neither a task nor a result".into()),
        },
    };
    println!("it is {}", task.status()?.status.as_str());
    println!("{}", task.wait()?.value);
    fs::remove_file(&file)?;
    client.close()?;
    Ok(())
}
