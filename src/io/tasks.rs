//! Tasks with the clock and the entropy of the operating system.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::server::{TaskStore, TaskStoreError, Tasks};

/// Returns what keeps tasks in `store`, with the system's wall clock and ids from the system's random
/// source.
pub fn system(store: impl TaskStore) -> Tasks {
    Tasks::new(store, clock, entropy)
}

/// The milliseconds since 1970; before that, no time passes.
fn clock() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    u64::try_from(since.unwrap_or_default().as_millis()).unwrap_or(u64::MAX)
}

fn entropy(bytes: &mut [u8]) -> Result<(), TaskStoreError> {
    getrandom::fill(bytes).map_err(TaskStoreError::new)
}
