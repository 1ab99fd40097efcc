//! Asking the client for input while a request is worked on: an `input_required` result in the
//! modern era, requests to the client in the legacy one, behind one command.
//!
//! Rules of this file: only the methods that may ask do, and only for what the client declared; a
//! legacy request stays open while its client is asked and comes again with this round's answers
//! and the state it was given; rounds are counted; whatever goes wrong with an answer is given to
//! the handler, never lost.

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use crate::model::capability::ClientCapabilities;
use crate::model::elicitation::ElicitParams;
use crate::model::encode::{EncodeError, SessionMembers, encode_value};
use crate::model::input::{InputRequest, InputRequests};
use crate::model::members::Param;
use crate::model::method::{self, Method, SpecMethod};
use crate::model::sampling::{CreateMessageParams, check_tool_balance};
use crate::revision::{Era, Revision};
use crate::rpc::{Kind, Raw, RequestId, RpcError, Scan, Text, raw_at, read_json, write_string};
use crate::saved::saved;
use crate::time::Instant;

use super::super::event::{Body, Received, progress_token_of};
use super::super::id::IncomingId;
use super::super::misuse::{Invalid, Limited, Misuse};
use super::super::name::MethodName;
use super::super::rare::Idle;
use super::super::requests_out::{RequestOut, RequestsOut};
use super::super::sound;
use super::super::table::{Weigh, total};
use super::super::timer::Clocks;
use super::super::writer::{write_head, write_params};
use super::event::{InputAnswer, Inputs};
use super::{ServerEvent, ServerSession, Stage, State};

/// What a server keeps of a request to a legacy client: what the answer is for.
#[derive(Clone)]
pub(super) struct PendingInput {
    pub(super) incoming: u64,
    pub(super) key: Box<str>,
    /// The params, until the request is sent; it waits for the client to be initialized.
    unsent: Option<Box<str>>,
}

saved! { struct PendingInput { incoming, key, unsent } }

impl PendingInput {
    /// Whether what is to be sent are params, as they are unless a saved session was changed.
    pub(super) fn is_sound(_: u64, input: &Self) -> bool {
        let unsent = input.unsent.as_ref();
        unsent.is_none_or(|params| sound::is_object(params.as_bytes()))
    }
}

impl Idle for RequestsOut<PendingInput, 0> {
    const IDLE: &'static Self = &Self::EMPTY;
}

impl Weigh for PendingInput {
    fn weight(&self) -> usize {
        let unsent = self.unsent.as_ref().map_or(0, |params| params.len());
        total([size_of::<Self>(), self.key.len(), unsent])
    }
}

/// Its size instead of its contents, which may be secret.
impl fmt::Debug for PendingInput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unsent = self.unsent.as_ref().map(|params| params.len());
        f.debug_struct("PendingInput")
            .field("incoming", &self.incoming)
            .field("unsent_bytes", &unsent)
            .finish()
    }
}

impl ServerSession {
    /// Asks the client for what a request needs. The request comes again as a new
    /// [`ServerEvent::Request`], with the answers by key and with `state`; until then it is not
    /// this side's to answer. A modern client carries the state, so it may never come back, or come
    /// to another instance of the server.
    ///
    /// Returns an error if the request isn't open (any more), its method may not ask, nothing is
    /// asked and no state given, there were too many rounds, the client did not declare what is
    /// needed ([`Misuse::MissingClientCapability`]: answer with
    /// [`RpcError::missing_client_capability`]), or its revision can't say it.
    pub fn need_input(
        &mut self,
        now: Instant,
        request: IncomingId,
        requests: &InputRequests<'_>,
        state: Option<&str>,
    ) -> Result<(), Misuse> {
        self.state.writer.advance(now);
        let (_, incoming) = self.open_incoming(request)?;
        let known = incoming.part.method.known();
        // A task of 2025-11-25 asks while its result is awaited (`task25.input`).
        let is_of_task = known == Some(SpecMethod::GetTaskPayload);
        if !is_of_task && !known.is_some_and(SpecMethod::allows_input_required) {
            return Err(Misuse::InputNotAllowed {
                method: incoming.part.method.as_str().into(),
            });
        }
        if requests.is_empty() && state.is_none() {
            return Err(Misuse::Invalid(Invalid::NoInput));
        }
        let limit = self.fixed.config.limits.inputs;
        if requests.len() > limit {
            return Err(Misuse::LimitReached {
                what: Limited::Inputs,
                limit,
            });
        }
        let limit = self.fixed.config.limits.input_rounds;
        if incoming.part.rounds.count() >= limit {
            return Err(Misuse::LimitReached {
                what: Limited::InputRounds,
                limit,
            });
        }
        let revision = incoming.revision();
        self.check_requests(request, requests)?;
        match revision.era() {
            Era::Modern => self.require_input(request, requests, state),
            Era::Legacy => self.ask(request, requests, state),
        }
    }

