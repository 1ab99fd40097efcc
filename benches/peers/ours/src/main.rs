//! mcp-proto's high-level async client and async server, over the same tokio duplex as the other peers;
//! with `BENCH_LAYER=sessions` the two sessions alone, bytes to bytes and without I/O, which is a narrower
//! scope than any peer's. The client keeps no lists, so that each `tools/list` is asked for.
mod sessions;

use std::cell::RefCell;
use std::sync::Arc;

use harness::{Peer, Workload, check};
use mcp_proto::client::ClientOptions;
use mcp_proto::io::nonblocking::AsyncClient;
use mcp_proto::io::nonblocking::AsyncServeOptions;
use mcp_proto::io::nonblocking::tokio::{Connection, serve};
use mcp_proto::model::content::{BlobResourceContents, ResourceContents, TextResourceContents};
use mcp_proto::model::resource::{ReadResourceResult, Resource};
use mcp_proto::model::tool::Tool;
use mcp_proto::rpc::Raw;
use mcp_proto::server::{Async, Server};
use mcp_proto::session::EraPolicy;

harness::counting_alloc!();

#[derive(serde::Deserialize)]
struct Echo {
    message: String,
}

#[derive(serde::Serialize)]
struct Say<'a> {
    message: &'a str,
}

thread_local! {
    // Built once per process, shared by every session, as the other peers do.
    static SERVER: Server<Async> = server();
}

fn server() -> Server<Async> {
    let schema = || Raw::encode(&harness::tool_schema()).unwrap();
    let mut server = Server::new("bench-server", "1.0.0").into_async();
    for i in 0..harness::N_TOOLS {
        let tool = Tool::new(harness::tool_name(i), schema()).description(harness::tool_desc(i));
        server = server.tool_async(tool, |_, echo: Echo| async move { Ok(echo.message) });
    }
    let (text, blob) = (Arc::new(harness::text_64k()), Arc::new(harness::blob_1m()));
    server
        .resource_async(Resource::new(harness::URI_TEXT, "text"), move |_| {
            let text = TextResourceContents::new(harness::URI_TEXT, text.clone());
            async move { Ok(ReadResourceResult::new(vec![ResourceContents::Text(text)])) }
        })
        .resource_async(Resource::new(harness::URI_BLOB, "blob"), move |_| {
            let blob = BlobResourceContents::new(harness::URI_BLOB, blob.clone());
            async move { Ok(ReadResourceResult::new(vec![ResourceContents::Blob(blob)])) }
        })
}

struct P {
    client: AsyncClient,
}

async fn pair() -> P {
    let era = if harness::modern() { EraPolicy::Modern } else { EraPolicy::Legacy };
    let options = ClientOptions::new("bench-client", "1.0.0").cache_tools(false).cache_resources(false).era(era);
    let server = SERVER.with(Clone::clone);
    let (client, driver) = AsyncClient::new(options, async move |client| {
        let (near, far) = tokio::io::duplex(harness::PIPE);
        let server = server.clone();
        tokio::task::spawn_local(async move {
            let (reader, writer) = tokio::io::split(far);
            serve(server, reader, writer, AsyncServeOptions::default()).await.unwrap();
        });
        let (reader, writer) = tokio::io::split(near);
        Ok(Connection::new(client, reader, writer))
    });
    tokio::task::spawn_local(driver);
    client.open().await.unwrap();
    P { client }
}

thread_local! { static KEPT: RefCell<Vec<tokio::task::JoinHandle<()>>> = const { RefCell::new(Vec::new()) }; }

impl Peer for P {
    fn name() -> String {
        format!("mcp-proto{}", harness::mode_suffix())
    }
    const VERSION: &'static str = "0.1.0";
    fn supports(w: Workload) -> bool {
        !(w == Workload::Ping && harness::modern())
    }
    async fn setup() -> Self {
        pair().await
    }
    async fn op(&self, w: Workload) {
        match w {
            Workload::EchoSeq | Workload::Echo64 => {
                let output = self.client.call_tool("echo", Say { message: harness::ECHO_ARG }).await.unwrap();
                check(output.value.as_text() == Some(harness::ECHO_ARG), "echo");
            }
            Workload::Ping => self.client.ping().await.unwrap(),
            Workload::List100 => check(self.client.list_tools().await.unwrap().len() == harness::N_TOOLS, "list"),
            Workload::Read64k | Workload::Read1m => {
                let (uri, n) = if w == Workload::Read64k { (harness::URI_TEXT, 65536) } else { (harness::URI_BLOB, 1 << 20) };
                let output = self.client.read_resource(uri).await.unwrap();
                let len = match &output.raw.contents[0] {
                    ResourceContents::Text(text) => text.text.len(),
                    ResourceContents::Blob(blob) => blob.blob.len(),
                    _ => 0,
                };
                check(len == n, "read");
            }
        }
    }
    type Session = Box<dyn std::any::Any>;
    async fn session(both: bool) -> Self::Session {
        if both {
            return Box::new(pair().await);
        }
        let (near, far) = tokio::io::duplex(harness::PIPE);
        let server = SERVER.with(Clone::clone);
        let task = tokio::task::spawn_local(async move {
            let (reader, writer) = tokio::io::split(far);
            serve(server, reader, writer, AsyncServeOptions::default()).await.unwrap();
        });
        KEPT.with(|kept| kept.borrow_mut().push(task));
        Box::new(harness::raw_handshake(near).await)
    }
}

fn main() {
    match std::env::var("BENCH_LAYER").as_deref() {
        Ok("sessions") => harness::main::<sessions::Bare>(),
        _ => harness::main::<P>(),
    }
}
