//! What a configuration says of one server, and what is shown of it: never a value that may be a
//! secret.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use super::error::ConfigError;
use crate::rpc::Raw;

/// One server of a configuration file.
///
/// Two are equal when they have the same name and reach the same server, as [`ServerKind`] has it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ServerEntry {
    /// The key it stands under, which is also what a host calls the server and prefixes its tools
    /// with.
    pub name: String,
    /// How it is reached.
    pub kind: ServerKind,
    /// Whether it's in use: neither `"disabled": true` nor `"enabled": false`.
    pub enabled: bool,
    /// What the file probably means otherwise, though it can be used as it stands: a command with
    /// its arguments in it, `$NAME` where `${NAME}` is meant. At most 32.
    pub warnings: Vec<ConfigError>,
    /// The references that are still in the values.
    pub unresolved: Vec<Unresolved>,
    /// The fields that have no meaning here, with their variables replaced. `timeout` is one of
    /// them: its unit differs between the products.
    pub unknown: Vec<UnknownField>,
}

impl PartialEq for ServerEntry {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name && self.kind == other.kind
    }
}

impl Eq for ServerEntry {}

/// How a server is reached.
///
/// Two are equal when they reach the same server: the same command, arguments, directory and
/// variables in any order, or the same URL by the same transport, whatever the headers.
#[derive(Clone)]
#[non_exhaustive]
pub enum ServerKind {
    /// A process that speaks over its standard streams.
    #[non_exhaustive]
    Stdio {
        /// The program, a path or a name that is looked for in `PATH`.
        command: String,
        /// Its arguments; empty when the file has none.
        args: Vec<String>,
        /// The variables to set for it, in the file's order.
        env: Vec<(String, String)>,
        /// The directory it runs in; `None` is the host's own.
        cwd: Option<String>,
        /// A file of further variables, which VS Code and Cursor read. It has not been read.
        env_file: Option<String>,
    },
    /// Streamable HTTP.
    #[non_exhaustive]
    Http {
        /// The endpoint.
        url: String,
        /// The headers to send with each request, in the file's order.
        headers: Vec<(String, String)>,
    },
    /// HTTP with server-sent events, the transport of 2024-11-05.
    #[non_exhaustive]
    Sse {
        /// Where the event stream is.
        url: String,
        /// The headers to send with each request, in the file's order.
        headers: Vec<(String, String)>,
    },
    /// A server that an extension of Zed starts, which alone knows how. Its settings are in
    /// [`ServerEntry::unknown`].
    Extension,
}

impl PartialEq for ServerKind {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (
                Self::Stdio {
                    command,
                    args,
                    env,
                    cwd,
                    ..
                },
                Self::Stdio {
                    command: other_command,
                    args: other_args,
                    env: other_env,
                    cwd: other_cwd,
                    ..
                },
            ) => {
                command == other_command
                    && args == other_args
                    && sorted(env) == sorted(other_env)
                    && cwd == other_cwd
            }
            (Self::Http { url, .. }, Self::Http { url: other, .. })
            | (Self::Sse { url, .. }, Self::Sse { url: other, .. }) => url == other,
            (Self::Extension, Self::Extension) => true,
            _ => false,
        }
    }
}

impl Eq for ServerKind {}

fn sorted(pairs: &[(String, String)]) -> Vec<&(String, String)> {
    let mut sorted: Vec<_> = pairs.iter().collect();
    sorted.sort_unstable();
    sorted
}

/// Arguments, values of variables and headers, and all of a URL but its host may be secrets, so
/// they are not shown.
impl fmt::Debug for ServerKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, url, headers) = match self {
            Self::Stdio {
                command,
                args,
                env,
                cwd,
                env_file,
            } => {
                return f
                    .debug_struct("Stdio")
                    .field("command", &FirstWord(command))
                    .field("args", &args.len())
                    .field("env", &Names(env))
                    .field("cwd", cwd)
                    .field("env_file", env_file)
                    .finish();
            }
            Self::Http { url, headers } => ("Http", url, headers),
            Self::Sse { url, headers } => ("Sse", url, headers),
            Self::Extension => return f.write_str("Extension"),
        };
        f.debug_struct(name)
            .field("url", &Origin(url))
            .field("headers", &Names(headers))
            .finish()
    }
}

/// Shows a command up to its first space, behind which there may be arguments.
struct FirstWord<'a>(&'a str);

impl fmt::Debug for FirstWord<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.split_once(char::is_whitespace) {
            None => write!(f, "{:?}", self.0),
            Some((first, _)) => write!(f, "{first:?} .."),
        }
    }
}

/// Shows the names of pairs without the values.
struct Names<'a>(&'a [(String, String)]);

impl fmt::Debug for Names<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.0.iter().map(|(name, _)| name))
            .finish()
    }
}

/// Shows the scheme, host and port of a URL. Some services have the key to them in the path.
pub(crate) struct Origin<'a>(pub(crate) &'a str);

impl fmt::Debug for Origin<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some((scheme, rest)) = self.0.split_once("://") else {
            return f.write_str("..");
        };
        let end = rest.find(['/', '?', '#', '\\']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        let host = authority.rsplit('@').next().unwrap_or_default();
        // A password with a slash in it looks like a host and a path with an `@`.
        if path.contains('@') {
            return write!(f, "{scheme}://..");
        }
        let dots = if path.len() > 1 { "/.." } else { path };
        write!(f, "{scheme}://{host}{dots}")
    }
}

/// A field of the file that has no meaning here.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct UnknownField {
    /// The keys that lead to it, joined by dots; from the server's entry when it stands in one.
    pub path: String,
    /// Its value, on one line and without comments.
    pub value: Raw<'static>,
}

/// The value may be a secret, so it is not shown.
impl fmt::Debug for UnknownField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.path, f)
    }
}

/// A reference that only an editor knows the value of, still in the text.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Unresolved {
    /// The field that it stands in, such as `args[1]` or `env.API_KEY`.
    pub field: String,
    /// What stands between `${` and `}`, such as `input:token` or `workspaceFolder`.
    pub reference: String,
}

/// Something that a user is asked for, in VS Code's files.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Input {
    /// The name that `${input:id}` refers to it by.
    pub id: String,
    /// How to ask for it, as the file has it: its type, description, default and whether it is a
    /// password. `None` when the file doesn't define it.
    pub definition: Option<Raw<'static>>,
    /// Whether a server still needs it: a reference to it is in the text, unanswered.
    pub is_needed: bool,
}

/// The definition may hold a default that is a secret, so it is not shown.
impl fmt::Debug for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Input")
            .field("id", &self.id)
            .field("is_needed", &self.is_needed)
            .finish_non_exhaustive()
    }
}
