//! How a client speaks HTTP: its bounds, and how long it waits.

use core::time::Duration;

use crate::limits::Limits;

/// How a client speaks HTTP.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct HttpClientOptions {
    /// The bounds that a frame has to keep.
    pub limits: Limits,
    /// How often a stream that broke is asked for in a row without anything new, before what it
    /// carries is lost. 5. A server that says when to come back is asked for as long as the call
    /// goes on, after so many times ever more seldom.
    pub attempts: u32,
    /// How often the stream of what belongs to no request is asked for in a row, when its server
    /// ends it and says nothing, before the client does without. 10.
    pub standalone_attempts: u32,
    /// How long that stream has to last for its end not to count. 30 s.
    pub settled: Duration,
    /// How long to wait before a stream is asked for again, where the server doesn't say; doubled
    /// each time. 1 s.
    pub retry: Duration,
    /// How long a server may make a client wait, and how long the waits grow. 5 min.
    pub longest_retry: Duration,
    /// How long what follows `initialized` waits for a server to take it. 5 s.
    pub greeting: Duration,
    /// How long what follows `initialized` then waits for the stream of what belongs to no request.
    /// 500 ms.
    pub gate: Duration,
    /// How long a server may take to end an exchange of which nothing more is awaited, such as a
    /// notification's or a stream whose answer has come, before it is closed. 30 s.
    pub closing: Duration,
    /// Whether the URL is that of the stream of the pair of 2024-11-05: nothing is tried before it.
    pub pair: bool,
    /// How often one request may be answered with a challenge, 401 or 403, that is handed out to be
    /// met ([`Action::Challenge`](super::Action::Challenge)). 0: a challenge is a refusal like others.
    pub challenges: u32,
}

impl Default for HttpClientOptions {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            attempts: 5,
            standalone_attempts: 10,
            settled: Duration::from_secs(30),
            retry: Duration::from_secs(1),
            longest_retry: Duration::from_secs(300),
            greeting: Duration::from_secs(5),
            gate: Duration::from_millis(500),
            closing: Duration::from_secs(30),
            pair: false,
            challenges: 0,
        }
    }
}

/// How long a client waits at least, so that no server makes it ask without a pause.
const SHORTEST_RETRY: Duration = Duration::from_millis(50);

impl HttpClientOptions {
    /// How long to wait before a stream is asked for that gave nothing new so often in a row.
    // `httpL.sse.retry.obey`
    pub(super) fn pause(&self, attempts: u32, said: Option<Duration>) -> Duration {
        let (base, doubled) = match said {
            Some(said) => (said, attempts.saturating_sub(self.attempts)),
            None => (self.retry, attempts),
        };
        let pause = base
            .max(SHORTEST_RETRY)
            .saturating_mul(1 << doubled.min(16));
        pause.min(self.longest_retry).max(SHORTEST_RETRY)
    }
}
