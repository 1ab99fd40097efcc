//! The metadata that a peer repeats in every message, remembered so that it is compared where it
//! would otherwise be scanned. It only saves time: what a scan finds is the same without it.

use alloc::boxed::Box;

use super::span::{BodySpans, NESTED_MEMBERS, Span};

/// Longer ones are not worth keeping.
const LONGEST: usize = 1024;
/// A peer that says something else this often isn't repeating itself.
const MOST_CHANGES: u8 = 4;

/// A nested object that was found to be good, and where its members stand in it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Repeated {
    known: Option<Box<Known>>,
    /// How many were seen that differed from what was remembered.
    changes: u8,
}

#[derive(Clone, Debug)]
struct Known {
    text: Box<[u8]>,
    members: [Span; NESTED_MEMBERS],
}

impl Repeated {
    /// The length and the members of the object that `text` starts with, if it is the one that is
    /// remembered.
    #[inline]
    pub(super) fn at(&self, text: &[u8]) -> Option<(usize, &[Span; NESTED_MEMBERS])> {
        let known = self.known.as_ref()?;
        let is_it = text.starts_with(&known.text);
        is_it.then_some((known.text.len(), &known.members))
    }

    /// Remembers the object that stands at `nested` in a frame that has passed all checks.
    ///
    /// The first one isn't kept, since a session that serves one request has no use for it.
    pub(crate) fn remember(&mut self, frame: &[u8], nested: Span, spans: &BodySpans) {
        if spans.is_nested_repeated || self.changes > MOST_CHANGES || spans.has_duplicate {
            return;
        }
        let text = nested.of(frame);
        if !text.starts_with(b"{") || text.len() > LONGEST {
            return;
        }
        if self.changes > 0 {
            let start = nested.range().start;
            self.known = Some(Box::new(Known {
                text: text.into(),
                members: spans.nested.map(|member| member.moved(start, 0)),
            }));
        }
        self.changes = self.changes.saturating_add(1);
    }
}
