//! Clocks that stand still while somebody else has to act, such as a person who signs in.

use super::{Client, Stage};
use crate::time::Instant;

impl Client {
    /// Stops all clocks of the client and its session until [`resume`](Self::resume). Does nothing if
    /// they stand still already.
    pub fn suspend(&mut self, now: Instant) {
        self.session.suspend(now);
        self.suspended.get_or_insert(now);
    }

    /// Lets the clocks run on after [`suspend`](Self::suspend), each with the time that it had left.
    /// Does nothing if they run.
    pub fn resume(&mut self, now: Instant) {
        self.session.resume(now);
        let Some(since) = self.suspended.take() else {
            return;
        };
        if let Stage::Opening(began) = &mut self.stage {
            *began = *began + (now - since);
        }
        let operations = &self.operations;
        self.deadlines.put_off(|deadline, operation| {
            let running = operations.get(operation.number());
            let total = running.and_then(|running| running.total);
            // One that was started meanwhile has stood still since then.
            let began = deadline
                .since_epoch()
                .saturating_sub(total.unwrap_or_default());
            deadline + (now - since.max(Instant::new(began)))
        });
        self.pump(now);
    }

    /// The first deadline of an operation, while the clocks run.
    pub(super) fn first_deadline(&self) -> Option<Instant> {
        self.deadlines.first().filter(|_| self.suspended.is_none())
    }
}

#[cfg(test)]
mod tests {
    use core::time::Duration;

    use super::*;
    use crate::client::ClientOptions;
    use crate::session::Session;

    #[test]
    fn an_opening_that_waits_for_a_person_has_its_time_left_afterwards() {
        let mut client = Client::new(ClientOptions::new("test", "1"));
        let at = |seconds| Instant::new(Duration::from_secs(seconds));
        client.open(at(0)).expect("it opens");
        client.suspend(at(1));
        client.suspend(at(500));
        client.handle_timeout(at(1000));
        assert!(!client.is_closed());
        assert_eq!(client.poll_timeout(), None);
        client.resume(at(1000));
        let due = client.poll_timeout().expect("it has a deadline");
        assert!(due > at(1000));
        for _ in 0..100 {
            let Some(due) = client.poll_timeout() else {
                break;
            };
            client.handle_timeout(due);
        }
        assert!(client.is_closed(), "its time runs again");
    }
}
