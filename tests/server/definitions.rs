//! A tool is looked at before it is offered, and a value before it goes through.

use std::sync::Arc;

use mcp_proto::Revision;
use mcp_proto::model::method::ListTools;
use mcp_proto::model::tool::{CallToolResult, Tool};
use mcp_proto::model::validation::{CompiledSchema, SchemaError, Validator, Violation};
use mcp_proto::rpc::Raw;
use mcp_proto::server::{DefinitionError, Json, Server};
use serde_json::{Value, json};

use support::carrier::by_every_way;
use support::server::{Drive, tool};

fn with_schema(schema: &'static str) -> Tool<'static> {
    Tool::new("t", Raw::new(schema).unwrap())
}

#[test]
fn a_tool_without_an_object_schema_is_left_out_and_told_of() {
    // `tools.def.inputschema`
    for schema in [
        "null",
        "true",
        "{}",
        r#"{"type":"string"}"#,
        r#"["object"]"#,
    ] {
        let server = Server::new("s", "1")
            .tool(tool("good"), |_, _: Value| Ok(()))
            .tool(with_schema(schema), |_, _: Value| Ok(()));
        let refused = DefinitionError::InputSchema("t".into());
        assert_eq!(server.check(), Err(refused.clone()), "{schema}");
        let added = server
            .registry()
            .add_tool(with_schema(schema), |_, _: Value| Ok(()));
        assert_eq!(added, Err(refused));
        let mut drive = Drive::new(Revision::V2025_11_25, vec![server]);
        let listed = drive.run::<ListTools>(&Default::default()).unwrap();
        assert_eq!(listed["tools"].as_array().unwrap().len(), 1);
    }
    let good = Server::new("s", "1").tool(tool("good"), |_, _: Value| Ok(()));
    assert_eq!(good.check(), Ok(()));
}

#[test]
fn an_output_schema_has_to_be_a_schema() {
    let promises = |schema: &'static str| {
        let tool = tool("t").output_schema(Raw::new(schema).unwrap());
        Server::new("s", "1")
            .tool(tool, |_, _: Value| Ok(()))
            .check()
    };
    assert_eq!(promises(r#"{"type":"array"}"#), Ok(()));
    assert_eq!(promises("true"), Ok(()));
    assert_eq!(
        promises("7"),
        Err(DefinitionError::OutputSchema("t".into()))
    );
}

/// Knows one schema, which asks for a member `n`.
struct WantsN;

impl Validator for WantsN {
    fn compile(&self, schema: &Raw<'_>) -> Result<Arc<dyn CompiledSchema>, SchemaError> {
        match schema.as_str().contains("odd") {
            true => Err(SchemaError::Dialect("odd".into())),
            false => Ok(Arc::new(Self)),
        }
    }
}

impl CompiledSchema for WantsN {
    fn check(&self, value: &Raw<'_>) -> Result<(), Violation> {
        let value: Value = value.decode().unwrap();
        match value["deep"][0]["n"].is_number() {
            true => Ok(()),
            false => Err(Violation::new("deep[0].n", "it is no number")),
        }
    }
}

fn echo() -> Tool<'static> {
    tool("echo").output_schema(Raw::new(r#"{"type":"object"}"#).unwrap())
}

#[test]
fn arguments_are_checked_before_the_handler_runs() {
    // `tools.call.badargs`
    for (revision, _way) in by_every_way(Revision::ALL) {
        let server = Server::new("s", "1")
            .validator(WantsN)
            .tool(tool("t"), |_, _: Value| Ok("ran"));
        let mut drive = Drive::new(revision, vec![server]);
        assert!(drive.call("t", r#"{"deep":[{"n":1}]}"#).is_ok());
        match drive.call("t", r#"{"deep":[{"n":"secret"}]}"#) {
            Ok(result) => {
                assert!(revision >= Revision::V2025_11_25);
                assert_eq!(result["isError"], true);
                let text = result["content"][0]["text"].as_str().unwrap();
                assert_eq!(text, "Invalid arguments: it is no number at deep[0].n");
            }
            Err(error) => {
                assert!(revision < Revision::V2025_11_25);
                assert!(
                    error.contains("-32602") && error.contains("deep[0].n"),
                    "{error}"
                );
            }
        }
    }
}

#[test]
fn results_that_break_their_promise_are_not_sent() {
    // `tools.output.conform`, `tools.output.iserror`
    let server = Server::new("s", "1")
        .tool(echo(), |_, value: Value| {
            if value["fails"].is_object() {
                return Ok(CallToolResult::error("as it was told"));
            }
            if value["silent"].is_object() {
                return Ok(CallToolResult::text("nothing structured"));
            }
            let mut result = CallToolResult::structured(&value["result"])?;
            result.content.clear();
            Ok(result)
        })
        // The order doesn't matter: tools that are there already are held to it too.
        .validator(WantsN);
    let arguments = |more: Value| {
        let mut all = json!({"deep": [{"n": 1}]});
        let members = more.as_object().unwrap().clone();
        all.as_object_mut().unwrap().extend(members);
        all.to_string()
    };
    let mut drive = Drive::new(Revision::V2025_11_25, vec![server]);
    let good = arguments(json!({"result": {"deep": [{"n": 7}]}}));
    assert!(drive.call("echo", &good).is_ok());
    let bad = arguments(json!({"result": {"deep": [{"n": "secret"}]}}));
    let error = drive.call("echo", &bad).unwrap_err();
    assert!(
        error.contains("-32603") && error.contains("deep[0].n"),
        "{error}"
    );
    let silent = drive.call("echo", &arguments(json!({"silent": {}})));
    assert!(silent.unwrap_err().contains("-32603"));
    let failed = drive
        .call("echo", &arguments(json!({"fails": {}})))
        .unwrap();
    assert_eq!(failed["isError"], true);
}

#[test]
fn a_schema_that_the_validator_refuses_keeps_a_tool_out() {
    // `jschema.valid`, `jschema.unsupported`
    let odd = || with_schema(r#"{"type":"object","$schema":"odd"}"#);
    let refused = DefinitionError::Schema {
        tool: "t".into(),
        error: SchemaError::Dialect("odd".into()),
    };
    let before = Server::new("s", "1")
        .tool(odd(), |_, _: Value| Ok(Json(1)))
        .validator(WantsN);
    assert_eq!(before.check(), Err(refused.clone()));
    let after = Server::new("s", "1").validator(WantsN);
    let added = after.registry().add_tool(odd(), |_, _: Value| Ok(Json(1)));
    assert_eq!(added, Err(refused));
    assert_eq!(after.check(), Ok(()), "the caller was told");
}

#[test]
fn a_main_that_returns_the_error_prints_a_line_to_read() {
    let error = Server::new("s", "1").tool(tool("a b"), |_, _: Value| Ok(()));
    let error = error.check().unwrap_err();
    assert_eq!(format!("{error:?}"), error.to_string());
    assert!(
        error
            .to_string()
            .contains("the tool can't be called \"a b\"")
    );
}
