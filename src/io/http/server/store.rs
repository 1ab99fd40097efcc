//! What several instances of one server share, as whoever runs them provides it: a store for the
//! sessions of legacy clients, and a log of changes that all of them read.
//!
//! Rules of this file: who drives a session, for how long, and what is told to whom is decided by the
//! crate, so that an implementation only moves bytes; each call runs on a thread beside the server
//! and is given up after a time, so it may block or await as it likes.

use alloc::boxed::Box;
use alloc::string::ToString;
use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;
use core::fmt;
use core::pin::Pin;
use core::time::Duration;

use bytes::Bytes;

use crate::rpc::bounded;

/// What a [`SessionStore`] or a [`Fanout`] does, as a future. What blocks may do so within it.
pub type StoreFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// Why a [`SessionStore`] or a [`Fanout`] couldn't do what it was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreError(Box<str>);

impl StoreError {
    /// Returns an error that says this, cut where it is long.
    pub fn new(why: impl fmt::Display) -> Self {
        Self(bounded(&why.to_string()).to_string().into())
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl core::error::Error for StoreError {}

/// A value of a [`SessionStore`].
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct StoredValue {
    /// The version under which it was put.
    pub version: u64,
    /// The value.
    pub value: Bytes,
}

impl StoredValue {
    /// Returns a value with its version.
    pub fn new(version: u64, value: impl Into<Bytes>) -> Self {
        Self {
            version,
            value: value.into(),
        }
    }
}

/// How long the value is instead of the value, which is secret.
impl fmt::Debug for StoredValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoredValue")
            .field("version", &self.version)
            .field("bytes", &self.value.len())
            .finish()
    }
}

/// Where the instances of a server keep the sessions of legacy clients: values by key, each with a
/// version that changes whenever it is put, and with a time after which it is gone.
///
/// Keys and values hold the ids of sessions, with which anybody is taken for their clients: keep
/// others out. Keys are ASCII and begin with `session/` or `instance/`.
pub trait SessionStore: Send + Sync + 'static {
    /// Returns the value of a key; `None` if there is none, or its time is over.
    fn get<'a>(&'a self, key: &'a str) -> StoreFuture<'a, Option<StoredValue>>;

    /// Puts a value and keeps it for `ttl`, if the key's version is `expected`, or, where that is
    /// `None`, if the key has no value. Looking and putting has to be one step. Returns the new
    /// version; `None` if the version is another, and then nothing changes.
    fn put<'a>(
        &'a self,
        key: &'a str,
        value: Bytes,
        expected: Option<u64>,
        ttl: Duration,
    ) -> StoreFuture<'a, Option<u64>>;

    /// Removes the value of a key if its version is `expected`.
    fn remove<'a>(&'a self, key: &'a str, expected: u64) -> StoreFuture<'a, ()>;
}

/// What an instance has told all others, and its place in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Announced {
    /// Its position: above that of all that was told before it, and below 2^47.
    pub position: u64,
    /// The message.
    pub message: Bytes,
}

impl Announced {
    /// Returns a message with its position.
    pub fn new(position: u64, message: impl Into<Bytes>) -> Self {
        Self {
            position,
            message: message.into(),
        }
    }
}

/// A part of the log of a [`Fanout`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Backlog {
    /// What was told, in the order of its positions.
    pub announced: Vec<Announced>,
    /// Whether nothing between the position that was asked for and the first of these is missing.
    pub is_whole: bool,
}

impl Backlog {
    /// Returns a part of the log.
    pub fn new(announced: Vec<Announced>, is_whole: bool) -> Self {
        Self {
            announced,
            is_whole,
        }
    }
}

/// How the instances of a server tell one another what has changed: a log that all of them read in
/// one order, and whose last few thousand messages are kept for those that come back.
pub trait Fanout: Send + Sync + 'static {
    /// Appends a message to the log. It comes back to every instance, this one included. After an error
    /// it is tried again, three times in all: a message that stands in the log twice is told once. What
    /// can't be appended, or not in [time](Machines::timeout), is told to the clients of this instance
    /// alone; the first message that can be appended after it tells those of the others that anything may
    /// have changed.
    fn publish(&self, message: Bytes) -> StoreFuture<'_, ()>;

    /// Begins to [deliver](FanoutSink::deliver) what is told from now on, from a thread or a task of
    /// its own, and goes on after failures of its own where it was. Returns the position of what was
    /// told last, 0 if there is nothing. It is called again after it has failed.
    fn start(&self, sink: FanoutSink) -> StoreFuture<'_, u64>;

    /// Returns what was told after this position, the earliest first, and not more of it than is
    /// good at once; nothing if it is the last one.
    fn after(&self, position: u64) -> StoreFuture<'_, Backlog>;
}

