//! One element that doesn't fit never costs the others: lists, blocks, hints and members.

use mcp_proto::model::completion::CompleteResult;
use mcp_proto::model::content::{Annotations, ContentBlock, ResourceContents};
use mcp_proto::model::elicitation::URLElicitationRequired;
use mcp_proto::model::initialize::Implementation;
use mcp_proto::model::input::InputResponses;
use mcp_proto::model::list::{List, Unreadable};
use mcp_proto::model::owned::IntoOwned;
use mcp_proto::model::prompt::{Arguments, GetPromptResult, ListPromptsResult};
use mcp_proto::model::resource::{
    ListResourceTemplatesResult, ListResourcesResult, ReadResourceResult,
};
use mcp_proto::model::root::ListRootsResult;
use mcp_proto::model::sampling::{CreateMessageParams, CreateMessageResult, malformed_block};
use mcp_proto::model::tool::{CallToolResult, ListToolsResult, Tool};
use serde_json::json;

use crate::round_trip::{refused, survives};

fn reasons<T>(list: &List<'_, T>) -> Vec<String> {
    list.skipped().iter().map(Unreadable::to_string).collect()
}

#[test]
fn one_bad_element_of_a_list_does_not_cost_the_others() {
    // `tools.list`, `prompts.list`, `res.list`, `res.read.result`, `roots.list`, `complete.result`
    let text = r#"{"tools":[{"name":"a","inputSchema":{"type":"object"}},{"name":"b"},7,{"name":"c","inputSchema":{}}],"nextCursor":"n"}"#;
    let tools: ListToolsResult<'_> = serde_json::from_str(text).unwrap();
    let names: Vec<_> = tools.tools.iter().map(|tool| tool.name.as_str()).collect();
    assert_eq!(names, ["a", "c"]);
    assert_eq!(tools.next_cursor.as_deref(), Some("n"));
    let expected = [
        "missing field `inputSchema`",
        "invalid type: integer `7`, expected struct Tool",
    ];
    assert_eq!(reasons(&tools.tools), expected);
    assert_eq!(tools.tools.skipped()[0].raw.as_str(), r#"{"name":"b"}"#);
    let owned = tools.tools.clone().into_owned();
    assert_eq!(owned.skipped()[1].raw.as_str(), "7");
    assert_eq!(
        owned.into_complete().unwrap_err().raw.as_str(),
        r#"{"name":"b"}"#
    );

    let text = r#"{"resources":[{"uri":"a:b","name":"n"},{"name":"n"}]}"#;
    let read: ListResourcesResult<'_> = serde_json::from_str(text).unwrap();
    assert_eq!(
        (read.resources.len(), reasons(&read.resources)),
        (1, vec!["missing field `uri`".into()])
    );
    let text = r#"{"resourceTemplates":[{"uriTemplate":"a:{b}","name":"n"},{"name":"n"}]}"#;
    let read: ListResourceTemplatesResult<'_> = serde_json::from_str(text).unwrap();
    assert_eq!(
        (
            read.resource_templates.len(),
            read.resource_templates.skipped().len()
        ),
        (1, 1)
    );
    let text =
        r#"{"prompts":[{"title":"t"},{"name":"p","arguments":[{"title":"t"},{"name":"a"}]}]}"#;
    let read: ListPromptsResult<'_> = serde_json::from_str(text).unwrap();
    assert_eq!(reasons(&read.prompts), ["missing field `name`"]);
    let arguments = read.prompts[0].arguments.as_ref().unwrap();
    assert_eq!(
        (arguments[0].name.as_str(), arguments.skipped().len()),
        ("a", 1)
    );
    let text = r#"{"contents":[{"uri":"a:b"},{"uri":"a:b","text":"t"},{"uri":"a:b","text":"t","blob":""}]}"#;
    let read: ReadResourceResult<'_> = serde_json::from_str(text).unwrap();
    assert!(matches!(&read.contents[..], [ResourceContents::Text(_)]));
    assert_eq!(
        reasons(&read.contents),
        ["neither `text` nor `blob`", "both `text` and `blob`"]
    );
    let text = r#"{"messages":[{"content":{"type":"text","text":"a"}},{"role":"user","content":{"type":"text"}}]}"#;
    let read: GetPromptResult<'_> = serde_json::from_str(text).unwrap();
    assert_eq!(reasons(&read.messages), ["missing field `role`"]);
    assert!(read.messages[0].content.as_malformed().is_some());
    let text = r#"{"roots":[{"name":"n"},{"uri":"file:///a"}]}"#;
    let read: ListRootsResult<'_> = serde_json::from_str(text).unwrap();
    assert_eq!((read.roots.len(), read.roots.skipped().len()), (1, 1));
    let text = r#"{"completion":{"values":["a",1,"b"]}}"#;
    let read: CompleteResult<'_> = serde_json::from_str(text).unwrap();
    assert_eq!(
        read.completion
            .values
            .iter()
            .map(|v| v.as_str())
            .collect::<Vec<_>>(),
        ["a", "b"]
    );
    let text =
        r#"{"elicitations":[{"mode":"url"},{"mode":"url","message":"m","url":"https://a"}]}"#;
    let read: URLElicitationRequired<'_> = serde_json::from_str(text).unwrap();
    assert_eq!(
        (read.elicitations.len(), read.elicitations.skipped().len()),
        (1, 1)
    );
}

#[test]
fn a_list_is_an_array_or_null_and_nothing_else() {
    let null: ListToolsResult<'_> = serde_json::from_str(r#"{"tools":null}"#).unwrap();
    assert!(null.tools.is_empty() && null.tools.skipped().is_empty());
    for text in [
        r#"{"tools":{}}"#,
        r#"{"tools":"a"}"#,
        r#"{"tools":5}"#,
        "{}",
    ] {
        refused::<ListToolsResult<'_>>(text);
    }
    let complete = List::from(vec![1, 2]).into_complete().unwrap();
    assert_eq!(complete, [1, 2]);
}

#[test]
fn one_bad_block_does_not_cost_the_result_it_stands_in() {
    // `data.content.kinds`
    let text = r#"{"content":[{"type":"text","text":"ok"},{"type":"image","data":"AAAA"}],"structuredContent":{"a":1},"isError":true}"#;
    let result = survives::<CallToolResult<'_>>(text);
    assert_eq!(result.content[0].as_text(), Some("ok"));
    assert_eq!(
        &*result.content[1].as_malformed().unwrap().reason,
        "missing field `mimeType`"
    );
    assert!(result.failed() && result.structured_content.is_some());
    let text = r#"{"role":"assistant","model":"m","content":[{"type":"text","text":"ok"},{"type":"audio"}]}"#;
    let result = survives::<CreateMessageResult<'_>>(text);
    assert_eq!(result.content.as_text(), Some("ok"));
}

#[test]
fn a_bad_block_in_a_request_is_found_wherever_it_stands() {
    for content in [
        json!({"type": "text"}),
        json!([{"type": "text", "text": "ok"}, {"type": "tool_result"}]),
        json!([{"type": "tool_result", "toolUseId": "1", "content": [{"type": "text"}]}]),
    ] {
        let text = json!({"maxTokens": 1, "messages": [
            {"role": "user", "content": {"type": "text", "text": "a"}},
            {"role": "user", "content": content}]})
        .to_string();
        let params: CreateMessageParams<'_> = serde_json::from_str(&text).unwrap();
        assert_eq!(
            malformed_block(&params.messages).map(|(index, _)| index),
            Some(1),
            "{text}"
        );
    }
}

#[test]
fn a_hint_that_does_not_fit_costs_nothing_else() {
    // `data.annot.shape`
    let text = r#"{"name":"t","inputSchema":{},"annotations":"x","execution":[1],"icons":[{"src":"https://a"},{},5]}"#;
    let tool: Tool<'_> = serde_json::from_str(text).unwrap();
    assert!(tool.annotations.is_none() && tool.execution.is_none());
    assert_eq!(tool.icons.unwrap().len(), 1);
    let text = r#"{"name":"t","inputSchema":{},"annotations":{"readOnlyHint":"yes","idempotentHint":true}}"#;
    let hints = survives::<Tool<'_>>(text).annotations.unwrap();
    assert!(!hints.read_only() && hints.idempotent());
    assert_eq!(hints.other[0].0, "readOnlyHint");
    let text = r#"{"audience":"user","priority":"high","lastModified":"l"}"#;
    let annotations = survives::<Annotations<'_>>(text);
    assert_eq!((annotations.audience, annotations.priority), (None, None));
    assert_eq!(annotations.other.len(), 2);
    let text = r#"{"type":"text","text":"a","annotations":7}"#;
    let block: ContentBlock<'_> = serde_json::from_str(text).unwrap();
    assert_eq!(block.as_text(), Some("a"));
    let text = r#"{"name":"n","version":"1","icons":"none"}"#;
    let program: Implementation<'_> = serde_json::from_str(text).unwrap();
    assert_eq!(program.icons, None);
}

#[test]
fn the_reason_never_grows_with_what_the_peer_sent() {
    let long = "\u{e9}".repeat(1 << 20);
    let text =
        json!({"tools": [{"name": "a", "inputSchema": {}, "execution": null, "_meta": long}]})
            .to_string();
    let read: ListToolsResult<'_> = serde_json::from_str(&text).unwrap();
    let reason = &read.tools.skipped()[0].reason;
    assert!(
        reason.len() <= 256 && reason.starts_with("invalid type: string"),
        "{reason}"
    );
}

#[test]
fn of_equal_keys_the_last_holds_in_the_place_of_the_first() {
    let text = r#"{"a":"1","b":"2","a":"3","c":"4","b":"5"}"#;
    let arguments: Arguments<'_> = serde_json::from_str(text).unwrap();
    let all: Vec<_> = arguments.iter().collect();
    assert_eq!(all, [("a", "3"), ("b", "5"), ("c", "4")]);
    let responses: InputResponses<'_> = serde_json::from_str(text).unwrap();
    let all: Vec<_> = responses
        .iter()
        .map(|(key, raw)| (key, raw.as_str()))
        .collect();
    assert_eq!(all, [("a", "\"3\""), ("b", "\"5\""), ("c", "\"4\"")]);
}
