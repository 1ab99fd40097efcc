//! What older revisions lack is dropped, said otherwise or refused; values stand for the types.

use std::collections::BTreeMap;

use mcp_proto::Revision;
use mcp_proto::model::elicitation::ElicitRequestFormParams;
use mcp_proto::model::encode::EncodeError;
use mcp_proto::model::owned::IntoOwned;
use mcp_proto::model::schema::RequestedSchema;
use serde::Serialize;
use serde_json::{Value, json};

use super::{A, B, C, D, E, body, body_with, named, parsed};

/// A field of a struct, a value for it, and the revisions that have it.
type SpecDefinition = (&'static str, &'static str, &'static [Revision]);

const SINCE_B: &[Revision] = &[B, C, D, E];
const SINCE_C: &[Revision] = &[C, D, E];
const SINCE_D: &[Revision] = &[D, E];
const ONLY_D: &[Revision] = &[D];
const ONLY_E: &[Revision] = &[E];
const UNTIL_D: &[Revision] = &[A, B, C, D];

fn check(fields: &[SpecDefinition]) {
    for (name, field, revisions) in fields {
        let value = match *field {
            "outputSchema" => json!({"type": "object"}),
            _ => json!({}),
        };
        let wrapped = json!({"kept": true, *field: value});
        for revision in Revision::ALL {
            let written = parsed(revision, &named(name, wrapped.clone()));
            let expected = revisions.contains(&revision);
            assert_eq!(
                written.get(field).is_some(),
                expected,
                "{name}.{field} in {revision}"
            );
            assert_eq!(written["kept"], true);
        }
    }
}

#[test]
fn definitions_lose_what_a_revision_does_not_know() {
    // `tools.def.fields`
    check(&[
        ("Tool", "description", &Revision::ALL),
        ("Tool", "annotations", SINCE_B),
        ("Tool", "title", SINCE_C),
        ("Tool", "outputSchema", SINCE_C),
        ("Tool", "_meta", SINCE_C),
        ("Tool", "icons", SINCE_D),
        ("Tool", "execution", ONLY_D),
        ("Resource", "title", SINCE_C),
        ("ResourceTemplate", "icons", SINCE_D),
        ("Prompt", "_meta", SINCE_C),
        ("PromptArgument", "title", SINCE_C),
        ("PromptReference", "title", SINCE_C),
        ("Implementation", "title", SINCE_C),
        ("Implementation", "description", SINCE_D),
        ("Implementation", "icons", SINCE_D),
        ("Implementation", "websiteUrl", SINCE_D),
        ("Annotations", "lastModified", SINCE_C),
        ("SomethingElse", "title", &Revision::ALL),
    ]);
}

#[test]
fn nested_meta_is_dropped_where_a_revision_has_none() {
    // `meta.where.legacy`
    check(&[
        ("Root", "_meta", SINCE_C),
        ("TextContent", "_meta", SINCE_C),
        ("ImageContent", "_meta", SINCE_C),
        ("EmbeddedResource", "_meta", SINCE_C),
        ("TextResourceContents", "_meta", SINCE_C),
        ("BlobResourceContents", "_meta", SINCE_C),
        ("SamplingMessage", "_meta", SINCE_D),
    ]);
}

#[test]
fn params_and_results_lose_what_a_revision_does_not_know() {
    // `meta.embedded.inputreq`
    check(&[
        ("CallToolResult", "structuredContent", SINCE_C),
        ("ListToolsResult", "ttlMs", ONLY_E),
        ("ReadResourceResult", "cacheScope", ONLY_E),
        ("CallToolParams", "inputResponses", ONLY_E),
        ("CallToolParams", "task", ONLY_D),
        ("GetPromptParams", "requestState", ONLY_E),
        ("CompleteParams", "context", SINCE_C),
        ("ProgressParams", "message", SINCE_B),
        ("CreateMessageParams", "tools", SINCE_D),
        ("CreateMessageParams", "_meta", UNTIL_D),
        ("ElicitRequestFormParams", "mode", SINCE_D),
        ("ElicitRequestFormParams", "_meta", UNTIL_D),
        ("ListRootsResult", "_meta", UNTIL_D),
    ]);
    let url = named(
        "ElicitRequestURLParams",
        json!({"elicitationId": "1", "url": "https://a"}),
    );
    assert_eq!(parsed(D, &url)["elicitationId"], "1");
    assert_eq!(parsed(E, &url), json!({"url": "https://a"}));
}

#[test]
fn structured_content_of_older_revisions_is_an_object_or_nothing() {
    // `tools.struct.obj`
    for (content, kept) in [
        (json!({"a": 1}), SINCE_C),
        (json!([1]), ONLY_E),
        (json!(null), ONLY_E),
    ] {
        let result = named("CallToolResult", json!({"structuredContent": content}));
        for revision in Revision::ALL {
            let found = parsed(revision, &result).get("structuredContent").is_some();
            assert_eq!(found, kept.contains(&revision));
        }
    }
}

#[test]
fn output_schemas_of_older_revisions_describe_an_object_or_are_dropped() {
    // `tools.def.schema.keywords`
    for (schema, kept) in [
        (json!({"properties": {}, "type": "object"}), SINCE_C),
        (json!({"type": "array"}), ONLY_E),
        (json!({"anyOf": [{"type": "object"}]}), ONLY_E),
        (json!(true), ONLY_E),
    ] {
        let tool = named("Tool", json!({"name": "x", "outputSchema": schema}));
        for revision in Revision::ALL {
            let found = parsed(revision, &tool).get("outputSchema").is_some();
            assert_eq!(found, kept.contains(&revision));
        }
    }
}

fn refused(revision: Revision, value: &impl Serialize) -> String {
    let error = body_with(revision, value, "", "").expect_err("the revision has no such thing");
    assert!(
        matches!(error, EncodeError::NotInRevision { .. }),
        "{error:?}"
    );
    error.to_string()
}

#[test]
fn sampling_content_is_a_single_block_before_2025_11_25() {
    // `sampling.noarray.old`, `sampling.msg`
    let block = json!({"type": "text", "text": "hi"});
    for name in ["SamplingMessage", "CreateMessageResult"] {
        let single = named(name, json!({"content": block}));
        let one = named(name, json!({"content": [block]}));
        let two = named(name, json!({"content": [block, block]}));
        for revision in [A, B, C] {
            assert_eq!(parsed(revision, &single), json!({"content": block}));
            assert_eq!(parsed(revision, &one), json!({"content": block}));
            refused(revision, &two);
        }
        for revision in [D, E] {
            assert_eq!(parsed(revision, &single), json!({"content": block}));
            assert_eq!(parsed(revision, &two), json!({"content": [block, block]}));
        }
    }
}

#[test]
fn tool_blocks_are_refused_before_2025_11_25() {
    // `sampling.noarray.old`
    for name in ["ToolUseContent", "ToolResultContent"] {
        let block = named(name, json!({"type": "x"}));
        for revision in [A, B, C] {
            refused(revision, &block);
        }
        assert_eq!(parsed(D, &block), json!({"type": "x"}));
    }
    let told = refused(C, &named("ToolUseContent", json!({})));
    assert_eq!(
        told,
        "a tool use block can't be sent in revision 2025-06-18"
    );
}

#[test]
fn forms_of_2025_06_18_know_enums_by_their_old_names_and_few_defaults() {
    let form = |properties: Value| {
        let schema = json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "type": "object",
            "properties": properties,
            "required": ["colour"],
        });
        let text = schema.to_string();
        let form: RequestedSchema<'_> = serde_json::from_str(&text).unwrap();
        (
            schema,
            ElicitRequestFormParams::new("m").requested_schema(form.into_owned()),
        )
    };
    let (schema, choice) = form(json!({
        "colour": {
            "type": "string",
            "oneOf": [{"const": "r", "title": "R\"ed"}, {"const": "g", "title": "Green"}],
            "default": "r",
        },
        "sure": {"type": "boolean", "default": true},
        "count": {"default": 1, "type": "integer"},
    }));
    let expected = json!({"message": "m", "requestedSchema": {
        "type": "object",
        "properties": {
            "colour": {"type": "string", "enum": ["r", "g"], "enumNames": ["R\"ed", "Green"]},
            "sure": {"type": "boolean", "default": true},
            "count": {"type": "integer"},
        },
        "required": ["colour"],
    }});
    assert_eq!(parsed(C, &choice), expected);
    assert_eq!(
        parsed(D, &choice),
        json!({"mode": "form", "message": "m", "requestedSchema": schema})
    );
    let items = json!({"type": "string", "enum": ["r"]});
    let (schema, several) = form(json!({"colours": {"type": "array", "items": items}}));
    refused(C, &several);
    assert_eq!(
        parsed(E, &several),
        json!({"mode": "form", "message": "m", "requestedSchema": schema})
    );
}

