//! States of unfinished requests that stay with the connection, for servers without a seal: the
//! client carries only a number.
//!
//! Rules of this file: a state opens for the request that it belongs to and no other; the oldest
//! ones make room for new ones, by number and by bytes; a number means nothing on another
//! connection.

use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::vec::Vec;

use super::state::SealError;

/// The states that clients may come back with.
#[derive(Debug)]
pub(crate) struct KeptStates {
    states: VecDeque<Kept>,
    next: u64,
    bytes: usize,
    most: usize,
    limit: usize,
}

struct Kept {
    number: u64,
    binding: Vec<u8>,
    state: String,
}

impl core::fmt::Debug for Kept {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Kept")
            .field("number", &self.number)
            .finish_non_exhaustive()
    }
}

impl Kept {
    fn bytes(&self) -> usize {
        self.binding.len() + self.state.len()
    }
}

impl KeptStates {
    /// Keeps up to `most` states and `limit` bytes.
    pub(crate) const fn new(most: usize, limit: usize) -> Self {
        Self {
            states: VecDeque::new(),
            next: 0,
            bytes: 0,
            most,
            limit,
        }
    }

    /// Keeps a state and returns what the client carries for it; `None` if it is longer than all
    /// that may be kept.
    pub(crate) fn keep(&mut self, binding: Vec<u8>, state: String) -> Option<String> {
        let kept = Kept {
            number: self.next,
            binding,
            state,
        };
        if kept.bytes() > self.limit {
            return None;
        }
        self.next += 1;
        self.bytes += kept.bytes();
        let name = alloc::format!("kept {}", kept.number);
        self.states.push_back(kept);
        while self.bytes > self.limit || self.states.len() > self.most {
            let Some(oldest) = self.states.pop_front() else {
                break;
            };
            self.bytes -= oldest.bytes();
        }
        Some(name)
    }

    /// Returns the state called `name`, or an error if it belongs to another request or isn't
    /// kept any more.
    pub(crate) fn open(&self, name: &str, binding: &[u8]) -> Result<String, SealError> {
        let number = name.strip_prefix("kept ").and_then(|n| n.parse().ok());
        let number: u64 = number.ok_or(SealError::Foreign)?;
        let at = self
            .states
            .binary_search_by_key(&number, |kept| kept.number)
            .map_err(|_| match number < self.next {
                true => SealError::Expired,
                false => SealError::Foreign,
            })?;
        match self.states.get(at).filter(|kept| kept.binding == binding) {
            Some(kept) => Ok(kept.state.clone()),
            None => Err(SealError::Foreign),
        }
    }
}
