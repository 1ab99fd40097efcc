//! What a client does with each frame: responses to its calls, the server's requests and
//! notifications, and whatever is none of them.
//!
//! Rules of this file: nothing a server sends ends the session or loses another message; garbage is
//! reported and never answered, since a server that prints to its output would only print more; a
//! modern server's requests are ignored and reported (`base.dir.modern.badreq`).

use bytes::Bytes;

use crate::frame::FrameError;
use crate::model::encode::SessionMembers;
use crate::model::members::{MemberSpans, Param, ResultMember, decode, remember_meta};
use crate::model::method::{self, SpecMethod};
use crate::revision::{Era, Revision};
use crate::rpc::{
    Decoded, Envelope, EnvelopeKey, Kind, Rejection, RequestId, RpcError, Scan, Span, error_of,
    raw_at, recover_id, text_at,
};

use super::super::batch;
use super::super::error::CallError;
use super::super::event::{Answer, Body, Ignored, Received};
use super::super::name::MethodName;
use super::super::route::Route;
use super::super::writer::ReplyTo;
use super::call::Purpose;
use super::{ClientEvent, ClientSession, RequestKey};

impl ClientSession {
    pub(super) fn receive(&mut self, route: Route, frame: Bytes) {
        let mut scan = Scan::default();
        match decode(&frame, &self.config.limits, &self.repeated, &mut scan) {
            Ok(Decoded::One(envelope)) => self.message(ReplyTo::new(route), frame, envelope),
            Ok(Decoded::Batch) => self.batch(route, &frame),
            Err(rejection) => self.rejected(ReplyTo::new(route), rejection, &frame),
        }
    }

    pub(super) fn receive_malformed(&mut self, route: Route, error: FrameError) {
        if let FrameError::TooLong {
            head,
            last: b'}',
            limit,
            ..
        } = &error
            && let Some((id, kind)) = recover_id(head, &self.config.limits)
        {
            let text = alloc::format!("Invalid request: longer than {limit} bytes");
            let rejection = Rejection {
                error: RpcError::invalid_request(text),
                id: Some(id),
                kind,
            };
            self.act_on_rejected(ReplyTo::new(route), &rejection);
        }
        self.ignore(Ignored::NotAFrame(error));
    }

    /// A batch: each element on its own, the answers in one array (`base.batch.recv`).
    fn batch(&mut self, route: Route, frame: &Bytes) {
        let is_allowed = self.state.revision == Some(Revision::V2025_03_26);
        let elements = batch::split(frame, &self.config.limits).filter(|_| is_allowed);
        let Some(elements) = elements else {
            let error = RpcError::invalid_request("Invalid request: a batch");
            return self.ignore(Ignored::not_a_message(error, frame));
        };
        let revision = Revision::V2025_03_26;
        let target = self
            .state
            .writer
            .begin_batch(route, revision, elements.open);
        for element in elements.list {
            let mut scan = Scan::default();
            let limits = &self.config.limits;
            match batch::decode_element(&element, limits, &self.repeated, &mut scan) {
                Ok(envelope) => self.message(target, element, envelope),
                Err(rejection) => self.rejected(target, rejection, &element),
            }
        }
    }

    /// A frame that is no message.
    fn rejected(&mut self, target: ReplyTo, rejection: Rejection, frame: &[u8]) {
        if !self.act_on_rejected(target, &rejection) {
            self.ignore(Ignored::not_a_message(rejection.error, frame));
        }
    }

    /// Fails the call that a rejected frame belongs to, or answers the request it was. Returns
    /// whether a call has failed.
    ///
    /// With an open call's id and no method it was meant as the call's answer, whatever it lacks
    /// (`base.resp.xor`).
    fn act_on_rejected(&mut self, target: ReplyTo, rejection: &Rejection) -> bool {
        let Rejection { error, id, kind } = rejection;
        let may_respond = rejection.is_response() || kind.is_none();
        let call = id.as_ref().filter(|_| may_respond);
        if let Some(number) = call.and_then(|id| self.open_request(id)) {
            self.fail(number, "the root", &error.message);
            if kind.is_none() {
                self.state.writer.finish_element(target);
            }
            return true;
        }
        match id {
            Some(id) if rejection.is_answerable() && self.may_respond() => {
                self.state
                    .writer
                    .error(target, Some(id), self.state.revision, error);
            }
            _ if rejection.is_answerable() => self.state.writer.finish_element(target),
            _ => {}
        }
        false
    }

    /// Whether the server may be one that sends requests, which only legacy ones do
    /// (`base.dir.modern.client`).
    pub(super) fn may_respond(&self) -> bool {
        match self.state.revision {
            Some(revision) => revision.era() == Era::Legacy,
            None => self.speaks_legacy(),
        }
    }

    fn message(&mut self, target: ReplyTo, frame: Bytes, envelope: Envelope<'_>) {
        match (envelope.kind, &envelope.id) {
            (Kind::Result | Kind::Error, _) => self.response(frame, &envelope),
            (Kind::Request, Some(id)) => {
                let key = RequestKey {
                    id: id.clone(),
                    target,
                };
                self.request(key, frame, &envelope);
            }
            _ => self.notification(frame, &envelope),
        }
    }

