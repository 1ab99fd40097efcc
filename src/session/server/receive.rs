//! What a server does with each frame: which era a request belongs to, whether it may be served,
//! and who answers it.
//!
//! Rules of this file: the era is decided for each request by what it carries
//! (`era.server.select.modern`); nothing said in one modern request counts for another
//! (`stateless.noprior`); every request that can be read is answered exactly once, with the
//! error its offence has; notifications are never answered (`base.notif.noreply`).

use alloc::boxed::Box;

use bytes::Bytes;

use crate::limits::Limits;
use crate::model::members::{MemberSpans, MetaMember, Param, remember_meta};
use crate::model::method::{self, Sender, ServerCapability, SpecMethod};
use crate::model::subject;
use crate::revision::{Era, Revision};
use crate::rpc::{Envelope, Kind, Repeated, RequestId, RpcError, Scan, Span, error_of, raw_at};

use crate::time::Instant;

use super::super::arrival::Arrival;
use super::super::event::{Body, Ignored, Received, shortened};
use super::super::id::IncomingId;
use super::super::name::MethodName;
use super::super::requests_in::{RequestIn, in_use};
use super::super::rounds::Rounds;
use super::super::route::Route;
use super::super::side::{self, Side};
use super::super::writer::MessageWriter;
use super::event::{Incoming, Inputs};
use super::tasks::{check_declared, has_bad_task, is_about_tasks};
use super::{Request, ServerEvent, ServerSession, Stage, State, check};

impl Side for ServerSession {
    fn writer(&mut self) -> &mut MessageWriter {
        &mut self.state.writer
    }

    #[inline]
    fn advance(&mut self, now: Instant) {
        self.state.writer.advance(now);
    }

    fn reading(&self) -> (&Limits, &Repeated) {
        (&self.fixed.config.limits, &self.repeated)
    }

    fn agreed(&self) -> Option<Revision> {
        self.state.legacy.revision()
    }

    fn awaited(&self, id: &RequestId) -> Option<u64> {
        self.state.requests_out.awaited(id)
    }

    fn is_past(&self, id: &RequestId) -> bool {
        self.state.requests_out.is_past(id)
    }

    fn answered(&mut self, number: u64, frame: Bytes, envelope: &Envelope<'_>) {
        let body = Body::new(frame, envelope.body());
        match envelope.kind {
            Kind::Error => {
                let error = error_of(raw_at(&body.frame, body.span));
                self.input_answered(number, Err(error));
            }
            _ => self.input_answered(number, Ok(&body)),
        }
    }

    fn failed(&mut self, number: u64, error: &RpcError) {
        self.input_answered(number, Err(error.clone()));
    }

    fn requested(&mut self, mut arrival: Arrival<'_>) {
        let is_modern = self.is_modern(arrival.scan);
        let checked = self.check_arrival(&arrival).and_then(|()| match is_modern {
            true => self.check_modern(&mut arrival),
            false => self.check_legacy(&arrival),
        });
        if is_modern && checked.is_ok() {
            let (frame, scan) = (&arrival.body.frame, arrival.scan);
            remember_meta(&mut self.repeated, frame, &scan.params);
        }
        match checked {
            Ok(()) => self.dispatch(arrival),
            Err(error) => self.refuse(&arrival, &error),
        }
    }

    fn notified(&mut self, known: SpecMethod, received: Received, scan: &Scan) {
        match known {
            SpecMethod::Initialized => self.initialized(),
            SpecMethod::Cancelled => self.cancelled(&received, scan),
            SpecMethod::RootsListChanged if self.state.legacy.revision().is_some() => {
                self.state.events.push(ServerEvent::RootsChanged);
            }
            SpecMethod::Progress if self.is_progress_of_input(&received, scan) => {
                self.notified_of_other(received);
            }
            _ => self.ignore(Ignored::notification(&received)),
        }
    }

    fn notified_of_other(&mut self, received: Received) {
        self.state.events.push(ServerEvent::Notification(received));
    }

