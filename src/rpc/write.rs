//! Appending JSON tokens to a byte buffer: strings, numbers and raw text, compact and on one line.
//! Everything that leaves the crate is written through these functions.

#![expect(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    reason = "lengths of parts of one text, digits below ten, and constants; a table has a place for each byte"
)]

use alloc::vec::Vec;
use core::fmt::{self, Write};

use super::look::{LOOK, control_marks, escape_marks, first_mark, needs_escape};

/// Appends `text` as a JSON string with its quotes.
///
/// Only what JSON requires is escaped: the quote, the backslash and the control characters.
#[inline]
pub(crate) fn write_string(out: &mut Vec<u8>, text: &str) {
    // What follows a long text is short: room for it spares the buffer growing once more.
    let rest = if text.len() > 1024 { 512 } else { 2 };
    out.reserve(text.len() + rest);
    out.push(b'"');
    write_escaped(out, text);
    out.push(b'"');
}

/// The same for a name, which is short and, when it is known at compile time, checked then.
#[inline(always)]
pub(crate) fn write_name(out: &mut Vec<u8>, name: &str) {
    out.push(b'"');
    if is_clean_run(name.as_bytes()) {
        out.extend_from_slice(name.as_bytes());
    } else {
        write_escaped(out, name);
    }
    out.push(b'"');
}

/// Appends `text` escaped as the inside of a JSON string.
#[inline]
pub(crate) fn write_escaped(out: &mut Vec<u8>, text: &str) {
    let bytes = text.as_bytes();
    if bytes.len() > NEAR {
        write_long(out, bytes);
    } else if is_clean_run(bytes) {
        out.extend_from_slice(bytes);
    } else {
        write_with_escapes(out, bytes);
    }
}

/// So many bytes at a time are looked at and copied: what was looked at is in the nearest cache when it
/// is copied, or looked at for something else.
const NEAR: usize = 4096;

/// Appends many `bytes` escaped.
#[inline(never)]
fn write_long(out: &mut Vec<u8>, bytes: &[u8]) {
    for block in bytes.chunks(NEAR) {
        if long_plain_length(block).0 == block.len() {
            out.extend_from_slice(block);
        } else {
            write_with_escapes(out, block);
        }
    }
}

/// Appends `bytes` escaped; some of them need it.
// What is plain mostly is too short to be worth a call for its copy, so that two words at a time are
// copied whole and what of them isn't plain is taken back.
#[inline(never)]
fn write_with_escapes(out: &mut Vec<u8>, bytes: &[u8]) {
    let mut rest = bytes;
    while let Some((block, after)) = rest.split_first_chunk::<BLOCK>() {
        out.extend_from_slice(block);
        let plain = plain_in_block(block);
        if plain == BLOCK {
            rest = after;
            continue;
        }
        out.truncate(out.len() - (BLOCK - plain));
        rest = write_escape_of(out, rest, plain);
    }
    while let Some(plain) = rest.iter().position(|byte| needs_escape(*byte)) {
        let (run, _) = rest.split_at(plain);
        out.extend_from_slice(run);
        rest = write_escape_of(out, rest, plain);
    }
    out.extend_from_slice(rest);
}

/// Appends the escape of the byte at `at`; returns what follows it.
#[inline(always)]
fn write_escape_of<'b>(out: &mut Vec<u8>, bytes: &'b [u8], at: usize) -> &'b [u8] {
    let Some((byte, rest)) = bytes.get(at..).and_then(<[u8]>::split_first) else {
        return &[];
    };
    write_escape(out, *byte);
    rest
}

/// Two words.
const BLOCK: usize = 16;

/// How many bytes from the start of `block` on need no escape.
// With a branch for each look: mostly it is foreseen, and then nothing waits for the sum.
#[inline(always)]
fn plain_in_block(block: &[u8; BLOCK]) -> usize {
    let (looks, _) = block.as_chunks::<LOOK>();
    let mut plain = 0;
    for look in looks {
        if let Some(mark) = first_mark(look) {
            return plain + mark;
        }
        plain += LOOK;
    }
    plain
}

