//! One session against frames that are written by hand: whatever a peer may send, and what comes back.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use mcp_proto::frame::{FrameError, LineDecoder};
use mcp_proto::model::method::CallTool;
use mcp_proto::model::tool::CallToolParams;
use mcp_proto::session::{
    CallId, CallOptions, ClientConfig, ClientEvent, ClientSession, Closed, Completed, Route,
    Routing, ServerConfig, ServerEvent, ServerSession,
};
use mcp_proto::{Era, Instant, Revision};
use serde_json::{Value, json};

use super::carrier::Way;
use super::pair::{Checked, client_config, everything_of_a_server, server_config};
use super::wire::Wire;

/// A session whose peer is the test, and which is met by the way of the test: over HTTP each frame
/// for a server is posted, and each for a client comes by the exchange that it belongs to.
#[derive(Clone)]
pub struct Script<S: Checked> {
    pub session: S,
    link: S::Link,
    pub now: Instant,
    pub events: VecDeque<S::Event>,
    /// Holds every frame that is sent against the official schema; see [`Wire::turn_off`].
    pub checked: Wire,
}

impl<S: Checked> Script<S> {
    pub fn new(mut session: S) -> Self {
        let now = Instant::from_millis(1000);
        let events = VecDeque::new();
        Self {
            link: session.link(now),
            session,
            now,
            events,
            checked: Wire::default(),
        }
    }

    /// Gives the session a frame and collects what happens.
    pub fn feed(&mut self, frame: impl Into<Bytes>) {
        let frame = frame.into();
        self.checked.put_in(!S::IS_CLIENT, &frame);
        self.session.feed(&mut self.link, self.now, frame);
        self.collect();
    }

    /// Gives the session a message and collects what happens.
    pub fn feed_json(&mut self, message: &Value) {
        self.feed(message.to_string());
    }

    /// Gives the session what a decoder could not make a frame of.
    pub fn feed_malformed(&mut self, error: FrameError) {
        self.session.handle_malformed(self.now, Route::Pipe, error);
        self.collect();
    }

    /// Gives the session bytes through a decoder, `chunk` of them at a time, to their end.
    pub fn feed_bytes(&mut self, bytes: &[u8], chunk: usize) {
        let mut decoder = LineDecoder::new(self.session.frame_limit());
        for piece in bytes.chunks(chunk) {
            decoder.push(piece);
            while let Some(frame) = decoder.next_frame() {
                match frame {
                    Ok(frame) => self.feed(frame),
                    Err(error) => self.feed_malformed(error),
                }
            }
        }
        match decoder.finish() {
            Some(Ok(frame)) => self.feed(frame),
            Some(Err(error)) => self.feed_malformed(error),
            None => {}
        }
    }

    /// Lets time pass.
    pub fn pass(&mut self, duration: Duration) {
        self.now = self.now + duration;
        self.session.pass(&mut self.link, self.now);
        self.collect();
    }

    /// Ends the connection.
    pub fn close(&mut self, why: Closed) {
        self.session.handle_closed(self.now, Route::Pipe, why);
        self.collect();
    }

    pub fn collect(&mut self) {
        self.events
            .extend(std::iter::from_fn(|| self.session.poll_event()));
    }

    /// The messages sent since this was last asked.
    pub fn sent(&mut self) -> Vec<Value> {
        let frames = self.session.take(&mut self.link, self.now);
        self.checked.resume(self.session.negotiated());
        for frame in &frames {
            self.checked.sent(S::IS_CLIENT, frame);
        }
        let json = |frame: &String| serde_json::from_str(frame).expect("a frame is JSON");
        frames.iter().map(json).collect()
    }

    /// The one message sent since this was last asked.
    pub fn reply(&mut self) -> Value {
        let mut sent = self.sent();
        assert_eq!(sent.len(), 1, "{sent:#?}");
        sent.remove(0)
    }

    /// The events so far, taken.
    pub fn take_events(&mut self) -> Vec<S::Event> {
        self.collect();
        self.events.drain(..).collect()
    }
}

impl Script<ServerSession> {
    /// A server that nothing has been said to yet.
    pub fn fresh_server(config: ServerConfig) -> Self {
        Self::new(ServerSession::new(config))
    }

    /// A server of everything, ready for requests of `revision`.
    pub fn server(revision: Revision) -> Self {
        Self::server_with(revision, server_config())
    }

    /// A server of this configuration, ready for requests of `revision`.
    pub fn server_with(revision: Revision, config: ServerConfig) -> Self {
        let mut script = Self::fresh_server(config);
        if revision.era() == Era::Legacy {
            script.feed_json(&initialize(0, revision.as_str()));
            let answer = script.reply();
            assert_eq!(answer["result"]["protocolVersion"], revision.as_str());
            script.feed_json(&notification("notifications/initialized", json!({})));
            assert!(matches!(
                script.events.pop_front(),
                Some(ServerEvent::Opened { .. })
            ));
        }
        script
    }

