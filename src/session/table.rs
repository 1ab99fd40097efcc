//! A table of what is open, by ascending number. It is small most of the time, often with one
//! entry, and then costs no allocation.

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

/// Entries in the order of their numbers; a new one's number is above all others.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Table<T> {
    entries: SmallVec<[(u64, T); 1]>,
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self {
            entries: SmallVec::new(),
        }
    }
}

impl<T> Table<T> {
    fn position(&self, number: u64) -> Option<usize> {
        self.entries
            .binary_search_by_key(&number, |entry| entry.0)
            .ok()
    }

    pub(crate) fn insert(&mut self, number: u64, value: T) {
        match self.entries.binary_search_by_key(&number, |entry| entry.0) {
            Ok(at) => self.entries[at].1 = value,
            Err(at) => self.entries.insert(at, (number, value)),
        }
    }

    pub(crate) fn get(&self, number: u64) -> Option<&T> {
        self.position(number).map(|at| &self.entries[at].1)
    }

    pub(crate) fn get_mut(&mut self, number: u64) -> Option<&mut T> {
        let at = self.position(number)?;
        Some(&mut self.entries[at].1)
    }

    pub(crate) fn remove(&mut self, number: u64) -> Option<T> {
        let at = self.position(number)?;
        let (_, value) = self.entries.remove(at);
        if self.entries.is_empty() && self.entries.spilled() {
            // What a burst needed is given back once it is over.
            self.entries = SmallVec::new();
        }
        Some(value)
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (u64, &T)> {
        self.entries.iter().map(|(number, value)| (*number, value))
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = (u64, &mut T)> {
        self.entries
            .iter_mut()
            .map(|(number, value)| (*number, value))
    }

    /// The number of the first entry that `wanted` accepts.
    pub(crate) fn find(&self, mut wanted: impl FnMut(&T) -> bool) -> Option<u64> {
        self.entries
            .iter()
            .find(|(_, value)| wanted(value))
            .map(|(number, _)| *number)
    }

    /// All numbers, lowest first.
    pub(crate) fn numbers(&self) -> SmallVec<[u64; 8]> {
        self.entries.iter().map(|(number, _)| *number).collect()
    }
}
