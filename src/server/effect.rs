//! What a handler does to its client and its server while it runs, as values.

use alloc::boxed::Box;
use alloc::sync::Arc;

use crate::model::logging::LoggingMessageParams;
use crate::session::{Change, IncomingId};

/// One run of a handler: a request, and which of its rounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct JobId {
    pub(super) request: IncomingId,
    pub(super) round: usize,
}

/// Something that a running handler wants done, for
/// [`Service::handle_effect`](super::Service::handle_effect).
#[derive(Clone, Debug)]
pub struct Effect(pub(super) EffectKind);

#[derive(Clone, Debug)]
pub(super) enum EffectKind {
    Progress {
        progress: f64,
        total: Option<f64>,
        message: Option<Box<str>>,
    },
    Log(LoggingMessageParams<'static>),
    Changed(Change),
    Updated(Box<str>),
}

impl Effect {
    /// The change that it tells of, if that concerns every client.
    pub(super) fn told_to_all(&self) -> Option<(Change, &str)> {
        match &self.0 {
            EffectKind::Changed(change) => Some((*change, "")),
            EffectKind::Updated(uri) => Some((Change::Resource, uri)),
            EffectKind::Progress { .. } | EffectKind::Log(_) => None,
        }
    }
}

/// Takes what handlers do while they run. It is called on the handler's thread or task.
pub type EffectSink = Arc<dyn Fn(JobId, Effect) + Send + Sync>;
