//! What a revision lacks of the model, which is a superset of all: asked while a struct is written.
//! A rule is found by the serde names of the struct and the field, which are the schema's own.

mod block;
mod form;
mod table;

use alloc::vec::Vec;

use crate::Revision;
use crate::model::encode::EncodeError;
pub(crate) use table::{may_lower, rules};

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
    /// A bit for each revision that changes something, in the order of `Revision::ALL`.
    lowered: u8,
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
        let mut lowered = 0;
        let mut index = 0;
        while index < fields.len() {
            let mut bit = 0;
            while bit < Revision::ALL.len() {
                let revision = Revision::ALL[bit];
                if !fields[index].is_settled(revision) {
                    // `may_lower` goes by names, so it has to know those of all rules.
                    assert!(may_lower(fields[index].name, revision));
                    lowered |= 1 << bit;
                }
                bit += 1;
            }
            index += 1;
        }
        Self {
            since: Revision::V2024_11_05,
            older: None,
            fields,
            lowered,
        }
    }

    /// The same for a struct that came with revision `since`.
    const fn since(mut self, since: Revision, older: Older) -> Self {
        self.since = since;
        self.older = Some(older);
        self.lowered |= (1 << since as u8) - 1;
        self
    }

    /// Whether `revision` takes the struct as it is.
    #[inline]
    pub(crate) fn are_settled(&self, revision: Revision) -> bool {
        self.lowered & (1 << revision as u8) == 0
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
    /// Whether `revision` takes the field as it is.
    const fn is_settled(&self, revision: Revision) -> bool {
        let reshaped = match self.reshape {
            Some((Some(before), _)) => (revision as u8) < before as u8,
            Some((None, _)) => true,
            None => false,
        };
        self.exists_in(revision) && !reshaped
    }

    /// Whether `revision` knows the field.
    pub(crate) const fn exists_in(&self, revision: Revision) -> bool {
        self.since as u8 <= revision as u8 && revision as u8 <= self.until as u8
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
