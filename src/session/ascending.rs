//! Numbers by ascending keys, for tables that have grown: which place an entry has, and which request
//! an id belongs to.
//!
//! Rules of this file: keys are added in ascending order as a rule; one that ends leaves a gap, and
//! gaps are closed together once they are two thirds of all, so that an end costs the same however
//! many there are; the last one is never a gap. While keys are dense none has to be searched for.

#![expect(
    clippy::arithmetic_side_effects,
    reason = "`gaps` is the number of those entries that are gaps, and places are below their number"
)]

use smallvec::SmallVec;

use super::growth::{give_back, make_room};

/// The value of a gap.
const GAP: u64 = u64::MAX;

/// A map of ascending keys.
#[derive(Clone, Debug, Default)]
pub(super) struct Ascending {
    entries: SmallVec<[(u64, u64); 0]>,
    /// How many of them are gaps.
    gaps: usize,
}

impl Ascending {
    /// What a key may take with its share of the gaps.
    pub(super) const MOST_EACH: usize = 3 * size_of::<(u64, u64)>();

    /// Adds a key, or gives one that is there another value.
    pub(super) fn insert(&mut self, key: u64, value: u64) {
        if self.last_key().is_none_or(|last| last < key) {
            make_room(&mut self.entries);
            self.entries.push((key, value));
            return;
        }
        match self.search(key) {
            Ok(at) => {
                if let Some(entry) = self.entries.get_mut(at) {
                    self.gaps -= usize::from(entry.1 == GAP);
                    entry.1 = value;
                }
            }
            Err(at) => {
                make_room(&mut self.entries);
                self.entries.insert(at, (key, value));
            }
        }
    }

    /// Gives a key that is there another value.
    #[inline]
    pub(super) fn set(&mut self, key: u64, value: u64) {
        if let Ok(at) = self.search(key)
            && let Some(entry) = self.entries.get_mut(at)
        {
            entry.1 = value;
        }
    }

    #[inline]
    pub(super) fn get(&self, key: u64) -> Option<u64> {
        let (_, value) = self.entries.get(self.search(key).ok()?)?;
        Some(*value).filter(|value| *value != GAP)
    }

    /// Removes a key. Returns its value; `None` when it isn't there.
    pub(super) fn remove(&mut self, key: u64) -> Option<u64> {
        let at = self.search(key).ok()?;
        let value = core::mem::replace(&mut self.entries.get_mut(at)?.1, GAP);
        if value == GAP {
            return None;
        }
        self.gaps += 1;
        while self.entries.last().is_some_and(|(_, value)| *value == GAP) {
            self.entries.pop();
            self.gaps -= 1;
        }
        if self.gaps > 2 * self.len() + 16 {
            self.entries.retain(|(_, value)| *value != GAP);
            self.gaps = 0;
            give_back(&mut self.entries);
        }
        Some(value)
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len() - self.gaps
    }

    /// The highest key; `None` when there is none.
    pub(super) fn last_key(&self) -> Option<u64> {
        self.entries.last().map(|(key, _)| *key)
    }

    /// The values, by ascending key.
    pub(super) fn values(&self) -> impl Iterator<Item = u64> {
        let values = self.entries.iter().map(|(_, value)| *value);
        values.filter(|value| *value != GAP)
    }

    /// Where a key stands, or would stand. While none is missing it is as far from the first as its number.
    #[inline]
    fn search(&self, key: u64) -> Result<usize, usize> {
        let Some((first, _)) = self.entries.first() else {
            return Err(0);
        };
        match usize::try_from(key.wrapping_sub(*first)) {
            Ok(at) if self.entries.get(at).is_some_and(|(at, _)| *at == key) => Ok(at),
            _ => self.search_sparse(key),
        }
    }

    /// The same while some are missing. Since keys ascend by one at least, it is no further from
    /// either end than its number is, which leaves little to search while they are dense.
    fn search_sparse(&self, key: u64) -> Result<usize, usize> {
        let (Some((first, _)), Some((last, _))) = (self.entries.first(), self.entries.last())
        else {
            return Err(0);
        };
        let far = |keys: u64| usize::try_from(keys).unwrap_or(usize::MAX);
        let len = self.entries.len();
        let to = far(key.saturating_sub(*first).saturating_add(1)).min(len);
        let from = len.saturating_sub(far(last.saturating_sub(key).saturating_add(1)));
        let from = from.min(to);
        let near = self.entries.get(from..to).unwrap_or_default();
        near.binary_search_by_key(&key, |(key, _)| *key)
            .map(|at| from + at)
            .map_err(|at| from + at)
    }
}
