//! Spans and events for whoever watches a program with `tracing`; without that feature nothing.
//!
//! Rules of this module: no other file names the crate `tracing`; a span has no clock, its duration is
//! the difference of the times that a machine was given; what is sent (arguments, results, frames) is
//! shown at level TRACE only; nothing is put together unless a subscriber wants it.

#[cfg(not(feature = "tracing"))]
mod off;
#[cfg(feature = "tracing")]
mod on;

use alloc::string::String;

#[cfg(not(feature = "tracing"))]
pub(crate) use off::*;
#[cfg(feature = "tracing")]
pub(crate) use on::*;

/// Whose span or event it is.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Role {
    Client,
    Server,
}

/// What a request is for.
#[cfg_attr(
    not(feature = "tracing"),
    expect(dead_code, reason = "nobody reads it")
)]
pub(crate) struct Subject {
    /// The method's name on the wire.
    pub(crate) method: String,
    /// The tool, prompt or URI that the request names.
    pub(crate) target: Option<String>,
    /// The request's id on the wire, or the operation's number.
    pub(crate) id: Option<String>,
}
