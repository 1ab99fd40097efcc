//! Sessions as a store has them, in text. What reads and writes one is large and compiled here once, for all tests that do.

use mcp_proto::session::{SavedClient, SavedServer};

/// A saved session.
pub trait Saved: Sized {
    /// What a store keeps of it.
    fn text(&self) -> String;

    /// What a store has kept.
    fn read(text: &str) -> serde_json::Result<Self>;
}

impl Saved for SavedClient {
    fn text(&self) -> String {
        serde_json::to_string(self).expect("a session can be stored")
    }

    fn read(text: &str) -> serde_json::Result<Self> {
        serde_json::from_str(text)
    }
}

impl Saved for SavedServer {
    fn text(&self) -> String {
        serde_json::to_string(self).expect("a session can be stored")
    }

    fn read(text: &str) -> serde_json::Result<Self> {
        serde_json::from_str(text)
    }
}
