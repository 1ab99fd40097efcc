//! How types are read and written whose members and variants have names: as serde's derives do it, without
//! the crates that those are made of, which would be a fifth of what is compiled before this one.
//!
//! Structs are read from an object and nothing else, each member once.

use core::fmt;
use core::marker::PhantomData;

use serde::Deserializer;
use serde::de::{
    DeserializeSeed, EnumAccess, Error, MapAccess, Unexpected, VariantAccess, Visitor,
};

/// Implements serde's traits for a type by the names of its members or variants.
///
/// * `named! { struct Name<'a> { a, b = "key", [c] } }`: an object with a member for each field, called as
///   the field or by its key. One in brackets may be missing, and is left out, where the field is at its
///   default.
/// * `named! { enum Name { A, B(value) = "key", C { a, b } } }`: the name of a variant, or an object of that
///   name and what the variant holds.
/// * `named! { read struct … }` and `named! { written struct … }`: one of the two directions alone.
macro_rules! named {
    (struct $($all:tt)*) => {
        $crate::named::named! { read struct $($all)* }
        $crate::named::named! { written struct $($all)* }
    };

    (read struct $name:ident $(<$life:lifetime>)? {
        $($($needed:ident)? $([$spare:ident])? $(= $key:literal)?),* $(,)?
    }) => {
        impl<'de $(: $life, $life)?> $crate::named::Named<'de> for $name $(<$life>)? {
            const NAME: &'static str = concat!("struct ", stringify!($name));

            fn read<A: serde::de::MapAccess<'de>>(mut members: A) -> Result<Self, A::Error> {
                $(let mut $($needed)? $($spare)? = None;)*
                let keys = [$($crate::named::key!($($needed)? $($spare)? $($key)?)),*];
                while let Some(key) = members.next_key_seed($crate::named::Member(&keys))? {
                    $(if key == $crate::named::key!($($needed)? $($spare)? $($key)?) {
                        let value = core::marker::PhantomData;
                        $crate::named::member(&mut members, &mut $($needed)? $($spare)?, key, value)
                    } else)* {
                        members.next_value::<serde::de::IgnoredAny>().map(drop)
                    }?;
                }
                Ok(Self {
                    $($($needed)? $($spare)?:
                        $crate::named::taken!($($needed)? $([$spare])? $(= $key)?),)*
                })
            }
        }

        impl<'de $(: $life, $life)?> serde::Deserialize<'de> for $name $(<$life>)? {
            fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                $crate::named::read(from)
            }
        }
    };

    (written struct $name:ident $(<$life:lifetime>)? {
        $($($always:ident)? $([$spare:ident])? $(= $key:literal)?),* $(,)?
    }) => {
        impl $(<$life>)? serde::Serialize for $name $(<$life>)? {
            fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                use serde::ser::SerializeStruct;
                let length = 0_usize
                    $(.wrapping_add($crate::named::count!(self $($always)? $([$spare])?)))*;
                let mut members = to.serialize_struct(stringify!($name), length)?;
                $($crate::named::put!(members self $($always)? $([$spare])? $(= $key)?);)*
                members.end()
            }
        }
    };

    (enum $name:ident $(<$life:lifetime>)? {
        $($(#[$when:meta])* $variant:ident $(($value:ident))? $({ $($field:ident),+ })? $(= $key:literal)?),+
        $(,)?
    }) => {
        impl $(<$life>)? serde::Serialize for $name $(<$life>)? {
            fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                match self {
                    $($(#[$when])* Self::$variant $(($value))? $({ $($field),+ })? => {
                        $crate::named::variant!(
                            @write to $name ($crate::named::key!($variant $($key)?))
                            $(($value))? $({ $($field),+ })?
                        )
                    })+
                }
            }
        }

        impl<'de $(: $life, $life)?> $crate::named::Variants<'de> for $name $(<$life>)? {
            const NAME: &'static str = stringify!($name);
            const VARIANTS: &'static [&'static str] =
                &[$($(#[$when])* $crate::named::key!($variant $($key)?)),+];

            fn read<A: serde::de::VariantAccess<'de>>(
                variant: &'static str,
                held: A,
            ) -> Result<Self, A::Error> {
                $($(#[$when])* if variant == $crate::named::key!($variant $($key)?) {
                    return $crate::named::variant!(
                        @read held $name $variant $(($value))? $({ $($field),+ })?
                    );
                })+
                Err(serde::de::Error::unknown_variant(variant, Self::VARIANTS))
            }
        }

        impl<'de $(: $life, $life)?> serde::Deserialize<'de> for $name $(<$life>)? {
            fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                $crate::named::read_variant(from)
            }
        }
    };
}

