//! What keeps a service: its clones, and the bodies of responses that are still read.

use alloc::sync::Arc;

use super::cell::Hub;

/// Ends everything with the last one that uses it.
pub(super) struct Owner {
    pub(super) hub: Arc<Hub>,
}

impl Drop for Owner {
    fn drop(&mut self) {
        self.hub.finish();
    }
}
