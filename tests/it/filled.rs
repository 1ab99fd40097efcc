//! Values that are made from the schemas, with every property filled in or some left out again: our
//! types take them and give them back, and older revisions get what they know.

use std::collections::{BTreeMap, BTreeSet};

use mcp_proto::Revision;
use mcp_proto::model::encode::EncodeError;
use mcp_proto::model::meta::Meta;
use serde_json::Value;

use support::amount;
use support::fill::{Chance, filled, thinned};
use support::types::{Way, has_unknown, left_out, way_of};
use support::wire::schema::{self, Schema};

/// What a test found, counted and listed.
#[derive(Default)]
struct Found {
    values: usize,
    definitions: usize,
    wrong: BTreeSet<String>,
}

impl Found {
    /// Says aloud what was covered, and fails when something was wrong.
    #[track_caller]
    fn report(self, what: &str) {
        let Self {
            values,
            definitions,
            wrong,
        } = self;
        schema::aloud(format_args!(
            "{what}: {definitions} definitions x revisions, {values} values"
        ));
        let wrong: Vec<_> = wrong.into_iter().collect();
        assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    }
}

/// Visits each definition of each revision that has a type of ours; gives those that have none, by
/// the reason.
fn each_definition(
    mut visit: impl FnMut(&'static Schema, &str, Way),
) -> BTreeMap<&'static str, BTreeSet<String>> {
    let mut skipped = BTreeMap::<_, BTreeSet<_>>::new();
    for schema in Revision::ALL.into_iter().map(schema::of) {
        let revision = schema.revision;
        for name in schema.definitions.keys() {
            match (way_of(name), left_out(name)) {
                (Some(way), None) => visit(schema, name, way),
                (None, Some(why)) => {
                    skipped.entry(why).or_default().insert(name.clone());
                }
                (way, why) => panic!("{name} of {revision}: {} and {why:?}", way.is_some()),
            }
        }
    }
    skipped
}

/// The filled-in values of a definition, each checked against it: by one test, for all. A plain run has a
/// sixtieth of them, another one for each revision.
fn checked_values_of(schema: &'static Schema, name: &str) -> Vec<Value> {
    let values = filled(schema, name);
    let parts = amount(60, 1).min(values.len());
    assert!(parts > 0, "{name} of {}", schema.revision);
    let part = schema.revision as usize % parts;
    let values: Vec<_> = values.iter().skip(part).step_by(parts).cloned().collect();
    for value in &values {
        assert!(schema.undeclared(name, value).is_empty(), "{name}: {value}");
        if let Err(mismatch) = schema.check(name, value) {
            panic!("{name} of {}: {mismatch:?} in {value}", schema.revision);
        }
    }
    values
}

/// The value without what says the same when it isn't there: a capability that is `false`
/// (`caps.presence`), which isn't written, and the mode of a form, which always is.
fn meaning(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            let is_said = |(key, member): &(&String, &Value)| match key.as_str() {
                "listChanged" | "subscribe" => **member != false,
                "mode" => **member != "form",
                _ => true,
            };
            let said = members.iter().filter(is_said);
            said.map(|(key, member)| (key.clone(), meaning(member)))
                .collect()
        }
        Value::Array(elements) => elements.iter().map(meaning).collect(),
        other => other.clone(),
    }
}

/// What is wrong with the way of one value; `None` when it comes out as it went in, every part of it
/// understood.
fn complaint(schema: &Schema, name: &str, way: Way, value: &Value) -> Option<String> {
    let wanted = meaning(value);
    let revision = schema.revision;
    let trip = match way(name, &value.to_string(), revision) {
        Ok(trip) => trip,
        Err(error) => return Some(format!("{name} of {revision}: {error}\n{value}")),
    };
    // What was one alternative of a union may with fewer members be another that lacks one of them.
    if trip.has_unknown() && schema.undeclared(name, value).is_empty() {
        let debug = trip.debug;
        return Some(format!("{name} of {revision}: not understood: {debug}"));
    }
    let same = |out: &Value| meaning(out) == wanted;
    if !same(&trip.plain) {
        return Some(format!(
            "{name} of {revision}\nin    {value}\nplain {}",
            trip.plain
        ));
    }
    match &trip.encoded {
        Ok(encoded) if same(encoded) => None,
        other => Some(format!(
            "{name} of {revision}\nin      {value}\nencoded {other:?}"
        )),
    }
}

#[test]
fn filled_in_values_survive_and_leave_nothing_unknown() {
    // `meta.where.legacy`, `data.number`, `caps.client.list`, `caps.server.list`
    let mut found = Found::default();
    let skipped = each_definition(|schema, name, way| {
        found.definitions += 1;
        for value in checked_values_of(schema, name) {
            found.values += 1;
            found.wrong.extend(complaint(schema, name, way, &value));
        }
    });
    for (why, names) in skipped {
        schema::aloud(format_args!("LEFT OUT, {why}: {names:?}"));
    }
    found.report("every property filled in");
}

