//! Serves one client of a [`Server`]: a session without I/O whose events are jobs to run.
//!
//! Rules of this file: every request is answered; what needs no handler (lists, refusals) is
//! answered at once and waits for no job; no code of the user runs in here; a job's outcome counts
//! once, and only on the service that the job came from.

use alloc::boxed::Box;
use alloc::collections::{BTreeSet, VecDeque};
use alloc::string::String;
use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;
use bytes::Bytes;

use super::context::{Canceller, Context, Given};
use super::effect::{Effect, EffectKind, JobId};
use super::handler::Reply;
use super::job::{End, Found, INPUT_REQUIRED, Job, KeptState, Outcome, StateToCarry};
use super::kept::KeptStates;
use super::state::{SealError, binding};
use super::tasks::{TaskEnd, TaskStep, Watched};
use super::{DefinitionError, Listener, Server, Shared};
use crate::frame::FrameError;
use crate::model::input::InputRequests;
use crate::model::method::{CallTool, Complete, GetPrompt, ReadResource, SpecMethod};
use crate::revision::{Era, Revision};
use crate::rpc::{RpcError, ScannedFrame};
use crate::scopes::Scopes;
use crate::session::{
    Change, Closed, IncomingId, Limited, Misuse, Queue, Request, RestoreError, Route, SavedServer,
    ServerEvent, ServerSession, ServesClient, Session, Table, Transmit, Weigh,
};
use crate::time::{Instant, earlier};
use crate::trace::{self, Role, Spans, Subject};

/// How many states of unfinished requests one connection keeps.
const KEPT: usize = 1024;

/// One client's connection to a [`Server`], for an adapter to drive.
///
/// Run each [`Event::Job`] wherever you like, and give its outcome to
/// [`handle_outcome`](Self::handle_outcome).
pub struct Service {
    pub(super) session: ServerSession,
    pub(super) server: Arc<Shared>,
    principal: Option<Arc<str>>,
    /// What the token is good for that came with the frame which is handled now.
    scopes: Option<Arc<Scopes>>,
    /// The job of each request that has one.
    running: Table<Running>,
    /// The states of modern requests that aren't sealed; `None` before the first.
    kept: Option<Box<KeptStates>>,
    events: Queue<Event>,
    /// How many bytes of frames the events hold.
    event_bytes: usize,
    pub(super) later: Option<Box<Later>>,
    spans: Spans<IncomingId>,
    pub(super) now: Instant,
}

/// What can't be done yet. Most connections never have any of it.
#[derive(Default)]
pub(super) struct Later {
    /// Questions to legacy clients that wait for room in the output.
    asking: VecDeque<(IncomingId, InputRequests<'static>, Option<String>)>,
    /// Changes that wait for room in the output.
    changes: BTreeSet<(u8, Box<str>)>,
    /// Requests that wait for a task to get on.
    pub(super) waiting: Vec<Waiting>,
    /// How many of the jobs look at watched tasks.
    pub(super) watching: usize,
    /// How many may wait before those are taken out that nobody waits for any more.
    pub(super) most_waiting: usize,
}

/// A request that looks again at its task, or at those that it watches, after a time.
pub(super) struct Waiting {
    pub(super) due: Instant,
    pub(super) look: Look,
}

/// What looks at tasks, and how often it has done so since there was something new.
pub(super) struct Look {
    pub(super) request: Request,
    pub(super) looks: u32,
    /// The tasks that a stream watches.
    pub(super) watched: Option<Vec<Watched>>,
}

struct Running {
    job: JobId,
    canceller: Canceller,
    /// What it looks again with.
    waits: Option<Box<Look>>,
}

impl Weigh for Running {
    fn weight(&self) -> usize {
        0
    }
}

/// What a [`Service`] asks of the adapter that drives it.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event {
    /// A handler is to be run.
    Job(Job),
    /// Nobody wants the outcome of this job any more. Its context knows already; a future may be
    /// dropped.
    Cancelled(JobId),
    /// A task goes on: run this step, and those that follow it, whatever becomes of the connection.
    Task(Box<TaskStep>),
    /// Something else has happened: any event of the session but requests and their cancellation.
    Session(Box<ServerEvent>),
}

impl Service {
    pub(super) fn new(server: Arc<Shared>) -> Self {
        Self {
            session: server.session(),
            kept: None,
            server,
            principal: None,
            scopes: None,
            running: Table::default(),
            events: Queue::default(),
            event_bytes: 0,
            later: None,
            spans: Spans::new(),
            now: Instant::ZERO,
        }
    }

