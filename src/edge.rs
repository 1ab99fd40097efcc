//! A server on a host that starts it for each request: one modern HTTP request in, its whole answer
//! out, without the standard library, a clock or entropy.
//!
//! ```text
//!  head, body ──HttpPolicy, the ladder──▶ frame ──Server──▶ frames ──▶ JSON or events, with its status
//!             └─ the first offence ───────────────────────────────▶ a refusal
//! ```

use alloc::boxed::Box;

use bytes::Bytes;

use crate::http::mirror::AnnotationError;
use crate::http::{HttpPolicy, Offers, Reply, RequestHead, admit, reply_of};
use crate::server::{DefinitionError, Server, Stateless};

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
        })
    }

    /// Answers one request, running its handler here and now.
    ///
    /// `principal` is who sends it, as the host has authenticated them. An answer alone is JSON; one
    /// with notifications before it is a whole stream of events, and so is a
    /// `subscriptions/listen`, which ends at once, since nobody is there to tell of changes.
    pub fn answer(
        &self,
        head: &RequestHead,
        body: impl Into<Bytes>,
        principal: Option<&str>,
    ) -> Reply {
        let reply = match admit(&self.policy, &self.offers, head, body.into()) {
            Ok(frame) => reply_of(self.stateless.answer(frame, principal)),
            Err(reply) => reply,
        };
        reply.with_cors(&self.policy, head)
    }

    /// As [`answer`](Self::answer), for servers some of whose handlers are futures.
    pub async fn answer_async(
        &self,
        head: &RequestHead,
        body: impl Into<Bytes>,
        principal: Option<&str>,
    ) -> Reply {
        let reply = match admit(&self.policy, &self.offers, head, body.into()) {
            Ok(frame) => reply_of(self.stateless.answer_async(frame, principal).await),
            Err(reply) => reply,
        };
        reply.with_cors(&self.policy, head)
    }
}

/// Why a server can't be put behind such a host.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EdgeError {
    /// The server can't be served as it is defined, for the reason inside: correct it.
    #[error(transparent)]
    Definition(#[from] DefinitionError),
    /// The annotations of a tool break the rules: correct them.
    #[error("the tool {tool} can't be served over HTTP: {error}")]
    Annotation {
        /// The tool's name.
        tool: Box<str>,
        /// What is wrong.
        error: AnnotationError,
    },
}
