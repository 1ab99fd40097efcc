//! What machines share, in memory: a store and a log that do what a test tells them to.

use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use mcp_proto::Server;
use mcp_proto::io::http::{
    Announced, Backlog, Fanout, FanoutSink, HttpServeOptions, HttpService, Machines, SessionStore,
    StoreError, StoreFuture, StoredValue,
};
use mcp_proto::server::Async;

use super::client::{Answer, Sent, Session, wait};
use super::server::{Stage, serve};

/// How a store behaves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mood {
    #[default]
    Well,
    Failing,
    /// It answers once it is well again.
    Stuck,
    Panicking,
}

#[derive(Default)]
struct State {
    values: BTreeMap<String, StoredValue>,
    versions: u64,
    mood: Mood,
}

/// A store that several services share.
#[derive(Clone, Default)]
pub struct MemoryStore(Arc<(Mutex<State>, Condvar)>);

impl MemoryStore {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn be(&self, mood: Mood) {
        self.lock().mood = mood;
        self.0.1.notify_all();
    }

    /// The keys that begin so.
    pub fn keys(&self, prefix: &str) -> Vec<String> {
        let state = self.lock();
        let keys = state.values.keys().filter(|key| key.starts_with(prefix));
        keys.cloned().collect()
    }

    /// Lets the time of the values pass whose keys begin so.
    pub fn expire(&self, prefix: &str) {
        let mut state = self.lock();
        state.values.retain(|key, _| !key.starts_with(prefix));
    }

    /// Changes a value behind its owner's back.
    pub fn change(&self, key: &str, change: impl FnOnce(&mut Vec<u8>)) {
        let mut state = self.lock();
        state.versions += 1;
        let version = state.versions;
        let stored = state.values.get_mut(key).expect("it is there");
        let mut value = stored.value.to_vec();
        change(&mut value);
        *stored = StoredValue::new(version, value);
    }

    /// How often something was put.
    pub fn versions(&self) -> u64 {
        self.lock().versions
    }

    pub fn value(&self, key: &str) -> Option<Bytes> {
        let state = self.lock();
        state.values.get(key).map(|stored| stored.value.clone())
    }

    fn act<T>(&self, act: impl FnOnce(&mut State) -> T) -> Result<T, StoreError> {
        let mut state = self.lock();
        loop {
            match state.mood {
                Mood::Well => return Ok(act(&mut state)),
                Mood::Failing => return Err(StoreError::new("the store is down")),
                Mood::Stuck => {
                    let waited = self.0.1.wait(state);
                    state = waited.unwrap_or_else(PoisonError::into_inner);
                }
                Mood::Panicking => {
                    drop(state);
                    panic!("the store's own fault");
                }
            }
        }
    }
}

impl SessionStore for MemoryStore {
    fn get<'a>(&'a self, key: &'a str) -> StoreFuture<'a, Option<StoredValue>> {
        Box::pin(async move { self.act(|state| state.values.get(key).cloned()) })
    }

    fn put<'a>(
        &'a self,
        key: &'a str,
        value: Bytes,
        expected: Option<u64>,
        _: Duration,
    ) -> StoreFuture<'a, Option<u64>> {
        Box::pin(async move {
            self.act(|state| {
                if state.values.get(key).map(|stored| stored.version) != expected {
                    return None;
                }
                state.versions += 1;
                let stored = StoredValue::new(state.versions, value);
                state.values.insert(key.into(), stored);
                Some(state.versions)
            })
        })
    }

    fn remove<'a>(&'a self, key: &'a str, expected: u64) -> StoreFuture<'a, ()> {
        Box::pin(async move {
            self.act(|state| {
                if state.values.get(key).map(|stored| stored.version) == Some(expected) {
                    state.values.remove(key);
                }
            })
        })
    }
}

#[derive(Default)]
struct LogState {
    entries: Vec<Announced>,
    /// How many of the first ones aren't kept any more.
    dropped: usize,
    sinks: Vec<FanoutSink>,
    is_failing: bool,
    is_stuck: bool,
    is_twice: bool,
    loses_receipts: bool,
}

/// A log that several services share.
#[derive(Clone, Default)]
pub struct MemoryLog(Arc<(Mutex<LogState>, Condvar)>);

