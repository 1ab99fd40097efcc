//! The Model Context Protocol as a state machine without I/O, for both roles and all five revisions.
//!
//! Frames and the time go in; frames, events and the next deadline come out: a [`ClientSession`] or a
//! [`ServerSession`] opens no socket, reads no clock, spawns nothing and draws no random number.
//! Both eras of the protocol, the `initialize` handshake up to 2025-11-25 and the stateless requests
//! of 2026-07-28, are driven by the same commands and events, so that code written once serves both.
//! Small adapters, each behind its feature, drive a session with threads, with tokio, with any other
//! runtime, or over the pipes of a child process.
//!
//! ```text
//!  bytes ──frame──▶ frames ──rpc──▶ messages ──model──▶ typed ──session──▶ events ──▶ client, server ──▶ user
//!  bytes ◀──frame── frames ◀──rpc── messages ◀──model── typed ◀──session── commands ◀── client, server ◀── user
//!  io (clock, pipes, threads, futures) drives it
//! ```
//!
//! A module uses only what stands to its left, `frame ← rpc ← model ← session ← {auth, http, client, server} ← io`,
//! and can be used without what stands to its right.
//!
//! # A server
//!
//! ```no_run
//! # #[cfg(feature = "schemars")]
//! fn main() -> std::io::Result<()> {
//!     use mcp_proto::{Server, tools};
//!
//!     Server::new("shouter", "1.0")
//!         .add(tools! {
//!             /// Says it louder.
//!             fn shout(text: String) -> String {
//!                 text.to_uppercase()
//!             }
//!         })
//!         .serve_stdio()
//! }
//! # #[cfg(not(feature = "schemars"))]
//! # fn main() {}
//! ```
//!
//! # A client
//!
//! ```no_run
//! # #[cfg(feature = "child")]
//! fn main() -> Result<(), mcp_proto::client::ClientError> {
//!     use mcp_proto::io::child::Command;
//!     use mcp_proto::{BlockingClient, ClientOptions};
//!
//!     let options = ClientOptions::new("guest", "1.0");
//!     let client = BlockingClient::child(options, Command::new("./shouter"));
//!     client.open()?;
//!     let output = client.call_tool("shout", serde_json::json!({"text": "hello"}))?;
//!     println!("{}", output.value);
//!     client.close()
//! }
//! # #[cfg(not(feature = "child"))]
//! # fn main() {}
//! ```
//!
//! # Where to start
//!
//! | you want | start at | features |
//! |---|---|---|
//! | a server that hosts start: tools, resources, prompts | `tools!`, `Server::serve_stdio` | `schemars` |
//! | the same over other streams | [`Server`], `io::blocking` | default |
//! | the same with handlers that are futures | [`Server`], `io::nonblocking` | `tokio` or `futures-io` |
//! | a server over HTTP | `Server::serve_http`, `io::http::HttpServer` | `hyper` |
//! | the same in axum or any other HTTP stack | `io::http::HttpService` | `http` |
//! | answers to single requests, without any adapter | [`Server::stateless`] | `server` |
//! | a server with an event loop of its own | [`server::Service`] | `server` |
//! | a client of a server that it starts | `io::blocking::BlockingClient`, `io::child` | default |
//! | a client of a server at a URL | `BlockingClient::url`, `AsyncClient::url`, `io::http::Remote` | `rustls`, `hyper-client` or `ureq` |
//! | the same over an HTTP client of one's own | `AsyncClient::http` | `http-client` |
//! | the same where the server wants to know who asks | `io::auth::Auth`, `Remote::auth` | `auth` |
//! | a client in tasks | `io::nonblocking::AsyncClient` | default for processes; `tokio` or `futures-io` for streams |
//! | a server with skills, a client that reads them | `Server::skill`, `io::skills`, `BlockingClient::list_skills` | `skills`, `skills-dir` |
//! | the servers that a user has configured | [`client::config::Config`] | `client` |
//! | a test of a server or a client, in memory | `testing` | default |
//! | a client with an event loop of its own | [`client::Client`] | `client` |
//! | the protocol itself: a proxy, a gateway, a new transport | [`ClientSession`], [`ServerSession`] in [`session`] | `client`, `server` |
//! | a server on a host that starts it for each HTTP request, wasm included | `edge::Edge` | `http-core`, `server` |
//! | the types of the five revisions | [`model`] | none |
//! | JSON-RPC without MCP | [`rpc`], [`frame`] | none |
//!
//! The programs in `examples/` begin with the shortest server (`simple_server`), the shortest client
//! (`simple_client`) and the servers of a configuration file (`from_config`).
//!
//! # Errors
//!
//! * [`client::ClientError`]: what became of a call, a list or an opening of the high-level client.
//!   [`Retry`](client::ClientError::Retry) is a tool's failure: its message is for the model, its whole
//!   result, structured content included, for the host.
//! * [`server::HandlerError`]: what a handler returns with `?`. It becomes an answer to the client.
//! * [`rpc::RpcError`]: the peer's code, message and data.
//! * [`session::Misuse`]: a command that can't be given now. It has changed nothing.
//! * [`client::config::ConfigError`]: a mistake of a configuration file, with its place.
//! * `std::io::Error`: a connection can't be made or has failed. That of a child process says how it
//!   ended and what it wrote last to its standard error.
//!
//! # The run loop
//!
//! An adapter does the following, in any order and as often as it likes; [`Session`] has it all.
//!
//! 1. What was read goes through a [`LineDecoder`](frame::LineDecoder), and its frames into
//!    [`handle_frame`](Session::handle_frame). What is no frame goes into
//!    [`handle_malformed`](Session::handle_malformed), which answers the peer where it must hear of
//!    it. While [`wants_frames`](Session::wants_frames) is `false`, stop reading.
//! 2. [`poll_event`](Session::poll_event) until it says `None`, and let the user react with commands:
//!    [`call`](ClientSession::call), [`reply`](ServerSession::reply) and so on.
//! 3. [`poll_transmit`](Session::poll_transmit) until it says `None`, and write what it gives.
//! 4. When the time of [`poll_timeout`](Session::poll_timeout) has come, say so with
//!    [`handle_timeout`](Session::handle_timeout).
//! 5. When the stream ends or fails, say so with [`handle_closed`](Session::handle_closed). All that
//!    was open is completed, and the last event says why.
//!
//! Here both ends live in one program and take turns, and the time is written down:
//!
//! ```
//! use mcp_proto::frame::LineDecoder;
//! use mcp_proto::model::capability::ServerCapabilities;
//! use mcp_proto::model::method::CallTool;
//! use mcp_proto::model::tool::{CallToolParams, CallToolResult};
//! use mcp_proto::session::{
//!     CallOptions, ClientConfig, ClientEvent, Closed, Route, ServerConfig, ServerEvent,
//! };
//! use mcp_proto::{ClientSession, Instant, ServerSession, Session};
//!
//! /// Takes what one end has to send to the other.
//! fn carry(from: &mut impl Session, to: &mut impl Session, now: Instant) {
//!     // 3. Frames come without a delimiter; on a pipe each is a line.
//!     let mut bytes = Vec::new();
//!     while from.poll_transmit(&mut bytes).is_some() {
//!         bytes.push(b'\n');
//!     }
//!     // 1. However the bytes are cut on their way, the frames are the same.
//!     let mut decoder = LineDecoder::new(to.frame_limit());
//!     decoder.push(&bytes);
//!     while let Some(next) = decoder.next_frame() {
//!         match next {
//!             Ok(frame) => to.handle_frame(now, Route::Pipe, frame),
//!             Err(error) => to.handle_malformed(now, Route::Pipe, error),
//!         }
//!     }
//! }
//!
//! let tools = ServerCapabilities::new().tools(false);
//! let mut server = ServerSession::new(ServerConfig::new("greeter", "1.0").capabilities(tools));
//! let mut client = ClientSession::new(ClientConfig::new("guest", "1.0"));
//! let mut now = Instant::ZERO;
//! let mut said = Vec::new();
//!
//! client.open(now)?;
//! while !client.is_closed() {
//!     carry(&mut client, &mut server, now);
//!     carry(&mut server, &mut client, now);
//!     // 2. The server's user answers what is asked of it.
//!     while let Some(event) = server.poll_event() {
//!         if let ServerEvent::Request(request) = event {
//!             let name = request.params::<CallTool>()?.name;
//!             let result = CallToolResult::text(format!("{name}, world"));
//!             server.reply::<CallTool>(now, request.id, &result)?;
//!         }
//!     }
//!     // 2. The client's user calls a tool, reads the answer and leaves.
//!     while let Some(event) = client.poll_event() {
//!         match event {
//!             ClientEvent::Opened { .. } => {
//!                 let params = CallToolParams::new("hello");
//!                 client.call::<CallTool>(now, &params, CallOptions::new())?;
//!             }
//!             ClientEvent::Completed(call) => {
//!                 let result = call.result::<CallTool>()?;
//!                 said.extend(result.content[0].as_text().map(str::to_owned));
//!                 client.close(now);
//!             }
//!             _ => {}
//!         }
//!     }
//!     // 4. Nothing waits for long here; an adapter would sleep until then, or until bytes come.
//!     if let Some(deadline) = client.poll_timeout().filter(|deadline| *deadline <= now) {
//!         now = deadline;
//!         client.handle_timeout(now);
//!     }
//! }
//! // 5. The client is gone, and the server hears of it.
//! server.handle_closed(now, Route::Pipe, Closed::EndOfInput);
//!
//! assert_eq!(said, ["hello, world"]);
//! assert!(server.is_closed());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Features
//!
//! | feature | default | what it adds |
//! |---|---|---|
//! | `std` | yes | `io::blocking`: threads, any `Read` and `Write` |
//! | `client` | yes | [`ClientSession`], [`client`], and of `io` and `http` what only clients use |
//! | `server` | yes | [`ServerSession`], [`server`], and of `io`, `http` and `edge` what only servers use |
//! | `child` | yes | `io::child`: a server that a client starts as a process; brings `std` and `client` |
//! | `tokio` | no | `io::nonblocking::tokio`: any `AsyncRead` and `AsyncWrite` of tokio; brings `std` |
//! | `futures-io` | no | `io::nonblocking::futures_io`: the same for every other runtime; brings `std` |
//! | `schemars` | no | `tools!`, `resources!`, `prompts!`, `server::tool_for`: definitions from Rust types; brings `std` and `server` |
//! | `jsonschema` | no | `model::json_schema`: values checked against JSON Schema; brings `std` |
//! | `seal` | no | `server::Seal`, `io::seal`: what a client carries for a server is sealed; brings `std` and `server` |
//! | `tasks` | no | `io::tasks`: tasks of a server with the system's clock and random source; brings `std` and `server` |
//! | `http-core` | no | `http`, `edge`: HTTP as MCP uses it, without a socket and an HTTP stack |
//! | `http` | no | `io::http::HttpService`: a server as a tower service, for axum and other HTTP stacks, and its clients' tokens; brings `tasks` and `http-core` |
//! | `hyper` | no | `io::http::HttpServer`, `Server::serve_http`: the same on a socket; brings `http` and tokio |
//! | `http-client` | no | `AsyncClient::http`: servers at URLs over any tower service; brings `std`, `client` and `http-core` |
//! | `hyper-client` | no | `BlockingClient::url`, `AsyncClient::url` over hyper; brings `http-client` and `tokio` |
//! | `rustls` | no | `https` for it; brings `hyper-client` |
//! | `ureq` | no | the same clients over threads, without a runtime; brings `http-client` |
//! | `ureq-rustls` | no | `https` for it; brings `ureq` |
//! | `auth` | no | `io::auth`, `Remote::auth`: clients authorize themselves over HTTP; brings `std` and `auth-core` |
//! | `auth-core` | no | `auth`: the same as a state machine |
//! | `auth-es256` | no | `auth::Es256Signer`; brings `auth-core` |
//! | `record` | no | `record`: what passes through a session as lines, played again, compared and drawn |
//! | `skills` | no | `model::skill`, `Server::skill`, `BlockingClient::list_skills`: skills on both sides |
//! | `skills-dir` | no | `io::skills`: skills out of a folder, on Unix; brings `skills`, `std` and `server` |
//! | `simd` | no | vector instructions look at texts, so that long frames cost less; brings `std` |
//! | `tracing` | no | spans and events for whoever watches the program, [below](#tracing) |
//!
//! They only add. Who builds one side only leaves the other out, and compiles a third less:
//! `default-features = false, features = ["std", "server"]`, or `["std", "client"]`. Without `std` the crate
//! is `no_std` and needs an allocator; without either side it is frames, JSON-RPC and the types of MCP.
//!
//! # Tracing
//!
//! With feature `tracing` a [`Server`] and a client tell `tracing`'s subscribers what they do, under the
//! targets `mcp_proto::server` and `mcp_proto::client`:
//!
//! | level | what | fields |
//! |---|---|---|
//! | INFO | a span `request` for each request that a server gets, refused ones included | `method`, `id`, `tool`, `prompt` or `uri`; at its end `outcome`, `code` of an error, `duration_ms` |
//! | INFO | a span `call` for each operation of a client | the same |
//! | INFO | the events `opened`, `closed`, `reconnecting` | `revision`, `reason` |
//! | WARN | the event `the opening failed` | `reason` |
//! | DEBUG | the events `connecting`, and `ignored` for input that had no effect | `kind` |
//! | TRACE | the events `received` and `sent`, a frame each, and what was ignored | `frame`, `what` |
//!
//! Arguments, results and texts show at TRACE only, and so does what a handler's error says with all its
//! causes, since that is the text of a result: a handler that wants it in the log at another level tells
//! it itself. A handler runs inside the span of its request, and what it tells belongs there. An `outcome` is `result`, `tool_error` for a tool's own failure, `error`
//! for an error of the protocol, `input_required` for a modern request whose client comes back with
//! answers, `cancelled`, `timed_out`, `lost`, `refused` for what was never sent, or `failed`.
//!
//! # What it promises
//!
//! * A call ends in exactly one [`Completed`](session::Completed) event: with a result, an error, a
//!   time-out, a cancellation or a lost connection. Every call has a deadline unless it is told not to.
//! * What happens is told in the order of the wire: progress before its answer.
//! * Nothing grows without bound: [`Limits`] names every bound, [`Limits::memory`] all that a session
//!   holds in bytes, and a session that is full asks for no more frames.
//! * Unknown fields, values and content blocks never cost a message; what is sent is valid in the
//!   revision that was agreed.
//! * Any input is survived, any command may be given at any time, and a refused one changes nothing.
//! * The same inputs give the same outputs, byte for byte.
//! * Payloads stay slices of the frame that carried them.

