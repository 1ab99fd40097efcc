//! What can be wrong with a configuration file, and where in it.
//! An error names keys and variables, never a value, since a value may be a secret. Every text in it
//! is bounded, so that a file of mistakes costs no more than a file of servers.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::{self, Write};

use crate::rpc::start_of;

/// How many bytes of a name, a path or a reason an error keeps.
pub(super) const LONGEST_TEXT: usize = 256;

/// How many of an object's keys an error names.
const MOST_KEYS: usize = 16;

/// How many bytes of each of them.
const LONGEST_KEY: usize = 64;

/// One mistake of a configuration file: which file, which server, which field, where and what.
///
/// It reads as `mcp.json: server "weather": env.API_KEY: environment variable ${API_KEY} is not
/// defined at line 4 column 28`. Names longer than 256 bytes are cut short.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConfigError {
    /// The file's name, as it was given.
    pub file: Box<str>,
    /// The server whose entry has the mistake; `None` when it stands outside of all.
    pub server: Option<Box<str>>,
    /// Which field is wrong, such as `args[1]` or `env.API_KEY`; `None` when it isn't about one.
    pub field: Option<Box<str>>,
    /// Where it is; `None` when the configuration was given as a value, not as text.
    pub position: Option<Position>,
    /// What is wrong there.
    pub kind: ConfigErrorKind,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            file,
            server,
            field,
            position,
            kind,
        } = self;
        write!(
            f,
            "{}: {}{}{kind}{}",
            Plain(file),
            Server(server.as_deref()),
            Field(field.as_deref()),
            At(*position)
        )
    }
}

impl core::error::Error for ConfigError {}

/// A place in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub struct Position {
    /// The line, from 1.
    pub line: u32,
    /// The character in the line, from 1.
    pub column: u32,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {} column {}", self.line, self.column)
    }
}

/// What is wrong with a configuration file, or with one of its servers. Show it to the user: each is
/// corrected in the file, at the place that the [`ConfigError`] names.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConfigErrorKind {
    /// The file is not JSON, even when comments and trailing commas are allowed; or the value that
    /// was handed over can't be read.
    Syntax {
        /// What was met there.
        reason: Box<str>,
    },
    /// The file is longer than a configuration may be.
    TooLong {
        /// How long it may be, in bytes.
        limit: usize,
    },
    /// The value that was handed over is nested too deeply.
    TooDeep {
        /// How deep it may be.
        limit: usize,
    },
    /// The file lists no servers under any of the keys of the known products.
    NoServers {
        /// The keys that are there, each in backticks; the first 16 if there are many.
        found: Box<str>,
    },
    /// A value of another type was expected.
    WrongType {
        /// What was expected, such as `a string`.
        expected: &'static str,
        /// What stands there, such as `a number`.
        found: &'static str,
    },
    /// A field is missing that the kind of server needs.
    Missing,
    /// Nothing tells how the server is reached.
    NoKind {
        /// The keys that are there, each in backticks; the first 16 if there are many.
        found: Box<str>,
    },
    /// The `type` or `transport` is none of the known ones.
    UnknownKind,
    /// Two fields say opposite things.
    Contradiction {
        /// The other field.
        other: &'static str,
    },
    /// A name that may stand once stands twice, and nothing tells which of the two is meant.
    Duplicate {
        /// Where the first one is; `None` when the configuration was given as a value.
        first: Option<Position>,
    },
    /// A value refers to a variable that the environment doesn't have, without a default.
    Undefined {
        /// The variable's name.
        variable: Box<str>,
    },
    /// The variables that an entry refers to bring in more text than an entry may have.
    ReferencesTooLong {
        /// How many bytes they may bring in.
        limit: usize,
    },
    /// A warning: the command has arguments in it, which are taken for a part of its name.
    ArgumentsInCommand,
    /// A warning: `$NAME` isn't replaced, `${NAME}` is.
    BareVariable,
}

