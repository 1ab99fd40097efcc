//! What a frame of the server's does in a client session.

use mcp_proto::model::method::{
    CreateMessage, Discover, Elicit, Initialize, ListRoots, Method, Subscribe, SubscriptionsListen,
    Unsubscribe,
};
use mcp_proto::session::{
    CallError, CallId, Change, ClientEvent, Completed, Ignored, SubscriptionId,
};
use mcp_proto::{ClientSession, Limits};
use serde_json::{Map, Value, json};

use super::super::end::are_ample;
use super::super::faithful::json_of;
use super::{ClientWatch, Did, Input, Round, covers, number, uris};

impl ClientWatch {
    /// A frame has come.
    pub fn heard(&mut self, frame: &Value, session: &ClientSession, did: &Did) {
        if did
            .events
            .iter()
            .any(|event| matches!(event, ClientEvent::Opened { .. }))
        {
            self.subscribed_by_opening(session);
        }
        let limits = session.limits();
        let is_no_message = |event: &ClientEvent| {
            matches!(event, ClientEvent::Ignored(Ignored::NotAMessage { .. }))
        };
        if !are_ample(limits) && matches!(&did.events[..], [event] if is_no_message(event)) {
            // It nests too deep, or its id is too long, and does nothing.
            return;
        }
        match (frame.get("method").and_then(Value::as_str), frame.get("id")) {
            (Some(method), Some(id)) => self.asked(frame, (method, id), session, did),
            (Some(method), None) => self.notified_by_server(frame, method, did),
            (None, id) => self.answered_by_server(frame, id.and_then(number), limits, did),
        }
        if session.is_open() {
            // What else the opening has asked is of no use any more.
            let opening = self.requests.values_mut().filter(|request| {
                let method = &*request.method;
                request.call.is_none() && matches!(method, Initialize::NAME | Discover::NAME)
            });
            opening.for_each(|request| request.is_open = false);
        }
    }

    /// A legacy server asks for something.
    fn asked(
        &mut self,
        frame: &Value,
        (method, id): (&str, &Value),
        session: &ClientSession,
        did: &Did,
    ) {
        if did.events.is_empty() {
            let may_refuse = !are_ample(session.limits()) || !session.is_open();
            assert!(may_refuse, "{frame} was refused");
            let answer = did.only_frame("a request that the user doesn't hear of");
            assert_eq!(answer["id"], *id);
            assert!(answer.get("error").is_some(), "{answer} to {frame}");
            return;
        }
        did.assert_silent("a request for the user");
        let ClientEvent::InputRequested(asked) = did.only_event("a request") else {
            panic!("{:?} for {frame}", did.events);
        };
        assert_eq!(asked.method(), method);
        assert_eq!(json_of(&asked.raw_params()), frame["params"]);
        assert!(matches!(
            method,
            Elicit::NAME | ListRoots::NAME | CreateMessage::NAME
        ));
        assert_eq!(asked.call, None);
        let elicitation = frame["params"]["elicitationId"].as_str();
        self.elicitations.extend(elicitation.map(str::to_owned));
        let token = frame["params"]["_meta"]["progressToken"].clone();
        let input = Input {
            request: Some((id.clone(), token)),
            round: None,
            told: f64::NEG_INFINITY,
        };
        assert!(self.inputs.insert(asked.input, input).is_none());
        self.owe();
    }

    /// A request of the client's has its answer.
    fn answered_by_server(&mut self, frame: &Value, id: Option<u64>, limits: &Limits, did: &Did) {
        let request = id.and_then(|id| self.requests.get_mut(&id));
        let Some(request) = request.filter(|request| request.is_open) else {
            // One that came too late, which those that ended lately are known to do.
            did.assert_silent("an answer that nobody waits for");
            let are_ignored = did.events.iter().all(|event| {
                matches!(
                    event,
                    ClientEvent::Ignored(Ignored::Response(_) | Ignored::Error(_))
                )
            });
            assert!(are_ignored && did.events.len() <= 1, "{:?}", did.events);
            return;
        };
        request.is_open = false;
        let method = request.method.clone();
        match request.call {
            Some(call) => self.call_answered(call, frame, limits, did),
            None => self.own_answered(&method, frame, did),
        }
    }

    fn call_answered(&mut self, call: CallId, frame: &Value, limits: &Limits, did: &Did) {
        let is_end = |event: &ClientEvent| matches!(event, ClientEvent::Completed(_));
        let needs_input = frame["result"]["resultType"] == "input_required";
        if needs_input && !did.events.iter().any(is_end) {
            return self.round_began(call, &frame["result"], did);
        }
        did.assert_silent("the end of a call");
        let ClientEvent::Completed(done) = did.only_event("an answer") else {
            panic!("{:?} for {frame}", did.events);
        };
        assert_eq!(done.call, call);
        assert_told(done, frame, limits);
        self.clocks.end(call);
    }

