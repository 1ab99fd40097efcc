//! The store of tasks that comes with the crate: they are kept in this process, and end with it.
//!
//! Rules of this file: every bound is looked at before anything changes; what has expired makes room
//! for new tasks, and nothing else does; no operation takes longer than the logarithm of how many there
//! are, but for the tasks that it removes or lists.

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::future::ready;
use core::ops::Bound;

use bytes::Bytes;

use super::store::{StoredTask, TaskFuture, TaskKey, TaskStore, TaskStoreError};
use crate::lock::Lock;

/// What a task costs beside its owner, its id and its value, which are counted as they are: its places
/// in the maps.
const OVERHEAD: usize = 512;

/// Tasks in memory. Clones share them, so that several servers of one process can.
///
/// It holds no more than [`bytes`](Self::bytes) of tasks, beside a kilobyte of its own: what a task
/// says, what it belongs to, and its places in the tables all count. A server holds up to a kilobyte more
/// for each task whose handler runs or waits to run.
#[derive(Clone)]
pub struct MemoryTasks {
    state: Arc<Lock<State>>,
    most: usize,
    per_owner: usize,
    bytes: usize,
}

#[derive(Default)]
struct State {
    tasks: BTreeMap<Name, Kept>,
    /// Those that expire, by when they do.
    expiring: BTreeSet<(u64, Name)>,
    /// How many tasks each owner has.
    owners: BTreeMap<Arc<str>, usize>,
    bytes: usize,
}

type Name = (Arc<str>, Arc<str>);

struct Kept {
    version: u64,
    value: Bytes,
    expires: Option<u64>,
}

impl Default for MemoryTasks {
    fn default() -> Self {
        Self {
            state: Arc::default(),
            most: 10_000,
            per_owner: 1_000,
            bytes: 64 << 20,
        }
    }
}

impl MemoryTasks {
    /// Returns a store without tasks, with the default bounds.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets how many tasks there may be at once. 10,000.
    #[must_use]
    pub fn most(mut self, most: usize) -> Self {
        self.most = most;
        self
    }

    /// Sets how many tasks one principal may have at once, as may all clients together that have none.
    /// 1,000.
    #[must_use]
    pub fn per_principal(mut self, most: usize) -> Self {
        self.per_owner = most;
        self
    }

    /// Sets how many bytes all tasks may take together. 64 MiB.
    #[must_use]
    pub fn bytes(mut self, bytes: usize) -> Self {
        self.bytes = bytes;
        self
    }

    /// Returns how many tasks there are, and how many bytes they take by the store's own reckoning.
    pub fn usage(&self) -> (usize, usize) {
        self.state.with(|state| (state.tasks.len(), state.bytes))
    }

    fn insert(&self, key: TaskKey<'_>, value: Bytes, expires: Option<u64>) -> Created {
        self.state.with(|state| {
            let name: Name = (key.owner.into(), key.id.into());
            if state.tasks.contains_key(&name) {
                return Ok(None);
            }
            let of_owner = state.owners.get(key.owner).copied().unwrap_or(0);
            let bytes = state.bytes + weight(key, &value);
            if state.tasks.len() >= self.most || of_owner >= self.per_owner || bytes > self.bytes {
                return Err(TaskStoreError::Full);
            }
            state.bytes = bytes;
            *state.owners.entry(Arc::clone(&name.0)).or_default() += 1;
            if let Some(at) = expires {
                state.expiring.insert((at, name.clone()));
            }
            let kept = Kept {
                version: 1,
                value: exact(&value),
                expires,
            };
            state.tasks.insert(name, kept);
            Ok(Some(1))
        })
    }

