//! Serves one client of a bare session: requests run on a bounded pool of threads, and every one of
//! them is answered, whatever its handler does.

use alloc::collections::BTreeMap;
use core::time::Duration;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use super::super::Handle;
use super::super::panics::catch_panic;
use super::connection::Connection;
use super::pool::{Job, Pool, dispatch_to_the_end};
use super::serve::ServeOptions;
use crate::model::method::Method;
use crate::rpc::RpcError;
use crate::session::{IncomingId, Misuse, Request, ServerEvent, ServerSession};
use crate::time::Instant;

/// What a handler has beside its request: the session, and whether it is still wanted.
#[derive(Debug)]
pub struct RequestContext {
    handle: Handle<ServerSession>,
    request: IncomingId,
    stop: Arc<Stop>,
}

#[derive(Debug, Default)]
struct Stop {
    told: Mutex<bool>,
    changed: Condvar,
}

impl RequestContext {
    /// Runs `act` on the session and sends its output. See [`Handle::with`].
    pub fn with<R>(&self, act: impl FnOnce(&mut ServerSession, Instant) -> R) -> R {
        self.handle.with(act)
    }

    /// Answers the request with a result of its method. See [`ServerSession::reply`].
    pub fn reply<M: Method>(&self, result: &M::Result<'_>) -> Result<(), Misuse> {
        self.with(|session, now| session.reply::<M>(now, self.request, result))
    }

    /// Answers the request with an error. See [`ServerSession::reply_error`].
    pub fn reply_error(&self, error: RpcError) -> Result<(), Misuse> {
        self.with(|session, now| session.reply_error(now, self.request, error))
    }

    /// Returns a handle to keep, or to give to other threads.
    pub fn handle(&self) -> &Handle<ServerSession> {
        &self.handle
    }

    /// Returns whether the answer is no longer wanted: the client has cancelled the request or is
    /// gone.
    pub fn is_cancelled(&self) -> bool {
        *self.stop.lock()
    }

    /// Sleeps for `time`, or until the request is cancelled; returns whether it is.
    pub fn sleep(&self, time: Duration) -> bool {
        let told = self.stop.lock();
        let waited = self
            .stop
            .changed
            .wait_timeout_while(told, time, |told| !*told);
        *waited.unwrap_or_else(PoisonError::into_inner).0
    }
}

impl Stop {
    fn lock(&self) -> MutexGuard<'_, bool> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn cancel(&self) {
        *self.lock() = true;
        self.changed.notify_all();
    }
}

/// The handlers that run, to tell them to stop.
#[derive(Debug, Default)]
struct Running(Mutex<BTreeMap<IncomingId, Entry>>);

/// How many handlers of one request run, and how they are stopped.
#[derive(Debug, Default)]
struct Entry {
    handlers: usize,
    stop: Arc<Stop>,
}

impl Running {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<IncomingId, Entry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A request may come again while the handler of its last round is still returning; then both
    /// are told together.
    fn begin(self: &Arc<Self>, request: IncomingId) -> Begun {
        let mut running = self.lock();
        let entry = running.entry(request).or_default();
        entry.handlers += 1;
        Begun {
            running: Arc::clone(self),
            request,
            stop: Arc::clone(&entry.stop),
        }
    }

    fn cancel(&self, request: IncomingId) {
        let stop = self
            .lock()
            .get(&request)
            .map(|entry| Arc::clone(&entry.stop));
        if let Some(stop) = stop {
            stop.cancel();
        }
    }
}

/// A handler that runs, for as long as it does: what it has kept of its context makes no
/// difference.
struct Begun {
    running: Arc<Running>,
    request: IncomingId,
    stop: Arc<Stop>,
}

impl Drop for Begun {
    fn drop(&mut self) {
        let mut running = self.running.lock();
        if let Some(entry) = running.get_mut(&self.request) {
            entry.handlers -= 1;
            if entry.handlers == 0 {
                running.remove(&self.request);
            }
        }
    }
}

/// Serves the client of `connection` until it leaves, giving each request to `handler`.
///
/// The handler answers through its [`RequestContext`]: with a result, with an error, or by asking
/// for input, after which the request comes again. One that returns without having done any of
/// this, or that panics, has its request answered with an internal error that names the tool, resource
/// or prompt. Notifications and progress go through the context as well.
///
/// At the end of the input handlers that still run have [`grace`](ServeOptions::grace) to end, so
/// that a server whose `main` ends with this call exits promptly. Returns an error with what a
/// stream failed with.
// `stdio.eof.exit`
pub fn serve(
    mut connection: Connection<ServerSession>,
    options: ServeOptions,
    handler: impl Fn(Request, &RequestContext) + Send + Sync + 'static,
) -> io::Result<()> {
    let ServeOptions {
        threads,
        grace,
        mut watch,
    } = options;
    let pool = Pool::new(threads);
    let running = Arc::new(Running::default());
    let handler = Arc::new(handler);
    dispatch_to_the_end(&mut connection, &pool, grace, |connection, event| {
        catch_panic(|| watch(&event));
        match event {
            ServerEvent::Request(request) => job(connection.handle(), &running, &handler, request),
            ServerEvent::Cancelled { request, .. } => {
                running.cancel(request);
                None
            }
            _ => None,
        }
    })
}

/// What answers `request`; `None` when it isn't open any more, of which the next events tell.
fn job<H>(
    handle: Handle<ServerSession>,
    running: &Arc<Running>,
    handler: &Arc<H>,
    request: Request,
) -> Option<Job>
where
    H: Fn(Request, &RequestContext) + Send + Sync + 'static,
{
    let id = request.id;
    let round = handle.with(|session, _| session.round(id))?;
    let begun = running.begin(id);
    let context = RequestContext {
        handle: handle.clone(),
        request: id,
        stop: Arc::clone(&begun.stop),
    };
    let (handler, given) = (Arc::clone(handler), request.clone());
    let run = move || {
        let _begun = begun;
        // It may have been cancelled while it waited for a thread.
        if !context.is_cancelled() {
            handler(request, &context);
            let error = || RpcError::internal("The handler gave no answer");
            answer(&context.handle, id, round, error);
        }
    };
    Some(Job::new(run, move |_| {
        answer(&handle, id, round, || given.panicked());
    }))
}

/// Answers with an error if the handler of this round has left the request open.
fn answer(
    handle: &Handle<ServerSession>,
    id: IncomingId,
    round: usize,
    error: impl FnOnce() -> RpcError,
) {
    handle.with(|session, now| {
        if session.round(id) == Some(round) {
            // The request is open and anybody may use the code: it can't be refused.
            drop(session.reply_error(now, id, error()));
        }
    });
}
