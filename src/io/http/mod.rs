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

#[cfg(feature = "http-client")]
mod client;
#[cfg(feature = "http")]
mod server;

#[cfg(feature = "http-client")]
pub use client::*;
#[cfg(feature = "http")]
pub use server::*;
