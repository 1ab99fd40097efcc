//! Handlers that are futures, served over streams in memory with the runtime's time stopped.

use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use mcp_proto::Limits;
use mcp_proto::io::nonblocking::AsyncServeOptions;
use mcp_proto::io::nonblocking::tokio::serve;
use mcp_proto::server::{Async, Server};
use serde_json::{Value, json};
use tokio::io::{
    AsyncBufReadExt, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader, DuplexStream, WriteHalf,
    split,
};
use tokio::time::sleep;

use support::server::{call_frame, tool};

/// Writes lines to a server, stays until that many answers have come, and reads the rest until it
/// ends.
async fn talk(server: Server<Async>, lines: &[Value], awaited: usize) -> Vec<Value> {
    let (client, peer) = tokio::io::duplex(1 << 16);
    let (reader, writer) = split(peer);
    let options = AsyncServeOptions::default().concurrency(2);
    let (served, answers) = tokio::join!(
        serve(server, reader, writer, options),
        exchange(client, lines, awaited)
    );
    served.expect("no stream fails");
    answers
}

async fn exchange(client: DuplexStream, lines: &[Value], awaited: usize) -> Vec<Value> {
    let (reader, mut writer) = split(client);
    for line in lines {
        writer
            .write_all(format!("{line}\n").as_bytes())
            .await
            .unwrap();
    }
    let mut lines = BufReader::new(reader).lines();
    let mut answers = Vec::new();
    // The runtime's time doesn't wait for threads, so a client that stays waits for its answers.
    let awaited = async {
        while answers.len() < awaited {
            let line = lines.next_line().await.unwrap().expect("an answer");
            answers.push(serde_json::from_str(&line).unwrap());
        }
    };
    awaited.await;
    writer.shutdown().await.unwrap();
    while let Some(line) = lines.next_line().await.unwrap() {
        answers.push(serde_json::from_str(&line).unwrap());
    }
    answers
}

fn slow(runs: Arc<AtomicUsize>) -> Server<Async> {
    Server::new("s", "1")
        .tool_async(tool("slow"), move |_, wait: Value| {
            let runs = runs.clone();
            async move {
                sleep(Duration::from_millis(wait["ms"].as_u64().unwrap_or(0))).await;
                runs.fetch_add(1, Ordering::SeqCst);
                Ok(format!("after {}", wait["ms"]))
            }
        })
        .tool(tool("panics"), |_, _: Value| -> Result<String, _> {
            panic!("as it was told")
        })
}

fn answer(answers: &[Value], id: u64) -> &Value {
    let found: Vec<_> = answers.iter().filter(|answer| answer["id"] == id).collect();
    assert_eq!(found.len(), 1, "one answer to {id} in {answers:?}");
    found[0]
}

#[tokio::test(start_paused = true)]
async fn one_slow_handler_holds_nobody_up() {
    let lines = [
        call_frame(1, "slow", json!({"ms": 900})),
        call_frame(2, "slow", json!({"ms": 10})),
    ];
    let answers = talk(slow(Arc::default()), &lines, 2).await;
    assert_eq!(answers[0]["id"], 2);
    assert_eq!(answers[1]["id"], 1);
}

#[tokio::test(start_paused = true)]
async fn handlers_that_wait_for_their_turn_leave_others_theirs_though_they_end_at_once() {
    const CALLS: u64 = 200;
    let runs = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&runs);
    let server = slow(Arc::default()).tool_async(tool("prompt"), move |_, _: Value| {
        counted.fetch_add(1, Ordering::SeqCst);
        async { Ok("at once") }
    });
    let (client, peer) = tokio::io::duplex(1 << 16);
    let (reader, writer) = split(peer);
    let options = AsyncServeOptions::default().concurrency(1);
    let mut served = pin!(serve(server, reader, writer, options));
    let mut most = 0;
    let counting = poll_fn(|cx| {
        let before = runs.load(Ordering::SeqCst);
        let polled = served.as_mut().poll(cx);
        most = most.max(runs.load(Ordering::SeqCst) - before);
        polled
    });
    let mut lines = vec![call_frame(0, "slow", json!({"ms": 300}))];
    lines.extend((1..=CALLS).map(|id| call_frame(id, "prompt", json!({}))));
    let (served, answers) = tokio::join!(counting, exchange(client, &lines, lines.len()));
    served.expect("no stream fails");
    assert_eq!(answers.len() as u64, CALLS + 1);
    assert!(most < 50, "{most} handlers have run before anybody else");
}

