//! Thousands of tasks at once: no more is held than the store counts, which it bounds, and a kilobyte
//! for each task that has a step to be taken.

use mcp_proto::model::elicitation::ElicitRequestFormParams;
use mcp_proto::model::schema::StringSchema;
use mcp_proto::model::tool::{NO_ARGUMENTS_SCHEMA, TaskSupport};
use mcp_proto::server::{Context, Event, MemoryTasks, Service, TaskStep, Tasks};
use mcp_proto::session::Session;
use mcp_proto::{Server, Tool};
use serde_json::{Value, json};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::{NOW, Scale, drain, feed};

/// How many tasks there are, and the bytes that their store may hold.
fn sizes() -> (usize, usize) {
    let tasks = support::amount(600, 10_000);
    (tasks, (24 << 20) / 10_000 * tasks)
}

/// What a task that has a step takes beside what the store keeps of it.
const STEP: usize = 1 << 10;

fn server(store: &MemoryTasks) -> Server {
    static DRAWN: AtomicU64 = AtomicU64::new(0);
    let entropy = |bytes: &mut [u8]| {
        let drawn = DRAWN.fetch_add(1, Ordering::Relaxed);
        bytes[..8].copy_from_slice(&drawn.to_le_bytes());
        Ok(())
    };
    let ask = |context: &Context, _: Value| {
        let form = ElicitRequestFormParams::new("Who?").required("name", StringSchema::new());
        let name = context.elicit::<Value>("name", form)?.accepted()?;
        Ok(name.to_string())
    };
    let tool = Tool::new("ask", NO_ARGUMENTS_SCHEMA).task_support(TaskSupport::Optional);
    Server::new("s", "1")
        .tasks(Tasks::new(store.clone(), || 1, entropy))
        .tool(tool, ask)
}

fn begin(service: &mut Service, id: usize) -> Option<TaskStep> {
    let capabilities = json!({"elicitation": {},
        "extensions": {"io.modelcontextprotocol/tasks": {}}});
    let meta = json!({"io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": capabilities});
    let params = json!({"name": "ask", "arguments": {}, "_meta": meta});
    let call = json!({"jsonrpc": "2.0", "id": id, "method": "tools/call", "params": params});
    feed(service, call.to_string());
    let mut step = None;
    while let Some(event) = service.poll_event() {
        match event {
            Event::Job(job) => {
                let outcome = job.run();
                service.handle_outcome(NOW, outcome);
            }
            Event::Task(next) => step = Some(*next),
            _ => {}
        }
    }
    drain(service);
    step
}

#[test]
fn thousands_of_tasks_stay_within_the_bound_of_their_store() {
    // `task25.limits`
    let scale = Scale::new();
    let (tasks, bytes) = sizes();
    let store = MemoryTasks::new()
        .most(tasks + 1)
        .per_principal(tasks)
        .bytes(bytes);
    let mut service = server(&store).service();
    let mut steps: Vec<TaskStep> = Vec::with_capacity(tasks);
    for id in 0..tasks {
        steps.push(begin(&mut service, id).expect("there is room"));
    }
    let (kept, counted) = store.usage();
    assert_eq!(kept, tasks + 1, "and the sign of life");
    assert!(counted <= bytes);
    let (held, most) = (scale.held(), counted + tasks * STEP + (128 << 10));
    assert!(
        held <= most,
        "{held} bytes are held with steps, {most} at most"
    );
    steps.into_iter().for_each(TaskStep::run);
    let (_, counted) = store.usage();
    let (held, most) = (scale.held(), counted + (128 << 10));
    assert!(held <= most, "{held} bytes are held, {counted} are counted");
    assert!(begin(&mut service, tasks).is_none(), "there are enough");
    println!("{} bytes a task, {} counted", held / tasks, counted / tasks);
}
