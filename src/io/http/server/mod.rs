//! A server behind HTTP stacks.
//!
//! ```text
//!  request ──head──▶ policy ──token──▶ body ──▶ classify ──place──▶ a session ──▶ handlers
//!     │ 403 405 415 406  │ 401 503   │ 413 408   │ 400 403 404  │ 503 429      │ threads, or futures
//!     ▼                  ▼           ▼           ▼              ▼              ▼
//!  response ◀───────────── whole, or events as they come ◀── exchange
//!
//!  cell: one session behind its lock      hub: table of sessions, threads, changes, the end
//!  machines: what several instances share  parking: a session that is kept in their store
//!  exchange: one response on its way      alarms: the time, on one thread
//!  crowd: which connections are idle
//! ```
//!
//! Rules of this folder: nothing here needs a runtime but `serve`; a lock is never held while code of
//! the user runs or somebody is woken; the table's lock is the last one that is taken.

mod alarms;
mod body;
mod cell;
#[cfg(feature = "hyper")]
mod crowd;
mod detached;
mod exchange;
mod hub;
mod join;
mod kept;
mod machines;
mod options;
mod outbox;
mod owner;
mod parking;
mod principal;
mod protection;
mod record;
mod request;
#[cfg(feature = "hyper")]
mod serve;
mod service;
mod shared;
mod store;
mod stored;
#[cfg(feature = "hyper")]
mod unread;

pub use body::HttpServiceBody;
pub use detached::HandlerFuture;
pub use options::HttpServeOptions;
pub use principal::{Peer, Principal};
pub use protection::{Protection, TokenRequest};
#[cfg(feature = "hyper")]
pub use serve::{HttpServer, serve_async};
pub use service::{HttpService, HttpServiceFuture};
pub use store::{
    Announced, Backlog, Fanout, FanoutSink, Machines, SessionStore, StoreError, StoreFuture,
    StoredValue,
};
