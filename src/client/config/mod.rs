//! The servers that a configuration file lists, as the products that speak MCP write it. Reading one
//! starts nothing and looks at nothing but its arguments.
//!
//! Each server stands for itself: [`Config::servers`] has those that can be used, [`Config::errors`]
//! what is wrong with the others, and [`Config::strict`] is for who wants all or nothing.
//!
//! ```
//! use mcp_proto::client::config::{Config, ServerKind};
//!
//! let text = r#"{"mcpServers": {
//!     "weather": {"command": "weather-server", "args": ["--units", "${UNITS:-metric}"]},
//!     "notes": {"url": "https://notes.example/mcp", "headers": {"Authorization": "${TOKEN}"}},
//!     "broken": {"command": "server", "env": {"KEY": "${MISSING}"}}
//! }}"#;
//! let environment = |name: &str| (name == "TOKEN").then(|| "secret".to_owned());
//! let config = Config::parse("mcp.json", text, environment)?;
//!
//! let weather = config.get("weather").unwrap();
//! assert!(matches!(&weather.kind, ServerKind::Stdio { args, .. } if args[1] == "metric"));
//! assert!(!format!("{config:?}").contains("secret"));
//! assert_eq!(
//!     config.errors[0].to_string(),
//!     "mcp.json: server \"broken\": env.KEY: environment variable ${MISSING} is not defined \
//!      at line 4 column 52"
//! );
//! # Ok::<(), mcp_proto::client::config::ConfigError>(())
//! ```
//!
//! # Whose files are read
//!
//! Comments and trailing commas are allowed in every file. The servers stand under the first of these
//! keys that is there:
//!
//! | key | written by |
//! |---|---|
//! | `mcpServers` | Claude Desktop, Claude Code, Cursor, Windsurf, Antigravity, Gemini CLI and others |
//! | `servers`, beside `inputs` | VS Code |
//! | `mcp.servers` | the settings of VS Code, newer files of opencode |
//! | `context_servers` | Zed |
//! | `amp.mcpServers` | Amp |
//! | `mcp_servers` | Codex, as TOML: parse it and use [`Config::from_value`] |
//! | `mcp` | opencode, Crush |
//!
//! An entry may have its URL in `url`, `serverUrl` or `httpUrl`; its command as a string or as a list
//! with the arguments; its variables in `env` or `environment`; its headers in `headers` or
//! `http_headers`. Codex's `bearer_token_env_var`, `env_http_headers` and `env_vars` are looked up.
//!
//! # References
//!
//! In every value of a server's entry, at any depth, `${VAR}` and `${env:VAR}` are replaced by what
//! the environment has, and `${VAR:-default}` by the default where it has nothing. Under `mcp`,
//! opencode's `{env:VAR}` means the same. A variable that is empty is defined. What was put in is not
//! looked at again, and keys are left as they are.
//!
//! The editors' own references stay in the text and are reported by [`Config::unresolved`]:
//! `${input:id}`, `${config:..}`, `${command:..}`, `${file:..}`, `${workspaceFolder}` and what else
//! only an editor knows. The environment is asked for them too, by what stands between the braces; so
//! a host that knows the folder, or has asked its user for the inputs, answers for them and parses
//! once more.
//!
//! # Bounds
//!
//! A file has at most 16 MiB. The references of a server bring in at most 1 MiB, and those of a file
//! 16 MiB. At most 32 errors of a server are kept and 1,000 of a file. Names in errors are cut short.

mod comments;
mod entry;
mod error;
mod expand;
mod fields;
mod layout;
mod paths;
mod read;
mod server;
mod source;
mod value;

use alloc::string::String;
use alloc::vec::Vec;

use serde::Deserializer;

use self::source::Source;

#[cfg(feature = "http-client")]
pub(crate) use entry::Origin;
pub use entry::{Input, ServerEntry, ServerKind, UnknownField, Unresolved};
pub use error::{ConfigError, ConfigErrorKind, ConfigErrors, Position};

/// What one configuration file says.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Config {
    /// The servers that can be used, in the file's order, disabled ones included.
    pub servers: Vec<ServerEntry>,
    /// What is wrong with the other servers and with the file's `inputs`, in the file's order. Of
    /// two servers with one name neither is used, since nothing tells which is meant.
    pub errors: Vec<ConfigError>,
    /// How many errors there are beyond these: 1,000 are kept, and 32 of each server.
    pub errors_omitted: usize,
    inputs: Vec<Input>,
    unknown: Vec<UnknownField>,
}

impl Config {
    /// Reads the `text` of a file; its name is only for errors.
    ///
    /// `environment` looks up the variables that the servers' values refer to. Nothing is started,
    /// read or connected to.
    ///
    /// # Errors
    ///
    /// Returns an error if the file as a whole can't be read: it is no JSON, it is longer than 16
    /// MiB, or no servers are found in it. What is wrong with single servers, disabled ones too, is
    /// in [`errors`](Self::errors).
    pub fn parse(
        file_name: &str,
        text: &str,
        environment: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, ConfigError> {
        read::read(&Source::from_text(file_name, text, &environment)?)
    }

    /// Reads a file that is not JSON and that somebody else has parsed, such as Codex's
    /// `config.toml`.
    ///
    /// `value` is whatever the parser has: a `toml::Value`, a `toml::Deserializer`, a
    /// `&serde_json::Value`, or any other [`Deserializer`] of a format that describes itself. Its
    /// errors have no [`position`](ConfigError::position). Otherwise as [`parse`](Self::parse).
    ///
    /// # Errors
    ///
    /// Returns an error if the value can't be read, has more than 16 MiB as JSON, is nested more
    /// than 128 levels deep, or lists no servers.
    pub fn from_value<'de>(
        file_name: &str,
        value: impl Deserializer<'de>,
        environment: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, ConfigError> {
        read::read(&Source::from_value(file_name, value, &environment)?)
    }

    /// Returns the same configuration if there is nothing wrong with it.
    ///
    /// # Errors
    ///
    /// Returns all errors if any server, or one of the inputs, has a mistake.
    pub fn strict(self) -> Result<Self, ConfigErrors> {
        if self.errors.is_empty() {
            return Ok(self);
        }
        Err(ConfigErrors {
            errors: self.errors,
            omitted: self.errors_omitted,
        })
    }

    /// Returns the server of that name; `None` when the file has no such server or it can't be
    /// used.
    pub fn get(&self, name: &str) -> Option<&ServerEntry> {
        self.servers.iter().find(|entry| entry.name == name)
    }

    /// Returns what a user has to be asked for: the file's `inputs`, in its order, and then those
    /// that servers refer to as `${input:id}` though the file doesn't define them.
    pub fn inputs(&self) -> &[Input] {
        &self.inputs
    }

    /// Returns the references that are still in the servers' values, each with the server it
    /// belongs to.
    pub fn unresolved(&self) -> impl Iterator<Item = (&ServerEntry, &Unresolved)> {
        self.servers
            .iter()
            .flat_map(|entry| core::iter::repeat(entry).zip(&entry.unresolved))
    }

    /// Returns what the file holds beside its servers and inputs, as it stands there. A file that
    /// is all of a product's settings holds much of it.
    pub fn unknown(&self) -> &[UnknownField] {
        &self.unknown
    }
}
