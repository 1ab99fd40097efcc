//! What servers of the reference system do, row by row of the table in `tests/seeds.md`.

use mcp_proto::Revision;
use mcp_proto::model::capability::ClientCapabilities;
use mcp_proto::model::content::ContentBlock;
use mcp_proto::model::elicitation::ElicitRequestFormParams;
use mcp_proto::model::sampling::{CreateMessageParams, SamplingMessage};
use mcp_proto::model::schema::StringSchema;
use mcp_proto::model::tool::CallToolResult;
use mcp_proto::server::{
    Audio, Context, HandlerError, Image, IntoToolResult, Json, SamplingRequest, Server,
};
use mcp_proto::session::{ClientConfig, EraPolicy};
use serde_json::{Value, json};

use support::carrier::by_every_way;
use support::server::{Drive, frames, text, tool};

support::read_struct! { struct Theme { theme: String } }

fn initialize(version: &str) -> Value {
    json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
        "protocolVersion": version, "capabilities": {}, "clientInfo": {"name": "c", "version": "1"}}})
}

fn poet() -> Server {
    Server::new("poets", "1").tool(tool("poet"), |context: &Context, theme: Theme| {
        let conversation = SamplingRequest::new()
            .system("always reply in rhyme")
            .user(format!("write a poem about {}", theme.theme));
        Ok(conversation.reply(context, "rhyme")?.text)
    })
}

/// A client that can be asked for nothing.
fn unable(revision: Revision, server: Server) -> Drive {
    let era = match revision {
        Revision::V2026_07_28 => EraPolicy::AssumeModern,
        _ => EraPolicy::Legacy,
    };
    let config = ClientConfig::new("c", "1")
        .revisions(vec![revision])
        .era(era)
        .capabilities(ClientCapabilities::new());
    Drive::with(config, vec![server])
}

#[test]
fn v1_a_server_says_its_name_and_no_instructions_when_it_has_none() {
    let server = Server::new("Pydantic AI Server", "1.25.0");
    let result = &frames(&server, None, &[initialize("2025-06-18")])[0]["result"];
    assert_eq!(
        result["serverInfo"],
        json!({"name": "Pydantic AI Server", "version": "1.25.0"})
    );
    assert!(result.get("instructions").is_none());
    let server = server.instructions("Be brief.");
    let result = &frames(&server, None, &[initialize("2025-06-18")])[0]["result"];
    assert_eq!(result["instructions"], "Be brief.");
}

#[cfg(feature = "schemars")]
#[test]
fn v2_a_tool_is_described_by_its_types() {
    use mcp_proto::server::{output_schema_for, tool_for};

    /// Poem generator
    #[derive(serde_derive::Deserialize, schemars::JsonSchema)]
    #[schemars(title = "poetArguments")]
    #[expect(dead_code, reason = "only its schema is looked at")]
    struct Poet {
        theme: String,
    }
    let tool = tool_for::<Poet>("poet").output_schema(output_schema_for::<String>());
    assert_eq!(tool.description.as_deref(), Some("Poem generator"));
    let input: Value = tool.input_schema.decode().unwrap();
    assert_eq!(input["properties"], json!({"theme": {"type": "string"}}));
    assert_eq!(input["required"], json!(["theme"]));
    assert_eq!(input["title"], "poetArguments");
    assert_eq!(input["type"], "object");
    let output: Value = tool.output_schema.unwrap().decode().unwrap();
    assert_eq!(
        output,
        json!({"type": "object", "properties": {"result": {"type": "string"}},
            "required": ["result"]})
    );
}

fn result_of(value: impl IntoToolResult) -> Value {
    serde_json::to_value(value.into_tool_result().unwrap()).unwrap()
}

#[test]
fn v3_results_are_converted_by_what_they_are() {
    assert_eq!(
        result_of("a text")["content"],
        json!([{"type": "text", "text": "a text"}])
    );
    assert!(result_of("a text").get("structuredContent").is_none());
    let object = result_of(json!({"foo": "bar"}));
    assert_eq!(text(&object), "{\n  \"foo\": \"bar\"\n}");
    assert_eq!(object["structuredContent"], json!({"foo": "bar"}));
    for (value, shown) in [
        (json!(7), "7"),
        (json!([1]), "[\n  1\n]"),
        (json!("a text"), "a text"),
        (json!(null), "null"),
    ] {
        let result = result_of(Json(&value));
        assert_eq!(text(&result), shown);
        assert_eq!(result["structuredContent"], json!({"result": value}));
    }
    assert_eq!(result_of(())["content"], json!([]));
    assert_eq!(result_of(None::<String>)["content"], json!([]));
    let blocks = vec![ContentBlock::text("one"), ContentBlock::text("two")];
    assert_eq!(result_of(blocks)["content"].as_array().unwrap().len(), 2);
    let image = Image {
        bytes: vec![1, 2],
        mime_type: "image/png".into(),
    };
    assert_eq!(
        result_of(image)["content"][0],
        json!({"type": "image", "data": "AQI=", "mimeType": "image/png"})
    );
    let sound = Audio {
        bytes: vec![1],
        mime_type: "audio/wav".into(),
    };
    assert_eq!(result_of(sound)["content"][0]["type"], "audio");
    assert_eq!(result_of(CallToolResult::error("no"))["isError"], true);
}

