//! What may be wrong with an entry of a configuration file when it is to be used.

use alloc::string::String;
use core::fmt;

#[cfg(any(feature = "child", feature = "http-client"))]
use crate::client::config::ServerEntry;

/// Why a server of a configuration file can't be started or connected to as it stands there.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EntryError {
    /// It is reached by a URL or started by an extension of the editor's: there is no process to
    /// start.
    NoCommand {
        /// The server's name.
        server: String,
    },
    /// It is a process: there is nothing to connect to.
    NoUrl {
        /// The server's name.
        server: String,
    },
    /// The crate was built without what reaches it: switch the feature on.
    NoFeature {
        /// The server's name.
        server: String,
        /// The feature.
        feature: &'static str,
    },
    /// A value has a reference in it that only an editor or its user can answer: replace it in the
    /// entry first.
    Unresolved {
        /// The server's name.
        server: String,
        /// The field that the reference stands in.
        field: String,
        /// What stands between `${` and `}`.
        reference: String,
    },
    /// Some of its variables are in a file, which has to be read first: put them into `env` and set
    /// `env_file` to `None`.
    EnvFile {
        /// The server's name.
        server: String,
        /// The file, as the configuration names it.
        path: String,
    },
}

impl fmt::Display for EntryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoCommand { server } => write!(f, "server {server:?} has no command"),
            Self::NoUrl { server } => write!(f, "server {server:?} has no URL"),
            Self::NoFeature { server, feature } => write!(
                f,
                "server {server:?} needs the feature `{feature}` of mcp-proto"
            ),
            Self::Unresolved {
                server,
                field,
                reference,
            } => write!(
                f,
                "server {server:?}: {field}: ${{{reference}}} has no value yet"
            ),
            Self::EnvFile { server, path } => write!(
                f,
                "server {server:?}: envFile: {path:?} has to be read first"
            ),
        }
    }
}

impl core::error::Error for EntryError {}

/// Returns an error if one of these fields has a reference in it that only an editor can answer.
#[cfg(any(feature = "child", feature = "http-client"))]
pub(super) fn check_resolved(entry: &ServerEntry, fields: &[&str]) -> Result<(), EntryError> {
    let is_used = |field: &str| {
        let end = field.find(['.', '[']).unwrap_or(field.len());
        fields.contains(&&field[..end])
    };
    let mut unresolved = entry.unresolved.iter();
    match unresolved.find(|open| is_used(&open.field)) {
        None => Ok(()),
        Some(open) => Err(EntryError::Unresolved {
            server: entry.name.clone(),
            field: open.field.clone(),
            reference: open.reference.clone(),
        }),
    }
}
