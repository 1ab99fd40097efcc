//! Rounds of input: a modern server answers a call with what it needs, and gets the call again with
//! the answers.
//!
//! Rules of this file: a round goes back when all of it is answered, under a new id, with the original
//! params, this round's answers alone and the state byte for byte (`mrtr.client.params`,
//! `mrtr.newid`, `mrtr.state.echo`); rounds are counted against a limit; one that can't be asked as a
//! whole isn't asked at all, and fails its call.

use alloc::boxed::Box;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::model::input::InputRequests;
use crate::model::members::ResultMember;
use crate::model::method::SpecMethod;
use crate::revision::Revision;
use crate::rpc::{Entry, Kind, Raw, RpcError, Scan, Span, bounded, members, text_at, write_string};

use super::super::error::CallError;
use super::super::event::Body;
use super::super::name::MethodName;
use super::super::rounds::Round;
use super::super::writer::write_head;
use super::ClientSession;
use super::check::check_input;
use super::inputs::RoundEntry;

/// An answer to an entry, as JSON.
pub(super) type InputAnswer = Vec<u8>;

impl ClientSession {
    /// A result that asks for input instead of answering.
    pub(super) fn input_required(&mut self, number: u64, body: Body, scan: &Scan) {
        let limit = self.config.limits.input_rounds;
        let Some(open) = self.state.requests_out.answered(number) else {
            return;
        };
        if open.part.rounds.count() >= limit {
            return self.abandon(number, None, CallError::TooManyRounds { limit });
        }
        if !self.has_memory_for(body.frame.len()) {
            let error = RpcError::over_limit("bytes held", self.config.limits.memory);
            return self.abandon(number, None, CallError::InputRefused(error));
        }
        let requests = match self.read_round(&body, scan) {
            Ok(requests) => requests,
            Err(error) => return self.abandon(number, None, error),
        };
        let state = present(&body, scan, ResultMember::RequestState);
        let state = state.is_some().then(|| state.of(&body.frame));
        let state = state
            .and_then(|state| core::str::from_utf8(state).ok())
            .map(Box::from);
        let keys = requests.iter().map(|request| request.key.clone());
        self.state
            .requests_out
            .change(number, |call| call.rounds.begin(keys, state));
        if requests.is_empty() {
            return self.retry(number);
        }
        self.ask_round(number, requests);
    }

    /// Hands the requests of a round to the user.
    pub(super) fn ask_round(&mut self, number: u64, requests: Vec<RoundRequest>) {
        let call = self.state.requests_out.get(number);
        let id = call.map(|open| self.call_id(open.part.id));
        let now = self.state.writer.now;
        self.state.requests_out.restart_idle(number, now, false);
        for asked in requests {
            let input = self.state.writer.number();
            let method = MethodName::Spec(asked.method);
            let entry = RoundEntry::new(number, asked.key, method.clone());
            self.state.inputs.insert_entry(input, entry);
            self.request_input(input, id, method, asked.body);
        }
    }

    /// The requests of a round, all of them good, or what is wrong with one.
    fn read_round(&self, body: &Body, scan: &Scan) -> Result<Vec<RoundRequest>, CallError> {
        let state = present(body, scan, ResultMember::RequestState);
        let requests = present(body, scan, ResultMember::InputRequests);
        if !state.is_some() && !requests.is_some() {
            return Err(bad("the root", "neither inputRequests nor requestState"));
        }
        if state.is_some() && text_at(&body.frame, state).is_none() {
            return Err(bad("requestState", "not a string"));
        }
        if !requests.is_some() {
            return Ok(Vec::new());
        }
        // Counted before they are decoded: the count is the server's choice.
        let limit = self.config.limits.inputs;
        if members(requests.of(&body.frame)).nth(limit).is_some() {
            return Err(bad("inputRequests", "too many of them"));
        }
        let text = Body::new(body.frame.clone(), requests);
        let typed: InputRequests<'_> = text
            .decode()
            .map_err(|malformed| malformed.into_call_error("input_required"))?;
        self.check_requests(&typed)
    }

    /// The requests for input, all of them good, or what is wrong with one.
    pub(super) fn check_requests(
        &self,
        typed: &InputRequests<'_>,
    ) -> Result<Vec<RoundRequest>, CallError> {
        let mut asked = Vec::with_capacity(typed.len());
        for (key, request) in typed.iter() {
            let path = alloc::format!("inputRequests.{}", bounded(key));
            if key.len() > self.config.limits.name {
                return Err(bad(&path, "a key that is too long"));
            }
            let known =
                SpecMethod::from_wire(&request.method).filter(|known| known.is_input_request());
            let Some(method) = known else {
                return Err(bad(&path, "a method that can't be asked of a client"));
            };
            let body = params_body(&request.params);
            let revision = self.state.opening.revision().unwrap_or(Revision::NEWEST);
            check_input(&self.config, method, &body, revision).map_err(CallError::InputRefused)?;
            asked.push(RoundRequest {
                key: key.into(),
                method,
                body,
            });
        }
        Ok(asked)
    }

