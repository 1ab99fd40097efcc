//! The client under test of the official conformance suite, which gives the URL of a server and names
//! the scenario: `conformance_client URL`

#![allow(
    clippy::disallowed_methods,
    reason = "a program reads its arguments and its environment"
)]

mod authorize;

use std::env;
use std::error::Error;

use mcp_proto::ClientOptions;
use mcp_proto::client::ToolCall;
use mcp_proto::io::http::Remote;
use mcp_proto::io::nonblocking::AsyncClient;
use mcp_proto::model::elicitation::{ElicitParams, ElicitResult};
use mcp_proto::model::owned::IntoOwned;
use mcp_proto::model::prompt::GetPromptParams;
use mcp_proto::model::schema::PrimitiveSchemaDefinition;
use mcp_proto::rpc::RpcError;
use serde::Deserialize;
use serde_json::{Map, Value, json};

type Done = Result<(), Box<dyn Error>>;

fn main() -> Done {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let url = env::args()
            .next_back()
            .ok_or("usage: conformance_client URL")?;
        let scenario = env::var("MCP_CONFORMANCE_SCENARIO")?;
        let options = ClientOptions::new("conformance-client", env!("CARGO_PKG_VERSION"))
            .elicitation(fill_in);
        let remote = Remote::new(url).auth(authorize::authorization(&scenario)?);
        let (client, driver) = AsyncClient::url(options, remote);
        tokio::spawn(driver);
        client.open().await?;
        run(&client, &scenario).await?;
        Ok(client.close().await?)
    })
}

async fn run(client: &AsyncClient, scenario: &str) -> Done {
    match scenario {
        "initialize" => Ok(()),
        "tools_call" => call(client, "add_numbers", json!({"a": 5, "b": 3})).await,
        "elicitation-sep1034-client-defaults" => {
            call(client, "test_client_elicitation_defaults", json!({})).await
        }
        "sse-retry" => call(client, "test_reconnection", json!({})).await,
        "sep-2322-client-request-state" => {
            for tool in ["echo_state", "no_state", "unrelated", "no_result_type"] {
                call(client, &format!("test_mrtr_{tool}"), json!({})).await?;
            }
            Ok(())
        }
        "json-schema-2020-12-preservation" => echo_schema(client).await,
        "http-custom-headers" => call_as_told(client).await,
        "http-invalid-tool-headers" => {
            call(client, "valid_tool", json!({"region": "us-west1"})).await
        }
        "sep-2640-client-no-prefetch" => client.list_skills().await.map(drop).map_err(Into::into),
        _ if scenario.starts_with("sep-2640-") => load_skills(client).await,
        _ if scenario.starts_with("auth/") => call(client, "test-tool", json!({})).await,
        _ => everything(client).await,
    }
}

/// Lists the tools, as every host does, and calls one.
async fn call(client: &AsyncClient, tool: &str, arguments: Value) -> Done {
    client.list_tools().await?;
    client.call_tool(tool, arguments).await?;
    Ok(())
}

/// Calls, reads and gets all that there is.
async fn everything(client: &AsyncClient) -> Done {
    for tool in client.list_tools().await?.iter() {
        let needs = tool.input_schema.decode::<Needs>().unwrap_or_default();
        if needs.required.is_empty() {
            client.call_tool(&tool.name, json!({})).await?;
        }
    }
    for resource in client.list_resources().await?.iter() {
        client.read_resource(&resource.uri).await?;
    }
    for prompt in client.list_prompts().await?.iter() {
        let params = GetPromptParams::new(prompt.name.to_string());
        client.get_prompt(params).await?;
    }
    Ok(())
}

/// Reads all files of all skills, SKILL.md first, up to one that isn't what its entry says.
async fn load_skills(client: &AsyncClient) -> Done {
    for skill in client.list_skills().await?.iter() {
        client.read_skill_file(skill, &skill.uri).await?;
        for file in skill.files() {
            client.read_skill_file(skill, &file.uri).await?;
        }
    }
    Ok(())
}

#[derive(Default, Deserialize)]
struct Needs {
    #[serde(default)]
    required: Vec<String>,
}

/// Sends a schema back as it came.
async fn echo_schema(client: &AsyncClient) -> Done {
    let tools = client.list_tools().await?;
    let focal = tools
        .iter()
        .find(|tool| tool.name == "json_schema_2020_12_tool");
    let schema = &focal
        .ok_or("the tool with the schema is missing")?
        .input_schema;
    client
        .call_tool("json_schema_echo", json!({"schema": schema}))
        .await?;
    Ok(())
}

/// Makes the calls that the suite has listed.
async fn call_as_told(client: &AsyncClient) -> Done {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Told {
        tool_calls: Vec<One>,
    }
    #[derive(Deserialize)]
    struct One {
        name: String,
        arguments: Map<String, Value>,
    }
    let told: Told = serde_json::from_str(&env::var("MCP_CONFORMANCE_CONTEXT")?)?;
    client.list_tools().await?;
    for One { name, arguments } in told.tool_calls {
        client
            .call(ToolCall::new(name).arguments(arguments)?)
            .await?;
    }
    Ok(())
}

/// Accepts a form with its defaults, and says yes where it has none.
fn fill_in(params: ElicitParams<'static>) -> Result<ElicitResult<'static>, RpcError> {
    let ElicitParams::Form(form) = params else {
        return Ok(ElicitResult::decline());
    };
    let mut content = form.defaults();
    for (name, field) in form.requested_schema.properties.iter() {
        if content.get(name).is_none() && matches!(field, PrimitiveSchemaDefinition::Boolean(_)) {
            content = content.with(name.to_owned(), true);
        }
    }
    Ok(ElicitResult::accept(content).into_owned())
}
