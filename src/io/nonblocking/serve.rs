//! Serves one client of a [`Server`](crate::server::Server) on whatever runtime polls it.
//!
//! Rules of this file: futures run side by side up to a cap, further ones wait in order; blocking
//! handlers run on threads beside the task; a future whose request is cancelled is dropped; one that
//! panics, even while it is dropped, costs its own result; the end of the input leaves those that
//! still run a moment to answer.

use alloc::collections::VecDeque;
use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;
use core::future::poll_fn;
use core::mem;
use core::sync::atomic::{AtomicUsize, Ordering};
use core::task::{Context, Poll};
use core::time::Duration;
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::super::Handle;
use super::super::blocking::pool::{Job as PoolJob, Pool, THREADS};
use super::super::jobs::{Ear, effect_sink, listen, pool_job, refused};
use super::super::state::GATHER;
use super::super::steps::{RunsTasks, StepFuture, run_task};
use super::super::task::Task;
use super::driven::{Drive, ROUNDS};
use crate::server::{EffectSink, Event, Job, Outcome, Service};

/// How a server is served.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct AsyncServeOptions {
    /// How many handlers that are futures run at once, at least one; further ones wait. 64.
    pub concurrency: usize,
    /// How many blocking handlers run at once, each on a thread; further ones wait. 8.
    pub threads: usize,
    /// How long handlers that still run at the end of the input have to answer. 500 ms.
    pub grace: Duration,
}

impl Default for AsyncServeOptions {
    fn default() -> Self {
        Self {
            concurrency: 64,
            threads: THREADS,
            grace: Duration::from_millis(500),
        }
    }
}

impl AsyncServeOptions {
    /// Sets how many futures run at once; at least one does.
    #[must_use]
    pub const fn concurrency(mut self, concurrency: usize) -> Self {
        self.concurrency = concurrency;
        self
    }

    /// Sets how many blocking handlers run at once; at least one does.
    #[must_use]
    pub const fn threads(mut self, threads: usize) -> Self {
        self.threads = threads;
        self
    }

    /// Sets how long running handlers hold up the end.
    #[must_use]
    pub const fn grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }
}

/// Serves the client of `connection` until it leaves.
///
/// No task is spawned: futures run within this one, blocking handlers on threads of their own.
/// Returns an error with what a stream failed with, and if
/// [`check`](crate::server::Server::check) does. Dropping it drops the handlers and the connection.
// Not `async`, since such a function keeps its arguments twice for as long as it runs.
pub fn serve<D: Drive<Session = Service>>(
    mut connection: D,
    options: AsyncServeOptions,
) -> impl Future<Output = io::Result<()>> + use<D> {
    let mut tasks = None;
    poll_fn(move |cx| match &mut tasks {
        Some(tasks) => Tasks::poll(tasks, cx, &mut connection),
        None => {
            let begun = Tasks::begin(&connection, options)?;
            tasks.insert(begun).poll(cx, &mut connection)
        }
    })
}

/// Where the tasks of a connection's client run: within its own task, and on its threads.
#[derive(Clone)]
struct Here {
    beside: Weak<Beside>,
    handle: Handle<Service>,
}

/// What a connection has beside its futures. Most have none of it.
struct Beside {
    pool: Pool,
    /// How many jobs the pool has; apart, since these would keep the pool otherwise.
    blocking: Arc<AtomicUsize>,
    /// Handlers of tasks that are about to run here.
    steps: Mutex<Vec<StepFuture>>,
}

impl Beside {
    fn new(threads: usize) -> Self {
        Self {
            pool: Pool::new(threads),
            blocking: Arc::default(),
            steps: Mutex::default(),
        }
    }

    fn steps(&self) -> MutexGuard<'_, Vec<StepFuture>> {
        self.steps.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run(&self, handle: Handle<Service>, job: Job) {
        let blocking = Arc::clone(&self.blocking);
        blocking.fetch_add(1, Ordering::AcqRel);
        let done = move || {
            blocking.fetch_sub(1, Ordering::AcqRel);
        };
        self.pool.run(pool_job(handle, job, done));
    }
}

impl RunsTasks for Here {
    fn run(&self, job: PoolJob) {
        if let Some(beside) = self.beside.upgrade() {
            beside.pool.run(job);
        }
    }

    fn spawn(&self, future: StepFuture) {
        if let Some(beside) = self.beside.upgrade() {
            beside.steps().push(future);
            // Whoever drives the connection is woken.
            self.handle.with(|_, _| ());
        }
    }
}

/// The handlers of one connection.
struct Tasks {
    /// Has the client told of changes.
    _ear: Arc<Ear>,
    handle: Handle<Service>,
    /// What takes the effects of the handlers; `None` before the first.
    effects: Option<EffectSink>,
    /// Those that wait for something.
    running: Vec<Task>,
    waiting: VecDeque<Job>,
    beside: Option<Arc<Beside>>,
    /// Handlers of tasks that run here.
    stepping: Vec<StepFuture>,
    /// Whether handlers wait for their turn because there is enough to write.
    is_cut_short: bool,
    options: AsyncServeOptions,
}

