//! Sampling as data: messages, tool uses and their balance, the choice of a model.

use crate::round_trip::{refused, survives};
use mcp_proto::model::content::{ContentBlock, Role};
use mcp_proto::model::object::Object;
use mcp_proto::model::sampling::{
    CreateMessageParams, CreateMessageResult, IncludeContext, ModelPreferences, SamplingMessage,
    SamplingMessageContentBlock, StopReason, ToolBalanceError, ToolChoiceMode, ToolResultContent,
    ToolUseContent, check_tool_balance, malformed_block, select_model,
};

#[test]
fn a_request_survives_with_all_properties() {
    // `sampling.params`, `sampling.prio`
    let json = r#"{"messages":[{"role":"user","content":{"type":"text","text":"hi"},"_meta":{"k":1}}],
        "modelPreferences":{"hints":[{"name":"a"},{}],"costPriority":0.1,"speedPriority":1,"intelligencePriority":0.3},
        "systemPrompt":"s","includeContext":"thisServer","temperature":0.7,"maxTokens":100,"stopSequences":["x"],
        "metadata":{"a":{"b":1}},"tools":[{"name":"t","inputSchema":{"type":"object"}}],"toolChoice":{"mode":"required"},
        "task":{"ttl":1},"_meta":{"progressToken":1}}"#;
    let params = survives::<CreateMessageParams<'_>>(json);
    assert_eq!(params.include_context, Some(IncludeContext::ThisServer));
    assert!(params.model_preferences.unwrap().are_priorities_in_range());
    assert!(
        !ModelPreferences::new()
            .cost_priority(1.1)
            .are_priorities_in_range()
    );
    refused::<CreateMessageParams<'_>>(r#"{"messages":[]}"#);
}

#[test]
fn an_absent_tool_choice_means_auto() {
    // `sampling.choice`
    let absent = CreateMessageParams::new(vec![SamplingMessage::user("hi")], 10);
    assert_eq!(absent.tool_choice_mode(), &ToolChoiceMode::Auto);
    let empty: CreateMessageParams<'_> =
        serde_json::from_str(r#"{"messages":[],"maxTokens":1,"toolChoice":{}}"#).unwrap();
    assert_eq!(empty.tool_choice_mode(), &ToolChoiceMode::Auto);
}

#[test]
fn content_is_one_block_or_several_and_stays_so() {
    // `sampling.msg`, `sampling.tu.shape`, `sampling.tu.meta`, `data.content.unknown`
    let one =
        survives::<SamplingMessage<'_>>(r#"{"role":"user","content":{"type":"text","text":"hi"}}"#);
    assert!(one.content.is_single() && one.content.as_text() == Some("hi"));
    let array = r#"{"role":"assistant","content":[
        {"type":"tool_use","id":"1","name":"t","input":{"a":1.50},"_meta":{"k":1}},
        {"type":"tool_result","toolUseId":"1","content":[{"type":"text","text":"x"}],"structuredContent":[1],"isError":false,"_meta":{"k":1}},
        {"type":"thought","text":"?"},{"type":"image","data":"","mimeType":"a/b"},{"type":"audio","data":"","mimeType":"a/b"}]}"#;
    let several = survives::<SamplingMessage<'_>>(array);
    assert!(!several.content.is_single());
    assert!(matches!(
        several.content.blocks()[2],
        SamplingMessageContentBlock::Unknown(_)
    ));
    survives::<SamplingMessage<'_>>(r#"{"role":"user","content":[{"type":"text","text":"hi"}]}"#);
    let malformed = survives::<SamplingMessage<'_>>(
        r#"{"role":"user","content":{"type":"tool_use","id":"1","name":"t","input":[]}}"#,
    );
    let (index, unreadable) = malformed_block(core::slice::from_ref(&malformed)).unwrap();
    assert_eq!(index, 0);
    assert_eq!(
        &*unreadable.reason,
        "invalid type: sequence, expected an object"
    );
    assert_eq!(malformed_block(&[one, several]), None);
}

