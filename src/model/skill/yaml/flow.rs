//! Collections in brackets, as in JSON but with plain texts.

#![expect(
    clippy::arithmetic_side_effects,
    reason = "what is counted are lines, blanks, levels and places in a text of 64 KiB at most"
)]

use alloc::collections::BTreeSet;
use alloc::string::String;

use super::scalar::{QuotedStart, check_start, is_string, push_resolved, push_string};
use super::{DEPTH, Result, YamlError};

/// Reads one collection from a text of several lines.
pub(super) struct Flow<'a> {
    rest: &'a str,
    first: usize,
    /// How many line ends were read.
    lines: usize,
}

impl<'a> Flow<'a> {
    pub(super) const fn new(text: &'a str, first: usize) -> Self {
        Self {
            rest: text,
            first,
            lines: 0,
        }
    }

    /// How many lines were read beyond the first. Returns an error if something follows in the last.
    pub(super) fn finish(mut self) -> Result<usize> {
        let line = self.rest.split('\n').next().unwrap_or_default();
        let is_over = line.trim().is_empty() || line.starts_with([' ', '\t']);
        if !is_over || !(line.trim().is_empty() || line.trim_start().starts_with('#')) {
            return Err(self.error("something follows the closing bracket"));
        }
        let read = self.lines;
        self.skip_blank();
        match self.rest.is_empty() {
            true => Ok(read),
            false => Err(self.error("this line belongs to nothing")),
        }
    }

    pub(super) fn value(&mut self, depth: usize, out: &mut String) -> Result<()> {
        if depth > DEPTH {
            return Err(self.error("values nest too deep"));
        }
        match self.rest.as_bytes().first() {
            Some(b'[') => self.sequence(depth, out),
            Some(b'{') => self.mapping(depth, out),
            Some(b'"' | b'\'') => {
                let text = self.quoted()?;
                push_string(out, &text);
                Ok(())
            }
            _ => {
                let text = self.plain()?;
                push_resolved(out, text, self.first + self.lines)
            }
        }
    }

    fn sequence(&mut self, depth: usize, out: &mut String) -> Result<()> {
        self.take(1);
        out.push('[');
        let mut is_first = true;
        while !self.closes(b']')? {
            if !is_first {
                out.push(',');
            }
            is_first = false;
            self.value(depth + 1, out)?;
            self.separator(b']')?;
        }
        out.push(']');
        Ok(())
    }

    fn mapping(&mut self, depth: usize, out: &mut String) -> Result<()> {
        self.take(1);
        out.push('{');
        let mut keys = BTreeSet::new();
        while !self.closes(b'}')? {
            let key = match self.rest.as_bytes().first() {
                Some(b'"' | b'\'') => self.quoted()?,
                _ => {
                    let key = self.plain()?;
                    if key == "<<" || !is_string(key) {
                        return Err(self.error("a key has to be a text; put it in quotes"));
                    }
                    key.into()
                }
            };
            self.skip_blank();
            if !self.rest.starts_with(':') {
                return Err(self.error("a colon is missing after the key"));
            }
            self.take(1);
            self.skip_blank();
            if !keys.is_empty() {
                out.push(',');
            }
            push_string(out, &key);
            out.push(':');
            if !keys.insert(key) {
                return Err(self.error("the key stands twice"));
            }
            self.value(depth + 1, out)?;
            self.separator(b'}')?;
        }
        out.push('}');
        Ok(())
    }

    /// Whether the collection ends here; then its bracket is read.
    fn closes(&mut self, bracket: u8) -> Result<bool> {
        self.skip_blank();
        match self.rest.as_bytes().first() {
            None => Err(self.error("the closing bracket is missing")),
            Some(first) if *first == bracket => {
                self.take(1);
                Ok(true)
            }
            Some(_) => Ok(false),
        }
    }

    /// Reads the comma between two values; before the bracket there need be none.
    fn separator(&mut self, bracket: u8) -> Result<()> {
        self.skip_blank();
        match self.rest.as_bytes().first() {
            Some(b',') => {
                self.take(1);
                Ok(())
            }
            Some(first) if *first == bracket => Ok(()),
            _ => Err(self.error("a comma or the closing bracket is missing")),
        }
    }

    fn quoted(&mut self) -> Result<String> {
        let (line, _) = self.rest.split_once('\n').unwrap_or((self.rest, ""));
        let mut quoted = QuotedStart::new(line, self.first + self.lines)?;
        let Some(after) = quoted.take_line()? else {
            return Err(self.error("a quoted text in brackets has to end in its line"));
        };
        self.take(line.len() - after.len());
        Ok(quoted.text)
    }

    /// A plain text, up to what ends it.
    fn plain(&mut self) -> Result<&'a str> {
        check_start(self.rest, self.first + self.lines)?;
        let mut before = ' ';
        let mut end = self.rest.len();
        for (at, c) in self.rest.char_indices() {
            let after = self.rest.get(at + c.len_utf8()..);
            let after = after.and_then(|after| after.chars().next());
            let ends = match c {
                ',' | '[' | ']' | '{' | '}' | '\n' => true,
                ':' => after
                    .is_none_or(|c| matches!(c, ' ' | '\t' | '\n' | ',' | '[' | ']' | '{' | '}')),
                '#' => before == ' ' || before == '\t',
                _ => false,
            };
            if ends {
                end = at;
                break;
            }
            before = c;
        }
        let text = self.rest.get(..end).unwrap_or_default().trim();
        self.take(end);
        match text.is_empty() {
            true => Err(self.error("a value is missing")),
            false => Ok(text),
        }
    }

    /// Skips blanks, line ends and comments.
    fn skip_blank(&mut self) {
        let mut was_blank = false;
        while let Some(c) = self.rest.chars().next() {
            match c {
                '\n' => self.lines += 1,
                ' ' | '\t' => {}
                '#' if was_blank => {
                    let end = self.rest.find('\n').unwrap_or(self.rest.len());
                    self.take(end);
                    continue;
                }
                _ => return,
            }
            was_blank = true;
            self.take(1);
        }
    }

    fn take(&mut self, bytes: usize) {
        self.rest = self.rest.get(bytes..).unwrap_or_default();
    }

    fn error(&self, what: &'static str) -> YamlError {
        YamlError {
            line: self.first + self.lines,
            what,
        }
    }
}
