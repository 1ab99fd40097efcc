//! The client's calls: sending, cancelling, timing out, ending each exactly once.
//!
//! Rules of this file: a call is open from its command to its one terminal event; while the user
//! owes input the idle clock stands still; whatever ends a call before its answer tells the server,
//! except for `initialize`.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;

use crate::model::encode::{EncodeError, SessionMembers};
use crate::model::logging::LoggingLevel;
use crate::model::meta;
use crate::model::method::{CallTool, Extension, Method, Sender, SpecMethod};
use crate::revision::{Era, Revision};
use crate::rpc::{Kind, RequestId, write_i64, write_string};
use crate::saved::saved;
use crate::time::Instant;

use super::super::config::{CallOptions, Routing};
use super::super::error::{CallError, Delivery};
use super::super::event::Answer;
use super::super::id::CallId;
use super::super::misuse::{Handle, Invalid, Limited, Misuse};
use super::super::name::MethodName;
use super::super::requests_out::RequestOut;
use super::super::rounds::{Round, Rounds};
use super::super::route::{Closed, ExchangeId, Route};
use super::super::sound;
use super::super::table::{Weigh, total};
use super::super::timer::Clocks;
use super::super::writer::{write_head, write_params};
use super::ClientSession;
use super::call_task::{CallTask, task_member};
use super::round::InputAnswer;

/// What a call is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Purpose {
    #[default]
    User,
    Probe,
    Initialize,
    /// The `subscriptions/listen` of a subscription.
    Listen(u64),
    /// The `resources/subscribe` for one URI, for which several subscriptions may wait.
    Subscribe,
    /// A `resources/unsubscribe`, whose answer matters to nobody.
    Unsubscribe,
    /// A `tasks/cancel`, whose answer matters to nobody.
    CancelTask,
    /// A call that nobody waits for any more, and whose task is to be cancelled once it is known.
    Orphan,
}

saved! {
    enum Purpose {
        0 => User,
        1 => Probe,
        2 => Initialize,
        3 => Listen(value),
        4 => Subscribe,
        5 => Unsubscribe,
        6 => CancelTask,
        7 => Orphan,
    }
}

/// What a client keeps of a request that is under way, or waits for input before it is sent again.
#[derive(Clone, Default)]
pub(super) struct Call {
    /// The id the user knows; the number of the call's first request.
    pub(super) id: u64,
    pub(super) purpose: Purpose,
    /// The encoded params, kept while the call may be asked for input.
    pub(super) params: Vec<u8>,
    pub(super) rounds: Rounds<InputAnswer>,
    /// What it is to become, or has become: a task of the server's.
    pub(super) task: Option<Box<CallTask>>,
}

saved! { struct Call { id, purpose, params, rounds, task } }

impl Call {
    /// Whether what is sent of it once more is what it was, as it is unless a saved one was changed.
    pub(super) fn is_sound(number: u64, call: &Self) -> bool {
        let is_round_sound = |round: &Round<InputAnswer>| {
            let mut answers = round.answers().filter_map(|(_, answer)| answer);
            answers.all(|answer| sound::is_value(answer))
                && round
                    .state()
                    .is_none_or(|state| sound::is_string(state.as_bytes()))
        };
        (1..=number).contains(&call.id)
            && (call.params.is_empty() || sound::is_object(&call.params))
            && call.rounds.open().is_none_or(is_round_sound)
    }
}

impl Weigh for Call {
    #[inline]
    fn weight(&self) -> usize {
        let task = self.task.as_ref().map_or(0, |task| task.weight());
        total([
            size_of::<Self>(),
            self.params.len(),
            self.rounds.held(),
            task,
        ])
    }
}

/// Sizes instead of contents, which may be secret.
impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call")
            .field("id", &self.id)
            .field("purpose", &self.purpose)
            .field("rounds", &self.rounds)
            .field("params_bytes", &self.params.len())
            .finish()
    }
}

/// A request that is about to be sent.
pub(super) struct Outgoing<'p, 'o, P> {
    pub(super) params: &'p P,
    pub(super) purpose: Purpose,
    pub(super) revision: Revision,
    pub(super) options: CallOptions<'o>,
}

