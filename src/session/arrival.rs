//! A request between its frame and the decision what becomes of it, on either side.

use core::num::NonZeroU64;

use crate::model::logging::LoggingLevel;
use crate::model::subject;
use crate::revision::Revision;
use crate::rpc::{RequestId, Scan, text_at};
use crate::saved::saved;
use crate::trace::{self, Role, Subject};

use super::event::Body;
use super::name::MethodName;
use super::route::Route;

/// Where an answer goes: a stream, and the batch it is part of, if any.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ReplyTo {
    pub(crate) route: Route,
    pub(crate) batch: Option<NonZeroU64>,
}

saved! { struct ReplyTo { route, batch } }

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

impl Arrival<'_> {
    /// Traces that the session has answered the request by itself: with an error of
    /// this code, or with a result.
    pub(super) fn answered(&self, error: Option<i64>) {
        let outcome = error.map_or("result", |_| "error");
        trace::answered(Role::Server, outcome, error, || {
            let frame = &self.body.frame;
            let target = text_at(frame, subject(self.method.known(), frame, self.scan));
            Subject {
                method: self.method.as_str().into(),
                target: target.map(|target| target.as_str().into()),
                id: Some(alloc::format!("{}", self.id)),
            }
        });
    }
}
