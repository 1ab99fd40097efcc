//! The flat form schemas of an elicitation: the kinds of fields, and what content fits a form.
//! The four kinds of enum share their `type` with others and are told apart by their members.

use alloc::borrow::Cow;
use alloc::vec::Vec;
use core::fmt;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::model::encode::EncodeError;
use crate::model::encode::downgrade::converted;
use crate::model::field::{Number, json_text, last_of_each_key, open_enum, tag};
use crate::model::owned::{IntoOwned, already_owned, into_owned};
use crate::model::wire_type::wire_type;
use crate::named::named;
use crate::rpc::{Raw, Source, Text};

tag!(ObjectType = "object");
tag!(StringType = "string");
tag!(BooleanType = "boolean");
tag!(ArrayType = "array");

wire_type! {
    /// The schema of a form: an object whose members are the form's fields.
    #[derive(Debug, Default)]
    pub struct RequestedSchema<'a> {
        /// The dialect of JSON Schema; since 2025-11-25.
        schema? as "$schema": Text<'a> [since(V2025_11_25)],
        const kind as "type": ObjectType,
        /// The fields.
        properties: Properties<'a>,
        /// The names of the fields that have to be filled in.
        required?: Vec<Text<'a>> [no setter],
    }
}

impl<'a> RequestedSchema<'a> {
    /// Creates a form without fields.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a field that may be left out.
    #[must_use]
    pub fn optional(
        mut self,
        name: impl Into<Text<'a>>,
        schema: impl Into<PrimitiveSchemaDefinition<'a>>,
    ) -> Self {
        self.properties.entries.push((name.into(), schema.into()));
        self
    }

    /// Adds a field that has to be filled in.
    #[must_use]
    pub fn required(
        mut self,
        name: impl Into<Text<'a>>,
        schema: impl Into<PrimitiveSchemaDefinition<'a>>,
    ) -> Self {
        let name = name.into();
        self.required.get_or_insert_default().push(name.clone());
        self.optional(name, schema)
    }

    /// Returns whether all fields are of the primitive kinds that a form may have.
    // `elicit.schema.flat`
    pub fn is_flat(&self) -> bool {
        let mut fields = self.properties.iter();
        fields.all(|(_, field)| !matches!(field, PrimitiveSchemaDefinition::Unknown(_)))
    }

    /// Returns whether the field of that name has to be filled in.
    pub fn is_required(&self, name: &str) -> bool {
        self.required.iter().flatten().any(|known| *known == name)
    }
}

/// The fields of a form by name, in the order in which they came.
// Written by hand, since it is a map whose keys are the form's own.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Properties<'a> {
    entries: Vec<(Text<'a>, PrimitiveSchemaDefinition<'a>)>,
}

impl<'a> Properties<'a> {
    /// Returns the field of that name.
    pub fn get(&self, name: &str) -> Option<&PrimitiveSchemaDefinition<'a>> {
        let mut entries = self.entries.iter();
        entries
            .find(|(known, _)| *known == name)
            .map(|(_, schema)| schema)
    }

    /// Returns all fields in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &PrimitiveSchemaDefinition<'a>)> {
        self.entries
            .iter()
            .map(|(name, schema)| (name.as_str(), schema))
    }

    /// Returns how many there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Returns whether there are none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

impl Serialize for Properties<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.entries.iter().map(|(name, schema)| (name, schema)))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Properties<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct PropertiesVisitor;

        impl<'de> Visitor<'de> for PropertiesVisitor {
            type Value = Properties<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of schemas")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                let entries = last_of_each_key(entries);
                Ok(Properties { entries })
            }
        }

        deserializer.deserialize_map(PropertiesVisitor)
    }
}

