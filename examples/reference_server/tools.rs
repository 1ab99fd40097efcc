//! The tools that need nothing but their arguments.

use mcp_proto::model::content::{
    BlobResourceContents, ContentBlock, ResourceContents, TextResourceContents,
};
use mcp_proto::model::tool::{CallToolResult, Tool, ToolAnnotations};
use mcp_proto::rpc::Raw;
use mcp_proto::server::{Image, Json, Server};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::assets;

#[derive(Deserialize)]
struct Celsius {
    celsius: f64,
}

#[derive(Deserialize)]
struct Place {
    location: String,
}

#[derive(Deserialize)]
struct Switch {
    #[serde(default)]
    value: bool,
}

/// A tool of these arguments, whose result is wrapped as `{"result": ..}`.
pub fn wrapped(name: &'static str, properties: Value, kind: Value) -> Tool<'static> {
    let output = json!({"type": "object", "properties": {"result": kind}, "required": ["result"]});
    plain(name, properties).output_schema(Raw::from(output))
}

/// A tool of these arguments without a promise about its result.
pub fn plain(name: &'static str, properties: Value) -> Tool<'static> {
    let needed: Vec<&String> = properties
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(_, schema)| schema.get("default").is_none())
        .map(|(name, _)| name)
        .collect();
    let schema = json!({"type": "object", "properties": properties, "required": needed});
    Tool::new(name, Raw::from(schema)).description("")
}

pub fn add(server: Server) -> Server {
    let celsius = wrapped(
        "celsius_to_fahrenheit",
        json!({"celsius": {"type": "number"}}),
        json!({"type": "number"}),
    )
    .description("Convert Celsius to Fahrenheit.\n\nArgs:\n    celsius: Temperature in Celsius")
    .annotations(ToolAnnotations::new().title("Celsius to Fahrenheit"));
    let forecast = wrapped(
        "get_weather_forecast",
        json!({"location": {"type": "string"}}),
        json!({"type": "string"}),
    );
    let server = server
        .tool(celsius, |_, Celsius { celsius }| {
            Ok(celsius * 9.0 / 5.0 + 32.0)
        })
        .tool(forecast, |_, Place { location }| {
            Ok(Json(format!(
                "The weather in {location} is sunny and 26 degrees Celsius."
            )))
        });
    values(files(server))
}

fn files(server: Server) -> Server {
    let none = || json!({});
    server
        .tool(plain("get_image_resource", none()), |_, _: Value| {
            Ok(blob(assets::KIWI, "image/jpeg", &assets::kiwi()))
        })
        .tool(plain("get_image_resource_link", none()), |_, _: Value| {
            Ok(ContentBlock::link(assets::KIWI, "kiwi.jpeg"))
        })
        .tool(plain("get_audio_resource", none()), |_, _: Value| {
            Ok(blob(assets::MARCELO, "audio/mpeg", &assets::marcelo()))
        })
        .tool(plain("get_audio_resource_link", none()), |_, _: Value| {
            Ok(ContentBlock::link(assets::MARCELO, "marcelo.mp3"))
        })
        .tool(plain("get_product_name", none()), |_, _: Value| {
            let text = TextResourceContents::new(assets::PRODUCT_NAME, "Pydantic AI");
            Ok(ContentBlock::resource(ResourceContents::Text(text)))
        })
        .tool(plain("get_product_name_link", none()), |_, _: Value| {
            Ok(ContentBlock::link(assets::PRODUCT_NAME, "product_name.txt"))
        })
}

/// Written in this order, as the reference does; a map would sort its keys.
#[derive(Serialize)]
struct Dict {
    foo: &'static str,
    baz: u32,
}

fn values(server: Server) -> Server {
    let none = || json!({});
    let dict = || Dict {
        foo: "bar",
        baz: 123,
    };
    let promised = plain("get_dict", none()).output_schema(Raw::from(json!({"type": "object"})));
    let switch = plain(
        "get_error",
        json!({"value": {"type": "boolean", "default": false}}),
    );
    server
        .tool(plain("get_image", none()), |_, _: Value| {
            Ok(Image {
                bytes: assets::kiwi(),
                mime_type: "image/jpg".into(),
            })
        })
        .tool(promised, move |_, _: Value| Ok(Json(dict())))
        .tool(
            plain("get_unstructured_dict", none()),
            move |_, _: Value| Ok(serde_json::to_string_pretty(&dict())?),
        )
        .tool(switch, |_, Switch { value }| match value {
            true => Ok("This is not an error"),
            false => Err("This is an error. Call the tool with True instead".into()),
        })
        .tool(plain("get_none", none()), |_, _: Value| Ok(()))
        .tool(plain("get_multiple_items", none()), move |_, _: Value| {
            Ok(CallToolResult::new(vec![
                ContentBlock::text("This is a string"),
                ContentBlock::text("Another string"),
                ContentBlock::text(serde_json::to_string_pretty(&dict())?),
                ContentBlock::image_bytes(&assets::kiwi(), "image/jpg"),
            ]))
        })
}

fn blob(uri: &'static str, kind: &'static str, bytes: &[u8]) -> ContentBlock<'static> {
    let blob = BlobResourceContents::from_bytes(uri, bytes).mime_type(kind);
    ContentBlock::resource(ResourceContents::Blob(blob))
}
