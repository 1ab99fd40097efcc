//! The client's side of HTTP: a session's frames in, requests out; heads and pieces of bodies in,
//! frames out. It is to HTTP what a line decoder is to a pipe.
//!
//! ```text
//!  session ──frame──▶ send ──▶ Action::Start ──▶ HTTP stack
//!  session ◀──Action::Frame, Closed──┤ ◀── handle_head, handle_body, handle_end ── HTTP stack
//! ```

mod asking;
mod challenge;
mod codec;
mod exchange;
mod leftover;
mod options;
mod outcome;
mod reading;
mod request;
mod sent;
mod standing;
mod tools;
mod url;

pub use codec::HttpClient;
pub use exchange::End;
pub use options::HttpClientOptions;
pub use outcome::{Outcome, outcome};
pub use request::{Action, HttpRequest};
