//! A request between its frame and the decision what becomes of it.

use crate::model::logging::LoggingLevel;
use crate::revision::Revision;
use crate::rpc::{RequestId, Scan};

use super::super::event::Body;
use super::super::name::MethodName;
use super::super::writer::ReplyTo;

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
