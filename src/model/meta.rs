//! The `_meta` object: its reserved keys, typed access to what stands under them, key rules. What it
//! says of the peer in the protocol's own types (who it is, what it can do) is read in `peer_meta`.

use core::fmt;

use serde::Serialize;

use crate::model::object::Object;
use crate::model::owned::IntoOwned;
use crate::named::{named, transparent};
use crate::rpc::{Raw, Source, Text};

/// The key of the token under which progress of a request is reported.
pub const PROGRESS_TOKEN: &str = "progressToken";

/// The key of the revision a modern request speaks.
pub const PROTOCOL_VERSION: &str = "io.modelcontextprotocol/protocolVersion";

/// The key of the name and version of the client that sends a modern request.
pub const CLIENT_INFO: &str = "io.modelcontextprotocol/clientInfo";

/// The key of what the client can do during a modern request.
pub const CLIENT_CAPABILITIES: &str = "io.modelcontextprotocol/clientCapabilities";

/// The key of the least level of log messages that a modern request asks for.
///
/// Deprecated since 2026-07-28: log to stderr, or use OpenTelemetry. See
/// [`logging`](crate::model::logging#deprecated).
pub const LOG_LEVEL: &str = "io.modelcontextprotocol/logLevel";

/// The key of the request id of the `subscriptions/listen` a notification belongs to.
pub const SUBSCRIPTION_ID: &str = "io.modelcontextprotocol/subscriptionId";

/// The key of the name and version of the server that sends a modern result.
pub const SERVER_INFO: &str = "io.modelcontextprotocol/serverInfo";

/// The key of the task a message belongs to (2025-11-25).
pub const RELATED_TASK: &str = "io.modelcontextprotocol/related-task";

/// The key of the text a model may go on with while a task runs (2025-11-25).
pub const MODEL_IMMEDIATE_RESPONSE: &str = "io.modelcontextprotocol/model-immediate-response";

/// The key of the W3C trace context's parent.
pub const TRACEPARENT: &str = "traceparent";

/// The key of the W3C trace context's vendor data.
pub const TRACESTATE: &str = "tracestate";

/// The key of the W3C baggage.
pub const BAGGAGE: &str = "baggage";

/// The `_meta` object of a request, a notification, a result or a part of one.
///
/// Whatever stands in it survives; the getters read the keys that the protocol reserves, and give
/// `None` for a value of the wrong type as for one that isn't there.
#[derive(Clone, PartialEq, Eq, Hash, Default)]
pub struct Meta<'a>(Object<'a>);

