//! A client session and a user who does anything at any time.

use std::collections::BTreeMap;
use std::time::Duration;

use mcp_proto::model::completion::{CompleteParams, PromptReference};
use mcp_proto::model::elicitation::ElicitResult;
use mcp_proto::model::logging::LoggingLevel;
use mcp_proto::model::method::{
    CallTool, Complete, CreateMessage, Elicit, GetPrompt, ListRoots, ListTools, Method, Progress,
    ReadResource, RootsListChanged, ServerCapability,
};
use mcp_proto::model::page::PaginatedRequestParams;
use mcp_proto::model::prompt::GetPromptParams;
use mcp_proto::model::resource::ReadResourceParams;
use mcp_proto::model::root::{ListRootsResult, Root};
use mcp_proto::model::sampling::CreateMessageResult;
use mcp_proto::model::subscription::SubscriptionFilter;
use mcp_proto::model::tool::CallToolParams;
use mcp_proto::rpc::RpcError;
use mcp_proto::session::{
    CallClock, CallError, CallId, CallOptions, ClientConfig, ClientEvent, Completed, InputId,
    Misuse, Received, SavedClient, SubscriptionId,
};
use mcp_proto::{ClientSession, Limits, Revision, Session};

use super::choices::{config, options};
use super::end::{Common, End, assert_unchanged};
use super::faithful::{self, Mark};
use super::random::Random;
use super::strangers::strangers;
use super::tally::Kind;

/// An open call of the user.
struct Call {
    method: &'static str,
    is_bounded: bool,
    mark: Mark,
    /// How long its clocks run: idle, total.
    clocks: [Option<Duration>; 2],
    /// When it began, by the clock that only goes on.
    began: Duration,
    /// The last progress that was told.
    progress: f64,
    was_cancelled: bool,
}

pub struct ClientEnd {
    common: Common,
    session: ClientSession,
    config: ClientConfig,
    calls: BTreeMap<CallId, Call>,
    /// How many calls were tried.
    tried: u64,
    /// Calls that have ended, and so must be refused.
    ended: Vec<CallId>,
    inputs: BTreeMap<InputId, String>,
    withdrawn: Vec<InputId>,
    /// The open subscriptions that this user began, and what for; the configuration's have no filter here.
    subscriptions: Vec<SubscriptionId>,
    filters: BTreeMap<SubscriptionId, SubscriptionFilter<'static>>,
}

impl ClientEnd {
    pub fn new(random: &mut Random, traces: bool) -> Self {
        let mut common = Common::new("client", random, traces);
        let config = config(random, &mut common);
        let mut session = ClientSession::new(config.clone());
        // A configuration without a revision for its era is refused.
        if session.open(common.now).is_err() {
            session.close(common.now);
        }
        Self {
            common,
            session,
            config,
            calls: BTreeMap::new(),
            tried: 0,
            ended: Vec::new(),
            inputs: BTreeMap::new(),
            withdrawn: Vec::new(),
            subscriptions: Vec::new(),
            filters: BTreeMap::new(),
        }
    }

    /// Gives a command; one that is refused has to leave everything as it was.
    fn give<T>(
        &mut self,
        random: &mut Random,
        command: impl FnOnce(&mut ClientSession, &mut Random) -> Result<T, Misuse>,
    ) -> Option<T> {
        let now = self.common.now;
        // So that the time is the same before and after.
        self.session.handle_timeout(now);
        let before = random.per_mille(300).then(|| self.session.clone());
        match command(&mut self.session, random) {
            Ok(done) => Some(done),
            Err(misuse) => {
                self.common.mark(Kind::Refused);
                if let Some(before) = before {
                    let state = |session: &ClientSession| serde_json::to_string(&session.save(now));
                    assert_unchanged(state(&before), state(&self.session), &misuse);
                }
                None
            }
        }
    }

