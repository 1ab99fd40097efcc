//! Opening a client session: what its [`Opening`](super::opening) machine decides is sent and told
//! here. `initialize` is never cancelled (`lifecycle.init.nocancel`).

use alloc::string::ToString;

use crate::model::discover::DiscoverParams;
use crate::model::encode::SessionMembers;
use crate::model::initialize::InitializeParams;
use crate::model::method::{self, EmptyParams, Notification};
use crate::revision::{Era, Revision};
use crate::rpc::RpcError;
use crate::time::Instant;

use super::super::config::{CallOptions, EraPolicy};
use super::super::error::CloseReason;
use super::super::event::Body;
use super::super::misuse::Misuse;
use super::super::route::Route;
use super::call::{Call, Outgoing, Purpose};
use super::opening::Step;
use super::{ClientEvent, ClientSession};

impl ClientSession {
    /// Opens the session. [`ClientEvent::Opened`] follows, or [`ClientEvent::Closed`] when there is
    /// no revision in common, the server refuses, or the opening takes too long.
    ///
    /// Returns an error if it was opened before, or the configuration has no revision for its
    /// policy.
    pub fn open(&mut self, now: Instant) -> Result<(), Misuse> {
        self.state.advance(now);
        let now = self.state.writer.now;
        let step = self.state.opening.begin(now, &self.config)?;
        self.take_step(step);
        Ok(())
    }

    /// Returns what a host may remember of this server for the next time: the policy that opens
    /// without a detour. A legacy server is not probed again, a modern one is asked once without a
    /// fallback; forget it when opening with it fails. `None` before the session was open.
    // `era.client.persist`
    pub fn remembered_era(&self) -> Option<EraPolicy> {
        self.revision().map(|revision| match revision.era() {
            Era::Legacy => EraPolicy::Legacy,
            Era::Modern => EraPolicy::Modern,
        })
    }

    /// A request of the opening has been answered.
    pub(super) fn opening_answered(&mut self, is_probe: bool, outcome: Result<Body, RpcError>) {
        let (now, config, opening) = (self.state.writer.now, &self.config, &mut self.state.opening);
        let step = match is_probe {
            true => opening.probe_answered(now, config, outcome),
            false => opening.initialize_answered(now, config, outcome),
        };
        self.take_step(step);
    }

    /// Does what the opening asks for.
    pub(super) fn take_step(&mut self, step: Step) {
        let sent = match step {
            Step::None => return,
            Step::End(reason) => return self.end(reason),
            Step::Opened(revision) => return self.opened(revision),
            Step::Probe(revision) => self.send_probe(revision),
            Step::Initialize(revision) => self.send_initialize(revision),
        };
        if let Err(misuse) = sent {
            self.end(CloseReason::BadOpening(misuse.to_string().into()));
        }
    }

    fn send_probe(&mut self, revision: Revision) -> Result<u64, Misuse> {
        self.forget_opening();
        self.send::<method::Discover>(Outgoing {
            params: &DiscoverParams::new(),
            purpose: Purpose::Probe,
            revision,
            options: CallOptions::default(),
        })
    }

    fn send_initialize(&mut self, revision: Revision) -> Result<u64, Misuse> {
        let capabilities = self.config.capabilities.clone();
        let params =
            InitializeParams::new(revision.as_str(), capabilities, self.config.info.clone());
        self.send::<method::Initialize>(Outgoing {
            params: &params,
            purpose: Purpose::Initialize,
            revision,
            options: CallOptions::default(),
        })
    }

    fn opened(&mut self, revision: Revision) {
        if revision.era() == Era::Legacy {
            let name = method::Initialized::NAME;
            let params = EmptyParams::new();
            let additions = SessionMembers::default();
            let writer = &mut self.state.writer;
            let written = writer.notification(Route::Pipe, revision, name, &params, &additions);
            debug_assert!(written.is_ok(), "it has no params");
        }
        self.forget_opening();
        self.state.events.push(ClientEvent::Opened { revision });
        for filter in core::mem::take(&mut self.config.subscriptions) {
            // One that can't be had is left out, as the server would leave it out.
            let _ = self.subscribe(self.state.writer.now, &filter);
        }
    }

    /// Drops the requests of the opening, whose answers are of no use any more.
    fn forget_opening(&mut self) {
        let is_of_it = |call: &Call| matches!(call.purpose, Purpose::Probe | Purpose::Initialize);
        while let Some(number) = self.state.requests_out.find(is_of_it) {
            self.state.requests_out.end(number);
            self.state.requests_out.remember(number);
        }
    }
}
