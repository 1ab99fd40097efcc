//! Who hears of changes that concern every client of a server: the adapters, each for its clients.
//!
//! Rules of this file: a listener that is gone is forgotten; none is called while the list is locked.

use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;

use crate::lock::Lock;
use crate::session::Change;

/// Hears of changes that concern every client of a server, such as those that
/// [`Server::changed`](super::Server::changed) tells of.
pub trait Listener: Send + Sync {
    /// Learns of a change, on whatever thread tells of it. `uri` is empty unless it is one resource
    /// that has changed.
    fn changed(&self, change: Change, uri: &str);
}

/// All listeners of one server.
#[derive(Default)]
pub(super) struct Listeners(Lock<Vec<Weak<dyn Listener>>>);

impl Listeners {
    pub(super) fn add(&self, listener: Weak<dyn Listener>) {
        let _gone = self.0.with(|all| {
            let gone: Vec<_> = all.extract_if(.., |one| one.strong_count() == 0).collect();
            all.push(listener);
            gone
        });
    }

    pub(super) fn announce(&self, change: Change, uri: &str) {
        let all: Vec<Arc<dyn Listener>> = self
            .0
            .with(|all| all.iter().filter_map(Weak::upgrade).collect());
        for listener in all {
            listener.changed(change, uri);
        }
    }
}