/// The schema of one field.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum PrimitiveSchemaDefinition<'a> {
    /// A text.
    String(StringSchema<'a>),
    /// A number or an integer.
    Number(NumberSchema<'a>),
    /// Yes or no.
    Boolean(BooleanSchema<'a>),
    /// One of several texts.
    UntitledSingleSelect(UntitledSingleSelectEnumSchema<'a>),
    /// One of several texts with names for people; since 2025-11-25.
    TitledSingleSelect(TitledSingleSelectEnumSchema<'a>),
    /// Some of several texts; since 2025-11-25.
    UntitledMultiSelect(UntitledMultiSelectEnumSchema<'a>),
    /// Some of several texts with names for people; since 2025-11-25.
    TitledMultiSelect(TitledMultiSelectEnumSchema<'a>),
    /// One of several texts, with names for people beside them, as 2025-06-18 has it.
    LegacyTitled(LegacyTitledEnumSchema<'a>),
    /// Anything else, such as a nested object, as it came. A form must not have such a field.
    Unknown(Raw<'a>),
}

/// What is looked at to tell the kinds apart.
struct Features<'a> {
    kind: Text<'a>,
    one_of: Option<Raw<'a>>,
    values: Option<Raw<'a>>,
    names: Option<Raw<'a>>,
    items: Option<Raw<'a>>,
}

named! {
    read struct Features<'a> {
        kind = "type", [one_of] = "oneOf", [values] = "enum", [names] = "enumNames", [items]
    }
}

impl<'a> PrimitiveSchemaDefinition<'a> {
    /// Tells the kind by the members that are there (`elicit.schema.enum.discriminate`).
    fn from_json(schema: &'a str) -> Option<Self> {
        let features: Features<'_> = serde_json::from_str(schema).ok()?;
        let decoded = match features.kind.as_str() {
            "string" if features.one_of.is_some() => {
                serde_json::from_str(schema).map(Self::TitledSingleSelect)
            }
            "string" if features.names.is_some() => {
                serde_json::from_str(schema).map(Self::LegacyTitled)
            }
            "string" if features.values.is_some() => {
                serde_json::from_str(schema).map(Self::UntitledSingleSelect)
            }
            "string" => serde_json::from_str(schema).map(Self::String),
            "number" | "integer" => serde_json::from_str(schema).map(Self::Number),
            "boolean" => serde_json::from_str(schema).map(Self::Boolean),
            "array" if has_titled_items(&features) => {
                serde_json::from_str(schema).map(Self::TitledMultiSelect)
            }
            "array" => serde_json::from_str(schema).map(Self::UntitledMultiSelect),
            _ => return None,
        };
        decoded.ok()
    }
}

fn has_titled_items(features: &Features<'_>) -> bool {
    struct Items<'a> {
        any_of: Option<Raw<'a>>,
    }
    named! { read struct Items<'a> { [any_of] = "anyOf" } }

    let items = features
        .items
        .as_ref()
        .and_then(|items| items.decode::<Items<'_>>().ok());
    items.is_some_and(|items| items.any_of.is_some())
}

impl<'de: 'a, 'a> Deserialize<'de> for PrimitiveSchemaDefinition<'a> {
    /// Keeps what is none of the kinds, or not a whole one, as [`Self::Unknown`].
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let schema = json_text(deserializer)?;
        let unknown = || Self::Unknown(Raw::trusted(Cow::Borrowed(schema)));
        Ok(Self::from_json(schema).unwrap_or_else(unknown))
    }
}

macro_rules! kinds {
    ($($variant:ident($name:ident)),* $(,)?) => {
        impl Serialize for PrimitiveSchemaDefinition<'_> {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                match self {
                    $(Self::$variant(schema) => schema.serialize(serializer),)*
                    Self::Unknown(raw) => raw.serialize(serializer),
                }
            }
        }

        impl IntoOwned for PrimitiveSchemaDefinition<'_> {
            type Owned = PrimitiveSchemaDefinition<'static>;

            fn owned_from(self, source: Source<'_>) -> PrimitiveSchemaDefinition<'static> {
                match self {
                    $(Self::$variant(schema) => {
                        PrimitiveSchemaDefinition::$variant(schema.owned_from(source))
                    })*
                    Self::Unknown(raw) => PrimitiveSchemaDefinition::Unknown(raw.owned_from(source)),
                }
            }
        }

        $(impl<'a> From<$name<'a>> for PrimitiveSchemaDefinition<'a> {
            fn from(schema: $name<'a>) -> Self {
                Self::$variant(schema)
            }
        })*
    };
}

kinds! {
    String(StringSchema),
    Number(NumberSchema),
    Boolean(BooleanSchema),
    UntitledSingleSelect(UntitledSingleSelectEnumSchema),
    TitledSingleSelect(TitledSingleSelectEnumSchema),
    UntitledMultiSelect(UntitledMultiSelectEnumSchema),
    TitledMultiSelect(TitledMultiSelectEnumSchema),
    LegacyTitled(LegacyTitledEnumSchema),
}

/// What older revisions have no words for.
const SEVERAL_CHOICES: &str = "a form field with several choices";

/// Declares one kind of field: what all have in common, and the members of its own.
macro_rules! field_schema {
    (
        $(#[$about:meta])*
        pub struct $name:ident<'a>: $kind:ty $([$($rule:tt)*])? { $($fields:tt)* }
        $($new:tt)*
    ) => {
        wire_type! {
            $(#[$about])*
            #[derive(Debug)]
            pub struct $name<'a> $([$($rule)*])? {
                const kind as "type": $kind,
                /// The name for people.
                title?: Text<'a>,
                /// What is to be filled in.
                description?: Text<'a>,
                $($fields)*
            }
            $($new)*
        }
    };
}

field_schema! {
    /// A field that is a text.
    pub struct StringSchema<'a>: StringType {
        /// The least number of characters.
        min_length? as "minLength": u64,
        /// The greatest number of characters.
        max_length? as "maxLength": u64,
        /// What the text is.
        format?: StringFormat<'a>,
        /// What is filled in beforehand; since 2025-11-25.
        default?: Text<'a> [since(V2025_11_25)],
        /// A regular expression. Some peers send one although no revision's schema has it; it is
        /// neither checked nor sent on.
        pattern?: Text<'a> [read only],
    }

    /// Creates the schema of any text.
    pub fn new();
}

impl Default for StringSchema<'_> {
    fn default() -> Self {
        Self::new()
    }
}

