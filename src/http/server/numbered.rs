//! What a session has of a kind, by number: one of it most of the time, and rarely more than some
//! dozens. `INLINE` of them are held in place.
//!
//! Rules of this file: the numbers ascend; finding one takes the logarithm of how many there are.

use smallvec::SmallVec;

#[derive(Debug)]
pub(super) struct Numbered<T, const INLINE: usize> {
    entries: SmallVec<[(u64, T); INLINE]>,
}

impl<T, const INLINE: usize> Numbered<T, INLINE> {
    pub(super) fn new() -> Self {
        Self {
            entries: SmallVec::new(),
        }
    }

    fn place(&self, number: u64) -> Result<usize, usize> {
        match self.entries.last() {
            // A new one has the highest number.
            Some((last, _)) if *last >= number => self
                .entries
                .binary_search_by_key(&number, |(number, _)| *number),
            _ => Err(self.entries.len()),
        }
    }

    pub(super) fn get(&self, number: u64) -> Option<&T> {
        let place = self.place(number).ok()?;
        self.entries.get(place).map(|(_, entry)| entry)
    }

    pub(super) fn get_mut(&mut self, number: u64) -> Option<&mut T> {
        let place = self.place(number).ok()?;
        self.entries.get_mut(place).map(|(_, entry)| entry)
    }

    pub(super) fn contains(&self, number: u64) -> bool {
        self.place(number).is_ok()
    }

    pub(super) fn insert(&mut self, number: u64, entry: T) {
        match self.place(number) {
            Ok(place) => self.entries[place].1 = entry,
            Err(place) => self.entries.insert(place, (number, entry)),
        }
    }

    pub(super) fn or_default(&mut self, number: u64) -> &mut T
    where
        T: Default,
    {
        let place = self.place(number).unwrap_or_else(|place| {
            self.entries.insert(place, (number, T::default()));
            place
        });
        &mut self.entries[place].1
    }

    pub(super) fn remove(&mut self, number: u64) -> Option<T> {
        let place = self.place(number).ok()?;
        let (_, entry) = self.entries.remove(place);
        if self.entries.is_empty() {
            // What was needed once, at its busiest, isn't kept by a session that is idle.
            self.entries = SmallVec::new();
        }
        Some(entry)
    }

    pub(super) fn retain(&mut self, mut stays: impl FnMut(u64, &T) -> bool) {
        self.entries.retain(|(number, entry)| stays(*number, entry));
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (u64, &T)> {
        self.entries.iter().map(|(number, entry)| (*number, entry))
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = (u64, &mut T)> {
        let entries = self.entries.iter_mut();
        entries.map(|(number, entry)| (*number, entry))
    }

    pub(super) fn values(&self) -> impl Iterator<Item = &T> {
        self.entries.iter().map(|(_, entry)| entry)
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}
