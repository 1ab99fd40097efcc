//! Input that a server asks for while it works: its own requests in the legacy era, rounds of
//! `input_required` in the modern one, behind the same event and the same commands.
//!
//! Rules of this file: nothing undeclared is handed to the user; a round goes back when all of it
//! is answered, under a new id, with the original params, this round's answers alone and the state
//! byte for byte; a refusal fails the whole call where the protocol has no other way to say no;
//! rounds are counted against a limit.

use alloc::boxed::Box;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use serde::{Deserialize, Serialize};

use crate::model::capability::ClientCapabilities;
use crate::model::elicitation::{ElicitParams, URLElicitationRequired};
use crate::model::encode::{SessionMembers, encode_value};
use crate::model::input::InputRequests;
use crate::model::members::ResultMember;
use crate::model::method::{ListRoots, Method, SpecMethod};
use crate::model::root::{ListRootsResult, Root};
use crate::model::sampling::{CreateMessageParams, check_tool_balance, malformed_block};
use crate::revision::Revision;
use crate::rpc::{
    Entry, Kind, Raw, RpcError, Scan, Span, bounded, code, members, text_at, write_string,
};
use crate::time::Instant;

use super::super::arrival::Arrival;
use super::super::error::CallError;
use super::super::event::Body;
use super::super::id::{CallId, InputId};
use super::super::misuse::{Handle, Invalid, Misuse};
use super::super::name::MethodName;
use super::super::progress::{Report, Reported};
use super::super::requests_in::RequestIn;
use super::super::table::Weigh;
use super::super::writer::write_head;
use super::event::InputRequested;
use super::{ClientEvent, ClientSession, State};

/// One round of input: what was asked, as far as it is answered.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Round {
    /// By key, in the server's order; the answers are JSON.
    answers: Vec<(Box<str>, Option<Vec<u8>>)>,
    /// The state as the JSON string it came in (`mrtr.state.echo`).
    state: Option<Box<str>>,
}

impl Round {
    /// How many bytes it holds.
    pub(super) fn weight(&self) -> usize {
        let answers = self.answers.iter().map(|(key, answer)| {
            size_of_val(key) + key.len() + answer.as_ref().map_or(24, Vec::len)
        });
        answers.sum::<usize>() + self.state.as_ref().map_or(0, |state| state.len())
    }
}

/// Sizes instead of contents, which may be secret.
impl fmt::Debug for Round {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let answered = self.answers.iter().filter(|(_, answer)| answer.is_some());
        let (answered, asked) = (answered.count(), self.answers.len());
        write!(f, "Round({answered} of {asked} answered)")
    }
}

/// What a client keeps of a legacy server's request until the user has answered.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Asked {
    method: MethodName,
}

impl Weigh for Asked {
    fn weight(&self) -> usize {
        size_of::<Self>()
    }
}

/// An entry of a modern server's `input_required` result that the user has to answer.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct RoundInput {
    /// The number of the request that was answered with it.
    request: u64,
    key: Box<str>,
    method: MethodName,
    reported: Reported,
}

impl Weigh for RoundInput {
    fn weight(&self) -> usize {
        size_of::<Self>() + self.key.len()
    }
}

impl ClientSession {
    /// Answers an input request with a result of its method.
    ///
    /// Returns an error if the input isn't open (any more), if it is for another method, or if the
    /// revision can't say the result; then it stays open.
    pub fn answer<M: Method>(
        &mut self,
        now: Instant,
        input: InputId,
        result: &M::Result<'_>,
    ) -> Result<(), Misuse> {
        self.state.writer.advance(now);
        let revision = self.open_revision()?;
        let number = self.number_of_input(input)?;
        let open = self.input_method(number)?;
        if !open.is::<M>() {
            return Err(Misuse::WrongMethod {
                method: open.as_str().into(),
            });
        }
        if M::NAME == ListRoots::NAME {
            check_roots(result)?;
        }
        let State {
            requests_in,
            round_inputs,
            writer,
            ..
        } = &mut self.state;
        let Some(asked) = round_inputs.get(number) else {
            requests_in.answer(number, writer, result, &SessionMembers::default())?;
            self.restart_idle_clocks();
            return Ok(());
        };
        let mut answer = Vec::new();
        encode_value(&mut answer, revision, result)?;
        let (request, key) = (asked.request, asked.key.clone());
        round_inputs.remove(number);
        self.round_answered(request, &key, answer);
        Ok(())
    }

