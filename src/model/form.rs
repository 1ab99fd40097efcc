//! What is filled into an elicitation's form, and whether it fits the form's schema.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use serde::de::{self, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::model::field::{Number, inner_error, json_text, last_of_each_key};
use crate::model::owned::{IntoOwned, into_owned};
use crate::model::resource::is_valid_uri;
use crate::model::schema::{
    NumberSchema, NumberType, PrimitiveSchemaDefinition, RequestedSchema, StringFormat,
    StringSchema,
};
use crate::rpc::{Concealed, Raw, Source, Text, bounded};

/// One value of a filled-in form. `Debug` shows the kind and the size of a text, not the text.
#[derive(Clone, PartialEq)]
#[non_exhaustive]
pub enum FormValue<'a> {
    /// A text.
    String(Text<'a>),
    /// A number with its digits as they came; fractions are allowed.
    // `data.number`
    Number(Raw<'a>),
    /// Yes or no.
    Bool(bool),
    /// Several texts; since 2025-11-25.
    Strings(Vec<Text<'a>>),
}

impl FormValue<'_> {
    /// Returns the text; `None` for every other kind.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// Returns the number, as near as a double comes to it; `None` for every other kind.
    pub fn as_f64(&self) -> Option<f64> {
        match self {
            Self::Number(digits) => digits.as_str().parse().ok(),
            _ => None,
        }
    }

    /// Returns yes or no; `None` for every other kind.
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Bool(value) => Some(*value),
            _ => None,
        }
    }
}

impl fmt::Debug for FormValue<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::String(text) => write!(f, "String({:?})", Concealed(text.len())),
            Self::Number(digits) => write!(f, "Number({:?})", Concealed(digits.as_str().len())),
            Self::Bool(_) => f.write_str("Bool"),
            Self::Strings(texts) => write!(f, "Strings({} of them)", texts.len()),
        }
    }
}

impl<'a> From<Text<'a>> for FormValue<'a> {
    fn from(text: Text<'a>) -> Self {
        Self::String(text)
    }
}

impl<'a> From<&'a str> for FormValue<'a> {
    fn from(text: &'a str) -> Self {
        Self::String(text.into())
    }
}

impl From<String> for FormValue<'_> {
    fn from(text: String) -> Self {
        Self::String(text.into())
    }
}

impl From<bool> for FormValue<'_> {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<i64> for FormValue<'_> {
    fn from(value: i64) -> Self {
        Self::Number(serde_json::Value::from(value).into())
    }
}

impl From<f64> for FormValue<'_> {
    /// A number that JSON can't express, such as infinity, becomes 0.
    fn from(value: f64) -> Self {
        let finite = if value.is_finite() { value } else { 0.0 };
        let digits = serde_json::to_value(Number(&finite)).unwrap_or_default();
        Self::Number(digits.into())
    }
}

impl<'a> From<Vec<Text<'a>>> for FormValue<'a> {
    fn from(values: Vec<Text<'a>>) -> Self {
        Self::Strings(values)
    }
}

impl Serialize for FormValue<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::String(text) => text.serialize(serializer),
            Self::Number(digits) => digits.serialize(serializer),
            Self::Bool(value) => value.serialize(serializer),
            Self::Strings(values) => values.serialize(serializer),
        }
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for FormValue<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = json_text(deserializer)?;
        let decoded = match value.bytes().next() {
            Some(b'"') => serde_json::from_str(value).map(Self::String),
            Some(b'[') => serde_json::from_str(value).map(Self::Strings),
            Some(b't' | b'f') => serde_json::from_str(value).map(Self::Bool),
            Some(b'-' | b'0'..=b'9') => serde_json::from_str(value).map(Self::Number),
            _ => {
                return Err(de::Error::custom(
                    "expected a string, number, boolean or strings",
                ));
            }
        };
        decoded.map_err(inner_error)
    }
}

impl IntoOwned for FormValue<'_> {
    type Owned = FormValue<'static>;

    fn owned_from(self, source: Source<'_>) -> FormValue<'static> {
        match self {
            Self::String(text) => FormValue::String(text.owned_from(source)),
            Self::Number(digits) => FormValue::Number(digits.owned_from(source)),
            Self::Bool(value) => FormValue::Bool(value),
            Self::Strings(values) => FormValue::Strings(values.owned_from(source)),
        }
    }
}

