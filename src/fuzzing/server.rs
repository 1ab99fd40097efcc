//! A server session against a peer that sends anything, in any order, at any time.

use alloc::collections::BTreeSet;
use alloc::string::String;
use alloc::vec::Vec;

use crate::model::capability::ServerCapabilities;
use crate::model::elicitation::{ElicitParams, ElicitRequestFormParams};
use crate::model::input::InputRequests;
use crate::model::logging::{LoggingLevel, LoggingMessageParams};
use crate::model::method::CallTool;
use crate::model::tool::CallToolResult;
use crate::rpc::{Raw, RpcError};
use crate::session::{
    Change, IncomingId, Misuse, SavedServer, ServerConfig, ServerEvent, ServerSession, Session,
};
use crate::time::Instant;

use super::driven::{Driven, check};
use super::source::{Source, small_limits};

/// Checks a server: every request is answered or cancelled once, the end comes once and last, and
/// a session that is saved and restored on the way sends the same.
pub fn server_session(bytes: &[u8]) {
    check(bytes, |_| World::new());
}

/// What the commands of a user depend on, and what must hold of the events.
pub(super) struct World {
    pub(super) session: ServerSession,
    config: ServerConfig,
    pub(super) now: Instant,
    /// The requests that wait for their answer.
    open: BTreeSet<IncomingId>,
    /// Those that wait for the client's input first.
    asking: BTreeSet<IncomingId>,
    is_closed: bool,
    sent: Vec<String>,
}

impl World {
    pub(super) fn new() -> Self {
        let offers = ServerCapabilities::new()
            .tools(true)
            .prompts(true)
            .resources(true)
            .resources_subscribe()
            .completions()
            .logging();
        let config = ServerConfig::new("fuzz", "1")
            .capabilities(offers)
            .limits(small_limits());
        Self {
            session: ServerSession::new(config.clone()),
            config,
            now: Instant::from_millis(1),
            open: BTreeSet::new(),
            asking: BTreeSet::new(),
            is_closed: false,
            sent: Vec::new(),
        }
    }

    fn reply(&mut self, source: &mut Source<'_>, request: IncomingId) {
        let (session, now) = (&mut self.session, self.now);
        let replied = match source.byte() % 3 {
            0 => session.reply::<CallTool>(now, request, &CallToolResult::text("x")),
            1 => match Raw::new(source.body()) {
                Ok(body) => session.reply_raw(now, request, &body),
                Err(_) => return,
            },
            _ => session.reply_error(now, request, RpcError::internal("no")),
        };
        match replied {
            Ok(()) => assert!(self.open.remove(&request)),
            Err(Misuse::Unknown(_)) => self.is_cancelled_by_an_event(request),
            Err(_) => {}
        }
    }

    /// A request that can't be answered any more was cancelled, and an event says so.
    fn is_cancelled_by_an_event(&mut self, request: IncomingId) {
        while self.open.contains(&request) {
            assert!(self.event(), "{request} is gone, and nobody was told");
        }
    }

    /// Answers everything that waits for an answer.
    pub(super) fn answer_all(&mut self) {
        self.take_events();
        for request in core::mem::take(&mut self.open) {
            let error = RpcError::internal("done");
            let _cancelled = self.session.reply_error(self.now, request, error);
        }
    }
}

impl Driven for World {
    type Session = ServerSession;

    fn session(&mut self) -> &mut ServerSession {
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
        let now = self.now;
        let request = source.one_of(&self.open.iter().copied().collect::<Vec<_>>());
        match (source.byte() % 8, request) {
            (0..3, Some(request)) => self.reply(source, request),
            (3, Some(request)) => {
                let form = ElicitParams::Form(ElicitRequestFormParams::new("who?"));
                let requests = InputRequests::new().elicit("a", &form);
                if self
                    .session
                    .need_input(now, request, &requests, Some("s"))
                    .is_ok()
                {
                    self.open.remove(&request);
                    self.asking.insert(request);
                }
            }
            (4, Some(request)) => {
                let progress = f64::from(source.byte());
                let _refused = self.session.progress(now, request, progress, None, None);
            }
            (5, request) => {
                let message = LoggingMessageParams::new(LoggingLevel::Error, Raw::EMPTY_OBJECT);
                let _refused = self.session.log(now, request, &message);
            }
            (6, _) => {
                let _refused = self.session.changed(now, Change::Tools);
            }
            _ => {
                let _refused = self.session.resource_updated(now, "a:b");
            }
        }
    }

    fn event(&mut self) -> bool {
        let Some(event) = self.session.poll_event() else {
            return false;
        };
        assert!(!self.is_closed, "{event:?} after the end");
        match event {
            ServerEvent::Request(request) => {
                self.asking.remove(&request.id);
                assert!(self.open.insert(request.id), "{} came twice", request.id);
            }
            ServerEvent::Cancelled { request, .. } => {
                let was_open = self.open.remove(&request) || self.asking.remove(&request);
                assert!(was_open, "{request} was not open");
            }
            ServerEvent::Closed(_) => self.is_closed = true,
            _ => {}
        }
        true
    }

    fn restore(&mut self) {
        let saved = self.session.save(self.now);
        let stored = serde_json::to_vec(&saved).expect("a session can be stored");
        let saved: SavedServer = serde_json::from_slice(&stored).expect("and read again");
        self.session =
            ServerSession::restore(self.config.clone(), saved, self.now).expect("the same format");
    }

    fn assert_nothing_is_open(&self) {
        assert_eq!(self.session.open_requests(), 0);
        assert!(self.open.is_empty(), "{:?} were never cancelled", self.open);
    }
}
