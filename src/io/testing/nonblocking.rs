//! A client for tasks and a server that is polled beside it, under tokio's clock.

use alloc::boxed::Box;
use core::future::{Future, poll_fn};
use core::pin::{Pin, pin};
use core::task::{Context, Poll};
use core::time::Duration;
use std::io;

use super::super::Handle;
use super::super::jobs::refused;
use super::super::nonblocking::serve::serve;
use super::super::nonblocking::{AsyncClient, AsyncServeOptions, Connection, Drive};
use super::memory::{MemoryStreams, pair};
use crate::client::{Client, ClientOptions, Event};
use crate::server::{Async, Server};

/// Connects a client to `server`, with defaults for everything; the future that comes with it drives
/// both and has to be polled, as a task of its own or in a `select`.
///
/// The client is opened at once. When it can't be opened, as with a server that
/// [`check`](Server::check) refuses, every operation of it returns an error that says why. Time is
/// tokio's: with a paused clock nothing waits, and the same test takes the same course every time.
///
/// ```
/// use std::time::Duration;
///
/// use mcp_proto::client::{ClientError, ToolCall};
/// use mcp_proto::{Server, Tool, testing};
/// use serde_json::{Value, json};
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() {
/// // In a file of your tests: `#[tokio::test(start_paused = true)]`.
/// let sleep = Tool::new("sleep", json!({"type": "object"}).into());
/// let server = Server::new("sleeper", "1.0").tool_async(sleep, |_, _: Value| async {
///     tokio::time::sleep(Duration::from_secs(60)).await;
///     Ok("Good morning")
/// });
/// let (client, driver) = testing::connect_async(server);
/// tokio::spawn(driver);
///
/// let output = client.call_tool("sleep", json!({})).await.expect("it wakes up");
/// assert_eq!(output.value.as_text(), Some("Good morning"));
///
/// let call = ToolCall::new("sleep").read_timeout(Duration::from_secs(30));
/// let error = client.call(call).await.unwrap_err();
/// assert!(matches!(error, ClientError::TimedOut { .. }));
/// # }
/// ```
pub fn connect_async(
    server: impl Into<Server<Async>>,
) -> (AsyncClient, impl Future<Output = ()> + Send) {
    connect_async_with(server, ClientOptions::default())
}

/// Connects a client of these options to `server`. See [`connect_async`].
pub fn connect_async_with(
    server: impl Into<Server<Async>>,
    options: ClientOptions,
) -> (AsyncClient, impl Future<Output = ()> + Send) {
    let server = server.into();
    let sleep = ::tokio::time::sleep;
    let connect = async move |client| Pair::new(client, &server);
    let (client, driver) = AsyncClient::with_sleep(options, sleep, connect);
    let opened = client.clone();
    let run = async move {
        // Whoever uses it hears of the error, as it is tried again then.
        let mut opening = Some(Box::pin(async move { drop(opened.open().await) }));
        let mut driving = pin!(driver);
        poll_fn(|cx| {
            if let Some(open) = &mut opening
                && open.as_mut().poll(cx).is_ready()
            {
                opening = None;
            }
            driving.as_mut().poll(cx)
        })
        .await;
    };
    (client, run)
}

/// A connection to a server that is polled with it.
struct Pair {
    connection: Connection<Client, MemoryStreams>,
    /// `None` once it has ended.
    serving: Option<Pin<Box<dyn Future<Output = io::Result<()>> + Send>>>,
}

impl Pair {
    fn new(client: Client, server: &Server<Async>) -> io::Result<Self> {
        server.check().map_err(refused)?;
        let (near, far) = pair();
        let service = Connection::start(server.service(), MemoryStreams::clock(), far);
        Ok(Self {
            connection: Connection::start(client, MemoryStreams::clock(), near),
            serving: Some(Box::pin(serve(service, AsyncServeOptions::default()))),
        })
    }

    /// Lets the server go on; ready with how it has ended, once.
    fn poll_server(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Some(serving) = &mut self.serving else {
            return Poll::Ready(Ok(()));
        };
        let end = core::task::ready!(serving.as_mut().poll(cx));
        self.serving = None;
        Poll::Ready(end)
    }
}

impl Drive for Pair {
    type Session = Client;

    fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Option<Event>>> {
        // What it failed with ends its streams, and is said here.
        if let Poll::Ready(Err(error)) = self.poll_server(cx) {
            return Poll::Ready(Err(error));
        }
        self.connection.poll_next(cx)
    }

    fn handle(&self) -> Handle<Client> {
        self.connection.handle()
    }

    fn hold(&mut self, grace: Option<Duration>) {
        self.connection.hold(grace);
    }

    fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_server(cx)
    }
}
