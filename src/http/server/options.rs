//! What a session over HTTP is told when it begins: what kind it is, and how its streams behave.

use alloc::boxed::Box;
use alloc::sync::Arc;
use core::time::Duration;

/// What carries a session.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SessionKind {
    /// One exchange of the modern era, which lasts as long as its session.
    Modern,
    /// One exchange of the legacy era on a server that keeps no sessions. Unless it is an
    /// `initialize`, its session has to be taken for initialized first.
    // `ServerSession::assume_initialized`
    Stateless,
    /// Any number of exchanges of the legacy era, shared by an id.
    Legacy {
        /// The session's id: visible ASCII that nobody can guess.
        id: Arc<str>,
        /// A random number of the session, without which nobody can make up the id of an event.
        tag: u32,
    },
    /// The pair of 2024-11-05: one stream of events, and requests that are answered on it.
    Pair {
        /// Where the client sends its messages, such as `/message?session=..`.
        endpoint: Box<str>,
    },
}

/// How the streams of a session behave. Sizes are bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StreamOptions {
    /// Whether requests are answered with JSON and never with events. Notifications that belong to a
    /// request are then left out, or go to the stream of a legacy session that belongs to none.
    pub json_only: bool,
    /// How long an answer may be awaited before the response begins as a stream of events. 1 s:
    /// what stands between a client and its server gives up on silence.
    pub patience: Duration,
    /// How often a stream that has nothing to say says so. 15 s; `None` never, and never more often than
    /// each 10 ms.
    pub keep_alive: Option<Duration>,
    /// How long a client is told to wait before it resumes a stream. 1 s.
    pub retry: Duration,
    /// How many events are kept for streams that are resumed. 256; with 0 no stream is.
    pub replay_events: usize,
    /// How many bytes of them are kept. 1 MiB. Answers that nobody has read are kept beyond it.
    pub replay_bytes: usize,
    /// How much may wait to be read on a stream before its notifications are left out. 1 MiB.
    pub unsent: usize,
    /// How much may wait to be read on a stream before it is closed. 16 MiB.
    pub unsent_most: usize,
    /// How many exchanges of a session may be open at once. 32.
    pub exchanges: usize,
}

impl Default for StreamOptions {
    fn default() -> Self {
        Self {
            json_only: false,
            patience: Duration::from_secs(1),
            keep_alive: Some(Duration::from_secs(15)),
            retry: Duration::from_secs(1),
            replay_events: 256,
            replay_bytes: 1 << 20,
            unsent: 1 << 20,
            unsent_most: 16 << 20,
            exchanges: 32,
        }
    }
}
