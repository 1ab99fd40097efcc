//! What holds whatever a server, a connection or a function of the user's does to the handles:
//! retries are counted, connecting has an end, callbacks hold up nothing.

use std::io::{self, BufRead, BufReader, Write};
use std::panic::panic_any;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use mcp_proto::client::{
    Backoff, Client, ClientError, ClientOptions, Direction, Reconnect, ToolCall,
};
use mcp_proto::io::blocking::{BlockingClient, Canceller, Connection};
use mcp_proto::session::EraPolicy;
use serde_json::{Value, json};

fn options() -> ClientOptions {
    ClientOptions::new("kept", "1")
        .era(EraPolicy::Legacy)
        .read_timeout(Duration::from_secs(20))
        .backoff(Backoff::new(
            Duration::from_millis(1),
            Duration::from_millis(4),
        ))
}

/// Streams to a server that opens, then answers each call with `progress` reports, a log message and
/// a result; or goes after the opening.
fn connect(client: Client, goes: bool) -> io::Result<Connection<Client>> {
    let (from_client, to_server) = io::pipe()?;
    let (from_server, mut to_client) = io::pipe()?;
    support::thread::spawn(move || {
        for line in BufReader::new(from_client).lines() {
            let frame: Value = serde_json::from_str(&line.unwrap()).unwrap();
            let result = match frame["method"].as_str() {
                Some("initialize") => json!({"protocolVersion": "2025-06-18",
                    "capabilities": {"tools": {}, "logging": {}}, "serverInfo": {"name": "s", "version": "1"}}),
                Some("tools/list") => json!({"tools": []}),
                Some("tools/call") if frame["params"]["name"] == "never" => continue,
                Some("tools/call") if frame["params"]["name"] == "flood" => {
                    let token = &frame["params"]["_meta"]["progressToken"];
                    for progress in 1.. {
                        let report = json!({"jsonrpc": "2.0", "method": "notifications/progress",
                            "params": {"progressToken": token, "progress": progress}});
                        if writeln!(to_client, "{report}").is_err() {
                            return;
                        }
                    }
                    return;
                }
                Some("tools/call") => {
                    let log = json!({"jsonrpc": "2.0", "method": "notifications/message",
                        "params": {"level": "error", "data": "heard"}});
                    writeln!(to_client, "{log}").unwrap();
                    let token = &frame["params"]["_meta"]["progressToken"];
                    for progress in 1..=2 {
                        let report = json!({"jsonrpc": "2.0", "method": "notifications/progress",
                            "params": {"progressToken": token, "progress": progress}});
                        writeln!(to_client, "{report}").unwrap();
                    }
                    json!({"content": []})
                }
                Some("ping") => json!({}),
                _ => continue,
            };
            let id = &frame["id"];
            let _ = writeln!(
                to_client,
                "{}",
                json!({"jsonrpc": "2.0", "id": id, "result": result})
            );
            if goes {
                return;
            }
        }
    });
    Connection::new(client, from_server, to_server)
}

fn client(options: ClientOptions) -> BlockingClient {
    BlockingClient::new(options, |client| connect(client, false))
}

#[test]
fn retries_are_counted_wherever_the_connection_is_lost() {
    for (reconnect, most) in [
        (Reconnect::Never, 1),
        (Reconnect::OnDemand { retries: 0 }, 1),
        (Reconnect::OnDemand { retries: 2 }, 3),
    ] {
        for _ in 0..10 {
            let count = Arc::new(AtomicUsize::new(0));
            let counted = Arc::clone(&count);
            let client = BlockingClient::new(options().reconnect(reconnect), move |client| {
                counted.fetch_add(1, Ordering::SeqCst);
                connect(client, true)
            });
            client.ping().unwrap_err();
            assert!(count.load(Ordering::SeqCst) <= most, "{reconnect:?}");
        }
    }
}

#[test]
fn waits_between_tries_double_up_to_the_longest() {
    let backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(1));
    let waits = [0, 1, 2, 3, 4, 1000, u32::MAX].map(|retry| backoff.delay(retry).as_millis());
    assert_eq!(waits, [100, 200, 400, 800, 1000, 1000, 1000]);
    let longest = Backoff::new(Duration::MAX, Duration::MAX);
    assert_eq!(longest.delay(5), Duration::MAX);
}

