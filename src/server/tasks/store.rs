//! Where tasks are kept, as whoever runs the server provides it.
//!
//! Rules of this file: what a task is, whose it is, and how it goes on is decided by the crate, so that
//! an implementation only moves bytes; each value has a version, and is replaced only under the version
//! that its writer has seen.

use alloc::boxed::Box;
use alloc::string::ToString;
use alloc::vec::Vec;
use core::fmt;
use core::pin::Pin;

use bytes::Bytes;

use crate::rpc::bounded;

/// What a [`TaskStore`] does, as a future. On servers whose handlers are blocking, and for all requests
/// about tasks, it is awaited on a thread beside the server, so what blocks may do so within it.
pub type TaskFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, TaskStoreError>> + Send + 'a>>;

/// Why a [`TaskStore`] couldn't do what it was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TaskStoreError {
    /// There is no room for what was to be stored: the client is told that there are too many tasks.
    Full,
    /// Something has failed: the client is told no more than that, and may try again.
    Failed(Box<str>),
}

impl TaskStoreError {
    /// Returns an error that says this, cut where it is long.
    pub fn new(why: impl fmt::Display) -> Self {
        Self::Failed(bounded(&why.to_string()).to_string().into())
    }
}

impl fmt::Display for TaskStoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full => f.write_str("there is no room for more tasks"),
            Self::Failed(text) => f.write_str(text),
        }
    }
}

impl core::error::Error for TaskStoreError {}

/// What a value of a [`TaskStore`] is found by. Both parts together are the key: a task is found only
/// by whom it belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub struct TaskKey<'a> {
    /// Whose it is: a text that names the principal, or that says that there is none.
    pub owner: &'a str,
    /// Its id: ASCII letters, digits and `-`.
    pub id: &'a str,
}

impl<'a> TaskKey<'a> {
    /// Returns the key of these two.
    pub const fn new(owner: &'a str, id: &'a str) -> Self {
        Self { owner, id }
    }
}

/// A value of a [`TaskStore`].
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct StoredTask {
    /// The version under which it was put.
    pub version: u64,
    /// The value.
    pub value: Bytes,
}

impl StoredTask {
    /// Returns a value with its version.
    pub fn new(version: u64, value: impl Into<Bytes>) -> Self {
        Self {
            version,
            value: value.into(),
        }
    }
}

/// How long the value is instead of the value, which may be secret.
impl fmt::Debug for StoredTask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoredTask")
            .field("version", &self.version)
            .field("bytes", &self.value.len())
            .finish()
    }
}

/// Where the instances of a server keep tasks: values by owner and id, each with a version that changes
/// whenever it is put, and with a time from which on it may be forgotten.
///
/// Values hold calls, answers and results of users as they are: keep others out. Times are milliseconds
/// since 1970 by the clock of [`Tasks`](super::Tasks).
pub trait TaskStore: Send + Sync + 'static {
    /// Puts a value that must not be there yet, to be kept until `expires`, or for ever where that is
    /// `None`. Returns its version; `None` if the key has a value already, and then nothing changes.
    ///
    /// It has to be found by [`load`](Self::load) at every instance when this returns. Returns
    /// [`TaskStoreError::Full`] where there is no room for one more.
    // `task26.durable`
    fn create<'a>(
        &'a self,
        key: TaskKey<'a>,
        value: Bytes,
        expires: Option<u64>,
    ) -> TaskFuture<'a, Option<u64>>;

    /// Returns the value of a key; `None` if there is none.
    fn load<'a>(&'a self, key: TaskKey<'a>) -> TaskFuture<'a, Option<StoredTask>>;

    /// Replaces a value if its version is `expected`. Looking and putting has to be one step. Returns
    /// the new version; `None` if there is no value or its version is another, and then nothing
    /// changes.
    fn save<'a>(
        &'a self,
        key: TaskKey<'a>,
        value: Bytes,
        expected: u64,
        expires: Option<u64>,
    ) -> TaskFuture<'a, Option<u64>>;

    /// Returns up to `most` ids of an owner's values, in the order of the ids, beginning behind
    /// `after`, or with the first one where that is `None`.
    fn list<'a>(
        &'a self,
        owner: &'a str,
        after: Option<&'a str>,
        most: usize,
    ) -> TaskFuture<'a, Vec<Box<str>>>;

    /// Forgets what has expired by `now`. It is called before tasks are created; a store that forgets
    /// by itself does nothing.
    fn remove_expired(&self, now: u64) -> TaskFuture<'_, ()>;
}
