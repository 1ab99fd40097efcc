//! The sessions of an endpoint, and which of them run out of time first: over all, and of each caller.
//!
//! Rules of this file: a session that waits stands in two lists, that of all sessions which wait for
//! the same and that of its caller's; the times in a list ascend, since nothing is entered before what
//! came last; each step takes the same time, however many sessions there are.

use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::time::Instant;

use super::callers::Who;
use super::lists::{List, Lists, NOWHERE, Place, Waits};
use super::status::SessionStatus;

/// Which of its two lists a session is looked at in.
#[derive(Clone, Copy)]
enum Among {
    All,
    Own,
}

/// The neighbours in a list.
#[derive(Clone, Copy)]
struct Link {
    before: Place,
    after: Place,
}

pub(super) struct Entry<H> {
    pub(super) handle: H,
    pub(super) who: Who,
    pub(super) id: Arc<str>,
    pub(super) since: Instant,
    status: SessionStatus,
    all: Link,
    own: Link,
}

impl<H> Entry<H> {
    const fn waits(&self) -> Option<Waits> {
        match self.status {
            SessionStatus::HalfOpen => Some(Waits::HalfOpen),
            SessionStatus::Idle => Some(Waits::Idle),
            SessionStatus::Busy | SessionStatus::Closed => None,
        }
    }

    const fn link(&mut self, among: Among) -> &mut Link {
        match among {
            Among::All => &mut self.all,
            Among::Own => &mut self.own,
        }
    }
}

/// The sessions, by their places.
pub(super) struct Slots<H> {
    slots: Vec<Option<Entry<H>>>,
    /// The places that are free again.
    free: Vec<Place>,
    all: Lists,
    half_open: usize,
    /// The latest time that a session waits since.
    latest: Instant,
}

impl<H> Slots<H> {
    pub(super) const fn new() -> Self {
        Self {
            slots: Vec::new(),
            free: Vec::new(),
            all: Lists::EMPTY,
            half_open: 0,
            latest: Instant::ZERO,
        }
    }

    pub(super) fn get(&self, place: Place) -> Option<&Entry<H>> {
        self.slots.get(index(place))?.as_ref()
    }

    fn get_mut(&mut self, place: Place) -> Option<&mut Entry<H>> {
        self.slots.get_mut(index(place))?.as_mut()
    }

    /// Keeps a session that waits for its client from now on. Returns its place; `None` if there are
    /// as many as can be told apart.
    pub(super) fn insert(
        &mut self,
        now: Instant,
        handle: H,
        who: Who,
        id: Arc<str>,
        own: &mut Lists,
    ) -> Option<Place> {
        let nowhere = Link {
            before: NOWHERE,
            after: NOWHERE,
        };
        let place = match self.free.pop() {
            Some(place) => place,
            None => {
                let next = Place::try_from(self.slots.len()).ok();
                let next = next.filter(|next| *next != NOWHERE)?;
                if self.slots.len() == self.slots.capacity() {
                    // Doubling would leave half of it empty.
                    self.slots.reserve_exact(self.slots.len() / 8 + 8);
                }
                self.slots.push(None);
                next
            }
        };
        *self.slots.get_mut(index(place))? = Some(Entry {
            handle,
            who,
            id,
            since: now,
            status: SessionStatus::HalfOpen,
            all: nowhere,
            own: nowhere,
        });
        self.wait(now, place, own);
        Some(place)
    }

    pub(super) fn remove(&mut self, place: Place, own: &mut Lists) -> Option<Entry<H>> {
        self.wait_no_more(place, own);
        let entry = self.slots.get_mut(index(place))?.take()?;
        self.free.push(place);
        if self.free.len() == self.slots.len() {
            (self.slots, self.free) = (Vec::new(), Vec::new());
        }
        Some(entry)
    }

    /// Notes how far a session has come.
    pub(super) fn note(
        &mut self,
        now: Instant,
        place: Place,
        status: SessionStatus,
        own: &mut Lists,
    ) {
        let was = self.get(place).map(|entry| entry.status);
        // A client that stays half open gets no more time by talking.
        if status == SessionStatus::HalfOpen && was == Some(status) {
            return;
        }
        self.wait_no_more(place, own);
        if let Some(entry) = self.get_mut(place) {
            entry.status = status;
        }
        self.wait(now, place, own);
    }

    /// How many sessions are half open.
    pub(super) const fn half_open(&self) -> usize {
        self.half_open
    }

    /// The session that has waited longest.
    pub(super) fn oldest(&self, waits: Waits) -> Option<&Entry<H>> {
        self.get(self.all.first(waits)?)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Entry<H>> {
        self.slots.iter().flatten()
    }

    /// Enters a session into the lists of what it waits for, at their ends.
    fn wait(&mut self, now: Instant, place: Place, own: &mut Lists) {
        // What was looked up a moment ago, under another lock, may come a moment late.
        self.latest = self.latest.max(now);
        let latest = self.latest;
        let Some(entry) = self.get_mut(place) else {
            return;
        };
        entry.since = latest;
        let Some(waits) = entry.waits() else { return };
        self.half_open += usize::from(waits == Waits::HalfOpen);
        let mut all = self.all;
        self.append(place, all.of(waits), Among::All);
        self.all = all;
        self.append(place, own.of(waits), Among::Own);
    }

    /// Takes a session out of the lists that it stands in.
    fn wait_no_more(&mut self, place: Place, own: &mut Lists) {
        let Some(waits) = self.get(place).and_then(Entry::waits) else {
            return;
        };
        self.half_open -= usize::from(waits == Waits::HalfOpen);
        let mut all = self.all;
        self.take_out(place, all.of(waits), Among::All);
        self.all = all;
        self.take_out(place, own.of(waits), Among::Own);
    }

    fn append(&mut self, place: Place, list: &mut List, among: Among) {
        let last = core::mem::replace(&mut list.last, place);
        match self.get_mut(last) {
            Some(last) => last.link(among).after = place,
            None => list.first = place,
        }
        if let Some(entry) = self.get_mut(place) {
            *entry.link(among) = Link {
                before: last,
                after: NOWHERE,
            };
        }
    }

    fn take_out(&mut self, place: Place, list: &mut List, among: Among) {
        let Some(entry) = self.get_mut(place) else {
            return;
        };
        let Link { before, after } = *entry.link(among);
        match self.get_mut(before) {
            Some(before) => before.link(among).after = after,
            None => list.first = after,
        }
        match self.get_mut(after) {
            Some(after) => after.link(among).before = before,
            None => list.last = before,
        }
    }
}

const fn index(place: Place) -> usize {
    place as usize
}
