//! What an instance does with what it shares: the threads on which a store and a fan-out run, the
//! lease that says that the instance lives, and what it has heard of the others.
//!
//! Rules of this file: code of the user runs on these threads alone, and whoever waits for it stops
//! waiting after a time; no lock that a request needs is held meanwhile.

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;
use core::sync::atomic::{AtomicUsize, Ordering};
use core::task::Waker;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use super::super::super::blocking::pool::{Job, Pool};
use super::super::super::slot::Slot;
use super::alarms::{Alarms, Ring};
use super::request::within;
use super::store::{Fanout, Machines, SessionStore, StoreError};
use crate::session::Change;
use crate::time::Instant;

/// How many threads a store has.
const THREADS: usize = 8;
/// How much may wait for them.
const MOST: usize = 4096;
/// How many failures may wait to be told.
const MOST_ERRORS: usize = 64;
/// How many sessions are remembered that are over and still in the store.
const LEFT_OVER: usize = 4096;
/// How many messages are remembered that were told without the log and may come from there yet.
const TOLD_ALONE: usize = 1024;
/// How many instances are remembered by what they told last.
const INSTANCES: usize = 4096;

/// Who keeps the sessions.
pub(super) trait Keeper: Send + Sync {
    /// Another instance wants a session that nobody works on here.
    fn park(self: Arc<Self>, id: &str);

    /// A session is over.
    fn forget(self: Arc<Self>, id: &str, version: Option<u64>);

    /// Tells the clients of this instance alone.
    fn tell(&self, change: Change, uri: &str);
}

pub(super) struct Shared {
    pub(super) machines: Machines,
    /// The name of this instance, which no other one has or had.
    pub(super) name: Box<str>,
    pub(super) alarms: Arc<Alarms>,
    pool: Pool,
    waiting: Arc<AtomicUsize>,
    /// Threads of their own, so that a slow store doesn't cost the lease.
    beats: Pool,
    beats_waiting: Arc<AtomicUsize>,
    pub(super) publisher: Pool,
    errors: Pool,
    errors_waiting: Arc<AtomicUsize>,
    /// The version of the lease in the store; locked while the store is asked.
    pub(super) lease: Mutex<Option<u64>>,
    sure: Mutex<Sure>,
    pub(super) inbox: Mutex<Inbox>,
    pub(super) outbox: Mutex<Outbox>,
    /// Held while the others begin to be heard.
    pub(super) starting: Mutex<()>,
    /// Held while a message of the log is told, so that they are told in its order.
    pub(super) delivering: Mutex<()>,
    /// The sessions that are being taken.
    taking: Mutex<BTreeSet<Box<str>>>,
    /// The sessions that are over and whose records could not be removed, with their versions.
    left_over: Mutex<BTreeMap<Box<str>, u64>>,
    keeper: OnceLock<Weak<dyn Keeper>>,
    /// What keeps the lease; kept here, as a list of deadlines keeps nobody.
    pub(super) beat: OnceLock<Arc<dyn Ring>>,
}

/// How sure an instance is that what it drives is its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Sure {
    /// How often the lease has run out. What was taken before that may have been taken over.
    pub(super) generation: u64,
    until: Option<Instant>,
}

/// What was heard of the others.
#[derive(Default)]
pub(super) struct Inbox {
    pub(super) is_started: bool,
    pub(super) heard: u64,
    seen: Seen,
    /// The messages of this instance that it has told its clients without the log.
    told_alone: BTreeSet<u64>,
}

/// How many messages there were, and who waits for them.
#[derive(Default)]
pub(super) struct Outbox {
    pub(super) told: u64,
    /// How many of them nobody waits for any more.
    pub(super) settled: u64,
    /// How many wait for their turn.
    pub(super) queued: usize,
    /// How many changes the others have missed, and of how many of them they were told so.
    pub(super) missed: u64,
    pub(super) made_up: u64,
    /// The number of the next message.
    pub(super) number: u64,
    pub(super) wakers: Vec<Waker>,
}

/// The last message of each instance.
#[derive(Default)]
pub(super) struct Seen(BTreeMap<Box<str>, u64>);

impl Seen {
    /// Whether a message comes for the first time.
    pub(super) fn is_new(&mut self, from: &str, number: u64) -> bool {
        if let Some(last) = self.0.get_mut(from) {
            let is_new = number > *last;
            *last = number.max(*last);
            return is_new;
        }
        if self.0.len() >= INSTANCES {
            self.0.pop_first();
        }
        self.0.insert(from.into(), number);
        true
    }

