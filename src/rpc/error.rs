//! The JSON-RPC error object and the error codes that the revisions of the protocol define.
//! An error here is a message between peers; local failures have their own types.

use alloc::borrow::Cow;
use alloc::string::String;
use core::fmt;

use serde::{Deserialize, Deserializer};

use crate::named::named;

use super::Raw;

/// The codes of every revision, by the names the specification gives them.
pub mod code {
    /// The text was not JSON: the fault is the sender's.
    pub const PARSE_ERROR: i64 = -32700;
    /// JSON, but not a message, or one at the wrong time: the fault is the sender's.
    pub const INVALID_REQUEST: i64 = -32600;
    /// Unknown method, or one whose capability was not declared: do without it.
    pub const METHOD_NOT_FOUND: i64 = -32601;
    /// The parameters don't fit the method, or name what isn't there: correct them.
    pub const INVALID_PARAMS: i64 = -32602;
    /// The receiver failed unexpectedly: trying again may help.
    pub const INTERNAL_ERROR: i64 = -32603;
    /// Unknown resource, up to 2025-11-25.
    // `res.read.notfound.legacy`
    pub const RESOURCE_NOT_FOUND: i64 = -32002;
    /// HTTP headers that differ from the body, 2026-07-28.
    // `err.headermismatch`
    pub const HEADER_MISMATCH: i64 = -32020;
    /// The client did not declare a capability the request needs, 2026-07-28.
    // `err.missingcap`
    pub const MISSING_REQUIRED_CLIENT_CAPABILITY: i64 = -32021;
    /// The request's revision isn't served, 2026-07-28.
    // `err.unsupportedver`
    pub const UNSUPPORTED_PROTOCOL_VERSION: i64 = -32022;
    /// A URL elicitation has to be done first, 2025-11-25 alone.
    // `elicit.32042`
    pub const URL_ELICITATION_REQUIRED: i64 = -32042;
    /// The user refused a sampling request, up to 2025-11-25: do without it.
    // `err.sampling.reject`
    pub const REJECTED: i64 = -1;
}

/// The error object of a JSON-RPC response: it ends one request and is the answer to it.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct RpcError {
    /// What kind of error it is; see [`code`].
    pub code: i64,
    /// One sentence for people.
    pub message: Cow<'static, str>,
    /// Any JSON that tells more; kept untouched.
    // `base.resp.error.shape`
    pub data: Option<Raw<'static>>,
}

impl fmt::Display for RpcError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { code, message, .. } = self;
        write!(f, "{message} (code: {code})")
    }
}

impl core::error::Error for RpcError {}

named! { written struct RpcError { code, message, [data] } }

impl<'de> Deserialize<'de> for RpcError {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // With any data, under the name that errors have for it.
        struct RpcError {
            code: i64,
            message: Cow<'static, str>,
            data: Data,
        }
        named! { read struct RpcError { code, message, [data] } }

        /// What is there, even if it is `null`.
        #[derive(Default)]
        struct Data(Option<Raw<'static>>);

        impl<'de> Deserialize<'de> for Data {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Raw::deserialize(deserializer).map(|raw| Self(Some(raw.into_owned())))
            }
        }

        let RpcError {
            code,
            message,
            data: Data(data),
        } = RpcError::deserialize(deserializer)?;
        Ok(Self {
            code,
            message,
            data,
        })
    }
}

impl RpcError {
    /// Creates an error with a code and one sentence.
    pub fn new(code: i64, message: impl Into<Cow<'static, str>>) -> Self {
        Self {
            code,
            message: message.into(),
            data: None,
        }
    }

    /// Returns the error with `data`, which may be any JSON.
    pub fn data(mut self, data: impl Into<Raw<'static>>) -> Self {
        self.data = Some(data.into());
        self
    }

    /// Creates the error -32600.
    pub fn invalid_request(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(code::INVALID_REQUEST, message)
    }

    /// Creates the error -32601, naming the method.
    pub fn method_not_found(method: &str) -> Self {
        let shown: String = method.chars().take(128).collect();
        Self::new(
            code::METHOD_NOT_FOUND,
            alloc::format!("Method not found: {shown}"),
        )
    }

    /// Creates the error -32602.
    pub fn invalid_params(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(code::INVALID_PARAMS, message)
    }

    /// Creates the error -32603.
    pub fn internal(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(code::INTERNAL_ERROR, message)
    }
}
