//! The handles by which commands and events name what is open. None of them is a request id on the
//! wire: a call keeps its [`CallId`] while its request is sent again under a new one.
//!
//! Rules of this file: a handle belongs to the session that gave it, and every other session says
//! that it doesn't know it; which session that is never shows, neither on the wire nor in `Debug`.

use core::fmt;
use core::marker::PhantomData;
use core::sync::atomic::{AtomicU32, Ordering};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::named::transparent;

/// Which session of this process a handle belongs to. A restored session keeps its tag, as its user
/// keeps the handles.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct SessionTag(u32);

transparent! { SessionTag }

/// The highest tag.
const MOST: u32 = (1 << (64 - NUMBER_BITS)) - 1;

static NEXT: AtomicU32 = AtomicU32::new(0);

impl SessionTag {
    /// A tag that no session of this process has, unless there were sixteen million others since.
    pub(crate) fn fresh() -> Self {
        Self(NEXT.fetch_add(1, Ordering::Relaxed) & MOST)
    }

    /// Whether handles have room for it, as they have unless a saved one was changed.
    pub(crate) const fn is_sound(self) -> bool {
        self.0 <= MOST
    }

    /// Keeps a restored session's tag from being given to another session later.
    pub(crate) fn reserve(self) {
        NEXT.fetch_max(self.0.saturating_add(1), Ordering::Relaxed);
    }
}

impl fmt::Debug for SessionTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionTag")
    }
}

/// How many bits of a handle are its number: a session that opens a million things a second has
/// enough for twelve days, one that opens a thousand for thirty years.
const NUMBER_BITS: u32 = 40;

/// A number in a session, and above it the session's tag. Handles stand in every event, so they are
/// kept to 8 bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Packed(u64);

transparent! { Packed }

impl Packed {
    const fn new(tag: SessionTag, number: u64) -> Self {
        Self(((tag.0 as u64) << NUMBER_BITS) | (number & ((1 << NUMBER_BITS) - 1)))
    }

    const fn number(self) -> u64 {
        self.0 & ((1 << NUMBER_BITS) - 1)
    }

    const fn number_in(self, tag: SessionTag) -> Option<u64> {
        if self.0 >> NUMBER_BITS == tag.0 as u64 {
            return Some(self.number());
        }
        None
    }

    const fn tag(self) -> SessionTag {
        SessionTag((self.0 >> NUMBER_BITS) as u32)
    }
}

/// A call of this side, typed by its method; `CallId<()>` for any.
///
/// Ids are never used twice within a session, and those of one session mean nothing to another.
pub struct CallId<M = ()>(Packed, PhantomData<fn() -> M>);

impl<M> Serialize for CallId<M> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(to)
    }
}

impl<'de, M> Deserialize<'de> for CallId<M> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Packed::deserialize(from).map(|packed| Self(packed, PhantomData))
    }
}

impl<M> CallId<M> {
    pub(crate) const fn new(tag: SessionTag, number: u64) -> Self {
        Self(Packed::new(tag, number), PhantomData)
    }

    /// Returns the same call without its method, for maps and lists.
    pub const fn any(self) -> CallId {
        self.typed()
    }

    /// The same call, said to be of another method.
    pub(crate) const fn typed<N>(self) -> CallId<N> {
        CallId::new(self.0.tag(), self.0.number())
    }

    /// The number by which the session `tag` knows it; `None` when it is another session's.
    pub(crate) fn number_in(self, tag: SessionTag) -> Option<u64> {
        self.0.number_in(tag)
    }

    /// The number by which its own session knows it.
    pub(crate) const fn number(self) -> u64 {
        self.0.number()
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
        write!(f, "CallId({})", self.0.number())
    }
}

impl<M> fmt::Display for CallId<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "call {}", self.0.number())
    }
}

macro_rules! handle {
    ($(#[$about:meta])* $name:ident, $shown:literal) => {
        $(#[$about])*
        ///
        /// Ids are never used twice within a session, and those of one session mean nothing to
        /// another.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Packed);

        transparent! { $name }

        impl $name {
            pub(crate) const fn new(tag: SessionTag, number: u64) -> Self {
                Self(Packed::new(tag, number))
            }

            /// The number by which the session `tag` knows it; `None` when it is another session's.
            pub(crate) fn number_in(self, tag: SessionTag) -> Option<u64> {
                self.0.number_in(tag)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0.number())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($shown, " {}"), self.0.number())
            }
        }
    };
}

handle! {
    /// A request of the peer that this side has to answer.
    IncomingId, "request"
}

impl IncomingId {
    /// The number by which its own session knows it.
    pub(crate) const fn number(self) -> u64 {
        self.0.number()
    }
}

handle! {
    /// One thing that a server asked the client for while it works on a call.
    InputId, "input"
}

handle! {
    /// A subscription of the client.
    SubscriptionId, "subscription"
}
