//! URI templates (RFC 6570) as resource templates need them: does a URI match, and with which
//! values.
//!
//! Rules of this file: matching is one walk over the URI, without going back; `{name}` stops at a
//! slash, `{+name}` doesn't; `{/name}`, `{?a,b}` and `{&a,b}` bring their own delimiter and take no
//! other, and what stands in braces with `?` or `&` may be missing; a value is percent-decoded
//! exactly once and then checked against its variable's class.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use crate::model::safe_path::{SafePath, UnsafePath};
use crate::rpc::Text;

/// Why a text is no URI template that can be matched.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TemplateError {
    /// A brace is opened or closed without its counterpart: add or remove one.
    Brace(usize),
    /// An expression of a kind that can't be matched, or without a proper name: use `{name}`,
    /// `{+name}`, `{/name}` or `{?a,b}`.
    Expression(Box<str>),
    /// Two expressions stand side by side, so it is ambiguous where the first one ends: put text
    /// between them.
    Adjacent(usize),
}

impl fmt::Display for TemplateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Brace(number) => write!(f, "a brace without its counterpart at byte {number}"),
            Self::Expression(text) => write!(f, "the expression {{{text}}} can't be matched"),
            Self::Adjacent(number) => {
                write!(f, "no text between two expressions before byte {number}")
            }
        }
    }
}

impl core::error::Error for TemplateError {}

/// A template, ready to be matched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Literal(Box<str>),
    /// `{name}`: one part of a path.
    Simple(Box<str>),
    /// `{+name}`: anything.
    Reserved(Box<str>),
    /// `{/name}`: a slash and what `{name}` is.
    Path(Box<str>),
    /// `{?a,b}` or `{&a,b}`: its first character, then names and values in any order, each of them
    /// once or not at all.
    Query(char, Vec<Box<str>>),
}

/// The values that a URI has for the variables of a template.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Variables(Vec<(Box<str>, String)>);

impl Variables {
    /// Returns the value of a variable; `None` when the URI has none for it.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(given, _)| &**given == name)
            .map(|(_, value)| value.as_str())
    }

    /// Returns the value of a variable as a path that stays below the folder it is joined to.
    ///
    /// Returns an error if the URI has no value for it, or one that leads elsewhere.
    pub fn path(&self, name: &str) -> Result<SafePath, UnsafePath> {
        SafePath::new(self.get(name).unwrap_or_default())
    }

    /// Returns names and values in the order of the template.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (&**name, value.as_str()))
    }
}

impl Template {
    /// Reads a template. Returns an error if it isn't one that can be matched in one walk.
    pub fn new(template: &str) -> Result<Self, TemplateError> {
        let mut parts = Vec::new();
        let mut rest = template;
        while !rest.is_empty() {
            let at = template.len() - rest.len();
            match rest.find(['{', '}']) {
                None => {
                    parts.push(Part::Literal(rest.into()));
                    break;
                }
                Some(0) if rest.starts_with('{') => {
                    let end = rest.find('}').ok_or(TemplateError::Brace(at))?;
                    let part = expression(&rest[1..end])?;
                    let follows_value = matches!(parts.last(), Some(last) if ends_in_value(last));
                    if follows_value && matches!(part, Part::Simple(_) | Part::Reserved(_)) {
                        return Err(TemplateError::Adjacent(at));
                    }
                    parts.push(part);
                    rest = &rest[end + 1..];
                }
                Some(0) => return Err(TemplateError::Brace(at)),
                Some(next) => {
                    parts.push(Part::Literal(rest[..next].into()));
                    rest = &rest[next..];
                }
            }
        }
        Ok(Self { parts })
    }

    /// The text that each URI begins with that it matches.
    pub(super) fn prefix(&self) -> &str {
        match self.parts.first() {
            Some(Part::Literal(literal)) => literal,
            _ => "",
        }
    }

    /// Whether it has a variable of this name.
    #[cfg(feature = "schemars")]
    pub(super) fn has_variable(&self, name: &str) -> bool {
        self.parts.iter().any(|part| match part {
            Part::Literal(_) => false,
            Part::Simple(known) | Part::Reserved(known) | Part::Path(known) => &**known == name,
            Part::Query(_, names) => names.iter().any(|known| &**known == name),
        })
    }