impl MemoryLog {
    fn lock(&self) -> MutexGuard<'_, LogState> {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn fail(&self, is_failing: bool) {
        self.lock().is_failing = is_failing;
    }

    /// Has whoever appends a message wait until it isn't stuck any more.
    pub fn stick(&self, is_stuck: bool) {
        self.lock().is_stuck = is_stuck;
        self.0.1.notify_all();
    }

    /// Has each message stand in the log, and be told so, while its sender hears of a failure.
    pub fn lose_receipts(&self, loses_receipts: bool) {
        self.lock().loses_receipts = loses_receipts;
    }

    /// Tells those that read it that it has lost what they had not read.
    pub fn lose(&self) {
        let sinks = self.lock().sinks.clone();
        sinks.iter().for_each(|sink| {
            sink.lost();
        });
    }

    /// Has each message stand in the log twice, as after a receipt that was lost.
    pub fn twice(&self) {
        self.lock().is_twice = true;
    }

    /// Forgets all that stands in it by now.
    pub fn forget(&self) {
        let mut log = self.lock();
        log.dropped = log.entries.len();
    }

    pub fn len(&self) -> usize {
        self.lock().entries.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Delivers everything once more.
    pub fn deliver_again(&self) {
        let (entries, sinks) = {
            let log = self.lock();
            (log.entries.clone(), log.sinks.clone())
        };
        for entry in &entries {
            sinks.iter().for_each(|sink| {
                sink.deliver(entry);
            });
        }
    }
}

impl Fanout for MemoryLog {
    fn publish(&self, message: Bytes) -> StoreFuture<'_, ()> {
        Box::pin(async move {
            let stuck = |log: &mut LogState| log.is_stuck;
            let log = self.0.1.wait_while(self.lock(), stuck);
            let mut log = log.unwrap_or_else(PoisonError::into_inner);
            if log.is_failing {
                return Err(StoreError::new("the log is down"));
            }
            let mut fresh = Vec::new();
            for _ in 0..1 + usize::from(log.is_twice) {
                let position = log.entries.len() as u64 + 1;
                fresh.push(Announced::new(position, message.clone()));
                log.entries.extend(fresh.last().cloned());
            }
            let mut sinks = std::mem::take(&mut log.sinks);
            // Whoever delivers holds no lock that a reader of the log needs.
            drop(log);
            for entry in &fresh {
                sinks.retain(|sink| sink.deliver(entry));
            }
            let mut log = self.lock();
            log.sinks.append(&mut sinks);
            match log.loses_receipts {
                true => Err(StoreError::new("the receipt is lost")),
                false => Ok(()),
            }
        })
    }

    fn start(&self, sink: FanoutSink) -> StoreFuture<'_, u64> {
        Box::pin(async move {
            let mut log = self.lock();
            if log.is_failing {
                return Err(StoreError::new("the log is down"));
            }
            log.sinks.push(sink);
            Ok(log.entries.len() as u64)
        })
    }

    fn after(&self, position: u64) -> StoreFuture<'_, Backlog> {
        Box::pin(async move {
            let log = self.lock();
            let from = log.dropped.max(position as usize);
            let entries = log.entries.iter().skip(from).take(2).cloned();
            Ok(Backlog::new(
                entries.collect(),
                log.dropped <= position as usize,
            ))
        })
    }
}

/// A server on several machines.
#[derive(Clone, Default)]
pub struct Shared {
    pub store: MemoryStore,
    pub log: MemoryLog,
}

/// One of them.
pub struct Machine {
    pub service: HttpService,
    pub server: Server<Async>,
    pub stage: Stage,
}

impl Machine {
    pub fn sent(&self, sent: Sent) -> Answer {
        sent.to(&self.service)
    }

    pub fn open(&self) -> Session {
        Session::open(&self.service)
    }

    /// Tells of a change, and returns once it stands in the log.
    pub fn change(&self, uri: &str) {
        self.server.resource_updated(uri);
        wait(self.service.announced());
    }

    /// Ends it as a machine ends that loses its power.
    pub fn dies(self, shared: &Shared) {
        let before = shared.store.keys("session/");
        drop(self.service);
        assert_eq!(shared.store.keys("session/"), before);
        shared.store.expire("instance/");
    }
}

/// So long no lease runs out by itself.
const LONG: Duration = Duration::from_secs(600);

impl Shared {
    pub fn machines(&self) -> Machines {
        let machines = Machines::new().store(self.store.clone());
        machines
            .fanout(self.log.clone())
            .lease(LONG)
            .timeout(LONG)
            .handover(LONG)
    }

    pub fn machine(&self) -> Machine {
        self.machine_with(self.machines())
    }

    pub fn machine_with(&self, machines: Machines) -> Machine {
        let mut options = HttpServeOptions::default().machines(machines);
        options.streams.patience = Duration::from_millis(5);
        options.streams.retry = Duration::from_millis(1);
        Self::machine_of(options)
    }

    pub fn machine_of(options: HttpServeOptions) -> Machine {
        let (service, server, stage) = serve(options);
        Machine {
            service,
            server,
            stage,
        }
    }
}