/// Appends the escape of one byte that needs one.
#[inline(always)]
fn write_escape(out: &mut Vec<u8>, byte: u8) {
    match LETTERS[usize::from(byte)] {
        0 => write_number(out, byte),
        letter => out.extend_from_slice(&[b'\\', letter]),
    }
}

/// The letters of the bytes whose escapes have one.
const LETTERS: [u8; 256] = {
    let mut letters = [0; 256];
    letters[b'"' as usize] = b'"';
    letters[b'\\' as usize] = b'\\';
    letters[0x08] = b'b';
    letters[b'\t' as usize] = b't';
    letters[b'\n' as usize] = b'n';
    letters[0x0c] = b'f';
    letters[b'\r' as usize] = b'r';
    letters
};

/// Appends the escape of one byte that has no letter.
#[cold]
fn write_number(out: &mut Vec<u8>, byte: u8) {
    let [high, low] = [byte >> 4, byte & 15].map(hex_digit);
    out.extend_from_slice(&[b'\\', b'u', b'0', b'0', high, low]);
}

/// The digit for a number below 16.
const fn hex_digit(number: u8) -> u8 {
    match number {
        0..10 => b'0' + number,
        _ => b'a' + (number - 10),
    }
}

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
fn is_clean_text(bytes: &[u8]) -> bool {
    // Zero for a byte that needs an escape, and without a branch, so that the compiler can look
    // at many at a time.
    let mark = |byte: u8| {
        (byte ^ b'"')
            .min(byte ^ b'\\')
            .min(byte.saturating_sub(0x1f))
    };
    let least = |bytes: &[u8]| {
        bytes
            .iter()
            .fold(u8::MAX, |least, byte| least.min(mark(*byte)))
    };
    let (blocks, rest) = bytes.as_chunks::<128>();
    blocks.iter().all(|block| least(block) != 0) && least(rest) != 0
}

/// How many bytes from the start of `bytes` on need no escape, where the next escape is likely to be
/// near: that of a string which had one already.
#[inline(always)]
pub(super) fn plain_length(bytes: &[u8]) -> usize {
    let (blocks, _) = bytes.as_chunks::<BLOCK>();
    let mut plain = 0;
    for block in blocks.iter().take(MEDIUM / BLOCK) {
        let within = plain_in_block(block);
        plain += within;
        if within < BLOCK {
            return plain;
        }
    }
    let rest = bytes.get(plain..).unwrap_or_default();
    match rest.len() {
        ..BLOCK => plain + rest.iter().take_while(|byte| !needs_escape(**byte)).count(),
        _ => plain + long_plain_length(rest).0,
    }
}

/// How many bytes from the start of `bytes` on need no escape when one does within the first few,
/// which the last ones of a text are not.
// Inlined since most strings are so short that a call costs as much as the look.
#[inline(always)]
pub(super) fn first_plain_length(bytes: &[u8]) -> Option<usize> {
    first_mark(bytes.first_chunk::<LOOK>()?)
}

/// Up to so many bytes, a look after the other is faster than a search.
const MEDIUM: usize = 128;

/// The same when [`first_plain_length`] found nothing; `None` when it is [`MEDIUM`] or more.
#[inline]
pub(super) fn medium_plain_length(bytes: &[u8]) -> Option<usize> {
    let (looks, last) = bytes.as_chunks::<LOOK>();
    // The first look was taken already.
    let medium = looks.get(1..looks.len().min(MEDIUM / LOOK));
    let mut plain = LOOK;
    for look in medium.unwrap_or_default() {
        if let Some(mark) = first_mark(look) {
            return Some(plain + mark);
        }
        plain += LOOK;
    }
    if looks.len() >= MEDIUM / LOOK {
        return None;
    }
    Some(bytes.len() - last.len() + few_plain(last))
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
        let marks = escape_marks(u64::from_le_bytes(*word));
        if marks != 0 {
            return plain + marks.trailing_zeros() as usize / 8;
        }
        plain += 8;
    }
    plain + last.iter().take_while(|byte| !needs_escape(**byte)).count()
}

