//! What a client does with each frame: responses to its calls, the server's requests and
//! notifications, and whatever is none of them.
//!
//! Rules of this file: nothing a server sends ends the session or loses another message; garbage is
//! reported and never answered, since a server that prints to its output would only print more; a
//! modern server's requests are ignored and reported (`base.dir.modern.badreq`).

use bytes::Bytes;

use crate::limits::Limits;
use crate::model::members::{MemberSpans, Param, ResultMember, remember_meta};
use crate::model::method::{self, SpecMethod};
use crate::revision::{Era, Revision};
use crate::rpc::{
    Envelope, Kind, Repeated, RequestId, RpcError, Scan, Span, error_of, raw_at, text_at,
};

use crate::time::Instant;

use super::super::arrival::Arrival;
use super::super::error::CallError;
use super::super::event::{Answer, Body, Ignored, Received};
use super::super::requests_out::RequestOut;
use super::super::side::{self, Side};
use super::super::writer::MessageWriter;
use super::call::{Call, Purpose};
use super::task;
use super::{ClientEvent, ClientSession};

impl Side for ClientSession {
    fn writer(&mut self) -> &mut MessageWriter {
        &mut self.state.writer
    }

    #[inline]
    fn advance(&mut self, now: Instant) {
        self.state.advance(now);
    }

    fn reading(&self) -> (&Limits, &Repeated) {
        (&self.config.limits, &self.repeated)
    }

    fn agreed(&self) -> Option<Revision> {
        self.state.opening.revision()
    }

    fn awaited(&self, id: &RequestId) -> Option<u64> {
        self.state.requests_out.awaited(id)
    }

    fn is_past(&self, id: &RequestId) -> bool {
        self.state.requests_out.is_past(id)
    }

    fn answered(&mut self, number: u64, frame: Bytes, envelope: &Envelope<'_>) {
        match envelope.kind {
            Kind::Error => {
                let error = error_of(raw_at(&frame, envelope.body()));
                self.finished(number, Err(error));
            }
            _ => {
                let body = Body::new(frame, envelope.body());
                match self.is_about_task(number) {
                    false => self.result(number, body, envelope.scan),
                    true => self.task_answered(number, body, envelope.scan),
                }
            }
        }
    }

    fn failed(&mut self, number: u64, error: &RpcError) {
        self.fail(number, "the root", &error.message);
    }

    fn requested(&mut self, arrival: Arrival<'_>) {
        if !self.may_respond() {
            let method = arrival.method.as_str().chars().take(128).collect();
            return self.ignore(Ignored::Request(method));
        }
        let limits = &self.config.limits;
        let checked = self.state.inputs.check(&arrival, limits);
        match (checked, arrival.method.known()) {
            (Err(error), _) => self.state.writer.refuse(&arrival, &error),
            (_, Some(SpecMethod::Ping)) => self.state.writer.answer_empty(&arrival),
            (_, Some(known)) if known.is_input_request() && self.is_open() => {
                self.input_requested(arrival, known);
            }
            _ => {
                let error = RpcError::method_not_found(arrival.method.as_str());
                self.state.writer.refuse(&arrival, &error);
            }
        }
    }

    fn notified(&mut self, known: SpecMethod, received: Received, scan: &Scan) {
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
            SpecMethod::TaskStatusChanged | SpecMethod::TaskChanged => {
                self.task_notified(received, scan);
            }
            _ => self.ignore(Ignored::notification(&received)),
        }
    }

    fn notified_of_other(&mut self, received: Received) {
        self.state.events.push(ClientEvent::Notification(received));
    }

    fn may_answer(&mut self, id: Option<&RequestId>) -> bool {
        id.is_some() && self.may_respond()
    }

    fn ignore(&mut self, ignored: Ignored) {
        if let Ignored::Response(_) | Ignored::Error(_) = ignored {
            let ignored = &mut self.state.ignored_responses;
            *ignored = ignored.saturating_add(1);
        }
        self.state.events.push(ClientEvent::Ignored(ignored));
    }
}

impl ClientSession {
    /// Whether the server may be one that sends requests, which only legacy ones do
    /// (`base.dir.modern.client`).
    pub(super) fn may_respond(&self) -> bool {
        self.state.opening.may_be_legacy(&self.config)
    }

