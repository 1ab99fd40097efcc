//! Code of users may panic, and then even what it threw may panic when it is dropped.

use core::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs code of a user; `None` if it has panicked. What it leaves half done has to be its own.
pub(super) fn catch_panic<R>(run: impl FnOnce() -> R) -> Option<R> {
    match catch_unwind(AssertUnwindSafe(run)) {
        Ok(result) => Some(result),
        Err(payload) => {
            if let Err(again) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
                mem::forget(again);
            }
            None
        }
    }
}
