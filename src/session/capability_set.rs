//! What a server has declared, as bits that are quick to ask.

use serde::{Deserialize, Serialize};

use crate::model::capability::ServerCapabilities;
use crate::model::method::{ClientCapability, ServerCapability};

const ALL: [ServerCapability; 9] = [
    ServerCapability::Tools,
    ServerCapability::ToolsListChanged,
    ServerCapability::Resources,
    ServerCapability::ResourcesSubscribe,
    ServerCapability::ResourcesListChanged,
    ServerCapability::Prompts,
    ServerCapability::PromptsListChanged,
    ServerCapability::Completions,
    ServerCapability::Logging,
];

/// What a server has declared.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct CapabilitySet(u16);

impl CapabilitySet {
    /// Nothing is known, so nothing is held back.
    pub(crate) const UNKNOWN: Self = Self(u16::MAX);

    pub(crate) fn new(server: &ServerCapabilities<'_>) -> Self {
        let bit = |capability: &ServerCapability| 1 << (*capability as u16);
        Self(
            ALL.iter()
                .filter(|capability| capability.is_declared_by(server))
                .map(bit)
                .sum(),
        )
    }

    pub(crate) const fn has(self, capability: ServerCapability) -> bool {
        self.0 & (1 << (capability as u16)) != 0
    }
}

/// The capability's name, as its path on the wire.
pub(crate) const fn name(capability: ServerCapability) -> &'static str {
    match capability {
        ServerCapability::Tools => "tools",
        ServerCapability::ToolsListChanged => "tools.listChanged",
        ServerCapability::Resources => "resources",
        ServerCapability::ResourcesSubscribe => "resources.subscribe",
        ServerCapability::ResourcesListChanged => "resources.listChanged",
        ServerCapability::Prompts => "prompts",
        ServerCapability::PromptsListChanged => "prompts.listChanged",
        ServerCapability::Completions => "completions",
        ServerCapability::Logging => "logging",
    }
}

/// The client's capability's name, as its path on the wire.
pub(crate) const fn client_name(capability: ClientCapability) -> &'static str {
    match capability {
        ClientCapability::Sampling => "sampling",
        ClientCapability::Elicitation => "elicitation",
        ClientCapability::ElicitationUrl => "elicitation.url",
        ClientCapability::Roots => "roots",
        ClientCapability::RootsListChanged => "roots.listChanged",
    }
}
