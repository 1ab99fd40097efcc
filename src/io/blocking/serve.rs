//! Serves one client with blocking handlers: requests run on a bounded pool of threads, and every
//! one of them is answered, whatever its handler does.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use core::fmt;
use core::time::Duration;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};

use super::super::Handle;
use super::connection::Connection;
use super::pool::{Job, Pool, THREADS};
use crate::model::method::Method;
use crate::rpc::RpcError;
use crate::server::{DefinitionError, Reach, Server};
use crate::session::{IncomingId, Misuse, Request, ServerEvent, ServerSession};
use crate::time::Instant;

/// How [`serve`] goes about it.
#[non_exhaustive]
pub struct ServeOptions {
    /// How many handlers run at once. 8.
    pub threads: usize,
    /// How long handlers that still run at the end of the input hold it up. Half of it they have to
    /// answer, then they are told to stop. 1 s: clients terminate a server after two.
    pub grace: Duration,
    watch: Box<dyn FnMut(&ServerEvent)>,
}

impl ServeOptions {
    /// Sets how many handlers run at once.
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = threads;
        self
    }

    /// Sets how long running handlers hold up the end.
    pub fn grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }

    /// Lets `watch` see each event before it is acted upon, requests included, in the order of the
    /// wire. It runs on the thread that serves and must return soon.
    pub fn watch(mut self, watch: impl FnMut(&ServerEvent) + 'static) -> Self {
        self.watch = Box::new(watch);
        self
    }
}

impl Default for ServeOptions {
    fn default() -> Self {
        Self {
            threads: THREADS,
            grace: Duration::from_secs(1),
            watch: Box::new(|_| {}),
        }
    }
}

impl fmt::Debug for ServeOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServeOptions")
            .field("threads", &self.threads)
            .field("grace", &self.grace)
            .finish_non_exhaustive()
    }
}

/// What a handler has beside its request: the session, and whether it is still wanted.
#[derive(Debug)]
pub struct Context {
    handle: Handle<ServerSession>,
    request: IncomingId,
    stop: Arc<Stop>,
    running: Arc<Running>,
}

#[derive(Debug, Default)]
struct Stop {
    told: Mutex<bool>,
    changed: Condvar,
}

impl Context {
    fn new(handle: Handle<ServerSession>, request: IncomingId, running: &Arc<Running>) -> Self {
        let stop = running.begin(request);
        Self {
            handle,
            request,
            stop,
            running: Arc::clone(running),
        }
    }

    /// Runs `act` on the session and sends what comes of it. See [`Handle::with`].
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

    /// A handle to keep, or to give to other threads.
    pub fn handle(&self) -> &Handle<ServerSession> {
        &self.handle
    }

    /// The session and the news of a cancellation, to be kept for as long as the request is open.
    pub fn reach(&self) -> Arc<dyn Reach> {
        Arc::new(Reached {
            handle: self.handle.clone(),
            stop: Arc::clone(&self.stop),
        })
    }

    /// Whether nobody wants the answer any more: the client has cancelled the request or is gone.
    pub fn is_cancelled(&self) -> bool {
        *self.stop.lock()
    }

    /// Sleeps for `time`, or until the request is cancelled; whether it is.
    pub fn sleep(&self, time: Duration) -> bool {
        let told = self.stop.lock();
        let waited = self
            .stop
            .changed
            .wait_timeout_while(told, time, |told| !*told);
        *waited.unwrap_or_else(PoisonError::into_inner).0
    }
}

/// What a handler keeps of its [`Context`].
struct Reached {
    handle: Handle<ServerSession>,
    stop: Arc<Stop>,
}

impl Reach for Reached {
    fn with(&self, act: &mut dyn FnMut(&mut ServerSession, Instant)) {
        self.handle.with(act);
    }

    fn is_cancelled(&self) -> bool {
        *self.stop.lock()
    }
}

impl Drop for Context {
    fn drop(&mut self) {
        let mut running = self.running.lock();
        if Arc::strong_count(&self.stop) == 1 {
            running.remove(&self.request);
        }
    }
}

impl Stop {
    fn lock(&self) -> MutexGuard<'_, bool> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self) {
        *self.lock() = true;
        self.changed.notify_all();
    }
}

/// The handlers that run, to tell them to stop.
#[derive(Debug, Default)]
struct Running(Mutex<BTreeMap<IncomingId, Weak<Stop>>>);

