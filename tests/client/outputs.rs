//! Structured results, held to what their tools promise.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use mcp_proto::client::{ClientError, ClientOptions, ToolCall};
use mcp_proto::model::tool::CallToolResult;
use mcp_proto::model::validation::{CompiledSchema, SchemaError, Validator, Violation};
use mcp_proto::rpc::Raw;
use mcp_proto::session::{Change, EraPolicy};
use mcp_proto::{Server, Tool, testing};
use serde_json::{Value, json};

/// Knows one word of JSON Schema, and counts what it reads.
struct Required(Arc<AtomicUsize>);

struct Member(String);

impl Validator for Required {
    fn compile(&self, schema: &Raw<'_>) -> Result<Arc<dyn CompiledSchema>, SchemaError> {
        self.0.fetch_add(1, Ordering::Relaxed);
        let schema: Value = schema.decode().unwrap();
        match schema["required"][0].as_str() {
            Some(member) => Ok(Arc::new(Member(member.into()))),
            None => Err(SchemaError::Invalid("nothing is required".into())),
        }
    }
}

impl CompiledSchema for Member {
    fn check(&self, value: &Raw<'_>) -> Result<(), Violation> {
        let value: Value = value.decode().unwrap();
        match value.get(&self.0) {
            Some(_) => Ok(()),
            None => Err(Violation::new("", format!("{} is missing", self.0))),
        }
    }
}

fn tool(name: &'static str, output: Value) -> Tool<'static> {
    Tool::new(name, json!({"type": "object"}).into()).output_schema(Raw::from(output))
}

/// A server whose tools don't all keep what they promise, as it checks nothing itself.
fn server() -> Server {
    let sum = json!({"type": "object", "required": ["sum"]});
    Server::new("s", "1")
        .tool(tool("good", sum.clone()), |_, _: Value| {
            Ok(json!({"sum": 3}))
        })
        .tool(tool("bad", sum.clone()), |_, _: Value| {
            Ok(json!({"som": 3}))
        })
        .tool(tool("silent", sum.clone()), |_, _: Value| Ok("three"))
        .tool(tool("failing", sum), |_, _: Value| {
            let mut result = CallToolResult::text("no");
            result.is_error = Some(true);
            Ok(result)
        })
        .tool(
            tool("unusable", json!({"type": "object"})),
            |_, _: Value| Ok(json!({})),
        )
        .tool(
            Tool::new("free", json!({"type": "object"}).into()),
            |_, _: Value| Ok(json!({})),
        )
}

#[test]
fn a_result_that_breaks_its_tools_promise_is_an_error_for_who_asks_for_it() {
    // `tools.output.validate` `tools.output.iserror`
    for era in [EraPolicy::Legacy, EraPolicy::Modern] {
        let read = Arc::new(AtomicUsize::new(0));
        let options = ClientOptions::default()
            .era(era)
            .tool_prefix("s")
            .validator(Required(Arc::clone(&read)));
        let client = testing::connect_with(server(), options);
        let call = |name: &str| client.call_tool(name, json!({}));
        // The schema is read once, though a modern list of no lifetime is stale at once.
        for _ in 0..3 {
            assert!(call("good").is_ok());
        }
        assert_eq!(read.load(Ordering::Relaxed), 1);
        assert_eq!(
            call("s_good").unwrap().value.to_json(),
            Some(json!({"sum": 3}))
        );
        assert_eq!(
            call("good").unwrap().value.to_json(),
            Some(json!({"sum": 3}))
        );
        match call("s_bad").unwrap_err() {
            ClientError::OutputSchema { tool, reason } => {
                assert_eq!((&*tool, &*reason), ("bad", "sum is missing"));
            }
            other => panic!("{other}"),
        }
        let silent = call("silent").unwrap_err().to_string();
        assert!(
            silent.contains("there is no structured content"),
            "{silent}"
        );
        let unusable = call("unusable").unwrap_err().to_string();
        assert!(unusable.contains("nothing is required"), "{unusable}");
        // A failure promises nothing, and stays what it is.
        assert!(matches!(call("failing"), Err(ClientError::Retry(_))));
        assert!(call("free").is_ok());
        assert!(matches!(
            client.call_tool_as::<Value>("bad", json!({})),
            Err(ClientError::OutputSchema { .. })
        ));
        // Who wants it as it came gets it so.
        assert!(client.direct_call_tool(ToolCall::new("bad")).is_ok());
    }
}

#[test]
fn without_a_validator_results_are_taken_as_they_come() {
    let client = testing::connect(server());
    assert!(client.call_tool("bad", json!({})).is_ok());
}

#[test]
fn a_schema_that_has_changed_is_read_anew() {
    let read = Arc::new(AtomicUsize::new(0));
    let options = ClientOptions::default()
        .era(EraPolicy::Legacy)
        .validator(Required(Arc::clone(&read)));
    let server = server();
    let client = testing::connect_with(server.clone(), options);
    assert!(client.call_tool("bad", json!({})).is_err());
    let promise = json!({"type": "object", "required": ["som"]});
    server
        .registry()
        .add_tool(tool("bad", promise), |_, _: Value| Ok(json!({"som": 3})))
        .unwrap();
    server.changed(Change::Tools);
    // The change is told before what is asked for afterwards.
    client.ping().unwrap();
    assert!(client.call_tool("bad", json!({})).is_ok());
}
