//! The spans and events themselves. Their names, levels and fields are documented at the crate's
//! root.

use alloc::collections::BTreeMap;
use alloc::string::String;
use core::fmt;
use core::time::Duration;

use tracing::field::Empty;
use tracing::{Level, Span, info_span, span_enabled};

use super::{Role, Subject};
use crate::revision::Revision;
use crate::time::Instant;

/// How many bytes of a name or a URI a span shows.
const SHOWN: usize = 256;

/// The spans of what is open, by its key.
#[derive(Debug)]
pub(crate) struct Spans<K>(BTreeMap<K, (Span, Instant)>);

/// The span that the events of a handler belong to.
#[derive(Clone)]
pub(crate) struct Scope(Span);

impl Default for Scope {
    /// The scope of what no span is for.
    fn default() -> Self {
        Self(Span::none())
    }
}

/// An event of either role, whose targets have to be constants.
macro_rules! event {
    ($role:expr, $level:ident!($($rest:tt)*)) => {
        match $role {
            Role::Client => tracing::$level!(target: "mcp_proto::client", $($rest)*),
            Role::Server => tracing::$level!(target: "mcp_proto::server", $($rest)*),
        }
    };
}

impl<K: Ord> Spans<K> {
    pub(crate) const fn new() -> Self {
        Self(BTreeMap::new())
    }

    /// Opens the span of a request, unless it has one.
    pub(crate) fn begin(
        &mut self,
        role: Role,
        now: Instant,
        key: K,
        subject: impl FnOnce() -> Subject,
    ) {
        if !self.0.contains_key(&key)
            && let Some(span) = open(role, subject)
        {
            self.0.insert(key, (span, now));
        }
    }

    /// Returns the span of what is open, to be entered elsewhere.
    pub(crate) fn scope(&self, key: &K) -> Scope {
        let found = self.0.get(key);
        Scope(found.map_or_else(Span::none, |(span, _)| span.clone()))
    }

    /// Closes the span of a request with its outcome, and the code if that is an error.
    pub(crate) fn end(&mut self, now: Instant, key: &K, outcome: &'static str, code: Option<i64>) {
        if let Some((span, since)) = self.0.remove(key) {
            close(&span, now - since, outcome, code);
        }
    }
}

impl Scope {
    /// Runs `act` inside the span.
    pub(crate) fn enter<R>(&self, act: impl FnOnce() -> R) -> R {
        self.0.in_scope(act)
    }
}

/// The span of a request that is answered as it comes.
pub(crate) fn answered(
    role: Role,
    outcome: &'static str,
    code: Option<i64>,
    subject: impl FnOnce() -> Subject,
) {
    if let Some(span) = open(role, subject) {
        close(&span, Duration::ZERO, outcome, code);
    }
}

/// A connection is being made, perhaps in place of one that was lost.
#[cfg(feature = "std")]
pub(crate) fn connecting(is_again: bool) {
    match is_again {
        true => tracing::info!(target: "mcp_proto::client", "reconnecting"),
        false => tracing::debug!(target: "mcp_proto::client", "connecting"),
    }
}

/// No connection could be made, or the session could not be opened.
pub(crate) fn opening_failed(reason: &dyn fmt::Display) {
    tracing::warn!(target: "mcp_proto::client", %reason, "the opening failed");
}

/// The session is open.
pub(crate) fn opened(role: Role, revision: Option<Revision>) {
    let revision = revision.map(Revision::as_str);
    event!(role, info!(revision, "opened"));
}

/// The session has ended.
pub(crate) fn closed(role: Role, reason: &dyn fmt::Display) {
    event!(role, info!(%reason, "closed"));
}

/// Input of the peer was left without effect: of which kind, and what it was.
pub(crate) fn ignored(role: Role, kind: &'static str, what: &dyn fmt::Display) {
    event!(role, debug!(kind, "ignored"));
    event!(role, trace!(%what, "ignored"));
}

/// A frame has come.
pub(crate) fn received(role: Role, frame: &[u8]) {
    event!(
        role,
        trace!(frame = %String::from_utf8_lossy(frame), "received")
    );
}

/// A frame goes to the transport.
pub(crate) fn sent(role: Role, frame: &[u8]) {
    event!(
        role,
        trace!(frame = %String::from_utf8_lossy(frame), "sent")
    );
}

/// A span, if anybody wants it.
fn open(role: Role, subject: impl FnOnce() -> Subject) -> Option<Span> {
    let is_wanted = match role {
        Role::Client => span_enabled!(target: "mcp_proto::client", Level::INFO),
        Role::Server => span_enabled!(target: "mcp_proto::server", Level::INFO),
    };
    if !is_wanted {
        return None;
    }
    let Subject { method, target, id } = subject();
    let target = target.as_deref().map(shown);
    let of = |family: &str| target.filter(|_| method.starts_with(family));
    let (tool, prompt, uri) = (of("tools/"), of("prompts/"), of("resources/"));
    let (method, id) = (shown(&method), id.as_deref().map(shown));
    Some(match role {
        Role::Client => info_span!(
            target: "mcp_proto::client", "call", method, tool, prompt, uri, id,
            outcome = Empty, code = Empty, duration_ms = Empty,
        ),
        Role::Server => info_span!(
            target: "mcp_proto::server", "request", method, tool, prompt, uri, id,
            outcome = Empty, code = Empty, duration_ms = Empty,
        ),
    })
}

fn close(span: &Span, duration: Duration, outcome: &'static str, code: Option<i64>) {
    span.record("outcome", outcome);
    if let Some(code) = code {
        span.record("code", code);
    }
    span.record("duration_ms", duration.as_secs_f64() * 1000.0);
}

/// The start of a name that a peer may have made long.
fn shown(text: &str) -> &str {
    if text.len() <= SHOWN {
        return text;
    }
    let mut ends = (0..=SHOWN).rev();
    ends.find_map(|end| text.get(..end)).unwrap_or("")
}