#![no_std]
#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![cfg_attr(
    not(all(feature = "client", feature = "server")),
    allow(
        dead_code,
        reason = "what one side alone needs of the layers below shows where both are compiled"
    )
)]

extern crate alloc;
#[cfg(feature = "std")]
extern crate std;

#[cfg(feature = "auth-core")]
pub mod auth;
#[cfg(feature = "client")]
pub mod client;
#[cfg(all(feature = "http-core", feature = "server"))]
pub mod edge;
pub mod frame;
#[cfg(all(feature = "client", feature = "server", any(fuzzing, test)))]
#[doc(hidden)]
pub mod fuzzing;
#[cfg(feature = "http-core")]
pub mod http;
#[cfg(feature = "std")]
pub mod io;
pub mod limits;
mod lock;
pub mod model;
mod named;
#[cfg(feature = "record")]
pub mod record;
pub mod revision;
pub mod rpc;
mod saved;
mod scopes;
#[cfg(feature = "server")]
pub mod server;
pub mod session;
pub mod time;
mod trace;

#[cfg(feature = "client")]
pub use client::ClientOptions;
#[cfg(all(feature = "std", feature = "client"))]
pub use io::blocking::BlockingClient;
#[cfg(all(feature = "std", feature = "client"))]
pub use io::nonblocking::AsyncClient;
#[cfg(all(feature = "std", feature = "client", feature = "server"))]
pub use io::testing;
pub use limits::Limits;
pub use model::tool::Tool;
pub use revision::{Era, Revision};
pub use scopes::Scopes;
#[cfg(feature = "server")]
pub use server::Server;
#[cfg(feature = "client")]
pub use session::ClientSession;
#[cfg(feature = "server")]
pub use session::ServerSession;
pub use session::Session;
pub use time::Instant;

#[cfg(all(
    doctest,
    feature = "child",
    feature = "hyper",
    feature = "hyper-client",
    feature = "schemars",
    feature = "skills",
    feature = "tokio"
))]
#[doc = include_str!("../README.md")]
struct Readme;
