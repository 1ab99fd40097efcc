//! The `_meta` object: its reserved keys, typed access to what stands under them, key rules.
//! [`Object`] is what it is made of: an open JSON object kept as text and scanned when asked.

use alloc::borrow::Cow;
use alloc::string::String;
use core::fmt;

use serde::de::{self, Unexpected};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::model::capability::ClientCapabilities;
use crate::model::initialize::Implementation;
use crate::model::logging::LoggingLevel;
use crate::model::owned::IntoOwned;
use crate::rpc::{Entry, Raw, Text, members};

/// The key of the token under which progress of a request is reported.
pub const PROGRESS_TOKEN: &str = "progressToken";

/// The key of the revision a modern request speaks.
pub const PROTOCOL_VERSION: &str = "io.modelcontextprotocol/protocolVersion";

/// The key of the name and version of the client that sends a modern request.
pub const CLIENT_INFO: &str = "io.modelcontextprotocol/clientInfo";

/// The key of what the client can do during a modern request.
pub const CLIENT_CAPABILITIES: &str = "io.modelcontextprotocol/clientCapabilities";

/// The key of the least level of log messages that a modern request asks for.
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

/// An open JSON object, kept as the text it arrived in: order, digits and unknown members intact.
///
/// Two objects are equal when their texts are.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Object<'a>(Raw<'a>);

impl<'a> Object<'a> {
    /// The object without members.
    pub const fn new() -> Self {
        Self(Raw::EMPTY_OBJECT)
    }

    /// Takes `raw` as an object; `None` when it is another kind of JSON value.
    pub fn from_raw(raw: Raw<'a>) -> Option<Self> {
        raw.is_object().then_some(Self(raw))
    }

    /// The object as a JSON value.
    pub fn as_raw(&self) -> &Raw<'a> {
        &self.0
    }

    /// The object as a JSON value, without a copy.
    pub fn into_raw(self) -> Raw<'a> {
        self.0
    }

    /// The value of the member called `key`, the last one when there are several.
    pub fn get(&self, key: &str) -> Option<Raw<'_>> {
        self.find(key).map(|text| Raw::trusted(Cow::Borrowed(text)))
    }

    /// The members in the order in which they are written, duplicates included.
    pub fn entries(&self) -> impl Iterator<Item = (Text<'_>, Raw<'_>)> {
        Written::all(self.0.as_str())
            .map(|member| (member.name(), Raw::trusted(Cow::Borrowed(member.value))))
    }

    /// Whether there are no members.
    pub fn is_empty(&self) -> bool {
        Written::all(self.0.as_str()).next().is_none()
    }

    /// The same object with `key` set to `value`, in the place the key had or at the end.
    ///
    /// A value that JSON can't express (a map whose keys aren't strings) leaves the object as it
    /// is; [`Object::insert`] tells.
    #[must_use]
    pub fn with<T: Serialize + ?Sized>(mut self, key: &str, value: &T) -> Self {
        let _unchanged_on_error = self.insert(key, value);
        self
    }

    /// Sets `key` to `value`, in the place the key had or at the end.
    ///
    /// Returns an error, and leaves the object as it is, if JSON can't express `value`.
    pub fn insert<T: Serialize + ?Sized>(
        &mut self,
        key: &str,
        value: &T,
    ) -> Result<(), serde_json::Error> {
        let value = serde_json::to_string(value)?;
        let key_literal = serde_json::to_string(key)?;
        let old = self.0.as_str();
        let mut text = String::with_capacity(old.len() + key_literal.len() + value.len() + 2);
        let mut pending = true;
        for member in Written::all(old) {
            if !member.is_called(key) {
                push_member(&mut text, member.key, member.value);
            } else if pending {
                push_member(&mut text, &key_literal, &value);
                pending = false;
            }
        }
        if pending {
            push_member(&mut text, &key_literal, &value);
        }
        if text.is_empty() {
            text.push('{');
        }
        text.push('}');
        self.0 = Raw::trusted(Cow::Owned(text));
        Ok(())
    }

    /// An object that borrows from this one.
    pub fn reborrow(&self) -> Object<'_> {
        Object(self.0.reborrow())
    }

    /// The text of the last member called `key`, borrowing from the object itself.
    fn find(&self, key: &str) -> Option<&str> {
        let members = Written::all(self.0.as_str());
        members
            .filter(|member| member.is_called(key))
            .last()
            .map(|member| member.value)
    }

    /// The last member called `key` read as `T`; `None` when it is absent or doesn't fit.
    fn read<'b, T: Deserialize<'b>>(&'b self, key: &str) -> Option<T> {
        serde_json::from_str(self.find(key)?).ok()
    }
}

/// Appends one member to an object's text that is being built, opening it at the first.
fn push_member(text: &mut String, key_literal: &str, value: &str) {
    text.push(if text.is_empty() { '{' } else { ',' });
    text.push_str(key_literal);
    text.push(':');
    text.push_str(value);
}

impl Default for Object<'_> {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Object<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl Serialize for Object<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Object<'a> {
    /// Borrows from the input. Returns an error if the value is not an object.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Raw::deserialize(deserializer)?;
        let kind = match raw.first_byte() {
            b'{' => return Ok(Self(raw)),
            b'[' => Unexpected::Seq,
            b'"' => Unexpected::Other("string"),
            b't' => Unexpected::Bool(true),
            b'f' => Unexpected::Bool(false),
            b'n' => Unexpected::Unit,
            _ => Unexpected::Other("number"),
        };
        Err(de::Error::invalid_type(kind, &"an object"))
    }
}

