//! The server that a client connects to: its URL and what every request to it says.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use std::io;

use ::http::header::USER_AGENT;
use ::http::{HeaderMap, HeaderName, HeaderValue, Uri};

#[cfg(feature = "auth")]
use super::super::super::auth::Auth;
use super::super::super::entry::{EntryError, check_resolved};
use crate::client::ClientOptions;
use crate::client::config::{Origin, ServerEntry, ServerKind};
use crate::http::HttpClientOptions;
use crate::rpc::bounded;
use crate::session::{EraPolicy, Routing};

/// What the client calls itself unless the headers say otherwise.
const AGENT: &str = concat!("mcp-proto/", env!("CARGO_PKG_VERSION"));

/// How often one request may be challenged: for want of a token, for one that has expired, for a
/// nonce, and for scopes a few times. What ends it sooner is the authorization's to say.
#[cfg(feature = "auth")]
const CHALLENGES: u32 = 8;

/// A server at a URL, and the headers that each request to it has.
///
/// `Debug` shows neither the values of headers nor the path of the URL, where some services have the
/// key to them.
///
/// ```
/// use mcp_proto::io::http::Remote;
///
/// let remote = Remote::new("https://notes.example/mcp/s3cret")
///     .header("authorization", "Bearer t0ken");
/// let shown = format!("{remote:?}");
/// assert!(!shown.contains("s3cret") && !shown.contains("t0ken"));
/// ```
#[derive(Clone)]
pub struct Remote {
    url: Box<str>,
    headers: Vec<(String, String)>,
    /// Certificates of authorities.
    trusted: Vec<Box<[u8]>>,
    options: HttpClientOptions,
    #[cfg(feature = "auth")]
    auth: Option<Auth>,
}

