//! Threads that run handlers: never more than a given number, started as they are needed.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use core::fmt;
use core::time::Duration;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use super::super::panics::{catch_panic, try_run};
use super::super::thread::spawn;
use super::connection::Connection;
use crate::session::Session;

/// How many threads a pool has by default.
pub const THREADS: usize = 8;

/// Something to run once on a [`Pool`].
pub struct Job {
    run: Box<dyn FnOnce() + Send>,
    panicked: Box<dyn FnOnce(&str) + Send>,
}

impl Job {
    /// Creates a job that runs `run`. When it panics, `panicked` gets the panic's message, so
    /// that whoever waits for the job can be answered.
    pub fn new(
        run: impl FnOnce() + Send + 'static,
        panicked: impl FnOnce(&str) + Send + 'static,
    ) -> Self {
        Self {
            run: Box::new(run),
            panicked: Box::new(panicked),
        }
    }

    fn run(self) {
        let Self { run, panicked } = self;
        // Whatever the job has left half done is its own: it was moved in.
        if let Err(text) = try_run(run) {
            // A panic while reporting one has been printed; nobody is left to tell.
            catch_panic(|| panicked(&text));
        }
    }
}

impl fmt::Debug for Job {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Job").finish_non_exhaustive()
    }
}

/// A bounded number of threads that run jobs in the order in which they came.
///
/// Dropping the pool forgets the jobs that have not begun and waits for none.
#[derive(Debug)]
pub struct Pool {
    queue: Arc<Queue>,
    threads: usize,
}

#[derive(Debug, Default)]
struct Queue {
    jobs: Mutex<Jobs>,
    /// Threads wait here for a job.
    work: Condvar,
    /// `wait_idle` waits here for the last job to end.
    idle: Condvar,
}

#[derive(Debug, Default)]
struct Jobs {
    waiting: VecDeque<Job>,
    /// Threads that exist, and those of them that wait for a job.
    threads: usize,
    free: usize,
    closed: bool,
}

impl Pool {
    /// Creates a pool of up to `threads` threads, at least one. None is started before it is
    /// needed.
    pub fn new(threads: usize) -> Self {
        Self {
            queue: Arc::default(),
            threads: threads.max(1),
        }
    }

    /// Lets `job` run as soon as a thread is free. The queue has no bound of its own: whoever fills
    /// it bounds what it lets in.
    ///
    /// When the system has no thread to give, the job runs before this returns.
    pub fn run(&self, job: Job) {
        let mut jobs = self.queue.lock();
        jobs.waiting.push_back(job);
        if jobs.free >= jobs.waiting.len() {
            self.queue.work.notify_one();
            return;
        }
        if jobs.threads == self.threads {
            return;
        }
        jobs.threads += 1;
        let queue = Arc::clone(&self.queue);
        if spawn("mcp handler", move || queue.work_off()).is_err() {
            jobs.threads -= 1;
            let alone = jobs.threads == 0;
            let job = if alone { jobs.waiting.pop_back() } else { None };
            drop(jobs);
            if let Some(job) = job {
                job.run();
            }
        }
    }

    /// Waits until no job runs or waits, at most `limit`; whether that has come.
    pub fn wait_idle(&self, limit: Duration) -> bool {
        let jobs = self.queue.lock();
        let busy = |jobs: &mut Jobs| !jobs.waiting.is_empty() || jobs.free < jobs.threads;
        let waited = self.queue.idle.wait_timeout_while(jobs, limit, busy);
        !waited.unwrap_or_else(PoisonError::into_inner).1.timed_out()
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        let mut jobs = self.queue.lock();
        jobs.closed = true;
        let forgotten = core::mem::take(&mut jobs.waiting);
        self.queue.work.notify_all();
        drop(jobs);
        // What a job owns may take the lock when it is dropped.
        drop(forgotten);
    }
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, Jobs> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What each thread does.
    fn work_off(&self) {
        let mut jobs = self.lock();
        loop {
            if let Some(job) = jobs.waiting.pop_front() {
                drop(jobs);
                job.run();
                jobs = self.lock();
                continue;
            }
            if jobs.closed {
                return;
            }
            jobs.free += 1;
            if jobs.free == jobs.threads {
                self.idle.notify_all();
            }
            jobs = self.work.wait(jobs).unwrap_or_else(PoisonError::into_inner);
            jobs.free -= 1;
        }
    }
}

/// Takes events until the session is closed and lets the pool run what `sort` makes of each.
///
/// `sort` runs on the caller's thread, in the order of the wire, and must return soon; what takes
/// longer goes into the job that it returns. Jobs may still be running when this returns: see
/// [`Pool::wait_idle`].
pub fn dispatch<S: Session>(
    connection: &mut Connection<S>,
    pool: &Pool,
    mut sort: impl FnMut(S::Event) -> Option<Job>,
) -> io::Result<()> {
    while let Some(event) = connection.next()? {
        if let Some(job) = sort(event) {
            pool.run(job);
        }
    }
    Ok(())
}

/// Does the same for a server whose answers are still wanted once the input has ended: jobs have
/// `grace` to end, half of it before the session is closed, half of it afterwards.
pub(in crate::io) fn dispatch_to_the_end<S: Session>(
    connection: &mut Connection<S>,
    pool: &Pool,
    grace: Duration,
    mut sort: impl FnMut(&Connection<S>, S::Event) -> Option<Job>,
) -> io::Result<()> {
    connection.hold(true);
    let mut has_waited = false;
    let end = loop {
        match connection.next() {
            Ok(Some(event)) => {
                if let Some(job) = sort(connection, event) {
                    pool.run(job);
                }
            }
            Ok(None) if !has_waited && !connection.is_closed() => {
                has_waited = true;
                pool.wait_idle(grace / 2);
                connection.hold(false);
            }
            Ok(None) => break Ok(()),
            Err(error) => break Err(error),
        }
    };
    pool.wait_idle(grace / 2);
    end
}
