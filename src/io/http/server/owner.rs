//! What keeps a service: its clones, and the bodies of responses that are still read.

use alloc::sync::Arc;

use super::cell::Hub;
use super::protection::Guard;

/// Ends everything with the last one that uses it.
pub(super) struct Owner {
    pub(super) hub: Arc<Hub>,
    /// What lets requests through; `None` lets all of them.
    pub(super) guard: Option<Guard>,
}

impl Drop for Owner {
    fn drop(&mut self) {
        self.hub.finish();
    }
}
