//! A server behind HTTP stacks.
//!
//! ```text
//!  request ──head──▶ policy ──body, bounded──▶ classify ──place──▶ session ──▶ handlers: pool, future
//!  response ◀──JSON, or events as they come── exchange ◀──parts────┘
//! ```

mod alarms;
mod body;
mod cell;
mod detached;
mod exchange;
mod hub;
mod kept;
mod options;
mod owner;
mod request;
#[cfg(feature = "hyper")]
mod serve;
mod service;

pub use body::HttpServiceBody;
pub use detached::HandlerFuture;
pub use options::HttpServeOptions;
#[cfg(feature = "hyper")]
pub use serve::{HttpServer, serve_async};
pub use service::{HttpService, HttpServiceFuture, Peer, Principal};
