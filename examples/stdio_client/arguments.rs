//! The command line: options first, then the server's command.

use std::env;
use std::error::Error;
use std::time::Duration;

use mcp_proto::Revision;
use mcp_proto::model::logging::LoggingLevel;
use mcp_proto::session::EraPolicy;

const USAGE: &str = "usage: stdio_client [OPTION..] COMMAND [ARGUMENT..]

  --call NAME JSON     call a tool with these arguments, instead of listing what there is
  --log LEVEL          ask for log messages: debug, info, notice, warning, error ..
  --era ERA            auto (default), legacy or modern
  --async              use the client of futures (feature `hyper-client`)
  --timeout SECONDS    how long the opening may take (default 20)
  --script PROFILE     run the fixed scenario against a known server: py1, py2, everything, rmcp or ours
  --revision REVISION  the revision that the scenario expects to end at";

/// What the program was told.
pub struct Arguments {
    pub call: Option<(String, String)>,
    pub log: Option<LoggingLevel>,
    pub era: EraPolicy,
    pub is_async: bool,
    pub timeout: Duration,
    pub script: Option<String>,
    pub revision: Option<Revision>,
    pub program: String,
    pub arguments: Vec<String>,
}

impl Arguments {
    /// Reads the command line. Errs with how to use it.
    pub fn read() -> Result<Self, Box<dyn Error>> {
        let mut read = Self {
            call: None,
            log: None,
            era: EraPolicy::Auto,
            is_async: false,
            timeout: Duration::from_secs(20),
            script: None,
            revision: None,
            program: String::new(),
            arguments: Vec::new(),
        };
        let mut words = env::args().skip(1);
        while let Some(word) = words.next() {
            if !word.starts_with("--") {
                read.program = word;
                read.arguments = words.collect();
                return Ok(read);
            }
            let mut value = || words.next().ok_or(USAGE);
            match word.as_str() {
                "--call" => read.call = Some((value()?, value()?)),
                "--log" => read.log = Some(LoggingLevel::from_wire(&value()?).ok_or(USAGE)?),
                "--era" => read.era = era(&value()?).ok_or(USAGE)?,
                "--timeout" => read.timeout = Duration::try_from_secs_f64(value()?.parse()?)?,
                "--async" => read.is_async = true,
                "--script" => read.script = Some(value()?),
                "--revision" => read.revision = Some(Revision::from_wire(&value()?).ok_or(USAGE)?),
                _ => break,
            }
        }
        Err(USAGE.into())
    }
}

fn era(name: &str) -> Option<EraPolicy> {
    Some(match name {
        "auto" => EraPolicy::Auto,
        "legacy" => EraPolicy::Legacy,
        "modern" => EraPolicy::Modern,
        _ => return None,
    })
}
