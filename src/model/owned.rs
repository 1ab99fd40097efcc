//! Making a decoded value independent of the frame it borrows from.
//! Each wire type implements [`IntoOwned`] through `into_owned!`, field by field.

use alloc::vec::Vec;

use crate::rpc::{Raw, Text};

/// A value that may borrow from a frame and can be made independent of it.
pub trait IntoOwned {
    /// The same type without a borrow.
    type Owned: 'static;

    /// The same value, holding copies of whatever it had borrowed.
    fn into_owned(self) -> Self::Owned;
}

impl IntoOwned for Text<'_> {
    type Owned = Text<'static>;

    fn into_owned(self) -> Text<'static> {
        Text::into_owned(self)
    }
}

impl IntoOwned for Raw<'_> {
    type Owned = Raw<'static>;

    fn into_owned(self) -> Raw<'static> {
        Raw::into_owned(self)
    }
}

impl<T: IntoOwned> IntoOwned for Option<T> {
    type Owned = Option<T::Owned>;

    fn into_owned(self) -> Self::Owned {
        self.map(T::into_owned)
    }
}

impl<T: IntoOwned> IntoOwned for Vec<T> {
    type Owned = Vec<T::Owned>;

    fn into_owned(self) -> Self::Owned {
        self.into_iter().map(T::into_owned).collect()
    }
}

impl<A: IntoOwned, B: IntoOwned> IntoOwned for (A, B) {
    type Owned = (A::Owned, B::Owned);

    fn into_owned(self) -> Self::Owned {
        (self.0.into_owned(), self.1.into_owned())
    }
}

/// Implements [`IntoOwned`] for types that hold no borrow.
macro_rules! already_owned {
    ($($name:ty),* $(,)?) => { $(
        impl $crate::model::owned::IntoOwned for $name {
            type Owned = Self;

            fn into_owned(self) -> Self {
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

            fn into_owned(self) -> $name<'static> {
                $name { $($field: $crate::model::owned::IntoOwned::into_owned(self.$field)),* }
            }
        }
    )* };
}

pub(crate) use {already_owned, into_owned};

already_owned!(bool, i64, u64, u32, f64);
