//! Where in a JSON text a typed decode failed, in words a reader can follow: `content[0].text`.
//!
//! The decoder tells how much of the text it had taken; one walk over that much finds the path. How
//! far it had got depends on what was wrong: past the end of an object that lacks a member, before the
//! bracket of a list that should have been a text, past a text that should have been a number.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::{self, Write};

use crate::model::field;
use crate::rpc::{RpcError, Span, Token, bounded, string_of, tokens};
use crate::saved::saved;

use super::error::CallError;

/// What the path says when the whole value is at fault.
pub(super) const ROOT: &str = "the root";

/// A value that doesn't fit its type, and where. As an [`RpcError`] it is ready to be the answer.
///
/// Both texts are bounded to 256 bytes: they may quote what the peer sent.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Malformed {
    /// The path from the root of the params or result, such as `messages[2].content`, to the value
    /// that doesn't fit, or to the object in which a member is missing; `the root` when that is all
    /// of it.
    pub path: Box<str>,
    /// What is wrong there.
    pub reason: Box<str>,
}

saved! { struct Malformed { path, reason } }

impl core::error::Error for Malformed {}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.path {
            ROOT => f.write_str(&self.reason),
            path => write!(f, "{} at {path}", self.reason),
        }
    }
}

impl Malformed {
    pub(crate) fn new(text: &str, error: &serde_json::Error) -> Self {
        let reason = field::reason(error);
        let path = path_to(text, error, Fault::of(&reason));
        Self {
            path: bounded(&path).into(),
            reason,
        }
    }

    pub(crate) fn into_call_error(self, method: &str) -> CallError {
        CallError::BadResult {
            method: method.into(),
            path: self.path,
            reason: self.reason,
        }
    }
}

/// Malformed params are answered with -32602 (`base.err.params`).
impl From<Malformed> for RpcError {
    fn from(malformed: Malformed) -> Self {
        Self::invalid_params(alloc::format!("Invalid params: {malformed}"))
    }
}

/// How far the decoder had got when it failed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fault {
    /// To the end of the container that is at fault itself.
    Container,
    /// To the opening of an object (`true`) or an array where something else should stand; past it
    /// where it was read as raw text first.
    Opening(bool),
    /// Past the value that is at fault, or past what follows it.
    Value,
}

impl Fault {
    fn of(reason: &str) -> Self {
        let is_one_of = |starts: &[&str]| starts.iter().any(|start| reason.starts_with(start));
        if is_one_of(&["missing field ", "invalid length ", "duplicate field "]) {
            return Self::Container;
        }
        match (
            is_one_of(&["invalid type: map"]),
            is_one_of(&["invalid type: sequence"]),
        ) {
            (true, _) => Self::Opening(true),
            (_, true) => Self::Opening(false),
            _ => Self::Value,
        }
    }
}

/// A container that is open, and where in it the walk is.
struct Level {
    is_object: bool,
    /// The key of the member, once it has come.
    key: Option<Span>,
    /// The index of the element.
    index: usize,
    /// Whether what comes next is a key.
    wants_key: bool,
    /// Whether a value has come in it.
    has_value: bool,
}

impl Level {
    fn new(is_object: bool) -> Self {
        Self {
            is_object,
            key: None,
            index: 0,
            wants_key: is_object,
            has_value: false,
        }
    }
}

fn path_to(text: &str, error: &serde_json::Error, fault: Fault) -> String {
    let Some(lines) = error.line().checked_sub(1) else {
        return ROOT.into();
    };
    let lines_before = text.split_inclusive('\n').take(lines).map(str::len);
    let taken = lines_before.sum::<usize>().saturating_add(error.column());
    let mut levels: Vec<Level> = Vec::new();
    for (token, span) in tokens(text.as_bytes()) {
        if token == Token::Close {
            let closed = levels.pop();
            if span.range().end < taken {
                continue;
            }
            // A container that is not at fault itself is so for the last value in it.
            let is_itself = |closed: &Level| {
                fault == Fault::Container || fault == Fault::Opening(closed.is_object)
            };
            levels.extend(closed.filter(|closed| closed.has_value && !is_itself(closed)));
            break;
        }
        if is_found(&mut levels, token, span, taken, fault) {
            break;
        }
        if let Token::Open(is_object) = token {
            levels.push(Level::new(is_object));
        }
    }
    written(text, &levels)
}

