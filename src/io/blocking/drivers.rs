//! The threads that drive the connections of one client, so that whoever drops its last handle can
//! wait for them: at the end of `main` they would be gone, and the server's process would not.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, ThreadId};

/// How long the last handle waits. The limits of a connection are shorter unless its user has set
/// them; only one that is still being made may take longer.
const LONGEST: Duration = Duration::from_secs(10);

/// What the handles of one client keep: dropping the last one waits for the client's threads, but
/// not for ever, and not on one of them.
#[derive(Clone, Default)]
pub(super) struct Drivers(Arc<Last>);

#[derive(Default)]
struct Last(Arc<Shared>);

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    ended: Condvar,
}

#[derive(Default)]
struct State {
    /// How many threads run or are about to.
    running: usize,
    threads: Vec<ThreadId>,
}

/// Makes the threads known, without being waited for itself.
#[derive(Clone)]
pub(super) struct Starter(Arc<Shared>);

/// A thread that runs or is about to. A panic ends it as well.
pub(super) struct Running(Arc<Shared>);

impl Drivers {
    pub(super) fn starter(&self) -> Starter {
        Starter(Arc::clone(&self.0.0))
    }
}

impl Starter {
    /// A thread is about to be started, to which what is returned belongs.
    pub(super) fn begin(&self) -> Running {
        self.0.lock().running += 1;
        Running(Arc::clone(&self.0))
    }
}

impl Running {
    /// This is the thread.
    pub(super) fn enter(&self) {
        self.0.lock().threads.push(thread::current().id());
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let this = thread::current().id();
        let mut state = self.0.lock();
        state.running -= 1;
        state.threads.retain(|thread| *thread != this);
        drop(state);
        self.0.ended.notify_all();
    }
}

impl Drop for Last {
    fn drop(&mut self) {
        let state = self.0.lock();
        if state.threads.contains(&thread::current().id()) {
            return;
        }
        let is_running = |state: &mut State| state.running > 0;
        let waited = self.0.ended.wait_timeout_while(state, LONGEST, is_running);
        drop(waited.unwrap_or_else(PoisonError::into_inner));
    }
}
