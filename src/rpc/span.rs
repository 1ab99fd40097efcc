//! Where values stand in a frame: one value, the members of one object, and by which keys a scan
//! knows the members that it remembers. The layer that knows the methods brings the keys.

use crate::saved::saved;

/// Where a JSON value stands in its frame, as byte offsets; 0 to 0 when there is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) start: u32,
    pub(crate) end: u32,
}

saved! { struct Span { start, end } }

impl Span {
    pub(crate) const NONE: Self = Self { start: 0, end: 0 };

    pub(crate) fn new(start: usize, end: usize) -> Self {
        // Frames are bounded far below 4 GiB; `scan` refuses longer ones before it gets here.
        Self {
            start: start as u32,
            end: end as u32,
        }
    }

    /// From the start of this one to the end of a later one.
    pub(crate) const fn to(self, later: Self) -> Self {
        Self {
            start: self.start,
            end: later.end,
        }
    }

    pub(crate) const fn is_some(self) -> bool {
        self.end != 0
    }

    pub(crate) const fn range(self) -> core::ops::Range<usize> {
        self.start as usize..self.end as usize
    }

    /// The same value in a text of which a part was cut out that started at `from` and now starts
    /// at `to`.
    pub(crate) const fn moved(self, from: usize, to: usize) -> Self {
        let (from, to) = (from as u32, to as u32);
        match self.is_some() {
            true => Self {
                start: self.start.wrapping_sub(from).wrapping_add(to),
                end: self.end.wrapping_sub(from).wrapping_add(to),
            },
            false => Self::NONE,
        }
    }

    /// The bytes of the value, or nothing when there is none.
    pub(crate) fn of(self, frame: &[u8]) -> &[u8] {
        frame.get(self.range()).unwrap_or_default()
    }
}

/// How many members of a body a scan can remember.
const MEMBERS: usize = 10;
/// How many members of the metadata in a body a scan can remember.
pub(super) const NESTED_MEMBERS: usize = 6;

/// The keys of the members that a scan remembers, each with the number of its place.
///
/// The functions are resolved at compile time, so that a key costs a comparison and no call.
pub(crate) trait KeyTable {
    /// The number, among the members of params and results, of the one that holds an object whose
    /// own members are remembered as well.
    const NESTED: usize;

    /// The number of the member `key` of params.
    fn in_params(key: &[u8]) -> Option<usize>;

    /// The number of the member of params with whose quoted key and colon `text` starts, and the length
    /// of these: most keys are written so, and are quicker to compare than to scan.
    fn first_in_params(text: &[u8]) -> Option<(usize, usize)>;

    /// The number of the member `key` of a result.
    fn in_result(key: &[u8]) -> Option<usize>;

    /// The same as [`first_in_params`](Self::first_in_params) of a result.
    fn first_in_result(text: &[u8]) -> Option<(usize, usize)>;

    /// The number of the member `key` of the nested object.
    fn in_nested(key: &[u8]) -> Option<usize>;

    /// The same as [`first_in_params`](Self::first_in_params) of the nested object.
    fn first_in_nested(text: &[u8]) -> Option<(usize, usize)>;
}

/// Where the remembered members of one body stand: of the params or of the result, never of both.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct BodySpans {
    members: [Span; MEMBERS],
    pub(super) nested: [Span; NESTED_MEMBERS],
    /// Whether one of them came twice. What stands in the table is the last of them, as it is for
    /// everybody who reads the text later.
    pub(crate) has_duplicate: bool,
    /// Whether the nested object is the one that the peer repeats, which has passed all checks
    /// before.
    pub(crate) is_nested_repeated: bool,
}

impl BodySpans {
    pub(crate) fn member(&self, number: usize) -> Span {
        self.members.get(number).copied().unwrap_or_default()
    }

    pub(crate) fn nested(&self, number: usize) -> Span {
        self.nested.get(number).copied().unwrap_or_default()
    }

    #[inline]
    pub(super) fn set_member(&mut self, number: usize, span: Span) {
        if let Some(place) = self.members.get_mut(number) {
            self.has_duplicate |= place.is_some();
            *place = span;
        }
    }

    #[inline]
    pub(super) fn set_nested(&mut self, number: usize, span: Span) {
        if let Some(place) = self.nested.get_mut(number) {
            self.has_duplicate |= place.is_some();
            *place = span;
        }
    }

    /// Forgets the nested object, in whose place another one comes.
    pub(super) fn forget_nested(&mut self) {
        self.nested = Default::default();
        self.is_nested_repeated = false;
    }
}