#[test]
fn connect_that_does_not_return_ends_in_time_and_later_operations_too() {
    let (release, held) = mpsc::channel::<()>();
    let mut held = Some(held);
    let client = BlockingClient::new(
        options().connect_timeout(Duration::from_millis(50)),
        move |client| {
            if let Some(held) = held.take() {
                let _ = held.recv();
            }
            connect(client, false)
        },
    );
    for _ in 0..3 {
        let error = client.open().unwrap_err();
        assert!(matches!(error, ClientError::Connection(_)), "{error:?}");
        assert!(!client.is_running());
    }
    // Once it has returned, there is a connection again.
    drop(release);
    let begun = Instant::now();
    while client.ping().is_err() {
        assert!(begun.elapsed() < Duration::from_secs(10));
    }
}

#[test]
fn every_callback_may_use_the_client_and_holds_up_nothing() {
    let place: Arc<OnceLock<BlockingClient>> = Arc::default();
    let (says, said) = mpsc::channel();
    let uses = |what: &'static str| {
        let (place, says) = (Arc::clone(&place), says.clone());
        move || {
            if let Some(client) = place.get() {
                let listed = client.list_tools().map(|tools| tools.len());
                let _ = says.send((what, listed));
            }
        }
    };
    let (on_log, on_frame, on_progress) = (uses("log"), uses("frame"), uses("progress"));
    let shown = Mutex::new(false);
    let client = client(
        options()
            .on_log(move |_| on_log())
            .on_frame(move |direction, frame| {
                let is_call = frame.windows(10).any(|part| part == b"tools/call");
                if direction == Direction::Sent
                    && is_call
                    && !std::mem::replace(&mut *shown.lock().unwrap(), true)
                {
                    on_frame();
                }
            }),
    );
    client.open().unwrap();
    place.set(client.clone()).unwrap();
    let call = ToolCall::new("t").on_progress(move |_| on_progress());
    client.call(call).unwrap();
    let mut heard: Vec<_> = (0..4)
        .map(|_| {
            said.recv_timeout(Duration::from_secs(15))
                .expect("it returned")
        })
        .collect();
    heard.sort_by_key(|(what, _)| *what);
    let whats: Vec<_> = heard.iter().map(|(what, _)| *what).collect();
    assert_eq!(whats, ["frame", "log", "progress", "progress"]);
    assert!(heard.iter().all(|(_, listed)| *listed == Ok(0)));
    client.close().unwrap();
}

#[test]
fn callback_that_never_returns_holds_up_no_call() {
    let (release, held) = mpsc::channel::<()>();
    let held = Mutex::new(held);
    let client = client(options().on_log(move |_| {
        let _ = held.lock().unwrap().recv();
    }));
    client.open().unwrap();
    for _ in 0..3 {
        client.call_tool("t", json!({})).unwrap();
    }
    client.close().unwrap();
    drop(release);
}

#[test]
fn panic_in_a_callback_costs_nothing_else() {
    let client = client(
        options()
            .on_log(|_| panic!("in on_log"))
            .on_event(|_| panic!("in on_event"))
            .on_frame(|_, _| panic!("in on_frame")),
    );
    client.open().unwrap();
    for _ in 0..3 {
        client.call_tool("t", json!({})).unwrap();
    }
    let panics = client.clone();
    let call = ToolCall::new("t").on_progress(|_| panic!("in on_progress"));
    support::thread::spawn(move || panics.call(call))
        .join()
        .unwrap_err();
    client.ping().unwrap();
    client.close().unwrap();
}

/// What a callback may throw: dropping it panics again.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("thrown again");
    }
}