    fn call(&mut self, random: &mut Random) {
        let now = self.common.now;
        let (options, clocks) = options(random, &self.config.timeouts);
        let kind = random.below(8);
        self.tried += 1;
        let mark = Mark {
            number: self.tried,
            wants_progress: options.progress,
        };
        let mut can_call = false;
        let made = self.give(random, |session, _| {
            can_call = session.can_call();
            Ok(match kind {
                0..3 => {
                    let params = CallToolParams::new("t").arguments(mark.arguments());
                    (
                        session.call::<CallTool>(now, &params, options)?.any(),
                        CallTool::NAME,
                    )
                }
                3 => {
                    let params = ReadResourceParams::new("a:b");
                    let call = session.call::<ReadResource>(now, &params, options)?;
                    (call.any(), ReadResource::NAME)
                }
                4 => {
                    let params = GetPromptParams::new("p");
                    (
                        session.call::<GetPrompt>(now, &params, options)?.any(),
                        GetPrompt::NAME,
                    )
                }
                5 => {
                    let params = PaginatedRequestParams::new();
                    (
                        session.call::<ListTools>(now, &params, options)?.any(),
                        ListTools::NAME,
                    )
                }
                6 => {
                    let params = CompleteParams::new(PromptReference::new("p"), "a", "v");
                    (
                        session.call::<Complete>(now, &params, options)?.any(),
                        Complete::NAME,
                    )
                }
                _ => (session.ping(now, options)?.any(), "ping"),
            })
        });
        if let Some((call, method)) = made {
            assert!(can_call, "a call that can't be made was made");
            self.common.mark(Kind::Called);
            let made = self.began(method, mark, clocks);
            if !made.is_bounded {
                self.common.mark(Kind::CalledForEver);
            }
            let call_is_new = self.calls.insert(call, made).is_none();
            assert!(
                call_is_new && !self.ended.contains(&call),
                "{call} came twice"
            );
        }
    }

    fn began(&self, method: &'static str, mark: Mark, clocks: [Option<Duration>; 2]) -> Call {
        Call {
            method,
            is_bounded: clocks.iter().flatten().any(|clock| *clock < Duration::MAX),
            mark,
            clocks,
            began: self.common.passed,
            progress: f64::NEG_INFINITY,
            was_cancelled: false,
        }
    }

    fn set_level(&mut self, random: &mut Random) {
        let now = self.common.now;
        let level = [LoggingLevel::Debug, LoggingLevel::Error][random.below(2)];
        let call = self.give(random, |session, _| {
            session.set_log_level(now, level, CallOptions::new())
        });
        if let Some(call) = call {
            let timeouts = &self.config.timeouts;
            let clocks = [timeouts.idle, timeouts.total];
            let made = self.began("logging/setLevel", Mark::default(), clocks);
            self.calls.insert(call.any(), made);
        }
    }

    fn cancel(&mut self, random: &mut Random) {
        let now = self.common.now;
        let open: Vec<CallId> = self.calls.keys().copied().collect();
        if let Some(call) = random.one_of(&open) {
            let cancelled = self.give(random, |session, _| session.cancel(now, call, Some("no")));
            if cancelled.is_some() {
                self.common.mark(Kind::CancelledCall);
                if let Some(call) = self.calls.get_mut(&call) {
                    call.was_cancelled = true;
                }
            }
        } else if let Some(call) = random.one_of(&self.ended) {
            let cancelled = self.give(random, |session, _| session.cancel(now, call, None));
            assert_eq!(cancelled, None, "a call that has ended was cancelled");
        }
    }

    /// Answers an input in a way that may not suit it.
    fn answer(&mut self, random: &mut Random) {
        let now = self.common.now;
        let open: Vec<InputId> = self.inputs.keys().copied().collect();
        let Some(input) = random.one_of(&open) else {
            if let Some(input) = random.one_of(&self.withdrawn) {
                let error = RpcError::internal("late");
                let declined = self.give(random, |session, _| session.decline(now, input, error));
                assert_eq!(declined, None, "an input that was withdrawn was declined");
            }
            return;
        };
        match random.below(10) {
            0 | 1 => self.decline(random, input),
            // Most servers didn't ask for progress, which is then refused.
            4..10 => {
                let progress = random.below(4) as f64;
                let told = self.give(random, |session, _| {
                    session.progress(now, input, progress, Some(4.0), None)
                });
                if told.is_some() {
                    self.common.mark(Kind::ClientProgress);
                }
            }
            2 => {
                // For something else than what is asked for, as likely as not.
                let result = ElicitResult::cancel();
                let answered = self.give(random, |session, _| {
                    session.answer::<Elicit>(now, input, &result)
                });
                self.answered(input, answered);
            }
            _ => self.answer_well(random, input),
        }
    }

