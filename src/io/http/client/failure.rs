//! Why an exchange has failed, in words, and whether anything of it was sent.

use alloc::boxed::Box;
use alloc::string::{String, ToString};
use core::error::Error;
use core::fmt;
use std::io;

#[cfg(any(feature = "rustls", feature = "ureq-rustls"))]
use super::tls::refused as refused_by_tls;
use crate::http::End;
use crate::rpc::start_of;

/// How much of an error is shown.
const LONGEST: usize = 400;

/// Wraps the error of an HTTP client to say that nothing of the request was sent: there was no
/// connection. The request may then be tried again without asking anybody.
///
/// A refused connection is known by its [`io::Error`] without this.
pub struct NotSent(Box<dyn Error + Send + Sync>);

impl NotSent {
    /// Wraps an error.
    pub fn new(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self(error.into())
    }
}

impl fmt::Debug for NotSent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl fmt::Display for NotSent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl Error for NotSent {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source()
    }
}

/// How an exchange has ended that failed with `error`, as far as the error says it.
pub(super) fn end_of(error: &(dyn Error + 'static)) -> End {
    let is_unsent = |cause: &(dyn Error + 'static)| {
        let refused = cause.downcast_ref::<io::Error>().map(io::Error::kind);
        cause.is::<NotSent>()
            || refused_by_tls(cause).is_some()
            || matches!(
                refused,
                Some(
                    io::ErrorKind::ConnectionRefused
                        | io::ErrorKind::HostUnreachable
                        | io::ErrorKind::NetworkUnreachable
                )
            )
    };
    match causes(error).any(is_unsent) {
        true => End::NotSent,
        false => End::Broken,
    }
}

/// An error and all its causes, in one line.
pub(super) fn in_words(error: &(dyn Error + 'static)) -> String {
    let refused = causes(error).find_map(refused_by_tls);
    let mut words = String::from(refused.unwrap_or_default());
    for cause in causes(error) {
        let cause = cause.to_string();
        // Some errors show their causes themselves.
        if words.ends_with(&cause) {
            continue;
        }
        if !words.is_empty() {
            words.push_str(": ");
        }
        words.push_str(&cause);
    }
    if words.len() > LONGEST {
        words.truncate(start_of(&words, LONGEST).len());
        words.push_str("..");
    }
    words
}

/// Without TLS nothing fails for it.
#[cfg(not(any(feature = "rustls", feature = "ureq-rustls")))]
fn refused_by_tls(_: &(dyn Error + 'static)) -> Option<&'static str> {
    None
}

/// An error and what has caused it.
fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    let mut next = Some(error);
    core::iter::from_fn(move || {
        let error = next?;
        next = cause_of(error);
        Some(error)
    })
    .take(16)
}

/// What has caused an error. What an error of a stream wraps isn't its source, but stands for it.
fn cause_of<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
    #[cfg(feature = "ureq")]
    if let Some(::ureq::Error::Io(wrapped)) = error.downcast_ref() {
        return Some(wrapped);
    }
    match error
        .downcast_ref::<io::Error>()
        .and_then(io::Error::get_ref)
    {
        Some(wrapped) => Some(wrapped),
        None => error.source(),
    }
}
