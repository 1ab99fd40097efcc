//! Holds a server session to its own frames: each command writes what it says and nothing else, each
//! frame that comes has the effect that it has by the protocol, once and on what it is about.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use mcp_proto::model::input::InputRequests;
use mcp_proto::model::logging::LoggingLevel;
use mcp_proto::model::method::{
    Discover, Initialize, Method, Sender, SetLevel, SpecMethod, Subscribe, SubscriptionsListen,
    Unsubscribe,
};
use mcp_proto::rpc::RpcError;
use mcp_proto::session::{Change, Ignored, IncomingId, Request, ServerConfig, ServerEvent};
use mcp_proto::{Instant, Revision, ServerSession, Session};
use serde_json::{Value, json};

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
            ends: self
                .patience
                .and_then(|patience| self.now.checked_add(patience)),
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
                // There may be no memory for it.
                Err(error) if error.message.contains("bytes held") => assert!(!self.is_ample),
                Err(error) => assert_eq!(answer["error"], error.code),
            }
        }
        open.last = f64::NEG_INFINITY;
    }

    /// A frame has come.
    pub fn heard(&mut self, frame: &Value, session: &ServerSession, did: &Did) {
        let is_refused = |event: &ServerEvent| {
            matches!(event, ServerEvent::Ignored(Ignored::NotAMessage { .. }))
        };
        if did.events.iter().any(is_refused) {
            // A limit that is out of all proportion.
            did.only_event("what is no message");
            return;
        }
        match (frame.get("method").and_then(Value::as_str), frame.get("id")) {
            (Some(method), Some(id)) => self.requested(frame, method, id, session, did),
            (Some(method), None) => self.notified(frame, method, did),
            (None, id) => self.answered(frame, id.and_then(Value::as_u64), did),
        }
    }

    fn requested(
        &mut self,
        frame: &Value,
        method: &str,
        id: &Value,
        session: &ServerSession,
        did: &Did,
    ) {
        let params = params_of(frame);
        if let [ServerEvent::Request(request)] = &did.events[..] {
            did.assert_silent("a request for the user");
            assert_eq!(request.method(), method);
            assert_eq!(json_of(&request.raw_params()), params);
            let token = &params["_meta"]["progressToken"];
            assert_eq!(request.wants_progress(), !token.is_null());
            let open = Open {
                id: id.clone(),
                method: method.to_owned(),
                params,
                revision: request.revision,
                sent: f64::NEG_INFINITY,
                last: f64::NEG_INFINITY,
                asked: BTreeMap::new(),
                answers: BTreeMap::new(),
                rounds: 0,
            };
            assert!(self.open.insert(request.id, open).is_none());
            return;
        }
        if method == SubscriptionsListen::NAME && did.frames[0].get("method").is_some() {
            let ack = did.only_frame("a stream");
            assert_eq!(ack["method"], "notifications/subscriptions/acknowledged");
            let tag = &ack["params"]["_meta"]["io.modelcontextprotocol/subscriptionId"];
            assert_eq!(tag, id);
            let honoured = ack["params"]["notifications"].clone();
            self.listens.push((id.clone(), honoured));
            return;
        }
        let answer = did.only_frame("a request that the user doesn't hear of");
        assert_eq!(answer["id"], *id, "{answer} to {frame}");
        let Some(result) = answer.get("result") else {
            self.assert_right_to_refuse(method, &answer["error"], session);
            let code = &answer["error"]["code"];
            let is_known = [-32_600, -32_601, -32_602, -32_603, -32_022, -32_021];
            let code = code.as_i64().expect("a number");
            assert!(
                is_known.contains(&code) || code > -32_000,
                "{answer} to {frame}"
            );
            return did.assert_untold("a refusal");
        };
        let uri = params["uri"].as_str().unwrap_or_default();
        match (method, &did.events[..]) {
            (Initialize::NAME, [ServerEvent::Opened { revision }]) => {
                self.assert_negotiated(&params["protocolVersion"], *revision);
                assert_eq!(session.legacy_revision(), Some(*revision));
                assert_eq!(result["protocolVersion"], revision.as_str());
                let info = json!({"name": "server", "version": "1"});
                assert_eq!(result["serverInfo"], info);
            }
            (Discover::NAME, []) => {
                assert_eq!(result["supportedVersions"], json!(["2026-07-28"]));
                assert_eq!(result["resultType"], "complete");
            }
            ("ping", []) => assert_eq!(*result, json!({})),
            (SetLevel::NAME, []) => {
                assert_eq!(*result, json!({}));
                let level = params["level"].as_str().and_then(LoggingLevel::from_wire);
                self.level = level;
                assert_eq!(session.client_log_level(), level);
            }
            (Subscribe::NAME, events) => {
                assert_eq!(*result, json!({}));
                let is_new = self.uris.insert(uri.to_owned());
                let told = events.iter().any(
                    |event| matches!(event, ServerEvent::Subscribed { uri: told } if **told == *uri),
                );
                assert_eq!((events.len(), told), (usize::from(is_new), is_new));
            }
            (Unsubscribe::NAME, events) => {
                assert_eq!(*result, json!({}));
                let was = self.uris.remove(uri);
                let told = events.iter().any(
                    |event| matches!(event, ServerEvent::Unsubscribed { uri: told } if **told == *uri),
                );
                assert_eq!((events.len(), told), (usize::from(was), was));
            }
            (method, events) => panic!("{events:?} for {method}, answered with {answer}"),
        }
    }

    /// A server without tight limits refuses what it doesn't offer, and to open in another way than it can.
    fn assert_right_to_refuse(&self, method: &str, error: &Value, session: &ServerSession) {
        if !self.is_ample {
            return;
        }
        let speaks_legacy = self
            .revisions
            .iter()
            .any(|own| *own < Revision::V2026_07_28);
        let is_right = match method {
            Initialize::NAME => !speaks_legacy,
            Discover::NAME => !self.revisions.contains(&Revision::V2026_07_28),
            "ping" => false,
            _ if method.starts_with("tools/") || method.starts_with("logging/") => false,
            _ => error["code"] == -32_601,
        };
        let agreed = session.legacy_revision();
        // A client that assumes a modern server meets one that speaks no word of that.
        let is_right =
            is_right || agreed.is_none() && !self.revisions.contains(&Revision::V2026_07_28);
        assert!(is_right, "{method} is refused with {error}, {agreed:?}");
    }

    /// The revision that was asked for is agreed on, or the newest that there is.
    fn assert_negotiated(&self, asked: &Value, agreed: Revision) {
        let legacy = self.revisions.iter().copied();
        let legacy = legacy.filter(|own| *own < Revision::V2026_07_28);
        let wanted = legacy.clone().find(|own| own.as_str() == *asked);
        assert_eq!(Some(agreed), wanted.or(legacy.max()));
    }

    fn notified(&mut self, frame: &Value, method: &str, did: &Did) {
        let params = params_of(frame);
        match method {
            "notifications/initialized" => {
                did.assert_untold("a client that is ready");
                self.is_initialized = true;
                self.asked_late(did);
            }
            "notifications/cancelled" => self.taken_back(&params, did),
            "notifications/roots/list_changed" => {
                did.assert_silent("a notification");
                let told = did.only_event("a change of roots");
                assert!(matches!(told, ServerEvent::RootsChanged), "{told:?}");
            }
            "notifications/progress" => {
                did.assert_silent("a notification");
                match did.only_event("progress") {
                    ServerEvent::Notification(told) => {
                        assert_eq!(json_of(&told.raw_params()), params);
                        assert_eq!(told.method().to_string(), method);
                    }
                    ServerEvent::Ignored(Ignored::Notification(_)) => {
                        let token = &params["progressToken"];
                        let mut asked = self.open.values().flat_map(|open| open.asked.values());
                        assert!(
                            asked.all(|asked| asked.token != *token),
                            "progress of what is asked for is lost"
                        );
                    }
                    other => panic!("{other:?} for {frame}"),
                }
            }
            other => panic!("nobody sends {other}"),
        }
    }

    /// What had to wait for the client to be ready is asked now.
    fn asked_late(&mut self, did: &Did) {
        for frame in &did.frames {
            let id = frame["id"].as_u64().expect("a request");
            assert!(id > self.last, "{id} is used again");
            self.last = id;
        }
        assert_eq!(did.frames.len(), self.waiting.len(), "each is asked once");
        let waiting = std::mem::take(&mut self.waiting);
        for (frame, (request, asked)) in did.frames.iter().zip(waiting) {
            let asked = self.asks(asked.key, frame);
            let open = self.open.get_mut(&request).expect("it is open");
            let id = frame["id"].as_u64().expect("a number");
            open.asked.insert(id, asked);
        }
    }

    /// The client takes a request back, or ends a stream.
    fn taken_back(&mut self, params: &Value, did: &Did) {
        let id = &params["requestId"];
        if let Some(at) = self.listens.iter().position(|(listen, _)| listen == id) {
            self.listens.remove(at);
            did.assert_silent("the end of a stream");
            return;
        }
        let open = self.open.iter().find(|(_, open)| open.id == *id);
        let Some(request) = open.map(|(request, _)| *request) else {
            did.assert_silent("a cancellation that comes late");
            let told = did.only_event("a cancellation that comes late");
            assert!(matches!(
                told,
                ServerEvent::Ignored(Ignored::Notification(_))
            ));
            return;
        };
        let open = self.open.remove(&request).expect("it was found");
        self.waiting.retain(|(waiting, _)| *waiting != request);
        match did.only_event("a cancellation") {
            ServerEvent::Cancelled {
                request: told,
                reason,
            } => {
                assert_eq!(*told, request);
                let said = params["reason"].as_str();
                let is_cut = reason.as_deref() == Some("") && said.is_some();
                assert!(
                    is_cut || reason.as_deref() == said,
                    "{reason:?} for {params}"
                );
            }
            other => panic!("{other:?} when a request is taken back"),
        }
        assert_eq!(
            did.frames.len(),
            open.asked.len(),
            "what was asked is taken back"
        );
        for (frame, id) in did.frames.iter().zip(open.asked.keys()) {
            assert_eq!(frame["method"], "notifications/cancelled");
            assert_eq!(frame["params"]["requestId"], *id);
            assert_eq!(frame["params"]["reason"], "no longer needed");
            self.given_up.insert(*id);
        }
    }

    /// A legacy client answers what it was asked for.
    fn answered(&mut self, frame: &Value, id: Option<u64>, did: &Did) {
        did.assert_silent("an answer");
        let open = id.and_then(|id| {
            let mut open = self.open.iter_mut();
            open.find_map(|(request, open)| Some((*request, open.asked.remove(&id)?)))
        });
        let Some((request, Asked { key, .. })) = open else {
            let told = did.only_event("an answer to nothing");
            assert!(
                matches!(told, ServerEvent::Ignored(Ignored::Response(_))),
                "{told:?}"
            );
            assert!(
                id.is_some_and(|id| self.given_up.remove(&id)),
                "{frame} is lost"
            );
            return;
        };
        let open = self.open.get_mut(&request).expect("it was found");
        let error = || json!({"error": frame["error"]["code"]});
        let answer = frame.get("result").cloned().unwrap_or_else(error);
        open.answers.insert(key, answer);
        if !open.asked.is_empty() {
            return did.assert_untold("an answer that isn't the last one");
        }
        let ServerEvent::Request(again) = did.only_event("the last answer") else {
            panic!("{:?} for the last answer", did.events);
        };
        assert_eq!(again.id, request);
        self.came_again(again);
    }
}

