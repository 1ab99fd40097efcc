//! Holds a client session to its own frames: each command writes what it says and nothing else, each
//! frame that comes has the effect that it has by the protocol, once and on what it is about.

mod heard;

use std::collections::{BTreeMap, BTreeSet};

use mcp_proto::model::logging::LoggingLevel;
use mcp_proto::model::method::{
    Discover, Initialize, Method, Subscribe, SubscriptionsListen, Unsubscribe,
};
use mcp_proto::model::subscription::SubscriptionFilter;
use mcp_proto::rpc::RpcError;
use mcp_proto::session::{CallError, CallId, ClientEvent, InputId, SubscriptionId};
use mcp_proto::{ClientSession, Instant, Revision, Session};
use serde_json::{Map, Value, json};

use super::clocks::Clocks;
use super::effects::{Effects, waiting};

/// A request of the client's.
struct Request {
    method: String,
    params: Value,
    /// The user's call that it is for.
    call: Option<CallId>,
    is_open: bool,
}

/// What the user is asked for.
struct Input {
    /// The id of a legacy server's request, and by which token it wants to hear of progress.
    request: Option<(Value, Value)>,
    /// The call whose round it belongs to, and under which key.
    round: Option<(CallId, String)>,
    told: f64,
}

/// A round of input of a call: the answers so far, and the state.
#[derive(Default)]
struct Round {
    asked: usize,
    answers: Map<String, Value>,
    state: Value,
}

/// A subscription of the user's.
struct Subscription {
    filter: SubscriptionFilter<'static>,
    is_confirmed: bool,
}

#[derive(Default)]
pub struct ClientWatch {
    requests: BTreeMap<u64, Request>,
    inputs: BTreeMap<InputId, Input>,
    rounds: BTreeMap<CallId, Round>,
    subscriptions: BTreeMap<SubscriptionId, Subscription>,
    level: Option<LoggingLevel>,
    pub clocks: Clocks,
    /// What the user is to be told is done, by the ids of elicitations.
    elicitations: BTreeSet<String>,
}

type Did = Effects<ClientEvent>;

/// What is left of the params without `_meta`, and that.
fn without_meta(frame: &Value) -> (Value, Value) {
    let mut params = frame.get("params").cloned().unwrap_or(json!({}));
    let members = params.as_object_mut().expect("params are an object");
    let meta = members.remove("_meta").unwrap_or(json!({}));
    (params, meta)
}

fn number(id: &Value) -> Option<u64> {
    id.as_u64()
}

impl ClientWatch {
    /// Watches a session that may be open already.
    pub fn new(session: &ClientSession) -> Self {
        let mut watch = Self::default();
        watch.wrote(&waiting(session));
        watch.subscribed_by_opening(session);
        watch
    }

    /// Takes note of the subscriptions of the configuration, which begin when the session opens.
    fn subscribed_by_opening(&mut self, session: &ClientSession) {
        for (subscription, filter) in session.subscriptions() {
            let is_confirmed = false;
            let open = Subscription {
                filter,
                is_confirmed,
            };
            self.subscriptions.insert(subscription, open);
        }
    }

    /// Takes note of what was written, which has to be good by itself.
    pub fn wrote(&mut self, frames: &[Value]) {
        for frame in frames {
            let id = number(&frame["id"]);
            match (frame["method"].as_str(), id) {
                (Some(method), Some(id)) if frame.get("id").is_some() => {
                    let last = self.requests.keys().next_back();
                    assert!(last.is_none_or(|last| *last < id), "{id} is used again");
                    let request = Request {
                        method: method.to_owned(),
                        params: without_meta(frame).0,
                        call: None,
                        is_open: true,
                    };
                    self.requests.insert(id, request);
                }
                (Some("notifications/cancelled"), _) => {
                    let id = number(&frame["params"]["requestId"]).expect("a request of its own");
                    let request = self.requests.get_mut(&id).expect("it was sent");
                    assert!(request.is_open, "{id} was over before it was taken back");
                    request.is_open = false;
                }
                _ => {}
            }
        }
    }

    /// Whether a call's answer is to come, and by which request.
    pub fn awaited(&self, call: CallId) -> Option<u64> {
        let of_call = |request: &&Request| request.call == Some(call) && request.is_open;
        let found = self.requests.iter().find(|(_, request)| of_call(request));
        found.map(|(id, _)| *id)
    }

