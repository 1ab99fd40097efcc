//! Reading the busiest types from where a scan has found their members.
//!
//! [`Method`] is for users to implement and says nothing of this. Which type a method has is asked of
//! the compiler: the readers are functions, whose types can be compared where those of the borrowed
//! values can't.

use core::any::Any;

use crate::model::members::{MemberSpans, ScannedBody};
use crate::model::method::{
    CallTool, ListPrompts, ListResourceTemplates, ListResources, ListTools, Method, ReadResource,
};
use crate::model::prompt::ListPromptsResult;
use crate::model::resource::{
    ListResourceTemplatesResult, ListResourcesResult, ReadResourceResult,
};
use crate::model::tool::{CallToolParams, CallToolResult, ListToolsResult};
use crate::rpc::Span;

type ReadParams<M> = for<'a> fn(ScannedBody<'a>) -> Option<<M as Method>::Params<'a>>;
type ReadResult<M> = for<'a> fn(ScannedBody<'a>) -> Option<<M as Method>::Result<'a>>;

/// The params of `M` that stand at `body` in `frame`; `None` leaves it to `Deserialize`, which also
/// says what is wrong with bad ones.
#[inline]
pub(crate) fn params<'a, M: Method>(
    frame: &'a [u8],
    body: Span,
    spans: &'a MemberSpans,
) -> Option<M::Params<'a>> {
    let read: ReadParams<CallTool> = |body| CallToolParams::from_scan(body);
    let read = (&read as &dyn Any).downcast_ref::<ReadParams<M>>()?;
    read(ScannedBody::new(frame, body, spans)?)
}

/// The same for a result.
#[inline]
pub(crate) fn result<'a, M: Method>(
    frame: &'a [u8],
    body: Span,
    spans: &'a MemberSpans,
) -> Option<M::Result<'a>> {
    let call: ReadResult<CallTool> = |body| CallToolResult::from_scan(body);
    let resource: ReadResult<ReadResource> = |body| ReadResourceResult::from_scan(body);
    let tools: ReadResult<ListTools> = |body| ListToolsResult::from_scan(body);
    let resources: ReadResult<ListResources> = |body| ListResourcesResult::from_scan(body);
    let templates: ReadResult<ListResourceTemplates> =
        |body| ListResourceTemplatesResult::from_scan(body);
    let prompts: ReadResult<ListPrompts> = |body| ListPromptsResult::from_scan(body);
    let others: [&dyn Any; 5] = [&resource, &tools, &resources, &templates, &prompts];
    // The busiest is told apart by the compiler.
    let read = (&call as &dyn Any).downcast_ref::<ReadResult<M>>();
    let read = read.or_else(|| others.into_iter().find_map(<dyn Any>::downcast_ref))?;
    read(ScannedBody::new(frame, body, spans)?)
}
