//! What the command line says.

use mcp_proto::session::EraPolicy;
use serde_json::{Map, Value};

const USAGE: &str = "\
usage: inspect [OPTIONS] PROGRAM [ARGUMENT..]

Starts PROGRAM as a server and shows its tools, resources and prompts. A URL in its place is connected
to, if that was built in (`--features rustls`).

  --call TOOL       call a tool instead, with a progress bar
  --with KEY=VALUE  an argument of the call: JSON if VALUE is JSON, else a text
  --args JSON       all arguments of the call, an object
  --read URI        read a resource instead
  --json            write JSON, for scripts
  --era ERA         auto, legacy or modern
  --verbose         pass on what the server writes to its standard error";

pub struct Arguments {
    pub wish: Wish,
    pub is_json: bool,
    pub era: EraPolicy,
    pub verbose: bool,
    pub program: String,
    pub rest: Vec<String>,
}

pub enum Wish {
    /// Show what there is.
    Look,
    Call {
        tool: String,
        arguments: Map<String, Value>,
    },
    Read(String),
}

impl Arguments {
    /// Reads the command line; an error says how it is meant.
    pub fn read(mut given: impl Iterator<Item = String>) -> Result<Self, String> {
        let (mut tool, mut uri, mut arguments) = (None, None, Map::new());
        let (mut is_json, mut verbose, mut era) = (false, false, EraPolicy::Auto);
        let program = loop {
            let word = given.next().ok_or(USAGE)?;
            let mut value = || {
                given
                    .next()
                    .ok_or(format!("{word} needs a value\n\n{USAGE}"))
            };
            match word.as_str() {
                "--call" => tool = Some(value()?),
                "--read" => uri = Some(value()?),
                "--with" => {
                    let pair = value()?;
                    let (key, text) = pair
                        .split_once('=')
                        .ok_or_else(|| format!("--with needs KEY=VALUE, not {pair}"))?;
                    let read = serde_json::from_str(text);
                    arguments.insert(key.into(), read.unwrap_or_else(|_| text.into()));
                }
                "--args" => {
                    arguments = serde_json::from_str(&value()?)
                        .map_err(|error| format!("--args needs a JSON object: {error}"))?;
                }
                "--json" => is_json = true,
                "--verbose" => verbose = true,
                "--era" => {
                    era = match value()?.as_str() {
                        "auto" => EraPolicy::Auto,
                        "legacy" => EraPolicy::Legacy,
                        "modern" => EraPolicy::Modern,
                        other => return Err(format!("there is no era {other}\n\n{USAGE}")),
                    }
                }
                option if option.starts_with('-') => return Err(USAGE.into()),
                _ => break word,
            }
        };
        let wish = match (tool, uri) {
            (Some(tool), None) => Wish::Call { tool, arguments },
            (None, Some(uri)) => Wish::Read(uri),
            (None, None) => Wish::Look,
            _ => return Err(format!("either --call or --read\n\n{USAGE}")),
        };
        let rest = given.collect();
        Ok(Self {
            wish,
            is_json,
            era,
            verbose,
            program,
            rest,
        })
    }
}
