//! The client's side of HTTP: a session's frames in, requests out; heads and pieces of bodies in,
//! frames out. It is to HTTP what a line decoder is to a pipe.
//!
//! ```text
//!  session ──frame──▶ send ──▶ Action::Start ──▶ HTTP stack
//!  session ◀──Action::Frame, Closed──┤ ◀── handle_head, handle_body, handle_end ── HTTP stack
//! ```

mod codec;
mod exchange;
mod outcome;
mod request;
mod sent;
mod tools;
mod url;

pub use codec::{HttpClient, HttpClientOptions};
pub use exchange::End;
pub use outcome::{Outcome, outcome};
pub use request::{Action, HttpRequest};
