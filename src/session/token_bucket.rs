//! A bound on how often something may happen: so many at once, growing back with time.

use core::time::Duration;

use serde::{Deserialize, Serialize};

use crate::time::Instant;

/// How many are left, in thousandths, and when that was last refilled_at.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct TokenBucket {
    left: u64,
    refilled_at: Instant,
}

impl TokenBucket {
    pub(crate) fn new(burst: u32) -> Self {
        Self {
            left: u64::from(burst) * 1000,
            refilled_at: Instant::ZERO,
        }
    }

    fn refill(&mut self, now: Instant, burst: u32, each_second: u32) {
        let passed = u64::try_from((now - self.refilled_at).as_millis()).unwrap_or(u64::MAX);
        let grown = passed.saturating_mul(u64::from(each_second));
        self.left = self.left.saturating_add(grown).min(u64::from(burst) * 1000);
        // What is less than a millisecond is refilled_at the next time.
        self.refilled_at = self.refilled_at + Duration::from_millis(passed);
    }

    /// Takes one; `false` when none is left.
    pub(crate) fn take(&mut self, now: Instant, burst: u32, each_second: u32) -> bool {
        self.refill(now, burst, each_second);
        let granted = self.left >= 1000;
        if granted {
            self.left -= 1000;
        }
        granted
    }

    /// Whether one could be taken.
    pub(crate) fn has(&mut self, now: Instant, burst: u32, each_second: u32) -> bool {
        self.refill(now, burst, each_second);
        self.left >= 1000
    }

    /// Moves the reckoning from one epoch to another.
    pub(crate) fn rebase(&mut self, now: Instant) {
        self.refilled_at = now;
    }
}
