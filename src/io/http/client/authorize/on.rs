//! A connection's authorization: what each request presents, and what is done about a challenge.
//!
//! Rules of this file: nothing leaves before what is remembered is loaded; while an authorization
//! goes on the session's clocks stand still, and its requests carry nothing of what the others do;
//! each of them ends within a bounded time.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::ToString;
use alloc::vec::Vec;
use core::task::{Context, Poll};
use core::time::Duration;

use super::super::super::super::auth::{Answered, Auth, Job, LoopbackReceiver, entropy, unix_time};
use super::super::net::{Net, Told};
use super::super::notes::Notes;
use super::super::remote::Remote;
use crate::auth::{
    AuthError, AuthRequest, AuthResponse, Authorizer, Challenge, Reaction, Saved, Step,
};
use crate::http::headers::{Headers, name};
use crate::http::{HttpClient, HttpMethod, HttpRequest, ResponseHead};
use crate::revision::Revision;
use crate::session::ExchangeId;
use crate::time::Instant;

/// How long an authorization server may take for an answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// What comes of an authorization for the requests of the session.
enum Turn {
    /// Go on with the requests that were challenged.
    Authorized,
    /// They stay refused, for this reason.
    Unauthorized(AuthError),
    /// These requests may leave now.
    Release(Vec<HttpRequest>),
}

/// The authorization of a connection; nothing where there is none.
pub(in super::super) struct Authorization(Option<Box<State>>);

struct State {
    auth: Auth,
    server: Box<str>,
    /// `None` until what is remembered is loaded.
    authorizer: Option<Authorizer>,
    held: Vec<HttpRequest>,
    job: Option<Job>,
    fetch: Option<Fetch>,
    /// The number of the next exchange, counted down, so that no session has it.
    next: u64,
    /// With which token each exchange was begun.
    sent: BTreeMap<ExchangeId, u64>,
    /// The exchange that was answered with 401 or 403 last, and its token.
    challenged: Option<(ExchangeId, u64)>,
    place: Option<LoopbackReceiver>,
    /// Whether the session's clocks stand still, and whether they should.
    is_suspended: bool,
    is_busy: bool,
    turns: Vec<Turn>,
}

/// A request of the authorization's own.
struct Fetch {
    exchange: ExchangeId,
    until: Option<Instant>,
    limit: usize,
    response: Option<AuthResponse>,
    body: Vec<u8>,
    request: Option<HttpRequest>,
}

impl Authorization {
    pub(in super::super) fn new(remote: &Remote) -> Self {
        let state = remote.authorization().map(|auth| {
            Box::new(State {
                job: Some(auth.load(remote.url())),
                auth: auth.clone(),
                server: remote.url().into(),
                authorizer: None,
                held: Vec::new(),
                fetch: None,
                next: u64::MAX,
                sent: BTreeMap::new(),
                challenged: None,
                place: None,
                is_suspended: false,
                is_busy: false,
                turns: Vec::new(),
            })
        });
        Self(state)
    }

    /// Adds what a request presents; `None` if it has to wait.
    pub(in super::super) fn prepare(&mut self, request: HttpRequest) -> Option<HttpRequest> {
        match &mut self.0 {
            Some(state) => state.prepare(request),
            None => Some(request),
        }
    }

    /// Learns the head of an answer to a request of the session.
    pub(in super::super) fn head(&mut self, exchange: ExchangeId, head: &ResponseHead) {
        let Some(state) = &mut self.0 else { return };
        let Some(generation) = state.sent.remove(&exchange) else {
            return;
        };
        if matches!(head.status, 401 | 403) {
            state.challenged = Some((exchange, generation));
        } else if let Some(authorizer) = &mut state.authorizer {
            authorizer.handle_accepted(generation, nonce_of(&head.headers));
        }
    }

    /// Forgets an exchange that was given up.
    pub(in super::super) fn forget(&mut self, exchange: ExchangeId) {
        if let Some(state) = &mut self.0 {
            state.sent.remove(&exchange);
            state.held.retain(|request| request.exchange != exchange);
        }
    }

    /// Learns that a request was challenged.
    pub(in super::super) fn challenge(
        &mut self,
        exchange: ExchangeId,
        status: u16,
        headers: &Headers,
    ) {
        if let Some(state) = &mut self.0 {
            state.challenge(exchange, status, headers);
        }
    }

    /// Whether an exchange is one of the authorization's own.
    pub(in super::super) fn owns(&self, exchange: ExchangeId) -> bool {
        let fetch = self.0.as_ref().and_then(|state| state.fetch.as_ref());
        fetch.is_some_and(|fetch| fetch.exchange == exchange)
    }

