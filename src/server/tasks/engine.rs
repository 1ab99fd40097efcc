//! What all tasks of one instance share: the store, which of them run here, and the instance's sign of
//! life.
//!
//! Rules of this file: a task has at most one step at a time on one instance; a task runs on the
//! instance whose name stands in its record, until that one's lease is over; no store is asked while a
//! lock is held.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;
use core::fmt;
use core::task::Waker;
use core::time::Duration;

use bytes::Bytes;

use super::super::context::Canceller;
use super::Tasks;
use super::record::{Keeping, Record};
use super::store::{TaskKey, TaskStoreError};
use crate::lock::Lock;
use crate::model::capability::{ServerCapabilities, TasksCapability};
use crate::model::method::SpecMethod;
use crate::model::task::TASKS_EXTENSION;
use crate::rpc::RpcError;

/// Whose the signs of life of the instances are.
const INSTANCES: &str = "instances";

/// How long an id is: 128 bits in hexadecimal.
const ID: usize = 32;

/// Which task it is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    owner: Box<str>,
    pub(super) id: Box<str>,
}

impl Key {
    /// The key of a principal's task (`task25.auth`).
    pub(super) fn new(principal: Option<&str>, id: &str) -> Self {
        Self {
            owner: owner_of(principal),
            id: id.into(),
        }
    }

    fn of_store(&self) -> TaskKey<'_> {
        TaskKey::new(&self.owner, &self.id)
    }
}

/// Whose the tasks of a principal are, as the store has it.
pub(super) fn owner_of(principal: Option<&str>) -> Box<str> {
    match principal {
        Some(principal) => format!("principal {principal}").into(),
        None => "anyone".into(),
    }
}

