//! How the types that `wire_type!` declares are read: from an object and nothing else, each member once.
//! What is the same for all of them stands here, so that it isn't compiled for each.

use core::fmt;
use core::marker::PhantomData;

use serde::Deserializer;
use serde::de::{DeserializeSeed, Error, MapAccess, Visitor};

/// A type that is read from the members of an object.
pub(crate) trait WireType<'de>: Sized {
    /// What it is called in errors.
    const NAME: &'static str;

    /// Reads the members; those that it doesn't know are skipped.
    fn read<A: MapAccess<'de>>(members: A) -> Result<Self, A::Error>;
}

struct Object<T>(PhantomData<T>);

impl<'de, T: WireType<'de>> Visitor<'de> for Object<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "struct {}", T::NAME)
    }

    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<T, A::Error> {
        T::read(members)
    }
}

/// Reads a value of the wire. Returns an error if it is no object, lacks a member that has to be there, or
/// has one twice.
pub(crate) fn read<'de, T, D>(deserializer: D) -> Result<T, D::Error>
where
    T: WireType<'de>,
    D: Deserializer<'de>,
{
    deserializer.deserialize_map(Object(PhantomData))
}

/// Reads the value of the member `key` into its field. Returns an error if it has come before.
#[inline(always)]
pub(crate) fn member<'de, T, A, V>(
    members: &mut A,
    field: &mut Option<T>,
    key: &'static str,
    value: V,
) -> Result<(), A::Error>
where
    A: MapAccess<'de>,
    V: DeserializeSeed<'de, Value = T>,
{
    if field.is_some() {
        return Err(A::Error::duplicate_field(key));
    }
    *field = Some(members.next_value_seed(value)?);
    Ok(())
}
