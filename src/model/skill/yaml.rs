//! The part of YAML that front matter is written in, read as JSON.
//!
//! Rules of this file: what isn't of that part (anchors, aliases, tags, directives, merge keys, several
//! documents) is an error, as is whatever two readers might take differently, so that nobody sees
//! another front matter than was checked; every loop is linear; nesting is bounded.

#![expect(
    clippy::arithmetic_side_effects,
    reason = "what is counted are lines, blanks, levels and places in a text of 64 KiB at most"
)]

mod flow;
mod scalar;

use alloc::collections::BTreeSet;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use scalar::{QuotedStart, is_comment, plain_piece, push_resolved, push_string};

/// How deep values may nest.
const DEPTH: usize = 16;

/// What is wrong, and in which line, counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct YamlError {
    pub(super) line: usize,
    pub(super) what: &'static str,
}

impl fmt::Display for YamlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { line, what } = self;
        write!(f, "line {line}: {what}")
    }
}

impl core::error::Error for YamlError {}

type Result<T> = core::result::Result<T, YamlError>;

/// Reads a document whose root is a mapping, as the JSON of an object. Lines count from `first`.
pub(super) fn read_mapping(text: &str, first: usize) -> Result<String> {
    let mut reader = Reader::new(text, first)?;
    let mut out = String::new();
    match reader.peek() {
        None => out.push_str("{}"),
        Some(line) => {
            if key_of(line.text, line.number)?.is_none() {
                return Err(line.error("the front matter has to be a mapping"));
            }
            let indent = line.indent;
            reader.mapping(indent, 0, &mut out)?;
        }
    }
    match reader.peek() {
        None => Ok(out),
        Some(line) => Err(line.error("this line belongs to nothing")),
    }
}

/// A line without its indentation.
#[derive(Clone, Copy)]
struct Line<'a> {
    number: usize,
    indent: usize,
    text: &'a str,
    /// The line with its indentation.
    whole: &'a str,
}

impl Line<'_> {
    fn error(&self, what: &'static str) -> YamlError {
        YamlError {
            line: self.number,
            what,
        }
    }

    fn is_blank(&self) -> bool {
        self.text.trim().is_empty()
    }

    fn is_item(&self) -> bool {
        is_item(self.text)
    }
}

fn is_item(text: &str) -> bool {
    text == "-" || text.starts_with("- ") || text.starts_with("-\t")
}

struct Reader<'a> {
    lines: Vec<Line<'a>>,
    at: usize,
}

impl<'a> Reader<'a> {
    fn new(text: &'a str, first: usize) -> Result<Self> {
        let mut lines = Vec::new();
        for (index, whole) in text.lines().enumerate() {
            let number = first + index;
            if whole.contains(|c: char| c.is_control() && c != '\t') {
                let what = "control characters have to be escaped";
                return Err(YamlError { line: number, what });
            }
            let text = whole.trim_start_matches(' ');
            lines.push(Line {
                number,
                indent: whole.len() - text.len(),
                text,
                whole,
            });
        }
        Ok(Self { lines, at: 0 })
    }

