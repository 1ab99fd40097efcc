//! What lets the pages of other origins speak to a server and read its answers: the headers of CORS,
//! and the answers to a browser's preflights.
//!
//! Rules of this file: nothing is said to a page until origins are named; only an origin that the
//! policy answers to is told anything.

use alloc::string::String;

use super::headers::{Headers, name};
use super::{HttpMethod, HttpPolicy, Reply, RequestHead};

/// What a page may read of an answer besides its body.
const EXPOSED: &str = "Mcp-Session-Id, WWW-Authenticate";

/// What a page may say in its request.
const ALLOWED: &str = "Accept, Authorization, Content-Type, Last-Event-ID, Mcp-Method, Mcp-Name, \
                       Mcp-Protocol-Version, Mcp-Session-Id";

/// How many bytes of mirrored arguments' headers a preflight may name.
const MOST_NAMED: usize = 8 * 1024;

/// How long a browser may remember a preflight, in seconds.
const REMEMBERED: &str = "7200";

impl HttpPolicy {
    /// Returns the header fields to add to every response to this request, refusals included, so
    /// that the page which sent it can read the response. There are none unless origins are named
    /// and this request comes from one of them.
    pub fn cors(&self, request: &RequestHead) -> Headers {
        let mut headers = Headers::new();
        if !self.names_origins() || !self.allows_origin(request) {
            return headers;
        }
        if self.allows_any_origin() {
            headers.push(name::ACCESS_CONTROL_ALLOW_ORIGIN, "*");
        } else {
            // Said to others too: what is kept for one origin isn't for another.
            headers.push(name::VARY, "Origin");
            let Ok(Some(origin)) = request.headers.one(name::ORIGIN) else {
                return headers;
            };
            headers.push(name::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        }
        headers.push(name::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
        headers
    }
}

/// The answer to a browser that asks whether a page may send a request; `None` when it doesn't ask
/// this, or the server says nothing to pages.
pub(super) fn preflight(policy: &HttpPolicy, methods: &str, head: &RequestHead) -> Option<Reply> {
    let asks = head.method == HttpMethod::Options
        && head.headers.has(name::ORIGIN)
        && head.headers.has(name::ACCESS_CONTROL_REQUEST_METHOD);
    if !asks || !policy.names_origins() {
        return None;
    }
    let mut reply = Reply::empty(204);
    let mut allowed = String::from(ALLOWED);
    for wanted in mirrored(head) {
        allowed.push_str(", ");
        allowed.push_str(wanted);
    }
    let headers = &mut reply.head.headers;
    headers.push(name::ACCESS_CONTROL_ALLOW_METHODS, methods);
    headers.push(name::ACCESS_CONTROL_ALLOW_HEADERS, allowed);
    headers.push(name::ACCESS_CONTROL_MAX_AGE, REMEMBERED);
    Some(reply)
}

/// The headers of mirrored arguments that a page means to send. Which there are only its server's
/// tools say, so all are allowed.
fn mirrored(head: &RequestHead) -> impl Iterator<Item = &str> {
    let wanted = head.headers.one(name::ACCESS_CONTROL_REQUEST_HEADERS);
    let wanted = wanted.ok().flatten().unwrap_or_default();
    let wanted = wanted.get(..MOST_NAMED).unwrap_or(wanted);
    wanted.split(',').map(str::trim).filter(|wanted| {
        let prefix = wanted.get(..name::MCP_PARAM.len());
        let is_param = prefix.is_some_and(|prefix| prefix.eq_ignore_ascii_case(name::MCP_PARAM));
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        is_param && wanted.bytes().all(is_name)
    })
}
