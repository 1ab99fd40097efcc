//! The tools: what is listed, and which function each name runs.

use std::time::Duration;

use mcp_proto::model::content::ContentBlock;
use mcp_proto::model::logging::LoggingLevel;
use mcp_proto::model::tool::{CallToolResult, ListToolsResult, NO_ARGUMENTS_SCHEMA, Tool};
use mcp_proto::rpc::{Raw, RpcError};
use mcp_proto::session::Change;
use serde::Deserialize;
use serde_json::json;

use crate::asking;
use crate::call::{Call, Stop};
use crate::content::{audio, embedded, image};

/// How long apart the messages of the tools that send some are.
const STEP: Duration = Duration::from_millis(50);
/// The longest nap of the slow tool, in seconds.
const LONGEST: f64 = 3600.0;

/// Tools without arguments, the ones that need nothing from the client first.
const PLAIN: &[(
    &str,
    &str,
    fn(&Call<'_>) -> Result<CallToolResult<'static>, Stop>,
)] = &[
    ("test_simple_text", "Says one text", simple_text),
    ("test_image_content", "Shows a picture", image_content),
    ("test_audio_content", "Plays a sound", audio_content),
    (
        "test_embedded_resource",
        "Embeds a resource",
        embedded_resource,
    ),
    (
        "test_multiple_content_types",
        "Mixes kinds of content",
        multiple_content_types,
    ),
    ("test_error_handling", "Always fails", error_handling),
    ("test_tool_with_progress", "Reports progress", with_progress),
    ("test_tool_with_logging", "Sends log messages", with_logging),
    ("test_logging_tool", "Sends a log message", logging_tool),
    ("test_reconnection", "Outlives a lost stream", reconnection),
    (
        "test_trigger_tool_change",
        "Says that the list of tools has changed",
        tool_change,
    ),
    (
        "test_trigger_prompt_change",
        "Says that the list of prompts has changed",
        prompt_change,
    ),
];

/// What is listed.
pub fn list() -> ListToolsResult<'static> {
    let plain = PLAIN.iter().chain(asking::TOOLS);
    let plain =
        plain.map(|(name, about, _)| Tool::new(*name, NO_ARGUMENTS_SCHEMA).description(*about));
    ListToolsResult::new(plain.chain(with_arguments()).collect())
}

fn with_arguments() -> Vec<Tool<'static>> {
    let object = |properties, required| {
        Raw::from(json!({ "type": "object", "properties": properties, "required": required }))
    };
    let number = json!({ "type": "number" });
    let string = json!({ "type": "string" });
    let region = json!({ "type": "string", "x-mcp-header": "Region" });
    vec![
        Tool::new(
            "echo",
            object(json!({ "message": string }), json!(["message"])),
        )
        .description("Repeats a message"),
        Tool::new(
            "sum",
            object(json!({ "a": number, "b": number }), json!(["a", "b"])),
        )
        .description("Adds two numbers"),
        Tool::new(
            "slow",
            object(
                json!({ "duration": number, "seconds": number, "steps": number }),
                json!([]),
            ),
        )
        .description("Takes its time, in seconds, and can be cancelled"),
        Tool::new(
            "test_sampling",
            object(json!({ "prompt": string }), json!(["prompt"])),
        )
        .description("Asks the client's model"),
        Tool::new(
            "test_elicitation",
            object(json!({ "message": string }), json!(["message"])),
        )
        .description("Asks the person behind the client"),
        Tool::new(
            "test_x_mcp_header",
            object(json!({ "region": region }), json!(["region"])),
        )
        .description("Has an argument that is a header over HTTP"),
        Tool::new("json_schema_2020_12_tool", Raw::from(json_schema_2020_12()))
            .description("Tool with JSON Schema 2020-12 features"),
    ]
}

fn json_schema_2020_12() -> serde_json::Value {
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "$defs": {
            "address": {
                "$anchor": "addressDef",
                "type": "object",
                "properties": { "street": { "type": "string" }, "city": { "type": "string" } },
            },
        },
        "properties": {
            "name": { "type": "string" },
            "address": { "$ref": "#/$defs/address" },
            "contactMethod": { "type": "string", "enum": ["phone", "email"] },
            "phone": { "type": "string" },
            "email": { "type": "string" },
        },
        "allOf": [{ "anyOf": [{ "required": ["phone"] }, { "required": ["email"] }] }],
        "if": { "properties": { "contactMethod": { "const": "phone" } }, "required": ["contactMethod"] },
        "then": { "required": ["phone"] },
        "else": { "required": ["email"] },
        "additionalProperties": false,
    })
}

