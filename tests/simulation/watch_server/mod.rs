//! Holds a server session to its own frames: each command writes what it says and nothing else, each
//! frame that comes has the effect that it has by the protocol, once and on what it is about.

mod heard;

pub use heard::{assert_foreign, is_foreign};

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use mcp_proto::model::input::InputRequests;
use mcp_proto::model::logging::LoggingLevel;
use mcp_proto::rpc::RpcError;
use mcp_proto::session::{Change, IncomingId, Request, ServerConfig, ServerEvent};
use mcp_proto::{Instant, Revision, ServerSession, Session};
use serde_json::{Value, json};

use super::clocks::end;
use super::effects::Effects;
use super::end::are_ample;
use super::faithful::json_of;
use super::watch_client::covers;

/// A request of the client's that is open.
struct Open {
    id: Value,
    method: String,
    params: Value,
    revision: Revision,
    /// The most that was reported to whoever wants to know.
    sent: f64,
    /// The last report since it was handed out.
    last: f64,
    /// What a legacy client is still asked for it, by the ids of the requests, and their keys.
    asked: BTreeMap<u64, Asked>,
    /// What the legacy client has answered.
    answers: BTreeMap<String, Value>,
    /// How often the legacy client was asked.
    rounds: usize,
}

/// What a legacy client is asked for.
struct Asked {
    key: String,
    token: Value,
    /// When it is given up.
    ends: Option<Duration>,
}

impl Asked {
    fn is_over(&self, now: Duration) -> bool {
        self.ends.is_some_and(|ends| ends <= now)
    }
}

impl Open {
    fn is_modern(&self) -> bool {
        self.revision == Revision::V2026_07_28
    }

    fn token(&self) -> &Value {
        &self.params["_meta"]["progressToken"]
    }
}

#[derive(Default)]
pub struct ServerWatch {
    open: BTreeMap<IncomingId, Open>,
    /// The last request that the session has written.
    last: u64,
    /// The modern streams, by the ids of their requests, with what they are told of.
    listens: Vec<(Value, Value)>,
    /// What the legacy client has subscribed to.
    uris: BTreeSet<String>,
    level: Option<LoggingLevel>,
    /// How many answers to requests that were given up are still to come.
    given_up: BTreeSet<u64>,
    is_initialized: bool,
    /// What a legacy client will be asked for once it is ready.
    waiting: Vec<(IncomingId, Asked)>,
    /// How long a legacy client's answer may take.
    patience: Option<Duration>,
    revisions: Vec<Revision>,
    is_ample: bool,
    /// The ids of what a client is sent to a URL for.
    pub elicitations: Vec<String>,
    /// How much time has passed.
    pub now: Duration,
}

type Did = Effects<ServerEvent>;

fn params_of(frame: &Value) -> Value {
    frame.get("params").cloned().unwrap_or(json!({}))
}

impl ServerWatch {
    /// Watches a session whose client has so much time to answer.
    pub fn new(patience: Option<Duration>, config: &ServerConfig) -> Self {
        Self {
            patience,
            revisions: config.revisions.clone(),
            is_ample: are_ample(&config.limits),
            ..Self::default()
        }
    }

    fn asks(&self, key: String, frame: &Value) -> Asked {
        Asked {
            key,
            token: frame["params"]["_meta"]["progressToken"].clone(),
            ends: self.patience.and_then(|patience| end(self.now, patience)),
        }
    }

    /// A request was answered with a result, to which a modern session adds what each has.
    pub fn replied(&mut self, request: IncomingId, result: &Value, did: &Did) {
        did.assert_untold("a reply");
        let open = self.open.remove(&request).expect("it was open");
        let frame = did.only_frame("a reply");
        assert_eq!(frame["id"], open.id);
        let mut expected = result.clone();
        if open.is_modern() {
            expected["resultType"] = "complete".into();
            let info = json!({"name": "server", "version": "1"});
            expected["_meta"] = json!({"io.modelcontextprotocol/serverInfo": info});
            if open.method.ends_with("/list") || open.method == "resources/read" {
                expected["ttlMs"] = 0.into();
                expected["cacheScope"] = "private".into();
            }
        }
        assert_eq!(frame["result"], expected, "the result of {}", open.method);
    }

