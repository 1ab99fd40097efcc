//! What `examples/everything_server.rs` does, on rmcp with its macros: the same tools, resources and
//! prompt, in both eras. Served over the standard streams.

#![allow(deprecated, reason = "sampling is")]

use rmcp::handler::server::tool::InputResponses;
use rmcp::handler::server::wrapper::{Json, Parameters};
use rmcp::model::{
    CallToolResponse, CompleteRequestParams, CompleteResult, CompletionInfo,
    CreateMessageRequestParams, Implementation, ListResourceTemplatesResult, ListResourcesResult,
    PaginatedRequestParams, PromptMessage, ReadResourceRequestParams, ReadResourceResponse,
    ReadResourceResult, Resource, ResourceContents, ResourceTemplate, Role, SamplingMessage,
    ServerCapabilities, ServerConfig,
};
use rmcp::schemars::{self, JsonSchema};
use rmcp::service::RequestContext;
use rmcp::transport::stdio;
use rmcp::{
    ErrorData, RoleServer, ServerHandler, ServiceExt, elicit_safe, prompt, prompt_handler,
    prompt_router, tool, tool_handler, tool_router,
};
use rmcp_server::{fill_in, internal, progress, said, write};
use serde::{Deserialize, Serialize};

#[derive(Deserialize, JsonSchema)]
struct Add {
    a: f64,
    b: f64,
}

#[derive(Deserialize, JsonSchema)]
struct City {
    city: String,
}

#[derive(Serialize, JsonSchema)]
struct Weather {
    celsius: f64,
    sky: String,
}

#[derive(Deserialize, JsonSchema)]
struct Count {
    to: u32,
}

#[derive(Deserialize, JsonSchema)]
struct Order {
    item: String,
}

#[derive(Deserialize, JsonSchema)]
struct Size {
    /// Small, medium or large.
    size: String,
}
elicit_safe!(Size);

#[derive(Deserialize, JsonSchema)]
struct Poem {
    about: String,
}

#[derive(Deserialize, JsonSchema)]
struct Greet {
    name: String,
    language: Option<String>,
}

#[derive(Clone)]
struct Everything;

#[tool_router]
impl Everything {
    /// Adds two numbers.
    #[tool]
    fn add(&self, Parameters(Add { a, b }): Parameters<Add>) -> String {
        (a + b).to_string()
    }

    /// Tells the weather in a city.
    #[tool]
    fn weather(&self, Parameters(City { city }): Parameters<City>) -> Json<Weather> {
        Json(Weather {
            celsius: city.len() as f64,
            sky: "clear".into(),
        })
    }

    /// Counts up to a number.
    #[tool]
    async fn count(
        &self,
        Parameters(Count { to }): Parameters<Count>,
        context: RequestContext<RoleServer>,
    ) -> String {
        progress(&context, (1..=to).map(f64::from), to.into()).await;
        format!("Counted to {to}.")
    }

    /// Orders something, once the user has said in which size.
    #[tool]
    async fn order(
        &self,
        Parameters(Order { item }): Parameters<Order>,
        responses: InputResponses,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let size = fill_in::<Size>("size", format!("Which {item}?"), responses, &context).await?;
        Ok(size.map_or_else(
            |not_yet| not_yet,
            |Size { size }| said(format!("A {size} {item}")),
        ))
    }

    /// Has the client's model write a poem.
    #[tool]
    async fn poem(
        &self,
        Parameters(Poem { about }): Parameters<Poem>,
        responses: InputResponses,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let message = SamplingMessage::user_text(format!("A poem about {about}"));
        let params = CreateMessageRequestParams::new(vec![message], 100);
        let written = write("poem", params, responses, &context).await?;
        Ok(written.map_or_else(|not_yet| not_yet, said))
    }
}

#[prompt_router]
impl Everything {
    /// Greets somebody.
    #[prompt]
    fn greet(&self, Parameters(greet): Parameters<Greet>) -> Vec<PromptMessage> {
        let language = greet.language.as_deref().unwrap_or("English");
        let text = format!("Greet {} in {language}.", greet.name);
        vec![PromptMessage::new_text(Role::User, text)]
    }
}

#[tool_handler]
#[prompt_handler]
impl ServerHandler for Everything {
    fn get_info(&self) -> ServerConfig {
        let capabilities = ServerCapabilities::builder()
            .enable_tools()
            .enable_prompts()
            .enable_resources()
            .enable_completions()
            .build();
        ServerConfig::new(capabilities).with_server_info(Implementation::new("everything", "1.0"))
    }

    async fn list_resources(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListResourcesResult, ErrorData> {
        let resource = Resource::new("notes://today", "today")
            .with_description("What is on today.")
            .with_mime_type("text/plain");
        Ok(ListResourcesResult::with_all_items(vec![resource]))
    }

    async fn list_resource_templates(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListResourceTemplatesResult, ErrorData> {
        let template = ResourceTemplate::new("notes://{day}", "notes")
            .with_description("What was on that day.");
        Ok(ListResourceTemplatesResult::with_all_items(vec![template]))
    }

    async fn read_resource(
        &self,
        request: ReadResourceRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<ReadResourceResponse, ErrorData> {
        let text = match request.uri.strip_prefix("notes://") {
            Some("today") => "Nothing.".to_owned(),
            Some(day) if !day.contains('/') => format!("Nothing on {day}."),
            _ => return Err(ErrorData::resource_not_found("Resource not found", None)),
        };
        let contents = ResourceContents::text(text, request.uri);
        Ok(ReadResourceResult::new(vec![contents]).into())
    }

    async fn complete(
        &self,
        request: CompleteRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<CompleteResult, ErrorData> {
        let (of, typed) = (&request.argument.name, &request.argument.value);
        let is_language = of == "language" && request.r#ref.as_prompt_name() == Some("greet");
        let languages = ["English", "French"].into_iter();
        let found =
            languages.filter(|language| is_language && language.starts_with(typed.as_str()));
        let found = CompletionInfo::with_all_values(found.map(String::from).collect());
        let found = found.map_err(internal)?;
        Ok(CompleteResult::new(found))
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    Everything.serve(stdio()).await?.waiting().await?;
    Ok(())
}
