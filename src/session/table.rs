//! A table of what is open, by ascending number, which knows how many bytes its entries hold. It is
//! small most of the time, often with one entry, and then costs no allocation.
//!
//! Rules of this file: an entry's number is above those of all entries before it; what an entry
//! weighs is asked when it comes and when it changes, so the sum never drifts; it doesn't depend on
//! how the entry came about, such as the capacity of its buffers, since a restored one weighs the
//! same; an entry that ends leaves a gap where many stand behind it, and gaps are closed together,
//! so that an end costs the same however many are open. The last entry is never a gap.

use alloc::vec::Vec;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use smallvec::SmallVec;

use crate::rpc::RequestId;

use super::growth::{give_back, make_room, step};

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
    /// `None` for a gap.
    value: Option<T>,
}

/// With so many entries or fewer, those behind one that ends move up at once.
const FEW: usize = 16;

/// Entries in the order of their numbers, `INLINE` of them in place: one where most sessions have one,
/// none where most have none.
#[derive(Clone, Debug)]
pub(crate) struct Table<T, const INLINE: usize = 1> {
    entries: SmallVec<[Entry<T>; INLINE]>,
    /// How many of them are gaps.
    gaps: usize,
    held: usize,
}

impl<T, const INLINE: usize> Default for Table<T, INLINE> {
    fn default() -> Self {
        Self {
            entries: SmallVec::new(),
            gaps: 0,
            held: 0,
        }
    }
}

impl<T: Weigh, const INLINE: usize> Table<T, INLINE> {
    /// Adds an entry under a number that is above all others, or replaces the one that has it.
    #[inline]
    pub(crate) fn insert(&mut self, number: u64, value: T) {
        let weight = value.weight();
        self.held += weight;
        if self
            .entries
            .last()
            .is_some_and(|last| last.number >= number)
        {
            return self.insert_among(number, weight, value);
        }
        make_room(&mut self.entries);
        self.entries.push(Entry {
            number,
            weight,
            value: Some(value),
        });
    }

    /// Adds an entry that isn't the last, or replaces the one of its number.
    #[cold]
    fn insert_among(&mut self, number: u64, weight: usize, value: T) {
        match self.search(number) {
            Ok(at) => {
                let entry = &mut self.entries[at];
                match entry.value.replace(value) {
                    Some(_) => self.held -= entry.weight,
                    None => self.gaps -= 1,
                }
                entry.weight = weight;
            }
            Err(at) => {
                make_room(&mut self.entries);
                let value = Some(value);
                let entry = Entry {
                    number,
                    weight,
                    value,
                };
                self.entries.insert(at, entry);
            }
        }
    }

    /// Changes an entry in a way that may change what it holds; `None` when there is none.
    pub(crate) fn change<R>(&mut self, number: u64, change: impl FnOnce(&mut T) -> R) -> Option<R> {
        let at = self.position(number)?;
        let entry = &mut self.entries[at];
        let value = entry.value.as_mut()?;
        let changed = change(value);
        let weight = value.weight();
        self.held = self.held - entry.weight + weight;
        entry.weight = weight;
        Some(changed)
    }

    #[inline]
    pub(crate) fn remove(&mut self, number: u64) -> Option<T> {
        let at = self.position(number)?;
        let entry = &mut self.entries[at];
        let value = entry.value.take()?;
        self.held -= entry.weight;
        self.close(at);
        Some(value)
    }

    /// Drops an entry where it stands, after `last` has looked at it or taken something out of it;
    /// `None` when there is none.
    #[inline]
    pub(crate) fn discard<R>(&mut self, number: u64, last: impl FnOnce(&mut T) -> R) -> Option<R> {
        let at = self.position(number)?;
        let entry = &mut self.entries[at];
        let taken = last(entry.value.as_mut()?);
        self.held -= entry.weight;
        self.close(at);
        Some(taken)
    }

    /// Closes up behind an entry that has ended.
    #[inline(always)]
    fn close(&mut self, at: usize) {
        if self.entries.spilled() || at + 1 < self.entries.len() {
            self.close_among(at);
        } else {
            self.entries.truncate(at);
        }
    }

    #[inline(never)]
    fn close_among(&mut self, at: usize) {
        if at + 1 < self.entries.len() {
            self.leave_gap(at);
        } else {
            self.entries.truncate(at);
            self.uncover();
        }
        give_back(&mut self.entries);
    }

    /// Removes the gaps at the end, which the entry behind them has covered.
    fn uncover(&mut self) {
        while self
            .entries
            .last()
            .is_some_and(|entry| entry.value.is_none())
        {
            self.entries.pop();
            self.gaps -= 1;
        }
    }

    fn leave_gap(&mut self, at: usize) {
        if self.entries.len() <= FEW {
            self.entries.remove(at);
            return;
        }
        self.entries[at].value = None;
        self.gaps += 1;
        if self.gaps > step(self.len()) {
            self.entries.retain(|entry| entry.value.is_some());
            self.gaps = 0;
        }
    }
}

