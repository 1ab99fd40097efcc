//! A server on a host that starts it for each request: one modern HTTP request in, its whole answer
//! out, without the standard library, a clock or entropy.
//!
//! ```text
//!  head, body ──HttpPolicy, the ladder──▶ frame ──Server──▶ frames ──▶ JSON or events, with its status
//!             └─ the first offence ───────────────────────────────▶ a refusal
//! ```

use alloc::boxed::Box;
use core::fmt;

use bytes::Bytes;

use crate::http::mirror::AnnotationError;
use crate::http::{
    Access, HttpMethod, HttpPolicy, Offers, ProtectedResource, Reply, RequestHead, TokenRefusal,
    admit, check_site, reply_of, unscoped,
};
use crate::scopes::Scopes;
use crate::server::{DefinitionError, Requester, Server, Stateless};

/// Answers HTTP requests of the modern era, each by itself.
///
/// It is made once and keeps nothing from one request to the next, so that it may as well be made for
/// each. Legacy clients are refused as they would be by a server that is younger than they are.
///
/// ```
/// use mcp_proto::edge::Edge;
/// use mcp_proto::http::{HttpMethod, HttpPolicy, RequestHead};
/// use mcp_proto::model::tool::{NO_ARGUMENTS_SCHEMA, Tool};
/// use mcp_proto::Server;
///
/// let greet = Tool::new("greet", NO_ARGUMENTS_SCHEMA);
/// let server = Server::new("greeter", "1.0").unsealed_state().tool(greet, |_, ()| Ok("hello"));
/// let edge = Edge::new(&server, HttpPolicy::public(["tools.example.com"]))?;
///
/// // The host's HTTP stack has read these.
/// let head = RequestHead::new(HttpMethod::Post, "/mcp")
///     .with("host", "tools.example.com")
///     .with("content-type", "application/json")
///     .with("accept", "application/json, text/event-stream")
///     .with("mcp-protocol-version", "2026-07-28")
///     .with("mcp-method", "tools/list");
/// let body = r#"{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"_meta":{
///     "io.modelcontextprotocol/protocolVersion":"2026-07-28",
///     "io.modelcontextprotocol/clientCapabilities":{}}}}"#;
///
/// let reply = edge.answer(&head, body, None);
/// assert_eq!(reply.head.status, 200);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Edge {
    stateless: Stateless,
    offers: Offers,
    policy: HttpPolicy,
    resource: Option<ProtectedResource>,
    /// The scopes that anything needs.
    scopes: Scopes,
}

impl Edge {
    /// Returns what answers the requests of a server, as it offers its tools now.
    ///
    /// Returns an error as [`Server::stateless`] does, and if a tool's annotations of arguments that
    /// travel in headers break the rules.
    pub fn new<Mode>(server: &Server<Mode>, policy: HttpPolicy) -> Result<Self, EdgeError> {
        let stateless = server.stateless()?;
        let config = server.config();
        let mut offers = Offers::new(config.revisions.clone())
            .limits(config.limits.clone())
            .modern_only();
        for tool in server.registry().snapshot().tools() {
            let named = |error| EdgeError::Annotation {
                tool: tool.name.as_str().into(),
                error,
            };
            offers = offers.tool(tool).map_err(named)?;
        }
        Ok(Self {
            stateless,
            offers,
            policy,
            resource: None,
            scopes: server.registry().all_scopes(),
        })
    }

    /// Asks for tokens: what has none, or none that is good for what it asks for, is told where to get
    /// one. See [`admit`](Self::admit).
    #[must_use]
    pub fn protect(mut self, resource: ProtectedResource) -> Self {
        self.resource = Some(resource);
        self
    }

