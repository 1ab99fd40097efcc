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
///         /// Its key differs from its name; numbers are written by a wrapper.
///         size? as "_size": f64 as Number,
///         /// Read from peers, never written.
///         pattern?: Text<'a> [read only],
///         /// One that peers leave out although it is always there.
///         content: Vec<Text<'a>> [or empty],
///         /// One that is called otherwise before 2026-07-28; both names are read.
///         poll_interval? as "pollIntervalMs" or "pollInterval": i64,
///         /// Without a setter of its name: the type has methods of its own for it.
///         required?: Vec<Text<'a>> [no setter],
///     }
///
///     /// Makes one of the members that are always there, in any order.
///     pub fn new(name: impl Into<Text<'a>>);               // optional
/// }
/// ```
///
/// A key of several words is written out: a literal costs the compiler nothing, a computed one three
/// constants. A field takes `#[read(function)]` after its documentation where its own `Deserialize` is
/// too strict or too loose. A rule is a method of
/// [`FieldRule`](crate::model::encode::downgrade::FieldRule); several are separated by commas. A fixed
/// member that is missing reads as if it were there, unless it is declared as `[required]`.
///
/// After the constructor may stand `check function;`, which gets what was read and gives it back or says
/// what is wrong with it.
macro_rules! wire_type {
    (
        $(#[$about:meta])*
        pub struct $name:ident<'a> $([$($rule:tt)*])? { $($fields:tt)* }
        $($(#[$new_about:meta])* pub fn new($($new:tt)*);)?
        $(check $check:path;)?
    ) => {
        $crate::model::wire_type::wire_type! {
            @normalize [[$(#[$about])*] [$($check)?]] $name [$($($rule)*)?]
            [$($(#[$new_about])* ($($new)*))?] []
            $($fields)*
        }
    };

    // A member with one fixed value.
    (
        @normalize $about:tt $name:ident $rule:tt $new:tt [$($done:tt)*]
        const $field:ident $(as $key:literal)?: $type:ty [required],
        $($rest:tt)*
    ) => {
        $crate::model::wire_type::wire_type! {
            @normalize $about $name $rule $new [$($done)* {
                [pub(crate)] [] $field ($field $(, $key)?) fixed fixed [$type] [$type] [] [] needed []
            }]
            $($rest)*
        }
    };

    (
        @normalize $about:tt $name:ident $rule:tt $new:tt [$($done:tt)*]
        $(#[read($read:path)])?
        const $field:ident $(as $key:literal)?: $type:ty $([$($field_rule:tt)*])?,
        $($rest:tt)*
    ) => {
        $crate::model::wire_type::wire_type! {
            @normalize $about $name $rule $new [$($done)* {
                [pub(crate)] [] $field ($field $(, $key)?) fixed fixed [$type] [$type] []
                [$($($field_rule)*)?] missing [$($read)?]
            }]
            $($rest)*
        }
    };

    // One that is read only.
    (
        @normalize $about:tt $name:ident $rule:tt $new:tt [$($done:tt)*]
        $(#[doc = $doc:literal])* $(#[read($read:path)])?
        $field:ident ? $(as $key:literal)?: $type:ty [read only],
        $($rest:tt)*
    ) => {
        $crate::model::wire_type::wire_type! {
            @normalize $about $name $rule $new [$($done)* {
                [$(#[doc = $doc])* pub]
                [$(#[doc = $doc])*] $field ($field $(, $key)?) read_only one
                [Option<$type>] [$type] [] [] missing [$($read)?]
            }]
            $($rest)*
        }
    };

    // One that is set by methods of the type's own.
    (
        @normalize $about:tt $name:ident $rule:tt $new:tt [$($done:tt)*]
        $(#[doc = $doc:literal])* $(#[read($read:path)])?
        $field:ident ? $(as $key:literal)?: $type:ty [no setter],
        $($rest:tt)*
    ) => {
        $crate::model::wire_type::wire_type! {
            @normalize $about $name $rule $new [$($done)* {
                [$(#[doc = $doc])* pub]
                [] $field ($field $(, $key)?) optional fixed
                [Option<$type>] [$type] [] [] missing [$($read)?]
            }]
            $($rest)*
        }
    };

    // Lists that may be missing.
    (
        @normalize $about:tt $name:ident $rule:tt $new:tt [$($done:tt)*]
        $(#[doc = $doc:literal])* $(#[read($read:path)])?
        $field:ident ? $(as $key:literal)?: Vec<Text<'a>> $([$($field_rule:tt)*])?,
        $($rest:tt)*
    ) => {
        $crate::model::wire_type::wire_type! {
            @normalize $about $name $rule $new [$($done)* {
                [$(#[doc = $doc])* pub]
                [$(#[doc = $doc])*] $field ($field $(, $key)?) optional texts
                [Option<alloc::vec::Vec<Text<'a>>>] [Text<'a>] [] [$($($field_rule)*)?] missing [$($read)?]
            }]
            $($rest)*
        }
    };
    (
        @normalize $about:tt $name:ident $rule:tt $new:tt [$($done:tt)*]
        $(#[doc = $doc:literal])* $(#[read($read:path)])?
        $field:ident ? $(as $key:literal)?: Vec<$item:ty> $([$($field_rule:tt)*])?,
        $($rest:tt)*
    ) => {
        $crate::model::wire_type::wire_type! {
            @normalize $about $name $rule $new [$($done)* {
                [$(#[doc = $doc])* pub]
                [$(#[doc = $doc])*] $field ($field $(, $key)?) optional items
                [Option<alloc::vec::Vec<$item>>] [$item] [] [$($($field_rule)*)?] missing [$($read)?]
            }]
            $($rest)*
        }
    };

    // Everything else that may be missing.
    (
        @normalize $about:tt $name:ident $rule:tt $new:tt [$($done:tt)*]
        $(#[doc = $doc:literal])* $(#[read($read:path)])?
        $field:ident ? $(as $key:literal $(or $older:literal)?)?: $type:ty $(as $write:ident)? $([$($field_rule:tt)*])?,
        $($rest:tt)*
    ) => {
        $crate::model::wire_type::wire_type! {
            @normalize $about $name $rule $new [$($done)* {
                [$(#[doc = $doc])* pub]
                [$(#[doc = $doc])*] $field ($field $(, $key $(, $older)?)?) optional one
                [Option<$type>] [$type] [$($write)?] [$($($field_rule)*)?] missing [$($read)?]
            }]
            $($rest)*
        }
    };

    // What is always there, if a peer leaves it out as well.
    (
        @normalize $about:tt $name:ident $rule:tt $new:tt [$($done:tt)*]
        $(#[doc = $doc:literal])* $(#[read($read:path)])?
        $field:ident $(as $key:literal $(or $older:literal)?)?: $type:ty [or empty],
        $($rest:tt)*
    ) => {
        $crate::model::wire_type::wire_type! {
            @normalize $about $name $rule $new [$($done)* {
                [$(#[doc = $doc])* pub]
                [] $field ($field $(, $key $(, $older)?)?) required fixed
                [$type] [$type] [] [] missing [$($read)?]
            }]
            $($rest)*
        }
    };

    // What is always there.
    (
        @normalize $about:tt $name:ident $rule:tt $new:tt [$($done:tt)*]
        $(#[doc = $doc:literal])* $(#[read($read:path)])?
        $field:ident $(as $key:literal)?: $type:ty $(as $write:ident)? $([$($field_rule:tt)*])?,
        $($rest:tt)*
    ) => {
        $crate::model::wire_type::wire_type! {
            @normalize $about $name $rule $new [$($done)* {
                [$(#[doc = $doc])* pub]
                [] $field ($field $(, $key)?) required fixed
                [$type] [$type] [$($write)?] [$($($field_rule)*)?] needed [$($read)?]
            }]
            $($rest)*
        }
    };

    (
        @normalize [[$($about:tt)*] [$($check:path)?]] $name:ident
        [$($whole:ident($($whole_argument:expr),*)),*]
        $new:tt [$({
            [$($declared:tt)*] [$($doc:tt)*] $field:ident $key:tt $kind:ident $setter:ident
            [$($full:tt)*] [$type:ty] [$($write:ident)?]
            [$($rule:ident($($rule_argument:expr),*)),*] $presence:ident [$($read:path)?]
        })*]
    ) => {
        #[derive(Clone, PartialEq)]
        $($about)*
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
                    $crate::model::wire_type::rule!$key $(.$rule($($rule_argument),*))*
                ),*] })
                    $(.$whole($($whole_argument),*))*
                    .listed_as(stringify!($name))
            };
        }

        // Looked at here, so that a type which isn't listed doesn't compile.
        const _: &$crate::model::encode::downgrade::StructRules = $name::DOWNGRADE;

        impl serde::Serialize for $name<'_> {
            #[allow(clippy::question_mark, reason = "it is more to compile, once for each field")]
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                use serde::ser::SerializeStruct;
                let length = 0_usize $(.wrapping_add($crate::model::wire_type::count!($kind self.$field)))*;
                let mut fields = serializer.serialize_struct(
                    $crate::model::encode::downgrade::announced!($name),
                    length,
                )?;
                $($crate::model::wire_type::write!($kind fields $key self.$field [$($write)?]);)*
                fields.end()
            }
        }

        impl<'a> $crate::named::Named<'a> for $name<'a> {
            const NAME: &'static str = concat!("struct ", stringify!($name));

            fn read<A: serde::de::MapAccess<'a>>(mut members: A) -> Result<Self, A::Error> {
                $(let mut $field: Option<$($full)*> = None;)*
                while let Some(key) = members.next_key::<$crate::rpc::Text<'a>>()? {
                    let key = key.as_str();
                    // One exit for all: what is on the way out of each costs the compiler most.
                    $(if $crate::model::wire_type::is_key!(key $key) {
                        $crate::model::wire_type::value!(members $field $key [$($read)?] [$($full)*])
                    } else)* {
                        members.next_value::<serde::de::IgnoredAny>().map(drop)
                    }?;
                }
                Ok(Self {
                    $($field: $crate::model::wire_type::taken!($presence $field $key),)*
                })
            }
        }

        impl<'de: 'a, 'a> serde::Deserialize<'de> for $name<'a> {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let read: $name<'de> = $crate::named::read(deserializer)?;
                $(let read = $check(read).map_err(serde::de::Error::custom)?;)?
                Ok(read)
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
            let key = $crate::model::wire_type::key!$key;
            if let Err(error) = $fields.serialize_field(key, $(&$write)?(value)) {
                return Err(error);
            }
        }
    };
    (read_only $fields:ident $key:tt $this:ident.$field:ident $write:tt) => {};
    ($kind:ident $fields:ident $key:tt $this:ident.$field:ident [$($write:ident)?]) => {
        let key = $crate::model::wire_type::key!$key;
        if let Err(error) = $fields.serialize_field(key, $(&$write)?(&$this.$field)) {
            return Err(error);
        }
    };
}

/// The key of a field on the wire: the one that is given, or its name.
macro_rules! key {
    ($field:ident, $key:literal $(, $older:literal)?) => {
        $key
    };
    ($field:ident) => {
        stringify!($field)
    };
}

/// What older revisions know of a field: all of it, be it by another name before 2026-07-28.
macro_rules! rule {
    ($field:ident, $key:literal, $older:literal) => {
        FieldRule::always($key).formerly($older)
    };
    ($($key:tt)*) => {
        FieldRule::always($crate::model::wire_type::key!($($key)*))
    };
}

/// Whether a key is that of a field, be it an older one.
macro_rules! is_key {
    ($given:ident ($field:ident, $key:literal, $older:literal)) => {
        *$given == *$key || *$given == *$older
    };
    ($given:ident $key:tt) => {
        *$given == *$crate::model::wire_type::key!$key
    };
}

/// Reads the value of a member into the field.
macro_rules! value {
    ($members:ident $field:ident $key:tt [] $type:tt) => {
        $crate::named::member(
            &mut $members,
            &mut $field,
            $crate::model::wire_type::key!$key,
            core::marker::PhantomData,
        )
    };
    ($members:ident $field:ident $key:tt [$read:path] [$($type:tt)*]) => {{
        struct With;

        impl<'a> serde::de::DeserializeSeed<'a> for With {
            type Value = $($type)*;

            fn deserialize<D: serde::Deserializer<'a>>(
                self,
                deserializer: D,
            ) -> Result<Self::Value, D::Error> {
                $read(deserializer)
            }
        }

        $crate::named::member(
            &mut $members,
            &mut $field,
            $crate::model::wire_type::key!$key,
            With,
        )
    }};
}

/// What was read into a field, or what a member reads as that isn't there.
macro_rules! taken {
    (missing $field:ident $key:tt) => {
        $field.unwrap_or_default()
    };
    (needed $field:ident $key:tt) => {
        match $field {
            Some(value) => value,
            None => {
                return Err(serde::de::Error::missing_field($crate::model::wire_type::key!$key));
            }
        }
    };
}

pub(crate) use {
    constructor, count, initial, is_key, key, rule, setter, taken, value, wire_type, write,
};
