//! A JSON value copied with other strings in it, each of which is known by its path of keys and
//! indexes. Without recursion, so that no depth is too deep.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::comments::string_end;
use crate::rpc::{string_of, write_string};

/// What becomes of a string, given its path, its offset and its text; `None` leaves it as it is.
pub(super) type Each<'a> = &'a mut dyn FnMut(&str, usize, &str) -> Option<String>;

/// Copies a JSON value that is known to be good, without the space between its tokens, and with
/// what `each` makes of the string values in it at any depth. Keys are left alone.
pub(super) fn copy_json(json: &[u8], path: &str, each: Each<'_>) -> String {
    let mut place = Place {
        path: path.to_owned(),
        levels: Vec::new(),
    };
    let mut out = Vec::new();
    let mut at = 0;
    while let Some(&byte) = json.get(at) {
        let end = match byte {
            b'"' => string_end(json, at),
            _ => at + 1,
        };
        let token = json.get(at..end).unwrap_or_default();
        let mut replaced = None;
        match byte {
            byte if byte.is_ascii_whitespace() => {
                at = end;
                continue;
            }
            b'"' if is_key(json, end) => place.key(&string_of(token)),
            b'"' => replaced = each(&place.path, at, &string_of(token)),
            _ => place.pass(byte),
        }
        match replaced {
            Some(text) => write_string(&mut out, &text),
            None => out.extend_from_slice(token),
        }
        at = end;
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// Whether the string that ends at `end` is followed by a colon.
fn is_key(json: &[u8], end: usize) -> bool {
    let mut following = json.get(end..).unwrap_or_default().iter();
    following.find(|byte| !byte.is_ascii_whitespace()) == Some(&b':')
}

/// Where in a JSON value a scan stands, as a path of keys and indexes.
struct Place {
    path: String,
    levels: Vec<Level>,
}

/// A container: how long its own path is, and which of its elements the scan is at if it's an
/// array.
struct Level {
    length: usize,
    index: Option<usize>,
}

impl Place {
    fn key(&mut self, key: &str) {
        self.path.push('.');
        self.path.push_str(key);
    }

    /// Takes note of a byte between the strings.
    fn pass(&mut self, byte: u8) {
        match byte {
            b'{' => self.enter(None),
            b'[' => {
                self.enter(Some(0));
                self.path.push_str("[0]");
            }
            b'}' | b']' => {
                if let Some(level) = self.levels.pop() {
                    self.path.truncate(level.length);
                }
            }
            b',' => self.next(),
            _ => {}
        }
    }

    fn enter(&mut self, index: Option<usize>) {
        self.levels.push(Level {
            length: self.path.len(),
            index,
        });
    }

    fn next(&mut self) {
        let Some(level) = self.levels.last_mut() else {
            return;
        };
        self.path.truncate(level.length);
        if let Some(index) = &mut level.index {
            *index += 1;
            self.path.push_str(&format!("[{index}]"));
        }
    }
}
