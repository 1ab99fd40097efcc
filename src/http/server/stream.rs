//! A stream of a session, as it is remembered while connections come and go.

/// What one request's messages travel on, whatever connection carries it.
#[derive(Debug, Default)]
pub(super) struct Stream {
    pub(super) exchange: Option<u64>,
    /// The number of the event that was written last.
    pub(super) events: u64,
    /// How many of its events are kept.
    pub(super) kept: u32,
    pub(super) is_over: bool,
    /// Whether nobody can ever ask for what it carries.
    pub(super) is_lost: bool,
}