/// The same when [`medium_plain_length`] found nothing, and whether these bytes are ASCII.
#[inline(never)]
pub(super) fn long_plain_length(bytes: &[u8]) -> (usize, bool) {
    let (mut plain, mut high) = (0, 0);
    // What was looked at already is no more than a search looks at in a few steps.
    for block in bytes.chunks(NEAR) {
        let end = memchr::memchr2(b'"', b'\\', block).unwrap_or(block.len());
        let (run, _) = block.split_at(end);
        // A fold instead of a search: the compiler turns it into a few vector instructions.
        let fold = |(least, all): (u8, u8), byte: &u8| (least.min(*byte), all | byte);
        let (least, all) = run.iter().fold((u8::MAX, 0), fold);
        high |= all & 0x80;
        if least < 0x20 {
            plain += run.iter().take_while(|byte| **byte >= 0x20).count();
            break;
        }
        plain += end;
        if end < block.len() {
            break;
        }
    }
    (plain, high == 0)
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

/// Appends `text`, which is JSON already, without the line breaks between its tokens.
///
/// A frame on a pipe is a line, and text that came in an HTTP body may have had more than one.
#[inline]
pub(crate) fn write_raw(out: &mut Vec<u8>, text: &str) {
    let bytes = text.as_bytes();
    if has_line_break(bytes) {
        out.extend(bytes.iter().filter(|byte| !matches!(byte, b'\n' | b'\r')));
    } else {
        out.extend_from_slice(bytes);
    }
}

/// Whether there may be a line break among `bytes`; it takes any control character for one.
#[inline]
pub(super) fn has_line_break(bytes: &[u8]) -> bool {
    /// Up to here looking at each word is faster than calling a search.
    const SHORT: usize = 128;
    let Some(last) = bytes.last_chunk::<8>() else {
        return bytes.iter().any(|byte| *byte < 0x20);
    };
    if bytes.len() > SHORT {
        return memchr::memchr2(b'\n', b'\r', bytes).is_some();
    }
    let (words, _) = bytes.as_chunks::<8>();
    let mut controls = control_marks(u64::from_le_bytes(*last));
    for word in words {
        controls |= control_marks(u64::from_le_bytes(*word));
    }
    controls != 0
}

/// Appends a whole number.
#[inline]
pub(crate) fn write_u64(out: &mut Vec<u8>, number: u64) {
    let mut digits = [0; 20];
    let mut start = digits.len();
    let mut left = number;
    for digit in digits.iter_mut().rev() {
        // The remainder of ten is a digit, so the cast keeps its value.
        *digit = b'0' + (left % 10) as u8;
        left /= 10;
        start -= 1;
        if left == 0 {
            break;
        }
    }
    out.extend_from_slice(digits.get(start..).unwrap_or_default());
}

/// Appends a whole number that may be negative.
#[inline]
pub(crate) fn write_i64(out: &mut Vec<u8>, number: i64) {
    if number < 0 {
        out.push(b'-');
    }
    write_u64(out, number.unsigned_abs());
}

/// Appends the shortest number that reads back as `number`; `false`, with nothing appended, when
/// it isn't finite and so has no JSON.
pub(crate) fn write_f64(out: &mut Vec<u8>, number: f64) -> bool {
    number.is_finite() && write_shown(out, format_args!("{number:?}"))
}

/// As [`write_f64`], with the digits that an `f32` needs.
pub(crate) fn write_f32(out: &mut Vec<u8>, number: f32) -> bool {
    number.is_finite() && write_shown(out, format_args!("{number:?}"))
}

/// Appends what `shown` displays as it stands; `false` when its formatting fails.
pub(crate) fn write_shown(out: &mut Vec<u8>, shown: fmt::Arguments<'_>) -> bool {
    struct Plain<'o>(&'o mut Vec<u8>);

    impl Write for Plain<'_> {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            self.0.extend_from_slice(text.as_bytes());
            Ok(())
        }
    }

    Plain(out).write_fmt(shown).is_ok()
}

/// Appends what `shown` displays as a JSON string; `false` when its formatting fails.
pub(crate) fn write_shown_string(out: &mut Vec<u8>, shown: fmt::Arguments<'_>) -> bool {
    struct Quoted<'o>(&'o mut Vec<u8>);

    impl Write for Quoted<'_> {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            write_escaped(self.0, text);
            Ok(())
        }
    }

    out.push(b'"');
    let shown = Quoted(out).write_fmt(shown).is_ok();
    out.push(b'"');
    shown
}
