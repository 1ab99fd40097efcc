//! A client session against a peer that sends anything, in any order, at any time.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

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
    CallId, CallOptions, ClientConfig, ClientEvent, ClientSession, EraPolicy, InputId, Misuse,
    SavedClient, Session, SubscriptionId,
};
use crate::time::Instant;

use super::driven::{Driven, check};
use super::source::{Source, small_limits};

/// Checks a client: every call ends exactly once, the end comes once and last, and a session that
/// is saved and restored on the way sends the same.
pub fn client_session(bytes: &[u8]) {
    check(bytes, World::new);
}

/// What the commands of a user depend on, and what must hold of the events.
pub(super) struct World {
    pub(super) session: ClientSession,
    config: ClientConfig,
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
        _ => EraPolicy::AssumeModern,
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
    pub(super) fn new(source: &mut Source<'_>) -> Self {
        let config = config(source);
        let mut session = ClientSession::new(config.clone());
        let now = Instant::from_millis(1);
        session.open(now).expect("the configuration is good");
        Self {
            session,
            config,
            now,
            calls: BTreeMap::new(),
            inputs: Vec::new(),
            subscriptions: Vec::new(),
            is_closed: false,
            sent: Vec::new(),
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
}

impl Driven for World {
    type Session = ClientSession;

    fn session(&mut self) -> &mut ClientSession {
        &mut self.session
    }

    fn now(&mut self) -> &mut Instant {
        &mut self.now
    }

    fn sent(&mut self) -> &mut Vec<String> {
        &mut self.sent
    }

    fn is_closed(&self) -> bool {
        self.is_closed
    }

    fn close(&mut self) {
        self.session.close(self.now);
    }

    fn command(&mut self, source: &mut Source<'_>) {
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

    fn event(&mut self) -> bool {
        let Some(event) = self.session.poll_event() else {
            return false;
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
        true
    }

    fn restore(&mut self) {
        let saved = self.session.save(self.now);
        let stored = serde_json::to_vec(&saved).expect("a session can be stored");
        let saved: SavedClient = serde_json::from_slice(&stored).expect("and read again");
        self.session =
            ClientSession::restore(self.config.clone(), saved, self.now).expect("the same format");
    }

    fn assert_nothing_is_open(&self) {
        assert_eq!(self.session.open_calls(), 0);
        let open = self.calls.iter().find(|(_, is_open)| **is_open);
        assert_eq!(open, None, "a call has never ended");
    }
}
