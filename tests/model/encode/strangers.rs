//! Types of the user that share their names with the model's are written as they are.

use std::collections::BTreeMap;

use mcp_proto::Revision;
use mcp_proto::model::content::TextContent;
use mcp_proto::model::meta::Meta;
use mcp_proto::model::tool::{CallToolResult, Tool};
use mcp_proto::rpc::Raw;
use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};
use serde_json::{Value, json};

use super::{body, parsed, raw};

/// The names of all structs of the model that some revision changes.
const NAMES: &[&str] = &[
    "Annotations",
    "AudioContent",
    "BlobResourceContents",
    "CallToolParams",
    "CallToolResult",
    "CompleteParams",
    "CompleteResult",
    "CreateMessageParams",
    "CreateMessageResult",
    "DiscoverResult",
    "ElicitRequestFormParams",
    "ElicitRequestURLParams",
    "ElicitResult",
    "EmbeddedResource",
    "EmptyResult",
    "GetPromptParams",
    "GetPromptResult",
    "ImageContent",
    "Implementation",
    "InitializeParams",
    "InitializeResult",
    "InputRequiredResult",
    "ListPromptsResult",
    "ListResourceTemplatesResult",
    "ListResourcesResult",
    "ListRootsResult",
    "ListToolsResult",
    "ProgressParams",
    "Prompt",
    "PromptArgument",
    "PromptReference",
    "ReadResourceParams",
    "ReadResourceResult",
    "Resource",
    "ResourceLink",
    "ResourceTemplate",
    "Root",
    "SamplingMessage",
    "TextContent",
    "TextResourceContents",
    "Tool",
    "ToolAnnotations",
    "ToolResultContent",
    "ToolUseContent",
];

/// The names of all fields that some revision changes.
const FIELDS: &[&str] = &[
    "annotations",
    "cacheScope",
    "capabilities",
    "content",
    "context",
    "description",
    "elicitationId",
    "execution",
    "icons",
    "inputResponses",
    "lastModified",
    "message",
    "mode",
    "outputSchema",
    "requestState",
    "requestedSchema",
    "resultType",
    "structuredContent",
    "task",
    "title",
    "toolChoice",
    "tools",
    "ttlMs",
    "websiteUrl",
];

/// A struct of the user: any name, and every field that the model could be asked about.
struct Stranger(&'static str);

impl Serialize for Stranger {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct(self.0, FIELDS.len())?;
        for field in FIELDS {
            fields.serialize_field(field, &[1])?;
        }
        fields.end()
    }
}

fn expected() -> Value {
    let fields = FIELDS.iter().map(|field| (*field, [1]));
    json!(fields.collect::<BTreeMap<_, _>>())
}

#[test]
fn a_struct_of_the_user_is_never_taken_for_one_of_the_model() {
    for name in NAMES {
        let stranger = Stranger(name);
        for revision in Revision::ALL {
            assert_eq!(
                parsed(revision, &stranger),
                expected(),
                "{name} in {revision}"
            );
            let nested = BTreeMap::from([("value", [&stranger])]);
            assert_eq!(parsed(revision, &nested), json!({"value": [expected()]}));
        }
    }
}

#[cfg(feature = "derive")]
#[test]
fn a_variant_of_the_user_is_never_taken_for_a_struct_of_the_model() {
    #[derive(serde_derive::Serialize)]
    enum Tool {
        Tool { title: u8, icons: u8 },
        Text { execution: u8 },
    }

    for revision in Revision::ALL {
        let tool = Tool::Tool { title: 1, icons: 2 };
        assert_eq!(body(revision, &tool), r#"{"Tool":{"title":1,"icons":2}}"#);
        let text = Tool::Text { execution: 3 };
        assert_eq!(body(revision, &text), r#"{"Text":{"execution":3}}"#);
    }
}

#[test]
fn values_of_the_user_inside_the_model_s_types_stay_as_they_are() {
    for name in NAMES {
        let stranger = Stranger(name);
        let value = Raw::encode(&stranger).expect("it can be written");
        let meta = Meta::new().with("com.example/own", &stranger);
        let text = TextContent::new("x").meta(meta.clone());
        let result = CallToolResult::new(vec![text.into()])
            .structured_content(value.clone())
            .meta(meta.clone());
        let tool = Tool::new("t", value.clone()).meta(meta);
        for revision in Revision::ALL {
            let written = parsed(revision, &result);
            assert_eq!(written["_meta"]["com.example/own"], expected());
            if revision >= Revision::V2025_06_18 {
                assert_eq!(written["structuredContent"], expected());
                assert_eq!(
                    written["content"][0]["_meta"]["com.example/own"],
                    expected()
                );
            }
            assert_eq!(parsed(revision, &tool)["inputSchema"], expected());
        }
    }
}

#[test]
fn a_struct_of_the_model_inside_one_of_the_user_is_still_written_for_the_revision() {
    support::written_struct! { struct Tools<'a> { title: &'a str, tools: Vec<Tool<'a>> } }

    let tools = Tools {
        title: "mine",
        tools: vec![Tool::new("t", raw("{}")).title("T")],
    };
    assert_eq!(
        body(Revision::V2024_11_05, &tools),
        r#"{"title":"mine","tools":[{"name":"t","inputSchema":{}}]}"#
    );
}