#[test]
fn panic_that_panics_again_when_it_is_dropped_costs_nothing_else() {
    let heard = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&heard);
    let tries = AtomicUsize::new(0);
    let options = options().on_log(move |_| {
        counted.fetch_add(1, Ordering::SeqCst);
        panic_any(Bomb)
    });
    let client = BlockingClient::new(options, move |client| {
        if tries.fetch_add(1, Ordering::SeqCst) == 0 {
            panic_any(Bomb);
        }
        connect(client, false)
    });
    client.open().unwrap_err();
    client.open().unwrap();
    for calls in 1..=3 {
        client.call_tool("t", json!({})).unwrap();
        assert_eq!(heard.load(Ordering::SeqCst), calls);
    }
    client.close().unwrap();
}

#[test]
fn call_whose_progress_has_no_end_can_be_cancelled() {
    let canceller = Canceller::new();
    let client = client(options()).with_canceller(&canceller);
    let call = ToolCall::new("flood").on_progress(move |report| {
        thread::sleep(Duration::from_millis(1));
        if report.progress > 100.0 {
            canceller.cancel();
        }
    });
    let (told, cancelled) = mpsc::channel();
    support::thread::spawn(move || {
        let _ = told.send(client.call(call));
    });
    let cancelled = cancelled.recv_timeout(Duration::from_secs(10)).unwrap();
    assert_eq!(cancelled.unwrap_err(), ClientError::Cancelled);
}

#[test]
fn progress_comes_in_order_and_before_the_result() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&seen);
    let client = client(options());
    let call =
        ToolCall::new("t").on_progress(move |report| heard.lock().unwrap().push(report.progress));
    client.call(call).unwrap();
    assert_eq!(*seen.lock().unwrap(), [1.0, 2.0]);
}

#[test]
fn close_returns_when_everything_was_shown() {
    for _ in 0..20 {
        let frames = Arc::new(AtomicUsize::new(0));
        let shown = Arc::clone(&frames);
        let client = client(options().on_frame(move |_, _| {
            thread::yield_now();
            shown.fetch_add(1, Ordering::SeqCst);
        }));
        client.open().unwrap();
        client.ping().unwrap();
        client.close().unwrap();
        assert_eq!(frames.load(Ordering::SeqCst), 5);
    }
}

#[test]
fn last_handle_may_go_in_a_callback() {
    let client = client(options());
    client.open().unwrap();
    let held = Mutex::new(Some(client.clone()));
    let call = ToolCall::new("t").on_progress(move |_| drop(held.lock().unwrap().take()));
    let output = support::thread::spawn(move || client.call(call))
        .join()
        .unwrap();
    assert!(output.is_ok());
}

#[test]
fn blocking_call_is_cancelled_from_another_thread() {
    let client = client(options());
    client.open().unwrap();
    let canceller = Canceller::new();
    let cancellable = client.with_canceller(&canceller);
    let call = support::thread::spawn(move || cancellable.call_tool("never", json!({})));
    thread::yield_now();
    canceller.cancel();
    assert_eq!(call.join().unwrap().unwrap_err(), ClientError::Cancelled);
    client.ping().unwrap();
    client.close().unwrap();
}

#[cfg(feature = "tokio")]
mod on_tokio {
    use std::io;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use mcp_proto::client::{Client, ClientError, ClientOptions, Reconnect};
    use mcp_proto::io::nonblocking::AsyncClient;
    use mcp_proto::io::nonblocking::tokio::Connection;
    use serde_json::{Value, json};
    use tokio::io::{
        AsyncBufReadExt, AsyncWriteExt, BufReader, DuplexStream, Lines, ReadHalf, WriteHalf,
        duplex, split,
    };
    use tokio::sync::mpsc;

    use super::options;

    type Duplex = Connection<Client, ReadHalf<DuplexStream>, WriteHalf<DuplexStream>>;
    type Server = (
        Lines<BufReader<ReadHalf<DuplexStream>>>,
        WriteHalf<DuplexStream>,
    );

    /// A client whose connections are handed to the test.
    fn client(options: ClientOptions) -> (AsyncClient, mpsc::UnboundedReceiver<DuplexStream>) {
        let (sender, receiver) = mpsc::unbounded_channel();
        let (client, driver) =
            AsyncClient::with_sleep(options, tokio::time::sleep, async move |client| {
                let (near, far) = duplex(64 * 1024);
                sender.send(far).unwrap();
                let (reader, writer) = split(near);
                Ok::<Duplex, _>(Connection::new(client, reader, writer))
            });
        tokio::spawn(driver);
        (client, receiver)
    }

