//! Single values: plain and quoted texts, texts that stand as blocks, and what a plain text means
//! (null, truth, numbers) by YAML's core schema.

#![expect(
    clippy::arithmetic_side_effects,
    reason = "what is counted are lines, blanks, levels and places in a text of 64 KiB at most"
)]

use alloc::string::String;

use super::{Result, YamlError, fold};

/// What becomes of the line ends that a block ends with.
#[derive(Clone, Copy)]
pub(super) enum Chomp {
    Strip,
    Clip,
    Keep,
}

/// Whether what is left of a line is a comment; the blank before it has been taken off.
pub(super) fn is_comment(rest: &str) -> bool {
    rest.trim_start().starts_with('#')
}

/// Where the colon stands that ends a plain key, outside of a comment.
pub(super) fn colon(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let is_blank = |byte: Option<&u8>| byte.is_none_or(|byte| matches!(byte, b' ' | b'\t'));
    let mut before = b' ';
    for (at, byte) in bytes.iter().enumerate() {
        match byte {
            b':' if is_blank(bytes.get(at + 1)) => return Some(at),
            b'#' if is_blank(Some(&before)) => return None,
            _ => before = *byte,
        }
    }
    None
}

/// Returns an error if a plain text can't begin so.
pub(super) fn check_start(text: &str, line: usize) -> Result<()> {
    let mut chars = text.chars();
    let (first, second) = (chars.next(), chars.next());
    let is_alone = second.is_none_or(|c| c == ' ' || c == '\t');
    let what = match first {
        Some('&' | '*') => "anchors and aliases aren't supported",
        Some('!') => "tags aren't supported",
        Some('-' | '?' | ':') if is_alone => "this can't begin a text; put it in quotes",
        Some(
            '#' | '%' | '@' | '`' | ',' | ']' | '}' | '[' | '{' | '|' | '>' | '"' | '\'' | '\t',
        ) => "this can't begin a text; put it in quotes",
        _ => return Ok(()),
    };
    Err(YamlError { line, what })
}

/// The part of a line that belongs to a plain text, and whether a comment ends it.
pub(super) fn plain_piece(text: &str, line: usize) -> Result<(&str, bool)> {
    let mut before = ' ';
    let mut end = None;
    for (at, c) in text.char_indices() {
        if c == '#' && (before == ' ' || before == '\t') {
            end = Some(at);
            break;
        }
        before = c;
    }
    let piece = end.and_then(|end| text.get(..end)).unwrap_or(text).trim();
    if colon(piece).is_some() {
        let what = "a text with a colon and a space has to be in quotes";
        return Err(YamlError { line, what });
    }
    Ok((piece, end.is_some()))
}

/// A text in quotes that is read line by line.
pub(super) struct QuotedStart<'a> {
    pub(super) text: String,
    quote: char,
    rest: &'a str,
    line: usize,
    /// How much of the text stays as it is when the line ends: blanks after that are dropped.
    firm: usize,
    /// Whether the line's end was escaped.
    joins: bool,
}

impl<'a> QuotedStart<'a> {
    pub(super) fn new(text: &'a str, line: usize) -> Result<Self> {
        let mut chars = text.chars();
        let quote = chars.next().unwrap_or('"');
        Ok(Self {
            text: String::new(),
            quote,
            rest: chars.as_str(),
            line,
            firm: 0,
            joins: false,
        })
    }

    /// Goes on in the next line, with `blank` empty ones before it.
    pub(super) fn next_line(&mut self, text: &'a str, line: usize, blank: usize) {
        if !self.joins || blank > 0 {
            self.text
                .truncate(self.text.trim_end_matches([' ', '\t']).len().max(self.firm));
            fold(&mut self.text, blank);
        }
        self.firm = self.text.len();
        self.joins = false;
        self.rest = text.trim_start();
        self.line = line;
    }

    /// Reads the line; what follows the closing quote, or `None` when that isn't in it.
    pub(super) fn take_line(&mut self) -> Result<Option<&'a str>> {
        let mut chars = self.rest.chars();
        while let Some(c) = chars.next() {
            if c == self.quote {
                if c == '\'' && chars.as_str().starts_with('\'') {
                    chars.next();
                } else {
                    self.rest = chars.as_str();
                    return Ok(Some(self.rest));
                }
            }
            if c == '\\' && self.quote == '"' {
                if chars.as_str().is_empty() {
                    self.joins = true;
                    break;
                }
                let escaped = escape(&mut chars).ok_or(YamlError {
                    line: self.line,
                    what: "no such escape in a text in double quotes",
                })?;
                self.text.push(escaped);
                self.firm = self.text.len();
            } else {
                self.text.push(c);
            }
        }
        Ok(None)
    }
}

/// The character of an escape whose backslash was read.
fn escape(chars: &mut core::str::Chars<'_>) -> Option<char> {
    let digits = match chars.next()? {
        '0' => return Some('\0'),
        'a' => return Some('\x07'),
        'b' => return Some('\x08'),
        't' | '\t' => return Some('\t'),
        'n' => return Some('\n'),
        'v' => return Some('\x0b'),
        'f' => return Some('\x0c'),
        'r' => return Some('\r'),
        'e' => return Some('\x1b'),
        c @ (' ' | '"' | '/' | '\\') => return Some(c),
        'N' => return Some('\u{85}'),
        '_' => return Some('\u{a0}'),
        'L' => return Some('\u{2028}'),
        'P' => return Some('\u{2029}'),
        'x' => 2,
        'u' => 4,
        'U' => 8,
        _ => return None,
    };
    let mut code = 0;
    for _ in 0..digits {
        code = code * 16 + u64::from(chars.next()?.to_digit(16)?);
    }
    char::from_u32(u32::try_from(code).ok()?)
}