    /// The next line that says something.
    fn peek(&mut self) -> Option<Line<'a>> {
        while let Some(line) = self.lines.get(self.at) {
            if !line.is_blank() && !line.text.starts_with('#') {
                return Some(*line);
            }
            self.at += 1;
        }
        None
    }

    /// The next line that says something, which is indented by more than `parent`.
    fn peek_below(&mut self, parent: Option<usize>) -> Option<Line<'a>> {
        let line = self.peek()?;
        parent
            .is_none_or(|parent| line.indent > parent)
            .then_some(line)
    }

    fn enter(&self, depth: usize, line: usize) -> Result<usize> {
        let what = "values nest too deep";
        match depth < DEPTH {
            true => Ok(depth + 1),
            false => Err(YamlError { line, what }),
        }
    }

    /// A mapping whose keys are indented by `indent`.
    fn mapping(&mut self, indent: usize, depth: usize, out: &mut String) -> Result<()> {
        let mut keys = BTreeSet::new();
        out.push('{');
        while let Some(line) = self.peek() {
            if line.indent < indent {
                break;
            }
            if line.indent > indent {
                return Err(line.error("this line is indented too far"));
            }
            let depth = self.enter(depth, line.number)?;
            let Some((key, rest)) = key_of(line.text, line.number)? else {
                return Err(line.error("a key with a colon is missing"));
            };
            if !keys.is_empty() {
                out.push(',');
            }
            push_string(out, &key);
            out.push(':');
            if !keys.insert(key) {
                return Err(line.error("the key stands twice"));
            }
            self.at += 1;
            self.value(rest, indent, true, depth, out)?;
        }
        out.push('}');
        Ok(())
    }

    /// A sequence whose dashes are indented by `indent`.
    fn sequence(&mut self, indent: usize, depth: usize, out: &mut String) -> Result<()> {
        let mut is_first = true;
        out.push('[');
        while let Some(line) = self.peek() {
            if line.indent < indent || (line.indent == indent && !line.is_item()) {
                break;
            }
            if line.indent > indent {
                return Err(line.error("this line is indented too far"));
            }
            let depth = self.enter(depth, line.number)?;
            if !is_first {
                out.push(',');
            }
            is_first = false;
            let after = line.text.get(1..).unwrap_or_default();
            let rest = after.trim_start_matches(' ');
            if rest.starts_with('\t') {
                return Err(line.error("tabs can't indent"));
            }
            let inner = indent + line.text.len() - rest.len();
            if is_item(rest) || key_of(rest, line.number)?.is_some() {
                // What follows the dash is a line of a collection of its own.
                if let Some(line) = self.lines.get_mut(self.at) {
                    (line.indent, line.text) = (inner, rest);
                }
                match is_item(rest) {
                    true => self.sequence(inner, depth, out)?,
                    false => self.mapping(inner, depth, out)?,
                }
            } else {
                self.at += 1;
                self.value(rest, indent, false, depth, out)?;
            }
        }
        out.push(']');
        Ok(())
    }

    /// The value that begins with `rest`, below a line that is indented by `parent`. A mapping's
    /// value may be a sequence whose dashes stand under the key.
    fn value(
        &mut self,
        rest: &'a str,
        parent: usize,
        is_mapped: bool,
        depth: usize,
        out: &mut String,
    ) -> Result<()> {
        if !rest.is_empty() && !is_comment(rest) {
            return self.inline(rest, parent, depth, out);
        }
        match self.peek() {
            Some(line) if line.indent > parent => {
                if line.is_item() {
                    self.sequence(line.indent, depth, out)
                } else if key_of(line.text, line.number)?.is_some() {
                    self.mapping(line.indent, depth, out)
                } else {
                    self.at += 1;
                    self.inline(line.text, parent, depth, out)
                }
            }
            Some(line) if is_mapped && line.indent == parent && line.is_item() => {
                self.sequence(parent, depth, out)
            }
            _ => {
                out.push_str("null");
                Ok(())
            }
        }
    }

    /// A value that begins in the line before the next one.
    fn inline(
        &mut self,
        text: &'a str,
        parent: usize,
        depth: usize,
        out: &mut String,
    ) -> Result<()> {
        let line = self.lines.get(self.at.saturating_sub(1));
        let number = line.map_or(0, |line| line.number);
        match text.as_bytes() {
            [b'|' | b'>', ..] => self.block_scalar(text, parent, number, out),
            [b'"' | b'\'', ..] => self.quoted(text, parent, number, out),
            [b'[' | b'{', ..] => self.flow(text, parent, depth, number, out),
            _ => self.plain(text, parent, number, out),
        }
    }

    fn plain(
        &mut self,
        text: &'a str,
        parent: usize,
        number: usize,
        out: &mut String,
    ) -> Result<()> {
        scalar::check_start(text, number)?;
        let (piece, mut is_over) = plain_piece(text, number)?;
        let mut whole = String::from(piece);
        while !is_over {
            let before = self.at;
            let Some(line) = self.peek_below(Some(parent)) else {
                break;
            };
            let skipped = self.lines.get(before..self.at).unwrap_or_default();
            if skipped.iter().any(|line| !line.is_blank()) {
                return Err(line.error("a text can't go on after a comment"));
            }
            fold(&mut whole, skipped.len());
            let (piece, ends) = plain_piece(line.text, line.number)?;
            whole.push_str(piece);
            is_over = ends;
            self.at += 1;
        }
        push_resolved(out, &whole, number)
    }

    fn quoted(
        &mut self,
        text: &'a str,
        parent: usize,
        number: usize,
        out: &mut String,
    ) -> Result<()> {
        let mut quoted = QuotedStart::new(text, number)?;
        let rest = loop {
            if let Some(rest) = quoted.take_line()? {
                break rest;
            }
            let before = self.at;
            while self.lines.get(self.at).is_some_and(Line::is_blank) {
                self.at += 1;
            }
            let Some(line) = self.lines.get(self.at).filter(|line| line.indent > parent) else {
                let what = "the closing quote is missing";
                return Err(YamlError { line: number, what });
            };
            quoted.next_line(line.text, line.number, self.at - before);
            self.at += 1;
        };
        if !(rest.trim().is_empty() || is_comment(rest)) {
            let what = "something follows the closing quote";
            return Err(YamlError { line: number, what });
        }
        push_string(out, &quoted.text);
        Ok(())
    }

    /// A collection in brackets, which may go on in the lines that are indented further.
    fn flow(
        &mut self,
        text: &'a str,
        parent: usize,
        depth: usize,
        number: usize,
        out: &mut String,
    ) -> Result<()> {
        let mut whole = String::from(text);
        for line in self.lines.get(self.at..).unwrap_or_default() {
            if !line.is_blank() && line.indent <= parent {
                break;
            }
            whole.push('\n');
            whole.push_str(line.text);
        }
        let mut reader = flow::Flow::new(&whole, number);
        reader.value(depth, out)?;
        self.at += reader.finish()?;
        Ok(())
    }

    /// A text that stands as it is in the lines that follow.
    fn block_scalar(
        &mut self,
        header: &str,
        parent: usize,
        number: usize,
        out: &mut String,
    ) -> Result<()> {
        let (is_folded, chomp, explicit) = scalar::block_header(header, number)?;
        let first = self.lines.get(self.at..).unwrap_or_default().iter();
        let found = first.clone().find(|line| !line.is_blank());
        let indent = match (explicit, found) {
            (Some(more), _) => parent + more,
            (None, Some(line)) if line.indent > parent => line.indent,
            _ => usize::MAX,
        };
        let mut content = scalar::BlockScalar::new(is_folded);
        for line in first {
            if line.is_blank() && line.indent <= indent {
                content.blank();
            } else if line.indent >= indent {
                content.line(line.whole.get(indent..).unwrap_or_default());
            } else {
                break;
            }
            self.at += 1;
        }
        push_string(out, &content.end(chomp));
        Ok(())
    }
}

