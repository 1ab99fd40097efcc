//! How the types that `wire_type!` declares are read: from an object and nothing else, each member once.
//! What is the same for all of them stands here, so that it isn't compiled for each.

use core::fmt;
use core::marker::PhantomData;

use serde::Deserializer;
use serde::de::{Error, MapAccess, Visitor};

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

/// Returns an error if the member `key` has come before.
pub(crate) fn once<E: Error>(has_come: bool, key: &'static str) -> Result<(), E> {
    match has_come {
        true => Err(E::duplicate_field(key)),
        false => Ok(()),
    }
}