impl fmt::Display for ConfigErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Syntax { reason } => write!(f, "{}", Plain(reason)),
            Self::TooLong { limit } => write!(f, "longer than {limit} bytes"),
            Self::TooDeep { limit } => write!(f, "nested more than {limit} levels deep"),
            Self::NoServers { found } => write!(
                f,
                "no servers: expected the key `mcpServers`, `servers`, `mcp.servers`, `mcp`, \
                 `context_servers` or `amp.mcpServers`{}",
                Found(found)
            ),
            Self::WrongType { expected, found } => write!(f, "expected {expected}, found {found}"),
            Self::Missing => f.write_str("missing"),
            Self::NoKind { found } => {
                write!(f, "neither `command` nor `url` is given{}", Found(found))
            }
            Self::UnknownKind => f.write_str(
                "expected one of `stdio`, `local`, `http`, `streamable-http`, `streamableHttp`, \
                 `streamable_http`, `remote` and `sse`",
            ),
            Self::Contradiction { other } => write!(f, "contradicts `{other}`"),
            Self::Duplicate { first } => write!(f, "defined twice{}", Twice(*first)),
            Self::Undefined { variable } => write!(
                f,
                "environment variable ${{{}}} is not defined",
                Plain(variable)
            ),
            Self::ReferencesTooLong { limit } => {
                write!(f, "references bring in more than {limit} bytes")
            }
            Self::ArgumentsInCommand => {
                f.write_str("has spaces in it: arguments go into `args`, one element each")
            }
            Self::BareVariable => {
                f.write_str("`$NAME` is passed on as it is: a variable is written `${NAME}`")
            }
        }
    }
}

impl core::error::Error for ConfigErrorKind {}

/// All mistakes of a configuration file, for who wants none. Reads as a line for each.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConfigErrors {
    /// The mistakes, in the file's order. Never empty.
    pub errors: Vec<ConfigError>,
    /// How many there are beyond these.
    pub omitted: usize,
}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, error) in self.errors.iter().enumerate() {
            let separator = if n == 0 { "" } else { "\n" };
            write!(f, "{separator}{error}")?;
        }
        match self.omitted {
            0 => Ok(()),
            more => write!(f, "\nand {more} more"),
        }
    }
}

impl core::error::Error for ConfigErrors {}

impl From<ConfigError> for ConfigErrors {
    fn from(error: ConfigError) -> Self {
        Self {
            errors: alloc::vec![error],
            omitted: 0,
        }
    }
}

/// The text, cut short to what an error keeps.
pub(super) fn clip(text: &str) -> Box<str> {
    clip_to(text, LONGEST_TEXT).into()
}

fn clip_to(text: &str, limit: usize) -> String {
    if text.len() <= limit {
        return text.into();
    }
    let mut clipped = String::from(start_of(text, limit));
    clipped.push('…');
    clipped
}

/// Lists keys for an error.
pub(super) fn list_keys<'a>(keys: impl ExactSizeIterator<Item = &'a str>) -> Box<str> {
    let more = keys.len().saturating_sub(MOST_KEYS);
    let mut list = String::new();
    for key in keys.take(MOST_KEYS) {
        let separator = if list.is_empty() { "" } else { ", " };
        // Writing into a string can't fail.
        let _ = write!(list, "{separator}`{}`", Plain(&clip_to(key, LONGEST_KEY)));
    }
    if more > 0 {
        let _ = write!(list, " and {more} more");
    }
    list.into()
}

/// A text of the file's without its control characters, which could rewrite a terminal's lines.
struct Plain<'a>(&'a str);

impl fmt::Display for Plain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for character in self.0.chars() {
            match character.is_control() {
                true => write!(f, "{}", character.escape_default())?,
                false => f.write_char(character)?,
            }
        }
        Ok(())
    }
}

struct Server<'a>(Option<&'a str>);

impl fmt::Display for Server<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.map_or(Ok(()), |name| write!(f, "server {name:?}: "))
    }
}

struct Field<'a>(Option<&'a str>);

impl fmt::Display for Field<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.map_or(Ok(()), |name| write!(f, "{}: ", Plain(name)))
    }
}

struct At(Option<Position>);

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.map_or(Ok(()), |place| write!(f, " at {place}"))
    }
}

struct Twice(Option<Position>);

impl fmt::Display for Twice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0
            .map_or(Ok(()), |first| write!(f, ", first at {first} and again"))
    }
}

struct Found<'a>(&'a str);

impl fmt::Display for Found<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            "" => Ok(()),
            keys => write!(f, ", only {keys}"),
        }
    }
}