    /// The number of the open request that a response's id names.
    fn open_request(&self, id: &RequestId) -> Option<u64> {
        let number = id.as_integer().and_then(|id| u64::try_from(id).ok())?;
        self.state
            .calls
            .get(number)
            .filter(|call| call.in_flight)
            .map(|_| number)
    }

    fn response(&mut self, frame: Bytes, envelope: &Envelope<'_>) {
        let number = envelope.id.as_ref().and_then(|id| self.open_request(id));
        let Some(number) = number else {
            if envelope.id.as_ref().is_some_and(|id| self.has_ended(id)) {
                return;
            }
            self.state.ignored_responses += 1;
            let is_general = envelope.kind == Kind::Error && envelope.id.is_none();
            let error = || error_of(raw_at(&frame, envelope.body()));
            return self.ignore(match is_general {
                true => Ignored::Error(error()),
                false => Ignored::Response(envelope.id.clone()),
            });
        };
        let scan = envelope.scan;
        if envelope.kind == Kind::Error {
            return self.answered(number, Err(error_of(raw_at(&frame, envelope.body()))));
        }
        let body = Body::new(frame, envelope.body());
        let is_modern = match self.state.revision {
            Some(revision) => revision.era() == Era::Modern,
            // No legacy server has the method that is asked first.
            None => {
                let call = self.state.calls.get(number);
                call.is_some_and(|call| call.purpose == Purpose::Probe)
            }
        };
        // What the session decides by must be what every other reader of the result sees.
        if is_modern && scan.result.has_duplicate {
            return self.fail(number, "the root", "a member stands twice");
        }
        if is_modern {
            match self.result_type(number, &body, scan) {
                ResultType::Complete => {}
                ResultType::InputRequired => return self.input_required(number, body, scan),
                ResultType::Unknown => {
                    return self.fail(
                        number,
                        "resultType",
                        "not a kind of result that was asked for",
                    );
                }
            }
        }
        if is_modern {
            remember_meta(&mut self.repeated, &body.frame, &scan.result);
        }
        let spans = MemberSpans::of_result(scan);
        self.answered(number, Ok(Answer { body, spans }));
    }

    /// What kind of result a modern server gave (`rtype.absent`, `rtype.unknown`).
    #[inline]
    fn result_type(&self, number: u64, body: &Body, scan: &Scan) -> ResultType {
        let span = scan.result_member(ResultMember::ResultType);
        if !span.is_some() || span.of(&body.frame) == b"\"complete\"" {
            return ResultType::Complete;
        }
        self.other_result_type(number, &body.frame, span)
    }

    #[cold]
    fn other_result_type(&self, number: u64, frame: &[u8], span: Span) -> ResultType {
        let known = self
            .state
            .calls
            .get(number)
            .and_then(|call| call.method.known());
        match text_at(frame, span).as_deref() {
            Some("complete") => ResultType::Complete,
            Some("input_required") if known.is_some_and(SpecMethod::allows_input_required) => {
                ResultType::InputRequired
            }
            _ => ResultType::Unknown,
        }
    }

    /// A request has been answered for good.
    fn answered(&mut self, number: u64, outcome: Result<Answer, RpcError>) {
        let Some(call) = self.state.calls.remove(number) else {
            return;
        };
        self.recycle(call.params);
        match call.purpose {
            Purpose::User => {
                if let Err(error) = &outcome {
                    self.note_required_elicitations(error);
                }
                let outcome = outcome.map_err(CallError::Rpc);
                self.complete(self.call_id(call.id), call.method, outcome);
            }
            Purpose::Probe => {
                self.expect_handshake();
                self.probe_answered(outcome.map(|answer| answer.body));
            }
            Purpose::Initialize => self.initialize_answered(outcome.map(|answer| answer.body)),
            Purpose::Listen(subscription) => {
                let outcome = outcome.map(drop).map_err(CallError::Rpc);
                self.end_subscription(subscription, outcome);
            }
            Purpose::Subscribe => {
                let outcome = outcome.map(drop).map_err(CallError::Rpc);
                self.subscribed_uri(number, &outcome);
            }
            Purpose::Unsubscribe => {}
        }
    }

    /// A request was answered with something that is no answer.
    fn fail(&mut self, number: u64, path: &str, reason: &str) {
        let Some(call) = self.state.calls.get_mut(number) else {
            return;
        };
        call.in_flight = false;
        let (purpose, method) = (call.purpose, call.method.clone());
        let error = CallError::BadResult {
            method: method.as_str().into(),
            path: path.into(),
            reason: reason.into(),
        };
        match purpose {
            Purpose::Probe | Purpose::Initialize => {
                let error = RpcError::internal(alloc::format!("{error}"));
                self.answered(number, Err(error));
            }
            _ => self.abandon(number, None, error),
        }
    }

