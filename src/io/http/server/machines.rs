//! One server on many machines: sessions come from the store and go back to it, and changes are told
//! wherever they happen.
//!
//! ```text
//!  a request of a session ──▶ it is here ────────────────────────────▶ answered here
//!        │ it isn't           ▲
//!        ▼                    │ restored, and told what it has missed
//!  the store ── nobody drives it, or its driver's lease is over ──▶ taken: a put that only one wins
//!        ├───── another instance drives it ──▶ asked for, which parks it as soon as no handler runs
//!        └───── nothing ──▶ 404: the client opens another
//! ```
//!
//! Rules of this file: an instance drives a session only while its name stands in the store and its
//! lease is good; whoever loses a put has lost the session, and lets go of it; what must not be lost
//! is stored before it is acknowledged; a store that fails costs a 503, never a session.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;
use core::time::Duration;
use std::sync::PoisonError;

use bytes::Bytes;

use super::super::super::block_on::block_on;
use super::alarms::Ring;
use super::cell::{Cell, Hub};
use super::hub::{Member, Stage};
use super::record::{Message, Record, What};
use super::shared::{Keeper, Seen, Shared};
use super::store::{
    Announced, Backlog, Deliver, FanoutSink, SessionStore, StoreError, StoredValue,
};
use super::stored::{InStore, Snapshot};
use crate::http::{Caller, HttpSession};
use crate::session::Change;
use crate::time::Instant;

/// How much longer a session stands in the store than it may be idle, so that it is its driver that
/// ends it.
const SLACK: Duration = Duration::from_secs(60);

/// What has come of an attempt to take a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Taken {
    /// It is here.
    Here,
    /// There is none, or it is somebody else's.
    None,
    /// Another instance drives it, or another request is taking it.
    Driven,
    /// It was in the store, and there is no room for it here.
    NoRoom,
}

fn key_of(id: &str) -> String {
    alloc::format!("session/{id}")
}

fn lease_of(instance: &str) -> String {
    alloc::format!("instance/{instance}")
}

/// Begins to share.
pub(super) fn begin(hub: &Arc<Hub>) {
    let Some(shared) = &hub.shared else {
        return;
    };
    let weak: Weak<Hub> = Arc::downgrade(hub);
    shared.keep_by(weak.clone());
    let beat: Arc<dyn Ring> = Arc::new(Beat(weak));
    Arc::clone(&beat).ring();
    // It is set once.
    let _ = shared.beat.set(beat);
}

/// Keeps the lease, and sessions in the store up to date.
struct Beat(Weak<Hub>);

impl Ring for Beat {
    fn ring(self: Arc<Self>) {
        let Some(hub) = self.0.upgrade() else {
            return;
        };
        let Some(shared) = &hub.shared else {
            return;
        };
        let every = (shared.machines.lease / 3).max(Duration::from_millis(10));
        let ring: Weak<Self> = Arc::downgrade(&self);
        hub.alarms.set(hub.now() + every, ring);
        let weak = self.0.clone();
        shared.beat(move || match weak.upgrade() {
            Some(hub) if hub.stage() != Stage::Over => hub.beat(),
            _ => Ok(()),
        });
    }
}

impl Hub {
    fn shared(&self) -> Result<&Arc<Shared>, StoreError> {
        let shared = self.shared.as_ref();
        shared.ok_or_else(|| StoreError::new("nothing is shared"))
    }

    fn store(&self) -> Result<Arc<dyn SessionStore>, StoreError> {
        let store = self.shared()?.store();
        store.ok_or_else(|| StoreError::new("there is no store"))
    }

    /// How long a session stays in the store.
    fn ttl(&self) -> Duration {
        self.options.limits.idle.saturating_add(SLACK)
    }

    /// Renews the lease, and stores what has been away from the store for long.
    fn beat(self: &Arc<Self>) -> Result<(), StoreError> {
        self.listen()?;
        self.shared()?.make_up_later();
        if self.shared()?.store().is_none() {
            return Ok(());
        }
        self.renew()?;
        self.remove_left_over()?;
        let (now, refresh) = (self.now(), self.ttl() / 3);
        for cell in self.cells(|_| false) {
            if cell.is_due(now, refresh) {
                self.save_later(&cell);
            }
        }
        Ok(())
    }

