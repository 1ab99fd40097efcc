//! The model's own types, as each revision has them.

use mcp_proto::Revision;
use mcp_proto::model::capability::ClientCapabilities;
use mcp_proto::model::content::{
    Annotations, AudioContent, ContentBlock, ResourceLink, Role, TextContent,
};
use mcp_proto::model::elicitation::ElicitRequestFormParams;
use mcp_proto::model::initialize::{Implementation, InitializeParams};
use mcp_proto::model::meta::Meta;
use mcp_proto::model::object::Object;
use mcp_proto::model::progress::ProgressParams;
use mcp_proto::model::sampling::{
    CreateMessageParams, SamplingMessage, SamplingMessageContentBlock, ToolUseContent,
};
use mcp_proto::model::schema::{EnumOption, StringSchema, TitledSingleSelectEnumSchema};
use mcp_proto::model::tool::{CallToolParams, CallToolResult, ListToolsResult, Tool};

use serde_json::json;

use super::{A, B, C, D, E, body, body_with, parsed, raw};

#[test]
fn a_call_is_written_in_the_order_of_its_fields_with_meta_last() {
    let call = CallToolParams::new("echo").arguments(raw(r#"{"message":"hello, world"}"#));
    assert_eq!(
        body_with(E, &call, r#""progressToken":7"#, "").as_deref(),
        Ok(r#"{"name":"echo","arguments":{"message":"hello, world"},"_meta":{"progressToken":7}}"#)
    );
    let call = call.meta(Meta::new().with("a", &1)).request_state("s");
    assert_eq!(
        body_with(D, &call, r#""progressToken":7"#, "").as_deref(),
        Ok(
            r#"{"name":"echo","arguments":{"message":"hello, world"},"_meta":{"a":1,"progressToken":7}}"#
        )
    );
}

#[test]
fn a_listing_of_tools_loses_what_each_revision_does_not_know() {
    // `tools.def.fields`
    let tool = Tool::new("t", raw(r#"{"type":"object"}"#))
        .title("T")
        .output_schema(raw(r#"{"type":"object"}"#))
        .icons(vec![])
        .meta(Meta::new());
    let listing = ListToolsResult::new(vec![tool]).ttl_ms(5);
    let fields = |revision| {
        let listing = parsed(revision, &listing);
        let tool = listing["tools"][0].as_object().expect("a tool").clone();
        (tool.len(), listing.get("ttlMs").is_some())
    };
    assert_eq!(
        Revision::ALL.map(fields),
        [(2, false), (2, false), (5, false), (6, false), (6, true)]
    );
}

#[test]
fn blocks_are_said_with_the_kinds_that_a_revision_has() {
    // `data.content.kinds`
    let annotations = Annotations::new()
        .priority(0.5)
        .last_modified("2025-01-12T15:00:58Z");
    let result = CallToolResult::new(vec![
        ContentBlock::from(
            TextContent::new("x")
                .annotations(annotations.clone())
                .meta(Meta::new()),
        ),
        ContentBlock::from(AudioContent::new("AAAA", "audio/wav").annotations(annotations)),
        ContentBlock::from(ResourceLink::new("file:///a", "a").title("T").size(3)),
    ])
    .structured_content(raw("[1]"));
    assert_eq!(
        body(A, &result),
        concat!(
            r#"{"content":[{"type":"text","text":"x","annotations":{"priority":0.5}},"#,
            r#"{"type":"resource","resource":{"uri":"urn:mcp:audio","mimeType":"audio/wav","blob":"AAAA"},"#,
            r#""annotations":{"priority":0.5}},{"type":"text","text":"[T](file:///a)"}]}"#,
        )
    );
    let kinds = |revision| {
        let written = parsed(revision, &result);
        let kinds = written["content"].as_array().expect("blocks").iter();
        kinds
            .map(|block| block["type"].as_str().expect("a type").to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(kinds(B), ["text", "audio", "text"]);
    assert_eq!(kinds(C), ["text", "audio", "resource_link"]);
    assert_eq!(
        parsed(C, &result)["content"][0]["annotations"]["lastModified"],
        "2025-01-12T15:00:58Z"
    );
}

#[test]
fn capabilities_of_the_handshake_are_those_of_the_revision() {
    // `caps.client.list`
    let capabilities = ClientCapabilities::new()
        .roots(true)
        .sampling_tools()
        .elicitation_url();
    let client = Implementation::new("c", "1")
        .title("C")
        .website_url("https://c");
    let opening = |revision: Revision| {
        let params = InitializeParams::new(revision.as_str(), capabilities.clone(), client.clone());
        let written = parsed(revision, &params);
        (
            written["capabilities"].clone(),
            written["clientInfo"].as_object().map(|info| info.len()),
        )
    };
    let oldest = json!({"roots": {"listChanged": true}, "sampling": {}});
    assert_eq!(opening(A), (oldest.clone(), Some(2)));
    assert_eq!(opening(C), (oldest, Some(3)));
    let all = json!({"roots": {"listChanged": true}, "sampling": {"tools": {}}, "elicitation": {"url": {}}});
    assert_eq!(opening(D), (all, Some(4)));
}

#[test]
fn progress_has_no_message_in_the_oldest_revision() {
    let progress = ProgressParams::new(7, 1.0).message("half");
    assert_eq!(body(A, &progress), r#"{"progressToken":7,"progress":1}"#);
    assert_eq!(
        body(B, &progress),
        r#"{"progressToken":7,"progress":1,"message":"half"}"#
    );
}

#[test]
fn sampling_is_said_with_what_a_revision_has() {
    // `sampling.msg`, `sampling.noarray.old`
    let text = || SamplingMessageContentBlock::text("hi");
    let audio = SamplingMessageContentBlock::Audio(AudioContent::new("AAAA", "audio/wav"));
    let message = |content: Vec<_>| SamplingMessage::new(Role::User, content);
    let call = ToolUseContent::new("1", "t", Object::new());
    let single = json!({"role": "user", "content": {"type": "text", "text": "hi"}});
    assert_eq!(parsed(C, &message(vec![text()])), single);
    let params = CreateMessageParams::new(vec![message(vec![text()])], 10).tools(vec![]);
    assert_eq!(
        parsed(C, &params),
        json!({"messages": [single], "maxTokens": 10})
    );
    for (revision, content, told) in [
        (
            C,
            vec![text(), text()],
            "a sampling message that isn't exactly one block",
        ),
        (
            C,
            vec![SamplingMessageContentBlock::ToolUse(call)],
            "a tool use block",
        ),
        (A, vec![audio], "audio in a sampling message"),
    ] {
        let error =
            body_with(revision, &message(content), "", "").expect_err("it has no such thing");
        assert_eq!(
            error.to_string(),
            format!("{told} can't be sent in revision {revision}")
        );
    }
}

#[test]
fn an_elicitation_is_a_bare_form_in_2025_06_18() {
    let colours = TitledSingleSelectEnumSchema::new([EnumOption::new("r", "Red")]).default("r");
    let form = ElicitRequestFormParams::new("Which?")
        .required("name", StringSchema::new().default("me"))
        .optional("colour", colours);
    let expected = json!({
        "message": "Which?",
        "requestedSchema": {
            "type": "object",
            "properties": {
                "name": {"type": "string"},
                "colour": {"type": "string", "enum": ["r"], "enumNames": ["Red"]},
            },
            "required": ["name"],
        },
    });
    assert_eq!(parsed(C, &form), expected);
    assert_eq!(parsed(D, &form)["mode"], "form");
}
