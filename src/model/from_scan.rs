//! Reading the busiest types from where a scan has found their members.
//!
//! [`Method`] is for users to implement and says nothing of this. Which type a method has is asked of
//! the compiler: the readers are functions, whose types can be compared where those of the borrowed
//! values can't.

use core::any::Any;

use crate::model::members::ScannedBody;
use crate::model::method::{CallTool, Method};
use crate::model::tool::{CallToolParams, CallToolResult};

type ReadParams<M> = for<'a> fn(ScannedBody<'a>) -> Option<<M as Method>::Params<'a>>;
type ReadResult<M> = for<'a> fn(ScannedBody<'a>) -> Option<<M as Method>::Result<'a>>;

/// The params of `M`; `None` leaves it to `Deserialize`, which also says what is wrong with bad
/// ones.
#[inline]
pub(crate) fn params<M: Method>(body: ScannedBody<'_>) -> Option<M::Params<'_>> {
    let read: ReadParams<CallTool> = |body| CallToolParams::from_scan(body);
    let read: &dyn Any = &read;
    read.downcast_ref::<ReadParams<M>>()
        .and_then(|read| read(body))
}

/// The same for a result.
#[inline]
pub(crate) fn result<M: Method>(body: ScannedBody<'_>) -> Option<M::Result<'_>> {
    let read: ReadResult<CallTool> = |body| CallToolResult::from_scan(body);
    let read: &dyn Any = &read;
    read.downcast_ref::<ReadResult<M>>()
        .and_then(|read| read(body))
}