/// Implements serde's traits for a newtype: it is what it holds.
macro_rules! transparent {
    ($name:ident $(<$life:lifetime>)?) => {
        impl $(<$life>)? serde::Serialize for $name $(<$life>)? {
            fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                serde::Serialize::serialize(&self.0, to)
            }
        }

        impl<'de $(: $life, $life)?> serde::Deserialize<'de> for $name $(<$life>)? {
            fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                serde::Deserialize::deserialize(from).map(Self)
            }
        }
    };
}

/// The name of a member or a variant: the key that is given, or what it is called here.
macro_rules! key {
    ($name:ident) => {
        stringify!($name)
    };
    ($name:ident $key:literal) => {
        $key
    };
}

/// What was read into a field.
macro_rules! taken {
    ($name:ident $(= $key:literal)?) => {
        $crate::named::needed($name, $crate::named::key!($name $($key)?))?
    };
    ([$name:ident] $(= $key:literal)?) => {
        $name.unwrap_or_default()
    };
}

/// How many members a field is written as.
macro_rules! count {
    ($this:ident $name:ident) => {
        1
    };
    ($this:ident [$name:ident]) => {
        usize::from(!$crate::named::is_default(&$this.$name))
    };
}

/// Writes a field.
macro_rules! put {
    ($members:ident $this:ident $name:ident $(= $key:literal)?) => {
        $members.serialize_field($crate::named::key!($name $($key)?), &$this.$name)?
    };
    ($members:ident $this:ident [$name:ident] $(= $key:literal)?) => {
        if !$crate::named::is_default(&$this.$name) {
            $members.serialize_field($crate::named::key!($name $($key)?), &$this.$name)?;
        }
    };
}

/// Writes or reads one variant.
macro_rules! variant {
    (@write $to:ident $name:ident ($key:expr)) => {{
        let number = $crate::named::number::<Self>($key);
        $to.serialize_unit_variant(stringify!($name), number, $key)
    }};
    (@write $to:ident $name:ident ($key:expr) ($value:ident)) => {{
        let number = $crate::named::number::<Self>($key);
        $to.serialize_newtype_variant(stringify!($name), number, $key, $value)
    }};
    (@write $to:ident $name:ident ($key:expr) { $($field:ident),+ }) => {{
        use serde::ser::SerializeStructVariant;
        let number = $crate::named::number::<Self>($key);
        let length = [$(stringify!($field)),+].len();
        let mut members = $to.serialize_struct_variant(stringify!($name), number, $key, length)?;
        $(members.serialize_field(stringify!($field), $field)?;)+
        members.end()
    }};

    (@read $held:ident $name:ident $variant:ident) => {
        $held.unit_variant().map(|()| Self::$variant)
    };
    (@read $held:ident $name:ident $variant:ident ($value:ident)) => {
        $held.newtype_variant().map(Self::$variant)
    };
    (@read $held:ident $name:ident $variant:ident { $($field:ident),+ }) => {{
        struct Held($name);

        impl<'de> $crate::named::Named<'de> for Held {
            const NAME: &'static str = concat!("struct variant ", stringify!($name), "::", stringify!($variant));

            fn read<A: serde::de::MapAccess<'de>>(mut members: A) -> Result<Self, A::Error> {
                $(let mut $field = None;)+
                let keys = [$(stringify!($field)),+];
                while let Some(key) = members.next_key_seed($crate::named::Member(&keys))? {
                    $(if key == stringify!($field) {
                        let value = core::marker::PhantomData;
                        $crate::named::member(&mut members, &mut $field, key, value)
                    } else)+ {
                        members.next_value::<serde::de::IgnoredAny>().map(drop)
                    }?;
                }
                Ok(Self($name::$variant {
                    $($field: $crate::named::needed($field, stringify!($field))?,)+
                }))
            }
        }

        $crate::named::read_held($held, &[$(stringify!($field)),+]).map(|Held(read)| read)
    }};
}

