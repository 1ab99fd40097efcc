//! What can be wrong with a configuration file, and where in it.
//! An error names keys and variables, never a value, since a value may be a secret.

use alloc::boxed::Box;
use core::fmt;

/// A configuration file that can't be used: which file, which server, which field and why.
///
/// It reads as `mcp.json: server "weather": env.API_KEY: environment variable ${API_KEY} is not
/// defined at line 4 column 28`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{file}: {}{}{kind} at line {line} column {column}",
    Server(self.server.as_deref()),
    Field(self.field.as_deref())
)]
#[non_exhaustive]
pub struct ConfigError {
    /// The file's name, as it was given.
    pub file: Box<str>,
    /// The server in whose entry the mistake stands; `None` when it stands outside of all.
    pub server: Option<Box<str>>,
    /// Which field is wrong, such as `args[1]` or `env.API_KEY`; `None` when it isn't about one.
    pub field: Option<Box<str>>,
    /// The line, from 1.
    pub line: u32,
    /// The character in the line, from 1.
    pub column: u32,
    /// What is wrong there.
    pub kind: ConfigErrorKind,
}

/// What is wrong with a configuration file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigErrorKind {
    /// The file is not JSON, even when comments and trailing commas are allowed.
    #[error("{reason}")]
    Syntax {
        /// What was met there.
        reason: Box<str>,
    },
    /// The file has 4 GiB or more.
    #[error("the file is too long")]
    TooLong,
    /// The file lists no servers under any of the keys of the known products.
    #[error(
        "no servers: expected the key `mcpServers`, `servers`, `mcp.servers` or `context_servers`"
    )]
    NoServers,
    /// A value of another type was expected.
    #[error("expected {expected}, found {found}")]
    WrongType {
        /// What was expected, such as `a string`.
        expected: &'static str,
        /// What stands there, such as `a number`.
        found: &'static str,
    },
    /// A field is missing that the kind of server needs.
    #[error("missing")]
    Missing,
    /// Nothing tells how the server is reached.
    #[error("neither `command` nor `url` is given")]
    NoKind,
    /// The `type` or `transport` is none of the known ones.
    #[error("expected one of `stdio`, `http`, `streamable-http`, `streamableHttp` and `sse`")]
    UnknownKind,
    /// Two fields say opposite things.
    #[error("contradicts `{other}`")]
    Contradiction {
        /// The other field.
        other: &'static str,
    },
    /// A name that may stand once stands twice, and only one of the two could be kept.
    #[error("defined twice, first at line {first_line} column {first_column} and again")]
    Duplicate {
        /// The line of the first, from 1.
        first_line: u32,
        /// The character in that line, from 1.
        first_column: u32,
    },
    /// A value refers to a variable that the environment doesn't have, without a default.
    #[error("environment variable ${{{variable}}} is not defined")]
    Undefined {
        /// The variable's name.
        variable: Box<str>,
    },
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
        self.0.map_or(Ok(()), |name| write!(f, "{name}: "))
    }
}
