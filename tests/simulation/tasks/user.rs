//! A client session whose user calls tools as tasks, waits for them, asks after them by hand, cancels
//! them, answers what they ask or never does, and goes on elsewhere.

use std::collections::BTreeMap;
use std::time::Duration;

use mcp_proto::model::capability::ClientCapabilities;
use mcp_proto::model::elicitation::ElicitResult;
use mcp_proto::model::form::FormContent;
use mcp_proto::model::input::InputResponses;
use mcp_proto::model::method::{CallTool, Elicit};
use mcp_proto::model::object::Object;
use mcp_proto::model::page::PaginatedRequestParams;
use mcp_proto::model::subscription::SubscriptionFilter;
use mcp_proto::model::task::{
    CancelTask, GetTask, GetTaskPayload, ListTasks, TASKS_EXTENSION, TaskMetadata, TaskParams,
    UpdateTask, UpdateTaskParams,
};
use mcp_proto::model::tool::CallToolParams;
use mcp_proto::rpc::{Raw, RpcError};
use mcp_proto::session::{
    CallError, CallId, CallOptions, ClientConfig, ClientEvent, Completed, EraPolicy, InputId,
    SavedClient, TaskUse,
};
use mcp_proto::{ClientSession, Limits, Revision, Session};
use serde_json::json;

use super::super::end::{Common, End, limits};
use super::super::random::Random;
use super::super::tally::Kind;
use super::store::Store;
use super::{number_of, signed};
use support::saved::Saved;

/// What a call is for.
#[derive(Clone, Copy)]
enum Call {
    /// The tool, with this number, which fails in this way: says so, or with an error of the protocol.
    Tool(u64, usize),
    /// Something about a task.
    About,
}

pub struct UserEnd {
    common: Common,
    session: ClientSession,
    config: ClientConfig,
    store: Store,
    calls: BTreeMap<CallId, Call>,
    inputs: Vec<InputId>,
    /// The tasks that were handed out, with the numbers of their calls.
    handed_out: Vec<(String, (u64, usize))>,
    next: u64,
    /// Whether this user answers nothing before the end.
    is_mute: bool,
}

impl UserEnd {
    pub fn new(random: &mut Random, store: Store) -> Self {
        let mut common = Common::new("client", random, false);
        let config = config(random, &mut common);
        let mut session = ClientSession::new(config.clone());
        session.open(common.now).expect("it has a revision");
        let is_mute = random.below(6) == 0;
        if is_mute {
            common.mark(Kind::NeverAnswers);
        }
        Self {
            common,
            session,
            config,
            store,
            calls: BTreeMap::new(),
            inputs: Vec::new(),
            handed_out: Vec::new(),
            next: 0,
            is_mute,
        }
    }

    fn call(&mut self, random: &mut Random) {
        self.next += 1;
        let (number, now) = (self.next, self.common.now);
        let metadata = TaskMetadata::new().ttl(random.below(40) as i64 * 1000);
        let (kind, wanted) = match random.below(4) {
            0 => (Kind::Called, TaskUse::Wait),
            1 => (Kind::TaskHandedOut, TaskUse::HandOut(metadata)),
            _ => (Kind::TaskWanted, TaskUse::Ask(metadata)),
        };
        let (asks, fails) = ([0, 0, 1, 3][random.below(4)], random.below(10));
        let arguments = json!({"number": signed(number), "asks": asks, "fails": fails});
        let arguments = Raw::new(arguments.to_string()).expect("JSON");
        let params = CallToolParams::new(["may", "must"][random.below(2)]).arguments(arguments);
        let options = CallOptions::new()
            .task(wanted)
            .progress(random.below(2) == 0);
        match self.session.call::<CallTool>(now, &params, options) {
            Ok(call) => self.called(call.any(), Call::Tool(number, fails), kind),
            Err(_) => self.common.mark(Kind::Refused),
        }
    }

    fn called(&mut self, id: CallId, call: Call, kind: Kind) {
        self.common.mark(kind);
        assert!(self.calls.insert(id, call).is_none(), "{id} came twice");
    }

    /// Waits for a task that was handed out, perhaps not for the first time.
    fn await_task(&mut self, random: &mut Random) {
        if self.handed_out.is_empty() {
            return;
        }
        let (id, (number, fails)) = self.handed_out[random.below(self.handed_out.len())].clone();
        let options = CallOptions::new();
        if let Ok(call) = self.session.await_task(self.common.now, &id, options) {
            self.called(call.any(), Call::Tool(number, fails), Kind::TaskAwaited);
        }
    }

