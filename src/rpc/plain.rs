//! How much of a text needs no escape: looks at a few bytes where the next escape is likely to be near, and
//! for many bytes one search and one comparison of the least of them.

#![expect(
    clippy::arithmetic_side_effects,
    reason = "lengths of parts of one text"
)]

use super::look::{LOOK, escape_marks, first_mark, needs_escape, word_mark};

/// So many bytes at a time are looked at and copied: what was looked at is in the nearest cache when it
/// is copied, or looked at for something else.
pub(super) const NEAR: usize = 4096;

/// Up to so many bytes, a look after the other is faster than a search.
const MEDIUM: usize = 128;

/// Whether none of `bytes` needs an escape.
// Inlined so that for a key that is known at compile time nothing of it remains.
#[inline(always)]
pub(crate) fn is_clean_run(bytes: &[u8]) -> bool {
    if bytes.len() > 64 {
        return is_clean_text(bytes);
    }
    let Some(last) = last_word(bytes) else {
        return !bytes.iter().any(|byte| needs_escape(*byte));
    };
    let (words, _) = bytes.as_chunks::<8>();
    let mut marks = escape_marks(last);
    for word in words {
        marks |= escape_marks(u64::from_le_bytes(*word));
    }
    marks == 0
}

/// The same for many bytes.
pub(super) fn is_clean_text(bytes: &[u8]) -> bool {
    // Of a text with escapes the first ones have one most of the time.
    let (first, rest) = bytes.split_at(bytes.len().min(MEDIUM));
    let (looks, last) = first.as_chunks::<LOOK>();
    first_in(looks).is_none()
        && few_plain(last) == last.len()
        && (rest.is_empty()
            || memchr::memchr(b'\\', rest).is_none() && rest.chunks(PART).all(is_unquoted))
}

/// How many bytes from the start of `bytes` on need no escape when one does within the first few,
/// which the last ones of a text are not.
// Inlined since most strings are so short that a call costs as much as the look.
#[inline(always)]
pub(super) fn first_plain_length(bytes: &[u8]) -> Option<usize> {
    first_mark(bytes.first_chunk::<LOOK>()?)
}

/// The same when [`first_plain_length`] found nothing; `None` when it is [`MEDIUM`] or more.
#[inline]
pub(super) fn medium_plain_length(bytes: &[u8]) -> Option<usize> {
    let (looks, last) = bytes.as_chunks::<LOOK>();
    // The first look was taken already.
    let medium = looks.get(1..looks.len().min(MEDIUM / LOOK));
    match first_in(medium.unwrap_or_default()) {
        Some(plain) => Some(LOOK + plain),
        None if looks.len() >= MEDIUM / LOOK => None,
        None => Some(bytes.len() - last.len() + few_plain(last)),
    }
}

/// How many bytes from the start of `bytes` on need no escape, where the next escape is likely to be
/// near: that of a string which had one already.
#[inline(always)]
pub(super) fn plain_length(bytes: &[u8]) -> usize {
    let (looks, _) = bytes.as_chunks::<LOOK>();
    first_in(looks.get(..MEDIUM / LOOK).unwrap_or(looks)).unwrap_or_else(|| far_plain_length(bytes))
}

/// The same when it isn't near.
#[inline(never)]
fn far_plain_length(bytes: &[u8]) -> usize {
    match bytes.len() {
        ..MEDIUM => {
            let (looks, last) = bytes.as_chunks::<LOOK>();
            looks.len() * LOOK + few_plain(last)
        }
        _ => long_plain_length(bytes).0,
    }
}

/// Where the first byte is that needs an escape.
// With a branch for each look: mostly it is foreseen, and then nothing waits for the sum.
#[inline(always)]
fn first_in(looks: &[[u8; LOOK]]) -> Option<usize> {
    let mut plain = 0;
    for look in looks {
        if let Some(mark) = first_mark(look) {
            return Some(plain + mark);
        }
        plain += LOOK;
    }
    None
}

/// How many of `bytes`, fewer than a look takes in, need no escape from the first one on.
#[inline]
fn few_plain(bytes: &[u8]) -> usize {
    let (words, last) = match LOOK {
        ..=8 => (&[][..], bytes),
        _ => bytes.as_chunks::<8>(),
    };
    let mut plain = 0;
    for word in words {
        if let Some(mark) = word_mark(word) {
            return plain + mark;
        }
        plain += 8;
    }
    plain + last.iter().take_while(|byte| !needs_escape(**byte)).count()
}

/// How many of many `bytes` need no escape from the first one on, and whether these are ASCII.
// What was looked at already is no more than a search looks at in a few steps.
#[inline(never)]
pub(super) fn long_plain_length(bytes: &[u8]) -> (usize, bool) {
    let (mut plain, mut is_ascii) = (0, true);
    for block in bytes.chunks(NEAR) {
        let end = memchr::memchr(b'\\', block).unwrap_or(block.len());
        let (run, escape) = block.split_at(end);
        for part in run.chunks(PART) {
            if is_unquoted_ascii(part) {
                plain += part.len();
                continue;
            }
            let (length, is_part_ascii) = part_plain_length(part);
            plain += length;
            is_ascii &= is_part_ascii;
            if length < part.len() {
                return (plain, is_ascii);
            }
        }
        if !escape.is_empty() {
            break;
        }
    }
    (plain, is_ascii)
}

