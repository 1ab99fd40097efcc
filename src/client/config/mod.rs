//! The servers that a configuration file lists, as Claude Desktop, Claude Code, Cursor, VS Code and
//! Zed write it. Reading one starts nothing and looks at nothing but its arguments.
//!
//! The servers stand under `mcpServers`, `servers`, `mcp.servers` or `context_servers`, whichever
//! of them comes first in this list. Comments and trailing commas are allowed in every file.
//!
//! ```
//! use mcp_proto::client::config::{ServerKind, Servers};
//!
//! let text = r#"{"mcpServers": {
//!     "weather": {"command": "weather-server", "args": ["--units", "${UNITS:-metric}"]},
//!     "notes": {"url": "https://notes.example/mcp", "headers": {"Authorization": "${TOKEN}"}}
//! }}"#;
//! let environment = |name: &str| (name == "TOKEN").then(|| "secret".to_owned());
//! let servers = Servers::parse("mcp.json", text, environment)?;
//!
//! let weather = servers.get("weather").unwrap();
//! assert!(matches!(&weather.kind, ServerKind::Stdio { args, .. } if args[1] == "metric"));
//! assert!(!format!("{servers:?}").contains("secret"));
//! # Ok::<(), mcp_proto::client::config::ConfigError>(())
//! ```
//!
//! # References
//!
//! In every value of a server's entry, at any depth, `${VAR}` and `${env:VAR}` are replaced by what
//! the environment has, and `${VAR:-default}` by the default where it has nothing. A variable that
//! is empty is defined. What was put in is not looked at again, and keys are left as they are.
//!
//! The editors' own references stay in the text and are reported by [`Servers::unresolved`]:
//! `${input:id}`, `${config:..}`, `${command:..}`, `${workspaceFolder}` and what else only an editor
//! knows. The environment is asked for them too, by what stands between the braces; so a host that
//! knows the folder, or has asked its user for the inputs, answers for them and parses once more.

mod comments;
mod error;
mod expand;
mod read;
mod source;

use alloc::string::String;
use alloc::vec::{self, Vec};
use core::{fmt, slice};

use crate::rpc::Raw;

pub use error::{ConfigError, ConfigErrorKind};

/// The servers of one configuration file, in its order.
#[derive(Clone, Debug)]
pub struct Servers {
    entries: Vec<ServerEntry>,
    inputs: Vec<Input>,
    unknown: Vec<UnknownField>,
}

impl Servers {
    /// Reads the `text` of a file; its name is only for errors.
    ///
    /// `environment` looks up the variables that the servers' values refer to. Nothing is started,
    /// read or connected to. Errs, naming file, server and field, at the first thing that is wrong
    /// with any server, also with a disabled one.
    pub fn parse(
        file_name: &str,
        text: &str,
        environment: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, ConfigError> {
        read::parse(file_name, text, &environment)
    }

    /// The server of that name; `None` when the file has no such server.
    pub fn get(&self, name: &str) -> Option<&ServerEntry> {
        self.entries.iter().find(|entry| entry.name == name)
    }

    /// The servers, in the file's order.
    pub fn iter(&self) -> slice::Iter<'_, ServerEntry> {
        self.entries.iter()
    }

    /// How many servers there are, disabled ones included.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether the file lists no server.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// What a user has to be asked for: the file's `inputs`, in its order, and then those that
    /// servers refer to as `${input:id}` though the file doesn't define them.
    pub fn inputs(&self) -> &[Input] {
        &self.inputs
    }

    /// The references that are still in the servers' values, each with the server it belongs to.
    pub fn unresolved(&self) -> impl Iterator<Item = (&ServerEntry, &Unresolved)> {
        self.entries
            .iter()
            .flat_map(|entry| core::iter::repeat(entry).zip(&entry.unresolved))
    }

    /// What the file holds beside its servers and inputs, as it stands there. A file that is all
    /// of a product's settings holds much of it.
    pub fn unknown(&self) -> &[UnknownField] {
        &self.unknown
    }
}

impl IntoIterator for Servers {
    type Item = ServerEntry;
    type IntoIter = vec::IntoIter<ServerEntry>;

    fn into_iter(self) -> Self::IntoIter {
        self.entries.into_iter()
    }
}

impl<'a> IntoIterator for &'a Servers {
    type Item = &'a ServerEntry;
    type IntoIter = slice::Iter<'a, ServerEntry>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

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
        /// Its arguments. None when the file doesn't say.
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
                    .field("command", command)
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
struct Origin<'a>(&'a str);

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