    /// Renews the lease.
    fn renew(&self) -> Result<(), StoreError> {
        let (shared, store) = (self.shared()?, self.store()?);
        let (key, lease) = (lease_of(&shared.name), shared.machines.lease);
        let version = shared.lease.lock();
        let mut version = version.unwrap_or_else(PoisonError::into_inner);
        let put = |expected| block_on(store.put(&key, Bytes::from_static(b"1"), expected, lease));
        // It counts from before the store was asked, which can only be too early.
        let asked = self.now();
        let mut renewed = put(*version)?;
        let is_fresh = version.is_none() || renewed.is_none();
        if renewed.is_none() {
            renewed = put(None)?;
        }
        let why = "another instance has the name of this one";
        *version = Some(renewed.ok_or_else(|| StoreError::new(why))?);
        shared.renewed(asked + lease, is_fresh);
        Ok(())
    }

    /// Removes the records of sessions that ended while the store failed.
    fn remove_left_over(&self) -> Result<(), StoreError> {
        let (shared, store) = (self.shared()?, self.store()?);
        for (id, version) in shared.left_over() {
            block_on(store.remove(&key_of(&id), version))?;
            shared.is_removed(&id);
        }
        Ok(())
    }

    /// Begins to hear of what the others tell.
    fn listen(self: &Arc<Self>) -> Result<(), StoreError> {
        let shared = self.shared()?;
        let Some(fanout) = shared.fanout() else {
            return Ok(());
        };
        let starting = shared.starting.lock();
        let _starting = starting.unwrap_or_else(PoisonError::into_inner);
        if shared.lock_inbox().is_started {
            return Ok(());
        }
        let to: Weak<Self> = Arc::downgrade(self);
        let position = block_on(fanout.start(FanoutSink::new(to)))?;
        let mut inbox = shared.lock_inbox();
        inbox.is_started = true;
        inbox.heard = inbox.heard.max(position);
        Ok(())
    }

    /// Returns the generation of the lease, once there is one and the others are heard.
    fn ready(self: &Arc<Self>) -> Result<u64, StoreError> {
        let shared = self.shared()?;
        self.listen()?;
        if shared.generation(self.now()).is_none() {
            self.renew()?;
        }
        let generation = shared.generation(self.now());
        generation.ok_or_else(|| StoreError::new("the lease is over before it was there"))
    }

    /// Whether a session that is here, and surely this instance's, is the caller's; `None` when it
    /// isn't here.
    pub(super) fn has(&self, id: &str, caller: Caller<'_>) -> Option<bool> {
        let generation = self.shared.as_ref()?.generation(self.now());
        let cell = self.find(id)?;
        cell.is_sure(generation)
            .then(|| cell.is_of(caller.principal()))
    }

    /// Stores a session that has just been opened.
    pub(super) fn keep_new(
        self: &Arc<Self>,
        cell: &Arc<Cell>,
        principal: Option<&str>,
    ) -> Result<(), StoreError> {
        let generation = self.ready()?;
        let heard = self.shared()?.heard();
        cell.keep(InStore::new(principal, generation, heard));
        cell.has_changed();
        self.save(cell, false)
    }

    /// Stores a session, if something has changed that must not be lost or it `must` be.
    ///
    /// Returns an error as well if it isn't this instance's any more, and lets go of it then.
    pub(super) fn save(&self, cell: &Arc<Cell>, must: bool) -> Result<(), StoreError> {
        let saving = cell.saving.lock();
        let _saving = saving.unwrap_or_else(PoisonError::into_inner);
        let shared = self.shared()?;
        match cell.snapshot(&shared.name, must) {
            Some(snapshot) => self.put(cell, snapshot),
            None if cell.is_kept() => Ok(()),
            None => Err(StoreError::new("the session has moved")),
        }
    }