transparent! { Meta<'a> }

impl<'a> Meta<'a> {
    /// Creates a `_meta` without members.
    pub const fn new() -> Self {
        Self(Object::new())
    }

    /// Takes `raw` as a `_meta`; `None` when it is no object.
    pub fn from_raw(raw: Raw<'a>) -> Option<Self> {
        Object::from_raw(raw).map(Self)
    }

    /// Returns the same `_meta` with `key` set to `value`, as [`Object::with`] does it.
    #[must_use]
    pub fn with<T: Serialize + ?Sized>(self, key: &str, value: &T) -> Self {
        Self(self.0.with(key, value))
    }

    /// Returns the value under `key`, whatever it is.
    pub fn get(&self, key: &str) -> Option<Raw<'_>> {
        self.0.get(key)
    }

    /// Returns whether there are no members.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the object that this is.
    pub fn as_object(&self) -> &Object<'a> {
        &self.0
    }

    /// Returns the token under which progress is asked for: a string or a number.
    // `meta.progressToken`
    pub fn progress_token(&self) -> Option<Raw<'_>> {
        self.string_or_number(PROGRESS_TOKEN)
    }

    /// Returns the revision that a modern request says it speaks.
    pub fn protocol_version(&self) -> Option<Text<'_>> {
        self.0.read(PROTOCOL_VERSION)
    }

    /// Returns the id of the `subscriptions/listen` request that a notification belongs to.
    pub fn subscription_id(&self) -> Option<Raw<'_>> {
        self.string_or_number(SUBSCRIPTION_ID)
    }

    /// Returns the id of the task that a message of 2025-11-25 belongs to.
    pub fn related_task(&self) -> Option<Text<'_>> {
        struct RelatedTaskMetadata<'a> {
            task_id: Text<'a>,
        }
        named! { read struct RelatedTaskMetadata<'a> { task_id = "taskId" } }

        self.0
            .read::<RelatedTaskMetadata<'_>>(RELATED_TASK)
            .map(|related| related.task_id)
    }

    /// Returns the W3C `traceparent`, passed through as it is.
    pub fn traceparent(&self) -> Option<Text<'_>> {
        self.0.read(TRACEPARENT)
    }

    /// Returns the W3C `tracestate`, passed through as it is.
    pub fn tracestate(&self) -> Option<Text<'_>> {
        self.0.read(TRACESTATE)
    }

    /// Returns the W3C `baggage`, passed through as it is.
    pub fn baggage(&self) -> Option<Text<'_>> {
        self.0.read(BAGGAGE)
    }

    fn string_or_number(&self, key: &str) -> Option<Raw<'_>> {
        let value = self.get(key)?;
        matches!(value.first_byte(), b'"' | b'-' | b'0'..=b'9').then_some(value)
    }
}

impl fmt::Debug for Meta<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl<'a> From<Object<'a>> for Meta<'a> {
    fn from(object: Object<'a>) -> Self {
        Self(object)
    }
}

impl IntoOwned for Meta<'_> {
    type Owned = Meta<'static>;

    fn owned_from(self, source: Source<'_>) -> Meta<'static> {
        Meta(self.0.owned_from(source))
    }
}

/// Returns whether `key` is well-formed as a key of `_meta`: an optional prefix and a name.
///
/// `com.example/x`, `x_1.y` and `com.example/` are; `1a/x`, `a-/x` and `a.` are not.
// `meta.key.prefix`, `meta.key.name`
pub fn is_valid_key(key: &str) -> bool {
    match key.rsplit_once('/') {
        Some((prefix, name)) => prefix.split('.').all(is_valid_label) && is_valid_name(name),
        None => is_valid_name(key),
    }
}

/// Returns whether the protocol keeps `key` for itself: the union of what the revisions reserve.
///
/// That is a prefix in which the second or the last but one label is `modelcontextprotocol` or
/// `mcp`, and the bare keys `progressToken`, `traceparent`, `tracestate` and `baggage`.
// `meta.reserved.c`, `meta.reserved.de`, `meta.reserved.keys`
pub fn is_reserved_key(key: &str) -> bool {
    let Some((prefix, _)) = key.rsplit_once('/') else {
        return [PROGRESS_TOKEN, TRACEPARENT, TRACESTATE, BAGGAGE].contains(&key);
    };
    let second = prefix.split('.').nth(1);
    let last_but_one = prefix.rsplit('.').nth(1);
    [second, last_but_one]
        .into_iter()
        .flatten()
        .any(|l| matches!(l, "modelcontextprotocol" | "mcp"))
}

/// Returns whether `id` can name an extension: a well-formed key with a prefix.
// `ext.id`
pub fn is_extension_id(id: &str) -> bool {
    id.contains('/') && is_valid_key(id)
}

fn is_valid_label(label: &str) -> bool {
    label.starts_with(|c: char| c.is_ascii_alphabetic())
        && label.ends_with(|c: char| c.is_ascii_alphanumeric())
        && label
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'-')
}

fn is_valid_name(name: &str) -> bool {
    let alphanumeric = |c: char| c.is_ascii_alphanumeric();
    name.is_empty()
        || (name.starts_with(alphanumeric)
            && name.ends_with(alphanumeric)
            && name
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.')))
}
