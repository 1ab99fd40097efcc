//! How much an endpoint takes on, and how long it keeps what it has.

use core::time::Duration;

/// How many sessions and exchanges an endpoint takes, and how long it keeps sessions.
///
/// The bounds for each caller apply to those that can be told apart, see
/// [`Caller`](super::Caller); they keep one of them from taking everything.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct EndpointLimits {
    /// Sessions at once. 10,000.
    pub sessions: usize,
    /// How many of them one caller may have. 5,000.
    pub sessions_each: usize,
    /// How many sessions may be half open: greeted, and not yet ready. 1,000.
    pub half_open: usize,
    /// How long a session may be half open. 30 s.
    pub greeting: Duration,
    /// How long a session may be idle. 30 min.
    pub idle: Duration,
    /// Requests at once that await their answers. 1,024.
    pub requests: usize,
    /// How many of them may be one caller's. 512.
    pub requests_each: usize,
    /// Streams at once that belong to no request, those of `subscriptions/listen` included. 20,000.
    pub streams: usize,
    /// How many of them may be one caller's. 10,000.
    pub streams_each: usize,
    /// Requests that one caller may drop in one burst before further ones are refused. 100.
    pub cancel_burst: u32,
    /// How fast the allowance for dropped requests grows back, each second. 20.
    pub cancel_rate: u32,
}

impl Default for EndpointLimits {
    fn default() -> Self {
        Self {
            sessions: 10_000,
            sessions_each: 5_000,
            half_open: 1_000,
            greeting: Duration::from_secs(30),
            idle: Duration::from_secs(30 * 60),
            requests: 1_024,
            requests_each: 512,
            streams: 20_000,
            streams_each: 10_000,
            cancel_burst: 100,
            cancel_rate: 20,
        }
    }
}

impl EndpointLimits {
    /// How long it takes at most until a caller's allowance is whole again.
    pub(super) fn recovery(&self) -> Duration {
        let seconds = self.cancel_burst.div_ceil(self.cancel_rate.max(1));
        Duration::from_secs(u64::from(seconds) + 1)
    }
}
