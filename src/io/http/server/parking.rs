//! A session that is kept in the store: what is saved of it, how it is let go of, and how it is told
//! of changes in the order of the log.
//!
//! Rules of this file: what has gone starts nothing any more; each position of the log is told once;
//! a session is put into the store by one thread at a time, so that its versions follow one another.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;

use super::cell::{Cell, State};
use super::record::Record;
use super::stored::{InStore, Mark, Snapshot};
use crate::session::Change;
use crate::time::Instant;

impl State {
    /// Whether the session has been told of this position, or will be from the log's past.
    pub(super) fn is_behind(&self, position: Option<u64>) -> bool {
        self.stored.as_ref().is_some_and(|stored| {
            let is_told = position.is_some_and(|position| position <= stored.heard);
            stored.has_gone || is_told || stored.is_catching_up && position.is_some()
        })
    }

    /// Tells the client of a change.
    pub(super) fn tell(&mut self, now: Instant, change: Change, uri: &str, position: Option<u64>) {
        if let (Some(stored), Some(position)) = (&mut self.stored, position) {
            stored.heard = position;
            self.http.advance_to(position);
        }
        let service = self.http.session();
        match change {
            Change::Resource => service.resource_updated(now, uri),
            change => service.changed(now, change),
        }
        self.http.pump(now);
    }

    /// Ends what is open so that clients come back for it elsewhere, and handlers with it.
    pub(super) fn let_go(&mut self, now: Instant) {
        if let Some(stored) = &mut self.stored
            && !stored.has_gone
        {
            stored.has_gone = true;
            self.http.release(now);
            self.http.close(now);
        }
    }
}

impl Cell {
    /// Keeps it in the store from now on.
    pub(super) fn keep(&self, stored: InStore) {
        self.lock().stored = Some(Box::new(stored));
    }

    /// Whether it is kept in the store and still this instance's.
    pub(super) fn is_kept(&self) -> bool {
        let state = self.lock();
        state.stored.as_ref().is_some_and(|stored| !stored.has_gone)
    }

    /// Whether it was taken under this generation of the lease, or is in no store.
    pub(super) fn is_sure(&self, generation: Option<u64>) -> bool {
        let state = self.lock();
        let stored = state.stored.as_ref();
        stored.is_none_or(|stored| !stored.has_gone && Some(stored.generation) == generation)
    }

    /// Whether it is kept in the store for this principal.
    pub(super) fn is_of(&self, principal: Option<&str>) -> bool {
        let state = self.lock();
        let stored = state.stored.as_ref();
        stored.is_some_and(|stored| stored.principal.as_deref() == principal)
    }

    /// It was found to be this instance's, under this generation of the lease.
    pub(super) fn confirm(&self, generation: u64) {
        if let Some(stored) = &mut self.lock().stored {
            stored.generation = generation;
        }
    }

    /// Whether it has ended.
    pub(super) fn is_over(&self) -> bool {
        let state = self.lock();
        state.stored.as_ref().is_some_and(|stored| stored.is_over)
    }

    pub(super) fn version(&self) -> Option<u64> {
        self.lock().stored.as_ref()?.version
    }

    /// It has changed in what must not be lost.
    pub(super) fn has_changed(&self) {
        if let Some(stored) = &mut self.lock().stored {
            stored.changes += 1;
        }
    }

    /// Another instance wants it. Returns whether nothing holds it here.
    pub(super) fn want(&self) -> bool {
        let mut state = self.lock();
        let is_idle = state.http.session().running() == 0;
        match &mut state.stored {
            Some(stored) if !stored.has_gone => {
                stored.is_wanted = true;
                is_idle
            }
            _ => false,
        }
    }

    pub(super) fn is_due(&self, now: Instant, refresh: Duration) -> bool {
        let state = self.lock();
        let stored = state.stored.as_ref();
        stored.is_some_and(|stored| !stored.has_gone && stored.is_due(now, refresh))
    }