impl ClientSession {
    /// Calls a method of the server.
    ///
    /// Returns an error if the session isn't open, the revision doesn't have the method, the server
    /// did not declare its capability, a limit is reached, or the params can't be written; then
    /// nothing has changed. Otherwise exactly one [`ClientEvent::Completed`](super::ClientEvent)
    /// follows.
    pub fn call<M: Method>(
        &mut self,
        now: Instant,
        params: &M::Params<'_>,
        options: CallOptions<'_>,
    ) -> Result<CallId<M>, Misuse> {
        self.state.advance(now);
        let revision = self.open_revision()?;
        self.check_call::<M>(revision)?;
        self.send::<M>(Outgoing {
            params,
            purpose: Purpose::User,
            revision,
            options,
        })
        .map(|number| self.call_id(number))
    }

    /// Cancels a call of this client. The server is notified; the call completes at once with
    /// [`CallError::Cancelled`], and an answer that comes all the same is ignored.
    ///
    /// Returns an error if the call isn't open (any more).
    pub fn cancel<M>(
        &mut self,
        now: Instant,
        call: CallId<M>,
        reason: Option<&str>,
    ) -> Result<(), Misuse> {
        self.state.advance(now);
        let number = self
            .number_of(call.any())
            .ok_or(Misuse::Unknown(Handle::Call))?;
        self.abandon(number, reason, CallError::Cancelled);
        Ok(())
    }

    /// The number of the request by which a user's call is known in the table.
    pub(super) fn number_of(&self, call: CallId) -> Option<u64> {
        let id = call.number_in(self.state.writer.tag)?;
        let is_it = |entry: &Call| entry.id == id && entry.purpose == Purpose::User;
        let quick = self.state.requests_out.get(id);
        match quick {
            Some(open) if is_it(&open.part) => Some(id),
            _ => self.state.requests_out.find(is_it),
        }
    }

    pub(super) fn check_call<M: Method>(&self, revision: Revision) -> Result<(), Misuse> {
        self.state.writer.check_room()?;
        let limit = self.config.limits.calls();
        if self.state.requests_out.len() >= limit {
            return Err(Misuse::LimitReached {
                what: Limited::Calls,
                limit,
            });
        }
        if let Some(extension) = M::EXTENSION {
            self.check_extension(extension, revision)?;
        }
        let Some(known) = SpecMethod::from_wire(M::NAME) else {
            return Ok(());
        };
        if matches!(
            known,
            SpecMethod::Initialize | SpecMethod::SubscriptionsListen
        ) {
            return Err(Misuse::OwnCommand(known));
        }
        if !matches!(known.sent_by(revision), Some(Sender::Client | Sender::Both)) {
            return Err(Misuse::NotInRevision {
                method: known,
                revision,
            });
        }
        self.check_server_capability(known, revision)
    }

    fn check_extension(&self, extension: Extension, revision: Revision) -> Result<(), Misuse> {
        let declared = self.server_capabilities();
        let is_declared = declared.is_some_and(|declared| extension.is_declared_by(&declared));
        match is_declared && revision.era() == Era::Modern {
            true => Ok(()),
            false => Err(Misuse::ExtensionNotDeclared(extension)),
        }
    }

    pub(super) fn check_server_capability(
        &self,
        known: SpecMethod,
        revision: Revision,
    ) -> Result<(), Misuse> {
        let Some(capability) = known.server_capability(revision) else {
            return Ok(());
        };
        if self.state.opening.declared().has(capability) {
            return Ok(());
        }
        Err(Misuse::NotDeclaredByPeer(capability))
    }