    fn has(&self, from: &str, number: u64) -> bool {
        self.0.get(from).is_some_and(|last| *last >= number)
    }
}

impl Shared {
    pub(super) fn new(machines: Machines, name: Box<str>, alarms: Arc<Alarms>) -> Arc<Self> {
        Arc::new(Self {
            machines,
            name,
            alarms,
            pool: Pool::new(THREADS),
            waiting: Arc::default(),
            beats: Pool::new(1),
            beats_waiting: Arc::default(),
            publisher: Pool::new(1),
            errors: Pool::new(1),
            errors_waiting: Arc::default(),
            lease: Mutex::new(None),
            sure: Mutex::default(),
            inbox: Mutex::default(),
            outbox: Mutex::default(),
            starting: Mutex::default(),
            delivering: Mutex::default(),
            taking: Mutex::default(),
            left_over: Mutex::default(),
            keeper: OnceLock::new(),
            beat: OnceLock::new(),
        })
    }

    pub(super) fn keep_by(&self, keeper: Weak<dyn Keeper>) {
        // It is set once, before anything is served.
        let _ = self.keeper.set(keeper);
    }

    pub(super) fn keeper(&self) -> Option<Arc<dyn Keeper>> {
        self.keeper.get()?.upgrade()
    }

    pub(super) fn store(&self) -> Option<Arc<dyn SessionStore>> {
        self.machines.store.clone()
    }

    pub(super) fn fanout(&self) -> Option<Arc<dyn Fanout>> {
        self.machines.fanout.clone()
    }

    /// Begins to take a session; `None` while another request does.
    pub(super) fn taking(self: &Arc<Self>, id: &str) -> Option<Taking> {
        let is_first = self.lock_taking().insert(id.into());
        is_first.then(|| Taking {
            shared: Arc::clone(self),
            id: id.into(),
        })
    }