/// A filled-in form: values by field name, in the order in which they came.
///
/// A `null`, by which some clients mark a field that was left out, reads as absent.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct FormContent<'a> {
    entries: Vec<(Text<'a>, FormValue<'a>)>,
}

impl<'a> FormContent<'a> {
    /// Creates an answer with nothing filled in.
    pub fn new() -> Self {
        Self::default()
    }

    /// Fills in a field, replacing what was in it.
    #[must_use]
    pub fn with(mut self, name: impl Into<Text<'a>>, value: impl Into<FormValue<'a>>) -> Self {
        let (name, value) = (name.into(), value.into());
        match self.entries.iter_mut().find(|(known, _)| *known == name) {
            Some((_, old)) => *old = value,
            None => self.entries.push((name, value)),
        }
        self
    }

    /// Returns what is in the field of that name.
    pub fn get(&self, name: &str) -> Option<&FormValue<'a>> {
        let mut entries = self.entries.iter();
        entries
            .find(|(known, _)| *known == name)
            .map(|(_, value)| value)
    }

    /// Returns all fields in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &FormValue<'a>)> {
        self.entries
            .iter()
            .map(|(name, value)| (name.as_str(), value))
    }

    /// Returns how many fields are filled in.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Returns whether nothing is filled in.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

impl Serialize for FormContent<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.entries.iter().map(|(name, value)| (name, value)))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for FormContent<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ContentVisitor;

        impl<'de> Visitor<'de> for ContentVisitor {
            type Value = FormContent<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of form values")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry::<_, Option<FormValue<'de>>>()? {
                    entries.push(entry);
                }
                let entries = last_of_each_key(entries).into_iter();
                Ok(FormContent {
                    entries: entries
                        .filter_map(|(name, value)| Some((name, value?)))
                        .collect(),
                })
            }
        }

        deserializer.deserialize_map(ContentVisitor)
    }
}

into_owned! {
    FormContent { entries }
}

/// Where content or a schema breaks a rule, and which.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Violation {
    /// The JSON pointer of the offending value.
    pub path: String,
    /// What is wrong with it, in words.
    pub message: String,
}

impl Violation {
    fn of(name: &str, message: impl Into<String>) -> Self {
        let escaped = bounded(name).replace('~', "~0").replace('/', "~1");
        Self {
            path: format!("/{escaped}"),
            message: message.into(),
        }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, message } = self;
        write!(f, "{path}: {message}")
    }
}

impl core::error::Error for Violation {}