    fn decline(&mut self, random: &mut Random, input: InputId) {
        let now = self.common.now;
        let declined = self.give(random, |session, _| {
            session.decline(now, input, RpcError::internal("no"))
        });
        if declined.is_some() {
            self.common.mark(Kind::Declined);
        }
        self.answered(input, declined);
    }

    fn answer_well(&mut self, random: &mut Random, input: InputId) {
        let now = self.common.now;
        let method = self.inputs.get(&input).cloned().unwrap_or_default();
        let answered = self.give(random, |session, _| match &*method {
            CreateMessage::NAME => {
                let result = CreateMessageResult::text("m", "x");
                session.answer::<CreateMessage>(now, input, &result)
            }
            ListRoots::NAME => {
                let result = ListRootsResult::new(vec![Root::new("file:///a")]);
                session.answer::<ListRoots>(now, input, &result)
            }
            _ => session.answer::<Elicit>(now, input, &ElicitResult::decline()),
        });
        self.answered(input, answered);
    }

    fn answered(&mut self, input: InputId, done: Option<()>) {
        if done.is_some() {
            self.common.mark(Kind::Answered);
            self.inputs.remove(&input);
            self.withdrawn.push(input);
        }
    }

    fn subscribe(&mut self, random: &mut Random) {
        let now = self.common.now;
        if random.below(3) == 0
            && let Some(subscription) = random.one_of(&self.subscriptions)
        {
            let ended = self.give(random, |session, _| session.unsubscribe(now, subscription));
            if ended.is_some() {
                self.common.mark(Kind::Unsubscribed);
                self.subscriptions.retain(|open| *open != subscription);
            }
            return;
        }
        let uris: &[&str] = [&["a:b"][..], &["a:b", "a:c"], &[]][random.below(3)];
        let filter = SubscriptionFilter::new()
            .tools_list_changed(random.below(2) == 0)
            .resource_subscriptions(uris.iter().copied());
        if let Some(subscription) = self.give(random, |session, _| session.subscribe(now, &filter))
        {
            self.common.mark(Kind::Subscribed);
            self.subscriptions.push(subscription);
            self.filters.insert(subscription, filter);
        }
    }

    /// Takes an id of another session for one of this one.
    fn mistake(&mut self, random: &mut Random) {
        let (now, stranger) = (self.common.now, strangers());
        self.common.mark(Kind::GaveStranger);
        let obeyed = self.give(random, |session, random| match random.below(4) {
            0 => session.cancel(now, stranger.call, None),
            1 => session.unsubscribe(now, stranger.subscription),
            2 => session.decline(now, stranger.input, RpcError::internal("no")),
            _ => session.answer::<Elicit>(now, stranger.input, &ElicitResult::decline()),
        });
        assert_eq!(obeyed, None, "an id of another session was obeyed");
    }

    fn completed(&mut self, done: &Completed) {
        let was = self.calls.remove(&done.call);
        let was = was.unwrap_or_else(|| panic!("{} has ended twice or never began", done.call));
        if was.method != "ping" {
            assert_eq!(done.method(), was.method);
        }
        self.ended.push(done.call);
        self.assert_outcome(done, &was);
        self.common.mark(match done.raw() {
            Ok(result) => {
                assert!(result.is_object());
                let read = done.result::<CallTool>().map(drop);
                match was.method == CallTool::NAME
                    && matches!(read, Err(CallError::BadResult { .. }))
                {
                    true => Kind::BadResult,
                    false => Kind::Succeeded,
                }
            }
            Err(CallError::Rpc(_)) => Kind::Failed,
            Err(CallError::TimedOut { .. }) => Kind::TimedOut,
            Err(CallError::Cancelled) => Kind::Cancelled,
            Err(CallError::BadResult { .. }) => Kind::BadResult,
            Err(CallError::InputRefused(_)) => Kind::InputRefused,
            Err(CallError::TooManyRounds { .. }) => Kind::TooManyRounds,
            Err(_) => Kind::LostCall,
        });
    }