    /// Opens the next connection.
    async fn accept(connections: &mut mpsc::UnboundedReceiver<DuplexStream>) -> Server {
        let (reader, writer) = split(connections.recv().await.unwrap());
        let mut server = (BufReader::new(reader).lines(), writer);
        let asked = next(&mut server, "initialize").await;
        let result = json!({"protocolVersion": "2025-06-18", "capabilities": {"tools": {}},
            "serverInfo": {"name": "s", "version": "1"}});
        answer(&mut server, &asked, result).await;
        server
    }

    async fn next(server: &mut Server, method: &str) -> Value {
        loop {
            let line = server.0.next_line().await.unwrap().unwrap();
            let frame: Value = serde_json::from_str(&line).unwrap();
            if frame["method"] == method {
                return frame;
            }
        }
    }

    async fn answer(server: &mut Server, asked: &Value, result: Value) {
        let line =
            json!({"jsonrpc": "2.0", "id": asked["id"], "result": result}).to_string() + "\n";
        server.1.write_all(line.as_bytes()).await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn giving_up_on_a_lost_connection_takes_nothing_from_the_next() {
        let retries = Reconnect::OnDemand { retries: 0 };
        let (client, mut connections) = client(options().reconnect(retries));
        let mut first = Box::pin(client.ping());
        let lost = async {
            let mut server = accept(&mut connections).await;
            next(&mut server, "ping").await;
            server
        };
        let server = tokio::select! {
            early = &mut first => panic!("{early:?}"),
            server = lost => server,
        };
        drop(server);
        tokio::time::sleep(Duration::from_millis(50)).await;
        let other = client.clone();
        let second = tokio::spawn(async move { other.ping().await });
        let mut server = accept(&mut connections).await;
        let asked = next(&mut server, "ping").await;
        drop(first);
        answer(&mut server, &asked, json!({})).await;
        assert_eq!(second.await.unwrap(), Ok(()));
    }

    #[tokio::test(start_paused = true)]
    async fn connections_that_are_lost_at_once_are_counted() {
        for retries in [0, 2] {
            let count = Arc::new(AtomicUsize::new(0));
            let counted = Arc::clone(&count);
            let options = options().reconnect(Reconnect::OnDemand { retries });
            let (client, mut connections) = client(options);
            let server = tokio::spawn(async move {
                loop {
                    drop(accept(&mut connections).await);
                    counted.fetch_add(1, Ordering::SeqCst);
                }
            });
            client.ping().await.unwrap_err();
            assert!(count.load(Ordering::SeqCst) <= retries as usize + 1);
            server.abort();
        }
    }

    #[tokio::test(start_paused = true)]
    async fn connect_that_never_ends_has_a_deadline_and_can_be_given_up() {
        let begun = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&begun);
        let options = options().connect_timeout(Duration::from_secs(7));
        let (client, driver) =
            AsyncClient::with_sleep(options, tokio::time::sleep, async move |_: Client| {
                counted.fetch_add(1, Ordering::SeqCst);
                std::future::pending::<()>().await;
                Err::<Duplex, _>(io::Error::other("never"))
            });
        let driver = tokio::spawn(driver);
        for _ in 0..2 {
            let before = tokio::time::Instant::now();
            let error = client.open().await.unwrap_err();
            assert!(matches!(error, ClientError::Connection(_)), "{error:?}");
            assert_eq!(before.elapsed().as_secs(), 7);
        }
        let given_up = tokio::time::timeout(Duration::from_secs(1), client.ping()).await;
        assert!(given_up.is_err());
        assert!(!client.is_running());
        client.ping().await.unwrap_err();
        assert_eq!(begun.load(Ordering::SeqCst), 4);
        let connecting = client.clone();
        let opening = tokio::spawn(async move { connecting.open().await });
        tokio::time::sleep(Duration::from_secs(1)).await;
        opening.abort();
        drop(client);
        driver.await.unwrap();
    }
}