pub(crate) use {count, key, named, put, taken, transparent, variant};

/// A type that is read from the members of an object.
pub(crate) trait Named<'de>: Sized {
    /// What it is called in errors.
    const NAME: &'static str;

    /// Reads the members; those that it doesn't know are skipped.
    fn read<A: MapAccess<'de>>(members: A) -> Result<Self, A::Error>;
}

struct Object<T>(PhantomData<T>);

impl<'de, T: Named<'de>> Visitor<'de> for Object<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(T::NAME)
    }

    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<T, A::Error> {
        T::read(members)
    }
}

/// Reads such a type. Returns an error if the value is no object, lacks a member that has to be there, or
/// has one twice.
pub(crate) fn read<'de, T, D>(deserializer: D) -> Result<T, D::Error>
where
    T: Named<'de>,
    D: Deserializer<'de>,
{
    deserializer.deserialize_map(Object(PhantomData))
}

/// Reads what a variant with members holds.
pub(crate) fn read_held<'de, T, A>(held: A, keys: &'static [&'static str]) -> Result<T, A::Error>
where
    T: Named<'de>,
    A: VariantAccess<'de>,
{
    held.struct_variant(keys, Object(PhantomData))
}

/// Reads the value of the member `key` into its field. Returns an error if it has come before.
// Inlined where that is optimised; elsewhere it only makes more code of each field.
#[cfg_attr(not(debug_assertions), inline(always))]
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

/// What was read of the member `key`. Returns an error if it wasn't there.
pub(crate) fn needed<T, E: Error>(read: Option<T>, key: &'static str) -> Result<T, E> {
    read.ok_or_else(|| E::missing_field(key))
}

/// Whether a field need not be written.
pub(crate) fn is_default<T: Default + PartialEq>(field: &T) -> bool {
    *field == T::default()
}

/// Reads a key as one of these; any other is empty.
pub(crate) struct Member<'k>(pub(crate) &'k [&'static str]);

impl<'de> DeserializeSeed<'de> for Member<'_> {
    type Value = &'static str;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<&'static str, D::Error> {
        from.deserialize_identifier(self)
    }
}

impl Visitor<'_> for Member<'_> {
    type Value = &'static str;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("field identifier")
    }

    fn visit_str<E: Error>(self, key: &str) -> Result<&'static str, E> {
        let known = self.0.iter().find(|known| **known == key);
        Ok(known.copied().unwrap_or_default())
    }
}

/// An enum that is read by the name of a variant.
pub(crate) trait Variants<'de>: Sized {
    /// What it is called in errors.
    const NAME: &'static str;
    /// What the variants are called, in the order of their declaration.
    const VARIANTS: &'static [&'static str];

    /// Reads what `variant`, which is one of these, holds.
    fn read<A: VariantAccess<'de>>(variant: &'static str, held: A) -> Result<Self, A::Error>;
}

struct OneOf<T>(PhantomData<T>);

impl<'de, T: Variants<'de>> Visitor<'de> for OneOf<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "enum {}", T::NAME)
    }

    fn visit_enum<A: EnumAccess<'de>>(self, variant: A) -> Result<T, A::Error> {
        let (variant, held) = variant.variant_seed(Variant(T::VARIANTS))?;
        T::read(variant, held)
    }
}

/// Reads such an enum. Returns an error if it has no variant of that name.
pub(crate) fn read_variant<'de, T, D>(deserializer: D) -> Result<T, D::Error>
where
    T: Variants<'de>,
    D: Deserializer<'de>,
{
    deserializer.deserialize_enum(T::NAME, T::VARIANTS, OneOf(PhantomData))
}