    /// Writes a request and enters it in the table. Returns its number.
    pub(super) fn send<M: Method>(
        &mut self,
        outgoing: Outgoing<'_, '_, M::Params<'_>>,
    ) -> Result<u64, Misuse> {
        let Outgoing {
            params,
            purpose,
            revision,
            options,
        } = outgoing;
        let task = self.task_of::<M>(revision, options.task)?;
        let span = self.write_request::<M>(params, revision, &options)?;
        if task.is_some() {
            self.state.pauses.get_or_insert_default();
        }
        let number = self.state.writer.number();
        let method = MethodName::new(M::NAME);
        let may_ask = revision.era() == Era::Modern
            && method
                .known()
                .is_some_and(SpecMethod::allows_input_required);
        let kept = if may_ask {
            self.keep_params(span)
        } else {
            Vec::new()
        };
        let idle = options.idle.or(self.config.timeouts.idle);
        let total = options.total.or(self.config.timeouts.total);
        let (idle, total) = match purpose {
            // The opening has a deadline of its own.
            Purpose::Probe | Purpose::Initialize => (None, None),
            _ => (idle, total),
        };
        let clocks = Clocks::start(
            self.state.writer.now,
            idle,
            total,
            !self.state.inputs.owes_answer(),
        );
        let call = Call {
            id: number,
            purpose,
            params: kept,
            rounds: Rounds::default(),
            task,
        };
        let token = options.progress.then(|| RequestId::from(number));
        let mut request = RequestOut::new(method, clocks, token, call);
        request.mark_sent(self.request_route(number), &self.state.writer);
        self.state.requests_out.insert(number, request);
        Ok(number)
    }

    /// Writes a request under the next number. Returns where its params stand in the output.
    pub(super) fn write_request<M: Method>(
        &mut self,
        params: &M::Params<'_>,
        revision: Revision,
        options: &CallOptions<'_>,
    ) -> Result<core::ops::Range<usize>, Misuse> {
        let number = self.state.writer.next_number();
        let route = self.request_route(number);
        let own_meta = self.own_meta.of(revision);
        let level = options.log_level.or(self.state.log_level);
        let mut collected = Vec::new();
        let is_plain = !options.progress && options.meta.is_none();
        let meta = if is_plain && level.is_none_or(|_| own_meta.is_empty()) {
            own_meta
        } else {
            collected.extend_from_slice(own_meta);
            write_meta(&mut collected, level, number, options)?;
            &collected
        };
        let task = task_member(options.task, revision);
        let additions = SessionMembers {
            meta,
            members: task.as_deref().unwrap_or_default(),
            ..SessionMembers::default()
        };
        let mut span = 0..0;
        let mut has_task = false;
        let written = self
            .state
            .writer
            .frame(route, Kind::Request, Some(revision), |out| {
                write_head(out, Some(number), M::NAME);
                let start = out.len();
                has_task = write_params(out, revision, params, &additions)?.has_task;
                if has_task && M::NAME == CallTool::NAME {
                    // Asked for by the options alone, so that the session knows what to expect.
                    return Err(EncodeError::NotAnObject);
                }
                span = start..out.len();
                out.push(b'}');
                Ok(())
            });
        match written {
            Err(_) if has_task => Err(Misuse::Invalid(Invalid::TaskMember)),
            written => written.map(|()| span).map_err(Misuse::from),
        }
    }

    /// Copies the params out of the frame that was just written, into a buffer used before.
    fn keep_params(&mut self, span: core::ops::Range<usize>) -> Vec<u8> {
        const PREFIX: usize = b",\"params\":".len();
        let mut kept = core::mem::take(&mut self.spare);
        let written = self.state.writer.outbox.unsent(span);
        kept.extend_from_slice(written.get(PREFIX..).unwrap_or_default());
        kept
    }

    /// Takes back a buffer of params, unless it is large.
    pub(super) fn recycle(&mut self, mut params: Vec<u8>) {
        if params.capacity() > self.spare.capacity() && params.capacity() <= 4096 {
            params.clear();
            self.spare = params;
        }
    }

    /// Ends a call before its answer came, and tells the server.
    pub(super) fn abandon(&mut self, number: u64, reason: Option<&str>, error: CallError) {
        if let Some(request) = self.state.requests_out.end(number) {
            let revision = self.state.opening.revision();
            if !self.take_back_task(number, &request) {
                request.cancel(number, &mut self.state.writer, revision, reason);
            }
            self.withdraw_asked_within(request.route());
            let method = request.method().clone();
            self.conclude(number, method, request.part, Err(error));
        }
    }

    /// The route by which the request of this number leaves.
    pub(super) fn request_route(&self, number: u64) -> Route {
        match self.config.routing {
            Routing::Pipe => Route::Pipe,
            Routing::PerRequest => Route::Exchange(ExchangeId::new(number)),
        }
    }