    /// A request was answered with an error.
    pub fn refused(&mut self, request: IncomingId, error: &RpcError, did: &Did) {
        did.assert_untold("a refusal");
        let open = self.open.remove(&request).expect("it was open");
        // What has no code of its own in a revision.
        let code = match error.code {
            -32_002 if open.is_modern() => -32_602,
            -32_021 if !open.is_modern() => -32_600,
            code => code,
        };
        let data = error.data.as_ref().map(json_of);
        let mut error = json!({"code": code, "message": &*error.message});
        if let Some(data) = data {
            error["data"] = data;
        }
        let expected = json!({"jsonrpc": "2.0", "id": open.id, "error": error});
        assert_eq!(*did.only_frame("a refusal"), expected);
    }

    /// The client was asked for something.
    pub fn asked(
        &mut self,
        request: IncomingId,
        requests: &InputRequests<'_>,
        state: Option<&str>,
        did: &Did,
    ) {
        let mut wanted = serde_json::Map::new();
        for (key, asked) in requests.iter() {
            let params = asked.params.as_ref().map_or(json!({}), json_of);
            let asked = json!({"method": &*asked.method, "params": params});
            wanted.insert(key.to_string(), asked);
        }
        let open = self.open.get_mut(&request).expect("it is open");
        if open.is_modern() {
            did.assert_untold("a round");
            let frame = did.only_frame("a round");
            assert_eq!(frame["id"], open.id);
            let result = &frame["result"];
            assert_eq!(result["resultType"], "input_required");
            let asked = result["inputRequests"].as_object().cloned();
            assert_eq!(asked.unwrap_or_default(), wanted);
            assert_eq!(result["requestState"].as_str(), state);
            self.open.remove(&request);
            return;
        }
        open.answers.clear();
        open.rounds += 1;
        if wanted.is_empty() {
            did.assert_silent("a round without questions");
            let told = did.only_event("a round without questions");
            assert!(matches!(told, ServerEvent::Request(again) if again.id == request));
            open.last = f64::NEG_INFINITY;
            return;
        }
        did.assert_untold("a round");
        if !self.is_initialized {
            for key in wanted.keys() {
                let asked = self.asks(key.clone(), &Value::Null);
                self.waiting.push((request, asked));
            }
            return did.assert_silent("a client that hasn't said it is ready");
        }
        assert_eq!(did.frames.len(), wanted.len(), "each is asked once");
        let mut asks = Vec::new();
        for (frame, (key, asked)) in did.frames.iter().zip(&wanted) {
            let mut sent = params_of(frame);
            // 2025-11-25 wants each URL to have an id, and older revisions no mode.
            for added in ["elicitationId", "mode"] {
                if asked["params"].get(added).is_none() {
                    sent.as_object_mut().expect("an object").remove(added);
                }
            }
            let mut params = asked["params"].clone();
            if sent.get("mode").is_none() {
                params.as_object_mut().expect("an object").remove("mode");
            }
            assert_eq!((&frame["method"], sent), (&asked["method"], params));
            let id = frame["id"].as_u64().expect("a number");
            assert!(id > self.last, "{id} is used again");
            self.last = id;
            asks.push((id, key.clone(), frame));
        }
        for (id, key, frame) in asks {
            let elicitation = frame["params"]["elicitationId"].as_str();
            self.elicitations.extend(elicitation.map(str::to_owned));
            let asked = self.asks(key, frame);
            let open = self.open.get_mut(&request).expect("it is open");
            open.asked.insert(id, asked);
        }
    }

