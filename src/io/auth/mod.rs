//! What authorization takes of the system: entropy, the time, a place to remember tokens, and the
//! user's browser. The authorization itself, which does no I/O, is [`auth`](crate::auth).
//!
//! ```text
//!  Remote::auth(Auth) ─▶ HttpConnection ──401, 403──▶ Authorizer ──Step──▶ requests by the same HTTP client
//!                                                                      ├─▶ TokenStore: memory, a file
//!                                                                      └─▶ the user: a browser and LoopbackReceiver, or a function
//! ```

mod file;
#[cfg(feature = "http-client")]
mod host;
#[cfg(feature = "http-client")]
mod job;
mod loopback;
#[cfg(feature = "http-client")]
mod system;
#[cfg(feature = "http-client")]
mod thread;

pub use file::FileStore;
#[cfg(feature = "http-client")]
pub use host::Auth;
pub use loopback::LoopbackReceiver;

#[cfg(feature = "http-client")]
pub(super) use job::{Answered, Job};
#[cfg(feature = "http-client")]
pub(super) use system::{entropy, unix_time};
