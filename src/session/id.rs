//! The handles by which commands and events name what is open. None of them is a request id on the
//! wire: a call keeps its [`CallId`] while its request is sent again under a new one.

use core::fmt;
use core::marker::PhantomData;

use serde::{Deserialize, Serialize};

/// A call of this side, typed by its method; `CallId<()>` for any.
///
/// Ids are never used twice within a session.
#[derive(Serialize, Deserialize)]
#[serde(transparent)]
pub struct CallId<M = ()>(pub(crate) u64, #[serde(skip)] PhantomData<fn() -> M>);

impl<M> CallId<M> {
    pub(crate) const fn new(number: u64) -> Self {
        Self(number, PhantomData)
    }

    /// The same call without its method, for maps and lists.
    pub const fn any(self) -> CallId {
        CallId::new(self.0)
    }
}

impl<M> Clone for CallId<M> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<M> Copy for CallId<M> {}

impl<M, N> PartialEq<CallId<N>> for CallId<M> {
    fn eq(&self, other: &CallId<N>) -> bool {
        self.0 == other.0
    }
}

impl<M> Eq for CallId<M> {}

impl<M> PartialOrd for CallId<M> {
    fn partial_cmp(&self, other: &Self) -> Option<core::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<M> Ord for CallId<M> {
    fn cmp(&self, other: &Self) -> core::cmp::Ordering {
        self.0.cmp(&other.0)
    }
}

impl<M> core::hash::Hash for CallId<M> {
    fn hash<H: core::hash::Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

impl<M> fmt::Debug for CallId<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CallId({})", self.0)
    }
}

impl<M> fmt::Display for CallId<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "call {}", self.0)
    }
}

macro_rules! handle {
    ($(#[$about:meta])* $name:ident, $shown:literal) => {
        $(#[$about])*
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
        )]
        #[serde(transparent)]
        pub struct $name(pub(crate) u64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($shown, " {}"), self.0)
            }
        }
    };
}

handle! {
    /// A request of the peer that this side has to answer.
    IncomingId, "request"
}

handle! {
    /// One thing that a server asked the client for while it works on a call.
    InputId, "input"
}

handle! {
    /// A subscription of the client.
    SubscriptionId, "subscription"
}