#[test]
fn v4_exception_becomes_error_result() {
    // `tools.call.unknown`
    for (revision, _way) in by_every_way(Revision::ALL) {
        let server = Server::new("s", "1").tool(tool("fails"), |_, _: Value| {
            Err::<(), HandlerError>("out of paper".into())
        });
        let mut drive = Drive::new(revision, vec![server]);
        let result = drive.call("fails", "{}").unwrap();
        assert_eq!(result["isError"], true, "{revision}");
        assert_eq!(text(&result), "Error executing tool fails: out of paper");
        // The specification asks for an error here, where the reference gives a result.
        let error = drive.call("no_such_tool", "{}").unwrap_err();
        assert!(
            error.contains("-32602") && error.contains("Unknown tool: no_such_tool"),
            "{error}"
        );
    }
}

#[test]
fn v6_a_handler_logs_asks_and_sees_its_client() {
    let server = Server::new("s", "1").tool(tool("t"), |context: &Context, _: Value| {
        context.info("begun");
        let form = ElicitRequestFormParams::new("Name?").required("name", StringSchema::new());
        let name = context.elicit::<Value>("name", form)?.accepted()?;
        let meta = context.meta();
        let deps = meta.as_ref().and_then(|meta| meta.get("deps"));
        let deps: Value = deps.ok_or("no deps")?.decode()?;
        let client = context.client_info().ok_or("nobody")?;
        Ok(json!({"name": name["name"], "deps": deps, "client": client.name.as_str()}))
    });
    let meta = mcp_proto::model::meta::Meta::new();
    let meta = meta.with("deps", &7);
    let params = mcp_proto::model::tool::CallToolParams::new("t").meta(meta);
    for revision in [
        Revision::V2025_06_18,
        Revision::V2025_11_25,
        Revision::V2026_07_28,
    ] {
        let mut drive = Drive::new(revision, vec![server.clone().unsealed_state()]);
        let result = drive
            .run::<mcp_proto::model::method::CallTool>(&params)
            .unwrap();
        assert_eq!(
            result["structuredContent"],
            json!({"name": "my name", "deps": 7, "client": "client"}),
            "{revision}"
        );
    }
}

#[test]
fn v7_a_request_before_the_opening_is_refused_and_a_ping_is_not() {
    // `lifecycle.pre.recv`
    let request = |method: &str| json!({"jsonrpc": "2.0", "id": 1, "method": method});
    let sent = frames(&poet(), None, &[request("tools/list"), request("ping")]);
    assert!(sent[0]["error"]["code"].is_i64(), "{sent:?}");
    assert_eq!(sent[1]["result"], json!({}));
    let list = json!({"jsonrpc": "2.0", "id": 2, "method": "tools/list"});
    let sent = frames(&poet(), None, &[initialize("2025-06-18"), list]);
    assert_eq!(
        sent[1]["result"]["tools"][0]["name"], "poet",
        "it is open as soon as it has answered"
    );
}

#[test]
fn v8_capabilities_are_those_of_what_is_offered() {
    // `caps.server.must.declare`
    let declared = |server: &Server| {
        let sent = frames(server, None, &[initialize("2025-11-25")]);
        sent[0]["result"]["capabilities"].clone()
    };
    assert_eq!(declared(&Server::new("s", "1")), json!({"logging": {}}));
    assert_eq!(
        declared(&poet()),
        json!({"logging": {}, "tools": {"listChanged": true}})
    );
}

#[test]
fn v9_a_version_that_nobody_knows_is_answered_with_the_latest() {
    // `lifecycle.ver.other`, `lifecycle.ver.nomodern`
    let sent = frames(&poet(), None, &[initialize("1999-01-01")]);
    assert_eq!(sent[0]["result"]["protocolVersion"], "2025-11-25");
}

