//! A whole list of a server: its items as types, each as it came beside it, and what couldn't be read.
//! Cheap to clone, since a list that is kept is given to everybody who asks.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::ops::Deref;
use core::slice;

use crate::model::list::Unreadable;
use crate::rpc::Raw;

/// All items of one of a server's lists, in its order. Reads like a slice; cheap to clone.
pub struct Listed<T>(Arc<Inner<T>>);

struct Inner<T> {
    items: Vec<T>,
    raw: Vec<Raw<'static>>,
    skipped: Vec<Unreadable<'static>>,
}

impl<T> Listed<T> {
    pub(super) fn new(
        items: Vec<T>,
        raw: Vec<Raw<'static>>,
        skipped: Vec<Unreadable<'static>>,
    ) -> Self {
        Self(Arc::new(Inner {
            items,
            raw,
            skipped,
        }))
    }

    pub(super) fn empty() -> Self {
        Self::new(Vec::new(), Vec::new(), Vec::new())
    }

    /// Returns the JSON of the item at `index` as the server sent it, with the members that its
    /// type doesn't have; `None` past the end.
    pub fn raw(&self, index: usize) -> Option<&Raw<'static>> {
        self.0.raw.get(index)
    }

    /// Returns what the server listed that doesn't fit the type of the items, in the order in which
    /// it came.
    pub fn skipped(&self) -> &[Unreadable<'static>] {
        &self.0.skipped
    }

    /// Returns whether both are the same answer of the server, not only equal ones.
    pub fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl<T> Deref for Listed<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.0.items
    }
}

impl<T> Clone for Listed<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T: PartialEq> PartialEq for Listed<T> {
    fn eq(&self, other: &Self) -> bool {
        self.0.items == other.0.items && self.0.skipped == other.0.skipped
    }
}

impl<T: fmt::Debug> fmt::Debug for Listed<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl<'a, T> IntoIterator for &'a Listed<T> {
    type Item = &'a T;
    type IntoIter = slice::Iter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}
