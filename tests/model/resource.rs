//! Resources and roots as data, and the URIs that name them.

use crate::round_trip::{refused, survives};
use mcp_proto::model::resource::{
    ListResourceTemplatesResult, ListResourcesResult, ReadResourceParams, ReadResourceResult,
    Resource, ResourceTemplate, ResourceUpdatedParams, SubscribeParams, UnsubscribeParams,
    is_resource_not_found, is_valid_uri,
};
use mcp_proto::model::root::{ListRootsResult, Root};

#[test]
fn listings_survive_with_all_properties() {
    // `res.fields`, `res.templates`, `data.name.title`
    let json = r#"{"resources":[{"uri":"file:///a","name":"a","title":"A","description":"d","mimeType":"text/plain",
        "size":5,"icons":[{"src":"https://a/b.png"}],"annotations":{"audience":["user"],"priority":0.5},"_meta":{"k":1}}],
        "nextCursor":"c","ttlMs":5000,"cacheScope":"public","_meta":{"k":1}}"#;
    let listed = survives::<ListResourcesResult<'_>>(json);
    assert_eq!(listed.resources[0].display_name(), "A");
    let json = r#"{"resourceTemplates":[{"uriTemplate":"file:///{path}","name":"a","title":"A","description":"d",
        "mimeType":"text/plain","icons":[{"src":"https://a/b.png"}],"annotations":{"priority":0.5},"_meta":{"k":1}}],
        "nextCursor":"c","ttlMs":0,"cacheScope":"private","_meta":{"k":1}}"#;
    let listed = survives::<ListResourceTemplatesResult<'_>>(json);
    assert_eq!(listed.resource_templates[0].display_name(), "A");
    assert_eq!(ResourceTemplate::new("a:{b}", "n").display_name(), "n");
    refused::<Resource<'_>>(r#"{"uri":"file:///a"}"#);
}

#[test]
fn reading_survives_with_several_contents() {
    // `res.read.params`, `res.read.result`, `res.read.multi`, `res.mrtr`
    survives::<ReadResourceParams<'_>>(
        r#"{"uri":"file:///a","inputResponses":{"k":{}},"requestState":"s","_meta":{"k":1}}"#,
    );
    refused::<ReadResourceParams<'_>>("{}");
    let read = survives::<ReadResourceResult<'_>>(
        r#"{"contents":[{"uri":"file:///a/b","mimeType":"text/plain","text":"t"},{"uri":"file:///a/c","blob":"aGk="}],
            "ttlMs":1,"cacheScope":"public","_meta":{"k":1}}"#,
    );
    assert_eq!(read.contents[1].uri().as_str(), "file:///a/c");
}

#[test]
fn watching_names_a_uri() {
    // `res.sub.legacy`, `res.updated`
    let json = r#"{"uri":"file:///a","_meta":{"k":1}}"#;
    survives::<SubscribeParams<'_>>(json);
    survives::<UnsubscribeParams<'_>>(json);
    survives::<ResourceUpdatedParams<'_>>(json);
    refused::<SubscribeParams<'_>>("{}");
}

#[test]
fn a_size_that_makes_no_sense_does_not_lose_the_listing() {
    for size in ["-1", "1e3", "\"big\"", "null", "99999999999999999999"] {
        let json = format!(r#"{{"uri":"a:b","name":"n","size":{size}}}"#);
        let resource: Resource<'_> = serde_json::from_str(&json).unwrap();
        assert_eq!(resource.name, "n");
    }
}

#[test]
fn both_codes_mean_that_a_resource_is_not_there() {
    // `res.read.notfound.legacy`, `res.read.notfound.modern`
    assert!(is_resource_not_found(-32002) && is_resource_not_found(-32602));
    assert!(!is_resource_not_found(-32603));
}

#[test]
fn uris_have_a_scheme_and_whole_escapes() {
    // `res.uri.valid`, `res.scheme.custom`
    for uri in [
        "x-foo:bar",
        "file:///a%20b",
        "https://a/?q=%C3%A4#f",
        "a+b.c-1:",
        "urn:x:y",
    ] {
        assert!(is_valid_uri(uri), "{uri}");
    }
    for uri in [
        "",
        "1x:bar",
        ":a",
        "a b:c",
        "x:a b",
        "x:\n",
        "x:%2",
        "x:%zz",
        "x:%2%20",
        "path/only",
        "ä:b",
    ] {
        assert!(!is_valid_uri(uri), "{uri}");
    }
}

#[test]
fn roots_are_file_uris() {
    // `roots.list`, `roots.uri`
    let json = r#"{"roots":[{"uri":"file:///home","name":"Home","_meta":{"k":1}},{"uri":"https://a"}],"_meta":{"k":1}}"#;
    let listed = survives::<ListRootsResult<'_>>(json);
    let checked: Vec<bool> = listed.roots.iter().map(Root::is_file_uri).collect();
    assert_eq!(checked, [true, false]);
    assert!(!Root::new("file:/a").is_file_uri());
    assert!(!Root::new("file:///a b").is_file_uri());
}