#[test]
fn v10_a_client_without_the_capability_is_named_in_the_tools_error() {
    let ask = |context: &Context, what: Value| -> Result<(), HandlerError> {
        match what["what"].as_str() {
            Some("sampling") => {
                let params = CreateMessageParams::new(vec![SamplingMessage::user("hi")], 9);
                context.sample("s", &params).map(drop)?;
            }
            Some("roots") => context.roots().map(drop)?,
            _ => {
                let form = ElicitRequestFormParams::new("?").required("a", StringSchema::new());
                context.elicit::<Value>("e", form).map(drop)?;
            }
        }
        Ok(())
    };
    for (what, told) in [
        ("sampling", "Sampling not supported"),
        ("elicitation", "Elicitation not supported"),
        ("roots", "List roots not supported"),
    ] {
        let arguments = json!({"what": what}).to_string();
        for revision in [Revision::V2025_06_18, Revision::V2025_11_25] {
            let mut drive = unable(revision, Server::new("s", "1").tool(tool("t"), ask));
            let result = drive.call("t", &arguments).unwrap();
            assert_eq!(text(&result), format!("Error executing tool t: {told}"));
        }
        // `mrtr.caps`
        let server = Server::new("s", "1").tool(tool("t"), ask);
        let mut drive = unable(Revision::V2026_07_28, server);
        let error = drive.call("t", &arguments).unwrap_err();
        assert!(error.contains("-32021"), "{error}");
    }
}

#[test]
fn v10_a_client_that_refuses_is_quoted_in_the_tools_error() {
    for revision in [Revision::V2024_11_05, Revision::V2025_11_25] {
        let mut drive = Drive::new(revision, vec![poet()]);
        drive.refuses = Some("Sampling not supported");
        let result = drive.call("poet", r#"{"theme":"socks"}"#).unwrap();
        assert_eq!(
            text(&result),
            "Error executing tool poet: Sampling not supported"
        );
    }
}

#[test]
fn v11_a_conversation_goes_in_and_a_text_comes_out() {
    let server = Server::new("s", "1").tool(tool("t"), |context: &Context, more: Value| {
        let mut conversation = SamplingRequest::new()
            .user("Hello")
            .assistant("Hi")
            .user("Bye");
        if more["all"].is_object() {
            conversation = conversation
                .system("Be ")
                .system("brief")
                .max_tokens(7)
                .temperature(0.0)
                .stop_sequences(["stop".to_string()])
                .user_image(&[1, 2], "image/png");
        }
        let written = conversation.reply(context, "reply")?;
        Ok(format!("{} by {}", written.text, written.model))
    });
    let mut drive = Drive::new(Revision::V2025_11_25, vec![server]);
    let result = drive.call("t", "{}").unwrap();
    assert_eq!(text(&result), "a verse of 16384 by a model");
    assert_eq!(
        drive.sent("sampling/createMessage")[0]["params"],
        json!({"maxTokens": 16384, "systemPrompt": "", "messages": [
            {"role": "user", "content": {"type": "text", "text": "Hello"}},
            {"role": "assistant", "content": {"type": "text", "text": "Hi"}},
            {"role": "user", "content": {"type": "text", "text": "Bye"}}]})
    );
    drive.call("t", r#"{"all":{}}"#).unwrap();
    let asked = &drive.sent("sampling/createMessage")[1]["params"];
    assert_eq!(asked["systemPrompt"], "Be brief");
    assert_eq!(asked["maxTokens"], 7);
    assert_eq!(asked["temperature"], json!(0));
    assert_eq!(asked["stopSequences"], json!(["stop"]));
    assert_eq!(asked["messages"][3]["content"]["type"], "image");
    drive.speaker = "user".into();
    let result = drive.call("t", "{}").unwrap();
    assert_eq!(
        text(&result),
        "Error executing tool t: Unexpected result from MCP sampling, expected \"assistant\" role, got user."
    );
}

#[test]
fn v13_the_client_is_asked_for_a_rhyme_about_the_theme() {
    let mut drive = Drive::new(Revision::V2025_06_18, vec![poet()]);
    drive.call("poet", r#"{"theme":"socks"}"#).unwrap();
    let asked = &drive.sent("sampling/createMessage")[0]["params"];
    assert_eq!(asked["systemPrompt"], "always reply in rhyme");
    assert_eq!(asked["maxTokens"], 16384);
    let said =
        json!({"role": "user", "content": {"type": "text", "text": "write a poem about socks"}});
    assert_eq!(asked["messages"], json!([said]));
}
