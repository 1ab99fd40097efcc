//! A table of what is open, by ascending number, which knows how many bytes its entries hold. It is
//! small most of the time, often with one entry, and then costs no allocation.
//!
//! Rules of this file: numbers ascend as entries come, as a rule; what an entry weighs is asked when it
//! comes and when it changes, so the sum never drifts; it doesn't depend on how the entry came about,
//! such as the capacity of its buffers, since a restored one weighs the same; few entries stand in the
//! order of their numbers; of many the last one takes the place of one that ends, and their places are
//! looked up, so that an end costs the same however many are open.

#![expect(
    clippy::arithmetic_side_effects,
    reason = "`held` is the sum of the weights of the entries, each of which is in memory"
)]

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::mem;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use smallvec::SmallVec;

use crate::rpc::RequestId;

use super::ascending::Ascending;
use super::growth::make_room;
use super::pieces::Pieces;

/// What keeps memory for as long as it is held.
pub(crate) trait Weigh {
    /// How many bytes it holds, roughly: the texts and frames, and its own size.
    fn weight(&self) -> usize;
}

/// The sum of what several things hold. One past the highest number is that, beyond every bound.
#[inline]
pub(crate) fn total<const N: usize>(parts: [usize; N]) -> usize {
    parts.into_iter().fold(0, usize::saturating_add)
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

/// So many entries or fewer stand in order.
const FEW: usize = 8;

/// Entries in the order of their numbers, `INLINE` of them in place: one where most sessions have one,
/// none where most have none.
#[derive(Clone, Debug)]
pub(crate) struct Table<T, const INLINE: usize = 1> {
    entries: Pieces<Entry<T>, INLINE>,
    /// The place of each number while there are many; `None` while they stand in order.
    places: Option<Box<Ascending>>,
    held: usize,
}

impl<T, const INLINE: usize> Default for Table<T, INLINE> {
    fn default() -> Self {
        Self {
            entries: Pieces::default(),
            places: None,
            held: 0,
        }
    }
}

impl<T> Table<T, 0> {
    /// A table without entries.
    pub(super) const EMPTY: Self = Self {
        entries: Pieces::EMPTY,
        places: None,
        held: 0,
    };
}

impl<T: Weigh, const INLINE: usize> Table<T, INLINE> {
    /// Adds an entry under a number that is above all others, or replaces the one that has it.
    #[inline]
    pub(crate) fn insert(&mut self, number: u64, value: T) {
        let weight = value.weight();
        self.held += weight;
        let entry = Entry {
            number,
            weight,
            value,
        };
        if self.entries.is_empty() {
            // There is room for it, or for none at all.
            self.entries.first_mut().push(entry);
        } else {
            self.insert_among(entry);
        }
    }

    /// Adds an entry that isn't the only one.
    #[inline(never)]
    fn insert_among(&mut self, entry: Entry<T>) {
        let is_next = self.last_number() < Some(entry.number);
        if !is_next
            && let Some(at) = self.position(entry.number)
            && let Some(known) = self.entries.get_mut(at)
        {
            self.held -= known.weight;
            *known = entry;
            return;
        }
        if let Some(places) = &mut self.places {
            places.insert(entry.number, self.entries.len() as u64);
            self.entries.push(entry);
            return;
        }
        let few = self.entries.first_mut();
        let at = match is_next {
            true => few.len(),
            false => few.partition_point(|other| other.number < entry.number),
        };
        make_room(few);
        few.insert(at, entry);
        if few.len() > FEW {
            let mut places = Ascending::default();
            for (place, entry) in few.iter().enumerate() {
                places.insert(entry.number, place as u64);
            }
            self.places = Some(Box::new(places));
        }
    }

    /// Changes an entry in a way that may change what it holds; `None` when there is none.
    pub(crate) fn change<R>(&mut self, number: u64, change: impl FnOnce(&mut T) -> R) -> Option<R> {
        let at = self.position(number)?;
        let entry = self.entries.get_mut(at)?;
        let changed = change(&mut entry.value);
        let weight = entry.value.weight();
        self.held = self.held - entry.weight + weight;
        entry.weight = weight;
        Some(changed)
    }

    #[inline]
    pub(crate) fn remove(&mut self, number: u64) -> Option<T> {
        if let [only] = self.entries.first() {
            if only.number != number {
                return None;
            }
            let only = self.entries.first_mut().pop()?;
            self.held -= only.weight;
            self.settle();
            return Some(only.value);
        }
        if self.entries.is_empty() {
            return None;
        }
        self.remove_among(number)
    }

    /// Removes an entry that isn't the only one.
    #[inline(never)]
    fn remove_among(&mut self, number: u64) -> Option<T> {
        let at = self.search(number)?;
        let entry = match self.places {
            Some(_) => {
                self.vacate(at);
                let last = self.entries.pop()?;
                match self.entries.get_mut(at) {
                    Some(ended) => mem::replace(ended, last),
                    None => last,
                }
            }
            None => self.entries.first_mut().remove(at),
        };
        self.held -= entry.weight;
        self.settle();
        Some(entry.value)
    }

    /// Drops an entry where it stands, after `last` has looked at it or taken something out of it;
    /// `None` when there is none.
    #[inline]
    pub(crate) fn discard<R>(&mut self, number: u64, last: impl FnOnce(&mut T) -> R) -> Option<R> {
        if self.entries.first().len() == 1 {
            let few = self.entries.first_mut();
            let only = few.first_mut().filter(|only| only.number == number)?;
            let taken = last(&mut only.value);
            self.held -= only.weight;
            few.truncate(0);
            self.settle();
            return Some(taken);
        }
        let at = self.search(number)?;
        let entry = self.entries.get_mut(at)?;
        let taken = last(&mut entry.value);
        self.held -= entry.weight;
        self.discard_among(at);
        self.settle();
        Some(taken)
    }

    #[inline(never)]
    fn discard_among(&mut self, at: usize) {
        if self.places.is_none() {
            self.entries.first_mut().remove(at);
            return;
        }
        self.vacate(at);
        if let Some(last) = self.entries.pop()
            && let Some(ended) = self.entries.get_mut(at)
        {
            *ended = last;
        }
    }

    /// Notes that the entry at `at` ends and the last one takes its place.
    fn vacate(&mut self, at: usize) {
        let (Some(places), Some(last)) = (&mut self.places, self.entries.last()) else {
            return;
        };
        places.set(last.number, at as u64);
        if let Some(ended) = self.entries.get(at) {
            places.remove(ended.number);
        }
    }

    /// Gives back what an entry that ended has left.
    #[inline]
    fn settle(&mut self) {
        if self.entries.is_allocated() {
            self.settle_many();
        }
    }

    #[inline(never)]
    fn settle_many(&mut self) {
        if self.places.is_some() && self.entries.len() < FEW / 2 {
            let few = self.entries.first_mut();
            // Sorts itself: the standard library's sort would be here once for each kind of entry.
            for at in 0..few.len() {
                let rest = few.iter().enumerate().skip(at);
                if let Some((least, _)) = rest.min_by_key(|(_, entry)| entry.number) {
                    few.swap(at, least);
                }
            }
            self.places = None;
        }
        self.entries.settle();
    }
}

impl<T, const INLINE: usize> Table<T, INLINE> {
    /// What an entry takes beside its value.
    const ENTRY: usize = size_of::<Entry<T>>() - size_of::<T>() + Ascending::MOST_EACH;

    /// Where the entry of a number stands.
    #[inline(always)]
    fn position(&self, number: u64) -> Option<usize> {
        match self.entries.first() {
            [] => None,
            [only] => (only.number == number).then_some(0),
            _ => self.search(number),
        }
    }

    #[inline(never)]
    fn search(&self, number: u64) -> Option<usize> {
        match &self.places {
            Some(places) => usize::try_from(places.get(number)?).ok(),
            None => self
                .entries
                .first()
                .iter()
                .position(|entry| entry.number == number),
        }
    }

    // Most of the time there is one, which takes neither a search nor a call.
    #[inline(always)]
    pub(crate) fn get(&self, number: u64) -> Option<&T> {
        match self.entries.first() {
            [only] => (only.number == number).then_some(&only.value),
            _ => self.get_among(number),
        }
    }

    #[inline(never)]
    fn get_among(&self, number: u64) -> Option<&T> {
        Some(&self.entries.get(self.search(number)?)?.value)
    }

    /// An entry to change in what it doesn't hold memory for; see [`change`](Self::change).
    pub(crate) fn get_mut(&mut self, number: u64) -> Option<&mut T> {
        let at = self.position(number)?;
        Some(&mut self.entries.get_mut(at)?.value)
    }

    /// How many bytes the entries hold.
    pub(crate) fn held(&self) -> usize {
        self.held + self.len() * Self::ENTRY
    }

    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The highest number; `None` when the table is empty.
    pub(crate) fn last_number(&self) -> Option<u64> {
        match &self.places {
            Some(places) => places.last_key(),
            None => self.entries.first().last().map(|entry| entry.number),
        }
    }

    /// The entries by ascending number.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u64, &T)> {
        let in_order = match self.places {
            Some(_) => &[],
            None => self.entries.first(),
        };
        let places = self.places.iter().flat_map(|places| places.values());
        let looked_up = places.filter_map(|place| self.entries.get(place as usize));
        let entries = in_order.iter().chain(looked_up);
        entries.map(|entry| (entry.number, &entry.value))
    }

    /// The entries in any order.
    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = (u64, &mut T)> {
        let entries = self.entries.iter_mut();
        entries.map(|entry| (entry.number, &mut entry.value))
    }

    /// The number of the first entry that `wanted` accepts.
    #[inline]
    pub(crate) fn find(&self, mut wanted: impl FnMut(&T) -> bool) -> Option<u64> {
        match self.entries.first() {
            [] => None,
            [only] => wanted(&only.value).then_some(only.number),
            _ => {
                let mut entries = self.iter();
                let found = entries.find(|(_, value)| wanted(value));
                found.map(|(number, _)| number)
            }
        }
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
        let is_ordered = table.entries.first().is_sorted_by_key(|entry| entry.number);
        assert!(table.places.is_some() || is_ordered);
        assert!(table.places.is_some() || model.len() <= FEW);
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
