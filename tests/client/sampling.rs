//! A server's wish as a conversation with a model, and back (rows S4 to S8).

use mcp_proto::client::sampling::{
    Conversation, RequestPart, ResponsePart, SamplingError, Turn, answer,
};
use mcp_proto::model::content::Role;
use mcp_proto::model::sampling::CreateMessageParams;
use serde_json::{Value, json};

fn conversation(params: Value) -> Result<Conversation, SamplingError> {
    let text = params.to_string();
    let params: CreateMessageParams<'_> = serde_json::from_str(&text).unwrap();
    Conversation::new(&params)
}

fn said(role: &str, text: &str) -> Value {
    json!({"role": role, "content": {"type": "text", "text": text}})
}

fn text(text: &str) -> RequestPart {
    RequestPart::Text(text.into())
}

#[test]
fn s4_messages_become_turns() {
    let messages = json!([
        said("user", "a"),
        said("user", "b"),
        said("assistant", "c"),
        said("assistant", "d"),
        said("user", "e")
    ]);
    let found =
        conversation(json!({"messages": messages, "maxTokens": 9, "systemPrompt": "be good"}));
    let system = || RequestPart::System("be good".into());
    assert_eq!(
        found.unwrap().turns,
        [
            Turn::Request(vec![system(), text("a"), text("b")]),
            Turn::Response(vec!["c".into(), "d".into()]),
            Turn::Request(vec![text("e")]),
        ]
    );
    let leading = json!([said("assistant", "c")]);
    let found =
        conversation(json!({"messages": leading, "maxTokens": 9, "systemPrompt": "be good"}));
    let expected = [
        Turn::Request(vec![system()]),
        Turn::Response(vec!["c".into()]),
    ];
    assert_eq!(found.unwrap().turns, expected);
    let found =
        conversation(json!({"messages": [said("user", "a")], "maxTokens": 9, "systemPrompt": ""}));
    assert_eq!(found.unwrap().turns, [Turn::Request(vec![text("a")])]);
}

#[test]
fn s4_images_and_sounds_of_the_user_are_decoded() {
    let block = |kind: &str| json!({"type": kind, "data": "AQI=", "mimeType": "a/b"});
    for kind in ["image", "audio"] {
        let messages = json!([{"role": "user", "content": block(kind)}]);
        let found = conversation(json!({"messages": messages, "maxTokens": 9})).unwrap();
        let Turn::Request(parts) = &found.turns[0] else {
            panic!("it is a request")
        };
        let RequestPart::Binary(binary) = &parts[0] else {
            panic!("it is binary")
        };
        assert_eq!(
            (binary.decode().unwrap(), binary.mime_type.as_str()),
            (vec![1, 2], "a/b")
        );
    }
}

#[test]
fn s5_settings_are_passed_on_even_when_they_are_zero() {
    let found = conversation(json!({"messages": [], "maxTokens": 0, "temperature": 0.0,
        "stopSequences": []}))
    .unwrap();
    assert_eq!(found.max_tokens, 0);
    assert_eq!(found.temperature, Some(0.0));
    assert_eq!(found.stop_sequences, Some(Vec::new()));
    let found = conversation(json!({"messages": [], "maxTokens": 1})).unwrap();
    assert_eq!((found.temperature, found.stop_sequences), (None, None));
}

#[test]
fn s6_preferences_context_and_metadata_change_nothing() {
    let plain = json!({"messages": [said("user", "a")], "maxTokens": 1});
    let mut full = plain.clone();
    full["modelPreferences"] = json!({"hints": [{"name": "x"}], "costPriority": 1});
    full["includeContext"] = json!("allServers");
    full["metadata"] = json!({"k": 1});
    assert_eq!(conversation(full), conversation(plain));
}

#[test]
fn s7_what_a_model_cannot_be_told_is_refused() {
    let refused = |role: &str, content: Value| {
        let messages = json!([{"role": role, "content": content}]);
        conversation(json!({"messages": messages, "maxTokens": 1})).unwrap_err()
    };
    let block = json!({"type": "text", "text": "a"});
    assert_eq!(
        refused("user", json!([block])),
        SamplingError::SeveralBlocks
    );
    assert_eq!(
        refused("user", json!([block, block])),
        SamplingError::SeveralBlocks
    );
    let used = json!({"type": "tool_use", "id": "1", "name": "t", "input": {}});
    assert!(matches!(
        refused("user", used.clone()),
        SamplingError::Unsupported(_)
    ));
    assert!(matches!(
        refused("assistant", used),
        SamplingError::Unsupported(_)
    ));
    for kind in ["image", "audio"] {
        let media = json!({"type": kind, "data": "AQ==", "mimeType": "a/b"});
        assert!(matches!(
            refused("assistant", media),
            SamplingError::Unsupported(_)
        ));
    }
}

#[test]
fn s8_answer_is_the_texts_in_one() {
    let parts = [
        ResponsePart::Text("one ".into()),
        ResponsePart::Thinking("hm".into()),
        ResponsePart::Text("two".into()),
    ];
    let result = answer("a model", &parts).unwrap();
    assert_eq!(result.role, Role::Assistant);
    assert_eq!(
        (result.content.as_text(), result.model.as_str()),
        (Some("one two"), "a model")
    );
    assert!(result.content.is_single() && result.stop_reason.is_none());
    let other = answer("a model", &[ResponsePart::Other("the use of a tool")]);
    assert_eq!(other, Err(SamplingError::Unsupported("the use of a tool")));
}
