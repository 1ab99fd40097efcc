//! What answers requests for one thing, and what it gives.

use alloc::boxed::Box;
use alloc::sync::Arc;
use core::future::Future;
use core::pin::Pin;

use super::ask::HandlerError;
use super::context::Context;
use crate::model::completion::CompleteResult;
use crate::model::prompt::GetPromptResult;
use crate::model::resource::ReadResourceResult;
use crate::model::tool::CallToolResult;

/// The result of a handler, by what it was for. A hook around the handlers sees and may change it.
#[derive(Debug)]
#[non_exhaustive]
pub enum Reply {
    /// A tool was called.
    Tool(CallToolResult<'static>),
    /// A resource was read.
    Resource(ReadResourceResult<'static>),
    /// A prompt was got.
    Prompt(GetPromptResult<'static>),
    /// An argument was completed.
    Completion(CompleteResult<'static>),
}

/// How a run of a handler ends.
pub(super) type Output = Result<Reply, HandlerError>;
/// A handler that is done when it returns.
pub(super) type RunBlocking = dyn Fn(&Context) -> Output + Send + Sync;
/// A handler that is done when its future is.
pub(super) type RunAsync =
    dyn Fn(Context) -> Pin<Box<dyn Future<Output = Output> + Send>> + Send + Sync;

/// What answers a request for one thing.
#[derive(Clone)]
pub(super) enum Handler {
    Blocking(Arc<RunBlocking>),
    Async(Arc<RunAsync>),
}
