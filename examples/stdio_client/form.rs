//! Fills in a form without asking anybody: what it says beforehand, then what it requires.

use mcp_proto::model::elicitation::{ElicitRequestFormParams, ElicitResult};
use mcp_proto::model::form::FormValue;
use mcp_proto::model::schema::{
    NumberSchema, PrimitiveSchemaDefinition, StringFormat, StringSchema,
};
use mcp_proto::rpc::Text;

/// Accepts the form, filled in; declines one that can't be filled in like this.
pub fn fill_in<'a>(form: &ElicitRequestFormParams<'a>) -> ElicitResult<'a> {
    let mut content = form.defaults();
    for (name, schema) in form.requested_schema.properties.iter() {
        if content.get(name).is_some() || !form.requested_schema.is_required(name) {
            continue;
        }
        if let Some(value) = example(schema) {
            content = content.with(name.to_owned(), value);
        }
    }
    let answer = ElicitResult::accept(content);
    match form.validate(&answer) {
        Ok(()) => answer,
        Err(violation) => {
            say!("  can't fill in the form: {violation}");
            ElicitResult::decline()
        }
    }
}

/// Something that fits; `None` for a field of an unknown kind.
fn example<'a>(schema: &PrimitiveSchemaDefinition<'a>) -> Option<FormValue<'a>> {
    use PrimitiveSchemaDefinition as Kind;
    Some(match schema {
        Kind::String(schema) => text(schema).into(),
        Kind::Number(schema) => number(schema).into(),
        Kind::Boolean(_) => true.into(),
        Kind::UntitledSingleSelect(schema) => schema.values.first()?.clone().into(),
        Kind::LegacyTitled(schema) => schema.values.first()?.clone().into(),
        Kind::TitledSingleSelect(schema) => schema.one_of.first()?.value.clone().into(),
        Kind::UntitledMultiSelect(schema) => {
            some(schema.items.values.iter(), schema.min_items).into()
        }
        Kind::TitledMultiSelect(schema) => {
            let values = schema.items.any_of.iter().map(|option| &option.value);
            some(values, schema.min_items).into()
        }
        _ => return None,
    })
}

fn text(schema: &StringSchema<'_>) -> String {
    let example = match schema.format {
        Some(StringFormat::Email) => "fox@example.com",
        Some(StringFormat::Uri) => "https://example.com/",
        Some(StringFormat::Date) => "2026-07-28",
        Some(StringFormat::DateTime) => "2026-07-28T12:00:00Z",
        _ => "fox",
    };
    let bound = |bound: Option<u64>, otherwise| bound.map_or(otherwise, |bound| bound as usize);
    let (least, most) = (
        bound(schema.min_length, 0),
        bound(schema.max_length, usize::MAX),
    );
    let padded = example.chars().chain(std::iter::repeat('x'));
    padded.take(example.len().max(least).min(most)).collect()
}

fn number(schema: &NumberSchema<'_>) -> f64 {
    let least = schema.minimum.unwrap_or(f64::MIN);
    let most = schema.maximum.unwrap_or(f64::MAX);
    42_f64.max(least).min(most)
}

fn some<'t, 'a: 't>(
    choices: impl Iterator<Item = &'t Text<'a>>,
    least: Option<u64>,
) -> Vec<Text<'a>> {
    let wanted = least.unwrap_or(1).max(1) as usize;
    choices.take(wanted).cloned().collect()
}
