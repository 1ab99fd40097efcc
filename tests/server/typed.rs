//! Schemas that come from Rust types.

use mcp_proto::Revision;
use mcp_proto::server::{Json, Server, output_schema_for, tool_for};
use schemars::JsonSchema;
use serde::Serialize;
use serde_derive::Deserialize;
use serde_json::{Value, json};

use support::server::Drive;

/// Adds two numbers.
#[derive(Deserialize, JsonSchema)]
struct Add {
    a: i64,
    /// What is added.
    #[serde(default)]
    b: Option<i64>,
}

#[derive(serde_derive::Serialize, JsonSchema)]
struct Sum {
    sum: i64,
}

#[derive(serde_derive::Serialize, JsonSchema)]
struct Tree {
    leaves: Vec<Tree>,
}

#[derive(serde_derive::Serialize, JsonSchema)]
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

/// Types whose derived schemas strict hosts refuse, and arguments that each reads.
mod strict {
    use std::collections::BTreeMap;

    use mcp_proto::Revision;
    use mcp_proto::server::{Server, exact_tool_for, tool_for};
    use schemars::JsonSchema;
    use serde::Deserialize;
    use serde::de::DeserializeOwned;
    use serde_json::{Value, json};

    use support::server::Drive;

    #[derive(Deserialize, JsonSchema)]
    struct Nothing {}

    #[derive(Deserialize, JsonSchema)]
    struct Unit;

    #[derive(Deserialize, JsonSchema)]
    enum Colour {
        Red,
        Green,
    }

    #[derive(Deserialize, JsonSchema)]
    enum Size {
        /// Fits a pocket.
        Small,
        /// Fits a car.
        Large,
    }

    #[expect(dead_code, reason = "read, not looked at")]
    #[derive(Deserialize, JsonSchema)]
    struct Inner {
        deep: Option<u8>,
    }

    /// Everything at once.
    #[expect(dead_code, reason = "read, not looked at")]
    #[derive(Deserialize, JsonSchema)]
    struct Everything {
        count: u32,
        ratio: f64,
        big: Option<i64>,
        any: Value,
        maybe: Option<Value>,
        inner: Option<Inner>,
        /// Which one.
        colour: Option<Colour>,
        size: Size,
        table: BTreeMap<String, Value>,
        list: Vec<Value>,
        #[serde(default)]
        defaulted: Option<String>,
    }

    #[expect(dead_code, reason = "read, not looked at")]
    #[derive(Deserialize, JsonSchema)]
    #[serde(tag = "kind")]
    enum Tagged {
        Circle { name: String, radius: f64 },
        Square { name: String, side: u32 },
    }

    #[expect(dead_code, reason = "read, not looked at")]
    #[derive(Deserialize, JsonSchema)]
    enum External {
        Go { to: String },
        Stay(Inner),
    }

    #[expect(dead_code, reason = "read, not looked at")]
    #[derive(Deserialize, JsonSchema)]
    struct Tree {
        leaves: Option<Vec<Tree>>,
    }

    fn schema<A: JsonSchema>() -> Value {
        tool_for::<A>("t")
            .input_schema
            .decode()
            .expect("it is JSON")
    }

    /// What a strict host complains about.
    fn complaints(schema: &Value, at: &str, found: &mut Vec<String>) {
        match schema {
            Value::Object(members) => {
                for (key, value) in members {
                    let at = format!("{at}.{key}");
                    let bad = match (key.as_str(), value) {
                        ("type", Value::Array(_)) | ("oneOf" | "$schema", _) => true,
                        ("type", kind) => kind == "null",
                        ("format", Value::String(format)) => format != "date-time",
                        ("additionalProperties", Value::Bool(false)) => false,
                        ("properties", Value::Object(named)) => {
                            named.values().any(Value::is_boolean)
                        }
                        ("items" | "additionalProperties" | "not", value) => value.is_boolean(),
                        _ => false,
                    };
                    if bad {
                        found.push(at.clone());
                    }
                    complaints(value, &at, found);
                }
            }
            Value::Array(elements) => {
                for element in elements {
                    complaints(element, at, found);
                }
            }
            _ => {}
        }
    }