/// Counts how often something is written.
struct Counted(WriteHalf<DuplexStream>, Arc<AtomicUsize>);

impl AsyncWrite for Counted {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.1.fetch_add(1, Ordering::SeqCst);
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

#[tokio::test(start_paused = true)]
async fn answers_to_what_has_come_together_are_written_together() {
    let server =
        Server::new("s", "1").tool_async(tool("prompt"), |_, _: Value| async { Ok("at once") });
    let lines: Vec<_> = (1..=3)
        .map(|id| call_frame(id, "prompt", json!({})))
        .collect();
    let (client, peer) = tokio::io::duplex(1 << 16);
    let (reader, writer) = split(peer);
    let writes = Arc::new(AtomicUsize::new(0));
    let writer = Counted(writer, Arc::clone(&writes));
    let (served, answers) = tokio::join!(
        serve(server, reader, writer, AsyncServeOptions::default()),
        exchange(client, &lines, 3)
    );
    served.expect("no stream fails");
    assert_eq!(answers.len(), 3);
    assert_eq!(writes.load(Ordering::SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn answers_that_come_together_leave_memory_for_the_next_calls() {
    let mut limits = Limits::default();
    limits.memory = 200_000;
    let server = Server::new("s", "1")
        .limits(limits)
        .tool_async(tool("long"), |_, _: Value| async { Ok("x".repeat(10_000)) });
    let line = |id| format!("{}\n", call_frame(id, "long", json!({})));
    let lines: String = (1..=2000).map(line).collect();
    let (client, peer) = tokio::io::duplex(1 << 20);
    let (reader, writer) = split(peer);
    let exchanged = async {
        let (mut reader, mut writer) = split(client);
        writer.write_all(lines.as_bytes()).await.unwrap();
        writer.shutdown().await.unwrap();
        let mut said = String::new();
        reader.read_to_string(&mut said).await.unwrap();
        said
    };
    let (served, said) = tokio::join!(
        serve(server, reader, writer, AsyncServeOptions::default()),
        exchanged
    );
    served.expect("no stream fails");
    assert_eq!(said.lines().count(), 2000);
    let refused = said.lines().filter(|line| line.contains("\"error\""));
    assert_eq!(refused.count(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_handler_is_dropped_without_an_answer() {
    // `cancel.recv.stop`, `cancel.recv.nomore`
    let runs = Arc::new(AtomicUsize::new(0));
    let cancel =
        json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 1}});
    let lines = [
        call_frame(1, "slow", json!({"ms": 900})),
        cancel,
        call_frame(2, "slow", json!({})),
    ];
    let answers = talk(slow(runs.clone()), &lines, 1).await;
    assert_eq!(answers.len(), 1);
    answer(&answers, 2);
    assert_eq!(runs.load(Ordering::SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_is_cancelled_before_it_has_begun_never_begins() {
    // `cancel.recv.stop`, `cancel.recv.nomore`
    let begun = Arc::new(AtomicUsize::new(0));
    let begins = Arc::clone(&begun);
    let server = Server::new("s", "1").tool_async(tool("prompt"), move |_, _: Value| {
        begins.fetch_add(1, Ordering::SeqCst);
        async { Ok("at once") }
    });
    let cancel =
        json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 2}});
    let lines = [
        call_frame(1, "prompt", json!({})),
        call_frame(2, "prompt", json!({})),
        cancel,
        call_frame(3, "prompt", json!({})),
    ];
    let answers = talk(server, &lines, 2).await;
    assert_eq!(answers.len(), 2);
    answer(&answers, 1);
    answer(&answers, 3);
    assert_eq!(begun.load(Ordering::SeqCst), 2);
}

#[tokio::test(start_paused = true)]
async fn progress_comes_before_its_result_among_more_calls_than_are_taken_together() {
    // `progress.stop`
    let server =
        Server::new("s", "1").tool_async(tool("reports"), |context, waits: Value| async move {
            context.progress(1.0, None, None);
            if waits["waits"] == true {
                sleep(Duration::from_millis(1)).await;
            }
            context.progress(2.0, None, None);
            Ok(())
        });
    let lines: Vec<_> = (1..=70u64)
        .map(|id| {
            let mut call = call_frame(id, "reports", json!({"waits": id % 3 == 0}));
            call["params"]["_meta"]["progressToken"] = json!(id);
            call
        })
        .collect();
    let answers = talk(server, &lines, 70 * 3).await;
    for id in 1..=70u64 {
        let own = |line: &&Value| line["id"] == id || line["params"]["progressToken"] == id;
        let said: Vec<_> = answers.iter().filter(own).collect();
        assert_eq!(said.len(), 3, "{said:?}");
        assert_eq!(said[0]["params"]["progress"], 1.0);
        assert_eq!(said[1]["params"]["progress"], 2.0);
        assert!(said[2]["result"].is_object());
    }
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_panics_is_answered_and_the_rest_goes_on() {
    // `base.err.internal`
    let lines = [
        call_frame(1, "panics", json!({})),
        call_frame(2, "slow", json!({})),
    ];
    let answers = talk(slow(Arc::default()), &lines, 2).await;
    assert_eq!(answer(&answers, 1)["error"]["code"], -32603);
    assert!(answer(&answers, 2)["result"].is_object());
}

#[tokio::test(start_paused = true)]
async fn the_end_of_the_input_leaves_running_handlers_a_moment_to_answer() {
    // `stdio.eof.exit`
    let lines = [
        call_frame(1, "slow", json!({"ms": 300})),
        call_frame(2, "slow", json!({"ms": 60_000})),
    ];
    let answers = talk(slow(Arc::default()), &lines, 0).await;
    assert!(answer(&answers, 1)["result"].is_object());
    assert_eq!(answers.len(), 1, "nobody waits a minute for the second");
}

/// Panics when it is dropped.
struct Grenade;

impl Drop for Grenade {
    fn drop(&mut self) {
        panic!("as it was told");
    }
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_panics_while_it_is_dropped_costs_nobody_else_anything() {
    let server = slow(Arc::default())
        .tool_async(tool("held"), |_, _: Value| async {
            let _grenade = Grenade;
            sleep(Duration::from_secs(3600)).await;
            Ok(())
        })
        .tool_async(tool("returned"), |_, _: Value| async {
            let _grenade = Grenade;
            Ok("never heard")
        });
    let cancel =
        json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 1}});
    let lines = [
        call_frame(1, "held", json!({})),
        call_frame(2, "returned", json!({})),
        cancel,
        call_frame(3, "slow", json!({"ms": 1})),
    ];
    let answers = talk(server, &lines, 2).await;
    assert_eq!(answer(&answers, 2)["error"]["code"], -32603);
    assert!(answer(&answers, 3)["result"].is_object());
}

#[tokio::test(start_paused = true)]
async fn a_blocking_handler_leaves_the_driving_task() {
    let (release, wait) = std::sync::mpsc::channel::<()>();
    let (release, wait) = (std::sync::Mutex::new(release), std::sync::Mutex::new(wait));
    let server = Server::new("s", "1")
        .tool(tool("waits"), move |_, _: Value| {
            wait.lock().unwrap().recv()?;
            Ok("released")
        })
        .tool(tool("releases"), move |_, _: Value| {
            release.lock().unwrap().send(())?;
            Ok(())
        });
    let lines = [
        call_frame(1, "waits", json!({})),
        call_frame(2, "releases", json!({})),
    ];
    let answers = talk(server.into_async(), &lines, 2).await;
    assert_eq!(
        answer(&answers, 1)["result"]["content"][0]["text"],
        "released"
    );
}
