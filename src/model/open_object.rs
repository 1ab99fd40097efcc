//! Objects that keep the members they don't know, beside those that the model names: what only
//! informs must not cost what it stands in, and what an extension adds is handed on.

use serde::Deserialize;

use crate::rpc::Raw;

/// A member that the model names: a switch, or a value that may be missing.
pub(crate) trait Member<'de>: Sized {
    /// Reads the value; `null` is as good as absent. `None` when it is something else: the member
    /// is kept, but says nothing that can be relied on.
    fn read(value: &Raw<'de>) -> Option<Self>;

    /// Whether the member is written: an absent switch means the same as one that is off.
    fn is_written(&self) -> bool;
}

impl<'de> Member<'de> for bool {
    fn read(value: &Raw<'de>) -> Option<Self> {
        value
            .decode_borrowed::<Option<bool>>()
            .map(Option::unwrap_or_default)
    }

    fn is_written(&self) -> bool {
        *self
    }
}

impl<'de, T: Deserialize<'de>> Member<'de> for Option<T> {
    fn read(value: &Raw<'de>) -> Option<Self> {
        value.decode_borrowed()
    }

    fn is_written(&self) -> bool {
        self.is_some()
    }
}

/// How a type with members by key and the rest in `other` is read. Returns an error only if it isn't
/// an object.
macro_rules! read_open {
    ($name:ident { $($field:ident = $key:literal),* $(,)? }) => {
        impl<'de: 'a, 'a> serde::Deserialize<'de> for $name<'a> {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct OpenVisitor;

                impl<'de> serde::de::Visitor<'de> for OpenVisitor {
                    type Value = $name<'de>;

                    fn expecting(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                        f.write_str("an object")
                    }

                    fn visit_map<A: serde::de::MapAccess<'de>>(
                        self,
                        mut map: A,
                    ) -> Result<$name<'de>, A::Error> {
                        use $crate::model::open_object::Member;
                        let mut read = $name::default();
                        while let Some(key) = map.next_key::<$crate::rpc::Text<'de>>()? {
                            let value: $crate::rpc::Raw<'de> = map.next_value()?;
                            let is_read = match key.as_str() {
                                $($key => Member::read(&value).map(|value| read.$field = value),)*
                                _ => None,
                            };
                            if is_read.is_none() {
                                read.other.push((key, value));
                            }
                        }
                        read.other = $crate::model::field::last_of_each_key(read.other);
                        Ok(read)
                    }
                }

                deserializer.deserialize_map(OpenVisitor)
            }
        }
    };
}

/// A struct of optional members that keeps the members it doesn't know, in `other`, and those whose
/// value is none that they may have: members that only inform must not cost what they stand in.
///
/// It is written as a struct as long as there is nothing in `other`, so that an encoder can tell
/// its members by name, and as a map otherwise.
macro_rules! open_struct {
    ($(#[$about:meta])* $name:ident { $($(#[$doc:meta])* $field:ident: $type:ty = $key:literal $(as $written:ident)? $([$($rule:ident($revision:ident)),*])?),* $(,)? }) => {
        $(#[$about])*
        #[derive(Debug, Clone, Default, PartialEq)]
        #[non_exhaustive]
        pub struct $name<'a> {
            $($(#[$doc])* pub $field: Option<$type>,)*
            /// The members that no revision names, in the order in which they came.
            pub other: alloc::vec::Vec<($crate::rpc::Text<'a>, $crate::rpc::Raw<'a>)>,
        }

        impl $name<'_> {
            /// What older revisions lack of it.
            pub(crate) const DOWNGRADE: &'static $crate::model::encode::downgrade::StructRules = {
                use $crate::model::encode::downgrade::{FieldRule, StructRules};
                &StructRules::new(const { &[$(
                    FieldRule::always($key)$($(.$rule($crate::revision::Revision::$revision))*)?
                ),*] })
                .listed_as(stringify!($name))
            };

            /// Creates one with nothing set.
            pub fn new() -> Self {
                Self::default()
            }
        }

        const _: &$crate::model::encode::downgrade::StructRules = $name::DOWNGRADE;

        $crate::model::field::setters!($name { $($field: $type),* });
        $crate::model::owned::into_owned!($name { $($field,)* other });

        impl serde::Serialize for $name<'_> {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                use serde::ser::{SerializeMap, SerializeStruct};
                let known = 0_usize $(.wrapping_add(usize::from(self.$field.is_some())))*;
                if self.other.is_empty() {
                    let mut fields = serializer.serialize_struct($crate::model::encode::downgrade::announced!($name), known)?;
                    $(if let Some(value) = &self.$field {
                        fields.serialize_field($key, &$($written)?(value))?;
                    })*
                    return fields.end();
                }
                let mut members = serializer.serialize_map(Some(known.saturating_add(self.other.len())))?;
                $(if let Some(value) = &self.$field {
                    members.serialize_entry($key, &$($written)?(value))?;
                })*
                for (name, value) in &self.other {
                    members.serialize_entry(name.as_str(), value)?;
                }
                members.end()
            }
        }

        $crate::model::open_object::read_open!($name { $($field = $key),* });
    };
}

pub(crate) use {open_struct, read_open};