/// Where the variant stands among the others.
pub(crate) fn number<'de, T: Variants<'de>>(variant: &str) -> u32 {
    let at = T::VARIANTS.iter().position(|other| *other == variant);
    at.and_then(|at| u32::try_from(at).ok()).unwrap_or_default()
}

/// Reads the name, or the number, of one of these variants.
struct Variant(&'static [&'static str]);

impl<'de> DeserializeSeed<'de> for Variant {
    type Value = &'static str;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<&'static str, D::Error> {
        from.deserialize_identifier(self)
    }
}

impl Visitor<'_> for Variant {
    type Value = &'static str;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("variant identifier")
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<&'static str, E> {
        let known = usize::try_from(number).ok().and_then(|at| self.0.get(at));
        known
            .copied()
            .ok_or_else(|| E::invalid_value(Unexpected::Unsigned(number), &self))
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<&'static str, E> {
        let known = self.0.iter().find(|known| **known == name);
        known
            .copied()
            .ok_or_else(|| E::unknown_variant(name, self.0))
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::{String, ToString};
    use alloc::vec::Vec;

    #[derive(Debug, PartialEq)]
    struct Line<'a> {
        from: &'a str,
        length: u32,
        notes: Vec<String>,
        colour: Option<Colour>,
    }

    named! { struct Line<'a> { from, length = "long", [notes], [colour] = "color" } }

    #[derive(Debug, PartialEq)]
    enum Colour {
        Red,
        Grey(u8),
        Mixed { red: Share, blue: Share },
    }

    named! { enum Colour { Red = "red", Grey(shade), Mixed { red, blue } } }

    #[derive(Debug, PartialEq)]
    struct Share(u8);

    transparent! { Share }

    fn line(colour: Option<Colour>) -> Line<'static> {
        Line {
            from: "a",
            length: 3,
            notes: Vec::new(),
            colour,
        }
    }

    #[test]
    fn what_is_written_is_read_again() {
        let mixed = Colour::Mixed {
            red: Share(1),
            blue: Share(2),
        };
        for (line, text) in [
            (line(None), r#"{"from":"a","long":3}"#),
            (
                line(Some(Colour::Red)),
                r#"{"from":"a","long":3,"color":"red"}"#,
            ),
            (
                line(Some(Colour::Grey(9))),
                r#"{"from":"a","long":3,"color":{"Grey":9}}"#,
            ),
            (
                line(Some(mixed)),
                r#"{"from":"a","long":3,"color":{"Mixed":{"red":1,"blue":2}}}"#,
            ),
        ] {
            assert_eq!(serde_json::to_string(&line).unwrap(), text);
            assert_eq!(serde_json::from_str::<Line<'_>>(text).unwrap(), line);
        }
    }

    #[test]
    fn members_come_in_any_order_and_others_are_skipped() {
        let text = r#"{"x":{"long":1},"color":null,"long":3,"":0,"from":"a"}"#;
        assert_eq!(serde_json::from_str::<Line<'_>>(text).unwrap(), line(None));
    }

    #[test]
    fn what_does_not_fit_is_told_by_name() {
        for (text, told) in [
            (r#"{"from":"a"}"#, "missing field `long`"),
            (r#"{"long":3,"long":3}"#, "duplicate field `long`"),
            (r#"[]"#, "invalid type: sequence, expected struct Line"),
            (
                r#"{"color":"blue"}"#,
                "unknown variant `blue`, expected one of `red`, `Grey`, `Mixed`",
            ),
            (r#"{"color":{"Mixed":{"red":1}}}"#, "missing field `blue`"),
            (
                r#"{"color":{"Mixed":[1]}}"#,
                "invalid type: sequence, expected struct variant Colour::Mixed",
            ),
        ] {
            let error = serde_json::from_str::<Line<'_>>(text).unwrap_err();
            assert!(error.to_string().starts_with(told), "{text}: {error}");
        }
    }
}
