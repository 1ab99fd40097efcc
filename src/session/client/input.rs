//! Input that a server asks for while it works: its own requests in the legacy era, rounds of
//! `input_required` in the modern one, behind the same event and the same commands.
//!
//! Rules of this file: while a legacy server waits for the user, the idle clocks of all calls stand
//! still, since it doesn't say which call it asks for; a refusal fails the whole call where the
//! protocol has no other way to say no; what was asked by the stream of a call ends with the call if
//! that ends without its answer.

use crate::model::method::{self, ListRoots, Method, SpecMethod};
use crate::rpc::{RequestId, RpcError};
use crate::time::Instant;

use super::super::arrival::Arrival;
use super::super::error::CallError;
use super::super::event::{Body, Ignored, Received};
use super::super::id::{CallId, InputId};
use super::super::misuse::{Handle, Misuse};
use super::super::name::MethodName;
use super::super::progress::Report;
use super::super::route::Route;
use super::super::side::Side;
use super::check::{check_input, check_roots};
use super::event::InputRequested;
use super::inputs::Answered;
use super::{ClientEvent, ClientSession, State};

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
        self.state.advance(now);
        let revision = self.open_revision()?;
        let number = self.number_of_input(input)?;
        let open = self.state.inputs.method(number)?;
        if !open.is::<M>() {
            return Err(Misuse::WrongMethod {
                method: open.as_str().into(),
            });
        }
        if M::NAME == ListRoots::NAME {
            check_roots(result)?;
        }
        let State { inputs, writer, .. } = &mut self.state;
        match inputs.answer(number, writer, revision, result)? {
            Answered::Sent => self.restart_idle_clocks(),
            Answered::OfRound {
                request,
                key,
                answer,
            } => self.round_answered(request, &key, answer),
        }
        Ok(())
    }

    /// Refuses an input request. A legacy server is sent `error`; a modern one is sent nothing, and
    /// the call it was for completes with [`CallError::InputRefused`].
    ///
    /// To let a user decline an elicitation, answer it with that action instead. Returns an error
    /// if the input isn't open (any more).
    // `sampling.err.modern`
    pub fn decline(&mut self, now: Instant, input: InputId, error: RpcError) -> Result<(), Misuse> {
        self.state.advance(now);
        let number = self.number_of_input(input)?;
        self.state.inputs.method(number)?;
        let State { inputs, writer, .. } = &mut self.state;
        match inputs.refuse(number, writer, &error) {
            Some(request) => self.abandon(request, None, CallError::InputRefused(error)),
            None => self.restart_idle_clocks(),
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
        self.state.advance(now);
        self.open_revision()?;
        let number = self.number_of_input(input)?;
        self.state.inputs.method(number)?;
        let report = Report {
            progress,
            total,
            message,
        };
        let State { inputs, writer, .. } = &mut self.state;
        inputs.report(number, writer, &report)
    }

    fn number_of_input(&self, input: InputId) -> Result<u64, Misuse> {
        let number = input.number_in(self.state.writer.tag);
        number.ok_or(Misuse::Unknown(Handle::Input))
    }

    /// Takes a request of a legacy server that needs the user.
    pub(super) fn input_requested(&mut self, arrival: Arrival<'_>, known: SpecMethod) {
        if let Err(error) = self.check_input_request(&arrival, known) {
            return self.state.writer.refuse(&arrival, &error);
        }
        let (method, body) = (arrival.method.clone(), arrival.body.clone());
        if known == SpecMethod::Elicit {
            self.state.elicitations.note(&body, &self.config.limits);
        }
        let number = self.state.writer.number();
        self.state.inputs.insert_request(number, arrival);
        self.request_input(number, None, method, body);
        let now = self.state.writer.now;
        self.state.requests_out.restart_all_idle(now, false);
    }

    /// Whether a legacy server's request is one to ask the user for, and there is room for it.
    fn check_input_request(
        &self,
        arrival: &Arrival<'_>,
        known: SpecMethod,
    ) -> Result<(), RpcError> {
        check_input(&self.config, known, &arrival.body, arrival.revision)?;
        let has_memory = || self.has_memory_for(arrival.body.frame.len());
        let inputs = &self.state.inputs;
        inputs.check_room(&self.config.limits, has_memory)
    }

    /// Hands an input to the user.
    pub(super) fn request_input(
        &mut self,
        number: u64,
        call: Option<CallId>,
        method: MethodName,
        body: Body,
    ) {
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

    /// Tells the user that an input needs no answer any more.
    pub(super) fn input_withdrawn(&mut self, number: u64) {
        let input = InputId::new(self.state.writer.tag, number);
        self.state.events.push(ClientEvent::InputWithdrawn(input));
    }

    /// A legacy server takes a request of its own back.
    pub(super) fn input_cancelled(&mut self, id: &RequestId) -> bool {
        let State { inputs, writer, .. } = &mut self.state;
        let found = inputs.take_back(id, writer);
        if let Some(number) = found {
            self.input_withdrawn(number);
            self.restart_idle_clocks();
        }
        found.is_some()
    }

    /// Ends what a legacy server asked for within a call, by the call's own stream, when the call
    /// ends without its answer: nothing that comes by the stream any more takes it back. On a pipe
    /// the server does so itself.
    pub(super) fn withdraw_asked_within(&mut self, route: Route) {
        if !matches!(route, Route::Exchange(_)) || !self.state.inputs.owes_answer() {
            return;
        }
        let State { inputs, writer, .. } = &mut self.state;
        let withdrawn = inputs.take_back_route(route, writer);
        for number in &withdrawn {
            self.input_withdrawn(*number);
        }
        if !withdrawn.is_empty() {
            self.restart_idle_clocks();
        }
    }

    /// Lets the idle clocks run on once no legacy server waits for the user.
    fn restart_idle_clocks(&mut self) {
        if !self.state.inputs.owes_answer() {
            let now = self.state.writer.now;
            self.state.requests_out.restart_all_idle(now, true);
        }
    }

    /// `notifications/elicitation/complete`
    pub(super) fn elicitation_completed(&mut self, received: Received) {
        let params = received.params::<method::ElicitationComplete>().ok();
        let is_awaited =
            params.is_some_and(|params| self.state.elicitations.end(&params.elicitation_id));
        if !is_awaited {
            return self.ignore(Ignored::notification(&received));
        }
        let event = ClientEvent::ElicitationCompleted(received);
        self.state.events.push(event);
    }
}
