//! A list that is short most of the time and may grow by any number: beyond its first elements it
//! consists of pieces, so that nothing is copied when it grows or shrinks, and what is left over is
//! little.
//!
//! Rules of this file: the first piece grows and shrinks as lists do; of all others only the last one
//! isn't full, and a piece without elements is given back.

#![expect(
    clippy::arithmetic_side_effects,
    reason = "places and lengths are those of elements in memory"
)]

use alloc::boxed::Box;
use alloc::vec::Vec;

use smallvec::SmallVec;

use super::growth::{give_back, make_room};

/// How many elements a piece has.
pub(super) const PIECE: usize = 64;

/// A list in pieces, `INLINE` elements of it in place.
#[derive(Clone, Debug)]
pub(super) struct Pieces<T, const INLINE: usize> {
    first: SmallVec<[T; INLINE]>,
    /// Those beyond the first piece; `None` when there are none.
    #[expect(
        clippy::box_collection,
        reason = "a pointer where most lists have none of them"
    )]
    rest: Option<Box<Vec<Vec<T>>>>,
}

impl<T, const INLINE: usize> Default for Pieces<T, INLINE> {
    fn default() -> Self {
        Self {
            first: SmallVec::new(),
            rest: None,
        }
    }
}

impl<T> Pieces<T, 0> {
    /// A list without elements.
    pub(super) const EMPTY: Self = Self {
        first: SmallVec::new_const(),
        rest: None,
    };
}

impl<T, const INLINE: usize> Pieces<T, INLINE> {
    #[inline]
    pub(super) fn len(&self) -> usize {
        let rest = self.rest.as_ref().map_or(0, |rest| {
            let last = rest.last().map_or(0, Vec::len);
            rest.len().saturating_sub(1) * PIECE + last
        });
        self.first.len() + rest
    }

    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.first.is_empty()
    }

    /// The elements of the first piece.
    #[inline]
    pub(super) fn first(&self) -> &[T] {
        &self.first
    }

    /// The same, to be changed in any way while there are no others.
    #[inline]
    pub(super) fn first_mut(&mut self) -> &mut SmallVec<[T; INLINE]> {
        debug_assert!(
            self.rest.is_none(),
            "no element stands behind another's place"
        );
        &mut self.first
    }

    #[inline]
    pub(super) fn last(&self) -> Option<&T> {
        match &self.rest {
            Some(rest) => rest.last()?.last(),
            None => self.first.last(),
        }
    }

    #[inline]
    pub(super) fn get(&self, at: usize) -> Option<&T> {
        match at.checked_sub(PIECE) {
            None => self.first.get(at),
            Some(at) => self.rest.as_ref()?.get(at / PIECE)?.get(at % PIECE),
        }
    }

    #[inline]
    pub(super) fn get_mut(&mut self, at: usize) -> Option<&mut T> {
        match at.checked_sub(PIECE) {
            None => self.first.get_mut(at),
            Some(at) => self.rest.as_mut()?.get_mut(at / PIECE)?.get_mut(at % PIECE),
        }
    }

    /// Appends an element.
    // Inlined since an element would go by way of memory.
    #[inline(always)]
    pub(super) fn push(&mut self, element: T) {
        if self.first.len() < PIECE {
            make_room(&mut self.first);
            self.first.push(element);
        } else {
            self.push_behind(element);
        }
    }

    #[inline(never)]
    fn push_behind(&mut self, element: T) {
        let rest = self.rest.get_or_insert_default();
        match rest.last_mut() {
            Some(piece) if piece.len() < PIECE => piece.push(element),
            _ => {
                let mut piece = Vec::with_capacity(PIECE);
                piece.push(element);
                rest.push(piece);
            }
        }
    }

    /// Takes the last element out.
    pub(super) fn pop(&mut self) -> Option<T> {
        let Some(rest) = &mut self.rest else {
            return self.first.pop();
        };
        let piece = rest.last_mut()?;
        let element = piece.pop();
        if piece.is_empty() {
            rest.pop();
            if rest.is_empty() {
                self.rest = None;
            }
        }
        element
    }

    /// Whether memory was allocated, which [`settle`](Self::settle) may give back.
    #[inline]
    pub(super) fn is_allocated(&self) -> bool {
        self.first.spilled()
    }

    /// Gives back what elements that ended have left of the first piece.
    pub(super) fn settle(&mut self) {
        give_back(&mut self.first);
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut T> {
        let rest = self.rest.iter_mut();
        let rest = rest.flat_map(|rest| rest.iter_mut().flatten());
        self.first.iter_mut().chain(rest)
    }
}