/// Joins the next line of a text, with `blank` empty lines before it.
fn fold(text: &mut String, blank: usize) {
    match blank {
        0 => text.push(' '),
        blank => text.extend(core::iter::repeat_n('\n', blank)),
    }
}

/// The key that a line begins with, and what follows its colon; `None` when it has none.
fn key_of(text: &str, number: usize) -> Result<Option<(String, &str)>> {
    let error = |what| YamlError { line: number, what };
    let (key, rest) = match text.as_bytes() {
        [b'"' | b'\'', ..] => {
            let mut quoted = QuotedStart::new(text, number)?;
            let Some(rest) = quoted.take_line()? else {
                return Ok(None);
            };
            let Some(rest) = rest.trim_start().strip_prefix(':') else {
                return Ok(None);
            };
            (quoted.text, rest)
        }
        [b'[' | b'{' | b'#' | b'|' | b'>', ..] => return Ok(None),
        _ => {
            let Some(at) = scalar::colon(text) else {
                return Ok(None);
            };
            scalar::check_start(text, number)?;
            let (key, rest) = text.split_at_checked(at).unwrap_or_default();
            let key = key.trim_end();
            if key == "<<" || !scalar::is_string(key) {
                return Err(error("a key has to be a text; put it in quotes"));
            }
            (key.into(), rest.strip_prefix(':').unwrap_or(rest))
        }
    };
    match rest.is_empty() || rest.starts_with([' ', '\t']) {
        true => Ok(Some((key, rest.trim_start()))),
        false => Err(error("a space is missing after the colon")),
    }
}