impl<'a> RequestedSchema<'a> {
    /// Returns an error if a field is more than a form may have, such as an object.
    // `elicit.schema.flat`
    pub fn check_flat(&self) -> Result<(), Violation> {
        for (name, schema) in self.properties.iter() {
            match schema {
                PrimitiveSchemaDefinition::Unknown(_) => {
                    return Err(Violation::of(name, "is not a primitive field"));
                }
                PrimitiveSchemaDefinition::LegacyTitled(schema)
                    if schema
                        .enum_names
                        .as_ref()
                        .is_some_and(|n| n.len() != schema.values.len()) =>
                {
                    return Err(Violation::of(name, "has not one name for each value"));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Returns the form filled in with what the schema says beforehand.
    // `elicit.defaults`
    pub fn defaults(&self) -> FormContent<'a> {
        // Each name stands once among the properties, so that none has to be looked up.
        let fields = self.properties.iter();
        let entries = fields.filter_map(|(name, schema)| {
            let name = Text::from(name).into_owned();
            default_of(schema).map(|value| (name, value))
        });
        FormContent {
            entries: entries.collect(),
        }
    }
}

fn default_of<'a>(schema: &PrimitiveSchemaDefinition<'a>) -> Option<FormValue<'a>> {
    use PrimitiveSchemaDefinition as Kind;
    match schema {
        Kind::String(schema) => schema.default.clone().map(FormValue::String),
        Kind::Number(schema) => schema.default.map(FormValue::from),
        Kind::Boolean(schema) => schema.default.map(FormValue::Bool),
        Kind::UntitledSingleSelect(schema) => schema.default.clone().map(FormValue::String),
        Kind::TitledSingleSelect(schema) => schema.default.clone().map(FormValue::String),
        Kind::LegacyTitled(schema) => schema.default.clone().map(FormValue::String),
        Kind::UntitledMultiSelect(schema) => schema.default.clone().map(FormValue::Strings),
        Kind::TitledMultiSelect(schema) => schema.default.clone().map(FormValue::Strings),
        Kind::Unknown(_) => None,
    }
}

/// Checks that `content` fits the form.
///
/// Fields that the form doesn't have are allowed, and so is anything in a field of an unknown
/// kind. Returns the first violation, in the order of the form, as an error.
// `elicit.validate`
pub fn validate(content: &FormContent<'_>, form: &RequestedSchema<'_>) -> Result<(), Violation> {
    // Both sides may be a peer's, and each may be long: nothing is looked up by going through it.
    let given: BTreeMap<&str, &FormValue<'_>> = content.iter().collect();
    for name in form.required.iter().flatten() {
        if !given.contains_key(name.as_str()) {
            return Err(Violation::of(name, "is required"));
        }
    }
    for (name, schema) in form.properties.iter() {
        if let Some(value) = given.get(name) {
            check_value(value, schema).map_err(|message| Violation::of(name, message))?;
        }
    }
    Ok(())
}

fn check_value(
    value: &FormValue<'_>,
    schema: &PrimitiveSchemaDefinition<'_>,
) -> Result<(), String> {
    use PrimitiveSchemaDefinition as Kind;
    match (schema, value) {
        (Kind::Unknown(_), _) | (Kind::Boolean(_), FormValue::Bool(_)) => Ok(()),
        (Kind::String(schema), FormValue::String(text)) => check_string(text, schema),
        (Kind::Number(schema), FormValue::Number(_)) => check_number(value, schema),
        (Kind::UntitledSingleSelect(schema), FormValue::String(text)) => {
            check_choice(text, schema.values.iter())
        }
        (Kind::LegacyTitled(schema), FormValue::String(text)) => {
            check_choice(text, schema.values.iter())
        }
        (Kind::TitledSingleSelect(schema), FormValue::String(text)) => {
            check_choice(text, schema.one_of.iter().map(|option| &option.value))
        }
        (Kind::UntitledMultiSelect(schema), FormValue::Strings(texts)) => {
            check_choices(texts, schema.items.values.iter())?;
            check_count(texts.len(), schema.min_items, schema.max_items, "values")
        }
        (Kind::TitledMultiSelect(schema), FormValue::Strings(texts)) => {
            let choices = schema.items.any_of.iter().map(|option| &option.value);
            check_choices(texts, choices)?;
            check_count(texts.len(), schema.min_items, schema.max_items, "values")
        }
        (Kind::Boolean(_), _) => Err("is not a boolean".into()),
        (Kind::Number(_), _) => Err("is not a number".into()),
        (Kind::UntitledMultiSelect(_) | Kind::TitledMultiSelect(_), _) => {
            Err("is not an array of strings".into())
        }
        _ => Err("is not a string".into()),
    }
}

fn check_choice<'a, 'b: 'a>(
    text: &str,
    mut choices: impl Iterator<Item = &'a Text<'b>>,
) -> Result<(), String> {
    if choices.any(|choice| *choice == text) {
        Ok(())
    } else {
        Err("is not a choice".into())
    }
}

fn check_choices<'a, 'b: 'a>(
    texts: &[Text<'_>],
    choices: impl Iterator<Item = &'a Text<'b>>,
) -> Result<(), String> {
    let choices: BTreeSet<&str> = choices.map(Text::as_str).collect();
    match texts.iter().all(|text| choices.contains(text.as_str())) {
        true => Ok(()),
        false => Err("is not a choice".into()),
    }
}

