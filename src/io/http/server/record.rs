//! What instances write for one another: a stored session with who drives it, and the messages of the
//! log.
//!
//! Rules of this file: what is of another format, or can't be read, is nothing; a session stands
//! there with the principal that it belongs to.

use alloc::boxed::Box;
use alloc::vec::Vec;

use bytes::Bytes;

use crate::http::SavedHttp;
use crate::named::named;
use crate::rpc::Text;
use crate::session::Change;

/// The version of the formats that this version of the crate writes and reads.
const FORMAT: u32 = 1;

/// A session in the store.
pub(super) struct Record {
    format: u32,
    /// Whom it belongs to; `None` when nobody was authenticated.
    pub(super) principal: Option<Box<str>>,
    /// Which instance drives it; `None` when it was let go of, so that nothing of it is lost.
    pub(super) driver: Option<Box<str>>,
    /// The position in the log up to which it was told of changes.
    pub(super) heard: u64,
    pub(super) http: SavedHttp,
}

named! { struct Record { format, principal, driver, heard, http } }

impl Record {
    pub(super) fn new(
        principal: Option<Box<str>>,
        driver: Option<Box<str>>,
        heard: u64,
        http: SavedHttp,
    ) -> Self {
        Self {
            format: FORMAT,
            principal,
            driver,
            heard,
            http,
        }
    }

    /// Reads what an instance has written; `None` when this version can't.
    pub(super) fn read(value: &[u8]) -> Option<Self> {
        let record: Self = serde_json::from_slice(value).ok()?;
        (record.format == FORMAT).then_some(record)
    }

    /// The record as it is stored, without the events that there is no room for.
    pub(super) fn write(&mut self, longest: usize) -> Option<Bytes> {
        let mut value = serde_json::to_vec(self).ok()?;
        if value.len() > longest {
            self.http.forget_events();
            value = serde_json::to_vec(self).ok()?;
        }
        (value.len() <= longest).then(|| value.into())
    }
}

/// What an instance tells the others.
pub(super) struct Message<'a> {
    format: u32,
    /// Which instance.
    pub(super) from: Text<'a>,
    /// Which of its messages, so that one that stands in the log twice counts once.
    pub(super) number: u64,
    pub(super) what: What<'a>,
}

named! { struct Message<'a> { format, from, number, what } }

pub(super) enum What<'a> {
    /// A list has changed.
    Tools,
    Prompts,
    Resources,
    /// This resource has.
    Resource(Text<'a>),
    /// The sender could not tell what has changed for a while.
    Anything,
    /// This session is wanted by the sender, whose client has asked there.
    Wanted(Text<'a>),
}

named! {
    enum What<'a> { Tools, Prompts, Resources, Resource(uri), Anything, Wanted(session) }
}

impl<'a> What<'a> {
    pub(super) fn changed(change: Change, uri: &'a str) -> Self {
        match change {
            Change::Tools => Self::Tools,
            Change::Prompts => Self::Prompts,
            Change::Resources => Self::Resources,
            Change::Resource => Self::Resource(uri.into()),
        }
    }

    /// The change that it tells of, and which resource has changed; `None` when it tells of none.
    pub(super) fn change(&self) -> Option<(Change, &str)> {
        match self {
            Self::Tools => Some((Change::Tools, "")),
            Self::Prompts => Some((Change::Prompts, "")),
            Self::Resources => Some((Change::Resources, "")),
            Self::Resource(uri) => Some((Change::Resource, uri)),
            Self::Anything | Self::Wanted(_) => None,
        }
    }
}

impl<'a> Message<'a> {
    pub(super) fn new(from: &'a str, number: u64, what: What<'a>) -> Self {
        Self {
            format: FORMAT,
            from: from.into(),
            number,
            what,
        }
    }

    pub(super) fn write(&self) -> Bytes {
        let message: Vec<u8> = serde_json::to_vec(self).unwrap_or_default();
        message.into()
    }

    /// Reads what an instance has told; `None` when this version can't.
    pub(super) fn read(message: &'a [u8]) -> Option<Self> {
        let message: Self = serde_json::from_slice(message).ok()?;
        (message.format == FORMAT).then_some(message)
    }
}
