//! The store that a run's instances share, which watches what they do with tasks: each ends once and stays as
//! it ended, and none is kept beyond its bounds. Now and then it fails.

use std::collections::{BTreeMap, BTreeSet};
use std::future::ready;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use mcp_proto::server::{MemoryTasks, StoredTask, TaskFuture, TaskKey, TaskStore, TaskStoreError};
use serde_json::Value;

use super::super::random::Random;
use super::super::tally::{Kind, Marks};
use super::ready_now;

/// How many values the store holds at most: tasks, and signs of life of instances.
const ROOM: usize = 8;

/// What is known of a run's tasks.
pub struct Ledger {
    /// The milliseconds since 1970, by which tasks are kept.
    pub clock: u64,
    /// The tasks that there were, each as it was put last.
    tasks: BTreeMap<String, Value>,
    /// The numbers of the calls whose handler has come to its end.
    pub finished: BTreeSet<u64>,
    /// What has happened.
    pub marks: Marks,
    random: Random,
    /// How often the store fails, in a thousand calls.
    failing: usize,
}

impl Ledger {
    /// Whether some task was cancelled.
    pub fn was_cancelled(&self) -> bool {
        self.tasks.values().any(|task| phase(task) == CANCELLED)
    }

    /// The ids of all tasks, whoever made them.
    pub fn ids(&self) -> Vec<String> {
        self.tasks.keys().cloned().collect()
    }
}

/// The store, which all instances and the judges share.
#[derive(Clone)]
pub struct Store {
    inner: MemoryTasks,
    ledger: Arc<Mutex<Ledger>>,
}

/// The phases of a task as they are kept: below this it goes on.
const DONE: u64 = 2;
const FAILED: u64 = 3;
const CANCELLED: u64 = 4;

/// The place of the phase in what is kept of a task.
const PHASE: usize = 5;

fn phase(task: &Value) -> u64 {
    task[PHASE][0].as_u64().expect("a phase has a number")
}

impl Store {
    pub fn new(random: &mut Random) -> Self {
        let failing = [0, 0, 0, 100][random.below(4)];
        let ledger = Ledger {
            clock: 1_700_000_000_000,
            tasks: BTreeMap::new(),
            finished: BTreeSet::new(),
            marks: Marks::default(),
            random: Random::new(random.number()),
            failing,
        };
        Self {
            inner: MemoryTasks::new().most(ROOM),
            ledger: Arc::new(Mutex::new(ledger)),
        }
    }

    pub fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has it fail no more.
    pub fn heal(&self) {
        self.ledger().failing = 0;
    }

    pub fn assert_bounded(&self) {
        let (values, _) = self.inner.usage();
        assert!(values <= ROOM, "the store holds {values} values");
    }

    /// When all that was kept has expired, nothing is left.
    pub fn assert_forgets(&self) {
        let (long_after, _) = (u64::MAX, self.heal());
        ready_now(self.inner.remove_expired(long_after)).expect("memory doesn't fail");
        assert_eq!(self.inner.usage(), (0, 0), "what has expired is kept");
    }

    /// Fails as often as it is to.
    fn or<'a, T: Send + 'a>(&'a self, act: TaskFuture<'a, T>) -> TaskFuture<'a, T> {
        match self.fails() {
            true => Box::pin(ready(Err(failure()))),
            false => act,
        }
    }

    fn fails(&self) -> bool {
        let mut ledger = self.ledger();
        let failing = ledger.failing;
        let fails = ledger.random.per_mille(failing);
        if fails {
            ledger.marks.set(Kind::StoreFailed);
        }
        fails
    }

    /// Puts a value as `act` does, and fails as often as it is to: before it has put anything, or after,
    /// when only the answer is lost.
    fn put<'a>(
        &self,
        id: &str,
        value: &Bytes,
        act: impl FnOnce() -> TaskFuture<'a, Option<u64>>,
    ) -> TaskFuture<'a, Option<u64>> {
        let fails = self.fails();
        if fails && self.ledger().random.below(2) == 0 {
            return Box::pin(ready(Err(failure())));
        }
        let put = ready_now(act());
        if let Ok(Some(_)) = put {
            self.judge(id, value);
        }
        Box::pin(ready(if fails { Err(failure()) } else { put }))
    }

    /// Holds what is put to what was there.
    fn judge(&self, id: &str, value: &Bytes) {
        // Beside tasks there are signs of life.
        let Ok(task @ Value::Array(_)) = serde_json::from_slice(value) else {
            return;
        };
        let mut ledger = self.ledger();
        let mark = match phase(&task) {
            0 => Kind::TaskWorks,
            1 => Kind::TaskAsks,
            DONE => Kind::TaskDone,
            FAILED => Kind::TaskFailed,
            _ => Kind::TaskCancelled,
        };
        ledger.marks.set(mark);
        let before = ledger.tasks.insert(id.into(), task.clone());
        if let Some(before) = before.filter(|before| phase(before) >= DONE) {
            assert_eq!(before, task, "{id} has ended, and goes on");
        }
    }
}

fn failure() -> TaskStoreError {
    TaskStoreError::new("it fails")
}

impl TaskStore for Store {
    fn create<'a>(
        &'a self,
        key: TaskKey<'a>,
        value: Bytes,
        expires: Option<u64>,
    ) -> TaskFuture<'a, Option<u64>> {
        let created = ready_now(self.put(key.id, &value, || {
            self.inner.create(key, value.clone(), expires)
        }));
        if let Err(TaskStoreError::Full) = created {
            self.ledger().marks.set(Kind::TaskRefused);
        }
        Box::pin(ready(created))
    }

    fn load<'a>(&'a self, key: TaskKey<'a>) -> TaskFuture<'a, Option<StoredTask>> {
        self.or(self.inner.load(key))
    }

    fn save<'a>(
        &'a self,
        key: TaskKey<'a>,
        value: Bytes,
        expected: u64,
        expires: Option<u64>,
    ) -> TaskFuture<'a, Option<u64>> {
        self.put(key.id, &value, || {
            self.inner.save(key, value.clone(), expected, expires)
        })
    }

    fn list<'a>(
        &'a self,
        owner: &'a str,
        after: Option<&'a str>,
        most: usize,
    ) -> TaskFuture<'a, Vec<Box<str>>> {
        self.or(self.inner.list(owner, after, most))
    }

    fn remove_expired(&self, now: u64) -> TaskFuture<'_, ()> {
        let (before, _) = self.inner.usage();
        let removed = ready_now(self.inner.remove_expired(now));
        if self.inner.usage().0 < before {
            self.ledger().marks.set(Kind::TaskExpired);
        }
        self.or(Box::pin(ready(removed)))
    }
}
