//! One `tools/call` there and back, bytes to bytes and without I/O: by the two sessions here, by
//! plain serde in [`floor`]. Both read the argument and the answer's text as `&str` and compare.

pub mod floor;

use mcp_proto::frame::LineDecoder;
use mcp_proto::model::capability::ServerCapabilities;
use mcp_proto::model::content::ContentBlock;
use mcp_proto::model::method::CallTool;
use mcp_proto::model::tool::{CallToolParams, CallToolResult};
use mcp_proto::rpc::Raw;
use mcp_proto::session::{
    CallOptions, ClientConfig, ClientEvent, ClientSession, EraPolicy, Request, Route, ServerConfig,
    ServerEvent, ServerSession, Session,
};
use mcp_proto::{Era, Instant, Limits, Revision};
use serde::{Deserialize, Serialize};

/// What is echoed.
pub const MESSAGE: &str = "hello, world";

/// The arguments of the tool.
#[derive(Serialize, Deserialize)]
pub struct Arguments<'a> {
    /// What to say.
    pub message: &'a str,
}

/// A client and a server that are open, and the two directions of a pipe between them.
pub struct Sessions {
    pub client: ClientSession,
    pub server: ServerSession,
    to_client: LineDecoder,
    to_server: LineDecoder,
    line: Vec<u8>,
    arguments: Vec<u8>,
    pub now: Instant,
}

impl Sessions {
    /// Sessions that have opened with the newest revision of `era`.
    pub fn open(era: Era) -> Self {
        Self::with_limits(era, Limits::default())
    }

    /// Sessions that have opened with these limits at both ends.
    pub fn with_limits(era: Era, limits: Limits) -> Self {
        let server = ServerSession::new(Self::server_config().limits(limits.clone()));
        Self::opened(server, era, limits)
    }

    /// What servers are like here.
    pub fn server_config() -> ServerConfig {
        ServerConfig::new("bench-server", "1.0.0")
            .capabilities(ServerCapabilities::new().tools(false).resources_subscribe())
    }

    /// A client that has opened this server.
    pub fn open_to(server: ServerSession, era: Era) -> Self {
        Self::opened(server, era, Limits::default())
    }

    fn opened(server: ServerSession, era: Era, limits: Limits) -> Self {
        let (revision, policy) = if era == Era::Legacy {
            (Revision::NEWEST_LEGACY, EraPolicy::Legacy)
        } else {
            (Revision::NEWEST, EraPolicy::Modern)
        };
        let client = ClientConfig::new("bench-client", "1.0.0")
            .revisions(vec![revision])
            .era(policy)
            .limits(limits);
        let mut sessions = Self {
            to_client: LineDecoder::new(client.limits.frame),
            to_server: LineDecoder::new(server.frame_limit()),
            client: ClientSession::new(client),
            server,
            line: Vec::new(),
            arguments: Vec::new(),
            now: Instant::from_millis(1),
        };
        sessions
            .client
            .open(sessions.now)
            .expect("it is not open yet");
        while sessions.carry_to_server() + sessions.carry_to_client() > 0 {}
        let opened = sessions.client.poll_event();
        assert!(
            matches!(opened, Some(ClientEvent::Opened { .. })),
            "{opened:?}"
        );
        while sessions.server.poll_event().is_some() {}
        sessions
    }

    /// Carries what the client has to send; how many frames that were.
    pub fn carry_to_server(&mut self) -> usize {
        carry(
            &mut self.client,
            &mut self.to_server,
            &mut self.server,
            &mut self.line,
            self.now,
        )
    }

    /// Carries what the server has to send; how many frames that were.
    pub fn carry_to_client(&mut self) -> usize {
        carry(
            &mut self.server,
            &mut self.to_client,
            &mut self.client,
            &mut self.line,
            self.now,
        )
    }