/// What hears of a delivery.
pub(super) trait Deliver: Send + Sync {
    fn deliver(self: Arc<Self>, announced: &Announced);

    /// Something of the log was not delivered, and never will be.
    fn lost(self: Arc<Self>);
}

/// Where a [`Fanout`] delivers what the instances tell one another.
#[derive(Clone)]
pub struct FanoutSink(Weak<dyn Deliver>);

impl FanoutSink {
    pub(super) fn new(to: Weak<dyn Deliver>) -> Self {
        Self(to)
    }

    /// Tells the clients of this instance. What was delivered before is ignored, so a part of the
    /// log may be delivered again, but none may be left out. Returns whether to go on: `false` once
    /// the server has gone.
    pub fn deliver(&self, announced: &Announced) -> bool {
        match self.0.upgrade() {
            Some(to) => {
                to.deliver(announced);
                true
            }
            None => false,
        }
    }

    /// Tells the clients of this instance that anything may have changed, for when the log has lost
    /// what it had not delivered yet, as after a restart of what keeps it. Returns as
    /// [`deliver`](Self::deliver) does.
    pub fn lost(&self) -> bool {
        match self.0.upgrade() {
            Some(to) => {
                to.lost();
                true
            }
            None => false,
        }
    }

    /// Returns whether the server is still there.
    pub fn is_open(&self) -> bool {
        self.0.strong_count() > 0
    }
}

impl fmt::Debug for FanoutSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FanoutSink").finish_non_exhaustive()
    }
}

/// Hears of failures.
type OnError = Arc<dyn Fn(&StoreError) + Send + Sync>;

/// What an instance of a server shares with the others, to be given to
/// [`HttpServeOptions::machines`](super::HttpServeOptions::machines).
///
/// With a store, the sessions of legacy clients go on at whatever instance is asked for them next.
/// With a fan-out, what [`Server::changed`](crate::Server::changed) and the like tell at one instance
/// is told at all of them. Modern clients need neither for their calls: the same
/// [seal](crate::Server::seal) is all that their instances have to share.
#[derive(Clone)]
#[non_exhaustive]
pub struct Machines {
    /// How long an instance keeps its sessions without a sign of life, after which others take them
    /// over. 6 s; it gives one three times as often.
    pub lease: Duration,
    /// How long the store or the fan-out may take. 2 s; what takes longer has failed, and who waits
    /// is answered with 503.
    pub timeout: Duration,
    /// How long a request waits until the instance that drives its session has let go of it, or is
    /// found to be gone. 10 s; then it is answered with 503.
    pub handover: Duration,
    /// How large a stored session may be, in bytes. 1 MiB; what is larger is stored without the
    /// events that its client may come back for.
    pub record: usize,
    pub(super) store: Option<Arc<dyn SessionStore>>,
    pub(super) fanout: Option<Arc<dyn Fanout>>,
    pub(super) on_error: Option<OnError>,
}

impl Default for Machines {
    fn default() -> Self {
        Self {
            lease: Duration::from_secs(6),
            timeout: Duration::from_secs(2),
            handover: Duration::from_secs(10),
            record: 1 << 20,
            store: None,
            fanout: None,
            on_error: None,
        }
    }
}

impl Machines {
    /// Returns what shares nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Keeps the sessions of legacy clients in this store.
    #[must_use]
    pub fn store(mut self, store: impl SessionStore) -> Self {
        self.store = Some(Arc::new(store));
        self
    }

    /// Tells the other instances of changes by this fan-out, and hears of theirs.
    #[must_use]
    pub fn fanout(mut self, fanout: impl Fanout) -> Self {
        self.fanout = Some(Arc::new(fanout));
        self
    }

    /// Has the failures of the store and the fan-out told, such as for a log. It is called on the
    /// threads that they run on.
    #[must_use]
    pub fn on_error(mut self, on_error: impl Fn(&StoreError) + Send + Sync + 'static) -> Self {
        self.on_error = Some(Arc::new(on_error));
        self
    }

    /// Sets how long an instance keeps its sessions without a sign of life.
    #[must_use]
    pub fn lease(mut self, lease: Duration) -> Self {
        self.lease = lease;
        self
    }

    /// Sets how long the store or the fan-out may take.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Sets how long a request waits for the instance that drives its session.
    #[must_use]
    pub fn handover(mut self, handover: Duration) -> Self {
        self.handover = handover;
        self
    }
}

impl fmt::Debug for Machines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Machines")
            .field("has_store", &self.store.is_some())
            .field("has_fanout", &self.fanout.is_some())
            .field("lease", &self.lease)
            .field("timeout", &self.timeout)
            .field("handover", &self.handover)
            .finish_non_exhaustive()
    }
}
