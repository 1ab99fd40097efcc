//! How a server is served over HTTP.

use alloc::boxed::Box;
use alloc::string::String;
use core::time::Duration;

use super::protection::Protection;
use super::store::Machines;
use crate::http::{EndpointLimits, HttpPolicy, StreamOptions};

/// How a server is served over HTTP: who may speak to it, what it takes on, how its streams behave.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct HttpServeOptions {
    /// Which hosts and web pages are answered to. Those of this machine alone.
    pub policy: HttpPolicy,
    /// How streams behave: JSON alone, keep-alive, what is kept for streams that are resumed.
    pub streams: StreamOptions,
    /// How many sessions, requests and streams there may be.
    pub limits: EndpointLimits,
    /// Whether legacy clients have no sessions: each of their requests is served by itself, so
    /// nothing can be asked of them and any instance of the server answers. They have by default.
    pub stateless: bool,
    /// How long the body of a request may be, in bytes. 4 MiB.
    pub body: usize,
    /// How long a client may take to send a body. 30 s.
    pub body_timeout: Duration,
    /// How long a client may keep what is written to it from getting on, by not reading, before
    /// [`HttpServer`](super::HttpServer) closes its connection. 30 s.
    pub write_timeout: Duration,
    /// How many blocking handlers run at once, each on a thread; further ones wait. 64.
    pub threads: usize,
    /// How many connections [`HttpServer`](super::HttpServer) has at once. For a further one, the one
    /// that has had nothing to do for longest is closed; while all have, it waits. 10,000.
    pub connections: usize,
    pub(super) pair: Option<Pair>,
    pub(super) machines: Option<Machines>,
    pub(super) protection: Option<Protection>,
}

/// The paths of the two endpoints of 2024-11-05.
#[derive(Clone, Debug)]
pub(super) struct Pair {
    pub(super) events: Box<str>,
    pub(super) messages: Box<str>,
}

impl Default for HttpServeOptions {
    fn default() -> Self {
        Self {
            policy: HttpPolicy::local(),
            streams: StreamOptions::default(),
            limits: EndpointLimits::default(),
            stateless: false,
            body: 4 << 20,
            body_timeout: Duration::from_secs(30),
            write_timeout: Duration::from_secs(30),
            threads: 64,
            connections: 10_000,
            pair: None,
            machines: None,
            protection: None,
        }
    }
}

impl HttpServeOptions {
    /// Returns options for a server of this machine alone.
    pub fn local() -> Self {
        Self::default()
    }

    /// Returns options for a server that answers to these hosts, such as `api.example.com`, and no
    /// longer to the names of this machine unless they are among them, and to no web page. See [`HttpPolicy::public`].
    pub fn public<S: Into<String>>(hosts: impl IntoIterator<Item = S>) -> Self {
        Self::default().policy(HttpPolicy::public(hosts))
    }

    /// Sets which hosts and web pages are answered to.
    #[must_use]
    pub fn policy(mut self, policy: HttpPolicy) -> Self {
        self.policy = policy;
        self
    }

    /// Answers requests with JSON and never with events, but for those that only have events.
    #[must_use]
    pub fn json_only(mut self) -> Self {
        self.streams.json_only = true;
        self
    }

    /// Sets how often a stream that has nothing to say says so; never with `None`.
    #[must_use]
    pub fn keep_alive(mut self, every: impl Into<Option<Duration>>) -> Self {
        self.streams.keep_alive = every.into();
        self
    }

    /// Serves each request of a legacy client by itself.
    #[must_use]
    pub fn stateless(mut self) -> Self {
        self.stateless = true;
        self
    }

    /// Sets how many blocking handlers run at once; at least one does.
    #[must_use]
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = threads;
        self
    }

    /// Shares sessions and changes with other instances of the same server. Clients of 2024-11-05
    /// stay with the instance that they have opened their stream at.
    #[must_use]
    pub fn machines(mut self, machines: Machines) -> Self {
        self.machines = Some(machines);
        self
    }

    /// Asks every client for a token. The metadata of the [resource](crate::http::ProtectedResource) is
    /// answered at its own path: route that to the service as well.
    // `auth.401` `auth.prm`
    #[must_use]
    pub fn protect(mut self, protection: Protection) -> Self {
        self.protection = Some(protection);
        self
    }

    /// Serves clients of 2024-11-05 as well, which open a stream of events at one path and post
    /// their messages to another, such as `/sse` and `/messages`. Route both to the service.
    #[must_use]
    pub fn pair(mut self, events: impl Into<String>, messages: impl Into<String>) -> Self {
        self.pair = Some(Pair {
            events: events.into().into(),
            messages: messages.into().into(),
        });
        self
    }
}
