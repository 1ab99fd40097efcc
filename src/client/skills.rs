//! What a client looks at in a whole list of skills.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use super::operation::Listing;
use crate::model::list::Unreadable;
use crate::model::skill::Skill;

/// Sets entries aside whose URI was listed before: a URI is one skill, and two entries for it can't both
/// be true. Equal names are no reason, since a name is only a label.
pub(super) fn set_repeated_aside(listing: &mut Listing<Skill<'static>>) {
    let mut seen = BTreeSet::new();
    let is_first = |skill: &Skill<'static>| seen.insert(skill.uri.clone());
    let keep: Vec<bool> = listing.items.iter().map(is_first).collect();
    let mut kept = keep.iter();
    listing.items.retain(|_| kept.next() == Some(&true));
    let mut kept = keep.into_iter();
    let (raw, repeated): (Vec<_>, _) = core::mem::take(&mut listing.raw)
        .into_iter()
        .partition(|_| kept.next() == Some(true));
    listing.raw = raw;
    let reason = "the skill is listed twice";
    let unreadable = repeated.into_iter().map(|raw| Unreadable {
        raw,
        reason: reason.into(),
    });
    listing.skipped.extend(unreadable);
}