    /// Sets who the client is, as the transport has authenticated them. What a client says of
    /// itself is no answer.
    #[must_use]
    pub fn principal(mut self, principal: impl Into<String>) -> Self {
        self.principal = Some(principal.into().into());
        self
    }

    /// Sets what the client's tokens are good for, from the next frame on; `None` where nobody asks for
    /// tokens, so that nothing needs any. A request whose scopes don't cover what it needs is refused
    /// with -32600; HTTP's 403 comes before that.
    pub fn set_scopes(&mut self, scopes: Option<Arc<Scopes>>) {
        self.scopes = scopes;
    }

    /// Takes the client for one whose handshake another service has answered. See
    /// [`ServerSession::assume_initialized`].
    pub fn assume_initialized(&mut self, revision: Revision) -> Result<(), Misuse> {
        self.session.assume_initialized(revision)
    }

    /// Goes on with a session that another service has [saved](ServerSession::save), for the same
    /// server. What handlers worked on there is answered with an error, as nobody works on it any
    /// more; what clients were being asked goes on. `is_lost` says that the session has gone on after
    /// it was saved, as before a crash; see [`ServerSession::recover`].
    ///
    /// Returns an error as [`ServerSession::restore`] does; the service is as it was then.
    pub fn restore(
        &mut self,
        saved: SavedServer,
        now: Instant,
        is_lost: bool,
    ) -> Result<(), RestoreError> {
        let mut session = self.server.session().restored(saved, now)?;
        if is_lost {
            session.recover();
        }
        session.refuse_interrupted(now);
        self.session = session;
        self.now = self.now.max(now);
        self.pump();
        Ok(())
    }

    /// Returns an error if the server can't be served as it is defined. See [`Server::check`].
    pub fn check(&self) -> Result<(), DefinitionError> {
        self.server.check()
    }

    /// Has `listener` told of changes that concern every client of the server, for as long as it is
    /// kept: an adapter tells its client then, with [`changed`](Self::changed) and
    /// [`resource_updated`](Self::resource_updated).
    pub fn add_listener(&self, listener: Weak<dyn Listener>) {
        self.server.registry.add_listener(listener);
    }

    /// Returns the session below, which knows the client's name, capabilities and revision.
    pub const fn session(&self) -> &ServerSession {
        &self.session
    }

    /// Returns how many jobs have no outcome yet.
    pub fn running(&self) -> usize {
        self.running.len()
    }

    /// Carries out an effect of a running handler. An effect of a job that has ended does nothing.
    pub fn handle_effect(&mut self, now: Instant, job: JobId, effect: Effect) {
        self.now = self.now.max(now);
        if self.is_running(job) {
            self.apply(job, effect);
            self.pump();
        }
    }

    /// Answers the request of a job with its outcome, or asks the client for what it needs.
    ///
    /// Returns whether it counts: an outcome of a job that was cancelled, has ended, or belongs to
    /// another service changes nothing.
    pub fn handle_outcome(&mut self, now: Instant, outcome: Outcome) -> bool {
        self.now = self.now.max(now);
        if !self.is_running(outcome.job) {
            // What was changed goes on. A task that was made for nobody doesn't.
            let is_created =
                matches!(&outcome.end, End::Tasks(end) if matches!(**end, TaskEnd::Created(_)));
            let step = outcome.step.map(|step| match is_created {
                true => Box::new(step.abandoned()),
                false => step,
            });
            if let Some(step) = step {
                self.events.push_back(Event::Task(step));
            }
            return false;
        }
        for effect in outcome.effects {
            self.apply(outcome.job, effect);
        }
        if let Some(step) = outcome.step {
            self.events.push_back(Event::Task(step));
        }
        let request = outcome.job.request;
        let waits = self.running.remove(request.number());
        let waits = waits.and_then(|running| running.waits);
        if waits.as_ref().is_some_and(|look| look.watched.is_some()) {
            self.looked(waits, outcome.end);
            return true;
        }
        let (name, code) = outcome.end.name();
        let answered = match outcome.end {
            End::Reply(reply) => self.reply(request, &reply),
            End::Error(error) => self.session.reply_error(self.now, request, error),
            End::Ask { questions, state } => self.ask(request, questions, state),
            End::BeginTask(context) => self.create_task(context),
            End::Tasks(end) => match *end {
                TaskEnd::Wait => {
                    self.wait(waits);
                    Ok(())
                }
                end => self.tell_of_task(request, end),
            },
            End::Cancelled => Ok(()),
        };
        match answered {
            // A legacy client has been asked; its request is still open.
            Ok(()) if self.session.wire_id(request).is_some() => {}
            Ok(()) => self.spans.end(self.now, &request, name, code),
            Err(misuse) => {
                let text = alloc::format!("The result can't be sent: {misuse}");
                self.refuse(request, RpcError::internal(text));
            }
        }
        self.pump();
        true
    }

