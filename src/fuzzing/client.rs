//! A client session against a peer that sends anything, in any order, at any time.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use crate::frame::FrameError;
use crate::model::capability::ClientCapabilities;
use crate::model::elicitation::ElicitResult;
use crate::model::method::{CallTool, Elicit, GetPrompt, ListTools, ReadResource};
use crate::model::page::PaginatedRequestParams;
use crate::model::prompt::GetPromptParams;
use crate::model::resource::ReadResourceParams;
use crate::model::subscription::SubscriptionFilter;
use crate::model::tool::CallToolParams;
use crate::rpc::RpcError;
use crate::session::{
    CallId, CallOptions, ClientConfig, ClientEvent, ClientSession, Closed, EraPolicy, InputId,
    Misuse, Route, SavedClient, Session, SubscriptionId,
};
use crate::time::Instant;

use super::source::{Source, small_limits};
use super::{let_pass, take_frame};

/// A client: every call ends exactly once, the end comes once and last, and a session that is saved
/// and restored on the way sends the same.
pub fn client_session(bytes: &[u8]) {
    assert_eq!(
        run(bytes, false),
        run(bytes, true),
        "a restored session sends something else"
    );
}

fn run(bytes: &[u8], restores: bool) -> Vec<String> {
    let mut source = Source::new(bytes);
    let mut world = World::new(&mut source, restores);
    while !source.is_empty() {
        world.step(&mut source);
    }
    world.finish()
}

/// What the commands of a user depend on, and what must hold of the events.
pub(super) struct World {
    pub(super) session: ClientSession,
    config: ClientConfig,
    restores: bool,
    pub(super) now: Instant,
    /// The calls that were made; whether each is still open.
    pub(super) calls: BTreeMap<CallId, bool>,
    inputs: Vec<InputId>,
    subscriptions: Vec<SubscriptionId>,
    is_closed: bool,
    sent: Vec<String>,
}

pub(super) fn config(source: &mut Source<'_>) -> ClientConfig {
    let era = match source.byte() % 4 {
        0 => EraPolicy::Auto,
        1 => EraPolicy::Legacy,
        2 => EraPolicy::Modern,
        _ => EraPolicy::ModernUnasked,
    };
    let can = ClientCapabilities::new()
        .roots(true)
        .sampling()
        .elicitation_form();
    ClientConfig::new("fuzz", "1")
        .era(era)
        .capabilities(can)
        .limits(small_limits())
}

impl World {
    pub(super) fn new(source: &mut Source<'_>, restores: bool) -> Self {
        let config = config(source);
        let mut session = ClientSession::new(config.clone());
        let now = Instant::from_millis(1);
        session.open(now).expect("the configuration is good");
        Self {
            session,
            config,
            restores,
            now,
            calls: BTreeMap::new(),
            inputs: Vec::new(),
            subscriptions: Vec::new(),
            is_closed: false,
            sent: Vec::new(),
        }
    }

    fn step(&mut self, source: &mut Source<'_>) {
        let now = self.now;
        match source.byte() % 12 {
            0..4 => {
                let frame = source.frame();
                self.session.handle_frame(now, Route::Pipe, frame);
            }
            4 => {
                let valid_up_to = source.below(9);
                let error = FrameError::NotUtf8 { valid_up_to };
                self.session.handle_malformed(now, Route::Pipe, error);
            }
            5 => self.pass(source),
            6 => self.sent.extend(take_frame(&mut self.session)),
            7 => self.event(),
            8 => self.restore(),
            9 if source.byte() > 250 => match source.byte() % 2 {
                0 => self.session.close(now),
                _ => self
                    .session
                    .handle_closed(now, Route::Pipe, Closed::WriteFailed),
            },
            _ => self.command(source),
        }
    }

    /// Something that a user of the session does; refusals are part of it.
    pub(super) fn command(&mut self, source: &mut Source<'_>) {
        match source.byte() % 5 {
            0 | 1 => {
                if let Ok(call) = self.call(source) {
                    assert_eq!(self.calls.insert(call, true), None, "a call id came twice");
                }
            }
            2 => {
                let open: Vec<CallId> = self.calls.keys().copied().collect();
                if let Some(call) = source.one_of(&open) {
                    let was_open = self.calls[&call];
                    let done = self.session.cancel(self.now, call, Some("no"));
                    assert!(
                        was_open || done.is_err(),
                        "a call that has ended is cancelled"
                    );
                }
            }
            3 => self.answer(source),
            _ => self.subscribe(source),
        }
    }

