//! rmcp's client against the tasks of `examples/conformance_server`, over HTTP or its standard streams:
//! `rmcp-tasks-client URL` or `rmcp-tasks-client PROGRAM [ARGUMENT..]`.
//!
//! rmcp knows the tasks of 2026-07-28. For those of 2025-11-25 it has no words any more: requests of that revision
//! are written by hand here, and rmcp carries them. What it takes for a result of 2026-07-28 it hands on without the
//! members that only 2025-11-25 has, such as `ttl`.

use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use rmcp::model::*;
use rmcp::service::{ClientLifecycleMode, ClientServiceExt, RoleClient, RunningService};
use rmcp::transport::{StreamableHttpClientTransport, TokioChildProcess};
use rmcp::{ServiceError, model::ErrorCode};
use serde_json::{Value, json};

type Client = RunningService<RoleClient, ClientConfig>;

/// Where the server is.
struct Server(Vec<String>);

impl Server {
    async fn visit(&self, lifecycle: ClientLifecycleMode, has_tasks: bool) -> Result<Client> {
        let capabilities = ClientCapabilities::builder().enable_elicitation();
        let capabilities = match has_tasks {
            true => capabilities.enable_tasks().build(),
            false => capabilities.build(),
        };
        let client = ClientConfig::new(capabilities, Implementation::new("rmcp", "3.11"));
        let program = &self.0[0];
        Ok(if program.starts_with("http://") {
            let transport = StreamableHttpClientTransport::from_uri(program.as_str());
            client.serve_with_lifecycle(transport, lifecycle).await?
        } else {
            let mut command = tokio::process::Command::new(program);
            command.args(&self.0[1..]);
            let transport = TokioChildProcess::new(command)?;
            client.serve_with_lifecycle(transport, lifecycle).await?
        })
    }
}

fn modern() -> ClientLifecycleMode {
    ClientLifecycleMode::Discover {
        preferred_versions: vec![ProtocolVersion::V_2026_07_28],
    }
}

fn call(tool: &'static str, arguments: Value) -> CallToolRequestParams {
    let arguments = serde_json::from_value::<JsonObject>(arguments).unwrap();
    CallToolRequestParams::new(tool).with_arguments(arguments)
}

/// Calls a tool that has to become a task.
async fn start(client: &Client, tool: &'static str, arguments: Value) -> Result<Task> {
    match client.call_tool_once(call(tool, arguments)).await? {
        CallToolResponse::Task(created) => Ok(created.task),
        other => bail!("{tool} is no task: {other:?}"),
    }
}