    /// Sees to it that a call ends as it may: with what the server said of it, when its own side
    /// wanted that, or when its time was over.
    fn assert_outcome(&self, done: &Completed, was: &Call) {
        match done.raw() {
            Ok(result) if self.common.is_faithful && was.method == done.method() => {
                faithful::succeeded(was.method, was.mark, &result);
            }
            Err(CallError::Rpc(error)) if self.common.is_faithful => faithful::failed(error),
            Err(CallError::Cancelled) => assert!(was.was_cancelled, "nobody cancelled it"),
            Err(CallError::TimedOut { clock, after }) => {
                let [idle, total] = was.clocks;
                let ran = if *clock == CallClock::Total {
                    total
                } else {
                    idle
                };
                assert_eq!(Some(*after), ran, "a clock that nobody set");
                // For one command the clock may have gone back three seconds.
                let since = self.common.passed - was.began + Duration::from_secs(3);
                assert!(since >= *after, "timed out after {since:?}, not {after:?}");
            }
            _ => {}
        }
    }

    fn progressed(&mut self, call: CallId, progress: &Received) {
        let was = self.calls.get_mut(&call);
        let was = was.unwrap_or_else(|| panic!("progress of {call}, which has ended"));
        assert!(
            was.mark.wants_progress,
            "progress of {call} that nobody wants"
        );
        let read = progress
            .params::<Progress>()
            .expect("what the session has read");
        if self.common.is_faithful {
            assert!(read.progress > was.progress, "progress of {call} goes back");
            was.progress = read.progress;
            faithful::progressed(was.method, was.mark, progress);
        }
    }

    /// What the session says of itself fits what its user knows.
    fn assert_opened(&self, revision: Revision) {
        assert_eq!(self.session.revision(), Some(revision));
        assert!(self.config.revisions.contains(&revision));
        if !self.common.is_faithful {
            return;
        }
        if let Some(info) = self.session.server_info() {
            assert_eq!((&*info.name, &*info.version), ("server", "1"));
        }
        assert!(self.session.offers(ServerCapability::Tools));
    }

    fn take(&mut self, event: &ClientEvent) {
        let kind = match event {
            ClientEvent::Opened { revision } => {
                self.assert_opened(*revision);
                self.common.mark_opened(*revision);
                return;
            }
            ClientEvent::Completed(done) => return self.completed(done),
            ClientEvent::Progress { call, progress } => {
                self.progressed(*call, progress);
                Kind::Progress
            }
            ClientEvent::InputRequested(asked) => {
                if self.common.is_faithful {
                    faithful::input_requested(asked);
                }
                let before = self.inputs.insert(asked.input, asked.method().into());
                assert_eq!(before, None, "{} came twice", asked.input);
                Kind::InputRequested
            }
            ClientEvent::InputWithdrawn(input) => {
                let was_open = self.inputs.remove(input).is_some();
                assert!(was_open, "{input} was withdrawn, but not open");
                self.withdrawn.push(*input);
                Kind::InputWithdrawn
            }
            ClientEvent::SubscriptionEnded {
                subscription,
                filter,
                ..
            } => {
                let was = self.filters.get(subscription).unwrap_or(filter);
                assert_eq!(was, filter, "another subscription has ended");
                self.subscriptions.retain(|open| open != subscription);
                Kind::SubscriptionEnded
            }
            ClientEvent::Subscribed {
                subscription,
                honoured,
            } => {
                if let Some(filter) = self.filters.get(subscription) {
                    faithful::honoured(honoured, filter);
                }
                Kind::SubscriptionOpened
            }
            ClientEvent::Log(message) => {
                if self.common.is_faithful {
                    faithful::logged(message);
                }
                Kind::Log
            }
            ClientEvent::Changed {
                change,
                subscription,
                notification,
            } => {
                if self.common.is_faithful {
                    let filter = subscription.and_then(|id| self.filters.get(&id));
                    faithful::changed(*change, filter, notification);
                }
                Kind::Change
            }
            ClientEvent::Ignored(_) => Kind::Ignored,
            ClientEvent::Closed(_) => {
                self.common.is_closed = true;
                if self.session.revision().is_none() {
                    self.common.mark(Kind::NeverOpened);
                }
                return;
            }
            _ => return,
        };
        self.common.mark(kind);
    }
}

