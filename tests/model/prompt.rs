//! Prompts and the completion of their arguments as data.

use crate::round_trip::{refused, survives};
use mcp_proto::model::completion::{CompleteParams, CompleteResult, PromptReference, Reference};
use mcp_proto::model::content::{ContentBlock, Role};
use mcp_proto::model::prompt::{
    Arguments, GetPromptParams, GetPromptResult, ListPromptsResult, Prompt, PromptArgument,
    PromptMessage,
};

#[test]
fn a_listing_survives_with_all_properties() {
    // `prompts.fields`
    let json = r#"{"prompts":[{"name":"p","title":"P","description":"d",
        "arguments":[{"name":"a","title":"A","description":"d","required":true}],
        "icons":[{"src":"https://a/b.png"}],"_meta":{"k":1}}],
        "nextCursor":"c","ttlMs":1,"cacheScope":"private","_meta":{"k":1}}"#;
    let listed = survives::<ListPromptsResult<'_>>(json);
    assert_eq!(listed.prompts[0].display_name(), "P");
}

#[test]
fn arguments_are_strings_only_and_keep_their_order() {
    // `prompts.get`
    let json = r#"{"name":"p","arguments":{"z":"1","a":"2"},"inputResponses":{"k":{}},"requestState":"s","_meta":{"k":1}}"#;
    let params = survives::<GetPromptParams<'_>>(json);
    let arguments = params.arguments.unwrap();
    assert_eq!(
        arguments.iter().collect::<Vec<_>>(),
        [("z", "1"), ("a", "2")]
    );
    assert_eq!((arguments.get("a"), arguments.get("b")), (Some("2"), None));
    refused::<GetPromptParams<'_>>(r#"{"name":"p","arguments":{"a":1}}"#);
    refused::<GetPromptParams<'_>>(r#"{"name":"p","arguments":["a"]}"#);
    let set = Arguments::new()
        .with("a", "1")
        .with("b", "2")
        .with("a", "3");
    assert_eq!(serde_json::to_string(&set).unwrap(), r#"{"a":"3","b":"2"}"#);
}

#[test]
fn a_missing_required_argument_is_named() {
    // `prompts.err.name`, `prompts.validate`
    let prompt = Prompt::new("p")
        .argument(PromptArgument::new("optional"))
        .argument(PromptArgument::new("needed").required(true));
    assert_eq!(prompt.missing_argument(None), Some("needed"));
    let given = [("needed", "x")].into_iter().collect();
    assert_eq!(prompt.missing_argument(Some(&given)), None);
}

#[test]
fn a_message_has_one_block() {
    // `prompts.result`, `prompts.links`
    let json = r#"{"description":"d","messages":[
        {"role":"user","content":{"type":"text","text":"hi"}},
        {"role":"assistant","content":{"type":"resource_link","uri":"a:b","name":"n"}}],"_meta":{"k":1}}"#;
    let result = survives::<GetPromptResult<'_>>(json);
    assert!(matches!(
        result.messages[1].content,
        ContentBlock::ResourceLink(_)
    ));
    assert_eq!(result.messages[0], PromptMessage::new(Role::User, "hi"));
    refused::<PromptMessage<'_>>(r#"{"role":"user","content":[{"type":"text","text":"hi"}]}"#);
}

#[test]
fn completion_asks_about_a_prompt_or_a_template() {
    // `complete.params`, `complete.err`
    let json = r#"{"ref":{"type":"ref/prompt","name":"p","title":"P"},"argument":{"name":"a","value":"v"},
        "context":{"arguments":{"b":"1"}},"_meta":{"k":1}}"#;
    let params = survives::<CompleteParams<'_>>(json);
    assert_eq!(
        params.reference,
        Reference::Prompt(PromptReference::new("p").title("P"))
    );
    survives::<CompleteParams<'_>>(
        r#"{"ref":{"uri":"a:{b}","type":"ref/resource"},"argument":{"name":"b","value":""}}"#,
    );
    refused::<CompleteParams<'_>>(
        r#"{"ref":{"type":"ref/tool","name":"p"},"argument":{"name":"a","value":""}}"#,
    );
    refused::<CompleteParams<'_>>(
        r#"{"ref":{"type":"ref/prompt"},"argument":{"name":"a","value":""}}"#,
    );
}

#[test]
fn completion_gives_at_most_a_hundred_values_in_the_order_given() {
    // `complete.result`, `complete.max100`, `complete.rank`, `complete.client`
    survives::<CompleteResult<'_>>(
        r#"{"completion":{"values":["b","a"],"total":7,"hasMore":true},"_meta":{"k":1}}"#,
    );
    let bare = survives::<CompleteResult<'_>>(r#"{"completion":{"values":[]}}"#);
    assert_eq!(
        (bare.completion.total, bare.completion.has_more),
        (None, None)
    );
    let full = CompleteResult::new((0..100).map(|n| n.to_string()));
    assert_eq!(
        (full.completion.values.len(), full.completion.has_more),
        (100, None)
    );
    let cut = CompleteResult::new((0..101).map(|n| n.to_string())).completion;
    assert_eq!(
        (cut.values.len(), cut.has_more, cut.total),
        (100, Some(true), Some(101))
    );
    assert_eq!(
        (cut.values[0].as_str(), cut.values[99].as_str()),
        ("0", "99")
    );
}
