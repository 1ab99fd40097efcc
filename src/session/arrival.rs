//! A request between its frame and the decision what becomes of it, on either side.

use serde::{Deserialize, Serialize};

use crate::model::logging::LoggingLevel;
use crate::revision::Revision;
use crate::rpc::{RequestId, Scan};

use super::event::Body;
use super::name::MethodName;
use super::route::Route;

/// Where an answer goes: a stream, and the batch it is part of, if any.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ReplyTo {
    pub(crate) route: Route,
    pub(crate) batch: Option<u64>,
}

impl ReplyTo {
    pub(crate) const fn new(route: Route) -> Self {
        Self { route, batch: None }
    }
}

/// A request that has come and is not yet known to be servable.
pub(super) struct Arrival<'s> {
    pub(super) id: RequestId,
    pub(super) target: ReplyTo,
    pub(super) revision: Revision,
    pub(super) method: MethodName,
    pub(super) body: Body,
    pub(super) scan: &'s Scan,
    pub(super) log_level: Option<LoggingLevel>,
}