    /// Returns the values for which the template gives `uri`; `None` when there are none.
    pub fn matches(&self, uri: &str) -> Option<Variables> {
        let mut found = Variables::default();
        let mut rest = uri;
        for (n, part) in self.parts.iter().enumerate() {
            let next = self.parts.get(n + 1);
            match part {
                Part::Literal(literal) => rest = rest.strip_prefix(&**literal)?,
                Part::Simple(name) => rest = take(&mut found, name, rest, next, false)?,
                Part::Reserved(name) => rest = take(&mut found, name, rest, next, true)?,
                Part::Path(name) => {
                    rest = take(&mut found, name, rest.strip_prefix('/')?, next, false)?;
                }
                Part::Query(first, names) => rest = query(&mut found, *first, names, rest)?,
            }
        }
        rest.is_empty().then_some(found)
    }

    /// Returns the names of the variables, in the order of the template.
    pub fn variables(&self) -> impl Iterator<Item = &str> {
        self.parts
            .iter()
            .flat_map(|part| match part {
                Part::Literal(_) => &[][..],
                Part::Simple(name) | Part::Reserved(name) | Part::Path(name) => {
                    core::slice::from_ref(name)
                }
                Part::Query(_, names) => names,
            })
            .map(|name| &**name)
    }
}

fn ends_in_value(part: &Part) -> bool {
    !matches!(part, Part::Literal(_))
}

fn expression(text: &str) -> Result<Part, TemplateError> {
    let refused = || TemplateError::Expression(text.into());
    let is_name = |name: &str| {
        !name.is_empty()
            && name
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-'))
    };
    let named = |name: &str| match is_name(name) {
        true => Ok(Box::<str>::from(name)),
        false => Err(refused()),
    };
    match text.as_bytes().first() {
        Some(b'+') => Ok(Part::Reserved(named(&text[1..])?)),
        Some(b'/') => Ok(Part::Path(named(&text[1..])?)),
        Some(first @ (b'?' | b'&')) => {
            let names: Result<Vec<_>, _> = text[1..].split(',').map(named).collect();
            names.map(|names| Part::Query(char::from(*first), names))
        }
        _ => Ok(Part::Simple(named(text)?)),
    }
}

/// Takes the value of a variable off the front of `rest`; what follows it ends it.
fn take<'u>(
    found: &mut Variables,
    name: &str,
    rest: &'u str,
    next: Option<&Part>,
    is_reserved: bool,
) -> Option<&'u str> {
    let end = match next {
        Some(Part::Literal(literal)) => rest.find(&**literal)?,
        Some(Part::Path(_)) => rest.find('/')?,
        Some(Part::Query(first, _)) => rest.find(*first).unwrap_or(rest.len()),
        _ => rest.len(),
    };
    let value = &rest[..end];
    // Before a query, `&` would pass for a part of it.
    let is_delimiter = |c| match c {
        '/' | '?' | '#' => true,
        '&' => matches!(next, Some(Part::Query(..))),
        _ => false,
    };
    if value.is_empty() || !is_reserved && value.contains(is_delimiter) {
        return None;
    }
    let value = percent_decoded(value)?;
    // Held to its class as the handler sees it, so that nothing hides behind an escape.
    if !is_reserved && !is_one_part(&value) {
        return None;
    }
    found.0.push((name.into(), value));
    Some(&rest[end..])
}

/// Whether a decoded value is one part of a path: neither a delimiter nor a step up or aside, on
/// any system.
fn is_one_part(value: &str) -> bool {
    !matches!(value, "." | "..") && !value.contains(['/', '\\'])
}

/// Takes a query string; a name that the template doesn't have, or that stands twice, makes it no match.
fn query<'u>(
    found: &mut Variables,
    first: char,
    names: &[Box<str>],
    rest: &'u str,
) -> Option<&'u str> {
    let Some(pairs) = rest.strip_prefix(first) else {
        return rest.is_empty().then_some(rest);
    };
    let mut left: Vec<&Box<str>> = names.iter().collect();
    for pair in pairs.split('&') {
        let (name, value) = pair.split_once('=')?;
        let at = left.iter().position(|known| &***known == name)?;
        let name = left.swap_remove(at);
        // What follows `#` is no longer part of what a server is asked for.
        if value.contains('#') {
            return None;
        }
        found.0.push((name.clone(), percent_decoded(value)?));
    }
    Some("")
}

/// The text that a percent-encoded one stands for; `None` when it stands for no text.
fn percent_decoded(value: &str) -> Option<String> {
    if !value.contains('%') {
        return Some(value.into());
    }
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let mut digit = || char::from(rest.next()?).to_digit(16);
        let byte = digit()? * 16 + digit()?;
        // Many systems end a text at a zero byte.
        bytes.push(u8::try_from(byte).ok().filter(|byte| *byte != 0)?);
    }
    String::from_utf8(bytes).ok()
}