    /// Returns what the client of an open request can do, as far as the request's revision has
    /// words for it; `None` when the request isn't open.
    pub fn capabilities_of(&self, request: IncomingId) -> Option<ClientCapabilities<'_>> {
        let number = request.number_in(self.state.writer.tag)?;
        let incoming = self.state.requests_in.get(number)?;
        let declared = match incoming.revision().era() {
            Era::Legacy => self.client_capabilities(),
            Era::Modern => {
                let part = &incoming.part;
                read_json(part.client_capabilities.of(&part.body.frame)).ok()
            }
        };
        declared.map(|declared| declared.for_revision(incoming.revision()))
    }

    /// Whether the client may be asked for the context of servers (`sampling.ctx`); up to
    /// 2025-06-18 there is no capability for that.
    fn includes_context(&self, request: IncomingId, revision: Revision) -> bool {
        let declared = self.capabilities_of(request).unwrap_or_default();
        let sampling = declared.sampling.as_ref();
        revision < Revision::V2025_11_25
            || sampling.is_some_and(|sampling| sampling.context.is_some())
    }

    /// Whether the client declared all that the requests need (`mrtr.caps`, `elicit.mode.gate`,
    /// `sampling.tools.cap`), and the requests are good.
    fn check_requests(
        &self,
        request: IncomingId,
        requests: &InputRequests<'_>,
    ) -> Result<(), Misuse> {
        let mut needed = ClientCapabilities::new();
        for (_, asked) in requests.iter() {
            needed = needs(needed, asked)?;
        }
        let declared = self.capabilities_of(request).unwrap_or_default();
        match declared.missing_for(&needed) {
            None => Ok(()),
            Some(missing) => Err(Misuse::MissingClientCapability(Box::new(missing))),
        }
    }

    /// Answers with `input_required` (`mrtr.shape`).
    fn require_input(
        &mut self,
        request: IncomingId,
        requests: &InputRequests<'_>,
        state: Option<&str>,
    ) -> Result<(), Misuse> {
        let (number, incoming) = self.open_incoming(request)?;
        let revision = incoming.revision();
        let includes_context = self.includes_context(request, revision);
        let mut members: Vec<u8> = b"\"resultType\":\"input_required\"".to_vec();
        if !requests.is_empty() {
            members.extend_from_slice(b",\"inputRequests\":{");
            for (n, (key, asked)) in requests.iter().enumerate() {
                if n > 0 {
                    members.push(b',');
                }
                write_string(&mut members, key);
                members.extend_from_slice(b":{\"method\":");
                write_string(&mut members, &asked.method);
                members.extend_from_slice(b",\"params\":");
                write_input_params(&mut members, asked, revision, includes_context)?;
                members.push(b'}');
            }
            members.push(b'}');
        }
        if let Some(state) = state {
            members.extend_from_slice(b",\"requestState\":");
            write_string(&mut members, state);
        }
        let additions = SessionMembers {
            meta: self.fixed.own_meta.of(revision),
            members: &members,
            ..SessionMembers::default()
        };
        let nothing = serde_json::Map::new();
        let State {
            requests_in,
            writer,
            ..
        } = &mut self.state;
        Ok(requests_in.answer(number, writer, &nothing, |_| additions)?)
    }

    /// Asks a legacy client with requests of the server's own.
    fn ask(
        &mut self,
        request: IncomingId,
        requests: &InputRequests<'_>,
        state: Option<&str>,
    ) -> Result<(), Misuse> {
        let limit = self.fixed.config.limits.calls();
        if total([self.state.requests_out.len(), requests.len()]) > limit {
            return Err(Misuse::LimitReached {
                what: Limited::Calls,
                limit,
            });
        }
        self.state.writer.check_room()?;
        let (request, incoming) = self.open_incoming(request)?;
        let (revision, round) = (
            incoming.revision(),
            incoming.part.rounds.count().saturating_add(1),
        );
        let pending = self.pending_inputs(request, round, requests, revision)?;
        let keys = pending.iter().map(|asked| asked.part.key.clone());
        self.state.requests_in.change(request, |incoming| {
            incoming.rounds.begin(keys, state.map(Box::from))
        });
        for asked in pending {
            let number = self.state.writer.number();
            self.state.requests_out.insert(number, asked);
        }
        if requests.is_empty() {
            self.ask_again(request);
        } else if let Stage::Open(_) = self.state.legacy.stage {
            self.ask_waiting();
        }
        Ok(())
    }

    /// The requests to a legacy client, encoded but not sent.
    fn pending_inputs(
        &self,
        request: u64,
        round: usize,
        requests: &InputRequests<'_>,
        revision: Revision,
    ) -> Result<Vec<RequestOut<PendingInput>>, Misuse> {
        let id = IncomingId::new(self.state.writer.tag, request);
        let includes_context = self.includes_context(id, revision);
        // A client that is never initialized must not keep the handler waiting either.
        let clocks = self.input_clocks();
        let mut pending = Vec::with_capacity(requests.len());
        for (key, asked) in requests.iter() {
            let mut params = Vec::new();
            let asked = with_elicitation_id(asked, || format!("{request}.{round}.{key}"));
            write_input_params(&mut params, &asked, revision, includes_context)?;
            let params = String::from_utf8(params).unwrap_or_default();
            if let Some(method) = SpecMethod::from_wire(&asked.method) {
                let token = progress_token_of(params.as_bytes());
                let input = PendingInput {
                    incoming: request,
                    key: Box::from(key),
                    unsent: Some(Box::from(params)),
                };
                let method = MethodName::Spec(method);
                pending.push(RequestOut::new(method, clocks.clone(), token, input));
            }
        }
        Ok(pending)
    }

    /// Sends the requests that wait to be sent.
    pub(super) fn ask_waiting(&mut self) {
        let Some(revision) = self.state.legacy.revision() else {
            return;
        };
        let clocks = self.input_clocks();
        let State {
            requests_in,
            requests_out,
            writer,
            ..
        } = &mut self.state;
        for number in requests_out.numbers() {
            let unsent = requests_out.change(number, |input| input.unsent.take());
            let (Some(Some(params)), Some(open)) = (unsent, requests_out.get(number)) else {
                continue;
            };
            let Some(incoming) = requests_in.get(open.part.incoming) else {
                continue;
            };
            let (route, name) = (incoming.route(), open.method().as_str());
            let written = writer.frame(route, Kind::Request, Some(revision), |out| {
                write_head(out, Some(number), name);
                let params = Raw::trusted(Text::from(&*params).into_string().into());
                write_params(out, revision, &params, &SessionMembers::default())?;
                out.push(b'}');
                Ok(())
            });
            debug_assert!(written.is_ok(), "the params are JSON already");
            requests_out.sent(number, route, writer, clocks.clone());
        }
    }

    /// How long an answer may take from now on.
    fn input_clocks(&self) -> Clocks {
        let input = self.fixed.config.timeouts.input;
        Clocks::start(self.state.writer.now, None, input, false)
    }

    /// A legacy client has answered.
    pub(super) fn input_answered(&mut self, number: u64, outcome: Result<&Body, RpcError>) {
        let Some(asked) = self.state.requests_out.end(number) else {
            return;
        };
        // The answer is copied out of its frame; one that there is no room for has failed.
        let has_room = |body: &&Body| self.has_room_for(body.span.range().len());
        let outcome = match outcome {
            Ok(body) if !has_room(&body) => Err(RpcError::over_limit(
                "bytes held",
                self.fixed.config.limits.memory,
            )),
            outcome => outcome.map(Body::exact),
        };
        self.collect(asked.part, outcome);
    }

    fn collect(&mut self, asked: PendingInput, answer: InputAnswer) {
        let is_complete = self.state.requests_in.change(asked.incoming, |incoming| {
            incoming.rounds.answer(&asked.key, answer)
        });
        if is_complete == Some(true) {
            self.ask_again(asked.incoming);
        }
    }

    /// Hands a request to the user again, with the answers.
    fn ask_again(&mut self, number: u64) {
        let event = self.state.requests_in.change(number, |incoming| {
            incoming.rounds.end().map(Inputs::Collected)
        });
        let Some(Some(inputs)) = event else {
            return;
        };
        self.state.requests_in.restart_progress(number);
        if let Some(incoming) = self.state.requests_in.get(number) {
            let id = IncomingId::new(self.state.writer.tag, number);
            let event = ServerEvent::Request(incoming.event(id, inputs));
            self.state.events.push(event);
        }
    }

    /// Takes back what was asked for a request that is over.
    pub(super) fn withdraw_asked(&mut self, incoming: u64) {
        for number in self.state.requests_out.numbers() {
            let open = self.state.requests_out.get(number);
            if open.is_some_and(|open| open.part.incoming == incoming) {
                self.give_up_on(number, "no longer needed");
            }
        }
    }

    /// Gives up on answers that take too long; the handler is told.
    pub(super) fn input_timeouts(&mut self) {
        let now = self.state.writer.now;
        while let Some(due) = (self.state.requests_out.existing()).and_then(|open| open.due(now)) {
            for (number, _) in due {
                if let Some(input) = self.give_up_on(number, "timed out") {
                    let error = RpcError::internal("The client did not answer in time");
                    self.collect(input, Err(error));
                }
            }
        }
    }

    /// Ends a request to the client, who is told.
    fn give_up_on(&mut self, number: u64, reason: &str) -> Option<PendingInput> {
        let asked = self.state.requests_out.end(number)?;
        let revision = self.state.legacy.revision();
        asked.cancel(number, &mut self.state.writer, revision, Some(reason));
        Some(asked.part)
    }

    /// Whether a client's progress notification is about something that it is being asked for.
    pub(super) fn is_progress_of_input(&self, received: &Received, scan: &Scan) -> bool {
        let token = raw_at(&received.body.frame, scan.param(Param::ProgressToken));
        let token = token.and_then(|token| RequestId::from_json(token.as_str()));
        token.is_some_and(|token| {
            self.state
                .requests_out
                .of_token(&token, |_| false)
                .is_some()
        }) && received.params::<method::Progress>().is_ok()
    }
}

