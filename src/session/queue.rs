//! What waits to be polled, first in first out. An element that comes when there is none is held in
//! place: most of the time there is no other, and then a queue costs no allocation and an idle one holds
//! no memory.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::vec::Vec;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::growth::make_room_at_end;
use super::pieces::PIECE;

/// How many elements the first piece has room for to begin with.
const FEW: usize = 4;

/// A queue; those in `rest` come behind the one in `first`, if there is one.
#[derive(Clone, Debug)]
pub(crate) struct Queue<T> {
    first: Option<T>,
    /// In pieces, so that none is copied when they become more or fewer: all but the first and the last
    /// one are full, and none is empty. `None` when there are none.
    #[expect(
        clippy::box_collection,
        reason = "a pointer where most queues have none of them"
    )]
    rest: Option<Box<VecDeque<VecDeque<T>>>>,
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
        match rest.back_mut() {
            Some(piece) if piece.len() < PIECE => {
                make_room_at_end(piece);
                piece.push_back(element);
            }
            last => {
                let mut piece = VecDeque::with_capacity(match last {
                    Some(_) => PIECE,
                    None => FEW,
                });
                piece.push_back(element);
                rest.push_back(piece);
            }
        }
    }

    #[inline]
    pub(crate) fn pop_front(&mut self) -> Option<T> {
        // Asked first, since taking nothing would move as much as taking an element.
        if self.first.is_some() {
            return self.first.take();
        }
        self.rest.is_some().then(|| self.pop_rest()).flatten()
    }

    #[inline(never)]
    fn pop_rest(&mut self) -> Option<T> {
        let rest = self.rest.as_mut()?;
        let piece = rest.front_mut()?;
        let element = piece.pop_front();
        if piece.is_empty() {
            rest.pop_front();
            if rest.is_empty() {
                self.rest = None;
            }
        }
        element
    }

    #[inline]
    pub(crate) fn len(&self) -> usize {
        let rest = self.rest.as_ref().map_or(0, |rest| {
            let between = rest.len().saturating_sub(2).saturating_mul(PIECE);
            let last = rest.back().filter(|_| rest.len() > 1);
            let ends = [rest.front(), last]
                .into_iter()
                .flatten()
                .map(VecDeque::len);
            ends.fold(between, usize::saturating_add)
        });
        rest.saturating_add(usize::from(self.first.is_some()))
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.first.is_none() && self.rest.is_none()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        let rest = self.rest.iter().flat_map(|rest| rest.iter().flatten());
        self.first.iter().chain(rest)
    }

    /// Takes all elements out, the first one first.
    pub(crate) fn drain(&mut self) -> impl Iterator<Item = T> {
        let Self { first, rest } = core::mem::take(self);
        first
            .into_iter()
            .chain(rest.into_iter().flat_map(|rest| rest.into_iter().flatten()))
    }
}

impl<T: Serialize> Serialize for Queue<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Queue<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut queue = Self::default();
        for element in Vec::<T>::deserialize(deserializer)? {
            queue.push_back(element);
        }
        Ok(queue)
    }
}

#[cfg(test)]
mod tests {
    use alloc::collections::VecDeque;
    use alloc::vec::Vec;

    use super::Queue;

    #[test]
    fn a_queue_gives_out_what_came_in_the_order_it_came_however_many_wait() {
        let (mut queue, mut model) = (Queue::default(), VecDeque::new());
        for turn in 0_u32..3_000 {
            // Up to many, then down to none, and up again.
            let pushes = if turn % 1_000 < 400 { 3 } else { 1 };
            for nth in 0..pushes {
                queue.push_back((turn, nth));
                model.push_back((turn, nth));
            }
            for _ in 0..if turn % 1_000 < 400 { 1 } else { 3 } {
                assert_eq!(queue.pop_front(), model.pop_front());
            }
            assert_eq!(queue.len(), model.len());
            assert_eq!(queue.is_empty(), model.is_empty());
            assert!(queue.iter().eq(model.iter()));
        }
        queue.push_back((0, 0));
        let rest: Vec<_> = queue.drain().collect();
        assert_eq!(rest.len(), model.len() + 1);
        assert!(queue.is_empty());
    }
}