    /// Tells the client that a list has changed, if it wants to know.
    pub fn changed(&mut self, now: Instant, change: Change) {
        self.now = self.now.max(now);
        self.announce(change, "");
        self.pump();
    }

    /// Tells the client that a resource has changed, if it has subscribed to it.
    pub fn resource_updated(&mut self, now: Instant, uri: &str) {
        self.now = self.now.max(now);
        self.announce(Change::Resource, uri);
        self.pump();
    }

    /// Ends the session from this side. See [`ServerSession::close`].
    pub fn close(&mut self, now: Instant) {
        self.now = self.now.max(now);
        self.session.close(now);
        self.pump();
    }

    fn is_running(&self, job: JobId) -> bool {
        let running = self.running.get(job.request.number());
        running.is_some_and(|running| running.job == job)
    }

    /// Takes what the session has to say.
    pub(super) fn pump(&mut self) {
        while let Some(event) = self.session.poll_event() {
            match event {
                ServerEvent::Request(request) => self.take(request),
                ServerEvent::Cancelled { request, .. } => {
                    if let Some(later) = &mut self.later {
                        later.asking.retain(|(asking, ..)| *asking != request);
                        later
                            .waiting
                            .retain(|waiting| waiting.look.request.id != request);
                    }
                    self.spans.end(self.now, &request, "cancelled", None);
                    if let Some(running) = self.running.remove(request.number()) {
                        running.canceller.cancel();
                        self.events.push_back(Event::Cancelled(running.job));
                    }
                }
                ServerEvent::Watching(request) if self.server.tasks.is_some() => {
                    self.watch(request);
                }
                event => {
                    show(&event);
                    if let (ServerEvent::Closed(_), Some(later)) = (&event, &mut self.later) {
                        // Streams have ended, and with them what is looked for.
                        later.waiting.clear();
                    }
                    self.event_bytes += bytes_of(&event);
                    self.events.push_back(Event::Session(Box::new(event)));
                }
            }
        }
    }

    /// Answers a request at once, or makes a job of it.
    fn take(&mut self, request: Request) {
        let id = request.id;
        let session = &self.session;
        self.spans.begin(Role::Server, self.now, id, || Subject {
            method: request.method().into(),
            target: request.target().map(|target| target.as_str().into()),
            id: session.wire_id(id).map(|id| alloc::format!("{id}")),
        });
        let waits = (request.known() == Some(SpecMethod::GetTaskPayload))
            .then(|| Box::new(Look::new(request.clone())));
        match self.job(request) {
            Ok(Some(job)) => self.begin(job, waits),
            Ok(None) => self.spans.end(self.now, &id, "result", None),
            Err(error) => self.refuse(id, error),
        }
    }

    /// Hands a job out.
    pub(super) fn begin(&mut self, job: Job, waits: Option<Box<Look>>) {
        let id = job.id();
        let running = Running {
            job: id,
            canceller: job.context.canceller(),
            waits,
        };
        self.running.insert(id.request.number(), running);
        self.events.push_back(Event::Job(job));
    }

    /// Makes a task of a call whose handler wants that.
    fn create_task(&mut self, context: Context) -> Result<(), Misuse> {
        let request = context.job().request;
        let Some(found) = super::find::create_task(&self.server) else {
            let error = RpcError::internal("The server has no tasks");
            return self.session.reply_error(self.now, request, error);
        };
        let scope = self.spans.scope(&request);
        let job = Job {
            context,
            state: None,
            found,
            scope,
        };
        self.begin(job, None);
        Ok(())
    }

    pub(super) fn refuse(&mut self, request: IncomingId, error: RpcError) {
        let code = Some(error.code);
        self.spans.end(self.now, &request, "error", code);
        // A request that is over needs no answer any more.
        let _ = self.session.reply_error(self.now, request, error);
    }

    /// The job of a request; `None` if the request is answered already.
    pub(super) fn job(&mut self, request: Request) -> Result<Option<Job>, RpcError> {
        if let Some(granted) = &self.scopes {
            super::scoped::check(&self.server.registry.read(), &request, granted)?;
        }
        let Some(found) = super::find::find(&self.server, &request)? else {
            let (server, session, now) = (&self.server, &mut self.session, self.now);
            match request.known() {
                #[cfg(feature = "skills")]
                None => super::skills::answer(server, &request, session, now)?,
                _ => super::list::answer(server, &request, session, now)?,
            }
            return Ok(None);
        };
        let state = self.state(&request)?;
        Ok(Some(self.job_of(request, found, state)))
    }

