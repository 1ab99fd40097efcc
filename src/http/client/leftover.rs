//! Exchanges of which nothing more is awaited: a notification that was posted, a stream whose answer
//! has come.
//!
//! Rules of this file: a server that never ends one costs its connection for a bounded time; who
//! awaits nothing is told nothing.

use crate::time::Instant;

use super::codec::HttpClient;
use super::exchange::{Exchange, Purpose, Reading};

impl HttpClient {
    /// Bounds how long an exchange may go on of which nothing is awaited from now on.
    pub(super) fn bound_leftover(&mut self, number: u64) {
        while let Some((_, first)) = self.leftover.front()
            && !self.is_leftover(*first)
        {
            self.leftover.pop_front();
        }
        let until = self.now + self.options.closing;
        self.leftover.push_back((until, number));
    }

    /// When the first of them is to be closed.
    pub(super) fn leftover_timeout(&self) -> Option<Instant> {
        let mut leftover = self.leftover.iter();
        let first = leftover.find(|(_, number)| self.is_leftover(*number));
        first.map(|(until, _)| *until)
    }

    /// Closes those whose time is over.
    pub(super) fn close_leftover(&mut self) {
        while let Some((until, number)) = self.leftover.front().copied()
            && until <= self.now
        {
            self.leftover.pop_front();
            if self.is_leftover(number) {
                self.abort(number);
            }
        }
    }

    fn is_leftover(&self, number: u64) -> bool {
        self.exchanges
            .get(&number)
            .is_some_and(Exchange::is_leftover)
    }
}

impl Exchange {
    /// Whether nothing is awaited of it.
    const fn is_leftover(&self) -> bool {
        matches!(
            self.purpose,
            Purpose::Notice | Purpose::Initialized | Purpose::Delete
        ) || matches!(self.reading, Reading::Ignored(_))
    }
}