    /// The user has told how far a request is, while there was room for it or not.
    pub fn told(
        &mut self,
        request: IncomingId,
        progress: f64,
        message: &str,
        has_room: bool,
        did: &Did,
    ) {
        did.assert_untold("progress");
        let open = self.open.get_mut(&request).expect("it is open");
        assert!(progress > open.last, "progress goes back");
        open.last = progress;
        let token = open.token();
        if token.is_null() || progress <= open.sent {
            return did.assert_silent("progress that is no news");
        }
        if did.frames.is_empty() && !has_room {
            return;
        }
        let whole = progress as u64;
        let mut params = json!({"progressToken": token, "progress": whole, "total": 8});
        if open.revision > Revision::V2024_11_05 {
            params["message"] = message.into();
        }
        let method = "notifications/progress";
        let expected = json!({"jsonrpc": "2.0", "method": method, "params": params});
        assert_eq!(*did.only_frame("progress"), expected);
        open.sent = progress;
    }

    /// Something was logged, and was sent or not.
    pub fn logged(
        &self,
        (request, level): (Option<IncomingId>, LoggingLevel),
        data: &str,
        may_be_full: bool,
        session: &ServerSession,
        did: &Did,
    ) {
        did.assert_untold("a log message");
        let open = request.and_then(|request| self.open.get(&request));
        let least = match open {
            Some(open) if open.is_modern() => {
                let level = &open.params["_meta"]["io.modelcontextprotocol/logLevel"];
                level.as_str().and_then(LoggingLevel::from_wire)
            }
            None if session.legacy_revision().is_none() => None,
            _ => Some(self.level.unwrap_or(LoggingLevel::Info)),
        };
        let may = least.is_some_and(|least| level >= least);
        if may_be_full || !may {
            return did.assert_silent("what isn't logged");
        }
        let params = json!({"level": level.as_str(), "data": data});
        let method = "notifications/message";
        let expected = json!({"jsonrpc": "2.0", "method": method, "params": params});
        assert_eq!(*did.only_frame("a log message"), expected);
    }

    /// Clients were told of a change: the legacy one of each list and of what it subscribed to, streams
    /// of what they asked for.
    pub fn changed(&self, change: Change, uri: &str, session: &ServerSession, did: &Did) {
        did.assert_untold("a change");
        let (method, member) = match change {
            Change::Tools => ("notifications/tools/list_changed", "toolsListChanged"),
            Change::Prompts => ("notifications/prompts/list_changed", "promptsListChanged"),
            Change::Resources => (
                "notifications/resources/list_changed",
                "resourcesListChanged",
            ),
            _ => ("notifications/resources/updated", "resourceSubscriptions"),
        };
        let mut params = json!({});
        if !uri.is_empty() {
            params["uri"] = uri.into();
        }
        let mut expected = Vec::new();
        let is_legacy = session.legacy_revision().is_some() && self.is_initialized;
        if is_legacy && (uri.is_empty() || self.uris.iter().any(|named| covers(named, uri))) {
            expected.push(params.clone());
        }
        for (id, honoured) in &self.listens {
            let wanted = &honoured[member];
            let named = wanted.as_array().into_iter().flatten();
            let mut named = named.filter_map(Value::as_str);
            if *wanted == true || named.any(|named| covers(named, uri)) {
                params["_meta"] = json!({"io.modelcontextprotocol/subscriptionId": id});
                expected.push(params.clone());
            }
        }
        let is_it = |frame: &Value| frame["method"] == method;
        assert!(
            did.frames.iter().all(is_it),
            "{:?} for {method}",
            did.frames
        );
        let sent: Vec<Value> = did.frames.iter().map(params_of).collect();
        assert_eq!(sent, expected, "who is told of {method}");
    }

