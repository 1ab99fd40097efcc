//! When each operation has to have ended, soonest first.
//!
//! Rules of this file: what has ended is left where it is until it comes first or is most of what
//! there is, so that the usual operation, which ends long before its time, costs no search.

use alloc::collections::BinaryHeap;
use core::cmp::Reverse;

use super::operation::OperationId;
use crate::time::Instant;

/// Fewer entries than this aren't searched for ended ones.
const FEW: usize = 16;

/// The deadlines of operations. Whoever ends one calls [`tidy`](Self::tidy).
#[derive(Debug, Default)]
pub(super) struct Deadlines(BinaryHeap<Reverse<(Instant, OperationId)>>);

impl Deadlines {
    pub(super) fn add(&mut self, deadline: Instant, operation: OperationId) {
        self.0.push(Reverse((deadline, operation)));
    }

    /// The first deadline of an operation that has not ended.
    pub(super) fn first(&self) -> Option<Instant> {
        self.0.peek().map(|Reverse((deadline, _))| *deadline)
    }

    /// Takes out the operation whose deadline comes first, if that is not after `now`.
    pub(super) fn pop_due(&mut self, now: Instant) -> Option<OperationId> {
        self.first().filter(|deadline| *deadline <= now)?;
        self.0.pop().map(|Reverse((_, operation))| operation)
    }

    /// Gives each operation another deadline, which `later` says.
    pub(super) fn put_off(&mut self, later: impl Fn(Instant, OperationId) -> Instant) {
        let entries = core::mem::take(&mut self.0).into_iter();
        let moved = entries.map(|Reverse((deadline, operation))| {
            let deadline = later(deadline, operation);
            Reverse((deadline, operation))
        });
        self.0 = moved.collect();
    }

    /// Forgets operations that have ended: `open` are left, of which `is_open` knows each.
    pub(super) fn tidy(&mut self, open: usize, is_open: impl Fn(OperationId) -> bool) {
        if self.0.len() > FEW + 2 * open {
            self.0.retain(|Reverse((_, operation))| is_open(*operation));
        }
        while let Some(Reverse((_, first))) = self.0.peek()
            && !is_open(*first)
        {
            self.0.pop();
        }
    }
}
