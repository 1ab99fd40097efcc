//! Where the functions run that hear of a client's news: one after the other, on a thread that nothing
//! else waits for.
//!
//! Rules of this file: what is pushed runs in order, without any lock; a panic costs only the function
//! that had it; what is pushed past the bound is dropped; who waits for what came before waits only
//! while the functions return.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use core::time::Duration;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, ThreadId};

use super::super::panics::catch_panic;
use super::super::slot::Slot;
use super::super::thread::spawn;

/// How long the thread waits for more before it ends.
const LINGER: Duration = Duration::from_millis(200);

/// What a function that waits holds besides what it was given, roughly.
const OVERHEAD: usize = 256;

/// What runs on a lane.
type Work = Box<dyn FnOnce() + Send>;

/// Runs functions in the order in which they come.
pub(super) struct Lane {
    queue: Mutex<Queue>,
    more: Condvar,
    /// The most bytes that the functions that wait hold.
    most: usize,
}

#[derive(Default)]
struct Queue {
    waiting: VecDeque<(usize, Work)>,
    bytes: usize,
    has_thread: bool,
    /// The thread, once it has begun.
    thread: Option<ThreadId>,
    is_running: bool,
    /// How many functions have returned, and how many had when somebody gave up waiting.
    returned: u64,
    given_up_at: Option<u64>,
}

impl Lane {
    pub(super) fn new(most: usize) -> Arc<Self> {
        Arc::new(Self {
            queue: Mutex::default(),
            more: Condvar::new(),
            most,
        })
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets `work`, which holds about `bytes` besides itself, run after all that came before it.
    pub(super) fn push(self: &Arc<Self>, bytes: usize, work: Work) {
        let queue = self.lock();
        let bytes = bytes.saturating_add(OVERHEAD);
        let is_full = bytes > self.most.saturating_sub(queue.bytes);
        if is_full && !queue.waiting.is_empty() {
            // Whatever the function holds is dropped unlocked.
            drop(queue);
            return drop(work);
        }
        self.push_to(queue, bytes, work);
    }

    /// Gives a place that is filled when all that was pushed before has run; `None` if it has
    /// already, if this is the thread on which it runs, or if somebody gave up waiting for the
    /// function that runs now.
    pub(super) fn mark(self: &Arc<Self>) -> Option<Arc<Slot<()>>> {
        let queue = self.lock();
        let is_idle = !queue.is_running && queue.waiting.is_empty();
        let is_stuck = queue.given_up_at == Some(queue.returned);
        if is_idle || is_stuck || queue.thread == Some(thread::current().id()) {
            return None;
        }
        let slot = Slot::new();
        let reached = Arc::clone(&slot);
        self.push_to(queue, 0, Box::new(move || reached.put(())));
        Some(slot)
    }

    /// Nobody waits any more for the function that runs now.
    pub(super) fn give_up(&self) {
        let mut queue = self.lock();
        queue.given_up_at = Some(queue.returned);
    }

    fn push_to(self: &Arc<Self>, mut queue: MutexGuard<'_, Queue>, bytes: usize, work: Work) {
        queue.bytes = queue.bytes.saturating_add(bytes);
        queue.waiting.push_back((bytes, work));
        if queue.has_thread {
            return self.more.notify_one();
        }
        queue.has_thread = true;
        drop(queue);
        let lane = Arc::clone(self);
        if spawn("mcp callbacks", move || lane.work_off()).is_err() {
            // The next push tries again.
            self.lock().has_thread = false;
        }
    }

    fn work_off(&self) {
        let mut queue = self.lock();
        queue.thread = Some(thread::current().id());
        loop {
            if let Some((bytes, work)) = queue.waiting.pop_front() {
                queue.bytes = queue.bytes.saturating_sub(bytes);
                queue.is_running = true;
                drop(queue);
                catch_panic(work);
                queue = self.lock();
                queue.is_running = false;
                queue.returned += 1;
                continue;
            }
            let (waited, time) = self
                .more
                .wait_timeout(queue, LINGER)
                .unwrap_or_else(PoisonError::into_inner);
            queue = waited;
            if time.timed_out() && queue.waiting.is_empty() {
                queue.has_thread = false;
                queue.thread = None;
                return;
            }
        }
    }
}