    /// Takes an answer to a round, which goes back with the last one.
    pub(super) fn round_answered(&mut self, request: u64, key: &str, answer: InputAnswer) {
        let is_last = self
            .state
            .requests_out
            .change(request, |call| call.rounds.answer(key, answer));
        match is_last {
            Some(true) if self.is_about_task(request) => self.update_task(request),
            Some(true) => self.retry(request),
            _ => {}
        }
    }

    /// Sends a call again with the answers of its round.
    fn retry(&mut self, request: u64) {
        let Some(mut open) = self.state.requests_out.end(request) else {
            return;
        };
        let Some(round) = open.part.rounds.end() else {
            return;
        };
        let number = self.state.writer.number();
        let route = self.request_route(number);
        let (name, params) = (open.method().as_str(), &open.part.params);
        let (writer, revision) = (&mut self.state.writer, self.state.opening.revision());
        let written = writer.frame(route, Kind::Request, revision, |out| {
            write_head(out, Some(number), name);
            out.extend_from_slice(b",\"params\":{");
            write_original(out, params);
            write_round(out, &round);
            out.extend_from_slice(b"}}");
            Ok(())
        });
        debug_assert!(written.is_ok(), "all of it is JSON already");
        open.mark_sent(route, writer);
        let now = writer.now;
        self.state.requests_out.insert(number, open);
        self.state.requests_out.restart_idle(number, now, true);
    }

    /// Tells the user that the inputs of a call's round need no answer any more.
    pub(super) fn withdraw_round(&mut self, request: u64) {
        for number in self.state.inputs.withdraw_round(request) {
            self.input_withdrawn(number);
        }
    }
}

/// One request of a round that has been found to be good.
pub(super) struct RoundRequest {
    pub(super) key: Box<str>,
    method: SpecMethod,
    body: Body,
}

/// What is wrong with a round.
fn bad(path: &str, reason: &str) -> CallError {
    CallError::BadResult {
        method: "input_required".into(),
        path: path.into(),
        reason: reason.into(),
    }
}

/// A member of a result, unless it is null.
fn present(body: &Body, scan: &Scan, member: ResultMember) -> Span {
    let span = scan.result_member(member);
    match span.of(&body.frame) {
        b"null" => Span::NONE,
        _ => span,
    }
}

fn params_body(params: &Option<Raw<'_>>) -> Body {
    let text: String = params
        .as_ref()
        .map_or_else(|| "{}".to_string(), |raw| raw.as_str().into());
    let end = u32::try_from(text.len()).unwrap_or(0);
    Body::new(text.into_bytes().into(), Span { start: 0, end })
}

/// Appends the members of the original params, but for those of an earlier round, which a gateway
/// may have put there (`mrtr.client.onlylast`).
fn write_original(out: &mut Vec<u8>, params: &[u8]) {
    for Entry { key, value } in members(params) {
        let is_of_round = text_at(params, key)
            .is_some_and(|key| matches!(key.as_str(), "inputResponses" | "requestState"));
        if is_of_round {
            continue;
        }
        if !out.ends_with(b"{") {
            out.push(b',');
        }
        out.extend_from_slice(key.of(params));
        out.push(b':');
        out.extend_from_slice(value.of(params));
    }
}

/// Appends `,"inputResponses":{..},"requestState":".."`, each only if there is one.
fn write_round(out: &mut Vec<u8>, round: &Round<InputAnswer>) {
    let mut separator = if out.ends_with(b"{") { "" } else { "," };
    if !round.is_empty() {
        out.extend_from_slice(separator.as_bytes());
        out.extend_from_slice(b"\"inputResponses\":{");
        for (n, (key, answer)) in round.answers().enumerate() {
            if n > 0 {
                out.push(b',');
            }
            write_string(out, key);
            out.push(b':');
            out.extend_from_slice(answer.map_or(b"null", Vec::as_slice));
        }
        out.push(b'}');
        separator = ",";
    }
    if let Some(state) = round.state() {
        out.extend_from_slice(separator.as_bytes());
        out.extend_from_slice(b"\"requestState\":");
        out.extend_from_slice(state.as_bytes());
    }
}
