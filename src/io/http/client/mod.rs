//! A client session at a URL: one exchange of HTTP for each request, and the streams beside them.
//!
//! ```text
//!  session ──frame──▶ HttpClient ──request──▶ Net: a tower service, hyper, ureq ──▶ server
//!          ◀──frame──            ◀──head, body, end──
//! ```

mod authorize;
mod connection;
mod failure;
#[cfg(feature = "hyper-client")]
mod hyper;
mod net;
mod notes;
mod open;
mod remote;
mod request;
mod service;
#[cfg(any(feature = "rustls", feature = "ureq-rustls"))]
mod tls;
#[cfg(feature = "ureq")]
mod ureq;

pub use connection::HttpConnection;
pub use failure::NotSent;
pub use remote::Remote;
pub use request::RequestBody;
pub use service::ServiceNet;
