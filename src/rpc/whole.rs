//! A text that others hold parts of. With the feature `simd` it is the frame itself, which vector
//! instructions have found to be UTF-8; without it the frame becomes a `String`, which is copied when its
//! buffer is to be filled again.

use alloc::string::String;
use alloc::sync::Arc;
use core::fmt;
use core::ops::Deref;

use bytes::Bytes;

#[cfg(feature = "simd")]
type Inner = faststr::FastStr;
#[cfg(not(feature = "simd"))]
type Inner = String;

/// Cheap to clone: all clones are of one text.
#[derive(Clone)]
pub(crate) struct Whole(Arc<Inner>);

impl Whole {
    /// Shares what `frame` holds, which is the same afterwards; `None` when it isn't UTF-8.
    #[cfg(feature = "simd")]
    pub(crate) fn of(frame: &mut Bytes) -> Option<Self> {
        let text = Inner::from_bytes(frame.clone()).ok()?;
        Some(Self(Arc::new(text)))
    }

    /// Shares what `frame` holds, which is the same afterwards; `None` when it isn't UTF-8.
    #[cfg(not(feature = "simd"))]
    pub(crate) fn of(frame: &mut Bytes) -> Option<Self> {
        let text = String::from_utf8(core::mem::take(frame).into());
        let (shared, whole) = match text {
            Ok(text) => {
                let whole = Self(Arc::new(text));
                (Bytes::from_owner(whole.clone()), Some(whole))
            }
            Err(error) => (error.into_bytes().into(), None),
        };
        *frame = shared;
        whole
    }

    /// The text, which is copied when others hold it as well.
    pub(super) fn into_string(self) -> String {
        Arc::try_unwrap(self.0).map_or_else(|shared| String::from(shared.as_str()), String::from)
    }
}

impl From<Arc<String>> for Whole {
    fn from(text: Arc<String>) -> Self {
        #[cfg(feature = "simd")]
        return Self(Arc::new(Inner::from_arc_string(text)));
        #[cfg(not(feature = "simd"))]
        Self(text)
    }
}

impl fmt::Debug for Whole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Whole({} bytes)", self.len())
    }
}

impl Deref for Whole {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

#[cfg(not(feature = "simd"))]
impl AsRef<[u8]> for Whole {
    fn as_ref(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;

    #[test]
    fn a_frame_is_the_same_after_it_was_shared_and_so_is_one_that_is_no_text() {
        for length in [0, 1, 30, 4095, 4096] {
            let bytes: Vec<u8> = "é".bytes().cycle().take(length).collect();
            let mut frame = Bytes::from(bytes.clone());
            let whole = Whole::of(&mut frame);
            assert_eq!(frame, bytes);
            assert_eq!(whole.is_some(), length % 2 == 0);
            assert_eq!(whole.map(Whole::into_string), String::from_utf8(bytes).ok());
        }
    }

    #[test]
    fn a_text_that_nobody_else_holds_is_not_copied() {
        let text = "x".repeat(1000);
        let start = text.as_ptr();
        let whole = Whole::from(Arc::new(text));
        let other = whole.clone();
        let copied = other.into_string();
        assert_ne!(copied.as_ptr(), start);
        let same = whole.into_string();
        assert_eq!(same.as_ptr(), start);
    }
}
