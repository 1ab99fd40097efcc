//! The sessions of an endpoint that run out of time, by how long they have: over all, and for each
//! caller.

use alloc::collections::BTreeMap;
use alloc::sync::Arc;

use crate::time::Instant;

use super::callers::Who;

/// What a session that runs out of time waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Waits {
    /// Its client is to say that it is ready.
    HalfOpen,
    /// Anything is to happen.
    Idle,
}

/// A session's place among those that wait: for what, since when, and its number.
pub(super) type Age = (Waits, Instant, u64);

/// The ids of the sessions that wait.
#[derive(Debug, Default)]
pub(super) struct Ages {
    all: BTreeMap<Age, Arc<str>>,
    /// The same for each caller.
    own: BTreeMap<(Who, Age), Arc<str>>,
    half_open: usize,
}

impl Ages {
    pub(super) fn insert(&mut self, who: &Who, age: Age, id: Arc<str>) {
        self.half_open += usize::from(age.0 == Waits::HalfOpen);
        self.own.insert((who.clone(), age), id.clone());
        self.all.insert(age, id);
    }

    pub(super) fn remove(&mut self, who: &Who, age: Age) {
        if self.all.remove(&age).is_some() {
            self.own.remove(&(who.clone(), age));
            self.half_open -= usize::from(age.0 == Waits::HalfOpen);
        }
    }

    /// How many sessions are half open.
    pub(super) const fn half_open(&self) -> usize {
        self.half_open
    }

    /// The session that has waited longest, and since when.
    pub(super) fn oldest(&self, waits: Waits) -> Option<(Instant, &Arc<str>)> {
        let (first, last) = ((waits, Instant::ZERO, 0), (waits, Instant::MAX, u64::MAX));
        let (age, id) = self.all.range(first..=last).next()?;
        Some((age.1, id))
    }

    /// The session of this caller that has waited longest.
    pub(super) fn oldest_of(&self, who: &Who, waits: Waits) -> Option<&Arc<str>> {
        let first = (who.clone(), (waits, Instant::ZERO, 0));
        let last = (who.clone(), (waits, Instant::MAX, u64::MAX));
        self.own.range(first..=last).next().map(|(_, id)| id)
    }
}
