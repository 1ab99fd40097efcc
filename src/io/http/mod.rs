//! Adapters between sessions and HTTP stacks. The codec itself, which does no I/O, is
//! [`http`](crate::http).
//!
//! ```text
//!  Client ─▶ HttpConnection ─▶ hyper, ureq, a tower service ══HTTP══▶ hyper, axum .. ─▶ HttpService ─▶ Server
//!         ◀─ frames          ◀─ heads, pieces of bodies             ◀─ JSON, events ◀─ frames
//! ```
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
//! Three times bound what a client waits for: `ClientOptions::connect_timeout` each connection,
//! `ClientOptions::timeout` the opening, and `ClientOptions::read_timeout` each call that hears nothing.
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
//! | axum | `Router::route_service("/mcp", service)` with an `HttpService` | `http` |
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
//! * What a modern client carries from round to round is kept in memory unless the server has a
//!   [`seal`](crate::server::Server::seal), which several instances and restarts need.
//!
//! ## Behind a proxy
//!
//! Events are marked so that nginx passes them on at once, and a stream that is silent says every
//! 15 s that it lives, below the timeouts that are usual. Name the public host in the options, or have
//! the proxy pass the host on that it was asked for.
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
//!   it may go by a hash of `Mcp-Session-Id`, since the first move costs little.
//!
//! A [`Fanout`] has changes told at one instance, such as by `Server::changed`, come to the subscribers of
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
//! | the fan-out is down | changes come to the subscribers of their own instance alone, after three tries |
//!
//! The store holds the ids of sessions, so keep it as private as the sessions are. A session belongs to
//! its [`Principal`] there too. `examples/many_machines` has both on Redis, with a configuration of nginx,
//! and a program that kills instances and counts what clients see.

#[cfg(feature = "http-client")]
mod client;
#[cfg(feature = "http")]
mod server;

#[cfg(feature = "http-client")]
pub use client::*;
#[cfg(feature = "http")]
pub use server::*;
