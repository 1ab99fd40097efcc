//! One request in, its answer out, without an adapter and without anything that is kept in between:
//! for hosts that start a server for each request.

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use bytes::Bytes;

use super::{DefinitionError, Event, Job, Outcome, Server, Service, Shared};
use crate::revision::Era;
use crate::scopes::Scopes;
use crate::session::{Route, ServesClient, Session};
use crate::time::Instant;

/// Answers requests that stand alone, as those of the modern revisions do.
pub struct Stateless {
    pub(super) shared: Arc<Shared>,
}

/// Who sends a request that stands alone, as the transport has authenticated them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Requester {
    principal: Option<String>,
    scopes: Option<Arc<Scopes>>,
}

impl Requester {
    /// Returns somebody whose name stays the same.
    pub fn new(principal: impl Into<String>) -> Self {
        Self {
            principal: Some(principal.into()),
            scopes: None,
        }
    }

    /// Sets what their token is good for: what [needs](Server::tool_scopes) more is refused.
    #[must_use]
    pub fn scopes(mut self, scopes: Scopes) -> Self {
        self.scopes = Some(Arc::new(scopes));
        self
    }

    #[cfg(feature = "http-core")]
    pub(crate) fn granted(&self) -> Option<&Scopes> {
        self.scopes.as_deref()
    }
}

impl From<Option<&str>> for Requester {
    /// Somebody of this name, or nobody that is known.
    fn from(principal: Option<&str>) -> Self {
        principal.map(Self::new).unwrap_or_default()
    }
}

impl<Mode> Server<Mode> {
    /// Returns what answers single requests of this server.
    ///
    /// Returns an error if [`check`](Self::check) does, if none of the server's revisions is
    /// stateless, and if it has neither a [`seal`](Self::seal) nor
    /// [`unsealed_state`](Self::unsealed_state), since nothing is kept here for a request's next
    /// round.
    pub fn stateless(&self) -> Result<Stateless, DefinitionError> {
        self.check()?;
        if self.shared.seal.is_none() && !self.shared.unsealed_state {
            return Err(DefinitionError::NoSeal);
        }
        let mut shared = Shared::clone(&self.shared);
        // Nobody is there to run a task once its call is answered.
        shared.tasks = None;
        shared.check()?;
        let revisions = &mut shared.config.revisions;
        revisions.retain(|revision| revision.era() == Era::Modern);
        if revisions.is_empty() {
            return Err(DefinitionError::NotStateless);
        }
        Ok(Stateless {
            shared: Arc::new(shared),
        })
    }
}

impl Stateless {
    /// Answers one request, given as a frame, running its handler here and now.
    ///
    /// `requester` is who sends it, such as `Some("ali")`. Returns the frames to
    /// send, in order: notifications that belong to the request and, last, its answer; nothing for
    /// what asks for no answer.
    pub fn answer(&self, frame: impl Into<Bytes>, requester: impl Into<Requester>) -> Vec<Bytes> {
        let mut service = self.begin(frame.into(), requester.into());
        while let Some(job) = next_job(&mut service) {
            let outcome = job.run();
            service.handle_outcome(Instant::ZERO, outcome);
        }
        finish(service)
    }

    /// As [`answer`](Self::answer), for servers some of whose handlers are futures.
    pub async fn answer_async(
        &self,
        frame: impl Into<Bytes>,
        requester: impl Into<Requester>,
    ) -> Vec<Bytes> {
        let mut service = self.begin(frame.into(), requester.into());
        while let Some(job) = next_job(&mut service) {
            let outcome: Outcome = job.start().await;
            service.handle_outcome(Instant::ZERO, outcome);
        }
        finish(service)
    }

    fn begin(&self, frame: Bytes, requester: Requester) -> Service {
        let mut service = Service::new(Arc::clone(&self.shared));
        if let Some(principal) = requester.principal {
            service = service.principal(principal);
        }
        service.set_scopes(requester.scopes);
        service.handle_frame(Instant::ZERO, Route::Pipe, frame);
        service
    }
}

fn next_job(service: &mut Service) -> Option<Job> {
    loop {
        if let Event::Job(job) = service.poll_event()? {
            return Some(job);
        }
    }
}

fn finish(mut service: Service) -> Vec<Bytes> {
    // What it listens to ends with the request, as nobody is left to tell of changes.
    service.end_subscriptions(Instant::ZERO);
    let mut frames = Vec::new();
    let mut frame = Vec::new();
    while service.poll_transmit(&mut frame).is_some() {
        frames.push(Bytes::from(core::mem::take(&mut frame)));
    }
    frames
}

impl core::fmt::Debug for Stateless {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Stateless")
            .field("info", &self.shared.config.info)
            .finish_non_exhaustive()
    }
}
