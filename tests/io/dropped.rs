//! Futures that are dropped after any number of polls: what drives a client, what serves one, and every
//! operation of a client, over streams in memory and with the runtime's time stopped.
//!
//! After each drop nothing hangs, the same client and another one go on, and at the end no task, no
//! handler and no connection is left.

use std::future::{Future, poll_fn};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::SeqCst;
use std::task::Poll;
use std::time::Duration;

use mcp_proto::client::{ClientError, ToolCall};
use mcp_proto::io::nonblocking::tokio::{Connection, serve};
use mcp_proto::io::nonblocking::{AsyncClient, AsyncServeOptions, AsyncTask, Started};
use mcp_proto::io::tasks;
use mcp_proto::model::completion::{CompleteParams, PromptReference};
use mcp_proto::model::elicitation::{ElicitRequestFormParams, ElicitResult};
use mcp_proto::model::form::FormContent;
use mcp_proto::model::prompt::{GetPromptParams, Prompt};
use mcp_proto::model::resource::Resource;
use mcp_proto::model::schema::StringSchema;
use mcp_proto::model::subscription::SubscriptionFilter;
use mcp_proto::model::tool::TaskSupport;
use mcp_proto::server::{Async, Context, Elicited, MemoryTasks};
use mcp_proto::session::EraPolicy;
use mcp_proto::{ClientOptions, Server};
use serde_json::{Value, json};
use tokio::io::split;
use tokio::runtime::Handle;
use tokio::time::{sleep, timeout};

use crate::handlers::tool;

const ERAS: [EraPolicy; 3] = [EraPolicy::Auto, EraPolicy::Legacy, EraPolicy::Modern];
/// More polls than any of these futures takes.
const MANY: usize = 100;
/// Longer than anything waits that does not hang.
const LATE: Duration = Duration::from_secs(20);

type Operation = fn(AsyncClient) -> Pin<Box<dyn Future<Output = Result<(), ClientError>> + Send>>;

/// What a client can be asked for.
const OPERATIONS: [(&str, Operation); 13] = [
    ("open", |client| {
        Box::pin(async move {
            client.open().await?;
            client.close().await
        })
    }),
    ("ping", |client| {
        Box::pin(async move {
            // The modern era has no ping; that it says so is an outcome as well.
            drop(client.ping().await);
            Ok(())
        })
    }),
    ("list", |client| {
        Box::pin(async move { client.list_tools().await.map(drop) })
    }),
    ("call", |client| {
        Box::pin(async move { client.call_tool("echo", json!({})).await.map(drop) })
    }),
    ("progress", |client| {
        Box::pin(async move {
            let call = ToolCall::new("steps").on_progress(|_| {});
            client.call(call).await.map(drop)
        })
    }),
    ("ask", |client| {
        Box::pin(async move { client.call_tool("ask", json!({})).await.map(drop) })
    }),
    ("slow", |client| {
        Box::pin(async move { client.call_tool("slow", json!({})).await.map(drop) })
    }),
    ("link", |client| {
        Box::pin(async move { client.read_resource("test:one").await.map(drop) })
    }),
    ("prompt", |client| {
        Box::pin(async move { client.get_prompt(GetPromptParams::new("p")).await.map(drop) })
    }),
    ("complete", |client| {
        Box::pin(async move {
            let params = CompleteParams::new(PromptReference::new("p"), "a", "b");
            // Refused, as nothing completes; the way there and back is the same.
            drop(client.complete(params).await);
            Ok(())
        })
    }),
    ("subscribe", |client| {
        Box::pin(async move {
            let filter = SubscriptionFilter::new().tools_list_changed(true);
            client.subscribe(filter).await.map(drop)
        })
    }),
    ("task", |client| {
        Box::pin(async move {
            let task = begin(&client).await?;
            task.status().await?;
            client.task(task.id()).wait().await.map(drop)
        })
    }),
    ("cancel", |client| {
        Box::pin(async move {
            let task = begin(&client).await?;
            // Refused in 2025-11-25 if it has ended by then.
            drop(task.cancel().await);
            Ok(())
        })
    }),
];

/// The operations that threads have a part in.
const WITH_THREADS: [&str; 3] = ["ask", "task", "cancel"];

async fn begin(client: &AsyncClient) -> Result<AsyncTask, ClientError> {
    match client.start_tool("job", json!({})).await? {
        Started::Task(task) => Ok(task),
        other => panic!("it is no task: {other:?}"),
    }
}

