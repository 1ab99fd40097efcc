//! Calls of tools that the server goes on with as tasks: the session asks after the task, hands on what
//! it waits for, and ends the call with what the task ends with.
//!
//! Rules of this file: such a call stays open under its id, and one request about its task follows
//! another; it asks again after the time it is told, within bounds, and at once when there is something
//! to fetch; what a task waits for is asked once for each key, after the same checks as anything that a
//! server asks for (`task26.dedupe`, `task26.trust`); a call that ends before its task has the task
//! cancelled by its own request, never by the notification, unless the task was there before the call
//! (`cancel.task`, `task26.cancel`).

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::time::Duration;

use crate::model::capability::TASKS_EXTENSION;
use crate::model::input::{InputRequests, InputResponses};
use crate::model::members::{MemberSpans, MetaMember, ResultMember};
use crate::model::method::{CallTool, ClientCapability, Method, ServerCapability, SpecMethod};
use crate::model::task::{
    CancelTask, CreateTaskResult, GetTask, GetTaskPayload, Task, TaskChanged, TaskParams,
    TaskStatus, UpdateTask, UpdateTaskParams,
};
use crate::revision::{Era, Revision};
use crate::rpc::{Landmarks, Raw, RpcError, Scan, Span, is_string, member_of, members};
use crate::time::Instant;

use super::super::config::{CallOptions, TaskUse};
use super::super::error::CallError;
use super::super::event::{Answer, Body, Ignored, Received};
use super::super::id::CallId;
use super::super::misuse::Misuse;
use super::super::name::MethodName;
use super::super::requests_out::RequestOut;
use super::super::rounds::Rounds;
use super::super::route::{Closed, Route};
use super::super::side::Side;
use super::super::timer::Clocks;
use super::call::{Call, Outgoing, Purpose};
use super::call_task::{CallTask, PAUSES, Pauses, Stage, USUAL_PAUSE};
use super::round::RoundRequest;
use super::{ClientEvent, ClientSession, State};

/// How often in a row a request about a task may be lost before its call is.
const LOSSES: u8 = 3;

impl State {
    /// Finds out again when to ask after tasks, in whose calls it stands.
    pub(super) fn note_pauses(&mut self) {
        let calls = self.requests_out.parts_mut();
        let tasks = calls.filter_map(|(number, call)| Some((call.task.as_deref()?.due, number)));
        let mut has_tasks = false;
        let due = tasks
            .inspect(|_| has_tasks = true)
            .filter_map(|(due, number)| Some((due?, number)));
        let pauses = Pauses(due.collect());
        self.pauses = has_tasks.then(|| Box::new(pauses));
    }

    /// Moves the times at which to ask after tasks.
    pub(super) fn move_pauses(&mut self, moved: impl Fn(Instant) -> Instant) {
        if self.pauses.is_none() {
            return;
        }
        for (_, call) in self.requests_out.parts_mut() {
            if let Some(task) = &mut call.task {
                task.due = task.due.map(&moved);
                task.asked_at = moved(task.asked_at);
            }
        }
        self.note_pauses();
    }
}

impl ClientSession {
    /// Waits for a task that is there already, such as one that was handed out before: the call ends
    /// with what the call that became the task would have ended with. The task is not cancelled when
    /// this call is.
    ///
    /// Returns an error as [`call`](Self::call) does. [`ClientEvent::Completed`] follows.
    pub fn await_task(
        &mut self,
        now: Instant,
        task_id: &str,
        options: CallOptions<'_>,
    ) -> Result<CallId<CallTool>, Misuse> {
        self.state.advance(now);
        let revision = self.open_revision()?;
        self.check_call::<GetTask>(revision)?;
        let params = TaskParams::new(task_id);
        let number = self.send::<GetTask>(Outgoing {
            params: &params,
            purpose: Purpose::User,
            revision,
            options,
        })?;
        let mut task = CallTask::new(Stage::Get, false);
        task.id = task_id.into();
        task.asked_at = self.state.writer.now;
        if let Some(mut open) = self.state.requests_out.end(number) {
            open.rename(MethodName::new(CallTool::NAME));
            open.part.task = Some(Box::new(task));
            self.state.requests_out.insert(number, open);
        }
        self.state.pauses.get_or_insert_default();
        Ok(self.call_id(number))
    }

