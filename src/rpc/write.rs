//! Appending JSON tokens to a byte buffer: strings, numbers and raw text, compact and on one line.
//! Everything that leaves the crate is written through these functions.

#![expect(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    reason = "lengths of parts of one text, digits below ten, and constants; a table has a place for each byte"
)]

use alloc::vec::Vec;
use core::fmt::{self, Write};

use super::look::{BLOCK, control_marks, marks, marks_of_last};
use super::plain::{NEAR, is_clean_run, is_clean_text};

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

/// Appends many `bytes` escaped.
#[inline(never)]
fn write_long(out: &mut Vec<u8>, bytes: &[u8]) {
    for block in bytes.chunks(NEAR) {
        if is_clean_text(block) {
            out.extend_from_slice(block);
        } else {
            write_with_escapes(out, block);
        }
    }
}

/// Appends `bytes` escaped; some of them need it.
#[inline(never)]
fn write_with_escapes(out: &mut Vec<u8>, bytes: &[u8]) {
    let (blocks, last) = bytes.as_chunks::<BLOCK>();
    let mut rest = bytes;
    for (nth, block) in blocks.iter().enumerate() {
        rest = write_marked(out, bytes, rest, nth * BLOCK, marks(block));
    }
    let start = bytes.len() - last.len();
    rest = write_marked(out, bytes, rest, start, marks_of_last(last));
    out.extend_from_slice(rest);
}

/// Appends what is left of `bytes` as far as the last one of those that need an escape in the block that
/// starts here; returns what is left then.
#[inline(always)]
fn write_marked<'b>(
    out: &mut Vec<u8>,
    bytes: &[u8],
    mut rest: &'b [u8],
    start: usize,
    mut marks: u64,
) -> &'b [u8] {
    while marks != 0 {
        let at = start + marks.trailing_zeros() as usize;
        marks &= marks - 1;
        rest = write_up_to(out, rest, at - (bytes.len() - rest.len()));
    }
    rest
}

/// Appends so many bytes that need no escape and the escape of the one that follows them; returns what
/// follows that.
#[inline(always)]
fn write_up_to<'b>(out: &mut Vec<u8>, bytes: &'b [u8], plain: usize) -> &'b [u8] {
    let Some((byte, rest)) = bytes.get(plain..).and_then(<[u8]>::split_first) else {
        return bytes;
    };
    let letter = LETTERS[usize::from(*byte)];
    match bytes.first_chunk::<BLOCK>() {
        // Most are too few to be worth a call for their copy: a block is copied as a whole, and what is too
        // much is taken back.
        Some(block) if plain + 2 <= BLOCK && letter != 0 => {
            let at = out.len() + plain;
            out.extend_from_slice(block);
            if let Some(escape) = out.get_mut(at..at + 2) {
                escape.copy_from_slice(&[b'\\', letter]);
            }
            out.truncate(at + 2);
        }
        _ => {
            let (run, _) = bytes.split_at(plain);
            out.extend_from_slice(run);
            write_escape(out, *byte);
        }
    }
    rest
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
