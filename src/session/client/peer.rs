//! What the server said of itself when the session opened, kept as JSON: copied out exactly, and
//! decoded when somebody asks.

use alloc::boxed::Box;

use crate::model::capability::ServerCapabilities;
use crate::model::initialize::Implementation;
use crate::named::named;
use crate::rpc::{Raw, Text};
use crate::saved::saved;

use super::super::event::Body;

/// The texts, each `None` when the server didn't say it.
#[derive(Clone, Debug, Default)]
pub(super) struct Peer {
    info: Option<Box<str>>,
    capabilities: Option<Box<str>>,
    instructions: Option<Box<str>>,
}

saved! { struct Peer { info, capabilities, instructions } }

impl Peer {
    /// Copies the texts out of an opening's result.
    pub(super) fn new(body: &Body, info: Option<&Implementation<'_>>) -> Self {
        struct Said<'a> {
            capabilities: Raw<'a>,
            instructions: Option<Raw<'a>>,
        }
        named! { read struct Said<'a> { capabilities, [instructions] } }

        let said = body.decode::<Said<'_>>().ok();
        Self {
            info: info.map(|info| serde_json::to_string(info).unwrap_or_default().into()),
            capabilities: said.as_ref().map(|said| said.capabilities.as_str().into()),
            instructions: said
                .and_then(|said| said.instructions)
                .map(|instructions| instructions.as_str().into()),
        }
    }

    pub(super) fn info(&self) -> Option<Implementation<'_>> {
        serde_json::from_str(self.info.as_deref()?).ok()
    }

    pub(super) fn capabilities(&self) -> Option<ServerCapabilities<'_>> {
        serde_json::from_str(self.capabilities.as_deref()?).ok()
    }

    pub(super) fn instructions(&self) -> Option<Text<'_>> {
        serde_json::from_str(self.instructions.as_deref()?).ok()
    }

    /// How many bytes the texts hold.
    pub(super) fn held(&self) -> usize {
        self.texts().map(str::len).sum()
    }

    pub(super) fn texts(&self) -> impl Iterator<Item = &str> {
        let texts = [&self.info, &self.capabilities, &self.instructions];
        texts.into_iter().filter_map(|text| text.as_deref())
    }
}