    /// Ends a call whose answer can't come any more: because of what has become of its own route,
    /// or with the whole session.
    pub(super) fn lose_call(&mut self, number: u64, why: Option<Closed>) {
        if why.is_some_and(|why| self.outlives_loss(number, why)) {
            return;
        }
        let Some(request) = self.state.requests_out.end(number) else {
            return;
        };
        let error = match why {
            Some(Closed::Refused { status }) => CallError::Refused { status },
            Some(Closed::Unreachable | Closed::Forgotten) => CallError::Lost(Delivery::NotSent),
            _ => CallError::Lost(request.delivery(&self.state.writer)),
        };
        // The end of the session takes all questions back at once.
        if why.is_some() {
            self.withdraw_asked_within(request.route());
        }
        let (method, purpose) = (request.method().clone(), request.part.purpose);
        self.conclude(number, method, request.part, Err(error));
        if let (Purpose::Probe | Purpose::Initialize, Some(why)) = (purpose, why) {
            let (now, is_probe) = (self.state.writer.now, purpose == Purpose::Probe);
            let opening = &mut self.state.opening;
            let step = opening.lost(now, &self.config, is_probe, why);
            self.take_step(step);
        }
    }

    /// Tells whoever made a call how it has ended; nobody is told of the opening's.
    pub(super) fn conclude(
        &mut self,
        number: u64,
        method: MethodName,
        call: Call,
        outcome: Result<Answer, CallError>,
    ) {
        if call.rounds.is_open() {
            self.withdraw_round(number);
        }
        if call.task.is_some() {
            self.forget_pause(number, &call);
        }
        self.recycle(call.params);
        match call.purpose {
            Purpose::User => self.complete(self.call_id(call.id), method, outcome),
            Purpose::Listen(subscription) => {
                self.end_subscription(subscription, outcome.map(drop));
            }
            Purpose::Subscribe => self.subscribed_uri(number, &outcome.map(drop)),
            Purpose::Probe
            | Purpose::Initialize
            | Purpose::Unsubscribe
            | Purpose::CancelTask
            | Purpose::Orphan => {}
        }
    }

    /// Ends the calls whose answers were to come by `route`.
    pub(super) fn lose_route(&mut self, route: Route, why: Closed) {
        for number in self.state.requests_out.on_route(route) {
            self.lose_call(number, Some(why));
        }
    }

    /// Ends the calls whose time is up.
    pub(super) fn call_timeouts(&mut self) {
        let now = self.state.writer.now;
        // What ends here may make new calls that are due at once, which then end as well.
        while let Some(due) = self.state.requests_out.due(now) {
            for (number, error) in due {
                self.abandon(number, Some("timed out"), error);
            }
        }
    }
}

/// Appends what a request's `_meta` says beyond what the session says in each. `out` has the
/// latter, and is empty in the legacy era.
fn write_meta(
    out: &mut Vec<u8>,
    level: Option<LoggingLevel>,
    number: u64,
    options: &CallOptions<'_>,
) -> Result<(), EncodeError> {
    let is_modern = !out.is_empty();
    let level = level.filter(|_| is_modern);
    if let Some(level) = level {
        begin_member(out, meta::LOG_LEVEL);
        write_string(out, level.as_str());
    }
    if options.progress {
        begin_member(out, meta::PROGRESS_TOKEN);
        write_i64(out, i64::try_from(number).unwrap_or(i64::MAX));
    }
    let Some(extra) = &options.meta else {
        return Ok(());
    };
    for (key, value) in extra.as_object().entries() {
        let is_own = match key.as_str() {
            meta::PROTOCOL_VERSION | meta::CLIENT_CAPABILITIES | meta::CLIENT_INFO => is_modern,
            meta::PROGRESS_TOKEN => options.progress,
            meta::LOG_LEVEL => level.is_some(),
            _ => false,
        };
        if is_own {
            return Err(EncodeError::ReservedMeta {
                key: key.as_str().into(),
            });
        }
        begin_member(out, &key);
        out.extend_from_slice(value.as_str().as_bytes());
    }
    Ok(())
}

/// Begins a member of an object whose members are collected in `out`.
fn begin_member(out: &mut Vec<u8>, key: &str) {
    if !out.is_empty() {
        out.push(b',');
    }
    write_string(out, key);
    out.push(b':');
}
