//! The one lock of the core: it guards what several handlers of one server share, never a session,
//! and no code of a user runs while it is held.
//!
//! With feature `std` it is a mutex, and what it guards can be shared between threads. Without, there
//! are no threads to share it with.

#[cfg(not(feature = "std"))]
type Cell<T> = core::cell::RefCell<T>;
#[cfg(feature = "std")]
type Cell<T> = std::sync::Mutex<T>;

/// A value that is changed through a shared reference.
#[derive(Default)]
pub(crate) struct Lock<T>(Cell<T>);

impl<T> Lock<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self(Cell::new(value))
    }

    /// Runs `act` on the value. It must not come back to the same lock.
    pub(crate) fn with<R>(&self, act: impl FnOnce(&mut T) -> R) -> R {
        #[cfg(feature = "std")]
        let mut value = self
            .0
            .lock()
            // Whoever panicked had no code of its own under the lock: the value is whole.
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        #[cfg(not(feature = "std"))]
        let mut value = self.0.borrow_mut();
        act(&mut value)
    }
}