    pub(super) fn job_of(&self, request: Request, found: Found, state: Option<KeptState>) -> Job {
        let round = self.session.round(request.id).unwrap_or_default();
        let given = Given {
            opened: self.session.client_texts(),
            legacy_log_level: self.session.client_log_level(),
            principal: self.principal.clone(),
            scopes: self.scopes.clone(),
            may_begin_task: super::find::may_begin_task(&self.server, &request, &found),
        };
        let id = request.id;
        let job = JobId { request: id, round };
        Job {
            context: Context::new(job, request, Arc::clone(&self.server), given),
            state,
            found,
            scope: self.spans.scope(&id),
        }
    }

    /// The state that a request comes with.
    fn state(&self, request: &Request) -> Result<Option<KeptState>, RpcError> {
        let Some(state) = request.state() else {
            return Ok(None);
        };
        Ok(Some(match request.revision.era() {
            Era::Legacy => KeptState::Plain(state.into_string()),
            Era::Modern if self.server.seal.is_some() => KeptState::Sealed(state.into_string()),
            Era::Modern if self.server.unsealed_state => KeptState::Plain(state.into_string()),
            Era::Modern => {
                let binding = binding(request, self.principal.as_deref());
                let kept = self.kept.as_ref().ok_or(SealError::Foreign)?;
                KeptState::Plain(kept.open(&state, &binding)?)
            }
        }))
    }

    fn reply(&mut self, request: IncomingId, reply: &Reply) -> Result<(), Misuse> {
        let (session, now) = (&mut self.session, self.now);
        match reply {
            Reply::Tool(result) => session.reply::<CallTool>(now, request, result),
            Reply::Resource(result) => session.reply::<ReadResource>(now, request, result),
            Reply::Prompt(result) => session.reply::<GetPrompt>(now, request, result),
            Reply::Completion(result) => session.reply::<Complete>(now, request, result),
        }
    }

    pub(super) fn ask(
        &mut self,
        request: IncomingId,
        questions: InputRequests<'static>,
        state: Option<StateToCarry>,
    ) -> Result<(), Misuse> {
        let state = match state {
            None => None,
            Some(StateToCarry::Ready(state)) => Some(state),
            Some(StateToCarry::Keep { binding, state }) => {
                let limit = self.server.config.limits.output;
                let fresh = || Box::new(KeptStates::new(KEPT, limit));
                let kept = self.kept.get_or_insert_with(fresh).keep(binding, state);
                Some(kept.ok_or(Misuse::LimitReached {
                    what: Limited::State,
                    limit,
                })?)
            }
        };
        let asked = self
            .session
            .need_input(self.now, request, &questions, state.as_deref());
        match asked {
            Err(misuse) if is_full(&misuse) => {
                let later = self.later.get_or_insert_default();
                later.asking.push_back((request, questions, state));
                Ok(())
            }
            asked => asked,
        }
    }

    fn apply(&mut self, job: JobId, effect: Effect) {
        let (session, now) = (&mut self.session, self.now);
        // These are for the client's information: one that can't take them does without.
        match effect.0 {
            EffectKind::Progress {
                progress,
                total,
                message,
            } => {
                let _ = session.progress(now, job.request, progress, total, message.as_deref());
            }
            EffectKind::Log(message) => {
                let _ = session.log(now, Some(job.request), &message);
            }
            EffectKind::Changed(change) => self.announce(change, ""),
            EffectKind::Updated(uri) => self.announce(Change::Resource, &uri),
        }
    }

    fn announce(&mut self, change: Change, uri: &str) {
        let told = match change {
            Change::Resource => self.session.resource_updated(self.now, uri),
            change => self.session.changed(self.now, change),
        };
        // What waits is told once, however often it has changed; more than can be subscribed to
        // is never waited for.
        if let Err(misuse) = told
            && is_full(&misuse)
        {
            let later = self.later.get_or_insert_default();
            if later.changes.len() < self.server.config.limits.subscriptions {
                later.changes.insert((rank(change), uri.into()));
            }
        }
    }

    /// Says what has waited for room in the output.
    fn retry(&mut self) {
        let Some(mut later) = self.later.take() else {
            return;
        };
        let changes = core::mem::take(&mut later.changes);
        let asking = core::mem::take(&mut later.asking);
        if !later.waiting.is_empty() || later.watching > 0 {
            self.later = Some(later);
        }
        for (change, uri) in changes {
            self.announce(CHANGES[usize::from(change)], &uri);
        }
        for (request, questions, state) in asking {
            let state = state.map(StateToCarry::Ready);
            match self.ask(request, questions, state) {
                Ok(()) if self.session.wire_id(request).is_some() => {}
                Ok(()) => self.spans.end(self.now, &request, INPUT_REQUIRED, None),
                Err(misuse) => {
                    let text = alloc::format!("The client can't be asked: {misuse}");
                    self.refuse(request, RpcError::internal(text));
                }
            }
        }
    }
}