/// Whether a definition only wraps another one in an envelope. The costly tests leave them to the
/// first test.
fn is_wrapper(schema: &Schema, name: &str) -> bool {
    let params =
        name.ends_with("Request") && schema.definitions.contains_key(&format!("{name}Params"));
    params || name.ends_with("ResultResponse")
}

#[test]
fn values_with_properties_left_out_survive() {
    let mut found = Found::default();
    let mut chance = Chance::new(7);
    each_definition(|schema, name, way| {
        if is_wrapper(schema, name) {
            return;
        }
        found.definitions += 1;
        for value in filled(schema, name).iter().step_by(amount(5, 1)) {
            for kept in amount(&[4][..], &[2, 4, 12][..]) {
                let value = thinned(value, &mut chance, *kept);
                if schema.check(name, &value).is_ok() {
                    found.values += 1;
                    found.wrong.extend(complaint(schema, name, way, &value));
                }
            }
        }
    });
    found.report("some properties left out");
}

/// Definitions that are written for another revision only as parts of others, by which they are
/// lowered; envelopes, of which the body is open; a result that the modern era has no use for, and one
/// that has nothing in common in the two revisions that have it.
fn is_lowered_elsewhere(name: &str) -> bool {
    name.starts_with("JSONRPC")
        || name.ends_with("Schema")
        || matches!(
            name,
            "PrimitiveSchemaDefinition" | "EmptyResult" | "CancelTaskResult"
        )
}

#[test]
fn every_revision_gets_what_it_knows() {
    // `tools.def.fields`, `data.content.kinds`, `caps.client.list`, `caps.server.list`
    let mut found = Found::default();
    let mut refused = BTreeSet::new();
    each_definition(|schema, name, way| {
        if is_lowered_elsewhere(name) || is_wrapper(schema, name) {
            return;
        }
        let values = filled(schema, name);
        let targets = Revision::ALL.into_iter().map(schema::of);
        let targets = targets.filter(|target| target.definitions.contains_key(name));
        // In a plain run one for the old ones and one for the new ones.
        for target in targets.step_by(amount(3, 1)) {
            found.definitions += 1;
            for value in values.iter().step_by(amount(60, 1)) {
                let Ok(trip) = way(name, &value.to_string(), target.revision) else {
                    continue;
                };
                found.values += 1;
                match trip.encoded {
                    Ok(written) => found.wrong.extend(misfit(schema, target, name, &written)),
                    Err(EncodeError::NotInRevision { what, .. }) => {
                        refused.insert(format!("{what} in {}", target.revision));
                    }
                    Err(error) => {
                        found.wrong.insert(format!("{name}: {error}"));
                    }
                }
            }
        }
    });
    schema::aloud(format_args!("refused: {refused:?}"));
    found.report("written for another revision");
}

/// What is wrong with a value of one revision that was written for another.
fn misfit(from: &Schema, target: &Schema, name: &str, written: &Value) -> Option<String> {
    let about = format!("{name} of {} for {}", from.revision, target.revision);
    let mut written = written.clone();
    if target.revision == Revision::V2025_11_25 && written["mode"] == "url" {
        // The session makes one up when it asks: see `need_input`.
        written["elicitationId"] = "made up".into();
    }
    if let Err(mismatch) = target.check(name, &written) {
        return Some(format!("{about}: {mismatch:?}\n{written}"));
    }
    // What stands in an open map of one revision may stand anywhere in another.
    let mut undeclared = target.undeclared(name, &written);
    undeclared.retain(|path| !path.ends_with("com.example/extra"));
    match undeclared.is_empty() {
        true => None,
        false => Some(format!("{about}: has {undeclared:?}\n{written}")),
    }
}

#[test]
fn the_protocols_own_metadata_is_understood() {
    // `meta.reserved.keys`, `meta.progressToken`
    let schema = schema::of(Revision::V2026_07_28);
    let names = schema.definitions.keys();
    for name in names.filter(|name| name.ends_with("MetaObject")) {
        for value in filled(schema, name).iter() {
            let text = value.to_string();
            let meta: Meta<'_> = serde_json::from_str(&text).unwrap();
            for key in value.as_object().unwrap().keys() {
                assert!(is_read(&meta, key), "{name}: {key} in {text}");
            }
        }
    }
}

/// Whether the getter for `key` gives what is there, with nothing unknown in it.
fn is_read(meta: &Meta<'_>, key: &str) -> bool {
    let read = match key.rsplit('/').next().unwrap_or(key) {
        "clientCapabilities" => meta.client_capabilities().map(|read| format!("{read:?}")),
        "clientInfo" => meta.client_info().map(|read| format!("{read:?}")),
        "logLevel" => meta.log_level().map(|read| format!("{read:?}")),
        "progressToken" => meta.progress_token().map(|read| format!("{read:?}")),
        "protocolVersion" => meta.protocol_version().map(|read| format!("{read:?}")),
        "serverInfo" => meta.server_info().map(|read| format!("{read:?}")),
        "subscriptionId" => meta.subscription_id().map(|read| format!("{read:?}")),
        "extra" => meta.get(key).map(|read| format!("{read:?}")),
        _ => None,
    };
    read.is_some_and(|read| !has_unknown(&read))
}
