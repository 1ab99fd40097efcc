//! The two sessions alone on the same workloads, frame by frame.
use std::cell::RefCell;

use harness::{Peer, Workload, check};
use mcp_proto::frame::LineDecoder;
use mcp_proto::model::capability::ServerCapabilities;
use mcp_proto::model::content::{
    BlobResourceContents, ContentBlock, ResourceContents, TextResourceContents,
};
use mcp_proto::model::method::{CallTool, EmptyResult, ListTools, Ping, ReadResource};
use mcp_proto::model::page::PaginatedRequestParams;
use mcp_proto::model::resource::{ReadResourceParams, ReadResourceResult};
use mcp_proto::model::tool::{CallToolParams, CallToolResult, ListToolsResult, Tool};
use mcp_proto::rpc::Raw;
use mcp_proto::session::{
    CallOptions, ClientConfig, ClientEvent, ClientSession, Completed, EraPolicy, Request, Route,
    ServerConfig, ServerEvent, ServerSession, Session,
};
use mcp_proto::{Instant, Revision};

const NOW: Instant = Instant::from_millis(1);

pub struct Bare(RefCell<Pair>);

struct Pair {
    client: ClientSession,
    server: ServerSession,
    to_client: LineDecoder,
    to_server: LineDecoder,
    line: Vec<u8>,
    tools: ListToolsResult<'static>,
    text: String,
    blob: String,
}

impl Pair {
    fn open() -> Self {
        let (revision, era) = match harness::modern() {
            true => (Revision::NEWEST, EraPolicy::Modern),
            false => (Revision::NEWEST_LEGACY, EraPolicy::Legacy),
        };
        let client = ClientConfig::new("bench-client", "1.0.0").revisions(vec![revision]).era(era);
        let capabilities = ServerCapabilities::new().tools(false).resources(false);
        let server = ServerConfig::new("bench-server", "1.0.0").capabilities(capabilities);
        let schema = Raw::encode(&harness::tool_schema()).unwrap();
        let tool = |i| {
            Tool::new(harness::tool_name(i), schema.clone()).description(harness::tool_desc(i))
        };
        let mut pair = Self {
            to_client: LineDecoder::new(client.limits.frame),
            to_server: LineDecoder::new(server.limits.frame),
            client: ClientSession::new(client),
            server: ServerSession::new(server),
            line: Vec::new(),
            tools: ListToolsResult::new((0..harness::N_TOOLS).map(tool).collect()),
            text: harness::text_64k(),
            blob: harness::blob_1m(),
        };
        pair.client.open(NOW).unwrap();
        while pair.to_server() + pair.to_client() > 0 {}
        check(matches!(pair.client.poll_event(), Some(ClientEvent::Opened { .. })), "opened");
        while pair.server.poll_event().is_some() {}
        pair
    }

    fn to_server(&mut self) -> usize {
        carry(&mut self.client, &mut self.to_server, &mut self.server, &mut self.line)
    }

    fn to_client(&mut self) -> usize {
        carry(&mut self.server, &mut self.to_client, &mut self.client, &mut self.line)
    }

    fn request(&mut self) -> Request {
        self.to_server();
        match self.server.poll_event() {
            Some(ServerEvent::Request(request)) => request,
            other => panic!("expected a request, got {other:?}"),
        }
    }

    fn completed(&mut self) -> Completed {
        self.to_client();
        match self.client.poll_event() {
            Some(ClientEvent::Completed(completed)) => completed,
            other => panic!("expected the end of a call, got {other:?}"),
        }
    }

    fn echo(&mut self) {
        let arguments = Raw::encode(&super::Say { message: harness::ECHO_ARG }).unwrap();
        let params = CallToolParams::new("echo").arguments(arguments);
        let call = self.client.call::<CallTool>(NOW, &params, CallOptions::new()).unwrap();
        let request = self.request();
        let asked: super::Echo = request.arguments_as().unwrap();
        let result = CallToolResult::text(asked.message);
        self.server.reply::<CallTool>(NOW, request.id, &result).unwrap();
        let completed = self.completed();
        let result = completed.of(call).unwrap().unwrap();
        let text = result.content.first().and_then(ContentBlock::as_text);
        check(text == Some(harness::ECHO_ARG), "echo");
    }

    fn ping(&mut self) {
        let call = self.client.ping(NOW, CallOptions::new()).unwrap();
        self.to_server();
        let completed = self.completed();
        check(completed.of::<Ping>(call) == Some(Ok(EmptyResult::new())), "ping");
    }

    fn list(&mut self) {
        let params = PaginatedRequestParams::new();
        let call = self.client.call::<ListTools>(NOW, &params, CallOptions::new()).unwrap();
        let request = self.request();
        self.server.reply::<ListTools>(NOW, request.id, &self.tools).unwrap();
        let completed = self.completed();
        let list = completed.of(call).unwrap().unwrap();
        check(list.tools.len() == harness::N_TOOLS, "list");
    }

    fn read(&mut self, is_text: bool) {
        let uri = if is_text { harness::URI_TEXT } else { harness::URI_BLOB };
        let params = ReadResourceParams::new(uri);
        let call = self.client.call::<ReadResource>(NOW, &params, CallOptions::new()).unwrap();
        let request = self.request();
        let contents = match is_text {
            true => ResourceContents::Text(TextResourceContents::new(uri, &self.text)),
            false => ResourceContents::Blob(BlobResourceContents::new(uri, &self.blob)),
        };
        let result = ReadResourceResult::new(vec![contents]);
        self.server.reply::<ReadResource>(NOW, request.id, &result).unwrap();
        let completed = self.completed();
        let result = completed.of(call).unwrap().unwrap();
        let length = match &result.contents[0] {
            ResourceContents::Text(contents) => contents.text.len(),
            ResourceContents::Blob(contents) => contents.blob.len(),
            _ => 0,
        };
        check(length == if is_text { 65536 } else { 1 << 20 }, "read");
    }
}

fn carry(
    from: &mut impl Session,
    decoder: &mut LineDecoder,
    to: &mut impl Session,
    line: &mut Vec<u8>,
) -> usize {
    let mut frames = 0;
    while from.poll_transmit(line).is_some() {
        line.push(b'\n');
        decoder.push(line);
        line.clear();
        while let Some(frame) = decoder.next_frame() {
            to.handle_frame(NOW, Route::Pipe, frame.unwrap());
            frames += 1;
        }
    }
    frames
}

impl Peer for Bare {
    fn name() -> String {
        format!("mcp-proto-sessions{}", harness::mode_suffix())
    }
    const VERSION: &'static str = "0.1.0";
    fn supports(w: Workload) -> bool {
        w != Workload::Echo64 && !(w == Workload::Ping && harness::modern())
    }
    async fn setup() -> Self {
        Self(RefCell::new(Pair::open()))
    }
    async fn op(&self, w: Workload) {
        let mut pair = self.0.borrow_mut();
        match w {
            Workload::EchoSeq | Workload::Echo64 => pair.echo(),
            Workload::Ping => pair.ping(),
            Workload::List100 => pair.list(),
            Workload::Read64k => pair.read(true),
            Workload::Read1m => pair.read(false),
        }
    }
    type Session = Bare;
    async fn session(_: bool) -> Bare {
        Self::setup().await
    }
}