    fn call(&mut self, source: &mut Source<'_>) -> Result<CallId, Misuse> {
        let (session, now) = (&mut self.session, self.now);
        let options = CallOptions::new().progress(source.below(2) == 0);
        Ok(match source.byte() % 5 {
            0 | 1 => {
                let params = CallToolParams::new("t");
                session.call::<CallTool>(now, &params, options)?.any()
            }
            2 => {
                let params = ReadResourceParams::new("a:b");
                session.call::<ReadResource>(now, &params, options)?.any()
            }
            3 => {
                let params = GetPromptParams::new("p");
                session.call::<GetPrompt>(now, &params, options)?.any()
            }
            _ => {
                let params = PaginatedRequestParams::new();
                session.call::<ListTools>(now, &params, options)?.any()
            }
        })
    }

    fn answer(&mut self, source: &mut Source<'_>) {
        let Some(input) = source.one_of(&self.inputs) else {
            return;
        };
        // Refused for an input that is withdrawn, or for something else than elicitation.
        let _refused = match source.byte() % 3 {
            0 => self
                .session
                .decline(self.now, input, RpcError::internal("no")),
            1 => self
                .session
                .answer::<Elicit>(self.now, input, &ElicitResult::decline()),
            _ => self
                .session
                .answer::<Elicit>(self.now, input, &ElicitResult::cancel()),
        };
    }

    fn subscribe(&mut self, source: &mut Source<'_>) {
        if source.below(3) == 0 {
            if let Some(subscription) = source.one_of(&self.subscriptions) {
                let _refused = self.session.unsubscribe(self.now, subscription);
            }
            return;
        }
        let filter = SubscriptionFilter::new()
            .tools_list_changed(true)
            .resource_subscriptions(["a:b"]);
        self.subscriptions
            .extend(self.session.subscribe(self.now, &filter));
    }

    pub(super) fn pass(&mut self, source: &mut Source<'_>) {
        self.now = self.now + source.duration();
        let_pass(&mut self.session, self.now);
    }

    /// Takes one event.
    pub(super) fn event(&mut self) {
        let Some(event) = self.session.poll_event() else {
            return;
        };
        assert!(!self.is_closed, "{event:?} after the end");
        match event {
            ClientEvent::Completed(done) => {
                let was = self.calls.insert(done.call, false);
                assert_eq!(
                    was,
                    Some(true),
                    "{} has ended twice or never began",
                    done.call
                );
            }
            ClientEvent::Progress { call, .. } => {
                assert_eq!(self.calls.get(&call), Some(&true), "progress after the end");
            }
            ClientEvent::InputRequested(asked) => self.inputs.push(asked.input),
            ClientEvent::Closed(_) => self.is_closed = true,
            _ => {}
        }
    }

    fn restore(&mut self) {
        if !self.restores {
            return;
        }
        let saved = self.session.save(self.now);
        let stored = serde_json::to_vec(&saved).expect("a session can be stored");
        let saved: SavedClient = serde_json::from_slice(&stored).expect("and read again");
        self.session =
            ClientSession::restore(self.config.clone(), saved, self.now).expect("the same format");
    }

    /// Loses the connection: everything has to end.
    fn finish(mut self) -> Vec<String> {
        self.session
            .handle_closed(self.now, Route::Pipe, Closed::EndOfInput);
        for _ in 0..10_000 {
            self.event();
        }
        assert!(self.is_closed, "the end was never told");
        assert!(self.session.poll_event().is_none());
        assert_eq!(self.session.poll_timeout(), None);
        assert_eq!(self.session.open_calls(), 0);
        let open = self.calls.iter().find(|(_, is_open)| **is_open);
        assert_eq!(open, None, "a call has never ended");
        while let Some(frame) = take_frame(&mut self.session) {
            self.sent.push(frame);
        }
        self.sent
    }
}
