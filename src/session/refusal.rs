//! The errors of the protocol that a server's user gives, with the data that goes with them.
//! They are written once; each revision gets the code by which it knows them.

use crate::model::capability::ClientCapabilities;
use crate::model::discover::{MissingRequiredClientCapabilityData, UnsupportedProtocolVersionData};
use crate::revision::Revision;
use crate::rpc::{Raw, RpcError, bounded, code};

impl RpcError {
    /// Returns the error that there is no such resource: -32002 up to 2025-11-25, -32602 from
    /// 2026-07-28 on.
    // `res.read.notfound.legacy`, `res.read.notfound.modern`
    pub fn resource_not_found(uri: &str) -> Self {
        let data = serde_json::json!({ "uri": uri });
        Self::new(code::RESOURCE_NOT_FOUND, "Resource not found").data(data)
    }

    /// Returns the error that the client lacks capabilities which the request needs: -32021 from
    /// 2026-07-28 on, -32600 before.
    // `err.missingcap`
    pub fn missing_client_capability(required: &ClientCapabilities<'_>) -> Self {
        let message = match required {
            required if required.elicitation.is_some() => "Elicitation not supported",
            required if required.sampling.is_some() => "Sampling not supported",
            required if required.roots.is_some() => "List roots not supported",
            _ => "Missing required client capability",
        };
        let error = Self::new(code::MISSING_REQUIRED_CLIENT_CAPABILITY, message);
        let data = MissingRequiredClientCapabilityData::new(required.clone());
        match Raw::encode(&data) {
            Ok(data) => error.data(data),
            Err(_) => error,
        }
    }

    /// The request's revision isn't served: -32022 with those that are (`err.unsupportedver`).
    pub(crate) fn unsupported_version(supported: &[Revision], requested: &str) -> Self {
        let supported = supported.iter().map(|revision| revision.as_str());
        let data = UnsupportedProtocolVersionData::new(supported, bounded(requested));
        let error = Self::new(
            code::UNSUPPORTED_PROTOCOL_VERSION,
            "Unsupported protocol version",
        );
        match Raw::encode(&data) {
            Ok(data) => error.data(data),
            Err(_) => error,
        }
    }

    /// The answer to a request beyond a limit: it names the limit and says that a retry may help.
    pub(crate) fn over_limit(what: &str, limit: usize) -> Self {
        Self::internal(alloc::format!(
            "Too many {what} (the limit is {limit}); a retry may help once some are done"
        ))
    }
}