    fn put(&self, cell: &Arc<Cell>, mut snapshot: Snapshot) -> Result<(), StoreError> {
        let (shared, store) = (self.shared()?, self.store()?);
        let key = key_of(snapshot.record.http.id());
        let value = snapshot.record.write(shared.machines.record);
        let value = value.ok_or_else(|| StoreError::new("the session is too large"))?;
        match block_on(store.put(&key, value, snapshot.version, self.ttl()))? {
            Some(version) => {
                cell.saved(version, snapshot.mark);
                // It has ended while it was on its way.
                if cell.is_over() {
                    let removed = block_on(store.remove(&key, version));
                    if let (Err(_), Some(id)) = (&removed, &cell.id) {
                        shared.leave_over(id, version);
                    }
                    return removed;
                }
                Ok(())
            }
            None => {
                self.lose(cell);
                Err(StoreError::new("the session has moved"))
            }
        }
    }

    /// Lets go of a session that is another's.
    fn lose(&self, cell: &Arc<Cell>) {
        if let Some(id) = &cell.id {
            self.take_out(id, cell);
        }
        cell.let_go();
    }

    fn save_later(self: &Arc<Self>, cell: &Arc<Cell>) {
        let Some(shared) = &self.shared else { return };
        let (hub, cell) = (Arc::downgrade(self), Arc::downgrade(cell));
        let job = move || match (hub.upgrade(), cell.upgrade()) {
            // What has moved meanwhile is no failure.
            (Some(hub), Some(cell)) if cell.is_kept() => hub.save(&cell, true),
            _ => Ok(()),
        };
        shared.submit(job, drop);
    }

    /// Lets go of a session, for another instance to go on with.
    fn park_now(&self, cell: &Arc<Cell>, only_idle: bool) -> Result<(), StoreError> {
        let Some(id) = &cell.id else {
            return Ok(());
        };
        // What is being taken here isn't to be let go of meanwhile; whoever wants it asks again.
        let Some(_taking) = self.shared()?.taking(id) else {
            return Ok(());
        };
        let saving = cell.saving.lock();
        let _saving = saving.unwrap_or_else(PoisonError::into_inner);
        let Some(snapshot) = cell.release(only_idle) else {
            return Ok(());
        };
        self.take_out(id, cell);
        self.put(cell, snapshot)
    }

    /// Parks every session, for the end of this instance, and gives its lease back.
    pub(super) async fn park_all(self: &Arc<Self>) {
        let Some(shared) = &self.shared else { return };
        if shared.store().is_none() {
            return;
        }
        let mut parked = Vec::new();
        for cell in self.cells(|_| false) {
            if cell.is_kept() {
                let hub = Arc::clone(self);
                let job = move || hub.park_now(&cell, false);
                parked.push(Box::pin(shared.run(job)));
            }
        }
        // All of them wait for the same threads at once.
        super::join::all(parked).await;
        let hub = Arc::clone(self);
        // Without it the lease ends by itself.
        let _ = shared.run(move || hub.give_lease_back()).await;
    }

    fn give_lease_back(&self) -> Result<(), StoreError> {
        let (shared, store) = (self.shared()?, self.store()?);
        let version = shared.lease.lock();
        let version = *version.unwrap_or_else(PoisonError::into_inner);
        match version {
            Some(version) => block_on(store.remove(&lease_of(&shared.name), version)),
            None => Ok(()),
        }
    }

    /// Tries to get a session here. `asks` has its driver asked for it.
    pub(super) fn take(
        self: &Arc<Self>,
        id: &str,
        caller: Caller<'_>,
        asks: bool,
    ) -> Result<Taken, StoreError> {
        let (shared, store) = (self.shared()?, self.store()?);
        let generation = self.ready()?;
        let Some(_taking) = shared.taking(id) else {
            return Ok(Taken::Driven);
        };
        if self.has(id, caller).is_some() {
            return Ok(Taken::Here);
        }
        if shared.is_left_over(id) {
            return Ok(Taken::None);
        }
        let key = key_of(id);
        let stored = block_on(store.get(&key))?;
        if let Some(cell) = self.find(id) {
            // Its lease has run out in between: it may be another's.
            let version = stored.as_ref().map(|stored| stored.version);
            if cell.is_kept() && version.is_some() && cell.version() == version {
                cell.confirm(generation);
                return Ok(Taken::Here);
            }
            self.lose(&cell);
        }
        let Some(stored) = stored else {
            return Ok(Taken::None);
        };
        let Some(record) = self.readable(&stored) else {
            return Ok(Taken::None);
        };
        if record.principal.as_deref() != caller.principal() {
            return Ok(Taken::None);
        }
        if let Some(driver) = &record.driver
            && **driver != *shared.name
            && block_on(store.get(&lease_of(driver)))?.is_some()
        {
            if asks {
                shared.ask_for(id);
            }
            return Ok(Taken::Driven);
        }
        self.claim(id, caller, generation, record, stored.version)
    }

