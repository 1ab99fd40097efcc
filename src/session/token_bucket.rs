//! A bound on how often something may happen: so many at once, growing back with time.

use core::time::Duration;

use crate::saved::saved;
use crate::time::Instant;

use super::rare::Idle;
use super::rebase::Rebase;

/// How many were taken and haven't grown back, in thousandths, and when that was last looked at.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct TokenBucket {
    spent: u64,
    looked_at: Instant,
    /// What was earned before `looked_at` and isn't taken off `spent` yet.
    carried: Duration,
}

saved! { struct TokenBucket { spent, looked_at, carried } }

impl Idle for TokenBucket {
    const IDLE: &'static Self = &Self {
        spent: 0,
        looked_at: Instant::ZERO,
        carried: Duration::ZERO,
    };
}

impl TokenBucket {
    /// The same bucket at a later time.
    fn refilled(self, now: Instant, each_second: u32) -> Self {
        let since = (now - self.looked_at).saturating_add(self.carried);
        let passed = u64::try_from(since.as_millis()).unwrap_or(u64::MAX);
        let grown = passed.saturating_mul(u64::from(each_second));
        Self {
            spent: self.spent.saturating_sub(grown),
            // What is less than a millisecond counts the next time.
            carried: since.saturating_sub(Duration::from_millis(passed)),
            looked_at: self.looked_at.max(now),
        }
    }

    /// Whether one could be taken of `burst`.
    fn allows(self, burst: u32) -> bool {
        u64::from(burst).saturating_mul(1000) >= self.spent.saturating_add(1000)
    }

    /// Takes one; `false` when none is left.
    pub(crate) fn take(&mut self, now: Instant, burst: u32, each_second: u32) -> bool {
        *self = self.refilled(now, each_second);
        let granted = self.allows(burst);
        if granted {
            self.spent = self.spent.saturating_add(1000);
        }
        granted
    }

    /// Whether one could be taken.
    #[inline]
    pub(crate) fn has(&self, now: Instant, burst: u32, each_second: u32) -> bool {
        // As is the case nearly always.
        if self.spent == 0 {
            return true;
        }
        self.refilled(now, each_second).allows(burst)
    }

    /// Carries what was earned so far over to another epoch.
    pub(super) fn rebase(&mut self, rebase: Rebase) {
        let earned = rebase.saved_at().saturating_since(self.looked_at);
        self.carried = self.carried.saturating_add(earned);
        self.looked_at = rebase.now();
    }
}
