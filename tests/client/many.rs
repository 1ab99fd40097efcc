//! One handle under many threads, and under many tasks: all are answered, none mixed up.

use std::thread;

use mcp_proto::io::blocking::BlockingClient;
use mcp_proto::io::blocking::Connection;
use serde_json::json;

use crate::handles::{ERAS, connect, options};

#[test]
fn sixty_four_threads_share_one_blocking_client() {
    for era in ERAS {
        let client = BlockingClient::new(options(era), |client| {
            let (reader, writer) = connect()?;
            Connection::new(client, reader, writer)
        });
        client.open().unwrap();
        thread::scope(|scope| {
            for n in 0..64 {
                let client = client.clone();
                scope.spawn(move || {
                    for m in 0..support::amount(5, 20) {
                        let text = format!("thread {n} call {m}");
                        let said = client.call_tool("echo", json!({"text": text})).unwrap();
                        assert_eq!(said.value.as_text(), Some(text.as_str()));
                    }
                });
            }
        });
        client.close().unwrap();
    }
}

#[cfg(feature = "tokio")]
mod on_tokio {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use mcp_proto::client::{Client, ClientError};
    use mcp_proto::io::nonblocking::AsyncClient;
    use mcp_proto::io::nonblocking::tokio::Connection;
    use serde_json::{Value, json};
    use tokio::io::{
        AsyncBufReadExt, AsyncWriteExt, BufReader, DuplexStream, ReadHalf, WriteHalf, duplex, split,
    };

    use crate::handles::{ERAS, options};
    use mcp_proto::session::{EraPolicy, Timeouts};

    type Duplex = Connection<Client, ReadHalf<DuplexStream>, WriteHalf<DuplexStream>>;

    /// A server that answers what it is asked in the reverse order of arrival, `batch` at a time,
    /// and never answers a tool called `never`.
    async fn serve(stream: DuplexStream, batch: usize, cancelled: Arc<AtomicUsize>) {
        let (reader, mut writer) = split(stream);
        let mut lines = BufReader::new(reader).lines();
        let mut held = Vec::new();
        while let Ok(Some(line)) = lines.next_line().await {
            let frame: Value = serde_json::from_str(&line).unwrap();
            let id = frame["id"].clone();
            let info = json!({"name": "s", "version": "1"});
            let result = match frame["method"].as_str().unwrap() {
                "initialize" => json!({"protocolVersion": "2025-06-18",
                    "capabilities": {"tools": {}}, "serverInfo": info}),
                "server/discover" => json!({"resultType": "complete",
                    "supportedVersions": ["2026-07-28"], "capabilities": {"tools": {}},
                    "serverInfo": info, "ttlMs": 0, "cacheScope": "private"}),
                "tools/call" if frame["params"]["name"] != "never" => {
                    let text = &frame["params"]["arguments"]["text"];
                    held.push((
                        id,
                        json!({"resultType": "complete",
                        "content": [{"type": "text", "text": text}]}),
                    ));
                    if held.len() == batch {
                        while let Some((id, result)) = held.pop() {
                            send(&mut writer, &id, &result).await;
                        }
                    }
                    continue;
                }
                "notifications/cancelled" => {
                    cancelled.fetch_add(1, Ordering::SeqCst);
                    continue;
                }
                _ => continue,
            };
            send(&mut writer, &id, &result).await;
        }
    }

    async fn send(writer: &mut WriteHalf<DuplexStream>, id: &Value, result: &Value) {
        let line = json!({"jsonrpc": "2.0", "id": id, "result": result}).to_string() + "\n";
        writer.write_all(line.as_bytes()).await.unwrap();
    }