    fn may_answer(&mut self, _: Option<&RequestId>) -> bool {
        self.state.writer.may_answer_malformed()
    }

    fn ignore(&mut self, ignored: Ignored) {
        self.state.events.push(ServerEvent::Ignored(ignored));
    }
}

impl ServerSession {
    /// Whether a request says of itself that it is a modern one, to a server that speaks such.
    fn is_modern(&self, scan: &Scan) -> bool {
        // The newest stand last.
        let mut revisions = self.fixed.config.revisions.iter().rev();
        scan.param_meta(MetaMember::ProtocolVersion).is_some()
            && revisions.any(|revision| revision.era() == Era::Modern)
    }

    /// What holds for requests of every era.
    fn check_arrival(&self, arrival: &Arrival<'_>) -> Result<(), RpcError> {
        if self.state.subscriptions.find(&arrival.id).is_some() {
            return Err(in_use());
        }
        self.state
            .requests_in
            .check(arrival, &self.fixed.config.limits)
    }

    /// Whether a request without modern metadata may be served (`era.server.select.none`).
    fn check_legacy(&self, arrival: &Arrival<'_>) -> Result<(), RpcError> {
        match (arrival.method.known(), self.state.legacy.stage) {
            (Some(SpecMethod::Initialize), _) => Ok(()),
            // A server of the modern era alone has no ping (`ping.gone`).
            (Some(SpecMethod::Ping), _) if self.fixed.config.newest(Era::Legacy).is_some() => {
                Ok(())
            }
            // A client that hasn't said `initialized` is served, and asked for nothing.
            (_, Stage::Greeted(_) | Stage::Open(_)) => Ok(()),
            (_, Stage::None) if self.fixed.config.newest(Era::Modern).is_some() => {
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
    // Inlined since what it takes would be moved by a copy.
    #[inline(always)]
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
                .fixed
                .config
                .extension_methods
                .iter()
                .any(|method| **method == *name);
            return if is_extension && name.len() <= self.fixed.config.limits.name {
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
            .is_some_and(|capability| !self.fixed.declared.has(capability))
        {
            return Err(RpcError::method_not_found(name));
        }
        if is_about_tasks(known) {
            check_declared(arrival)?;
        }
        if known == SpecMethod::CallTool
            && has_bad_task(arrival)
            && self.fixed.declared.has(ServerCapability::TasksToolsCall)
        {
            return Err(RpcError::invalid_params(
                "Invalid params: task must be an object",
            ));
        }
        check::params(known, arrival, &self.fixed.config.limits)
    }

    /// Hands a request to the user.
    fn accept(&mut self, arrival: Arrival<'_>) {
        let limits = &self.fixed.config.limits;
        if self.state.requests_in.len() >= limits.calls() {
            let error = RpcError::over_limit("requests in flight", limits.calls());
            return self.refuse(&arrival, &error);
        }
        if !self.has_memory_for(arrival.body.frame.len()) {
            let error = RpcError::over_limit("bytes held", limits.memory);
            return self.refuse(&arrival, &error);
        }
        let burst = limits.cancels();
        let now = self.state.writer.now;
        if !self.state.cancels.has(now, burst, limits.cancel_rate) {
            let error = RpcError::over_limit("cancelled requests", burst as usize);
            return self.refuse(&arrival, &error);
        }
        let number = self.state.writer.number();
        let id = IncomingId::new(self.state.writer.tag, number);
        let inputs = match has_inputs(&arrival) {
            true => Inputs::InFrame,
            false => Inputs::None,
        };
        let (scan, era, log_level) = (arrival.scan, arrival.revision.era(), arrival.log_level);
        let request = RequestIn::new(arrival, |method, body| Incoming {
            log_level,
            ..Incoming::new(method, body, scan, era)
        });
        let event = ServerEvent::Request(request.event(id, inputs));
        self.state.events.push(event);
        self.state.requests_in.insert(number, request);
    }

    pub(super) fn answer_empty(&mut self, arrival: &Arrival<'_>) {
        arrival.answered(None);
        self.state.writer.answer_empty(arrival);
    }

    pub(super) fn refuse(&mut self, arrival: &Arrival<'_>, error: &RpcError) {
        arrival.answered(Some(error.code));
        self.state.writer.refuse(arrival, error);
    }

    /// The client takes a request back; unknown and malformed ids are ignored
    /// (`cancel.recv.ignore`, `cancel.malformed`).
    fn cancelled(&mut self, received: &Received, scan: &Scan) {
        let id = side::cancelled_id(received, scan);
        if id.as_ref().is_some_and(|id| self.stop_listening(id)) {
            return;
        }
        let number = id.and_then(|id| self.state.requests_in.find(&id));
        let Some(number) = number else {
            return self.ignore(Ignored::notification(received));
        };
        let limits = &self.fixed.config.limits;
        self.state
            .cancels
            .take(self.state.writer.now, limits.cancels(), limits.cancel_rate);
        let params = received.params::<method::Cancelled>().ok();
        let longest = limits.name;
        let reason = params
            .and_then(|params| params.reason)
            .map(|reason| shortened(&reason, longest));
        self.drop_incoming(number, reason);
    }

    /// Forgets a request without an answer and tells its handler.
    pub(super) fn drop_incoming(&mut self, number: u64, reason: Option<Box<str>>) {
        let State {
            requests_in,
            writer,
            ..
        } = &mut self.state;
        if !requests_in.drop(number, writer) {
            return;
        }
        self.withdraw_asked(number);
        let request = IncomingId::new(self.state.writer.tag, number);
        self.state
            .events
            .push(ServerEvent::Cancelled { request, reason });
    }

    /// A stream is gone: in the modern era that cancels its request (`cancel.http.modern`), in the
    /// legacy one it doesn't (`cancel.http.legacy`).
    pub(super) fn lose_route(&mut self, route: Route) {
        for number in self.state.requests_in.on_route(route, Era::Modern) {
            self.drop_incoming(number, None);
        }
        self.stop_listening_on(route);
    }
}

/// Whether a modern request comes back with the answers of a round of input.
fn has_inputs(arrival: &Arrival<'_>) -> bool {
    let has = |member| arrival.scan.param(member).is_some();
    arrival.revision.era() == Era::Modern
        && (has(Param::InputResponses) || has(Param::RequestState))
}

impl Incoming {
    fn new(method: MethodName, body: Body, scan: &Scan, era: Era) -> Self {
        let known = method.known();
        let subject = subject(known, &body.frame, scan);
        Self {
            spans: MemberSpans::of_params(scan, subject, known == Some(SpecMethod::CallTool)),
            client_capabilities: match era {
                Era::Modern => scan.param_meta(MetaMember::ClientCapabilities),
                Era::Legacy => Span::NONE,
            },
            method,
            body,
            log_level: None,
            rounds: Rounds::default(),
        }
    }
}

impl Request {
    /// The request of a stream, which the session has answered.
    pub(super) fn of_arrival(id: IncomingId, arrival: &Arrival<'_>) -> Self {
        let (method, body) = (arrival.method.clone(), arrival.body.clone());
        let incoming = Incoming::new(method, body, arrival.scan, arrival.revision.era());
        Self {
            id,
            revision: arrival.revision,
            method: incoming.method,
            body: incoming.body,
            spans: incoming.spans,
            wants_progress: false,
            inputs: Inputs::None,
        }
    }
}

impl RequestIn<Incoming> {
    /// The event that hands this request to the user.
    pub(super) fn event(&self, id: IncomingId, inputs: Inputs) -> Request {
        Request {
            id,
            revision: self.revision(),
            method: self.part.method.clone(),
            body: self.part.body.clone(),
            spans: self.part.spans,
            wants_progress: self.wants_progress(),
            inputs,
        }
    }
}
