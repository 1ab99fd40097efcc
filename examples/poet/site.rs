//! The server's end of HTTP: which session a request belongs to, and what its handlers make of it.

use std::collections::BTreeMap;
use std::error::Error;

use mcp_proto::Instant;
use mcp_proto::http::{
    Class, HttpPolicy, HttpRequest, HttpSession, Input, Offers, Part, Reply, RequestHead,
    SessionKind, StreamOptions, check, classify,
};
use mcp_proto::rpc::Kind;
use mcp_proto::server::{Event, Server, Service};
use mcp_proto::session::ExchangeId;

use crate::arguments::Arguments;
use crate::server;

/// Time stands still.
const NOW: Instant = Instant::ZERO;
/// A real server draws it at random; from here nobody could steal it.
const SESSION_ID: &str = "socks-and-a-fox";

/// The server, its sessions, and the exchanges that they have open.
pub struct Site {
    server: Server,
    offers: Offers,
    sessions: Vec<HttpSession<Service>>,
    /// Which session has which exchange of the client's, and what it calls it.
    open: BTreeMap<ExchangeId, (usize, ExchangeId)>,
    /// What no session has answered.
    refused: Vec<(ExchangeId, Part)>,
}

impl Site {
    pub fn new(arguments: &Arguments) -> Result<Self, Box<dyn Error>> {
        Ok(Self {
            // The next round comes to another session, and brings along what this one knew.
            server: server::of(arguments)?.unsealed_state(),
            offers: Offers::new(arguments.revisions()),
            sessions: Vec::new(),
            open: BTreeMap::new(),
            refused: Vec::new(),
        })
    }

    /// Takes a request, as an adapter would that has read it from a socket.
    pub fn start(&mut self, request: &HttpRequest) {
        let path = request.url.trim_start_matches("http://localhost");
        let mut head = RequestHead::new(request.method, path).with("host", "localhost");
        for (name, value) in request.headers.iter() {
            head.headers.push(name, value);
        }
        match self.place(&head, request) {
            Ok((at, input)) => {
                let exchange = self.sessions[at].handle(NOW, input);
                self.open.insert(request.exchange, (at, exchange));
                self.work(at);
            }
            Err(Reply { head, body, .. }) => {
                let parts = [Part::Head(head), Part::Body(body), Part::End];
                let parts = parts.map(|part| (request.exchange, part));
                self.refused.extend(parts);
            }
        }
    }

    /// The client has closed an exchange.
    pub fn gone(&mut self, exchange: ExchangeId) {
        if let Some((at, exchange)) = self.open.remove(&exchange) {
            self.sessions[at].handle_gone(NOW, exchange);
        }
    }

    /// The next part of any response; `None` when there is none yet.
    pub fn poll_part(&mut self) -> Option<(ExchangeId, Part)> {
        if !self.refused.is_empty() {
            return Some(self.refused.remove(0));
        }
        let sessions = &mut self.sessions;
        let mut open = self.open.iter();
        open.find_map(|(of_client, (at, exchange))| {
            Some((*of_client, sessions[*at].poll_part(*exchange)?))
        })
    }

    /// The session a request is for, which may be a new one, and what it wants of it.
    fn place(
        &mut self,
        head: &RequestHead,
        request: &HttpRequest,
    ) -> Result<(usize, Input), Reply> {
        check(&HttpPolicy::local(), &self.offers, head)?;
        let kind_of_legacy = SessionKind::Legacy {
            id: SESSION_ID.into(),
            tag: 0,
        };
        match classify(&self.offers, head, request.body.clone())? {
            Class::Modern { frame, .. } => {
                let (kind, opens) = (Some(Kind::Request), false);
                let input = Input::Post { frame, kind, opens };
                Ok((self.add(SessionKind::Modern), input))
            }
            Class::Legacy {
                session: None,
                input,
                ..
            } => Ok((self.add(kind_of_legacy), input)),
            Class::Legacy { input, .. } if !self.sessions.is_empty() => {
                Ok((self.sessions.len() - 1, input))
            }
            _ => Err(Reply::empty(404)),
        }
    }

    fn add(&mut self, kind: SessionKind) -> usize {
        let session = HttpSession::new(self.server.service(), kind, StreamOptions::default());
        self.sessions.push(session);
        self.sessions.len() - 1
    }

    /// Runs the handlers that a session wants run.
    fn work(&mut self, at: usize) {
        let session = &mut self.sessions[at];
        while let Some(event) = session.poll_event() {
            if let Event::Job(job) = event {
                let outcome = job.run();
                session.session().handle_outcome(NOW, outcome);
                session.pump(NOW);
            }
        }
    }
}