    /// Refuses an input request. A legacy server is sent `error`; a modern one is sent nothing, and
    /// the call it was for completes with [`CallError::InputRefused`].
    ///
    /// To let a user decline an elicitation, answer it with that action instead. Returns an error
    /// if the input isn't open (any more).
    // `sampling.err.modern`
    pub fn decline(&mut self, now: Instant, input: InputId, error: RpcError) -> Result<(), Misuse> {
        self.state.writer.advance(now);
        let number = self.number_of_input(input)?;
        self.input_method(number)?;
        match self.state.round_inputs.remove(number) {
            Some(asked) => self.abandon(asked.request, None, CallError::InputRefused(error)),
            None => {
                let State {
                    requests_in,
                    writer,
                    ..
                } = &mut self.state;
                requests_in.refuse(number, writer, &error);
                self.restart_idle_clocks();
            }
        }
        Ok(())
    }

    /// Reports progress on an input request, if its server wants to know: `progress` so far, out of
    /// `total`, with a message for people. Modern servers don't get it, and no server does while
    /// unsent output is over [`Limits::output`](crate::Limits::output).
    ///
    /// Returns an error if the input isn't open (any more), or the number is not above the last
    /// one.
    // `progress.dir.modern`, `progress.increase`
    pub fn progress(
        &mut self,
        now: Instant,
        input: InputId,
        progress: f64,
        total: Option<f64>,
        message: Option<&str>,
    ) -> Result<(), Misuse> {
        self.state.writer.advance(now);
        self.open_revision()?;
        let number = self.number_of_input(input)?;
        self.input_method(number)?;
        let report = Report {
            progress,
            total,
            message,
        };
        let State {
            requests_in,
            round_inputs,
            writer,
            ..
        } = &mut self.state;
        match round_inputs.get_mut(number) {
            Some(asked) => asked.reported.report(writer, None, &report),
            None => requests_in.report(number, writer, &report),
        }
    }

    fn number_of_input(&self, input: InputId) -> Result<u64, Misuse> {
        let number = input.number_in(self.state.writer.tag);
        number.ok_or(Misuse::Unknown(Handle::Input))
    }

    /// What an open input is for.
    fn input_method(&self, number: u64) -> Result<&MethodName, Misuse> {
        let of_request = || Some(&self.state.requests_in.get(number)?.part.method);
        let of_round = self.state.round_inputs.get(number);
        let method = of_round.map(|asked| &asked.method).or_else(of_request);
        method.ok_or(Misuse::Unknown(Handle::Input))
    }

    /// Takes a request of a legacy server that needs the user.
    pub(super) fn input_requested(&mut self, arrival: Arrival<'_>, known: SpecMethod) {
        if let Err(error) = self.check_input_request(&arrival, known) {
            return self.state.writer.refuse(&arrival, &error);
        }
        let (method, body) = (arrival.method.clone(), arrival.body.clone());
        self.note_elicitation(known, &body);
        let number = self.state.writer.number();
        let request = RequestIn::new(arrival, |method, _| Asked { method });
        self.state.requests_in.insert(number, request);
        self.request_input(number, None, method, body);
        // Which call it is for can't be told, so all of them wait while the user thinks.
        let now = self.state.writer.now;
        self.state.requests_out.restart_all_idle(now, false);
    }