    /// Asks after any task, by hand.
    fn ask_after(&mut self, random: &mut Random) {
        let ids = self.store.ledger().ids();
        // The latest one most of the time.
        let at = ids.len().saturating_sub(1 + random.below(8) / 6);
        let unknown = || String::from("0123456789abcdef0123456789abcdef");
        let id = ids.get(at).cloned().unwrap_or_else(unknown);
        let (session, now) = (&mut self.session, self.common.now);
        let (params, options) = (TaskParams::new(&*id), CallOptions::new());
        let (asked, kind) = match random.below(8) {
            0..3 => {
                let asked = session.call::<GetTask>(now, &params, options);
                (asked.map(CallId::any), Kind::TaskAskedAfter)
            }
            3 | 4 => {
                let asked = session.call::<CancelTask>(now, &params, options);
                (asked.map(CallId::any), Kind::TaskTakenBack)
            }
            5 => {
                let asked = session.call::<GetTaskPayload>(now, &params, options);
                (asked.map(CallId::any), Kind::TaskFetched)
            }
            6 => {
                let asked = session.call::<ListTasks>(now, &PaginatedRequestParams::new(), options);
                (asked.map(CallId::any), Kind::TaskListed)
            }
            _ => {
                let mut answers = InputResponses::new();
                let answer = Raw::encode(&accepted()).expect("JSON");
                answers.insert(["a", "b", "x"][random.below(3)], answer);
                let params = UpdateTaskParams::new(&*id, answers);
                let asked = session.call::<UpdateTask>(now, &params, options);
                (asked.map(CallId::any), Kind::TaskUpdated)
            }
        };
        match asked {
            Ok(call) => self.called(call, Call::About, kind),
            Err(_) => self.common.mark(Kind::Refused),
        }
    }

    fn cancel(&mut self, random: &mut Random) {
        let open: Vec<CallId> = self.calls.keys().copied().collect();
        if let Some(call) = random.one_of(&open) {
            let cancelled = self.session.cancel(self.common.now, call, None);
            // Its end may wait to be told.
            if cancelled.is_ok() {
                self.common.mark(Kind::CancelledCall);
            }
        }
    }

    fn answer(&mut self, random: &mut Random, input: InputId) {
        let now = self.common.now;
        let (kind, answered) = match random.below(4) {
            0 => {
                let error = RpcError::internal("no");
                (Kind::Declined, self.session.decline(now, input, error))
            }
            1 => {
                let declined = ElicitResult::decline();
                let answered = self.session.answer::<Elicit>(now, input, &declined);
                (Kind::Answered, answered)
            }
            _ => {
                let answered = self.session.answer::<Elicit>(now, input, &accepted());
                (Kind::Answered, answered)
            }
        };
        if answered.is_ok() {
            self.common.mark(kind);
            self.inputs.retain(|open| *open != input);
        }
    }

    fn watch(&mut self) {
        let ids = self.store.ledger().ids();
        let filter = SubscriptionFilter::new().task_ids(ids);
        if self.session.subscribe(self.common.now, &filter).is_ok() {
            self.common.mark(Kind::Subscribed);
        }
    }

    /// Goes on elsewhere, where it is another time.
    fn move_on(&mut self, random: &mut Random) {
        self.common.mark(Kind::Restored);
        let now = self.common.now;
        let before = (self.session.held_bytes(), self.session.wants_frames());
        let stored = self.session.save(now).text();
        let saved = SavedClient::read(&stored).expect("and read again");
        self.common.now = now + Duration::from_secs(random.below(100) as u64);
        let restored = ClientSession::restore(self.config.clone(), saved, self.common.now);
        self.session = restored.expect("the same format");
        let after = (self.session.held_bytes(), self.session.wants_frames());
        assert_eq!(after, before, "a restored session looks different");
    }

    fn completed(&mut self, done: &Completed) {
        let call = self.calls.remove(&done.call);
        let call = call.unwrap_or_else(|| panic!("{} has ended twice or never began", done.call));
        let kind = match (call, done.raw()) {
            (Call::Tool(number, fails), Ok(_)) => self.succeeded(number, fails, done),
            (Call::About, Ok(_)) => Kind::Succeeded,
            (_, Err(CallError::TaskCancelled)) => {
                let was_cancelled = self.store.ledger().was_cancelled();
                assert!(was_cancelled, "no task was cancelled");
                Kind::TaskCancellationTold
            }
            (_, Err(CallError::Rpc(_))) => Kind::Failed,
            (_, Err(CallError::TimedOut { .. })) => Kind::TimedOut,
            (_, Err(CallError::Cancelled)) => Kind::Cancelled,
            (_, Err(CallError::BadResult { .. })) => Kind::BadResult,
            (_, Err(CallError::InputRefused(_))) => Kind::InputRefused,
            (_, Err(CallError::TooManyRounds { .. })) => Kind::TooManyRounds,
            (_, Err(_)) => Kind::LostCall,
        };
        let is_possible = !self.is_ordinary() || kind != Kind::BadResult;
        assert!(is_possible, "{done:?} of a server that does nothing wrong");
        self.common.mark(kind);
    }

    /// Whether nothing goes wrong on the way and no limit is in the way.
    fn is_ordinary(&self) -> bool {
        self.common.is_faithful && self.common.marks.has(Kind::DefaultLimits)
    }

