//! Which number a request has that the peer knows by an id, for when many are open.
//!
//! Rules of this file: ids that count up, as those of nearly all peers do, are not compared one by one
//! and are no copies; all others are kept in a tree, which no choice of ids makes slow.

use alloc::collections::BTreeMap;

use crate::rpc::RequestId;

use super::ascending::Ascending;

/// The numbers of requests by their ids.
#[derive(Clone, Debug, Default)]
pub(super) struct Ids {
    counting: Ascending,
    others: BTreeMap<RequestId, u64>,
}

impl Ids {
    /// Enters an id, which isn't there yet.
    pub(super) fn insert(&mut self, id: &RequestId, number: u64) {
        let last = self.counting.last_key();
        match key(id) {
            Some(key) if last.is_none_or(|last| last < key) => self.counting.insert(key, number),
            _ => {
                self.others.insert(id.clone(), number);
            }
        }
    }

    pub(super) fn get(&self, id: &RequestId) -> Option<u64> {
        let counting = key(id).and_then(|key| self.counting.get(key));
        counting.or_else(|| self.others.get(id).copied())
    }

    pub(super) fn remove(&mut self, id: &RequestId) {
        let counting = key(id).and_then(|key| self.counting.remove(key));
        if counting.is_none() {
            self.others.remove(id);
        }
    }

    pub(super) fn len(&self) -> usize {
        self.counting.len().saturating_add(self.others.len())
    }
}

/// The key of an id that may count up.
fn key(id: &RequestId) -> Option<u64> {
    u64::try_from(id.as_integer()?).ok()
}