/// What is asked as `revision` has it.
pub(crate) fn lower_input(asked: &InputRequest<'_>, revision: Revision) -> InputRequest<'static> {
    let mut params = Vec::new();
    let written = write_input_params(&mut params, asked, revision, true);
    let params = written.ok().and_then(|()| String::from_utf8(params).ok());
    let lowered = InputRequest::new(Text::from(String::from(asked.method.as_str())));
    match params {
        Some(params) => lowered.params(Raw::trusted(params.into())),
        None => lowered,
    }
}

/// What `asked` needs of the client.
pub(crate) fn needed_for(asked: &InputRequest<'_>) -> Result<ClientCapabilities<'static>, Misuse> {
    needs(ClientCapabilities::new(), asked)
}

/// What `asked` needs of the client, on top of `needed`.
fn needs(
    needed: ClientCapabilities<'static>,
    asked: &InputRequest<'_>,
) -> Result<ClientCapabilities<'static>, Misuse> {
    let known = SpecMethod::from_wire(&asked.method).filter(|known| known.is_input_request());
    let Some(known) = known else {
        return Err(Misuse::Invalid(Invalid::InputMethod));
    };
    let params = asked.params.as_ref();
    let bad = Misuse::Invalid(Invalid::InputParams);
    Ok(match known {
        SpecMethod::ListRoots => needed.roots(false),
        SpecMethod::Elicit => {
            let params = params.ok_or(bad.clone())?.decode::<ElicitParams<'_>>();
            match params.map_err(|_| bad.clone())? {
                ElicitParams::Url(params) if params.has_valid_url() => needed.elicitation_url(),
                ElicitParams::Url(_) => return Err(Misuse::Invalid(Invalid::ElicitationUrl)),
                ElicitParams::Form(params) if !params.requested_schema.is_flat() => {
                    return Err(Misuse::Invalid(Invalid::NestedForm));
                }
                ElicitParams::Form(_) => needed.elicitation_form(),
                ElicitParams::Unknown(_) => return Err(bad),
            }
        }
        _ => {
            let params = params
                .ok_or(bad.clone())?
                .decode::<CreateMessageParams<'_>>();
            let params = params.map_err(|_| bad)?;
            if check_tool_balance(&params.messages).is_err() {
                return Err(Misuse::Invalid(Invalid::ToolBalance));
            }
            match params.tools.is_some() || params.tool_choice.is_some() {
                true => needed.sampling_tools(),
                false => needed.sampling(),
            }
        }
    })
}

/// The request with an id, if it sends its user to a URL and has none. 2025-11-25, the only legacy
/// revision with such requests, demands an id, and 2026-07-28 has none (`elicit.url.params`). This
/// one is unique in its session; a server that needs more gives one itself.
fn with_elicitation_id<'r>(
    asked: &'r InputRequest<'_>,
    id: impl FnOnce() -> String,
) -> Cow<'r, InputRequest<'r>> {
    let params = asked
        .params
        .as_ref()
        .filter(|_| asked.method == method::Elicit::NAME);
    let params = params.and_then(|params| params.decode::<ElicitParams<'_>>().ok());
    match params {
        Some(ElicitParams::Url(params)) if params.elicitation_id.is_none() => {
            let params = ElicitParams::Url(params.elicitation_id(id()));
            InputRequest::encode::<method::Elicit>(&params).map_or(Cow::Borrowed(asked), Cow::Owned)
        }
        _ => Cow::Borrowed(asked),
    }
}

/// Appends the params of an input request as `revision` has them. A wish for context goes out only
/// where it may be fulfilled; a client may ignore it anyway.
fn write_input_params(
    out: &mut Vec<u8>,
    asked: &InputRequest<'_>,
    revision: Revision,
    includes_context: bool,
) -> Result<(), EncodeError> {
    let Some(params) = &asked.params else {
        out.extend_from_slice(b"{}");
        return Ok(());
    };
    // The typed value is lowered while it is written; raw JSON would go out as it is.
    let lowered = match SpecMethod::from_wire(&asked.method) {
        Some(SpecMethod::Elicit) => params
            .decode::<<method::Elicit as Method>::Params<'_>>()
            .ok()
            .map(|params| encode_value(out, revision, &params)),
        Some(SpecMethod::CreateMessage) => params
            .decode::<<method::CreateMessage as Method>::Params<'_>>()
            .ok()
            .map(|mut params| {
                params.include_context = params.include_context.filter(|_| includes_context);
                encode_value(out, revision, &params)
            }),
        _ => None,
    };
    lowered.unwrap_or_else(|| encode_value(out, revision, params))
}