    /// The schema is as strict hosts want it, and both schemas and the type take the arguments.
    fn takes<A: DeserializeOwned + JsonSchema + Send + 'static>(arguments: &[Value]) {
        let schema = schema::<A>();
        assert_eq!(schema["type"], "object");
        assert!(schema["properties"].is_object(), "{schema}");
        assert!(schema.get("anyOf").is_none(), "{schema}");
        let mut found = Vec::new();
        complaints(&schema, "", &mut found);
        assert_eq!(found, Vec::<String>::new(), "{schema}");
        for tool in [tool_for::<A>("t"), exact_tool_for::<A>("t")] {
            let is_object = tool
                .input_schema
                .decode::<Value>()
                .is_ok_and(|s| s["type"] == "object");
            if !is_object {
                continue;
            }
            let server = Server::new("s", "1");
            #[cfg(feature = "jsonschema")]
            let server = server.validator(mcp_proto::model::json_schema::JsonSchema::new());
            let server = server.tool(tool, |_, _: A| Ok("read"));
            assert_eq!(server.check(), Ok(()));
            let mut drive = Drive::new(Revision::V2026_07_28, vec![server]);
            for one in arguments {
                let result = drive.call("t", &one.to_string()).expect("an answer");
                assert_eq!(result["content"][0]["text"], "read", "{one} for {schema}");
            }
        }
    }

    #[test]
    fn types_without_content_take_an_object_without_properties() {
        takes::<()>(&[json!({})]);
        takes::<Unit>(&[json!({})]);
        takes::<Nothing>(&[json!({})]);
        assert_eq!(schema::<()>()["properties"], json!({}));
    }

    #[test]
    fn every_kind_of_field_is_said_plainly() {
        let all = json!({"count": 1, "ratio": 0.5, "big": 2, "any": [1], "maybe": {}, "inner": {"deep": 3},
            "colour": "Red", "size": "Small", "table": {"a": 1}, "list": [1, "a"], "defaulted": "x"});
        let mut nulls = all.clone();
        for optional in ["big", "maybe", "inner", "colour", "defaulted"] {
            nulls[optional] = Value::Null;
        }
        let mut inner_null = all.clone();
        inner_null["inner"]["deep"] = Value::Null;
        let mut least = all.clone();
        for optional in ["big", "maybe", "inner", "colour", "defaulted"] {
            least.as_object_mut().expect("an object").remove(optional);
        }
        takes::<Everything>(&[all, nulls, inner_null, least]);
        let schema = schema::<Everything>();
        assert_eq!(schema["properties"]["count"]["type"], "integer");
        assert_eq!(schema["properties"]["big"]["type"], "integer");
        assert_eq!(
            schema["properties"]["colour"]["enum"],
            json!(["Red", "Green"])
        );
        assert_eq!(schema["properties"]["colour"]["description"], "Which one.");
        let size = &schema["properties"]["size"];
        assert_eq!(size["enum"], json!(["Small", "Large"]));
        let about = size["description"].as_str().expect("what the variants are");
        assert!(about.contains("`Large`: Fits a car."), "{about}");
    }

    #[test]
    fn enums_at_the_root_become_one_object() {
        takes::<Tagged>(&[
            json!({"kind": "Circle", "name": "c", "radius": 1.5}),
            json!({"kind": "Square", "name": "s", "side": 2}),
        ]);
        let tagged = schema::<Tagged>();
        assert_eq!(tagged["required"], json!(["kind", "name"]));
        assert_eq!(
            tagged["properties"]["kind"]["enum"],
            json!(["Circle", "Square"])
        );
        takes::<External>(&[json!({"Go": {"to": "x"}}), json!({"Stay": {"deep": null}})]);
    }

    #[test]
    fn a_type_that_contains_itself_has_a_plain_root() {
        takes::<Tree>(&[json!({"leaves": [{"leaves": null}, {}]})]);
    }
}