    /// What is to be stored; `None` if it is another's by now, or nothing has changed that must not
    /// be lost.
    pub(super) fn snapshot(&self, driver: &str, must: bool) -> Option<Snapshot> {
        let state = self.lock();
        let stored = state.stored.as_ref()?;
        if stored.has_gone || stored.is_saved() && !must {
            return None;
        }
        let now = self.hub.now();
        let http = state.http.save(now)?;
        let (principal, driver) = (stored.principal.clone(), Some(driver.into()));
        Some(Snapshot {
            record: Record::new(principal, driver, stored.heard, http),
            version: stored.version,
            mark: stored.mark(now),
        })
    }

    /// Lets go of it and returns what is to be stored, for whoever goes on with it. `None` if it is
    /// another's already, or if `only_idle` and a handler works on it.
    pub(super) fn release(self: &Arc<Self>, only_idle: bool) -> Option<Snapshot> {
        let mut state = self.lock();
        let is_idle = state.http.session().running() == 0;
        let stored = state.stored.as_ref()?;
        if stored.has_gone || only_idle && !is_idle {
            return None;
        }
        let now = self.hub.now();
        let (principal, version) = (stored.principal.clone(), stored.version);
        let (heard, mark) = (stored.heard, stored.mark(now));
        let http = state.http.release(now)?;
        state.stored.as_mut()?.has_gone = true;
        // The handlers learn that nobody waits for them.
        state.http.close(now);
        let follow = self.follow_up(&mut state, now);
        drop(state);
        follow.carry_out(self);
        Some(Snapshot {
            record: Record::new(principal, None, heard, http),
            version,
            mark,
        })
    }

    /// Lets go of it where another instance drives it already.
    pub(super) fn let_go(self: &Arc<Self>) {
        let mut state = self.lock();
        let now = self.hub.now();
        state.let_go(now);
        let follow = self.follow_up(&mut state, now);
        drop(state);
        follow.carry_out(self);
    }

    pub(super) fn saved(&self, version: u64, mark: Mark) {
        if let Some(stored) = &mut self.lock().stored {
            stored.saved(version, mark);
        }
    }

    /// Whether it has been told of this position, or will be from the log's past.
    pub(super) fn is_behind(&self, position: Option<u64>) -> bool {
        self.lock().is_behind(position)
    }

    /// Tells it that anything may have changed up to this position, where nobody knows any more what has.
    pub(super) fn tell_all(self: &Arc<Self>, position: Option<u64>) {
        let mut state = self.lock();
        let now = self.hub.now();
        if let (Some(stored), Some(position)) = (&mut state.stored, position) {
            stored.heard = stored.heard.max(position);
            state.http.advance_to(position);
        }
        let service = state.http.session();
        for change in [Change::Tools, Change::Prompts, Change::Resources] {
            service.changed(now, change);
        }
        let watched: Vec<String> = service.session().watched().map(String::from).collect();
        for uri in watched {
            service.resource_updated(now, &uri);
        }
        state.http.pump(now);
        let follow = self.follow_up(&mut state, now);
        drop(state);
        follow.carry_out(self);
    }

    /// Tells it of a position of the log's past.
    pub(super) fn catch_up(self: &Arc<Self>, change: Option<(Change, &str)>, position: u64) {
        let mut state = self.lock();
        let Some(stored) = &mut state.stored else {
            return;
        };
        if stored.has_gone || position <= stored.heard {
            return;
        }
        stored.heard = position;
        let Some((change, uri)) = change else { return };
        let now = self.hub.now();
        state.tell(now, change, uri, Some(position));
        let follow = self.follow_up(&mut state, now);
        drop(state);
        follow.carry_out(self);
    }

    /// The position up to which it was told.
    pub(super) fn heard(&self) -> u64 {
        let state = self.lock();
        state.stored.as_ref().map_or(0, |stored| stored.heard)
    }

    /// Ends the telling from the log's past if it has come as far as its instance. `heard` is read
    /// while the session is locked, so that what comes later is told from the log's end.
    pub(super) fn has_caught_up(&self, heard: impl FnOnce() -> u64) -> bool {
        let mut state = self.lock();
        let Some(stored) = &mut state.stored else {
            return true;
        };
        let has_caught_up = stored.has_gone || heard() <= stored.heard;
        stored.is_catching_up &= !has_caught_up;
        has_caught_up
    }
}
