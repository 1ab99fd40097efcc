//! A server on rmcp whose tools are tasks of the extension, over the standard streams, for clients of ours:
//! `cargo run --example start_task -- FILE sum '{}' rmcp-tasks`.

use std::time::Duration;

use rmcp::model::*;
use rmcp::service::{RequestContext, RoleServer};
use rmcp::task_manager::{TaskExit, TaskManager, TaskOptions};
use rmcp::transport::stdio;
use rmcp::{ErrorData, ServerHandler, ServiceExt};
use serde_json::json;

#[derive(Clone)]
struct Server(TaskManager);

impl ServerHandler for Server {
    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let schema = serde_json::from_value::<JsonObject>(json!({"type": "object"})).unwrap();
        let tool = |name: &'static str| Tool::new(name, "a task", schema.clone());
        Ok(ListToolsResult::with_all_items(
            ["sum", "ask", "endless", "fails"].map(tool).to_vec(),
        ))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let name = request.name.to_string();
        let options = TaskOptions::new().with_poll_interval_ms(20);
        let task = self.0.spawn(options, move |context| {
            Box::pin(async move {
                let said = |text: &str| CallToolResult::success(vec![ContentBlock::text(text)]);
                match name.as_str() {
                    "ask" => {
                        let form = json!({"method": "elicitation/create", "params": {
                            "mode": "form", "message": "Who?",
                            "requestedSchema": {"type": "object", "properties": {"name": {"type": "string"}}},
                        }});
                        let asked: InputRequest = serde_json::from_value(form).unwrap();
                        let answer = context.request_input("who", asked).await?;
                        Ok(said(answer["content"]["name"].as_str().unwrap_or("nobody")))
                    }
                    "endless" => {
                        context.cancelled().await;
                        Err(TaskExit::Cancelled)
                    }
                    "fails" => Err(ErrorData::internal_error("broken", None).into()),
                    _ => {
                        tokio::time::sleep(Duration::from_millis(50)).await;
                        Ok(said("42"))
                    }
                }
            })
        });
        Ok(CallToolResponse::Task(CreateTaskResult::new(task)))
    }

    async fn get_task(
        &self,
        request: GetTaskParams,
        _: RequestContext<RoleServer>,
    ) -> Result<GetTaskResult, ErrorData> {
        Ok(GetTaskResult::new(self.0.get_task(&request.task_id)?))
    }

    async fn update_task(
        &self,
        request: UpdateTaskParams,
        _: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        self.0
            .update_task(&request.task_id, request.input_responses)
    }

    async fn cancel_task(
        &self,
        request: CancelTaskParams,
        _: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        self.0.cancel_task(&request.task_id)
    }

    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(
            ServerCapabilities::builder()
                .enable_tools()
                .enable_tasks()
                .build(),
        )
    }
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    Server(TaskManager::new())
        .serve(stdio())
        .await?
        .waiting()
        .await?;
    Ok(())
}