    /// A call was made.
    pub fn called(
        &mut self,
        call: CallId,
        (method, params): (&str, &Value),
        wants_progress: bool,
        session: &ClientSession,
        did: &Did,
    ) {
        did.assert_untold("a call");
        let frame = did.only_frame("a call");
        let revision = session.revision().expect("it is open");
        let is_modern = revision == Revision::V2026_07_28;
        let method = match method {
            "ping" if is_modern => Discover::NAME,
            method => method,
        };
        assert_eq!(frame["method"], method);
        let (sent, meta) = without_meta(frame);
        assert_eq!(sent, *params, "the params of {method}");
        let id = number(&frame["id"]).expect("a number");
        let mut expected = json!({});
        if is_modern {
            let capabilities = &meta["io.modelcontextprotocol/clientCapabilities"];
            let can = session.capabilities();
            assert_eq!(
                capabilities.get("sampling").is_some(),
                can.sampling.is_some()
            );
            assert_eq!(capabilities.get("roots").is_some(), can.roots.is_some());
            expected = json!({
                "io.modelcontextprotocol/protocolVersion": revision.as_str(),
                "io.modelcontextprotocol/clientInfo": {"name": "client", "version": "1"},
                "io.modelcontextprotocol/clientCapabilities": capabilities,
            });
            if let Some(level) = self.level {
                expected["io.modelcontextprotocol/logLevel"] = level.as_str().into();
            }
        }
        if wants_progress {
            expected["progressToken"] = id.into();
        }
        assert_eq!(meta, expected, "what {method} says of itself");
        self.requests.get_mut(&id).expect("it was noted").call = Some(call);
    }

    /// A level was set, by the call of this id.
    pub fn level_set(
        &mut self,
        call: CallId,
        level: LoggingLevel,
        session: &ClientSession,
        did: &Did,
    ) {
        if session.revision() == Some(Revision::V2026_07_28) {
            did.assert_silent("a level of the modern era");
            self.level = Some(level);
            let ClientEvent::Completed(done) = did.only_event("a level") else {
                panic!("{:?} instead of the end of a call", did.events);
            };
            assert_eq!(done.call, call);
            assert!(done.raw().is_ok_and(|result| result.as_str() == "{}"));
            return;
        }
        let params = json!({"level": level.as_str()});
        self.called(call, ("logging/setLevel", &params), false, session, did);
    }

    /// A call that ended before its answer: its end is told, and what was asked for it is withdrawn.
    fn ended(
        &mut self,
        call: CallId,
        events: &[ClientEvent],
        is_right: impl Fn(&CallError) -> bool,
    ) {
        let asked = self.inputs.iter().filter(|(_, input)| {
            input
                .round
                .as_ref()
                .is_some_and(|(other, _)| *other == call)
        });
        let asked: Vec<InputId> = asked.map(|(input, _)| *input).collect();
        self.rounds.remove(&call);
        let mut withdrawn = Vec::new();
        let mut ends = 0;
        for event in events {
            match event {
                ClientEvent::InputWithdrawn(input) => withdrawn.push(*input),
                ClientEvent::Completed(done) => {
                    assert_eq!(done.call, call);
                    let is_right = done.raw().is_err_and(&is_right);
                    assert!(is_right, "{done:?}");
                    ends += 1;
                }
                other => panic!("{other:?} with the end of a call"),
            }
        }
        assert_eq!((withdrawn, ends), (asked.clone(), 1));
        self.clocks.end(call);
        self.inputs.retain(|input, _| !asked.contains(input));
    }

    /// A call was cancelled.
    pub fn cancelled(&mut self, call: CallId, awaited: Option<u64>, reason: &str, did: &Did) {
        match awaited {
            Some(id) => {
                let frame = did.only_frame("a cancellation");
                assert_eq!(frame["method"], "notifications/cancelled");
                let params = json!({"requestId": id, "reason": reason});
                assert_eq!(without_meta(frame).0, params);
            }
            None => did.assert_silent("a cancellation of what the server doesn't work on"),
        }
        self.ended(call, &did.events, |error| *error == CallError::Cancelled);
    }

