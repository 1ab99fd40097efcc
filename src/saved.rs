//! How state is saved: without names, since a format has a number and no other is read.
//!
//! serde's derives make a type of names, visitors and loops for each struct, which was a sixth of what
//! the compiler had to read of this crate. What [`saved!`] makes is one tuple.

use core::fmt;
use core::marker::PhantomData;

use serde::Deserialize;
use serde::de::{Error, SeqAccess, Visitor};

/// Implements serde's traits for a type as it is saved.
///
/// * `saved! { struct Name { a, b; c } }`: a tuple of `a` and `b`; `c` is not saved and begins at
///   its default.
/// * `saved! { struct Name<T: Bound, const N: usize> { a } }`: the same with parameters; the bound
///   and the constant may be left out.
/// * `saved! { enum Name { 0 => A, 1 => B(value), 2 => C { a, b } } }`: the number and a tuple of what
///   the variant holds. `C { a: make }` passes `a` through `make` when it is read.
macro_rules! saved {
    (struct $name:ident $(<$part:ident $(: $bound:ident)? $(, const $size:ident: usize)?>)? {
        $($kept:ident),+ $(; $($fresh:ident),+)?
    }) => {
        impl<$($part: $($bound +)? serde::Serialize $(, const $size: usize)?)?> serde::Serialize
            for $name<$($part $(, $size)?)?>
        {
            fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                serde::Serialize::serialize(&($(&self.$kept,)+), to)
            }
        }

        impl<'de $(, $part: $($bound +)? serde::Deserialize<'de> $(, const $size: usize)?)?>
            serde::Deserialize<'de> for $name<$($part $(, $size)?)?>
        {
            fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                let ($($kept,)+) = serde::Deserialize::deserialize(from)?;
                Ok(Self { $($kept,)+ $($($fresh: Default::default(),)+)? })
            }
        }
    };

    (enum $name:ident {
        $($number:literal => $variant:ident $(($value:ident))?
            $({ $($field:ident $(: $make:path)?),+ })?),+ $(,)?
    }) => {
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                match self {
                    $(Self::$variant $(($value))? $({ $($field),+ })? => {
                        let held = ($($value,)? $($($field,)+)?);
                        serde::Serialize::serialize(&($number as u8, held), to)
                    })+
                }
            }
        }

        impl $crate::saved::Numbered for $name {
            fn read<'de, A: serde::de::SeqAccess<'de>>(
                number: u8,
                held: &mut A,
            ) -> Result<Self, A::Error> {
                match number {
                    $($number => {
                        let ($($value,)? $($($field,)+)?) = $crate::saved::next(held)?;
                        Ok(Self::$variant $(($value))? $({ $($field: saved!(@made $field $($make)?)),+ })?)
                    })+
                    _ => Err($crate::saved::unknown()),
                }
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                from.deserialize_tuple(2, $crate::saved::ByNumber::default())
            }
        }
    };

    (@made $value:ident) => { $value };
    (@made $value:ident $make:path) => { $make($value) };
}
pub(crate) use saved;

/// An enum that is saved as the number of a variant and what that holds.
pub(crate) trait Numbered: Sized {
    fn read<'de, A: SeqAccess<'de>>(number: u8, held: &mut A) -> Result<Self, A::Error>;
}

/// Reads such an enum.
pub(crate) struct ByNumber<T>(PhantomData<T>);

impl<T> Default for ByNumber<T> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<'de, T: Numbered> Visitor<'de> for ByNumber<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number and what goes with it")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut held: A) -> Result<T, A::Error> {
        T::read(next(&mut held)?, &mut held)
    }
}

/// Reads one more element.
pub(crate) fn next<'de, T: Deserialize<'de>, A: SeqAccess<'de>>(
    held: &mut A,
) -> Result<T, A::Error> {
    let element = held.next_element()?;
    element.ok_or_else(|| A::Error::custom("an element is missing"))
}

pub(crate) fn unknown<E: Error>() -> E {
    E::custom("no variant has this number")
}
