//! The example of everything, started as hosts start it, in both eras.

use mcp_proto::io::blocking::BlockingClient;
use mcp_proto::io::child::Command;
use mcp_proto::model::completion::{CompleteParams, PromptReference};
use mcp_proto::model::elicitation::ElicitResult;
use mcp_proto::model::form::FormContent;
use mcp_proto::model::prompt::{Arguments, GetPromptParams};
use mcp_proto::model::sampling::{CreateMessageResult, SamplingMessageContentBlock};
use mcp_proto::session::EraPolicy;
use mcp_proto::{ClientOptions, Revision};
use serde_json::{Value, json};

use crate::toy::within;

fn client(era: EraPolicy) -> BlockingClient {
    let options = ClientOptions::default()
        .era(era)
        .elicitation(|_| {
            Ok(ElicitResult::accept(
                FormContent::new().with("size", "large"),
            ))
        })
        .sampling(|params| {
            let block = SamplingMessageContentBlock::text(format!("{} words", params.max_tokens));
            Ok(CreateMessageResult::new("a model", block))
        });
    BlockingClient::child(
        options,
        Command::new(env!("CARGO_BIN_EXE_everything_server")),
    )
}

#[test]
fn everything_works_in_both_eras() {
    let eras = [
        (EraPolicy::Legacy, Revision::V2025_11_25),
        (EraPolicy::Modern, Revision::V2026_07_28),
    ];
    within(move || {
        for (era, revision) in eras {
            let client = client(era);
            client.open().unwrap();
            assert_eq!(client.revision().unwrap(), Some(revision));
            assert_eq!(client.list_tools().unwrap().len(), 5);
            let text = |name: &str, arguments: Value| {
                let output = client.call_tool(name, arguments).unwrap();
                output.value.as_text().map(str::to_owned)
            };
            let sum: f64 = client
                .call_tool_as("add", json!({"a": 1, "b": 2.5}))
                .unwrap();
            assert!((sum - 3.5).abs() < 1e-9);
            let weather: Value = client
                .call_tool_as("weather", json!({"city": "Bern"}))
                .unwrap();
            assert_eq!(weather, json!({"celsius": 4.0, "sky": "clear"}));
            assert_eq!(
                text("count", json!({"to": 3})).as_deref(),
                Some("Counted to 3.")
            );
            assert_eq!(
                text("order", json!({"item": "tea"})).as_deref(),
                Some("A large tea")
            );
            assert_eq!(
                text("poem", json!({"about": "x"})).as_deref(),
                Some("100 words")
            );

            assert_eq!(client.list_resources().unwrap().len(), 1);
            assert_eq!(client.list_resource_templates().unwrap().len(), 1);
            for (uri, expected) in [
                ("notes://today", "Nothing."),
                ("notes://1", "Nothing on 1."),
            ] {
                let read = client.read_resource(uri).unwrap();
                assert!(format!("{read:?}").contains(expected), "{read:?}");
            }
            let mut params = GetPromptParams::new("greet");
            params.arguments = Some(Arguments::new().with("name", "Ada"));
            let prompt = client.get_prompt(params).unwrap();
            assert!(
                format!("{prompt:?}").contains("Greet Ada in English."),
                "{prompt:?}"
            );
            let params = CompleteParams::new(PromptReference::new("greet"), "language", "F");
            assert_eq!(
                client.complete(params).unwrap().completion.values,
                ["French"]
            );
            client.close().unwrap();
        }
    });
}