    /// An input was answered.
    pub fn answered(&mut self, input: InputId, result: &Value, did: &Did) {
        did.assert_untold("an answer");
        let input = self.inputs.remove(&input).expect("it was open");
        if let Some((id, _)) = input.request {
            let expected = json!({"jsonrpc": "2.0", "id": id, "result": result});
            assert_eq!(*did.only_frame("an answer"), expected);
            return self.owe();
        }
        let (call, key) = input.round.expect("it is of a round");
        let round = self.rounds.get_mut(&call).expect("it is open");
        round.answers.insert(key, result.clone());
        if round.answers.len() < round.asked {
            return did.assert_silent("an answer that isn't the last one");
        }
        self.sent_again(call, did.only_frame("the last answer"));
    }

    /// A call goes out again with the answers of its round.
    fn sent_again(&mut self, call: CallId, frame: &Value) {
        let round = self.rounds.remove(&call).expect("it was open");
        let of_call = |request: &&Request| request.call == Some(call);
        let before = self.requests.values().rfind(of_call).expect("it was sent");
        assert_eq!(frame["method"], *before.method);
        let mut params = before.params.clone();
        let members = params.as_object_mut().expect("an object");
        members.remove("inputResponses");
        members.remove("requestState");
        if round.asked > 0 {
            members.insert("inputResponses".into(), round.answers.into());
        }
        if !round.state.is_null() {
            members.insert("requestState".into(), round.state);
        }
        assert_eq!(without_meta(frame).0, params, "what goes out again");
        let meta = &frame["params"]["_meta"];
        assert!(meta["io.modelcontextprotocol/protocolVersion"].is_string());
        let id = number(&frame["id"]).expect("a number");
        self.requests.get_mut(&id).expect("it was noted").call = Some(call);
        self.clocks.restart(call, true);
    }

    /// A legacy server waits for the user, or doesn't any more.
    fn owe(&mut self) {
        let owes = self.inputs.values().any(|input| input.request.is_some());
        self.clocks.owe(owes);
    }

    /// An input was declined.
    pub fn declined(&mut self, input: InputId, error: &RpcError, did: &Did) {
        let input = self.inputs.remove(&input).expect("it was open");
        if let Some((id, _)) = input.request {
            did.assert_untold("a refusal");
            let error = json!({"code": error.code, "message": &*error.message});
            let expected = json!({"jsonrpc": "2.0", "id": id, "error": error});
            assert_eq!(*did.only_frame("a refusal"), expected);
            return self.owe();
        }
        let (call, _) = input.round.expect("it is of a round");
        did.assert_silent("a refusal of the modern era");
        let refused = CallError::InputRefused(error.clone());
        self.ended(call, &did.events, |error| *error == refused);
    }

    /// The user has told how far an input is.
    pub fn told(&mut self, input: InputId, progress: f64, has_room: bool, did: &Did) {
        did.assert_untold("progress");
        let input = self.inputs.get_mut(&input).expect("it is open");
        assert!(progress > input.told, "progress went back");
        input.told = progress;
        let token = input.request.as_ref().map(|(_, token)| token);
        let Some(token) = token.filter(|token| !token.is_null()) else {
            return did.assert_silent("progress that nobody wants");
        };
        if did.frames.is_empty() && !has_room {
            return;
        }
        let frame = did.only_frame("progress");
        assert_eq!(frame["method"], "notifications/progress");
        let progress = progress as u64;
        let params = json!({"progressToken": token, "progress": progress, "total": 4});
        assert_eq!(without_meta(frame).0, params);
    }

    /// A notification without params was sent, to a legacy server.
    pub fn notified(&self, method: &str, session: &ClientSession, did: &Did) {
        did.assert_untold("a notification");
        if session.revision() == Some(Revision::V2026_07_28) {
            return did.assert_silent("a notification that the modern era hasn't got");
        }
        let expected = json!({"jsonrpc": "2.0", "method": method});
        assert_eq!(*did.only_frame("a notification"), expected);
    }

