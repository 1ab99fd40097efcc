//! Calls over HTTP that are dropped after any number of polls, and clients that go away in the middle of
//! one: a server that takes few requests at once has room for the next.

use std::future::{Future, pending, poll_fn};
use std::pin::pin;
use std::task::Poll;

use mcp_proto::io::http::{HttpServeOptions, HttpService, Remote};
use mcp_proto::io::nonblocking::AsyncClient;
use mcp_proto::model::tool::{NO_ARGUMENTS_SCHEMA, Tool};
use mcp_proto::server::{Async, Context, HandlerError, Server};
use mcp_proto::session::EraPolicy;
use serde_json::{Value, json};
use tokio::task::{JoinHandle, yield_now};

use crate::scripted::options;

/// How many polls it takes at most until a call has had its answer, or waits for one.
const POLLS: usize = 40;

/// A server that takes so many requests at once, of which as many may be dropped as one likes.
fn service(requests: usize) -> HttpService {
    let blocking = Server::new("dropped", "1");
    let server: Server<Async> = blocking
        .tool(Tool::new("greet", NO_ARGUMENTS_SCHEMA), |_, _: Value| {
            Ok("hello".to_owned())
        })
        .tool_async(
            Tool::new("wait", NO_ARGUMENTS_SCHEMA),
            |_: Context, _: Value| async { pending::<Result<String, HandlerError>>().await },
        );
    let mut options = HttpServeOptions::default();
    options.limits.requests = requests;
    options.limits.cancel_burst = 1_000_000;
    options.limits.cancel_rate = 1_000_000;
    HttpService::on_tokio(server, options).unwrap()
}

fn connect(era: EraPolicy, service: &HttpService) -> (AsyncClient, JoinHandle<()>) {
    let remote = Remote::new("http://localhost/mcp");
    let (client, driver) = AsyncClient::http(options().era(era), remote, service.clone());
    (client, tokio::spawn(driver))
}

async fn is_served(client: &AsyncClient, what: &str) {
    let said = client.call_tool_as::<String>("greet", json!({})).await;
    assert_eq!(
        said.unwrap_or_else(|error| panic!("{what}: {error}")),
        "hello"
    );
}

/// A legacy client says by another request that it has dropped one.
const WAYS: [(EraPolicy, usize); 2] = [(EraPolicy::Modern, 1), (EraPolicy::Legacy, 2)];

#[tokio::test]
async fn a_call_that_is_dropped_after_any_poll_leaves_room_for_the_next() {
    for (era, requests) in WAYS {
        let (client, driver) = connect(era, &service(requests));
        client.open().await.unwrap();
        for tool in ["greet", "wait"] {
            for polls in 0..POLLS {
                {
                    let arguments = json!({});
                    let mut call = pin!(client.call_tool(tool, &arguments));
                    for _ in 0..polls {
                        let polled = poll_fn(|cx| Poll::Ready(call.as_mut().poll(cx)));
                        if polled.await.is_ready() {
                            break;
                        }
                        yield_now().await;
                    }
                }
                is_served(&client, &format!("{era:?}: {tool}, {polls} polls")).await;
            }
        }
        client.close().await.unwrap();
        drop(client);
        driver.await.unwrap();
    }
}

#[tokio::test]
async fn a_client_that_goes_away_after_any_poll_leaves_room_for_the_next() {
    for (era, requests) in WAYS {
        let service = service(requests);
        for tool in ["greet", "wait"] {
            for polls in 0..POLLS {
                let (client, driver) = connect(era, &service);
                let call = tokio::spawn({
                    let client = client.clone();
                    async move { client.call_tool(tool, &json!({})).await.map(drop) }
                });
                for _ in 0..polls {
                    yield_now().await;
                }
                driver.abort();
                assert!(driver.await.is_err());
                // Whoever waited for the driver learns that there is none.
                let _ = call.await.unwrap();
                drop(client);
                let (client, _driver) = connect(era, &service);
                is_served(&client, &format!("{era:?}: {tool}, {polls} polls")).await;
            }
        }
    }
}
