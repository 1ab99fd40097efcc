//! The one lock of the core: it guards what several handlers of one server share, never a session,
//! and no code of a user runs while it is held.
//!
//! With feature `std` it is a mutex, and what it guards can be shared between threads. Without, there
//! are no threads to share it with.

use alloc::boxed::Box;
use core::pin::Pin;

#[cfg(not(feature = "std"))]
type Cell<T> = core::cell::RefCell<T>;
#[cfg(feature = "std")]
type Cell<T> = std::sync::Mutex<T>;

#[cfg(not(feature = "std"))]
type OnceCell<T> = core::cell::OnceCell<T>;
#[cfg(feature = "std")]
type OnceCell<T> = std::sync::OnceLock<T>;

/// A future of the core's own. It may go to another thread where there are threads, and holds what such locks guard.
#[cfg(feature = "std")]
pub(crate) type Pending<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;
#[cfg(not(feature = "std"))]
pub(crate) type Pending<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;

/// What may go to another thread, where there are threads.
#[cfg(feature = "std")]
pub(crate) trait Portable: Send {}
#[cfg(feature = "std")]
impl<T: Send + ?Sized> Portable for T {}
#[cfg(not(feature = "std"))]
pub(crate) trait Portable {}
#[cfg(not(feature = "std"))]
impl<T: ?Sized> Portable for T {}

/// A value that is made when it is first asked for.
pub(crate) struct Once<T>(OnceCell<T>);

impl<T> Once<T> {
    pub(crate) const fn new() -> Self {
        Self(OnceCell::new())
    }

    pub(crate) fn get_or_make(&self, make: impl FnOnce() -> T) -> &T {
        self.0.get_or_init(make)
    }
}

/// A value that is changed through a shared reference.
#[derive(Default)]
pub(crate) struct Lock<T>(Cell<T>);

impl<T> Lock<T> {
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
