//! What a server does with each frame: which era a request belongs to, whether it may be served,
//! and who answers it.
//!
//! Rules of this file: the era is decided for each request by what it carries
//! (`era.server.select.modern`); nothing said in one modern request counts for another
//! (`stateless.noprior`); every request that can be read is answered exactly once, with the
//! error its offence has; notifications are never answered (`base.notif.noreply`).

use alloc::boxed::Box;

use bytes::Bytes;

use crate::frame::FrameError;
use crate::model::members::{MemberSpans, MetaMember, Param, decode, remember_meta};
use crate::model::method::{self, Sender, SpecMethod};
use crate::model::subject;
use crate::revision::{Era, Revision};
use crate::rpc::{
    Decoded, Envelope, EnvelopeKey, Kind, Rejection, RequestId, RpcError, Scan, Span, code,
    error_of, raw_at, recover_id,
};

use super::super::batch;
use super::super::event::{Body, Ignored, Received, shortened};
use super::super::id::IncomingId;
use super::super::name::MethodName;
use super::super::route::Route;
use super::super::writer::ReplyTo;
use super::arrival::Arrival;
use super::event::{Incoming, Inputs};
use super::{Request, ServerEvent, ServerSession, Stage, check};

impl ServerSession {
    pub(super) fn receive(&mut self, route: Route, frame: Bytes) {
        let mut scan = Scan::default();
        match decode(&frame, &self.config.limits, &self.repeated, &mut scan) {
            Ok(Decoded::One(envelope)) => self.message(ReplyTo::new(route), frame, envelope),
            Ok(Decoded::Batch) => self.batch(route, &frame),
            Err(rejection) => self.rejected(ReplyTo::new(route), rejection, &frame),
        }
    }

    pub(super) fn receive_malformed(&mut self, route: Route, error: FrameError) {
        let rejection = match &error {
            FrameError::TooLong {
                head, last, limit, ..
            } => {
                // What doesn't end like an object was never a request.
                let recovered = (*last == b'}')
                    .then(|| recover_id(head, &self.config.limits))
                    .flatten();
                let text = alloc::format!("Invalid request: longer than {limit} bytes");
                Some(Rejection {
                    error: RpcError::invalid_request(text),
                    kind: recovered.as_ref().and_then(|(_, kind)| *kind),
                    id: recovered.map(|(id, _)| id),
                })
            }
            FrameError::NotUtf8 { .. } => {
                let error = RpcError::new(code::PARSE_ERROR, "Parse error: not UTF-8");
                let (id, kind) = (None, None);
                Some(Rejection { error, id, kind })
            }
            // Whoever sent half a line has gone.
            FrameError::Truncated { .. } => None,
        };
        if let Some(rejection) = rejection {
            self.answer_rejected(ReplyTo::new(route), &rejection);
        }
        self.ignore(Ignored::NotAFrame(error));
    }