impl Tasks {
    /// Returns an error if the server can't be served as it is defined.
    fn begin(
        connection: &impl Drive<Session = Service>,
        options: AsyncServeOptions,
    ) -> io::Result<Self> {
        let handle = connection.handle();
        handle.with(|service, _| service.check()).map_err(refused)?;
        Ok(Self {
            _ear: listen(&handle),
            effects: None,
            beside: None,
            stepping: Vec::new(),
            handle,
            running: Vec::new(),
            waiting: VecDeque::new(),
            is_cut_short: false,
            options,
        })
    }

    fn beside(&mut self) -> &Arc<Beside> {
        let beside = || Arc::new(Beside::new(self.options.threads));
        self.beside.get_or_insert_with(beside)
    }

    fn poll(
        &mut self,
        cx: &mut Context<'_>,
        connection: &mut impl Drive<Session = Service>,
    ) -> Poll<io::Result<()>> {
        let mut rounds = 0;
        let mut is_again = false;
        while rounds < ROUNDS {
            let is_busy = !self.running.is_empty()
                || !self.stepping.is_empty()
                || !self.waiting.is_empty()
                || (self.beside.as_ref())
                    .is_some_and(|beside| beside.blocking.load(Ordering::Acquire) > 0);
            connection.hold(is_busy.then_some(self.options.grace));
            let mut is_event = false;
            // What has come together begins together, so that its answers are written together, unless
            // there is enough to write already.
            loop {
                rounds += 1;
                match connection.poll_event_within(cx, mem::replace(&mut is_again, true)) {
                    Poll::Ready(Ok(Some(event))) => self.take(event),
                    Poll::Ready(end) => return Poll::Ready(end.map(drop)),
                    Poll::Pending => break,
                }
                is_event = true;
                if rounds >= ROUNDS || self.is_cut_short || !connection.has_event() {
                    break;
                }
            }
            let is_done = self.run(cx) | self.start(cx);
            if !is_event && !is_done {
                return Poll::Pending;
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    fn take(&mut self, event: Event) {
        match event {
            Event::Job(job) if job.is_async() => self.waiting.push_back(job),
            Event::Job(job) => {
                let handle = self.handle.clone();
                self.beside().run(handle, job);
            }
            Event::Cancelled(job) => {
                self.waiting.retain(|waiting| waiting.id() != job);
                let cancelled = self.running.iter().position(|task| task.job() == job);
                if let Some(at) = cancelled {
                    self.running.swap_remove(at);
                }
            }
            Event::Task(step) => {
                let here = Here {
                    beside: Arc::downgrade(self.beside()),
                    handle: self.handle.clone(),
                };
                run_task(&here, *step);
            }
            Event::Session(_) => {}
        }
    }

    /// Begins with handlers that wait, as many as may run or until there is enough to write; whether one
    /// has ended. One that ends at once has no place among those that run, and counts as one of them.
    fn start(&mut self, cx: &mut Context<'_>) -> bool {
        let mut done = 0;
        while !self.is_cut_short && done + self.running.len() < self.options.concurrency.max(1) {
            let Some(job) = self.waiting.pop_front() else {
                break;
            };
            let effects = || effect_sink(job.registry(), &self.handle);
            let effects = Arc::clone(self.effects.get_or_insert_with(effects));
            let mut task = Task::new(job.with_effects(effects));
            match task.poll(cx) {
                Poll::Ready(outcome) => {
                    self.is_cut_short = give(&self.handle, outcome);
                    done += 1;
                }
                Poll::Pending => {
                    // Room for one is what most connections need, if any.
                    if self.running.is_empty() {
                        self.running.reserve_exact(1);
                    }
                    self.running.push(task);
                }
            }
        }
        done > 0
    }

    /// Moves the handlers on, all of them or until there is enough to write; whether one has ended.
    fn run(&mut self, cx: &mut Context<'_>) -> bool {
        let before = self.running.len();
        // The others get their turn once this is written: output that waits counts as memory.
        let mut is_enough = false;
        self.running.retain_mut(|task| {
            if is_enough {
                return true;
            }
            let Poll::Ready(outcome) = task.poll(cx) else {
                return true;
            };
            is_enough = give(&self.handle, outcome);
            false
        });
        self.is_cut_short = is_enough;
        let mut is_begun = false;
        if let Some(beside) = &self.beside {
            let begun = mem::take(&mut *beside.steps());
            is_begun = !begun.is_empty();
            self.stepping.extend(begun);
            self.stepping
                .retain_mut(|step| step.as_mut().poll(cx).is_pending());
        }
        is_begun || self.running.len() != before
    }
}

/// Gives an outcome to its service; whether there is enough to write by now.
fn give(handle: &Handle<Service>, outcome: Outcome) -> bool {
    handle.with(|service, now| {
        service.handle_outcome(now, outcome);
        service.session().fills_write(GATHER)
    })
}
