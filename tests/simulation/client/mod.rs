//! A client session and a user who does anything at any time.

mod events;

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use mcp_proto::model::elicitation::ElicitResult;
use mcp_proto::model::logging::LoggingLevel;
use mcp_proto::model::method::{
    CreateMessage, Elicit, ListRoots, Method, Notification, RootsListChanged,
};
use mcp_proto::model::root::{ListRootsResult, Root};
use mcp_proto::model::sampling::CreateMessageResult;
use mcp_proto::model::subscription::SubscriptionFilter;
use mcp_proto::rpc::RpcError;
use mcp_proto::session::{
    CallId, CallOptions, ClientConfig, ClientEvent, InputId, Misuse, Route, SavedClient,
    SubscriptionId,
};
use mcp_proto::{ClientSession, Instant, Limits, Revision, Session};
use serde_json::{Value, json};

use super::calls::{Made, make};
use super::choices::{config, options};
use super::effects::Effects;
use super::end::{
    Common, End, assert_same_text, assert_unchanged, damaged, has_room, without_epoch,
};
use super::faithful::Mark;
use super::random::Random;
use super::strangers::strangers;
use super::tally::Kind;
use super::watch_client::ClientWatch;
use super::weight;
use support::saved::Saved;

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

/// When the opening began, and how long it had run before that; how much unreadable input was answered.
const EPOCH: [[usize; 3]; 3] = [[2, 1, 1], [2, 1, 2], [2, 0, 5]];

