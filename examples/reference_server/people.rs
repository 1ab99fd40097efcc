//! The tools that turn to the client: its log, its model, its user, its name.

use mcp_proto::model::elicitation::ElicitRequestFormParams;
use mcp_proto::model::sampling::{CreateMessageParams, SamplingMessage};
use mcp_proto::model::schema::StringSchema;
use mcp_proto::server::{Context, Elicited, HandlerError, Json, Server};
use mcp_proto::session::Change;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::tools::{plain, wrapped};

#[derive(Deserialize)]
struct Prompt {
    foo: String,
}

#[derive(Deserialize)]
struct Question {
    question: String,
}

#[derive(Deserialize)]
struct Answer {
    response: String,
}

pub fn add(server: Server) -> Server {
    let text = || json!({"type": "string"});
    let none = || json!({});
    server
        .tool(wrapped("get_log_level", none(), text()), get_log_level)
        .tool(plain("echo_deps", none()), echo_deps)
        .tool(plain("use_sampling", json!({"foo": text()})), use_sampling)
        .tool(
            wrapped("get_client_info", none(), json!({})),
            |context, _: Value| Ok(Json(client_info(context))),
        )
        .tool(
            wrapped("use_elicitation", json!({"question": text()}), text()),
            use_elicitation,
        )
        .tool(
            wrapped("enable_hidden_tool", none(), text()),
            enable_hidden_tool,
        )
}

fn get_log_level(context: &Context, _: Value) -> Result<Json<String>, HandlerError> {
    context.info("this is a log message");
    let level = context.log_level().map_or("unset", |level| level.as_str());
    Ok(Json(level.into()))
}

fn echo_deps(context: &Context, _: Value) -> Result<Json<Value>, HandlerError> {
    context.info("This is an info message");
    let meta = context.meta();
    let deps = meta
        .as_ref()
        .and_then(|meta| meta.get("deps"))
        .ok_or("no deps in _meta")?;
    Ok(Json(
        json!({"echo": "This is an echo message", "deps": deps.decode::<Value>()?}),
    ))
}

fn use_sampling(context: &Context, asked: Prompt) -> Result<Json<Value>, HandlerError> {
    let messages = vec![
        SamplingMessage::assistant(""),
        SamplingMessage::user(asked.foo),
    ];
    let params = CreateMessageParams::new(messages, 1024)
        .system_prompt("this is a test of MCP sampling")
        .temperature(0.5)
        .stop_sequences(["potato"]);
    let answer = context.sample("sample", &params)?;
    let text = answer
        .content
        .blocks()
        .first()
        .and_then(|block| block.as_text());
    Ok(Json(json!({
        "_meta": null, "role": answer.role.as_str(), "model": answer.model.as_str(),
        "stopReason": answer.stop_reason.as_ref().map(|reason| reason.as_str()),
        "content": {"type": "text", "text": text, "annotations": null, "_meta": null},
    })))
}

fn client_info(context: &Context) -> Value {
    let Some(client) = context.client_info() else {
        return Value::Null;
    };
    json!({
        "name": client.name.as_str(), "version": client.version.as_str(),
        "title": client.title.as_deref(), "websiteUrl": client.website_url.as_deref(),
    })
}

fn use_elicitation(context: &Context, asked: Question) -> Result<Json<String>, HandlerError> {
    let form =
        ElicitRequestFormParams::new(asked.question).required("response", StringSchema::new());
    Ok(Json(match context.elicit::<Answer>("response", form)? {
        Elicited::Accepted(Answer { response }) => format!("User responded: {response}"),
        // Spelled as the reference spells it.
        Elicited::Declined => "User declineed the elicitation".into(),
        _ => "User canceled the elicitation".into(),
    }))
}

fn enable_hidden_tool(context: &Context, _: Value) -> Result<Json<&'static str>, HandlerError> {
    let hidden = wrapped("hidden_tool", json!({}), json!({"type": "string"}));
    context
        .registry()
        .add_tool(hidden, |_, _: Value| Ok(Json("I was hidden!")))?;
    context.changed(Change::Tools);
    Ok(Json("Hidden tool enabled"))
}