    /// What a call is to become by its options, or an error if the server can't do that.
    // `task25.create.gate`, `task25.tool.nocap`, `task26.id`
    pub(super) fn task_of<M: Method>(
        &self,
        revision: Revision,
        wanted: TaskUse,
    ) -> Result<Option<Box<CallTask>>, Misuse> {
        let is_handed_out = match wanted {
            TaskUse::Wait => return Ok(None),
            TaskUse::Ask(_) => false,
            TaskUse::HandOut(_) => true,
        };
        if M::NAME != CallTool::NAME {
            return Err(Misuse::WrongMethod {
                method: M::NAME.into(),
            });
        }
        self.check_tasks(revision)?;
        let mut task = CallTask::new(Stage::Call, true);
        task.is_handed_out = is_handed_out;
        Ok(Some(Box::new(task)))
    }

    /// Whether calls of tools may become tasks.
    fn check_tasks(&self, revision: Revision) -> Result<(), Misuse> {
        if revision.era() == Era::Modern {
            return match self.declares_tasks() {
                true => Ok(()),
                false => Err(Misuse::NotDeclared(ClientCapability::TasksExtension.into())),
            };
        }
        if revision < Revision::V2025_11_25 {
            return Err(Misuse::NotInRevision {
                method: SpecMethod::GetTask,
                revision,
            });
        }
        let capability = ServerCapability::TasksToolsCall;
        match self.state.opening.declared().has(capability) {
            true => Ok(()),
            false => Err(Misuse::NotDeclaredByPeer(capability)),
        }
    }

    /// Whether this client has declared the extension.
    pub(super) fn declares_tasks(&self) -> bool {
        let capabilities = &self.config.capabilities;
        capabilities.extension_settings(TASKS_EXTENSION).is_some()
    }

    /// Whether the request of this number is one about a task.
    #[inline]
    pub(super) fn is_about_task(&self, number: u64) -> bool {
        self.state.pauses.is_some() && self.task(number).is_some()
    }

    fn task(&self, number: u64) -> Option<&CallTask> {
        self.state.requests_out.get(number)?.part.task.as_deref()
    }

    fn is_modern(&self) -> bool {
        self.state.opening.revision().map(Revision::era) == Some(Era::Modern)
    }

    /// Takes the answer to a request about a task, or to a call that is to become one.
    pub(super) fn task_answered(&mut self, number: u64, body: Body, scan: &Scan) {
        let Some(task) = self.task(number) else {
            return;
        };
        let stage = task.stage;
        if matches!(stage, Stage::Get | Stage::Update) {
            self.state.requests_out.answered(number);
            if self.is_modern() && scan.result.has_duplicate {
                return self.fail(number, "the root", "a member stands twice");
            }
            let kind = scan.result_member(ResultMember::ResultType);
            // `task26.rt.only`
            if self.is_modern() && kind.is_some() && !is_string(&body.frame, kind, "complete") {
                return self.fail(number, "resultType", "not that of an answer about a task");
            }
        }
        match stage {
            Stage::Get => self.task_told(number, &body),
            Stage::Update => self.ask_after(number),
            // `task25.createresult`
            Stage::Call if !self.is_modern() && is_new_task(&body) => {
                self.task_created(number, body);
            }
            Stage::Call | Stage::Pause | Stage::Payload => self.result(number, body, scan),
        }
    }