/// Runs the tool that the request names.
pub fn call(call: &Call<'_>) -> Result<CallToolResult<'static>, Stop> {
    let name = call.request.target().unwrap_or("".into());
    let mut plain = PLAIN.iter().chain(asking::TOOLS);
    if let Some((_, _, run)) = plain.find(|(known, ..)| name == *known) {
        return run(call);
    }
    match name.as_str() {
        "echo" => echo(call),
        "sum" => sum(call),
        "slow" => slow(call),
        "test_sampling" => asking::sampling(call),
        "test_elicitation" => asking::elicitation(call),
        "test_x_mcp_header" | "json_schema_2020_12_tool" => {
            Ok(CallToolResult::text(call.request.arguments().to_string()))
        }
        _ => Err(RpcError::invalid_params(format!("Unknown tool: {name}")).into()),
    }
}

fn echo(call: &Call<'_>) -> Result<CallToolResult<'static>, Stop> {
    #[derive(Deserialize)]
    struct Arguments {
        message: String,
    }
    let Arguments { message } = call.arguments()?;
    Ok(CallToolResult::text(format!("Echo: {message}")))
}

fn sum(call: &Call<'_>) -> Result<CallToolResult<'static>, Stop> {
    #[derive(Deserialize)]
    struct Arguments {
        a: f64,
        b: f64,
    }
    let Arguments { a, b } = call.arguments()?;
    Ok(CallToolResult::text(format!("{a} + {b} = {}", a + b)))
}

fn slow(call: &Call<'_>) -> Result<CallToolResult<'static>, Stop> {
    #[derive(Deserialize)]
    struct Arguments {
        #[serde(alias = "seconds", default = "one")]
        duration: f64,
        #[serde(default = "one")]
        steps: f64,
    }
    fn one() -> f64 {
        1.0
    }
    let Arguments { duration, steps } = call.arguments()?;
    let duration = duration.clamp(0.0, LONGEST);
    let steps = steps.clamp(1.0, 1000.0).floor();
    for step in 1..=steps as u32 {
        call.sleep(Duration::from_secs_f64(duration / steps))?;
        call.progress(step.into(), steps)?;
    }
    Ok(CallToolResult::text(format!(
        "Slept for {duration} seconds"
    )))
}

fn simple_text(_: &Call<'_>) -> Result<CallToolResult<'static>, Stop> {
    Ok(CallToolResult::text(
        "This is a simple text response for testing.",
    ))
}

fn image_content(_: &Call<'_>) -> Result<CallToolResult<'static>, Stop> {
    Ok(CallToolResult::new(vec![image()]))
}

fn audio_content(_: &Call<'_>) -> Result<CallToolResult<'static>, Stop> {
    Ok(CallToolResult::new(vec![audio()]))
}

fn embedded_resource(_: &Call<'_>) -> Result<CallToolResult<'static>, Stop> {
    let text = "This is an embedded resource content.";
    let resource = embedded("test://embedded-resource".into(), "text/plain", text);
    Ok(CallToolResult::new(vec![resource]))
}

fn multiple_content_types(_: &Call<'_>) -> Result<CallToolResult<'static>, Stop> {
    let uri = "test://mixed-content-resource".into();
    Ok(CallToolResult::new(vec![
        ContentBlock::text("Multiple content types test:"),
        image(),
        embedded(uri, "application/json", r#"{"test":"data","value":123}"#),
    ]))
}

fn error_handling(_: &Call<'_>) -> Result<CallToolResult<'static>, Stop> {
    Ok(CallToolResult::error(
        "This tool intentionally returns an error for testing",
    ))
}

fn with_progress(call: &Call<'_>) -> Result<CallToolResult<'static>, Stop> {
    for progress in [0.0, 50.0, 100.0] {
        call.progress(progress, 100.0)?;
        call.sleep(STEP)?;
    }
    Ok(CallToolResult::text("Reported progress three times"))
}

fn with_logging(call: &Call<'_>) -> Result<CallToolResult<'static>, Stop> {
    for text in [
        "Tool execution started",
        "Tool processing data",
        "Tool execution completed",
    ] {
        call.log(LoggingLevel::Info, text)?;
        call.sleep(STEP)?;
    }
    Ok(CallToolResult::text("Logged three messages"))
}

fn logging_tool(call: &Call<'_>) -> Result<CallToolResult<'static>, Stop> {
    call.log(LoggingLevel::Info, "The tool was called")?;
    Ok(CallToolResult::text("Logged a message, if one was wanted"))
}

fn reconnection(call: &Call<'_>) -> Result<CallToolResult<'static>, Stop> {
    call.sleep(2 * STEP)?;
    Ok(CallToolResult::text("Still there"))
}

fn tool_change(call: &Call<'_>) -> Result<CallToolResult<'static>, Stop> {
    call.changed(Change::Tools)?;
    Ok(CallToolResult::text("Mutation triggered"))
}

fn prompt_change(call: &Call<'_>) -> Result<CallToolResult<'static>, Stop> {
    call.changed(Change::Prompts)?;
    Ok(CallToolResult::text("Mutation triggered"))
}
