//! Calls of tools that run as tasks: a handle at once, the result later, from whatever instance is asked
//! for it.
//!
//! ```text
//!  tools/call ──▶ created in the store ──▶ answered with the task
//!                     │
//!                     ▼  a TaskStep, wherever the adapter runs it
//!        ┌──────▶ claimed ──▶ the handler runs ──▶ saved: its end, or what it asks
//!        │                                            │
//!        │  all answered by tasks/update, or          ▼
//!        └── the instance that ran it is gone ◀── tasks/get and the like, from any instance
//! ```

mod answer;
mod end;
mod engine;
#[cfg(feature = "std")]
mod memory;
mod record;
mod run;
mod step;
mod store;
mod tell;
mod time;

use alloc::boxed::Box;
use alloc::collections::BTreeSet;
use alloc::string::String;
use alloc::sync::Arc;
use core::fmt;
use core::time::Duration;

pub(super) use answer::{TaskJob, TaskWork};
pub(super) use end::{StoreWork, TaskEnd, Watched};
pub(super) use engine::Engine;
pub use engine::TaskKeeper;
#[cfg(feature = "std")]
pub use memory::MemoryTasks;
pub(super) use step::poll_through;
pub use step::{TaskStep, TaskTicket};
pub use store::{StoredTask, TaskFuture, TaskKey, TaskStore, TaskStoreError};

/// Fills a slice with random bytes.
type Entropy = dyn Fn(&mut [u8]) -> Result<(), TaskStoreError> + Send + Sync;
/// Hears of failures.
type OnError = dyn Fn(&TaskStoreError) + Send + Sync;

/// How a server runs calls as tasks. Give it to [`Server::tasks`](super::Server::tasks).
///
/// Which tools run as tasks is in their definitions, as
/// [`execution.taskSupport`](crate::model::tool::ToolExecution::task_support): *forbidden* (also when
/// it says nothing), *optional* (whenever the client can), or *required* (other calls are refused).
/// Their handlers are the same as those of other tools: they ask with `?`, and run again from the top
/// with what was answered.
#[derive(Clone)]
pub struct Tasks {
    store: Arc<dyn TaskStore>,
    clock: Arc<dyn Fn() -> u64 + Send + Sync>,
    entropy: Arc<Entropy>,
    on_error: Option<Arc<OnError>>,
    ttl: Duration,
    longest_ttl: Duration,
    poll_interval: Duration,
    lease: Duration,
    record: usize,
    is_listed: bool,
    /// The tools whose handlers say themselves when their calls become tasks.
    begun_by_handler: BTreeSet<Box<str>>,
}

impl Tasks {
    /// Keeps tasks in `store`.
    ///
    /// `clock` gives the milliseconds since 1970; those of several instances should agree to within a
    /// second. `entropy` fills the slice with unpredictable random bytes, or returns an error: whoever
    /// guesses a task's id is taken for its owner where clients have no principal. With feature
    /// `tasks`, `io::tasks::system` takes both from the operating system.
    // `task25.id`, `task26.id.entropy`
    pub fn new(
        store: impl TaskStore,
        clock: impl Fn() -> u64 + Send + Sync + 'static,
        entropy: impl Fn(&mut [u8]) -> Result<(), TaskStoreError> + Send + Sync + 'static,
    ) -> Self {
        Self {
            store: Arc::new(store),
            clock: Arc::new(clock),
            entropy: Arc::new(entropy),
            on_error: None,
            ttl: Duration::from_secs(60 * 60),
            longest_ttl: Duration::from_secs(24 * 60 * 60),
            poll_interval: Duration::from_secs(1),
            lease: Duration::from_secs(6),
            record: 1 << 20,
            is_listed: false,
            begun_by_handler: BTreeSet::new(),
        }
    }

    /// Sets how long a task is kept, counted from when it is created, unless its client asks for
    /// another time. 1 hour.
    #[must_use]
    pub fn ttl(mut self, ttl: Duration) -> Self {
        self.ttl = ttl;
        self
    }

    /// Sets the longest time for which a task is kept, whatever its client asks for. 24 hours.
    // `task25.ttl`
    #[must_use]
    pub fn longest_ttl(mut self, ttl: Duration) -> Self {
        self.longest_ttl = ttl;
        self
    }

    /// Sets how long clients are told to wait before they ask again. 1 s.
    #[must_use]
    pub fn poll_interval(mut self, interval: Duration) -> Self {
        self.poll_interval = interval;
        self
    }

    /// Sets how long an instance keeps the tasks whose handlers it runs without a sign of life, after
    /// which another that is asked for them runs them again. 6 s; adapters give one three times as
    /// often.
    #[must_use]
    pub fn lease(mut self, lease: Duration) -> Self {
        self.lease = lease;
        self
    }

    /// Sets how large what is kept of one task may be, in bytes: its call, what was answered, and its
    /// result. 1 MiB. A call that is larger is refused, a task whose result is larger fails.
    #[must_use]
    pub fn record(mut self, bytes: usize) -> Self {
        self.record = bytes;
        self
    }

    /// Lets clients of 2025-11-25 list their tasks. They can't by default: where clients have no
    /// [principal](super::Service::principal), each would see the tasks of all.
    // `task25.auth`
    #[must_use]
    pub fn listed(mut self) -> Self {
        self.is_listed = true;
        self
    }

    /// Leaves it to the handler of the tool `name` when its call becomes a task for clients of
    /// 2026-07-28: with [`Context::begin_task`](super::Context::begin_task). What it asks before is
    /// asked in rounds of the call. Calls of clients that ask for a task, as those of 2025-11-25 do,
    /// are tasks from the start.
    // `task26.mrtr.first`
    #[must_use]
    pub fn begun_by_handler(mut self, name: impl Into<String>) -> Self {
        self.begun_by_handler.insert(name.into().into());
        self
    }

    /// Has the failures of the store told, such as for a log. It is called wherever the store is.
    #[must_use]
    pub fn on_error(mut self, on_error: impl Fn(&TaskStoreError) + Send + Sync + 'static) -> Self {
        self.on_error = Some(Arc::new(on_error));
        self
    }
}

impl fmt::Debug for Tasks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tasks")
            .field("ttl", &self.ttl)
            .field("longest_ttl", &self.longest_ttl)
            .field("poll_interval", &self.poll_interval)
            .field("lease", &self.lease)
            .field("record", &self.record)
            .field("is_listed", &self.is_listed)
            .finish_non_exhaustive()
    }
}
