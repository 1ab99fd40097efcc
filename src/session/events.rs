//! The events that wait for the user, in the order of the wire.
//!
//! Rules of this file: what the waiting events hold is counted; the closing event is the last one,
//! and whatever comes after it is dropped.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::queue::Queue;
use super::table::Weigh;

/// An event of either session.
pub(crate) trait SessionEvent: Weigh {
    /// Whether this is the event after which none comes.
    fn is_last(&self) -> bool;
}

/// Events that were not polled yet.
#[derive(Clone, Debug)]
pub(crate) struct Events<E> {
    queue: Queue<E>,
    held: usize,
    is_complete: bool,
}

impl<E> Default for Events<E> {
    fn default() -> Self {
        Self {
            queue: Queue::default(),
            held: 0,
            is_complete: false,
        }
    }
}

impl<E: SessionEvent> Events<E> {
    #[inline]
    pub(crate) fn push(&mut self, event: E) {
        if self.is_complete {
            return;
        }
        self.held = self.held.saturating_add(event.weight());
        self.is_complete = event.is_last();
        self.queue.push_back(event);
    }

    #[inline]
    pub(crate) fn poll(&mut self) -> Option<E> {
        if self.queue.is_empty() {
            return None;
        }
        // Returned as it was popped: an event is large, and put together anew it would be moved.
        let event = self.queue.pop_front();
        if self.queue.is_empty() {
            debug_assert_eq!(
                self.held,
                event.as_ref().map_or(0, Weigh::weight),
                "an event weighs what it weighed"
            );
            self.held = 0;
        } else if let Some(event) = &event {
            self.forget(event);
        }
        event
    }

    // Most of the time there is one event, and then nothing has to be weighed.
    #[cold]
    fn forget(&mut self, event: &E) {
        self.held = self.held.saturating_sub(event.weight());
    }

    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.queue.len()
    }

    /// Whether the closing event is the last one, there if the session `is_closed`, and each `is_sound`.
    pub(crate) fn is_sound(&self, is_closed: bool, is_sound: impl Fn(&E) -> bool) -> bool {
        let closing = self.queue.iter().position(E::is_last);
        let is_at_end = |at: usize| at.checked_add(1) == Some(self.queue.len());
        self.is_complete == is_closed
            && closing.is_none_or(|at| is_closed && is_at_end(at))
            && self.queue.iter().all(is_sound)
    }

    /// How many bytes the waiting events hold.
    pub(crate) const fn held(&self) -> usize {
        self.held
    }
}

impl<E: Serialize> Serialize for Events<E> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (&self.queue, self.is_complete).serialize(serializer)
    }
}

impl<'de, E: SessionEvent + Deserialize<'de>> Deserialize<'de> for Events<E> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (queue, is_complete) = <(Queue<E>, bool)>::deserialize(deserializer)?;
        let held = queue.iter().map(Weigh::weight).sum();
        Ok(Self {
            queue,
            held,
            is_complete,
        })
    }
}
