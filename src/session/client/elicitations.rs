//! The elicitations by URL that the user was sent to and whose end the server has still to tell
//! (2025-11-25).
//!
//! Rules of this file: only an id that the user was sent away with counts, and only once
//! (`elicit.complete.ignore`); the oldest go when there are too many, and an id that is too long
//! isn't kept: what is done is then learned by asking again.

use alloc::boxed::Box;
use alloc::collections::VecDeque;

use crate::limits::Limits;
use crate::model::elicitation::{ElicitParams, URLElicitationRequired};
use crate::rpc::{RpcError, code};
use crate::saved::saved;

use super::super::event::Body;
use super::super::table::total;

/// Their ids, the oldest first.
#[derive(Clone, Debug, Default)]
pub(super) struct Elicitations {
    ids: VecDeque<Box<str>>,
}

saved! { struct Elicitations { ids } }

impl Elicitations {
    /// Notes the id of an elicitation that the user is shown, if it has one.
    pub(super) fn note(&mut self, params: &Body, limits: &Limits) {
        if let Ok(ElicitParams::Url(params)) = params.decode::<ElicitParams<'_>>()
            && let Some(id) = params.elicitation_id
        {
            self.await_end(&id, limits);
        }
    }

    /// Notes the ids that an error names as what has to be done first (`elicit.32042`).
    pub(super) fn note_required(&mut self, error: &RpcError, limits: &Limits) {
        let is_one = error.code == code::URL_ELICITATION_REQUIRED;
        let Some(data) = error.data.as_ref().filter(|_| is_one) else {
            return;
        };
        let Ok(required) = data.decode::<URLElicitationRequired<'_>>() else {
            return;
        };
        for params in required.elicitations {
            if let Some(id) = params.elicitation_id {
                self.await_end(&id, limits);
            }
        }
    }

    fn await_end(&mut self, id: &str, limits: &Limits) {
        if id.len() > limits.name {
            return;
        }
        if self.ids.len() >= limits.inputs {
            self.ids.pop_front();
        }
        self.ids.push_back(id.into());
    }

    /// Takes the news that one has ended. Returns whether it was awaited.
    pub(super) fn end(&mut self, id: &str) -> bool {
        let position = self.ids.iter().position(|awaited| **awaited == *id);
        position.and_then(|at| self.ids.remove(at)).is_some()
    }

    /// How many bytes they hold.
    pub(super) fn held(&self) -> usize {
        let each = |id: &str| total([size_of::<Box<str>>(), id.len()]);
        self.ids.iter().map(|id| each(id)).sum()
    }
}