    fn client(era: EraPolicy, batch: usize) -> (AsyncClient, Arc<AtomicUsize>) {
        let cancelled = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&cancelled);
        let (client, driver) = AsyncClient::new(options(era), async move |client| {
            let (near, far) = duplex(64 * 1024);
            tokio::spawn(serve(far, batch, Arc::clone(&counted)));
            let (reader, writer) = split(near);
            Ok::<Duplex, _>(Connection::new(client, reader, writer))
        });
        tokio::task::spawn_local(driver);
        (client, cancelled)
    }

    /// Runs `test` where tasks that aren't `Send` may be spawned.
    async fn local(test: impl Future<Output = ()>) {
        tokio::task::LocalSet::new().run_until(test).await;
    }

    async fn echo(client: &AsyncClient, text: &str) -> Result<String, ClientError> {
        let output = client.call_tool("echo", &json!({"text": text})).await?;
        Ok(output.value.as_text().unwrap().to_owned())
    }

    #[tokio::test]
    async fn a_thousand_tasks_share_one_async_client() {
        for era in ERAS {
            local(async {
                let (client, _) = client(era, 1000);
                client.open().await.unwrap();
                let calls = (0..1000).map(|n| {
                    let client = client.clone();
                    tokio::task::spawn_local(async move {
                        let text = format!("task {n}");
                        assert_eq!(echo(&client, &text).await.unwrap(), text);
                    })
                });
                for call in calls.collect::<Vec<_>>() {
                    call.await.unwrap();
                }
                client.close().await.unwrap();
                assert!(!client.is_running());
            })
            .await;
        }
    }

    #[tokio::test]
    async fn l12_l13_tasks_connect_by_themselves() {
        local(async {
            let (client, _) = client(EraPolicy::Legacy, 1);
            let calls = (0..50).map(|n| {
                let client = client.clone();
                tokio::task::spawn_local(async move {
                    let text = format!("task {n}");
                    assert_eq!(echo(&client, &text).await.unwrap(), text);
                })
            });
            for call in calls.collect::<Vec<_>>() {
                call.await.unwrap();
            }
            assert!(!client.is_running());
            assert_eq!(echo(&client, "again").await.unwrap(), "again");
        })
        .await;
    }

    #[tokio::test(start_paused = true)]
    async fn dropped_call_is_cancelled() {
        local(async {
            let (client, cancelled) = client(EraPolicy::Legacy, 1);
            client.open().await.unwrap();
            let nothing = json!({});
            let never = client.call_tool("never", &nothing);
            let given_up = tokio::time::timeout(Duration::from_secs(1), never).await;
            assert!(given_up.is_err());
            assert_eq!(echo(&client, "alive").await.unwrap(), "alive");
            assert_eq!(cancelled.load(Ordering::SeqCst), 1);
            client.close().await.unwrap();
        })
        .await;
    }

    #[tokio::test(start_paused = true)]
    async fn l2_silent_server_ends_the_opening_in_time() {
        local(async {
            let (client, driver) = AsyncClient::new(options(EraPolicy::Legacy), async |client| {
                let (near, far) = duplex(1024);
                // Nobody reads it, and nobody writes.
                std::mem::forget(far);
                let (reader, writer) = split(near);
                Ok::<Duplex, _>(Connection::new(client, reader, writer))
            });
            tokio::task::spawn_local(driver);
            let before = tokio::time::Instant::now();
            client.open().await.unwrap_err();
            assert_eq!(before.elapsed(), Timeouts::default().opening);
            assert!(!client.is_running());
        })
        .await;
    }

    #[tokio::test]
    async fn driver_that_is_dropped_leaves_nobody_waiting() {
        let (client, driver) = AsyncClient::new(options(EraPolicy::Legacy), async |client| {
            let (reader, writer) = split(duplex(1024).0);
            Ok::<Duplex, _>(Connection::new(client, reader, writer))
        });
        drop(driver);
        assert_eq!(client.open().await, Err(ClientError::NoDriver));
    }

    /// tokio's streams behind the traits of the other runtimes.
    #[cfg(feature = "futures-io")]
    mod elsewhere {
        use std::io;
        use std::pin::Pin;
        use std::task::{Context, Poll};

        pub struct Other<T>(pub T);

        impl<T: tokio::io::AsyncRead + Unpin> futures_io::AsyncRead for Other<T> {
            fn poll_read(
                mut self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                chunk: &mut [u8],
            ) -> Poll<io::Result<usize>> {
                let mut chunk = tokio::io::ReadBuf::new(chunk);
                let read = Pin::new(&mut self.0).poll_read(cx, &mut chunk);
                read.map_ok(|()| chunk.filled().len())
            }
        }

        impl<T: tokio::io::AsyncWrite + Unpin> futures_io::AsyncWrite for Other<T> {
            fn poll_write(
                mut self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                bytes: &[u8],
            ) -> Poll<io::Result<usize>> {
                Pin::new(&mut self.0).poll_write(cx, bytes)
            }

            fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                Pin::new(&mut self.0).poll_flush(cx)
            }

            fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                Pin::new(&mut self.0).poll_shutdown(cx)
            }
        }
    }

    #[cfg(feature = "futures-io")]
    #[tokio::test]
    async fn a_thousand_tasks_share_one_async_client_of_another_runtime() {
        use elsewhere::Other;
        use mcp_proto::io::nonblocking::futures_io;

        local(async {
            let (client, driver) = AsyncClient::new(options(EraPolicy::Modern), async |client| {
                let (near, far) = duplex(64 * 1024);
                tokio::spawn(serve(far, 1000, Arc::default()));
                let (reader, writer) = split(near);
                let (reader, writer) = (Other(reader), Other(writer));
                Ok(futures_io::Connection::new(
                    client,
                    reader,
                    writer,
                    tokio::time::sleep,
                ))
            });
            tokio::task::spawn_local(driver);
            client.open().await.unwrap();
            let calls = (0..1000).map(|n| {
                let client = client.clone();
                tokio::task::spawn_local(async move {
                    let text = format!("task {n}");
                    assert_eq!(echo(&client, &text).await.unwrap(), text);
                })
            });
            for call in calls.collect::<Vec<_>>() {
                call.await.unwrap();
            }
            client.close().await.unwrap();
        })
        .await;
    }

    #[tokio::test]
    async fn driver_may_be_a_task_of_its_own() {
        let (client, driver) = AsyncClient::new(options(EraPolicy::Legacy), async |client| {
            let (near, far) = duplex(64 * 1024);
            tokio::spawn(serve(far, 1, Arc::default()));
            let (reader, writer) = split(near);
            Ok::<Duplex, _>(Connection::new(client, reader, writer))
        });
        let driver = tokio::spawn(driver);
        let other = client.clone();
        let said = tokio::spawn(async move { echo(&other, "from elsewhere").await });
        assert_eq!(said.await.unwrap().unwrap(), "from elsewhere");
        drop(client);
        driver.await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn opening_that_is_given_up_leaves_nothing_open() {
        local(async {
            let (client, driver) = AsyncClient::new(options(EraPolicy::Legacy), async |client| {
                let (near, far) = duplex(1024);
                std::mem::forget(far);
                let (reader, writer) = split(near);
                Ok::<Duplex, _>(Connection::new(client, reader, writer))
            });
            tokio::task::spawn_local(driver);
            let given_up = tokio::time::timeout(Duration::from_secs(1), client.open()).await;
            assert!(given_up.is_err());
            assert!(!client.is_running());
            assert_eq!(client.close().await, Err(ClientError::NotOpen));
            // Who comes next gets a connection of their own, with all its time.
            let before = tokio::time::Instant::now();
            client.ping().await.unwrap_err();
            assert!(before.elapsed() >= Duration::from_secs(5));
        })
        .await;
    }

    #[tokio::test]
    async fn driver_ends_with_the_last_handle() {
        local(async {
            let (client, driver) = AsyncClient::new(options(EraPolicy::Modern), async |client| {
                let (near, far) = duplex(64 * 1024);
                tokio::spawn(serve(far, 1, Arc::default()));
                let (reader, writer) = split(near);
                Ok::<Duplex, _>(Connection::new(client, reader, writer))
            });
            let driver = tokio::task::spawn_local(driver);
            client.open().await.unwrap();
            drop(client);
            driver.await.unwrap();
        })
        .await;
    }
}