    /// Whether a legacy server's request is one to ask the user for, and there is room for it.
    fn check_input_request(
        &self,
        arrival: &Arrival<'_>,
        known: SpecMethod,
    ) -> Result<(), RpcError> {
        self.check_input(known, &arrival.body, arrival.revision)?;
        let limits = &self.config.limits;
        let requests_in = &self.state.requests_in;
        if requests_in.len() >= limits.calls {
            return Err(RpcError::over_limit("requests in flight", limits.calls));
        }
        if !requests_in.is_empty() && !self.has_memory_for(arrival.body.frame.len()) {
            return Err(RpcError::over_limit("bytes held", limits.memory));
        }
        Ok(())
    }

    fn request_input(&mut self, number: u64, call: Option<CallId>, method: MethodName, body: Body) {
        let requested = InputRequested {
            input: InputId::new(self.state.writer.tag, number),
            call,
            method,
            body,
        };
        self.state
            .events
            .push(ClientEvent::InputRequested(requested));
    }

    /// Whether the server may ask for this: declared, well-formed, and in a form the revision has.
    fn check_input(
        &self,
        method: SpecMethod,
        body: &Body,
        revision: Revision,
    ) -> Result<(), RpcError> {
        // What the revision has no words for was not declared.
        let declared = self.config.capabilities.clone().for_revision(revision);
        let capability = method.client_capability();
        if !method.exists_in(revision)
            || !capability.is_some_and(|capability| capability.is_declared_by(&declared))
        {
            return Err(RpcError::new(code::METHOD_NOT_FOUND, not_supported(method)));
        }
        match method {
            SpecMethod::Elicit => check_elicitation(&declared, body),
            SpecMethod::CreateMessage => check_sampling(&declared, body, revision),
            _ => Ok(()),
        }
    }

    /// Remembers the id by which a server will say that a URL elicitation is done.
    fn note_elicitation(&mut self, method: SpecMethod, body: &Body) {
        if method != SpecMethod::Elicit {
            return;
        }
        if let Ok(ElicitParams::Url(params)) = body.decode::<ElicitParams<'_>>()
            && let Some(id) = params.elicitation_id
        {
            self.await_elicitation(&id);
        }
    }