open_enum! {
    /// What a text field's content is.
    StringFormat {
        /// An e-mail address.
        Email = "email",
        /// A URI.
        Uri = "uri",
        /// A date, such as `2026-07-28`.
        Date = "date",
        /// A date with a time and an offset (RFC 3339).
        DateTime = "date-time",
    }
}

field_schema! {
    /// A field that is a number.
    pub struct NumberSchema<'a>: NumberType {
        /// The least value.
        minimum?: f64 as Number,
        /// The greatest value.
        maximum?: f64 as Number,
        /// What is filled in beforehand; since 2025-11-25.
        default?: f64 as Number [since(V2025_11_25)],
    }
}

impl NumberSchema<'_> {
    fn of(kind: NumberType) -> Self {
        let (title, description) = (None, None);
        Self {
            kind,
            title,
            description,
            minimum: None,
            maximum: None,
            default: None,
        }
    }

    /// Creates the schema of any number.
    pub fn number() -> Self {
        Self::of(NumberType::Number)
    }

    /// Creates the schema of any number without a fraction.
    pub fn integer() -> Self {
        Self::of(NumberType::Integer)
    }

    /// Returns whether it may have a fraction.
    pub fn number_type(&self) -> NumberType {
        self.kind
    }
}

/// Whether a number may have a fraction.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum NumberType {
    /// It may.
    #[default]
    Number,
    /// It may not.
    Integer,
}

named! { enum NumberType { Number = "number", Integer = "integer" } }

field_schema! {
    /// A field that is yes or no.
    pub struct BooleanSchema<'a>: BooleanType {
        /// What is filled in beforehand.
        default?: bool,
    }

    /// Creates the schema of yes or no.
    pub fn new();
}

impl Default for BooleanSchema<'_> {
    fn default() -> Self {
        Self::new()
    }
}

field_schema! {
    /// A field that is one of several texts.
    pub struct UntitledSingleSelectEnumSchema<'a>: StringType {
        /// The texts to choose from.
        values as "enum": Vec<Text<'a>>,
        /// What is chosen beforehand; since 2025-11-25.
        default?: Text<'a> [since(V2025_11_25)],
    }
}

impl<'a> UntitledSingleSelectEnumSchema<'a> {
    /// Creates the schema of one of these texts.
    pub fn new<T: Into<Text<'a>>>(values: impl IntoIterator<Item = T>) -> Self {
        let values = values.into_iter().map(Into::into).collect();
        Self {
            kind: StringType,
            title: None,
            description: None,
            values,
            default: None,
        }
    }
}

field_schema! {
    /// A field that is one of several texts with names for people; since 2025-11-25.
    pub struct TitledSingleSelectEnumSchema<'a>: StringType [replaced_before(V2025_11_25, as_legacy)] {
        /// What to choose from.
        one_of as "oneOf": Vec<EnumOption<'a>>,
        /// What is chosen beforehand.
        default?: Text<'a>,
    }
}

impl<'a> TitledSingleSelectEnumSchema<'a> {
    /// Creates the schema of one of these.
    pub fn new(one_of: impl IntoIterator<Item = EnumOption<'a>>) -> Self {
        let one_of = one_of.into_iter().collect();
        Self {
            kind: StringType,
            title: None,
            description: None,
            one_of,
            default: None,
        }
    }
}