    fn readable(&self, stored: &StoredValue) -> Option<Record> {
        let longest = self.shared.as_ref()?.machines.record;
        let is_short = stored.value.len() <= longest;
        Record::read(&stored.value).filter(|_| is_short)
    }

    /// Takes a session that nobody drives.
    fn claim(
        self: &Arc<Self>,
        id: &str,
        caller: Caller<'_>,
        generation: u64,
        mut record: Record,
        version: u64,
    ) -> Result<Taken, StoreError> {
        let (shared, store) = (self.shared()?, self.store()?);
        let is_lost = record.driver.replace(shared.name.clone()).is_some();
        let value = record.write(shared.machines.record);
        let value = value.ok_or_else(|| StoreError::new("the session is too large"))?;
        let claimed = block_on(store.put(&key_of(id), value, Some(version), self.ttl()))?;
        let Some(version) = claimed else {
            return Ok(Taken::Driven);
        };
        let mut stored = InStore::new(caller.principal(), generation, record.heard);
        stored.is_catching_up = shared.fanout().is_some();
        let Some(cell) = self.restored(id, caller, record, is_lost) else {
            block_on(store.remove(&key_of(id), version))?;
            return Ok(Taken::None);
        };
        let mark = stored.mark(self.now());
        stored.saved(version, mark);
        cell.keep(stored);
        // What it has missed comes before it is there for anybody, as far as that is known.
        let caught_up = self.read_log(&cell);
        if caught_up.is_err() || self.insert(id.into(), caller, &cell).is_err() {
            if let Some(snapshot) = cell.release(false) {
                self.put(&cell, snapshot)?;
            }
            caught_up?;
            return Ok(Taken::NoRoom);
        }
        while !cell.has_caught_up(|| shared.heard()) {
            if let Err(error) = self.read_log(&cell) {
                self.lose(&cell);
                return Err(error);
            }
        }
        Ok(Taken::Here)
    }

    /// The session of a record; `None` if this version can't go on with it.
    fn restored(
        self: &Arc<Self>,
        id: &str,
        caller: Caller<'_>,
        record: Record,
        is_lost: bool,
    ) -> Option<Arc<Cell>> {
        let now = self.now();
        let service = self.server.service();
        let mut service = match caller.principal() {
            Some(name) => service.principal(name),
            None => service,
        };
        let streams = Arc::clone(&self.streams);
        let restored = HttpSession::restore(record.http, streams, now, move |saved| {
            service.restore(saved, now, is_lost)?;
            Ok(service)
        });
        let mut http = restored.ok()?;
        if is_lost {
            http.recover();
        }
        http.pump(now);
        Some(Cell::new(self, http, Some(id.into()), true))
    }

    /// Tells the clients of this instance that anything may have changed, up to this position of the log.
    fn tell_all(&self, position: Option<u64>) {
        for cell in self.cells(Member::listens) {
            if !cell.is_behind(position) {
                cell.tell_all(position);
            }
        }
    }