    /// Returns who sends a request, by what the host has found out about its token, for [`answer`]. `now`
    /// is in seconds since 1970.
    ///
    /// The error is the whole answer: the metadata of what is [protected](Self::protect), or a refusal.
    ///
    /// ```
    /// use mcp_proto::edge::Edge;
    /// use mcp_proto::http::{Access, HttpMethod, HttpPolicy, ProtectedResource, RequestHead, bearer};
    /// use mcp_proto::Server;
    ///
    /// let server = Server::new("notes", "1.0").unsealed_state();
    /// let url = "https://api.example.com/mcp";
    /// let resource = ProtectedResource::new(url, ["https://auth.example.com"])?;
    /// let edge = Edge::new(&server, HttpPolicy::public(["api.example.com"]))?.protect(resource);
    ///
    /// let head = RequestHead::new(HttpMethod::Post, "/mcp").with("host", "api.example.com");
    /// let access = bearer(&head).and_then(|token| {
    ///     // Ask the authorization server about `token.expose()` here.
    ///     Ok(Access::new("ali", [url]))
    /// });
    /// let refused = edge.admit(&head, access, 1_800_000_000).unwrap_err();
    /// assert_eq!(refused.head.status, 401);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// [`answer`]: Self::answer
    // `auth.401` `auth.audience`
    pub fn admit(
        &self,
        head: &RequestHead,
        access: Result<Access, TokenRefusal>,
        now: u64,
    ) -> Result<Requester, Reply> {
        let Some(resource) = &self.resource else {
            return Ok(Requester::default());
        };
        let refuse = |reply: Reply| Err(reply.with_cors(&self.policy, head));
        if let Err(reply) = check_site(&self.policy, head) {
            return refuse(reply);
        }
        let described = || resource.clone().supports(&self.scopes);
        if let Some(reply) = described().answer(&self.policy, head) {
            return refuse(reply);
        }
        if head.method == HttpMethod::Options {
            return Ok(Requester::default());
        }
        let admitted = access.and_then(|access| {
            resource.admit(&access, now)?;
            Ok(Requester::new(access.principal).scopes(access.scopes))
        });
        admitted.or_else(|why| refuse(described().refuse(&why)))
    }

    /// Answers one request, running its handler here and now.
    ///
    /// `requester` is who sends it, as the host has authenticated them, such as `Some("ali")`. An answer
    /// alone is JSON; one with notifications before it is a whole stream of events, and so is a
    /// `subscriptions/listen`, which ends at once, since nobody is there to tell of changes. What needs
    /// scopes that the requester hasn't got is refused with 403.
    pub fn answer(
        &self,
        head: &RequestHead,
        body: impl Into<Bytes>,
        requester: impl Into<Requester>,
    ) -> Reply {
        let requester = requester.into();
        let reply = match self.take(head, body.into(), &requester) {
            Ok(frame) => reply_of(self.stateless.answer(frame, requester)),
            Err(reply) => reply,
        };
        reply.with_cors(&self.policy, head)
    }

    /// As [`answer`](Self::answer), for servers some of whose handlers are futures.
    pub async fn answer_async(
        &self,
        head: &RequestHead,
        body: impl Into<Bytes>,
        requester: impl Into<Requester>,
    ) -> Reply {
        let requester = requester.into();
        let reply = match self.take(head, body.into(), &requester) {
            Ok(frame) => reply_of(self.stateless.answer_async(frame, requester).await),
            Err(reply) => reply,
        };
        reply.with_cors(&self.policy, head)
    }

    /// The frame of a request that may be answered. The error is the whole answer.
    // `auth.403.scope`
    fn take(&self, head: &RequestHead, body: Bytes, requester: &Requester) -> Result<Bytes, Reply> {
        let frame = admit(&self.policy, &self.offers, head, body)?;
        let needed = self.stateless.scopes_for(&frame);
        let none = Scopes::default();
        let granted = requester.granted().unwrap_or(&none);
        match &self.resource {
            _ if granted.covers(&needed) => Ok(frame),
            Some(resource) => {
                let resource = resource.clone().supports(&self.scopes);
                let checked = resource.check_scopes(&needed, granted);
                checked.map_or_else(|why| Err(resource.refuse(&why)), |()| Ok(frame))
            }
            None => Err(unscoped(&needed)),
        }
    }
}

/// Why a server can't be put behind such a host.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EdgeError {
    /// The server can't be served as it is defined, for the reason inside: correct it.
    Definition(DefinitionError),
    /// The annotations of a tool break the rules: correct them.
    Annotation {
        /// The tool's name.
        tool: Box<str>,
        /// What is wrong.
        error: AnnotationError,
    },
}

impl fmt::Display for EdgeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Definition(error) => fmt::Display::fmt(error, f),
            Self::Annotation { tool, error } => {
                write!(f, "the tool {tool} can't be served over HTTP: {error}")
            }
        }
    }
}

impl core::error::Error for EdgeError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Definition(error) => error.source(),
            _ => None,
        }
    }
}

impl From<DefinitionError> for EdgeError {
    fn from(error: DefinitionError) -> Self {
        Self::Definition(error)
    }
}
