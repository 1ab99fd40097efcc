//! What becomes of a request whose response carries no message, by its status.

use crate::session::Closed;

/// What a response without a message means for its request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// The request is refused with this status; the session goes on.
    Refused(Closed),
    /// The server has forgotten the session, which is over; this request was not looked at.
    // `httpL.session.reinit`
    Forgotten,
    /// An `initialize` was refused as servers of 2024-11-05 do: their pair of endpoints may be
    /// there.
    // `httpL.sse.fallback` `era.http.sse`
    TryPair,
}

/// Returns what a response without a message means, by its status, by whether the request named a
/// session and whether it was an `initialize`. Redirects are never followed: they are refusals.
pub fn outcome(status: u16, has_session: bool, is_initialize: bool) -> Outcome {
    match status {
        404 if has_session && !is_initialize => Outcome::Forgotten,
        400 | 404 | 405 if is_initialize => Outcome::TryPair,
        _ => Outcome::Refused(Closed::Refused { status }),
    }
}
