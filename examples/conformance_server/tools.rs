//! The tools that need nothing from the client.

use std::time::Duration;

use mcp_proto::model::content::ContentBlock;
use mcp_proto::model::tool::{CallToolResult, NO_ARGUMENTS_SCHEMA};
use mcp_proto::rpc::Raw;
use mcp_proto::server::{Context, HandlerError};
use mcp_proto::session::Change;
use mcp_proto::{Server, Tool};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Map, json};

use crate::asking;
use crate::content::{audio, embedded, image};

/// How long apart the messages of the tools that send some are.
const STEP: Duration = Duration::from_millis(50);
/// The longest nap of the slow tool, in seconds.
const LONGEST: f64 = 3600.0;

/// What a tool comes to.
pub type Outcome = Result<CallToolResult<'static>, HandlerError>;

/// A tool without arguments: name, description and what runs.
pub type PlainTool = (&'static str, &'static str, fn(&Context) -> Outcome);

/// The tools without arguments that need nothing from the client.
/// They come first, as some clients try just the first one.
const PLAIN: [PlainTool; 12] = [
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

#[derive(Deserialize)]
struct Echo {
    message: String,
}

#[derive(Deserialize)]
struct Sum {
    a: f64,
    b: f64,
}

#[derive(Deserialize)]
struct Slow {
    #[serde(alias = "seconds", default = "one")]
    duration: f64,
    #[serde(default = "one")]
    steps: f64,
}

fn one() -> f64 {
    1.0
}

/// Adds every tool.
pub fn add(server: Server) -> Server {
    let server = PLAIN.into_iter().fold(server, plain);
    let echo = Tool::new("echo", object(&["message"], "string")).description("Repeats a message");
    let sum = Tool::new("sum", object(&["a", "b"], "number")).description("Adds two numbers");
    let nap = Tool::new("slow", slow_schema())
        .description("Takes its time, in seconds, and can be cancelled");
    let header = Tool::new("test_x_mcp_header", header_schema())
        .description("Has an argument that is a header over HTTP");
    let schema = Tool::new("json_schema_2020_12_tool", json_schema_2020_12())
        .description("Tool with JSON Schema 2020-12 features");
    let server = server
        .tool(echo, |_, Echo { message }| Ok(format!("Echo: {message}")))
        .tool(sum, |_, Sum { a, b }| Ok(format!("{a} + {b} = {}", a + b)))
        .tool(nap, slow)
        .tool(header, |context, _: IgnoredAny| repeat(context))
        .tool(schema, |context, _: IgnoredAny| repeat(context));
    asking::add(server)
}

/// Adds a tool without arguments.
pub fn plain(
    server: Server,
    (name, description, run): (&'static str, &'static str, fn(&Context) -> Outcome),
) -> Server {
    let tool = Tool::new(name, NO_ARGUMENTS_SCHEMA).description(description);
    server.tool(tool, move |context, _: IgnoredAny| run(context))
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

fn repeat(context: &Context) -> Outcome {
    let arguments = context.request().arguments().to_string();
    Ok(CallToolResult::text(arguments))
}

fn slow(context: &Context, Slow { duration, steps }: Slow) -> Result<String, HandlerError> {
    let duration = duration.clamp(0.0, LONGEST);
    let steps = steps.clamp(1.0, 1000.0).floor();
    for step in 1..=steps as u32 {
        if context.sleep(Duration::from_secs_f64(duration / steps)) {
            return Err("nobody wants it any more".into());
        }
        context.progress(step.into(), Some(steps), None);
    }
    Ok(format!("Slept for {duration} seconds"))
}

fn simple_text(_: &Context) -> Outcome {
    Ok(CallToolResult::text(
        "This is a simple text response for testing.",
    ))
}

fn image_content(_: &Context) -> Outcome {
    Ok(CallToolResult::new(vec![image()]))
}

fn audio_content(_: &Context) -> Outcome {
    Ok(CallToolResult::new(vec![audio()]))
}

fn embedded_resource(_: &Context) -> Outcome {
    let text = "This is an embedded resource content.";
    let resource = embedded("test://embedded-resource".into(), "text/plain", text);
    Ok(CallToolResult::new(vec![resource]))
}

fn multiple_content_types(_: &Context) -> Outcome {
    let uri = "test://mixed-content-resource".into();
    Ok(CallToolResult::new(vec![
        ContentBlock::text("Multiple content types test:"),
        image(),
        embedded(uri, "application/json", r#"{"test":"data","value":123}"#),
    ]))
}

fn error_handling(_: &Context) -> Outcome {
    Ok(CallToolResult::error(
        "This tool intentionally returns an error for testing",
    ))
}

fn with_progress(context: &Context) -> Outcome {
    for progress in [0.0, 50.0, 100.0] {
        context.progress(progress, Some(100.0), None);
        context.sleep(STEP);
    }
    Ok(CallToolResult::text("Reported progress three times"))
}

fn with_logging(context: &Context) -> Outcome {
    for text in [
        "Tool execution started",
        "Tool processing data",
        "Tool execution completed",
    ] {
        context.info(text);
        context.sleep(STEP);
    }
    Ok(CallToolResult::text("Logged three messages"))
}

fn logging_tool(context: &Context) -> Outcome {
    context.info("The tool was called");
    Ok(CallToolResult::text("Logged a message, if one was wanted"))
}

fn reconnection(context: &Context) -> Outcome {
    context.sleep(2 * STEP);
    Ok(CallToolResult::text("Still there"))
}

fn tool_change(context: &Context) -> Outcome {
    context.changed(Change::Tools);
    Ok(CallToolResult::text("Mutation triggered"))
}

fn prompt_change(context: &Context) -> Outcome {
    context.changed(Change::Prompts);
    Ok(CallToolResult::text("Mutation triggered"))
}