/// The changes that may wait, in the order in which they are told.
const CHANGES: [Change; 4] = [
    Change::Tools,
    Change::Prompts,
    Change::Resources,
    Change::Resource,
];

fn rank(change: Change) -> u8 {
    match change {
        Change::Tools => 0,
        Change::Prompts => 1,
        Change::Resources => 2,
        Change::Resource => 3,
    }
}

/// Whether a command was refused only because the output is full.
fn is_full(misuse: &Misuse) -> bool {
    matches!(misuse, Misuse::OutputFull { .. })
}

/// Traces what has happened.
fn show(event: &ServerEvent) {
    match event {
        ServerEvent::Opened { revision } => trace::opened(Role::Server, Some(*revision)),
        ServerEvent::Closed(reason) => trace::closed(Role::Server, reason),
        ServerEvent::Ignored(ignored) => trace::ignored(Role::Server, ignored.kind(), ignored),
        _ => {}
    }
}

/// How much of the peer's an event holds.
fn bytes_of(event: &ServerEvent) -> usize {
    match event {
        ServerEvent::Notification(received) => received.frame().len(),
        ServerEvent::Subscribed { uri } | ServerEvent::Unsubscribed { uri } => uri.len(),
        _ => 0,
    }
}

/// So that a transport can look at the session.
impl AsRef<ServerSession> for Service {
    fn as_ref(&self) -> &ServerSession {
        &self.session
    }
}

impl ServesClient for Service {
    fn end_subscriptions(&mut self, now: Instant) {
        self.now = self.now.max(now);
        self.session.end_subscriptions(now);
        self.pump();
    }

    fn close(&mut self, now: Instant) {
        Self::close(self, now);
    }

    fn handle_scanned(&mut self, now: Instant, route: Route, frame: ScannedFrame) {
        self.now = self.now.max(now);
        trace::received(Role::Server, frame.bytes());
        self.session.handle_scanned(now, route, frame);
        self.pump();
    }
}

impl Session for Service {
    type Event = Event;

    fn handle_frame(&mut self, now: Instant, route: Route, frame: Bytes) {
        self.now = self.now.max(now);
        trace::received(Role::Server, &frame);
        self.session.handle_frame(now, route, frame);
        self.pump();
    }

    fn handle_malformed(&mut self, now: Instant, route: Route, error: FrameError) {
        self.now = self.now.max(now);
        self.session.handle_malformed(now, route, error);
        self.pump();
    }

    fn handle_closed(&mut self, now: Instant, route: Route, why: Closed) {
        self.now = self.now.max(now);
        self.session.handle_closed(now, route, why);
        self.pump();
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.now = self.now.max(now);
        self.session.handle_timeout(now);
        self.look_again();
        self.pump();
    }

    fn poll_transmit(&mut self, buffer: &mut Vec<u8>) -> Option<Transmit> {
        let start = buffer.len();
        let transmit = self.session.poll_transmit(buffer);
        if let Some(frame) = buffer.get(start..).filter(|frame| !frame.is_empty()) {
            trace::sent(Role::Server, frame);
        }
        if transmit.is_some() && self.later.is_some() {
            self.retry();
        }
        transmit
    }

    fn poll_event(&mut self) -> Option<Event> {
        let event = self.events.pop_front()?;
        if let Event::Session(event) = &event {
            self.event_bytes -= bytes_of(event);
        }
        Some(event)
    }

    fn poll_timeout(&self) -> Option<Instant> {
        earlier(self.next_look(), self.session.poll_timeout())
    }

    fn wants_frames(&self) -> bool {
        let limits = &self.server.config.limits;
        limits.have_room(self.events.len(), || self.event_bytes) && self.session.wants_frames()
    }

    fn is_closed(&self) -> bool {
        self.session.is_closed()
    }

    fn frame_limit(&self) -> usize {
        self.session.frame_limit()
    }
}

impl<Mode> Server<Mode> {
    /// Returns what serves one more client.
    pub fn service(&self) -> Service {
        Service::new(Arc::clone(&self.shared))
    }
}

impl core::fmt::Debug for Service {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Service")
            .field("running", &self.running.len())
            .field("events", &self.events.len())
            .finish_non_exhaustive()
    }
}