    /// A call of the tool has its result, which is its own, or the task that it has become.
    fn succeeded(&mut self, number: u64, fails: usize, done: &Completed) -> Kind {
        if let Some(created) = done.task() {
            self.handed_out
                .push((created.task.task_id.as_str().into(), (number, fails)));
            return Kind::TaskCreated;
        }
        let Ok(result) = done.result::<CallTool>() else {
            return Kind::BadResult;
        };
        let text = result.content.first().and_then(|block| block.as_text());
        if self.is_ordinary() {
            let is_number = text.and_then(number_of).is_some();
            assert!(fails != 1 || !is_number, "it has failed");
            assert_eq!(is_number, result.is_error != Some(true), "{result:?}");
        }
        if let Some(told) = text.and_then(number_of) {
            // An id of a request that has changed on the way may be that of another call.
            let is_own = told == number || !self.common.is_intact;
            assert!(is_own, "{} has the result of another call", done.call);
            let has_finished = self.store.ledger().finished.contains(&told);
            assert!(
                has_finished,
                "{} has a result that nobody has made",
                done.call
            );
        }
        Kind::Succeeded
    }
}

impl End for UserEnd {
    type Session = ClientSession;

    fn parts(&mut self) -> (&mut ClientSession, &mut Common) {
        (&mut self.session, &mut self.common)
    }

    fn speaks_of_marks(&self) -> bool {
        true
    }

    fn command(&mut self, random: &mut Random) {
        match random.below(32) {
            0..12 => self.call(random),
            12..15 => self.await_task(random),
            15..20 => self.ask_after(random),
            20 | 21 => self.cancel(random),
            22..29 if !self.is_mute => {
                let inputs = self.inputs.clone();
                if let Some(input) = random.one_of(&inputs) {
                    self.answer(random, input);
                }
            }
            29 => self.watch(),
            30 if random.below(4) == 0 => self.move_on(random),
            31 if random.below(32) == 0 => {
                self.common.mark(Kind::ClosedByClient);
                self.session.close(self.common.now);
            }
            _ => {}
        }
    }

    fn take_event(&mut self, random: &mut Random) -> bool {
        let Some(event) = self.session.poll_event() else {
            return false;
        };
        self.common.note_event(&event);
        match event {
            ClientEvent::Opened { revision } => self.common.mark_opened(revision),
            ClientEvent::Completed(done) => {
                self.completed(&done);
                if done.task().is_some() && random.below(2) == 0 {
                    self.await_task(random);
                }
            }
            ClientEvent::InputRequested(asked) => {
                self.common.mark(Kind::InputRequested);
                self.inputs.push(asked.input);
            }
            ClientEvent::InputWithdrawn(input) => {
                let open = self.inputs.iter().position(|open| *open == input);
                self.inputs
                    .remove(open.expect("what is withdrawn was open"));
                self.common.mark(Kind::InputWithdrawn);
            }
            ClientEvent::TaskChanged { .. } => self.common.mark(Kind::TaskTold),
            ClientEvent::Ignored(_) => self.common.mark(Kind::Ignored),
            ClientEvent::Closed(_) => self.common.is_closed = true,
            _ => {}
        }
        true
    }

    fn answer_all(&mut self, random: &mut Random) -> bool {
        let inputs = self.inputs.clone();
        for input in &inputs {
            match random.below(12) {
                0 => self.cancel(random),
                1 | 2 => self.ask_after(random),
                _ => self.answer(random, *input),
            }
        }
        !inputs.is_empty()
    }

    fn waits_for(&self) -> Option<String> {
        match self.session.is_closed() || self.session.is_open() {
            true => self.calls.keys().next().map(|call| format!("{call}")),
            false => Some("the opening".into()),
        }
    }

    /// Time has to pass before a task is asked after again, so that calls are open while nothing happens.
    fn is_full(&self) -> bool {
        true
    }

    fn assert_over(&self) {
        assert!(self.common.is_closed, "the end was never told");
        assert_eq!(self.session.open_calls(), 0);
        assert_eq!(self.session.poll_timeout(), None);
        assert!(self.inputs.is_empty(), "inputs were never withdrawn");
        assert_eq!(self.calls.keys().next(), None, "a call has never ended");
    }

    fn held(&self) -> (usize, &Limits) {
        (self.session.held_bytes(), self.session.limits())
    }
}

fn accepted() -> ElicitResult<'static> {
    ElicitResult::accept(FormContent::new())
}

fn config(random: &mut Random, common: &mut Common) -> ClientConfig {
    let can = ClientCapabilities::new().elicitation_form();
    let can = can.extension(TASKS_EXTENSION, &Object::new());
    let (era, revisions) = match random.below(4) {
        0 | 1 => (EraPolicy::Legacy, vec![Revision::V2025_11_25]),
        2 => (EraPolicy::AssumeModern, vec![Revision::V2026_07_28]),
        _ => (EraPolicy::Auto, Revision::ALL.to_vec()),
    };
    let limits = match random.below(4) {
        0 => limits(random, &mut common.marks),
        _ => {
            common.mark(Kind::DefaultLimits);
            Limits::default()
        }
    };
    ClientConfig::new("client", "1")
        .era(era)
        .revisions(revisions)
        .capabilities(can)
        .limits(limits)
}