    /// Learns of an answer to a request of the authorization's own; the exchange to give up, if
    /// enough is known.
    pub(in super::super) fn told(&mut self, told: Told) -> Option<ExchangeId> {
        self.0.as_mut().and_then(|state| state.told(told))
    }

    /// Goes on with what there is to do; whether there was anything.
    pub(in super::super) fn step(
        &mut self,
        now: Instant,
        net: &mut impl Net,
        http: &mut HttpClient,
        notes: &mut Notes,
    ) -> bool {
        let Some(state) = &mut self.0 else {
            return false;
        };
        state.expire(now, net);
        state.start(now, net);
        let turns = core::mem::take(&mut state.turns);
        let is_changed = !turns.is_empty();
        for turn in turns {
            match turn {
                Turn::Authorized => http.authorized(now),
                Turn::Unauthorized(error) => {
                    notes.failure(error.to_string());
                    http.unauthorized(now);
                }
                Turn::Release(held) => {
                    let ready = held
                        .into_iter()
                        .filter_map(|request| state.prepare(request));
                    ready.for_each(|request| net.start(request));
                }
            }
        }
        is_changed
    }

    /// Whether the session's clocks are to be stopped, or to run again; `None` if nothing changes.
    pub(in super::super) fn clocks(&mut self) -> Option<bool> {
        let state = self.0.as_mut()?;
        let change = (state.is_busy != state.is_suspended).then_some(state.is_busy);
        state.is_suspended = state.is_busy;
        change
    }

    /// Looks whether the host has done what it was asked for.
    pub(in super::super) fn poll(&mut self, cx: &mut Context<'_>) -> bool {
        let Some(state) = &mut self.0 else {
            return false;
        };
        let Some(job) = &mut state.job else {
            return false;
        };
        let Poll::Ready(answered) = job.as_mut().poll(cx) else {
            return false;
        };
        state.job = None;
        state.answered(answered);
        true
    }

    /// When [`step`](Self::step) has to be called at the latest.
    pub(in super::super) fn deadline(&self) -> Option<Instant> {
        self.0.as_ref()?.fetch.as_ref()?.until
    }

    /// Gives up whatever goes on.
    pub(in super::super) fn stop(&mut self, net: &mut impl Net) {
        if let Some(state) = &mut self.0 {
            (state.job, state.place) = (None, None);
            state.held.clear();
            if let Some(fetch) = state.fetch.take() {
                net.abort(fetch.exchange);
            }
        }
    }
}

impl State {
    fn prepare(&mut self, mut request: HttpRequest) -> Option<HttpRequest> {
        let Some(authorizer) = &mut self.authorizer else {
            self.held.push(request);
            return None;
        };
        let version = request
            .headers
            .one(name::MCP_PROTOCOL_VERSION)
            .ok()
            .flatten();
        if let Some(revision) = version.and_then(Revision::from_wire) {
            authorizer.set_revision(revision);
        }
        let method = match request.method {
            HttpMethod::Post => "POST",
            HttpMethod::Delete => "DELETE",
            _ => "GET",
        };
        match authorizer.headers(unix_time(), method, &request.url) {
            Ok(headers) => {
                for (name, value) in headers {
                    request.headers.push(name, value);
                }
            }
            // The server says what is missing.
            Err(error) => self.auth.set_error(Some(error)),
        }
        self.sent.insert(request.exchange, authorizer.generation());
        Some(request)
    }

    fn challenge(&mut self, exchange: ExchangeId, status: u16, headers: &Headers) {
        let Some(authorizer) = &mut self.authorizer else {
            return;
        };
        let generation = match self.challenged.take() {
            Some((challenged, generation)) if challenged == exchange => generation,
            _ => authorizer.generation(),
        };
        let challenge = Challenge::parse(headers.all(name::WWW_AUTHENTICATE));
        let nonce = nonce_of(headers);
        match authorizer.handle_challenge(generation, status, challenge, nonce) {
            Reaction::Retry => self.turns.push(Turn::Authorized),
            Reaction::Wait => {
                self.is_busy = true;
                self.advance();
            }
            Reaction::Refuse(error) => self.fail(error),
        }
    }

    fn fail(&mut self, error: AuthError) {
        self.auth.set_error(Some(error.clone()));
        self.turns.push(Turn::Unauthorized(error));
    }

