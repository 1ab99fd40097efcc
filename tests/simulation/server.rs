//! A server session and a user who does anything at any time.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bytes::Bytes;
use mcp_proto::model::capability::ServerCapabilities;
use mcp_proto::model::input::InputRequests;
use mcp_proto::model::logging::{LoggingLevel, LoggingMessageParams};
use mcp_proto::model::method::{CallTool, SpecMethod};
use mcp_proto::model::tool::CallToolResult;
use mcp_proto::rpc::{Raw, RpcError};
use mcp_proto::session::{
    Change, IncomingId, Misuse, Request, Route, SavedServer, ServerConfig, ServerEvent, Timeouts,
};
use mcp_proto::{Instant, Limits, Revision, ServerSession, Session};
use serde_json::json;

use super::effects::Effects;
use super::end::{
    Common, End, are_ample, assert_same_text, assert_unchanged, damaged, duration, has_room,
    limits, revisions, without_epoch,
};
use super::faithful::{self, Mark, json_of};
use super::random::Random;
use super::replies::{first_page, inputs, links, result_of};
use super::strangers::strangers;
use super::tally::Kind;
use super::watch_server::{ServerWatch, assert_foreign, is_foreign};
use super::weight;
use support::saved::Saved;

/// What the client is asked for: the keys and methods, and the state.
type Asked = (Vec<(String, String)>, Option<&'static str>);

/// How much unreadable input was answered, and how many requests were taken back.
const EPOCH: [[usize; 3]; 3] = [[2, 0, 5], [2, 6, 1], [2, 6, 2]];

/// A request that waits for this user.
#[derive(Clone, Copy, Default)]
struct Open {
    method: Option<SpecMethod>,
    mark: Mark,
    /// How long its frame is.
    size: usize,
}

pub struct ServerEnd {
    common: Common,
    session: ServerSession,
    config: ServerConfig,
    /// The requests that wait for this user.
    open: BTreeMap<IncomingId, Open>,
    /// The requests that wait for the client's input.
    asking: BTreeMap<IncomingId, Asked>,
    /// The requests that are no longer open; an event still has to say so.
    gone: BTreeSet<IncomingId>,
    answered: Vec<IncomingId>,
    /// Whether this user answers only when everything else has been done.
    is_lazy: bool,
    /// Whether this user asks before each answer.
    is_curious: bool,
    /// How much room results take: some are larger than an output.
    size: usize,
    watch: Option<ServerWatch>,
    /// What the last command has done.
    did: Option<Effects<ServerEvent>>,
}

impl ServerEnd {
    pub fn new(random: &mut Random, traces: bool) -> Self {
        let mut common = Common::new("server", random, traces);
        let mut offers = ServerCapabilities::new().tools(true).logging();
        if random.below(8) > 0 {
            offers = offers.resources(true).resources_subscribe();
            offers = offers.prompts(true).completions();
        }
        let input = match random.below(8) {
            0 => None,
            1 | 2 => Some(duration(random)),
            _ => Timeouts::default().input,
        };
        let config = ServerConfig::new("server", "1")
            .capabilities(offers)
            .revisions(server_revisions(random))
            .timeouts(Timeouts::default().input(input))
            .limits(limits(random, &mut common.marks));
        let is_lazy = random.below(5) == 0;
        if is_lazy {
            common.mark(Kind::NeverAnswered);
        }
        Self {
            watch: (random.below(2) == 0).then(|| ServerWatch::new(input, &config)),
            did: None,
            common,
            session: ServerSession::new(config.clone()),
            config,
            open: BTreeMap::new(),
            asking: BTreeMap::new(),
            gone: BTreeSet::new(),
            answered: Vec::new(),
            is_lazy,
            is_curious: random.below(3) == 0,
            size: [1, 1, 100, 1000][random.below(4)],
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
        command: impl FnOnce(&mut ServerSession) -> Result<T, Misuse>,
    ) -> Result<T, Misuse> {
        let now = self.common.now;
        self.wait(now);
        self.did = None;
        let watches = self.watches();
        let before = (random.per_mille(300) || watches).then(|| self.session.clone());
        let given = command(&mut self.session);
        match (&given, before) {
            (Ok(_), Some(before)) if watches => self.did = self.did(&before),
            (Err(misuse), Some(before)) => {
                let state = |session: &ServerSession| session.save(now).text();
                assert_unchanged(&state(&before), &state(&self.session), misuse);
            }
            _ => {}
        }
        if given.is_err() {
            self.common.mark(Kind::Refused);
        }
        given
    }

    /// What has come about since; nothing is watched any more once the session has ended.
    fn did(&mut self, before: &ServerSession) -> Option<Effects<ServerEvent>> {
        let did = Effects::between(before, &self.session);
        match (&mut self.watch, &did) {
            (Some(watch), Some(_)) => watch.now = self.common.passed,
            _ => self.watch = None,
        }
        did
    }

    /// Holds what the last command has done to what it says.
    fn check(
        &mut self,
        check: impl FnOnce(&mut ServerWatch, &ServerSession, &Effects<ServerEvent>),
    ) {
        if let (Some(watch), Some(did)) = (&mut self.watch, self.did.take()) {
            check(watch, &self.session, &did);
        }
    }

    /// A command for a request that may have been cancelled already.
    fn give_for<T>(
        &mut self,
        random: &mut Random,
        request: IncomingId,
        command: impl FnOnce(&mut ServerSession) -> Result<T, Misuse>,
    ) -> bool {
        let given = self.give(random, command);
        if let Err(Misuse::Unknown(_)) = given
            && self.open.remove(&request).is_some()
        {
            self.gone.insert(request);
        }
        given.is_ok()
    }

    /// Replies in one of eight ways, of which some are refused.
    fn reply(&mut self, random: &mut Random, request: IncomingId, kind: usize) {
        let now = self.common.now;
        let Open { method, mark, .. } = self.open.get(&request).copied().unwrap_or_default();
        let text = mark.text(&"x".repeat(self.size));
        let refused = match kind {
            0 => Some(RpcError::internal("no")),
            // A code that the specification keeps for itself.
            1 => Some(RpcError::new(-32_002, "not yours")),
            _ => None,
        };
        let result = match (kind, method) {
            // What is no object is refused.
            (2, _) => Raw::encode("text").expect("JSON"),
            (4, Some(SpecMethod::CallTool)) => {
                Raw::new(faithful::BAD[mark.number as usize % 4].0).expect("JSON")
            }
            (3, Some(SpecMethod::CallTool)) => links(),
            (3, Some(SpecMethod::ListTools)) => first_page(),
            (_, Some(SpecMethod::CallTool)) => {
                let result = json!({"content": [{"type": "text", "text": text}]});
                Raw::new(result.to_string()).expect("JSON")
            }
            (_, method) => result_of(method),
        };
        let is_typed = kind >= 5 && method == Some(SpecMethod::CallTool);
        let done = self.give_for(random, request, |session| match &refused {
            Some(error) => session.reply_error(now, request, error.clone()),
            None if is_typed => {
                session.reply::<CallTool>(now, request, &CallToolResult::text(&*text))
            }
            None => session.reply_raw(now, request, &result),
        });
        if done {
            self.check(|watch, _, did| match &refused {
                Some(error) => watch.refused(request, error, did),
                None => watch.replied(request, &json_of(&result), did),
            });
            self.common.mark(if refused.is_some() {
                Kind::RepliedError
            } else {
                Kind::Replied
            });
            self.open.remove(&request);
            self.answered.push(request);
        }
    }

    fn ask(&mut self, random: &mut Random, request: IncomingId) {
        let now = self.common.now;
        let (kind, requests) = inputs(random);
        let state = (random.below(3) > 0).then_some("state");
        let mut lacks = None;
        let asked = self.give_for(random, request, |session| {
            let asked = session.need_input(now, request, &requests, state);
            if let Err(Misuse::MissingClientCapability(missing)) = &asked {
                let error = RpcError::missing_client_capability(missing);
                lacks = Some((missing.clone(), error));
            }
            asked
        });
        if let Some((missing, lacks)) = &lacks {
            let is_named = match &*lacks.message {
                "Elicitation not supported" => missing.elicitation.is_some(),
                "Sampling not supported" => missing.sampling.is_some(),
                "List roots not supported" => missing.roots.is_some(),
                _ => false,
            };
            assert!(is_named, "{lacks} when {missing:?} is missing");
        }
        let lacks = lacks.map(|(_, lacks)| lacks);
        if let Some(lacks) = lacks.filter(|_| random.below(2) == 0) {
            return self.refuse(random, request, &lacks);
        }
        if asked {
            self.check(|watch, _, did| watch.asked(request, &requests, state, did));
            if let Some(kind) = kind {
                self.common.mark(kind);
            }
            self.open.remove(&request);
            let keys = requests
                .iter()
                .map(|(key, asked)| (key.to_string(), asked.method.to_string()));
            self.asking.insert(request, (keys.collect(), state));
        }
    }

    /// Refuses a request whose client can't do what it takes.
    fn refuse(&mut self, random: &mut Random, request: IncomingId, lacks: &RpcError) {
        let now = self.common.now;
        let done = self.give_for(random, request, |session| {
            session.reply_error(now, request, lacks.clone())
        });
        if done {
            self.check(|watch, _, did| watch.refused(request, lacks, did));
            self.common.mark(Kind::RepliedError);
            self.open.remove(&request);
            self.answered.push(request);
        }
    }

    /// Takes an id of another session for one of this one.
    fn mistake(&mut self, random: &mut Random) {
        let (now, request) = (self.common.now, strangers().request);
        self.common.mark(Kind::GaveStranger);
        let kind = random.below(4);
        let obeyed = self.give(random, |session| match kind {
            0 => session.reply_error(now, request, RpcError::internal("no")),
            1 => session.progress(now, request, 1.0, None, None),
            2 => session.need_input(now, request, &InputRequests::new().roots("a"), None),
            _ => session.reply::<CallTool>(now, request, &CallToolResult::text("x")),
        });
        assert!(obeyed.is_err(), "an id of another session was obeyed");
    }

    fn tell_of(&mut self, random: &mut Random, request: IncomingId) {
        let now = self.common.now;
        let progress = match random.below(32) {
            0 => f64::NAN,
            1 => f64::INFINITY,
            number => (number % 8) as f64,
        };
        let has_room = has_room(&self.config.limits);
        let Open { mark, .. } = self.open.get(&request).copied().unwrap_or_default();
        let message = mark.text("m");
        let told = self.give_for(random, request, |session| {
            session.progress(now, request, progress, Some(8.0), Some(&message))
        });
        if told {
            assert!(progress.is_finite(), "progress without a number");
            self.check(|watch, _, did| watch.told(request, progress, &message, has_room, did));
            self.common.mark(Kind::ServerProgress);
        }
    }

    fn log(&mut self, random: &mut Random, request: Option<IncomingId>) {
        let now = self.common.now;
        let has_room = has_room(&self.config.limits);
        let text = "x".repeat(self.size);
        let data = Raw::encode(&text).expect("JSON");
        let level = [LoggingLevel::Error, LoggingLevel::Info, LoggingLevel::Debug][random.below(3)];
        let message = LoggingMessageParams::new(level, data);
        if let Ok(was_sent) = self.give(random, |session| session.log(now, request, &message)) {
            self.check(|watch, session, did| {
                let may_be_full = !was_sent && !has_room;
                watch.logged((request, level), &text, may_be_full, session, did);
            });
            if was_sent {
                self.common.mark(Kind::Logged);
            }
        }
    }

    fn tell_all(&mut self, random: &mut Random) {
        let now = self.common.now;
        let kind = match random.below(8) {
            0..3 => {
                let change = [Change::Tools, Change::Prompts, Change::Resource][random.below(3)];
                let told = self.give(random, |session| session.changed(now, change));
                if told.is_err() {
                    return;
                }
                self.check(|watch, session, did| watch.changed(change, "", session, did));
                Kind::Changed
            }
            3..6 => {
                let uri = ["a:b", "a:b/c", "a:c", "no uri"][random.below(4)];
                let told = self.give(random, |session| session.resource_updated(now, uri));
                if told.is_err() {
                    return;
                }
                let change = Change::Resource;
                self.check(|watch, session, did| watch.changed(change, uri, session, did));
                Kind::Updated
            }
            6 => {
                let ids = self.watch.as_ref().map(|watch| &watch.elicitations);
                let id = ids.and_then(|ids| ids.last().cloned());
                let id = id.unwrap_or_else(|| "e".into());
                let told = self.give(random, |session| session.elicitation_completed(now, &id));
                if told.is_err() {
                    return;
                }
                Kind::Updated
            }
            7 if random.below(4) > 0 => return,
            _ => {
                let ended = self.give(random, |session| {
                    session.end_subscriptions(now);
                    Ok(())
                });
                if ended.is_ok() {
                    self.check(|watch, _, did| watch.ended_subscriptions(did));
                }
                Kind::EndedSubscriptions
            }
        };
        self.common.mark(kind);
    }

    fn requested(&mut self, request: &Request) {
        let asked = self.asking.remove(&request.id);
        self.common.mark(match asked {
            Some(_) => Kind::RequestAgain,
            None => Kind::Request,
        });
        let mut mark = Mark::default();
        if self.common.is_faithful {
            self.assert_knows_client(request);
            mark = faithful::requested(request);
            if let Some((asked, state)) = asked {
                faithful::answered(request, &asked, state);
            }
        }
        assert!(
            !self.answered.contains(&request.id),
            "{} came again",
            request.id
        );
        let open = Open {
            method: request.known(),
            mark,
            size: request.frame().len(),
        };
        let before = self.open.insert(request.id, open);
        assert!(before.is_none(), "{} came twice", request.id);
    }

    /// Whoever speaks is who the client said it is.
    fn assert_knows_client(&self, request: &Request) {
        if request.revision != Revision::V2026_07_28 {
            assert_eq!(self.session.legacy_revision(), Some(request.revision));
            let info = self.session.client_info().expect("it has said so");
            assert_eq!((&*info.name, &*info.version), ("client", "1"));
            assert!(self.session.client_capabilities().is_some());
        }
        assert!(self.config.revisions.contains(&request.revision));
    }

    fn take(&mut self, event: &ServerEvent) {
        let kind = match event {
            ServerEvent::Request(request) => return self.requested(request),
            ServerEvent::Cancelled { request, .. } => {
                let was_open = self.open.remove(request).is_some()
                    || self.asking.remove(request).is_some()
                    || self.gone.remove(request);
                assert!(was_open, "{request} was cancelled, but not open");
                Kind::RequestCancelled
            }
            ServerEvent::Subscribed { .. } => Kind::ResourceWanted,
            ServerEvent::Unsubscribed { .. } => Kind::ResourceUnwanted,
            ServerEvent::RootsChanged => Kind::RootsChanged,
            ServerEvent::Ignored(ignored) => {
                assert!(!ignored.to_string().is_empty());
                Kind::Ignored
            }
            ServerEvent::Closed(_) => {
                self.common.is_closed = true;
                return;
            }
            _ => return,
        };
        self.common.mark(kind);
    }
}

impl End for ServerEnd {
    type Session = ServerSession;

    fn parts(&mut self) -> (&mut ServerSession, &mut Common) {
        (&mut self.session, &mut self.common)
    }

    fn speaks_of_marks(&self) -> bool {
        true
    }

    fn wait(&mut self, now: Instant) {
        let before = self.watches().then(|| self.session.clone());
        self.session.handle_timeout(now);
        self.did = before.and_then(|before| self.did(&before));
        self.check(|watch, _, did| watch.waited(did));
    }

    fn stop_watching(&mut self) {
        self.watch = None;
    }

    fn hear(&mut self, frame: Bytes) {
        let now = self.common.now;
        // The last one may be cut off where its connection ends.
        let said = serde_json::from_slice(&frame).ok();
        let foreign = said.as_ref().filter(|said| is_foreign(said, &self.session));
        let watches = self.watches();
        let before = (watches || foreign.is_some()).then(|| self.session.clone());
        self.session.handle_frame(now, Route::Pipe, frame);
        if let (Some(foreign), Some(before)) = (foreign, &before)
            && are_ample(&self.config.limits)
            && let Some(did) = Effects::between(before, &self.session)
        {
            assert_foreign(foreign, &did);
        }
        self.did = before
            .filter(|_| watches)
            .and_then(|before| self.did(&before));
        if let Some(said) = said {
            self.check(|watch, session, did| watch.heard(&said, session, did));
        }
    }

    fn command(&mut self, random: &mut Random) {
        let open: Vec<IncomingId> = self.open.keys().copied().collect();
        match (random.below(32), random.one_of(&open)) {
            (0..8, Some(request)) if !self.is_lazy && !self.is_curious => {
                let kind = random.below(8);
                self.reply(random, request, kind);
            }
            (0..18, Some(request)) => self.ask(random, request),
            (18..22, Some(request)) => self.tell_of(random, request),
            (22..25, request) => self.log(random, request),
            (25, _) if random.below(8) == 0 => {
                self.common.mark(Kind::ClosedByServer);
                self.session.close(self.common.now);
                assert!(self.session.is_closed());
            }
            (26, Some(_)) => self.mistake(random),
            (26, None) => {
                if let Some(request) = random.one_of(&self.answered) {
                    let now = self.common.now;
                    let error = RpcError::internal("late");
                    let replied = self.give(random, |s| s.reply_error(now, request, error));
                    assert!(replied.is_err(), "{request} was answered twice");
                }
            }
            _ if random.below(3) == 0 => self.tell_all(random),
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
        let open: Vec<IncomingId> = self.open.keys().copied().collect();
        for request in &open {
            // Somebody who asks again and again is stopped by a limit.
            if self.is_curious {
                self.ask(random, *request);
            }
            if self.open.contains_key(request) {
                let kind = [7, 7, 7, 4][random.below(4)];
                self.reply(random, *request, kind);
            }
        }
        open.iter().any(|request| !self.open.contains_key(request))
    }

    fn restore(&mut self, random: &mut Random) {
        let now = self.common.now;
        let stored = self.session.save(now).text();
        let saved = SavedServer::read(&stored).expect("and read again");
        self.common.now = mcp_proto::Instant::ZERO + Duration::from_secs(random.below(100) as u64);
        let restored = ServerSession::restore(self.config.clone(), saved, self.common.now);
        self.session = restored.expect("the same format");
    }

    fn assert_weighs(&self) {
        let session = &self.session;
        let is_open = |id: &IncomingId| session.route_of(*id).is_some();
        let open = self.open.iter().filter(|(id, _)| is_open(id));
        let open = open.map(|(_, open)| open.size);
        weight::assert_server(&self.session, &self.config.limits, open);
    }

    fn assert_saves(&self) {
        let now = self.common.now;
        let mut session = self.session.clone();
        session.handle_timeout(now);
        let text = session.save(now).text();
        let saved = SavedServer::read(&text).expect("it was written so");
        let again =
            ServerSession::restore(self.config.clone(), saved, now).expect("the same format");
        for damaged in damaged(&text) {
            let restored = SavedServer::read(&damaged);
            let restored =
                restored.map(|saved| ServerSession::restore(self.config.clone(), saved, now));
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
        (self.session.held_bytes(), &self.config.limits)
    }

    fn known(&self) -> usize {
        self.session.open_requests()
    }

    fn assert_in_time(&mut self) {
        let due = self.session.poll_timeout();
        assert_eq!(due.is_some(), self.session.wake_reason().is_some());
        if let Some(watch) = self.watch.as_ref()
            && self.watches()
            && !self.session.is_closed()
        {
            watch.assert_in_time(&self.session, self.common.now);
        }
        assert!(self.session.open_on(Route::Pipe) >= self.open.len());
        for request in self.open.keys() {
            assert_eq!(self.session.route_of(*request), Some(Route::Pipe));
            assert!(self.session.round(*request).is_some());
        }
        assert_eq!(self.session.route_of(strangers().request), None);
        assert_eq!(self.session.open_on(Route::Standalone), 0);
        assert!(self.session.open_requests() >= self.open.len());
    }

    fn waits_for(&self) -> Option<String> {
        None
    }

    fn assert_over(&self) {
        assert!(self.common.is_closed, "the end was never told");
        assert_eq!(self.session.open_requests(), 0);
        assert_eq!(self.session.poll_timeout(), None);
        let open: Vec<_> = self.open.keys().collect();
        assert!(open.is_empty(), "never cancelled: {open:?}");
        assert!(self.gone.is_empty(), "gone without a word: {:?}", self.gone);
    }
}

/// The revisions that a server speaks: more than others the one that has batches.
fn server_revisions(random: &mut Random) -> Vec<Revision> {
    match random.below(6) {
        0 => vec![Revision::V2024_11_05, Revision::V2025_03_26],
        _ => revisions(random),
    }
}