/// Goes over one token that closes nothing; returns whether the levels now lead to the fault.
fn is_found(levels: &mut Vec<Level>, token: Token, span: Span, taken: usize, fault: Fault) -> bool {
    let Some(level) = levels.last_mut() else {
        // The root itself.
        return span.range().end >= taken && token == Token::Scalar;
    };
    match token {
        // Not reached: what stands before it was bad.
        Token::Comma if span.range().start >= taken => true,
        Token::Comma => {
            level.index = level.index.saturating_add(1);
            level.wants_key = level.is_object;
            false
        }
        Token::Scalar if level.wants_key => {
            level.wants_key = false;
            let is_here = span.range().end >= taken;
            if is_here {
                levels.pop();
            } else {
                level.key = Some(span);
            }
            is_here
        }
        Token::Scalar | Token::Open(_) => {
            let is_reached = span.range().start < taken;
            let is_opening = matches!(fault, Fault::Opening(_)) && span.range().start == taken;
            if !is_reached && !is_opening {
                // The decoder reads a list's comma before it tells that the element before it was bad.
                level.index = level.index.saturating_sub(1);
                return true;
            }
            level.has_value = true;
            is_opening || (token == Token::Scalar && span.range().end >= taken)
        }
        // Only the key was read, and there is something wrong with its coming at all.
        Token::Colon if span.range().start >= taken => {
            levels.pop();
            true
        }
        Token::Colon | Token::Close => false,
    }
}

