//! Servers that break the rules, as data: what each sends to a client that opens or calls, and what the client makes of it.
//! The cases and their format are in `tests/hostile`.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mcp_proto::Revision;
use mcp_proto::model::capability::ServerCapabilities;
use mcp_proto::model::method::{CallTool, ListTools};
use mcp_proto::session::{CallError, ClientConfig, ClientEvent, EraPolicy, Timeouts};
use serde_json::{Value, json};

use crate::amount;
use crate::script::opening_result;

/// A case.
#[derive(Clone, Debug)]
pub struct HostileServer(Value);

/// The cases that are for a revision. In a plain run what sends much is sent to the newest one of them alone.
pub fn hostile_servers(revision: Revision) -> Vec<HostileServer> {
    let lines = include_str!("../hostile/servers.jsonl").lines();
    let cases = lines.map(|line| HostileServer(serde_json::from_str(line).expect("a case")));
    let era = match revision {
        Revision::V2026_07_28 => "modern",
        _ => "legacy",
    };
    let is_newest = |case: &HostileServer| match case.0["era"] == "legacy" {
        true => revision == Revision::NEWEST_LEGACY,
        false => revision == Revision::NEWEST,
    };
    cases
        .filter(|case| case.0["era"] == "both" || case.0["era"] == era)
        .filter(|case| amount(is_newest(case), true) || !case.sends_much())
        .collect()
}

/// A part of what a server does.
#[derive(Debug)]
pub enum Part {
    /// It sends these bytes.
    Bytes(Vec<u8>),
    /// It sends these bytes one after the other.
    Drip(Vec<u8>),
    /// It sends nothing until the client has given up.
    Wait,
    /// It answers so many requests alike, each under its id.
    Answers(u64, String),
    /// It closes its output.
    End,
}

/// What a client of such servers is: it declares nothing, and gives up after a while.
pub fn victim(revision: Revision, patience: Duration) -> ClientConfig {
    let era = match revision {
        Revision::V2026_07_28 => EraPolicy::Modern,
        _ => EraPolicy::Legacy,
    };
    let timeouts = Timeouts::default().opening(patience).idle(Some(patience));
    ClientConfig::new("victim", "1.0")
        .revisions(vec![revision])
        .era(era)
        .timeouts(timeouts)
}

impl HostileServer {
    pub fn name(&self) -> &str {
        self.0["name"].as_str().expect("a name")
    }

    /// What the client is to make of it.
    pub fn expected(&self, revision: Revision) -> &str {
        let with_batches = self.0["with_batches"].as_str();
        let with_batches = with_batches.filter(|_| revision == Revision::V2025_03_26);
        with_batches.unwrap_or_else(|| self.0["expect"].as_str().expect("an outcome"))
    }

    /// Whether it is about the opening.
    pub fn is_opening(&self) -> bool {
        self.0["on"] == "open"
    }

    /// Whether it is about a list of tools; all others are about a call.
    pub fn is_list(&self) -> bool {
        self.0["on"] == "list"
    }

    /// Whether the client goes on afterwards.
    pub fn is_survived(&self) -> bool {
        self.0["alive"] != false
    }

    /// Whether it sends more than some hundred KiB.
    pub fn sends_much(&self) -> bool {
        let steps = self.0["steps"].as_array().expect("steps").iter();
        let count = |step: &Value| step["times"].as_u64().or(step["fill"][2].as_u64());
        steps.filter_map(count).any(|count| count > 1000)
    }

    /// What the server does when it has got the request of this id.
    pub fn parts(&self, revision: Revision, id: &Value) -> Vec<Part> {
        let steps = self.0["steps"].as_array().expect("steps").iter();
        steps.map(|step| self.part(step, revision, id)).collect()
    }