    /// All streams were ended: each is taken back and answered.
    pub fn ended_subscriptions(&mut self, did: &Did) {
        let ended = std::mem::take(&mut self.listens);
        assert_eq!(did.frames.len(), 2 * ended.len());
        for ((id, _), frames) in ended.iter().zip(did.frames.chunks(2)) {
            let tag = json!({"io.modelcontextprotocol/subscriptionId": id});
            let params = json!({"requestId": id, "_meta": tag});
            assert_eq!(frames[0]["method"], "notifications/cancelled");
            assert_eq!(frames[0]["params"], params);
            assert_eq!(frames[1]["id"], *id);
            let result = &frames[1]["result"];
            assert_eq!(result["resultType"], "complete");
            assert_eq!(
                result["_meta"]["io.modelcontextprotocol/subscriptionId"],
                *id
            );
            let info = &result["_meta"]["io.modelcontextprotocol/serverInfo"];
            assert_eq!(info["name"], "server");
        }
        let is_right = |event: &ServerEvent| matches!(event, ServerEvent::Unsubscribed { .. });
        assert!(did.events.iter().all(is_right), "{:?}", did.events);
    }

    /// Time has passed: a legacy client has been given up on, of which it was told.
    pub fn waited(&mut self, did: &Did) {
        for frame in &did.frames {
            assert_eq!(frame["method"], "notifications/cancelled");
            assert_eq!(frame["params"]["reason"], "timed out");
            let id = frame["params"]["requestId"].as_u64().expect("a number");
            let open = self
                .open
                .values_mut()
                .find(|open| open.asked.contains_key(&id));
            let open = open.expect("what is given up was asked for");
            let asked = open.asked.remove(&id).expect("it was found");
            assert!(asked.is_over(self.now), "given up before {:?}", asked.ends);
            let key = asked.key;
            let error = json!({"error": -32_603});
            open.answers.insert(key, error);
            self.given_up.insert(id);
        }
        for (request, asked) in &self.waiting {
            if asked.is_over(self.now) {
                let open = self.open.get_mut(request).expect("it is open");
                let error = json!({"error": -32_603});
                open.answers.insert(asked.key.clone(), error);
            }
        }
        self.waiting.retain(|(_, asked)| !asked.is_over(self.now));
        for event in &did.events {
            let ServerEvent::Request(again) = event else {
                panic!("{event:?} by the time alone");
            };
            self.came_again(again);
        }
        let mut asked = self.open.values().flat_map(|open| open.asked.values());
        assert!(
            asked.all(|asked| !asked.is_over(self.now)),
            "nobody gave it up"
        );
    }

    /// Nothing happens any more before the next deadline, of which the session knows.
    pub fn assert_in_time(&self, session: &ServerSession, now: Instant) {
        assert_eq!(session.is_initialized(), self.is_initialized);
        for (request, open) in &self.open {
            let rounds = session.round(*request);
            assert!(
                rounds.is_none_or(|rounds| rounds == open.rounds),
                "{rounds:?} rounds"
            );
        }
        let asked = self.open.values().flat_map(|open| open.asked.values());
        if let Some(next) = asked.filter_map(|asked| asked.ends).min() {
            let due = session.poll_timeout().expect("an answer has a deadline");
            let left = next - self.now;
            assert!(due - now <= left, "{left:?} are left, but {due} is next");
        }
    }

    /// A request comes again, with all that was asked for.
    fn came_again(&mut self, again: &Request) {
        let open = self.open.get_mut(&again.id).expect("it was open");
        assert!(open.asked.is_empty(), "not all is answered");
        assert_eq!(
            (again.method(), again.revision),
            (&*open.method, open.revision)
        );
        assert_eq!(json_of(&again.raw_params()), open.params);
        for (key, answer) in &open.answers {
            match again.raw_input(key).expect("it was asked for") {
                Ok(given) => assert_eq!(json_of(&given), *answer),
                Err(error) if answer["error"] == error.code => {}
                // There may be no memory for it.
                Err(error) => {
                    let is_for_memory = error.message.contains("bytes held");
                    assert!(is_for_memory && !self.is_ample, "{error} for {answer}");
                }
            }
        }
        open.last = f64::NEG_INFINITY;
    }
}