impl From<Variables> for Vec<(Text<'static>, Text<'static>)> {
    fn from(variables: Variables) -> Self {
        let pair = |(name, value): (Box<str>, String)| (String::from(name).into(), value.into());
        variables.0.into_iter().map(pair).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::{Template, TemplateError};

    fn values(
        template: &str,
        uri: &str,
    ) -> Option<alloc::vec::Vec<(alloc::string::String, alloc::string::String)>> {
        let template = Template::new(template).expect("a good template");
        let found = template.matches(uri)?;
        Some(
            found
                .iter()
                .map(|(name, value)| (name.into(), value.into()))
                .collect(),
        )
    }

    #[test]
    fn variables_take_what_stands_in_their_place() {
        let one = |name: &str, value: &str| Some(alloc::vec![(name.into(), value.into())]);
        assert_eq!(
            values("test://template/{id}/data", "test://template/12/data"),
            one("id", "12")
        );
        assert_eq!(
            values("file:///{+path}", "file:///a/b%20c"),
            one("path", "a/b c")
        );
        assert_eq!(values("x://a{/id}", "x://a/7"), one("id", "7"));
        assert_eq!(values("x://a{?q,r}", "x://a?r=%25"), one("r", "%"));
        assert_eq!(values("x://a{?q}", "x://a"), Some(alloc::vec![]));
    }

    #[test]
    fn what_does_not_fit_is_no_match() {
        assert_eq!(values("test://t/{id}", "test://t/a/b"), None);
        assert_eq!(values("test://t/{id}", "test://t/"), None);
        assert_eq!(values("test://t/{id}", "test://t/%ff"), None);
        assert_eq!(values("x://a{?q}", "x://a?z=1"), None);
    }

    #[test]
    fn a_query_begins_with_its_own_delimiter_and_has_each_name_once() {
        let two = |a: &str, b: &str| {
            let pairs = [("a", a), ("q", b)];
            Some(
                pairs
                    .map(|(name, value)| (name.into(), value.into()))
                    .into(),
            )
        };
        assert_eq!(values("x://{a}{?q}", "x://1?q=2"), two("1", "2"));
        assert_eq!(values("x://{a}?z=0{&q}", "x://1?z=0&q=2"), two("1", "2"));
        assert_eq!(values("x://{+a}{&q}", "x://1?z=0&q=2"), two("1?z=0", "2"));
        assert_eq!(values("x://{+a}{?q}", "x://1&z=0?q=2"), two("1&z=0", "2"));
        for (template, uri) in [
            ("x://{a}{?q}", "x://1&q=2"),
            ("x://{a}{&q}", "x://1?q=2"),
            ("x://1{?q}", "x://1&q=2"),
            ("x://1?z=0{&q}", "x://1?z=0?q=2"),
            ("x://{a}{?q}", "x://1?q=2&q=3"),
            ("x://{a}{?q}", "x://1?q=2#3"),
        ] {
            let found = values(template, uri);
            let misread = found.iter().flatten().any(|(name, _)| name == "q");
            assert!(found.is_none() || !misread, "{template} {uri} {found:?}");
        }
    }

    #[test]
    fn a_value_is_held_to_its_class_after_it_is_decoded() {
        for value in [
            "..%2F..%2Fetc%2Fpasswd",
            "a%2fb",
            "..",
            "%2e%2E",
            ".",
            "a%00b",
            "%5c",
            "a\\b",
            "%+f",
            "%",
            "%4",
            "%zz",
        ] {
            let uri = alloc::format!("files://{value}");
            assert_eq!(values("files://{name}", &uri), None, "{value}");
            let uri = alloc::format!("x://a/{value}");
            assert_eq!(values("x://a{/name}", &uri), None, "{value}");
        }
        for value in ["%00", "%+f", "%f"] {
            let uri = alloc::format!("x://{value}");
            assert_eq!(values("x://{+path}", &uri), None, "{value}");
            let uri = alloc::format!("x://a?q={value}");
            assert_eq!(values("x://a{?q}", &uri), None, "{value}");
        }
        let once = Some(alloc::vec![("name".into(), "%2e%2e".into())]);
        assert_eq!(values("x://{name}", "x://%252e%252e"), once);
    }

    #[test]
    fn a_template_that_can_not_be_matched_is_refused() {
        assert_eq!(Template::new("a{b"), Err(TemplateError::Brace(1)));
        assert_eq!(Template::new("a}b"), Err(TemplateError::Brace(1)));
        assert_eq!(Template::new("{a}{b}"), Err(TemplateError::Adjacent(3)));
        assert!(matches!(
            Template::new("{#a}"),
            Err(TemplateError::Expression(_))
        ));
    }
}
