//! Time for those who have no timer of a runtime: a thread that waits until it is due or called off.

use alloc::boxed::Box;
use core::time::Duration;
use std::io;
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use super::slot::Slot;
use super::thread::spawn;

/// Something that is to happen later, unless this is dropped before.
pub(super) struct Alarm(Arc<(Mutex<bool>, Condvar)>);

impl Alarm {
    /// Runs `ring` on a thread of its own after `time`. Returns an error if there is no thread.
    pub(super) fn set(time: Duration, ring: impl FnOnce() + Send + 'static) -> io::Result<Self> {
        Self::set_boxed(time, Box::new(ring))
    }

    fn set_boxed(time: Duration, ring: Box<dyn FnOnce() + Send>) -> io::Result<Self> {
        let shared = Arc::new((Mutex::new(false), Condvar::new()));
        let alarm = Self(Arc::clone(&shared));
        spawn("mcp timer", move || {
            let (is_off, changed) = &*shared;
            let state = is_off.lock().unwrap_or_else(PoisonError::into_inner);
            let waited = changed.wait_timeout_while(state, time, |is_off| !*is_off);
            let (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
            let is_off = *state;
            drop(state);
            if !is_off {
                ring();
            }
        })?;
        Ok(alarm)
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        let (is_off, changed) = &*self.0;
        *is_off.lock().unwrap_or_else(PoisonError::into_inner) = true;
        changed.notify_one();
    }
}

/// Waits on any runtime, by an alarm; not at all if there is no thread for it.
pub(super) async fn sleep(time: Duration) {
    let slot = Slot::new();
    let due = Arc::clone(&slot);
    if let Ok(_alarm) = Alarm::set(time, move || due.put(())) {
        slot.wait().await;
    }
}