#[test]
fn an_unknown_stop_reason_is_kept() {
    // `sampling.result`
    let json = r#"{"role":"assistant","content":{"type":"text","text":"hi"},"model":"m","stopReason":"refusal","_meta":{"k":1}}"#;
    let result = survives::<CreateMessageResult<'_>>(json);
    assert_eq!(
        result.stop_reason,
        Some(StopReason::Other("refusal".into()))
    );
    refused::<CreateMessageResult<'_>>(
        r#"{"role":"assistant","content":{"type":"text","text":"hi"}}"#,
    );
}

#[test]
fn the_first_hint_that_fits_chooses_the_model() {
    // `sampling.hints`
    let available = ["small-1", "large-2", "large-3"];
    let wanted = |hints: &[&'static str]| {
        let preferences = hints
            .iter()
            .fold(ModelPreferences::new(), |all, hint| all.hint(*hint));
        select_model(&preferences.cost_priority(1.0), &available)
    };
    assert_eq!(wanted(&["huge", "large", "small"]), Some(1));
    assert_eq!(wanted(&["large-3", "small"]), Some(2));
    assert_eq!(wanted(&["huge", ""]), None);
    assert_eq!(wanted(&[]), None);
}

fn uses(ids: &[&'static str]) -> SamplingMessage<'static> {
    let blocks = ids
        .iter()
        .map(|id| ToolUseContent::new(*id, "t", Object::new()).into());
    SamplingMessage::new(Role::Assistant, blocks.collect::<Vec<_>>())
}

fn results(ids: &[&'static str]) -> SamplingMessage<'static> {
    let blocks = ids
        .iter()
        .map(|id| ToolResultContent::new(*id, vec![ContentBlock::text("x")]).into());
    SamplingMessage::new(Role::User, blocks.collect::<Vec<_>>())
}

#[test]
fn balanced_tool_uses_pass() {
    // `sampling.tr.balance`
    let hi = SamplingMessage::user("hi");
    let messages = [
        hi.clone(),
        uses(&["a", "b"]),
        results(&["b", "a"]),
        uses(&["a"]),
        results(&["a"]),
        hi,
    ];
    assert_eq!(check_tool_balance(&messages), Ok(()));
    assert_eq!(check_tool_balance(&[]), Ok(()));
}

#[test]
fn tool_results_stand_alone_in_a_message_of_the_user() {
    // `sampling.tr.only`
    let mut blocks = results(&["a"]).content.into_blocks();
    blocks.push(SamplingMessageContentBlock::text("and"));
    let mixed = SamplingMessage::new(Role::User, blocks);
    assert_eq!(
        check_tool_balance(&[uses(&["a"]), mixed]),
        Err(ToolBalanceError::Mixed { message: 1 })
    );
    let spoken = SamplingMessage::new(Role::Assistant, results(&["a"]).content);
    assert_eq!(
        check_tool_balance(&[uses(&["a"]), spoken]),
        Err(ToolBalanceError::Mixed { message: 1 })
    );
}

#[test]
fn missing_extra_late_and_repeated_results_are_refused() {
    // `sampling.tr.balance`, `sampling.tr.lastassistant`
    let unanswered = |message, id: &str| {
        Err(ToolBalanceError::Unanswered {
            message,
            id: id.into(),
        })
    };
    let unexpected = |message, id: &str| {
        Err(ToolBalanceError::Unexpected {
            message,
            id: id.into(),
        })
    };
    let hi = SamplingMessage::user("hi");
    assert_eq!(
        check_tool_balance(&[uses(&["a", "b"]), results(&["a"])]),
        unanswered(1, "b")
    );
    assert_eq!(
        check_tool_balance(&[uses(&["a"]), results(&["a", "b"])]),
        unexpected(1, "b")
    );
    assert_eq!(
        check_tool_balance(&[uses(&["a"]), results(&["a", "a"])]),
        unexpected(1, "a")
    );
    assert_eq!(
        check_tool_balance(&[uses(&["a"]), hi.clone(), results(&["a"])]),
        unanswered(1, "a")
    );
    assert_eq!(
        check_tool_balance(&[results(&["a"]), uses(&["a"])]),
        unexpected(0, "a")
    );
    assert_eq!(check_tool_balance(&[hi, uses(&["a"])]), unanswered(2, "a"));
}