    fn lock_taking(&self) -> MutexGuard<'_, BTreeSet<Box<str>>> {
        self.taking.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock_left_over(&self) -> MutexGuard<'_, BTreeMap<Box<str>, u64>> {
        let left_over = self.left_over.lock();
        left_over.unwrap_or_else(PoisonError::into_inner)
    }

    /// Remembers a session that is over and whose record could not be removed. Of more than can be
    /// remembered the records stay until their time is over.
    pub(super) fn leave_over(&self, id: &str, version: u64) {
        let mut left_over = self.lock_left_over();
        left_over.insert(id.into(), version);
        if left_over.len() > LEFT_OVER {
            left_over.pop_first();
        }
    }

    /// The sessions whose records are still to be removed.
    pub(super) fn left_over(&self) -> Vec<(Box<str>, u64)> {
        let left_over = self.lock_left_over();
        left_over
            .iter()
            .map(|(id, version)| (id.clone(), *version))
            .collect()
    }

    pub(super) fn is_left_over(&self, id: &str) -> bool {
        self.lock_left_over().contains_key(id)
    }

    pub(super) fn is_removed(&self, id: &str) {
        self.lock_left_over().remove(id);
    }

    /// Runs a job on the threads of the store and waits for it, but not for ever.
    pub(super) async fn run<T: Send + 'static>(
        self: &Arc<Self>,
        job: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let slot = Slot::new();
        let filled = Arc::clone(&slot);
        self.submit(job, move |result| filled.put(result));
        let timeout = self.machines.timeout;
        match within(&self.alarms, timeout, slot.wait()).await {
            Some(result) => result,
            None => {
                let why = alloc::format!("the store took longer than {timeout:?}");
                let error = StoreError::new(why);
                self.report(&error);
                Err(error)
            }
        }
    }

    /// Runs a job on the threads of the store. `done` gets what has come of it.
    pub(super) fn submit<T>(
        self: &Arc<Self>,
        job: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
        done: impl Fn(Result<T, StoreError>) + Clone + Send + 'static,
    ) {
        if self.waiting.load(Ordering::Relaxed) >= MOST {
            done(Err(StoreError::new("too much waits for the store")));
            return;
        }
        self.pool.run(self.job(&self.waiting, job, done));
    }

    /// Runs a job on the thread of the lease, unless the last one isn't done.
    pub(super) fn beat(
        self: &Arc<Self>,
        job: impl FnOnce() -> Result<(), StoreError> + Send + 'static,
    ) {
        if self.beats_waiting.load(Ordering::Relaxed) == 0 {
            self.beats.run(self.job(&self.beats_waiting, job, drop));
        }
    }

    /// A job whose failure is told, and that is counted while it waits or runs.
    pub(super) fn job<T>(
        self: &Arc<Self>,
        waiting: &Arc<AtomicUsize>,
        job: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
        done: impl Fn(Result<T, StoreError>) + Clone + Send + 'static,
    ) -> Job {
        // A pool that is dropped waits for nobody, so what keeps it must not be kept by its jobs.
        let shared = Arc::downgrade(self);
        let (shared_too, done_too) = (Weak::clone(&shared), done.clone());
        waiting.fetch_add(1, Ordering::Relaxed);
        let (waiting, waiting_too) = (Arc::clone(waiting), Arc::clone(waiting));
        let report = |shared: &Weak<Self>, error: &StoreError| {
            if let Some(shared) = shared.upgrade() {
                shared.report(error);
            }
        };
        let run = move || {
            let result = job();
            waiting.fetch_sub(1, Ordering::Relaxed);
            if let Err(error) = &result {
                report(&shared, error);
            }
            done(result);
        };
        Job::new(run, move |panic| {
            waiting_too.fetch_sub(1, Ordering::Relaxed);
            let error = StoreError::new(alloc::format!("the store panicked: {panic}"));
            report(&shared_too, &error);
            done_too(Err(error));
        })
    }

    /// Tells of a failure.
    pub(super) fn report(&self, error: &StoreError) {
        let Some(on_error) = self.machines.on_error.clone() else {
            return;
        };
        if self.errors_waiting.fetch_add(1, Ordering::Relaxed) >= MOST_ERRORS {
            self.errors_waiting.fetch_sub(1, Ordering::Relaxed);
            return;
        }
        let waiting = Arc::clone(&self.errors_waiting);
        let waiting_too = Arc::clone(&waiting);
        let error = error.clone();
        let run = move || {
            on_error(&error);
            waiting.fetch_sub(1, Ordering::Relaxed);
        };
        let panicked = move |_: &str| {
            waiting_too.fetch_sub(1, Ordering::Relaxed);
        };
        self.errors.run(Job::new(run, panicked));
    }

    fn lock_sure(&self) -> MutexGuard<'_, Sure> {
        self.sure.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn lock_inbox(&self) -> MutexGuard<'_, Inbox> {
        self.inbox.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The lease is good until then. `is_fresh` says that there was none, so that what was driven
    /// before may be driven by others.
    pub(super) fn renewed(&self, until: Instant, is_fresh: bool) {
        let mut sure = self.lock_sure();
        sure.until = Some(until);
        sure.generation += u64::from(is_fresh);
    }

    /// The generation of the lease; `None` while there is none.
    pub(super) fn generation(&self, now: Instant) -> Option<u64> {
        let sure = *self.lock_sure();
        let is_good = sure.until.is_some_and(|until| now < until);
        is_good.then_some(sure.generation)
    }

    /// A message has come, which is told if it comes for the first time and wasn't told without the log.
    pub(super) fn is_new(&self, from: &str, number: u64) -> bool {
        let mut inbox = self.lock_inbox();
        let was_told = *from == *self.name && inbox.told_alone.remove(&number);
        inbox.seen.is_new(from, number) && !was_told
    }

    /// A message of this instance may stand in the log, and nobody waits for that any more. Returns
    /// whether it is told without the log, which it isn't if it has come from there.
    pub(super) fn tells_alone(&self, number: u64) -> bool {
        let mut inbox = self.lock_inbox();
        if inbox.seen.has(&self.name, number) {
            return false;
        }
        inbox.told_alone.insert(number);
        if inbox.told_alone.len() > TOLD_ALONE {
            inbox.told_alone.pop_first();
        }
        true
    }

    /// How far the log was read.
    pub(super) fn heard(&self) -> u64 {
        self.lock_inbox().heard
    }
}

/// A session that is being taken, until this is dropped.
pub(super) struct Taking {
    shared: Arc<Shared>,
    id: Box<str>,
}

impl Drop for Taking {
    fn drop(&mut self) {
        self.shared.lock_taking().remove(&self.id);
    }
}