/// The same of a part without backslashes that isn't plain ASCII throughout.
#[inline(never)]
fn part_plain_length(part: &[u8]) -> (usize, bool) {
    let plain = match is_unquoted(part) {
        true => part.len(),
        false => {
            let (looks, last) = part.as_chunks::<LOOK>();
            first_in(looks).unwrap_or_else(|| part.len() - last.len() + few_plain(last))
        }
    };
    let (run, _) = part.split_at(plain);
    (plain, run.is_ascii())
}

/// So many bytes are compared before the result is asked for.
const PART: usize = 512;

/// Whether there is neither a quote nor a control character in a part.
#[inline(always)]
fn is_unquoted(part: &[u8]) -> bool {
    // Flipping this bit swaps a quote with a space and keeps control characters below.
    is_least(part, 0x02, b' ' + 1)
}

/// The same, and whether it is ASCII.
#[inline(always)]
fn is_unquoted_ascii(part: &[u8]) -> bool {
    // Flipping the highest bit as well puts what isn't ASCII below all that is.
    is_least(part, 0x82, (b' ' + 1) | 0x80)
}

/// Whether none of the bytes of a part is less than `least` when the bits of `flip` in them are flipped.
// A fold instead of a search: the compiler turns it into a few vector instructions, fewer where it knows the
// length, which is that of a whole part most of the time.
#[inline(always)]
fn is_least(part: &[u8], flip: u8, least: u8) -> bool {
    let lesser = |found: u8, byte: &u8| found.min(byte ^ flip);
    let found = match part.first_chunk::<PART>() {
        Some(whole) => whole.iter().fold(u8::MAX, lesser),
        None => part.iter().fold(u8::MAX, lesser),
    };
    found >= least
}

/// The last eight bytes, or two overlapping halves of what is shorter; `None` below four bytes.
#[inline]
fn last_word(bytes: &[u8]) -> Option<u64> {
    if let Some(word) = bytes.last_chunk::<8>() {
        return Some(u64::from_le_bytes(*word));
    }
    let (first, last) = (bytes.first_chunk::<4>()?, bytes.last_chunk::<4>()?);
    let [first, last] = [first, last].map(|half| u64::from(u32::from_le_bytes(*half)));
    Some(first | last << 32)
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;

    /// What the functions say of `bytes`, and what they should.
    fn check(bytes: &[u8]) {
        let expected = bytes.iter().position(|byte| needs_escape(*byte));
        let plain = expected.unwrap_or(bytes.len());
        assert_eq!(plain_length(bytes), plain, "{bytes:?}");
        let is_ascii = bytes[..plain].is_ascii();
        assert_eq!(long_plain_length(bytes), (plain, is_ascii), "{bytes:?}");
        assert_eq!(is_clean_run(bytes), expected.is_none(), "{bytes:?}");
        assert_eq!(is_clean_text(bytes), expected.is_none(), "{bytes:?}");
        match first_plain_length(bytes) {
            Some(first) => assert_eq!(first, plain, "{bytes:?}"),
            None => {
                assert!(plain >= LOOK || bytes.len() < LOOK);
                let medium = medium_plain_length(bytes);
                let is_medium = plain < MEDIUM && bytes.len() / LOOK < MEDIUM / LOOK;
                assert!(medium == Some(plain) || medium.is_none() && !is_medium);
            }
        }
    }

    /// What is told apart, and its neighbours.
    const KINDS: &[u8] = b"\0\x1f !\"#[\\]\x7f\x80\x9f\xa0\xa2\xdc\xff";

    #[test]
    fn each_byte_that_needs_an_escape_is_found_wherever_it_stands() {
        for filler in [b' ', b'z', 0xff] {
            for length in [0, 1, 3, 4, 7, 8, 15, 16, 17, 64, 65, 127, 128, 145] {
                let mut bytes: Vec<u8> = core::iter::repeat_n(filler, length).collect();
                check(&bytes);
                for (at, kind) in (0..length).flat_map(|at| KINDS.iter().map(move |k| (at, *k))) {
                    bytes[at] = kind;
                    check(&bytes);
                    bytes[at] = filler;
                }
            }
        }
    }

    #[test]
    fn all_bytes_are_told_apart_around_the_ends_of_parts_and_blocks() {
        let ends = [0, MEDIUM, PART, MEDIUM + PART, NEAR - PART, NEAR];
        let around = ends.map(|end: usize| [end.saturating_sub(1), end, end + 1]);
        for filler in [b'a', 0xc3] {
            let mut bytes: Vec<u8> = core::iter::repeat_n(filler, NEAR + 20).collect();
            for at in around.into_iter().flatten() {
                for byte in KINDS {
                    bytes[at] = *byte;
                    check(&bytes);
                    check(&bytes[at.saturating_sub(PART)..=at]);
                    bytes[at] = filler;
                }
            }
            for byte in 0..=u8::MAX {
                bytes[NEAR / 2] = byte;
                check(&bytes);
                bytes[NEAR / 2] = filler;
            }
        }
    }
}
