//! What a session has only while something seldom goes on, such as a round of input: allocated when it
//! is first changed, so that an idle session is small and need not tell whether it is there.

use alloc::boxed::Box;
use core::ops::{Deref, DerefMut};

use serde::{Deserialize, Serialize};

/// What has a state in which it holds nothing.
pub(crate) trait Idle: Default + 'static {
    /// That state, for those who only look; the same as the default.
    const IDLE: &'static Self;
}

/// A `T` that is mostly idle.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Rare<T>(Option<Box<T>>);

impl<T> Default for Rare<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T> Rare<T> {
    /// What is there to change; `None` while it is idle, and then nothing is allocated.
    #[inline]
    pub(crate) fn existing(&mut self) -> Option<&mut T> {
        self.0.as_deref_mut()
    }
}

impl<T: Idle> Deref for Rare<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        self.0.as_deref().unwrap_or(T::IDLE)
    }
}

impl<T: Idle> DerefMut for Rare<T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        self.0.get_or_insert_default()
    }
}
