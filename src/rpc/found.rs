//! Reading a body from where a scan has found its members, instead of scanning it once more.
//! Only the members of the busiest method, `tools/call`, are kept for this.

use serde::{Deserialize, Serialize};

use super::message::{raw_at, text_at};
use super::raw::Raw;
use super::scan::{Member, Scan, Span};
use super::text::Text;

/// Where some members of a body stand in its frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Places {
    spans: [Span; 4],
    /// Whether the members that are kept are all that matter.
    is_complete: bool,
}

impl Places {
    /// Those of a request's params.
    pub(crate) fn of_params(scan: &Scan) -> Self {
        let member = |member| scan.member(member);
        let name = member(Member::Name);
        let subject = if name.is_some() {
            name
        } else {
            member(Member::Uri)
        };
        let others = [Member::InputResponses, Member::RequestState, Member::Task];
        Self {
            spans: [
                subject,
                member(Member::Arguments),
                Span::NONE,
                member(Member::Meta),
            ],
            is_complete: !others.into_iter().any(|other| member(other).is_some())
                && !scan.duplicate_member,
        }
    }

    /// Those of a result.
    pub(crate) fn of_result(scan: &Scan) -> Self {
        let member = |member| scan.member(member);
        Self {
            spans: [
                member(Member::Content),
                member(Member::StructuredContent),
                member(Member::IsError),
                member(Member::Meta),
            ],
            is_complete: !scan.duplicate_member,
        }
    }

    /// The place of a member; none when it isn't there, or isn't kept.
    pub(crate) const fn of(&self, member: Member) -> Span {
        match member {
            Member::Name | Member::Uri | Member::Content => self.spans[0],
            Member::Arguments | Member::StructuredContent => self.spans[1],
            Member::IsError => self.spans[2],
            Member::Meta => self.spans[3],
            _ => Span::NONE,
        }
    }
}

/// A body whose members have been found.
#[derive(Clone, Copy, Debug)]
pub struct Found<'a> {
    frame: &'a [u8],
    places: &'a Places,
}

impl<'a> Found<'a> {
    /// The body in `frame` that has its members at `places`; `None` when there may be others that
    /// matter.
    pub(crate) fn new(frame: &'a [u8], places: &'a Places) -> Option<Self> {
        places.is_complete.then_some(Self { frame, places })
    }

    /// The value of a member as the text it is, empty when it isn't there.
    pub(crate) fn json(&self, member: Member) -> Option<&'a str> {
        core::str::from_utf8(self.places.of(member).of(self.frame)).ok()
    }

    /// The value of a member as JSON; `None` when it isn't there.
    pub(crate) fn raw(&self, member: Member) -> Option<Raw<'a>> {
        raw_at(self.frame, self.places.of(member))
    }

    /// The value of a member that is an object or isn't there; `None` when it is something else.
    pub(crate) fn object(&self, member: Member) -> Option<Option<Raw<'a>>> {
        let raw = self.raw(member);
        match &raw {
            Some(raw) if !raw.is_object() => None,
            _ => Some(raw),
        }
    }

    /// The value of a member that is a string.
    pub(crate) fn text(&self, member: Member) -> Option<Text<'a>> {
        text_at(self.frame, self.places.of(member))
    }
}
