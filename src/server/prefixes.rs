//! Which templates a URI may match, found by the texts that they begin with and not one by one.
//!
//! Rules of this file: it only leaves out what can't match; among those that may, the one that was added
//! first comes first; it is made when it is first asked for, and again after a change.

use alloc::vec::Vec;

use crate::lock::Once;

/// The templates of a server by what they begin with. A copy is of a list that may change, and makes
/// it anew.
pub(super) struct Prefixes(Once<ByPrefix>);

impl Default for Prefixes {
    fn default() -> Self {
        Self(Once::new())
    }
}

impl Clone for Prefixes {
    fn clone(&self) -> Self {
        Self::default()
    }
}

struct ByPrefix {
    /// The places of the templates in the order of what they begin with.
    places: Vec<u32>,
    /// How long what they begin with is, each length once.
    lengths: Vec<usize>,
}

impl Prefixes {
    /// The places of the templates that `uri` may match, in their order, of `count` templates that
    /// begin with what `prefix` says.
    pub(super) fn candidates<'p>(
        &self,
        uri: &str,
        count: usize,
        prefix: impl Fn(usize) -> &'p str,
    ) -> Vec<usize> {
        let at = |place: u32| prefix(place as usize).as_bytes();
        let known = self
            .0
            .get_or_make(|| ByPrefix::new((0..count).map(&prefix)));
        let mut found = Vec::new();
        let beginnings = known
            .lengths
            .iter()
            .filter_map(|length| uri.as_bytes().get(..*length));
        for beginning in beginnings {
            let start = known.places.partition_point(|place| at(*place) < beginning);
            let same = known.places.get(start..).unwrap_or_default().iter();
            let same = same.take_while(|place| at(**place) == beginning);
            found.extend(same.map(|place| *place as usize));
        }
        found.sort_unstable();
        found
    }
}

impl ByPrefix {
    fn new<'p>(prefixes: impl Iterator<Item = &'p str>) -> Self {
        let mut sorted: Vec<(&str, usize)> = prefixes.zip(0..u32::MAX as usize).collect();
        sorted.sort_unstable();
        let mut lengths: Vec<usize> = sorted.iter().map(|(prefix, _)| prefix.len()).collect();
        lengths.sort_unstable();
        lengths.dedup();
        let places = sorted.into_iter().map(|(_, place)| place as u32);
        Self {
            places: places.collect(),
            lengths,
        }
    }
}
