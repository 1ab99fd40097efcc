//! What a session knows of its place in the store: under which version it stands there, what has
//! changed since, and how far it was told of the log; and which requests change what must not be lost.

use alloc::boxed::Box;

use super::record::Record;
use crate::http::Input;
use crate::named::named;
use crate::rpc::{Kind, Text};
use crate::time::Instant;

/// How many positions of the log may pass before a session is saved again, so that an instance that
/// takes it over has little to read.
const POSITIONS: u64 = 64;

/// A session that is kept in the store.
#[derive(Debug)]
pub(super) struct InStore {
    pub(super) principal: Option<Box<str>>,
    /// `None` until it is stored for the first time.
    pub(super) version: Option<u64>,
    /// The generation of the lease under which it was taken.
    pub(super) generation: u64,
    /// The position up to which it was told.
    pub(super) heard: u64,
    /// Whether it is told from the log's past; until that is done, it isn't told from its end.
    pub(super) is_catching_up: bool,
    /// Whether another instance waits for it.
    pub(super) is_wanted: bool,
    /// Whether it is another's by now, or nobody's: nothing of it counts any more.
    pub(super) has_gone: bool,
    /// Whether it has ended.
    pub(super) is_over: bool,
    /// How often it has changed in what must not be lost.
    pub(super) changes: u64,
    saved: Option<Mark>,
}

/// What was saved, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) changes: u64,
    pub(super) heard: u64,
    pub(super) at: Instant,
}

/// A session on its way to the store.
pub(super) struct Snapshot {
    pub(super) record: Record,
    pub(super) version: Option<u64>,
    pub(super) mark: Mark,
}

impl InStore {
    pub(super) fn new(principal: Option<&str>, generation: u64, heard: u64) -> Self {
        Self {
            principal: principal.map(Box::from),
            version: None,
            generation,
            heard,
            is_catching_up: false,
            is_wanted: false,
            has_gone: false,
            is_over: false,
            changes: 0,
            saved: None,
        }
    }

    pub(super) fn mark(&self, at: Instant) -> Mark {
        Mark {
            changes: self.changes,
            heard: self.heard,
            at,
        }
    }

    /// Whether everything that must not be lost is in the store.
    pub(super) fn is_saved(&self) -> bool {
        self.saved
            .is_some_and(|saved| saved.changes >= self.changes)
    }

    pub(super) fn saved(&mut self, version: u64, mark: Mark) {
        self.version = Some(version);
        self.saved = Some(mark);
    }

    /// Whether it is time to store it again, so that it stays there and is up to date.
    pub(super) fn is_due(&self, now: Instant, refresh: core::time::Duration) -> bool {
        self.saved.is_some_and(|saved| {
            saved.at + refresh <= now || self.heard.saturating_sub(saved.heard) >= POSITIONS
        })
    }
}

/// Whether a text can be the id of a session that is kept in a store.
pub(super) fn is_id(id: &str) -> bool {
    id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Whether a request changes what must not be lost with its instance.
pub(super) fn is_durable(input: &Input) -> bool {
    struct Named<'a> {
        method: Option<Text<'a>>,
    }
    named! { read struct Named<'a> { [method] } }

    let Input::Post { frame, kind, .. } = input else {
        return false;
    };
    match kind {
        None => true,
        Some(Kind::Request | Kind::Notification) => {
            let named: Option<Named<'_>> = serde_json::from_slice(frame.bytes()).ok();
            let method = named.and_then(|named| named.method);
            method.is_some_and(|method| DURABLE.contains(&method.as_str()))
        }
        Some(_) => false,
    }
}

/// The methods that change it.
const DURABLE: [&str; 4] = [
    "notifications/initialized",
    "logging/setLevel",
    "resources/subscribe",
    "resources/unsubscribe",
];