fn check_count(count: usize, min: Option<u64>, max: Option<u64>, what: &str) -> Result<(), String> {
    let count = count as u64;
    if let Some(min) = min.filter(|min| count < *min) {
        return Err(format!("has fewer than {min} {what}"));
    }
    if let Some(max) = max.filter(|max| count > *max) {
        return Err(format!("has more than {max} {what}"));
    }
    Ok(())
}

fn check_string(text: &str, schema: &StringSchema<'_>) -> Result<(), String> {
    check_count(
        text.chars().count(),
        schema.min_length,
        schema.max_length,
        "characters",
    )?;
    let (fits, what) = match &schema.format {
        Some(StringFormat::Email) => (is_email(text), "an e-mail address"),
        Some(StringFormat::Uri) => (is_valid_uri(text), "a URI"),
        Some(StringFormat::Date) => (is_date(text), "a date"),
        Some(StringFormat::DateTime) => (is_date_time(text), "a date with a time"),
        Some(StringFormat::Other(_)) | None => (true, ""),
    };
    if fits {
        Ok(())
    } else {
        Err(format!("is not {what}"))
    }
}

fn check_number(value: &FormValue<'_>, schema: &NumberSchema<'_>) -> Result<(), String> {
    let number = value.as_f64().ok_or("is not a number")?;
    // Every double from 2^53 on is whole.
    let whole = number.abs() >= 9_007_199_254_740_992.0 || number as i64 as f64 == number;
    if schema.number_type() == NumberType::Integer && !whole {
        return Err("is not an integer".into());
    }
    if let Some(minimum) = schema.minimum.filter(|minimum| number < *minimum) {
        return Err(format!("is less than {minimum}"));
    }
    if let Some(maximum) = schema.maximum.filter(|maximum| number > *maximum) {
        return Err(format!("is greater than {maximum}"));
    }
    Ok(())
}

/// Something before one `@` and something after it, without white space: mail servers know better.
fn is_email(text: &str) -> bool {
    let parts = text.rsplit_once('@');
    parts.is_some_and(|(local, domain)| !local.is_empty() && !domain.is_empty())
        && !text.contains(|c: char| c.is_whitespace() || c.is_control())
}

/// Reads `text` as digits of a fixed length.
fn digits(text: Option<&str>, length: usize) -> Option<u32> {
    let text = text.filter(|text| text.len() == length)?;
    text.bytes()
        .all(|byte| byte.is_ascii_digit())
        .then(|| text.parse().ok())?
}

fn is_date(text: &str) -> bool {
    let mut parts = text.split('-');
    let (year, month, day) = (
        digits(parts.next(), 4),
        digits(parts.next(), 2),
        digits(parts.next(), 2),
    );
    let (Some(year), Some(month), Some(day), None) = (year, month, day, parts.next()) else {
        return false;
    };
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => 0,
    };
    (1..=days).contains(&day)
}

/// RFC 3339: a date, `T`, a time whose fraction is optional, and an offset.
fn is_date_time(text: &str) -> bool {
    let Some((date, rest)) = text.split_once(['T', 't', ' ']) else {
        return false;
    };
    let Some((time, offset)) = rest
        .find(['Z', 'z', '+', '-'])
        .and_then(|at| rest.split_at_checked(at))
    else {
        return false;
    };
    let (clock, fraction) = time.split_once('.').unwrap_or((time, "0"));
    let whole_fraction = !fraction.is_empty() && fraction.bytes().all(|byte| byte.is_ascii_digit());
    let known_offset = match offset.split_at_checked(1) {
        Some(("Z" | "z", "")) => true,
        Some(("+" | "-", offset)) => is_clock(offset, &[23, 59]),
        _ => false,
    };
    is_date(date) && is_clock(clock, &[23, 59, 60]) && whole_fraction && known_offset
}

/// Whether `text` is pairs of digits between colons, one for each of `greatest` and within it.
fn is_clock(text: &str, greatest: &[u32]) -> bool {
    let mut parts = text.split(':');
    let within = |greatest: &u32| digits(parts.next(), 2).is_some_and(|part| part <= *greatest);
    greatest.iter().all(within) && parts.next().is_none()
}
