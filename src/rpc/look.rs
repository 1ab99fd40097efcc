//! One look at a few bytes of a text: where the first one is that a JSON string has to escape. With the
//! feature `simd` a look takes in twice as many, where all processors have the instructions for it.

#[cfg(not(all(feature = "simd", target_arch = "x86_64", target_feature = "sse2")))]
pub(super) use self::words::{LOOK, first_mark};
#[cfg(all(feature = "simd", target_arch = "x86_64", target_feature = "sse2"))]
pub(super) use vectors::{LOOK, first_mark};

#[cfg(all(feature = "simd", target_arch = "x86_64", target_feature = "sse2"))]
mod vectors {
    use safe_arch::{
        bitor_m128i, cmp_eq_mask_i8_m128i, load_unaligned_m128i, min_u8_m128i, move_mask_i8_m128i,
        set_splat_i8_m128i,
    };

    /// How many bytes a look takes in.
    pub(in crate::rpc) const LOOK: usize = 16;

    /// Where the first of `bytes` is that needs an escape.
    #[inline(always)]
    pub(in crate::rpc) fn first_mark(bytes: &[u8; LOOK]) -> Option<usize> {
        let bytes = load_unaligned_m128i(bytes);
        let all = |byte: u8| set_splat_i8_m128i(byte.cast_signed());
        let quotes = cmp_eq_mask_i8_m128i(bytes, all(b'"'));
        let backslashes = cmp_eq_mask_i8_m128i(bytes, all(b'\\'));
        // The lesser of the two is the byte itself.
        let controls = cmp_eq_mask_i8_m128i(bytes, min_u8_m128i(bytes, all(0x1f)));
        let marks = move_mask_i8_m128i(bitor_m128i(bitor_m128i(quotes, backslashes), controls));
        (marks != 0).then(|| marks.trailing_zeros() as usize)
    }
}

#[cfg(not(all(feature = "simd", target_arch = "x86_64", target_feature = "sse2")))]
mod words {
    use super::escape_marks;

    /// How many bytes a look takes in.
    pub(in crate::rpc) const LOOK: usize = 8;

    /// Where the first of `bytes` is that needs an escape.
    #[inline(always)]
    pub(in crate::rpc) fn first_mark(bytes: &[u8; LOOK]) -> Option<usize> {
        let marks = escape_marks(u64::from_le_bytes(*bytes));
        (marks != 0).then(|| marks.trailing_zeros() as usize / 8)
    }
}

/// A one in each byte of a word.
const ONES: u64 = 0x0101_0101_0101_0101;
/// The high bit of each byte of a word.
const HIGHS: u64 = 0x8080_8080_8080_8080;
const BACKSLASHES: u64 = 0x5c5c_5c5c_5c5c_5c5c;

/// Not zero if one of the eight bytes of `word` needs an escape; the lowest mark stands in the
/// first byte that does.
#[inline]
pub(super) const fn escape_marks(word: u64) -> u64 {
    // The lowest byte that is marked is marked rightly, which is all a yes or no needs. Flipping
    // this bit swaps a quote with a space and keeps control characters below, so that one
    // comparison finds both.
    let controls_or_quotes = (word ^ 0x0202_0202_0202_0202).wrapping_sub(0x2121_2121_2121_2121);
    let backslashes = (word ^ BACKSLASHES).wrapping_sub(ONES);
    (controls_or_quotes | backslashes) & !word & HIGHS
}

/// Not zero if one of the eight bytes of `word` is a control character.
#[inline]
pub(super) const fn control_marks(word: u64) -> u64 {
    word.wrapping_sub(0x2020_2020_2020_2020) & !word & HIGHS
}

#[inline]
pub(super) const fn needs_escape(byte: u8) -> bool {
    byte < 0x20 || byte == b'"' || byte == b'\\'
}

#[cfg(test)]
mod tests {
    use super::{LOOK, escape_marks, first_mark, needs_escape};

    #[test]
    fn the_first_mark_stands_in_the_first_byte_that_needs_an_escape() {
        // A wrong mark could only come of a neighbour, so that all pairs are all there is to see.
        for pair in 0..=u16::MAX {
            for (at, filler) in (0..7).flat_map(|at| [b' ', b'z', 0xff].map(|byte| (at, byte))) {
                let mut bytes = [filler; LOOK];
                for start in (0..LOOK).step_by(8) {
                    bytes[start + at..start + at + 2].copy_from_slice(&pair.to_le_bytes());
                }
                let expected = bytes.iter().position(|byte| needs_escape(*byte));
                assert_eq!(first_mark(&bytes), expected, "{bytes:?}");
                let marks = escape_marks(u64::from_le_bytes(*bytes.first_chunk().unwrap()));
                let found = (marks != 0).then(|| marks.trailing_zeros() as usize / 8);
                assert_eq!(found, expected, "{bytes:?}");
            }
        }
    }
}
