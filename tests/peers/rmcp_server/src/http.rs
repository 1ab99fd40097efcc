//! A fixture server on rmcp over Streamable HTTP, as it comes: what `examples/stdio_client --script rmcp`
//! visits and what hostile requests are sent to. `rmcp-http PORT`.

#![allow(deprecated, reason = "sampling and logging are")]

use std::time::Duration;

use rmcp::handler::server::tool::InputResponses;
use rmcp::handler::server::wrapper::Parameters;
use rmcp::model::{
    CallToolResponse, CompleteRequestParams, CompleteResult, CompletionInfo,
    CreateMessageRequestParams, Implementation, ListResourceTemplatesResult, ListResourcesResult,
    LoggingLevel, LoggingMessageNotificationParam, PaginatedRequestParams, PromptMessage,
    ReadResourceRequestParams, ReadResourceResponse, ReadResourceResult, Resource,
    ResourceContents, ResourceTemplate, Role, SamplingMessage, ServerCapabilities, ServerConfig,
    SetLevelRequestParams, SubscribeRequestParams, SubscriptionFilter, UnsubscribeRequestParams,
};
use rmcp::schemars::{self, JsonSchema};
use rmcp::service::RequestContext;
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};
use rmcp::{
    ErrorData, RoleServer, ServerHandler, elicit_safe, prompt, prompt_handler, prompt_router, tool,
    tool_handler, tool_router,
};
use rmcp_server::{failed, fill_in, internal, progress, said, write};
use serde::Deserialize;

#[derive(Deserialize, JsonSchema)]
struct Prompted {
    prompt: String,
}

#[derive(Deserialize, JsonSchema)]
struct Asked {
    message: String,
}

#[derive(Deserialize, JsonSchema)]
struct Response {
    response: String,
}
elicit_safe!(Response);

#[derive(Deserialize, JsonSchema)]
struct Sleep {
    seconds: f64,
}

#[derive(Deserialize, JsonSchema)]
struct Both {
    arg1: String,
    arg2: String,
}

#[derive(Clone)]
struct Fixture;

#[tool_router]
impl Fixture {
    #[tool]
    fn echo(&self) -> String {
        "echo".to_owned()
    }

    #[tool]
    fn test_simple_text(&self) -> String {
        "This is a simple text response for testing.".to_owned()
    }

    #[tool]
    fn test_error_handling(&self) -> CallToolResponse {
        failed("This tool intentionally returns an error for testing")
    }

    #[tool]
    async fn test_tool_with_progress(&self, context: RequestContext<RoleServer>) -> String {
        progress(&context, [0.0, 50.0, 100.0].into_iter(), 100.0).await;
        "progressed".to_owned()
    }

    #[tool]
    async fn test_tool_with_logging(&self, context: RequestContext<RoleServer>) -> String {
        for text in ["started", "processing", "completed"] {
            let message = LoggingMessageNotificationParam::new(LoggingLevel::Info, text.into());
            let _ = context.peer.notify_logging_message(message).await;
        }
        "logged".to_owned()
    }

    #[tool]
    async fn test_sampling(
        &self,
        Parameters(Prompted { prompt }): Parameters<Prompted>,
        responses: InputResponses,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let message = SamplingMessage::user_text(prompt);
        let params = CreateMessageRequestParams::new(vec![message], 50);
        let written = write("llm", params, responses, &context).await?;
        let said_it = |text| said(format!("LLM response: {text}"));
        Ok(written.map_or_else(|not_yet| not_yet, said_it))
    }

    #[tool]
    async fn test_elicitation(
        &self,
        Parameters(Asked { message }): Parameters<Asked>,
        responses: InputResponses,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let answer = fill_in::<Response>("user", message, responses, &context).await?;
        let said_it = |answer: Response| said(format!("User response: {}", answer.response));
        Ok(answer.map_or_else(|not_yet| not_yet, said_it))
    }

    #[tool]
    async fn slow(
        &self,
        Parameters(Sleep { seconds }): Parameters<Sleep>,
        context: RequestContext<RoleServer>,
    ) -> String {
        tokio::select! {
            () = tokio::time::sleep(Duration::from_secs_f64(seconds)) => "slept".to_owned(),
            () = context.ct.cancelled() => "woken".to_owned(),
        }
    }
}

#[prompt_router]
impl Fixture {
    #[prompt]
    fn test_simple_prompt(&self) -> Vec<PromptMessage> {
        let text = "This is a simple prompt for testing.";
        vec![PromptMessage::new_text(Role::User, text)]
    }

    #[prompt]
    fn test_prompt_with_arguments(
        &self,
        Parameters(Both { arg1, arg2 }): Parameters<Both>,
    ) -> Vec<PromptMessage> {
        let text = format!("Prompt with arguments: arg1='{arg1}', arg2='{arg2}'");
        vec![PromptMessage::new_text(Role::User, text)]
    }
}

#[tool_handler]
#[prompt_handler]
impl ServerHandler for Fixture {
    fn get_info(&self) -> ServerConfig {
        let capabilities = ServerCapabilities::builder()
            .enable_tools()
            .enable_tool_list_changed()
            .enable_prompts()
            .enable_resources()
            .enable_resources_subscribe()
            .enable_completions()
            .enable_logging()
            .build();
        ServerConfig::new(capabilities).with_server_info(Implementation::new("rmcp-fixture", "0"))
    }

    async fn list_resources(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListResourcesResult, ErrorData> {
        let resource = Resource::new("test://static-text", "static_text");
        Ok(ListResourcesResult::with_all_items(vec![resource]))
    }

    async fn list_resource_templates(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListResourceTemplatesResult, ErrorData> {
        let template = ResourceTemplate::new("test://template/{id}/data", "template");
        Ok(ListResourceTemplatesResult::with_all_items(vec![template]))
    }

    async fn read_resource(
        &self,
        request: ReadResourceRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<ReadResourceResponse, ErrorData> {
        let text = match request.uri.as_str() {
            "test://static-text" => "This is the content of the static text resource.",
            uri if uri.starts_with("test://template/") => r#"{"templateTest":true}"#,
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
        let typed = &request.argument.value;
        let words = ["paris", "park", "party"].into_iter();
        let found = words.filter(|word| word.starts_with(typed.as_str()));
        let found = CompletionInfo::with_all_values(found.map(String::from).collect());
        Ok(CompleteResult::new(found.map_err(internal)?))
    }

    async fn set_level(
        &self,
        _: SetLevelRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        Ok(())
    }

    async fn subscribe(
        &self,
        _: SubscribeRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        Ok(())
    }

    async fn unsubscribe(
        &self,
        _: UnsubscribeRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        Ok(())
    }

    fn accepted_subscription_filter(
        &self,
        requested: &SubscriptionFilter,
    ) -> Option<SubscriptionFilter> {
        Some(requested.supported_by(&self.get_info().capabilities))
    }
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let port = std::env::args().nth(1).unwrap_or_default().parse::<u16>()?;
    let service: StreamableHttpService<Fixture, LocalSessionManager> = StreamableHttpService::new(
        || Ok(Fixture),
        Default::default(),
        StreamableHttpServerConfig::default(),
    );
    let app = axum::Router::new().route_service("/mcp", service);
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await?;
    Ok(axum::serve(listener, app).await?)
}
