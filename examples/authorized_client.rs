//! A client that authorizes itself at a server, with the user's browser where it has to ask them:
//! `cargo run --features hyper-client,ureq,auth --example authorized_client -- [--ureq|--async] URL [STEP...]`
//!
//! A step is `TOOL=ARGUMENTS`, such as `add_note={"text":"x"}`, or `sleep=SECONDS`. `BROWSER` is the program
//! that opens a page, `xdg-open` unless it is set. It is a blocking client over hyper, or over ureq, or one of
//! futures.

#![allow(
    clippy::disallowed_methods,
    reason = "a program reads its arguments and its environment"
)]

use std::env;
use std::error::Error;
use std::process::Command;
use std::thread;
use std::time::Duration;

use mcp_proto::auth::AuthOptions;
use mcp_proto::io::auth::Auth;
use mcp_proto::io::http::Remote;
use mcp_proto::{AsyncClient, BlockingClient, ClientOptions};
use serde_json::Value;

fn main() -> Result<(), Box<dyn Error>> {
    let mut given = env::args().skip(1).peekable();
    let kind = given.next_if(|first| first.starts_with("--"));
    let url = given
        .next()
        .ok_or("usage: authorized_client [--ureq|--async] URL [STEP...]")?;
    let steps: Vec<String> = given.collect();

    // Without a shell, so that nothing in the URL is anything but a URL.
    let auth = Auth::browser(AuthOptions::new("Authorized client"), |page| {
        let browser = env::var("BROWSER").unwrap_or_else(|_| "xdg-open".into());
        Command::new(browser).arg(page).spawn().map(drop)
    });
    let remote = Remote::new(url).auth(auth.clone());
    let options = ClientOptions::new("authorized-client", "1.0");
    let done = match kind.as_deref() {
        None | Some("--url") => by_threads(&BlockingClient::url(options, remote), &steps),
        Some("--ureq") => by_threads(&BlockingClient::ureq(options, remote), &steps),
        Some(_) => {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()?;
            runtime.block_on(by_futures(options, remote, &steps))
        }
    };
    match auth.last_error() {
        Some(error) => Err(error.into()),
        None => done,
    }
}

fn by_threads(client: &BlockingClient, steps: &[String]) -> Result<(), Box<dyn Error>> {
    client.open()?;
    for step in steps {
        match Step::read(step)? {
            Step::Sleep(time) => thread::sleep(time),
            Step::Call(tool, arguments) => {
                println!("{tool}: {}", client.call_tool(tool, arguments)?.value);
            }
        }
    }
    Ok(client.close()?)
}

async fn by_futures(
    options: ClientOptions,
    remote: Remote,
    steps: &[String],
) -> Result<(), Box<dyn Error>> {
    let (client, driver) = AsyncClient::url(options, remote);
    tokio::spawn(driver);
    client.open().await?;
    for step in steps {
        match Step::read(step)? {
            Step::Sleep(time) => tokio::time::sleep(time).await,
            Step::Call(tool, arguments) => {
                let result = client.call_tool(tool, arguments).await?;
                println!("{tool}: {}", result.value);
            }
        }
    }
    Ok(client.close().await?)
}

enum Step<'a> {
    Sleep(Duration),
    Call(&'a str, Value),
}

impl<'a> Step<'a> {
    fn read(step: &'a str) -> Result<Self, Box<dyn Error>> {
        let (name, value) = step.split_once('=').unwrap_or((step, "{}"));
        Ok(match name {
            "sleep" => Self::Sleep(Duration::from_secs(value.parse()?)),
            tool => Self::Call(tool, serde_json::from_str(value)?),
        })
    }
}
