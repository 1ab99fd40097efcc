//! Types that are read from named texts: the arguments of a prompt, the variables of a resource
//! template. A number, a `bool` or a variant of an enum is read from its text.

use alloc::format;
use alloc::string::String;
use core::fmt::Display;
use core::str::FromStr;

use serde::de::value::{Error, MapDeserializer};
use serde::de::{Deserializer, Error as _, IntoDeserializer, Visitor};
use serde::{Deserialize, forward_to_deserialize_any};

/// Reads an `A`. An error names the text that doesn't fit.
pub(super) fn read<'de, A: Deserialize<'de>>(
    texts: impl Iterator<Item = (&'de str, &'de str)>,
) -> Result<A, Error> {
    let named = texts.map(|(name, text)| (name, Value { name, text }));
    match A::deserialize(MapDeserializer::new(named)) {
        Err(error) if size_of::<A>() == 0 => {
            // A type without content, such as `()`, needs no text.
            A::deserialize(().into_deserializer()).map_err(|_: Error| error)
        }
        read => read,
    }
}

#[derive(Clone, Copy)]
struct Value<'de> {
    name: &'de str,
    text: &'de str,
}

impl Value<'_> {
    fn parse<T: FromStr<Err: Display>>(self) -> Result<T, Error> {
        self.text.parse().map_err(|error| self.wrong(&error))
    }

    fn wrong(self, error: &dyn Display) -> Error {
        let shown: String = self.text.chars().take(64).collect();
        Error::custom(format!("{}: {error}: {shown:?}", self.name))
    }
}

impl<'de> IntoDeserializer<'de> for Value<'de> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

macro_rules! parsed {
    ($($deserialize:ident $visit:ident)*) => { $(
        fn $deserialize<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            visitor.$visit(self.parse()?)
        }
    )* };
}

impl<'de> Deserializer<'de> for Value<'de> {
    type Error = Error;

    parsed! {
        deserialize_bool visit_bool
        deserialize_i8 visit_i8
        deserialize_i16 visit_i16
        deserialize_i32 visit_i32
        deserialize_i64 visit_i64
        deserialize_u8 visit_u8
        deserialize_u16 visit_u16
        deserialize_u32 visit_u32
        deserialize_u64 visit_u64
        deserialize_f32 visit_f32
        deserialize_f64 visit_f64
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let visited: Result<V::Value, Error> = visitor.visit_borrowed_str(self.text);
        visited.map_err(|error| self.wrong(&error))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        let variant: serde::de::value::BorrowedStrDeserializer<'de, Error> =
            serde::de::value::BorrowedStrDeserializer::new(self.text);
        visitor
            .visit_enum(variant)
            .map_err(|error| self.wrong(&error))
    }

    forward_to_deserialize_any! {
        i128 u128 char str string bytes byte_buf unit unit_struct seq tuple tuple_struct map struct
        identifier ignored_any
    }
}