    fn round_began(&mut self, call: CallId, result: &Value, did: &Did) {
        let none = Map::new();
        let asked = result["inputRequests"].as_object().unwrap_or(&none);
        let round = Round {
            asked: asked.len(),
            answers: Map::new(),
            state: result["requestState"].clone(),
        };
        self.rounds.insert(call, round);
        assert_eq!(did.events.len(), asked.len(), "each is to be asked once");
        for (event, (key, request)) in did.events.iter().zip(asked) {
            let ClientEvent::InputRequested(input) = event else {
                panic!("{event:?} for a round");
            };
            assert_eq!(input.method(), request["method"]);
            assert_eq!(json_of(&input.raw_params()), request["params"]);
            assert_eq!(input.call, Some(call));
            let known = Input {
                request: None,
                round: Some((call, key.clone())),
                told: f64::NEG_INFINITY,
            };
            assert!(self.inputs.insert(input.input, known).is_none());
        }
        self.clocks.restart(call, false);
        match asked.is_empty() {
            true => self.sent_again(call, did.only_frame("a round without questions")),
            false => did.assert_silent("a round"),
        }
    }

    /// A request that the session makes by itself has its answer.
    fn own_answered(&mut self, method: &str, frame: &Value, did: &Did) {
        let is_good = frame.get("result").is_some();
        match method {
            Initialize::NAME if is_good => {
                let told = did.events.first();
                assert!(matches!(told, Some(ClientEvent::Opened { .. })), "{told:?}");
                let sent = did.frames.first().expect("the server is told");
                assert_eq!(sent["method"], "notifications/initialized");
                for event in &did.events {
                    if let ClientEvent::Subscribed { subscription, .. } = event {
                        self.confirm(*subscription);
                    }
                }
            }
            Discover::NAME if is_good => {}
            Subscribe::NAME | SubscriptionsListen::NAME => {
                for event in &did.events {
                    match event {
                        ClientEvent::Subscribed { subscription, .. } if is_good => {
                            self.confirm(*subscription);
                        }
                        ClientEvent::SubscriptionEnded {
                            subscription,
                            outcome,
                            ..
                        } => {
                            let is_end = method == SubscriptionsListen::NAME;
                            assert_eq!(outcome.is_ok(), is_good && is_end, "{outcome:?}");
                            self.subscriptions.remove(subscription);
                        }
                        other => panic!("{other:?} for {frame}"),
                    }
                }
            }
            Unsubscribe::NAME => {
                did.assert_silent("the answer to an end");
                did.assert_untold("the answer to an end");
            }
            _ => {}
        }
    }

    fn confirm(&mut self, subscription: SubscriptionId) {
        if let Some(open) = self.subscriptions.get_mut(&subscription) {
            assert!(!open.is_confirmed, "{subscription} is confirmed twice");
            open.is_confirmed = true;
        }
    }

    fn notified_by_server(&mut self, frame: &Value, method: &str, did: &Did) {
        let params = frame.get("params").cloned().unwrap_or(json!({}));
        match method {
            "notifications/progress" => self.progressed(&params, did),
            "notifications/message" => {
                did.assert_silent("a log message");
                let ClientEvent::Log(message) = did.only_event("a log message") else {
                    panic!("{:?} for {frame}", did.events);
                };
                assert_eq!(json_of(&message.raw_params()), params);
            }
            "notifications/cancelled" => self.taken_back(&params["requestId"], did),
            "notifications/subscriptions/acknowledged" => {
                did.assert_silent("an acknowledgement");
                match did.only_event("an acknowledgement") {
                    ClientEvent::Subscribed {
                        subscription,
                        honoured,
                    } => {
                        let honoured = serde_json::to_value(honoured).expect("JSON");
                        assert_eq!(honoured, params["notifications"]);
                        self.confirm(*subscription);
                    }
                    ClientEvent::Ignored(_) => {}
                    other => panic!("{other:?} for {frame}"),
                }
            }
            "notifications/elicitation/complete" => {
                did.assert_silent("an elicitation that is over");
                let id = params["elicitationId"].as_str().expect("a text");
                let is_awaited = self.elicitations.remove(id);
                match did.only_event("an elicitation that is over") {
                    ClientEvent::ElicitationCompleted(_) => assert!(is_awaited),
                    ClientEvent::Ignored(_) => assert!(!is_awaited, "{id} is done in vain"),
                    other => panic!("{other:?} for {frame}"),
                }
            }
            _ => self.changed(method, &params, did),
        }
    }

