//! The flat form schemas of an elicitation: the kinds of fields, and what content fits a form.
//! The four kinds of enum share their `type` with others and are told apart by their members.

use alloc::borrow::Cow;
use alloc::vec::Vec;
use core::fmt;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::model::field::{json_text, last_of_each_key, open_enum, setters, tag};
use crate::model::owned::{IntoOwned, already_owned, into_owned};
use crate::rpc::{Raw, Text};

tag!(ObjectType = "object");
tag!(StringType = "string");
tag!(BooleanType = "boolean");
tag!(ArrayType = "array");

/// The schema of a form: an object whose members are the form's fields.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct RequestedSchema<'a> {
    /// The dialect of JSON Schema; since 2025-11-25.
    #[serde(
        rename = "$schema",
        borrow,
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub schema: Option<Text<'a>>,
    #[serde(rename = "type", default)]
    pub(crate) kind: ObjectType,
    /// The fields.
    #[serde(borrow)]
    pub properties: Properties<'a>,
    /// The names of the fields that have to be filled in.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub required: Option<Vec<Text<'a>>>,
}

impl<'a> RequestedSchema<'a> {
    /// A form without fields.
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

    /// Whether all fields are of the primitive kinds that a form may have (`elicit.schema.flat`).
    pub fn is_flat(&self) -> bool {
        let mut fields = self.properties.iter();
        fields.all(|(_, field)| !matches!(field, PrimitiveSchemaDefinition::Unknown(_)))
    }

    /// Whether the field of that name has to be filled in.
    pub fn is_required(&self, name: &str) -> bool {
        self.required.iter().flatten().any(|known| *known == name)
    }
}

/// The fields of a form by name, in the order in which they came.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Properties<'a> {
    entries: Vec<(Text<'a>, PrimitiveSchemaDefinition<'a>)>,
}

impl<'a> Properties<'a> {
    /// The field of that name.
    pub fn get(&self, name: &str) -> Option<&PrimitiveSchemaDefinition<'a>> {
        let mut entries = self.entries.iter();
        entries
            .find(|(known, _)| *known == name)
            .map(|(_, schema)| schema)
    }

    /// All fields in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &PrimitiveSchemaDefinition<'a>)> {
        self.entries
            .iter()
            .map(|(name, schema)| (name.as_str(), schema))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
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
#[derive(Deserialize)]
struct Features<'a> {
    #[serde(rename = "type", borrow)]
    kind: Text<'a>,
    #[serde(rename = "oneOf", borrow)]
    one_of: Option<Raw<'a>>,
    #[serde(rename = "enum", borrow)]
    values: Option<Raw<'a>>,
    #[serde(rename = "enumNames", borrow)]
    names: Option<Raw<'a>>,
    #[serde(borrow)]
    items: Option<Raw<'a>>,
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
    #[derive(Deserialize)]
    struct Items<'a> {
        #[serde(rename = "anyOf", borrow)]
        any_of: Option<Raw<'a>>,
    }

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

            fn into_owned(self) -> PrimitiveSchemaDefinition<'static> {
                match self {
                    $(Self::$variant(schema) => {
                        PrimitiveSchemaDefinition::$variant(schema.into_owned())
                    })*
                    Self::Unknown(raw) => PrimitiveSchemaDefinition::Unknown(raw.into_owned()),
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

/// Declares one kind of field: what all have in common, and the members of its own.
macro_rules! field_schema {
    (
        $(#[$about:meta])*
        $name:ident: $kind:ty {
            $($(#[$attribute:meta])* $field:ident: $type:ty,)*
        }
    ) => {
        $(#[$about])*
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        #[serde(rename_all = "camelCase")]
        #[non_exhaustive]
        pub struct $name<'a> {
            #[serde(rename = "type")]
            pub(crate) kind: $kind,
            /// The name for people.
            #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
            pub title: Option<Text<'a>>,
            /// What is to be filled in.
            #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
            pub description: Option<Text<'a>>,
            $(
                $(#[$attribute])*
                pub $field: $type,
            )*
        }

        into_owned! { $name { kind, title, description, $($field),* } }
        setters! { $name { title: Text<'a>, description: Text<'a> } }
    };
}

field_schema! {
    /// A field that is a text.
    StringSchema: StringType {
        /// The least number of characters.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        min_length: Option<u64>,
        /// The greatest number of characters.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        max_length: Option<u64>,
        /// What the text is.
        #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
        format: Option<StringFormat<'a>>,
        /// What is filled in beforehand; since 2025-11-25.
        #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
        default: Option<Text<'a>>,
        /// A regular expression. Some peers send one although no revision's schema has it; it is
        /// neither checked nor sent on.
        #[serde(borrow, default, skip_serializing)]
        pattern: Option<Text<'a>>,
    }
}

impl StringSchema<'_> {
    /// Any text.
    pub fn new() -> Self {
        Self {
            kind: StringType,
            title: None,
            description: None,
            min_length: None,
            max_length: None,
            format: None,
            default: None,
            pattern: None,
        }
    }
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
    NumberSchema: NumberType {
        /// The least value.
        #[serde(
            default,
            serialize_with = "crate::model::field::optional_number",
            skip_serializing_if = "Option::is_none"
        )]
        minimum: Option<f64>,
        /// The greatest value.
        #[serde(
            default,
            serialize_with = "crate::model::field::optional_number",
            skip_serializing_if = "Option::is_none"
        )]
        maximum: Option<f64>,
        /// What is filled in beforehand; since 2025-11-25.
        #[serde(
            default,
            serialize_with = "crate::model::field::optional_number",
            skip_serializing_if = "Option::is_none"
        )]
        default: Option<f64>,
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

    /// Any number.
    pub fn number() -> Self {
        Self::of(NumberType::Number)
    }

    /// Any number without a fraction.
    pub fn integer() -> Self {
        Self::of(NumberType::Integer)
    }

    /// Whether it may have a fraction.
    pub fn number_type(&self) -> NumberType {
        self.kind
    }
}

