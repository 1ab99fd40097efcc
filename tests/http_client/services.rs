//! A client over an HTTP client of the host's own: any tower service.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use http_body::{Body, Frame};
use mcp_proto::client::ClientError;
use mcp_proto::io::http::{NotSent, Remote, RequestBody};
use mcp_proto::io::nonblocking::AsyncClient;
use serde_json::{Value, json};
use tower_service::Service;

use crate::scripted::{discovered, options, said};

/// An HTTP client without a network: a modern server answers in the same program.
#[derive(Clone, Default)]
struct InMemory {
    headers: Arc<Mutex<Vec<http::HeaderMap>>>,
    alive: Arc<()>,
    calls: Arc<AtomicUsize>,
}

/// A body that is there at once.
pub struct Whole(pub Option<Bytes>);

impl Body for Whole {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.0.take().map(|bytes| Ok(Frame::data(bytes))))
    }
}

impl Service<Request<RequestBody>> for InMemory {
    type Response = Response<Whole>;
    type Error = NotSent;
    type Future = Ready<Result<Response<Whole>, NotSent>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), NotSent>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<RequestBody>) -> Self::Future {
        self.headers.lock().unwrap().push(request.headers().clone());
        let body: Value = serde_json::from_slice(&request.into_body().into_bytes()).unwrap();
        let result = match body["method"].as_str().unwrap() {
            "server/discover" => discovered(),
            _ if self.calls.fetch_add(1, Ordering::Relaxed) == 1 => {
                return ready(Err(NotSent::new("the pool is empty")));
            }
            _ => said("from memory"),
        };
        let answer = json!({"jsonrpc": "2.0", "id": body["id"], "result": result}).to_string();
        let response = Response::builder().header("content-type", "application/json");
        ready(Ok(response.body(Whole(Some(answer.into()))).unwrap()))
    }
}

#[tokio::test]
async fn any_tower_service_carries_the_client_and_outlives_it() {
    let service = InMemory::default();
    let remote = Remote::new("https://memory.example/mcp").header("x-host", "mine");
    let (client, driver) = AsyncClient::http(options(), remote, service.clone());
    let driver = tokio::spawn(driver);
    client.open().await.unwrap();
    let said: String = client.call_tool_as("greet", json!({})).await.unwrap();
    assert_eq!(said, "from memory");
    // What its own client says was not sent may be sent again.
    let error = client.call_tool("greet", json!({})).await.unwrap_err();
    assert!(error.is_retryable(), "{error:?}");
    assert!(matches!(error, ClientError::Lost(_)), "{error:?}");
    client.close().await.unwrap();
    drop(client);
    driver.await.unwrap();
    // Nothing but the host's own handle of it is left, and that can still be used.
    assert_eq!(Arc::strong_count(&service.alive), 1);
    let headers = service.headers.lock().unwrap();
    assert!(headers.iter().all(|headers| headers["x-host"] == "mine"));
}
