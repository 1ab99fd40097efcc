//! The tools: what is listed, and which function each name runs.

use std::time::Duration;

use mcp_proto::model::content::ContentBlock;
use mcp_proto::model::logging::LoggingLevel;
use mcp_proto::model::tool::{CallToolResult, ListToolsResult, NO_ARGUMENTS_SCHEMA, Tool};
use mcp_proto::rpc::{Raw, RpcError};
use mcp_proto::session::Change;
use serde::Deserialize;
use serde_json::{Map, json};

use crate::asking;
use crate::call::{Call, Stop};
use crate::content::{audio, embedded, image};

/// How long apart the messages of the tools that send some are.
const STEP: Duration = Duration::from_millis(50);
/// The longest nap of the slow tool, in seconds.
const LONGEST: f64 = 3600.0;

/// A tool as it is listed, and what runs when it is called.
pub struct Entry {
    name: &'static str,
    description: &'static str,
    schema: fn() -> Raw<'static>,
    run: fn(&Call<'_>) -> Result<CallToolResult<'static>, Stop>,
}

impl Entry {
    /// A tool without arguments.
    pub const fn new(
        name: &'static str,
        description: &'static str,
        run: fn(&Call<'_>) -> Result<CallToolResult<'static>, Stop>,
    ) -> Self {
        Self {
            name,
            description,
            schema: || NO_ARGUMENTS_SCHEMA,
            run,
        }
    }

    /// The same tool with arguments of this schema.
    pub const fn takes(self, schema: fn() -> Raw<'static>) -> Self {
        Self { schema, ..self }
    }
}

/// The tools that need nothing from the client. One without arguments comes first, as some clients
/// try just that one.
const TOOLS: &[Entry] = &[
    Entry::new("test_simple_text", "Says one text", simple_text),
    Entry::new("test_image_content", "Shows a picture", image_content),
    Entry::new("test_audio_content", "Plays a sound", audio_content),
    Entry::new(
        "test_embedded_resource",
        "Embeds a resource",
        embedded_resource,
    ),
    Entry::new(
        "test_multiple_content_types",
        "Mixes kinds of content",
        multiple_content_types,
    ),
    Entry::new("test_error_handling", "Always fails", error_handling),
    Entry::new("test_tool_with_progress", "Reports progress", with_progress),
    Entry::new("test_tool_with_logging", "Sends log messages", with_logging),
    Entry::new("test_logging_tool", "Sends a log message", logging_tool),
    Entry::new("test_reconnection", "Outlives a lost stream", reconnection),
    Entry::new(
        "test_trigger_tool_change",
        "Says that the list of tools has changed",
        tool_change,
    ),
    Entry::new(
        "test_trigger_prompt_change",
        "Says that the list of prompts has changed",
        prompt_change,
    ),
    Entry::new("echo", "Repeats a message", echo).takes(|| object(&["message"], "string")),
    Entry::new("sum", "Adds two numbers", sum).takes(|| object(&["a", "b"], "number")),
    Entry::new(
        "slow",
        "Takes its time, in seconds, and can be cancelled",
        slow,
    )
    .takes(slow_schema),
    Entry::new(
        "test_x_mcp_header",
        "Has an argument that is a header over HTTP",
        repeat,
    )
    .takes(header_schema),
    Entry::new(
        "json_schema_2020_12_tool",
        "Tool with JSON Schema 2020-12 features",
        repeat,
    )
    .takes(json_schema_2020_12),
];

fn all() -> impl Iterator<Item = &'static Entry> {
    TOOLS.iter().chain(asking::TOOLS)
}

/// What is listed.
pub fn list() -> ListToolsResult<'static> {
    let tools =
        all().map(|entry| Tool::new(entry.name, (entry.schema)()).description(entry.description));
    ListToolsResult::new(tools.collect())
}

/// Runs the tool that the request names.
pub fn call(call: &Call<'_>) -> Result<CallToolResult<'static>, Stop> {
    let name = call.request.target().unwrap_or("".into());
    match all().find(|entry| name == entry.name) {
        Some(entry) => (entry.run)(call),
        None => Err(RpcError::invalid_params(format!("Unknown tool: {name}")).into()),
    }
}

/// An object that needs these members, all of one type.
pub fn object(names: &[&str], kind: &str) -> Raw<'static> {
    let properties: Map<_, _> = names
        .iter()
        .map(|name| (name.to_string(), json!({ "type": kind })))
        .collect();
    json!({ "type": "object", "properties": properties, "required": names }).into()
}

fn slow_schema() -> Raw<'static> {
    let number = json!({ "type": "number" });
    let properties = json!({ "duration": number, "seconds": number, "steps": number });
    json!({ "type": "object", "properties": properties }).into()
}

fn header_schema() -> Raw<'static> {
    let region = json!({ "type": "string", "x-mcp-header": "Region" });
    json!({ "type": "object", "properties": { "region": region }, "required": ["region"] }).into()
}

fn json_schema_2020_12() -> Raw<'static> {
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
    .into()
}

fn repeat(call: &Call<'_>) -> Result<CallToolResult<'static>, Stop> {
    Ok(CallToolResult::text(call.request.arguments().to_string()))
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
