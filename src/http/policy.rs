//! Which hosts and origins a server answers to, which keeps web pages from speaking to it in their
//! visitor's name.
//!
//! Rules of this file: everything that isn't allowed is refused, what can't be read included; a
//! server is for this machine alone until its hosts are named; to open it to any host or origin is
//! spelled out.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use super::RequestHead;
use super::headers::{self, name};

/// Which hosts and origins a server answers to. By default those of this machine.
#[derive(Clone, Debug, Default)]
pub struct HttpPolicy {
    /// `None` allows any.
    hosts: Allowed,
    origins: Allowed,
}

#[derive(Clone, Debug, Default)]
enum Allowed {
    /// Those that only this machine has.
    #[default]
    Loopback,
    Named(Vec<Box<str>>),
    Any,
}

impl HttpPolicy {
    /// Returns a policy that answers to the names of this machine alone: `localhost`, `127.0.0.1`
    /// and `[::1]`, on any port, and to pages that come from there.
    pub fn local() -> Self {
        Self::default()
    }

    /// Returns a policy that answers to these hosts, such as `api.example.com`, each on any port
    /// unless it names one, and to no web page until [`origins`](Self::origins) names some. The names
    /// of this machine are no longer answered to unless they are among them.
    pub fn public<S: Into<String>>(hosts: impl IntoIterator<Item = S>) -> Self {
        Self {
            hosts: Allowed::Named(hosts.into_iter().map(named).collect()),
            origins: Allowed::Named(Vec::new()),
        }
    }

    /// Answers to pages of these origins, such as `https://app.example.com`, and no others.
    #[must_use]
    pub fn origins<S: Into<String>>(mut self, origins: impl IntoIterator<Item = S>) -> Self {
        self.origins = Allowed::Named(origins.into_iter().map(named).collect());
        self
    }

    /// Answers whatever host the client means. Only for a server behind something that checks.
    #[must_use]
    pub fn any_host(mut self) -> Self {
        self.hosts = Allowed::Any;
        self
    }

    /// Answers to the pages of any origin. Only for a server that everyone may use as they like.
    #[must_use]
    pub fn any_origin(mut self) -> Self {
        self.origins = Allowed::Any;
        self
    }

    /// Whether pages of other origins are meant to read what the server says.
    pub(super) fn names_origins(&self) -> bool {
        match &self.origins {
            Allowed::Loopback => false,
            Allowed::Named(origins) => !origins.is_empty(),
            Allowed::Any => true,
        }
    }

    pub(super) const fn allows_any_origin(&self) -> bool {
        matches!(self.origins, Allowed::Any)
    }

    /// Returns whether the request means a host that this policy answers to.
    pub fn allows_host(&self, head: &RequestHead) -> bool {
        let host = head.headers.one(name::HOST);
        let authority = host.ok().flatten().and_then(Authority::parse);
        match (&self.hosts, authority) {
            (Allowed::Any, _) => true,
            (_, None) => false,
            (Allowed::Loopback, Some(host)) => host.is_loopback(),
            (Allowed::Named(hosts), Some(host)) => hosts.iter().any(|name| host.is_named(name)),
        }
    }

    /// Returns whether the request comes from no web page, or from one that this policy answers to.
    // `httpL.origin` `httpM.origin`
    pub fn allows_origin(&self, head: &RequestHead) -> bool {
        let origin = match head.headers.one(name::ORIGIN) {
            Ok(None) => return true,
            Ok(Some(origin)) => origin,
            Err(_) => return matches!(self.origins, Allowed::Any),
        };
        match &self.origins {
            Allowed::Any => true,
            Allowed::Loopback => {
                let page = origin.split_once("://");
                page.is_some_and(|(scheme, authority)| {
                    let is_web = matches!(scheme, "http" | "https");
                    let authority = Authority::parse(authority);
                    is_web && authority.is_some_and(|page| page.is_loopback())
                })
            }
            Allowed::Named(origins) => origins
                .iter()
                .any(|allowed| origin.eq_ignore_ascii_case(allowed)),
        }
    }
}

fn named<S: Into<String>>(name: S) -> Box<str> {
    name.into().to_ascii_lowercase().into()
}

/// A host and a port, as `Host` and origins have them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Authority<'a> {
    host: &'a str,
    port: Option<u16>,
}

impl<'a> Authority<'a> {
    /// Reads `name`, `name:port`, `[v6]` or `[v6]:port`; `None` for anything else. A dot that ends
    /// a name is no part of it.
    fn parse(text: &'a str) -> Option<Self> {
        let (host, rest) = match text.strip_prefix('[') {
            Some(inside) => {
                let end = inside.find(']')?;
                let is_v6 = |byte: u8| byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.');
                if !inside[..end].bytes().all(is_v6) {
                    return None;
                }
                text.split_at(end + 2)
            }
            None => {
                let colon = text.bytes().position(|byte| byte == b':');
                text.split_at(colon.unwrap_or(text.len()))
            }
        };
        let port = match rest.strip_prefix(':') {
            Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                Some(digits.parse().ok()?)
            }
            None if rest.is_empty() => None,
            _ => return None,
        };
        let host = host.strip_suffix('.').unwrap_or(host);
        let is_host = |byte: u8| {
            byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'[' | b']' | b':')
        };
        let is_good = !host.is_empty() && host.bytes().all(is_host);
        is_good.then_some(Self { host, port })
    }

    fn is_loopback(&self) -> bool {
        let names = ["localhost", "127.0.0.1", "[::1]"];
        names
            .iter()
            .any(|name| self.host.eq_ignore_ascii_case(name))
    }

    /// Whether it is `name`, which may name a port.
    fn is_named(&self, name: &str) -> bool {
        let Some(named) = Authority::parse(name) else {
            return false;
        };
        let is_port = named.port.is_none() || named.port == self.port;
        is_port && self.host.eq_ignore_ascii_case(named.host)
    }
}

/// Returns whether `Accept` takes what the endpoint answers with: events, and JSON unless it is a
/// GET, which only ever has events.
pub(super) fn accepts_answers(head: &RequestHead, is_json_only: bool) -> bool {
    /// What nearly every client says.
    const USUAL: &[u8] = b"application/json, text/event-stream";
    let mut lists = head.headers.all(name::ACCEPT);
    if lists.any(|list| list == USUAL) {
        return true;
    }
    let is_get = head.method == super::HttpMethod::Get;
    let takes_json = is_get || headers::accepts(&head.headers, headers::JSON);
    let takes_events = headers::accepts(&head.headers, headers::EVENT_STREAM);
    takes_json && (takes_events || is_json_only && !is_get)
}
