//! Appending JSON tokens to a byte buffer: strings, numbers and raw text, compact and on one line.
//! Everything that leaves the crate is written through these functions.

use alloc::vec::Vec;
use core::fmt::{self, Write};

/// Appends `text` as a JSON string with its quotes.
///
/// Only what JSON requires is escaped: the quote, the backslash and the control characters.
#[inline]
pub(crate) fn write_string(out: &mut Vec<u8>, text: &str) {
    out.reserve(text.len() + 2);
    out.push(b'"');
    write_escaped(out, text);
    out.push(b'"');
}

/// Appends `text` escaped as the inside of a JSON string.
#[inline]
pub(crate) fn write_escaped(out: &mut Vec<u8>, text: &str) {
    let bytes = text.as_bytes();
    let clean = clean_prefix(bytes);
    if clean == bytes.len() {
        out.extend_from_slice(bytes);
    } else {
        write_with_escapes(out, bytes, clean);
    }
}

/// Appends `bytes` escaped, of which the first `clean` need no escape.
#[cold]
fn write_with_escapes(out: &mut Vec<u8>, bytes: &[u8], clean: usize) {
    let (mut run, mut rest) = bytes.split_at_checked(clean).unwrap_or((bytes, &[]));
    loop {
        out.extend_from_slice(run);
        let Some((&byte, after)) = rest.split_first() else {
            return;
        };
        write_escape(out, byte);
        // Text with escapes tends to have many: short runs are looked for byte by byte.
        let near = after.iter().take(16).position(|byte| needs_escape(*byte));
        let clean = near.unwrap_or_else(|| clean_prefix(after));
        (run, rest) = after.split_at_checked(clean).unwrap_or((after, &[]));
    }
}

/// Appends the escape of one byte that needs one.
fn write_escape(out: &mut Vec<u8>, byte: u8) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let letter = match byte {
        b'"' | b'\\' => byte,
        0x08 => b'b',
        b'\t' => b't',
        b'\n' => b'n',
        0x0c => b'f',
        b'\r' => b'r',
        _ => {
            let (high, low) = (usize::from(byte >> 4), usize::from(byte & 15));
            out.extend_from_slice(&[b'\\', b'u', b'0', b'0', HEX[high], HEX[low]]);
            return;
        }
    };
    out.extend_from_slice(&[b'\\', letter]);
}

#[inline]
fn needs_escape(byte: u8) -> bool {
    byte < 0x20 || byte == b'"' || byte == b'\\'
}

/// How many bytes at the start of `bytes` need no escape.
#[inline]
fn clean_prefix(bytes: &[u8]) -> usize {
    let mut clean = 0;
    let mut rest = bytes;
    if rest.len() >= 32 {
        clean = clean_blocks(rest);
        rest = bytes.get(clean..).unwrap_or_default();
    }
    while let Some((word, after)) = rest.split_first_chunk::<8>() {
        if word_needs_escape(u64::from_le_bytes(*word)) {
            break;
        }
        clean += 8;
        rest = after;
    }
    clean
        + rest
            .iter()
            .position(|byte| needs_escape(*byte))
            .unwrap_or(rest.len())
}

/// How many bytes at the start of `bytes` are whole blocks that need no escape.
fn clean_blocks(bytes: &[u8]) -> usize {
    let (blocks, _) = bytes.as_chunks::<32>();
    // Without a branch inside a block, so that the compiler can use vector instructions.
    let dirty = |block: &[u8; 32]| {
        block
            .iter()
            .fold(0, |any, byte| any | u8::from(needs_escape(*byte)))
            != 0
    };
    32 * blocks.iter().position(dirty).unwrap_or(blocks.len())
}

/// Whether one of the eight bytes of `word` needs an escape.
#[inline]
const fn word_needs_escape(word: u64) -> bool {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGHS: u64 = 0x8080_8080_8080_8080;
    // In each, the lowest byte that is marked is marked rightly, which is all a yes or no needs.
    let control = word.wrapping_sub(ONES * 0x20) & !word;
    let quotes = word ^ (ONES * b'"' as u64);
    let quote = quotes.wrapping_sub(ONES) & !quotes;
    let backslashes = word ^ (ONES * b'\\' as u64);
    let backslash = backslashes.wrapping_sub(ONES) & !backslashes;
    (control | quote | backslash) & HIGHS != 0
}

/// Appends `text`, which is JSON already, without the line breaks between its tokens.
///
/// A frame on a pipe is a line, and text that came in an HTTP body may have had more than one.
#[inline]
pub(crate) fn write_raw(out: &mut Vec<u8>, text: &str) {
    let bytes = text.as_bytes();
    if memchr::memchr2(b'\n', b'\r', bytes).is_none() {
        out.extend_from_slice(bytes);
    } else {
        out.extend(bytes.iter().filter(|byte| !matches!(byte, b'\n' | b'\r')));
    }
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