    /// A subscription was begun. What a legacy server is asked for, and what it was asked for before,
    /// makes up all that is in the filter.
    pub fn subscribed(
        &mut self,
        subscription: SubscriptionId,
        filter: &SubscriptionFilter<'static>,
        session: &ClientSession,
        did: &Did,
    ) {
        let wanted = uris(filter);
        let is_confirmed = !did.events.is_empty();
        if session.revision() == Some(Revision::V2026_07_28) {
            let frame = did.only_frame("a subscription");
            assert_eq!(frame["method"], SubscriptionsListen::NAME);
            let notifications = serde_json::to_value(filter).expect("JSON");
            assert_eq!(
                without_meta(frame).0,
                json!({"notifications": notifications})
            );
            did.assert_untold("a subscription");
        } else {
            let held = self.subscriptions.values();
            let held: Vec<&str> = held.flat_map(|open| uris(&open.filter)).collect();
            let new = wanted.iter().filter(|uri| !held.contains(*uri));
            let expected: Vec<Value> = new.map(|uri| json!({"uri": uri})).collect();
            let asked = did.frames.iter().map(|frame| without_meta(frame).0);
            assert_eq!(asked.collect::<Vec<_>>(), expected, "what is subscribed to");
            let is_asked = |frame: &Value| frame["method"] == Subscribe::NAME;
            assert!(did.frames.iter().all(is_asked));
            assert!(wanted.is_empty() <= is_confirmed, "it waits for nothing");
            assert!(
                expected.is_empty() || !is_confirmed,
                "it isn't answered yet"
            );
        }
        let filter = filter.clone();
        let open = Subscription {
            filter,
            is_confirmed,
        };
        self.subscriptions.insert(subscription, open);
    }

    /// A subscription was ended by its user.
    pub fn unsubscribed(
        &mut self,
        subscription: SubscriptionId,
        session: &ClientSession,
        did: &Did,
    ) {
        let open = self.subscriptions.remove(&subscription);
        did.assert_untold("the end of a subscription");
        if session.revision() == Some(Revision::V2026_07_28) {
            let frame = did.only_frame("the end of a subscription");
            assert_eq!(frame["method"], "notifications/cancelled");
            return;
        }
        let Some(open) = open else { return };
        let held = self.subscriptions.values();
        let held: Vec<&str> = held.flat_map(|open| uris(&open.filter)).collect();
        let gone = uris(&open.filter);
        let gone = gone.iter().filter(|uri| !held.contains(*uri));
        let expected: Vec<Value> = gone.map(|uri| json!({"uri": uri})).collect();
        let sent = did.frames.iter().map(|frame| without_meta(frame).0);
        assert_eq!(sent.collect::<Vec<_>>(), expected, "what is given back");
        let is_end = |frame: &Value| frame["method"] == Unsubscribe::NAME;
        assert!(did.frames.iter().all(is_end));
    }

    /// Time has passed: calls may have ended by that, each of which the server was told.
    pub fn waited(&mut self, did: &Did) {
        for event in &did.events {
            match event {
                ClientEvent::Completed(done) => {
                    let error = done.raw().expect_err("there is no answer");
                    self.clocks.timed_out(done.call, error);
                    assert_eq!(self.awaited(done.call), None, "the server wasn't told");
                    self.rounds.remove(&done.call);
                }
                ClientEvent::InputWithdrawn(input) => {
                    self.inputs.remove(input);
                }
                ClientEvent::SubscriptionEnded { subscription, .. } => {
                    self.subscriptions.remove(subscription);
                }
                other => panic!("{other:?} by the time alone"),
            }
        }
        for frame in &did.frames {
            match frame["method"].as_str() {
                Some("notifications/cancelled") => {
                    assert_eq!(frame["params"]["reason"], "timed out");
                }
                Some(method) => assert!(
                    matches!(
                        method,
                        Initialize::NAME | Discover::NAME | Unsubscribe::NAME
                    ),
                    "{method} by the time alone"
                ),
                None => panic!("{frame} by the time alone"),
            }
        }
        self.clocks.assert_running();
    }

    /// Nothing happens any more before the next deadline, of which the session knows.
    pub fn assert_in_time(&self, session: &ClientSession, now: Instant) {
        if let Some((call, ends)) = self.clocks.next() {
            let due = session.poll_timeout().expect("a call has a deadline");
            let left = ends.checked_sub(self.clocks.now);
            let left = left.unwrap_or_else(|| panic!("{call} has outlived its time"));
            assert!(due - now <= left, "{left:?} are left, but {due} is next");
        }
    }
}

/// Whether a resource is what was subscribed to, or lies below it.
pub fn covers(subscribed: &str, uri: &str) -> bool {
    let rest = uri.strip_prefix(subscribed);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn uris<'f>(filter: &'f SubscriptionFilter<'_>) -> Vec<&'f str> {
    let uris = filter.resource_subscriptions.iter().flatten();
    uris.map(|uri| &**uri).collect()
}
