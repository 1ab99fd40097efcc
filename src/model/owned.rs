//! Making a decoded value independent of the frame it borrows from.
//! Each wire type implements [`IntoOwned`] through `into_owned!`, field by field.

use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::rpc::{Raw, RpcError, Source, Text};

/// A value that may borrow from a frame and can be made independent of it.
pub trait IntoOwned: Sized {
    /// The same type without a borrow.
    type Owned: 'static;

    /// The same value, holding copies of whatever it had borrowed.
    fn into_owned(self) -> Self::Owned {
        self.owned_from(Source::NONE)
    }

    /// The same value, sharing whatever it had borrowed from the source and copying the rest.
    fn owned_from(self, source: Source<'_>) -> Self::Owned;
}

impl IntoOwned for Text<'_> {
    type Owned = Text<'static>;

    fn owned_from(self, source: Source<'_>) -> Text<'static> {
        Text::owned_from(self, source)
    }
}

impl IntoOwned for Raw<'_> {
    type Owned = Raw<'static>;

    fn owned_from(self, source: Source<'_>) -> Raw<'static> {
        Raw::owned_from(self, source)
    }
}

impl<T: IntoOwned> IntoOwned for Option<T> {
    type Owned = Option<T::Owned>;

    fn owned_from(self, source: Source<'_>) -> Self::Owned {
        self.map(|value| value.owned_from(source))
    }
}

impl<T: IntoOwned> IntoOwned for Box<T> {
    type Owned = Box<T::Owned>;

    fn owned_from(self, source: Source<'_>) -> Self::Owned {
        Box::new((*self).owned_from(source))
    }
}

impl<T: IntoOwned> IntoOwned for Vec<T> {
    type Owned = Vec<T::Owned>;

    fn owned_from(self, source: Source<'_>) -> Self::Owned {
        let values = self.into_iter();
        values.map(|value| value.owned_from(source)).collect()
    }
}

impl<A: IntoOwned, B: IntoOwned> IntoOwned for (A, B) {
    type Owned = (A::Owned, B::Owned);

    fn owned_from(self, source: Source<'_>) -> Self::Owned {
        (self.0.owned_from(source), self.1.owned_from(source))
    }
}

/// Implements [`IntoOwned`] for types that hold no borrow.
macro_rules! already_owned {
    ($($name:ty),* $(,)?) => { $(
        impl $crate::model::owned::IntoOwned for $name {
            type Owned = Self;

            fn owned_from(self, _: $crate::rpc::Source<'_>) -> Self {
                self
            }
        }
    )* };
}

/// Implements [`IntoOwned`] for structs with one lifetime, given the names of all their fields.
macro_rules! into_owned {
    ($($name:ident { $($field:ident),* $(,)? })*) => { $(
        impl $crate::model::owned::IntoOwned for $name<'_> {
            type Owned = $name<'static>;

            fn owned_from(self, source: $crate::rpc::Source<'_>) -> $name<'static> {
                $name { $($field: $crate::model::owned::IntoOwned::owned_from(self.$field, source)),* }
            }
        }
    )* };
}

pub(crate) use {already_owned, into_owned};

already_owned!(bool, i64, u64, u32, f64, RpcError);
