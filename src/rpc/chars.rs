//! The characters of a text: borrowed from a frame, owned, or a part of a whole that others hold parts
//! of as well, so that what is taken out of a large frame needs no copies.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::sync::Arc;
use core::cmp::Ordering;
use core::hash::{Hash, Hasher};
use core::ops::Range;

use crate::frame::{self, FrameError};

use super::whole::Whole;

/// As many bytes as there is room for beside what tells the kinds apart.
const FEW: usize = 15;
/// Below this a copy costs less than a count of who holds the whole.
const SHORT: usize = 256;

/// In two steps, since most are borrowed: of those nothing is left to drop, and that is one comparison.
#[derive(Clone)]
pub(super) enum Chars<'a> {
    Held(Held),
    Borrowed(&'a str),
}

/// Characters that are borrowed from nobody.
#[derive(Clone)]
pub(super) enum Held {
    /// From `start` to `end` in bytes, both between two characters.
    Part {
        whole: Whole,
        start: u32,
        end: u32,
    },
    Owned(String),
    /// So few that they stand here; the last byte is how many bytes they are.
    Few([u8; FEW + 1]),
}

/// What borrowed texts are made independent of their frame with: a whole that they lie in and may
/// share; without one they are copied.
#[derive(Clone, Copy, Debug)]
pub struct Source<'s>(Option<&'s Whole>);

impl<'s> Source<'s> {
    /// No whole: what was borrowed is copied.
    pub const NONE: Source<'static> = Source(None);

    /// Parts of `whole` share it.
    pub(crate) const fn of(whole: Option<&'s Whole>) -> Self {
        Self(whole)
    }

    /// The text that `bytes` are, which isn't looked at when they lie in the whole: that is known to be one.
    #[inline]
    pub(crate) fn text(self, bytes: &'s [u8]) -> Result<&'s str, FrameError> {
        let within = self.place_of(bytes);
        match within.and_then(|(whole, place)| whole.get(place)) {
            Some(text) => Ok(text),
            None => frame::text(bytes),
        }
    }

    /// The part of the whole that `text` is, if it lies in it.
    fn part_of(self, text: &str) -> Option<Held> {
        let (whole, place) = self.place_of(text.as_bytes())?;
        Some(Held::Part {
            whole: whole.clone(),
            start: u32::try_from(place.start).ok()?,
            end: u32::try_from(place.end).ok()?,
        })
    }

    /// The whole and where in it `bytes` lie, if they do.
    fn place_of(self, bytes: &[u8]) -> Option<(&'s Whole, Range<usize>)> {
        let whole = self.0?;
        let start = (bytes.as_ptr() as usize).checked_sub(whole.as_ptr() as usize)?;
        let end = start.checked_add(bytes.len())?;
        // Nothing, or what is from elsewhere, costs nothing to copy or has to be.
        (start < end && end <= whole.len()).then_some((whole, start..end))
    }
}

impl Held {
    /// Apart from where it is used, which most of the time has borrowed characters.
    #[inline(never)]
    fn as_str(&self) -> &str {
        match self {
            Self::Owned(text) => text,
            Self::Part { whole, start, end } => whole
                .get(*start as usize..*end as usize)
                .unwrap_or_default(),
            Self::Few(bytes) => {
                let [.., length] = *bytes;
                // All are looked at, since the standard library takes sixteen bytes in one step.
                let all = core::str::from_utf8(bytes).unwrap_or_default();
                all.get(..usize::from(length)).unwrap_or_default()
            }
        }
    }

    /// A copy, without an allocation if it is short.
    fn copied(text: &str) -> Self {
        let mut bytes = [0; FEW + 1];
        let [place @ .., count] = &mut bytes;
        match (place.get_mut(..text.len()), u8::try_from(text.len())) {
            (Some(place), Ok(length)) => {
                place.copy_from_slice(text.as_bytes());
                *count = length;
                Self::Few(bytes)
            }
            _ => Self::Owned(text.into()),
        }
    }

    fn into_string(self) -> String {
        match self {
            Self::Owned(text) => text,
            Self::Part { whole, start, end } if start == 0 && end as usize == whole.len() => {
                whole.into_string()
            }
            other => other.as_str().into(),
        }
    }
}

impl<'a> Chars<'a> {
    pub(super) const fn owned(text: String) -> Self {
        Self::Held(Held::Owned(text))
    }

