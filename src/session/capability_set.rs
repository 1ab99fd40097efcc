//! What a server has declared, as bits that are quick to ask.

use crate::model::capability::ServerCapabilities;
use crate::model::method::ServerCapability;
use crate::named::transparent;

/// What a server has declared.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CapabilitySet(u16);

transparent! { CapabilitySet }

impl CapabilitySet {
    /// Nothing is known, so nothing is held back.
    pub(crate) const UNKNOWN: Self = Self(u16::MAX);

    pub(crate) fn new(server: &ServerCapabilities<'_>) -> Self {
        let bit = |capability: &ServerCapability| 1 << (*capability as u16);
        Self(
            ServerCapability::ALL
                .iter()
                .filter(|capability| capability.is_declared_by(server))
                .map(bit)
                .sum(),
        )
    }

    pub(crate) const fn has(self, capability: ServerCapability) -> bool {
        self.0 & (1 << (capability as u16)) != 0
    }
}
