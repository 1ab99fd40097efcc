//! The official examples of the newest revision: each of them goes through our types unchanged.

use std::collections::BTreeSet;
use std::path::Path;

use mcp_proto::Revision;
use serde_json::Value;

use support::types::{left_out, way_of};
use support::wire::schema;

const REVISION: Revision = Revision::V2026_07_28;

/// The examples that break the definition they are of: a result without the cache hints that the
/// definition requires, which survives nevertheless.
const INVALID: [&str; 1] = ["ReadResourceResultResponse/read-resource-result-response.json"];

/// What an example should come out as: itself, but for the `id` of an embedded request. The example
/// has one although its definition doesn't, and `meta.embedded.inputreq` forbids it.
fn wanted(definition: &str, example: &Value) -> Value {
    let mut wanted = example.clone();
    if definition == "ListRootsRequest"
        && let Some(members) = wanted.as_object_mut()
    {
        members.remove("id");
    }
    wanted
}

fn each_example(dir: &Path, mut visit: impl FnMut(&str, &str, &str)) {
    let listed = |dir: &Path| {
        let entries = std::fs::read_dir(dir).unwrap_or_else(|e| panic!("{}: {e}", dir.display()));
        let paths: BTreeSet<_> = entries.map(|entry| entry.unwrap().path()).collect();
        paths
    };
    for folder in listed(dir) {
        let definition = folder.file_name().unwrap().to_str().unwrap();
        for file in listed(&folder) {
            let name = file.file_name().unwrap().to_str().unwrap();
            visit(definition, name, &std::fs::read_to_string(&file).unwrap());
        }
    }
}

/// What is wrong with the way of one example.
fn complaint(definition: &str, name: &str, text: &str) -> Option<String> {
    let example: Value = serde_json::from_str(text).expect("an example is JSON");
    let is_valid = schema::of(REVISION).check(definition, &example);
    let is_known = INVALID.contains(&&*format!("{definition}/{name}"));
    if is_valid.is_ok() == is_known {
        return Some(format!("{definition}/{name}, valid itself: {is_valid:?}"));
    }
    let Some(way) = way_of(definition) else {
        return Some(format!("{definition}: {:?}", left_out(definition)));
    };
    let trip = match way(definition, text, REVISION) {
        Ok(trip) => trip,
        Err(error) => return Some(format!("{definition}: {error} in {text}")),
    };
    let wanted = wanted(definition, &example);
    if trip.has_unknown() {
        return Some(format!("{definition}: not understood: {}", trip.debug));
    }
    let (plain, mut encoded) = (trip.plain, trip.encoded);
    if let (true, Ok(encoded)) = (is_known, &mut encoded) {
        // The session adds to a result what the one that isn't valid lacks.
        let result = encoded["result"].as_object_mut();
        result
            .expect("it is a response")
            .retain(|key, _| !matches!(key.as_str(), "ttlMs" | "cacheScope"));
    }
    if plain == wanted && encoded.as_ref() == Ok(&wanted) {
        return None;
    }
    Some(format!(
        "{definition}: {wanted}\nplain   {plain}\nencoded {encoded:?}"
    ))
}

#[test]
fn official_examples_survive() {
    // `meta.embedded.inputreq`, `rtype.values`
    let (mut examples, mut definitions) = (0, BTreeSet::new());
    let mut wrong = Vec::new();
    let dir = schema::spec_dir().join("examples/2026-07-28");
    each_example(&dir, |definition, name, text| {
        examples += 1;
        definitions.insert(definition.to_owned());
        wrong.extend(complaint(definition, name, text));
    });
    let definitions = definitions.len();
    schema::aloud(format_args!(
        "{examples} official examples of {definitions} definitions"
    ));
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    assert!(examples > 0, "no examples in {}", dir.display());
}