    /// A request of the server.
    fn request(&mut self, key: RequestKey, frame: Bytes, envelope: &Envelope<'_>) {
        let name = text_at(&frame, envelope.scan.key(EnvelopeKey::Method)).unwrap_or("".into());
        let method = MethodName::new(&name);
        if !self.may_respond() {
            let method = name.chars().take(128).collect();
            return self.ignore(Ignored::Request(method));
        }
        let RequestKey { id, target } = &key;
        if envelope.scan.params.has_duplicate {
            let error = RpcError::invalid_params("Invalid params: a member stands twice");
            let revision = self.state.revision;
            return self.state.writer.error(*target, Some(id), revision, &error);
        }
        match method.known() {
            Some(SpecMethod::Ping) => {
                let revision = self.state.revision.unwrap_or(Revision::NEWEST_LEGACY);
                let result = method::EmptyResult::new();
                let written = self.state.writer.result(
                    *target,
                    id,
                    revision,
                    &result,
                    &SessionMembers::default(),
                );
                debug_assert!(written.is_ok(), "it is empty");
            }
            Some(known) if known.is_input_request() && self.is_open() => {
                let body = Body::new(frame.clone(), envelope.body());
                self.input_requested(key, known, body);
            }
            _ => {
                let error = RpcError::method_not_found(&name);
                self.state
                    .writer
                    .error(*target, Some(id), self.state.revision, &error);
            }
        }
    }

    fn notification(&mut self, frame: Bytes, envelope: &Envelope<'_>) {
        let scan = envelope.scan;
        let received = Received {
            method: scan.key(EnvelopeKey::Method),
            body: Body::new(frame, envelope.body()),
        };
        let Some(known) = SpecMethod::from_wire(&received.method()) else {
            return self.state.events.push(ClientEvent::Notification(received));
        };
        if scan.params.has_duplicate {
            return self.ignore_notification(&received);
        }
        if let Some(change) = Self::change_of(known) {
            return self.changed(change, received, scan);
        }
        match known {
            SpecMethod::Progress => self.progressed(received, scan),
            SpecMethod::LoggingMessage if received.params::<method::LoggingMessage>().is_ok() => {
                self.state.events.push(ClientEvent::Log(received));
            }
            SpecMethod::Cancelled => self.cancelled_by_server(&received, scan),
            SpecMethod::SubscriptionsAcknowledged => self.acknowledged(received, scan),
            SpecMethod::ElicitationComplete => self.elicitation_completed(received),
            _ => self.ignore_notification(&received),
        }
    }

    fn progressed(&mut self, received: Received, scan: &Scan) {
        let token = raw_at(&received.body.frame, scan.param(Param::ProgressToken));
        let token = token.and_then(|token| token.as_str().parse().ok());
        let number = token.and_then(|token| self.call_of_token(token));
        let is_good = received.params::<method::Progress>().is_ok();
        let Some(call) = number
            .filter(|_| is_good)
            .and_then(|number| self.state.calls.get(number))
        else {
            return self.ignore_notification(&received);
        };
        let id = self.call_id(call.id);
        if let Some(number) = number {
            self.restart_idle(number, !self.owes_input());
        }
        self.state.events.push(ClientEvent::Progress {
            call: id,
            progress: received,
        });
    }

    /// The server takes back a request of its own, or ends a listen stream.
    fn cancelled_by_server(&mut self, received: &Received, scan: &Scan) {
        let id = raw_at(&received.body.frame, scan.param(Param::RequestId));
        let Some(id) = id.and_then(|id| RequestId::from_json(id.as_str())) else {
            return self.ignore_notification(received);
        };
        if self.listen_cancelled(&id) || self.input_cancelled(&id) || self.has_ended(&id) {
            return;
        }
        self.ignore_notification(received);
    }

    fn input_cancelled(&mut self, id: &RequestId) -> bool {
        let found = self.state.inputs.find(|input| input.source.is_request(id));
        if let Some(number) = found {
            if let Some(target) = self
                .state
                .inputs
                .get(number)
                .and_then(|input| input.source.target())
            {
                self.state.writer.finish_element(target);
            }
            self.withdraw_input(number);
            self.restart_idle_clocks();
        }
        found.is_some()
    }

    /// Only an id that the user was sent to a URL for counts, and only once
    /// (`elicit.complete.ignore`).
    fn elicitation_completed(&mut self, received: Received) {
        let position = received
            .params::<method::ElicitationComplete>()
            .ok()
            .and_then(|params| {
                self.state
                    .elicitations
                    .iter()
                    .position(|id| **id == *params.elicitation_id)
            });
        match position {
            Some(position) => {
                self.state.elicitations.remove(position);
                self.state
                    .events
                    .push(ClientEvent::ElicitationCompleted(received));
            }
            None => self.ignore_notification(&received),
        }
    }

    fn ignore(&mut self, ignored: Ignored) {
        self.state.events.push(ClientEvent::Ignored(ignored));
    }
}

/// The kinds of modern results.
enum ResultType {
    Complete,
    InputRequired,
    Unknown,
}
