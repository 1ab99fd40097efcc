//! The timer of an asynchronous connection, which a runtime or a function makes.

use core::task::{Context, Poll};
use core::time::Duration;

/// Something that goes off after a while.
pub trait Timer {
    /// Sets it, in place of what it was set to before.
    fn arm(&mut self, wait: Duration);

    /// Whether it has gone off. Polled only after it was set.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()>;
}
