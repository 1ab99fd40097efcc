//! What a `_meta` says of the peer that sent it, in the types that have a `_meta` themselves: the
//! client or server, its capabilities, the level of log messages that it asks for.

use crate::model::capability::ClientCapabilities;
use crate::model::initialize::Implementation;
use crate::model::logging::LoggingLevel;
use crate::model::meta::{CLIENT_CAPABILITIES, CLIENT_INFO, LOG_LEVEL, Meta, SERVER_INFO};

// Who a peer says that it is proves nothing (`meta.info.notrust`).
impl Meta<'_> {
    /// Returns the client that sent a modern request; for display and logs only.
    pub fn client_info(&self) -> Option<Implementation<'_>> {
        self.as_object().read(CLIENT_INFO)
    }

    /// Returns what the client can do during a modern request.
    pub fn client_capabilities(&self) -> Option<ClientCapabilities<'_>> {
        self.as_object().read(CLIENT_CAPABILITIES)
    }

    /// Returns the least level of log messages that a modern request asks for.
    ///
    /// Deprecated since 2026-07-28: log to stderr, or use OpenTelemetry. See
    /// [`logging`](crate::model::logging#deprecated).
    pub fn log_level(&self) -> Option<LoggingLevel> {
        self.as_object().read(LOG_LEVEL)
    }

    /// Returns the server that sent a modern result; for display and logs only.
    pub fn server_info(&self) -> Option<Implementation<'_>> {
        self.as_object().read(SERVER_INFO)
    }
}