    /// One call of the tool `echo`, there and back.
    #[inline(never)]
    pub fn echo(&mut self, message: &str) {
        self.arguments.clear();
        serde_json::to_writer(&mut self.arguments, &Arguments { message }).expect("text is JSON");
        let arguments = std::str::from_utf8(&self.arguments).expect("JSON is text");
        let arguments = Raw::new(arguments).expect("it is JSON");
        let params = CallToolParams::new("echo").arguments(arguments);
        let call = self
            .client
            .call::<CallTool>(self.now, &params, CallOptions::new())
            .expect("the session is open");
        self.carry_to_server();

        let request = self.request();
        let asked = request
            .params::<CallTool>()
            .expect("the client sent good params");
        assert_eq!(asked.name, "echo");
        let arguments = asked.arguments.as_ref().map_or("{}", Raw::as_str);
        let arguments: Arguments<'_> = serde_json::from_str(arguments).expect("they fit");
        assert_eq!(arguments.message, message);
        let result = CallToolResult::text(arguments.message);
        self.server
            .reply::<CallTool>(self.now, request.id, &result)
            .expect("the request is open");
        self.carry_to_client();

        let Some(ClientEvent::Completed(completed)) = self.client.poll_event() else {
            panic!("the call has not ended");
        };
        let result = completed.of(call).expect("it is this call");
        let result = result.expect("it has a result");
        let text = result.content.first().and_then(ContentBlock::as_text);
        assert_eq!(text, Some(message));
    }

    /// Has so many calls in flight at once, and all of them answered in the order that `nth` gives.
    pub fn at_once(&mut self, many: usize, nth: impl Fn(usize) -> usize) {
        let params = CallToolParams::new("echo");
        for _ in 0..many {
            self.client
                .call::<CallTool>(self.now, &params, CallOptions::new())
                .expect("the session is open");
        }
        self.carry_to_server();
        let requests: Vec<_> = (0..many).map(|_| self.request().id).collect();
        let result = CallToolResult::text(MESSAGE);
        for at in (0..many).map(nth) {
            self.server
                .reply::<CallTool>(self.now, requests[at], &result)
                .expect("the request is open");
        }
        self.carry_to_client();
        for _ in 0..many {
            let event = self.client.poll_event();
            assert!(
                matches!(event, Some(ClientEvent::Completed(_))),
                "{event:?}"
            );
        }
    }

    /// The server's next event, which has to be a request.
    pub fn request(&mut self) -> Request {
        match self.server.poll_event() {
            Some(ServerEvent::Request(request)) => request,
            other => panic!("expected a request, got {other:?}"),
        }
    }

    /// The frames of one echo: the request and the answer.
    pub fn frames(&mut self, message: &str) -> [Vec<u8>; 2] {
        let mut frames = [Vec::new(), Vec::new()];
        let arguments = Raw::encode(&Arguments { message }).expect("text is JSON");
        let params = CallToolParams::new("echo").arguments(arguments);
        self.client
            .call::<CallTool>(self.now, &params, CallOptions::new())
            .expect("the session is open");
        self.client.poll_transmit(&mut frames[0]);
        let request = frames[0].clone();
        self.server
            .handle_frame(self.now, Route::Pipe, request.into());
        let request = self.request();
        self.server
            .reply::<CallTool>(self.now, request.id, &CallToolResult::text(message))
            .expect("the request is open");
        self.server.poll_transmit(&mut frames[1]);
        let answer = frames[1].clone();
        self.client
            .handle_frame(self.now, Route::Pipe, answer.into());
        self.client.poll_event().expect("the call has ended");
        frames
    }
}

pub fn carry(
    from: &mut impl Session,
    decoder: &mut LineDecoder,
    to: &mut impl Session,
    line: &mut Vec<u8>,
    now: Instant,
) -> usize {
    let mut frames = 0;
    while from.poll_transmit(line).is_some() {
        line.push(b'\n');
        decoder.push_buffer(line);
        while let Some(frame) = decoder.next_frame() {
            to.handle_frame(now, Route::Pipe, frame.expect("it is a good line"));
            frames += 1;
        }
    }
    frames
}
