//! What a client's user is told, held to what it has done and to what the server's user has said.

use std::time::Duration;

use mcp_proto::Revision;
use mcp_proto::model::method::{CallTool, Method, Progress, ServerCapability};
use mcp_proto::session::{
    CallClock, CallError, CallId, ClientEvent, Completed, EraPolicy, Received,
};

use super::super::faithful;
use super::super::tally::Kind;
use super::{Call, ClientEnd};

impl ClientEnd {
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
                if let Err(CallError::BadResult { path, .. }) = &read
                    && was.method == CallTool::NAME
                    && self.common.is_faithful
                {
                    faithful::is_bad_at(&result, path);
                }
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
        let declared = self.session.server_capabilities();
        let was_asked = self.config.era == EraPolicy::AssumeModern || declared.is_some();
        assert!(was_asked, "nobody knows what the server can do");
        assert!(declared.is_none_or(|declared| declared.tools.is_some()));
    }

    pub(super) fn take(&mut self, event: &ClientEvent) {
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
                if let Some(filter) = self.filters.get(subscription)
                    && self.common.is_intact
                {
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
            ClientEvent::Ignored(ignored) => {
                assert!(!ignored.to_string().is_empty());
                Kind::Ignored
            }
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