    fn part(&self, step: &Value, revision: Revision, id: &Value) -> Part {
        let good = self.good(revision).to_string();
        let filled = |text: &Value| {
            let text = text.as_str().expect("a text");
            text.replace("$OK", &good).replace("$ID", &id.to_string())
        };
        let line = |text: &Value| filled(text) + "\n";
        match step {
            Value::String(_) => Part::Bytes(line(step).into()),
            _ if step["raw"].is_string() => Part::Bytes(filled(&step["raw"]).into()),
            _ if step["drip"].is_string() => Part::Drip(filled(&step["drip"]).into()),
            _ if step["b64"].is_string() => {
                let text = step["b64"].as_str().expect("base64");
                Part::Bytes(STANDARD.decode(text).expect("base64"))
            }
            _ if step["times"].is_u64() => {
                let line = line(&step["line"]);
                let times = much(&step["times"]) as u64;
                let lines = (0..times).map(|n| line.replace("$N", &n.to_string()));
                Part::Bytes(lines.collect::<String>().into())
            }
            _ if step["fill"].is_array() => {
                let fill = &step["fill"];
                let unit = fill[1].as_str().expect("a text").repeat(much(&fill[2]));
                Part::Bytes((filled(&fill[0]) + &unit + &line(&fill[3])).into())
            }
            _ if step["answers"].is_u64() => {
                let line = step["line"].as_str().expect("a text");
                let line = line.replace("$OK", &good) + "\n";
                Part::Answers(step["answers"].as_u64().expect("a number"), line)
            }
            _ if step["wait"].is_boolean() => Part::Wait,
            _ if step["eof"].is_boolean() => Part::End,
            _ => panic!("{}: {step}", self.name()),
        }
    }

    /// The result that an honest server would send.
    fn good(&self, revision: Revision) -> Value {
        match self.0["on"].as_str() {
            Some("open") => opening(revision),
            Some("list") => {
                json!({"resultType": "complete", "ttlMs": 0, "cacheScope": "private", "tools": []})
            }
            _ => right(),
        }
    }
}

/// How often something is sent. A tenth of a flood is one too, but what is longer than a bound has to stay so.
fn much(times: &Value) -> usize {
    let times = times.as_u64().expect("a number") as usize;
    let parts = if times > 1 << 20 { 1 } else { 10 };
    amount(times.div_ceil(parts), times)
}

/// The line in which an honest server answers.
pub fn answer(id: &Value, result: &Value) -> String {
    format!(
        "{}\n",
        json!({"jsonrpc": "2.0", "id": id, "result": result})
    )
}

/// What an honest server opens with.
pub fn opening(revision: Revision) -> Value {
    let capabilities = ServerCapabilities::new().tools(true).logging();
    opening_result(revision, &serde_json::to_value(capabilities).expect("JSON"))
}

/// The result of a call that is right.
pub fn right() -> Value {
    json!({"resultType": "complete", "content": [{"type": "text", "text": "right"}]})
}

/// What has become of an opening or a call, in a word; `None` as long as it goes on.
pub fn outcome(event: &ClientEvent, of_list: bool) -> Option<String> {
    Some(match event {
        ClientEvent::Opened { .. } => "opened".into(),
        ClientEvent::Closed(_) => "closed".into(),
        ClientEvent::Completed(done) if of_list => match done.result::<ListTools>() {
            Ok(_) => "ok".into(),
            Err(error) => word(&error),
        },
        ClientEvent::Completed(done) => match done.result::<CallTool>() {
            Ok(result) => {
                let said = serde_json::to_string(&result).expect("JSON");
                let is_wrong = said.contains("wrong");
                if is_wrong { "wrong" } else { "ok" }.into()
            }
            Err(error) => word(&error),
        },
        _ => return None,
    })
}

fn word(error: &CallError) -> String {
    match error {
        CallError::Rpc(error) => format!("rpc:{}", error.code),
        CallError::TimedOut { .. } => "timed_out".into(),
        CallError::BadResult { .. } => "bad_result".into(),
        CallError::InputRefused(_) => "input_refused".into(),
        CallError::TooManyRounds { .. } => "too_many_rounds".into(),
        CallError::Lost(_) => "lost".into(),
        other => other.to_string(),
    }
}