#[test]
fn a_value_stays_as_it_is_where_no_revision_is_concerned() {
    let tool = named(
        "Tool",
        json!({"title": "T", "execution": {"taskSupport": "optional"}}),
    );
    let nested = BTreeMap::from([("tools", vec![tool])]);
    assert_eq!(body(A, &nested), r#"{"tools":[{}]}"#);
    assert_eq!(
        body(D, &nested),
        r#"{"tools":[{"execution":{"taskSupport":"optional"},"title":"T"}]}"#
    );
    assert_eq!(body(E, &nested), r#"{"tools":[{"title":"T"}]}"#);
}

#[test]
fn content_kinds_that_a_revision_lacks_are_said_with_those_it_has() {
    // `data.content.kinds`
    let audio = named(
        "AudioContent",
        json!({"type": "audio", "data": "AAAA", "mimeType": "audio/wav", "annotations": {"priority": 1}}),
    );
    let link = named(
        "ResourceLink",
        json!({"type": "resource_link", "uri": "file:///a", "name": "a\"b", "annotations": {"priority": 1}}),
    );
    let titled = named(
        "ResourceLink",
        json!({"uri": "file:///a", "name": "a", "title": "T"}),
    );
    let holder = |block| BTreeMap::from([("content", [block])]);
    let embedded = json!({"type": "resource", "annotations": {"priority": 1},
        "resource": {"uri": "urn:mcp:audio", "mimeType": "audio/wav", "blob": "AAAA"}});
    assert_eq!(parsed(A, &holder(&audio))["content"][0], embedded);
    assert_eq!(parsed(B, &holder(&audio))["content"][0]["type"], "audio");
    for revision in [A, B] {
        let block =
            json!({"type": "text", "text": "[a\"b](file:///a)", "annotations": {"priority": 1}});
        assert_eq!(parsed(revision, &holder(&link))["content"][0], block);
        assert_eq!(
            parsed(revision, &holder(&titled))["content"][0]["text"],
            "[T](file:///a)"
        );
    }
    assert_eq!(
        parsed(C, &holder(&link))["content"][0]["type"],
        "resource_link"
    );
}