    /// Tells a session what the log has had since it was told last.
    fn read_log(&self, cell: &Arc<Cell>) -> Result<(), StoreError> {
        let shared = self.shared()?;
        let Some(fanout) = shared.fanout() else {
            return Ok(());
        };
        let mut seen = Seen::default();
        loop {
            let Backlog {
                announced,
                is_whole,
            } = block_on(fanout.after(cell.heard()))?;
            let first = announced.first().map(|first| first.position);
            if !is_whole {
                let missed = first.map(|first| first.saturating_sub(1));
                cell.tell_all(Some(missed.unwrap_or_else(|| shared.heard())));
            }
            if first.is_none() {
                return Ok(());
            }
            let before = cell.heard();
            for Announced { position, message } in &announced {
                let message = Message::read(message);
                let message = message.filter(|message| seen.is_new(&message.from, message.number));
                if let Some(What::Anything) = message.as_ref().map(|message| &message.what) {
                    cell.tell_all(Some(*position));
                }
                let change = message.as_ref().and_then(|message| message.what.change());
                cell.catch_up(change, *position);
            }
            // A log that goes round in a circle has no end.
            if cell.heard() <= before {
                return Ok(());
            }
        }
    }
}

impl Deliver for Hub {
    fn deliver(self: Arc<Self>, announced: &Announced) {
        let Some(shared) = &self.shared else { return };
        let delivering = shared.delivering.lock();
        let _delivering = delivering.unwrap_or_else(PoisonError::into_inner);
        let position = announced.position;
        let mut inbox = shared.lock_inbox();
        if position <= inbox.heard {
            return;
        }
        inbox.heard = position;
        drop(inbox);
        let Some(message) = Message::read(&announced.message) else {
            return;
        };
        if !shared.is_new(&message.from, message.number) {
            return;
        }
        if let Some((change, uri)) = message.what.change() {
            self.tell(change, uri, Some(position));
        } else if let What::Anything = message.what {
            // Clients of the sender were told of it all.
            if *message.from != *shared.name {
                self.tell_all(Some(position));
            }
        } else if let What::Wanted(id) = &message.what
            && *message.from != *shared.name
            && let Some(cell) = self.find(id)
            && cell.want()
        {
            Keeper::park(Arc::clone(&self), id);
        }
    }

    fn lost(self: Arc<Self>) {
        let Some(shared) = &self.shared else { return };
        let delivering = shared.delivering.lock();
        let _delivering = delivering.unwrap_or_else(PoisonError::into_inner);
        self.tell_all(None);
    }
}

impl Keeper for Hub {
    fn park(self: Arc<Self>, id: &str) {
        let (Some(shared), Some(cell)) = (&self.shared, self.find(id)) else {
            return;
        };
        let hub = Arc::downgrade(&self);
        let job = move || match hub.upgrade() {
            Some(hub) => hub.park_now(&cell, true),
            None => Ok(()),
        };
        shared.submit(job, drop);
    }

    fn forget(self: Arc<Self>, id: &str, version: Option<u64>) {
        let (Some(shared), Some(version)) = (&self.shared, version) else {
            return;
        };
        let Some(store) = shared.store() else { return };
        let key = key_of(id);
        // Until it is gone, nobody here takes it for one that nobody drives.
        let taking = shared.taking(id);
        let job = move || {
            let _taking = taking;
            block_on(store.remove(&key, version))
        };
        let (weak, id): (_, Box<str>) = (Arc::downgrade(shared), id.into());
        shared.submit(job, move |removed| {
            if let (Err(_), Some(shared)) = (removed, weak.upgrade()) {
                shared.leave_over(&id, version);
            }
        });
    }

    fn tell(&self, change: Change, uri: &str) {
        Self::tell(self, change, uri, None);
    }
}

/// Until when a request waits for a session.
pub(super) struct Wait {
    until: Instant,
    pause: Duration,
    attempts: u32,
}

impl Wait {
    pub(super) fn new(until: Instant) -> Self {
        Self {
            until,
            pause: Duration::from_millis(5),
            attempts: 0,
        }
    }

    /// Whether the driver is asked this time: at first, and then now and again, as it may be new.
    pub(super) fn asks(&mut self) -> bool {
        self.attempts += 1;
        self.attempts % 8 == 1
    }

    /// When to try again; `None` when it has taken too long.
    pub(super) fn next(&mut self, now: Instant) -> Option<Instant> {
        let at = now + self.pause;
        self.pause = (self.pause * 2).min(Duration::from_millis(200));
        (at <= self.until).then_some(at)
    }
}
