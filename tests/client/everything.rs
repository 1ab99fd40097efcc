//! The example that has everything, started as a process and used whole by a client in both eras.

use std::sync::{Arc, Mutex};

use mcp_proto::client::{ClientOptions, ToolCall};
use mcp_proto::io::blocking::BlockingClient;
use mcp_proto::io::child::Command;
use mcp_proto::model::completion::{CompleteParams, PromptReference};
use mcp_proto::model::content::ContentBlock;
use mcp_proto::model::elicitation::{ElicitParams, ElicitResult};
use mcp_proto::model::form::FormContent;
use mcp_proto::model::prompt::GetPromptParams;
use mcp_proto::model::sampling::{CreateMessageResult, SamplingMessageContentBlock};
use serde_json::{Value, json};

use super::handles::ERAS;

fn options() -> ClientOptions {
    ClientOptions::new("test", "1")
        .elicitation(|params| {
            let ElicitParams::Form(form) = params else {
                panic!("only forms")
            };
            assert_eq!(form.message, "Which tea?");
            let content = FormContent::new().with("size", "large");
            Ok(ElicitResult::accept(content))
        })
        .sampling(|params| {
            let text = format!("a poem in {} tokens", params.max_tokens);
            let block = SamplingMessageContentBlock::text(text);
            Ok(CreateMessageResult::new("a model", block))
        })
}

#[test]
fn the_server_of_everything_serves_both_eras() {
    for era in ERAS {
        let server = Command::new(env!("CARGO_BIN_EXE_everything_server"));
        let client = BlockingClient::child(options().era(era), server);
        client.open().unwrap();
        tools(&client);
        let text = |uri| {
            client
                .read_resource(uri)
                .unwrap()
                .value
                .as_text()
                .map(String::from)
        };
        assert_eq!(text("notes://today").as_deref(), Some("Nothing."));
        assert_eq!(
            text("notes://monday").as_deref(),
            Some("Nothing on monday.")
        );

        let prompt = GetPromptParams::new("greet").argument("name", "Ann");
        let message = client.get_prompt(prompt).unwrap().messages.remove(0);
        let text = message.content.as_text().map(String::from);
        assert_eq!(text.as_deref(), Some("Greet Ann in English."));
        let typed = CompleteParams::new(PromptReference::new("greet"), "language", "Fr");
        let completed = client.complete(typed).unwrap().completion;
        assert_eq!(completed.values, ["French"]);
        client.close().unwrap();
    }
}

fn tools(client: &BlockingClient) {
    let tools = client.list_tools().unwrap();
    let names: Vec<&str> = tools.iter().map(|tool| tool.name.as_str()).collect();
    assert_eq!(names, ["add", "weather", "count", "order", "poem"]);
    assert!(tools.iter().all(|tool| tool.description.is_some()));

    let sum: f64 = client
        .call_tool_as("add", json!({"a": 2, "b": 40}))
        .unwrap();
    assert_eq!(sum, 42.0);
    let weather: Value = client
        .call_tool_as("weather", json!({"city": "Lima"}))
        .unwrap();
    assert_eq!(weather, json!({"celsius": 4.0, "sky": "clear"}));
    let error = client.call_tool("add", json!({"a": 2})).unwrap_err();
    assert!(error.to_string().contains("`b`"), "{error}");

    let steps = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&steps);
    let call = ToolCall::new("count").arguments(json!({"to": 3})).unwrap();
    let call = call.on_progress(move |step| seen.lock().unwrap().push(step.progress));
    let counted = client.call(call).unwrap();
    assert_eq!(counted.value.as_text(), Some("Counted to 3."));
    // What comes faster than it is taken replaces older reports; the last is never lost.
    assert_eq!(steps.lock().unwrap().last(), Some(&3.0));

    let order: String = client
        .call_tool_as("order", json!({"item": "tea"}))
        .unwrap();
    assert_eq!(order, "A large tea");
    let poem = client.call_tool("poem", json!({"about": "foxes"})).unwrap();
    let ContentBlock::Text(text) = &poem.raw.content[0] else {
        panic!("{poem:?}")
    };
    assert_eq!(text.text, "a poem in 100 tokens");
}
