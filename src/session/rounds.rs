//! The rounds of input that one request has gone through, on either side: what is being asked, what
//! is answered already, and the state that goes with it.
//!
//! Rules of this file: rounds are counted against a limit; an answer counts once, under the key it was
//! asked by, and the answers keep the order of the questions; a round is over when all of it is
//! answered, and its answers are given out once; the next round has none of them.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;

use crate::saved::saved;

use super::table::{Weigh, total};

/// What a request keeps of its rounds, whose answers are each an `A`.
#[derive(Clone, Debug)]
pub(super) struct Rounds<A> {
    count: usize,
    open: Option<Box<Round<A>>>,
}

saved! { struct Rounds<A> { count, open } }

/// One round.
#[derive(Clone, PartialEq)]
pub(crate) struct Round<A> {
    /// By key, in the order in which they were asked.
    answers: Vec<(Box<str>, Option<A>)>,
    state: Option<Box<str>>,
}

saved! { struct Round<A> { answers, state } }

/// None so far.
impl<A> Default for Rounds<A> {
    fn default() -> Self {
        Self {
            count: 0,
            open: None,
        }
    }
}

impl<A> Rounds<A> {
    /// How many there were, the open one included.
    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// Whether a round is open.
    #[inline]
    pub(super) fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// Begins the next round.
    pub(super) fn begin(
        &mut self,
        keys: impl IntoIterator<Item = Box<str>>,
        state: Option<Box<str>>,
    ) {
        self.count = self.count.saturating_add(1);
        let answers = keys.into_iter().map(|key| (key, None)).collect();
        self.open = Some(Box::new(Round { answers, state }));
    }

    /// Takes an answer to the open round. Returns whether that was the last one.
    pub(super) fn answer(&mut self, key: &str, answer: A) -> bool {
        let Some(round) = &mut self.open else {
            return false;
        };
        let mut slots = round.answers.iter_mut();
        let Some(slot) = slots.find(|(asked, answer)| **asked == *key && answer.is_none()) else {
            return false;
        };
        slot.1 = Some(answer);
        round.answers.iter().all(|(_, answer)| answer.is_some())
    }

    /// The open round.
    pub(super) fn open(&self) -> Option<&Round<A>> {
        self.open.as_deref()
    }

    /// Ends the open round and gives it out.
    pub(super) fn end(&mut self) -> Option<Box<Round<A>>> {
        self.open.take()
    }
}

impl<A: Weigh> Rounds<A> {
    /// How many bytes the open round holds.
    #[inline]
    pub(super) fn held(&self) -> usize {
        self.open.as_ref().map_or(0, |round| round.weight())
    }
}

impl<A> Round<A> {
    /// The keys, each with its answer if it has one.
    pub(super) fn answers(&self) -> impl Iterator<Item = (&str, Option<&A>)> {
        let answers = self.answers.iter();
        answers.map(|(key, answer)| (&**key, answer.as_ref()))
    }

    /// The answer to one question.
    pub(super) fn answer(&self, key: &str) -> Option<&A> {
        self.answers().find(|(asked, _)| *asked == key)?.1
    }

    /// Whether nothing was asked in it.
    pub(super) fn is_empty(&self) -> bool {
        self.answers.is_empty()
    }

    /// The state as it came.
    pub(super) fn state(&self) -> Option<&str> {
        self.state.as_deref()
    }
}

/// Whether just these keys of requests are asked that are unanswered in the open rounds, as is the case
/// unless a saved session was changed: a round without its questions would wait for ever.
pub(super) fn are_all_asked<'a, A: 'a>(
    asked: impl Iterator<Item = (u64, &'a str)>,
    rounds: impl Iterator<Item = (u64, &'a Rounds<A>)>,
) -> bool {
    let open = rounds.filter_map(|(number, rounds)| Some((number, rounds.open.as_deref()?)));
    let unanswered = open.flat_map(|(number, round)| {
        let unanswered = round.answers().filter(|(_, answer)| answer.is_none());
        unanswered.map(move |(key, _)| (number, key))
    });
    let (mut asked, mut unanswered) = (Vec::from_iter(asked), Vec::from_iter(unanswered));
    asked.sort_unstable();
    unanswered.sort_unstable();
    asked == unanswered
}

impl<A: Weigh> Weigh for Round<A> {
    fn weight(&self) -> usize {
        let answers = self.answers.iter().map(|(key, answer)| {
            let answer = answer.as_ref().map_or(24, Weigh::weight);
            total([size_of_val(key), key.len(), answer])
        });
        let state = self.state.as_ref().map_or(0, |state| state.len());
        total([answers.sum(), state])
    }
}

/// Sizes instead of contents, which may be secret.
impl<A> fmt::Debug for Round<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let answered = self.answers.iter().filter(|(_, answer)| answer.is_some());
        let (answered, asked) = (answered.count(), self.answers.len());
        write!(f, "Round({answered} of {asked} answered)")
    }
}

#[cfg(test)]
mod tests {
    use alloc::boxed::Box;
    use alloc::vec::Vec;

    use super::Rounds;

    #[test]
    fn a_round_is_over_with_its_last_answer_and_keeps_the_order_of_the_questions() {
        let mut rounds = Rounds::<u8>::default();
        assert!(!rounds.answer("a", 0), "nothing is asked");
        rounds.begin(["a", "b"].map(Box::from), Some("s".into()));
        assert!(rounds.is_open() && rounds.count() == 1);
        assert!(!rounds.answer("b", 2));
        assert!(!rounds.answer("b", 3), "it is answered already");
        assert!(!rounds.answer("c", 4), "it was not asked");
        assert!(rounds.answer("a", 1));
        let round = rounds.end().expect("it was open");
        let answers: Vec<_> = round.answers().collect();
        assert_eq!(answers, [("a", Some(&1)), ("b", Some(&2))]);
        assert_eq!((round.answer("b"), round.state()), (Some(&2), Some("s")));
        assert!(!rounds.is_open() && rounds.end().is_none());
        rounds.begin([], None);
        assert_eq!(rounds.count(), 2);
        assert!(rounds.end().is_some_and(|round| round.is_empty()));
    }
}
