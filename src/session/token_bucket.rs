//! A bound on how often something may happen: so many at once, growing back with time.

use core::time::Duration;

use serde::{Deserialize, Serialize};

use crate::time::Instant;

use super::rebase::Rebase;

/// How many are left, in thousandths, and when they were last refilled.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct TokenBucket {
    left: u64,
    refilled_at: Instant,
    /// What was earned before `refilled_at`'s epoch began and isn't counted into `left` yet.
    #[serde(default)]
    carried: Duration,
}

impl TokenBucket {
    pub(crate) fn new(burst: u32) -> Self {
        Self {
            left: full(burst),
            refilled_at: Instant::ZERO,
            carried: Duration::ZERO,
        }
    }

    fn refill(&mut self, now: Instant, burst: u32, each_second: u32) {
        let since = (now - self.refilled_at).saturating_add(self.carried);
        let passed = u64::try_from(since.as_millis()).unwrap_or(u64::MAX);
        let grown = passed.saturating_mul(u64::from(each_second));
        self.left = self.left.saturating_add(grown).min(full(burst));
        // What is less than a millisecond counts the next time.
        self.carried = since.saturating_sub(Duration::from_millis(passed));
        self.refilled_at = self.refilled_at.max(now);
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
    #[inline]
    pub(crate) fn has(&mut self, now: Instant, burst: u32, each_second: u32) -> bool {
        if self.left == full(burst) {
            // Nothing can be earned, as is the case nearly always.
            return true;
        }
        self.refill(now, burst, each_second);
        self.left >= 1000
    }

    /// Carries what was earned so far over to another epoch.
    pub(super) fn rebase(&mut self, rebase: Rebase) {
        let earned = rebase.saved_at().saturating_since(self.refilled_at);
        self.carried = self.carried.saturating_add(earned);
        self.refilled_at = rebase.now();
    }
}

/// What a bucket holds when nothing was taken.
const fn full(burst: u32) -> u64 {
    burst as u64 * 1000
}