/// Says a choice of one as 2025-06-18 does, the first revision with forms.
fn as_legacy(written: &[u8]) -> Result<Vec<u8>, EncodeError> {
    converted(written, |field: TitledSingleSelectEnumSchema<'_>| {
        let options = field.one_of.into_iter();
        let (values, names): (Vec<_>, Vec<_>) =
            options.map(|option| (option.value, option.title)).unzip();
        let mut old = LegacyTitledEnumSchema::new(values).enum_names::<Text<'_>>(names);
        (old.title, old.description) = (field.title, field.description);
        Ok(old)
    })
}

field_schema! {
    /// A field that is some of several texts; since 2025-11-25.
    pub struct UntitledMultiSelectEnumSchema<'a>: ArrayType [refused_before(V2025_11_25, SEVERAL_CHOICES)] {
        /// What to choose from.
        items: UntitledItems<'a>,
        /// The least number to choose.
        min_items? as "minItems": u64,
        /// The greatest number to choose.
        max_items? as "maxItems": u64,
        /// What is chosen beforehand.
        default?: Vec<Text<'a>>,
    }
}

impl<'a> UntitledMultiSelectEnumSchema<'a> {
    /// Creates the schema of some of these texts.
    pub fn new<T: Into<Text<'a>>>(values: impl IntoIterator<Item = T>) -> Self {
        let values = values.into_iter().map(Into::into).collect();
        Self {
            kind: ArrayType,
            title: None,
            description: None,
            items: UntitledItems {
                kind: StringType,
                values,
            },
            min_items: None,
            max_items: None,
            default: None,
        }
    }
}

field_schema! {
    /// A field that is some of several texts with names for people; since 2025-11-25.
    pub struct TitledMultiSelectEnumSchema<'a>: ArrayType [refused_before(V2025_11_25, SEVERAL_CHOICES)] {
        /// What to choose from.
        items: TitledItems<'a>,
        /// The least number to choose.
        min_items? as "minItems": u64,
        /// The greatest number to choose.
        max_items? as "maxItems": u64,
        /// What is chosen beforehand.
        default?: Vec<Text<'a>>,
    }
}

impl<'a> TitledMultiSelectEnumSchema<'a> {
    /// Creates the schema of some of these.
    pub fn new(any_of: impl IntoIterator<Item = EnumOption<'a>>) -> Self {
        Self {
            kind: ArrayType,
            title: None,
            description: None,
            items: TitledItems {
                any_of: any_of.into_iter().collect(),
            },
            min_items: None,
            max_items: None,
            default: None,
        }
    }
}

field_schema! {
    /// A field that is one of several texts, with names for people beside them; the only enum with
    /// names that 2025-06-18 has, and later ones still take it.
    pub struct LegacyTitledEnumSchema<'a>: StringType {
        /// The texts to choose from.
        values as "enum": Vec<Text<'a>>,
        /// Their names for people, in the same order.
        enum_names? as "enumNames": Vec<Text<'a>>,
        /// What is chosen beforehand; since 2025-11-25.
        default?: Text<'a> [since(V2025_11_25)],
    }
}

impl<'a> LegacyTitledEnumSchema<'a> {
    /// Creates the schema of one of these texts.
    pub fn new<T: Into<Text<'a>>>(values: impl IntoIterator<Item = T>) -> Self {
        let values = values.into_iter().map(Into::into).collect();
        Self {
            kind: StringType,
            title: None,
            description: None,
            values,
            enum_names: None,
            default: None,
        }
    }
}

wire_type! {
    /// One text to choose and its name for people.
    #[derive(Debug)]
    pub struct EnumOption<'a> {
        /// The text that is answered.
        value as "const": Text<'a>,
        /// The name for people.
        title: Text<'a>,
    }

    /// Returns the text `value`, shown as `title`.
    pub fn new(value: impl Into<Text<'a>>, title: impl Into<Text<'a>>);
}

wire_type! {
    /// The texts that a field with several choices allows.
    #[derive(Debug)]
    pub struct UntitledItems<'a> {
        const kind as "type": StringType,
        /// The texts to choose from.
        values as "enum": Vec<Text<'a>>,
    }
}

wire_type! {
    /// The texts that a field with several choices allows, with their names for people.
    #[derive(Debug)]
    pub struct TitledItems<'a> {
        /// What to choose from.
        any_of as "anyOf": Vec<EnumOption<'a>>,
    }
}

already_owned!(NumberType);

into_owned! {
    Properties { entries }
}