    /// Progress is told of the call that wants it, while that is open.
    fn progressed(&mut self, params: &Value, did: &Did) {
        did.assert_silent("progress");
        let token = number(&params["progressToken"]);
        let of_token = token.and_then(|token| self.requests.get(&token));
        // The token of a call stays that of its first request.
        let call = of_token.and_then(|request| request.call);
        let call = call.filter(|call| self.awaited(*call).is_some());
        match (did.only_event("progress"), call) {
            (ClientEvent::Progress { call, progress }, Some(wanted)) => {
                assert_eq!(*call, wanted);
                assert_eq!(json_of(&progress.raw_params()), *params);
                self.clocks.restart(*call, true);
            }
            (ClientEvent::Ignored(Ignored::Notification(_)), None) => {}
            (other, call) => panic!("{other:?} for {call:?}: {params}"),
        }
    }

    /// A server takes back what it has asked for, or ends a stream.
    fn taken_back(&mut self, id: &Value, did: &Did) {
        did.assert_silent("what is taken back");
        let mut inputs = self.inputs.iter();
        let open = inputs.find(|(_, input)| {
            let request = input.request.as_ref();
            request.is_some_and(|(request, _)| request == id)
        });
        let open = open.map(|(input, _)| *input);
        let listens = number(id).and_then(|id| self.requests.get(&id));
        let listens =
            listens.is_some_and(|it| it.is_open && it.method == SubscriptionsListen::NAME);
        match (open, &did.events[..]) {
            (Some(open), [ClientEvent::InputWithdrawn(input)]) => {
                assert_eq!(*input, open);
                self.inputs.remove(&open);
                self.owe();
            }
            (
                None,
                [
                    ClientEvent::SubscriptionEnded {
                        subscription,
                        outcome,
                        ..
                    },
                ],
            ) => {
                assert!(listens && outcome.is_ok());
                self.subscriptions.remove(subscription);
                let id = number(id).expect("it was found by it");
                self.requests.get_mut(&id).expect("it was found").is_open = false;
            }
            (None, [] | [ClientEvent::Ignored(Ignored::Notification(_))]) => assert!(!listens),
            (open, events) => panic!("{events:?} when {id} was taken back, of {open:?}"),
        }
    }

    /// Each subscription hears of what it is about; a legacy client hears of lists without one.
    fn changed(&self, method: &str, params: &Value, did: &Did) {
        did.assert_silent("a change");
        let expected = match method {
            "notifications/tools/list_changed" => Change::Tools,
            "notifications/prompts/list_changed" => Change::Prompts,
            "notifications/resources/list_changed" => Change::Resources,
            "notifications/resources/updated" => Change::Resource,
            other => panic!("nobody sends {other}"),
        };
        let tag = &params["_meta"]["io.modelcontextprotocol/subscriptionId"];
        if let [ClientEvent::Ignored(Ignored::Notification(_))] = &did.events[..] {
            let listen = number(tag).and_then(|id| self.requests.get(&id));
            assert!(
                listen.is_some_and(|listen| !listen.is_open),
                "a change is lost: {params}"
            );
            return;
        }
        let mut heard = Vec::new();
        for event in &did.events {
            let ClientEvent::Changed {
                change,
                subscription,
                notification,
            } = event
            else {
                panic!("{event:?} for {method}");
            };
            assert_eq!(*change, expected);
            assert_eq!(json_of(&notification.raw_params()), *params);
            heard.push(*subscription);
        }
        if !tag.is_null() {
            assert!(matches!(heard[..], [Some(_)]), "{heard:?} for one stream");
            return;
        }
        let open = self
            .subscriptions
            .iter()
            .filter(|(_, open)| open.is_confirmed);
        let about = open.filter(|(_, open)| match params["uri"].as_str() {
            Some(uri) => uris(&open.filter).iter().any(|about| covers(about, uri)),
            None => expected == Change::Tools && open.filter.tools_list_changed == Some(true),
        });
        let mut about: Vec<_> = about.map(|(id, _)| Some(*id)).collect();
        if about.is_empty() {
            about.push(None);
        }
        assert_eq!(heard, about, "who is told of {method}");
    }
}

/// A call's end is what its answer says.
fn assert_told(done: &Completed, frame: &Value, limits: &Limits) {
    match (done.raw(), frame.get("result")) {
        (Ok(told), Some(result)) => assert_eq!(json_of(&told), *result),
        (Err(CallError::Rpc(told)), None) => {
            assert_eq!(told.code, frame["error"]["code"]);
            assert_eq!(*told.message, frame["error"]["message"]);
        }
        (Err(CallError::TooManyRounds { limit }), Some(_)) => {
            assert_eq!(*limit, limits.input_rounds);
        }
        (Err(CallError::BadResult { .. } | CallError::InputRefused(_)), Some(_)) => {
            assert!(!are_ample(limits), "{done:?} for {frame}");
        }
        // What nests too deep for it is no answer.
        (Err(CallError::BadResult { .. }), None) if !are_ample(limits) => {}
        (told, _) => panic!("{told:?} for {frame}"),
    }
}
