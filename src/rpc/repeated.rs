//! The `_meta` that a modern peer repeats in every message, remembered so that it is compared where
//! it would otherwise be scanned. It only saves time: what a scan finds is the same without it.

use alloc::boxed::Box;

use super::scan::{META_MEMBERS, Member, Scan, Span};

/// Longer ones are not worth keeping.
const LONGEST: usize = 1024;
/// A peer that says something else this often isn't repeating itself.
const MOST_CHANGES: u8 = 4;

/// A `_meta` that was found to be good, and where its members stand in it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Repeated {
    text: Box<[u8]>,
    members: [Span; META_MEMBERS],
    /// How many were seen that differed from what was remembered.
    changes: u8,
}

impl Repeated {
    /// The length and the members of the `_meta` that `text` starts with, if it is the one that is
    /// remembered.
    #[inline]
    pub(super) fn at(&self, text: &[u8]) -> Option<(usize, &[Span; META_MEMBERS])> {
        let is_it = !self.text.is_empty() && text.starts_with(&self.text);
        is_it.then_some((self.text.len(), &self.members))
    }

    /// Remembers the `_meta` of a frame that has passed all checks.
    ///
    /// The first one is let go, as a session that serves one request has no use for it.
    pub(crate) fn remember(&mut self, frame: &[u8], scan: &Scan) {
        if scan.is_meta_repeated || self.changes > MOST_CHANGES || scan.duplicate_member {
            return;
        }
        let meta = scan.member(Member::Meta);
        let varies = scan.member(Member::MetaProgressToken).is_some()
            || scan.member(Member::MetaSubscriptionId).is_some();
        let text = meta.of(frame);
        if varies || !text.starts_with(b"{") || text.len() > LONGEST {
            return;
        }
        if self.changes > 0 {
            self.text = text.into();
            self.members = scan
                .meta_members()
                .map(|member| member.moved(meta.range().start, 0));
        }
        self.changes += 1;
    }
}