/// Whether a text can be the id of a task.
pub(super) fn is_id(id: &str) -> bool {
    id.len() == ID && id.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// A task as it stands in the store.
pub(super) struct Loaded {
    pub(super) record: Record,
    pub(super) version: u64,
}

/// What runs tasks.
pub(in crate::server) struct Engine {
    pub(super) options: Tasks,
    state: Lock<State>,
}

#[derive(Default)]
struct State {
    /// The instance's name, once it has one.
    name: Option<Box<str>>,
    /// The tasks that have a step here.
    running: BTreeMap<Key, Running>,
    /// Whether somebody gives signs of life.
    is_kept: bool,
    /// When the last sign of life was given, and its version in the store.
    beat: Option<(u64, u64)>,
}

/// A task that has a step here.
#[derive(Default)]
struct Running {
    is_cancelled: bool,
    canceller: Option<Canceller>,
    waker: Option<Waker>,
}

/// The right to run a task here. Dropping it gives it back.
pub(super) struct Reserved {
    pub(super) engine: Arc<Engine>,
    pub(super) key: Key,
}

impl Drop for Reserved {
    fn drop(&mut self) {
        let engine = &self.engine;
        let _gone = engine.state.with(|state| state.running.remove(&self.key));
    }
}

impl Reserved {
    /// Has the handler told when the task is cancelled; whether it is already.
    pub(super) fn cancel_by(&self, canceller: Canceller) -> bool {
        let found = self.engine.state.with(|state| {
            let running = state.running.get_mut(&self.key)?;
            Some((running.is_cancelled, running.canceller.replace(canceller)))
        });
        found.is_some_and(|(is_cancelled, _)| is_cancelled)
    }

    /// Whether the task is cancelled; who is woken when it is.
    pub(super) fn poll_cancelled(&self, waker: &Waker) -> bool {
        self.engine.state.with(|state| {
            let Some(running) = state.running.get_mut(&self.key) else {
                return false;
            };
            let is_known = running.waker.as_ref().is_some_and(|it| it.will_wake(waker));
            if !running.is_cancelled && !is_known {
                running.waker = Some(waker.clone());
            }
            running.is_cancelled
        })
    }
}

impl Engine {
    pub(in crate::server) fn new(options: Tasks) -> Self {
        Self {
            options,
            state: Lock::default(),
        }
    }

    /// Adds what is declared for tasks (`task25.cap`, `task26.id`).
    pub(in crate::server) fn declare(
        &self,
        capabilities: ServerCapabilities<'static>,
    ) -> ServerCapabilities<'static> {
        let tasks = TasksCapability::new()
            .cancel()
            .augmenting(SpecMethod::CallTool.as_str());
        let tasks = match self.options.is_listed {
            true => tasks.list(),
            false => tasks,
        };
        let settings = crate::model::object::Object::new();
        capabilities
            .tasks(tasks)
            .extension(TASKS_EXTENSION, &settings)
    }

    /// Whether the handler of this tool says itself when its call becomes a task.
    pub(in crate::server) fn is_begun_by_handler(&self, tool: &str) -> bool {
        self.options.begun_by_handler.contains(tool)
    }

    pub(super) fn now(&self) -> u64 {
        (self.options.clock)()
    }

    /// How a new task is kept whose client asks for a time to live, or not (`task25.ttl`).
    pub(super) fn keeping(&self, asked: Option<i64>) -> Keeping {
        let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        let asked = asked.map_or(millis(self.options.ttl), |ttl| {
            u64::try_from(ttl).unwrap_or(0)
        });
        Keeping {
            now: self.now(),
            ttl: Some(asked.clamp(1, millis(self.options.longest_ttl).max(1))),
            poll: millis(self.options.poll_interval).max(1),
        }
    }

    /// The error that answers a request when the store has failed; what has failed is for the server's
    /// log.
    pub(super) fn failed(&self, error: &TaskStoreError) -> RpcError {
        if let Some(on_error) = &self.options.on_error {
            on_error(error);
        }
        RpcError::internal(match error {
            TaskStoreError::Full => "Too many tasks; a retry may help once some are over",
            TaskStoreError::Failed(_) => "The tasks can't be reached; a retry may help",
        })
    }

    /// A text that nobody can guess (`task25.id`, `task26.id.entropy`).
    pub(super) fn fresh_id(&self) -> Result<Box<str>, TaskStoreError> {
        let mut bytes = [0; ID / 2];
        (self.options.entropy)(&mut bytes)?;
        let mut id = String::with_capacity(ID);
        for byte in bytes {
            id.push_str(&format!("{byte:02x}"));
        }
        Ok(id.into())
    }

    /// The name of this instance.
    pub(super) fn name(&self) -> Result<Box<str>, TaskStoreError> {
        if let Some(name) = self.state.with(|state| state.name.clone()) {
            return Ok(name);
        }
        let fresh = self.fresh_id()?;
        let name = |state: &mut State| state.name.get_or_insert(fresh).clone();
        Ok(self.state.with(name))
    }

    /// Takes the right to run a task here; `None` if it has a step already.
    pub(super) fn reserve(self: &Arc<Self>, key: &Key) -> Option<Reserved> {
        self.state.with(|state| {
            if state.running.contains_key(key) {
                return None;
            }
            state.running.insert(key.clone(), Running::default());
            Some(Reserved {
                engine: Arc::clone(self),
                key: key.clone(),
            })
        })
    }

    /// Tells the handler of a task that it is cancelled, if it runs here.
    pub(super) fn cancel(&self, key: &Key) {
        let found = self.state.with(|state| {
            let running = state.running.get_mut(key)?;
            running.is_cancelled = true;
            Some((running.canceller.take(), running.waker.take()))
        });
        let Some((canceller, waker)) = found else {
            return;
        };
        if let Some(canceller) = canceller {
            canceller.cancel();
        }
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Puts a new task into the store; `None` if its key is taken.
    pub(super) async fn create(&self, key: &Key, record: &Record) -> Result<bool, RpcError> {
        let store = &self.options.store;
        let removed = store.remove_expired(self.now()).await;
        removed.map_err(|error| self.failed(&error))?;
        let value = self.packed(record)?;
        let created = store.create(key.of_store(), value, record.expires()).await;
        let created = created.map_err(|error| self.failed(&error))?;
        Ok(created.is_some())
    }

    /// A record as it is stored; the error is for one that is too large.
    pub(super) fn packed(&self, record: &Record) -> Result<Bytes, RpcError> {
        let value = record.pack();
        let value = value.filter(|value| value.len() <= self.options.record);
        let limit = self.options.record;
        value.ok_or_else(|| RpcError::internal(format!("The task is larger than {limit} bytes")))
    }

    /// The task of this key; `None` if there is none, or it has expired (`task25.ttl`).
    pub(super) async fn load(&self, key: &Key) -> Result<Option<Loaded>, TaskStoreError> {
        let stored = self.options.store.load(key.of_store()).await?;
        let Some(stored) = stored else {
            return Ok(None);
        };
        let record = Record::unpack(&stored.value)
            .map_err(|why| TaskStoreError::new(format!("the task {} {why}", key.id)))?;
        let version = stored.version;
        let is_there = !record.is_expired(self.now());
        Ok(is_there.then_some(Loaded { record, version }))
    }

    /// Replaces a task; `false` if it has changed since it was loaded.
    pub(super) async fn save(&self, key: &Key, loaded: &Loaded) -> Result<bool, RpcError> {
        let value = self.packed(&loaded.record)?;
        let (version, expires) = (loaded.version, loaded.record.expires());
        let store = &self.options.store;
        let saved = store.save(key.of_store(), value, version, expires).await;
        saved
            .map(|version| version.is_some())
            .map_err(|error| self.failed(&error))
    }

    /// The ids of a page of a principal's tasks.
    pub(super) async fn ids(
        &self,
        principal: Option<&str>,
        after: Option<&str>,
        most: usize,
    ) -> Result<Vec<Box<str>>, TaskStoreError> {
        let owner = owner_of(principal);
        self.options.store.list(&owner, after, most).await
    }

    /// Whether an instance runs the task of this key: this one does if it has a step here, another one
    /// if it gives signs of life.
    pub(super) async fn is_run(&self, key: &Key, instance: &str) -> Result<bool, TaskStoreError> {
        if *instance == *self.name()? {
            return Ok(self.state.with(|state| state.running.contains_key(key)));
        }
        let sign = TaskKey::new(INSTANCES, instance);
        let sign = self.options.store.load(sign).await?;
        let until = sign.and_then(|sign| {
            let text = core::str::from_utf8(&sign.value).ok()?;
            text.parse::<u64>().ok()
        });
        Ok(until.is_some_and(|until| until > self.now()))
    }

    /// Gives a sign of life, unless one was given lately.
    pub(super) async fn beat(&self) -> Result<(), TaskStoreError> {
        let (name, now) = (self.name()?, self.now());
        let lease = u64::try_from(self.options.lease.as_millis()).unwrap_or(u64::MAX);
        let last = self.state.with(|state| state.beat);
        if last.is_some_and(|(at, _)| at <= now && now - at < lease / 3) {
            return Ok(());
        }
        let until = now.saturating_add(lease.max(1));
        let (store, sign) = (&self.options.store, TaskKey::new(INSTANCES, &name));
        let value = || Bytes::from(until.to_string());
        let mut version = match last {
            Some((_, version)) => store.save(sign, value(), version, Some(until)).await?,
            None => None,
        };
        if version.is_none() {
            version = store.create(sign, value(), Some(until)).await?;
        }
        if version.is_none()
            && let Some(found) = store.load(sign).await?
        {
            version = store
                .save(sign, value(), found.version, Some(until))
                .await?;
        }
        // Without a version another thread has just given one.
        if let Some(version) = version {
            self.state.with(|state| state.beat = Some((now, version)));
        }
        Ok(())
    }

    /// Gives a sign of life while tasks run here, and cancels those that were cancelled elsewhere.
    async fn keep(&self) -> Result<(), TaskStoreError> {
        let running = self
            .state
            .with(|state| state.running.keys().cloned().collect::<Vec<Key>>());
        self.beat().await?;
        let name = self.name()?;
        for key in &running {
            let loaded = self.load(key).await?;
            let is_own = loaded.is_some_and(|loaded| {
                let record = loaded.record;
                !record.is_over() && record.instance.as_deref().is_none_or(|it| *it == *name)
            });
            if !is_own {
                self.cancel(key);
            }
        }
        Ok(())
    }
}

/// Gives signs of life for the tasks that an instance runs, so that no other one takes them over, and
/// cancels those that were cancelled elsewhere. The adapters do it on a thread; whoever drives services
/// by hand does it from when a step begins until none is left.
#[derive(Clone)]
pub struct TaskKeeper(Weak<Engine>);

impl TaskKeeper {
    pub(super) fn new(engine: &Arc<Engine>) -> Self {
        Self(Arc::downgrade(engine))
    }

    /// Returns whether nobody gives signs of life yet, who begins with this call.
    pub fn begin(&self) -> bool {
        self.0.upgrade().is_some_and(|engine| {
            engine
                .state
                .with(|state| !core::mem::replace(&mut state.is_kept, true))
        })
    }

    /// Says that nobody gives signs of life any more.
    pub fn end(&self) {
        if let Some(engine) = self.0.upgrade() {
            engine.state.with(|state| state.is_kept = false);
        }
    }

    /// Returns after how long to give the next sign of life; `None` once the server is gone.
    pub fn every(&self) -> Option<Duration> {
        let lease = self.0.upgrade()?.options.lease;
        Some((lease / 3).max(Duration::from_millis(10)))
    }

    /// Gives a sign of life. Returns whether to go on: `false` once no task runs here any more, and
    /// then the next step [begins](Self::begin) anew.
    pub async fn keep(&self) -> bool {
        let Some(engine) = self.0.upgrade() else {
            return false;
        };
        let is_over = engine.state.with(|state| {
            state.is_kept = !state.running.is_empty();
            !state.is_kept
        });
        if is_over {
            return false;
        }
        if let Err(error) = engine.keep().await {
            drop(engine.failed(&error));
        }
        true
    }
}

impl fmt::Debug for TaskKeeper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskKeeper").finish_non_exhaustive()
    }
}
