//! The server of `rmcp`, its handler written by hand, which costs less than the macros' router.

use std::sync::{Arc, LazyLock};

use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, Implementation,
    ListToolsResult, PaginatedRequestParams, ServerCapabilities, ServerConfig, SubscriptionFilter,
    Tool,
};
use rmcp::service::{RequestContext, SubscriptionContext};
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};
use rmcp::{ErrorData, RoleServer, ServerHandler};
use tokio::sync::broadcast;

static CHANGES: LazyLock<broadcast::Sender<()>> = LazyLock::new(|| broadcast::channel(64).0);

#[derive(Clone)]
pub struct Echo(Arc<Vec<Tool>>);

impl ServerHandler for Echo {
    fn get_info(&self) -> ServerConfig {
        let capabilities = ServerCapabilities::builder()
            .enable_tools()
            .enable_tool_list_changed()
            .build();
        ServerConfig::new(capabilities)
            .with_server_info(Implementation::new("bench-server", "1.0.0"))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        if request.name != "echo" {
            return Err(ErrorData::invalid_params("unknown tool", None));
        }
        let arguments = request.arguments.as_ref();
        let message = arguments.and_then(|arguments| arguments.get("message"));
        let message = message.and_then(|message| message.as_str());
        let content = ContentBlock::text(message.unwrap_or_default());
        Ok(CallToolResult::success(vec![content]).into())
    }

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        Ok(ListToolsResult::with_all_items(self.0.to_vec()))
    }

    fn accepted_subscription_filter(
        &self,
        filter: &SubscriptionFilter,
    ) -> Option<SubscriptionFilter> {
        Some(filter.clone())
    }

    async fn listen(&self, context: SubscriptionContext) -> Result<(), ErrorData> {
        let mut changes = CHANGES.subscribe();
        while changes.recv().await.is_ok() {
            if context.sink().notify_tool_list_changed().await.is_err() {
                break;
            }
        }
        Ok(())
    }
}

pub type Service = StreamableHttpService<Echo, LocalSessionManager>;

fn service(options: StreamableHttpServerConfig) -> Service {
    let schema = serde_json::json!({
        "type": "object",
        "properties": {"message": {"type": "string"}},
        "required": ["message"],
    });
    let serde_json::Value::Object(schema) = schema else {
        unreachable!("it is an object");
    };
    let echo = Echo(Arc::new(vec![Tool::new(
        "echo",
        "Echoes.",
        Arc::new(schema),
    )]));
    StreamableHttpService::new(move || Ok(echo.clone()), Arc::default(), options)
}

/// Each request is served by itself, with JSON where it can be.
pub fn stateless() -> Service {
    let options = StreamableHttpServerConfig::default();
    service(
        options
            .with_legacy_session_mode(false)
            .with_json_response(true),
    )
}

/// Legacy clients have sessions.
pub fn stateful() -> Service {
    service(StreamableHttpServerConfig::default())
}

pub fn tell() {
    let _ = CHANGES.send(());
}