fn written(text: &str, levels: &[Level]) -> String {
    let mut path = String::new();
    for level in levels {
        match level.key {
            Some(key) => {
                let key = string_of(key.of(text.as_bytes()));
                let dot = if path.is_empty() { "" } else { "." };
                let _ = write!(path, "{dot}{}", bounded(&key));
            }
            None if level.is_object => {}
            None => {
                let _ = write!(path, "[{}]", level.index);
            }
        }
    }
    match path.is_empty() {
        true => ROOT.into(),
        false => path,
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::{String, ToString};
    use alloc::vec::Vec;

    use serde::Deserialize;

    use crate::model::content::Annotations;
    use crate::model::initialize::InitializeResult;
    use crate::model::object::Object;
    use crate::model::page::PaginatedRequestParams;
    use crate::named::named;
    use crate::revision::Revision;
    use crate::rpc::Text;

    use super::Malformed;

    /// Members of every kind that a decoder stops differently at.
    #[expect(dead_code, reason = "only read")]
    struct Inner<'a> {
        text: Text<'a>,
        number: Option<i64>,
        flag: Option<bool>,
        revision: Option<Revision>,
        object: Option<Object<'a>>,
        list: Option<Vec<Object<'a>>>,
        inner: Option<alloc::boxed::Box<Inner<'a>>>,
        inners: Option<Vec<Inner<'a>>>,
    }
    named! {
        read struct Inner<'a> {
            text, [number], [flag], [revision], [object], [list], [inner], [inners]
        }
    }

    fn told<'a, T: Deserialize<'a>>(text: &'a str) -> Malformed {
        match serde_json::from_str::<T>(text) {
            Ok(_) => panic!("{text} fits"),
            Err(error) => Malformed::new(text, &error),
        }
    }

    #[test]
    fn the_path_leads_to_what_does_not_fit() {
        for (text, path) in [
            (r#"{"text":5}"#, "text"),
            (r#"{"text":[[1,[2]]]}"#, "text"),
            (r#"{"text":{"a":{"b":1}}}"#, "text"),
            (
                r#"{ "number" : 1 , "text" : [ 1 ] , "flag" : true }"#,
                "text",
            ),
            (r#"{"text":"t","number":"1"}"#, "number"),
            (r#"{"text":"t","number":1.5,"flag":true}"#, "number"),
            (r#"{"text":"t","flag":null,"number":true}"#, "number"),
            (r#"{"text":"t","object":[1]}"#, "object"),
            (r#"{"object":"x","text":"t"}"#, "object"),
            (r#"{"object":[1],"text":"t"}"#, "object"),
            (
                r#"{"inner":{"text":"t","object":[1]},"text":"t"}"#,
                "inner.object",
            ),
            (r#"{"text":"t","list":[{},{},5,{}]}"#, "list[2]"),
            (r#"{"text":"t","list":[{},5]}"#, "list[1]"),
            (r#"{"text":"t","list":[5,{}]}"#, "list[0]"),
            (r#"{"text":"t","list":{}}"#, "list"),
            (
                r#"{"text":"t","inner":{"text":"t","number":[]}}"#,
                "inner.number",
            ),
            (
                r#"{"text":"t","inners":[{"text":"t"},{"text":"t","flag":"f"}]}"#,
                "inners[1].flag",
            ),
            (
                r#"{"text":"t","inners":[{"text":"t"},{"number":1},{"text":"t"}]}"#,
                "inners[1]",
            ),
            (
                r#"{"text":"t","inners":[{"text":"t","list":[{},7]}]}"#,
                "inners[0].list[1]",
            ),
            // A member that is missing is told of the object in which it should stand.
            (r#"{"number":1,"object":{"a":{}}}"#, "the root"),
            ("{}", "the root"),
            (r#"{"text":"t","inner":{"object":{"a":1}}}"#, "inner"),
            (r#"{"text":"t","inner":{},"flag":true}"#, "inner"),
            (r#"{"text":"t","text":"t"}"#, "the root"),
            (
                r#"{"text":"t","inner":{"text":"t","flag":true,"flag":true},"number":1}"#,
                "inner",
            ),
            ("[]", "the root"),
            ("5", "the root"),
        ] {
            let spread = text.replace(',', "\n,\n ").replace(':', " :\t");
            for text in [text, &spread] {
                assert_eq!(&*told::<Inner<'_>>(text).path, path, "{text}");
            }
        }
    }

    #[test]
    fn what_is_missing_at_the_root_has_no_place() {
        let told_of = told::<InitializeResult<'_>>(
            r#"{"protocolVersion":"2025-11-25","capabilities":{"tools":{}}}"#,
        );
        assert_eq!(told_of.to_string(), "missing field `serverInfo`");
        let told_of = told::<PaginatedRequestParams<'_>>(r#"{"cursor":[[1,[2]]]}"#);
        assert_eq!(
            told_of.to_string(),
            "invalid type: sequence, expected a string at cursor"
        );
        assert!(serde_json::from_str::<Annotations<'_>>("{}").is_ok());
    }

    #[test]
    fn neither_text_grows_with_what_the_peer_sent() {
        let long = "é".repeat(1 << 20);
        for text in [
            alloc::format!(r#"{{"text":"t","number":"{long}"}}"#),
            alloc::format!(r#"{{"text":"t","revision":"{long}"}}"#),
        ] {
            let told = told::<Inner<'_>>(&text);
            assert!(told.reason.len() <= 256 && told.path.len() <= 256);
        }
        let text = alloc::format!(r#"{{"{long}":{{"{long}":"x"}}}}"#);
        type Deep = alloc::collections::BTreeMap<String, alloc::collections::BTreeMap<String, u8>>;
        assert!(told::<Deep>(&text).path.len() <= 256);
    }

    #[test]
    fn a_deep_text_is_walked_once() {
        // Walked once for each level this takes minutes.
        let text = alloc::format!(
            r#"{{"text":"t","number":{}{}1{}}}"#,
            "[".repeat(120),
            "1,".repeat(1 << 20),
            "]".repeat(120)
        );
        assert_eq!(&*told::<Inner<'_>>(&text).path, "number");
    }
}