    /// A call was answered with a task.
    // `task26.both`
    pub(super) fn task_created(&mut self, number: u64, body: Body) {
        let created = match body.decode::<CreateTaskResult<'_>>() {
            Ok(created) => created,
            Err(malformed) => {
                return self.fail_with(number, malformed.into_call_error("tools/call"));
            }
        };
        let Some((pause, status)) = self.check_task(number, &created.task, None) else {
            return;
        };
        let id: Box<str> = created.task.task_id.as_str().into();
        self.state.pauses.get_or_insert_default();
        let purpose = self.state.requests_out.change(number, |call| {
            let task = call
                .task
                .get_or_insert_with(|| Box::new(CallTask::new(Stage::Call, true)));
            (task.id, task.pause) = (id, pause);
            call.params = Vec::new();
            (call.purpose, task.is_handed_out)
        });
        match purpose {
            Some((Purpose::Orphan, _)) => self.abandon(number, None, CallError::Cancelled),
            Some((_, true)) => {
                let answer = Answer {
                    body,
                    spans: MemberSpans::default(),
                    landmarks: Landmarks::default(),
                };
                self.finished(number, Ok(answer));
            }
            // There is something to fetch.
            _ if status != TaskStatus::Working => self.ask_after(number),
            _ => self.pause(number, pause),
        }
    }

    /// What is good for the whole session of what a server says of a task, its status and how long to
    /// wait; `None` when the call has failed by it.
    fn check_task(
        &mut self,
        number: u64,
        task: &Task<'_>,
        id: Option<&str>,
    ) -> Option<(Duration, TaskStatus<'static>)> {
        let status = match &task.status {
            TaskStatus::Working => TaskStatus::Working,
            TaskStatus::InputRequired => TaskStatus::InputRequired,
            TaskStatus::Completed => TaskStatus::Completed,
            TaskStatus::Failed => TaskStatus::Failed,
            TaskStatus::Cancelled => TaskStatus::Cancelled,
            TaskStatus::Other(_) => {
                self.fail(number, "status", "one that no revision has");
                return None;
            }
        };
        let limit = self.config.limits.uri;
        if task.task_id.is_empty() || task.task_id.len() > limit {
            self.fail(number, "taskId", "empty or too long");
            return None;
        }
        if id.is_some_and(|id| id != task.task_id.as_str()) {
            self.fail(number, "taskId", "that of another task");
            return None;
        }
        let told = task
            .poll_interval_ms
            .map(|interval| Duration::from_millis(u64::try_from(interval).unwrap_or_default()));
        let [least, most] = PAUSES;
        Some((told.unwrap_or(USUAL_PAUSE).clamp(least, most), status))
    }

    /// The server says how far a task is.
    // `task25.poll`, `task26.poll`
    fn task_told(&mut self, number: u64, body: &Body) {
        let task = match body.decode::<Task<'_>>() {
            Ok(task) => task,
            Err(malformed) => {
                return self.fail_with(number, malformed.into_call_error("tasks/get"));
            }
        };
        let id: Option<Box<str>> = self.task(number).map(|task| task.id.clone());
        let Some((pause, status)) = self.check_task(number, &task, id.as_deref()) else {
            return;
        };
        self.state.requests_out.change(number, |call| {
            if let Some(task) = &mut call.task {
                (task.pause, task.losses) = (pause, 0);
            }
        });
        match (status, self.is_modern()) {
            (TaskStatus::Working, _) => self.pause(number, pause),
            (TaskStatus::Cancelled, _) => self.end_task(number, Err(CallError::TaskCancelled)),
            (TaskStatus::InputRequired, true) => self.task_needs(number, &task, body, pause),
            (TaskStatus::Completed, true) => self.task_completed(number, body),
            (_, true) => match task.error {
                Some(error) => self.end_task(number, Err(CallError::Rpc(error))),
                None => self.fail(number, "error", "missing in a task that failed"),
            },
            // `task25.input`, `task25.result.exact`
            (_, false) => self.fetch(number),
        }
    }

    /// A modern task has a result.
    fn task_completed(&mut self, number: u64, body: &Body) {
        let (start, text) = (body.span.range().start, body.span.of(&body.frame));
        let found = members(text).filter(|member| is_string(text, member.key, "result"));
        let Some(result) = found.last().map(|member| member.value) else {
            return self.fail(number, "result", "missing in a task that completed");
        };
        let inner = result.of(text);
        if inner.first() != Some(&b'{') {
            return self.fail(number, "result", "no object");
        }
        let is_complete = member_of(inner, "resultType").is_none_or(|kind| kind == b"\"complete\"");
        if !is_complete {
            return self.fail(number, "result.resultType", "not that of a result");
        }
        let shift = |at: usize| u32::try_from(start.saturating_add(at)).unwrap_or(0);
        let span = Span {
            start: shift(result.range().start),
            end: shift(result.range().end),
        };
        let answer = Answer {
            body: Body::new(body.frame.clone(), span),
            spans: MemberSpans::default(),
            landmarks: Landmarks::default(),
        };
        self.end_task(number, Ok(answer));
    }

    /// A modern task waits for input, some of which may be under way already.
    fn task_needs(&mut self, number: u64, task: &Task<'_>, body: &Body, pause: Duration) {
        let none = InputRequests::default();
        let requests = task.input_requests.as_ref().unwrap_or(&none);
        let limits = &self.config.limits;
        if requests.len() > limits.inputs {
            return self.fail(number, "inputRequests", "too many of them");
        }
        let known = self.task(number).map(|task| &task.asked);
        let mut fresh = InputRequests::new();
        for (key, request) in requests.iter() {
            if !known.is_some_and(|known| known.contains(key)) {
                fresh.insert(key, request.clone());
            }
        }
        if fresh.is_empty() {
            return self.pause(number, pause);
        }
        let (limit, memory) = (limits.input_rounds, limits.memory);
        let count = self.state.requests_out.get(number);
        if count.is_some_and(|open| open.part.rounds.count() >= limit) {
            return self.abandon(number, None, CallError::TooManyRounds { limit });
        }
        if !self.has_memory_for(body.frame.len()) {
            let error = RpcError::over_limit("bytes held", memory);
            return self.abandon(number, None, CallError::InputRefused(error));
        }
        match self.check_requests(&fresh) {
            Ok(requests) => self.ask_for_task(number, requests),
            Err(error) => self.abandon(number, None, error),
        }
    }

    /// Hands on what a task waits for.
    fn ask_for_task(&mut self, number: u64, requests: Vec<RoundRequest>) {
        let keys: Vec<Box<str>> = requests.iter().map(|asked| asked.key.clone()).collect();
        self.state.requests_out.answered(number);
        self.state.requests_out.change(number, |call| {
            if let Some(task) = &mut call.task {
                task.stage = Stage::Pause;
                task.asked.extend(keys.iter().cloned());
            }
            call.rounds.begin(keys, None);
        });
        self.ask_round(number, requests);
    }

    /// Sends the answers to what a task waits for.
    // `task26.update`
    pub(super) fn update_task(&mut self, number: u64) {
        let round = self
            .state
            .requests_out
            .change(number, |call| call.rounds.end());
        let (Some(round), Some(task)) = (round.flatten(), self.task(number)) else {
            return;
        };
        let mut answers = InputResponses::new();
        for (key, answer) in round.answers() {
            let json = answer.and_then(|answer| core::str::from_utf8(answer).ok());
            answers.insert(
                key,
                json.map_or(Raw::NULL, |json| Raw::trusted(json.into())),
            );
        }
        let id = task.id.clone();
        let params = UpdateTaskParams::new(&*id, answers);
        self.follow::<UpdateTask>(number, Stage::Update, &params);
    }

    /// Asks how far a task is.
    fn ask_after(&mut self, number: u64) {
        if let Some(task) = self.task(number) {
            let id = task.id.clone();
            self.follow::<GetTask>(number, Stage::Get, &TaskParams::new(&*id));
        }
    }

    /// Asks for the result of a legacy task, which comes when there is one.
    // `task25.result.block`
    fn fetch(&mut self, number: u64) {
        if let Some(task) = self.task(number) {
            let id = task.id.clone();
            self.follow::<GetTaskPayload>(number, Stage::Payload, &TaskParams::new(&*id));
        }
    }

    /// Sends the next request about a call's task, under which the call stays open.
    fn follow<M: Method>(&mut self, request: u64, stage: Stage, params: &M::Params<'_>) {
        let Some(revision) = self.state.opening.revision() else {
            return;
        };
        let written = self.write_request::<M>(params, revision, &CallOptions::default());
        debug_assert!(written.is_ok(), "an id and answers can always be written");
        let number = self.state.writer.number();
        let Some(mut open) = self.state.requests_out.end(request) else {
            return;
        };
        let (route, now) = (self.request_route(number), self.state.writer.now);
        open.mark_sent(route, &self.state.writer);
        if let Some(task) = &mut open.part.task {
            (task.stage, task.due, task.asked_at) = (stage, None, now);
        }
        if stage == Stage::Payload {
            open.remove_idle();
        }
        self.state.requests_out.insert(number, open);
        let runs = !self.state.inputs.owes_answer();
        self.state.requests_out.restart_idle(number, now, runs);
    }

    /// Lets a call wait before it asks again. Its idle clock stands still meanwhile.
    fn pause(&mut self, number: u64, time: Duration) {
        let now = self.state.writer.now;
        self.pause_until(number, now + time);
    }

    fn pause_until(&mut self, number: u64, due: Instant) {
        self.state.requests_out.answered(number);
        let was = self.state.requests_out.change(number, |call| {
            let task = call.task.as_mut()?;
            task.stage = Stage::Pause;
            task.due.replace(due)
        });
        let now = self.state.writer.now;
        self.state.requests_out.restart_idle(number, now, false);
        let pauses = self.state.pauses.get_or_insert_default();
        if let Some(was) = was.flatten() {
            pauses.0.remove(&(was, number));
        }
        pauses.0.insert((due, number));
    }

    /// Asks after the tasks whose time has come.
    pub(super) fn ask_after_tasks(&mut self) {
        let now = self.state.writer.now;
        while let Some(pauses) = &mut self.state.pauses
            && let Some(number) = pauses.pop_due(now)
        {
            match self.state.writer.check_room() {
                Ok(()) => self.ask_after(number),
                Err(_) => self.pause(number, USUAL_PAUSE),
            }
        }
    }

    /// Ends a call with the end of its task.
    fn end_task(&mut self, number: u64, outcome: Result<Answer, CallError>) {
        if let Some((method, call)) = self.state.requests_out.finish(number) {
            self.conclude(number, method, call, outcome);
        }
    }

    /// Ends a call by what is wrong with an answer to it.
    fn fail_with(&mut self, number: u64, error: CallError) {
        self.state.requests_out.answered(number);
        self.abandon(number, None, error);
    }

    /// Forgets when to ask again for a call that has ended.
    pub(super) fn forget_pause(&mut self, number: u64, call: &Call) {
        let due = call.task.as_ref().and_then(|task| task.due);
        if let (Some(due), Some(pauses)) = (due, &mut self.state.pauses) {
            pauses.0.remove(&(due, number));
        }
    }

    /// Takes back what a call that ends before its answer has begun at the server. Returns whether
    /// that was a task, so that there is nothing else to take back.
    // `cancel.task`, `task26.cancel`
    pub(super) fn take_back_task(&mut self, number: u64, request: &RequestOut<Call>) -> bool {
        let Some(task) = &request.part.task else {
            return false;
        };
        let Some(revision) = self.state.opening.revision() else {
            return true;
        };
        if task.id.is_empty() {
            return self.orphan(number, request, revision);
        }
        self.state.requests_out.remember(number);
        if matches!(request.route(), Route::Exchange(_)) && revision.era() == Era::Modern {
            // That is the end of the exchange, not of the task.
            request.cancel(number, &mut self.state.writer, Some(revision), None);
        }
        let capability = ServerCapability::TasksCancel;
        let may_cancel =
            revision.era() == Era::Modern || self.state.opening.declared().has(capability);
        if task.is_owned && may_cancel && self.is_open() {
            let params = TaskParams::new(&*task.id);
            let sent = self.send::<CancelTask>(Outgoing {
                params: &params,
                purpose: Purpose::CancelTask,
                revision,
                options: CallOptions::default(),
            });
            debug_assert!(sent.is_ok(), "an id can always be written");
        }
        true
    }

    /// Keeps waiting for a call that nobody waits for any more, and that the server was asked to run
    /// as a task: only when its task is known it can be cancelled. A modern server was not asked, and
    /// is told as of any other call. Returns whether there is nothing else to take back.
    fn orphan(&mut self, number: u64, request: &RequestOut<Call>, revision: Revision) -> bool {
        if revision.era() == Era::Modern {
            return false;
        }
        if !request.is_awaited() || request.part.purpose != Purpose::User {
            return true;
        }
        let mut orphan = request.clone();
        orphan.part.purpose = Purpose::Orphan;
        orphan.part.params = Vec::new();
        orphan.part.rounds = Rounds::default();
        let (now, timeouts) = (self.state.writer.now, &self.config.timeouts);
        orphan.restart(Clocks::start(now, timeouts.idle, timeouts.total, true));
        self.state.requests_out.insert(number, orphan);
        true
    }

    /// Lets a call outlive the loss of a request about its task, which is asked again. Returns whether
    /// it does.
    pub(super) fn outlives_loss(&mut self, number: u64, why: Closed) -> bool {
        let Some(task) = self.task(number) else {
            return false;
        };
        let is_asking = matches!(task.stage, Stage::Get | Stage::Payload);
        let pause = task.pause;
        if !is_asking || task.losses >= LOSSES || matches!(why, Closed::Refused { .. }) {
            return false;
        }
        self.state.requests_out.change(number, |call| {
            if let Some(task) = &mut call.task {
                task.losses = task.losses.saturating_add(1);
            }
        });
        self.pause(number, pause);
        true
    }

    /// The server says unasked how far a task is: whoever waits for it asks at once, since what comes
    /// unasked may be late (`task25.notif`, `task26.notif`).
    pub(super) fn task_notified(&mut self, received: Received, scan: &Scan) {
        let is_tagged = scan.param_meta(MetaMember::SubscriptionId).is_some();
        let subscription = self.tagged(&received, scan);
        let said = received.params::<TaskChanged>().map(|task| {
            (
                Box::<str>::from(task.task_id.as_str()),
                task.status == TaskStatus::Working,
            )
        });
        let (Ok((id, is_working)), true) = (said, is_tagged == subscription.is_some()) else {
            return self.ignore(Ignored::notification(&received));
        };
        let is_waiting = |call: &Call| {
            let task = call.task.as_ref();
            task.is_some_and(|task| task.id == id && task.due.is_some())
        };
        if let Some(number) = self
            .state
            .requests_out
            .find(is_waiting)
            .filter(|_| !is_working)
        {
            let asked_at = self
                .task(number)
                .map_or(Instant::ZERO, |task| task.asked_at);
            let due = self.state.writer.now.max(asked_at + PAUSES[0]);
            self.pause_until(number, due);
        }
        self.state.events.push(ClientEvent::TaskChanged {
            subscription: subscription.map(|number| self.subscription_id(number)),
            notification: received,
        });
    }
}

/// Whether a legacy result is a task instead of what was asked for.
pub(super) fn is_new_task(body: &Body) -> bool {
    let text = body.span.of(&body.frame);
    let is_object = |value: &[u8]| value.first() == Some(&b'{');
    member_of(text, "task").is_some_and(is_object) && member_of(text, "content").is_none()
}