impl Running {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<IncomingId, Weak<Stop>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A request may come again while the handler of its last round is still returning; then both
    /// are told together.
    fn begin(&self, request: IncomingId) -> Arc<Stop> {
        let mut running = self.lock();
        if let Some(stop) = running.get(&request).and_then(Weak::upgrade) {
            return stop;
        }
        let stop = Arc::default();
        running.insert(request, Arc::downgrade(&stop));
        stop
    }

    fn tell(&self, request: IncomingId) {
        let stop = self.lock().remove(&request);
        if let Some(stop) = stop.and_then(|stop| stop.upgrade()) {
            stop.tell();
        }
    }
}

/// Serves the client of `connection` until it leaves, giving each request to `handler`.
///
/// The handler answers through its [`Context`]: with a result, with an error, or by asking for input,
/// after which the request comes again. One that returns without having done any of this, or that
/// panics, has its request answered with an internal error. Notifications and progress go through
/// the context as well.
///
/// At the end of the input handlers that still run have [`grace`](ServeOptions::grace) to end, so
/// that a server whose `main` ends with this call exits promptly (`stdio.eof.exit`). Errs with what
/// a stream failed with.
pub fn serve(
    mut connection: Connection<ServerSession>,
    options: ServeOptions,
    handler: impl Fn(Request, &Context) + Send + Sync + 'static,
) -> io::Result<()> {
    let ServeOptions {
        threads,
        grace,
        mut watch,
    } = options;
    let pool = Pool::new(threads);
    let running = Arc::new(Running::default());
    let handler = Arc::new(handler);
    connection.hold(true);
    let mut has_waited = false;
    let end = loop {
        let event = match connection.next() {
            Ok(Some(event)) => event,
            Ok(None) if !has_waited && !connection.is_closed() => {
                has_waited = true;
                pool.wait_idle(grace / 2);
                connection.hold(false);
                continue;
            }
            Ok(None) => break Ok(()),
            Err(error) => break Err(error),
        };
        watch(&event);
        match event {
            ServerEvent::Request(request) => {
                if let Some(job) = job(connection.handle(), &running, &handler, request) {
                    pool.run(job);
                }
            }
            ServerEvent::Cancelled { request, .. } => running.tell(request),
            _ => {}
        }
    };
    pool.wait_idle(grace / 2);
    end
}

/// What answers `request`; `None` when it isn't open any more, of which the next events tell.
fn job<H>(
    handle: Handle<ServerSession>,
    running: &Arc<Running>,
    handler: &Arc<H>,
    request: Request,
) -> Option<Job>
where
    H: Fn(Request, &Context) + Send + Sync + 'static,
{
    let id = request.id;
    let round = handle.with(|session, _| session.round(id))?;
    let context = Context::new(handle.clone(), id, running);
    let handler = Arc::clone(handler);
    let run = move || {
        // It may have been cancelled while it waited for a thread.
        if !context.is_cancelled() {
            handler(request, &context);
            answer(&context.handle, id, round, "The handler gave no answer");
        }
    };
    // What the panic said is for the server's log, where the hook has put it.
    Some(Job::new(run, move |_| {
        answer(&handle, id, round, "The handler failed")
    }))
}

/// Answers with an internal error if the handler of this round has left the request open.
fn answer(handle: &Handle<ServerSession>, id: IncomingId, round: usize, text: &'static str) {
    handle.with(|session, now| {
        if session.round(id) == Some(round) {
            // The request is open and the code is nobody's privilege: it can't be refused.
            drop(session.reply_error(now, id, RpcError::internal(text)));
        }
    });
}

/// Serves one client on the standard streams of this process until it leaves.
///
/// Nothing else may write to standard output meanwhile (`stdio.stdout.pure`). Errs as
/// [`serve`] does, and when [`check`](Server::check) does.
pub fn serve_stdio(server: Server) -> io::Result<()> {
    server.check().map_err(refused)?;
    let connection = Connection::stdio(server.session())?;
    serve_connection(server, connection, ServeOptions::default())
}

/// Serves one client of `server` on a connection of one of its sessions.
///
/// Errs as [`serve`] does, and when [`check`](Server::check) does.
pub fn serve_connection(
    server: Server,
    connection: Connection<ServerSession>,
    options: ServeOptions,
) -> io::Result<()> {
    server.check().map_err(refused)?;
    serve(connection, options, move |request, context| {
        server.respond(request, context.reach());
    })
}

/// What a server is told that offers something it can't.
pub(in crate::io) fn refused(error: DefinitionError) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, error)
}
