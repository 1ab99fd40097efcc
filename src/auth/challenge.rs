//! What a `WWW-Authenticate` header says of how to be authorized.
//!
//! Rules of this file: the first challenge of a scheme that is known counts; a parameter that stands
//! twice in it is not there; what is kept is bounded.

use alloc::borrow::ToOwned;
use alloc::boxed::Box;
use alloc::string::String;

use serde::{Deserialize, Serialize};

use crate::scopes::Scopes;

/// What a server asks for before it answers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Challenge {
    /// How the token has to be presented.
    pub scheme: Scheme,
    /// Where the metadata of the server lies.
    pub resource_metadata: Option<Box<str>>,
    /// The scopes that are needed; `None` when the server doesn't say.
    pub scope: Option<Scopes>,
    /// What was wrong, such as `invalid_token`, `insufficient_scope`.
    pub error: Option<Box<str>>,
    /// The same for people.
    pub error_description: Option<Box<str>>,
}

/// How a token is presented.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[non_exhaustive]
pub enum Scheme {
    /// Whoever has it may use it.
    #[default]
    Bearer,
    /// With a proof that its owner has a key (RFC 9449).
    Dpop,
}

/// How long the values of one header may be that are looked at.
const LONGEST: usize = 8192;

/// How long a value is that is kept for people.
const WORDS: usize = 200;

impl Challenge {
    /// Reads the values of all `WWW-Authenticate` headers of a response. Without one that can be
    /// read it is a challenge that says nothing.
    // `auth.www.parse`
    pub fn parse<'a>(values: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let mut first: Option<Self> = None;
        for value in values {
            let text = core::str::from_utf8(value).unwrap_or_default();
            if text.len() > LONGEST {
                continue;
            }
            let found = read(text);
            // Where both are asked for, the one with the proof is the stronger.
            if let Some(found) = found
                && first
                    .as_ref()
                    .is_none_or(|first| first.scheme < found.scheme)
            {
                first = Some(found);
            }
        }
        first.unwrap_or_default()
    }
}

/// The strongest challenge of a known scheme in one header.
fn read(text: &str) -> Option<Challenge> {
    let mut found: Option<Challenge> = None;
    let mut current: Option<Reading> = None;
    let mut rest = text;
    let mut close = |current: &mut Option<Reading>| {
        let Some(reading) = current.take() else {
            return;
        };
        let challenge = reading.challenge;
        if found
            .as_ref()
            .is_none_or(|found| found.scheme < challenge.scheme)
        {
            found = Some(challenge);
        }
    };
    loop {
        rest = rest.trim_start_matches([' ', '\t', ',']);
        let length = rest
            .find(|c: char| !c.is_ascii_alphanumeric() && !"!#$%&'*+-.^_`|~".contains(c))
            .unwrap_or(rest.len());
        if length == 0 {
            break;
        }
        let (word, after) = rest.split_at(length);
        match after.trim_start_matches([' ', '\t']).strip_prefix('=') {
            // A parameter, unless it is the padding of a token that follows a scheme.
            Some(value) => {
                let (value, after) = parameter_value(value.trim_start_matches([' ', '\t']))?;
                if let Some(reading) = &mut current {
                    reading.keep(word, value);
                }
                rest = after;
            }
            None => {
                close(&mut current);
                current = Reading::of(word);
                rest = after;
            }
        }
    }
    close(&mut current);
    found
}

/// A challenge while it is read.
struct Reading {
    challenge: Challenge,
    seen: [bool; 4],
}

impl Reading {
    fn of(scheme: &str) -> Option<Self> {
        let scheme = match scheme {
            scheme if scheme.eq_ignore_ascii_case("Bearer") => Scheme::Bearer,
            scheme if scheme.eq_ignore_ascii_case("DPoP") => Scheme::Dpop,
            _ => return None,
        };
        let challenge = Challenge {
            scheme,
            ..Challenge::default()
        };
        Some(Self {
            challenge,
            seen: [false; 4],
        })
    }

    fn keep(&mut self, name: &str, value: String) {
        let names = ["resource_metadata", "scope", "error", "error_description"];
        let Some(place) = names
            .iter()
            .position(|known| name.eq_ignore_ascii_case(known))
        else {
            return;
        };
        let is_first = !core::mem::replace(&mut self.seen[place], true);
        let challenge = &mut self.challenge;
        match place {
            0 => challenge.resource_metadata = is_first.then(|| value.into()),
            1 => challenge.scope = Some(Scopes::parse(&value)).filter(|_| is_first),
            2 => challenge.error = is_first.then(|| words(&value)),
            _ => challenge.error_description = is_first.then(|| words(&value)),
        }
    }
}

/// A value as a token or a quoted string, and what follows it.
fn parameter_value(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find([',', ' ', '\t']).unwrap_or(text.len());
        return Some((text[..end].to_owned(), &text[end..]));
    };
    let mut value = String::new();
    let mut chars = quoted.char_indices();
    while let Some((at, char)) = chars.next() {
        match char {
            '"' => return Some((value, &quoted[at + 1..])),
            '\\' => value.push(chars.next()?.1),
            char => value.push(char),
        }
    }
    None
}

/// A peer's words for people, as far as they are kept.
pub(super) fn words(text: &str) -> Box<str> {
    let clean: String = text
        .chars()
        .map(|char| if char.is_control() { ' ' } else { char })
        .take(WORDS)
        .collect();
    clean.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(values: &[&str]) -> Challenge {
        Challenge::parse(values.iter().map(|value| value.as_bytes()))
    }

    #[test]
    fn a_challenge_is_read_whatever_stands_around_it() {
        // `auth.www.parse`
        for values in [
            &[r#"Bearer resource_metadata="https://a/m", scope="b a", error="invalid_token""#][..],
            &[r#"bearer error=invalid_token,scope="b a",resource_metadata="https://a/m""#],
            &[
                r#"Basic realm="x, Bearer scope=\"no\"", Bearer error="invalid_token", scope="a b", resource_metadata="https://a/m""#,
            ],
            &[
                "Negotiate",
                r#"Bearer scope = "a b" , error = "invalid_token", resource_metadata = "https://a/m""#,
            ],
            &[
                r#"Negotiate abc==, Bearer scope="a b", error="invalid_token", resource_metadata="https://a/m""#,
            ],
        ] {
            let challenge = parse(values);
            assert_eq!(challenge.scheme, Scheme::Bearer);
            assert_eq!(challenge.resource_metadata.as_deref(), Some("https://a/m"));
            assert_eq!(challenge.scope, Some(Scopes::parse("a b")), "{values:?}");
            assert_eq!(challenge.error.as_deref(), Some("invalid_token"));
        }
    }

    #[test]
    fn what_cannot_be_read_says_nothing() {
        for values in [
            &[][..],
            &[""],
            &["Bearer"],
            &["Digest scope=\"a\""],
            &["Bearer scope=\"a"],
            &["Bearer scope=\"a\", scope=\"b\""],
            &[",,,= ="],
        ] {
            assert_eq!(parse(values), Challenge::default(), "{values:?}");
        }
        assert_eq!(parse(&["Bearer error=x", "DPoP"]).scheme, Scheme::Dpop);
    }
}
