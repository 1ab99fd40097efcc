//! How far a session over HTTP has come, which it says of itself and the table of sessions keeps.

/// How far a session has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SessionStatus {
    /// Its client has been greeted and hasn't said that it is ready.
    HalfOpen,
    /// An exchange or a request is open.
    Busy,
    /// It is open and nothing is under way.
    Idle,
    /// It is over, or has never begun.
    Closed,
}