/// The task once it is other than working.
async fn settled(client: &Client, id: &str) -> Result<DetailedTask> {
    loop {
        let found = client.peer().get_task(GetTaskParams::new(id)).await?;
        if found.task.status() != TaskStatus::Working {
            return Ok(found.task);
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn text_of(task: DetailedTask) -> Result<(String, bool)> {
    let TaskPayload::Completed { result } = task.payload else {
        bail!("it has not completed: {task:?}");
    };
    text_in(serde_json::from_value(Value::Object(result))?)
}

fn text_in(result: CallToolResult) -> Result<(String, bool)> {
    let text = result.content.first().and_then(|it| it.as_text());
    let text = text.context("no text")?.text.clone();
    Ok((text, result.is_error == Some(true)))
}

/// The code of the error that something has to end in.
fn code_of<T>(result: Result<T, ServiceError>) -> Result<i32> {
    match result {
        Err(ServiceError::McpError(error)) => Ok(error.code.0),
        Err(other) => bail!("another error: {other}"),
        Ok(_) => bail!("no error"),
    }
}

async fn modern_tasks(server: &Server) -> Result<()> {
    let client = server.visit(modern(), true).await?;
    let declared = client.peer_info().context("no server")?;
    ensure!(
        declared.capabilities.supports_tasks(),
        "no tasks are declared"
    );

    let job = json!({"seconds": 0.2, "label": "it"});
    let task = start(&client, "slow_compute", job).await?;
    ensure!(
        task.status == TaskStatus::Working && task.ttl_ms.is_some(),
        "{task:?}"
    );
    let done = text_of(settled(&client, &task.task_id).await?)?;
    ensure!(done == ("it took 0.2 s".into(), false), "{done:?}");

    asks(&client).await?;

    let task = start(&client, "failing_job", json!({})).await?;
    let (_, is_error) = text_of(settled(&client, &task.task_id).await?)?;
    ensure!(is_error, "a tool that fails");
    let task = start(&client, "protocol_error_job", json!({})).await?;
    let TaskPayload::Failed { error } = settled(&client, &task.task_id).await?.payload else {
        bail!("it has not failed");
    };
    ensure!(error["code"] == ErrorCode::INTERNAL_ERROR.0, "{error:?}");

    cancels(&client).await?;

    let unknown = client.peer().get_task(GetTaskParams::new("nobody's")).await;
    ensure!(code_of(unknown)? == ErrorCode::INVALID_PARAMS.0);
    let greet = call("greet", json!({"name": "Ann"}));
    let CallToolResponse::Complete(result) = client.call_tool_once(greet).await? else {
        bail!("a tool that is never a task");
    };
    ensure!(text_in(result)?.0 == "Hello, Ann!");
    client.cancel().await?;
    Ok(())
}

async fn asks(client: &Client) -> Result<()> {
    let task = start(client, "multi_input", json!({})).await?;
    let id = task.task_id.as_str();
    let TaskPayload::InputRequired { input_requests } = settled(client, id).await?.payload else {
        bail!("it asks nothing");
    };
    ensure!(input_requests.len() == 2, "{input_requests:?}");
    let answer = |content: Value| json!({"action": "accept", "content": content});
    let mut answers = InputResponses::new();
    answers.insert("name".into(), answer(json!({"name": "Ann"})));
    answers.insert("nobody asked".into(), answer(json!({})));
    let update = UpdateTaskParams::new(id, answers);
    client.peer().update_task(update).await?;
    let TaskPayload::InputRequired { input_requests } = settled(client, id).await?.payload else {
        bail!("it goes on with half of the answers");
    };
    ensure!(input_requests.keys().eq(["confirm"]), "{input_requests:?}");
    let mut answers = InputResponses::new();
    answers.insert("confirm".into(), answer(json!({"confirm": true})));
    let update = UpdateTaskParams::new(id, answers);
    client.peer().update_task(update.clone()).await?;
    let done = text_of(settled(client, id).await?)?;
    ensure!(done == ("Ann is sure: true".into(), false), "{done:?}");
    // An answer that comes late changes nothing.
    client.peer().update_task(update).await?;
    ensure!(settled(client, id).await?.status() == TaskStatus::Completed);
    Ok(())
}

async fn cancels(client: &Client) -> Result<()> {
    let task = start(client, "slow_compute", json!({"seconds": 60})).await?;
    let cancel = || {
        client
            .peer()
            .cancel_task(CancelTaskParams::new(task.task_id.as_str()))
    };
    cancel().await?;
    let ended = settled(client, &task.task_id).await?;
    ensure!(ended.status() == TaskStatus::Cancelled, "{ended:?}");
    cancel().await?;
    ensure!(settled(client, &task.task_id).await? == ended);
    Ok(())
}

/// A client that says nothing of tasks has the result itself, and no word about tasks.
async fn without_tasks(server: &Server, lifecycle: ClientLifecycleMode) -> Result<()> {
    let client = server.visit(lifecycle, false).await?;
    let job = call("slow_compute", json!({"seconds": 0.1, "label": "it"}));
    let CallToolResponse::Complete(result) = client.call_tool_once(job).await? else {
        bail!("it is a task");
    };
    ensure!(text_in(result)?.0 == "it took 0.1 s");
    let must = client.call_tool_once(call("failing_job", json!({}))).await;
    ensure!(code_of(must).is_ok(), "a tool that must be a task");
    client.cancel().await?;
    Ok(())
}

/// What 2025-11-25 says of tasks, carried by rmcp.
async fn legacy_tasks(server: &Server) -> Result<()> {
    let client = server.visit(ClientLifecycleMode::Initialize, false).await?;
    let ask = async |method: &str, params: Value| -> Result<Value, ServiceError> {
        let request = CustomRequest::new(method, Some(params));
        let answer = client
            .send_request(ClientRequest::CustomRequest(request))
            .await?;
        Ok(serde_json::to_value(answer).unwrap())
    };
    let start = async |seconds: f64| {
        let arguments = json!({"seconds": seconds, "label": "it"});
        let params =
            json!({"name": "slow_compute", "arguments": arguments, "task": {"ttl": 60_000}});
        let created = ask("tools/call", params).await?;
        let id = created["task"]["taskId"].as_str().map(str::to_owned);
        id.with_context(|| format!("no task: {created}"))
    };
    let id = start(0.2).await?;
    let found = ask("tasks/get", json!({"taskId": id})).await?;
    ensure!(found["taskId"] == id, "{found}");
    let result = ask("tasks/result", json!({"taskId": id})).await?;
    ensure!(result["content"][0]["text"] == "it took 0.2 s", "{result}");
    let related = &result["_meta"]["io.modelcontextprotocol/related-task"];
    ensure!(related["taskId"] == id, "{result}");
    let found = ask("tasks/get", json!({"taskId": id})).await?;
    ensure!(found["status"] == "completed", "{found}");

    let id = start(60.0).await?;
    let cancelled = ask("tasks/cancel", json!({"taskId": id})).await?;
    ensure!(cancelled["status"] == "cancelled", "{cancelled}");
    let again = ask("tasks/cancel", json!({"taskId": id})).await;
    ensure!(code_of(again)? == ErrorCode::INVALID_PARAMS.0);
    // Clients without a principal would see each other's.
    let listed = ask("tasks/list", json!({})).await;
    ensure!(code_of(listed)? == ErrorCode::METHOD_NOT_FOUND.0);
    client.cancel().await?;
    Ok(())
}

#[tokio::main]
async fn main() -> Result<()> {
    let server = Server(std::env::args().skip(1).collect());
    ensure!(
        !server.0.is_empty(),
        "usage: rmcp-tasks-client URL | PROGRAM [ARGUMENT..]"
    );
    modern_tasks(&server).await.context("tasks of 2026-07-28")?;
    let plain = without_tasks(&server, modern()).await;
    plain.context("without tasks, 2026-07-28")?;
    let plain = without_tasks(&server, ClientLifecycleMode::Initialize).await;
    plain.context("without tasks, legacy")?;
    legacy_tasks(&server).await.context("tasks of 2025-11-25")?;
    println!(
        "started, polled, answered, failed, cancelled; plain without tasks; by hand in 2025-11-25"
    );
    Ok(())
}
