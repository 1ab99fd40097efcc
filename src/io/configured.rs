//! Clients of the servers that a configuration file lists, however those are reached.

use super::blocking::BlockingClient;
use super::entry::EntryError;
#[cfg(any(feature = "hyper-client", feature = "ureq"))]
use super::http::Remote;
use super::nonblocking::{AsyncClient, AsyncDriver};
use crate::client::ClientOptions;
use crate::client::config::{ServerEntry, ServerKind};

/// What both kinds of client do, by constructors of the same names.
macro_rules! connect {
    ($options:expr, $entry:expr) => {
        match &$entry.kind {
            #[cfg(feature = "child")]
            ServerKind::Stdio { .. } => Ok(Self::child($options, $entry.try_into()?)),
            #[cfg(any(feature = "hyper-client", feature = "ureq"))]
            ServerKind::Http { .. } | ServerKind::Sse { .. } => {
                Ok(Self::url($options, Remote::try_from($entry)?))
            }
            kind => {
                drop($options);
                Err(needs(kind, $entry))
            }
        }
    };
}

impl BlockingClient {
    /// Creates a client of a server of a configuration file: one that starts a process, as
    /// `BlockingClient::child` does (feature `child`), or one of a server at a URL, as
    /// `BlockingClient::url` does (feature `hyper-client` or `ureq`). Nothing is started or connected
    /// to yet, and whether the entry is enabled makes no difference.
    ///
    /// Returns an error if the entry can't be used as it stands, or needs a feature that is off.
    pub fn from_entry(options: ClientOptions, entry: &ServerEntry) -> Result<Self, EntryError> {
        connect!(options, entry)
    }
}

impl AsyncClient {
    /// Creates a client of a server of a configuration file, and the future that drives it: as
    /// [`BlockingClient::from_entry`].
    pub fn from_entry(
        options: ClientOptions,
        entry: &ServerEntry,
    ) -> Result<(Self, AsyncDriver), EntryError> {
        connect!(options, entry)
    }
}

/// Why a server can't be reached that no feature which is on reaches.
fn needs(kind: &ServerKind, entry: &ServerEntry) -> EntryError {
    let server = entry.name.clone();
    match kind {
        ServerKind::Stdio { .. } => EntryError::NoFeature {
            server,
            feature: "child",
        },
        ServerKind::Http { url, .. } | ServerKind::Sse { url, .. } => {
            let feature = match url.starts_with("https") {
                true => "rustls",
                false => "hyper-client",
            };
            EntryError::NoFeature { server, feature }
        }
        ServerKind::Extension => EntryError::NoCommand { server },
    }
}
