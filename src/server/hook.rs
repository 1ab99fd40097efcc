//! What runs around every handler of a server, whatever the handler is for.
//!
//! Rules of this file: hooks begin in the order in which they were added and end in the reverse one;
//! one that refuses keeps the handler from running, and those around it still end; a run that ends
//! with an open question has no result yet, so it ends no hook.

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::pin::Pin;

use super::handler::{Handler, Output};
use super::{Context, HandlerError, Reply, Server};

/// What a hook does with the result.
pub(super) type End = Box<dyn FnOnce(Output) -> Output + Send>;

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

/// A handler and the hooks that stay around it wherever it is mounted.
#[derive(Clone)]
pub(super) struct Hooked {
    pub(super) handler: Handler,
    hooks: Option<Arc<[Arc<Hook>]>>,
}

impl From<Handler> for Hooked {
    fn from(handler: Handler) -> Self {
        Self {
            handler,
            hooks: None,
        }
    }
}

impl Hooked {
    /// The same handler with more hooks around it.
    pub(super) fn inside(&self, hooks: &[Arc<Hook>]) -> Self {
        if hooks.is_empty() {
            return self.clone();
        }
        let all = hooks.iter().chain(self.hooks()).cloned();
        Self {
            handler: self.handler.clone(),
            hooks: Some(all.collect()),
        }
    }

    fn hooks(&self) -> &[Arc<Hook>] {
        self.hooks.as_deref().unwrap_or_default()
    }

    /// Runs a handler that is no future, inside of its server's hooks and its own.
    pub(super) fn run(&self, context: &Context) -> Output {
        let (ends, begun) = self.begin(context);
        let output = begun.and_then(|()| match &self.handler {
            Handler::Blocking(run) => run(context),
            Handler::Async(_) => Err(HandlerError::from(
                "this server can't run asynchronous handlers",
            )),
        });
        finish(context, ends, output)
    }

    /// Begins a handler of either kind, inside of its server's hooks and its own.
    pub(super) fn start(&self, context: &Context) -> Started {
        let (ends, begun) = self.begin(context);
        let output = match (begun, &self.handler) {
            (Ok(()), Handler::Async(run)) => {
                let future = run(context.clone());
                return Started::Waits { ends, future };
            }
            (Ok(()), Handler::Blocking(run)) => run(context),
            (Err(error), _) => Err(error),
        };
        Started::Ended(finish(context, ends, output))
    }

    /// How the hooks end that have begun, and the error of the one that refuses.
    fn begin(&self, context: &Context) -> (Vec<End>, Result<(), HandlerError>) {
        let mut ends = Vec::new();
        for hook in context.server().hooks.iter().chain(self.hooks()) {
            match hook(context) {
                Ok(end) => ends.push(end),
                Err(error) => return (ends, Err(error)),
            }
        }
        (ends, Ok(()))
    }
}

/// How far a handler is that has begun.
pub(super) enum Started {
    Ended(Output),
    Waits {
        ends: Vec<End>,
        future: Pin<Box<dyn Future<Output = Output> + Send>>,
    },
}

/// Ends the hooks of a handler that has ended.
pub(super) fn finish(context: &Context, ends: Vec<End>, output: Output) -> Output {
    if output.is_err() && context.is_asking() {
        return output;
    }
    ends.into_iter().rfold(output, |output, end| end(output))
}
