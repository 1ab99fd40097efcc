//! The same functions as in `on`, all empty.

use core::fmt;
use core::marker::PhantomData;

use super::{Role, Subject};
use crate::revision::Revision;
use crate::time::Instant;

#[derive(Debug)]
pub(crate) struct Spans<K>(PhantomData<fn(K)>);

#[derive(Clone, Default)]
pub(crate) struct Scope(());

impl<K: Ord> Spans<K> {
    pub(crate) const fn new() -> Self {
        Self(PhantomData)
    }

    #[inline]
    pub(crate) fn begin(&mut self, _: Role, _: Instant, _: K, _: impl FnOnce() -> Subject) {}

    #[inline]
    pub(crate) fn scope(&self, _: &K) -> Scope {
        Scope(())
    }

    #[inline]
    pub(crate) fn end(&mut self, _: Instant, _: &K, _: &'static str, _: Option<i64>) {}
}

impl Scope {
    #[inline]
    pub(crate) fn enter<R>(&self, act: impl FnOnce() -> R) -> R {
        act()
    }
}

#[inline]
pub(crate) fn answered(_: Role, _: &'static str, _: Option<i64>, _: impl FnOnce() -> Subject) {}

#[cfg(feature = "std")]
#[inline]
pub(crate) fn connecting(_: bool) {}

#[inline]
pub(crate) fn opening_failed(_: &dyn fmt::Display) {}

#[inline]
pub(crate) fn opened(_: Role, _: Option<Revision>) {}

#[inline]
pub(crate) fn closed(_: Role, _: &dyn fmt::Display) {}

#[inline]
pub(crate) fn ignored(_: Role, _: &'static str, _: &dyn fmt::Display) {}

#[inline]
pub(crate) fn received(_: Role, _: &[u8]) {}

#[inline]
pub(crate) fn sent(_: Role, _: &[u8]) {}
