//! A fixed scenario that has to go well against a known server, for continuous integration.

use std::error::Error;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use mcp_proto::Revision;
use mcp_proto::io::client::ClientError;
use mcp_proto::model::content::ContentBlock;
use mcp_proto::model::method::CallTool;
use mcp_proto::model::tool::CallToolParams;
use mcp_proto::rpc::Raw;
use mcp_proto::session::CallOptions;

use crate::host::Seen;
use crate::profile::{self, Call, Profile};
use crate::{Server, steps};

/// What went well, in a few words, or why it didn't.
pub type Outcome = Result<String, Box<dyn Error>>;

/// One connection and what is known of its server.
pub struct Script<'a> {
    pub client: &'a mut Server,
    pub profile: Profile,
    pub revision: Option<Revision>,
    pub seen: &'a Mutex<Seen>,
}

/// Runs every step, shows how each went, and counts those that failed.
pub fn run(
    client: &mut Server,
    profile: &str,
    revision: Option<Revision>,
    seen: &Arc<Mutex<Seen>>,
) -> usize {
    let Some(profile) = profile::find(profile) else {
        println!("FAIL there is no profile {profile}");
        return 1;
    };
    let mut script = Script {
        client,
        profile,
        revision,
        seen,
    };
    let steps = steps::all();
    let count = steps.len();
    let mut failed = 0;
    for (name, step) in steps {
        match step(&mut script) {
            Ok(detail) => println!("ok   {name}: {detail}"),
            Err(error) => {
                failed += 1;
                println!("FAIL {name}: {error}");
            }
        }
    }
    println!("{} of {count} steps went well", count - failed);
    failed
}

impl Script<'_> {
    /// Calls a tool; whether it did not fail, and its texts.
    pub fn call(&mut self, (name, arguments): Call) -> Result<(bool, String), ClientError> {
        let arguments = Raw::new(arguments).unwrap_or(Raw::EMPTY_OBJECT);
        let params = CallToolParams::new(name).arguments(arguments);
        let options = CallOptions::new().progress(true);
        let done = self.client.call::<CallTool>(&params, options)?;
        let result = done.result::<CallTool>()?;
        let texts = result.content.iter().filter_map(ContentBlock::as_text);
        Ok((!result.failed(), texts.collect::<Vec<_>>().join(" ")))
    }

    /// Takes what comes for so many milliseconds.
    pub fn listen(&mut self, milliseconds: u64) -> Result<(), ClientError> {
        let deadline = self.client.now() + Duration::from_millis(milliseconds);
        self.client.listen_until(deadline)
    }

    pub fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