impl Remote {
    /// Returns the server whose endpoint is at `url`, by Streamable HTTP or, where the server has
    /// only that, the pair of endpoints of 2024-11-05.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into().into(),
            headers: Vec::new(),
            trusted: Vec::new(),
            options: HttpClientOptions::default(),
            #[cfg(feature = "auth")]
            auth: None,
        }
    }

    /// Returns the server whose event stream is at `url`, by the pair of endpoints of 2024-11-05.
    pub fn sse(url: impl Into<String>) -> Self {
        let mut remote = Self::new(url);
        remote.options.pair = true;
        remote
    }

    /// The same with one more header for each request, such as `authorization`. Those that MCP and
    /// HTTP give a meaning to, such as `accept`, are the client's own.
    ///
    /// Connecting fails if the name or the value isn't one that a header may have.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Trusts the authorities whose certificates these are, as PEM or one as DER, and no others: for a
    /// server of a company or of a test. Without any, those are trusted that Mozilla trusts.
    ///
    /// It holds for the clients that bring TLS along, of the features `rustls` and `ureq-rustls`; an
    /// HTTP client of one's own has a way of its own. Connecting fails if a certificate can't be read.
    #[must_use]
    pub fn trust(mut self, certificates: impl AsRef<[u8]>) -> Self {
        self.trusted.push(certificates.as_ref().into());
        self
    }

    /// Sets how the client speaks HTTP: how often it asks for a stream that broke, and how long it
    /// waits. The bounds of the client take the place of its limits.
    #[must_use]
    pub fn options(mut self, options: HttpClientOptions) -> Self {
        self.options = options;
        self
    }

    /// Sets how the client authorizes itself where the server wants to know who asks. Without it a
    /// 401 or 403 is a refusal.
    #[cfg(feature = "auth")]
    #[must_use]
    pub fn auth(mut self, auth: Auth) -> Self {
        self.auth = Some(auth);
        self
    }

    /// How the client authorizes itself.
    #[cfg(feature = "auth")]
    pub(super) const fn authorization(&self) -> Option<&Auth> {
        self.auth.as_ref()
    }

    /// The options of a client of this server: each request is an exchange, and a server of
    /// 2024-11-05 isn't asked for its era.
    pub(super) fn adapt(&self, options: ClientOptions) -> ClientOptions {
        let era = match (self.options.pair, options.era) {
            (true, EraPolicy::Auto) => EraPolicy::Legacy,
            (_, era) => era,
        };
        options.era(era).routing(Routing::PerRequest)
    }

    #[cfg(any(feature = "rustls", feature = "ureq-rustls"))]
    pub(super) fn trusted(&self) -> impl Iterator<Item = &[u8]> {
        self.trusted.iter().map(|certificates| &**certificates)
    }

    pub(super) fn http_options(&self) -> HttpClientOptions {
        #[cfg_attr(not(feature = "auth"), expect(unused_mut, reason = "nobody meets one"))]
        let mut options = self.options.clone();
        #[cfg(feature = "auth")]
        if self.auth.is_some() && options.challenges == 0 {
            options.challenges = CHALLENGES;
        }
        options
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// The scheme and the host, for messages.
    pub(super) fn origin(&self) -> String {
        format!("{:?}", Origin(&self.url))
    }

    /// The same for what may be no URL: it is shown up to where a path would begin.
    fn shown(&self) -> String {
        if self.url.contains("://") || self.url.contains('@') {
            return self.origin();
        }
        let is_end = |c: char| c.is_whitespace() || "/?#\\".contains(c);
        match self.url.split_once(is_end) {
            Some((start, _)) => format!("{}/..", bounded(start)),
            None => bounded(&self.url).into(),
        }
    }

    /// What every request says. Returns an error if the URL can't be used, or a header.
    pub(super) fn prepare(&self) -> io::Result<HeaderMap> {
        self.check_url().map_err(|what| {
            let shown = self.shown();
            io::Error::new(
                io::ErrorKind::InvalidInput,
                format!("can't connect to `{shown}`: {what}"),
            )
        })?;
        let mut headers = HeaderMap::new();
        headers.insert(USER_AGENT, HeaderValue::from_static(AGENT));
        for (name, value) in &self.headers {
            let invalid = |what: &str| {
                let message = format!("the header {name:?} has an invalid {what}");
                io::Error::new(io::ErrorKind::InvalidInput, message)
            };
            let key = HeaderName::try_from(name.as_str()).map_err(|_| invalid("name"))?;
            let mut value = HeaderValue::try_from(value.as_str()).map_err(|_| invalid("value"))?;
            value.set_sensitive(true);
            match key {
                USER_AGENT => drop(headers.insert(key, value)),
                key => drop(headers.append(key, value)),
            }
        }
        Ok(headers)
    }

    /// Returns an error if the server asks for TLS, which there is none of.
    #[cfg(any(
        all(feature = "hyper-client", not(feature = "rustls")),
        all(feature = "ureq", not(feature = "ureq-rustls"))
    ))]
    pub(super) fn refuse_tls(&self, feature: &str) -> io::Result<()> {
        let scheme = self.url.split("://").next().unwrap_or_default();
        match scheme.eq_ignore_ascii_case("https") {
            true => Err(io::Error::new(
                io::ErrorKind::Unsupported,
                format!("`https` needs the feature `{feature}` of mcp-proto"),
            )),
            false => Ok(()),
        }
    }

    fn check_url(&self) -> Result<(), &'static str> {
        let scheme = self.url.split_once("://").map(|(scheme, _)| scheme);
        match scheme.map(str::to_ascii_lowercase).as_deref() {
            Some("http" | "https") => {}
            _ => return Err("the URL of a server begins with `http://` or `https://`"),
        }
        let uri: Uri = self.url.parse().map_err(|_| "it is no URL")?;
        let authority = uri.authority().ok_or("its URL names no host")?;
        match authority.as_str().contains('@') {
            // They would be shown, logged, and sent to nobody.
            true => Err("its URL has a name or a password in it: use the header `authorization`"),
            false => Ok(()),
        }
    }
}

impl From<&str> for Remote {
    fn from(url: &str) -> Self {
        Self::new(url)
    }
}

impl From<String> for Remote {
    fn from(url: String) -> Self {
        Self::new(url)
    }
}

/// How to reach a server of a configuration file. Whether it's enabled makes no difference.
impl TryFrom<&ServerEntry> for Remote {
    type Error = EntryError;

    fn try_from(entry: &ServerEntry) -> Result<Self, EntryError> {
        let (remote, headers) = match &entry.kind {
            ServerKind::Http { url, headers, .. } => (Self::new(url), headers),
            ServerKind::Sse { url, headers, .. } => (Self::sse(url), headers),
            _ => {
                let server = entry.name.clone();
                return Err(EntryError::NoUrl { server });
            }
        };
        check_resolved(
            entry,
            &["url", "serverUrl", "httpUrl", "headers", "http_headers"],
        )?;
        let named = headers.iter();
        Ok(named.fold(remote, |remote, (name, value)| remote.header(name, value)))
    }
}

impl fmt::Debug for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.headers.iter().map(|(name, _)| name).collect();
        f.debug_struct("Remote")
            .field("url", &Origin(&self.url))
            .field("headers", &names)
            .field("trusted", &self.trusted.len())
            .finish_non_exhaustive()
    }
}
