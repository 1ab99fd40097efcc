//! Adapters between sessions and HTTP stacks. The codec itself, which does no I/O, is
//! [`http`](crate::http).
//!
//! ```text
//!  Client ─▶ HttpConnection ─▶ hyper, ureq, a tower service ══HTTP══▶ hyper, axum .. ─▶ HttpService ─▶ Server
//!         ◀─ frames          ◀─ heads, pieces of bodies             ◀─ JSON, events ◀─ frames
//! ```
//!
//! # An exchange
//!
//! In the modern era a request says all there is to know about it, in its head what a proxy may route
//! by; what is said before the answer makes the response a stream of events. Closing it cancels.
//!
//! ```text
//!  ┌────────┐                                     ┌────────┐
//!  │ client │                                     │ server │
//!  └───┬────┘                                     └───┬────┘
//!      │── ① POST /mcp ──────────────────────────────▶│
//!      │  content-type: application/json              │
//!      │  accept: application/json, text/event-stream │
//!      │  mcp-protocol-version: 2026-07-28            │
//!      │  mcp-method: tools/call                      │
//!      │  mcp-name: count                             │
//!      │  request 2  tools/call                       │  the body: one frame
//!      │◀───────────────────────────────── ① 200 OK ──│
//!      │             content-type: text/event-stream  │  or application/json: the answer alone
//!      │◀┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄ ① notifications/progress ┄┄│
//!      │◀┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄ ① result 2 ┄┄│
//!      ┴                                              ┴
//! ```
//!
//! In the legacy era a session is opened first, whose id every later request has; the server asks on
//! the stream of the call it asks for, and a client that has lost a stream resumes it.
//! `cargo run --example poet -- --http` and `-- --http --server legacy` show every head of both.
//!
//! # Clients
//!
//! | you have | start at | feature |
//! |---|---|---|
//! | tokio | `AsyncClient::url` | `hyper-client`, with `https` `rustls` |
//! | threads | `BlockingClient::url` | the same |
//! | threads, and no wish for a runtime | `BlockingClient::ureq` | `ureq`, with `https` `ureq-rustls` |
//! | an HTTP client: a proxy, certificates, middleware of your own | `AsyncClient::http` | `http-client` |
//! | a session of your own | `HttpConnection` | `http-client` |
//!
//! A server at a URL is a `Remote`: the URL and the headers that every request to it has. The era of the
//! server is found out, and a legacy server that has only the pair of endpoints of 2024-11-05 is spoken
//! to by that. A stream that breaks is asked for again after its last event, as long as the server
//! numbers them; a call whose answer is lost otherwise ends as lost and is never sent twice. A server
//! that has forgotten the session ends it, and `ClientOptions::reconnect` says whether the next
//! operation opens another. Redirects are refused, since they would take the headers elsewhere.
//!
//! | to set | with |
//! |---|---|
//! | a header of each request to a server, such as a token | `Remote::header` |
//! | how long a connection may take | `ClientOptions::connect_timeout` |
//! | how long the opening may take, a handshake of TLS included | `ClientOptions::timeout` |
//! | how long a call may hear nothing, and how long it may take at all | `ClientOptions::read_timeout`, `ClientOptions::total_timeout` |
//! | how often and when a broken stream is asked for | `Remote::options` |
//! | an authority for `https` that is yours | `Remote::trust` |
//! | a proxy | `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY` for `ureq`; that of your HTTP client for `AsyncClient::http`; `hyper-client` has none |
//! | anything else: client certificates, middleware, a pool of your own | your HTTP client, by `AsyncClient::http` |
//!
//! # A server
//!
//! ```text
//!  POST /mcp, modern ──▶ a session of its own ──▶ JSON, or events and the answer
//!       │                  the client hangs up: the handler is cancelled
//!  POST /mcp, legacy ──▶ the session of its Mcp-Session-Id ──▶ JSON, or events with ids
//!  GET  /mcp, legacy ──▶ its stream of what belongs to no request, or one that broke: Last-Event-ID
//!       │                  the client hangs up: the handler goes on, its answer is kept
//!  GET /sse, POST /messages ──▶ a session of 2024-11-05, which ends with its stream
//! ```
//!
//! | you have | take | feature |
//! |---|---|---|
//! | nothing yet | `Server::serve_http("127.0.0.1:8000")`, or `HttpServer` to end it | `hyper` |
//! | tokio and a listener | `HttpService::on_tokio` and `serve_async` | `hyper` |
//! | axum | `Router::route_service("/mcp", service)` with `HttpService::on_tokio` | `http` and `tokio` |
//! | any other stack that takes a `tower_service::Service` | `HttpService` | `http` |
//! | a host that starts the server for each request | [`Edge`](crate::edge::Edge) | none |
//!
//! An `HttpService` needs no runtime: blocking handlers run on threads, futures within the response
//! they answer with, and one thread keeps the time. Only a legacy session's futures, which outlive
//! their connection, are spawned by whoever mounts it.
//!
//! ## What is safe from the start
//!
//! * Only clients of this machine are answered: `Host` and `Origin` have to be local, or a page that
//!   somebody visits could speak to the server. `HttpServeOptions::public(["api.example.com"])` names
//!   the hosts of a public one, [`HttpPolicy::origins`](crate::http::HttpPolicy::origins) the pages
//!   that may read its answers. To check neither is spelled out: `any_host`, `any_origin`.
//! * Bodies, sessions, streams, and what one caller has open are bounded. Callers are told apart by
//!   `Principal` and `Peer`, which something before the service puts among a request's extensions.
//! * A session belongs to the `Principal` that has opened it; to others it doesn't exist.
//! * What needs scopes ([`Server::tool_scopes`](crate::server::Server::tool_scopes)) is refused to callers
//!   of whom nobody has said that they have them.
//! * What a modern client carries from round to round is kept in memory unless the server has a
//!   [`seal`](crate::server::Server::seal), which several instances and restarts need.
//!
//! ## Clients that need tokens
//!
//! [`HttpServeOptions::protect`] asks every request for a bearer token, as OAuth 2.1 and MCP have it:
//!
//! ```no_run
//! use mcp_proto::http::{Access, ProtectedResource, TokenRefusal};
//! use mcp_proto::io::http::{HttpServeOptions, HttpService, Protection};
//! use mcp_proto::model::tool::{NO_ARGUMENTS_SCHEMA, Tool};
//! use mcp_proto::{Scopes, Server};
//!
//! # fn ask_the_issuer(token: &str) -> Result<(String, Vec<String>, String, u64), TokenRefusal> { todo!() }
//! let clear = Tool::new("clear", NO_ARGUMENTS_SCHEMA);
//! let server = Server::new("notes", "1.0")
//!     .tool(clear, |context, ()| Ok(format!("cleared for {:?}", context.principal())))
//!     .tool_scopes("clear", ["notes:write"]);
//!
//! let url = "https://api.example.com/mcp";
//! let resource = ProtectedResource::new(url, ["https://auth.example.com"])?.scopes(["notes"])?;
//! let protection = Protection::new(resource, |request| {
//!     let (subject, audience, scope, end) = ask_the_issuer(request.token.expose())?;
//!     Ok(Access::new(subject, audience).scopes(Scopes::parse(&scope)).expires(end))
//! });
//! let options = HttpServeOptions::public(["api.example.com"]).protect(protection);
//! let service = HttpService::new(server, options)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! | what | is answered with |
//! |---|---|
//! | no token | 401, and a `WWW-Authenticate` with `resource_metadata` and the scopes that everything needs |
//! | one that isn't good, has expired, or was issued for another server | 401, `invalid_token` |
//! | one that isn't good for everything's scopes, or for those of what is asked for | 403, `insufficient_scope`, with the scopes to ask for |
//! | two `Authorization` fields, or one that can't be read | 400, `invalid_request` |
//! | a verifier that fails, panics, takes longer than [`Protection::timeout`], or is asked about more than 1,024 tokens at once | 503 with `Retry-After` |
//! | `GET /.well-known/oauth-protected-resource/mcp` | the metadata, without a token; with axum, route [`metadata_path`](crate::http::ProtectedResource::metadata_path) to the service as well |
//!
//! * How a token is verified is the host's: ask its issuer (RFC 7662), as `examples/protected_server` does,
//!   or check a signature with a library of yours. That it was issued for this server and hasn't ended is
//!   checked by the crate, and there is no way around it: a token without an audience is one for nobody.
//! * A token is read from one header field alone, goes to the verifier and nowhere else: no handler, event
//!   or log shows it, and it can't be passed on. Handlers see
//!   [`principal`](crate::server::Context::principal) and [`scopes`](crate::server::Context::scopes).
//! * All of it comes before the body is read, but for the scopes of single tools, resources, templates and
//!   prompts, which come before anything runs or a stream begins: a batch is refused whole. They count for
//!   completions and subscriptions too.
//! * Sessions, sealed states and what else is kept belong to the principal; a client may come with another
//!   token of the same principal at any time.
//! * A stream that is open goes on when its token ends. Bound it with the lifetime of sessions and calls.
//!
//! On a host that starts the server for each request it is [`Edge::protect`](crate::edge::Edge::protect).
//!
//! ## Pages in browsers
//!
//! A page of another origin may speak to the server once the origin is named:
//! `HttpPolicy::local().origins(["https://app.example.com"])`. Preflights are answered then, and the
//! page may read the answers; others are told nothing. `examples/web` is such a page.
//!
//! ## Behind a proxy
//!
//! TLS is ended by what stands before the server, or by an acceptor around the listener as in
//! `examples/axum_server`. What nginx needs:
//!
//! ```nginx
//! location /mcp {
//!     proxy_pass http://127.0.0.1:8000;
//!     proxy_http_version 1.1;          # connections that are kept
//!     proxy_set_header Connection "";
//!     proxy_set_header Host $host;     # the name that HttpPolicy::public knows
//!     proxy_read_timeout 60s;          # longer than a stream is silent: 15 s
//!     client_max_body_size 4m;         # HttpServeOptions::body
//! }
//! ```
//!
//! * **Buffering.** Streams of events say `X-Accel-Buffering: no` and `Cache-Control: no-cache,
//!   no-transform`, so that nginx passes each event on at once, with `proxy_buffering` on or off.
//!   Other proxies have to be told not to buffer or compress `text/event-stream`.
//! * **Timeouts.** A stream that is silent says every 15 s that it lives
//!   (`HttpServeOptions::keep_alive`), and a response begins after one second at the latest
//!   (`StreamOptions::patience`), however long its handler takes. Let the proxy wait longer than that,
//!   not longer than the handlers.
//! * **Clients that leave.** A modern call is cancelled when its connection closes, so a proxy must
//!   close its side when the client closes: nginx does, unless `proxy_ignore_client_abort` is on.
//! * **Who calls.** Have the service ask for tokens, or authenticate before it and put a `Principal` among
//!   the request's extensions. Behind a proxy every connection comes from it: put the client's address there as
//!   `Peer`, or all of them share one allowance.
//! * **The end.** `HttpService::close` answers new work with 503, ends streams that belong to no call,
//!   and lets calls be answered for as long as it is told; then stop listening.
//!
//! ## Several machines
//!
//! ```text
//!                      ┌─▶ instance 1 ─┐
//!  clients ─▶ balancer ┼─▶ instance 2 ─┼─▶ SessionStore: sessions of legacy clients
//!                      └─▶ instance 3 ─┘   Fanout: a log of changes, which all of them read
//! ```
//!
//! Modern clients keep what there is between requests themselves: give every instance the same
//! [`seal`](crate::server::Server::seal), and any balancer will do. For legacy sessions there are three
//! ways, from the simplest:
//!
//! * `HttpServeOptions::stateless` does without sessions. Then nothing can be asked of legacy clients, and
//!   they hear of no changes.
//! * The balancer sends all requests of a session to the instance that has opened it. When that is gone,
//!   another one answers 404, and clients open a new session: this crate's by `Reconnect`.
//! * `HttpServeOptions::machines` keeps sessions in a store of yours. Then a session goes on at whichever
//!   instance is asked: one drives it at a time, and hands it over as soon as no handler works on it. A
//!   balancer that sends a session's requests to one instance as long as that is there saves the moves;
//!   it may go by a hash of `Mcp-Session-Id`, since the first move costs little. Where every request
//!   goes elsewhere, each move ends the session's streams, and their clients come back ever later.
//!
//! A `Fanout` has changes told at one instance, such as by `Server::changed`, come to the subscribers of
//! all. Each legacy subscriber hears each of them once, even if its instance is killed: it comes back
//! with the id of the last event it has read, which is a position in the log. A modern subscriber's
//! stream has no such ids: when it ends, listen again and read anew what was subscribed to.
//!
//! What happens when something fails:
//!
//! | what | is seen as |
//! |---|---|
//! | an instance is killed | calls that it worked on are lost to their clients, and those of legacy clients end with an error when they come back for them; a session waits for the end of the lease, 6 s, and goes on |
//! | an instance is closed | running calls are answered, then sessions are parked and go on elsewhere at once |
//! | a handler works on a session that is asked for elsewhere | the request waits, 10 s at most, then 503 with `Retry-After` |
//! | the store is down or slow | 503 with `Retry-After` for requests that need it; sessions that are here, and modern clients, are served on |
//! | the store has lost a session, or it was idle for too long | 404: the client opens another |
//! | the fan-out is down or slow | changes come to the subscribers of their own instance alone; once it is back, the others are told that anything may have changed |
//! | the store or the fan-out comes back with nothing, or with what it knew a while ago | sessions that it has forgotten are told 404 and opened again by their clients; subscribers are told that anything may have changed, where the fan-out notices ([`FanoutSink::lost`]) |
//!
//! The store holds the ids of sessions, so keep it as private as the sessions are. A session belongs to
//! its `Principal` there too. `examples/many_machines` has both on Redis, with a configuration of nginx,
//! and a program that kills instances and counts what clients see.

#[cfg(feature = "http-client")]
mod client;
#[cfg(feature = "http")]
mod server;

#[cfg(feature = "http-client")]
pub use client::*;
#[cfg(feature = "http")]
pub use server::*;