impl IntoOwned for Object<'_> {
    type Owned = Object<'static>;

    fn into_owned(self) -> Object<'static> {
        Object(self.0.into_owned())
    }
}

/// One member of an object as it is written: the key with its quotes, and the value.
#[derive(Clone, Copy)]
struct Written<'a> {
    key: &'a str,
    value: &'a str,
}

impl<'a> Written<'a> {
    /// The first-level members of an object's text.
    fn all(object: &'a str) -> impl Iterator<Item = Self> {
        members(object.as_bytes()).map_while(|Entry { key, value }| {
            Some(Self {
                key: object.get(key.range())?,
                value: object.get(value.range())?,
            })
        })
    }

    /// The key without its quotes, escapes not undone.
    fn inner_key(&self) -> &'a str {
        self.key
            .get(1..self.key.len().saturating_sub(1))
            .unwrap_or("")
    }

    /// The key's value. One whose escapes make no text (half a surrogate pair) stays as written.
    fn name(&self) -> Text<'a> {
        let inner = self.inner_key();
        if !inner.contains('\\') {
            return Text::borrowed(inner);
        }
        serde_json::from_str(self.key).unwrap_or(Text::borrowed(inner))
    }

    fn is_called(&self, key: &str) -> bool {
        let inner = self.inner_key();
        inner == key || (inner.contains('\\') && self.name() == key)
    }
}

/// The `_meta` object of a request, a notification, a result or a part of one.
///
/// Whatever stands in it survives; the getters read the keys that the protocol reserves, and give
/// `None` for a value of the wrong type as for one that isn't there.
#[derive(Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Meta<'a>(#[serde(borrow)] Object<'a>);

impl<'a> Meta<'a> {
    /// A `_meta` without members.
    pub const fn new() -> Self {
        Self(Object::new())
    }

    /// Takes `raw` as a `_meta`; `None` when it is no object.
    pub fn from_raw(raw: Raw<'a>) -> Option<Self> {
        Object::from_raw(raw).map(Self)
    }

    /// The same `_meta` with `key` set to `value`, as [`Object::with`] does it.
    #[must_use]
    pub fn with<T: Serialize + ?Sized>(self, key: &str, value: &T) -> Self {
        Self(self.0.with(key, value))
    }

    /// The value under `key`, whatever it is.
    pub fn get(&self, key: &str) -> Option<Raw<'_>> {
        self.0.get(key)
    }

    /// Whether there are no members.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The object that this is.
    pub fn as_object(&self) -> &Object<'a> {
        &self.0
    }

    /// The token under which progress is asked for: a string or a number (`meta.progressToken`).
    pub fn progress_token(&self) -> Option<Raw<'_>> {
        self.string_or_number(PROGRESS_TOKEN)
    }

    /// The revision that a modern request says it speaks.
    pub fn protocol_version(&self) -> Option<Text<'_>> {
        self.0.read(PROTOCOL_VERSION)
    }

    /// The client that sent a modern request; for display and logs only (`meta.info.notrust`).
    pub fn client_info(&self) -> Option<Implementation<'_>> {
        self.0.read(CLIENT_INFO)
    }

    /// What the client can do during a modern request.
    pub fn client_capabilities(&self) -> Option<ClientCapabilities<'_>> {
        self.0.read(CLIENT_CAPABILITIES)
    }

    /// The least level of log messages that a modern request asks for.
    pub fn log_level(&self) -> Option<LoggingLevel> {
        self.0.read(LOG_LEVEL)
    }

    /// The id of the `subscriptions/listen` request that a notification belongs to.
    pub fn subscription_id(&self) -> Option<Raw<'_>> {
        self.string_or_number(SUBSCRIPTION_ID)
    }

    /// The server that sent a modern result; for display and logs only (`meta.info.notrust`).
    pub fn server_info(&self) -> Option<Implementation<'_>> {
        self.0.read(SERVER_INFO)
    }

    /// The id of the task that a message of 2025-11-25 belongs to.
    pub fn related_task(&self) -> Option<Text<'_>> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct RelatedTaskMetadata<'a> {
            #[serde(borrow)]
            task_id: Text<'a>,
        }

        self.0
            .read::<RelatedTaskMetadata<'_>>(RELATED_TASK)
            .map(|related| related.task_id)
    }

    /// The W3C `traceparent`, passed through as it is.
    pub fn traceparent(&self) -> Option<Text<'_>> {
        self.0.read(TRACEPARENT)
    }

    /// The W3C `tracestate`, passed through as it is.
    pub fn tracestate(&self) -> Option<Text<'_>> {
        self.0.read(TRACESTATE)
    }

    /// The W3C `baggage`, passed through as it is.
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

    fn into_owned(self) -> Meta<'static> {
        Meta(self.0.into_owned())
    }
}

/// Whether `key` is well-formed as a key of `_meta`: an optional prefix and a name.
///
/// `com.example/x`, `x_1.y` and `com.example/` are; `1a/x`, `a-/x` and `a.` are not
/// (`meta.key.prefix`, `meta.key.name`).
pub fn is_valid_key(key: &str) -> bool {
    match key.rsplit_once('/') {
        Some((prefix, name)) => prefix.split('.').all(is_valid_label) && is_valid_name(name),
        None => is_valid_name(key),
    }
}

/// Whether the protocol keeps `key` for itself: the union of what the revisions reserve.
///
/// That is a prefix in which the second or the last but one label is `modelcontextprotocol` or
/// `mcp` (`meta.reserved.c`, `meta.reserved.de`), and the bare keys of `meta.reserved.keys`.
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

/// Whether `id` can name an extension: a well-formed key with a prefix (`ext.id`).
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