impl End for ClientEnd {
    type Session = ClientSession;

    fn parts(&mut self) -> (&mut ClientSession, &mut Common) {
        (&mut self.session, &mut self.common)
    }

    fn speaks_of_marks(&self) -> bool {
        true
    }

    fn command(&mut self, random: &mut Random) {
        let now = self.common.now;
        match random.below(64) {
            0..28 => self.call(random),
            28..30 => self.mistake(random),
            30..34 => self.cancel(random),
            34..50 => self.answer(random),
            50..56 => self.subscribe(random),
            56..58 => self.set_level(random),
            58..60 => {
                let _ = self.give(random, |session, _| session.roots_changed(now));
            }
            60 => {
                let params = Default::default();
                let sent = self.give(random, |session, _| {
                    session.notify::<RootsListChanged>(now, &params)
                });
                if sent.is_some() {
                    self.common.mark(Kind::Notified);
                }
            }
            61 => {
                let opened = self.give(random, |session, _| session.open(now));
                assert_eq!(opened, None, "a session was opened twice");
            }
            _ if random.below(6) == 0 => {
                self.common.mark(Kind::ClosedByClient);
                self.session.close(now);
            }
            _ => {}
        }
    }

    fn take_event(&mut self, _random: &mut Random) -> bool {
        let Some(event) = self.session.poll_event() else {
            return false;
        };
        self.common.note_event(&event);
        self.take(&event);
        true
    }

    fn answer_all(&mut self, random: &mut Random) -> bool {
        let open: Vec<InputId> = self.inputs.keys().copied().collect();
        for input in &open {
            match random.below(4) {
                0 => self.decline(random, *input),
                _ => self.answer_well(random, *input),
            }
        }
        !open.is_empty() && open.iter().any(|input| !self.inputs.contains_key(input))
    }

    fn restore(&mut self, random: &mut Random) {
        let now = self.common.now;
        let stored = serde_json::to_vec(&self.session.save(now)).expect("a session can be stored");
        let saved: SavedClient = serde_json::from_slice(&stored).expect("and read again");
        // Elsewhere it is another time.
        self.common.now = mcp_proto::Instant::ZERO + Duration::from_secs(random.below(100) as u64);
        let restored = ClientSession::restore(self.config.clone(), saved, self.common.now);
        self.session = restored.expect("the same format");
    }

    fn held(&self) -> (usize, &Limits) {
        (self.session.held_bytes(), self.session.limits())
    }

    fn known(&self) -> usize {
        self.calls.len()
    }

    fn assert_in_time(&mut self) {
        let due = self.session.poll_timeout();
        assert_eq!(due.is_some(), self.session.wake_reason().is_some());
        assert!(
            self.session.open_calls() >= self.calls.len(),
            "a call has gone"
        );
        for (id, call) in &self.calls {
            let total = call.clocks[1].filter(|total| *total < Duration::MAX);
            let Some(end) = total.and_then(|total| call.began.checked_add(total)) else {
                continue;
            };
            assert!(end >= self.common.passed, "{id} has outlived its time");
            let left = end - self.common.passed;
            let is_noted = due.is_some_and(|due| due - self.common.now <= left);
            assert!(is_noted, "{id} has {left:?} left, but {due:?} is next");
        }
    }

    fn waits_for(&self) -> Option<String> {
        let bounded = self.calls.iter().filter(|(_, call)| call.is_bounded);
        let mut open = bounded.map(|(id, call)| format!("{id} ({})", call.method));
        match self.session.is_closed() || self.session.is_open() {
            true => open.next(),
            false => Some("the opening".into()),
        }
    }

    fn waits_for_ever(&self) -> bool {
        self.calls.values().any(|call| !call.is_bounded)
    }

    fn assert_over(&self) {
        assert!(self.common.is_closed, "the end was never told");
        assert_eq!(self.session.open_calls(), 0);
        assert_eq!(self.session.poll_timeout(), None);
        assert!(
            self.inputs.is_empty(),
            "inputs were never withdrawn: {:?}",
            self.inputs
        );
        assert!(
            self.subscriptions.is_empty(),
            "never ended: {:?}",
            self.subscriptions
        );
        assert_eq!(self.calls.keys().next(), None, "a call has never ended");
    }
}