    /// A batch, which only 2025-03-26 has (`base.batch.removed`).
    fn batch(&mut self, route: Route, frame: &Bytes) {
        let is_allowed = self.state.legacy.revision() == Some(Revision::V2025_03_26);
        let elements = batch::split(frame, &self.config.limits).filter(|_| is_allowed);
        let Some(elements) = elements else {
            let rejection = Rejection::invalid("Invalid request: a batch");
            return self.rejected(ReplyTo::new(route), rejection, frame);
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
        self.answer_rejected(target, &rejection);
        self.ignore(Ignored::not_a_message(rejection.error, frame));
    }

    /// Answers what may have been a request. A response or a notification never is answered, not
    /// even with an error; a response to something that was asked has failed.
    fn answer_rejected(&mut self, target: ReplyTo, rejection: &Rejection) {
        let Rejection { error, id, kind } = rejection;
        let may_respond = rejection.is_response() || kind.is_none();
        if let Some(id) = id.as_ref().filter(|_| may_respond)
            && self.input_answered(id, Err(error.clone()))
        {
            if kind.is_none() {
                self.state.writer.finish_element(target);
            }
            return;
        }
        if !rejection.is_answerable() {
            return;
        }
        let revision = self.state.legacy.revision();
        match self.state.writer.may_answer_malformed() {
            true => self
                .state
                .writer
                .error(target, id.as_ref(), revision, error),
            false => self.state.writer.finish_element(target),
        }
    }

    fn message(&mut self, target: ReplyTo, frame: Bytes, envelope: Envelope<'_>) {
        match envelope.kind {
            Kind::Request => self.request(target, frame, envelope),
            Kind::Notification => self.notification(frame, &envelope),
            Kind::Result | Kind::Error => self.response(frame, &envelope),
        }
    }

    fn request(&mut self, target: ReplyTo, frame: Bytes, envelope: Envelope<'_>) {
        let body = Body::new(frame, envelope.body());
        let Envelope {
            id: Some(id), scan, ..
        } = envelope
        else {
            return;
        };
        let method = MethodName::at(&body.frame, scan.key(EnvelopeKey::Method));
        let is_modern = scan.param_meta(MetaMember::ProtocolVersion).is_some()
            && self
                .config
                .revisions
                .iter()
                // The newest stand last.
                .rev()
                .any(|revision| revision.era() == Era::Modern);
        let revision = self
            .state
            .legacy
            .revision()
            .unwrap_or(Revision::NEWEST_LEGACY);
        let mut arrival = Arrival {
            id,
            target,
            revision,
            method,
            body,
            scan,
            log_level: None,
        };
        let checked = self.check_arrival(&arrival).and_then(|()| match is_modern {
            true => self.check_modern(&mut arrival),
            false => self.check_legacy(&arrival),
        });
        if is_modern && checked.is_ok() {
            remember_meta(&mut self.repeated, &arrival.body.frame, &scan.params);
        }
        match checked {
            Ok(()) => self.dispatch(arrival),
            Err(error) => self.refuse(&arrival, &error),
        }
    }

    /// What holds for requests of every era.
    fn check_arrival(&self, arrival: &Arrival<'_>) -> Result<(), RpcError> {
        let frame = &arrival.body.frame;
        let limits = &self.config.limits;
        if self.find_incoming(&arrival.id).is_some() || self.is_listening(&arrival.id) {
            return Err(RpcError::invalid_request(
                "Invalid request: the id is in use",
            ));
        }
        if arrival.scan.params.has_duplicate {
            return Err(RpcError::invalid_params(
                "Invalid params: a member stands twice",
            ));
        }
        let meta = arrival.scan.param(Param::Meta);
        if meta.is_some() && !meta.of(frame).starts_with(b"{") {
            return Err(RpcError::invalid_params(
                "Invalid params: _meta must be an object",
            ));
        }
        let token = raw_at(frame, arrival.scan.param_meta(MetaMember::ProgressToken));
        let longest = limits.id.saturating_add(2);
        let is_good = |token: &str| token.len() <= longest && RequestId::from_json(token).is_some();
        if token.is_some_and(|token| !is_good(token.as_str())) {
            return Err(RpcError::invalid_params(
                "Invalid params: the progress token must be a string or an integer",
            ));
        }
        Ok(())
    }

    /// Whether a request without modern metadata may be served (`era.server.select.none`).
    fn check_legacy(&self, arrival: &Arrival<'_>) -> Result<(), RpcError> {
        match (arrival.method.known(), self.state.legacy.stage) {
            (Some(SpecMethod::Initialize), _) => Ok(()),
            // A server of the modern era alone has no ping (`ping.gone`).
            (Some(SpecMethod::Ping), _) if self.config.newest(Era::Legacy).is_some() => Ok(()),
            // A client that hasn't said `initialized` is served, and asked for nothing.
            (_, Stage::Greeted(_) | Stage::Open(_)) => Ok(()),
            (_, Stage::None) if self.config.newest(Era::Modern).is_some() => {
                Err(RpcError::invalid_params(
                    "Invalid params: no protocolVersion in _meta, and no session was initialized",
                ))
            }
            (_, Stage::None) => Err(RpcError::invalid_request(
                "Invalid request: not initialized",
            )),
        }
    }

    /// Serves a request, or refuses it with the error its offence has.
    fn dispatch(&mut self, arrival: Arrival<'_>) {
        if arrival.revision.era() == Era::Modern && arrival.target.batch.is_some() {
            let error = RpcError::invalid_request("Invalid request: a modern one in a batch");
            return self.refuse(&arrival, &error);
        }
        if let Err(error) = self.check_servable(&arrival) {
            return self.refuse(&arrival, &error);
        }
        match arrival.method.known() {
            Some(SpecMethod::Initialize) => self.initialize(&arrival),
            Some(SpecMethod::Ping) => self.answer_empty(&arrival),
            Some(SpecMethod::Discover) => self.discover(&arrival),
            Some(SpecMethod::SetLevel) => self.set_level(&arrival),
            Some(SpecMethod::Subscribe) => self.subscribe(&arrival),
            Some(SpecMethod::Unsubscribe) => self.unsubscribe(&arrival),
            Some(SpecMethod::SubscriptionsListen) => self.listen(&arrival),
            _ => self.accept(arrival),
        }
    }

    /// Whether the method exists, is offered, and has params that fit.
    fn check_servable(&self, arrival: &Arrival<'_>) -> Result<(), RpcError> {
        let name = arrival.method.as_str();
        let Some(known) = arrival.method.known() else {
            let is_extension = self
                .config
                .extension_methods
                .iter()
                .any(|method| **method == *name);
            return if is_extension && name.len() <= self.config.limits.name {
                Ok(())
            } else {
                Err(RpcError::method_not_found(name))
            };
        };
        if known == SpecMethod::Initialize && arrival.revision.era() == Era::Modern {
            return Err(self.no_handshake(arrival));
        }
        let sender = known.sent_by(arrival.revision);
        let is_request = !known.is_notification();
        if !is_request || !matches!(sender, Some(Sender::Client | Sender::Both)) {
            return Err(RpcError::method_not_found(name));
        }
        if known
            .server_capability(arrival.revision)
            .is_some_and(|capability| !self.declared.has(capability))
        {
            return Err(RpcError::method_not_found(name));
        }
        check::params(known, arrival, &self.config.limits)
    }

    /// Hands a request to the user.
    fn accept(&mut self, arrival: Arrival<'_>) {
        let limits = &self.config.limits;
        if self.state.incoming.len() >= limits.calls {
            let error = RpcError::over_limit("requests in flight", limits.calls);
            return self.refuse(&arrival, &error);
        }
        if !self.has_memory_for(arrival.body.frame.len()) {
            let error = RpcError::over_limit("bytes held", limits.memory);
            return self.refuse(&arrival, &error);
        }
        if !self.state.cancels.has(
            self.state.writer.now,
            limits.cancel_burst,
            limits.cancel_rate,
        ) {
            let error = RpcError::over_limit("cancelled requests", limits.cancel_burst as usize);
            return self.refuse(&arrival, &error);
        }
        let scan = arrival.scan;
        let known = arrival.method.known();
        let subject = subject(known, &arrival.body.frame, scan);
        let is_modern = arrival.revision.era() == Era::Modern;
        let incoming = Incoming {
            request: arrival.id,
            target: arrival.target,
            revision: arrival.revision,
            spans: MemberSpans::of_params(scan, subject, known == Some(SpecMethod::CallTool)),
            progress_token: scan.param_meta(MetaMember::ProgressToken),
            client_capabilities: match is_modern {
                true => scan.param_meta(MetaMember::ClientCapabilities),
                false => Span::NONE,
            },
            method: arrival.method,
            body: arrival.body,
            log_level: arrival.log_level,
            progress: None,
            reported: None,
            rounds: 0,
            input_round: None,
        };
        let is_retry = scan.param(Param::InputResponses).is_some()
            || scan.param(Param::RequestState).is_some();
        let inputs = match is_modern && is_retry {
            true => Inputs::InFrame,
            false => Inputs::None,
        };
        let number = self.state.writer.number();
        let id = IncomingId::new(self.state.writer.tag, number);
        self.state
            .events
            .push(ServerEvent::Request(incoming.event(id, inputs)));
        self.state.incoming.insert(number, incoming);
    }

    pub(super) fn refuse(&mut self, arrival: &Arrival<'_>, error: &RpcError) {
        let revision = Some(arrival.revision);
        self.state
            .writer
            .error(arrival.target, Some(&arrival.id), revision, error);
    }

    fn notification(&mut self, frame: Bytes, envelope: &Envelope<'_>) {
        let scan = envelope.scan;
        let received = Received {
            method: scan.key(EnvelopeKey::Method),
            body: Body::new(frame, envelope.body()),
        };
        let known = SpecMethod::from_wire(&received.method());
        if known.is_some() && scan.params.has_duplicate {
            return self.ignore_notification(&received);
        }
        match known {
            None => self.state.events.push(ServerEvent::Notification(received)),
            Some(SpecMethod::Initialized) => self.initialized(),
            Some(SpecMethod::Cancelled) => self.cancelled(&received, scan),
            Some(SpecMethod::RootsListChanged) if self.state.legacy.revision().is_some() => {
                self.state.events.push(ServerEvent::RootsChanged);
            }
            Some(SpecMethod::Progress) if self.is_progress_of_input(&received) => {
                self.state.events.push(ServerEvent::Notification(received));
            }
            Some(_) => self.ignore_notification(&received),
        }
    }

    /// The client takes a request back; unknown and malformed ids are ignored
    /// (`cancel.recv.ignore`, `cancel.malformed`).
    fn cancelled(&mut self, received: &Received, scan: &Scan) {
        let id = raw_at(&received.body.frame, scan.param(Param::RequestId));
        let Some(id) = id.and_then(|id| RequestId::from_json(id.as_str())) else {
            return self.ignore_notification(received);
        };
        if self.stop_listening(&id) {
            return;
        }
        let Some(number) = self.find_incoming(&id) else {
            return self.ignore_notification(received);
        };
        let limits = &self.config.limits;
        self.state.cancels.take(
            self.state.writer.now,
            limits.cancel_burst,
            limits.cancel_rate,
        );
        let params = received.params::<method::Cancelled>().ok();
        let longest = limits.name;
        let reason = params
            .and_then(|params| params.reason)
            .map(|reason| shortened(&reason, longest));
        self.drop_incoming(number, reason);
    }

    /// Forgets a request without an answer and tells its handler.
    pub(super) fn drop_incoming(&mut self, number: u64, reason: Option<Box<str>>) {
        let Some(incoming) = self.state.incoming.remove(number) else {
            return;
        };
        self.state.writer.finish_element(incoming.target);
        self.withdraw_asked(number);
        let request = IncomingId::new(self.state.writer.tag, number);
        self.state
            .events
            .push(ServerEvent::Cancelled { request, reason });
    }

    /// A stream is gone: in the modern era that cancels its request (`cancel.http.modern`), in the
    /// legacy one it doesn't (`cancel.http.legacy`).
    pub(super) fn lose_route(&mut self, route: Route) {
        for number in self.state.incoming.numbers() {
            let is_lost = self.state.incoming.get(number).is_some_and(|incoming| {
                incoming.target.route == route && incoming.revision.era() == Era::Modern
            });
            if is_lost {
                self.drop_incoming(number, None);
            }
        }
        self.stop_listening_on(route);
    }

    fn response(&mut self, frame: Bytes, envelope: &Envelope<'_>) {
        let body = Body::new(frame, envelope.body());
        let error =
            (envelope.kind == Kind::Error).then(|| error_of(raw_at(&body.frame, body.span)));
        match (&envelope.id, error) {
            (None, Some(error)) => self.ignore(Ignored::Error(error)),
            (id, error) => {
                let outcome = error.map_or(Ok(&body), Err);
                let is_expected = id
                    .as_ref()
                    .is_some_and(|id| self.input_answered(id, outcome));
                if !is_expected {
                    self.ignore(Ignored::Response(id.clone()));
                }
            }
        }
    }

    pub(super) fn ignore_notification(&mut self, received: &Received) {
        let method = received.method().as_str().chars().take(128).collect();
        self.ignore(Ignored::Notification(method));
    }
}

impl Incoming {
    /// The event that hands this request to the user.
    pub(super) fn event(&self, id: IncomingId, inputs: Inputs) -> Request {
        Request {
            id,
            revision: self.revision,
            method: self.method.clone(),
            body: self.body.clone(),
            spans: self.spans,
            wants_progress: self.progress_token.is_some(),
            inputs,
        }
    }
}
