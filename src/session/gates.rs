//! What a server has declared, as bits that are quick to ask.

use serde::{Deserialize, Serialize};

use crate::model::capability::ServerCapabilities;
use crate::model::method::{ClientGate, ServerGate};

const ALL: [ServerGate; 9] = [
    ServerGate::Tools,
    ServerGate::ToolsListChanged,
    ServerGate::Resources,
    ServerGate::ResourcesSubscribe,
    ServerGate::ResourcesListChanged,
    ServerGate::Prompts,
    ServerGate::PromptsListChanged,
    ServerGate::Completions,
    ServerGate::Logging,
];

/// The open ones among the gates.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Gates(u16);

impl Gates {
    /// Nothing is known, so nothing is held back.
    pub(crate) const UNKNOWN: Self = Self(u16::MAX);

    pub(crate) fn new(server: &ServerCapabilities<'_>) -> Self {
        let bit = |gate: &ServerGate| 1 << (*gate as u16);
        Self(
            ALL.iter()
                .filter(|gate| gate.is_open(server))
                .map(bit)
                .sum(),
        )
    }

    pub(crate) const fn is_open(self, gate: ServerGate) -> bool {
        self.0 & (1 << (gate as u16)) != 0
    }
}

/// The capability's name, as its path on the wire.
pub(crate) const fn name(gate: ServerGate) -> &'static str {
    match gate {
        ServerGate::Tools => "tools",
        ServerGate::ToolsListChanged => "tools.listChanged",
        ServerGate::Resources => "resources",
        ServerGate::ResourcesSubscribe => "resources.subscribe",
        ServerGate::ResourcesListChanged => "resources.listChanged",
        ServerGate::Prompts => "prompts",
        ServerGate::PromptsListChanged => "prompts.listChanged",
        ServerGate::Completions => "completions",
        ServerGate::Logging => "logging",
    }
}

/// The client's capability's name, as its path on the wire.
pub(crate) const fn client_name(gate: ClientGate) -> &'static str {
    match gate {
        ClientGate::Sampling => "sampling",
        ClientGate::Elicitation => "elicitation",
        ClientGate::ElicitationUrl => "elicitation.url",
        ClientGate::Roots => "roots",
        ClientGate::RootsListChanged => "roots.listChanged",
    }
}