/// What the line says that a block begins with: whether it is folded, what becomes of its end, and how
/// far it is indented if that is said.
pub(super) fn block_header(header: &str, line: usize) -> Result<(bool, Chomp, Option<usize>)> {
    let is_folded = header.starts_with('>');
    let (marks, comment) = match header.split_once([' ', '\t']) {
        Some((marks, rest)) => (marks, rest.trim()),
        None => (header, ""),
    };
    let error = || YamlError {
        line,
        what: "only + or - and a digit may follow | or >",
    };
    if !(comment.is_empty() || comment.starts_with('#')) {
        return Err(error());
    }
    let (mut chomp, mut indent) = (None, None);
    for mark in marks.chars().skip(1) {
        match mark {
            '-' if chomp.is_none() => chomp = Some(Chomp::Strip),
            '+' if chomp.is_none() => chomp = Some(Chomp::Keep),
            '1'..='9' if indent.is_none() => indent = mark.to_digit(10).map(|digit| digit as usize),
            _ => return Err(error()),
        }
    }
    Ok((is_folded, chomp.unwrap_or(Chomp::Clip), indent))
}

/// The lines of a block.
pub(super) struct BlockScalar {
    text: String,
    is_folded: bool,
    has_content: bool,
    was_indented: bool,
    blank: usize,
}

impl BlockScalar {
    pub(super) const fn new(is_folded: bool) -> Self {
        Self {
            text: String::new(),
            is_folded,
            has_content: false,
            was_indented: false,
            blank: 0,
        }
    }

    pub(super) fn blank(&mut self) {
        self.blank += 1;
    }

    pub(super) fn line(&mut self, line: &str) {
        let is_indented = line.starts_with([' ', '\t']);
        let ends = match self.is_folded && !is_indented && !self.was_indented {
            true if self.has_content && self.blank == 0 => {
                self.text.push(' ');
                0
            }
            true => self.blank,
            false => self.blank + usize::from(self.has_content),
        };
        self.text.extend(core::iter::repeat_n('\n', ends));
        self.text.push_str(line);
        self.has_content = true;
        self.was_indented = is_indented;
        self.blank = 0;
    }

    pub(super) fn end(mut self, chomp: Chomp) -> String {
        let ends = match chomp {
            Chomp::Strip => 0,
            Chomp::Clip => usize::from(self.has_content),
            Chomp::Keep => self.blank + usize::from(self.has_content),
        };
        self.text.extend(core::iter::repeat_n('\n', ends));
        self.text
    }
}

pub(super) fn push_string(out: &mut String, text: &str) {
    // A text can always be written.
    out.push_str(&serde_json::to_string(text).unwrap_or_default());
}

/// Whether a plain text means itself, no null, truth or number.
pub(super) fn is_string(text: &str) -> bool {
    let mut out = String::new();
    push_resolved(&mut out, text, 0).is_ok() && out.starts_with('"')
}

/// Appends what a plain text means.
pub(super) fn push_resolved(out: &mut String, text: &str, line: usize) -> Result<()> {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => out.push_str("null"),
        "true" | "True" | "TRUE" => out.push_str("true"),
        "false" | "False" | "FALSE" => out.push_str("false"),
        _ if is_number(text) => push_number(out, text, line)?,
        _ => push_string(out, text),
    }
    Ok(())
}

/// Whether the core schema takes a plain text for a number.
fn is_number(text: &str) -> bool {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    if matches!(unsigned, ".inf" | ".Inf" | ".INF") || matches!(text, ".nan" | ".NaN" | ".NAN") {
        return true;
    }
    let all =
        |text: &str, is_digit: fn(char) -> bool| !text.is_empty() && text.chars().all(is_digit);
    if let Some(digits) = text.strip_prefix("0o") {
        return all(digits, |c| c.is_digit(8));
    }
    if let Some(digits) = text.strip_prefix("0x") {
        return all(digits, |c| c.is_ascii_hexdigit());
    }
    let is_digit: fn(char) -> bool = |c| c.is_ascii_digit();
    let (number, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((number, exponent)) => (number, Some(exponent)),
        None => (unsigned, None),
    };
    let exponent = exponent.map(|exponent| exponent.strip_prefix(['-', '+']).unwrap_or(exponent));
    let (whole, part) = number.split_once('.').unwrap_or((number, ""));
    let has_digits = all(whole, is_digit) || (whole.is_empty() && all(part, is_digit));
    has_digits && part.chars().all(is_digit) && exponent.is_none_or(|digits| all(digits, is_digit))
}

fn push_number(out: &mut String, text: &str, line: usize) -> Result<()> {
    let error = || YamlError {
        line,
        what: "JSON hasn't got this number; put it in quotes",
    };
    let with_radix = match text.split_at_checked(2) {
        Some(("0o", digits)) => Some((digits, 8)),
        Some(("0x", digits)) => Some((digits, 16)),
        _ => None,
    };
    if let Some((digits, radix)) = with_radix {
        let number = u64::from_str_radix(digits, radix).map_err(|_| error())?;
        out.push_str(&alloc::format!("{number}"));
        return Ok(());
    }
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    if unsigned.bytes().all(|byte| byte.is_ascii_digit()) {
        let digits = unsigned.trim_start_matches('0');
        if text.starts_with('-') && !digits.is_empty() {
            out.push('-');
        }
        out.push_str(if digits.is_empty() { "0" } else { digits });
        return Ok(());
    }
    let number: f64 = text.parse().map_err(|_| error())?;
    let number = serde_json::Number::from_f64(number).ok_or_else(error)?;
    out.push_str(&alloc::format!("{number}"));
    Ok(())
}
