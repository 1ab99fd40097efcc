//! Where the functions run that hear of a client's news: one after the other, on a thread that nothing
//! else waits for.
//!
//! Rules of this file: what is pushed runs in order, without any lock; a panic costs only the function
//! that had it; what is pushed past the bound is dropped, since nobody waits for it.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use core::time::Duration;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use super::super::blocking::threads::spawn;

/// How long the thread waits for more before it ends.
const LINGER: Duration = Duration::from_millis(200);

/// What runs on a lane.
type Work = Box<dyn FnOnce() + Send>;

/// Runs functions in the order in which they come.
pub(super) struct Lane {
    queue: Mutex<Queue>,
    more: Condvar,
    /// The most functions that wait, and the most bytes that they hold.
    most: usize,
    most_bytes: usize,
}

#[derive(Default)]
struct Queue {
    waiting: VecDeque<(usize, Work)>,
    bytes: usize,
    has_thread: bool,
}

impl Lane {
    pub(super) fn new(most: usize, most_bytes: usize) -> Arc<Self> {
        Arc::new(Self {
            queue: Mutex::default(),
            more: Condvar::new(),
            most,
            most_bytes,
        })
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets `work`, which holds about `bytes`, run after all that came before it.
    pub(super) fn push(self: &Arc<Self>, bytes: usize, work: Work) {
        let mut queue = self.lock();
        let is_full =
            queue.waiting.len() >= self.most || bytes > self.most_bytes.saturating_sub(queue.bytes);
        if is_full && !queue.waiting.is_empty() {
            // Whatever the function holds is dropped unlocked.
            drop(queue);
            return drop(work);
        }
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
        loop {
            if let Some((bytes, work)) = queue.waiting.pop_front() {
                queue.bytes = queue.bytes.saturating_sub(bytes);
                drop(queue);
                catch_panic(work);
                queue = self.lock();
                continue;
            }
            let (waited, time) = self
                .more
                .wait_timeout(queue, LINGER)
                .unwrap_or_else(PoisonError::into_inner);
            queue = waited;
            if time.timed_out() && queue.waiting.is_empty() {
                queue.has_thread = false;
                return;
            }
        }
    }
}

/// Runs what the user gave; what it panicked with has been printed.
fn catch_panic(run: Work) {
    drop(catch_unwind(AssertUnwindSafe(run)));
}
