//! What a frame of the client's does in a server session.

use std::collections::BTreeMap;

use mcp_proto::model::logging::LoggingLevel;
use mcp_proto::model::method::{
    Discover, Initialize, Method, Sender, SetLevel, SpecMethod, Subscribe, SubscriptionsListen,
    Unsubscribe,
};
use mcp_proto::session::{Ignored, ServerEvent};
use mcp_proto::{Revision, ServerSession};
use serde_json::{Value, json};

use super::super::faithful::json_of;
use super::{Asked, Did, Open, ServerWatch, params_of};

impl ServerWatch {
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
                let cut = said.zip(reason.as_deref());
                let is_cut = cut.is_some_and(|(said, cut)| said.starts_with(cut));
                let may_be_cut = is_cut && !self.is_ample;
                let is_right = may_be_cut || reason.as_deref() == said;
                assert!(is_right, "{reason:?} for {params}");
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