/// What no client may send is refused and never handed to the user: a method of no revision, or one that
/// clients of this revision haven't got. Of what is a notification, the user of an extension hears.
pub fn assert_foreign(frame: &Value, did: &Did) {
    let is_request = frame.get("id").is_some();
    let told = did
        .events
        .iter()
        .any(|event| matches!(event, ServerEvent::Request(_)));
    assert!(!told, "{frame} was handed out");
    if is_request {
        let answer = did.only_frame("a foreign request");
        assert!(answer.get("error").is_some(), "{answer} to {frame}");
    } else {
        let told = did.only_event("a foreign notification");
        let is_known = frame["method"] != "x/unknown";
        assert_eq!(
            matches!(told, ServerEvent::Notification(_)),
            !is_known,
            "{told:?}"
        );
    }
}

/// Whether a message is a client's that no client may send, as far as it says so by itself.
pub fn is_foreign(frame: &Value, session: &ServerSession) -> bool {
    let Some(method) = frame["method"]
        .as_str()
        .filter(|_| frame["jsonrpc"] == "2.0")
    else {
        return false;
    };
    let meta = &frame["params"]["_meta"];
    let is_modern = !meta["io.modelcontextprotocol/protocolVersion"].is_null();
    let agreed = session.legacy_revision().filter(|_| !is_modern);
    let known = SpecMethod::from_wire(method);
    match (known, frame.get("id").is_some()) {
        (None, _) => method == "x/unknown",
        (Some(known), true) => agreed.is_some_and(|revision| {
            let sender = known.sent_by(revision);
            known.is_notification() || !matches!(sender, Some(Sender::Client | Sender::Both))
        }),
        _ => false,
    }
}
