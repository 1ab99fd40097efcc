//! A fixed scenario that has to go well against a known server, for continuous integration.

use std::error::Error;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use mcp_proto::Revision;
use mcp_proto::client::{ClientError, ToolCall};
use mcp_proto::model::content::ContentBlock;

use crate::client::Client;
use crate::host::{Seen, show_progress};
use crate::profile::{self, Call, Profile};
use crate::steps;

/// What went well, in a few words, or why it didn't.
pub type Outcome = Result<String, Box<dyn Error>>;

/// One connection and what is known of its server.
pub struct Script<'a> {
    pub client: &'a Client,
    pub profile: Profile,
    pub revision: Option<Revision>,
    pub seen: &'a Arc<Mutex<Seen>>,
}

/// Runs every step, shows how each went, and counts those that failed.
pub fn run(
    client: &Client,
    profile: &str,
    revision: Option<Revision>,
    seen: &Arc<Mutex<Seen>>,
) -> usize {
    let Some(profile) = profile::find(profile) else {
        say!("FAIL there is no profile {profile}");
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
            Ok(detail) => say!("ok   {name}: {detail}"),
            Err(error) => {
                failed += 1;
                say!("FAIL {name}: {error}");
            }
        }
    }
    say!("{} of {count} steps went well", count - failed);
    failed
}

impl Script<'_> {
    /// The call of a tool whose progress is shown.
    pub fn prepare(&self, (name, arguments): Call) -> Result<ToolCall, Box<dyn Error>> {
        let arguments: serde_json::Value = serde_json::from_str(arguments)?;
        let seen = Arc::clone(self.seen);
        let call = ToolCall::new(name).arguments(&arguments)?;
        Ok(call.on_progress(move |progress| show_progress(&seen, &progress)))
    }

    /// Calls a tool; whether it did not fail, and its texts.
    pub fn call(&self, call: Call) -> Result<(bool, String), Box<dyn Error>> {
        Ok(self.run(self.prepare(call)?)?)
    }

    /// As [`call`](Self::call), for a call that was prepared.
    pub fn run(&self, call: ToolCall) -> Result<(bool, String), ClientError> {
        let result = self.client.direct_call_tool(call)?;
        let texts = result.content.iter().filter_map(ContentBlock::as_text);
        Ok((!result.failed(), texts.collect::<Vec<_>>().join(" ")))
    }

    pub fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Waits for what comes beside the answers: over HTTP it has a stream of its own, so nothing orders
/// the two. Whether it has come within ten seconds.
pub fn comes(has_come: impl Fn() -> bool) -> bool {
    for _ in 0..500 {
        if has_come() {
            return true;
        }
        thread::sleep(Duration::from_millis(20));
    }
    false
}