/// Whether a number may have a fraction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum NumberType {
    /// It may.
    Number,
    /// It may not.
    Integer,
}

field_schema! {
    /// A field that is yes or no.
    BooleanSchema: BooleanType {
        /// What is filled in beforehand.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        default: Option<bool>,
    }
}

impl BooleanSchema<'_> {
    /// Yes or no.
    pub fn new() -> Self {
        Self {
            kind: BooleanType,
            title: None,
            description: None,
            default: None,
        }
    }
}

impl Default for BooleanSchema<'_> {
    fn default() -> Self {
        Self::new()
    }
}

field_schema! {
    /// A field that is one of several texts.
    UntitledSingleSelectEnumSchema: StringType {
        /// The texts to choose from.
        #[serde(rename = "enum", borrow)]
        values: Vec<Text<'a>>,
        /// What is chosen beforehand; since 2025-11-25.
        #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
        default: Option<Text<'a>>,
    }
}

impl<'a> UntitledSingleSelectEnumSchema<'a> {
    /// One of these texts.
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
    TitledSingleSelectEnumSchema: StringType {
        /// What to choose from.
        #[serde(borrow)]
        one_of: Vec<EnumOption<'a>>,
        /// What is chosen beforehand.
        #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
        default: Option<Text<'a>>,
    }
}

impl<'a> TitledSingleSelectEnumSchema<'a> {
    /// One of these.
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

field_schema! {
    /// A field that is some of several texts; since 2025-11-25.
    UntitledMultiSelectEnumSchema: ArrayType {
        /// What to choose from.
        #[serde(borrow)]
        items: UntitledItems<'a>,
        /// The least number to choose.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        min_items: Option<u64>,
        /// The greatest number to choose.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        max_items: Option<u64>,
        /// What is chosen beforehand.
        #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
        default: Option<Vec<Text<'a>>>,
    }
}

impl<'a> UntitledMultiSelectEnumSchema<'a> {
    /// Some of these texts.
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
    TitledMultiSelectEnumSchema: ArrayType {
        /// What to choose from.
        #[serde(borrow)]
        items: TitledItems<'a>,
        /// The least number to choose.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        min_items: Option<u64>,
        /// The greatest number to choose.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        max_items: Option<u64>,
        /// What is chosen beforehand.
        #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
        default: Option<Vec<Text<'a>>>,
    }
}

impl<'a> TitledMultiSelectEnumSchema<'a> {
    /// Some of these.
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
    LegacyTitledEnumSchema: StringType {
        /// The texts to choose from.
        #[serde(rename = "enum", borrow)]
        values: Vec<Text<'a>>,
        /// Their names for people, in the same order.
        #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
        enum_names: Option<Vec<Text<'a>>>,
        /// What is chosen beforehand; since 2025-11-25.
        #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
        default: Option<Text<'a>>,
    }
}

impl<'a> LegacyTitledEnumSchema<'a> {
    /// One of these texts.
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

/// One text to choose and its name for people.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct EnumOption<'a> {
    /// The text that is answered.
    #[serde(rename = "const", borrow)]
    pub value: Text<'a>,
    /// The name for people.
    #[serde(borrow)]
    pub title: Text<'a>,
}

impl<'a> EnumOption<'a> {
    /// The text `value`, shown as `title`.
    pub fn new(value: impl Into<Text<'a>>, title: impl Into<Text<'a>>) -> Self {
        Self {
            value: value.into(),
            title: title.into(),
        }
    }
}

/// The texts that a field with several choices allows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct UntitledItems<'a> {
    #[serde(rename = "type", default)]
    pub(crate) kind: StringType,
    /// The texts to choose from.
    #[serde(rename = "enum", borrow)]
    pub values: Vec<Text<'a>>,
}

/// The texts that a field with several choices allows, with their names for people.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct TitledItems<'a> {
    /// What to choose from.
    #[serde(borrow)]
    pub any_of: Vec<EnumOption<'a>>,
}

already_owned!(NumberType);

into_owned! {
    RequestedSchema { schema, kind, properties, required }
    Properties { entries }
    EnumOption { value, title }
    UntitledItems { kind, values }
    TitledItems { any_of }
}

setters! {
    StringSchema { min_length: u64, max_length: u64, format: StringFormat<'a>, default: Text<'a> }
    NumberSchema { minimum: f64, maximum: f64, default: f64 }
    BooleanSchema { default: bool }
    UntitledSingleSelectEnumSchema { default: Text<'a> }
    TitledSingleSelectEnumSchema { default: Text<'a> }
    UntitledMultiSelectEnumSchema { min_items: u64, max_items: u64, default: Vec<Text<'a>> }
    TitledMultiSelectEnumSchema { min_items: u64, max_items: u64, default: Vec<Text<'a>> }
    LegacyTitledEnumSchema { enum_names: Vec<Text<'a>>, default: Text<'a> }
}