    /// Sends a request that the session answers by itself and checks that it does.
    pub fn check_alive(&mut self, revision: Revision) {
        let method = match revision.era() {
            Era::Legacy => "ping",
            _ => "server/discover",
        };
        self.feed_json(&request(revision, json!("alive?"), method, json!({})));
        let answers = self.sent();
        let alive = answers.iter().find(|answer| answer["id"] == "alive?");
        assert!(alive.is_some_and(|answer| answer["result"].is_object()));
    }
}

impl Script<ClientSession> {
    /// A client that has been opened but not answered.
    pub fn fresh_client(config: ClientConfig) -> Self {
        let config = match Way::current() {
            Way::Pipe => config,
            _ => config.routing(Routing::PerRequest),
        };
        let mut script = Self::new(ClientSession::new(config));
        script.session.open(script.now).expect("it is new");
        script.collect();
        script
    }

    /// A client that has opened with `revision`, and a server that declared everything.
    pub fn client(revision: Revision) -> Self {
        Self::client_with(revision, client_config(revision))
    }

    /// A client of this configuration that has opened with `revision`.
    pub fn client_with(revision: Revision, config: ClientConfig) -> Self {
        let mut script = Self::fresh_client(config);
        let asked = script.reply();
        let capabilities = serde_json::to_value(everything_of_a_server()).unwrap();
        let answer = opening_result(revision, &capabilities);
        script.feed_json(&result(&asked["id"], answer));
        let opened = script.events.pop_front();
        assert!(
            matches!(opened, Some(ClientEvent::Opened { .. })),
            "{opened:?}"
        );
        script.sent();
        script
    }
}

/// What a server of `capabilities` says to `server/discover` or `initialize`.
pub fn opening_result(revision: Revision, capabilities: &Value) -> Value {
    let info = json!({"name": "scripted", "version": "3.0"});
    match revision.era() {
        Era::Legacy => json!({
            "protocolVersion": revision.as_str(),
            "capabilities": capabilities,
            "serverInfo": info,
        }),
        _ => json!({
            "resultType": "complete",
            "supportedVersions": [revision.as_str()],
            "capabilities": capabilities,
            "ttlMs": 0,
            "cacheScope": "private",
            "_meta": {"io.modelcontextprotocol/serverInfo": info},
        }),
    }
}

/// An `initialize` request.
pub fn initialize(id: impl Into<Value>, version: &str) -> Value {
    json!({
        "jsonrpc": "2.0",
        "id": id.into(),
        "method": "initialize",
        "params": {
            "protocolVersion": version,
            "capabilities": {"sampling": {}, "roots": {}, "elicitation": {}},
            "clientInfo": {"name": "scripted", "version": "3.0"},
        },
    })
}

/// What a modern request has to say of itself.
pub fn modern_meta() -> Value {
    json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
    })
}

/// A request as a client of `revision` sends it.
pub fn request(revision: Revision, id: impl Into<Value>, method: &str, params: Value) -> Value {
    let mut params = params;
    if revision.era() == Era::Modern && params.get("_meta").is_none() {
        params["_meta"] = modern_meta();
    }
    json!({"jsonrpc": "2.0", "id": id.into(), "method": method, "params": params})
}

/// A `tools/call` as a client of `revision` sends it.
pub fn tool_call(revision: Revision, id: impl Into<Value>) -> Value {
    request(revision, id, "tools/call", json!({"name": "echo"}))
}

/// A notification.
pub fn notification(method: &str, params: Value) -> Value {
    json!({"jsonrpc": "2.0", "method": method, "params": params})
}

/// A response with a result.
pub fn result(id: &Value, result: Value) -> Value {
    json!({"jsonrpc": "2.0", "id": id, "result": result})
}

/// A response with an error.
pub fn error(id: &Value, code: i64) -> Value {
    json!({"jsonrpc": "2.0", "id": id, "error": {"code": code, "message": "no"}})
}

/// The result of a tool call as a server of any revision sends it.
pub fn tool_result() -> Value {
    json!({"resultType": "complete", "content": [{"type": "text", "text": "hi"}]})
}

/// A client with a call that has been sent, the call and the id of its request.
pub fn calling(
    revision: Revision,
    options: CallOptions<'_>,
) -> (Script<ClientSession>, CallId<CallTool>, Value) {
    let mut client = Script::client(revision);
    let params = CallToolParams::new("x");
    let call = client
        .session
        .call::<CallTool>(client.now, &params, options)
        .unwrap();
    let id = client.reply()["id"].clone();
    (client, call, id)
}

/// The one event there is, which has to be the end of a call.
pub fn completed(client: &mut Script<ClientSession>) -> Completed {
    let mut events = client.take_events();
    assert_eq!(events.len(), 1, "{events:?}");
    match events.pop() {
        Some(ClientEvent::Completed(done)) => done,
        other => panic!("{other:?}"),
    }
}

/// The one message sent, which has to be the cancellation of `id`.
pub fn check_cancelled(client: &mut Script<ClientSession>, id: &Value, reason: Option<&str>) {
    let mut params = json!({"requestId": id});
    if let Some(reason) = reason {
        params["reason"] = json!(reason);
    }
    assert_eq!(
        client.reply(),
        notification("notifications/cancelled", params)
    );
}