    /// Does the next step of the authorization.
    fn advance(&mut self) {
        loop {
            let Some(authorizer) = &mut self.authorizer else {
                return;
            };
            let Some(step) = authorizer.poll(unix_time()) else {
                return;
            };
            match step {
                Step::Fetch(request) => self.begin(request),
                Step::Redirect { preferred } => match self.auth.open_place(preferred.as_deref()) {
                    Ok(place) => {
                        authorizer.handle_url(place.url());
                        self.place = Some(place);
                    }
                    Err(words) => authorizer.handle_failed(&words),
                },
                Step::Visit(page) => self.job = Some(self.auth.bring(page, self.place.take())),
                Step::Save(saved) => self.job = Some(self.auth.save(&self.server, saved)),
                Step::Done => {
                    self.over();
                    self.auth.set_error(None);
                    self.turns.push(Turn::Authorized);
                }
                Step::Failed(error) => {
                    self.over();
                    self.fail(error);
                }
            }
        }
    }

    fn over(&mut self) {
        (self.is_busy, self.place) = (false, None);
    }

    fn begin(&mut self, asked: AuthRequest) {
        let exchange = ExchangeId::new(self.next);
        self.next -= 1;
        let mut headers = Headers::new();
        for (name, value) in &asked.headers {
            headers.push(name, value);
        }
        let method = match asked.is_post {
            true => HttpMethod::Post,
            false => HttpMethod::Get,
        };
        let request = HttpRequest {
            exchange,
            method,
            url: asked.url,
            headers,
            body: asked.body.into(),
        };
        self.fetch = Some(Fetch {
            exchange,
            until: None,
            limit: asked.body_limit,
            response: None,
            body: Vec::new(),
            request: Some(request),
        });
    }

    /// Sends the request that waits.
    fn start(&mut self, now: Instant, net: &mut impl Net) {
        if let Some(fetch) = &mut self.fetch
            && let Some(request) = fetch.request.take()
        {
            fetch.until = Some(now + PATIENCE);
            net.start_bare(request);
        }
    }

    fn expire(&mut self, now: Instant, net: &mut impl Net) {
        let is_late = |fetch: &mut Fetch| fetch.until.is_some_and(|until| until <= now);
        if let Some(fetch) = self.fetch.take_if(is_late) {
            net.abort(fetch.exchange);
            self.answer_failed(&format!("no answer within {} s", PATIENCE.as_secs()));
        }
    }

    fn told(&mut self, told: Told) -> Option<ExchangeId> {
        let fetch = self.fetch.as_mut()?;
        match told {
            Told::Head(head) => {
                let response = AuthResponse::new(head.status, "");
                let headers = head.headers.iter();
                let response = headers.fold(response, |response, (name, value)| {
                    response.header(name, value)
                });
                fetch.response = Some(response);
                None
            }
            Told::Body(piece) => {
                let room = (fetch.limit + 1).saturating_sub(fetch.body.len());
                fetch
                    .body
                    .extend_from_slice(&piece[..piece.len().min(room)]);
                // More than that is of no use, and may never end.
                let is_full = fetch.body.len() > fetch.limit;
                let exchange = fetch.exchange;
                is_full.then(|| {
                    self.fetched();
                    exchange
                })
            }
            Told::End => {
                self.fetched();
                None
            }
            Told::Failed(_, words) => {
                self.fetch = None;
                self.answer_failed(&words);
                None
            }
        }
    }

    fn fetched(&mut self) {
        let Some(fetch) = self.fetch.take() else {
            return;
        };
        let Some(mut response) = fetch.response else {
            return self.answer_failed("there is no answer");
        };
        response.body = fetch.body.into();
        if let Some(authorizer) = &mut self.authorizer {
            authorizer.handle_response(response);
        }
        self.advance();
    }

    fn answer_failed(&mut self, words: &str) {
        if let Some(authorizer) = &mut self.authorizer {
            authorizer.handle_failed(words);
        }
        self.advance();
    }

    fn answered(&mut self, answered: Answered) {
        match answered {
            Answered::Loaded(saved) => return self.loaded(*saved),
            Answered::Failed(words) if self.authorizer.is_none() => {
                self.auth.set_error(Some(AuthError::not_loaded(&words)));
                return self.loaded(Saved::default());
            }
            answered => {
                if let Some(authorizer) = &mut self.authorizer {
                    match answered {
                        Answered::Url(url) => authorizer.handle_url(&url),
                        Answered::Failed(words) => authorizer.handle_failed(&words),
                        _ => authorizer.handle_saved(),
                    }
                }
            }
        }
        self.advance();
    }

    fn loaded(&mut self, saved: Saved) {
        match entropy() {
            Ok(entropy) => {
                let options = self.auth.options();
                self.authorizer = Some(Authorizer::new(options, &self.server, saved, entropy));
                self.turns
                    .push(Turn::Release(core::mem::take(&mut self.held)));
            }
            // Without a token, each request is refused by its server.
            Err(error) => self.fail(AuthError::not_loaded(&error.to_string())),
        }
    }
}

fn nonce_of(headers: &Headers) -> Option<&str> {
    headers.one("dpop-nonce").ok().flatten()
}
