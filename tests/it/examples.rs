//! The official examples of the newest revision: each of them goes through our types unchanged.

use std::collections::BTreeSet;
use std::path::Path;

use mcp_proto::Revision;
use serde_json::Value;

use crate::support::schema;
use crate::support::types::{left_out, way_of};

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

#[test]
fn official_examples_survive() {
    // `meta.embedded.inputreq`
    let Some(dir) = schema::spec_dir() else {
        return;
    };
    let (mut examples, mut definitions) = (0, BTreeSet::new());
    let mut wrong = Vec::new();
    each_example(
        &dir.join("examples/2026-07-28"),
        |definition, name, text| {
            let example: Value = serde_json::from_str(text).unwrap();
            let schema = schema::of(REVISION).unwrap();
            let is_valid = schema.check(definition, &example);
            if is_valid.is_ok() == INVALID.contains(&&*format!("{definition}/{name}")) {
                wrong.push(format!("{definition}/{name}, valid itself: {is_valid:?}"));
            }
            let wanted = wanted(definition, &example);
            let Some(way) = way_of(definition) else {
                wrong.push(format!("{definition}: {:?}", left_out(definition)));
                return;
            };
            examples += 1;
            definitions.insert(definition.to_owned());
            match way(definition, text, REVISION) {
                Err(error) => wrong.push(format!("{definition}: {error} in {text}")),
                // What the session adds to a result is missing from the one that isn't valid.
                Ok(trip) if is_known && trip.plain == wanted => {}
                Ok(trip) if trip.plain != wanted || trip.encoded.as_ref() != Ok(&wanted) => {
                    wrong.push(format!(
                        "{definition}: {wanted}\nplain   {}\nencoded {:?}",
                        trip.plain, trip.encoded
                    ));
                }
                Ok(trip) if trip.has_unknown() => {
                    wrong.push(format!("{definition}: not understood: {}", trip.debug));
                }
                Ok(_) => {}
            }
        },
    );
    eprintln!(
        "{examples} official examples of {} definitions",
        definitions.len()
    );
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    assert!(examples > 0, "no examples in {}", dir.display());
}