impl<T, const INLINE: usize> Table<T, INLINE> {
    /// What an entry takes beside its value.
    const ENTRY: usize = size_of::<Entry<T>>() - size_of::<T>();

    /// Where a number stands, or would stand. Since numbers ascend by one at least, it is no further
    /// from either end than its number is, which leaves little to search while they are dense.
    fn search(&self, number: u64) -> Result<usize, usize> {
        let (Some(first), Some(last)) = (self.entries.first(), self.entries.last()) else {
            return Err(0);
        };
        let far = |numbers: u64| usize::try_from(numbers).unwrap_or(usize::MAX);
        let len = self.entries.len();
        let to = far(number.saturating_sub(first.number).saturating_add(1)).min(len);
        let from = len.saturating_sub(far(last.number.saturating_sub(number).saturating_add(1)));
        let from = from.min(to);
        self.entries[from..to]
            .binary_search_by_key(&number, |entry| entry.number)
            .map(|at| from + at)
            .map_err(|at| from + at)
    }

    /// Where the entry of a number stands, which may be a gap.
    #[inline]
    fn position(&self, number: u64) -> Option<usize> {
        match &self.entries[..] {
            [] => None,
            [only] => (only.number == number).then_some(0),
            _ => self.search(number).ok(),
        }
    }

    #[inline(always)]
    pub(crate) fn get(&self, number: u64) -> Option<&T> {
        self.entries[self.position(number)?].value.as_ref()
    }

    /// An entry to change in what it doesn't hold memory for; see [`change`](Self::change).
    pub(crate) fn get_mut(&mut self, number: u64) -> Option<&mut T> {
        let at = self.position(number)?;
        self.entries[at].value.as_mut()
    }

    /// How many bytes the entries hold.
    pub(crate) fn held(&self) -> usize {
        self.held + self.len() * Self::ENTRY
    }

    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.entries.len() - self.gaps
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
            .filter_map(|entry| Some((entry.number, entry.value.as_ref()?)))
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = (u64, &mut T)> {
        self.entries
            .iter_mut()
            .filter_map(|entry| Some((entry.number, entry.value.as_mut()?)))
    }

    /// The number of the first entry that `wanted` accepts.
    #[inline]
    pub(crate) fn find(&self, mut wanted: impl FnMut(&T) -> bool) -> Option<u64> {
        self.iter()
            .find(|(_, value)| wanted(value))
            .map(|(number, _)| number)
    }

    /// All numbers, lowest first.
    pub(crate) fn numbers(&self) -> SmallVec<[u64; 8]> {
        self.iter().map(|(number, _)| number).collect()
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

#[cfg(test)]
mod tests {
    use alloc::collections::BTreeMap;
    use alloc::vec::Vec;

    use super::*;

    impl Weigh for u8 {
        fn weight(&self) -> usize {
            usize::from(*self)
        }
    }

    fn check(table: &Table<u8>, model: &BTreeMap<u64, u8>) {
        let seen: Vec<_> = table
            .iter()
            .map(|(number, value)| (number, *value))
            .collect();
        assert_eq!(seen, Vec::from_iter(model.clone()));
        assert_eq!(table.len(), model.len());
        assert_eq!(table.is_empty(), model.is_empty());
        assert_eq!(table.last_number(), model.keys().next_back().copied());
        let held: usize = model.values().map(|value| usize::from(*value)).sum();
        assert_eq!(table.held(), held + model.len() * Table::<u8>::ENTRY);
        assert!(table.entries.len() <= model.len() + step(model.len()).max(FEW));
    }

    /// Steps through the numbers below 2^16 without a pattern.
    fn next(state: &mut u64) -> u64 {
        *state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        *state >> 48
    }

    #[test]
    fn a_table_is_a_map_whatever_comes_and_ends_in_whatever_order() {
        for seed in 0..12 {
            let (mut table, mut model) = (Table::<u8>::default(), BTreeMap::new());
            let mut state = seed;
            // Up to many, then down to none, and up again.
            for turn in 0..800 {
                let grows = turn % 500 < 250;
                let number = match next(&mut state) % 8 {
                    0 => next(&mut state) % 400,
                    _ => turn * (1 + seed % 3),
                };
                let value = next(&mut state).to_le_bytes()[0];
                if grows || next(&mut state).is_multiple_of(16) {
                    table.insert(number, value);
                    model.insert(number, value);
                }
                let keys = model.len().max(1) as u64;
                let nth = next(&mut state) % keys * (seed % 2);
                let known = model.keys().nth(nth as usize).copied().unwrap_or(number);
                match next(&mut state) % if grows { 16 } else { 3 } {
                    0 => assert_eq!(table.remove(known), model.remove(&known)),
                    1 => assert_eq!(table.discard(known, |value| *value), model.remove(&known)),
                    2 => {
                        let old = table.change(known, |old| core::mem::replace(old, value));
                        assert_eq!(
                            old,
                            model
                                .get_mut(&known)
                                .map(|old| core::mem::replace(old, value))
                        );
                    }
                    _ => assert_eq!(table.get(number), model.get(&number)),
                }
                check(&table, &model);
            }
        }
    }
}