    /// Remembers the ids that an error names as what has to be done first (`elicit.32042`).
    pub(super) fn note_required_elicitations(&mut self, error: &RpcError) {
        let is_one = error.code == code::URL_ELICITATION_REQUIRED;
        let Some(data) = error.data.as_ref().filter(|_| is_one) else {
            return;
        };
        let Ok(required) = data.decode::<URLElicitationRequired<'_>>() else {
            return;
        };
        for params in required.elicitations {
            if let Some(id) = params.elicitation_id {
                self.await_elicitation(&id);
            }
        }
    }

    /// An id that is too long is not kept: what is done is then learned by asking again.
    fn await_elicitation(&mut self, id: &str) {
        if id.len() > self.config.limits.name {
            return;
        }
        if self.state.elicitations.len() >= self.config.limits.inputs {
            self.state.elicitations.pop_front();
        }
        self.state.elicitations.push_back(id.into());
    }

    /// A result that asks for input instead of answering.
    pub(super) fn input_required(&mut self, number: u64, body: Body, scan: &Scan) {
        let limit = self.config.limits.input_rounds;
        let Some(open) = self.state.requests_out.answered(number) else {
            return;
        };
        let (id, rounds) = (open.part.id, open.part.rounds + 1);
        if rounds > limit {
            return self.abandon(number, None, CallError::TooManyRounds { limit });
        }
        if !self.has_memory_for(body.frame.len()) {
            let error = RpcError::over_limit("bytes held", self.config.limits.memory);
            return self.abandon(number, None, CallError::InputRefused(error));
        }
        let id = self.call_id(id);
        let requests = match self.read_round(&body, scan) {
            Ok(requests) => requests,
            Err(error) => return self.abandon(number, None, error),
        };
        let state = present(&body, scan, ResultMember::RequestState);
        let state = state.is_some().then(|| state.of(&body.frame));
        let state = state
            .and_then(|state| core::str::from_utf8(state).ok())
            .map(Box::from);
        let answers = requests
            .iter()
            .map(|request| (request.key.clone(), None))
            .collect();
        self.state.requests_out.change(number, |call| {
            call.rounds = rounds;
            call.round = Some(Box::new(Round { answers, state }));
        });
        if requests.is_empty() {
            return self.retry(number);
        }
        let now = self.state.writer.now;
        self.state.requests_out.restart_idle(number, now, false);
        for asked in requests {
            let input = self.state.writer.number();
            let method = MethodName::Spec(asked.method);
            let of_round = RoundInput {
                request: number,
                key: asked.key,
                method: method.clone(),
                reported: Reported::default(),
            };
            self.state.round_inputs.insert(input, of_round);
            self.request_input(input, Some(id), method, asked.body);
        }
    }

    /// The requests of a round, all of them good, or what is wrong with one.
    fn read_round(&self, body: &Body, scan: &Scan) -> Result<Vec<RoundRequest>, CallError> {
        let bad = |path: &str, reason: &str| CallError::BadResult {
            method: "input_required".into(),
            path: path.into(),
            reason: reason.into(),
        };
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
            self.check_input(method, &body, revision)
                .map_err(CallError::InputRefused)?;
            asked.push(RoundRequest {
                key: key.into(),
                method,
                body,
            });
        }
        Ok(asked)
    }

    fn round_answered(&mut self, request: u64, key: &str, answer: Vec<u8>) {
        let is_complete = self.state.requests_out.change(request, |call| {
            let Some(round) = call.round.as_mut() else {
                return false;
            };
            let slot = round.answers.iter_mut().find(|(asked, _)| &**asked == key);
            if let Some(slot) = slot {
                slot.1 = Some(answer);
            }
            round.answers.iter().all(|(_, answer)| answer.is_some())
        });
        if is_complete == Some(true) {
            self.retry(request);
        }
    }

    /// Sends a call again with the answers of its round (`mrtr.client.params`, `mrtr.newid`).
    fn retry(&mut self, request: u64) {
        let Some(mut open) = self.state.requests_out.end(request) else {
            return;
        };
        let Some(round) = open.part.round.take() else {
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
        let (now, open) = (writer.now, open.sent(route, writer));
        self.state.requests_out.insert(number, open);
        self.state.requests_out.restart_idle(number, now, true);
    }

    /// Tells the user that the inputs of a call's round need no answer any more.
    pub(super) fn withdraw_round(&mut self, request: u64) {
        for number in self.state.round_inputs.numbers() {
            let asked = self.state.round_inputs.get(number);
            if asked.is_some_and(|asked| asked.request == request) {
                self.state.round_inputs.remove(number);
                self.input_withdrawn(number);
            }
        }
    }

    /// Tells the user that an input needs no answer any more.
    pub(super) fn input_withdrawn(&mut self, number: u64) {
        let input = InputId::new(self.state.writer.tag, number);
        self.state.events.push(ClientEvent::InputWithdrawn(input));
    }

    /// Whether a legacy server waits for the user; it doesn't say for which call.
    pub(super) fn owes_input(&self) -> bool {
        !self.state.requests_in.is_empty()
    }

    /// Lets the idle clocks run on once no legacy server waits for the user.
    pub(super) fn restart_idle_clocks(&mut self) {
        if !self.owes_input() {
            let now = self.state.writer.now;
            self.state.requests_out.restart_all_idle(now, true);
        }
    }
}

