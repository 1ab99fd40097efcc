//! Tools as data: definitions, annotations, calls and results.

use crate::round_trip::{refused, survives};
use mcp_proto::model::content::ContentBlock;
use mcp_proto::model::page::{CacheScope, PaginatedRequestParams};
use mcp_proto::model::tool::{
    CallToolParams, CallToolResult, ListToolsResult, NO_ARGUMENTS_SCHEMA, TaskSupport, Tool,
    ToolAnnotations, is_conforming_tool_name,
};
use mcp_proto::rpc::Raw;

#[test]
fn a_listing_survives_with_all_properties() {
    // `tools.def.fields`, `tools.list.paginate`, `tools.xmcp.def`
    let json = r#"{"tools":[{"name":"a","title":"A","description":"d",
        "inputSchema":{"type":"object","$schema":"s","properties":{"x":{"type":"string","x-mcp-header":"X"}},"required":["x"]},
        "outputSchema":{"type":"object"},
        "annotations":{"title":"t","readOnlyHint":true,"destructiveHint":false,"idempotentHint":true,"openWorldHint":false},
        "execution":{"taskSupport":"optional"},"icons":[{"src":"https://a/b.png"}],"_meta":{"k":1}}],
        "nextCursor":"","ttlMs":5,"cacheScope":"regional","_meta":{"k":1}}"#;
    let listed = survives::<ListToolsResult<'_>>(json);
    assert_eq!(listed.next_cursor.as_deref(), Some(""));
    assert_eq!(
        listed.cache_scope,
        Some(CacheScope::Other("regional".into()))
    );
    let execution = listed.tools[0].execution.as_ref().unwrap();
    assert_eq!(execution.task_support, Some(TaskSupport::Optional));
    survives::<PaginatedRequestParams<'_>>(r#"{"cursor":"c","_meta":{"progressToken":1}}"#);
}

#[test]
fn the_name_to_show_falls_back_from_title_to_annotation_to_name() {
    // `data.name.title`
    let tool = Tool::new("name", NO_ARGUMENTS_SCHEMA);
    assert_eq!(tool.display_name(), "name");
    let tool = tool.annotations(ToolAnnotations::new().title("annotated"));
    assert_eq!(tool.display_name(), "annotated");
    assert_eq!(tool.title("titled").display_name(), "titled");
}

#[test]
fn schemas_must_describe_objects() {
    // `tools.def.inputschema`, `tools.def.noparams`, `tools.def.schema.keywords`
    assert!(Tool::new("a", NO_ARGUMENTS_SCHEMA).has_object_input_schema());
    for schema in [
        r#"{}"#,
        r#"{"type":"array"}"#,
        r#"{"type":["object"]}"#,
        "null",
        "true",
    ] {
        let schema = Raw::new(schema).unwrap();
        assert!(
            !Tool::new("a", schema.clone()).has_object_input_schema(),
            "{schema}"
        );
        let tool = Tool::new("a", NO_ARGUMENTS_SCHEMA);
        assert!(tool.has_object_output_schema());
        assert!(!tool.output_schema(schema).has_object_output_schema());
    }
}

#[test]
fn annotations_have_the_defaults_of_the_schema_and_keep_unknown_members() {
    // `tools.annot`
    let none = ToolAnnotations::new();
    let defaults = [
        none.read_only(),
        none.destructive(),
        none.idempotent(),
        none.open_world(),
    ];
    assert_eq!(defaults, [false, true, false, true]);
    let json = r#"{"title":"t","vendorHint":{"a":[1]},"readOnlyHint":true}"#;
    let known = survives::<ToolAnnotations<'_>>(json);
    assert!(known.read_only());
    assert_eq!(known.other[0].1.as_str(), r#"{"a":[1]}"#);
}

#[test]
fn conforming_names_are_short_and_plain() {
    // `tools.name.len`
    for name in ["a", "get.User-1_x", &"n".repeat(128)] {
        assert!(is_conforming_tool_name(name), "{name}");
    }
    for name in ["", "a b", "a,b", "ä", "a/b", &"n".repeat(129)] {
        assert!(!is_conforming_tool_name(name), "{name}");
    }
}

#[test]
fn a_call_carries_an_object_of_arguments_or_none() {
    // `tools.call.params`, `tools.call.malformed`
    let json = r#"{"name":"a","arguments":{"n":1.50},"task":{"ttl":1},"inputResponses":{"k":{"action":"accept"}},"requestState":"s","_meta":{"k":1}}"#;
    let call = survives::<CallToolParams<'_>>(json);
    assert_eq!(call.arguments.unwrap().as_str(), r#"{"n":1.50}"#);
    refused::<CallToolParams<'_>>(r#"{"name":"a","arguments":[]}"#);
    refused::<CallToolParams<'_>>(r#"{"arguments":{}}"#);
    let absent: CallToolParams<'_> =
        serde_json::from_str(r#"{"name":"a","arguments":null}"#).unwrap();
    assert_eq!(absent, CallToolParams::new("a"));
}

#[test]
fn a_result_survives_and_tells_null_from_nothing() {
    // `tools.call.result`, `tools.struct.any`
    survives::<CallToolResult<'_>>(
        r#"{"content":[{"type":"text","text":"a"}],"structuredContent":{"b":2,"a":1},"isError":true,"_meta":{"k":1}}"#,
    );
    let null = survives::<CallToolResult<'_>>(r#"{"content":[],"structuredContent":null}"#);
    assert_eq!(null.structured_content, Some(Raw::NULL));
    for json in ["{}", r#"{"content":null}"#] {
        let bare: CallToolResult<'_> = serde_json::from_str(json).unwrap();
        assert_eq!(
            (
                bare.structured_content.as_ref(),
                bare.content.len(),
                bare.failed()
            ),
            (None, 0, false)
        );
        assert_eq!(serde_json::to_string(&bare).unwrap(), r#"{"content":[]}"#);
    }
}

#[test]
fn a_structured_result_also_says_its_json_as_text() {
    // `tools.struct.text`, `tools.call.exec`
    let result = CallToolResult::structured(&[1, 2]).unwrap();
    assert_eq!(result.content, [ContentBlock::text("[1,2]")]);
    assert_eq!(result.structured_content.unwrap().as_str(), "[1,2]");
    let error = CallToolResult::error("no such file");
    assert!(error.failed());
    assert_eq!(error.content[0].as_text(), Some("no such file"));
}
