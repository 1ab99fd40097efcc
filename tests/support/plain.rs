//! Structs as a user's own, without serde's derives: those would have to be built before a plain run, and are for the
//! tests that are about what they make, with feature `derive`.

/// Declares a struct that is read from an object with a member for each field.
#[macro_export]
macro_rules! read_struct {
    ($(#[$about:meta])* struct $name:ident { $($field:ident: $kind:ty),+ $(,)? }) => {
        $(#[$about])*
        struct $name {
            $($field: $kind,)+
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                struct Object;

                impl<'de> serde::de::Visitor<'de> for Object {
                    type Value = $name;

                    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        f.write_str(concat!("struct ", stringify!($name)))
                    }

                    fn visit_map<A>(self, mut members: A) -> Result<$name, A::Error>
                    where
                        A: serde::de::MapAccess<'de>,
                    {
                        $(let mut $field = None;)+
                        while let Some(key) = members.next_key::<String>()? {
                            match key.as_str() {
                                $(stringify!($field) => $field = Some(members.next_value()?),)+
                                _ => drop(members.next_value::<serde::de::IgnoredAny>()?),
                            }
                        }
                        $(let $field = $field.ok_or_else(|| {
                            serde::de::Error::missing_field(stringify!($field))
                        })?;)+
                        Ok($name { $($field),+ })
                    }
                }

                from.deserialize_map(Object)
            }
        }
    };
}

/// Declares a struct that is written as an object with a member for each field.
#[macro_export]
macro_rules! written_struct {
    ($(#[$about:meta])* struct $name:ident $(<$life:lifetime>)? { $($field:ident: $kind:ty),+ $(,)? }) => {
        $(#[$about])*
        struct $name $(<$life>)? {
            $($field: $kind,)+
        }

        impl $(<$life>)? serde::Serialize for $name $(<$life>)? {
            fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                use serde::ser::SerializeStruct;
                let length = [$(stringify!($field)),+].len();
                let mut members = to.serialize_struct(stringify!($name), length)?;
                $(members.serialize_field(stringify!($field), &self.$field)?;)+
                members.end()
            }
        }
    };
}
