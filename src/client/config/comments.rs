//! Comments and trailing commas, which editors allow in their JSON files, turned into spaces.
//! Every other byte keeps its offset, so that an error still names the right line and column.

use alloc::vec::Vec;

/// The text with each comment and trailing comma blanked, and a byte order mark too.
///
/// Returns the offset of a block comment that is never closed as the error.
pub(super) fn strip(text: &str) -> Result<Vec<u8>, usize> {
    let mut json = text.as_bytes().to_vec();
    if text.starts_with('\u{feff}') {
        blank(&mut json, 0, '\u{feff}'.len_utf8());
    }
    // The last comma, as long as only space and comments have followed it.
    let mut comma = None;
    // A comma is trailing only where it follows a value: `[,]` stays an error.
    let mut follows_value = false;
    let mut at = 0;
    while let Some(&byte) = json.get(at) {
        let mut end = at + 1;
        match byte {
            b' ' | b'\t' | b'\r' | b'\n' => {}
            b'/' if matches!(json.get(end), Some(b'/' | b'*')) => {
                end = comment_end(&json, at)?;
                blank(&mut json, at, end);
            }
            b',' => {
                comma = follows_value.then_some(at);
                follows_value = false;
            }
            b'}' | b']' => {
                if let Some(comma) = comma.take() {
                    blank(&mut json, comma, comma + 1);
                }
                follows_value = true;
            }
            _ => {
                if byte == b'"' {
                    end = string_end(&json, at);
                }
                comma = None;
                follows_value = !matches!(byte, b'{' | b'[' | b':');
            }
        }
        at = end;
    }
    Ok(json)
}

/// Where the string that opens at `at` ends, behind its closing quote.
pub(super) fn string_end(json: &[u8], at: usize) -> usize {
    let mut end = at + 1;
    while let Some(&byte) = json.get(end) {
        end += if byte == b'\\' { 2 } else { 1 };
        if byte == b'"' {
            break;
        }
    }
    end.min(json.len())
}

/// Where the comment that opens at `at` ends; `at` as the error if it never does.
fn comment_end(json: &[u8], at: usize) -> Result<usize, usize> {
    let inside = json.get(at + 2..).unwrap_or_default();
    if json.get(at + 1) == Some(&b'/') {
        let line = memchr::memchr2(b'\n', b'\r', inside);
        return Ok(line.map_or(json.len(), |length| at + 2 + length));
    }
    memchr::memmem::find(inside, b"*/")
        .map(|length| at + 2 + length + 2)
        .ok_or(at)
}

/// Turns the bytes into spaces, but leaves the lines as they are.
fn blank(json: &mut [u8], start: usize, end: usize) {
    for byte in json.get_mut(start..end).unwrap_or_default() {
        if !matches!(byte, b'\n' | b'\r') {
            *byte = b' ';
        }
    }
}