    #[inline]
    pub(super) fn as_str(&self) -> &str {
        match self {
            Self::Borrowed(text) => text,
            Self::Held(held) => held.as_str(),
        }
    }

    /// The first byte, without a look at the others.
    #[cfg(feature = "client")]
    pub(super) fn first_byte(&self) -> Option<u8> {
        match self {
            Self::Borrowed(text) => text.as_bytes().first().copied(),
            Self::Held(Held::Few([first, .., length])) => (*length > 0).then_some(*first),
            Self::Held(held) => held.as_str().as_bytes().first().copied(),
        }
    }

    pub(super) fn owned_from(self, source: Source<'_>) -> Chars<'static> {
        Chars::Held(match self {
            Self::Held(held) => held,
            Self::Borrowed(text) if text.len() <= FEW => Held::copied(text),
            Self::Borrowed(text) => source
                .part_of(text)
                .unwrap_or_else(|| Held::Owned(text.into())),
        })
    }

    pub(super) fn into_string(self) -> String {
        match self {
            Self::Borrowed(text) => text.into(),
            Self::Held(held) => held.into_string(),
        }
    }
}

impl Chars<'static> {
    /// Another holder of the same characters, which are shared from here on if they are many.
    pub(super) fn share(&mut self) -> Self {
        if let Self::Held(Held::Owned(text)) = self
            && text.len() > SHORT
        {
            *self = Arc::new(core::mem::take(text)).into();
        }
        self.clone()
    }
}

impl From<Arc<String>> for Chars<'_> {
    fn from(whole: Arc<String>) -> Self {
        match u32::try_from(whole.len()) {
            Ok(end) => Self::Held(Held::Part {
                whole: whole.into(),
                start: 0,
                end,
            }),
            Err(_) => Self::owned(Arc::unwrap_or_clone(whole)),
        }
    }
}

impl<'a> From<Cow<'a, str>> for Chars<'a> {
    fn from(text: Cow<'a, str>) -> Self {
        match text {
            Cow::Borrowed(text) => Self::Borrowed(text),
            Cow::Owned(text) => Self::owned(text),
        }
    }
}

impl PartialEq for Chars<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Chars<'_> {}

impl PartialOrd for Chars<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Chars<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_str().cmp(other.as_str())
    }
}

impl Hash for Chars<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_holds_the_whole_and_needs_no_room_of_its_own() {
        let text = Arc::new(String::from("one two and a few more than these"));
        let whole = Whole::from(text);
        let part = Chars::Borrowed(&whole[3..]).owned_from(Source::of(Some(&whole)));
        assert_eq!(part.as_str(), " two and a few more than these");
        assert_eq!(part.as_str().as_ptr(), whole[3..].as_ptr());
        assert_eq!(part.into_string(), " two and a few more than these");
        let elsewhere = Chars::Borrowed("a text from elsewhere");
        let elsewhere = elsewhere.owned_from(Source::of(Some(&whole)));
        assert!(matches!(elsewhere, Chars::Held(Held::Owned(_))));
        for text in ["", "é", "fifteen letters"] {
            let few = Chars::Borrowed(text).owned_from(Source::of(Some(&whole)));
            assert!(matches!(few, Chars::Held(Held::Few(_))));
            assert_eq!(few.as_str(), text);
        }
        assert_eq!(size_of::<Option<Chars<'_>>>(), size_of::<String>());
    }

    #[test]
    fn bytes_are_a_text_whether_they_lie_in_the_whole_or_not() {
        let whole = Whole::from(Arc::new(String::from("one, zwei, drei, vier, fünf")));
        let bytes = whole.as_bytes();
        for source in [Source::of(Some(&whole)), Source::NONE] {
            assert_eq!(source.text(&bytes[5..9]), Ok("zwei"));
            assert_eq!(source.text(bytes), Ok(&*whole));
            assert_eq!(source.text(b""), Ok(""));
            assert_eq!(source.text(b"elsewhere"), Ok("elsewhere"));
            assert!(source.text(b"\xff").is_err());
            // Between the two bytes of a character.
            assert!(source.text(&bytes[..bytes.len() - 3]).is_err());
        }
    }
}
