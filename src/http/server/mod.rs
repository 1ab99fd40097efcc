//! The server's side of HTTP: sessions and the streams that carry them, and the table of sessions.
//!
//! ```text
//!  Class ──Endpoint::place──▶ a session of the table, or a fresh one
//!  Input ──HttpSession::handle──▶ an exchange ──poll_part──▶ head, body .. end
//! ```

mod callers;
mod carry;
mod event_id;
mod limits;
mod lists;
mod log;
mod numbered;
mod options;
mod outgoing;
mod save;
mod session;
mod slots;
mod status;
mod stream;
mod table;

#[cfg(feature = "http")]
pub(crate) use callers::later;
pub use callers::{Caller, Ended, Ticket};
pub use limits::EndpointLimits;
pub use options::{SessionKind, StreamOptions};
pub use save::SavedHttp;
pub use session::HttpSession;
pub use status::SessionStatus;
pub use table::{Endpoint, Place, Placed};
