//! The command line.

use std::env;
use std::error::Error;

use mcp_proto::session::EraPolicy;
use mcp_proto::{Era, Revision};

const USAGE: &str = "usage: poet [--http] [--era auto|legacy|modern] [--server both|legacy|modern]

  --http           they speak over HTTP, and the heads are shown as well (feature `http-core`)
  --era auto       the client asks which era the server belongs to (default)
  --era legacy     it shakes hands as up to 2025-11-25
  --era modern     it speaks 2026-07-28 without asking first
  --server both    the server speaks both eras (default)";

/// What the program was told.
pub struct Arguments {
    /// How the client finds out the server's era.
    pub era: EraPolicy,
    /// The era the server speaks; `None` for both.
    pub server: Option<Era>,
    /// Whether the two speak over HTTP.
    pub over_http: bool,
    /// Whether to be the server: the client starts this program once more, with this flag.
    pub serves: bool,
}

impl Arguments {
    /// Reads the command line. Errs with how to use it.
    pub fn read() -> Result<Self, Box<dyn Error>> {
        let mut arguments = Self {
            era: EraPolicy::Auto,
            server: None,
            over_http: false,
            serves: false,
        };
        let mut words = env::args().skip(1);
        while let Some(word) = words.next() {
            let mut value = || words.next().unwrap_or_default();
            match word.as_str() {
                "--era" => arguments.era = era_policy(&value()).ok_or(USAGE)?,
                "--server" => arguments.server = server_era(&value()).ok_or(USAGE)?,
                "--http" if cfg!(feature = "http-core") => arguments.over_http = true,
                "--http" => return Err("HTTP takes `--features http-core`".into()),
                "--serve" => arguments.serves = true,
                _ => return Err(USAGE.into()),
            }
        }
        Ok(arguments)
    }

    /// The command line of the server.
    pub fn for_server(&self) -> [&'static str; 3] {
        let era = match self.server {
            None => "both",
            Some(Era::Legacy) => "legacy",
            Some(_) => "modern",
        };
        ["--serve", "--server", era]
    }

    /// The revisions that the server speaks.
    pub fn revisions(&self) -> Vec<Revision> {
        let spoken = |revision: &Revision| self.server.is_none_or(|era| era == revision.era());
        Revision::ALL.into_iter().filter(spoken).collect()
    }
}

fn era_policy(name: &str) -> Option<EraPolicy> {
    Some(match name {
        "auto" => EraPolicy::Auto,
        "legacy" => EraPolicy::Legacy,
        "modern" => EraPolicy::AssumeModern,
        _ => return None,
    })
}

fn server_era(name: &str) -> Option<Option<Era>> {
    Some(match name {
        "both" => None,
        "legacy" => Some(Era::Legacy),
        "modern" => Some(Era::Modern),
        _ => return None,
    })
}