pub struct ClientEnd {
    common: Common,
    session: ClientSession,
    config: ClientConfig,
    calls: BTreeMap<CallId, Call>,
    /// How many calls were tried.
    tried: u64,
    /// How often progress was told of.
    told: u16,
    /// Calls that have ended, and so must be refused.
    ended: Vec<CallId>,
    inputs: BTreeMap<InputId, String>,
    withdrawn: Vec<InputId>,
    /// The open subscriptions that this user began, and what for; the configuration's have no filter here.
    subscriptions: Vec<SubscriptionId>,
    filters: BTreeMap<SubscriptionId, SubscriptionFilter<'static>>,
    watch: Option<ClientWatch>,
    /// What the last command has done.
    did: Option<Effects<ClientEvent>>,
    /// Whether this user calls several times at once.
    is_eager: bool,
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
            watch: (random.below(2) == 0).then(|| ClientWatch::new(&session)),
            did: None,
            is_eager: random.below(10) == 0,
            common,
            session,
            config,
            calls: BTreeMap::new(),
            tried: 0,
            told: 0,
            ended: Vec::new(),
            inputs: BTreeMap::new(),
            withdrawn: Vec::new(),
            subscriptions: Vec::new(),
            filters: BTreeMap::new(),
        }
    }

    /// Whether this session is held to its frames.
    fn watches(&self) -> bool {
        self.common.is_faithful && self.watch.is_some()
    }

    /// Gives a command; one that is refused has to leave everything as it was.
    fn give<T>(
        &mut self,
        random: &mut Random,
        command: impl FnOnce(&mut ClientSession, &mut Random) -> Result<T, Misuse>,
    ) -> Option<T> {
        let now = self.common.now;
        // So that the time is the same before and after.
        self.wait(now);
        self.did = None;
        let watches = self.watches();
        let before = (random.per_mille(300) || watches).then(|| self.session.clone());
        match command(&mut self.session, random) {
            Ok(done) => {
                self.did = before
                    .filter(|_| watches)
                    .and_then(|before| self.did(&before));
                Some(done)
            }
            Err(misuse) => {
                self.common.mark(Kind::Refused);
                if let Some(before) = before {
                    let state = |session: &ClientSession| session.save(now).text();
                    assert_unchanged(&state(&before), &state(&self.session), &misuse);
                }
                None
            }
        }
    }

    /// What has come about since; nothing is watched any more once the session has ended.
    fn did(&mut self, before: &ClientSession) -> Option<Effects<ClientEvent>> {
        let did = Effects::between(before, &self.session);
        match (&mut self.watch, &did) {
            (Some(watch), Some(did)) => {
                watch.clocks.now = self.common.passed;
                watch.wrote(&did.frames);
            }
            _ => self.watch = None,
        }
        did
    }

    /// Holds what the last command has done to what it says.
    fn check(
        &mut self,
        check: impl FnOnce(&mut ClientWatch, &ClientSession, &Effects<ClientEvent>),
    ) {
        if let (Some(watch), Some(did)) = (&mut self.watch, self.did.take()) {
            check(watch, &self.session, &did);
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
            make(session, now, kind, mark, options)
        });
        let Some(Made {
            call,
            method,
            params,
        }) = made
        else {
            return;
        };
        assert!(can_call, "a call that can't be made was made");
        self.common.mark(Kind::Called);
        self.check(|watch, session, did| {
            watch.called(call, (method, &params), mark.wants_progress, session, did);
            watch.clocks.start(call, clocks);
        });
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
            self.check(|watch, session, did| {
                if session.revision() != Some(Revision::V2026_07_28) {
                    watch.clocks.start(call.any(), clocks);
                }
                watch.level_set(call.any(), level, session, did);
            });
        }
    }

    fn cancel(&mut self, random: &mut Random) {
        let now = self.common.now;
        let open: Vec<CallId> = self.calls.keys().copied().collect();
        if let Some(call) = random.one_of(&open) {
            let watch = self.watch.as_ref();
            let awaited = watch.and_then(|watch| watch.awaited(call));
            let cancelled = self.give(random, |session, _| session.cancel(now, call, Some("no")));
            if cancelled.is_some() {
                self.check(|watch, _, did| watch.cancelled(call, awaited, "no", did));
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

    /// Tells how far the answer to one of these is; most servers didn't ask for that, and it is refused.
    fn tell_progress(&mut self, random: &mut Random, open: &[InputId]) {
        let now = self.common.now;
        for &input in open {
            self.told += 1;
            let progress = f64::from(self.told);
            let told = self.give(random, |session, _| {
                session.progress(now, input, progress, Some(4.0), None)
            });
            if told.is_some() {
                self.check(|watch, session, did| {
                    watch.told(input, progress, has_room(session.limits()), did)
                });
                self.common.mark(Kind::ClientProgress);
                return;
            }
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
            4..10 => self.tell_progress(random, &open),
            2 => {
                // For something else than what is asked for, as likely as not.
                let result = ElicitResult::cancel();
                let answered = self.give(random, |session, _| {
                    session.answer::<Elicit>(now, input, &result)
                });
                let method = self.inputs.get(&input).map(String::as_str);
                let is_other = method.is_none_or(|method| method != Elicit::NAME);
                assert!(
                    answered.is_none() || !is_other,
                    "{method:?} was answered by another"
                );
                let result = json!({"action": "cancel"});
                self.answered(input, answered.map(|()| result));
            }
            _ => self.answer_well(random, input),
        }
    }

    fn decline(&mut self, random: &mut Random, input: InputId) {
        let now = self.common.now;
        let error = RpcError::internal("no");
        let declined = self.give(random, |session, _| {
            session.decline(now, input, error.clone())
        });
        if declined.is_some() {
            self.common.mark(Kind::Declined);
            self.check(|watch, _, did| watch.declined(input, &error, did));
            self.is_over(input);
        }
    }

    fn answer_well(&mut self, random: &mut Random, input: InputId) {
        let now = self.common.now;
        let method = self.inputs.get(&input).cloned().unwrap_or_default();
        let answered = self.give(random, |session, _| match &*method {
            CreateMessage::NAME => {
                let result = CreateMessageResult::text("m", "x");
                session.answer::<CreateMessage>(now, input, &result)?;
                let content = json!({"type": "text", "text": "x"});
                Ok(json!({"role": "assistant", "content": content, "model": "m"}))
            }
            ListRoots::NAME => {
                let result = ListRootsResult::new(vec![Root::new("file:///a")]);
                session.answer::<ListRoots>(now, input, &result)?;
                Ok(json!({"roots": [{"uri": "file:///a"}]}))
            }
            _ => {
                session.answer::<Elicit>(now, input, &ElicitResult::decline())?;
                Ok(json!({"action": "decline"}))
            }
        });
        self.answered(input, answered);
    }

    fn answered(&mut self, input: InputId, result: Option<Value>) {
        if let Some(result) = result {
            self.check(|watch, _, did| watch.answered(input, &result, did));
            self.is_over(input);
        }
    }

    fn is_over(&mut self, input: InputId) {
        self.common.mark(Kind::Answered);
        self.inputs.remove(&input);
        self.withdrawn.push(input);
    }

    fn subscribe(&mut self, random: &mut Random) {
        let now = self.common.now;
        if random.below(3) == 0
            && let Some(subscription) = random.one_of(&self.subscriptions)
        {
            let ended = self.give(random, |session, _| session.unsubscribe(now, subscription));
            if ended.is_some() {
                self.check(|watch, session, did| watch.unsubscribed(subscription, session, did));
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
            self.check(|watch, session, did| watch.subscribed(subscription, &filter, session, did));
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
}

impl End for ClientEnd {
    type Session = ClientSession;

    fn parts(&mut self) -> (&mut ClientSession, &mut Common) {
        (&mut self.session, &mut self.common)
    }

    fn speaks_of_marks(&self) -> bool {
        true
    }

    fn wait(&mut self, now: Instant) {
        let before = self.watches().then(|| self.session.clone());
        self.session.handle_timeout(now);
        let has_time = self.common.passed < self.config.timeouts.opening;
        let has_begun = self.session.is_open() || self.session.is_closed();
        assert!(has_time || has_begun, "the opening takes too long");
        self.did = before.and_then(|before| self.did(&before));
        self.check(|watch, _, did| watch.waited(did));
    }

    fn stop_watching(&mut self) {
        self.watch = None;
    }

    fn hear(&mut self, frame: Bytes) {
        let (now, text) = (self.common.now, frame.clone());
        let before = self.watches().then(|| self.session.clone());
        self.session.handle_frame(now, Route::Pipe, frame);
        self.did = before.and_then(|before| self.did(&before));
        // The last one may be cut off where its connection ends.
        if let Ok(said) = serde_json::from_slice(&text) {
            self.check(|watch, session, did| watch.heard(&said, session, did));
        }
    }

    fn command(&mut self, random: &mut Random) {
        let now = self.common.now;
        match random.below(64) {
            0..28 => {
                for _ in 0..if self.is_eager { 8 } else { 1 } {
                    self.call(random);
                }
                if self.is_eager {
                    self.cancel(random);
                }
            }
            28..30 => self.mistake(random),
            30..34 => self.cancel(random),
            34..50 => self.answer(random),
            50..56 => self.subscribe(random),
            56..58 => self.set_level(random),
            58..60 => {
                let told = self.give(random, |session, _| session.roots_changed(now));
                if told.is_some() {
                    let name = RootsListChanged::NAME;
                    self.check(|watch, session, did| watch.notified(name, session, did));
                    let roots = self.config.capabilities.roots.as_ref();
                    let is_declared = roots.is_some_and(|roots| roots.list_changed);
                    assert!(is_declared, "what was not declared is told");
                }
            }
            60 => {
                let params = Default::default();
                let sent = self.give(random, |session, _| {
                    session.notify::<RootsListChanged>(now, &params)
                });
                if sent.is_some() {
                    let name = RootsListChanged::NAME;
                    self.check(|watch, session, did| watch.notified(name, session, did));
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
                assert!(self.session.is_closed());
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
        let stored = self.session.save(now).text();
        let saved = SavedClient::read(&stored).expect("and read again");
        // Elsewhere it is another time.
        self.common.now = mcp_proto::Instant::ZERO + Duration::from_secs(random.below(100) as u64);
        let restored = ClientSession::restore(self.config.clone(), saved, self.common.now);
        self.session = restored.expect("the same format");
    }

    fn assert_weighs(&self) {
        weight::assert_client(&self.session);
    }

    fn assert_saves(&self) {
        let now = self.common.now;
        let mut session = self.session.clone();
        session.handle_timeout(now);
        let text = session.save(now).text();
        let saved = SavedClient::read(&text).expect("it was written so");
        let again =
            ClientSession::restore(self.config.clone(), saved, now).expect("the same format");
        for damaged in damaged(&text) {
            let restored = SavedClient::read(&damaged);
            let restored =
                restored.map(|saved| ClientSession::restore(self.config.clone(), saved, now));
            let is_refused = restored.is_err() || restored.is_ok_and(|restored| restored.is_err());
            assert!(is_refused, "restored from {damaged}");
        }
        let again_text = again.save(now).text();
        let [text, again_text] = [text, again_text].map(|text| without_epoch(&text, &EPOCH));
        assert_same_text(&text, &again_text);
        assert_eq!(again.held_bytes(), session.held_bytes());
        assert_eq!(
            again.poll_timeout().is_some(),
            session.poll_timeout().is_some()
        );
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
        if let Some(watch) = self.watch.as_ref()
            && self.watches()
            && !self.session.is_closed()
        {
            watch.assert_in_time(&self.session, self.common.now);
        }
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