/// Counts what is alive.
#[derive(Clone, Default)]
struct Alive(Arc<()>);

impl Alive {
    fn count(&self) -> usize {
        Arc::strong_count(&self.0) - 1
    }
}

fn server(handlers: &Alive) -> Server<Async> {
    let handlers = handlers.clone();
    // Each handler that runs holds one.
    let running = move || Arc::clone(&handlers.0);
    let (one, two, three) = (running.clone(), running.clone(), running);
    Server::new("test", "1.0")
        .into_async()
        .unsealed_state()
        .tool_async(tool("echo"), |_, _: Value| async { Ok("echo") })
        .tool_async(tool("steps"), move |context: Context, _: Value| {
            let held = one();
            async move {
                for step in 0..3 {
                    context.progress(f64::from(step), None, None);
                    tokio::task::yield_now().await;
                }
                drop(held);
                Ok("done")
            }
        })
        .tool_async(tool("ask"), move |context: Context, _: Value| {
            let held = two();
            async move {
                let form =
                    ElicitRequestFormParams::new("Who?").required("name", StringSchema::new());
                let answer = context.elicit::<Value>("who", form)?;
                drop(held);
                Ok(match answer {
                    Elicited::Accepted(name) => name.to_string(),
                    _ => "nobody".to_owned(),
                })
            }
        })
        .tool_async(tool("slow"), move |_, _: Value| {
            let held = three();
            async move {
                sleep(Duration::from_secs(5)).await;
                drop(held);
                Ok("at last")
            }
        })
        .tasks(tasks::system(MemoryTasks::new()).poll_interval(Duration::from_millis(1)))
        .tool_async(
            tool("job").task_support(TaskSupport::Optional),
            |_, _: Value| async { Ok("done") },
        )
        .resource_async(Resource::new("test:one", "one"), |_| async { Ok("one") })
        .prompt_async(Prompt::new("p"), |_, _| async { Ok("p") })
}

fn options(era: EraPolicy) -> ClientOptions {
    ClientOptions::default()
        .era(era)
        .tasks(true)
        .elicitation(|_| Ok(ElicitResult::accept(FormContent::new().with("name", "Ada"))))
}

/// A client of `server`, whose connection takes its time to be made, and what drives it.
fn client(
    era: EraPolicy,
    server: &Server<Async>,
    serving: &Alive,
) -> (AsyncClient, impl Future<Output = ()> + Send + 'static) {
    client_with(era, server, serving, usize::MAX)
}

/// The same; what serves the first connection is dropped after so many polls.
fn client_with(
    era: EraPolicy,
    server: &Server<Async>,
    serving: &Alive,
    polls: usize,
) -> (AsyncClient, impl Future<Output = ()> + Send + 'static) {
    let (server, serving) = (server.clone(), serving.clone());
    let polls = AtomicUsize::new(polls);
    AsyncClient::with_sleep(options(era), sleep, async move |client| {
        tokio::task::yield_now().await;
        let (near, far) = tokio::io::duplex(1 << 10);
        let (reader, writer) = split(far);
        let (server, serving) = (server.clone(), serving.clone());
        let polls = polls.swap(usize::MAX, SeqCst);
        tokio::spawn(async move {
            let options = AsyncServeOptions::default();
            polled(polls, serve(server, reader, writer, options)).await;
            drop(serving);
        });
        let (reader, writer) = split(near);
        io::Result::Ok(Connection::new(client, reader, writer))
    })
}

/// Polls `future` so many times, as often as it wakes, and drops it; its output if it was ready by then.
async fn polled<F: Future>(polls: usize, future: F) -> Option<F::Output> {
    let mut future = Box::pin(future);
    let mut left = polls;
    let done = poll_fn(move |cx| {
        if left == 0 {
            return Poll::Ready(None);
        }
        left -= 1;
        match future.as_mut().poll(cx) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            // The last poll is followed by the drop, whether it wakes again or not.
            Poll::Pending if left == 0 => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    });
    done.await
}

async fn soon<F: Future>(what: &str, future: F) -> F::Output {
    let done = timeout(LATE, future).await;
    done.unwrap_or_else(|_| panic!("{what} hangs"))
}

