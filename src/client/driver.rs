//! What an adapter that drives a [`Client`](super::Client) does with the functions of its user:
//! those that are told of events and answer the server, and the hook around calls. Users don't need
//! it.

pub use super::handlers::{ClientAccess, Run};
pub use super::options::{after, before, react};
