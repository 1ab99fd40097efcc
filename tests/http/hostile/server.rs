//! Clients that break the rules: requests in, and the status, the code and the session that follow.

use mcp_proto::Revision;
use mcp_proto::http::{Caller, EndpointLimits, HttpMethod, RequestHead};
use serde_json::{Value, json};
use support::LEGACY;
use support::front::{Answer, Front};

use super::{bytes_of, cases, filled, name};
use crate::requests::{Sent, legacy, modern};

pub const CASES: &str = include_str!("server.jsonl");

/// A server, and what its client has learned of it.
struct Run {
    front: Front,
    /// The ids of the sessions in the order in which they were opened.
    sessions: Vec<String>,
    last_event: String,
    next_id: u64,
}

fn front(server: &str) -> Front {
    let mut limits = EndpointLimits::default();
    // So that a flood need not be long.
    (limits.sessions, limits.sessions_each, limits.half_open) = (1000, 500, 100);
    match server {
        "both" => Front::new(&Revision::ALL, limits),
        "modern" => Front::new(&[Revision::NEWEST], limits),
        "legacy" => Front::new(&LEGACY, limits),
        "stateless" => Front::new(&Revision::ALL, limits).stateless(),
        "json" => Front::new(&Revision::ALL, limits).json_only(),
        other => panic!("{other}"),
    }
}

/// The request that a step begins with.
fn base(step: &Value) -> Sent {
    let tool = step["tool"].as_str().unwrap_or("echo");
    let mut sent = match step["do"].as_str().expect("a step does something") {
        "modern" => modern("tools/call", json!({"name": tool, "arguments": {}})),
        "initialize" => {
            let mut sent = legacy(
                "initialize",
                json!({"protocolVersion": "2025-11-25", "capabilities": {},
                    "clientInfo": {"name": "c", "version": "1"}}),
            );
            sent.set("mcp-session-id", None);
            sent.set("mcp-protocol-version", None);
            return sent;
        }
        "ready" => {
            let mut sent = legacy("notifications/initialized", json!({}));
            sent.body.as_object_mut().expect("an object").remove("id");
            sent
        }
        "get" | "delete" => {
            let mut sent = legacy("", json!({}));
            sent.text = Some(String::new());
            sent.set("content-type", None);
            sent
        }
        "legacy" => legacy("tools/call", json!({"name": tool})),
        other => panic!("{other}"),
    };
    if step["do"] != "modern" {
        sent.set("mcp-session-id", Some("$1"));
    }
    sent
}

impl Run {
    fn new(server: &str) -> Self {
        Self {
            front: front(server),
            sessions: Vec::new(),
            last_event: String::new(),
            next_id: 1,
        }
    }

    /// Fills in what was learned: `$1` is the first session, `$e` the last event.
    fn known(&self, value: &str) -> Vec<u8> {
        let Some(which) = value.strip_prefix('$') else {
            return bytes_of(value);
        };
        let text = match which.parse::<usize>() {
            Ok(number) => self.sessions.get(number - 1).cloned(),
            Err(_) => Some(self.last_event.clone()),
        };
        text.unwrap_or_else(|| "none".into()).into_bytes()
    }

    fn head(&self, step: &Value, sent: &Sent) -> RequestHead {
        let method = match (step["method"].as_str(), step["do"].as_str()) {
            (Some(name), _) => HttpMethod::from_name(name),
            (None, Some("get")) => HttpMethod::Get,
            (None, Some("delete")) => HttpMethod::Delete,
            _ => HttpMethod::Post,
        };
        let mut head = RequestHead::new(method, "/mcp");
        let set = step["set"].as_object();
        for (name, value) in sent.head.headers.iter() {
            if !set.is_some_and(|set| set.contains_key(name)) {
                let value = std::str::from_utf8(value).expect("it is text");
                head.headers.push(name, self.known(value));
            }
        }
        for (name, value) in set.into_iter().flatten() {
            if let Some(value) = value.as_str() {
                head.headers.push(name, self.known(value));
            }
        }
        for pair in step["add"].as_array().into_iter().flatten() {
            let value = pair[1].as_str().expect("a text");
            head.headers
                .push(pair[0].as_str().expect("a name"), self.known(value));
        }
        head
    }

