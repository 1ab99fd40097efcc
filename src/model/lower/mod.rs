//! What a revision lacks of the model, which is a superset of all: asked while a struct is written.
//! A rule is found by the serde names of the struct and the field, which are the schema's own.

mod block;
mod form;
mod table;

use alloc::vec::Vec;

use crate::Revision;
use crate::model::encode::EncodeError;
pub(crate) use table::rules;

/// Changes a member that was just written: `out`, where the member starts (with its comma), where
/// its value starts, and for which revision. Cutting `out` at the former drops the member.
type Reshape = fn(&mut Vec<u8>, usize, usize, Revision) -> Result<(), EncodeError>;

/// What becomes of a struct in a revision that doesn't know it.
#[derive(Clone, Copy)]
enum Older {
    /// It can't be said there; this is what it is called in the error.
    Refused(&'static str),
    /// What was written from the given place on is replaced by what says the same there.
    Replaced(fn(&mut Vec<u8>, usize)),
}

/// The revisions that know a struct and its fields.
pub(crate) struct StructRules {
    since: Revision,
    older: Option<Older>,
    fields: &'static [FieldRule],
    /// In revisions from here on ...
    settled_from: Revision,
    /// ... and up to here, the struct is written as it is.
    settled_until: Revision,
}

/// The revisions that know a field, and how older ones want it.
#[derive(Clone, Copy)]
pub(crate) struct FieldRule {
    name: &'static str,
    since: Revision,
    until: Revision,
    /// Applied in revisions before the one that is given; in all of them when none is.
    reshape: Option<(Option<Revision>, Reshape)>,
}

impl StructRules {
    /// Rules for a struct that every revision knows.
    const fn new(fields: &'static [FieldRule]) -> Self {
        let mut settled_from = Revision::V2024_11_05;
        let mut settled_until = Revision::NEWEST;
        let mut index = 0;
        while index < fields.len() {
            let field = fields[index];
            settled_from = later(settled_from, field.since);
            settled_until = earlier(settled_until, field.until);
            match field.reshape {
                Some((Some(before), _)) => settled_from = later(settled_from, before),
                // Never settled: the range is empty.
                Some((None, _)) => {
                    settled_from = Revision::NEWEST;
                    settled_until = Revision::V2024_11_05;
                }
                None => {}
            }
            index += 1;
        }
        Self {
            since: Revision::V2024_11_05,
            older: None,
            fields,
            settled_from,
            settled_until,
        }
    }

    /// The same for a struct that came with revision `since`.
    const fn since(mut self, since: Revision, older: Older) -> Self {
        self.since = since;
        self.older = Some(older);
        self.settled_from = later(self.settled_from, since);
        self
    }

    /// Whether `revision` takes the struct as it is.
    #[inline]
    pub(crate) fn are_settled(&self, revision: Revision) -> bool {
        self.settled_from <= revision && revision <= self.settled_until
    }

    /// Errs when the struct can't be said in `revision` at all.
    pub(crate) fn refuse(&self, revision: Revision) -> Result<(), EncodeError> {
        match self.older {
            Some(Older::Refused(what)) if revision < self.since => {
                Err(EncodeError::NotInRevision { what, revision })
            }
            _ => Ok(()),
        }
    }

    /// Replaces the struct that was written from `start` on, when `revision` doesn't know it.
    pub(crate) fn replace(&self, out: &mut Vec<u8>, start: usize, revision: Revision) {
        if let Some(Older::Replaced(replace)) = self.older
            && revision < self.since
        {
            replace(out, start);
        }
    }

    /// The rule for the field `name`; `None` when every revision takes it as it is.
    pub(crate) fn field(&self, name: &str) -> Option<&'static FieldRule> {
        self.fields.iter().find(|field| field.name == name)
    }
}

impl FieldRule {
    /// Whether `revision` knows the field.
    pub(crate) fn exists_in(&self, revision: Revision) -> bool {
        self.since <= revision && revision <= self.until
    }

    /// Changes the member that was just written to what `revision` wants.
    pub(crate) fn reshape(
        &self,
        out: &mut Vec<u8>,
        member_start: usize,
        value_start: usize,
        revision: Revision,
    ) -> Result<(), EncodeError> {
        match self.reshape {
            Some((before, reshape)) if before.is_none_or(|before| revision < before) => {
                reshape(out, member_start, value_start, revision)
            }
            _ => Ok(()),
        }
    }

    /// The same rule, with `reshape` applied in revisions before `before`.
    const fn reshaped_before(mut self, before: Revision, reshape: Reshape) -> Self {
        self.reshape = Some((Some(before), reshape));
        self
    }

    /// The same rule, with `reshape` applied in every revision.
    const fn reshaped(mut self, reshape: Reshape) -> Self {
        self.reshape = Some((None, reshape));
        self
    }
}

const fn later(one: Revision, other: Revision) -> Revision {
    if one as u8 > other as u8 { one } else { other }
}

const fn earlier(one: Revision, other: Revision) -> Revision {
    if (one as u8) < other as u8 {
        one
    } else {
        other
    }
}