    fn replace(
        &self,
        key: TaskKey<'_>,
        value: &Bytes,
        expected: u64,
        expires: Option<u64>,
    ) -> Created {
        self.state.with(|state| {
            let name: Name = (key.owner.into(), key.id.into());
            let Some(kept) = state.tasks.get_mut(&name) else {
                return Ok(None);
            };
            if kept.version != expected {
                return Ok(None);
            }
            let bytes = state.bytes - kept.value.len() + value.len();
            if bytes > self.bytes && value.len() > kept.value.len() {
                return Err(TaskStoreError::Full);
            }
            state.bytes = bytes;
            if kept.expires != expires {
                if let Some(at) = kept.expires {
                    state.expiring.remove(&(at, name.clone()));
                }
                if let Some(at) = expires {
                    state.expiring.insert((at, name.clone()));
                }
            }
            kept.version += 1;
            kept.value = exact(value);
            kept.expires = expires;
            Ok(Some(kept.version))
        })
    }

    fn find(&self, key: TaskKey<'_>) -> Option<StoredTask> {
        let name: Name = (key.owner.into(), key.id.into());
        self.state.with(|state| {
            let kept = state.tasks.get(&name)?;
            Some(StoredTask::new(kept.version, kept.value.clone()))
        })
    }

    fn ids(&self, owner: &str, after: Option<&str>, most: usize) -> Vec<Box<str>> {
        let from = |id: &str| -> Name { (owner.into(), id.into()) };
        let start = match after {
            Some(after) => Bound::Excluded(from(after)),
            None => Bound::Included(from("")),
        };
        self.state.with(|state| {
            let behind = state.tasks.range((start, Bound::Unbounded));
            let own = behind.take_while(|(name, _)| *name.0 == *owner);
            own.take(most)
                .map(|(name, _)| Box::from(&*name.1))
                .collect()
        })
    }

    fn forget(&self, now: u64) {
        self.state.with(|state| {
            while let Some((at, _)) = state.expiring.first()
                && *at <= now
                && let Some((_, name)) = state.expiring.pop_first()
            {
                if let Some(kept) = state.tasks.remove(&name) {
                    let key = TaskKey::new(&name.0, &name.1);
                    state.bytes -= weight(key, &kept.value);
                    state.leave(&name.0);
                }
            }
        });
    }
}

type Created = Result<Option<u64>, TaskStoreError>;

/// How much a task counts.
fn weight(key: TaskKey<'_>, value: &Bytes) -> usize {
    OVERHEAD + key.owner.len() + key.id.len() + value.len()
}

/// A value that keeps no larger buffer alive.
fn exact(value: &Bytes) -> Bytes {
    Bytes::copy_from_slice(value)
}

impl State {
    /// An owner has one task less.
    fn leave(&mut self, owner: &Arc<str>) {
        if let Some(count) = self.owners.get_mut(owner) {
            *count -= 1;
            if *count == 0 {
                self.owners.remove(owner);
            }
        }
    }
}

impl TaskStore for MemoryTasks {
    fn create<'a>(
        &'a self,
        key: TaskKey<'a>,
        value: Bytes,
        expires: Option<u64>,
    ) -> TaskFuture<'a, Option<u64>> {
        Box::pin(ready(self.insert(key, value, expires)))
    }

    fn load<'a>(&'a self, key: TaskKey<'a>) -> TaskFuture<'a, Option<StoredTask>> {
        Box::pin(ready(Ok(self.find(key))))
    }

    fn save<'a>(
        &'a self,
        key: TaskKey<'a>,
        value: Bytes,
        expected: u64,
        expires: Option<u64>,
    ) -> TaskFuture<'a, Option<u64>> {
        Box::pin(ready(self.replace(key, &value, expected, expires)))
    }

    fn list<'a>(
        &'a self,
        owner: &'a str,
        after: Option<&'a str>,
        most: usize,
    ) -> TaskFuture<'a, Vec<Box<str>>> {
        Box::pin(ready(Ok(self.ids(owner, after, most))))
    }

    fn remove_expired(&self, now: u64) -> TaskFuture<'_, ()> {
        self.forget(now);
        Box::pin(ready(Ok(())))
    }
}

impl fmt::Debug for MemoryTasks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (tasks, bytes) = self.usage();
        f.debug_struct("MemoryTasks")
            .field("tasks", &tasks)
            .field("bytes", &bytes)
            .finish()
    }
}