    fn bytes(&mut self, step: &Value, mut sent: Sent) -> Vec<u8> {
        if !step["fill"].is_null() {
            return filled(&step["fill"]);
        }
        if let Some(text) = step["body"].as_str() {
            return bytes_of(text);
        }
        if step["unique"] == true {
            self.next_id += 1;
            sent.body["id"] = self.next_id.into();
        }
        for (pointer, value) in step["json"].as_object().into_iter().flatten() {
            *sent.body.pointer_mut(pointer).expect("it is there") = value.clone();
        }
        sent.bytes().to_vec()
    }

    fn once(&mut self, step: &Value) -> Answer {
        let who = step["as"].as_str().unwrap_or("ann");
        let sent = base(step);
        let head = self.head(step, &sent);
        let bytes = self.bytes(step, sent);
        let answer = self
            .front
            .request(Caller::Principal(who), &head, bytes.into());
        if step["do"] == "initialize"
            && let Ok(Some(id)) = answer.headers.one("mcp-session-id")
        {
            self.sessions.push(id.into());
        }
        if let Some(id) = &answer.last_event {
            self.last_event.clone_from(id);
        }
        if step["drop"] == true {
            self.front.drop_open();
        }
        if step["ready"] == true {
            let last = format!("${}", self.sessions.len());
            let ready = json!({"do": "ready", "set": {"mcp-session-id": last}});
            self.once(&ready);
        }
        answer
    }

    fn step(&mut self, case: &str, step: &Value) {
        let times = step["times"].as_u64().unwrap_or(1);
        let mut last = None;
        for _ in 0..times {
            last = Some(self.once(step));
        }
        let answer = last.expect("it was sent");
        let messages = answer.messages();
        let text = String::from_utf8_lossy(&answer.body[..answer.body.len().min(300)]).into_owned();
        let at = format!("{case}: {} {text}", answer.status);
        if let Some(status) = step["status"].as_u64() {
            assert_eq!(u64::from(answer.status), status, "{at}");
        }
        if let Some(code) = step["code"].as_i64() {
            let error = messages.last().map(|message| &message["error"]["code"]);
            assert_eq!(error, Some(&code.into()), "{at}");
        }
        if step["result"] == true {
            assert!(
                messages.iter().any(|message| message["result"].is_object()),
                "{at}"
            );
        }
        if let Some(name) = step["lacks"].as_str() {
            assert!(!answer.headers.has(name), "{at}");
        }
        if answer.status == 405 {
            assert!(answer.headers.has("allow"), "{at}");
        }
        if matches!(answer.status, 429 | 503) {
            assert!(answer.headers.has("retry-after"), "{at}");
        }
    }

    /// A client that behaves is served, whatever has come before.
    fn assert_serves(&mut self, case: &str, server: &str) {
        self.sessions.clear();
        let case = format!("{case}, then somebody who behaves");
        let mut steps = Vec::new();
        if server != "legacy" {
            steps.push(json!({"do": "modern", "status": 200, "result": true}));
        }
        if matches!(server, "both" | "json" | "legacy") {
            steps.push(json!({"do": "initialize", "status": 200, "result": true}));
            steps.push(json!({"do": "ready", "status": 202}));
            steps.push(json!({"do": "legacy", "status": 200, "result": true}));
            steps.push(json!({"do": "delete", "status": 200}));
        }
        for mut step in steps {
            step["as"] = "somebody who behaves".into();
            self.step(&case, &step);
        }
    }
}

#[test]
fn a_server_answers_hostile_requests_as_it_should_and_goes_on_serving() {
    // `httpM.order` `httpL.session.notauth` `httpL.origin` `httpM.origin` `httpM.limits`
    let mut wrong = Vec::new();
    for case in cases(CASES) {
        let run = std::panic::catch_unwind(|| {
            let server = case["server"].as_str().expect("a case has a server");
            let mut run = Run::new(server);
            for step in case["steps"].as_array().expect("a case has steps") {
                run.step(name(&case), step);
            }
            run.assert_serves(name(&case), server);
        });
        if run.is_err() {
            wrong.push(name(&case).to_owned());
        }
    }
    assert!(wrong.is_empty(), "{} are wrong: {wrong:#?}", wrong.len());
}

#[test]
fn every_field_of_a_case_is_known() {
    const KNOWN: [&str; 17] = [
        "do", "as", "method", "set", "add", "fill", "body", "json", "tool", "times", "unique",
        "drop", "ready", "status", "code", "result", "lacks",
    ];
    for case in cases(CASES) {
        for step in case["steps"].as_array().expect("a case has steps") {
            for field in step.as_object().expect("a step is an object").keys() {
                assert!(KNOWN.contains(&field.as_str()), "{}: {field}", name(&case));
            }
        }
    }
}
