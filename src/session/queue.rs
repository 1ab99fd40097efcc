//! What waits to be polled, first in first out. An element that comes when there is none is held in
//! place: most of the time there is no other, and then a queue costs no allocation and an idle one holds
//! no memory.

use alloc::boxed::Box;
use alloc::collections::VecDeque;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::growth::{give_back_at_end, make_room_at_end};

/// A queue; those in `rest` come behind the one in `first`, if there is one.
#[derive(Clone, Debug)]
pub(crate) struct Queue<T> {
    first: Option<T>,
    /// `None` when there are none.
    #[expect(
        clippy::box_collection,
        reason = "a pointer where most queues have none of them"
    )]
    rest: Option<Box<VecDeque<T>>>,
}

impl<T> Default for Queue<T> {
    fn default() -> Self {
        Self {
            first: None,
            rest: None,
        }
    }
}

impl<T> Queue<T> {
    #[inline]
    pub(crate) fn push_back(&mut self, element: T) {
        if self.is_empty() {
            self.first = Some(element);
        } else {
            self.push_behind(element);
        }
    }

    /// Appends an element that is not the only one.
    #[inline(never)]
    fn push_behind(&mut self, element: T) {
        let rest = self.rest.get_or_insert_default();
        make_room_at_end(rest);
        rest.push_back(element);
    }

    #[inline]
    pub(crate) fn pop_front(&mut self) -> Option<T> {
        match self.first.take() {
            None if self.rest.is_some() => self.pop_rest(),
            first => first,
        }
    }

    #[inline(never)]
    fn pop_rest(&mut self) -> Option<T> {
        let rest = self.rest.as_mut()?;
        let element = rest.pop_front();
        if rest.is_empty() {
            self.rest = None;
        } else {
            give_back_at_end(rest);
        }
        element
    }

    #[inline]
    pub(crate) fn len(&self) -> usize {
        let rest = self.rest.as_ref().map_or(0, |rest| rest.len());
        rest.saturating_add(usize::from(self.first.is_some()))
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.first.is_none() && self.rest.is_none()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        let rest = self.rest.iter().flat_map(|rest| rest.iter());
        self.first.iter().chain(rest)
    }

    /// Takes all elements out, the first one first.
    pub(crate) fn drain(&mut self) -> impl Iterator<Item = T> {
        let Self { first, rest } = core::mem::take(self);
        first
            .into_iter()
            .chain(rest.into_iter().flat_map(|rest| *rest))
    }
}

impl<T: Serialize> Serialize for Queue<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Queue<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut rest = VecDeque::<T>::deserialize(deserializer)?;
        let first = rest.pop_front();
        let rest = (!rest.is_empty()).then(|| Box::new(rest));
        Ok(Self { first, rest })
    }
}
