//! Which sessions wait, and for what: the ends of lists whose links stand in the sessions' own entries.
//!
//! Rules of this file: it knows places and nothing of what is there; the first has waited longest.

/// What a session that runs out of time waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Waits {
    /// Its client is to say that it is ready.
    HalfOpen,
    /// Anything is to happen.
    Idle,
}

/// Where a session is kept.
pub(super) type Place = u32;

/// A place that no session has.
pub(super) const NOWHERE: Place = Place::MAX;

/// Those that wait for something, the one first that has waited longest.
#[derive(Clone, Copy, Debug)]
pub(super) struct List {
    pub(super) first: Place,
    pub(super) last: Place,
}

/// Those that wait, by what they wait for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lists {
    half_open: List,
    idle: List,
}

impl Default for Lists {
    fn default() -> Self {
        Self::EMPTY
    }
}

impl Lists {
    pub(super) const EMPTY: Self = {
        let empty = List {
            first: NOWHERE,
            last: NOWHERE,
        };
        Self {
            half_open: empty,
            idle: empty,
        }
    };

    pub(super) const fn of(&mut self, waits: Waits) -> &mut List {
        match waits {
            Waits::HalfOpen => &mut self.half_open,
            Waits::Idle => &mut self.idle,
        }
    }

    /// The one that has waited longest.
    pub(super) fn first(&self, waits: Waits) -> Option<Place> {
        let list = match waits {
            Waits::HalfOpen => &self.half_open,
            Waits::Idle => &self.idle,
        };
        (list.first != NOWHERE).then_some(list.first)
    }
}
