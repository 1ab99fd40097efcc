//! The client's side above a session: which servers there are and how each of them is reached.

pub mod config;