    /// Takes what may be the result of a request.
    pub(super) fn result(&mut self, number: u64, body: Body, scan: &Scan) {
        let is_modern = match self.state.opening.revision() {
            Some(revision) => revision.era() == Era::Modern,
            // No legacy server has the method that is asked first.
            None => {
                let open = self.state.requests_out.get(number);
                open.is_some_and(|open| open.part.purpose == Purpose::Probe)
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
                ResultType::Task => return self.task_created(number, body),
                ResultType::Unknown => {
                    return self.fail(
                        number,
                        "resultType",
                        "not a kind of result that was asked for",
                    );
                }
            }
        }
        if !scan.result_member(ResultMember::Content).is_some()
            && self.is_unwanted_task(number, &body)
        {
            return self.fail(number, "task", "a task that was not asked for");
        }
        if is_modern {
            remember_meta(&mut self.repeated, &body.frame, &scan.result);
        }
        let spans = MemberSpans::of_result(scan);
        let landmarks = scan.landmarks.clone();
        self.finished(
            number,
            Ok(Answer {
                body,
                spans,
                landmarks,
            }),
        );
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
        let open = self.state.requests_out.get(number);
        let known = open.and_then(|open| open.method().known());
        match text_at(frame, span).as_deref() {
            Some("complete") => ResultType::Complete,
            Some("input_required") if known.is_some_and(SpecMethod::allows_input_required) => {
                ResultType::InputRequired
            }
            // `task26.method`, `ext.resulttype`
            Some("task") if known == Some(SpecMethod::CallTool) && self.declares_tasks() => {
                ResultType::Task
            }
            _ => ResultType::Unknown,
        }
    }

    /// Whether a legacy server answers a call with a task although it was not asked to.
    #[cold]
    fn is_unwanted_task(&self, number: u64, body: &Body) -> bool {
        let open = self.state.requests_out.get(number);
        let is_call = |open: &RequestOut<Call>| {
            open.method().known() == Some(SpecMethod::CallTool) && open.part.task.is_none()
        };
        open.is_some_and(is_call) && task::is_new_task(body)
    }

    /// A request has been answered for good.
    pub(super) fn finished(&mut self, number: u64, outcome: Result<Answer, RpcError>) {
        let Some((method, call)) = self.state.requests_out.finish(number) else {
            return;
        };
        match (call.purpose, outcome) {
            (purpose @ (Purpose::Probe | Purpose::Initialize), outcome) => {
                self.opening_answered(purpose == Purpose::Probe, outcome.map(|it| it.body));
            }
            (_, Ok(answer)) => self.conclude(number, method, call, Ok(answer)),
            (_, Err(error)) => {
                let limits = &self.config.limits;
                self.state.elicitations.note_required(&error, limits);
                self.conclude(number, method, call, Err(CallError::Rpc(error)));
            }
        }
    }

    /// A request was answered with something that is no answer.
    pub(super) fn fail(&mut self, number: u64, path: &str, reason: &str) {
        let Some(open) = self.state.requests_out.answered(number) else {
            return;
        };
        let error = CallError::BadResult {
            method: open.method().as_str().into(),
            path: path.into(),
            reason: reason.into(),
        };
        match open.part.purpose {
            Purpose::Probe | Purpose::Initialize => {
                let error = RpcError::internal(alloc::format!("{error}"));
                self.finished(number, Err(error));
            }
            _ => self.abandon(number, None, error),
        }
    }

    fn progressed(&mut self, received: Received, scan: &Scan) {
        let token = raw_at(&received.body.frame, scan.param(Param::ProgressToken));
        let token = token.and_then(|token| RequestId::from_json(token.as_str()));
        let requests_out = &self.state.requests_out;
        let is_modern = self.state.opening.revision().map(Revision::era) == Some(Era::Modern);
        let number = token.and_then(|token| {
            // Between two requests about a task progress is as good as before (`progress.task.d`).
            let of_task = |call: &Call| call.task.is_some() && !is_modern;
            requests_out.of_token(&token, of_task)
        });
        let is_good = received.params::<method::Progress>().is_ok();
        let call = number.and_then(|number| Some((number, requests_out.get(number)?.part.id)));
        let Some((number, id)) = call.filter(|_| is_good) else {
            return self.ignore(Ignored::notification(&received));
        };
        let (now, runs) = (self.state.writer.now, !self.state.inputs.owes_answer());
        self.state.requests_out.restart_idle(number, now, runs);
        self.state.events.push(ClientEvent::Progress {
            call: self.call_id(id),
            progress: received,
        });
    }

    /// The server takes back a request of its own, or ends a listen stream.
    fn cancelled_by_server(&mut self, received: &Received, scan: &Scan) {
        let is_known = side::cancelled_id(received, scan).is_some_and(|id| {
            self.listen_cancelled(&id)
                || self.input_cancelled(&id)
                || self.state.requests_out.is_past(&id)
        });
        if !is_known {
            self.ignore(Ignored::notification(received));
        }
    }
}

/// The kinds of modern results.
enum ResultType {
    Complete,
    InputRequired,
    Task,
    Unknown,
}
