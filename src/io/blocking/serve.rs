//! Serves one client of a [`Server`] with blocking handlers, on a bounded pool of threads.

use alloc::boxed::Box;
use alloc::sync::{Arc, Weak};
use core::fmt;
use core::time::Duration;
use std::io;
use std::thread;

use super::super::block_on::block_on;
use super::super::jobs::{listen, pool_job, refused};
use super::super::panics::catch_panic;
use super::super::steps::{RunsTasks, StepFuture, run_task};
use super::connection::Connection;
use super::pool::{Job, Pool, THREADS, dispatch_to_the_end};
use crate::server::{Context, Event, Server, Service};
use crate::session::ServerEvent;

/// How [`serve_connection`] and [`serve`](super::serve()) go about it.
#[non_exhaustive]
pub struct ServeOptions {
    /// How many handlers run at once. 8.
    pub threads: usize,
    /// How long handlers that still run at the end of the input hold it up. Half of it they have to
    /// answer, then they are asked to stop. 1 s: clients terminate a server after two.
    pub grace: Duration,
    pub(super) watch: Box<dyn FnMut(&ServerEvent)>,
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

    /// Lets `watch` see each event of the session before it is acted upon, in the order of the
    /// wire: with [`serve`](super::serve()) requests included, with [`serve_connection`] all the
    /// others. It runs on the thread that serves and must return soon.
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

/// How often a handler that sleeps looks whether it is still wanted.
const NAP: Duration = Duration::from_millis(10);

impl Context {
    /// Sleeps for `time`, or until the request is cancelled; returns whether it is. For blocking
    /// handlers: it blocks the thread.
    pub fn sleep(&self, time: Duration) -> bool {
        let mut left = time;
        while !left.is_zero() && !self.is_cancelled() {
            let nap = left.min(NAP);
            thread::sleep(nap);
            left -= nap;
        }
        self.is_cancelled()
    }
}

impl Server {
    /// Serves one client on the standard streams of this process until it leaves. See
    /// [`serve_stdio`].
    pub fn serve_stdio(self) -> io::Result<()> {
        serve_stdio(&self)
    }
}

/// The threads of a server whose handlers all block.
#[derive(Clone)]
struct OnPool(Weak<Pool>);

impl RunsTasks for OnPool {
    fn run(&self, job: Job) {
        if let Some(pool) = self.0.upgrade() {
            pool.run(job);
        }
    }

    fn spawn(&self, future: StepFuture) {
        self.run(Job::new(move || block_on(future), |_| {}));
    }
}

/// Serves one client on the standard streams of this process until it leaves.
///
/// Nothing else may write to standard output meanwhile. Returns an error as [`serve_connection`]
/// does.
// `stdio.stdout.pure`
pub fn serve_stdio(server: &Server) -> io::Result<()> {
    server.check().map_err(refused)?;
    let connection = Connection::stdio(server.service())?;
    serve_connection(connection, ServeOptions::default())
}

/// Serves the client of `connection` until it leaves; [`Server::service`] makes its session.
///
/// Handlers run on a pool of threads. One that panics has its request answered with an internal
/// error. At the end of the input handlers that still run have [`grace`](ServeOptions::grace) to
/// end, so that a server whose `main` ends with this call exits promptly. Returns an error with
/// what a stream failed with, and if [`check`](Server::check) does.
// `stdio.eof.exit`
pub fn serve_connection(
    mut connection: Connection<Service>,
    options: ServeOptions,
) -> io::Result<()> {
    let ServeOptions {
        threads,
        grace,
        mut watch,
    } = options;
    connection
        .with(|service, _| service.check())
        .map_err(refused)?;
    let pool = Arc::new(Pool::new(threads));
    let tasks = OnPool(Arc::downgrade(&pool));
    let _ear = listen(&connection.handle());
    dispatch_to_the_end(&mut connection, &pool, grace, |connection, event| {
        match event {
            Event::Job(job) => return Some(pool_job(connection.handle(), job, || {})),
            Event::Session(event) => {
                catch_panic(|| watch(&event));
            }
            Event::Task(step) => run_task(&tasks, *step),
            // Its context knows already.
            Event::Cancelled(_) => {}
        }
        None
    })
}
