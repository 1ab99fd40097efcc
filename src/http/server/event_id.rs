//! The ids of events: which stream, which event of it, and the session's tag, so that an id of
//! another session, or one that was made up, is never taken for one of this.

use alloc::boxed::Box;

/// The place of an event in its session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct EventId {
    /// The stream; 0 is the one that belongs to no request.
    pub(super) stream: u64,
    /// The event in the stream; 0 stands before the first one.
    pub(super) event: u64,
}

impl EventId {
    /// The text of the id.
    // `httpL.evid.unique` `httpL.evid.stream`
    pub(super) fn to_text(self, tag: u32) -> Box<str> {
        alloc::format!("{}-{}-{tag:08x}", self.stream, self.event).into()
    }

    /// Reads an id that this session gave out; `None` for every other text.
    pub(super) fn read(text: &str, tag: u32) -> Option<Self> {
        let mut parts = text.split('-');
        let stream = parts.next()?.parse().ok()?;
        let event = parts.next()?.parse().ok()?;
        let id = Self { stream, event };
        (*id.to_text(tag) == *text).then_some(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_id_of_this_session_is_read() {
        let id = EventId {
            stream: 3,
            event: 7,
        };
        let text = id.to_text(0xBAD_CAFE);
        assert_eq!(&*text, "3-7-0badcafe");
        assert_eq!(EventId::read(&text, 0xBAD_CAFE), Some(id));
        assert_eq!(EventId::read(&text, 0xBAD_CAFF), None);
        for bad in [
            "",
            "3",
            "3-7",
            "3-7-0badcafe-",
            "+3-7-0badcafe",
            "03-7-0badcafe",
            "3-7-BADCAFE",
            "99999999999999999999-1-0badcafe",
        ] {
            assert_eq!(EventId::read(bad, 0xBAD_CAFE), None, "{bad}");
        }
    }
}
