//! A table of what is open, by ascending number, which knows how many bytes its entries hold. It is
//! small most of the time, often with one entry, and then costs no allocation.
//!
//! Rules of this file: an entry's number is above those of all entries before it; what an entry
//! weighs is asked when it comes and when it changes, so the sum never drifts; it doesn't depend on
//! how the entry came about, such as the capacity of its buffers, since a restored one weighs the
//! same.

use alloc::vec::Vec;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use smallvec::SmallVec;

use crate::rpc::RequestId;

use super::growth::{give_back, make_room};

/// What keeps memory for as long as it is held.
pub(crate) trait Weigh {
    /// How many bytes it holds, roughly: the texts and frames, and its own size.
    fn weight(&self) -> usize;
}

/// An id is bounded where it is read; one of digits holds about as much as it is counted.
impl Weigh for RequestId {
    fn weight(&self) -> usize {
        self.as_str().map_or(32, str::len)
    }
}

impl Weigh for Vec<u8> {
    fn weight(&self) -> usize {
        self.len()
    }
}

#[derive(Clone, Debug)]
struct Entry<T> {
    number: u64,
    weight: usize,
    value: T,
}

/// Entries in the order of their numbers, `INLINE` of them in place: one where most sessions have one,
/// none where most have none.
#[derive(Clone, Debug)]
pub(crate) struct Table<T, const INLINE: usize = 1> {
    entries: SmallVec<[Entry<T>; INLINE]>,
    held: usize,
}

impl<T, const INLINE: usize> Default for Table<T, INLINE> {
    fn default() -> Self {
        Self {
            entries: SmallVec::new(),
            held: 0,
        }
    }
}

impl<T: Weigh, const INLINE: usize> Table<T, INLINE> {
    /// Adds an entry under a number that is above all others, or replaces the one that has it.
    pub(crate) fn insert(&mut self, number: u64, value: T) {
        let weight = value.weight();
        self.held += weight;
        if self
            .entries
            .last()
            .is_some_and(|last| last.number >= number)
        {
            return self.insert_among(Entry {
                number,
                weight,
                value,
            });
        }
        make_room(&mut self.entries);
        // Written here once more, so that a value is made where it stays.
        self.entries.push(Entry {
            number,
            weight,
            value,
        });
    }

    /// Adds an entry that isn't the last, or replaces the one of its number.
    #[cold]
    fn insert_among(&mut self, entry: Entry<T>) {
        match self.search(entry.number) {
            Ok(at) => {
                let replaced = core::mem::replace(&mut self.entries[at], entry);
                self.held -= replaced.weight;
            }
            Err(at) => {
                make_room(&mut self.entries);
                self.entries.insert(at, entry);
            }
        }
    }

    /// Changes an entry in a way that may change what it holds; `None` when there is none.
    pub(crate) fn change<R>(&mut self, number: u64, change: impl FnOnce(&mut T) -> R) -> Option<R> {
        let at = self.position(number)?;
        let entry = &mut self.entries[at];
        let changed = change(&mut entry.value);
        let weight = entry.value.weight();
        self.held = self.held - entry.weight + weight;
        entry.weight = weight;
        Some(changed)
    }

    #[inline]
    pub(crate) fn remove(&mut self, number: u64) -> Option<T> {
        let at = self.position(number)?;
        let Entry { weight, value, .. } = self.entries.remove(at);
        debug_assert_eq!(weight, value.weight(), "it changed behind the sum's back");
        self.held -= weight;
        give_back(&mut self.entries);
        Some(value)
    }

    /// Drops an entry where it stands, after `last` has looked at it or taken something out of it;
    /// `None` when there is none.
    #[inline]
    pub(crate) fn discard<R>(&mut self, number: u64, last: impl FnOnce(&mut T) -> R) -> Option<R> {
        let at = self.position(number)?;
        let entry = &mut self.entries[at];
        self.held -= entry.weight;
        let taken = last(&mut entry.value);
        if at + 1 == self.entries.len() {
            self.entries.truncate(at);
        } else {
            self.entries.remove(at);
        }
        give_back(&mut self.entries);
        Some(taken)
    }
}

impl<T, const INLINE: usize> Table<T, INLINE> {
    /// What an entry takes beside its value.
    const ENTRY: usize = size_of::<Entry<T>>() - size_of::<T>();

    fn search(&self, number: u64) -> Result<usize, usize> {
        self.entries
            .binary_search_by_key(&number, |entry| entry.number)
    }

    #[inline]
    fn position(&self, number: u64) -> Option<usize> {
        match &self.entries[..] {
            [] => None,
            [only] => (only.number == number).then_some(0),
            _ => self.search(number).ok(),
        }
    }

    pub(crate) fn get(&self, number: u64) -> Option<&T> {
        self.position(number).map(|at| &self.entries[at].value)
    }

    /// An entry to change in what it doesn't hold memory for; see [`change`](Self::change).
    pub(crate) fn get_mut(&mut self, number: u64) -> Option<&mut T> {
        let at = self.position(number)?;
        Some(&mut self.entries[at].value)
    }

    /// How many bytes the entries hold.
    pub(crate) fn held(&self) -> usize {
        self.held + self.entries.len() * Self::ENTRY
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The highest number; `None` when the table is empty.
    pub(crate) fn last_number(&self) -> Option<u64> {
        self.entries.last().map(|entry| entry.number)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (u64, &T)> {
        self.entries
            .iter()
            .map(|entry| (entry.number, &entry.value))
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = (u64, &mut T)> {
        self.entries
            .iter_mut()
            .map(|entry| (entry.number, &mut entry.value))
    }

    /// The number of the first entry that `wanted` accepts.
    #[inline]
    pub(crate) fn find(&self, mut wanted: impl FnMut(&T) -> bool) -> Option<u64> {
        self.entries
            .iter()
            .find(|entry| wanted(&entry.value))
            .map(|entry| entry.number)
    }

    /// All numbers, lowest first.
    pub(crate) fn numbers(&self) -> SmallVec<[u64; 8]> {
        self.entries.iter().map(|entry| entry.number).collect()
    }
}

impl<T: Serialize, const INLINE: usize> Serialize for Table<T, INLINE> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

impl<'de, T: Weigh + Deserialize<'de>, const INLINE: usize> Deserialize<'de> for Table<T, INLINE> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let entries = SmallVec::<[(u64, T); 1]>::deserialize(deserializer)?;
        let mut table = Self::default();
        for (number, value) in entries {
            if table.last_number().is_some_and(|last| last >= number) {
                return Err(de::Error::custom("the numbers of a table don't ascend"));
            }
            table.insert(number, value);
        }
        Ok(table)
    }
}
