//! The rest of a string from its first escape on: whether its escapes are good, and where it ends.

#![expect(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    reason = "places in one text, which lie below its end; a table has a place for each byte"
)]

use super::look::{BLOCK, marks, marks_of_last};

/// How long the rest of a string is, which starts with a backslash, and its quote; `None` when it isn't as it
/// should be, or doesn't end.
// A look at a block finds all that is to be looked at in it, so that nothing waits for the next look but the
// few steps from one escape to the other.
#[inline(always)]
pub(super) fn escaped_length(text: &[u8]) -> Option<usize> {
    let (blocks, last) = text.as_chunks::<BLOCK>();
    // Whether the first byte of the next block is the letter of an escape.
    let mut is_letter = false;
    for (nth, block) in blocks.iter().enumerate() {
        match look(text, nth * BLOCK, marks(block), &mut is_letter) {
            Found::Nothing => {}
            Found::End(end) => return Some(end),
            Found::Wrong => return None,
        }
    }
    let found = marks_of_last(last);
    match look(text, text.len() - last.len(), found, &mut is_letter) {
        Found::End(end) => Some(end),
        Found::Nothing | Found::Wrong => None,
    }
}

/// What a block says of a string.
enum Found {
    /// It goes on.
    Nothing,
    /// It ends here.
    End(usize),
    /// It is none.
    Wrong,
}

/// Looks at what needs a look in the block that starts here.
#[inline(always)]
fn look(text: &[u8], start: usize, marks: u64, is_letter: &mut bool) -> Found {
    let mut found = marks & !u64::from(*is_letter);
    *is_letter = false;
    while found != 0 {
        let at = found.trailing_zeros() as usize;
        match text.get(start + at..).unwrap_or_default() {
            // A table instead of a jump, which can't be foreseen.
            [b'\\', letter, ..] if IS_LETTER[usize::from(*letter)] => {}
            [b'\\', b'u', rest @ ..] if starts_with_number(rest) => {}
            [b'"', ..] => return Found::End(start + at + 1),
            _ => return Found::Wrong,
        }
        // The letter may look as if it needed one. The digits of a number don't.
        *is_letter = at == BLOCK - 1;
        found &= u64::MAX << 2 << at;
    }
    Found::Nothing
}

/// Whether the four digits of an escape by number come next.
fn starts_with_number(text: &[u8]) -> bool {
    let digits = text.first_chunk::<4>();
    digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
}

/// The letters that may follow a backslash, but for that of a number.
const IS_LETTER: [bool; 256] = {
    let mut is_letter = [false; 256];
    let mut letters: &[u8] = b"\"\\/bfnrt";
    while let [letter, rest @ ..] = letters {
        is_letter[*letter as usize] = true;
        letters = rest;
    }
    is_letter
};

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;

    /// The same, byte by byte.
    fn plainly(text: &[u8]) -> Option<usize> {
        let mut at = 0;
        loop {
            at += match text.get(at..)? {
                [b'"', ..] => return Some(at + 1),
                [b'\\', letter, ..] if b"\"\\/bfnrt".contains(letter) => 2,
                [b'\\', b'u', a, b, c, d, ..]
                    if [a, b, c, d].iter().all(|d| d.is_ascii_hexdigit()) =>
                {
                    6
                }
                [b'\\' | 0..0x20, ..] | [] => return None,
                _ => 1,
            };
        }
    }

    #[test]
    fn a_string_with_escapes_ends_at_its_quote_wherever_its_blocks_do() {
        let pieces: [&[u8]; 12] = [
            br"\n",
            br#"\""#,
            br"\\",
            br"\u00e9",
            br"\u00g9",
            br"\x",
            b"\\",
            b"\n",
            b"\"",
            br#"\\\""#,
            "\u{e9}".as_bytes(),
            b"\x1f",
        ];
        for (first, second) in pieces.iter().flat_map(|f| pieces.map(|s| (*f, s))) {
            for before in (0..3)
                .chain(BLOCK - 9..BLOCK + 3)
                .chain(2 * BLOCK - 8..2 * BLOCK + 1)
            {
                for between in [0, 1, 5, BLOCK - 2, BLOCK - 1, BLOCK] {
                    for after in [0, 2, BLOCK] {
                        let plain = |length| core::iter::repeat_n(b'a', length);
                        let mut text: Vec<u8> =
                            br"\t".iter().copied().chain(plain(before)).collect();
                        text.extend_from_slice(first);
                        text.extend(plain(between));
                        text.extend_from_slice(second);
                        text.extend(plain(after));
                        assert_eq!(escaped_length(&text), plainly(&text));
                        text.push(b'"');
                        text.extend(plain(after));
                        assert_eq!(escaped_length(&text), plainly(&text));
                    }
                }
            }
        }
    }

    #[test]
    fn only_the_letters_of_escapes_follow_a_backslash() {
        for byte in 0..=u8::MAX {
            let text = [b'\\', byte, b'0', b'0', b'4', b'1', b'"'];
            assert_eq!(escaped_length(&text), plainly(&text));
        }
    }
}
