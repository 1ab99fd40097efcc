//! Bytes as text. With the feature `simd` long ones are checked by vector instructions, those that the
//! processor turns out to have.

use super::FrameError;

/// Below this a call costs more than it spares.
#[cfg(feature = "simd")]
const LONG: usize = 256;

/// Returns the text of a frame.
///
/// Returns [`FrameError::NotUtf8`] if it isn't UTF-8.
#[inline]
pub fn text(frame: &[u8]) -> Result<&str, FrameError> {
    #[cfg(feature = "simd")]
    if frame.len() >= LONG
        && let Ok(text) = simdutf8::basic::from_utf8(frame)
    {
        return Ok(text);
    }
    // Only this one says where it stops being text.
    core::str::from_utf8(frame).map_err(|error| FrameError::NotUtf8 {
        valid_up_to: error.valid_up_to(),
    })
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;

    #[test]
    fn bytes_are_the_text_that_they_are_however_many() {
        for length in [0, 1, 255, 256, 4096] {
            let bytes: Vec<u8> = "é".bytes().cycle().take(length).collect();
            let expected = core::str::from_utf8(&bytes);
            let wrong = FrameError::NotUtf8 {
                valid_up_to: length.saturating_sub(1),
            };
            assert_eq!(text(&bytes), expected.map_err(|_| wrong));
        }
    }
}