/// One request of a round that has been found to be good.
struct RoundRequest {
    key: Box<str>,
    method: SpecMethod,
    body: Body,
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
fn write_round(out: &mut Vec<u8>, round: &Round) {
    let mut separator = if out.ends_with(b"{") { "" } else { "," };
    if !round.answers.is_empty() {
        out.extend_from_slice(separator.as_bytes());
        out.extend_from_slice(b"\"inputResponses\":{");
        for (n, (key, answer)) in round.answers.iter().enumerate() {
            if n > 0 {
                out.push(b',');
            }
            write_string(out, key);
            out.push(b':');
            out.extend_from_slice(answer.as_deref().unwrap_or(b"null"));
        }
        out.push(b'}');
        separator = ",";
    }
    if let Some(state) = &round.state {
        out.extend_from_slice(separator.as_bytes());
        out.extend_from_slice(b"\"requestState\":");
        out.extend_from_slice(state.as_bytes());
    }
}

/// A root has to be a file or a directory (`roots.uri`).
fn check_roots<T: Serialize>(result: &T) -> Result<(), Misuse> {
    let written = serde_json::to_string(result).unwrap_or_default();
    let listed = serde_json::from_str::<ListRootsResult<'_>>(&written);
    match listed {
        Ok(listed)
            if listed.roots.skipped().is_empty() && listed.roots.iter().all(Root::is_file_uri) =>
        {
            Ok(())
        }
        _ => Err(Misuse::Invalid(Invalid::RootUri)),
    }
}

/// The answer to a server that asks for something undeclared (`caps.undeclared.method`).
fn not_supported(method: SpecMethod) -> &'static str {
    match method {
        SpecMethod::CreateMessage => "Sampling not supported",
        SpecMethod::Elicit => "Elicitation not supported",
        SpecMethod::ListRoots => "List roots not supported",
        _ => "Method not found",
    }
}

/// The mode has to be one that was declared (`elicit.mode.unsupported`), and what the user would
/// see one that a server may send: a form of primitive fields, a URL that is opened in a browser.
fn check_elicitation(declared: &ClientCapabilities<'_>, body: &Body) -> Result<(), RpcError> {
    let params = body.decode::<ElicitParams<'_>>().map_err(RpcError::from)?;
    let (supported, offence) = match &params {
        ElicitParams::Form(form) if !form.requested_schema.is_flat() => (
            declared.supports_form(),
            Some("Invalid params: a form whose fields are not all primitive"),
        ),
        ElicitParams::Url(url) if !url.has_valid_url() => (
            declared.supports_url(),
            Some("Invalid params: a URL that can't be opened"),
        ),
        ElicitParams::Form(_) => (declared.supports_form(), None),
        ElicitParams::Url(_) => (declared.supports_url(), None),
        _ => (false, None),
    };
    match offence.filter(|_| supported) {
        Some(offence) => Err(RpcError::invalid_params(offence)),
        None if supported => Ok(()),
        None => Err(RpcError::invalid_params(
            "Invalid params: an elicitation mode that was not declared",
        )),
    }
}

/// Tools need to have been declared, and their uses to be answered one by one
/// (`sampling.tools.reject`, `sampling.err.balance`).
fn check_sampling(
    declared: &ClientCapabilities<'_>,
    body: &Body,
    revision: Revision,
) -> Result<(), RpcError> {
    let params = body
        .decode::<CreateMessageParams<'_>>()
        .map_err(RpcError::from)?;
    if let Some((index, unreadable)) = malformed_block(&params.messages) {
        let text = alloc::format!("Invalid params: {unreadable} in messages[{index}].content");
        return Err(RpcError::invalid_params(text));
    }
    let wants_tools = params.tools.is_some() || params.tool_choice.is_some();
    let has_tools = declared
        .sampling
        .as_ref()
        .is_some_and(|sampling| sampling.tools.is_some());
    if wants_tools && !has_tools && revision >= Revision::V2025_11_25 {
        return Err(RpcError::invalid_params(
            "Invalid params: sampling.tools was not declared",
        ));
    }
    check_tool_balance(&params.messages).map_err(|unbalanced| {
        RpcError::invalid_params(alloc::format!("Invalid params: {unbalanced}"))
    })
}
