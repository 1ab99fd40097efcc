//! Schemas that come from Rust types.

use mcp_proto::Revision;
use mcp_proto::server::{Json, Server, output_schema_for, tool_for};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::support::Drive;

/// Adds two numbers.
#[derive(Deserialize, JsonSchema)]
struct Add {
    a: i64,
    /// What is added.
    #[serde(default)]
    b: Option<i64>,
}

#[derive(Serialize, JsonSchema)]
struct Sum {
    sum: i64,
}

#[derive(Serialize, JsonSchema)]
struct Tree {
    leaves: Vec<Tree>,
}

#[derive(Serialize, JsonSchema)]
#[serde(untagged)]
enum Either {
    Text(String),
    Sum(Sum),
}

fn output<O: JsonSchema>() -> Value {
    output_schema_for::<O>().decode().unwrap()
}

#[test]
fn a_tool_is_described_by_the_type_of_its_arguments() {
    // `tools.def.inputschema`
    let tool = tool_for::<Add>("add");
    assert_eq!(tool.description.as_deref(), Some("Adds two numbers."));
    let schema: Value = tool.input_schema.decode().unwrap();
    assert_eq!(schema["type"], "object");
    assert_eq!(schema["required"], json!(["a"]));
    assert_eq!(schema["properties"]["b"]["description"], "What is added.");
    let server = Server::new("s", "1").tool(
        tool.output_schema(output_schema_for::<Sum>()),
        |_, add: Add| {
            Ok(Json(Sum {
                sum: add.a + add.b.unwrap_or(1),
            }))
        },
    );
    assert_eq!(server.check(), Ok(()));
    let mut drive = Drive::new(Revision::V2026_07_28, vec![server]);
    let result = drive.call("add", r#"{"a":2}"#).unwrap();
    assert_eq!(result["structuredContent"], json!({"sum": 3}));
}

#[test]
fn a_type_that_takes_anything_takes_an_object() {
    let tool = tool_for::<Value>("any");
    assert!(tool.has_object_input_schema());
}

#[test]
fn an_output_schema_says_what_structured_content_has() {
    assert_eq!(output::<Sum>()["properties"]["sum"]["type"], "integer");
    let number = output::<i64>();
    assert_eq!(number["type"], "object");
    assert_eq!(number["properties"]["result"]["type"], "integer");
    assert_eq!(number["required"], json!(["result"]));
    let list = output::<Vec<Sum>>();
    let items = list["properties"]["result"]["items"]["$ref"].as_str();
    assert_eq!(items, Some("#/$defs/Sum"));
    assert!(list["$defs"]["Sum"].is_object());
    assert!(output::<Either>()["anyOf"].is_array());
    assert_eq!(output::<Tree>()["type"], "object");
}

/// What handlers return, and whether the tool's own schema takes it.
#[cfg(feature = "jsonschema")]
#[test]
fn results_fit_the_schema_of_their_type() {
    // `tools.output.conform`
    fn fits<O: Serialize + JsonSchema + Send + 'static>(
        value: impl Fn() -> O + Send + Sync + 'static,
    ) {
        let tool = tool_for::<Value>("t").output_schema(output_schema_for::<O>());
        let server = Server::new("s", "1")
            .validator(mcp_proto::model::json_schema::JsonSchema::new())
            .tool(tool, move |_, _: Value| Ok(Json(value())));
        assert_eq!(server.check(), Ok(()));
        let mut drive = Drive::new(Revision::V2025_11_25, vec![server]);
        drive.call("t", "{}").unwrap();
    }
    fits(|| Sum { sum: 1 });
    fits(|| 7);
    fits(|| "text");
    fits(|| vec![Sum { sum: 1 }]);
    fits(|| Some(Sum { sum: 1 }));
    fits(|| None::<Sum>);
    fits(|| Either::Text("text".into()));
    fits(|| Either::Sum(Sum { sum: 1 }));
    fits(|| Tree {
        leaves: vec![Tree { leaves: vec![] }],
    });
    fits(|| json!({"any": "thing"}));
}