/// Waits, in no real time, until it is so.
async fn until(what: &str, is_so: impl Fn() -> bool) {
    soon(what, async {
        while !is_so() {
            sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
}

/// Runs a test in no real time, unless threads have a part in it.
fn run(has_threads: bool, test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(!has_threads)
        .build()
        .unwrap();
    runtime.block_on(test);
}

/// Nothing of the connections is left.
async fn is_clean(what: &str, serving: &Alive, handlers: &Alive, held: usize) {
    until(&format!("{what}: the server"), || serving.count() == 0).await;
    until(&format!("{what}: a handler"), || handlers.count() == held).await;
    until(&format!("{what}: a task"), || {
        Handle::current().metrics().num_alive_tasks() == 0
    })
    .await;
}

#[test]
fn an_operation_may_be_dropped_after_any_poll() {
    for era in ERAS {
        for (name, operation) in OPERATIONS {
            for polls in 0..=MANY {
                let mut was_done = false;
                run(WITH_THREADS.contains(&name), async {
                    let what = format!("{era:?} {name} dropped after {polls} polls");
                    let (serving, handlers) = (Alive::default(), Alive::default());
                    let server = server(&handlers);
                    let held = handlers.count();
                    let (one, driver) = client(era, &server, &serving);
                    let driver = tokio::spawn(driver);
                    if let Some(outcome) = soon(&what, polled(polls, operation(one.clone()))).await
                    {
                        was_done = true;
                        outcome.unwrap_or_else(|error| panic!("{what}: {error}"));
                    }
                    // The same client goes on, and so does another of the same server.
                    let output = soon(&what, one.call_tool("echo", json!({}))).await;
                    output.unwrap_or_else(|error| panic!("{what}: {error}"));
                    let (two, second) = client(era, &server, &serving);
                    let second = tokio::spawn(second);
                    soon(&what, two.list_tools()).await.unwrap();
                    until(&what, || !one.is_running() && !two.is_running()).await;
                    drop((one, two));
                    soon(&what, driver).await.unwrap();
                    soon(&what, second).await.unwrap();
                    is_clean(&what, &serving, &handlers, held).await;
                });
                if was_done {
                    break;
                }
                assert!(polls < MANY, "{name} takes more polls than are tried");
            }
        }
    }
}

#[test]
fn what_drives_a_client_may_be_dropped_after_any_poll() {
    for era in ERAS {
        for (name, operation) in OPERATIONS {
            for polls in 0..=MANY {
                let mut was_done = false;
                run(WITH_THREADS.contains(&name), async {
                    let what = format!("{era:?} {name}, its driver dropped after {polls} polls");
                    let (serving, handlers) = (Alive::default(), Alive::default());
                    let server = server(&handlers);
                    let held = handlers.count();
                    let (one, driver) = client(era, &server, &serving);
                    let driver = tokio::spawn(polled(polls, driver));
                    was_done = soon(&what, operation(one.clone())).await.is_ok();
                    drop(soon(&what, one.open()).await);
                    // Whether it is gone by now depends on how often it was polled.
                    driver.abort();
                    drop(driver.await);
                    for _ in 0..2 {
                        let error = soon(&what, one.list_tools()).await.unwrap_err();
                        assert!(matches!(error, ClientError::NoDriver), "{what}: {error}");
                    }
                    drop(soon(&what, one.close()).await);
                    is_clean(&what, &serving, &handlers, held).await;
                });
                if was_done {
                    break;
                }
                assert!(polls < MANY, "{name} takes more polls than are tried");
            }
        }
    }
}

#[test]
fn what_serves_a_client_may_be_dropped_after_any_poll() {
    for era in ERAS {
        for (name, operation) in OPERATIONS {
            for polls in 0..=MANY {
                let mut was_done = false;
                run(WITH_THREADS.contains(&name), async {
                    let what = format!("{era:?} {name}, its server dropped after {polls} polls");
                    let (serving, handlers) = (Alive::default(), Alive::default());
                    let server = server(&handlers);
                    let held = handlers.count();
                    let (one, driver) = client_with(era, &server, &serving, polls);
                    let driver = tokio::spawn(driver);
                    was_done = soon(&what, operation(one.clone())).await.is_ok();
                    until(&what, || !one.is_running()).await;
                    // The next connection is served to its end.
                    let output = soon(&what, one.call_tool("echo", json!({}))).await;
                    output.unwrap_or_else(|error| panic!("{what}: {error}"));
                    drop(one);
                    soon(&what, driver).await.unwrap();
                    is_clean(&what, &serving, &handlers, held).await;
                });
                if was_done && polls > 20 {
                    break;
                }
            }
        }
    }
}
