//! Time as a value: the machine is told what time it is and never asks.
//! An adapter measures from an epoch of its own choosing; tests write the number down.

use core::fmt;
use core::ops::{Add, Sub};
use core::time::Duration;

use crate::named::transparent;

/// A point in time, as the duration since an epoch that the adapter chose.
///
/// Only differences matter. All calls into one session use the same epoch, and a time that lies
/// before one given earlier is taken as that earlier one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(Duration);

transparent! { Instant }

impl Instant {
    /// The adapter's epoch.
    pub const ZERO: Self = Self(Duration::ZERO);

    /// The end of time. A deadline that lies there never comes: see
    /// [`Session::poll_timeout`](crate::Session::poll_timeout).
    pub const MAX: Self = Self(Duration::MAX);

    /// Returns the instant that lies `since_epoch` after the epoch.
    pub const fn new(since_epoch: Duration) -> Self {
        Self(since_epoch)
    }

    /// Returns the instant that lies `millis` milliseconds after the epoch.
    pub const fn from_millis(millis: u64) -> Self {
        Self(Duration::from_millis(millis))
    }

    /// Returns the time that has passed since the epoch.
    pub const fn since_epoch(self) -> Duration {
        self.0
    }

    /// Returns the time from `earlier` to this instant; zero when `earlier` is later.
    pub const fn saturating_since(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
}

impl Add<Duration> for Instant {
    type Output = Self;

    /// Saturates at the largest instant, which no adapter ever reaches.
    fn add(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(duration))
    }
}

impl Sub for Instant {
    type Output = Duration;

    /// The same as [`Instant::saturating_since`].
    fn sub(self, earlier: Self) -> Duration {
        self.saturating_since(earlier)
    }
}

/// The first of two times, of which either may never come.
#[inline]
pub(crate) fn earlier(one: Option<Instant>, other: Option<Instant>) -> Option<Instant> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        _ => one.or(other),
    }
}

impl fmt::Display for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }
}
