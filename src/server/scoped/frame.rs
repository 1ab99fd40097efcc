//! Which scopes a token needs for a frame, before a session has seen it.

use super::super::registry::Offered;
use super::super::{Registry, Shared, Stateless};
use super::add;
use crate::limits::Limits;
use crate::model::members::decode;
use crate::model::method::SpecMethod;
use crate::rpc::{Decoded, EnvelopeKey, Repeated, Scan, elements, raw_at, text_at};
use crate::scopes::Scopes;

impl Shared {
    /// The scopes that a frame needs, all of a batch together. One that can't be read needs none, as it
    /// is answered with what is wrong.
    fn scopes_for(&self, frame: &[u8]) -> Scopes {
        let offered = self.registry.read();
        let mut needed = Scopes::default();
        if !offered.required.is_empty() {
            add_of_frame(&offered, &self.config.limits, frame, &mut needed);
        }
        needed
    }
}

#[cfg(feature = "http")]
impl<Mode> super::super::Server<Mode> {
    /// The scopes that a frame needs. See [`Shared::scopes_for`].
    pub(crate) fn scopes_for(&self, frame: &[u8]) -> Scopes {
        self.shared.scopes_for(frame)
    }
}

impl Stateless {
    /// The scopes that a frame needs.
    pub(crate) fn scopes_for(&self, frame: &[u8]) -> Scopes {
        self.shared.scopes_for(frame)
    }
}

impl Registry {
    /// The scopes that anything here needs.
    pub(crate) fn all_scopes(&self) -> Scopes {
        let offered = self.read();
        let all = offered.required.iter();
        all.fold(Scopes::default(), |all, (.., scopes)| all.union(scopes))
    }
}

fn add_of_frame(offered: &Offered, limits: &Limits, frame: &[u8], needed: &mut Scopes) {
    let mut scan = Scan::default();
    match decode(frame, limits, &Repeated::default(), &mut scan) {
        Ok(Decoded::One(_)) => {}
        Ok(Decoded::Batch) => {
            for element in elements(frame) {
                let element = element.of(frame);
                // A batch within a batch is none.
                if element.starts_with(b"{") {
                    add_of_frame(offered, limits, element, needed);
                }
            }
            return;
        }
        Err(_) => return,
    }
    let method = text_at(frame, scan.key(EnvelopeKey::Method));
    let Some(known) = method.as_deref().and_then(SpecMethod::from_wire) else {
        return;
    };
    let target = text_at(frame, crate::model::subject(Some(known), frame, &scan));
    let params = raw_at(frame, scan.key(EnvelopeKey::Params));
    add(offered, known, target.as_deref(), params, needed);
}
