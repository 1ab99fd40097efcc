//! What runs around every handler of a server, whatever the handler is for.
//!
//! Rules of this file: hooks begin in the order in which they were added and end in the reverse one;
//! one that refuses keeps the handler from running, and those around it still end; a run that ends
//! with an open question has no result yet, so it ends no hook.

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::registry::{Handler, Output, RunAsync, RunBlocking};
use super::{Context, HandlerError, Reply, Server};

/// What a hook does with the result.
type End = Box<dyn FnOnce(Output) -> Output + Send>;

/// A hook, which says how it ends or refuses the request.
pub(super) type Hook = dyn Fn(&Context) -> Result<End, HandlerError> + Send + Sync;

impl<Mode> Server<Mode> {
    /// Adds a hook around every handler: those of tools, resources, templates, prompts and
    /// completions, blocking and async alike.
    ///
    /// `hook` sees the request before its handler does. It returns an error to refuse it, or a
    /// function that gets the handler's result and returns the one to send. It runs on the handler's
    /// thread or task, so it must not block around handlers that are futures. The first hook is the
    /// outermost. A handler that asks its client runs once a round: the hook begins with each run,
    /// and ends with the last.
    ///
    /// ```
    /// use std::time::Instant;
    ///
    /// use mcp_proto::Server;
    ///
    /// let server = Server::new("timed", "1.0").around(|context| {
    ///     let begun = Instant::now();
    ///     let target = context.request().target().map(|target| target.to_string());
    ///     Ok(move |result| {
    ///         eprintln!("{target:?} took {:?}", begun.elapsed());
    ///         result
    ///     })
    /// });
    /// ```
    #[must_use]
    pub fn around<E>(
        self,
        hook: impl Fn(&Context) -> Result<E, HandlerError> + Send + Sync + 'static,
    ) -> Self
    where
        E: FnOnce(Result<Reply, HandlerError>) -> Result<Reply, HandlerError> + Send + 'static,
    {
        let hook = move |context: &Context| hook(context).map(|end| Box::new(end) as End);
        self.configure(|shared| shared.hooks.push(Arc::new(hook)))
    }
}

/// Runs a handler inside of hooks.
pub(super) fn run(hooks: &[Arc<Hook>], context: &Context, handler: &RunBlocking) -> Output {
    match begin(hooks, context) {
        Ok(ends) => finish(context, ends, handler(context)),
        Err((ends, error)) => finish(context, ends, Err(error)),
    }
}

/// Runs a handler that is a future inside of hooks.
pub(super) async fn run_async(
    hooks: &[Arc<Hook>],
    context: &Context,
    handler: &RunAsync,
) -> Output {
    match begin(hooks, context) {
        Ok(ends) => finish(context, ends, handler(context.clone()).await),
        Err((ends, error)) => finish(context, ends, Err(error)),
    }
}

/// Returns a handler that runs inside of hooks wherever it goes.
pub(super) fn hooked(hooks: &[Arc<Hook>], handler: &Handler) -> Handler {
    if hooks.is_empty() {
        return handler.clone();
    }
    let hooks: Arc<[Arc<Hook>]> = hooks.into();
    match handler.clone() {
        Handler::Blocking(handler) => {
            Handler::Blocking(Arc::new(move |context| run(&hooks, context, &*handler)))
        }
        Handler::Async(handler) => Handler::Async(Arc::new(move |context| {
            let (hooks, handler) = (Arc::clone(&hooks), Arc::clone(&handler));
            Box::pin(async move { run_async(&hooks, &context, &*handler).await })
        })),
    }
}

/// How the hooks end that have begun, and the error of the one that refuses.
fn begin(hooks: &[Arc<Hook>], context: &Context) -> Result<Vec<End>, (Vec<End>, HandlerError)> {
    let mut ends = Vec::with_capacity(hooks.len());
    for hook in hooks {
        match hook(context) {
            Ok(end) => ends.push(end),
            Err(error) => return Err((ends, error)),
        }
    }
    Ok(ends)
}

fn finish(context: &Context, ends: Vec<End>, output: Output) -> Output {
    if output.is_err() && context.is_asking() {
        return output;
    }
    ends.into_iter().rfold(output, |output, end| end(output))
}
