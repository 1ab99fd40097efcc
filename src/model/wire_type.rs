//! The macro by which a type of the wire is declared once: its fields with what they mean, which
//! revisions know them, and how they are read and written all follow from one declaration.

/// Declares a struct of the wire.
///
/// ```text
/// wire_type! {
///     /// What it is.
///     #[derive(Debug)]                                    // `Clone` and `PartialEq` it has anyway
///     pub struct Tool<'a> [refused_before(V2025_11_25, "a tool")] {   // a rule for all of it
///         const kind as "type": ToolType,                 // a member with one fixed value
///         /// A member that is always there.
///         name: Text<'a>,
///         /// One that may be missing: an `Option` with a setter of its name.
///         title?: Text<'a> [since(V2025_06_18)],
///         /// Its key differs from its name in camel case; numbers are written by a wrapper.
///         size? as "_size": f64 as Number,
///         /// Read from peers, never written.
///         pattern?: Text<'a> [read only],
///         /// Without a setter of its name: the type has methods of its own for it.
///         required?: Vec<Text<'a>> [no setter],
///     }
///
///     /// Makes one of the members that are always there, in any order.
///     pub fn new(name: impl Into<Text<'a>>);               // optional
/// }
/// ```
///
/// A field takes `#[serde(..)]` for how it is read, after its documentation. A rule is a method of
/// [`FieldRule`](crate::model::encode::downgrade::FieldRule); several are separated by commas. A fixed
/// member that is missing reads as if it were there, unless it is declared as `[required]`.
///
/// What serde derives can be narrowed: with `#[serde(remote = "Self")]` on the struct it is an
/// associated function, around which the type implements `Deserialize` by hand.
macro_rules! wire_type {
    (
        $(#[$about:meta])*
        pub struct $name:ident<'a> $([$($rule:tt)*])? { $($fields:tt)* }
        $($(#[$new_about:meta])* pub fn new($($new:tt)*);)?
    ) => {
        $crate::model::wire_type::wire_type! {
            @normalize [$(#[$about])*] $name [$($($rule)*)?] [$($(#[$new_about])* ($($new)*))?] []
            $($fields)*
        }
    };

    // A member with one fixed value.
    (
        @normalize $about:tt $name:ident $rule:tt $new:tt [$($done:tt)*]
        const $field:ident: $type:ty [required],
        $($rest:tt)*
    ) => {
        $crate::model::wire_type::wire_type! {
            @normalize $about $name $rule $new [$($done)* {
                [pub(crate)] [] $field ($field) fixed fixed [$type] [$type] [] []
            }]
            $($rest)*
        }
    };

    (
        @normalize $about:tt $name:ident $rule:tt $new:tt [$($done:tt)*]
        $(#[serde($($serde:tt)*)])?
        const $field:ident $(as $key:literal)?: $type:ty $([$($field_rule:tt)*])?,
        $($rest:tt)*
    ) => {
        $crate::model::wire_type::wire_type! {
            @normalize $about $name $rule $new [$($done)* {
                [$(#[serde(rename = $key)])? #[serde(default $(, $($serde)*)?)] pub(crate)]
                [] $field ($field $(, $key)?) fixed fixed [$type] [$type] [] [$($($field_rule)*)?]
            }]
            $($rest)*
        }
    };

    // One that is read only.
    (
        @normalize $about:tt $name:ident $rule:tt $new:tt [$($done:tt)*]
        $(#[doc = $doc:literal])* $(#[serde($($serde:tt)*)])?
        $field:ident ? $(as $key:literal)?: $type:ty [read only],
        $($rest:tt)*
    ) => {
        $crate::model::wire_type::wire_type! {
            @normalize $about $name $rule $new [$($done)* {
                [
                    $(#[doc = $doc])* $(#[serde(rename = $key)])?
                    #[serde(default $(, $($serde)*)?)] pub
                ]
                [$(#[doc = $doc])*] $field ($field $(, $key)?) read_only one
                [Option<$type>] [$type] [] []
            }]
            $($rest)*
        }
    };

    // One that is set by methods of the type's own.
    (
        @normalize $about:tt $name:ident $rule:tt $new:tt [$($done:tt)*]
        $(#[doc = $doc:literal])* $(#[serde($($serde:tt)*)])?
        $field:ident ? $(as $key:literal)?: $type:ty [no setter],
        $($rest:tt)*
    ) => {
        $crate::model::wire_type::wire_type! {
            @normalize $about $name $rule $new [$($done)* {
                [
                    $(#[doc = $doc])* $(#[serde(rename = $key)])?
                    #[serde(default $(, $($serde)*)?)] pub
                ]
                [] $field ($field $(, $key)?) optional fixed
                [Option<$type>] [$type] [] []
            }]
            $($rest)*
        }
    };

    // Lists that may be missing.
    (
        @normalize $about:tt $name:ident $rule:tt $new:tt [$($done:tt)*]
        $(#[doc = $doc:literal])* $(#[serde($($serde:tt)*)])?
        $field:ident ? $(as $key:literal)?: Vec<Text<'a>> $([$($field_rule:tt)*])?,
        $($rest:tt)*
    ) => {
        $crate::model::wire_type::wire_type! {
            @normalize $about $name $rule $new [$($done)* {
                [
                    $(#[doc = $doc])* $(#[serde(rename = $key)])?
                    #[serde(default $(, $($serde)*)?)] pub
                ]
                [$(#[doc = $doc])*] $field ($field $(, $key)?) optional texts
                [Option<alloc::vec::Vec<Text<'a>>>] [Text<'a>] [] [$($($field_rule)*)?]
            }]
            $($rest)*
        }
    };
    (
        @normalize $about:tt $name:ident $rule:tt $new:tt [$($done:tt)*]
        $(#[doc = $doc:literal])* $(#[serde($($serde:tt)*)])?
        $field:ident ? $(as $key:literal)?: Vec<$item:ty> $([$($field_rule:tt)*])?,
        $($rest:tt)*
    ) => {
        $crate::model::wire_type::wire_type! {
            @normalize $about $name $rule $new [$($done)* {
                [
                    $(#[doc = $doc])* $(#[serde(rename = $key)])?
                    #[serde(default $(, $($serde)*)?)] pub
                ]
                [$(#[doc = $doc])*] $field ($field $(, $key)?) optional items
                [Option<alloc::vec::Vec<$item>>] [$item] [] [$($($field_rule)*)?]
            }]
            $($rest)*
        }
    };

    // Everything else that may be missing.
    (
        @normalize $about:tt $name:ident $rule:tt $new:tt [$($done:tt)*]
        $(#[doc = $doc:literal])* $(#[serde($($serde:tt)*)])?
        $field:ident ? $(as $key:literal)?: $type:ty $(as $write:ident)? $([$($field_rule:tt)*])?,
        $($rest:tt)*
    ) => {
        $crate::model::wire_type::wire_type! {
            @normalize $about $name $rule $new [$($done)* {
                [
                    $(#[doc = $doc])* $(#[serde(rename = $key)])?
                    #[serde(default $(, $($serde)*)?)] pub
                ]
                [$(#[doc = $doc])*] $field ($field $(, $key)?) optional one
                [Option<$type>] [$type] [$($write)?] [$($($field_rule)*)?]
            }]
            $($rest)*
        }
    };

    // What is always there.
    (
        @normalize $about:tt $name:ident $rule:tt $new:tt [$($done:tt)*]
        $(#[doc = $doc:literal])* $(#[serde($($serde:tt)*)])?
        $field:ident $(as $key:literal)?: $type:ty $(as $write:ident)? $([$($field_rule:tt)*])?,
        $($rest:tt)*
    ) => {
        $crate::model::wire_type::wire_type! {
            @normalize $about $name $rule $new [$($done)* {
                [
                    $(#[doc = $doc])* $(#[serde(rename = $key)])?
                    $(#[serde($($serde)*)])? pub
                ]
                [] $field ($field $(, $key)?) required fixed
                [$type] [$type] [$($write)?] [$($($field_rule)*)?]
            }]
            $($rest)*
        }
    };

    (
        @normalize [$($about:tt)*] $name:ident [$($whole:ident($($whole_argument:expr),*)),*]
        $new:tt [$({
            [$($declared:tt)*] [$($doc:tt)*] $field:ident $key:tt $kind:ident $setter:ident
            [$($full:tt)*] [$type:ty] [$($write:ident)?]
            [$($rule:ident($($rule_argument:expr),*)),*]
        })*]
    ) => {
        #[derive(Clone, PartialEq, serde::Deserialize)]
        $($about)*
        #[serde(rename_all = "camelCase", bound(deserialize = "'de: 'a"))]
        #[non_exhaustive]
        pub struct $name<'a> {
            $($($declared)* $field: $($full)*,)*
        }

        impl<'a> $name<'a> {
            $crate::model::wire_type::constructor! { $new [$($kind $field)*] }

            $($crate::model::wire_type::setter! { $setter [$($doc)*] $field $type })*
        }

        impl $name<'_> {
            /// What older revisions lack of it.
            pub(crate) const DOWNGRADE: &'static $crate::model::encode::downgrade::StructRules = {
                #[allow(unused_imports, clippy::enum_glob_use, reason = "rules name revisions")]
                use $crate::revision::Revision::*;
                use $crate::model::encode::downgrade::{FieldRule, StructRules};
                &StructRules::new(const { &[$(
                    FieldRule::always($crate::model::wire_type::key!$key)
                        $(.$rule($($rule_argument),*))*
                ),*] })
                    $(.$whole($($whole_argument),*))*
                    .listed_as(stringify!($name))
            };
        }

        // Looked at here, so that a type which isn't listed doesn't compile.
        const _: &$crate::model::encode::downgrade::StructRules = $name::DOWNGRADE;

        impl serde::Serialize for $name<'_> {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                use serde::ser::SerializeStruct;
                let length = 0 $(+ $crate::model::wire_type::count!($kind self.$field))*;
                let mut fields = serializer.serialize_struct(
                    $crate::model::encode::downgrade::announced!($name),
                    length,
                )?;
                $($crate::model::wire_type::write!($kind fields $key self.$field [$($write)?]);)*
                fields.end()
            }
        }

        $crate::model::owned::into_owned! { $name { $($field),* } }
    };
}

/// The constructor, if one was declared.
macro_rules! constructor {
    ([] $fields:tt) => {};
    (
        [$(#[$about:meta])* ($($argument:ident: $type:ty),* $(,)?)]
        [$($kind:ident $field:ident)*]
    ) => {
        $(#[$about])*
        pub fn new($($argument: $type),*) -> Self {
            Self {
                $($field: $crate::model::wire_type::initial!($kind $field),)*
            }
        }
    };
}

/// What a constructor puts into a field.
macro_rules! initial {
    (fixed $field:ident) => {
        Default::default()
    };
    (required $field:ident) => {
        $field.into()
    };
    ($kind:ident $field:ident) => {
        None
    };
}

/// A chained setter for a field that may be missing.
macro_rules! setter {
    (fixed $doc:tt $field:ident $type:ty) => {};
    (one [$($doc:tt)*] $field:ident $type:ty) => {
        #[doc = concat!("Sets `", stringify!($field), "`.")]
        #[doc = ""]
        $($doc)*
        #[must_use]
        pub fn $field(mut self, $field: impl Into<$type>) -> Self {
            self.$field = Some($field.into());
            self
        }
    };
    (items [$($doc:tt)*] $field:ident $type:ty) => {
        #[doc = concat!("Sets `", stringify!($field), "`.")]
        #[doc = ""]
        $($doc)*
        #[must_use]
        pub fn $field(mut self, $field: impl IntoIterator<Item = $type>) -> Self {
            self.$field = Some($field.into_iter().collect());
            self
        }
    };
    (texts [$($doc:tt)*] $field:ident $type:ty) => {
        #[doc = concat!("Sets `", stringify!($field), "`.")]
        #[doc = ""]
        $($doc)*
        #[must_use]
        pub fn $field<T: Into<$type>>(mut self, $field: impl IntoIterator<Item = T>) -> Self {
            self.$field = Some($field.into_iter().map(Into::into).collect());
            self
        }
    };
}

/// How many members a field is written as.
macro_rules! count {
    (optional $field:expr) => {
        usize::from($field.is_some())
    };
    (read_only $field:expr) => {
        0
    };
    ($kind:ident $field:expr) => {
        1
    };
}

/// Writes a field.
macro_rules! write {
    (optional $fields:ident $key:tt $this:ident.$field:ident [$($write:ident)?]) => {
        if let Some(value) = &$this.$field {
            $fields.serialize_field($crate::model::wire_type::key!$key, $(&$write)?(value))?;
        }
    };
    (read_only $fields:ident $key:tt $this:ident.$field:ident $write:tt) => {};
    ($kind:ident $fields:ident $key:tt $this:ident.$field:ident [$($write:ident)?]) => {
        $fields.serialize_field(
            $crate::model::wire_type::key!$key,
            $(&$write)?(&$this.$field),
        )?;
    };
}

/// The key of a field on the wire: the one that is given, or its name in camel case.
macro_rules! key {
    ($field:ident, $key:literal) => {
        $key
    };
    ($field:ident) => {{
        const NAME: &str = stringify!($field);
        const BYTES: [u8; $crate::model::wire_type::camel_case_len(NAME)] =
            $crate::model::wire_type::camel_case(NAME);
        const KEY: &str = match core::str::from_utf8(&BYTES) {
            Ok(key) => key,
            Err(_) => NAME,
        };
        KEY
    }};
}

pub(crate) use {constructor, count, initial, key, setter, wire_type, write};

/// How many bytes a name has in camel case.
pub(crate) const fn camel_case_len(name: &str) -> usize {
    let name = name.as_bytes();
    let (mut length, mut index) = (0, 0);
    while index < name.len() {
        if name[index] != b'_' {
            length += 1;
        }
        index += 1;
    }
    length
}

/// A name in camel case: `mimeType` for `mime_type`.
pub(crate) const fn camel_case<const N: usize>(name: &str) -> [u8; N] {
    let name = name.as_bytes();
    let mut camel = [0; N];
    let (mut length, mut index) = (0, 0);
    while index < name.len() {
        if name[index] != b'_' {
            let is_upper = index > 0 && name[index - 1] == b'_';
            camel[length] = match is_upper {
                true => name[index].to_ascii_uppercase(),
                false => name[index],
            };
            length += 1;
        }
        index += 1;
    }
    camel
}
