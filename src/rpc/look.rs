//! One look at a few bytes of a text: where the first one is that a JSON string has to escape. With the
//! feature `simd` a look takes in twice as many, where all processors have the instructions for it.

#[cfg(all(feature = "simd", target_arch = "x86_64", target_feature = "sse2"))]
pub(super) use self::vectors::{LOOK, first_mark, marks};
#[cfg(not(all(feature = "simd", target_arch = "x86_64", target_feature = "sse2")))]
pub(super) use self::words::{LOOK, first_mark, marks};

/// How many bytes [`marks`] takes in.
pub(super) const BLOCK: usize = 64;

#[cfg(all(feature = "simd", target_arch = "x86_64", target_feature = "sse2"))]
mod vectors {
    use super::BLOCK;
    use safe_arch::{
        bitandnot_m128i, bitxor_m128i, cmp_eq_mask_i8_m128i, cmp_gt_mask_i8_m128i,
        load_unaligned_m128i, move_mask_i8_m128i, set_splat_i8_m128i,
    };

    /// How many bytes a look takes in.
    pub(in crate::rpc) const LOOK: usize = 16;

    /// Where the first of `bytes` is that needs an escape.
    #[inline(always)]
    pub(in crate::rpc) fn first_mark(bytes: &[u8; LOOK]) -> Option<usize> {
        let plain = plain_ones(bytes);
        (plain != u16::MAX).then(|| plain.trailing_ones() as usize)
    }

    /// A one for each of the bytes that needs an escape, the first one's the lowest.
    #[inline(always)]
    pub(in crate::rpc) fn marks(bytes: &[u8; BLOCK]) -> u64 {
        let (looks, _) = bytes.as_chunks();
        let join = |plain, look| plain << LOOK | u64::from(plain_ones(look));
        !looks.iter().rev().fold(0, join)
    }

    /// A one for each of the bytes that needs no escape, the first one's the lowest.
    #[inline(always)]
    fn plain_ones(bytes: &[u8; LOOK]) -> u16 {
        let bytes = load_unaligned_m128i(bytes);
        let all = |byte: u8| set_splat_i8_m128i(byte.cast_signed());
        let backslashes = cmp_eq_mask_i8_m128i(bytes, all(b'\\'));
        // Flipping this bit swaps a quote with a space and keeps control characters below; flipping the
        // highest one orders signed numbers as those without a sign.
        let flipped = bitxor_m128i(bytes, all(0x82));
        let others = cmp_gt_mask_i8_m128i(flipped, all(b' ' | 0x80));
        // The mask has no more bits than bytes, so that the cast keeps all of them.
        move_mask_i8_m128i(bitandnot_m128i(backslashes, others)) as u16
    }
}

#[cfg(not(all(feature = "simd", target_arch = "x86_64", target_feature = "sse2")))]
mod words {
    use super::BLOCK;

    pub(in crate::rpc) use super::word_mark as first_mark;

    /// How many bytes a look takes in.
    pub(in crate::rpc) const LOOK: usize = 8;

    /// A one for each of the bytes that needs an escape, the first one's the lowest.
    #[inline(always)]
    pub(in crate::rpc) fn marks(bytes: &[u8; BLOCK]) -> u64 {
        // Both without a branch, so that the compiler can look at many bytes at a time. Flipping this bit
        // swaps a quote with a space and keeps control characters below.
        let mark = |byte: u8| u8::from(byte ^ 0x02 <= b' ') | u8::from(byte == b'\\');
        let marks = bytes.map(mark);
        let (words, _) = marks.as_chunks::<8>();
        // Multiplied so, the eight ones of a word stand side by side in its highest byte.
        let ones =
            |word: &[u8; 8]| u64::from_le_bytes(*word).wrapping_mul(0x0102_0408_1020_4080) >> 56;
        words
            .iter()
            .rev()
            .fold(0, |marks, word| marks << 8 | ones(word))
    }
}

/// The same of fewer bytes.
#[inline(always)]
pub(super) fn marks_of_last(bytes: &[u8]) -> u64 {
    let mut block = [b' '; BLOCK];
    for (place, byte) in block.iter_mut().zip(bytes) {
        *place = *byte;
    }
    marks(&block)
}

/// Where the first of the bytes of a word is that needs an escape.
#[inline(always)]
pub(super) fn word_mark(word: &[u8; 8]) -> Option<usize> {
    let marks = escape_marks(u64::from_le_bytes(*word));
    (marks != 0).then(|| marks.trailing_zeros() as usize / 8)
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
    use super::{BLOCK, LOOK, first_mark, marks, marks_of_last, needs_escape, word_mark};

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
                assert_eq!(
                    word_mark(bytes.first_chunk().unwrap()),
                    expected,
                    "{bytes:?}"
                );
            }
        }
    }

    #[test]
    fn all_marks_of_a_block_stand_where_bytes_need_an_escape() {
        for (filler, byte) in [b'a', b'"', 0xff]
            .into_iter()
            .flat_map(|f| (0..=u8::MAX).map(move |b| (f, b)))
        {
            for at in 0..BLOCK {
                let mut block = [filler; BLOCK];
                block[at] = byte;
                block[BLOCK - 1 - at] = byte.rotate_left(3);
                let expected = |bytes: &[u8]| {
                    let needing = bytes
                        .iter()
                        .enumerate()
                        .filter(|(_, byte)| needs_escape(**byte));
                    needing.fold(0, |marks, (at, _)| marks | 1 << at)
                };
                assert_eq!(marks(&block), expected(&block), "{block:?}");
                assert_eq!(
                    marks_of_last(&block[..at]),
                    expected(&block[..at]),
                    "{block:?}"
                );
            }
        }
    }
}
